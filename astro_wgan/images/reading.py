"""`read_image`: one image from whatever astronomers keep images in."""

import os
import warnings
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.nddata import Cutout2D, NDData
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images.celestial import header_without_wcs, read_wcs
from astro_wgan.images.extensions import IMAGE_HDUS, choose_hdu, read_mask, read_uncertainty
from astro_wgan.images.pictures import read_picture
from astro_wgan.images.planes import as_ccddata, plane_of
from astro_wgan.images.units import read_unit

__all__ = ['read_image']

#: First bytes of FITS files: plain, and compressed as astropy can read them.
_FITS_BEGINS = (b'SIMPLE', b'\x1f\x8b', b'\x1f\x9d', b'BZh', b'\xfd7zXZ\x00', b'PK\x03\x04')

_ANY_HDU = (*IMAGE_HDUS, fits.BinTableHDU, fits.TableHDU)


def read_image(source, *, hdu=None, plane=None):
    """
    Read an image, with its unit, uncertainty, mask and WCS, in one form.

    Parameters
    ----------
    source : path-like, HDU, `~astropy.io.fits.HDUList`, `~astropy.nddata.NDData` or array_like
        A FITS file (also compressed), a JPEG, PNG or other picture that Pillow reads, an image
        HDU, NDData, CCDData or Cutout2D, an array, a masked array or a `~astropy.units.Quantity`.
    hdu : int, str or tuple, optional
        Number or name of the HDU of a FITS file. By default the first that holds a 2-D image, or
        the first cube where ``plane`` is given.
    plane : int, optional
        Which plane of a cube, along its first array axis. Leading axes of length one, as radio
        images have them, need no choice.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Pixels (ny, nx) in native float32 or float64; unit dimensionless where there is none;
        uncertainty as `~astropy.nddata.StdDevUncertainty`; pixels that are not finite masked
        (mask None where none is); WCS where it is celestial.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If it holds no image, is truncated, is a cube without a chosen plane, or has not one
        finite pixel without a mask.
    TypeError
        If the pixels are not real numbers.

    Notes
    -----
    Row 0 of the array is the first in the file: the bottom row of most displays of a FITS image,
    the top row of a picture, as Pillow and scikit-image give it; ``meta['origin']`` is then
    ``'upper'``, Matplotlib's word for it. Colours become luminance, 0.299 R + 0.587 G + 0.114 B
    (ITU-R BT.601), transparency is dropped, and ``meta['pixels']`` says so.

    A FITS file that `~astropy.nddata.CCDData` wrote gives its mask and uncertainty back.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps import read_image
    >>> image = read_image(np.array([[1, 2], [3, 4]], dtype='>i2'))
    >>> image.data.dtype, image.unit
    (dtype('float32'), Unit(dimensionless))
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_path(Path(source), hdu, plane)
    if isinstance(source, fits.HDUList):
        with _strict_fits():
            return _from_hdulist(source, hdu, plane, 'the HDUList')
    if isinstance(source, _ANY_HDU):
        with _strict_fits():
            return _from_hdulist([source], None, plane, 'the HDU')
    if isinstance(source, Cutout2D):
        source = NDData(source.data, wcs=source.wcs)
    # NDData itself takes a Quantity, a masked array or a plain one apart.
    return as_ccddata(plane_of(source if isinstance(source, NDData) else NDData(source), plane))


def _from_path(path, hdu, plane):
    if path.is_dir():
        raise ImageError(f'{path} is a folder, not an image.')
    # Opened here, since astropy leaves a file open that it fails on.
    with open(path, 'rb') as file:
        begin = file.read(6)
        file.seek(0)
        if not begin.startswith(_FITS_BEGINS):
            return as_ccddata(plane_of(read_picture(file, path), plane))
        try:
            with _strict_fits(), fits.open(file) as hdulist:
                return _from_hdulist(hdulist, hdu, plane, str(path))
        except ImageError:
            raise
        except (OSError, EOFError, TypeError, ValueError, AstropyUserWarning) as error:
            raise ImageError(f'{path} is truncated or no FITS image: {error}') from error


@contextmanager
def _strict_fits():
    """Make astropy's warning of a truncated file an error, and keep quiet on odd header cards."""
    with warnings.catch_warnings():
        warnings.filterwarnings('error', '.*truncated', AstropyUserWarning)
        warnings.filterwarnings('ignore', category=fits.verify.VerifyWarning)
        warnings.filterwarnings('ignore', '.*non-standard convention', AstropyUserWarning)
        yield


def _from_hdulist(hdulist, hdu, plane, where):
    chosen = choose_hdu(hdulist, hdu, plane, where)
    wcs = read_wcs(chosen.header, hdulist, where)
    image = NDData(
        chosen.data,
        unit=read_unit(chosen.header, where),
        wcs=wcs,
        mask=read_mask(hdulist, chosen.shape),
        uncertainty=read_uncertainty(hdulist, chosen.shape),
        meta=header_without_wcs(chosen.header, wcs),
    )
    return as_ccddata(plane_of(image, plane))
