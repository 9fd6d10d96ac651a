"""Rows that are shown labels: logistic regression on the features of networks, five-fold."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astro_wgan.anomaly import critic_features
from benchmarks.detectors.labeled_stamps import measure_confounds

__all__ = ['SUPERVISED', 'TERMS', 'labeled_row', 'probes', 'supervised']

#: The row that is the ceiling, and the beginning of the names of those of single networks.
SUPERVISED, _PROBE = 'supervised', 'probe: '
#: Principal components of the critic's features for the ceiling.
_FEATURES = 64
#: Terms of the score, and losses, which the ceiling is shown.
TERMS = (
    'smoothed_residual',
    'rotation_residual',
    'peak_residual',
    'color_residual',
    'residual_loss',
    'feature_loss',
)


def labeled_row(name):
    """Name of a row, and the class that it was shown labels of; None for one without labels."""
    if not name.startswith((f'{SUPERVISED}, ', _PROBE)):
        return name, None
    return tuple(name.split(', ', 1))


def supervised(task):
    """Logistic regression on features of the critic, the terms and the confounds, five-fold."""
    table = task.measured()[1]
    features = critic_features(task.detector().wgan, task.tested, progress=False)['features']
    pca = PCA(min(_FEATURES, len(features) - 1), random_state=task.seed)
    terms = [np.log(np.asarray(table[name])) for name in TERMS if name in table.colnames]
    terms += [np.asarray(table['critic_value']), *measure_confounds(task.tested).values()]
    inputs = np.column_stack([pca.fit_transform(StandardScaler().fit_transform(features)), *terms])
    model = make_pipeline(StandardScaler(), _regression(C=0.02))
    return _five_fold(SUPERVISED, task, model, inputs)


def probes(task):
    """Logistic regression on the features of each network of the detector, and on all of them."""
    table = task.features()[1]
    features, first, found = np.asarray(table['features']), 0, {}
    parts = {'all': features}
    for name, width in table.meta['features'].items():
        parts[name] = features[:, first : first + width]
        first += width
    for name, part in parts.items():
        # One scale for all features of a network, as users of distances have it.
        found |= _five_fold(f'{_PROBE}{name}', task, _regression(C=1.0), part)
    return found


def _regression(**options):
    return LogisticRegression(class_weight='balanced', max_iter=3000, **options)


def _five_fold(row, task, model, inputs):
    """Log odds of each class against the normals, from the other four fifths."""
    folds = StratifiedKFold(5, shuffle=True, random_state=task.seed)
    found = {}
    for kind in np.unique(task.labels[task.strange]):
        # Each class against the normals: it is judged by the scores of its own regression.
        some = ~task.strange | (task.labels == kind)
        odds = np.full(len(task.tested), np.nan)
        odds[some] = cross_val_predict(
            model, inputs[some], task.strange[some], cv=folds, method='decision_function'
        )
        found[f'{row}, {kind}'] = [np.full(len(task.held_out), np.nan), odds]
    return found
