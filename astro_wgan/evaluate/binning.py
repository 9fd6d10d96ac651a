"""Bins of a property: with equal numbers, with given edges, or one for each category."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.catalogs.columns import plain_values
from astro_wgan.validation.masked import without_mask

__all__ = ['Binning', 'bin_values', 'known_values']


@dataclass(frozen=True, eq=False)
class Binning:
    """
    The bin of each value.

    Attributes
    ----------
    index : `~numpy.ndarray` of int, shape (n,)
        Index of the bin; -1 for a value that is unknown or outside of all bins.
    columns : dict
        Columns that identify the bins in a table: ``low`` and ``high``, or ``category``.
    """

    index: np.ndarray
    columns: dict

    def __len__(self):
        return len(next(iter(self.columns.values())))

    @property
    def has_edges(self):
        """False if the bins are categories."""
        return 'low' in self.columns


def known_values(values):
    """
    A property as plain numbers, a Quantity, or strings.

    Parameters
    ----------
    values : array_like
        Also masked, a column, or an object array, as pandas has them.

    Returns
    -------
    `~numpy.ndarray` or `~astropy.units.Quantity`
        NaN, or an empty string, where a value is masked or missing.
    """
    values, mask = without_mask(values)
    unit = getattr(values, 'unit', None)
    values, mask = plain_values(np.asarray(values), mask)
    if values.dtype.kind == 'S':
        values = np.char.decode(values)
    if mask is not None:
        is_text = values.dtype.kind == 'U'
        missing = '' if is_text else np.nan
        values = np.where(mask, missing, values if is_text else values.astype(float))
    return values if unit is None else u.Quantity(values, unit, copy=False)


def bin_values(values, bins):
    """
    Assign values to bins.

    Parameters
    ----------
    values : array_like or `~astropy.units.Quantity`, shape (n,)
        Numbers, or strings for categories.
    bins : int or array_like
        Number of bins with equal numbers of values; or their edges, the last of which is included;
        or the categories in the wanted order. For strings any number means all categories.

    Returns
    -------
    `Binning`
    """
    values = known_values(values)
    if values.ndim != 1:
        raise ValueError(f'The property must have one value per object; got shape {values.shape}.')
    if values.dtype.kind in 'US':
        return _categories(values, bins)
    unit = getattr(values, 'unit', None)
    numbers = u.Quantity(values).value.astype(float)
    edges = _equal_numbers(numbers, bins) if np.isscalar(bins) else _given(bins, unit)
    index = np.searchsorted(edges, numbers, side='right') - 1
    index[numbers == edges[-1]] = len(edges) - 2
    index[~(numbers <= edges[-1])] = -1
    edges = edges if unit is None else edges * unit
    return Binning(index, {'low': edges[:-1], 'high': edges[1:]})


def _categories(values, bins):
    # An empty string is an unknown category.
    names = np.unique(values[values != '']) if np.isscalar(bins) else np.asarray(bins)
    index = np.full(len(values), -1)
    for i, name in enumerate(names):
        index[values == name] = i
    return Binning(index, {'category': names})


def _equal_numbers(numbers, bins):
    if bins < 1:
        raise ValueError(f'`bins` must be at least 1; got {bins}.')
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        raise ValueError('The property has no finite value to define bins.')
    # Equal values reduce the number of bins.
    edges = np.unique(np.quantile(known, np.linspace(0, 1, int(bins) + 1)))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def _given(bins, unit):
    edges = u.Quantity(bins).to_value(unit or u.dimensionless_unscaled)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f'`bins` must be a number, or at least two increasing edges; got {bins}.')
    return edges
