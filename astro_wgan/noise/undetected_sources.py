"""Is the sky as clean as it looks? Tests for sources too faint to be detected."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.stats import binomtest

from astro_wgan.noise.estimators import jackknife_error

__all__ = ['UndetectedSourceTest', 'undetected_source_test']

#: Blocks along an edge of the image that the error of the skewness is measured from.
_BLOCKS = 8

#: How many sigma a peak is high.
_PEAK = 3


@dataclass(frozen=True)
class UndetectedSourceTest:
    """
    What tells sky with faint sources from sky without.

    Sources are bright and never dark: they make the sky skew, and more of its peaks high than
    low. Neither needs to know how the noise is correlated.

    Attributes
    ----------
    skewness, skewness_err : float
        Third moment of the clean pixels in units of their scatter, and its standard error by a
        jackknife over blocks of the image.
    n_high_peaks, n_low_peaks : int
        Pixels above all 8 neighbours and 3 sigma above the mean; and the same downwards.
    p_value : float
        Of so many high ones among the peaks, if both kinds were equally likely.
    """

    skewness: float
    skewness_err: float
    n_high_peaks: int
    n_low_peaks: int
    p_value: float


def undetected_source_test(pixels, clean):
    """
    Test the clean part of an image for sources.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        Where it is sky.

    Returns
    -------
    `UndetectedSourceTest`
    """
    sky = pixels[clean]
    mean, scatter = sky.mean(dtype=float), sky.std(dtype=float)
    if scatter == 0:
        return UndetectedSourceTest(0.0, 0.0, 0, 0, 1.0)
    deviation = (np.where(clean, pixels, mean) - mean) / scatter
    skewness, error = _skewness(deviation, clean)
    high, low = _count_peaks(deviation, clean), _count_peaks(-deviation, clean)
    p_value = 1.0
    if high + low:
        p_value = float(binomtest(high, high + low, alternative='greater').pvalue)
    return UndetectedSourceTest(skewness, error, high, low, p_value)


def _skewness(deviation, clean):
    y, x = (np.linspace(0, n, _BLOCKS, endpoint=False).astype(int) for n in clean.shape)
    powers = [clean, deviation, deviation**2, deviation**3]
    sums = [
        np.add.reduceat(np.add.reduceat(part.astype(float), y, axis=0), x, axis=1).ravel()
        for part in powers
    ]
    full = _standardized_third(*(part.sum() for part in sums))
    filled = sums[0] > 0
    without = _standardized_third(*(part.sum() - part[filled] for part in sums))
    return float(full), float(jackknife_error(without))


def _standardized_third(count, first, second, third):
    with np.errstate(divide='ignore', invalid='ignore'):
        mean, square, cube = first / count, second / count, third / count
        variance = square - mean**2
        return (cube - 3 * mean * square + 2 * mean**3) / variance**1.5


def _count_peaks(deviation, clean):
    highest = maximum_filter(np.where(clean, deviation, -np.inf), 3) == deviation
    return int(np.count_nonzero(highest & clean & (deviation > _PEAK)))
