"""Which property tells two populations apart."""

import numpy as np
from astropy.table import QTable

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.evaluate.distances import Pooled, check_resamples, check_statistic
from astro_wgan.jobs.provenance import record

__all__ = ['compare_properties']


def compare_properties(first, second, *, properties=None, statistic='ks', resamples=200, seed=0):
    """
    How far apart two populations are in each property, the most telling one first.

    A score says that two populations differ; this says in what.

    Parameters
    ----------
    first, second : `~astropy.table.Table`, n and m rows
        What was measured of each population: morphology, photometry, columns of the misfit.
    properties : sequence of str, optional
        Columns to compare. All that both tables have and that hold one number for each row, when
        it is not given.
    statistic : {'ks', 'wasserstein', 'energy'}, optional
        The distance. That of Kolmogorov and Smirnov does not depend on the scale of a property, so
        that properties can be compared; the others are in the unit of each.
    resamples : int, optional
        Number of permutations, and of bootstrap samples.
    seed : int, optional
        The same seed gives the same errors and p-values.

    Returns
    -------
    `~astropy.table.QTable`
        One row per property, by falling distance: ``property``; ``median_first`` and
        ``median_second``, in the unit of the first; ``distance`` with its bootstrap ``error``;
        ``by_chance``, the median distance when the two are mixed at random; ``p_value``, the share
        of such mixtures at least as far apart; ``n_first`` and ``n_second``, the rows with a
        finite value.

    Raises
    ------
    ValueError
        If there is no property to compare, a table lacks one, or one has no finite value; if units
        do not convert.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.2, look for what makes observed galaxies stranger than
    simulated ones by mass, radius, redshift, axis ratio, Sersic index and type. With k properties
    the smallest of k p-values is small by chance: multiply it by k.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from astro_wgan.evaluate import compare_properties
    >>> random = np.random.default_rng(1)
    >>> real = Table({'radius': random.normal(5, 1, 800), 'axis_ratio': random.uniform(size=800)})
    >>> mock = Table({'radius': random.normal(4, 1, 900), 'axis_ratio': random.uniform(size=900)})
    >>> table = compare_properties(real, mock, resamples=100)
    >>> table['property'].tolist()
    ['radius', 'axis_ratio']
    >>> (table['p_value'] < 0.05).tolist()
    [True, False]
    """
    check_statistic(statistic)
    check_resamples(resamples)
    names = _common(first, second) if properties is None else list(properties)
    if not names:
        raise ValueError('`first` and `second` have no column of numbers in common to compare.')
    pairs = {name: _values(first, second, name) for name in names}
    random = np.random.default_rng(seed)
    rows = []
    for name, (some, others) in pairs.items():
        row = {
            'property': name,
            'median_first': np.median(some),
            'median_second': np.median(others),
        }
        row |= Pooled(some, others).beside_chance(statistic, resamples, random)
        rows.append(row | {'n_first': len(some), 'n_second': len(others)})
    rows.sort(key=lambda row: -row['distance'])
    return QTable(rows=rows, meta=record(statistic=statistic, resamples=resamples, seed=seed))


def _common(first, second):
    return [n for n in first.colnames if n in second.colnames and _is_number(first[n])]


def _is_number(column):
    return column.ndim == 1 and column.dtype.kind in 'fiu'


def _values(first, second, name):
    """The finite values of both, in the unit of the first."""
    for which, table in (('first', first), ('second', second)):
        if name not in table.colnames or not _is_number(table[name]):
            raise ValueError(
                f'`{which}` must have a column {name!r} with one number for each row; its columns '
                f'are {table.colnames}.'
            )
    columns = first[name], second[name]
    units = [getattr(column, 'unit', None) for column in columns]
    factor = 1.0
    if units[0] != units[1]:
        try:
            factor = units[1].to(units[0])
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f'{name!r} of `second` must convert to the unit of `first`, {units[0]}; got '
                f'{units[1]}.'
            ) from error
    values = _finite(columns[0]), factor * _finite(columns[1])
    for which, some in zip(('first', 'second'), values, strict=True):
        if not len(some):
            raise ValueError(f'{name!r} of `{which}` has no finite value.')
    return values


def _finite(column):
    values = numbers_or_nan(column).astype(float)
    return values[np.isfinite(values)]
