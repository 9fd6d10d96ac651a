"""
Whether an asinh scaling helps or harms stamps that were stretched before, as pictures of surveys.

Networks of the preset ``compact`` are trained equally long on normals of a survey, on an asinh and
on a linear scale, calibrated on others, and score normals and mergers. These are halved at random:
``choice``, by which a default may be chosen, and ``report``. Sets of stamps are npz files with
``images`` (n, 64, 64) or (n, 64, 64, 3), ``labels`` and ``split``. If there is a ``sky_noise``,
which tells mergers from normals by itself, a second area is the mean over five bins of it.

    python -m benchmarks.experiments.stretched_before --data stamps.npz          # 10 minutes a set
"""

import warnings
from pathlib import Path

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, StampSet, Stretch
from astro_wgan.evaluate import roc_auc
from astro_wgan.exceptions import DriftWarning
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

KINDS = ('asinh', 'linear')
#: Bins of the noise in which mergers and normals are compared.
_BINS = 5

COLUMNS = (
    Column('stamps', 'name of the folder of the set'),
    Column('kind', 'of the stretch'),
    Column('half', 'of the test set'),
    Column('mergers', 'number of them'),
    Column('AUC', 'area under the ROC curve of mergers and normals', '', '.3f'),
    Column('AUC, like noise', 'mean in bins of the noise of the sky', '', '.3f'),
    Column('flagged', 'percent of the normals above the threshold of 90 percent', '', '.1f'),
)


def main():
    smoke = {'iterations': 1, 'limit': 40}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='stretched_before')
    parser.add_argument('--data', type=Path, nargs='*', default=[], help='files of stamps')
    parser.add_argument('--iterations', type=int, default=500, help='of each training')
    parser.add_argument('--limit', type=int, help='stamps of each class and split, at most')
    parser.add_argument('--luminance', action='store_true', help='the mean of the colors')
    parser.add_argument('--bin', type=int, default=1, help='pixels along the edge of a block')
    options = parser.parse_args()
    if not all(path.exists() for path in options.data) or not options.data:
        skip('stamps of a survey with labels are needed: give --data.')
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options)
    rows = []
    for path in options.data:
        stamps = read(path, options)
        for kind in KINDS:
            rows += score_rows(path.parent.name, stamps, kind, options)
    edge = stamps.shape[0]
    caption = f'Trainings of {options.iterations} iterations on stamps of {edge} x {edge} pixels.'
    report.table('kinds', caption, COLUMNS, rows)
    report.write()


def read(path, options):
    """Stamps with their labels and splits in the table."""
    with np.load(path) as file:
        columns = {name: file[name] for name in ('labels', 'split', 'sky_noise') if name in file}
        images = file['images']
    rows = np.arange(len(images))
    if options.limit is not None:
        order = np.random.default_rng(options.seed).permutation(rows)
        kinds = np.char.add(columns['split'], columns['labels'])[order]
        rows = np.concatenate([order[kinds == kind][: options.limit] for kind in np.unique(kinds)])
    table = {name: values[rows] for name, values in columns.items()}
    if options.luminance and images.ndim == 4:
        images = images.mean(axis=-1)
    return StampSet(images[rows].astype(np.float32), table=table).bin(options.bin)


def score_rows(name, stamps, kind, options):
    labels, split = (np.asarray(stamps.table[key]) for key in ('labels', 'split'))
    detector = trained_detector(name, stamps, kind, options)
    test = (split == 'test') & (labels != "don't know")
    table = detector.score(stamps[test], progress=False)
    half = np.random.default_rng(options.seed).random(len(table)) < 0.5
    for text, part in (('choice', ~half), ('report', half)):
        rows = table[part]
        merger, score = np.asarray(rows['labels']) == 'merger', np.asarray(rows['score'])
        flagged = np.asarray(rows['anomalous_90'])[~merger]
        yield {
            'stamps': name,
            'kind': kind,
            'half': text,
            'mergers': int(merger.sum()),
            'AUC': area(score[~merger], score[merger]),
            'AUC, like noise': in_bins(rows, score, merger),
            'flagged': 100 * float(flagged.mean()),
        }


def trained_detector(name, stamps, kind, options):
    """A calibrated detector, whose model is in the folder of work or put there."""
    run = f'{options.seed}-{options.iterations}-{options.limit}-{options.bin}'
    run += '-luminance' if options.luminance else ''
    folder = options.work / f'{run}-{name}-{kind}'
    split = np.asarray(stamps.table['split'])
    if not folder.exists():
        wgan = WGAN.preset('compact', stretch=Stretch(kind))
        wgan.fit(stamps[split == 'train'], iterations=options.iterations, seed=options.seed)
        wgan.save(folder)
    detector = AnomalyDetector(WGAN.load(folder))
    return detector.calibrate(stamps[split == 'calibrate'], progress=False)


def in_bins(table, score, merger):
    """Mean area in bins of the noise, weighted by the numbers of mergers."""
    if 'sky_noise' not in table.colnames:
        return None
    noise = np.asarray(table['sky_noise'])
    edges = np.quantile(noise[merger], np.linspace(0, 1, _BINS + 1))[1:-1]
    number = np.digitize(noise, edges)
    areas, weights = [], []
    for k in range(_BINS):
        normal, odd = score[(number == k) & ~merger], score[(number == k) & merger]
        if len(normal) > 1 and len(odd) > 1:
            areas.append(float(roc_auc(normal, odd)[0][0]))
            weights.append(len(odd))
    return float(np.average(areas, weights=weights)) if areas else None


if __name__ == '__main__':
    main()
