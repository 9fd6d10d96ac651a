"""Resampling of stamps to larger, smaller or shifted pixels, with flux and noise conserved."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

__all__ = ['Resampled', 'bin_pixels', 'noise_correlation', 'resample', 'weights_along_axis']

#: Minimum fraction of a pixel that must be covered by valid pixels, less rounding errors.
_LEAST_COVERAGE = 0.5 - 1e-4

#: Uncertainties whose squares can be added up in single precision; NaN and infinity are not.
_LARGE = 1e15

#: Pixel edges among which the summed flux is interpolated: four on each side.
_NODES = np.arange(-3, 5)

#: Pixels on each side of an edge that contribute to the interpolated flux below it.
_REACH = 3

#: Number of resampled pixels along an axis that are computed at once: most pixels of a stamp have
#: weights in a few of them only.
_BLOCK = 16

#: Blocks begin and end at multiples of as many pixels as BLAS adds up together, so that sums are
#: rounded alike whichever other stamps are resampled at the same time.
_ADDED = 32

#: Number of stamps whose correlation is computed at a time, and of pixels for each of them.
_STAMPS, _PHASES = 256, 8

#: Pixels per pixel beyond which the correlation is that of this step, 1.003 at most.
_LARGE_STEP = 256


@dataclass(frozen=True, eq=False)
class Resampled:
    """
    Resampled stamps.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx[, bands])
        NaN where masked.
    mask : `~numpy.ndarray` of bool, same shape
        Pixels less than half of which is covered by valid pixels.
    uncertainty : `~numpy.ndarray`, same shape, or None
    """

    pixels: np.ndarray
    mask: np.ndarray
    uncertainty: np.ndarray | None


def resample(stamps, start, step, shape, *, holds_flux):
    """
    Resample stamps to pixels of other sizes or at other places.

    Parameters
    ----------
    stamps : object
        ``pixels``, ``valid`` (or None if all are) and ``uncertainty`` (or None) of shape
        (n, ny, nx[, bands]).
    start : array_like, shape (n, 2)
        ``(x, y)`` at which the resampled stamp begins, from the outer edges of the first pixel on.
    step : array_like, shape (n,)
        Pixels per pixel of the resampled stamps.
    shape : tuple of int
        ``(ny, nx)`` of these.
    holds_flux : bool
        Whether pixels are fluxes, which are summed; otherwise they are averaged.

    Returns
    -------
    `Resampled`

    Notes
    -----
    The flux summed along an axis is known at the edges of pixels. A polynomial of degree 7 through
    eight of them interpolates it at the edges of the new pixels, of which the differences are the
    new pixels: flux is conserved, and new pixels are averages over their area rather than values at
    a point. For pixels of the same size the accuracy is that of a cubic spline.

    Variance is distributed in proportion to the overlap of pixels, so that the variance of the
    flux in an aperture is conserved as if the new pixels were independent. A pixel that stands for
    masked ones beside it, since it is in new pixels of which a part is masked, has the more of it.
    """
    start, step = np.asarray(start, dtype=float), np.asarray(step, dtype=float)
    layers = _as_layers(stamps.pixels)
    lengths = layers.shape[2:]
    flux = _Weights.along(start, step, shape, lengths, dtype=layers.dtype)
    square = (step**2)[:, np.newaxis, np.newaxis, np.newaxis]
    whole = _lies_within(start, step, shape, lengths)
    is_known = stamps.valid is None and whole.all()
    if not is_known or stamps.uncertainty is not None:
        options = {'interpolated': False, 'dtype': layers.dtype}
        area = _Weights.along(start, step, shape, lengths, **options)
    if is_known:
        known = covered = square
        light = flux.sums(layers)
    else:
        ones = np.ones(stamps.pixels.shape, bool) if stamps.valid is None else stamps.valid
        valid = _as_layers(ones)
        known, covered = (
            flux.sums(valid.astype(layers.dtype)),
            area.sums(valid.astype(layers.dtype)),
        )
        # Exactly, so that such a stamp is the same beside others that are masked.
        complete = whole & valid.all(axis=(1, 2, 3))
        known[complete] = covered[complete] = square[complete]
        light = flux.sums(np.where(valid, layers, 0))
        stamps = _Masked(stamps, ones)
    variance = None
    if stamps.uncertainty is not None:
        deviation = _as_layers(stamps.uncertainty)
        if not is_known:
            deviation = deviation * np.sqrt(_use_of_pixels(area, covered, square))
        variance = _summed_variance(deviation, area.sums)
    return _ratios(
        stamps.pixels, light, known, covered, variance, square=square, holds_flux=holds_flux
    )


def bin_pixels(stamps, factor, *, holds_flux):
    """
    Sums or means of blocks of pixels.

    Parameters
    ----------
    stamps : object
        As for `resample`; its edges are multiples of the factor.
    factor : int
        Pixels along the edge of a block.
    holds_flux : bool
        Whether pixels are fluxes, which are summed; otherwise they are averaged.

    Returns
    -------
    `Resampled`
    """
    layers = _as_layers(stamps.pixels)
    n, bands, ny, nx = layers.shape
    blocks = (n, bands, ny // factor, factor, nx // factor, factor)

    def sums(values):
        return values.reshape(blocks).sum(axis=(3, 5), dtype=float)

    variance, covered = None, float(factor**2)
    if stamps.valid is not None:
        valid = _as_layers(stamps.valid)
        layers, covered = np.where(valid, layers, 0), sums(valid)
        stamps = _Masked(stamps, stamps.valid)
    if stamps.uncertainty is not None:
        variance = _summed_variance(_as_layers(stamps.uncertainty), sums)
        with np.errstate(divide='ignore', invalid='ignore'):
            variance = variance * (factor**2 / covered)
    with np.errstate(over='ignore', invalid='ignore'):
        light = sums(layers)
    return _ratios(
        stamps.pixels, light, covered, covered, variance, square=factor**2, holds_flux=holds_flux
    )


def weights_along_axis(start, step, size, length, *, interpolated=True, dtype=float):
    """
    Weights of pixels in resampled pixels along an axis.

    Parameters
    ----------
    start, step : array_like, shape (n,)
        As for `resample`.
    size, length : int
        Number of resampled pixels and of pixels.
    interpolated : bool, optional
        Interpolate the summed flux, as in `resample`; otherwise the weight of a pixel is the
        length of its overlap.
    dtype : data type, optional
        Data type of the weights.

    Returns
    -------
    `~numpy.ndarray`, shape (n, size, length)

    Examples
    --------
    >>> from astro_wgan.cutouts.resampled.resampling import weights_along_axis
    >>> weights_along_axis([0.0], [1.5], 2, 3, interpolated=False)[0].tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]
    """
    start, step = (np.asarray(values, dtype=float).reshape(-1, 1) for values in (start, step))
    edges = start + step * np.arange(size + 1)
    base = np.floor(edges)
    # Flux below each edge, per flux of each pixel: 1 for pixels that are entirely below.
    places = np.arange(-_REACH, length + _REACH)
    row = np.clip(base, -_REACH, length + _REACH).astype(np.int64) + _REACH
    below = (places < np.arange(-_REACH, length + _REACH + 1)[:, np.newaxis]).astype(dtype)[row]
    inside = np.flatnonzero((base >= 0) & (base < length))
    part = (edges - base).ravel()[inside]
    first = inside * below.shape[-1] + row.ravel()[inside] - _REACH
    if interpolated:
        place, change = first[:, np.newaxis] + np.arange(2 * _REACH + 1), _pixel_weights(part)
    else:
        place, change = first + _REACH, part
    below.reshape(-1)[place] += change.astype(dtype)
    below = below[..., _REACH : length + _REACH]
    return below[:, 1:] - below[:, :-1]


def noise_correlation(start, step, shape):
    """
    Noise of large apertures over that for independent pixels, if pixels were independent before.

    Parameters
    ----------
    start, step, shape
        As for `resample`.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        R of Fruchter & Hook (2002, section 7): noise per aperture is this factor times the scatter
        between pixels; 1 for stamps that are not resampled.

    Examples
    --------
    >>> from astro_wgan.cutouts.resampled.resampling import noise_correlation
    >>> noise_correlation([[0, 0], [0.5, 0]], [1, 1], (8, 8)).round(2).tolist()
    [1.0, 1.16]
    """
    start = np.asarray(start, dtype=float).reshape(-1, 2) % 1
    step = np.minimum(np.asarray(step, dtype=float), _LARGE_STEP)
    ratio = np.ones(len(step))
    for first in range(0, len(step), _STAMPS):
        rows = slice(first, first + _STAMPS)
        length = int(np.ceil(_PHASES * step[rows].max())) + 1 + 2 * _REACH
        for axis, size in enumerate(shape[::-1]):
            count = min(size, _PHASES)
            weights = weights_along_axis(start[rows, axis] + _REACH, step[rows], count, length)
            ratio[rows] *= step[rows] / (weights**2).sum(axis=-1).mean(axis=-1)
    return np.sqrt(ratio)


@dataclass(frozen=True, eq=False)
class _Weights:
    """
    Weights of pixels along y and x, shapes (n, size, length).

    Attributes
    ----------
    y, x : `~numpy.ndarray`
    blocks_y, blocks_x : list of tuple
        Slices of resampled pixels, and of the pixels that have weights in them.
    """

    y: np.ndarray
    x: np.ndarray
    blocks_y: list
    blocks_x: list

    @classmethod
    def along(cls, start, step, shape, lengths, **options):
        axes = [
            (start[:, axis], step, size, length)
            for axis, size, length in zip((1, 0), shape, lengths, strict=True)
        ]
        weights = [weights_along_axis(*axis, **options) for axis in axes]
        return cls(*weights, *(list(_blocks_with_weights(*axis)) for axis in axes))

    def sums(self, layers):
        """Weighted sums of images (n, bands, ny, nx)."""
        # Matrices with other strides are not left to BLAS.
        layers = np.ascontiguousarray(layers)
        y, x = (w[:, np.newaxis].astype(layers.dtype, copy=False) for w in (self.y, self.x))
        rows = np.empty((*layers.shape[:2], y.shape[2], layers.shape[3]), dtype=layers.dtype)
        found = np.empty((*rows.shape[:3], x.shape[2]), dtype=layers.dtype)
        x = np.swapaxes(x, -1, -2)
        with np.errstate(over='ignore', invalid='ignore', under='ignore'):
            for new, old in self.blocks_y:
                np.matmul(y[..., new, old], layers[..., old, :], out=rows[..., new, :])
            for new, old in self.blocks_x:
                np.matmul(rows[..., old], x[..., old, new], out=found[..., new])
        return found

    def spread(self, found):
        """Images (n, bands, ny, nx) that have the weights of pixels in resampled images."""
        y, x = (w[:, np.newaxis].astype(found.dtype, copy=False) for w in (self.y, self.x))
        return np.swapaxes(y, -1, -2) @ (np.ascontiguousarray(found) @ x)


def _blocks_with_weights(start, step, size, length):
    """Blocks of resampled pixels, and the pixels with weights in them, as slices."""
    count = max(1, round(size / _BLOCK))
    edges = [size * k // count for k in range(count + 1)] if len(step) else []
    for first, last in pairwise(edges):
        begin = np.floor((start + first * step).min()) - _REACH
        end = np.floor((start + last * step).max()) + _REACH + 1
        begin, end = begin // _ADDED * _ADDED, -(-end // _ADDED) * _ADDED
        begin, end = (int(min(max(place, 0), length)) for place in (begin, end))
        yield slice(first, last), slice(begin, end)


class _Masked:
    """Stamps of which only valid pixels count."""

    def __init__(self, stamps, valid):
        self.pixels, self.valid = stamps.pixels, valid
        self.uncertainty = None
        if stamps.uncertainty is not None:
            self.uncertainty = np.where(valid, stamps.uncertainty, 0)


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


def _as_layers(images):
    """Images (n, ny, nx[, bands]) as (n, bands, ny, nx)."""
    return images[:, np.newaxis] if images.ndim == 3 else np.moveaxis(images, -1, 1)


def _lies_within(start, step, shape, lengths):
    """Whether all pixels that contribute to resampled stamps exist."""
    last = start + step[:, np.newaxis] * np.array(shape[::-1])
    reach = np.where((start % 1 == 0) & (step == 1)[:, np.newaxis], 0, _REACH)
    return ((start >= reach) & (last <= np.array(lengths[::-1]) - reach)).all(axis=1)


def _summed_variance(uncertainty, sums):
    """Sums of the variance; infinite where that of a pixel is, or is not known."""
    # In double precision only where it is needed, since that takes twice as long.
    is_large = not np.abs(uncertainty).max(initial=0) < _LARGE
    with np.errstate(over='ignore', invalid='ignore', under='ignore'):
        variance = np.square(uncertainty, dtype=float if is_large else uncertainty.dtype)
    if not is_large:
        return sums(variance)
    unknown = ~np.isfinite(variance)
    summed = sums(np.where(unknown, 0, variance))
    summed[sums(unknown.astype(float)) > 0] = np.inf
    return summed


def _use_of_pixels(area, covered, square):
    """How much each pixel contributes to the flux in large apertures; 1 if no pixel is masked."""
    with np.errstate(divide='ignore', invalid='ignore'):
        more = square / covered - 1
    more[_is_masked(covered, square)] = 0
    return 1 + area.spread(more.astype(covered.dtype, copy=False))


def _is_masked(covered, square):
    return covered < _LEAST_COVERAGE * square


def _ratios(pixels, light, known, covered, variance, *, square, holds_flux):
    """Pixels, mask and uncertainty from sums over valid pixels and how much of these there is."""
    mask = np.broadcast_to(_is_masked(covered, square), light.shape).copy()
    largest = np.finfo(pixels.dtype).max
    factor = square if holds_flux else 1
    with np.errstate(over='ignore', invalid='ignore', divide='ignore', under='ignore'):
        # Where all is known, sums are left as they are. Arrays of pixels keep their precision.
        mean = light * np.asarray(factor / known, dtype=light.dtype)
        mask |= np.isnan(mean)
        found = np.clip(mean, -largest, largest).astype(pixels.dtype, copy=False)
        deviation = None
        if variance is not None:
            scale = np.asarray(factor / np.sqrt(covered * square), dtype=variance.dtype)
            deviation = np.sqrt(variance) * scale
            if variance.dtype != pixels.dtype:
                finite = np.isfinite(deviation)
                np.minimum(deviation, largest, where=finite, out=deviation)
            deviation = deviation.astype(pixels.dtype, copy=False)
    for values in (found, deviation):
        if values is not None:
            values[mask] = np.nan
    return Resampled(*(_as_images(values, pixels.ndim) for values in (found, mask, deviation)))


def _as_images(layers, ndim):
    if layers is None:
        return None
    return layers[:, 0] if ndim == 3 else np.moveaxis(layers, 1, -1)
