"""
From how many labels of one kind a classifier finds that kind better than the score without labels.

Logistic regression on the features of the included detector is shown as many normals as galaxies of
one kind, drawn from a pool, and judged by fresh stamps: the area under the ROC curve of that kind,
and the mean of those of all other kinds, of which it knows nothing. Beside it is the score of the
same detector. Nothing was chosen: the regression is that of the rows ``probe`` of ``real_sky``.
Errors are those of the mean over draws of the labels; of the score, of the area.

    python -m benchmarks.experiments.few_labels        # three minutes
"""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from astro_wgan import datasets
from astro_wgan.evaluate import roc_auc
from astro_wgan.exceptions import DriftWarning
from astro_wgan.simulate import CLASSES, simulate
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column, estimate

KINDS = CLASSES[1:]

COLUMNS = (
    Column('kind', 'of which labels are given'),
    Column('ranking', 'by score, or by regression with so many labels'),
    Column('labels', 'half of them of the kind, half of normals'),
    Column('this kind', 'area under the ROC curve, against fresh normals', '', '.3f'),
    Column('other kinds', 'mean area of the other kinds, by the same ranking', '', '.3f'),
)


def main():
    smoke = {'stamps': 20, 'labels': [10, 20], 'draws': 2}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=51)
    parser.add_argument('--stamps', type=int, default=500, help='of each kind, in pool and test')
    parser.add_argument('--labels', type=int, nargs='+', default=[20, 50, 100, 200, 500, 1000])
    parser.add_argument('--draws', type=int, default=5, help='of the labels')
    options = parser.parse_args()
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options, 'scikit-learn')
    detector = datasets.load_model()
    pool, test = (
        simulate(dict.fromkeys(CLASSES, options.stamps), seed=options.seed + k, progress=False)
        for k in range(2)
    )
    score = by_kind(test, detector.score(test, progress=False)['score'])
    pool_features, features = (
        by_kind(stamps, detector.features(stamps, progress=False)['features'])
        for stamps in (pool, test)
    )
    rows = []
    for kind in KINDS:
        others = np.mean([roc_auc(score['normal'], score[k])[0][0] for k in KINDS if k != kind])
        row = {'kind': kind, 'ranking': 'score', 'labels': 0, 'other kinds': float(others)}
        rows.append(row | {'this kind': area(score['normal'], score[kind])})
        for labels in options.labels:
            own, other = labeled_areas(kind, labels, pool_features, features, options)
            row = {'kind': kind, 'ranking': 'regression', 'labels': labels}
            rows.append(row | {'this kind': own, 'other kinds': other})
    caption = 'Area under the ROC curve by number of labels of one kind.'
    report.table('areas', caption, COLUMNS, rows)
    report.write()


def by_kind(stamps, values):
    """Values of the stamps of each class."""
    kinds = np.asarray(stamps.table['class'])
    return {kind: np.asarray(values)[kinds == kind] for kind in CLASSES}


def labeled_areas(kind, labels, pool, features, options):
    """Areas of the labeled kind and of all others, as cells, from several draws of the labels."""
    own, other = [], []
    for draw in range(options.draws):
        random = np.random.default_rng((options.seed, draw))
        shown = [random.choice(pool[name], labels // 2, replace=False) for name in ('normal', kind)]
        model = LogisticRegression(class_weight='balanced', max_iter=3000)
        model.fit(np.concatenate(shown), np.repeat([False, True], labels // 2))
        odds = {name: model.decision_function(values) for name, values in features.items()}
        areas = {k: roc_auc(odds['normal'], odds[k])[0][0] for k in KINDS}
        own.append(areas.pop(kind))
        other.append(np.mean([*areas.values()]))
    return [
        estimate(np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values)))
        for values in (own, other)
    ]


if __name__ == '__main__':
    main()
