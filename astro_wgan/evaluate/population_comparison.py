"""Two populations compared by their scores, and simulations ranked by their likeness to a sky."""

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
from astro_wgan.jobs.provenance import record

__all__ = ['compare_by', 'compare_populations', 'rank_simulations']


def compare_populations(first, second, *, resamples=1000, seed=0, progress=True):
    """
    How far the scores of two populations are apart, and whether by more than chance.

    Parameters
    ----------
    first, second : array_like or table, shapes (n,) and (m,)
        Scores, or tables with a column ``score``. Scores that are not finite are left out and
        counted.
    resamples : int, optional
        Number of permutations, and of bootstrap samples.
    seed : int, optional
        The same seed gives the same errors and p-values.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        One row per ``statistic`` (``'ks'``, ``'wasserstein'``, ``'energy'``): ``distance``; its
        bootstrap ``error``; ``by_chance``, the median distance when the two are mixed at random;
        ``p_value``, the share of such mixtures at least as far apart; ``n_first``, ``n_second``
        and ``not_scored``.

    Raises
    ------
    ValueError
        If a population has no finite score.

    Notes
    -----
    Distances as in `scipy.stats.ks_2samp`, `scipy.stats.wasserstein_distance` and
    `scipy.stats.energy_distance`. All are above zero even for equal populations: read them beside
    ``by_chance``.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_populations
    >>> random = np.random.default_rng(1)
    >>> observed, mocks = random.normal(0.5, 1, 2000), random.normal(0, 1, 3000)
    >>> comparison = compare_populations(observed, mocks, resamples=200)
    >>> comparison['distance'].round(1).tolist()
    [0.2, 0.5, 0.4]
    >>> bool((comparison['p_value'] < 0.01).all())
    True
    """
    check_resamples(resamples)
    first, left_out = _finite(first, '`first`')
    second, also_out = _finite(second, '`second`')
    pooled = Pooled(first, second)
    random = np.random.default_rng(seed)
    mixed, drawn = [], []
    with ProgressLine('comparing populations', quiet=not progress) as line:
        for i in range(resamples):
            mixed.append(pooled.permuted(random))
            drawn.append(pooled.resampled(random))
            line.update((i + 1) / resamples, f'{i + 1} of {resamples} resamples')
    found = pooled.observed()
    rows = []
    for name in STATISTICS:
        chance = np.array([distances[name] for distances in mixed])
        rows.append(
            {
                'statistic': name,
                'distance': found[name],
                'error': spread([distances[name] for distances in drawn]),
                'by_chance': np.median(chance),
                'p_value': p_value(found[name], chance),
                'n_first': len(first),
                'n_second': len(second),
                'not_scored': left_out + also_out,
            }
        )
    return QTable(rows=rows, meta=record(resamples=resamples, seed=seed))


def compare_by(
    first_values,
    first_scores,
    second_values,
    second_scores,
    *,
    bins=8,
    statistic='wasserstein',
    resamples=200,
    seed=0,
):
    """
    The scores of two populations by a property, bin by bin.

    Parameters
    ----------
    first_values, second_values : array_like or `~astropy.units.Quantity`, shapes (n,) and (m,)
        The property: stellar mass, effective radius, redshift, axis ratio, Sersic index; words
        are categories, such as morphological types.
    first_scores, second_scores : array_like or table
        As for `compare_populations`.
    bins : int or array_like, optional
        Number of bins that hold equally many of both together; or edges; or categories.
    statistic : {'wasserstein', 'ks', 'energy'}, optional
        The distance.
    resamples, seed
        As for `compare_populations`.

    Returns
    -------
    `~astropy.table.QTable`
        One row per bin: ``low`` and ``high`` (or ``category``); for each of ``first`` and
        ``second`` the number ``n_first``, the ``median_first`` of the scores with its bootstrap
        ``error_first``, and the percentiles ``p16_first`` and ``p84_first``; ``distance``,
        ``error``, ``by_chance`` and ``p_value`` as in `compare_populations`, NaN where either has
        no member.

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
    >>> from astro_wgan.evaluate import compare_by
    >>> random = np.random.default_rng(1)
    >>> mass = random.uniform(10, 12, (2, 2000))
    >>> observed, mocks = random.normal(0, 1, (2, 2000)) + (mass - 10) * [[1], [0]]
    >>> comparison = compare_by(mass[0], observed, mass[1], mocks, bins=[10, 11, 12])
    >>> comparison['distance'].round(1).tolist()
    [0.5, 1.5]
    """
    check_statistic(statistic)
    check_resamples(resamples)
    values, scores = [], []
    for name, some, given in (
        ('first', first_values, first_scores),
        ('second', second_values, second_scores),
    ):
        given = score_array(given, f'`{name}_scores`').astype(float)
        _finite(given, f'`{name}_scores`')
        if len(some) != len(given):
            raise ValueError(
                f'`{name}_values` must have one for each of the {len(given)} scores; '
                f'got {len(some)}.'
            )
        values.append(known_values(some))
        scores.append(given)
    binning = bin_values(_joined(*values), bins)
    index = np.split(binning.index, [len(scores[0])])
    random = np.random.default_rng(seed)
    rows = []
    for i in range(len(binning)):
        inside = [s[(at == i) & np.isfinite(s)] for s, at in zip(scores, index, strict=True)]
        rows.append(_compare_bin(*inside, statistic, resamples, random))
    table = QTable(rows=rows)
    for name, column in reversed(binning.columns.items()):
        table.add_column(column, name=name, index=0)
    table.meta = record(
        statistic=statistic,
        resamples=resamples,
        seed=seed,
        unbinned=int((binning.index < 0).sum()),
        not_scored=int(sum((~np.isfinite(given)).sum() for given in scores)),
    )
    return table


def rank_simulations(
    observed, simulations, *, statistic='wasserstein', resamples=1000, seed=0, progress=True
):
    """
    Simulations in the order of their likeness to an observation.

    Parameters
    ----------
    observed : array_like or table, shape (n,)
        Scores of the observed objects: of a detector that was trained on the observation, if
        simulations are to be judged by what it has never seen.
    simulations : mapping
        Scores of each simulation, by its name.
    statistic : {'wasserstein', 'ks', 'energy'}, optional
        The distance.
    resamples : int, optional
        Number of bootstrap samples, and of random halves of the observation.
    seed : int, optional
        The same seed gives the same errors and p-values.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        One row per simulation, the nearest first: ``rank``, ``simulation``, ``n``,
        ``not_scored``, ``distance`` with its bootstrap ``error``; ``by_chance`` and
        ``by_chance_95``, the median and the 95th percentile for a perfect simulation of the same
        size; ``p_value``, the share of perfect ones at least as far away; ``nearest``, the share
        of bootstrap samples in which this simulation is the nearest.

    Raises
    ------
    ValueError
        If there is no simulation, or the observation or one of them has no finite score; if the
        observation has fewer than 4.

    Notes
    -----
    Proposed in Margalef-Bentabol et al. 2020, section 4.2. The distances of random halves of the
    observation say what chance does. They are scaled from the sizes of the halves to those of the
    observation and the simulation: chance falls with sqrt(1/n + 1/m). All simulations are compared
    with the same bootstrap sample of the observation, so that ``nearest`` is fair.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import rank_simulations
    >>> random = np.random.default_rng(1)
    >>> ranking = rank_simulations(
    ...     random.normal(0, 1, 2000),
    ...     {'coarse': random.normal(0.4, 1, 2000), 'fine': random.normal(0.1, 1, 2000)},
    ...     resamples=200,
    ... )
    >>> ranking['simulation'].tolist()
    ['fine', 'coarse']
    >>> ranking['distance'].round(1).tolist()
    [0.1, 0.4]
    """
    check_statistic(statistic)
    check_resamples(resamples)
    observed, _ = _finite(observed, '`observed`')
    if len(observed) < 4:
        raise ValueError(f'`observed` must have 4 finite scores or more; got {len(observed)}.')
    if not isinstance(simulations, Mapping) or not simulations:
        raise ValueError('`simulations` must be a mapping of scores by name, with at least one.')
    mocks = {n: _finite(given, f'`simulations` {n!r}') for n, given in simulations.items()}
    random = np.random.default_rng(seed)
    pooled = {name: Pooled(observed, scores) for name, (scores, _) in mocks.items()}
    drawn = np.empty((resamples, len(pooled)))
    halves = np.empty(resamples)
    middle = len(observed) // 2
    alone = Pooled(observed[:middle], observed[middle:])
    with ProgressLine('ranking simulations', quiet=not progress) as line:
        for i in range(resamples):
            chosen = random.integers(0, len(observed), len(observed))
            drawn[i] = [p.resampled(random, chosen)[statistic] for p in pooled.values()]
            halves[i] = alone.permuted(random)[statistic]
            line.update((i + 1) / resamples, f'{i + 1} of {resamples} resamples')
    nearest = np.bincount(drawn.argmin(axis=1), minlength=len(pooled)) / resamples
    rows = []
    for i, (name, (scores, left_out)) in enumerate(mocks.items()):
        chance = halves * np.sqrt(
            (1 / len(observed) + 1 / len(scores)) / (1 / alone.n + 1 / alone.m)
        )
        distance = pooled[name].observed()[statistic]
        rows.append(
            {
                'simulation': name,
                'n': len(scores),
                'not_scored': left_out,
                'distance': distance,
                'error': spread(drawn[:, i]),
                'by_chance': np.median(chance),
                'by_chance_95': np.percentile(chance, 95),
                'p_value': p_value(distance, chance),
                'nearest': nearest[i],
            }
        )
    table = QTable(rows=rows, meta=record(statistic=statistic, resamples=resamples, seed=seed))
    table.sort('distance')
    table.add_column(np.arange(1, len(table) + 1), name='rank', index=0)
    return table


def _compare_bin(first, second, statistic, resamples, random):
    row = {}
    for name, scores in (('first', first), ('second', second)):
        some = len(scores) > 0
        low, median, high = np.percentile(scores, [16, 50, 84]) if some else [np.nan] * 3
        draws = [np.median(random.choice(scores, len(scores))) for _ in range(resamples * some)]
        row |= {
            f'n_{name}': len(scores),
            f'median_{name}': median,
            f'error_{name}': spread(draws) if some else np.nan,
            f'p16_{name}': low,
            f'p84_{name}': high,
        }
    row |= dict.fromkeys(['distance', 'error', 'by_chance', 'p_value'], np.nan)
    if len(first) and len(second):
        row |= Pooled(first, second).beside_chance(statistic, resamples, random)
    return row


def _finite(scores, what):
    """The finite scores, and how many others there are."""
    scores = score_array(scores, what).astype(float)
    finite = np.isfinite(scores)
    if not finite.any():
        raise ValueError(f'{what} must hold at least one finite score; got {len(scores)} others.')
    return scores[finite], int((~finite).sum())


def _joined(first, second):
    if isinstance(first, u.Quantity) or isinstance(second, u.Quantity):
        return u.Quantity(np.concatenate([u.Quantity(first), u.Quantity(second)]))
    return np.concatenate([first, second])
