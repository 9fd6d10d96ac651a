"""
What the color term finds among observed galaxies of which the light of a band was changed.

Stamps in three bands, with the noise, neighbors and artifacts of a survey: sources of a field in g,
r and i (``--field``, a folder of g.fits, r.fits and i.fits), all and those of at least 300 times
the noise of a pixel, as simulated galaxies have; and color pictures of galaxies (``--pictures``, an
npz file with ``images``, ``labels`` and ``split``; binned by 2). Fresh ones, and the same with
changed light, are scored with and without the color term. Nothing was chosen on them: smoothing and
weight of the term are those of simulated galaxies.

    python -m benchmarks.experiments.observed_colors --field FOLDER --pictures stamps.npz
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, StampSet, Stretch
from astro_wgan.exceptions import DriftWarning
from astro_wgan.noise import estimate_noise_rms
from benchmarks.detectors.colored_galaxies import KINDS, change_galaxies
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

#: Flux of bright sources, in units of the noise of a pixel.
_BRIGHT = 300

COLUMNS = (
    Column('stamps', 'sources of a field, or pictures'),
    Column('score', 'or term of it'),
    Column('number', 'of unchanged ones, and of each kind'),
    Column('normal', 'percent of fresh ones above the threshold of 90 percent', '', '.1f'),
    *(Column(kind, 'area under the ROC curve, against the others', '', '.3f') for kind in KINDS),
)


def main():
    smoke = {'iterations': 1, 'limit': 300, 'kinds': ['green blob']}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='observed_colors')
    parser.add_argument('--field', type=Path, help='folder of g.fits, r.fits and i.fits')
    parser.add_argument('--pictures', type=Path, help='npz file of color pictures')
    parser.add_argument('--iterations', type=int, default=500, help='of each training')
    parser.add_argument('--limit', type=int, help='stamps of each set, at most')
    parser.add_argument('--kinds', nargs='+', default=[*KINDS], choices=KINDS, metavar='KIND')
    parser.add_argument('--weights', type=float, nargs='*', default=[], help='of the color term')
    options = parser.parse_args()
    if options.field is None and options.pictures is None:
        skip('stamps of a survey are needed: give --field or --pictures.')
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options)
    rows = []
    if options.field is not None:
        rows += score_rows('field', read_field(options), options)
    if options.pictures is not None:
        rows += score_rows('pictures', read_pictures(options), options)
    caption = 'Area under the ROC curve of changed against unchanged stamps.'
    report.table('areas', caption, COLUMNS, rows)
    report.write()


def read_field(options):
    """Sources of a field: those to train on, to calibrate with, and fresh ones."""
    paths = {band: options.field / f'{band}.fits' for band in 'gri'}
    stamps = StampSet.from_images(paths, detect_in='r', size=32)[: options.limit]
    train, rest = stamps.split(0.5, seed=options.seed)
    return train, *rest.split(0.5, seed=options.seed)


def read_pictures(options):
    """Normal galaxies by their splits."""
    with np.load(options.pictures) as file:
        images, labels, split = (file[name] for name in ('images', 'labels', 'split'))
    normal = ~np.isin(labels, ('merger', "don't know"))
    parts = (np.flatnonzero(normal & (split == name)) for name in ('train', 'calibrate', 'test'))
    return [StampSet(images[rows[: options.limit]].astype(np.float32)).bin(2) for rows in parts]


def score_rows(name, sets, options):
    train, held_out, fresh = sets
    detector = trained_detector(name, train, options)
    above = fresh.pixels - np.float32(detector.wgan.stretch_.sky_)
    odd = {
        kind: fresh.replace(pixels=fresh.pixels - above + change_galaxies(above, 10 + k, kind))
        for k, kind in enumerate(options.kinds)
    }
    tables = {
        kind: detector.measure(stamps, progress=False)
        for kind, stamps in {'normal': fresh, **odd}.items()
    }
    held_out = detector.measure(held_out, progress=False)
    default = detector.scoring.color_weight
    named = {'score': default, 'without the color term': 0.0}
    named |= {f'with a weight of {weight:g}': weight for weight in options.weights}
    for text, weight in named.items():
        detector.scoring = replace(detector.scoring, color_weight=weight)
        detector.calibrate(held_out, progress=False)
        scored = {kind: detector.score(table, progress=False) for kind, table in tables.items()}
        yield from area_rows(name, fresh, text, 'score', scored)
    for term in ('smoothed_residual', 'color_residual'):
        yield from area_rows(name, fresh, term, term, tables)


def area_rows(name, fresh, text, column, tables):
    """Rows of all stamps, and of the bright ones of a field."""
    parts = {name: np.full(len(fresh), True)}
    if 'isophotal_flux' in fresh.table.colnames:
        noise = float(np.median(estimate_noise_rms(fresh.pixels[..., 1])))
        parts[f'{name}, bright'] = np.asarray(fresh.table['isophotal_flux']) > _BRIGHT * noise
    for part, used in parts.items():
        values = {kind: np.asarray(table[column])[used] for kind, table in tables.items()}
        normal = values.pop('normal')
        row = {'stamps': part, 'score': text, 'number': len(normal), 'normal': None}
        if column == 'score':
            row['normal'] = 100 * float(np.mean(tables['normal']['anomalous_90'][used]))
        yield row | {kind: area(normal, odd) for kind, odd in values.items()}


def trained_detector(name, train, options):
    """A detector that is not calibrated, whose model is in the folder of work or put there."""
    folder = options.work / f'{options.seed}-{options.iterations}-{options.limit}-{name}'
    if not folder.exists():
        stretch = Stretch('linear' if name == 'pictures' else 'asinh')
        wgan = WGAN.preset('compact', stretch=stretch)
        wgan.fit(train, iterations=options.iterations, seed=options.seed).save(folder)
    return AnomalyDetector(WGAN.load(folder))


if __name__ == '__main__':
    main()
