"""Tests of clean sky for sources that are too faint to be detected."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.stats import binomtest

from astro_wgan.noise.estimators import jackknife_error

__all__ = ['UndetectedSourceTest', 'undetected_source_test']

#: Blocks along an edge of the image for the jackknife error of the skewness.
_BLOCKS = 8

#: Height of a peak, in units of sigma.
_PEAK = 3


@dataclass(frozen=True)
class UndetectedSourceTest:
    """
    Result of a test of sky for undetected sources.

    Sources are positive: they make the distribution of pixel values skewed, and cause more positive
    than negative peaks. Neither statistic requires the correlation of the noise to be known.

    Attributes
    ----------
    skewness, skewness_err : float
        Third standardized moment of the clean pixels, and its standard error from a jackknife over
        blocks of the image.
    n_high_peaks, n_low_peaks : int
        Number of pixels that exceed their 8 neighbors and are 3 sigma above the mean, and the same
        for negative deviations.
    p_value : float
        Probability of at least as many positive ones among the peaks, if both signs are equally
        likely.
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
        True for sky.

    Returns
    -------
    `UndetectedSourceTest`
    """
    sky = pixels[clean]
    mean, rms = sky.mean(dtype=float), sky.std(dtype=float)
    if rms == 0:
        return UndetectedSourceTest(0.0, 0.0, 0, 0, 1.0)
    deviation = (np.where(clean, pixels, mean) - mean) / rms
    skewness, skewness_err = _skewness(deviation, clean)
    high, low = _count_peaks(deviation, clean), _count_peaks(-deviation, clean)
    p_value = 1.0
    if high + low:
        p_value = float(binomtest(high, high + low, alternative='greater').pvalue)
    return UndetectedSourceTest(skewness, skewness_err, high, low, p_value)


def _skewness(deviation, clean):
    y, x = (np.linspace(0, n, _BLOCKS, endpoint=False).astype(int) for n in clean.shape)
    powers = [clean, deviation, deviation**2, deviation**3]
    sums = [
        np.add.reduceat(np.add.reduceat(part.astype(float), y, axis=0), x, axis=1).ravel()
        for part in powers
    ]
    skewness = _standardized_third(*(part.sum() for part in sums))
    filled = sums[0] > 0
    samples = _standardized_third(*(part.sum() - part[filled] for part in sums))
    return float(skewness), float(jackknife_error(samples))


def _standardized_third(count, first, second, third):
    with np.errstate(divide='ignore', invalid='ignore'):
        mean, square, cube = first / count, second / count, third / count
        variance = square - mean**2
        return (cube - 3 * mean * square + 2 * mean**3) / variance**1.5


def _count_peaks(deviation, clean):
    highest = maximum_filter(np.where(clean, deviation, -np.inf), 3) == deviation
    return int(np.count_nonzero(highest & clean & (deviation > _PEAK)))
