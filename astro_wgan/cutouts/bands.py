"""Whether images of several bands show one field, pixel for pixel."""

import numpy as np

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky, plain_sky

__all__ = ['check_one_field']

#: Pixels by which the WCS of bands may differ.
_APART = 0.5


def check_one_field(images):
    """
    Make sure that images show one field, pixel for pixel.

    Parameters
    ----------
    images : list of `~astropy.nddata.CCDData`
        One for each band.

    Raises
    ------
    ValueError
        If shapes or WCS differ, or some have no WCS, no uncertainty or another kind of unit.
    """
    first = images[0]
    for number, image in enumerate(images):
        if image.shape != first.shape:
            raise ValueError(
                f'Images of several bands must have one shape; got {first.shape}, and '
                f'{image.shape} for band {number}.'
            )
        for name in ('wcs', 'uncertainty'):
            if (getattr(image, name) is None) != (getattr(first, name) is None):
                raise ValueError(
                    f'Either all images of several bands must have a `{name}` or none; band '
                    f'{number} differs from the first.'
                )
        if not image.unit.is_equivalent(first.unit):
            raise ValueError(
                f'Images of several bands must be in units that convert; got {first.unit}, and '
                f'{image.unit} for band {number}.'
            )
        if first.wcs is not None and _apart(first, image) > _APART:
            raise ValueError(
                f'Band {number} lies {_apart(first, image):.3g} pixels from the first one, by '
                'their WCS: reproject the images to one WCS.'
            )


def _apart(first, other):
    """By how many pixels the corners of two images of one shape differ, at most."""
    ny, nx = first.shape
    x, y = np.array([0, nx - 1, 0, nx - 1.0]), np.array([0, 0, ny - 1, ny - 1.0])
    sky, missing = plain_sky(pixel_to_sky(x, y, first.wcs))
    if missing.all():
        return 0.0
    there_x, there_y, _ = sky_to_pixel(sky[~missing], other.wcs, other.shape)
    apart = np.hypot(there_x - x[~missing], there_y - y[~missing])
    return float(np.nan_to_num(apart, nan=np.inf).max())
