"""Detectors without networks, and the adapters by which anything with fit and score enters."""

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly import ScoringConfig
from astro_wgan.baselines import CAS_GINI_M20, MorphologyKMeans, PCAResidual
from astro_wgan.baselines.object_features import read_features

__all__ = [
    'HeldOutComponents',
    'KMeansOfThePaper',
    'OnNormalShapes',
    'OnNormals',
    'OutliersAmongCoordinates',
    'OutliersAmongShapes',
    'PCAByBrightness',
    'chosen_components',
]

#: Numbers of components to choose from.
_COMPONENTS = (2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240)


# Adapters: ``fit`` is given all populations and takes what the detector may see


class OnNormals:
    """A detector that learns from stamps of normals."""

    def __init__(self, detector):
        self.detector = detector

    def fit(self, populations):
        self.detector.fit(populations.train)
        return self

    def score(self, stamps):
        return _scores(self.detector.score(stamps, progress=False))


class OnNormalShapes:
    """A detector that learns from the shapes of normals."""

    def __init__(self, detector):
        self.detector = detector

    def fit(self, populations):
        self.detector.fit(populations.shapes_of('train'))
        return self

    def score(self, table):
        return _scores(self.detector.score(table))


class KMeansOfThePaper:
    """k-means on the shapes of normals, pairs and disturbed galaxies, as many of each."""

    def fit(self, populations):
        table, normal = populations.labeled_shapes()
        good = np.asarray(table['flag']) < 2
        self.detector = MorphologyKMeans().fit(table[good], is_normal=normal[good])
        return self

    def score(self, table):
        return _scores(self.detector.score(table))


def _scores(found):
    return np.asarray(found['score'] if isinstance(found, QTable) else found, dtype=float)


# Outlier detectors of scikit-learn and pyod


class OutliersAmongShapes:
    """Of scikit-learn or pyod, on concentration, asymmetry, smoothness, Gini and M20."""

    def __init__(self, outliers):
        self.outliers = outliers

    def fit(self, table):
        shapes = read_features(table, CAS_GINI_M20)
        self._train = shapes.values[shapes.usable]
        # Columns have scales of their own, of which distances should know nothing.
        self._mean, self._scale = self._train.mean(axis=0), self._train.std(axis=0)
        self.outliers.fit((self._train - self._mean) / self._scale)
        return self

    def score(self, table):
        shapes = read_features(table, CAS_GINI_M20)
        values = (shapes.values[shapes.usable] - self._mean) / self._scale
        score = np.full(len(shapes.values), np.nan)
        score[shapes.usable] = _strangeness(self.outliers, values, len(self._train))
        return score


class OutliersAmongCoordinates:
    """The same on the coordinates of stamps along principal components."""

    def __init__(self, outliers):
        self.outliers = outliers

    def fit(self, stamps):
        self._pca = PCAResidual(n_components=chosen_components(stamps)).fit(stamps)
        self.outliers.fit(self._coordinates(stamps))
        self._trained_on = len(stamps)
        return self

    def score(self, stamps, *, progress=False):
        return _strangeness(self.outliers, self._coordinates(stamps), self._trained_on)

    def _coordinates(self, stamps):
        return _deviations(self._pca, stamps) @ self._pca.components_.T


def _strangeness(outliers, values, trained_on):
    """
    Higher for what is stranger.

    ECOD and COPOD rank what they score among the training set and all that is scored with it. A
    class in one call would be its own company: it is scored in parts of a hundredth of the set.
    """
    if hasattr(outliers, 'score_samples'):
        return -outliers.score_samples(values)
    size = max(1, trained_on // 100)
    parts = [values[k : k + size] for k in range(0, len(values), size)]
    return np.concatenate([outliers.decision_function(part) for part in parts])


# The number of principal components


class HeldOutComponents:
    """PCA residual or Mahalanobis distance, of as many components as `chosen_components` says."""

    def __init__(self, kind):
        self.kind = kind

    def fit(self, stamps):
        self.detector = self.kind(n_components=chosen_components(stamps)).fit(stamps)
        return self

    def score(self, stamps, *, progress=False):
        return self.detector.score(stamps, progress=progress)


class PCAByBrightness:
    """
    PCA residual with the score of the WGAN's detector: what that alone is worth.

    A tenth of the stamps are not decomposed; they show what normals as bright have.
    """

    def __init__(self, n_components, *, scoring=None):
        self.n_components = n_components
        self.scoring = ScoringConfig() if scoring is None else scoring

    def fit(self, stamps):
        cut = 9 * len(stamps) // 10
        self._pca = PCAResidual(n_components=self.n_components).fit(stamps[:cut])
        self._trends = self.scoring.fit_trends(self._measurements(stamps[cut:]))
        return self

    def score(self, stamps, *, progress=False):
        return self.scoring.score(self._measurements(stamps), self._trends)

    def _measurements(self, stamps):
        deviations = _deviations(self._pca, stamps)
        inside = deviations @ self._pca.components_.T @ self._pca.components_
        images, closest = (
            (self._pca.mean_ + part).reshape(*stamps.pixels.shape, 1)
            for part in (deviations, inside)
        )
        measured = self.scoring.measure(images, closest, np.ones_like(images))
        flux = self._pca.stretch_.inverse(closest[..., 0]).sum(axis=(1, 2))
        return QTable({**measured, 'closest_flux': flux})


def chosen_components(stamps, candidates=_COMPONENTS):
    """
    The number of components under which held-out normals are most likely.

    Four fifths of the stamps are decomposed; the likelihood of the others is that of probabilistic
    PCA (Tipping & Bishop 1999, JRSS B 61, 611): a Gaussian with the variance of each component,
    and the mean of what is left along all other directions. No anomaly is looked at.
    """
    cut = 4 * len(stamps) // 5
    train, validation = stamps[:cut], stamps[cut:]
    candidates = [k for k in candidates if k < min(cut, train.pixels[0].size)]
    pca = PCAResidual(n_components=max(candidates)).fit(train)
    spread = _deviations(pca, train).var(axis=0, ddof=1).sum()
    deviations = _deviations(pca, validation)
    squares = (deviations @ pca.components_.T) ** 2
    total = (deviations**2).sum(axis=1)
    likelihood = {}
    for k in candidates:
        rest = deviations.shape[1] - k
        noise = (spread - pca.explained_variance_[:k].sum()) / rest
        within = np.log(pca.explained_variance_[:k]).sum() + (
            squares[:, :k] / pca.explained_variance_[:k]
        ).sum(axis=1)
        outside = rest * np.log(noise) + (total - squares[:, :k].sum(axis=1)) / noise
        likelihood[k] = -0.5 * np.mean(within + outside)
    return max(likelihood, key=likelihood.get)


def _deviations(pca, stamps):
    """Stretched stamps less their mean, float64, shape (n, pixels)."""
    images = pca.stretch_.transform(stamps).reshape(len(stamps), -1)
    return images.astype(float) - pca.mean_
