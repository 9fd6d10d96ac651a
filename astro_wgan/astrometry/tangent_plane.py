"""`tangent_planes`: center, pixel scale and orientation of stamps in tangent planes."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.astrometry.sky_coordinates import celestial_frame, pixel_to_angles, unit_vectors

__all__ = ['ARCSEC_PER_DEGREE', 'TangentPlanes', 'tangent_planes']

ARCSEC_PER_DEGREE = 3600.0

#: Index of the center among nine points of a stamp.
_CENTER = 4


@dataclass(frozen=True, eq=False)
class TangentPlanes:
    """
    Tangent plane of the sky at the center of each stamp.

    Attributes
    ----------
    has_wcs : `~numpy.ndarray` of bool, shape (n,)
        Whether a stamp has a celestial WCS.
    center : `~numpy.ndarray`, shape (n, 2)
        Right ascension and declination (ICRS) in degrees; NaN for a stamp without a WCS.
    matrix : `~numpy.ndarray`, shape (n, 2, 2)
        Arcsec to the east (first row) and to the north (second row) per pixel along x (first
        column) and along y.
    curvature : `~numpy.ndarray`, shape (n,)
        Maximum deviation of the matrix from the WCS within the stamp, in pixels.
    """

    has_wcs: np.ndarray
    center: np.ndarray
    matrix: np.ndarray
    curvature: np.ndarray


def tangent_planes(stamps):
    """
    Tangent planes at the centers of stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        Stamps. For those without celestial WCS, north is up and east is left, at the pixel scale
        of the set.

    Returns
    -------
    `TangentPlanes`

    Raises
    ------
    ValueError
        If a stamp has neither WCS nor pixel scale, or is partly outside of the projection.
    """
    # At least half a pixel, for stamps of a single row or column.
    reach = np.maximum(np.array(stamps.shape[::-1]) - 1, 1) / 2
    points = np.array(list(product((-1, 0, 1), repeat=2))) * reach
    geometry = stamps.geometry
    has_wcs = geometry.has_celestial
    sky = np.full((len(stamps), len(points), 2), np.nan)
    sky[has_wcs] = _sky_around(geometry[has_wcs], (np.array(stamps.shape[::-1]) - 1) / 2 + points)
    offset = _gnomonic(sky)
    if not has_wcs.all():
        offset[~has_wcs] = points * (-1, 1) * _scale_of(stamps, has_wcs)
    bad = ~np.isfinite(offset).all(axis=(1, 2))
    if bad.any():
        raise ValueError(
            f'The WCS of {bad.sum()} stamps has no sky position for all of their pixels; the first '
            f'is that of id {stamps.ids[bad][0]}.'
        )
    # Least squares with an exact solution at the center.
    matrix = np.swapaxes(np.linalg.pinv(points) @ offset, 1, 2)
    missed = np.abs(offset - points @ np.swapaxes(matrix, 1, 2)).max(axis=(1, 2))
    curvature = missed / np.sqrt(np.abs(np.linalg.det(matrix)))
    return TangentPlanes(has_wcs, sky[:, _CENTER], matrix, curvature)


def _scale_of(stamps, has_wcs):
    if stamps.pixel_scale is None:
        raise ValueError(
            f'{np.count_nonzero(~has_wcs)} stamps have neither WCS nor pixel scale, the first of '
            f'them id {stamps.ids[~has_wcs][0]}: give the set a `pixel_scale`.'
        )
    return stamps.pixel_scale.value


def _sky_around(geometry, points):
    """Right ascension and declination (ICRS, deg) of pixels of each stamp: (n, 9, 2)."""
    sky = np.empty((len(geometry), len(points), 2))
    frames = {}
    for wcs, rows in geometry.by_wcs():
        x, y = geometry[rows].in_parent(*(np.tile(p, (len(rows), 1)) for p in points.T))
        sky[rows] = np.stack(pixel_to_angles(x, y, wcs), axis=-1)
        key = (wcs.wcs.radesys, str(wcs.wcs.equinox), *wcs.wcs.ctype)
        frames.setdefault(key, (wcs, []))[1].append(rows)
    # One SkyCoord for each frame, since one for each image would be slow.
    for wcs, parts in frames.values():
        rows = np.concatenate(parts)
        lon, lat = np.moveaxis(sky[rows], -1, 0)
        icrs = SkyCoord(lon, lat, unit=u.deg, frame=celestial_frame(wcs)).icrs
        sky[rows] = np.stack([icrs.ra.deg, icrs.dec.deg], axis=-1)
    return sky


def _gnomonic(sky):
    """Gnomonic offsets (arcsec east and north) of points from the center."""
    lon, lat = np.moveaxis(np.radians(sky), -1, 0)
    points = unit_vectors(lon, lat)
    lon, lat = lon[:, _CENTER], lat[:, _CENTER]
    center = unit_vectors(lon, lat)
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], axis=-1)
    north = np.cross(center, east)
    along = np.stack([center, east, north], axis=-1)
    depth, x, y = np.moveaxis(points @ along, -1, 0)
    with np.errstate(divide='ignore', invalid='ignore'):
        offset = np.stack([x, y], axis=-1) / depth[..., np.newaxis]
    return np.degrees(offset) * ARCSEC_PER_DEGREE
