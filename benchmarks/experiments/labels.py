"""
What labels of a user add to the ranking by score, and what is most similar to a source.

A simulated user, who knows the truth, labels ten sources at a time from the top of the list, which
is then ranked anew (`astro_wgan.labeling.rerank`). Pools are drawn from simulated galaxies that the
model of the package has scored, with interesting anomalies at 1:100 and as many artifacts, and from
labeled stamps of real galaxies (``--data``), at 1:100 and at their own mixture. Each real set has a
detector of its own, which half of the normals have trained; the others are fresh ones.

blind              the list by score, which nobody has labeled
labels             the way of this package; also with half of the labels for those of which it is
                   least sure, and with labels at random
Astronomaly        isolation forest and regression (Lochner & Bassett 2021), on the same features
ceiling            logistic regression with all labels, five-fold

Settings were chosen on the half ``choice`` of the stamps; ``--half report`` is the default. Errors
are those of the mean over seeds, which draw the pools.

Work is kept in the folder of ``--work``: the same command goes on where it was killed.

    python -m benchmarks.experiments.labels --data sdss_gz1/stamps.npz euclid_q1/stamps.npz
    python -m benchmarks.experiments.labels --half choice --data sdss_gz1/stamps.npz
"""

import warnings
from functools import partial
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import DriftWarning
from astro_wgan.labeling import RelevanceModel, most_similar
from benchmarks.detectors.labeled_pools import (
    ARTIFACT,
    INTERESTING,
    ORDINARY,
    real_sources,
    simulated_sources,
)
from benchmarks.detectors.labeled_stamps import HALVES
from benchmarks.detectors.simulated_users import (
    LISTED,
    USERS,
    Pool,
    ceiling_scores,
    draw_rows,
    labeling_session,
)
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column, estimate

COUNTS = (10, 20, 50, 100)
#: Labels at which bars are judged.
JUDGED = 50
#: Sources of each class among whose like others are sought, and of a list of the most similar.
GROUP, SIMILAR, TRIES = 5, 50, 12

_POOL = (Column('set', 'of stamps'), Column('mixture', 'interesting to ordinary sources'))
_BY_LABELS = tuple(Column(f'{n} labels', 'after so many', '', '.1f') for n in COUNTS)
_SHARES = tuple(Column(f'{n} labels', 'after so many', '', '.3f') for n in COUNTS)
_RANKING = (*_POOL, Column('ranking', 'and how labels are given'))
POOLS = (
    *_POOL,
    Column('sources', 'in the pool'),
    Column('interesting', 'sources of the pool'),
    Column('artifacts', 'sources of the pool'),
    Column('blind', 'interesting ones in the top 100 by score', '', '.1f'),
    Column('ceiling', 'the same with all labels', '', '.1f'),
)
BARS = (
    *_POOL,
    Column('artifacts left', 'in the top 100, relative to those by score', '', '.2f'),
    Column('more interesting', 'in the top 100, relative to those by score', '', '.2f'),
    Column('way to ceiling', 'share of the difference from the score to all labels', '', '.2f'),
)
ALIKE = (
    Column('set', 'of stamps'),
    Column('like', 'one source, or five, by what distance'),
    Column('features', 'as they are, or along damped principal components'),
    Column('of the class', f'share of the {SIMILAR} most similar, mean of classes', '', '.3f'),
)
SPEED = (
    Column('sources', 'number of them'),
    Column('labels', 'number of them'),
    Column('time', 'of a ranking, shortest of three', 's', '.1f'),
)


def main():
    options = read_options()
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options, 'scikit-learn')
    sets = read_sets(options)
    sessions = {key: run_sessions(*pools, options) for key, pools in make_pools(sets, options)}
    seeds = f'Half {options.half!r}, means over {len(options.seeds)} draws.'
    report.table('pools', seeds, POOLS, [pool_row(*each) for each in sessions.items()])
    for name, columns, caption in (
        ('interesting', _BY_LABELS, 'Interesting sources in the first 100 of the list.'),
        ('artifacts', _BY_LABELS, 'Artifacts in the first 100 of the list.'),
        ('found', _SHARES, 'Share of all interesting sources that have been labeled.'),
        ('seen', _BY_LABELS, 'Interesting sources among those labeled and the next 100.'),
    ):
        rows = [row for each in sessions.items() for row in ranking_rows(*each, name)]
        report.table(name, f'{caption} {seeds}', (*_RANKING, *columns), rows)
    rows = [row for each in sessions.items() for row in difference_rows(*each)]
    caption = 'Interesting sources more than by the score, in lists and looks of the same length.'
    report.table('differences', f'{caption} {seeds}', (*_RANKING, *_BY_LABELS), rows)
    rows = [bar_row(*each) for each in sessions.items()]
    report.table('bars', f'With {JUDGED} labels. {seeds}', BARS, rows)
    rows = [row for name, sources in sets.items() for row in similar_rows(name, sources)]
    report.table('similar', 'More like one source, or like five.', ALIKE, rows)
    report.table('speed', 'Features of 384 numbers.', SPEED, list(speed_rows(options)))
    report.write()


def read_options():
    smoke = {
        'normals': 60,
        'anomalies': 6,
        'seeds': [1, 2],
        'iterations': 2,
        'limit': 20,
        'sources': [300],
    }
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='labels')
    parser.add_argument('--data', type=Path, nargs='*', default=[], help='labeled stamps')
    parser.add_argument('--normals', type=int, default=10_000, help='simulated ones')
    parser.add_argument('--anomalies', type=int, default=250, help='simulated ones, of each class')
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3, 4, 5], help='of draws')
    parser.add_argument('--iterations', type=int, default=800, help='of training, each real set')
    parser.add_argument('--limit', type=int, help='real stamps of each class and split, at most')
    parser.add_argument('--half', choices=HALVES, default='report')
    parser.add_argument('--sources', type=int, nargs='+', default=[10_000, 100_000], help='timed')
    return parser.parse_args()


def read_sets(options):
    """Sources by the name of their set."""
    found = {
        'simulated': simulated_sources(
            options.half,
            normals=options.normals,
            anomalies=options.anomalies,
            folder=options.work,
        )
    }
    for path in options.data:
        name = path.parent.name if path.stem == 'stamps' else path.stem
        found[name] = real_sources(
            path,
            options.half,
            iterations=options.iterations,
            seed=1,
            folder=options.work,
            limit=options.limit,
        )
    return found


def make_pools(sets, options):
    """Pools of each set and mixture, with the scores of the ceiling for each of their sources."""
    for name, sources in sets.items():
        scores = ceiling_scores(sources)
        for mixture, prevalence in (('1:100', 0.01), ('its own', None)):
            if name == 'simulated' and prevalence is None:
                continue
            pools, ceilings = [], []
            for seed in options.seeds:
                rows = draw_rows(sources, prevalence, seed)
                pools.append(Pool(sources[rows], seed))
                ceilings.append(scores[rows])
            yield (name, mixture), (pools, ceilings)


# Sessions


def run_sessions(pools, ceilings, options):
    """What is found, by user and number of labels, each an array over the pools."""
    found = {'pools': pools, 'ceiling': []}
    for pool, scores in zip(pools, ceilings, strict=True):
        first = np.argsort(-scores)[:LISTED]
        found['ceiling'].append(pool.of(INTERESTING)[first].sum())
    counts = [n for n in COUNTS if n < len(pools[0].sources)]
    for user in USERS:
        print(f'{len(pools[0].sources)} sources: {user}', flush=True)
        rows = [[*labeling_session(pool, user, counts)] for pool in pools]
        found[user] = {
            n: {key: np.array([row[k][key] for row in rows], float) for key in rows[0][k]}
            for k, n in enumerate(counts)
        }
    return found


def pool_row(key, found):
    pools = found['pools']
    # The list by score does not change with labels.
    blind = next(iter(found['blind'].values()))['interesting']
    return {
        **_named(key),
        'sources': len(pools[0].sources),
        'interesting': mean_of([pool.of(INTERESTING).sum() for pool in pools]),
        'artifacts': mean_of([pool.of(ARTIFACT).sum() for pool in pools]),
        'blind': with_error(blind),
        'ceiling': with_error(found['ceiling']),
    }


def ranking_rows(key, found, quantity):
    for user in USERS:
        cells = {f'{n} labels': with_error(row[quantity]) for n, row in found[user].items()}
        yield {**_named(key), 'ranking': user, **cells}


def difference_rows(key, found):
    for user in [*USERS][1:]:
        for quantity, words in (('interesting', 'top 100'), ('seen', 'seen')):
            cells = {
                f'{n} labels': with_error(row[quantity] - found['blind'][n][quantity])
                for n, row in found[user].items()
            }
            yield {**_named(key), 'ranking': f'{user}: {words}', **cells}


def bar_row(key, found):
    last = min(JUDGED, *found['labels']) if JUDGED not in found['labels'] else JUDGED
    blind, joined = found['blind'][last], found['labels'][last]
    start, end = blind['interesting'].mean(), joined['interesting'].mean()
    artifacts, ceiling = blind['artifacts'].mean(), np.mean(found['ceiling'])
    row = _named(key)
    if artifacts:
        row['artifacts left'] = joined['artifacts'].mean() / artifacts
    if start:
        row['more interesting'] = end / start
    if ceiling > start:
        row['way to ceiling'] = (end - start) / (ceiling - start)
    return row


def _named(key):
    return dict(zip(('set', 'mixture'), key, strict=True))


def mean_of(values):
    """A whole number, where all draws have the same."""
    return round(float(np.mean(values)))


def with_error(values):
    """Mean over draws, with its error."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return estimate(values.mean(), error)


# Similar sources


def similar_rows(name, sources):
    """How many of the most similar are of the same class, by the way they are sought."""
    rng = np.random.default_rng(1)
    rows = np.flatnonzero(sources.label == ORDINARY)
    kinds = [kind for kind in np.unique(sources.kind) if kind != 'normal']
    for kind in kinds:
        rows = np.concatenate([rows, rng.permutation(np.flatnonzero(sources.kind == kind))[:100]])
    sources = sources[rows]
    ways = {
        ('one', 'damped components'): (1, _by_mean, True),
        ('one', 'as they are'): (1, _by_mean, False),
        ('mean of five', 'damped components'): (GROUP, _by_mean, True),
        ('mean of five', 'as they are'): (GROUP, _by_mean, False),
        ('nearest of five', 'as they are'): (GROUP, _by_nearest, False),
    }
    for (like, features), (size, way, damped) in ways.items():
        shares = [_share_alike(sources, kind, size, way, damped) for kind in kinds]
        yield {
            'set': name,
            'like': like,
            'features': features,
            'of the class': float(np.mean(shares)),
        }


def _share_alike(sources, kind, size, way, damped):
    rng, of_kind = np.random.default_rng(2), np.flatnonzero(sources.kind == kind)
    shares = []
    for _ in range(TRIES):
        group = rng.choice(of_kind, min(size, len(of_kind)), replace=False)
        if damped:
            rows = most_similar(sources.features, group, SIMILAR)[0]
        else:
            distance = way(sources.features.astype(float), group)
            distance[group] = np.inf
            rows = np.argsort(distance)[:SIMILAR]
        shares.append(np.mean(sources.kind[rows] == kind))
    return np.mean(shares)


def _by_mean(features, group):
    return np.linalg.norm(features - features[group].mean(axis=0), axis=1)


def _by_nearest(features, group):
    return np.min([np.linalg.norm(features - features[row], axis=1) for row in group], axis=0)


# Speed


def speed_rows(options):
    """Seconds of a ranking with 100 labels."""
    rng = np.random.default_rng(0)
    for n in options.sources:
        features, score = rng.normal(size=(n, 384)).astype(np.float32), rng.normal(size=n)
        terms = rng.normal(size=(n, 5))
        labels = np.full(n, None, dtype=object)
        rows = np.argsort(-score)[:100]
        labels[rows] = np.where(features[rows, 0] > 0, INTERESTING, ARTIFACT)
        rank = partial(RelevanceModel().fit, features, labels, score=score, terms=terms)
        timing = time_in_turns({'ours': rank}, turns=3)['ours']
        yield {'sources': n, 'labels': 100, 'time': timing.shortest}


if __name__ == '__main__':
    main()
