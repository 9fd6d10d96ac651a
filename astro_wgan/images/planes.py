"""One plane of pixels, in native floats, with each unusable pixel masked."""

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData, NDData, StdDevUncertainty

from astro_wgan.exceptions import ImageError
from astro_wgan.images.celestial import celestial_wcs
from astro_wgan.images.uncertainties import standard_deviation
from astro_wgan.stamps.checks import as_bool, as_float
from astro_wgan.stamps.masked import without_mask

__all__ = ['as_ccddata', 'long_axes', 'plane_of']


def long_axes(shape):
    """Axes before the last two along which something has to be chosen."""
    return [axis for axis, length in enumerate(shape[:-2]) if length != 1]


def plane_of(image, plane):
    """The image itself, or one plane of a cube, as NDData."""
    shape = image.data.shape
    if len(shape) < 2:
        raise ImageError(f'An image must have two axes; got an array of shape {shape}.')
    axes = long_axes(shape)
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


def as_ccddata(image):
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
        wcs=celestial_wcs(image.wcs),
        meta=image.meta,
    )
