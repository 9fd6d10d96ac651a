"""`gaussian_noise`: correlated Gaussian noise, quickly."""

import warnings
from functools import cache
from math import factorial

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from numpy.polynomial.hermite_e import hermegauss, hermeval
from scipy import fft
from scipy.special import ndtr

__all__ = ['MarginalDistribution', 'NoiseFilter', 'gaussian_noise', 'poisson_noise']


#: Pixels of noise that are in work at a time: what fits the cache next to a processor core.
_CACHED_PIXELS = 2**16


def gaussian_noise(noise_filter, n, *, sigma, rng):
    """
    Correlated Gaussian noise.

    Parameters
    ----------
    noise_filter : `~astro_wgan.noise.random_fields.NoiseFilter`
        Its correlation, and the shape of the stamps.
    n : int
        How many stamps.
    sigma : float
        Standard deviation of the pixels.
    rng : `~numpy.random.Generator`

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)

    Notes
    -----
    The noise is made at spatial frequencies: each mode is a random number times the amplitude of
    the filter. A pixel is a sum of thousands of modes, so it is Gaussian although each of these
    has one of 256 values only, which take a fraction of the time that normal deviates take.
    """
    (by, bx), (ny, nx) = noise_filter.box, noise_filter.shape
    # Twice each, for real and imaginary parts: quicker than to multiply complex numbers.
    amplitude = np.repeat(noise_filter.amplitude * (sigma / np.sqrt(by * bx)), 2, axis=1)
    amplitude = amplitude.astype(np.float32)
    stamps = np.empty((n, ny, nx), dtype=np.float32)
    pairs = max(1, _CACHED_PIXELS // (by * bx))
    modes = np.empty((pairs, by, bx), dtype=np.complex64)
    for first in range(0, n, 2 * pairs):
        part = stamps[first : first + 2 * pairs]
        draws = rng.bit_generator.random_raw(-(-modes.size // 8)).view(np.uint8)
        _complex_deviates().take(draws[: modes.size].reshape(modes.shape), out=modes, mode='wrap')
        modes.view(np.float32)[...] *= amplitude
        # In place, and of the rows only those that a stamp has.
        rows = fft.ifft(modes, axis=1, norm='forward', overwrite_x=True)[:, :ny]
        fields = fft.ifft(rows, axis=2, norm='forward', overwrite_x=True)[:, :, :nx]
        # Real and imaginary part are two fields that know nothing of each other.
        count = -(-len(part) // 2)
        part[:count] = fields.real[:count]
        part[count:] = fields.imag[: len(part) - count]
    return stamps


@cache
def _complex_deviates():
    """Complex normal deviates of variance 2: 256 of equal probability, a sunflower of them."""
    k = np.arange(256)
    amplitude = np.sqrt(-2 * np.log((k + 0.5) / 256))
    phase = k * np.pi * (3 - np.sqrt(5))
    parts = amplitude * np.array([np.cos(phase), np.sin(phase)])
    # Exactly independent real and imaginary parts, of mean 0 and variance 1.
    parts -= parts.mean(axis=1, keepdims=True)
    parts = np.linalg.solve(np.linalg.cholesky(np.cov(parts, bias=True)), parts)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


#: Correlation that pixels at opposite edges of a stamp may have although they should have none.
_WRAPPED = 0.005

#: Share of the power that may be negative, and lost, before this is said.
_NEGATIVE = 0.02


class NoiseFilter:
    """
    A filter that gives white noise of variance 1 a correlation, and keeps its variance.

    Parameters
    ----------
    coefficients : `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
        Correlation coefficients, lag zero in the middle.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Attributes
    ----------
    box : tuple of int
        ``(ny, nx)`` of the white noise: larger than the stamp, since the filter goes around the
        edges of the box, and opposite edges of a stamp should not be alike.
    amplitude : `~numpy.ndarray` of float32, shape of the box
        Square root of the power spectrum; frequency zero comes first. Its mean square is 1.

    Notes
    -----
    The box exceeds the stamp by the lag beyond which no coefficient is above 0.005. Coefficients
    that are measured need not be those of any noise: they may ask for negative power at some
    frequencies, which becomes zero.
    """

    def __init__(self, coefficients, shape):
        self.shape = tuple(shape)
        reach = _reach(coefficients)
        self.box = tuple(_fast(size + reach) for size in self.shape)
        power = fft.fft2(_around(coefficients, self.box)).real
        positive = np.clip(power, 0, None)
        lost = 1 - power.sum() / positive.sum()
        if lost > _NEGATIVE:
            warnings.warn(
                f'No noise has exactly this correlation: {100 * lost:.0f} per cent of its power '
                'would be negative. Measure it on more sky, or with a lower `max_lag`.',
                AstropyUserWarning,
                stacklevel=3,
            )
        self.amplitude = np.sqrt(positive / positive.mean()).astype(np.float32)

    def apply(self, white):
        """
        Filter white noise.

        Parameters
        ----------
        white : `~numpy.ndarray` of float32, shape (n, *box)

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, *shape)
            The corner of the box where indices begin.
        """
        half = self.amplitude[:, : self.box[1] // 2 + 1]
        found = fft.irfft2(fft.rfft2(white) * half, s=self.box)
        return found[:, : self.shape[0], : self.shape[1]]


def _reach(coefficients):
    """Largest lag along an axis with a coefficient that matters."""
    y, x = np.nonzero(np.abs(coefficients) > _WRAPPED)
    middle = coefficients.shape[0] // 2
    return int(max(np.abs(y - middle).max(), np.abs(x - middle).max()))


def _fast(size):
    """An even size, at least the given one, of which transforms are quick."""
    return 2 * fft.next_fast_len(-(-size // 2), real=False)


def _around(coefficients, box):
    """Coefficients at each place of a box that goes around its edges, lag zero first."""
    max_lag = coefficients.shape[0] // 2
    kept = [min(max_lag, (size - 1) // 2) for size in box]
    lags = [np.arange(-reach, reach + 1) for reach in kept]
    around = np.zeros(box)
    around[np.ix_(*(lag % size for lag, size in zip(lags, box, strict=True)))] = coefficients[
        np.ix_(*(lag + max_lag for lag in lags))
    ]
    return around


#: Electrons below which deviates are Gaussian. Of a pixel with hardly any, one Poisson deviate in
#: thousands is enormous in its sigmas, and the filter would carry it into bright neighbours.
_FEWEST = 1.0

#: Electrons above which they are Gaussian, too: NumPy counts no more than 1e19, and the skewness of
#: so many is 1e-6.
_MOST = 1e12


def poisson_noise(electrons, noise_filter, *, ratio=1.0, rng):
    """
    Correlated Poisson noise.

    Parameters
    ----------
    electrons : `~numpy.ndarray`, shape (n, ny, nx)
        Expected numbers, 0 or more.
    noise_filter : `~astro_wgan.noise.random_fields.NoiseFilter`
        Correlation of the pixels.
    ratio : float, optional
        Noise correlation ratio R: pixels are less noisy by this factor than electrons that were
        counted in them, as `~astro_wgan.noise.noise_correlation_ratio` says.
    rng : `~numpy.random.Generator`

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)
        In electrons: mean 0, variance ``electrons / ratio**2`` in each pixel.

    Notes
    -----
    White Poisson deviates, divided by their own standard deviation, are filtered, which leaves
    their variance at 1, and multiplied by the standard deviation wanted. So two pixels have the
    covariance sigma_1 sigma_2 rho, exactly, for any brightness. Higher moments are approximate:
    the filter makes a pixel a mean over its neighbours, so its skewness is smaller than Poisson's.
    """
    ny, nx = noise_filter.shape
    white = rng.standard_normal((len(electrons), *noise_filter.box), dtype=np.float32)
    inside = white[:, :ny, :nx]  # nobody knows how bright it is around a stamp
    # How many numbers a Poisson deviate takes from its stream depends on the brightness: a stream
    # of its own keeps the noise of an image that of whatever lies before it in the set.
    seeds = rng.integers(2**63, size=len(electrons))
    for deviates, image, seed in zip(inside, electrons, seeds.tolist(), strict=True):
        bright = (image >= _FEWEST) & (image <= _MOST)
        expected = image[bright]
        counted = np.random.default_rng(seed).poisson(expected)
        deviates[bright] = (counted - expected) / np.sqrt(expected)
    return noise_filter.apply(white) * np.sqrt(electrons / ratio**2, dtype=np.float32)


#: Steps of the table, and how many sigma it reaches.
_STEPS = 2**14
_REACH = 6.0

#: Quantiles of the sky that are kept; between them, and in the tails, it is nearly Gaussian.
_QUANTILES = 257

#: Terms of the expansion in Hermite polynomials.
_TERMS = 24


class MarginalDistribution:
    """
    The distribution of pixel values, as a function of Gaussian ones.

    Parameters
    ----------
    values : array_like
        Pixels that have the distribution.

    Notes
    -----
    A Gaussian deviate becomes the value of the same rank. This changes the correlation of two
    pixels to sum_k a_k^2 / k! rho^k, with the coefficients a_k of the function in Hermite
    polynomials (a translation process, Grigoriu 1984, J. Eng. Mech. 110, 610):
    `gaussian_correlation` inverts this relation beforehand.
    """

    def __init__(self, values):
        values = np.asarray(values, dtype=float).ravel()
        # Nearly evenly spaced in sigma, so that the tails are as well known as there are pixels.
        sigma = np.linspace(-_REACH, _REACH, _QUANTILES)
        rank = ndtr(sigma)
        known = (rank * len(values) > 10) & ((1 - rank) * len(values) > 10)
        found = np.quantile(values, rank[known])
        places = np.linspace(-_REACH, _REACH, _STEPS)
        bent = _extrapolated(places, sigma[known], found)
        nodes, weights = hermegauss(100)
        weights = weights / weights.sum()
        at_nodes = np.interp(nodes, places, bent)
        mean = weights @ at_nodes
        scale = np.sqrt(weights @ (at_nodes - mean) ** 2)
        self._table = ((bent - mean) / scale).astype(np.float32)
        at_nodes = (at_nodes - mean) / scale
        self._shares = np.array(
            [
                (weights @ (at_nodes * hermeval(nodes, np.eye(_TERMS)[k]))) ** 2 / factorial(k)
                for k in range(_TERMS)
            ]
        )
        self._shares[0] = 0
        self._shares /= self._shares.sum()

    def gaussian_correlation(self, coefficients):
        """The correlation that Gaussian pixels need, so that bent ones have the given one."""
        rho = np.linspace(-1, 1, 2001)
        return np.interp(coefficients, np.polynomial.polynomial.polyval(rho, self._shares), rho)

    def apply(self, noise):
        """Give Gaussian noise of variance 1 the histogram, with mean 0 and variance 1; in place."""
        step = np.float32((_STEPS - 1) / (2 * _REACH))
        middle = np.float32(_REACH) * step + np.float32(0.5)
        pixels = noise.reshape(-1)
        for first in range(0, len(pixels), _CACHED_PIXELS):
            part = pixels[first : first + _CACHED_PIXELS]
            places = part * step
            places += middle
            np.clip(places, 0, _STEPS - 1, out=places)
            self._table.take(places.astype(np.uint16), out=part, mode='wrap')


def _extrapolated(x, known, values):
    """Linear interpolation that goes on with the slope of its ends."""
    slope = [(values[3] - values[0]) / (known[3] - known[0])]
    slope.append((values[-1] - values[-4]) / (known[-1] - known[-4]))
    below = values[0] + slope[0] * (x - known[0])
    above = values[-1] + slope[1] * (x - known[-1])
    inside = np.interp(x, known, values)
    return np.where(x < known[0], below, np.where(x > known[-1], above, inside))
