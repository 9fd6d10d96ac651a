"""`read_image`: an image from a file, HDU, NDData or array, as CCDData."""

import os
from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import Cutout2D, NDData
from astropy.utils.masked import Masked

from astro_wgan.astrometry.lookup_tables import cutout_wcs
from astro_wgan.catalogs.columns import plain_values
from astro_wgan.exceptions import ImageError
from astro_wgan.images.extensions import IMAGE_HDUS
from astro_wgan.images.file_checks import as_path, check_kind, is_fits
from astro_wgan.images.fits_image import FitsImage, image_of_hdus, open_fits_image
from astro_wgan.images.layouts.given_planes import with_given
from astro_wgan.images.layouts.layout import Layout
from astro_wgan.images.layouts.survey_layouts import GENERAL
from astro_wgan.images.layouts.zero_point_cards import written_zero_point
from astro_wgan.images.pictures import read_picture
from astro_wgan.images.planes import JUDGED, as_ccddata, plane_of
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.remote.remote_path import RemotePath
from astro_wgan.validation.masked import without_mask

__all__ = ['describe_image', 'image_with', 'read_image', 'whole_image']


_ANY_HDU = (*IMAGE_HDUS, fits.BinTableHDU, fits.TableHDU)


def read_image(
    source,
    *,
    hdu=None,
    plane=None,
    zeros='auto',
    max_size=None,
    layout='auto',
    mask=None,
    weight=None,
    uncertainty=None,
    bits=None,
    remote=None,
):
    """
    Read an image with its unit, uncertainty, mask and WCS.

    Parameters
    ----------
    source : path-like, HDU, `~astropy.io.fits.HDUList`, `~astropy.nddata.NDData` or array_like
        A FITS file (optionally compressed), a JPEG, PNG or other picture that Pillow reads, by its
        path or by a URI of fsspec such as ``'s3://bucket/a.fits'``; an image HDU, NDData, CCDData
        or Cutout2D, an array, a masked array or a `~astropy.units.Quantity`. Arrays of Dask are
        computed, once.
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
    layout : str, `~astro_wgan.images.Layout` or None, optional
        What the extensions of a FITS file and the files beside it mean: one of
        `~astro_wgan.images.layout_names`, such as 'des', a layout, or None for the image alone. By
        default, it is chosen from the header and the name of the file.
    mask : array_like, path-like, int, str or tuple, optional
        Pixels to mask in addition: an array, True for those to mask; a FITS file; or an HDU of the
        image's file.
    weight : array_like, path-like, int, str or tuple, optional
        Weight map: pixels are masked where it is not positive.
    uncertainty : array_like, NDUncertainty, path-like, int, str or tuple, optional
        Standard deviations, in place of those of the file. Those of files and HDUs may be variances
        or inverse variances, if their name or UTYPE says so.
    bits : int, sequence of int or str, optional
        Bad bits of all masks, instead of those of the layout: the sum of their values (1, 2, 4,
        ...), -1 for all, or names that the mask has in its header.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read: repetitions, waits, credentials.

    Returns
    -------
    `~astropy.nddata.CCDData`
        Pixels (ny, nx) in native float32 or float64; unit, or dimensionless;
        `~astropy.nddata.StdDevUncertainty`; mask of pixels that are not finite or blank (None if
        there are none); WCS if it is celestial. ``meta`` is the header, with inherited cards of
        the primary header. Its card ``LAYOUT`` is the layout of a FITS file, ``HDU``, ``HDUMASK``,
        ``HDUWHT`` and ``HDUUNC`` name the extensions or files of image, mask, weight and
        uncertainty, ``HDULEFT`` the images that were not used, and ``HDUMISS`` files that the
        layout names, but which do not exist. ``ABZERO`` is the AB magnitude of a pixel value of 1,
        if known, ``ZEROMASK`` the number of blank zeros, and ``PIXELS`` says how pixels were
        converted from stored values. It can be written whatever ``meta`` contains.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    astro_wgan.exceptions.RemoteFileError
        If a file at a URI cannot be read.
    ImportError
        If the package for a URI is not installed.
    ImageError
        If there is no image, the file is truncated, the image is a cube and no ``plane`` is given,
        all pixels are masked or not finite, or the image is larger than allowed. If a mask, weight
        or uncertainty has another shape, no weight is positive, or a layout that was asked for
        names a file that does not exist.
    TypeError
        If the pixels are not real numbers, or ``bits`` neither integers nor names.
    ValueError
        If ``zeros`` is invalid, there is no such layout, ``bits`` without a mask, or an ``hdu``
        although ``source`` has no HDUs.

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
    options = ReadOptions(
        hdu=hdu,
        plane=plane,
        zeros=zeros,
        max_size=max_size,
        layout=layout,
        mask=mask,
        weight=weight,
        uncertainty=uncertainty,
        bits=bits,
        remote=remote,
    )
    return image_with(source, options)


def image_with(source, options):
    """
    Read an image, as `read_image`.

    Parameters
    ----------
    source : object
        As there, a `~astro_wgan.images.fits_image.FitsImage` that is open already, or a
        `~astro_wgan.remote.remote_path.RemotePath`.
    options : `~astro_wgan.images.read_options.ReadOptions`

    Returns
    -------
    `~astropy.nddata.CCDData`
    """
    if isinstance(source, (str, bytes, os.PathLike, RemotePath)):
        return _from_path(as_path(source, options.remote), options)
    if isinstance(source, FitsImage):
        return whole_image(source, zeros=options.zeros)
    is_list = isinstance(source, fits.HDUList)
    if options.hdu is not None and not is_list:
        raise _no_hdus(options.hdu, type(source).__name__)
    if is_list or isinstance(source, _ANY_HDU):
        where = 'the HDUList' if is_list else 'the HDU'
        with image_of_hdus(source if is_list else [source], options, where) as image:
            return whole_image(image, zeros=options.zeros)
    if isinstance(source, Cutout2D):
        source = NDData(source.data, wcs=cutout_wcs(source))
    # NDData handles quantities, masked arrays and plain arrays.
    source = source if isinstance(source, NDData) else _as_nddata(source)
    return _from_memory(source, options, 'an image in memory')


def _no_hdus(hdu, source):
    return ValueError(f'`hdu` is for FITS files and HDU lists; got {hdu!r} and {source}.')


def _from_memory(source, options, where):
    """An image without extensions, with the mask, weight and uncertainty that are given."""
    if isinstance(options.layout, Layout) and options.layout.name != 'none':
        raise ImageError(f'`layout` {options.layout.name!r} is for FITS files; got {where}.')
    source = plane_of(source, options.plane)
    given = options.given()
    if options.bits is not None and 'mask' not in given:
        raise ImageError('`bits` are for a mask; give `mask`.')
    if given:
        source = with_given(source, options, where)
    return as_ccddata(source, zeros=options.zeros)


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


def _from_path(path, options):
    with path.open('rb') as file:
        begin = file.read(6)
        file.seek(0)
        check_kind(begin, path)
        if not is_fits(begin):
            if options.hdu is not None:
                raise _no_hdus(options.hdu, path)
            # Black is a valid color in a picture.
            zeros = 'keep' if options.zeros == 'auto' else options.zeros
            picture = read_picture(file, path, max_size=options.max_size, plane=options.plane)
            options = replace(options, zeros=zeros, plane=None)
            return _from_memory(picture, options, f'the picture {path}')
        with open_fits_image(file, path, options) as image:
            return whole_image(image, zeros=options.zeros)


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
    'HDUMISS': 'not found',
}

#: Maximum number of extensions to list.
_NAMED = 6


def describe_image(image):
    """
    Describe which extensions and files were used and which not, and how many pixels are masked.

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
    name = image.meta.get('LAYOUT')
    if isinstance(name, str) and name != GENERAL.name and 'HDU' in image.meta:
        lines.insert(0, f'layout: {name}')
    zero_point = written_zero_point(image.meta)
    if zero_point is not None:
        lines.append(f'zero point: {zero_point:.3f} mag (AB)')
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
