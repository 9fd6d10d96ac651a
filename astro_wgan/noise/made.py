"""`make_noise`: as many stamps of sky as one likes, with the correlation of real sky."""

import numpy as np
from astropy import units as u

from astro_wgan.noise.correlation import Autocorrelation, autocorrelation
from astro_wgan.noise.gaussian import gaussian_noise
from astro_wgan.noise.histogram import Histogram
from astro_wgan.noise.noise_filter import NoiseFilter
from astro_wgan.noise.sky import Sky
from astro_wgan.noise.spectrum import tapered
from astro_wgan.provenance import record
from astro_wgan.stamps.checks import as_shape
from astro_wgan.stamps.stampset import StampSet

__all__ = ['make_noise']


def make_noise(sky, n, *, size, seed, mean=None):
    """
    Make stamps of noise: like the sky of an image, or Gaussian with a given correlation.

    Parameters
    ----------
    sky : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Sky whose correlation and whose histogram of pixels the noise shall have; or the covariance
        of Gaussian noise, which has none beyond the largest lag.
    n : int
        How many stamps.
    size : int or tuple of int
        Pixels along an edge, or ``(ny, nx)``.
    seed : int or tuple of int
        The same seed gives the same stamps; as `numpy.random.default_rng` takes it.
    mean : float or `~astropy.units.Quantity`, optional
        Level of the noise; by default that of the sky, or 0 where a covariance is given.

    Returns
    -------
    `~astro_wgan.StampSet`
        Independent of each other, in float32, with the unit and pixel scale of the sky.

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If ``sky`` is something else.

    Notes
    -----
    Gaussian noise is made at spatial frequencies, with the power that the correlation asks for, in
    a box larger than the stamp, so that opposite edges are not alike. The outer half of the lags
    of a correlation that was measured is tapered, as in `power_spectrum`; one that was given is
    taken as it is. For the histogram of real sky, Gaussian pixels become those of the same rank,
    from noise whose correlation is such that this makes it the wanted one.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky, make_noise
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> make_noise(sky, 1000, size=64, seed=1)
    <StampSet: 1000 stamps of 64 x 64 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    """
    shape = as_shape(size)
    if n < 0:
        raise ValueError(f'`n` must be 0 or more stamps; got {n}.')
    if not isinstance(sky, (Sky, Autocorrelation)):
        raise TypeError(
            f'`sky` must be what find_sky returns, or an Autocorrelation; got {type(sky).__name__}.'
        )
    known = sky if isinstance(sky, Autocorrelation) else autocorrelation(sky)
    sigma = np.sqrt(known.variance)
    mean = _level(sky, mean, sigma.unit)
    rng = np.random.default_rng(seed)
    if isinstance(sky, Sky):
        pixels = _like_sky(sky, known, n, shape, rng)
        pixels *= np.float32(sigma.value)
    else:
        noise_filter = NoiseFilter(tapered(known, known.coefficients), shape)
        pixels = gaussian_noise(noise_filter, n, sigma=sigma.value, rng=rng)
    if mean:
        pixels += np.float32(mean)
    return StampSet(
        pixels,
        unit=sigma.unit,
        pixel_scale=sky.pixel_scale,
        meta={'provenance': record(seed=seed, sky=repr(sky), mean=mean)},
        assume_finite=True,
    )


def _level(sky, mean, unit):
    if mean is None:
        mean = sky.mean if isinstance(sky, Sky) else 0
    return float(mean.to_value(unit) if isinstance(mean, u.Quantity) else mean)


def _like_sky(sky, known, n, shape, rng):
    histogram = Histogram(sky.pixels[sky.clean])
    coefficients = histogram.gaussian(tapered(known, known.coefficients))
    noise = gaussian_noise(NoiseFilter(coefficients, shape), n, sigma=1.0, rng=rng)
    histogram.bend(noise)
    return noise
