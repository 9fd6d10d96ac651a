"""`Batch`: stamps of one band as plain arrays that are measured together."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from astro_wgan.detection.noise_scaling import noise_scale, scaled

__all__ = ['Batch', 'batch_rows', 'checked_band', 'read_batch']

#: Pixels of a batch: enough to make the overhead of Python small, few enough to fit into the cache
#: of a processor and to report progress often.
_PIXELS = 2**20


class Batch(NamedTuple):
    """
    Stamps of one band.

    Attributes
    ----------
    pixels : `~numpy.ndarray` of float32, shape (n, ny, nx)
        The images, divided by ``scale``.
    mask : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True for pixels to exclude; None if there are none.
    noise : `~numpy.ndarray` of float32, shape (n, ny, nx), or None
        Standard deviation of each pixel, divided by ``scale``, if known.
    scale : `~numpy.ndarray` of float64, shape (n,), or None
        Scale in the unit of the stamps, a power of two close to the noise of each stamp; None if
        the pixels are not scaled.
    background : `~numpy.ndarray` of float32, shape (n, 1, 1) or (n, ny, nx), or None
        Background level, divided by ``scale``, if known.
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
    Read stamps as a `Batch`.

    Parameters
    ----------
    part : `~astro_wgan.StampSet`
        The stamps of the batch.
    band : int, optional
        The band, as returned by `checked_band`.
    background : `~numpy.ndarray`, shape (n,) or (n, ny, nx), optional
        Background level in the unit of the pixels, if known.

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
    Validate the band to measure. None for stamps without a band axis.

    Raises
    ------
    ValueError
        If it is out of range, or missing for stamps of several bands.
    """
    if band is not None and (isinstance(band, bool) or not isinstance(band, Integral)):
        raise ValueError(f'`band` must be an integer; got {band!r}.')
    if bands is None:
        if band is not None:
            raise ValueError(f'`band` is for stamps of several bands; got {band} for plain images.')
        return None
    if band is None and bands > 1:
        raise ValueError(f'`band` is needed to choose one of the {bands} bands.')
    band = 0 if band is None else band
    if not 0 <= band < bands:
        raise ValueError(f'`band` must lie between 0 and {bands - 1}; got {band}.')
    return int(band)
