"""Whether images of several bands have the same field and pixel grid."""

import numpy as np

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky, plain_sky

__all__ = ['SAME_PIXEL', 'check_one_field']

#: Maximum difference between the pixel grids of two bands that count as the same, in pixels.
SAME_PIXEL = 0.05


def check_one_field(images):
    """
    Make sure that images have the same field and pixel grid.

    Parameters
    ----------
    images : list of `~astropy.nddata.CCDData`
        One for each band.

    Raises
    ------
    ValueError
        If shapes or WCS differ, units do not convert, or only some have a WCS or an uncertainty.
    """
    first = images[0]
    for number, image in enumerate(images):
        if image.shape != first.shape:
            raise ValueError(
                f'Images of several bands must have the same shape; got {first.shape}, and '
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
                f'Units of images of several bands must be convertible; got {first.unit}, and '
                f'{image.unit} for band {number}.'
            )
        if first.wcs is not None and _apart(first, image) > SAME_PIXEL:
            raise ValueError(
                f'According to its WCS, band {number} is shifted by {_apart(first, image):.3g} '
                'pixels from the first one: `StampSet.from_images` resamples bands of other pixels.'
            )


def _apart(first, other):
    """Maximum distance between the corners of two images of the same shape, in pixels."""
    ny, nx = first.shape
    x, y = np.array([0, nx - 1, 0, nx - 1.0]), np.array([0, 0, ny - 1, ny - 1.0])
    sky, missing = plain_sky(pixel_to_sky(x, y, first.wcs))
    if missing.all():
        return 0.0
    there_x, there_y, _ = sky_to_pixel(sky[~missing], other.wcs, other.shape)
    apart = np.hypot(there_x - x[~missing], there_y - y[~missing])
    return float(np.nan_to_num(apart, nan=np.inf).max())
