"""Poisson noise of sources whose pixels are correlated as those of the sky."""

import numpy as np

__all__ = ['poisson_noise']

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
    noise_filter : `~astro_wgan.noise.noise_filter.NoiseFilter`
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
