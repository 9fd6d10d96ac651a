"""Batches: some stamps of one band as plain arrays, measured together."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from astro_wgan.detection.noise_scaling import noise_scale, scaled

__all__ = ['Batch', 'batch_rows', 'checked_band', 'read_batch']

#: Pixels of a batch: so many that Python's share of the time is small, so few that they stay
#: in a processor's cache and progress is reported often.
_PIXELS = 2**20


class Batch(NamedTuple):
    """
    Stamps of one band.

    Attributes
    ----------
    pixels : `~numpy.ndarray` of float32, shape (n, ny, nx)
        The images, in units of ``scale``.
    mask : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True where a pixel must not be used; None where all may be.
    noise : `~numpy.ndarray` of float32, shape (n, ny, nx), or None
        Standard deviation of each pixel in the same units, where it is known.
    scale : `~numpy.ndarray` of float64, shape (n,), or None
        What pixels of 1 are in the unit of the stamps, a power of two near the noise of each
        stamp; None where they are in that unit.
    background : `~numpy.ndarray` of float32, shape (n, 1, 1) or (n, ny, nx), or None
        Level of the sky in units of ``scale``, where it is known and need not be measured.
    """

    pixels: np.ndarray
    mask: np.ndarray | None = None
    noise: np.ndarray | None = None
    scale: np.ndarray | None = None
    background: np.ndarray | None = None

    @property
    def scales(self):
        """``scale``, or 1 for each stamp."""
        return np.ones(len(self.pixels)) if self.scale is None else self.scale


def batch_rows(stamps, *, first=0):
    """Slices of batches of stamps, beginning with a stamp; one batch if there are no stamps."""
    ny, nx = stamps.shape
    size = max(1, _PIXELS // (ny * nx))
    n = len(stamps)
    starts = range(first, n, size) if n else [0]
    return [slice(start, min(start + size, n)) for start in starts]


def read_batch(part, band=None, background=None):
    """
    Stamps as plain arrays.

    Parameters
    ----------
    part : `~astro_wgan.StampSet`
        A few stamps.
    band : int, optional
        Which band, as `checked_band` gives it.
    background : `~numpy.ndarray`, shape (n,) or (n, ny, nx), optional
        Level of the sky in the unit of the pixels, where it is known.

    Returns
    -------
    `Batch`
    """
    mask = None if part.mask is None else ~part.valid
    arrays = part.pixels, mask, part.uncertainty
    if band is not None:
        arrays = (None if array is None else array[..., band] for array in arrays)
    pixels, mask, noise = arrays
    scale = noise_scale(pixels, bad=mask, noise=noise)
    noise = None if noise is None else scaled(noise, scale)
    if background is not None:
        levels = np.asarray(background, dtype=np.float64)
        background = scaled(levels.reshape(len(levels), *levels.shape[1:] or (1, 1)), scale)
    return Batch(scaled(pixels, scale), mask, noise, scale, background)


def checked_band(band, bands):
    """
    The band to measure, or None where the stamps have only one without a band axis.

    Raises
    ------
    ValueError
        If it is out of range, or not given where there is a choice.
    """
    if band is not None and (isinstance(band, bool) or not isinstance(band, Integral)):
        raise ValueError(f'`band` must be the number of one band; got {band!r}.')
    if bands is None:
        if band is not None:
            raise ValueError(f'`band` is for stamps of several bands; got {band} for plain images.')
        return None
    if band is None and bands > 1:
        raise ValueError(f'`band` must say which of the {bands} bands is to be measured.')
    band = 0 if band is None else band
    if not 0 <= band < bands:
        raise ValueError(f'`band` must lie between 0 and {bands - 1}; got {band}.')
    return int(band)
