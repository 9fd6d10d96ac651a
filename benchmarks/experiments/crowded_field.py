"""
Whether a crowded field is ranked by its galaxies or by their neighbors, kept, masked and replaced.

Stamps of the Hubble eXtreme Deep Field are cut with neighbors kept, masked and replaced by sky. For
each, a network of the preset ``compact`` is trained on most stamps and calibrated on the rest, as a
hunt does. Printed are Spearman's rank correlation of the score with the number of neighbors in a
stamp and with the fraction of it that they cover, over all stamps; how many of the top tenth are in
the tenth with most neighbors; and how the score changes with the flux of the central source.

Checkpoints of the trainings are kept in the folder of ``--work``: the same command goes on where it
was killed. Remove the folder when the code of the trainings has changed.

    python -m benchmarks.experiments.crowded_field                    # a quarter of an hour
    python -m benchmarks.experiments.crowded_field --iterations 50
"""

import numpy as np
from scipy.stats import spearmanr

from astro_wgan import WGAN, AnomalyDetector, StampSet, datasets
from astro_wgan.detection import DetectionConfig
from astro_wgan.neighbors import NeighborConfig
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column, estimate

#: As `HuntConfig` has it.
DETECTION = DetectionConfig(2.5, min_area=40)

#: Small neighbors count, too, however small a source must not be to be a stamp's own.
SMALL = DetectionConfig(2.5, min_area=5)

CONTENDERS = {
    'kept': NeighborConfig('keep'),
    'masked': NeighborConfig('mask', detection=SMALL),
    'replaced': NeighborConfig('replace', detection=SMALL),
    'masked, deblended': NeighborConfig('mask', deblend=True, detection=SMALL),
    'replaced, deblended': NeighborConfig('replace', deblend=True, detection=SMALL),
}

COLUMNS = (
    Column('neighbors', 'what happens to them'),
    Column('removed', 'mean percentage of a stamp', '', '.0f'),
    Column('number', 'rank correlation of the score with the number of neighbors', '', '.2f'),
    Column('fraction', 'with the fraction of the stamp that they cover', '', '.2f'),
    Column('flux', 'with the isophotal flux of the central source', '', '.2f'),
    Column('crowded', 'percent of the top tenth that are in the most crowded tenth', '', '.0f'),
    Column('top', 'percent of the top tenth that are there with neighbors kept, too', '', '.0f'),
)


def main():
    smoke = {'iterations': 1, 'contenders': ['kept', 'masked']}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='crowded_field')
    parser.add_argument('--iterations', type=int, default=300, help='of each training')
    parser.add_argument(
        '--contenders', nargs='+', default=[*CONTENDERS], choices=CONTENDERS, metavar='NAME'
    )
    options = parser.parse_args()
    report = Report(options, 'sep')
    image = datasets.load_image('hubble_xdf')
    cut = {'size': 64, 'detection': DETECTION}
    # Also of touching ones: how crowded a stamp is does not depend on what is done about it.
    counted = StampSet.from_image(image, **cut, neighbors=CONTENDERS['masked, deblended']).table
    tenth = max(1, len(counted) // 10)
    crowded = set(np.argsort(counted['n_neighbors'])[-tenth:])
    rows, first = [], None
    for name in options.contenders:
        config = CONTENDERS[name]
        stamps = StampSet.from_image(image, **cut, neighbors=config)
        kept = f'{name.replace(", ", "-")}-{options.iterations}-{options.seed}.checkpoint'
        score = scores(stamps, options.iterations, options.seed, options.work / kept)
        top = set(np.argsort(score)[-tenth:])
        first = top if first is None else first
        removed = stamps.table['neighbor_fraction'].mean() if config.is_needed else 0
        rows.append(
            {
                'neighbors': name,
                'removed': 100 * removed,
                'number': correlation(score, counted['n_neighbors']),
                'fraction': correlation(score, counted['neighbor_fraction']),
                'flux': correlation(score, counted['isophotal_flux']),
                'crowded': 100 * len(top & crowded) / tenth,
                'top': 100 * len(top & first) / tenth,
            }
        )
    caption = (
        f'{len(counted)} stamps of 64 x 64 pixels, a network of the preset compact trained for '
        f'{options.iterations} iterations each on four fifths of them, calibrated on the rest; '
        f'sources and neighbors at {DETECTION.threshold:g} sigma, from {DETECTION.min_area} and '
        f'{SMALL.min_area} pixels on; seed {options.seed}. '
        'By chance, 10 percent of the top tenth are in the most crowded tenth.'
    )
    report.table('ranking', caption, COLUMNS, rows)
    report.write()


def scores(stamps, iterations, seed, checkpoint):
    """Scores of all stamps by a network that is trained on most and calibrated on the rest."""
    train, held_out = stamps.split(0.8, seed=seed)
    wgan = WGAN.preset('compact', size=64)
    wgan.fit(train, iterations=iterations, seed=seed, checkpoint=checkpoint)
    return np.asarray(AnomalyDetector(wgan).calibrate(held_out).score(stamps)['score'])


def correlation(score, values):
    """Spearman's coefficient with its standard error (Bonett & Wright 2000), as a cell."""
    known = np.isfinite(score)
    found = spearmanr(score[known], np.asarray(values)[known]).statistic
    return estimate(found, (1 - found**2) * np.sqrt((1 + found**2 / 2) / (known.sum() - 3)))


if __name__ == '__main__':
    main()
