"""`read_image`: an image from a file, HDU, NDData or array, as CCDData."""

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
    Read an image with its unit, uncertainty, mask and WCS.

    Parameters
    ----------
    source : path-like, HDU, `~astropy.io.fits.HDUList`, `~astropy.nddata.NDData` or array_like
        A FITS file (optionally compressed), a JPEG, PNG or other picture that Pillow reads, an
        image HDU, NDData, CCDData or Cutout2D, an array, a masked array or a
        `~astropy.units.Quantity`.
    hdu : int, str or tuple, optional
        Number or name of the HDU of a FITS file, or ``(name, version)``. By default, the first 2-D
        image (or cube, with ``plane``) with the name of an image (SCI, IMAGE), or else the first
        without the name of something else (WHT, DQ, ERR) that is not a thumbnail. Only for FITS
        files and HDU lists.
    plane : int, optional
        Index of the plane of a cube, along its first array axis; or of the color of a picture: 0,
        1 or 2 for red, green and blue. Not needed for leading axes of length one, as in radio
        images.
    zeros : {'auto', 'keep', 'mask'}, optional
        Treatment of pixels that are exactly zero. By default, areas of zeros surrounded by noise,
        as outside of the footprint of a mosaic, are blank and masked, and zeros in images without
        noise, of counts, or in pictures are kept. Or keep all, or mask all.
    max_size : number, optional
        Maximum number of bytes of memory for the image of a file, and for the content of a
        compressed file; by default a quarter of the memory of the machine.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Pixels (ny, nx) in native float32 or float64; unit, or dimensionless;
        `~astropy.nddata.StdDevUncertainty`; mask of pixels that are not finite or blank (None if
        there are none); WCS if it is celestial. ``meta`` is the header, with inherited cards of
        the primary header. Its cards ``HDU``, ``HDUMASK``, ``HDUWHT`` and ``HDUUNC`` name the
        extensions of image, mask, weight and uncertainty, ``HDULEFT`` the images that were not
        used, ``ZEROMASK`` is the number of blank zeros, and ``PIXELS`` says how pixels were
        converted from stored values. It can be written whatever ``meta`` contains.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If there is no image, the file is truncated, the image is a cube and no ``plane`` is given,
        all pixels are masked or not finite, or the image is larger than allowed.
    TypeError
        If the pixels are not real numbers.
    ValueError
        If ``zeros`` is invalid, or there is an ``hdu`` although ``source`` has no HDUs.

    Warns
    -----
    AstropyUserWarning
        If the unit, WCS, mask or uncertainty of a file cannot be interpreted and is ignored, or the
        last block of the file is incomplete.

    Notes
    -----
    Row 0 of the array is the first row in the file: the bottom row in most displays of FITS images,
    the top row of a picture, as with Pillow and scikit-image. ``meta['origin']`` is then
    ``'upper'``, as in Matplotlib. Without ``plane``, colors are converted to luminance, 0.299 R +
    0.587 G + 0.114 B (ITU-R BT.601), transparency is ignored, and both are noted in
    ``meta['pixels']``.

    Masks and uncertainties in FITS files written by `~astropy.nddata.CCDData` are restored.
    :doc:`/reference/formats` describes which extensions and mask bits are used, and how units and
    pixels are interpreted.

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
    if hdu is not None:
        raise _no_hdus(hdu, type(source).__name__)
    if isinstance(source, _ANY_HDU):
        return _from_hdus([source], None, plane, 'the HDU', zeros)
    if isinstance(source, Cutout2D):
        source = NDData(source.data, wcs=cutout_wcs(source))
    # NDData handles quantities, masked arrays and plain arrays.
    source = source if isinstance(source, NDData) else _as_nddata(source)
    return as_ccddata(plane_of(source, plane), zeros=zeros)


def _no_hdus(hdu, source):
    return ValueError(f'`hdu` is for FITS files and HDU lists; got {hdu!r} and {source}.')


def _as_nddata(source):
    try:
        return NDData(_plain(source))
    except (TypeError, ValueError) as error:
        raise TypeError(
            '`source` must be a path, an HDU, NDData, or an array of real numbers; got '
            f'{type(source).__name__}: {error}'
        ) from error


def _plain(source):
    """Lists and object arrays as numbers that NDData accepts."""
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
            if hdu is not None:
                raise _no_hdus(hdu, path)
            # Black is a valid color in a picture.
            zeros = 'keep' if zeros == 'auto' else zeros
            picture = read_picture(file, path, max_size=max_size, plane=plane)
            return as_ccddata(picture, zeros=zeros)
        with open_fits_image(file, path, hdu=hdu, plane=plane, max_size=max_size) as image:
            return whole_image(image, zeros=zeros)


def _from_hdus(hdus, hdu, plane, where, zeros):
    with quiet_fits(), guarded_decoders(largest_size()):
        try:
            return whole_image(FitsImage(hdus, hdu, plane, where), zeros=zeros)
        except fits.VerifyError as error:
            raise ImageError(f'A header of {where} cannot be read: {error}') from error


def whole_image(image, *, zeros='auto'):
    """A whole `~astro_wgan.images.fits_image.FitsImage`, as returned by `read_image`."""
    image.check_size()
    pixels = image.read()
    image.warn_of_bits()
    return as_ccddata(pixels, zeros=zeros, is_checked=True)


#: Cards of `meta` to report, with their labels.
_SAID = {
    'HDU': 'image',
    'HDUMASK': 'mask',
    'HDUWHT': 'weight',
    'HDUUNC': 'uncertainty',
    'HDULEFT': 'left out',
}

#: Maximum number of extensions to list.
_NAMED = 6


def describe_image(image):
    """
    Describe which extensions of a file were used and which not, and how many pixels are masked.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData`
        An image returned by `~astro_wgan.images.read_image`.

    Returns
    -------
    list of str
        Lines of text; empty for an array without masked pixels.

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
