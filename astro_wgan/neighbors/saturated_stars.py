"""`find_saturated`: cores of saturated stars, their halos and their spikes."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.ndimage import (
    binary_dilation,
    find_objects,
    label,
    maximum_filter1d,
    uniform_filter,
    uniform_filter1d,
)

from astro_wgan.neighbors.star_halos import FARTHEST, halo_radius, moffat_radius, ring_medians

__all__ = ['SaturatedStars', 'find_saturated']

#: Minimum height of saturated pixels, and of those around masked ones, in units of the noise rms.
_SIGNIFICANCE = 200.0

#: A peak has a flat top if this many pixels have this fraction of its height, and if the area at
#: half of the height is at most so many times larger. The areas of a Gaussian differ by 6.6.
_FEWEST = 5
_TOP = 0.9
_FLAT = 2.5

#: Its edge is that of a star if from half of the height to a tenth the radius grows by at most
#: the width of the PSF, or this fraction of the radius.
_STEEP = 0.6

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

#: Fraction of the pixels around masked ones that must be bright.
_SURROUNDED = 0.8

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


def find_saturated(above_sky, noise, bad, fwhm, *, saturated=None):
    """
    Find saturated stars.

    Parameters
    ----------
    above_sky, noise, bad
        As in `~astro_wgan.neighbors.point_sources.find_peaks`.
    fwhm : float
        Width of the PSF in pixels.
    saturated : `~numpy.ndarray` of bool, shape (ny, nx), optional
        True for pixels known to be saturated. By default these are as bright as the faintest of
        the peaks with flat tops.

    Returns
    -------
    `SaturatedStars`

    Notes
    -----
    Masked pixels within bright ones are saturated, too. The halo ends where the median in a ring
    falls below half of the noise rms, within the wings of a Moffat profile with the exponent 1.5
    through the border of the core, and no farther than 256 pixels. Spikes and bleeding are what
    goes on beyond it in two opposite directions, up to three times as far: the PSF of a telescope
    is symmetric, a galaxy lies on one side.
    """
    if saturated is None:
        saturated = above_sky >= _saturation_level(above_sky, noise, bad, fwhm)
    labels, n = label(saturated | _bright_holes(above_sky, noise, bad), _EIGHT)
    pixels = labels.astype(np.int32)
    y, x = np.nonzero(labels)
    number = labels[y, x] - 1
    area = np.bincount(number, minlength=n)
    x, y = (np.bincount(number, weights=values, minlength=n) / area for values in (x, y))
    core = np.sqrt(area / np.pi)
    radius = np.zeros(n)
    smooth = uniform_filter(above_sky, 3, mode='constant') if n else None
    # From the largest, to which the pixels of several belong.
    for k in np.argsort(-area, kind='stable'):
        near = _near(above_sky.shape, x[k], y[k], FARTHEST)
        rms = float(np.median(noise[near])) if np.ndim(noise) else float(noise)
        edge = core[k] + np.array([1, 2.0])
        height = np.nan_to_num(ring_medians(above_sky, bad, x[k], y[k], edge)[0]) / rms
        outer = moffat_radius(height, fwhm, beta=_BETA, core=edge.mean())
        inner = core[k] + fwhm
        where = above_sky, bad, x[k], y[k]
        radius[k] = halo_radius(*where, noise=rms, inner=inner, outer=max(inner, outer))
        _add_spikes(pixels, k, smooth / rms, bad, (x[k], y[k]), radius[k])
    return SaturatedStars(x, y, core, radius, pixels)


def _near(shape, x, y, reach):
    """Rows and columns around a position."""
    return tuple(
        slice(max(0, int(at - reach)), max(0, min(edge, int(at + reach) + 1)))
        for at, edge in zip((y, x), shape, strict=True)
    )


def _saturation_level(above_sky, noise, bad, fwhm):
    """The faintest of the flat tops, or infinity."""
    bright = above_sky > _SIGNIFICANCE * noise
    if bad is not None:
        bright &= ~bad
    level = np.inf
    labels, _ = label(bright, _EIGHT)
    for number, place in enumerate(find_objects(labels), 1):
        values = np.where(labels[place] == number, above_sky[place], 0)
        peak = values.max()
        if np.count_nonzero(values >= _TOP * peak) < _FEWEST:
            continue
        y, x = np.unravel_index(np.argmax(values), values.shape)
        y, x = y + place[0].start, x + place[1].start
        near = _near(above_sky.shape, x, y, _WINDOW)
        top, half, tenth = (
            _area_at(above_sky[near], fraction * peak, y - near[0].start, x - near[1].start)
            for fraction in (_TOP, 0.5, 0.1)
        )
        radius, wide = np.sqrt(half / np.pi), np.sqrt(tenth / np.pi)
        is_steep = wide - radius <= max(fwhm, _STEEP * radius)
        if top >= _FEWEST and half <= _FLAT * top and is_steep:
            level = min(level, _TOP * peak)
    return level


def _area_at(image, height, y, x):
    """Pixels of that height that are connected with a peak."""
    labels, _ = label(image >= height, _EIGHT)
    return np.count_nonzero(labels == labels[y, x])


def _bright_holes(above_sky, noise, bad):
    """True for masked pixels that bright ones surround."""
    holes = np.zeros(above_sky.shape, dtype=bool)
    if bad is None:
        return holes
    bright = (above_sky > _SIGNIFICANCE * noise) & ~bad
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


def _add_spikes(pixels, k, significance, bad, center, radius):
    """Write the number of a star into the pixels of its spikes that are free."""
    reach = min(_REACH * radius, FARTHEST)
    distance = np.arange(radius, reach)
    if len(distance) < _RUN:
        return
    angle = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    x = np.rint(center[0] + np.outer(np.cos(angle), distance)).astype(int)
    y = np.rint(center[1] + np.outer(np.sin(angle), distance)).astype(int)
    ny, nx = significance.shape
    inside = (x >= 0) & (x < nx) & (y >= 0) & (y < ny)
    x, y = np.clip(x, 0, nx - 1), np.clip(y, 0, ny - 1)
    known = inside if bad is None else inside & ~bad[y, x]
    height = np.where(known, significance[y, x], np.nan)
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
    near = _near(pixels.shape, *center, reach + 2)
    spikes = np.zeros(pixels[near].shape, dtype=bool)
    spikes[y[chosen] - near[0].start, x[chosen] - near[1].start] = True
    spikes = binary_dilation(spikes, _EIGHT)
    pixels[near][spikes & (pixels[near] == 0)] = k + 1
