"""What the noise of one band is made of, and how sky is drawn for it."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.jobs import digest
from astro_wgan.noise.correlation import Autocorrelation, autocorrelation
from astro_wgan.noise.exposure import Exposure
from astro_wgan.noise.gaussian import gaussian_noise
from astro_wgan.noise.noise_filter import NoiseFilter
from astro_wgan.noise.poisson import poisson_noise
from astro_wgan.noise.sky import Sky
from astro_wgan.noise.spectrum import tapered

__all__ = ['Recipe', 'check_seed', 'draw_sky', 'make_recipes', 'random_stream']


@dataclass(frozen=True, eq=False)
class Recipe:
    """
    The noise of one band.

    Attributes
    ----------
    sky : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Stamps of it, or noise with this covariance, are added.
    sky_factor : float
        From its unit to that of the stamps.
    sky_sigma : float
        Its scatter, in the unit of the stamps.
    source_filter : `~astro_wgan.noise.noise_filter.NoiseFilter`
        Correlation of the Poisson noise of the sources.
    electrons : float
        Electrons that a pixel of 1 stands for.
    exposure : `~astro_wgan.noise.exposure.Exposure`
        Where that comes from.
    """

    sky: Sky | Autocorrelation
    sky_factor: float
    sky_sigma: float
    source_filter: NoiseFilter
    electrons: float
    exposure: Exposure

    def source_noise(self, pixels, *, ratio, rng):
        """
        Poisson noise of sources, and its variance.

        Parameters
        ----------
        pixels : `~numpy.ndarray`, shape (n, ny, nx)
            Noise-free, 0 or more.
        ratio : float
            Noise correlation ratio.
        rng : `~numpy.random.Generator`

        Returns
        -------
        noise, variance : `~numpy.ndarray`, shape (n, ny, nx)
        """
        largest = np.finfo(np.float32).max
        with np.errstate(over='ignore'):
            electrons, variance = pixels * self.electrons, pixels / (self.electrons * ratio**2)
        electrons = np.minimum(electrons, largest)
        noise = poisson_noise(electrons, self.source_filter, ratio=ratio, rng=rng)
        return noise / self.electrons, np.minimum(variance, np.finfo(variance.dtype).max)

    def to_dict(self):
        """Plain values, for the provenance."""
        return {**self.exposure.to_dict(), 'sky': repr(self.sky), 'sky_sigma': self.sky_sigma}

    def describe_sky(self):
        """What makes the sky this and no other, for a `~astro_wgan.jobs.Fingerprint`."""
        if isinstance(self.sky, Autocorrelation):
            arrays = {'covariance': self.sky.covariance}
        else:
            arrays = {'pixels': self.sky.pixels, 'clean pixels': self.sky.clean}
        return {
            'kind': type(self.sky).__name__,
            **{name: digest(array) for name, array in arrays.items()},
            'scatter in the unit of the stamps': self.sky_sigma,
            'factor to that unit': self.sky_factor,
        }


def make_recipes(stamps, sky, correlation, *, gain, exposure_time, zero_point):
    """
    A `Recipe` for each band of stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
    sky, correlation, gain, exposure_time, zero_point
        As in `~astro_wgan.noise.add_noise`.

    Raises
    ------
    ValueError, TypeError, astropy.units.UnitsError
        As `~astro_wgan.noise.add_noise`.
    """
    given = {
        'sky': sky,
        'correlation': correlation,
        'gain': gain,
        'exposure_time': exposure_time,
        'zero_point': zero_point,
    }
    bands = stamps.bands or 1
    columns = {name: _for_each_band(name, value, bands) for name, value in given.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_recipe(stamps, **row) for row in rows]


def draw_sky(recipe, n, shape, *, seed, block, band):
    """
    Sky for the stamps of a block, in their unit.

    Stamps of real sky are cut at the same places in each band, as far as they are clean there;
    noise that is made is another one in each band.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx)
    """
    if isinstance(recipe.sky, Sky):
        rng = random_stream(seed, block, 0)
        return recipe.sky.draw(n, shape, rng) * np.float32(recipe.sky_factor)
    rng = random_stream(seed, block, 1, band)
    noise_filter = NoiseFilter(tapered(recipe.sky, recipe.sky.coefficients), shape)
    return gaussian_noise(noise_filter, n, sigma=recipe.sky_sigma, rng=rng)


def check_seed(seed):
    """Refuse a seed that NumPy would, before there is anything to do."""
    try:
        np.random.SeedSequence(seed)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'`seed` must be an integer of 0 or more, or several of them; got {seed!r}.'
        ) from error


def random_stream(seed, *key):
    """A stream of random numbers of its own for each key."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _for_each_band(name, value, bands):
    """A list of one value for each band."""
    if isinstance(value, u.Quantity) and value.isscalar:
        return [value] * bands
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != bands:
            raise ValueError(
                f'`{name}` must be one, or one for each of the {bands} bands; got {len(value)}.'
            )
        return list(value)
    if name == 'sky' and bands > 1:
        raise ValueError(f'`sky` must be a list of one for each of the {bands} bands.')
    return [value] * bands


def _recipe(stamps, sky, correlation, gain, exposure_time, zero_point):
    if not isinstance(sky, (Sky, Autocorrelation)):
        raise TypeError(
            f'`sky` must be what find_sky returns, or an Autocorrelation; got {type(sky).__name__}.'
        )
    _check_scale(stamps, sky)
    exposure = Exposure(gain, exposure_time, zero_point)
    factor = _sky_factor(stamps.unit, sky, exposure)
    if correlation is None:
        correlation = sky if isinstance(sky, Autocorrelation) else autocorrelation(sky)
    scatter = sky.scatter if isinstance(sky, Sky) else np.sqrt(sky.variance)
    return Recipe(
        sky,
        factor,
        float(scatter.value * factor),
        NoiseFilter(tapered(correlation, correlation.coefficients), stamps.shape),
        exposure.electrons(stamps.unit),
        exposure,
    )


def _check_scale(stamps, sky):
    scales = stamps.pixel_scale, sky.pixel_scale
    if None not in scales and not u.isclose(*scales, rtol=1e-3):
        raise ValueError(
            '`sky` must have the pixel scale of the stamps (reproject them first); '
            f'got {scales[1]:.4g}, and stamps of {scales[0]:.4g}.'
        )


def _sky_factor(unit, sky, exposure):
    """From the unit of the sky to that of the stamps, by way of electrons if need be."""
    own = sky.unit if isinstance(sky, Sky) else np.sqrt(sky.variance).unit
    unit, own = (one or u.dimensionless_unscaled for one in (unit, own))
    if own.is_equivalent(unit):
        return own.to(unit)
    return exposure.electrons(own) / exposure.electrons(unit)
