"""`FilterCurve`: which wavelengths a filter lets through."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy import units as u

from astro_wgan.files.limits import check_file
from astro_wgan.optional import find_optional

__all__ = ['FilterCurve']

#: Points along a filter for its pivot wavelength.
_FINE = 1001


@dataclass(frozen=True, eq=False)
class FilterCurve:
    """
    Throughput of telescope, filter and detector for photons, in the observer's frame.

    Parameters
    ----------
    wavelength : `~astropy.units.Quantity`, shape (n,)
        In growing order; nothing is let through beyond.
    throughput : array_like, shape (n,)
        Share of the photons that are counted, up to a factor.

    Raises
    ------
    ValueError
        If wavelengths do not grow, or throughputs are negative or all 0.
    astropy.units.UnitsError
        If ``wavelength`` is no length.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import FilterCurve
    >>> FilterCurve([700, 900] * u.nm, [1, 1]).pivot.round(1)
    <Quantity 797.9 nm>
    """

    wavelength: u.Quantity
    throughput: np.ndarray = field(repr=False)

    def __post_init__(self):
        wavelength = u.Quantity(self.wavelength, dtype=float)
        if not wavelength.unit.is_equivalent(u.nm):
            unit = wavelength.unit or 'no unit'
            raise u.UnitConversionError(f'`wavelength` must be lengths; got {unit}.')
        wavelength = wavelength.to(u.nm)
        throughput = np.asarray(self.throughput, dtype=float)
        grows = wavelength.ndim == 1 and len(wavelength) > 1 and (np.diff(wavelength) > 0).all()
        if not grows or not wavelength[0] > 0:
            raise ValueError('`wavelength` must be two or more numbers above 0 that grow.')
        if throughput.shape != wavelength.shape:
            raise ValueError(
                f'`throughput` must be one for each of the {len(wavelength)} wavelengths; got '
                f'{throughput.shape}.'
            )
        if not (throughput >= 0).all() or not 0 < throughput.sum() < np.inf:
            raise ValueError('`throughput` must be finite and 0 or more, and not 0 everywhere.')
        object.__setattr__(self, 'wavelength', wavelength)
        object.__setattr__(self, 'throughput', throughput)

    @classmethod
    def read(cls, source, *, unit=u.AA):
        """
        Read a table of two columns, wavelength and throughput.

        Parameters
        ----------
        source : path-like
            Text file, where ``#`` begins a comment; or the name of a filter of the package
            ``astro-sedpy``, such as ``'wfc3_ir_f160w'`` or ``'acs_wfc_f814w'``.
        unit : unit-like, optional
            Of the wavelengths in the file.

        Returns
        -------
        `FilterCurve`

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ImportError
            If it is a name, and ``astro-sedpy`` is not installed.
        ValueError
            If it is no such table.
        """
        path = Path(source)
        if not path.exists() and path.name == os.fspath(source) and not path.suffix:
            path = _sedpy_folder() / f'{source}.par'
        check_file(path)
        try:
            with open(path, encoding='utf-8') as file:
                wavelength, throughput = np.loadtxt(file, usecols=(0, 1), unpack=True)
        except (IndexError, ValueError) as error:
            raise ValueError(f'{path} is no table of wavelength and throughput: {error}') from error
        _, first = np.unique(wavelength, return_index=True)
        return cls(wavelength[first] * u.Unit(unit), throughput[first].clip(0))

    @property
    def pivot(self):
        """Pivot wavelength: it relates flux densities per wavelength and per frequency."""
        own = self.wavelength.value
        # Finer than the curve, which may have few points: 1 / x is no straight line.
        x = np.union1d(own, np.linspace(own[0], own[-1], _FINE))
        t = np.interp(x, own, self.throughput)
        return np.sqrt(np.trapezoid(t * x, x) / np.trapezoid(t / x, x)) * u.nm


def _sedpy_folder():
    found = find_optional('sedpy', purpose='Filters by name need')
    return Path(found.submodule_search_locations[0]) / 'data' / 'filters'
