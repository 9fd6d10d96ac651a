"""`read_image`: one image from whatever astronomers keep images in."""

import os

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import Cutout2D, NDData
from astropy.utils.masked import Masked

from astro_wgan.astrometry.lookup_tables import cutout_wcs
from astro_wgan.catalogs.columns import plain_values
from astro_wgan.exceptions import ImageError
from astro_wgan.files.limits import largest_size
from astro_wgan.fits.compressed_tiles import guarded_decoders
from astro_wgan.images.blank_pixels import check_zeros
from astro_wgan.images.extensions import IMAGE_HDUS
from astro_wgan.images.file_checks import as_path, check_kind, is_fits, quiet_fits
from astro_wgan.images.fits_image import FitsImage, open_fits_image
from astro_wgan.images.pictures import read_picture
from astro_wgan.images.planes import JUDGED, as_ccddata, plane_of
from astro_wgan.validation.masked import without_mask

__all__ = ['describe_image', 'read_image', 'whole_image']


_ANY_HDU = (*IMAGE_HDUS, fits.BinTableHDU, fits.TableHDU)


def read_image(source, *, hdu=None, plane=None, zeros='auto', max_size=None):
    """
    Read an image, with its unit, uncertainty, mask and WCS, in one form.

    Parameters
    ----------
    source : path-like, HDU, `~astropy.io.fits.HDUList`, `~astropy.nddata.NDData` or array_like
        A FITS file (also compressed), a JPEG, PNG or other picture that Pillow reads, an image
        HDU, NDData, CCDData or Cutout2D, an array, a masked array or a `~astropy.units.Quantity`.
    hdu : int, str or tuple, optional
        Number or name of the HDU of a FITS file, or ``(name, version)``. By default the first 2-D
        image, or cube where ``plane`` is given, that is named as one (SCI, IMAGE), or is named as
        nothing else (WHT, DQ, ERR) and is no thumbnail.
    plane : int, optional
        Which plane of a cube, along its first array axis. Leading axes of length one, as radio
        images have them, need no choice.
    zeros : {'auto', 'keep', 'mask'}, optional
        What exact zeros are. By default those that fill an area with noise around it, as outside
        of a mosaic's footprint, are no data and masked, and those of an image without noise, or
        of counts, are kept; or all are kept, or masked. Those of pictures are kept.
    max_size : number, optional
        Bytes of memory that the image of a file may take, and the content of a compressed file;
        by default a quarter of the machine's memory.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Pixels (ny, nx) in native float32 or float64; unit dimensionless where there is none;
        uncertainty as `~astropy.nddata.StdDevUncertainty`; pixels that are not finite or no data
        masked (mask None where none is); WCS where it is celestial. ``meta`` is the header, with
        cards of the primary one that hold for its extensions, and says as ``HDU`` which extension
        was taken, as ``HDUMASK``, ``HDUWHT`` and ``HDUUNC`` from which mask, weight and
        uncertainty come, as ``HDULEFT`` which images were left out, as ``ZEROMASK`` how many zeros
        were taken for no data, and as ``PIXELS`` what was done to pixels that are not stored as
        they are. It can be written whatever ``meta`` holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If it holds no image, is truncated, is a cube without a chosen plane, has not one finite
        pixel without a mask, or is larger than is allowed.
    TypeError
        If the pixels are not real numbers.
    ValueError
        If ``zeros`` is another word.

    Warns
    -----
    AstropyUserWarning
        If unit, WCS, mask or uncertainty of a file are of no known kind and left out, or the last
        block of the file is not filled up.

    Notes
    -----
    Row 0 of the array is the first in the file: the bottom row of most displays of a FITS image,
    the top row of a picture, as Pillow and scikit-image give it; ``meta['origin']`` is then
    ``'upper'``, Matplotlib's word for it. Colours become luminance, 0.299 R + 0.587 G + 0.114 B
    (ITU-R BT.601), transparency is dropped, and ``meta['pixels']`` says so.

    A FITS file that `~astropy.nddata.CCDData` wrote gives its mask and uncertainty back. Which
    extensions and which bits of masks are used, and how units and pixels are read, is said in
    :doc:`/reference/formats`.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.images import read_image
    >>> image = read_image(np.array([[1, 2], [3, 4]], dtype='>i2'))
    >>> image.data.dtype, image.unit
    (dtype('float32'), Unit(dimensionless))
    """
    check_zeros(zeros)
    if isinstance(source, (str, bytes, os.PathLike)):
        return _from_path(as_path(source), hdu, plane, zeros, max_size)
    if isinstance(source, fits.HDUList):
        return _from_hdus(source, hdu, plane, 'the HDUList', zeros)
    if isinstance(source, _ANY_HDU):
        return _from_hdus([source], None, plane, 'the HDU', zeros)
    if isinstance(source, Cutout2D):
        source = NDData(source.data, wcs=cutout_wcs(source))
    # NDData itself takes a Quantity, a masked array or a plain one apart.
    source = source if isinstance(source, NDData) else _as_nddata(source)
    return as_ccddata(plane_of(source, plane), zeros=zeros)


def _as_nddata(source):
    try:
        return NDData(_plain(source))
    except (TypeError, ValueError) as error:
        raise TypeError(
            '`source` must be a path, an HDU, NDData, or an array of real numbers; got '
            f'{type(source).__name__}: {error}'
        ) from error


def _plain(source):
    """Numbers of lists and of arrays of objects, as NDData takes them."""
    if not isinstance(source, (np.ndarray, list, tuple)) or isinstance(source, u.Quantity):
        return source
    values, mask = without_mask(source)
    if isinstance(values, u.Quantity):
        return values if mask is None else Masked(values, mask)
    values, mask = plain_values(np.asarray(values), mask)
    if values.dtype.kind == 'O':
        raise TypeError('it holds objects of other kinds.')
    return values if mask is None else np.ma.array(values, mask=mask)


def _from_path(path, hdu, plane, zeros, max_size):
    with open(path, 'rb') as file:
        begin = file.read(6)
        file.seek(0)
        check_kind(begin, path)
        if not is_fits(begin):
            # Black is a color of pictures.
            zeros = 'keep' if zeros == 'auto' else zeros
            picture = read_picture(file, path, max_size=max_size)
            return as_ccddata(plane_of(picture, plane), zeros=zeros)
        with open_fits_image(file, path, hdu=hdu, plane=plane, max_size=max_size) as image:
            return whole_image(image, zeros=zeros)


def _from_hdus(hdus, hdu, plane, where, zeros):
    with quiet_fits(), guarded_decoders(largest_size()):
        try:
            return whole_image(FitsImage(hdus, hdu, plane, where), zeros=zeros)
        except fits.VerifyError as error:
            raise ImageError(f'A header of {where} cannot be read: {error}') from error


def whole_image(image, *, zeros='auto'):
    """All of a `~astro_wgan.images.fits_image.FitsImage`, as `read_image` gives it."""
    image.check_size()
    pixels = image.read()
    image.warn_of_bits()
    return as_ccddata(pixels, zeros=zeros, is_checked=True)


#: What `meta` says, and what it is called.
_SAID = {
    'HDU': 'image',
    'HDUMASK': 'mask',
    'HDUWHT': 'weight',
    'HDUUNC': 'uncertainty',
    'HDULEFT': 'left out',
}

#: Extensions that are named of a long list.
_NAMED = 6


def describe_image(image):
    """
    Lines of text that say what was taken of a file, what was left out, and what is masked.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData`
        As from `~astro_wgan.images.read_image`.

    Returns
    -------
    list of str
        None of them for an array of which each pixel can be used.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from astro_wgan.images.reading import describe_image
    >>> from astro_wgan.images import read_image
    >>> chips = [fits.ImageHDU(np.eye(4) + k, name=f'N{k}') for k in (1, 2)]
    >>> for line in describe_image(read_image(fits.HDUList([fits.PrimaryHDU(), *chips]))):
    ...     print(line)
    image: 1 N1 (4 x 4)
    left out: 2 N2 (4 x 4)
    """
    lines = [
        f'{word}: {_shortened(str(image.meta[key]))}'
        for key, word in _SAID.items()
        if key in image.meta
    ]
    zeros = image.meta.get(JUDGED, 0)
    if zeros:
        lines.append(f'no data: {zeros:,} pixels that are 0')
    if image.mask is not None:
        masked = int(image.mask.sum())
        lines.append(f'masked: {masked:,} of {image.mask.size:,} pixels')
    return lines


def _shortened(text):
    parts = text.split('), ')
    if len(parts) <= _NAMED + 1:
        return text
    return f'{"), ".join(parts[:_NAMED])}) and {len(parts) - _NAMED} more'
