"""`Batch`: stamps of one band as plain arrays that are measured together."""

from typing import NamedTuple

import numpy as np

from astro_wgan.detection.noise_scaling import noise_scale, scaled

__all__ = ['BandBatches', 'Batch', 'batch_rows', 'checked_band', 'checked_bands', 'read_batch']

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


class BandBatches(NamedTuple):
    """
    The same stamps in several bands.

    Attributes
    ----------
    bands : tuple of `Batch`
        Of each band that is measured.
    detected : `Batch` or None
        Of the band in which sources are detected; None for the chi-squared image of all.
    """

    bands: tuple
    detected: Batch | None


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


def checked_band(band, stamps):
    """
    Validate the band to measure. None for stamps without a band axis.

    Parameters
    ----------
    band : str, int or None
        Name or number of the band.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`

    Raises
    ------
    ValueError
        If there is no such band, or it is missing for stamps of several bands.
    """
    if band is None and stamps.n_bands is not None and stamps.n_bands > 1:
        raise ValueError(f'`band` is needed to choose one of the {stamps.n_bands} bands.')
    numbers = checked_bands(band, stamps)
    if len(numbers) > 1:
        raise ValueError(f'`band` must be one band; got {band!r}.')
    return numbers[0]


def checked_bands(band, stamps):
    """
    Validate the bands to measure: their numbers, or ``[None]`` for stamps without a band axis.

    Parameters
    ----------
    band : str, int, sequence of them, or None
        Names or numbers of bands; None for all.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`

    Raises
    ------
    ValueError
        If there is no such band, or it occurs twice.
    """
    is_list = isinstance(band, (list, tuple, np.ndarray))
    if stamps.n_bands is None:
        named = [None, *(each.name for each in stamps.bands)]
        if is_list or not any(band is name or band == name for name in named):
            raise ValueError(f'`band` is for stamps of several bands; got {band} for plain images.')
        return [None]
    if band is None:
        return list(range(stamps.n_bands))
    # Imported here, since processes that measure sources do not need astropy.
    from astro_wgan.bands.band import band_number

    numbers = [band_number(each, stamps.bands) for each in (band if is_list else [band])]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f'`band` must be different bands; got {band!r}.')
    return numbers
