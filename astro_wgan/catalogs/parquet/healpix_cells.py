"""`spatial_index`: HEALPix cells of positions, and which cells overlap a region of the sky."""

import numpy as np
from astropy import units as u

from astro_wgan.optional import import_optional

__all__ = ['DEEPEST', 'cells_in_region', 'spatial_index']

#: The order of the cells of `spatial_index`, the deepest whose numbers are 64-bit integers.
DEEPEST = 29

#: By how many orders cells are divided to see whether they overlap a region.
_FINER = 3

_NEEDS = 'Catalogs in HATS folders need'


def spatial_index(ra, dec, *, order=DEEPEST):
    """
    Numbers of the HEALPix cells of positions, nested, as in the column ``_healpix_29`` of HATS.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        ICRS, finite, in degrees.
    order : int, optional
        0 to 29; there are 12 cells of order 0, each with four of order 1.

    Returns
    -------
    `~numpy.ndarray` of int64, shape (n,)

    Examples
    --------
    >>> from astro_wgan.catalogs.parquet.healpix_cells import spatial_index
    >>> spatial_index([10.0, 150.1], [-1.0, 2.2], order=5)
    array([4517, 6814])
    """
    healpix = import_optional('astropy_healpix', purpose=_NEEDS)
    angles = (np.asarray(angle, dtype=float) * u.deg for angle in (ra, dec))
    return np.asarray(healpix.lonlat_to_healpix(*angles, 2**order, order='nested'), dtype=np.int64)


def cells_in_region(orders, cells, region):
    """
    Which HEALPix cells may overlap a region.

    Parameters
    ----------
    orders, cells : array_like of int, shape (n,)
        Orders, and nested numbers of the cells.
    region : `SkyCone` or `SkyBox`

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
        True for all that do, and for few that do not: cells are divided into 64, each of which
        counts as the circle around it.

    Examples
    --------
    >>> from astro_wgan.catalogs import SkyCone
    >>> from astro_wgan.catalogs.parquet.healpix_cells import cells_in_region
    >>> cells_in_region([5, 5], [4517, 6814], SkyCone(10, -1, 0.1))
    array([ True, False])
    """
    orders, cells = np.asarray(orders, dtype=np.int64), np.asarray(cells, dtype=np.int64)
    found = np.zeros(len(cells), dtype=bool)
    for order in np.unique(orders):
        rows = np.flatnonzero(orders == order)
        rows = rows[_may_overlap(int(order), cells[rows], region)]
        finer = min(_FINER, DEEPEST - int(order))
        parts = (cells[rows, np.newaxis] << 2 * finer) + np.arange(4**finer)
        inside = _may_overlap(int(order) + finer, parts.ravel(), region)
        found[rows] = inside.reshape(parts.shape).any(axis=1)
    return found


def _may_overlap(order, cells, region):
    healpix = import_optional('astropy_healpix', purpose=_NEEDS)
    ra, dec = healpix.healpix_to_lonlat(cells, 2**order, order='nested')
    return region.may_overlap(ra.to_value(u.deg), dec.to_value(u.deg), _largest_radius(order))


def _largest_radius(order):
    """
    The largest distance of a corner of a cell from its center, in degrees.

    It is that of the cells around latitude asin(2/3), or of those at the poles (Gorski et al. 2005,
    ApJ 622, 759; ``max_pixrad`` of HEALPix).
    """
    n_side = 2**order
    center = _vector(2 / 3, np.pi / (4 * n_side))
    corner = _vector(1 - (1 - 1 / n_side) ** 2 / 3, 0.0)
    distance = np.arctan2(np.linalg.norm(np.cross(center, corner)), center @ corner)
    return np.degrees(distance) * (1 + 1e-9) + 1e-9


def _vector(z, longitude):
    across = np.sqrt(1 - z**2)
    return np.array([across * np.cos(longitude), across * np.sin(longitude), z])
