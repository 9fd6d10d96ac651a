"""Weights of pixels in resampled pixels along an axis, and how far these correlate the noise."""

from functools import cache

import numpy as np

__all__ = ['REACH', 'noise_correlation', 'weights_along_axis']

#: Pixel edges among which the summed flux is interpolated: four on each side.
_NODES = np.arange(-3, 5)

#: Pixels on each side of an edge that contribute to the interpolated flux below it.
REACH = 3

#: Number of stamps whose correlation is computed at a time, and of pixels for each of them.
_STAMPS, _PHASES = 256, 8

#: Pixels per pixel beyond which the correlation is that of this step, 1.003 at most.
_LARGE_STEP = 256


def weights_along_axis(start, step, size, length, *, interpolated=True, dtype=float):
    """
    Weights of pixels in resampled pixels along an axis.

    Parameters
    ----------
    start, step : array_like, shape (n,)
        As for `~astro_wgan.cutouts.resampled.resampling.resample`.
    size, length : int
        Number of resampled pixels and of pixels.
    interpolated : bool, optional
        Interpolate the summed flux; otherwise the weight of a pixel is the
        length of its overlap.
    dtype : data type, optional
        Data type of the weights.

    Returns
    -------
    `~numpy.ndarray`, shape (n, size, length)

    Examples
    --------
    >>> from astro_wgan.cutouts.resampled.axis_weights import weights_along_axis
    >>> weights_along_axis([0.0], [1.5], 2, 3, interpolated=False)[0].tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]
    """
    start, step = (np.asarray(values, dtype=float).reshape(-1, 1) for values in (start, step))
    edges = start + step * np.arange(size + 1)
    base = np.floor(edges)
    # Flux below each edge, per flux of each pixel: 1 for pixels that are entirely below.
    places = np.arange(-REACH, length + REACH)
    row = np.clip(base, -REACH, length + REACH).astype(np.int64) + REACH
    below = (places < np.arange(-REACH, length + REACH + 1)[:, np.newaxis]).astype(dtype)[row]
    inside = np.flatnonzero((base >= 0) & (base < length))
    part = (edges - base).ravel()[inside]
    first = inside * below.shape[-1] + row.ravel()[inside] - REACH
    if interpolated:
        place, change = first[:, np.newaxis] + np.arange(2 * REACH + 1), _pixel_weights(part)
    else:
        place, change = first + REACH, part
    below.reshape(-1)[place] += change.astype(dtype)
    below = below[..., REACH : length + REACH]
    return below[:, 1:] - below[:, :-1]


def noise_correlation(start, step, shape):
    """
    Noise of large apertures over that for independent pixels, if pixels were independent before.

    Parameters
    ----------
    start, step, shape
        As for `~astro_wgan.cutouts.resampled.resampling.resample`.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        R of Fruchter & Hook (2002, section 7): noise per aperture is this factor times the scatter
        between pixels; 1 for stamps that are not resampled.

    Examples
    --------
    >>> from astro_wgan.cutouts.resampled.axis_weights import noise_correlation
    >>> noise_correlation([[0, 0], [0.5, 0]], [1, 1], (8, 8)).round(2).tolist()
    [1.0, 1.16]
    """
    start = np.asarray(start, dtype=float).reshape(-1, 2) % 1
    step = np.minimum(np.asarray(step, dtype=float), _LARGE_STEP)
    ratio = np.ones(len(step))
    for first in range(0, len(step), _STAMPS):
        rows = slice(first, first + _STAMPS)
        length = int(np.ceil(_PHASES * step[rows].max())) + 1 + 2 * REACH
        for axis, size in enumerate(shape[::-1]):
            count = min(size, _PHASES)
            weights = weights_along_axis(start[rows, axis] + REACH, step[rows], count, length)
            ratio[rows] *= step[rows] / (weights**2).sum(axis=-1).mean(axis=-1)
    return np.sqrt(ratio)


def _pixel_weights(part):
    """
    Weights of the pixels around an edge in the flux below it, beyond that of whole pixels.

    ``part`` is the fraction of a pixel below the edge. The seven pixels are those from three before
    it on.
    """
    return part[..., np.newaxis] ** np.arange(len(_NODES)) @ _polynomials()


@cache
def _polynomials():
    """Coefficients of `_pixel_weights` in powers of the fraction, shape (8, 7)."""
    # Of each node, the polynomial that is one there and zero at the others. From its roots, so that
    # pixels whose edges stay where they are keep their values exactly.
    others = [_NODES[node != _NODES] for node in _NODES]
    nodes = [np.poly(o)[::-1] / np.prod(n - o) for n, o in zip(_NODES, others, strict=True)]
    nodes = np.stack(nodes, axis=1)
    # The flux at a node is the sum of all pixels before it.
    pixels = np.cumsum(nodes[:, ::-1], axis=1)[:, ::-1][:, 1:]
    pixels[0] -= _NODES[1:] <= 0
    return pixels
