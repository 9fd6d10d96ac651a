"""
How many false alarms among real galaxies are foreground stars and neighbors, and what masks cost.

Stamps of SDSS galaxies with labels of Galaxy Zoo 1, an npz file with ``images`` (n, 64, 64, 3),
``labels`` and ``split``, are searched for stars and neighbors. A network of the preset ``compact``
is trained on the normals of the split ``train``, in which nothing is masked. For each way to mask
stars and neighbors it is calibrated on the normals of ``calibrate`` and scores the stamps of
``test``. These are halved at random: ``choice``, by which settings may be chosen, and ``report``.

A checkpoint of the training is kept in the folder of ``--work``: the same command goes on where it
was killed. Remove the folder when the code of the training has changed.

    python -m benchmarks.experiments.foreground_stars --data stamps.npz          # half an hour
    python -m benchmarks.experiments.foreground_stars --data stamps.npz --iterations 100
"""

import warnings
from pathlib import Path

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.exceptions import DriftWarning
from astro_wgan.neighbors import NeighborConfig
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

CONTENDERS = {
    'nothing': NeighborConfig('keep'),
    'stars': NeighborConfig('keep', stars='mask'),
    'bright stars': NeighborConfig('keep', stars='mask', star_significance=30),
    'neighbors': NeighborConfig('mask'),
    'neighbors and stars': NeighborConfig('mask', stars='mask'),
    'deblended neighbors': NeighborConfig('mask', deblend=True),
}

#: Labels by the name of a column.
KINDS = {
    'edge-on': ('edge-on',),
    'spiral': ('spiral_cw', 'spiral_acw'),
    'elliptical': ('elliptical',),
}

FOUND = (
    Column('class', 'of Galaxy Zoo 1'),
    Column('stamps', 'of the test set'),
    Column('with a star', 'percent in which a star is masked', '', '.0f'),
    Column('flagged', 'percent above the threshold of 90 percent', '', '.1f'),
    Column('flagged, with a star', 'percent of the flagged with a star', '', '.0f'),
    Column('others, with a star', 'percent of the others with a star', '', '.0f'),
    Column('flagged, with a neighbor', 'percent of the flagged with a neighbor', '', '.0f'),
    Column('others, with a neighbor', 'percent of the others with a neighbor', '', '.0f'),
)

EFFECT = (
    Column('masked', 'what is masked in all stamps'),
    Column('half', 'of the test set'),
    *(Column(kind, 'percent above the threshold of 90 percent', '', '.1f') for kind in KINDS),
    Column('normals', 'percent of all above the threshold', '', '.1f'),
    Column('mergers', 'percent above the threshold', '', '.0f'),
    Column('AUC', 'area under the ROC curve of mergers and normals', '', '.3f'),
    Column("AUC, don't know", 'of those that people could not classify', '', '.3f'),
)


def main():
    smoke = {'iterations': 1, 'limit': 100, 'contenders': ['nothing', 'stars']}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='foreground_stars')
    parser.add_argument('--data', type=Path, help='file with the stamps')
    parser.add_argument('--iterations', type=int, default=300, help='of the training')
    parser.add_argument('--limit', type=int, help='stamps of each class and split, at most')
    parser.add_argument(
        '--contenders', nargs='+', default=[*CONTENDERS], choices=CONTENDERS, metavar='NAME'
    )
    options = parser.parse_args()
    if options.data is None or not options.data.exists():
        skip('stamps of SDSS with labels of Galaxy Zoo 1 are needed: give --data.')
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options)
    stamps, labels, split = read(options.data, options.limit, options.seed)
    wgan = WGAN.preset('compact', size=64)
    wgan.fit(
        stamps[split == 'train'],
        iterations=options.iterations,
        seed=options.seed,
        checkpoint=options.work / f'{options.iterations}-{options.seed}-{len(stamps)}.checkpoint',
    )
    stamps, labels, split = (part[split != 'train'] for part in (stamps, labels, split))
    test = split == 'test'
    half = np.random.default_rng(options.seed).random(len(labels)) < 0.5
    flagged, counts, rows = None, None, []
    for name in options.contenders:
        masked = stamps.remove_neighbors(CONTENDERS[name], progress=False)
        if name == 'stars':
            counts = masked[test].table
        detector = AnomalyDetector(wgan).calibrate(masked[split == 'calibrate'])
        table = detector.score(masked[test])
        flagged = np.asarray(table['anomalous_90']) if flagged is None else flagged
        for text, part in (('choice', ~half[test]), ('report', half[test])):
            rows.append({'masked': name, 'half': text, **effect(table[part], labels[test][part])})
    if counts is not None:
        caption = 'Stars and neighbors in stamps of the test set, by what the first detector flags.'
        report.table('found', caption, FOUND, list(what_is_there(counts, labels[test], flagged)))
    caption = (
        f'One training of {options.iterations} iterations of the preset compact on luminance, '
        f'nothing masked, seed {options.seed}; stars from '
        f'{CONTENDERS["stars"].star_significance:g} times the noise on, bright ones from '
        f'{CONTENDERS["bright stars"].star_significance:g}.'
    )
    report.table('effect', caption, EFFECT, rows)
    report.write()


def read(path, limit, seed):
    """Stamps of luminance, their labels, and the split they belong to."""
    with np.load(path) as file:
        images, labels, split = (file[name] for name in ('images', 'labels', 'split'))
    rows = np.arange(len(labels))
    if limit is not None:
        order = np.random.default_rng(seed).permutation(rows)
        groups = {(s, k): order[(split == s)[order] & (labels == k)[order]][:limit]
                  for s in np.unique(split) for k in np.unique(labels)}  # fmt: skip
        rows = np.sort(np.concatenate([*groups.values()]))
    return StampSet(images[rows].astype(np.float32).mean(axis=-1)), labels[rows], split[rows]


def what_is_there(counts, labels, flagged):
    """Rows of the table of what is in the stamps."""
    star, neighbor = (np.asarray(counts[name]) > 0 for name in ('n_stars', 'n_neighbors'))
    kinds = KINDS | {'all normals': sum(KINDS.values(), ()), 'merger': ('merger',)}
    for kind, names in kinds.items():
        of_kind = np.isin(labels, names)
        yes, no = of_kind & flagged, of_kind & ~flagged
        yield {
            'class': kind,
            'stamps': int(of_kind.sum()),
            'with a star': percent(star[of_kind]),
            'flagged': percent(flagged[of_kind]),
            'flagged, with a star': percent(star[yes]),
            'others, with a star': percent(star[no]),
            'flagged, with a neighbor': percent(neighbor[yes]),
            'others, with a neighbor': percent(neighbor[no]),
        }


def effect(table, labels):
    """Cells of one detector for some stamps."""
    above, score = np.asarray(table['anomalous_90']), np.asarray(table['score'])
    normal = np.isin(labels, sum(KINDS.values(), ()))
    found = {kind: percent(above[np.isin(labels, names)]) for kind, names in KINDS.items()}
    found['normals'] = percent(above[normal])
    found['mergers'] = percent(above[labels == 'merger'])
    for column, label in (('AUC', 'merger'), ("AUC, don't know", "don't know")):
        some = (labels == label).sum() > 1
        found[column] = area(score[normal], score[labels == label]) if some else None
    return found


def percent(flags):
    return 100 * np.mean(flags) if len(flags) else None


if __name__ == '__main__':
    main()
