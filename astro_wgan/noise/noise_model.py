"""What the noise of one band is made of, and how sky is drawn for it."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.jobs import digest
from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.power_spectra import tapered
from astro_wgan.noise.random_fields import NoiseFilter, gaussian_noise, poisson_noise
from astro_wgan.noise.sky import Sky

__all__ = ['Exposure', 'NoiseModel', 'check_seed', 'draw_sky', 'make_noise_models', 'random_stream']


@dataclass(frozen=True)
class Exposure:
    """
    What turns pixel values into electrons.

    Parameters
    ----------
    gain : float or `~astropy.units.Quantity`
        Electrons per count.
    exposure_time : `~astropy.units.Quantity`, optional
        Time over which electrons were collected: for pixels that are a rate or a flux density.
    zero_point : float or `~astropy.units.Quantity`, optional
        AB magnitude, or flux density, of one count per second: for pixels that are a flux density.

    Raises
    ------
    ValueError
        If a value is not above 0, or not finite.
    astropy.units.UnitsError
        If a unit does not convert.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.noise.noise_model import Exposure
    >>> exposure = Exposure(gain=2 * u.electron / u.adu, exposure_time=600 * u.s)
    >>> exposure.electrons(u.adu), exposure.electrons(u.adu / u.s)
    (2.0, 1200.0)
    """

    gain: float = 1.0
    exposure_time: u.Quantity | None = None
    zero_point: float | u.Quantity | None = None

    def __post_init__(self):
        gain = self.gain
        if isinstance(gain, u.Quantity) and gain.unit != u.dimensionless_unscaled:
            gain = _counts_to_numbers(gain, 'gain', u.electron)
        object.__setattr__(self, 'gain', _positive(gain, 'gain'))
        if self.exposure_time is not None:
            time = _converted(u.Quantity(self.exposure_time), u.s, 'exposure_time')
            object.__setattr__(self, 'exposure_time', _positive(time, 'exposure_time') * u.s)
        if self.zero_point is not None:
            flux = u.Quantity(self.zero_point)
            if flux.unit == u.dimensionless_unscaled:
                flux = flux.value * u.ABmag
            flux = _converted(flux, u.nJy, 'zero_point')
            object.__setattr__(self, 'zero_point', _positive(flux, 'zero_point') * u.nJy)

    def electrons(self, unit):
        """
        Electrons that a pixel of one ``unit`` stands for.

        Parameters
        ----------
        unit : `~astropy.units.Unit` or None
            Counts, electrons, one of these per time, or a flux density. None means counts, or
            counts per second where there is an exposure time.

        Returns
        -------
        float

        Raises
        ------
        astropy.units.UnitsError
            If the unit is something else.
        ValueError
            If exposure time or zero point are needed and not given.
        """
        if unit is None or unit == u.dimensionless_unscaled:
            unit = u.ct if self.exposure_time is None else u.ct / u.s
        value = 1 * unit
        if unit.is_equivalent(u.nJy):
            if self.zero_point is None:
                raise ValueError(f'Pixels in {unit} need a `zero_point` to become counts.')
            value = (value / self.zero_point).to(u.dimensionless_unscaled) * u.ct / u.s
        if (value.unit * u.s).decompose().bases and _is_rate(value.unit):
            if self.exposure_time is None:
                raise ValueError(f'Pixels in {unit} need an `exposure_time` to become counts.')
            value = value * self.exposure_time
        if value.unit.is_equivalent(u.electron):
            return float(value.to_value(u.electron))
        return float(_counts_to_numbers(value, 'stamps', u.dimensionless_unscaled) * self.gain)

    def to_dict(self):
        """Plain values, for the provenance."""
        time, flux = self.exposure_time, self.zero_point
        return {
            'gain': self.gain,
            'exposure_time': None if time is None else float(time.value),
            'zero_point': None if flux is None else float(flux.value),
        }


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """
    The noise of one band.

    Attributes
    ----------
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Stamps of it, or noise with this covariance, are added.
    sky_factor : float
        From its unit to that of the stamps.
    sky_rms : float
        Its scatter, in the unit of the stamps.
    source_filter : `~astro_wgan.noise.random_fields.NoiseFilter`
        Correlation of the Poisson noise of the sources.
    electrons : float
        Electrons that a pixel of 1 stands for.
    exposure : `~astro_wgan.noise.noise_model.Exposure`
        Where that comes from.
    """

    sky_noise: Sky | Autocorrelation
    sky_factor: float
    sky_rms: float
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
        return {
            **self.exposure.to_dict(),
            'sky_noise': repr(self.sky_noise),
            'sky_rms': self.sky_rms,
        }

    def describe_sky(self):
        """What makes the sky this and no other, for a `~astro_wgan.jobs.Fingerprint`."""
        if isinstance(self.sky_noise, Autocorrelation):
            arrays = {'covariance': self.sky_noise.covariance}
        else:
            arrays = {'pixels': self.sky_noise.pixels, 'clean pixels': self.sky_noise.clean}
        return {
            'kind': type(self.sky_noise).__name__,
            **{name: digest(array) for name, array in arrays.items()},
            'scatter in the unit of the stamps': self.sky_rms,
            'factor to that unit': self.sky_factor,
        }


def make_noise_models(stamps, sky_noise, correlation, *, gain, exposure_time, zero_point):
    """
    A `NoiseModel` for each band of stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
    sky_noise, correlation, gain, exposure_time, zero_point
        As in `~astro_wgan.noise.add_noise`.

    Raises
    ------
    ValueError, TypeError, astropy.units.UnitsError
        As `~astro_wgan.noise.add_noise`.
    """
    given = {
        'sky_noise': sky_noise,
        'correlation': correlation,
        'gain': gain,
        'exposure_time': exposure_time,
        'zero_point': zero_point,
    }
    bands = stamps.bands or 1
    columns = {name: _for_each_band(name, value, bands) for name, value in given.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_noise_model(stamps, **row) for row in rows]


def draw_sky(model, n, shape, *, seed, block, band):
    """
    Sky for the stamps of a block, in their unit.

    Stamps of real sky are cut at the same places in each band, as far as they are clean there;
    noise that is made is another one in each band.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx)
    """
    if isinstance(model.sky_noise, Sky):
        rng = random_stream(seed, block, 0)
        return model.sky_noise.draw(n, shape, rng) * np.float32(model.sky_factor)
    rng = random_stream(seed, block, 1, band)
    noise_filter = NoiseFilter(tapered(model.sky_noise, model.sky_noise.coefficients), shape)
    return gaussian_noise(noise_filter, n, sigma=model.sky_rms, rng=rng)


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
    if name == 'sky_noise' and bands > 1:
        raise ValueError(f'`sky_noise` must be a list of one for each of the {bands} bands.')
    return [value] * bands


def _noise_model(stamps, sky_noise, correlation, gain, exposure_time, zero_point):
    if not isinstance(sky_noise, (Sky, Autocorrelation)):
        raise TypeError(
            '`sky_noise` must be a Sky, as returned by find_sky, or an Autocorrelation; got '
            f'{type(sky_noise).__name__}.'
        )
    _check_scale(stamps, sky_noise)
    exposure = Exposure(gain, exposure_time, zero_point)
    factor = _sky_factor(stamps.unit, sky_noise, exposure)
    if correlation is None:
        correlation = (
            sky_noise if isinstance(sky_noise, Autocorrelation) else autocorrelation(sky_noise)
        )
    scatter = sky_noise.rms if isinstance(sky_noise, Sky) else np.sqrt(sky_noise.variance)
    return NoiseModel(
        sky_noise,
        factor,
        float(scatter.value * factor),
        NoiseFilter(tapered(correlation, correlation.coefficients), stamps.shape),
        exposure.electrons(stamps.unit),
        exposure,
    )


def _check_scale(stamps, sky_noise):
    scales = stamps.pixel_scale, sky_noise.pixel_scale
    if None not in scales and not u.isclose(*scales, rtol=1e-3):
        raise ValueError(
            '`sky_noise` must have the pixel scale of the stamps (reproject them first); '
            f'got {scales[1]:.4g}, and stamps of {scales[0]:.4g}.'
        )


def _sky_factor(unit, sky_noise, exposure):
    """From the unit of the sky to that of the stamps, by way of electrons if need be."""
    own = sky_noise.unit if isinstance(sky_noise, Sky) else np.sqrt(sky_noise.variance).unit
    unit, own = (one or u.dimensionless_unscaled for one in (unit, own))
    if own.is_equivalent(unit):
        return own.to(unit)
    return exposure.electrons(own) / exposure.electrons(unit)


#: What cameras call the numbers they write; astropy keeps them apart.
_COUNTS = (u.ct, u.adu, u.DN)


def _is_rate(unit):
    return any((unit * u.s).is_equivalent(number) for number in (*_COUNTS, u.electron))


def _counts_to_numbers(value, name, unit):
    """A value in ``unit``, with counts of any name as pure numbers."""
    for power in (1, -1):
        for counts in _COUNTS:
            if (value * counts**power).unit.is_equivalent(unit):
                return (value * counts**power).to_value(unit)
    raise u.UnitConversionError(
        f'`{name}` in {value.unit} do not convert to electrons: allowed are counts (ct, adu, DN) '
        'and electrons, also per time, and flux densities; a gain is in electrons per count.'
    )


def _converted(value, unit, name):
    try:
        return value.to_value(unit)
    except u.UnitConversionError as error:
        raise u.UnitConversionError(f'`{name}` must convert to {unit}; got {value}.') from error


def _positive(value, name):
    value = np.asarray(value, dtype=float)
    if value.ndim or not 0 < value < np.inf:
        raise ValueError(f'`{name}` must be one number above 0; got {value}.')
    return float(value)
