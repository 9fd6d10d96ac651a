"""`find_saturated`: cores of saturated stars, their halos and their spikes."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.ndimage import (
    binary_dilation,
    binary_fill_holes,
    find_objects,
    label,
    maximum_filter1d,
    uniform_filter,
    uniform_filter1d,
)

from astro_wgan.neighbors.star_halos import (
    FARTHEST,
    halo_radius,
    moffat_radius,
    noise_around,
    ring_medians,
    window_at,
)

__all__ = ['SaturatedStars', 'bright_tops', 'find_saturated', 'saturation_level']

#: Minimum height of saturated pixels, and of those around masked ones, in units of the noise rms.
_SIGNIFICANCE = 200.0

#: A peak has a flat top if this many pixels have this fraction of its height, and if the area at
#: half of the height is at most so many times larger. The areas of a Gaussian differ by 6.6.
_FEWEST = 5
_TOP = 0.9
_FLAT = 2.5

#: A peak with a sharp top that is so many times higher tells that a flat top is not saturated.
_BRIGHTER = 3.0

#: Its edge is that of a star if from half of the height to a tenth the radius grows by at most
#: the width of the PSF, or this fraction of the radius.
_STEEP = 0.6

#: The wings of a star are this fraction of its height, at least, where those of hot pixels are 0.
_FAINTEST_WINGS = 0.01

#: Half of the edge of the window in which areas are measured, in pixels.
_WINDOW = 48

#: The halo ends before the wings of a Moffat profile with this exponent.
_BETA = 1.5

#: Directions in which spikes are sought, how far (in radii of the halo), their minimum height in
#: units of the noise of 3 x 3 pixels, and the pixels of which half must be that high.
_DIRECTIONS = 720
_REACH = 3.0
_SPIKE = 2.0
_RUN = 7

#: Distance in pixels by which the center may be off.
_OFFSET = 3.0

#: Fraction of the pixels around masked ones that must be bright, and of their height that pixels
#: have at most where a core is set to zero.
_SURROUNDED = 0.8
_DARK = 0.1

#: Groups of saturated pixels in an image, at most: so many, or so many per pixel.
_MOST = 100
_CROWDED = 1 / 500

_EIGHT = np.ones((3, 3), dtype=bool)


class SaturatedStars(NamedTuple):
    """
    Saturated stars of an image.

    Attributes
    ----------
    x, y : `~numpy.ndarray`, shape (m,)
        Centers in pixels.
    core : `~numpy.ndarray`, shape (m,)
        Radius of the circle with the area of the saturated pixels.
    radius : `~numpy.ndarray`, shape (m,)
        Radius of the halo.
    pixels : `~numpy.ndarray` of int32, shape (ny, nx)
        k + 1 for the saturated pixels and spikes of star k, else 0.
    """

    x: np.ndarray
    y: np.ndarray
    core: np.ndarray
    radius: np.ndarray
    pixels: np.ndarray


def find_saturated(above_sky, noise, bad, fwhm, saturated):
    """
    Find saturated stars.

    Parameters
    ----------
    above_sky, noise, bad
        As in `~astro_wgan.neighbors.point_sources.find_peaks`.
    fwhm : float
        Width of the PSF in pixels.
    saturated : `~numpy.ndarray` of bool, shape (ny, nx)
        True for saturated pixels.

    Returns
    -------
    `SaturatedStars`

    Raises
    ------
    ValueError
        If there are more groups of saturated pixels than there can be stars.

    Notes
    -----
    Masked pixels within bright ones are saturated, too, and dark ones; those without the wings of
    a star are hot pixels or cosmic rays. The halo ends where the median in a ring falls below half
    of the noise rms, within the wings of a Moffat profile with the exponent 1.5
    through the border of the core, and no farther than 256 pixels. Spikes and bleeding are what
    goes on beyond it in two opposite directions, up to three times as far: the PSF of a telescope
    is symmetric, a galaxy lies on one side.
    """
    labels, n = label(saturated | _bright_holes(above_sky, noise, bad), _EIGHT)
    if n > max(_MOST, _CROWDED * labels.size):
        raise ValueError(
            f'{n} groups of pixels are saturated in {labels.shape[0]} x {labels.shape[1]} pixels: '
            '`saturation` must be the level of saturated stars.'
        )
    x, y, core = _cores(labels, n)
    lowest = np.full(n, np.inf)
    np.minimum.at(lowest, labels[saturated] - 1, above_sky[saturated])
    has_wings = np.array(
        [
            not np.isfinite(lowest[k])
            or _wings(above_sky, bad, x[k], y[k], core[k], fwhm) >= _FAINTEST_WINGS * lowest[k]
            for k in range(n)
        ],
        dtype=bool,
    )
    pixels = np.concatenate([[0], np.where(has_wings, np.cumsum(has_wings), 0)])[labels]
    pixels = pixels.astype(np.int32)
    x, y, core = (values[has_wings] for values in (x, y, core))
    n = len(x)
    radius = np.zeros(n)
    smooth = uniform_filter(above_sky, 3, mode='constant') if n else None
    # From the largest, to which the pixels of several belong.
    for k in np.argsort(-core, kind='stable'):
        rms = noise_around(noise, x[k], y[k])
        edge = core[k] + np.array([1, 2.0])
        height = np.nan_to_num(ring_medians(above_sky, bad, x[k], y[k], edge)[0]) / rms
        outer = moffat_radius(height, fwhm, beta=_BETA, core=edge.mean())
        inner = core[k] + fwhm
        where = above_sky, bad, x[k], y[k]
        radius[k] = halo_radius(*where, noise=rms, inner=inner, outer=max(inner, outer))
        _add_spikes(pixels, k, smooth, rms, bad, (x[k], y[k]), radius[k])
    return SaturatedStars(x, y, core, radius, pixels)


def _cores(labels, n):
    """Centers x, y and radii of groups of pixels."""
    y, x = np.nonzero(labels)
    number = labels[y, x] - 1
    area = np.bincount(number, minlength=n)
    x, y = (np.bincount(number, weights=values, minlength=n) / area for values in (x, y))
    return x, y, np.sqrt(area / np.pi)


def _wings(above_sky, bad, x, y, core, fwhm):
    """Median within a width of the PSF outside of a core."""
    edges = core + fwhm * np.array([0.5, 1.0])
    return np.nan_to_num(ring_medians(above_sky, bad, x, y, edges)[0])


def bright_tops(above_sky, noise, bad, fwhm):
    """
    Peaks that are far above the noise, with flat tops or without.

    Parameters
    ----------
    above_sky, noise, bad
        As in `~astro_wgan.neighbors.point_sources.find_peaks`.
    fwhm : float
        Width of the PSF in pixels.

    Returns
    -------
    flat, sharp : list of float
        Their heights. Those without wings, such as hot pixels, are in neither.
    """
    labels, _ = label(_bright(above_sky, noise, bad), _EIGHT)
    flat, sharp = [], []
    for number, place in enumerate(find_objects(labels), 1):
        values = np.where(labels[place] == number, above_sky[place], 0)
        peak = values.max()
        y, x = np.unravel_index(np.argmax(values), values.shape)
        y, x = y + place[0].start, x + place[1].start
        near = window_at(above_sky.shape, x, y, _WINDOW)
        top, half, tenth = (
            _area_at(above_sky[near], fraction * peak, y - near[0].start, x - near[1].start)
            for fraction in (_TOP, 0.5, 0.1)
        )
        radius, wide = np.sqrt(half / np.pi), np.sqrt(tenth / np.pi)
        if _wings(above_sky, bad, x, y, radius, fwhm) < _FAINTEST_WINGS * peak:
            continue
        if half > _FLAT * top:
            sharp.append(float(peak))
        elif top >= _FEWEST and wide - radius <= max(fwhm, _STEEP * radius):
            flat.append(float(peak))
    return flat, sharp


def saturation_level(tops):
    """
    Brightness from which stars are saturated.

    Parameters
    ----------
    tops : iterable of tuple
        Results of `bright_tops` for the sections of an image.

    Returns
    -------
    float
        Nine tenths of the faintest flat top, of those that no sharp one exceeds three times;
        infinity if there is none.

    Examples
    --------
    >>> from astro_wgan.neighbors.saturated_stars import saturation_level
    >>> saturation_level([([300.0, 9000.0], [400.0]), ([8000.0], [11000.0])])
    7200.0
    """
    flat, sharp = (
        [height for part in parts for height in part] for parts in zip(*tops, strict=True)
    )
    highest = max(sharp, default=0.0)
    return min((_TOP * height for height in flat if _BRIGHTER * height >= highest), default=np.inf)


def _bright(above_sky, noise, bad):
    """True for usable pixels that are far above the noise of the sky."""
    if np.ndim(noise):
        # That of bright pixels may be their own photons'.
        noise = np.minimum(noise, np.median(noise))
    bright = above_sky > _SIGNIFICANCE * noise
    return bright if bad is None else bright & ~bad


def _area_at(image, height, y, x):
    """Pixels of that height that are connected with a peak."""
    labels, _ = label(image >= height, _EIGHT)
    return np.count_nonzero(labels == labels[y, x])


def _bright_holes(above_sky, noise, bad):
    """True for masked pixels, and for dark ones as of zeros, that bright ones surround."""
    holes = np.zeros(above_sky.shape, dtype=bool)
    bright = _bright(above_sky, noise, bad)
    labels, _ = label(bright, _EIGHT)
    for number, place in enumerate(find_objects(labels), 1):
        group = labels[place] == number
        hole = binary_fill_holes(group) & ~group
        if hole.sum() < _FEWEST:
            continue
        rim = binary_dilation(hole, _EIGHT) & group
        if above_sky[place][hole].max() < _DARK * np.median(above_sky[place][rim]):
            holes[place] |= hole
    if bad is None:
        return holes
    labels, _ = label(bad, _EIGHT)
    places = find_objects(labels)
    for number in np.unique(labels[binary_dilation(bright, _EIGHT) & bad]):
        rows, columns = (
            slice(max(0, part.start - 1), part.stop + 1) for part in places[number - 1]
        )
        hole = labels[rows, columns] == number
        rim = binary_dilation(hole, _EIGHT) & ~bad[rows, columns]
        if hole.sum() >= _FEWEST and bright[rows, columns][rim].mean() > _SURROUNDED:
            holes[rows, columns] |= hole
    return holes


def _add_spikes(pixels, k, smooth, rms, bad, center, radius):
    """Write the number of a star into the pixels of its spikes that are free."""
    reach = min(_REACH * radius, FARTHEST)
    distance = np.arange(radius, reach)
    if len(distance) < _RUN:
        return
    angle = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    x = np.rint(center[0] + np.outer(np.cos(angle), distance)).astype(int)
    y = np.rint(center[1] + np.outer(np.sin(angle), distance)).astype(int)
    ny, nx = smooth.shape
    inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
    x, y = np.clip(x, 0, nx - 1), np.clip(y, 0, ny - 1)
    known = inside if bad is None else inside & ~bad[y, x]
    height = np.where(known, smooth[y, x] / rms, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # rings outside of the image
        height -= np.nanmedian(height, axis=0)
    # Of nine pixels, the noise is a third. What is unknown on one side is known on the other.
    seen = ~known | (height > _SPIKE / 3)
    goes_on = np.logical_and.accumulate(uniform_filter1d(seen * 1.0, _RUN, axis=1) > 0.5, axis=1)
    length = goes_on.sum(axis=1)
    # The center may be off by a few pixels.
    width = 2 * int(np.ceil(_OFFSET / radius * _DIRECTIONS / 2 / np.pi)) + 1
    opposite = maximum_filter1d(np.roll(length, _DIRECTIONS // 2), width, mode='wrap')
    length = np.minimum(length, opposite)
    length[length < _RUN] = 0
    chosen = inside & (np.arange(len(distance)) < length[:, np.newaxis])
    if not chosen.any():
        return
    near = window_at(pixels.shape, *center, reach + 2)
    spikes = np.zeros(pixels[near].shape, dtype=bool)
    spikes[y[chosen] - near[0].start, x[chosen] - near[1].start] = True
    spikes = binary_dilation(spikes, _EIGHT)
    pixels[near][spikes & (pixels[near] == 0)] = k + 1
