"""Sky, noise and peaks of a sample of stamps, which a `Stretch` is fitted on."""

import numpy as np
from astropy.stats import sigma_clipped_stats

__all__ = [
    'BRIGHTEST',
    'FAINTEST_PEAK',
    'LEAST_NOISE',
    'PEAK_PERCENTILE',
    'check_range',
    'sky_of',
    'typical_height',
]

#: Per cent of a stamp's pixels below its peak: of 64 x 64 pixels, 4 are above, so that one hot
#: pixel does not count.
PEAK_PERCENTILE = 99.9

#: Least peak in units of the noise, so that a stamp without a source is not blown up to 1.
FAINTEST_PEAK = 5.0

#: Least noise in units of the peak: images of simulations have a sky without any.
LEAST_NOISE = 1e-4

#: In units of the peak of usual stamps. No source is as bright, and what a network makes of larger
#: numbers leaves float32.
BRIGHTEST = 1e9

#: Pixels of a sample, spread evenly, from which the sky is measured.
_SKY_PIXELS = 2**20

#: Pixels of that sample which say what is usual.
_FEW_PIXELS = 2**14

#: The square of a larger number, and so a variance, may leave float64; below, that of its inverse.
_NO_SQUARE = 1e140


def sky_of(pixels):
    """
    Level and standard deviation of the sky.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (n,)
        A sample of pixels without a mask.

    Returns
    -------
    level, deviation : float

    Raises
    ------
    ValueError
        If there is no pixel.
    """
    if pixels.size == 0:
        raise ValueError('`stamps` must hold pixels without a mask to fit the stretch; got none.')
    pixels = pixels[:: -(-pixels.size // _SKY_PIXELS)].astype(float)
    pixels = _usual(pixels)
    largest = np.abs(pixels).max()
    if 0 < largest < 1 / _NO_SQUARE:
        level, deviation = sky_of(pixels * _NO_SQUARE)
        return level / _NO_SQUARE, deviation / _NO_SQUARE
    mean, median, deviation = sigma_clipped_stats(pixels, sigma=3, maxiters=10)
    level = 2.5 * median - 1.5 * mean
    below = pixels[pixels < level]
    if below.size:
        # Half of a normal distribution: its median lies at 0.6745 standard deviations.
        deviation = np.median(level - below) / 0.6744897501960817
    return float(level), float(deviation)


def _usual(pixels):
    """Those that can be brightness: 3 sigma are many, where a tenth of the pixels is no data."""
    some = pixels[:: -(-pixels.size // _FEW_PIXELS)]
    with np.errstate(over='ignore', invalid='ignore'):
        middle = np.median(some)
        near = np.abs(pixels - middle) <= BRIGHTEST * np.median(np.abs(some - middle))
    # Most may have one value.
    if not 2 * np.count_nonzero(near) > pixels.size:
        near = np.ones(pixels.size, dtype=bool)
    near &= np.abs(pixels) <= _NO_SQUARE
    return pixels[near] if near.any() else np.clip(pixels, -_NO_SQUARE, _NO_SQUARE)


def typical_height(signal, noise, percentile):
    """
    The peak that so many per cent of stamps stay below.

    Parameters
    ----------
    signal : `~numpy.ndarray`, shape (n, ny, nx)
        Stamps above their sky; NaN where a pixel must not be used.
    noise : float
        Standard deviation of the sky.
    percentile : float
        Per cent.

    Returns
    -------
    float
        Above the sky; not less than five times the noise.

    Notes
    -----
    Stamps whose peak is a billion times that of the others, as of a value that stands for no data,
    do not count.
    """
    usable = np.isfinite(signal).any(axis=(1, 2))
    with np.errstate(over='ignore', invalid='ignore'):
        peaks = np.nanpercentile(signal[usable], PEAK_PERCENTILE, axis=(1, 2))
    peaks = peaks[np.isfinite(peaks)]
    if not peaks.size:
        return FAINTEST_PEAK * noise
    usual = BRIGHTEST * max(float(np.percentile(peaks, 50, method='lower')), noise)
    if usual > 0:
        peaks = peaks[peaks.astype(float) <= usual]
    return max(float(np.percentile(peaks, percentile)), FAINTEST_PEAK * noise, 0.0)


def check_range(sky, heights):
    """
    Refuse levels that float32, in which networks compute, does not hold.

    Parameters
    ----------
    sky, heights : sequence of float
        Level of the sky, and of the peaks above it, of each band.

    Raises
    ------
    ValueError
        If one of them is too large, or a height too small.
    """
    with np.errstate(over='ignore', under='ignore'):
        levels, above = np.float32(sky), np.float32(heights)
    if not np.isfinite([levels, above]).all() or not above.all():
        raise ValueError(
            '`stamps` must have a sky, and peaks above it, that float32 holds, 1e-45 to 3e38, to '
            f'fit the stretch; got {_listed(sky)} and {_listed(heights)}. Choose another unit.'
        )


def _listed(numbers):
    return ', '.join(f'{number:g}' for number in numbers)
