"""Sky, noise and peak of stamps, which determine a `Stretch`."""

import warnings

import numpy as np
from astropy import units as u
from astropy.stats import sigma_clipped_stats
from astropy.utils.exceptions import AstropyUserWarning
from astropy.visualization import AsinhStretch, LinearStretch, ManualInterval

from astro_wgan.bands.band import names_of

__all__ = [
    'BRIGHTEST',
    'BandCurve',
    'FAINTEST_PEAK',
    'PEAK_PERCENTILE',
    'band_of',
    'given_levels',
    'levels_without_unit',
    'measure_levels',
    'sample_of',
    'sky_of',
]


#: Percentile of a stamp's pixels that defines its peak: of 64 x 64 pixels, 4 are brighter, so that
#: a single hot pixel does not matter.
PEAK_PERCENTILE = 99.9

#: Minimum peak in units of the noise, so that the noise of an empty stamp is not scaled to 1.
FAINTEST_PEAK = 5.0

#: Minimum noise in units of the peak: simulated images may have a sky without noise.
_MIN_NOISE = 1e-4

#: Maximum intensity in units of the typical peak. No source is as bright, and the output of a
#: network for larger numbers would overflow float32.
BRIGHTEST = 1e9

#: Ratio of the noise of two bands beyond which they cannot share a scale.
_MAX_NOISE_RATIO = 100.0

#: Number of evenly spaced pixels of the sample from which the sky is measured.
_SKY_PIXELS = 2**20

#: Number of those from which the typical range of values is measured.
_FEW_PIXELS = 2**14

#: The square of a larger number, and of the inverse of a smaller one, may overflow float64.
_NO_SQUARE = 1e140

#: Pixels in the sample to which a stretch is fitted, and its minimum and maximum number of stamps.
_SAMPLE_PIXELS = 2**23
_SAMPLE_STAMPS = (64, 2048)


def given_levels(sky, noise_rms, peak):
    """
    Known levels, checked, with an entry for each band.

    Parameters
    ----------
    sky, noise_rms, peak : float, sequence of float or None
        As in `~astro_wgan.stamps.Stretch`.

    Returns
    -------
    sky, noise_rms, peak : tuple of float
        None in place of the three if they are all None.

    Raises
    ------
    ValueError
        If only some are given, their lengths differ, or they are out of range.
    """
    levels = (sky, noise_rms, peak)
    if all(level is None for level in levels):
        return None
    if any(level is None for level in levels):
        raise ValueError('Give all of `sky`, `noise_rms` and `peak`, or none of them.')
    try:
        levels = [np.atleast_1d(np.asarray(level, dtype=float)) for level in levels]
    except (TypeError, ValueError) as error:
        raise ValueError(
            '`sky`, `noise_rms` and `peak` must be numbers, or one for each band; '
            f'got {sky!r}, {noise_rms!r} and {peak!r}.'
        ) from error
    if any(level.ndim > 1 for level in levels) or len({level.size for level in levels} - {1}) > 1:
        raise ValueError(
            '`sky`, `noise_rms` and `peak` must have the same length, one number for each band; '
            f'got the shapes {", ".join(str(level.shape) for level in levels)}.'
        )
    levels, noise, tops = np.broadcast_arrays(*levels)
    is_finite = np.isfinite([levels, noise, tops]).all()
    if not (is_finite and (noise > 0).all() and (tops > levels).all()):
        raise ValueError(
            'The levels must be finite, with `noise_rms` above 0 and `peak` above `sky`; '
            f'got sky {sky}, noise_rms {noise_rms} and peak {peak}.'
        )
    return tuple(tuple(array.tolist()) for array in (levels, noise, tops))


def levels_without_unit(levels, unit):
    """
    Known levels as plain numbers, and their unit.

    Parameters
    ----------
    levels : list
        Sky, noise and peak: numbers, or quantities.
    unit : unit-like or None
        Unit that quantities are converted to; by default that of the first.

    Returns
    -------
    levels : list
    unit : unit-like or None

    Raises
    ------
    ValueError
        If only some are quantities.
    astropy.units.UnitConversionError
        If a unit does not convert.
    """
    has_unit = [hasattr(level, 'unit') for level in levels]
    if not any(has_unit):
        return levels, unit
    if not all(has_unit):
        raise ValueError('Give all of `sky`, `noise_rms` and `peak` as quantities, or none.')
    unit = levels[0].unit if unit is None else u.Unit(unit)
    return [level.to_value(unit) for level in levels], unit


def measure_levels(stamps, *, percentile, per_band, seed):
    """
    Sky, noise and peak of a random sample of stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
    percentile : float
        Percentage of the stamps with lower peaks.
    per_band : bool
        Measure noise and peak in each band, instead of a value for all bands.
    seed : int
        Seed of the sample.

    Returns
    -------
    sky, noise_rms, peak : tuple of float
        An entry for each band.

    Raises
    ------
    ValueError
        As in `Stretch.fit`.

    Warns
    -----
    AstropyUserWarning
        As in `Stretch.fit`.
    """
    sample = sample_of(stamps, seed)
    sky, noise, signals = [], [], []
    for (pixels, valid), name in zip(_bands_of(sample), names_of(stamps.bands), strict=True):
        if not valid.any():
            band = f' in band {name}' if stamps.n_bands else ''
            raise ValueError(
                f'`stamps` must hold pixels without a mask{band} to fit the stretch; got none.'
            )
        level, rms = sky_of(pixels[valid])
        sky.append(level)
        noise.append(rms)
        signals.append(np.where(valid, pixels - level, np.nan))
    if not per_band:
        _check_common_scale(noise, names_of(stamps.bands))
        noise = [float(np.mean(noise))] * len(noise)
        signals = [np.concatenate(signals, axis=2)] * len(signals)
    heights = [_typical_height(s, n, percentile) for s, n in zip(signals, noise, strict=True)]
    # A set of constant stamps has neither noise nor peak: any scale will do.
    heights = [h or abs(s) or 1.0 for h, s in zip(heights, sky, strict=True)]
    _check_range(sky, heights)
    noise = tuple(max(n, _MIN_NOISE * h) for n, h in zip(noise, heights, strict=True))
    peak = tuple(s + h for s, h in zip(sky, heights, strict=True))
    return tuple(sky), noise, peak


def _check_common_scale(noise, names):
    """Warn of bands that are invisible on the scale of all, since their unit is another."""
    low, high = int(np.argmin(noise)), int(np.argmax(noise))
    if _MAX_NOISE_RATIO * noise[low] < noise[high]:
        warnings.warn(
            f'The noise of band {names[high]} is {noise[high] / noise[low]:.2g} times that of band '
            f'{names[low]}, which hardly counts on the scale that they share: '
            '`Stretch(per_band=True)` gives each its own.'
            if noise[low] > 0
            else f'Band {names[low]} has no noise, and band {names[high]} has: they share a scale, '
            'on which they can hardly be compared. `Stretch(per_band=True)` gives each its own.',
            AstropyUserWarning,
            stacklevel=4,
        )


def sample_of(stamps, seed):
    """A random sample of stamps, `~astro_wgan.StampSet`, to which a stretch is fitted."""
    if len(stamps) == 0:
        raise ValueError('`stamps` must hold at least one stamp to fit the stretch; got none.')
    return next(stamps.batches(_sample_size(stamps), shuffle=True, seed=seed))


def band_of(array, band):
    """One band of images, or the images themselves where they have no axis of bands."""
    return array[..., band] if array.ndim == 4 else array


def _bands_of(stamps):
    """Pixels and validity of each band, (n, ny, nx)."""
    for band in range(stamps.n_bands or 1):
        yield band_of(stamps.pixels, band), band_of(stamps.valid, band)


def _sample_size(stamps):
    ny, nx = stamps.shape
    least, most = _SAMPLE_STAMPS
    count = _SAMPLE_PIXELS // (ny * nx * (stamps.n_bands or 1))
    return min(max(count, least), most)


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
    """Pixels without extreme values, such as fill values, which would bias the clipping."""
    some = pixels[:: -(-pixels.size // _FEW_PIXELS)]
    with np.errstate(over='ignore', invalid='ignore'):
        middle = np.median(some)
        near = np.abs(pixels - middle) <= BRIGHTEST * np.median(np.abs(some - middle))
    # Most may have one value.
    if not 2 * np.count_nonzero(near) > pixels.size:
        near = np.ones(pixels.size, dtype=bool)
    near &= np.abs(pixels) <= _NO_SQUARE
    return pixels[near] if near.any() else np.clip(pixels, -_NO_SQUARE, _NO_SQUARE)


def _typical_height(signal, noise, percentile):
    """
    Percentile of the peaks of stamps.

    Parameters
    ----------
    signal : `~numpy.ndarray`, shape (n, ny, nx)
        Stamps above their sky; NaN where a pixel must not be used.
    noise : float
        Standard deviation of the sky.
    percentile : float
        Percentage of the stamps with lower peaks.

    Returns
    -------
    float
        Above the sky; not less than five times the noise.

    Notes
    -----
    Stamps with peaks a billion times brighter than the median, such as fill values, are ignored.
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


def _check_range(sky, heights):
    """
    Make sure that levels are in the range of float32, in which networks compute.

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
            '`stamps` must have a sky, and peaks above it, in the range of float32, 1e-45 to 3e38, '
            f'to fit the stretch; got {_listed(sky)} and {_listed(heights)}. Choose another unit.'
        )


def _listed(numbers):
    return ', '.join(f'{number:g}' for number in numbers)


#: Intensities are limited to this multiple of the peak, beyond which asinh overflows.
_LARGEST_INTENSITY = 1e290


class BandCurve:
    """
    The scaling of one band: sky becomes 0 and peak 1.

    Parameters
    ----------
    kind : {'asinh', 'linear'}
    sky, peak : float
        In the unit of the pixels.
    softening : float
        As a fraction of the peak above the sky; only for asinh.
    """

    def __init__(self, kind, sky, peak, softening):
        self._interval = ManualInterval(sky, peak)
        self._stretch = AsinhStretch(softening) if kind == 'asinh' else LinearStretch()

    def scale(self, pixels, *, out):
        """
        Scale images, with extreme values limited.

        Parameters
        ----------
        pixels : `~numpy.ndarray`, shape (n, ny, nx)
        out : `~numpy.ndarray` of float32, shape (n, ny, nx)
            Filled with the result.
        """
        with np.errstate(over='ignore', invalid='ignore'):
            self._interval(pixels, clip=False, out=out)
            self._stretch(out, clip=False, out=out)
        for k in np.flatnonzero(~np.isfinite(out).all(axis=(1, 2))):
            out[k] = self._scale_extremes(pixels[k])

    def scale_height(self, height):
        """The scaled intensity of a height above the sky."""
        height = height / (self._interval.vmax - self._interval.vmin)
        return self._stretch(height, clip=False)

    def invert(self, images):
        """Pixels, in float64, limited to the range of float32."""
        largest = np.finfo(np.float32).max
        pixels = images.astype(float)
        with np.errstate(over='ignore'):
            self._stretch.inverse(pixels, clip=False, out=pixels)
            pixels *= self._interval.vmax - self._interval.vmin
            pixels += self._interval.vmin
        return np.clip(pixels, -largest, largest, out=pixels)

    def _scale_extremes(self, pixels):
        """Scale an image with values that overflow float32 in units of the peak."""
        with np.errstate(over='ignore'):
            intensity = self._interval(pixels.astype(float), clip=False)
        intensity = np.clip(intensity, -_LARGEST_INTENSITY, _LARGEST_INTENSITY)
        return np.clip(self._stretch(intensity, clip=False), -BRIGHTEST, BRIGHTEST)
