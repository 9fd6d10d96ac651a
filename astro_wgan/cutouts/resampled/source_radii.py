"""measure_radii: half-light and Kron radii of sources in an image, with SEP."""

import numpy as np
import sep
from astropy import units as u
from scipy.spatial import cKDTree

from astro_wgan.detection.tiled_detection import measure_background

__all__ = ['ellipses_of', 'match_sources', 'measure_radii']

#: Factor of the Kron radius, as ``PHOT_AUTOPARAMS`` of SExtractor.
_KRON_FACTOR = 2.5

#: Minimum semi-major axis of a Kron aperture in pixels, also as there.
_MIN_KRON = 3.5

#: Semi-major axes within which the Kron radius and the half-light radius are measured.
_EXTENT = 6.0

#: Semi-major axes within which a detected source belongs to a position, and their minimum.
_MATCH, _MIN_MATCH = 3.0, 3.0


def ellipses_of(table):
    """
    Positions and ellipses of detected sources.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        With the columns that `~astro_wgan.StampSet.from_image` writes for detected sources.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        ``x``, ``y``, and semi-axes ``a`` and ``b`` in pixels; angle ``theta`` in radians.
    """
    return {
        'x': table['x'].to_value(u.pix),
        'y': table['y'].to_value(u.pix),
        'a': table['semimajor_axis'].to_value(u.pix),
        'b': table['semiminor_axis'].to_value(u.pix),
        'theta': table['orientation'].to_value(u.rad),
    }


def match_sources(x, y, sources):
    """
    The detected source at each position.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positions in pixels.
    sources : dict of `~numpy.ndarray`
        As from `ellipses_of`.

    Returns
    -------
    `~numpy.ndarray` of int, shape (n,)
        Index of the nearest source, if it is within three semi-major axes (and three pixels),
        otherwise -1.
    """
    positions = np.nan_to_num(np.stack([x, y], axis=1), nan=-1e9)
    if not len(sources['x']):
        return np.full(len(positions), -1)
    tree = cKDTree(np.stack([sources['x'], sources['y']], axis=1))
    distance, nearest = tree.query(positions)
    reach = np.maximum(_MATCH * sources['a'][nearest], _MIN_MATCH)
    return np.where(distance <= reach, nearest, -1)


def measure_radii(pixels, sources, *, kind, mask=None, background=None, detection=None):
    """
    Radii of sources of an image.

    Parameters
    ----------
    pixels : array_like, shape (ny, nx)
        The image.
    sources : dict or structured `~numpy.ndarray`, shape (n,)
        As from `ellipses_of`, or `~astro_wgan.detection.tiled_detection.detect_sources`.
    kind : {'half_light', 'kron'}
        Radius of the circle with half of the Kron flux, or semi-major axis of the Kron aperture,
        2.5 Kron radii.
    mask, background, detection
        As in `~astro_wgan.detection.detect`.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        In pixels; NaN where it cannot be measured. Pixels of a neighbor, those within three of its
        semi-major axes that are nearer to it in units of these, are not used.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.cutouts.resampled.source_radii import measure_radii
    >>> from astro_wgan.detection.tiled_detection import detect_sources
    >>> y, x = np.indices((99, 99)) - 49
    >>> image = np.exp(-(x**2 + y**2) / 2 / 5**2)
    >>> image += np.random.default_rng(1).normal(scale=0.01, size=image.shape)
    >>> sources = detect_sources(image, background=0.0)
    >>> measure_radii(image, sources, kind='half_light', background=0.0).round(1)
    array([5.9])
    """
    if not len(sources['x']):
        return np.zeros(0)
    pixels = np.asarray(pixels)
    if background is None:
        background = measure_background(pixels, mask=mask, detection=detection)
    above_sky = np.asarray(pixels, dtype=np.result_type(pixels, np.float32)) - background
    bad = ~np.isfinite(above_sky)
    bad = bad if mask is None else bad | mask
    above_sky[bad] = 0
    above_sky = np.ascontiguousarray(above_sky)
    numbers = np.arange(1, 1 + len(sources['x']), dtype=np.int32)
    x, y, a, b, theta = (
        np.asarray(sources[name], dtype=float) for name in ('x', 'y', 'a', 'b', 'theta')
    )
    masked = {
        'segmap': _nearest_sources(above_sky.shape, x, y, a, b, theta),
        'seg_id': numbers,
        **({'mask': bad} if bad.any() else {}),
    }
    kron, _ = sep.kron_radius(above_sky, x, y, a, b, theta, _EXTENT, **masked)
    kron = np.where(np.isfinite(kron), kron, 0)
    semimajor = np.maximum(_KRON_FACTOR * kron * a, _MIN_KRON)
    if kind == 'kron':
        return np.where(kron > 0, semimajor, np.nan)
    ratio = semimajor / a
    flux, _, _ = sep.sum_ellipse(above_sky, x, y, a, b, theta, ratio, subpix=1, **masked)
    reach = np.maximum(_EXTENT * a, semimajor)
    radius, _ = sep.flux_radius(
        above_sky, x, y, reach, 0.5, normflux=np.where(flux > 0, flux, np.nan), subpix=5, **masked
    )
    return np.where((flux > 0) & (radius > 0) & (radius < reach), radius, np.nan)


def _nearest_sources(shape, x, y, a, b, theta):
    """Number of the source, from 1 on, in whose ellipse each pixel is nearest to the center."""
    owner = np.zeros(shape, dtype=np.int32)
    nearest = np.full(shape, np.float32(_MATCH**2))
    cos, sin = np.cos(theta), np.sin(theta)
    reach = np.ceil(_MATCH * a).astype(int) + 1
    column, row = x.round().astype(int), y.round().astype(int)
    for k in range(len(x)):
        rows = slice(max(0, row[k] - reach[k]), max(0, row[k] + reach[k] + 1))
        columns = slice(max(0, column[k] - reach[k]), max(0, column[k] + reach[k] + 1))
        part = nearest[rows, columns]
        down = (np.arange(part.shape[0]) + rows.start - y[k])[:, np.newaxis]
        across = np.arange(part.shape[1]) + columns.start - x[k]
        distance = ((across * cos[k] + down * sin[k]) / a[k]) ** 2
        distance += ((down * cos[k] - across * sin[k]) / b[k]) ** 2
        nearer = distance < part
        part[nearer] = distance[nearer]
        owner[rows, columns][nearer] = k + 1
    return owner
