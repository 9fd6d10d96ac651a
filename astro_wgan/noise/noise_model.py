"""Noise model of each band of stamps: sky noise, Poisson noise of the sources, exposure."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.jobs import digest
from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.power_spectra import tapered
from astro_wgan.noise.random_fields import (
    NoiseFilter,
    gaussian_noise,
    poisson_noise,
)
from astro_wgan.noise.sky import Sky
from astro_wgan.validation.seeds import random_stream

__all__ = ['Exposure', 'NoiseModel', 'make_noise_models']

#: Astropy's units of digital numbers, which it keeps apart.
_COUNTS = (u.ct, u.adu, u.DN)


@dataclass(frozen=True)
class Exposure:
    """
    Conversion of pixel values to electrons.

    Parameters
    ----------
    gain : float or `~astropy.units.Quantity`
        Electrons per count.
    exposure_time : `~astropy.units.Quantity`, optional
        Total integration time; required if pixels are rates or flux densities.
    zero_point : float or `~astropy.units.Quantity`, optional
        AB magnitude, or flux density, of one count per second; required if pixels are flux
        densities.

    Raises
    ------
    ValueError
        If a value is not positive and finite.
    astropy.units.UnitsError
        If a unit cannot be converted.

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
        Number of electrons in a pixel of value 1.

        Parameters
        ----------
        unit : `~astropy.units.Unit` or None
            Unit of the pixels: counts, electrons, a rate of these, or a flux density. None means
            counts, or counts per second if there is an exposure time.

        Returns
        -------
        float

        Raises
        ------
        astropy.units.UnitsError
            If it is another unit.
        ValueError
            If the exposure time or zero point is required but not given.
        """
        if unit is None or unit == u.dimensionless_unscaled:
            unit = u.ct if self.exposure_time is None else u.ct / u.s
        value = 1 * unit
        if unit.is_equivalent(u.nJy):
            if self.zero_point is None:
                raise ValueError(
                    f'`zero_point` must be given to convert pixels in {unit} to counts; got None.'
                )
            value = (value / self.zero_point).to(u.dimensionless_unscaled) * u.ct / u.s
        if (value.unit * u.s).decompose().bases and _is_rate(value.unit):
            if self.exposure_time is None:
                raise ValueError(
                    f'`exposure_time` must be given to convert pixels in {unit} to counts; '
                    'got None.'
                )
            value = value * self.exposure_time
        if value.unit.is_equivalent(u.electron):
            return float(value.to_value(u.electron))
        return float(_counts_to_numbers(value, 'stamps', u.dimensionless_unscaled) * self.gain)

    def to_dict(self):
        """Plain values for the provenance."""
        time, flux = self.exposure_time, self.zero_point
        return {
            'gain': self.gain,
            'exposure_time': None if time is None else float(time.value),
            'zero_point': None if flux is None else float(flux.value),
        }


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """
    Noise of one band.

    Attributes
    ----------
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Observed sky whose stamps are added, or the covariance of the Gaussian noise that is added.
    sky_factor : float
        Factor from its unit to that of the stamps.
    sky_rms : float
        Its standard deviation, in the unit of the stamps.
    source_filter : `~astro_wgan.noise.random_fields.NoiseFilter`
        Correlation of the Poisson noise of the sources.
    electrons_per_unit : float
        Number of electrons in a pixel of value 1.
    exposure : `~astro_wgan.noise.noise_model.Exposure`
        The conversion that this number is from.
    """

    sky_noise: Sky | Autocorrelation
    sky_factor: float
    sky_rms: float
    source_filter: NoiseFilter
    electrons_per_unit: float
    exposure: Exposure

    def draw_sky_noise(self, n, shape, *, seed, block, band):
        """
        Sky noise for a block of stamps, in their unit.

        Observed sky is cut at the same positions in each band if the bands have the same clean
        pixels; synthetic noise is independent in each band.

        Parameters
        ----------
        n : int
            Number of stamps.
        shape : tuple of int
            ``(ny, nx)``.
        seed : int or tuple of int
        block, band : int
            Indices of the block of stamps and of the band, which select the stream of random
            numbers.

        Returns
        -------
        `~numpy.ndarray`, shape (n, ny, nx)
        """
        if isinstance(self.sky_noise, Sky):
            rng = random_stream(seed, block, 0)
            return self.sky_noise.draw(n, shape, rng) * np.float32(self.sky_factor)
        rng = random_stream(seed, block, 1, band)
        noise_filter = NoiseFilter(tapered(self.sky_noise, self.sky_noise.coefficients), shape)
        return gaussian_noise(noise_filter, n, sigma=self.sky_rms, rng=rng)

    def source_noise(self, pixels, *, ratio, rng):
        """
        Poisson noise of the sources, and its variance.

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
        per_unit = self.electrons_per_unit
        with np.errstate(over='ignore'):
            electrons, variance = pixels * per_unit, pixels / (per_unit * ratio**2)
        electrons = np.minimum(electrons, np.finfo(np.float32).max)
        noise = poisson_noise(electrons, self.source_filter, ratio=ratio, rng=rng)
        return noise / per_unit, np.minimum(variance, np.finfo(variance.dtype).max)

    def to_dict(self):
        """Plain values for the provenance."""
        return {
            **self.exposure.to_dict(),
            'sky_noise': repr(self.sky_noise),
            'sky_rms': self.sky_rms,
        }

    def describe_sky(self):
        """Values that identify the sky noise, for a `~astro_wgan.jobs.Fingerprint`."""
        if isinstance(self.sky_noise, Autocorrelation):
            arrays = {'covariance': self.sky_noise.covariance}
        else:
            arrays = {'pixels': self.sky_noise.pixels, 'clean pixels': self.sky_noise.clean}
        return {
            'type': type(self.sky_noise).__name__,
            **{name: digest(array) for name, array in arrays.items()},
            'noise level': self.sky_rms,
            'unit conversion factor': self.sky_factor,
        }


def make_noise_models(stamps, sky_noise, correlation, *, gain, exposure_time, zero_point):
    """
    A `NoiseModel` for each band of stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
    sky_noise, correlation, gain, exposure_time, zero_point
        As in `~astro_wgan.noise.add_noise`.

    Returns
    -------
    list of `NoiseModel`

    Raises
    ------
    ValueError, TypeError, astropy.units.UnitsError
        As in `~astro_wgan.noise.add_noise`.
    """
    given = {
        'sky_noise': sky_noise,
        'correlation': correlation,
        'gain': gain,
        'exposure_time': exposure_time,
        'zero_point': zero_point,
    }
    bands = stamps.n_bands or 1
    columns = {name: _for_each_band(name, value, bands) for name, value in given.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_noise_model(stamps, **row) for row in rows]


def _for_each_band(name, value, bands):
    """One value for each band, as a list."""
    if isinstance(value, u.Quantity) and value.isscalar:
        return [value] * bands
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != bands:
            raise ValueError(
                f'`{name}` must be one value, or one for each of the {bands} bands; got '
                f'{len(value)}.'
            )
        return list(value)
    if name == 'sky_noise' and bands > 1:
        raise ValueError(
            f'`sky_noise` must be a list with one item for each of the {bands} bands; got one '
            f'{type(value).__name__}.'
        )
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
    rms = sky_noise.rms if isinstance(sky_noise, Sky) else np.sqrt(sky_noise.variance)
    return NoiseModel(
        sky_noise,
        factor,
        float(rms.value * factor),
        NoiseFilter(tapered(correlation, correlation.coefficients), stamps.shape),
        exposure.electrons(stamps.unit),
        exposure,
    )


def _check_scale(stamps, sky_noise):
    scales = stamps.pixel_scale, sky_noise.pixel_scale
    if None not in scales and not u.isclose(*scales, rtol=1e-3):
        raise ValueError(
            '`sky_noise` must have the pixel scale of the stamps; got '
            f'{scales[1]:.4g}, and stamps of {scales[0]:.4g}: reproject the stamps first.'
        )


def _sky_factor(unit, sky_noise, exposure):
    """Factor from the unit of the sky noise to that of the stamps, via electrons if needed."""
    own = sky_noise.unit if isinstance(sky_noise, Sky) else np.sqrt(sky_noise.variance).unit
    unit, own = (one or u.dimensionless_unscaled for one in (unit, own))
    if own.is_equivalent(unit):
        return own.to(unit)
    return exposure.electrons(own) / exposure.electrons(unit)


def _is_rate(unit):
    return any((unit * u.s).is_equivalent(number) for number in (*_COUNTS, u.electron))


def _counts_to_numbers(value, name, unit):
    """A value in ``unit``, counts of any name being pure numbers."""
    for power in (1, -1):
        for counts in _COUNTS:
            if (value * counts**power).unit.is_equivalent(unit):
                return (value * counts**power).to_value(unit)
    raise u.UnitConversionError(
        f'`{name}` in {value.unit} cannot be converted to electrons: allowed are counts (ct, adu, '
        'DN) and electrons, rates of these, and flux densities; a gain is in electrons per count.'
    )


def _converted(value, unit, name):
    try:
        return value.to_value(unit)
    except u.UnitConversionError as error:
        raise u.UnitConversionError(
            f'`{name}` must be convertible to {unit}; got {value}.'
        ) from error


def _positive(value, name):
    value = np.asarray(value, dtype=float)
    if value.ndim or not 0 < value < np.inf:
        raise ValueError(f'`{name}` must be a single positive number; got {value}.')
    return float(value)
