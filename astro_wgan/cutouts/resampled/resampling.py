"""Resampling of stamps to larger, smaller or shifted pixels, with flux and noise conserved."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from astro_wgan.cutouts.resampled.axis_weights import REACH, weights_along_axis

__all__ = ['Resampled', 'bin_pixels', 'resample']

#: Minimum fraction of a pixel that must be covered by valid pixels, less rounding errors.
_LEAST_COVERAGE = 0.5 - 1e-4

#: Uncertainties whose squares can be added up in single precision; NaN and infinity are not.
_LARGE = 1e15

#: Number of resampled pixels along an axis that are computed at once: most pixels of a stamp have
#: weights in a few of them only.
_BLOCK = 16

#: Blocks begin and end at multiples of as many pixels as BLAS adds up together, so that sums are
#: rounded alike whichever other stamps are resampled at the same time.
_ADDED = 32


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
            with np.errstate(over='ignore'):  # infinite ones are unknown
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
        begin = np.floor((start + first * step).min()) - REACH
        end = np.floor((start + last * step).max()) + REACH + 1
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


def _as_layers(images):
    """Images (n, ny, nx[, bands]) as (n, bands, ny, nx)."""
    return images[:, np.newaxis] if images.ndim == 3 else np.moveaxis(images, -1, 1)


def _lies_within(start, step, shape, lengths):
    """Whether all pixels that contribute to resampled stamps exist."""
    last = start + step[:, np.newaxis] * np.array(shape[::-1])
    reach = np.where((start % 1 == 0) & (step == 1)[:, np.newaxis], 0, REACH)
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
