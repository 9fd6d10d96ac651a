"""Filter curves: throughput as a function of wavelength."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy import units as u

from astro_wgan.files.limits import check_file
from astro_wgan.optional import find_optional

__all__ = ['FilterCurve']

#: Samples of a filter curve for its pivot wavelength.
_FINE = 1001


@dataclass(frozen=True, eq=False)
class FilterCurve:
    """
    Throughput of telescope, filter and detector for photons, in the frame of the observer.

    Parameters
    ----------
    wavelength : `~astropy.units.Quantity`, shape (n,)
        Increasing; the throughput is 0 outside of this range.
    throughput : array_like, shape (n,)
        Detected fraction of the photons, up to a constant factor.

    Raises
    ------
    ValueError
        If wavelengths are not increasing, or throughputs are negative or all 0.
    astropy.units.UnitsError
        If ``wavelength`` is not a length.

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
            raise u.UnitConversionError(f'`wavelength` must have a length unit; got {unit}.')
        wavelength = wavelength.to(u.nm)
        throughput = np.asarray(self.throughput, dtype=float)
        increasing = (
            wavelength.ndim == 1 and len(wavelength) > 1 and (np.diff(wavelength) > 0).all()
        )
        if not increasing or not wavelength[0] > 0:
            raise ValueError('`wavelength` must be at least two positive, increasing numbers.')
        if throughput.shape != wavelength.shape:
            raise ValueError(
                f'`throughput` must have one value for each of the {len(wavelength)} wavelengths; '
                f'got the shape {throughput.shape}.'
            )
        if not (throughput >= 0).all() or not 0 < throughput.sum() < np.inf:
            raise ValueError('`throughput` must be finite and 0 or more, and not 0 everywhere.')
        object.__setattr__(self, 'wavelength', wavelength)
        object.__setattr__(self, 'throughput', throughput)

    @classmethod
    def read(cls, source, *, unit=u.AA):
        """
        Read a table with two columns, wavelength and throughput.

        Parameters
        ----------
        source : path-like
            Text file, with comments after ``#``; or the name of a filter of the package
            ``astro-sedpy``, such as ``'wfc3_ir_f160w'`` or ``'acs_wfc_f814w'``.
        unit : unit-like, optional
            Unit of the wavelengths in the file.

        Returns
        -------
        `FilterCurve`

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ImportError
            If ``source`` is a name, and ``astro-sedpy`` is not installed.
        ValueError
            If the file is not such a table.
        """
        path = Path(source)
        if not path.exists() and path.name == os.fspath(source) and not path.suffix:
            path = _sedpy_folder() / f'{source}.par'
        check_file(path)
        try:
            with open(path, encoding='utf-8') as file:
                wavelength, throughput = np.loadtxt(file, usecols=(0, 1), unpack=True)
        except (IndexError, ValueError) as error:
            raise ValueError(f'{path} is not a table of two columns of numbers: {error}') from error
        _, first = np.unique(wavelength, return_index=True)
        return cls(wavelength[first] * u.Unit(unit), throughput[first].clip(0))

    @property
    def pivot(self):
        """Pivot wavelength, which relates flux densities per unit wavelength and frequency."""
        own = self.wavelength.value
        # Oversampled, because T / x is not linear between the points of the curve.
        x = np.union1d(own, np.linspace(own[0], own[-1], _FINE))
        t = np.interp(x, own, self.throughput)
        return np.sqrt(np.trapezoid(t * x, x) / np.trapezoid(t / x, x)) * u.nm


def _sedpy_folder():
    found = find_optional('sedpy', purpose='Filters by name need')
    return Path(found.submodule_search_locations[0]) / 'data' / 'filters'
