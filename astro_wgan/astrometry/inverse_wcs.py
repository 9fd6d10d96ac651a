"""`sky_to_pixel`: pixels of sky positions, with a fallback if the inverse does not converge."""

import numpy as np
from astropy.wcs import NoConvergence

from astro_wgan.astrometry.sky_coordinates import celestial_frame, pixel_to_angles, unit_vectors

__all__ = ['sky_to_pixel']

#: Starting points of the search along an edge of the image.
_STARTS = 33

#: Positions that are searched for together.
_AT_ONCE = 1024

#: Maximum number of steps, and tolerance in pixels.
_STEPS = 40
_NEAR = 1e-5

#: Positions can be in the image up to this many times its radius from the center.
_REACH = 1.2


def sky_to_pixel(sky, wcs, shape=None):
    """
    0-based pixels of positions on the sky.

    Parameters
    ----------
    sky : `~astropy.coordinates.SkyCoord`, shape (n,)
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.
    shape : tuple of int, optional
        ``(ny, nx)`` of the image, in which positions are searched for if the iterative inverse of
        a distortion diverges.

    Returns
    -------
    x, y : `~numpy.ndarray`
        NaN if a position is outside of the projection.
    lost : `~numpy.ndarray` of bool
        True if the inverse of the distortion did not converge, so that it is unknown whether the
        position is in the image. The pixel is NaN.
    """
    frame = celestial_frame(wcs)
    there = sky.transform_to(frame).spherical
    longitude, latitude = there.lon.deg, there.lat.deg
    x, y, failed = _inverse(longitude, latitude, wcs)
    lost = failed.copy()
    if shape is not None and (rows := np.flatnonzero(failed | np.isnan(x))).size:
        found = _Search(wcs, shape).find(longitude[rows], latitude[rows])
        x[rows], y[rows], lost[rows] = found
    return x, y, lost


def _inverse(longitude, latitude, wcs):
    """Pixels from astropy, and where its iteration fails."""
    if not wcs.wcs.ctype[wcs.wcs.lng][4:].strip('-'):
        # Without a projection, longitudes are not periodic.
        reference = wcs.wcs.crval[wcs.wcs.lng]
        longitude = reference + (longitude - reference + 180) % 360 - 180
    world = [longitude, latitude]
    if wcs.wcs.lat < wcs.wcs.lng:
        world.reverse()
    failed = np.zeros(len(longitude), dtype=bool)
    try:
        x, y = wcs.all_world2pix(*world, 0)
    except NoConvergence as error:
        x, y = error.best_solution.T.copy()
        for rows in (error.divergent, error.slow_conv):
            if rows is not None:
                failed[rows] = True
    x, y = np.array(x, dtype=float), np.array(y, dtype=float)
    bad = failed | ~np.isfinite(x) | ~np.isfinite(y)
    x[bad] = y[bad] = np.nan
    return x, y, failed


class _Search:
    """
    Newton's method, starting from the nearest pixel of a coarse grid.

    Sky coordinates are distances and directions from the center of the image.
    """

    def __init__(self, wcs, shape):
        self._wcs = wcs
        edges = [np.linspace(-0.5, edge - 0.5, min(edge + 1, _STARTS)) for edge in shape]
        y, x = np.meshgrid(*edges, indexing='ij')
        starts = np.stack([x.ravel(), y.ravel()], axis=-1)
        middle = (np.array(shape[::-1]) - 1) / 2
        angles = np.radians(pixel_to_angles(*middle[:, np.newaxis], wcs))
        self._axes = _tangent_axes(*angles[:, 0])
        self._step = max(part[1] - part[0] for part in edges)
        on_sky = self._offsets(starts)
        known = np.isfinite(on_sky).all(axis=1)
        self._starts, self._on_sky = starts[known], on_sky[known]

    def find(self, longitude, latitude):
        """``x``, ``y``, and True for positions that may be in the image, but were not found."""
        n = len(longitude)
        pixel, lost = np.full((n, 2), np.nan), np.zeros(n, dtype=bool)
        if not len(self._starts):
            return *pixel.T, lost
        longitude, latitude = np.radians(longitude), np.radians(latitude)
        reach = min(np.pi, _REACH * np.hypot(*self._on_sky.T).max())
        # Latitudes exclude most positions on the whole sky.
        rows = np.flatnonzero(np.abs(latitude - np.arcsin(self._axes[2, 2])) <= reach)
        vectors = unit_vectors(longitude[rows], latitude[rows])
        is_near = vectors @ self._axes[2] >= np.cos(reach)
        rows, target = rows[is_near], self._plane(vectors[is_near])
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            pixel[rows[part]], lost[rows[part]] = self._newton(target[part])
        return *pixel.T, lost

    def _newton(self, target):
        apart = np.linalg.norm(target[:, np.newaxis] - self._on_sky, axis=-1)
        nearest = np.argmin(apart, axis=1)
        pixel = self._starts[nearest].copy()
        size = np.linalg.norm(self._matrix(pixel), axis=(1, 2))
        # Positions further from all grid points than their spacing are not in the image.
        is_near = apart[np.arange(len(target)), nearest] < self._step * size
        for _ in range(_STEPS):
            missing = target - self._offsets(pixel)
            with np.errstate(invalid='ignore'):
                done = np.linalg.norm(missing, axis=1) < _NEAR * size
            if done.all():
                break
            matrix = self._matrix(pixel)
            with np.errstate(divide='ignore', invalid='ignore'):
                step = _solved(matrix, missing)
                longest = np.abs(step).max(axis=1, keepdims=True)
                # Limit steps near folds of the mapping.
                step *= np.minimum(1, 2 * self._step / longest)
            pixel += np.where(done[:, np.newaxis], 0, np.nan_to_num(step))
        pixel[~done] = np.nan
        return pixel, is_near & ~done

    def _matrix(self, pixel):
        """Change on the sky per pixel along x (first column) and y."""
        half = np.array([0.5, 0])
        along = [self._offsets(pixel + h) - self._offsets(pixel - h) for h in (half, half[::-1])]
        return np.stack(along, axis=-1)

    def _offsets(self, pixel):
        longitude, latitude = pixel_to_angles(*pixel.T, self._wcs)
        return self._plane(unit_vectors(np.radians(longitude), np.radians(latitude)))

    def _plane(self, vectors):
        east, north, depth = (vectors @ self._axes.T).T
        across = np.hypot(east, north)
        with np.errstate(divide='ignore', invalid='ignore'):
            stretch = np.where(across > 0, np.arctan2(across, depth) / across, 1)
        return np.stack([east * stretch, north * stretch], axis=-1)


def _tangent_axes(longitude, latitude):
    """Matrix with east, north and outward at a position as rows."""
    outward = unit_vectors(longitude, latitude)
    east = np.array([-np.sin(longitude), np.cos(longitude), 0])
    return np.stack([east, np.cross(outward, east), outward])


def _solved(matrix, vector):
    """`numpy.linalg.solve` for many 2 x 2 matrices; not finite for singular ones."""
    (a, b), (c, d) = np.moveaxis(matrix, 0, -1)
    v, w = vector.T
    determinant = a * d - b * c
    return np.stack([(d * v - b * w) / determinant, (a * w - c * v) / determinant], axis=-1)
