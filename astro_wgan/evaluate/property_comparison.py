"""Properties by which two populations differ."""

import numpy as np
from astropy.table import QTable

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.evaluate.distances import Pooled, check_resamples, check_statistic
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['compare_properties']


def compare_properties(
    first, second, *, properties=None, statistic='ks', n_resamples=200, seed=0, progress=True
):
    """
    Distances between two populations in each property, in decreasing order.

    Scores show that two populations differ; this shows in which properties.

    Parameters
    ----------
    first, second : `~astropy.table.Table`, n and m rows
        Measurements of each population: morphology, photometry, columns of the score table.
    properties : sequence of str, optional
        Columns to compare. By default all numeric columns with one value per row that both tables
        have, and of which one has a finite value, but not ``id``.
    statistic : {'ks', 'wasserstein', 'energy'}, optional
        The distance. The Kolmogorov-Smirnov distance does not depend on the scale of a property,
        so that properties can be compared; the others are in the unit of the property.
    n_resamples : int, optional
        Number of permutations, and of bootstrap samples.
    seed : int, optional
        The same seed gives the same errors and p-values.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        One row per property, by decreasing distance: ``property``; ``unit``, that of the first
        population as text, empty for none, of ``median_first`` and ``median_second`` (and of
        distances other than 'ks'); ``distance`` with its bootstrap error ``distance_err``;
        ``null_median``, the median distance under random permutations of the pooled values;
        ``p_value``, the fraction of permutations with at least the observed distance; ``n_first``
        and ``n_second``, the numbers of rows with a finite value.

    Raises
    ------
    ValueError
        If there is no property to compare, a table lacks one, or one has no finite value; if units
        do not convert.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.2, compare the scores of observed and simulated
    galaxies by mass, radius, redshift, axis ratio, Sersic index and type. The p-values are not
    corrected for the number of properties: with k properties multiply each by k (Bonferroni).

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from astro_wgan.evaluate import compare_properties
    >>> random = np.random.default_rng(1)
    >>> real = Table({'radius': random.normal(5, 1, 800), 'axis_ratio': random.uniform(size=800)})
    >>> mock = Table({'radius': random.normal(4, 1, 900), 'axis_ratio': random.uniform(size=900)})
    >>> table = compare_properties(real, mock, n_resamples=100)
    >>> table['property'].tolist()
    ['radius', 'axis_ratio']
    >>> (table['p_value'] < 0.05).tolist()
    [True, False]
    """
    check_statistic(statistic)
    check_resamples(n_resamples)
    names = _common(first, second) if properties is None else list(properties)
    if not names:
        raise ValueError('`first` and `second` have no column of numbers in common to compare.')
    pairs = {name: _values(first, second, name) for name in names}
    random = np.random.default_rng(seed)
    rows = []
    with ProgressLine('comparing properties', quiet=not progress) as line:
        for i, (name, (some, others)) in enumerate(pairs.items()):
            medians = {'median_first': np.median(some), 'median_second': np.median(others)}
            distance = Pooled(some, others).with_null_distribution(statistic, n_resamples, random)
            counts = {'n_first': len(some), 'n_second': len(others)}
            unit = str(getattr(first[name], 'unit', None) or '')
            rows.append({'property': name, 'unit': unit} | medians | distance | counts)
            line.update((i + 1) / len(pairs), f'{i + 1} of {len(pairs)} properties')
    rows.sort(key=lambda row: -row['distance'])
    return QTable(
        rows=rows, meta=provenance_record(statistic=statistic, n_resamples=n_resamples, seed=seed)
    )


def _common(first, second):
    names = [name for name in first.colnames if name in second.colnames and name != 'id']
    tables = first, second
    names = [name for name in names if all(_is_number(table[name]) for table in tables)]
    # Neither has, for instance, magnitudes if no zero point is known.
    return [name for name in names if any(len(_finite(table[name])) for table in tables)]


def _is_number(column):
    # Positions on the sky have no dtype.
    return column.ndim == 1 and getattr(column, 'dtype', np.dtype(object)).kind in 'fiu'


def _values(first, second, name):
    """The finite values of both, in the unit of the first."""
    for which, table in (('first', first), ('second', second)):
        if name not in table.colnames or not _is_number(table[name]):
            raise ValueError(
                f'`{which}` must have a column {name!r} with one number per row; its columns '
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
