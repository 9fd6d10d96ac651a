"""Planes of cubes, and conversion of NDData to `ImageData` with all unusable pixels masked."""

from copy import copy
from numbers import Integral

import numpy as np
from astropy import units as u
from astropy.nddata import NDData, StdDevUncertainty, UnknownUncertainty

from astro_wgan.astrometry.celestial_wcs import celestial_wcs
from astro_wgan.exceptions import EmptyImageError, ImageError
from astro_wgan.fits.wcs_cards import header_without_wcs
from astro_wgan.images.blank_pixels import find_blank_pixels
from astro_wgan.images.image_data import ImageData
from astro_wgan.images.pixel_values import leave_asinh_out
from astro_wgan.validation.masked import without_mask
from astro_wgan.validation.pixels import as_bool, as_float

__all__ = ['JUDGED', 'as_ccddata', 'long_axes', 'plane_index', 'plane_of', 'standard_deviation']

#: Largest number of colors in the last axis of an array, where planes would be columns.
_MOST_COLORS = 4

#: Card of `meta` with the number of blank zeros. Images with this card are not searched again.
JUDGED = 'ZEROMASK'


def long_axes(shape):
    """Axes before the last two that are longer than one."""
    return [axis for axis, length in enumerate(shape[:-2]) if length != 1]


def plane_index(shape, plane):
    """
    Index of a 2-D image in an array, along the axes before the last two.

    Raises
    ------
    ImageError
        If there are fewer than two axes, the last one holds colors, ``plane`` is missing for a cube
        or given for an image, or it is out of range or not an integer.
    """
    if len(shape) < 2:
        raise ImageError(f'An image must have two axes; got an array of shape {shape}.')
    axes = long_axes(shape)
    if len(axes) == 1 and shape[-1] <= _MOST_COLORS < min(shape[axes[0]], shape[-2]):
        raise ImageError(
            f'The planes of a cube must come first, but {shape} would be {shape[axes[0]]} planes '
            f'of {shape[-2]} x {shape[-1]} pixels: move the last axis with np.moveaxis.'
        )
    if plane is None and axes:
        raise ImageError(
            f'The image is a cube of shape {shape}: choose one of its planes with `plane`. Stamps '
            'of several bands are cut from a list of images, one for each.'
        )
    if plane is not None and len(axes) != 1:
        raise ImageError(f'`plane` chooses from a cube of three axes; the image has shape {shape}.')
    if plane is not None and (isinstance(plane, bool) or not isinstance(plane, Integral)):
        raise ImageError(f'`plane` must be an integer; got {plane!r}.')
    if plane is not None and not 0 <= plane < shape[axes[0]]:
        raise ImageError(f'`plane` must lie from 0 to {shape[axes[0]] - 1}; got {plane}.')
    return tuple(plane if axis in axes else 0 for axis in range(len(shape) - 2))


def plane_of(image, plane):
    """The image itself, or a plane of a cube, as NDData."""
    shape = image.data.shape
    index = plane_index(shape, plane)
    if len(shape) == 2:
        return image
    mask = image.mask
    return NDData(
        image.data[index],
        unit=image.unit,
        wcs=image.wcs,
        mask=mask[index] if np.ndim(mask) == len(shape) else mask,
        uncertainty=None if image.uncertainty is None else image.uncertainty[index],
        meta=image.meta,
    )


def as_ccddata(image, *, zeros='auto', is_checked=False):
    """
    Convert NDData to CCDData in native floats, with all unusable pixels masked.

    ``is_checked`` means that its WCS is valid, and that ``meta`` has neither another one nor cards
    of stored pixels.
    """
    pixels, hidden = without_mask(image.data)
    pixels = as_float(pixels, 'source')
    if 0 in pixels.shape:
        raise ImageError(f'The image is empty: its shape is {pixels.shape}.')
    mask = np.isfinite(pixels)
    np.logical_not(mask, out=mask)
    for other in (hidden, image.mask):
        if other is not None:
            mask |= as_bool(other)
    if zeros != 'auto' or JUDGED not in image.meta:
        void = find_blank_pixels(pixels, mask=mask, zeros=zeros)
        judged = 0 if void is None else int(np.count_nonzero(void))
        if void is not None:
            mask |= void
    else:
        judged = image.meta[JUDGED]
    if mask.all():
        raise EmptyImageError('The image has no pixel that is finite and not masked.')
    uncertainty = None
    if image.uncertainty is not None:
        uncertainty = StdDevUncertainty(standard_deviation(image, image.unit))
    wcs = image.wcs if is_checked else celestial_wcs(image.wcs, pixels.shape)
    ccd = ImageData(
        pixels,
        unit=u.dimensionless_unscaled if image.unit is None else image.unit,
        uncertainty=uncertainty,
        mask=mask if mask.any() else None,
        wcs=wcs,
        # A copy, to which the number of blank zeros is added.
        meta=copy(image.meta if is_checked or wcs is None else header_without_wcs(image.meta)),
    )
    ccd.meta[JUDGED] = judged
    if not is_checked:
        leave_asinh_out(ccd.meta)
    return ccd


def standard_deviation(image, unit):
    """
    Convert the uncertainty of an image to standard deviation.

    Parameters
    ----------
    image : `~astropy.nddata.NDData`
        An image with uncertainty.
    unit : unit-like or None
        Unit of the result.

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
            'The type of the uncertainty is unknown: give a StdDevUncertainty, a '
            'VarianceUncertainty or an InverseVariance.'
        )
    deviation = image.uncertainty
    # Astropy has no variance of logarithmic quantities.
    if not isinstance(deviation, StdDevUncertainty):
        with np.errstate(divide='ignore'):  # no weight is an infinite standard deviation
            deviation = deviation.represent_as(StdDevUncertainty)
    values = as_float(deviation.array, 'uncertainty')
    own = deviation.unit or image.unit
    return values if own == unit else (values * own).to_value(unit)
