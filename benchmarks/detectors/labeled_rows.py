"""What scores labeled stamps of real galaxies: each family of rows learns from normals alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

from astro_wgan import WGAN, AnomalyDetector, Stretch
from astro_wgan.anomaly import BrightnessTrend
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.baselines import (
    IsolationForestScore,
    PCAMahalanobis,
    PCAResidual,
    RotationResidual,
)
from astro_wgan.features import FeatureDistance
from benchmarks.detectors.classical import OnNormals, PCAByBrightness
from benchmarks.detectors.component_search import score_components
from benchmarks.detectors.labeled_probes import SUPERVISED, TERMS, probes, supervised
from benchmarks.detectors.labeled_stamps import measure_confounds

__all__ = ['FAMILIES', 'Task']

#: Principal components, as many as of the rows in the first table of the page.
_COMPONENTS = 10
#: Principal components of pixels, and of features, for a forest.
_FEATURES = 64
#: Normals whose shapes are measured, to learn from and for thresholds.
_SHAPES = 400
#: Column of the classifier of injected anomalies.
_LOG_ODDS = 'injection_log_odds'


@dataclass(frozen=True)
class Task:
    """
    What the rows learn from, and what they score.

    Attributes
    ----------
    train, held_out, tested : `~astro_wgan.StampSet`
    strange : `~numpy.ndarray` of bool, shape (tested,)
        Whether a tested stamp is an anomaly: for rows that are supervised alone.
    labels : `~numpy.ndarray` of str, shape (tested,)
        Its class, for the same.
    seed : int
    iterations : int
        Of the training of the WGAN.
    minutes : float
        Of that of the autoencoder.
    folder : path-like
        Where networks are kept.
    name : str
        Of the set.
    """

    train: object
    held_out: object
    tested: object
    strange: np.ndarray
    labels: np.ndarray
    seed: int
    iterations: int
    minutes: float
    folder: Path
    name: str

    @property
    def sets(self):
        """Those that are scored."""
        return self.held_out, self.tested

    def detector(self):
        """The detector of this package with its defaults, calibrated; trained when first asked."""
        path = self.folder / 'detector'
        if not (path / 'detector.json').exists():
            bands = self.train.pixels.shape[3] if self.train.pixels.ndim == 4 else 1
            size = self.train.pixels.shape[1]
            wgan = WGAN.preset('compact', size=size, bands=bands, stretch=Stretch('auto')).fit(
                self.train,
                iterations=self.iterations,
                seed=self.seed,
                checkpoint=self.folder / 'wgan.checkpoint',
            )
            detector = AnomalyDetector(wgan).train_classifier(self.train, seed=self.seed)
            detector.calibrate(self.held_out, progress=False).save(path)
        return AnomalyDetector.load(path)

    def features(self):
        """Tables of its features of the stamps that are scored; computed once."""
        paths = [self.folder / f'{name}.features' for name in ('held-out', 'tested')]
        detector = self.detector()
        return [
            detector.features(stamps, output=path, progress=False)
            for stamps, path in zip(self.sets, paths, strict=True)
        ]

    def measured(self):
        """Tables of its measurements of the stamps that are scored; measured once."""
        paths = [self.folder / f'{name}.misfit' for name in ('held-out', 'tested')]
        detector = self.detector()
        return [
            detector.measure(stamps, output=path, progress=False)
            for stamps, path in zip(self.sets, paths, strict=True)
        ]


def confounds(task):
    """Noise, size and brightness: high and low."""
    found = [measure_confounds(stamps) for stamps in task.sets]
    return {
        f'{name}, {side}': [sign * part[name] for part in found]
        for name in found[0]
        for side, sign in (('high', 1), ('low', -1))
    }


def symmetry(task):
    """The stamp less itself, rotated."""
    return {'180-degree residual': _fitted(RotationResidual(), task)}


def components(task):
    """Principal components of the stamps, plain and scored alike."""
    return {
        'PCA residual': _fitted(PCAResidual(n_components=_COMPONENTS), task),
        'PCA residual, scored alike': _fitted(PCAByBrightness(_COMPONENTS), task),
        'PCA Mahalanobis': _fitted(PCAMahalanobis(n_components=_COMPONENTS), task),
    }


def pixel_forest(task):
    """Isolation forest on principal components of the pixels."""
    pca = PCA(min(_FEATURES, len(task.train) - 1), random_state=task.seed).fit(_flat(task.train))
    forest = IsolationForestScore(seed=task.seed).fit(pca.transform(_flat(task.train)))
    found = [forest.score(pca.transform(_flat(stamps))) for stamps in task.sets]
    return {'isolation forest, pixels': [np.asarray(table['score']) for table in found]}


def shape_forest(task):
    """Isolation forest on concentration, asymmetry, smoothness, Gini and M20 of statmorph."""
    from astro_wgan.morphology import measure_morphology

    def shapes(stamps, name):
        path = task.folder.parent / f'{task.name}-{name}-{len(stamps)}.shapes'
        options = {'target': 'all', 'sersic': False, 'output': path}
        return measure_morphology(stamps, **options)

    # Half a second each: of the normals, as many as are enough for a forest and its thresholds.
    forest = IsolationForestScore(seed=task.seed).fit(shapes(task.train[:_SHAPES], 'train'))
    sets = {'held-out': task.held_out[:_SHAPES], 'tested': task.tested}
    found = [forest.score(shapes(stamps, name)) for name, stamps in sets.items()]
    return {'isolation forest, shapes': [np.asarray(table['score']) for table in found]}


def autoencoder(task):
    """Encoder and decoder of the compact WGAN's layers; smoothed residual."""
    from benchmarks.detectors.networks import Autoencoder

    folder = task.folder / 'autoencoder'
    folder.mkdir(exist_ok=True)
    options = {'minutes': task.minutes, 'folder': folder, 'seed': task.seed}
    detector = Autoencoder(**options, stretch=Stretch('auto')).fit(task)
    return {'autoencoder': [detector.score(stamps) for stamps in task.sets]}


def wgan(task):
    """The default score of the package, parts of it, each term, and the paper's score."""
    detector = task.detector()
    measured = task.measured()
    own = np.ones(len(task.held_out), bool)
    tables = [
        detector.score(measured[0], in_calibration=own, progress=False),
        detector.score(measured[1], progress=False),
    ]
    found = {
        'WGAN': [np.asarray(table['score']) for table in tables],
        'WGAN, residuals alone': _scored(_without(measured, _LOG_ODDS), detector.scoring),
        'WGAN, classifier alone': [np.asarray(table[_LOG_ODDS]) for table in measured],
    }
    flux = [np.asarray(table['closest_flux']) for table in measured]
    for name in TERMS:
        if name in measured[0].colnames:
            values = [np.asarray(table[name]) for table in measured]
            trend = BrightnessTrend().fit(values[0], flux[0])
            found[name] = [trend.transform(*pair) for pair in zip(values, flux, strict=True)]
    found['critic, low'] = [-np.asarray(table['critic_value']) for table in measured]
    found["paper's score"] = [np.asarray(table['paper_score']) for table in measured]
    return found


def component_classifier(task):
    """The default score with principal components in the place of the generator."""
    wgan, sets = task.detector().wgan, list(task.sets)
    score, log_odds = score_components(wgan, task.train, sets, _COMPONENTS, seed=task.seed)
    return {'PCA, default score': score, 'PCA, classifier alone': log_odds}


def features(task):
    """The default features of the detector, without labels: by themselves, and in the score."""
    detector = task.detector()
    learned = np.asarray(detector.features(task.train, progress=False)['features'])
    found = [np.asarray(table['features']) for table in task.features()]
    measured = [table.copy() for table in task.measured()]
    for table, own in zip(measured, found, strict=True):
        table['features'] = own
    detector.calibrate(measured[0], progress=False)
    own = np.ones(len(task.held_out), bool)
    scored = [detector.score(measured[0], in_calibration=own), detector.score(measured[1])]
    forest = IsolationForestScore(seed=task.seed, n_components=min(_FEATURES, *learned.shape))
    forest.fit(learned)
    distance = FeatureDistance().fit(learned)
    return {
        'WGAN with features': [np.asarray(table['score']) for table in scored],
        'isolation forest, features': [np.asarray(forest.score(f)['score']) for f in found],
        'Mahalanobis, features': [distance.transform(f) for f in found],
    }


#: What is run, by name.
FAMILIES = {
    'confounds': confounds,
    'symmetry': symmetry,
    'components': components,
    'component classifier': component_classifier,
    'pixel forest': pixel_forest,
    'shape forest': shape_forest,
    'autoencoder': autoencoder,
    'wgan': wgan,
    'features': features,
    SUPERVISED: supervised,
    'probes': probes,
}


def _scored(tables, scoring):
    """Scores of measurements: of held-out normals, in increasing order, and of others."""
    calibration = Calibration.from_measurements(tables[0], scoring=scoring)
    return [calibration.held_out_scores, calibration.score(tables[1])]


def _without(tables, column):
    return [table[[name for name in table.colnames if name != column]] for table in tables]


def _fitted(baseline, task):
    """Scores of a baseline with ``fit`` and ``score``."""
    detector = OnNormals(baseline).fit(task)
    return [detector.score(stamps) for stamps in task.sets]


def _flat(stamps):
    return stamps.pixels.reshape(len(stamps), -1)
