"""Bins of a property: of equal number, of given edges, or one for each category."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.catalogs.columns import plain_values
from astro_wgan.validation.masked import without_mask

__all__ = ['Binning', 'bin_values', 'known_values']


@dataclass(frozen=True, eq=False)
class Binning:
    """
    Which bin each value is in.

    Attributes
    ----------
    index : `~numpy.ndarray` of int, shape (n,)
        Number of the bin; -1 for a value that is unknown or outside of all.
    columns : dict
        What names the bins in a table: ``low`` and ``high``, or ``category``.
    """

    index: np.ndarray
    columns: dict

    def __len__(self):
        return len(next(iter(self.columns.values())))

    @property
    def has_edges(self):
        """False where the bins are categories."""
        return 'low' in self.columns


def known_values(values):
    """
    A property as plain numbers, a Quantity, or words.

    Parameters
    ----------
    values : array_like
        Also masked, a column, or objects as archives and pandas have them.

    Returns
    -------
    `~numpy.ndarray` or `~astropy.units.Quantity`
        NaN, or no word (''), where a value is masked or missing.
    """
    values, mask = without_mask(values)
    unit = getattr(values, 'unit', None)
    values, mask = plain_values(np.asarray(values), mask)
    if values.dtype.kind == 'S':
        values = np.char.decode(values)
    if mask is not None:
        words = values.dtype.kind == 'U'
        values = np.where(mask, '' if words else np.nan, values if words else values.astype(float))
    return values if unit is None else u.Quantity(values, unit, copy=False)


def bin_values(values, bins):
    """
    Put values into bins.

    Parameters
    ----------
    values : array_like or `~astropy.units.Quantity`, shape (n,)
        Numbers, or words for categories.
    bins : int or array_like
        Number of bins that hold equally many; or their edges, of which the last is within; or
        the categories in the order wanted. For words a number means all categories.

    Returns
    -------
    `Binning`
    """
    values = known_values(values)
    if values.ndim != 1:
        raise ValueError(f'The property must be one value per object; got shape {values.shape}.')
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
    # No word is no category: it is not known.
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
        raise ValueError('The property has no finite value to make bins from.')
    # Many equal values make fewer bins.
    edges = np.unique(np.quantile(known, np.linspace(0, 1, int(bins) + 1)))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def _given(bins, unit):
    edges = u.Quantity(bins).to_value(unit or u.dimensionless_unscaled)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f'`bins` must be a number, or two edges or more that grow; got {bins}.')
    return edges
