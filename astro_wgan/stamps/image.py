"""`read_image`: one image from whatever astronomers keep images in."""

import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import astropy.nddata
import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D, NDData, StdDevUncertainty, UnknownUncertainty
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning
from PIL import Image, UnidentifiedImageError

from astro_wgan.stamps.checks import as_bool, as_float
from astro_wgan.stamps.masked import without_mask

__all__ = ['ImageError', 'read_image', 'standard_deviation']

#: Luminance of red, green and blue: ITU-R BT.601, as Pillow's mode L, but not rounded to 8 bits.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)

#: What is said of a picture beside: its first row is the top one.
_TOP_DOWN = {'origin': 'upper'}

#: First bytes of FITS files: plain, and compressed as astropy can read them.
_FITS_BEGINS = (b'SIMPLE', b'\x1f\x8b', b'\x1f\x9d', b'BZh', b'\xfd7zXZ\x00', b'PK\x03\x04')

#: Words of BUNIT that astropy spells otherwise.
_UNIT_WORDS = {'counts': u.ct, 'electrons': u.electron, 'photons': u.photon}

_IMAGE_HDUS = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)
_ANY_HDU = (*_IMAGE_HDUS, fits.BinTableHDU, fits.TableHDU)


class ImageError(ValueError):
    """Something that holds no image that can be used."""


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
    return _uniform(_plane_of(source if isinstance(source, NDData) else NDData(source), plane))


def standard_deviation(image, unit):
    """
    The uncertainty of an image, of whatever kind, as standard deviation.

    Parameters
    ----------
    image : `~astropy.nddata.NDData`
        An image with uncertainty.
    unit : unit-like or None
        What to give it in.

    Returns
    -------
    `~numpy.ndarray`
        Same shape as the image.

    Raises
    ------
    ImageError
        If the kind is unknown.
    """
    if isinstance(image.uncertainty, UnknownUncertainty):
        raise ImageError(
            'The kind of the uncertainty is unknown: make it a StdDevUncertainty, a '
            'VarianceUncertainty or an InverseVariance.'
        )
    with np.errstate(divide='ignore'):  # no weight is an infinite standard deviation
        deviation = image.uncertainty.represent_as(StdDevUncertainty)
    values = as_float(deviation.array, 'uncertainty')
    own = deviation.unit or image.unit
    return values if own == unit else (values * own).to_value(unit)


def _from_path(path, hdu, plane):
    if path.is_dir():
        raise ImageError(f'{path} is a folder, not an image.')
    # Opened here, since astropy leaves a file open that it fails on.
    with open(path, 'rb') as file:
        begin = file.read(6)
        file.seek(0)
        if not begin.startswith(_FITS_BEGINS):
            return _uniform(_plane_of(_from_picture(file, path), plane))
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


def _from_picture(file, path):
    try:
        with Image.open(file) as picture:
            if picture.mode in ('LA', 'La'):
                picture = picture.getchannel('L')
            if len(picture.getbands()) == 1 and picture.mode not in ('1', 'P'):
                return NDData(
                    np.array(picture), meta={'pixels': 'grey values as stored', **_TOP_DOWN}
                )
            pixels = np.asarray(picture.convert('RGB'), dtype=np.float32) @ _LUMINANCE
    except UnidentifiedImageError as error:
        raise ImageError(f'{path} is neither FITS nor a picture that Pillow reads.') from error
    # A broken PNG is a SyntaxError to Pillow.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f'{path} cannot be read as a picture: {error}') from error
    meta = {'pixels': 'luminance 0.299 R + 0.587 G + 0.114 B', **_TOP_DOWN}
    return NDData(pixels, meta=meta)


def _from_hdulist(hdulist, hdu, plane, where):
    chosen = _choose_hdu(hdulist, hdu, plane, where)
    wcs = _read_wcs(chosen.header, hdulist, where)
    image = NDData(
        chosen.data,
        unit=_read_unit(chosen.header, where),
        wcs=wcs,
        mask=_companion_data(hdulist, 'MASK', chosen.shape),
        uncertainty=_read_uncertainty(hdulist, chosen.shape),
        meta=_header_without_wcs(chosen.header, wcs),
    )
    return _uniform(_plane_of(image, plane))


def _choose_hdu(hdulist, hdu, plane, where):
    if hdu is not None:
        try:
            chosen = hdulist[hdu]
        except (IndexError, KeyError) as error:
            names = ', '.join(f'{k} {other.name}'.strip() for k, other in enumerate(hdulist))
            raise ImageError(f'{where} has no HDU {hdu!r}; it has: {names}.') from error
        if not _holds_image(chosen):
            raise ImageError(f'HDU {hdu!r} of {where} holds no image.')
        return chosen
    images = [other for other in hdulist if _holds_image(other)]
    if not images:
        raise ImageError(f'{where} holds no image, only empty HDUs or tables.')
    axes = 2 if plane is None else 3
    fitting = [other for other in images if 2 + len(_long_axes(other.shape)) == axes]
    return (fitting or images)[0]


def _holds_image(hdu):
    return isinstance(hdu, _IMAGE_HDUS) and len(hdu.shape) >= 2 and 0 not in hdu.shape


def _long_axes(shape):
    """Axes before the last two along which something has to be chosen."""
    return [axis for axis, length in enumerate(shape[:-2]) if length != 1]


def _read_wcs(header, hdulist, where):
    # Distortion tables are looked up in the other HDUs.
    others = hdulist if isinstance(hdulist, fits.HDUList) else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', FITSFixedWarning)
            return WCS(header, fobj=others)
    except Exception as error:  # wcslib and astropy have no common class of errors
        _warn(f'The WCS of {where} cannot be read ({error}); the image has no sky positions.')
        return None


def _read_unit(header, where):
    text = str(header.get('BUNIT', '')).strip()
    with warnings.catch_warnings():
        # Of two slashes in a unit, which are understood.
        warnings.simplefilter('ignore', u.UnitsWarning)
        try:
            return u.Unit(text)
        except ValueError:
            pass
        try:
            with u.add_enabled_aliases(_UNIT_WORDS):
                # Headers are often in capitals throughout: ELECTRONS/S.
                return u.Unit(text.lower())
        except ValueError:
            pass
    _warn(f'BUNIT {text!r} of {where} is no unit that astropy knows; the image has no unit.')
    return None


def _companion_data(hdulist, name, shape):
    """Data of the extension that CCDData wrote beside the image, if there is one."""
    for hdu in hdulist:
        if hdu.name == name and isinstance(hdu, _IMAGE_HDUS) and hdu.shape == shape:
            return hdu.data
    return None


def _read_uncertainty(hdulist, shape):
    values = _companion_data(hdulist, 'UNCERT', shape)
    if values is None:
        return None
    kind = hdulist['UNCERT'].header.get('UTYPE', 'StdDevUncertainty')
    return getattr(astropy.nddata, kind)(values)


def _header_without_wcs(header, wcs):
    """A copy of the header in which nothing can contradict the WCS object."""
    header = header.copy()
    if wcs is not None:
        matrix = [f'{name}{i}_{j}' for name in ('CD', 'PC') for i in (1, 2) for j in (1, 2)]
        for key in [*wcs.to_header(relax=True), *matrix]:
            header.remove(key, ignore_missing=True, remove_all=True)
    return header


def _plane_of(image, plane):
    """The image itself, or one plane of a cube, as NDData."""
    shape = image.data.shape
    if len(shape) < 2:
        raise ImageError(f'An image must have two axes; got an array of shape {shape}.')
    axes = _long_axes(shape)
    if plane is None and axes:
        raise ImageError(
            f'The image is a cube of shape {shape}: choose one of its planes with `plane`. Stamps '
            'of several bands are cut from a list of images, one for each.'
        )
    if plane is not None and len(axes) != 1:
        raise ImageError(f'`plane` chooses from a cube of three axes; the image has shape {shape}.')
    if plane is not None and not 0 <= plane < shape[axes[0]]:
        raise ImageError(f'`plane` must lie from 0 to {shape[axes[0]] - 1}; got {plane}.')
    if len(shape) == 2:
        return image
    index = tuple(plane if axis in axes else 0 for axis in range(len(shape) - 2))
    mask = image.mask
    return NDData(
        image.data[index],
        unit=image.unit,
        wcs=image.wcs,
        mask=mask[index] if np.ndim(mask) == len(shape) else mask,
        uncertainty=None if image.uncertainty is None else image.uncertainty[index],
        meta=image.meta,
    )


def _uniform(image):
    """NDData of an image as CCDData in native floats, with each unusable pixel masked."""
    pixels, hidden = without_mask(image.data)
    pixels = as_float(pixels, 'source')
    if 0 in pixels.shape:
        raise ImageError(f'The image is empty: its shape is {pixels.shape}.')
    mask = np.isfinite(pixels)
    np.logical_not(mask, out=mask)
    for other in (hidden, image.mask):
        if other is not None:
            mask |= as_bool(other)
    if mask.all():
        raise ImageError('Not one pixel of the image is finite and without a mask.')
    uncertainty = None
    if image.uncertainty is not None:
        uncertainty = StdDevUncertainty(standard_deviation(image, image.unit))
    return CCDData(
        pixels,
        unit=u.dimensionless_unscaled if image.unit is None else image.unit,
        uncertainty=uncertainty,
        mask=mask if mask.any() else None,
        wcs=_celestial_wcs(image.wcs),
        meta=image.meta,
    )


def _celestial_wcs(wcs):
    """The celestial WCS of the last two array axes, or None."""
    if wcs is None:
        return None
    if not isinstance(wcs, WCS):
        _warn(f'Only a FITS WCS can follow a stamp; the image loses its {type(wcs).__name__}.')
        return None
    plane = wcs if wcs.naxis == 2 else wcs.sub([1, 2])
    return plane if plane.has_celestial else None


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
