"""
How much scores change if galaxies are a pixel off, for trainings with and without shifts.

Normal galaxies are moved by 0, 1 and 2 whole pixels; their edges are reflected. Given are the area
under the ROC curve of moved against unmoved normals, 0.5 if the score is indifferent to centers,
the percent of them above the threshold of 90 percent, and the median absolute change of the score.
What shifts cost shows in the areas of galaxies with a companion or with a knot.

    python -m benchmarks.experiments.centers                 # 5 minutes
"""

import warnings
from dataclasses import replace

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.exceptions import DriftWarning
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.data_stream import shift_images
from benchmarks.detectors.colored_galaxies import draw_galaxies
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

#: Of which an odd one is seen in the middle band as well.
KINDS = ('green blob', 'companion')

CENTERS = (
    Column('max_shift', 'of the training', 'pix', '.0f'),
    Column('moved by', 'along both axes', 'pix', '.0f'),
    Column('AUC', 'area under the ROC curve of moved against unmoved normals', '', '.3f'),
    Column('found', 'percent of moved normals above the threshold of 90 percent', '', '.1f'),
    Column('change', 'median absolute change of the score', 'sigma', '.2f'),
)
AREAS = (
    Column('max_shift', 'of the training', 'pix', '.0f'),
    *(Column(kind, 'area under the ROC curve, against normals', '', '.3f') for kind in KINDS),
)


def main():
    smoke = {'train': 100, 'normals': 40, 'odd': 6, 'iterations': 2}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='centers')
    parser.add_argument('--train', type=int, default=4000, help='normals that are learned from')
    parser.add_argument('--normals', type=int, default=600, help='fresh normals that are scored')
    parser.add_argument('--odd', type=int, default=300, help='galaxies of each other kind')
    parser.add_argument('--iterations', type=int, default=700, help='of each training')
    parser.add_argument('--max-shift', type=int, nargs='+', default=[0, 1, 2], help='of trainings')
    options = parser.parse_args()
    report = Report(options)
    # That centers have moved is meant.
    warnings.simplefilter('ignore', DriftWarning)
    detectors = {shift: trained_detector(shift, options) for shift in options.max_shift}
    caption = f'Scores of {options.normals} normals that are moved by whole pixels.'
    report.table('centers', caption, CENTERS, center_rows(detectors, options))
    caption = f'Area under the ROC curve; {options.odd} galaxies of each kind.'
    report.table('areas', caption, AREAS, area_rows(detectors, options))
    report.write()


def drawn(n, seed, options, kind='normal'):
    """Galaxies in the middle one of three bands."""
    return StampSet(draw_galaxies(n, 1000 * options.seed + seed, kind)[..., 1])


def trained_detector(max_shift, options):
    """A calibrated detector, whose model is in the folder of work or put there."""
    folder = options.work / f'{options.seed}-{options.train}-{options.iterations}-{max_shift}'
    if not folder.exists():
        network = NetworkConfig.preset('compact', size=32)
        training = replace(TrainingConfig.preset('compact'), max_shift=max_shift)
        normals = drawn(options.train, 1, options)
        wgan = WGAN(network, training).fit(
            normals, iterations=options.iterations, seed=options.seed
        )
        wgan.save(folder)
    held_out = drawn(max(options.normals, 1000), 2, options)
    return AnomalyDetector(WGAN.load(folder)).calibrate(held_out, progress=False)


def center_rows(detectors, options):
    fresh = drawn(options.normals, 3, options)
    for max_shift, detector in detectors.items():
        unmoved = None
        for shift in (0, 1, 2):
            images = shift_images(fresh.pixels[..., np.newaxis], [[shift, shift]] * len(fresh))
            table = detector.score(fresh.replace(pixels=images[..., 0]), progress=False)
            score = np.asarray(table['score'])
            unmoved = score if unmoved is None else unmoved
            yield {
                'max_shift': max_shift,
                'moved by': shift,
                'AUC': area(unmoved, score) if shift else None,
                'found': 100 * float(np.mean(table['anomalous_90'])),
                'change': float(np.median(np.abs(score - unmoved))) if shift else None,
            }


def area_rows(detectors, options):
    for max_shift, detector in detectors.items():
        normal, *odd = (
            np.asarray(detector.score(stamps, progress=False)['score'])
            for stamps in (
                drawn(options.normals, 3, options),
                *(drawn(options.odd, 10 + k, options, kind) for k, kind in enumerate(KINDS)),
            )
        )
        yield {
            'max_shift': max_shift,
            **{kind: area(normal, scores) for kind, scores in zip(KINDS, odd, strict=True)},
        }


if __name__ == '__main__':
    main()
