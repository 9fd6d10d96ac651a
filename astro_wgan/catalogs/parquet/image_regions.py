"""`region_of`: the region of the sky that an image covers."""

import numpy as np
from astropy import units as u

from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.catalogs.parquet.sky_regions import SkyCone

__all__ = ['region_of']

#: Points along each edge of an image.
_POINTS = 17

#: A larger image is not the inside of its border. In degrees.
_LARGEST = 45

#: Factor by which the radius is larger than that of the farthest point of the border.
_WIDER = 1.02


def region_of(wcs, shape):
    """
    A circle around an image.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.
    shape : tuple of int or None
        ``(ny, nx)``.

    Returns
    -------
    `SkyCone` or None
        None for images without shape, those that extend beyond the projection, and those of which
        a point is more than 45 degrees from the center.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> from astro_wgan.catalogs.parquet.image_regions import region_of
    >>> wcs = WCS({'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CDELT1': -0.1, 'CDELT2': 0.1,
    ...            'CRPIX1': 5.5, 'CRPIX2': 5.5, 'CRVAL1': 30.0})
    >>> region = region_of(wcs, (10, 10))
    >>> round(region.ra, 6), round(region.radius, 2)
    (30.0, 0.72)
    """
    if shape is None:
        return None
    ny, nx = shape
    x, y = (np.linspace(-0.5, size - 0.5, _POINTS) for size in (nx, ny))
    edges = [(x, np.full_like(x, edge)) for edge in (y[0], y[-1])]
    edges += [(np.full_like(y, edge), y) for edge in (x[0], x[-1])]
    border = pixel_to_sky(*np.concatenate(edges, axis=1), wcs)
    center = pixel_to_sky((nx - 1) / 2, (ny - 1) / 2, wcs)
    radius = center.separation(border).max().to_value(u.deg) * _WIDER
    if not radius <= _LARGEST:
        return None
    return SkyCone(center.ra, center.dec, radius)
