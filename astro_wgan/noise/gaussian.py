"""`gaussian_noise`: correlated Gaussian noise, quickly."""

from functools import cache

import numpy as np
from scipy import fft

__all__ = ['gaussian_noise']

#: Pixels of noise that are in work at a time: what fits the cache next to a processor core.
_CACHED_PIXELS = 2**16


def gaussian_noise(noise_filter, n, *, sigma, rng):
    """
    Correlated Gaussian noise.

    Parameters
    ----------
    noise_filter : `~astro_wgan.noise.noise_filter.NoiseFilter`
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
