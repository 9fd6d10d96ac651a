"""Compare the scores of two populations, and rank simulations by their distance to observations."""

from collections.abc import Mapping

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.evaluate.binning import bin_values, known_values
from astro_wgan.evaluate.distances import (
    STATISTICS,
    Pooled,
    check_resamples,
    check_statistic,
    p_value,
    spread,
)
from astro_wgan.evaluate.score_inputs import score_array
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['compare_populations', 'compare_populations_by', 'rank_simulations']


def compare_populations(first, second, *, n_resamples=1000, seed=0, progress=True):
    """
    Distances between the score distributions of two populations, and their significance.

    Parameters
    ----------
    first, second : array_like or table, shapes (n,) and (m,)
        Scores, or tables with a column ``score``. Scores that are not finite are left out and
        counted.
    n_resamples : int, optional
        Number of permutations, and of bootstrap samples.
    seed : int, optional
        The same seed gives the same errors and p-values.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        One row per ``statistic`` (``'ks'``, ``'wasserstein'``, ``'energy'``): ``distance``; its
        bootstrap error ``distance_err``; ``null_median``, the median distance under random
        permutations of the pooled scores; ``p_value``, the fraction of permutations with at least
        the observed distance; ``n_first``, ``n_second``; and ``n_not_scored``.

    Raises
    ------
    ValueError
        If a population has no finite score.

    Notes
    -----
    Distances as in `scipy.stats.ks_2samp`, `scipy.stats.wasserstein_distance` and
    `scipy.stats.energy_distance`. All are positive even for equal populations: compare them with
    ``null_median``.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_populations
    >>> random = np.random.default_rng(1)
    >>> observed, mocks = random.normal(0.5, 1, 2000), random.normal(0, 1, 3000)
    >>> comparison = compare_populations(observed, mocks, n_resamples=200)
    >>> comparison['distance'].round(1).tolist()
    [0.2, 0.5, 0.4]
    >>> bool((comparison['p_value'] < 0.01).all())
    True
    """
    check_resamples(n_resamples)
    first, left_out = _finite(first, '`first`')
    second, also_out = _finite(second, '`second`')
    pooled = Pooled(first, second)
    random = np.random.default_rng(seed)
    mixed, drawn = [], []
    with ProgressLine('comparing populations', quiet=not progress) as line:
        for i in range(n_resamples):
            mixed.append(pooled.permuted(random))
            drawn.append(pooled.resampled(random))
            line.update((i + 1) / n_resamples, f'{i + 1} of {n_resamples} resamples')
    found = pooled.observed()
    rows = []
    for name in STATISTICS:
        chance = np.array([distances[name] for distances in mixed])
        rows.append(
            {
                'statistic': name,
                'distance': found[name],
                'distance_err': spread([distances[name] for distances in drawn]),
                'null_median': np.median(chance),
                'p_value': p_value(found[name], chance),
                'n_first': len(first),
                'n_second': len(second),
                'n_not_scored': left_out + also_out,
            }
        )
    return QTable(rows=rows, meta=provenance_record(n_resamples=n_resamples, seed=seed))


def compare_populations_by(
    first_values,
    first_scores,
    second_values,
    second_scores,
    *,
    bins=8,
    statistic='wasserstein',
    n_resamples=200,
    seed=0,
    progress=True,
):
    """
    Compare the scores of two populations in bins of a property.

    Parameters
    ----------
    first_values, second_values : array_like or `~astropy.units.Quantity`, shapes (n,) and (m,)
        The property: stellar mass, half-light radius, redshift, axis ratio, Sersic index; strings
        are categories, such as morphological types.
    first_scores, second_scores : array_like or table
        As for `compare_populations`.
    bins : int or array_like, optional
        Number of bins with equal numbers of objects of both populations together; or edges; or
        categories.
    statistic : {'wasserstein', 'ks', 'energy'}, optional
        The distance.
    resamples, seed, progress
        As for `compare_populations`.

    Returns
    -------
    `~astropy.table.QTable`
        One row per bin: ``low`` and ``high`` (or ``category``); for each of ``first`` and
        ``second`` the number ``n_first``, the median score ``median_first`` with its bootstrap
        error ``median_first_err``, and the percentiles ``p16_first`` and ``p84_first``;
        ``distance``, ``distance_err``, ``null_median`` and ``p_value`` as in
        `compare_populations`, NaN where either population has no member. ``meta['n_unbinned']``
        counts objects whose property is unknown or outside of the bins.

    Raises
    ------
    ValueError
        If values and scores disagree in number, or a population has no finite score.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figure 16.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_populations_by
    >>> random = np.random.default_rng(1)
    >>> mass = random.uniform(10, 12, (2, 2000))
    >>> observed, mocks = random.normal(0, 1, (2, 2000)) + (mass - 10) * [[1], [0]]
    >>> comparison = compare_populations_by(mass[0], observed, mass[1], mocks, bins=[10, 11, 12])
    >>> comparison['distance'].round(1).tolist()
    [0.5, 1.5]
    """
    check_statistic(statistic)
    check_resamples(n_resamples)
    values, scores = [], []
    for name, some, given in (
        ('first', first_values, first_scores),
        ('second', second_values, second_scores),
    ):
        given = score_array(given, f'`{name}_scores`').astype(float)
        _finite(given, f'`{name}_scores`')
        if len(some) != len(given):
            raise ValueError(
                f'`{name}_values` must have {len(given)} entries, one per score; got {len(some)}.'
            )
        values.append(known_values(some))
        scores.append(given)
    binning = bin_values(_joined(*values), bins)
    index = np.split(binning.index, [len(scores[0])])
    random = np.random.default_rng(seed)
    rows = []
    with ProgressLine('comparing populations', quiet=not progress) as line:
        for i in range(len(binning)):
            inside = [s[(at == i) & np.isfinite(s)] for s, at in zip(scores, index, strict=True)]
            rows.append(_compare_bin(*inside, statistic, n_resamples, random))
            line.update((i + 1) / len(binning), f'{i + 1} of {len(binning)} bins')
    table = QTable(rows=rows)
    for name, column in reversed(binning.columns.items()):
        table.add_column(column, name=name, index=0)
    table.meta = provenance_record(
        statistic=statistic,
        n_resamples=n_resamples,
        seed=seed,
        n_unbinned=int((binning.index < 0).sum()),
        n_not_scored=int(sum((~np.isfinite(given)).sum() for given in scores)),
    )
    return table


def rank_simulations(
    observed, simulations, *, statistic='wasserstein', n_resamples=1000, seed=0, progress=True
):
    """
    Rank simulations by the distance of their scores to those of observations.

    Parameters
    ----------
    observed : array_like or table, shape (n,)
        Scores of the observed objects, by a detector trained on other observed objects.
    simulations : mapping
        Scores of each simulation, by its name.
    statistic : {'wasserstein', 'ks', 'energy'}, optional
        The distance.
    n_resamples : int, optional
        Number of bootstrap samples, and of random halves of the observed sample.
    seed : int, optional
        The same seed gives the same errors and p-values.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        One row per simulation, by increasing distance: ``rank``, ``simulation``, ``n``,
        ``n_not_scored``, ``distance`` with its bootstrap error ``distance_err``; ``null_median``
        and ``null_p95``, the median and the 95th percentile of the distance of a perfect simulation
        of the same size; ``p_value``, the fraction of perfect simulations with at least this
        distance; ``nearest_fraction``, the fraction of bootstrap samples in which this simulation
        is the nearest.

    Raises
    ------
    ValueError
        If there is no simulation, a simulation has no finite score, or there are fewer than four
        finite scores of observed objects.

    Notes
    -----
    Proposed in Margalef-Bentabol et al. 2020, section 4.2. The null distribution is that of the
    distances between random halves of the observed sample, scaled as sqrt(1/n + 1/m) to the sizes
    of the observed and the simulated sample. All simulations are compared with the same bootstrap
    sample of the observations, so that ``nearest_fraction`` is unbiased.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import rank_simulations
    >>> random = np.random.default_rng(1)
    >>> ranking = rank_simulations(
    ...     random.normal(0, 1, 2000),
    ...     {'coarse': random.normal(0.4, 1, 2000), 'fine': random.normal(0.1, 1, 2000)},
    ...     n_resamples=200,
    ... )
    >>> ranking['simulation'].tolist()
    ['fine', 'coarse']
    >>> ranking['distance'].round(1).tolist()
    [0.1, 0.4]
    """
    check_statistic(statistic)
    check_resamples(n_resamples)
    observed, _ = _finite(observed, '`observed`')
    if len(observed) < 4:
        raise ValueError(f'`observed` must have at least 4 finite scores; got {len(observed)}.')
    if not isinstance(simulations, Mapping) or not simulations:
        raise ValueError('`simulations` must be a mapping of scores by name, with at least one.')
    mocks = {n: _finite(given, f'`simulations` {n!r}') for n, given in simulations.items()}
    random = np.random.default_rng(seed)
    pooled = {name: Pooled(observed, scores) for name, (scores, _) in mocks.items()}
    drawn = np.empty((n_resamples, len(pooled)))
    halves = np.empty(n_resamples)
    middle = len(observed) // 2
    split = Pooled(observed[:middle], observed[middle:])
    with ProgressLine('ranking simulations', quiet=not progress) as line:
        for i in range(n_resamples):
            chosen = random.integers(0, len(observed), len(observed))
            drawn[i] = [p.resampled(random, chosen)[statistic] for p in pooled.values()]
            halves[i] = split.permuted(random)[statistic]
            line.update((i + 1) / n_resamples, f'{i + 1} of {n_resamples} resamples')
    nearest = np.bincount(drawn.argmin(axis=1), minlength=len(pooled)) / n_resamples
    rows = []
    for i, (name, (scores, left_out)) in enumerate(mocks.items()):
        chance = halves * np.sqrt(
            (1 / len(observed) + 1 / len(scores)) / (1 / split.n + 1 / split.m)
        )
        distance = pooled[name].observed()[statistic]
        rows.append(
            {
                'simulation': name,
                'n': len(scores),
                'n_not_scored': left_out,
                'distance': distance,
                'distance_err': spread(drawn[:, i]),
                'null_median': np.median(chance),
                'null_p95': np.percentile(chance, 95),
                'p_value': p_value(distance, chance),
                'nearest_fraction': nearest[i],
            }
        )
    table = QTable(
        rows=rows, meta=provenance_record(statistic=statistic, n_resamples=n_resamples, seed=seed)
    )
    table.sort('distance')
    table.add_column(np.arange(1, len(table) + 1), name='rank', index=0)
    return table


def _compare_bin(first, second, statistic, n_resamples, random):
    row = {}
    for name, scores in (('first', first), ('second', second)):
        some = len(scores) > 0
        low, median, high = np.percentile(scores, [16, 50, 84]) if some else [np.nan] * 3
        draws = [np.median(random.choice(scores, len(scores))) for _ in range(n_resamples * some)]
        row |= {
            f'n_{name}': len(scores),
            f'median_{name}': median,
            f'median_{name}_err': spread(draws) if some else np.nan,
            f'p16_{name}': low,
            f'p84_{name}': high,
        }
    row |= dict.fromkeys(['distance', 'distance_err', 'null_median', 'p_value'], np.nan)
    if len(first) and len(second):
        row |= Pooled(first, second).with_null_distribution(statistic, n_resamples, random)
    return row


def _finite(scores, what):
    """The finite scores, and the number of all others."""
    scores = score_array(scores, what).astype(float)
    finite = np.isfinite(scores)
    if not finite.any():
        raise ValueError(
            f'{what} must hold at least one finite score; got none among {len(scores)}.'
        )
    return scores[finite], int((~finite).sum())


def _joined(first, second):
    if isinstance(first, u.Quantity) or isinstance(second, u.Quantity):
        return u.Quantity(np.concatenate([u.Quantity(first), u.Quantity(second)]))
    return np.concatenate([first, second])
