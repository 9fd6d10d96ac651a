"""
Where the included model is a better start of a training than random weights, in equal time.

Each field is learned twice with the same networks, stamps, order and number of iterations, which
take the same time: from the weights of the included model, as a hunt may, and from random ones. The
fields are

* ``benchmark-2`` as it is, and with pixels from a quarter to eight times as large on the sky: PSF
  and galaxies are as many times larger or smaller in pixels than those that the model was trained
  on;
* with ``--folder``, real galaxies with labels: of Euclid in one band, and of SDSS in three, both
  stretched before to 8 bits.

Compared is the area under the ROC curve of each class of anomalies against fresh normals.

    pip install "astro_wgan[sim]"
    python -m benchmarks.experiments.initial_models --folder ../shared/data/real   # an hour
    python -m benchmarks.experiments.initial_models --ratios 1 --iterations 300 --normals 1000
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan import WGAN, AnomalyDetector, StampSet, Stretch, datasets
from astro_wgan.simulate import get_simulation_config
from benchmarks.detectors.evaluation import area
from benchmarks.detectors.populations import Populations, fingerprint
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

CONFIG, CLASSES = 'benchmark-2', ('pair', 'disturbed', 'ring')

#: Real galaxies: the angle of a pixel in units of that of the model where it is one.
REAL = {'euclid_q1': 1.7, 'sdss_gz1': None}

COLUMNS = (
    Column('field', 'that is learned'),
    Column('pixel', 'angle on the sky, in units of that of the training set of the model', '', 'g'),
    Column('bands', 'of the stamps'),
    Column('start', 'of the training'),
    Column('iterations', 'of the training'),
    Column('minutes', 'of it; other programs may run beside it', 'min', '.1f'),
    *(
        Column(kind, 'area under the ROC curve, against fresh normals', '', '.3f')
        for kind in (*CLASSES, 'merger')
    ),
)


def main():
    options = read_options()
    report = Report(options, 'galsim')
    shipped = datasets.load_model().wgan
    rows = []
    for name, ratio, train, held_out, tested in fields(options, shipped):
        for start, model in (('included model', shipped), ('random weights', None)):
            wgan = trained(name, train, model, options)
            row = {'field': name, 'pixel': ratio, 'bands': train.n_bands or 1, 'start': start}
            row |= {'iterations': options.iterations}
            row |= {'minutes': wgan.provenance_['seconds'] / 60}
            rows.append(row | areas(wgan, held_out, tested))
            print(rows[-1], flush=True)
    caption = (
        f'Area under the ROC curve by class; {options.normals} normals to learn from, '
        f'{options.test} of each class.'
    )
    report.table('areas', caption, COLUMNS, rows)
    report.write()


def read_options():
    smoke = {'ratios': [1.0], 'normals': 40, 'test': 6, 'iterations': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='initial_models')
    parser.add_argument('--ratios', type=float, nargs='*', default=[0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
    parser.add_argument('--normals', type=int, default=600, help='of a field, to learn from')
    parser.add_argument('--test', type=int, default=400, help='of each class')
    parser.add_argument('--iterations', type=int, default=100, help='of each training')
    parser.add_argument('--folder', type=Path, help='of euclid_q1 and sdss_gz1')
    return parser.parse_args()


def fields(options, shipped):
    """Name, angle of a pixel, and the normals to learn from, for thresholds, and all tested."""
    for ratio in options.ratios:
        yield f'{CONFIG} x {ratio:g}', ratio, *simulated(ratio, options, shipped)
    for name, ratio in REAL.items() if options.folder is not None else ():
        yield name, ratio, *real(options.folder / name / 'stamps.npz', options)


def simulated(ratio, options, shipped):
    """Stamps of a survey with other pixels, whose noise is that of as much sky."""
    config = get_simulation_config(CONFIG)
    scale = ratio * shipped.pixel_scale_.to_value(u.arcsec / u.pix)
    # Companions stay inside of their stamp.
    nearest, farthest = config.pairs.separation
    inside = 0.4 * config.size * scale
    pairs = replace(config.pairs, separation=(min(nearest, inside / 2), min(farthest, inside)))
    config = replace(
        config,
        name=f'{CONFIG}-{ratio:g}',
        pixel_scale=scale,
        pairs=pairs,
        noise=replace(config.noise, rms=config.noise.rms * ratio),
    )
    folder = options.work / f'{config.name}-{fingerprint(config)}'
    folder.mkdir(parents=True, exist_ok=True)
    sets = Populations(
        config, folder, options.normals, options.test, 0, classes=('normal', *CLASSES)
    )
    return sets.train, sets.held_out, sets.tested


def real(path, options):
    """Labeled galaxies of a survey."""
    with np.load(path) as stored:
        images, labels, split = (stored[name] for name in ('images', 'labels', 'split'))

    def of(where, n):
        return StampSet(images[np.flatnonzero(where)[:n]].astype(np.float32))

    is_normal = ~np.isin(labels, ['merger', "don't know"])
    tested = {'normal': is_normal, 'merger': labels == 'merger'}
    tested = {k: of((split == 'test') & which, options.test) for k, which in tested.items()}
    held_out = of(split == 'calibrate', options.test)
    return of(split == 'train', options.normals), held_out, tested


def trained(name, stamps, model, options):
    """Networks of the model of the package, from its weights or from random ones."""
    stretch = Stretch('auto', per_band=stamps.n_bands is not None)
    start = 'included' if model is not None else 'random'
    numbers = f'{options.normals}-{options.iterations}-{options.seed}'
    checkpoint = options.work / f'{name.replace(" ", "")}-{start}-{numbers}.npz'
    wgan = WGAN.preset('compact', size=64, stretch=stretch)
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', '.*stretched for display', AstropyUserWarning)
        return wgan.fit(
            stamps,
            initial_model=model,
            iterations=options.iterations,
            seed=options.seed,
            checkpoint=checkpoint,
        )


def areas(wgan, held_out, tested):
    detector = AnomalyDetector(wgan).calibrate(held_out, progress=False)
    scores = {k: detector.score(stamps, progress=False)['score'] for k, stamps in tested.items()}
    normal = np.asarray(scores.pop('normal'))
    return {kind: area(normal, np.asarray(found)) for kind, found in scores.items()}


if __name__ == '__main__':
    main()
