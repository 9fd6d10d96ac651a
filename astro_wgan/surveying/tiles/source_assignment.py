"""`assign_sources`: the tile of each source: the one in which it lies farthest from the border."""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from scipy.spatial import KDTree

__all__ = ['assign_sources', 'is_of_tile']

#: Angle that is added to the extent of a tile, in radian, against rounding.
_SLACK = 1e-9


def assign_sources(ra, dec, footprints):
    """
    Assign each source to one tile.

    Parameters
    ----------
    ra, dec : `~numpy.ndarray`, shape (n,)
        Positions in degrees, ICRS.
    footprints : sequence of `~astro_wgan.surveying.tiles.footprints.Footprint`

    Returns
    -------
    `~numpy.ndarray` of int, shape (n,)
        Index of the tile in which a source lies farthest from the border, in pixels of the smaller
        distance to an edge; the first of those with the same distance. -1 in no tile.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.coordinates import SkyCoord
    >>> from astro_wgan.surveying.tiles.footprints import Footprint
    >>> from astro_wgan.surveying.tiles.source_assignment import assign_sources
    >>> from astro_wgan.testing import make_wcs
    >>> centers = SkyCoord([150, 150.001], 2, unit='deg')
    >>> tiles = [Footprint.of((100, 100), make_wcs((100, 100), center=c)) for c in centers]
    >>> assign_sources(np.array([150, 150.0009, 151]), np.full(3, 2.0), tiles)
    array([ 0,  1, -1], dtype=int32)
    """
    tile = np.full(len(ra), -1, dtype=np.int32)
    farthest = np.full(len(ra), -np.inf)
    if not len(ra):
        return tile
    tree = KDTree(_vectors(ra, dec), balanced_tree=False)
    for k, footprint in enumerate(footprints):
        rows = _rows_near(tree, footprint)
        if not rows.size:
            continue
        inside = footprint.border_distances(_sky(ra[rows], dec[rows]))
        better = (inside >= 0) & (inside > farthest[rows])
        tile[rows[better]] = k
        farthest[rows[better]] = inside[better]
    return tile


def is_of_tile(sky, own, footprints):
    """
    Whether sources that were detected in a tile belong to it.

    Parameters
    ----------
    sky : `~astropy.coordinates.SkyCoord`, shape (n,)
    own : int
        Index of the tile.
    footprints : sequence of `~astro_wgan.surveying.tiles.footprints.Footprint`
        This one and all others that may show the same sky.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
    """
    return assign_sources(sky.ra.deg, sky.dec.deg, footprints) == own


def _rows_near(tree, footprint):
    """Rows of sources within the radius of a footprint."""
    chord = 2 * np.sin(min(footprint.radius + _SLACK, np.pi) / 2)
    found = tree.query_ball_point(footprint.center, chord + _SLACK, return_sorted=False)
    return np.array(found, dtype=np.int64)


def _vectors(ra, dec):
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def _sky(ra, dec):
    return SkyCoord(ra * u.deg, dec * u.deg)
