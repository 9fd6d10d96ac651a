"""Random fields with a given correlation: Gaussian and Poisson noise, marginal distributions."""

import warnings
from functools import cache
from math import factorial

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from numpy.polynomial.hermite_e import hermegauss, hermeval
from scipy import fft
from scipy.special import ndtr

__all__ = [
    'MarginalDistribution',
    'NoiseFilter',
    'gaussian_noise',
    'poisson_noise',
]

#: Pixels of noise that are processed at a time, so that they fit the cache of a processor core.
_CACHED_PIXELS = 2**16

#: Correlation allowed between opposite edges of a stamp, where the true one is 0.
_WRAPPED = 0.005

#: Fraction of the power that may be negative, and is lost, before a warning is issued.
_NEGATIVE = 0.02

#: Electrons below which deviates are Gaussian. In a pixel with an expectation of 1e-4, one Poisson
#: deviate in thousands is very large in units of sigma, and the filter would spread it to bright
#: pixels nearby.
_FEWEST = 1.0

#: Electrons above which they are Gaussian, too: NumPy counts up to 1e19, and the skewness of such
#: large numbers is 1e-6.
_MOST = 1e12

#: Steps of the table of a marginal distribution, and its range in units of sigma.
_STEPS = 2**14
_REACH = 6.0

#: Quantiles that are measured; between them, and in the tails, the distribution is nearly Gaussian.
_QUANTILES = 257

#: Terms of the expansion in Hermite polynomials.
_TERMS = 24


class NoiseFilter:
    """
    Filter that gives white noise of variance 1 a correlation and keeps its variance.

    Parameters
    ----------
    coefficients : `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
        Correlation coefficients, lag zero in the middle.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Attributes
    ----------
    box : tuple of int
        ``(ny, nx)`` of the white noise. It is larger than the stamp, because the filter is periodic
        in the box and opposite edges of a stamp must not be correlated.
    amplitude : `~numpy.ndarray` of float32, shape of the box
        Square root of the power spectrum, frequency zero first. Its mean square is 1.

    Warns
    -----
    AstropyUserWarning
        If more than 2 percent of the power would be negative.

    Notes
    -----
    The box exceeds the stamp by the largest lag with a coefficient above 0.005. Measured
    coefficients need not be positive definite: negative power is set to zero.
    """

    def __init__(self, coefficients, shape):
        self.shape = tuple(shape)
        reach = _correlation_length(coefficients)
        self.box = tuple(_fast_size(size + reach) for size in self.shape)
        power = fft.fft2(_periodic(coefficients, self.box)).real
        positive = np.clip(power, 0, None)
        lost = 1 - power.sum() / positive.sum()
        if lost > _NEGATIVE:
            warnings.warn(
                f'No noise has exactly this correlation: {100 * lost:.0f} percent of its power '
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
            The lower left corner of the box.
        """
        half = self.amplitude[:, : self.box[1] // 2 + 1]
        filtered = fft.irfft2(fft.rfft2(white) * half, s=self.box)
        return filtered[:, : self.shape[0], : self.shape[1]]


def _correlation_length(coefficients):
    """Largest lag along an axis with a significant coefficient."""
    y, x = np.nonzero(np.abs(coefficients) > _WRAPPED)
    middle = coefficients.shape[0] // 2
    return int(max(np.abs(y - middle).max(), np.abs(x - middle).max()))


def _fast_size(size):
    """An even number, at least ``size``, with a fast Fourier transform."""
    return 2 * fft.next_fast_len(-(-size // 2), real=False)


def _periodic(coefficients, box):
    """Coefficients in a periodic box, lag zero first."""
    max_lag = coefficients.shape[0] // 2
    kept = [min(max_lag, (size - 1) // 2) for size in box]
    lags = [np.arange(-reach, reach + 1) for reach in kept]
    periodic = np.zeros(box)
    periodic[np.ix_(*(lag % size for lag, size in zip(lags, box, strict=True)))] = coefficients[
        np.ix_(*(lag + max_lag for lag in lags))
    ]
    return periodic


def gaussian_noise(noise_filter, n, *, sigma, rng):
    """
    Correlated Gaussian noise.

    Parameters
    ----------
    noise_filter : `NoiseFilter`
        Correlation of the noise and shape of the stamps.
    n : int
        Number of stamps.
    sigma : float
        Standard deviation of the pixels.
    rng : `~numpy.random.Generator`

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)

    Notes
    -----
    The noise is generated in Fourier space: each mode is a random number times the amplitude of the
    filter. A pixel is the sum of thousands of modes and therefore Gaussian, although each mode has
    one of only 256 values, which are much faster to draw than normal deviates.
    """
    (by, bx), (ny, nx) = noise_filter.box, noise_filter.shape
    # Repeated for real and imaginary parts, which is faster than to multiply complex numbers.
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
        # In place, and along x only for the rows inside the stamp.
        rows = fft.ifft(modes, axis=1, norm='forward', overwrite_x=True)[:, :ny]
        fields = fft.ifft(rows, axis=2, norm='forward', overwrite_x=True)[:, :, :nx]
        # The real and imaginary parts are two independent fields.
        count = -(-len(part) // 2)
        part[:count] = fields.real[:count]
        part[count:] = fields.imag[: len(part) - count]
    return stamps


@cache
def _complex_deviates():
    """Complex normal deviates of variance 2: 256 equally probable values on a Fibonacci spiral."""
    k = np.arange(256)
    amplitude = np.sqrt(-2 * np.log((k + 0.5) / 256))
    phase = k * np.pi * (3 - np.sqrt(5))
    parts = amplitude * np.array([np.cos(phase), np.sin(phase)])
    # Exactly uncorrelated real and imaginary parts of mean 0 and variance 1.
    parts -= parts.mean(axis=1, keepdims=True)
    parts = np.linalg.solve(np.linalg.cholesky(np.cov(parts, bias=True)), parts)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def poisson_noise(electrons, noise_filter, *, ratio=1.0, rng):
    """
    Correlated Poisson noise.

    Parameters
    ----------
    electrons : `~numpy.ndarray`, shape (n, ny, nx)
        Expected numbers of electrons, 0 or more.
    noise_filter : `NoiseFilter`
        Correlation of the noise.
    ratio : float, optional
        Noise correlation ratio R (`~astro_wgan.noise.noise_correlation_ratio`), by which the rms of
        a pixel is lower than that of its electrons.
    rng : `~numpy.random.Generator`

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)
        In electrons, with mean 0 and variance ``electrons / ratio**2`` in each pixel.

    Notes
    -----
    White Poisson deviates, divided by their standard deviation, are filtered, which keeps their
    variance of 1, and multiplied by the required standard deviation. The covariance of two pixels
    is thus exactly sigma_1 sigma_2 rho for any brightness. Higher moments are approximate: since
    the filter averages over adjacent pixels, the skewness is lower than that of a Poisson
    distribution.
    """
    ny, nx = noise_filter.shape
    white = rng.standard_normal((len(electrons), *noise_filter.box), dtype=np.float32)
    inside = white[:, :ny, :nx]  # the brightness outside of a stamp is unknown
    # How many random numbers a Poisson deviate consumes depends on the brightness. With a stream
    # for each image, its noise does not depend on the images before it.
    seeds = rng.integers(2**63, size=len(electrons))
    for deviates, image, seed in zip(inside, electrons, seeds.tolist(), strict=True):
        bright = (image >= _FEWEST) & (image <= _MOST)
        expected = image[bright]
        counted = np.random.default_rng(seed).poisson(expected)
        deviates[bright] = (counted - expected) / np.sqrt(expected)
    return noise_filter.apply(white) * np.sqrt(electrons / ratio**2, dtype=np.float32)


class MarginalDistribution:
    """
    Distribution of pixel values, as a transformation of Gaussian deviates.

    Parameters
    ----------
    values : array_like
        Pixels that sample the distribution.

    Notes
    -----
    A Gaussian deviate is mapped to the value of the same rank (a translation process, Grigoriu
    1984, J. Eng. Mech. 110, 610). This changes a correlation coefficient rho to
    sum_k a_k^2 / k! rho^k, where a_k are the coefficients of the mapping in Hermite polynomials;
    `gaussian_correlation` inverts this relation.
    """

    def __init__(self, values):
        values = np.asarray(values, dtype=float).ravel()
        # Uniform in sigma, so that the tails are sampled as far as there are pixels.
        sigma = np.linspace(-_REACH, _REACH, _QUANTILES)
        rank = ndtr(sigma)
        known = (rank * len(values) > 10) & ((1 - rank) * len(values) > 10)
        quantiles = np.quantile(values, rank[known])
        grid = np.linspace(-_REACH, _REACH, _STEPS)
        mapped = _extrapolated(grid, sigma[known], quantiles)
        nodes, weights = hermegauss(100)
        weights = weights / weights.sum()
        at_nodes = np.interp(nodes, grid, mapped)
        mean = weights @ at_nodes
        scale = np.sqrt(weights @ (at_nodes - mean) ** 2)
        self._table = ((mapped - mean) / scale).astype(np.float32)
        at_nodes = (at_nodes - mean) / scale
        # a_k^2 / k! of the notes, for k = 0, 1, ...
        self._series = np.array(
            [
                (weights @ (at_nodes * hermeval(nodes, np.eye(_TERMS)[k]))) ** 2 / factorial(k)
                for k in range(_TERMS)
            ]
        )
        self._series[0] = 0
        self._series /= self._series.sum()

    def gaussian_correlation(self, coefficients):
        """
        Correlation of Gaussian noise that `apply` turns into the given one.

        Parameters
        ----------
        coefficients : `~numpy.ndarray`
            Correlation coefficients that are wanted.

        Returns
        -------
        `~numpy.ndarray`, same shape
        """
        rho = np.linspace(-1, 1, 2001)
        return np.interp(coefficients, np.polynomial.polynomial.polyval(rho, self._series), rho)

    def apply(self, noise):
        """
        Map Gaussian noise to the distribution, in place.

        Parameters
        ----------
        noise : `~numpy.ndarray` of float32
            Gaussian noise of mean 0 and variance 1; it has the distribution afterwards, scaled to
            mean 0 and variance 1.
        """
        step = np.float32((_STEPS - 1) / (2 * _REACH))
        middle = np.float32(_REACH) * step + np.float32(0.5)
        pixels = noise.reshape(-1)
        for first in range(0, len(pixels), _CACHED_PIXELS):
            part = pixels[first : first + _CACHED_PIXELS]
            index = part * step
            index += middle
            np.clip(index, 0, _STEPS - 1, out=index)
            self._table.take(index.astype(np.uint16), out=part, mode='wrap')


def _extrapolated(x, known, values):
    """Linear interpolation, extrapolated with the slopes at the ends."""
    slope = [(values[3] - values[0]) / (known[3] - known[0])]
    slope.append((values[-1] - values[-4]) / (known[-1] - known[-4]))
    below = values[0] + slope[0] * (x - known[0])
    above = values[-1] + slope[1] * (x - known[-1])
    inside = np.interp(x, known, values)
    return np.where(x < known[0], below, np.where(x > known[-1], above, inside))
