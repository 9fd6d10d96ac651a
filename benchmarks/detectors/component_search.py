"""ComponentSearch: principal components in the place of the generator, for the same score."""

import numpy as np
from sklearn.decomposition import PCA

from astro_wgan.anomaly import ScoringConfig
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.classifier.classifier_training import train_classifier
from astro_wgan.anomaly.measurements import measure_residual_statistics
from astro_wgan.anomaly.search.search_config import ENCODER_ONLY
from astro_wgan.anomaly.search.search_result import SearchResult

__all__ = ['ComponentSearch', 'score_components']


class ComponentSearch:
    """
    Closest images from principal components, in the form of a `LatentSearcher`.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Whose stretch is used; its networks are not.
    stamps : `~astro_wgan.StampSet`
        Normals that the components are fitted to.
    n_components : int
        Number of components.
    seed : int
        Seed of the decomposition.
    """

    search, encoder, noise = ENCODER_ONLY, None, None

    def __init__(self, wgan, stamps, n_components, *, seed=0, classifier=None):
        images = wgan.images_from_stamps(stamps)[0]
        self._pca = PCA(n_components, svd_solver='randomized', random_state=seed)
        self._pca.fit(images.reshape(len(images), -1))
        self.wgan, self.classifier = _Components(wgan, self._pca), classifier
        self.graphs = {}

    def __call__(self, images, weights, *, report=None):
        components = self._pca.transform(images.reshape(len(images), -1))
        closest = self.wgan.images_from_latent(components)
        loss = np.abs(weights * (images - closest)).mean(axis=(1, 2, 3))
        unknown = np.full(len(images), np.nan, np.float32)
        ones = np.ones(len(images), int)
        return SearchResult(components, closest, loss, unknown, unknown, ones, ones > 0)


class _Components:
    """A model whose images are those of principal components."""

    def __init__(self, wgan, pca):
        self._wgan, self._pca = wgan, pca

    def __getattr__(self, name):
        return getattr(self._wgan, name)

    def images_from_latent(self, latent):
        images = self._pca.inverse_transform(latent)
        return images.reshape(-1, *self._wgan.network.image_shape).astype(np.float32)


def score_components(wgan, train, sets, n_components, *, seed):
    """
    The default score of the package, with principal components in the place of the generator.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Whose stretch is used.
    train : `~astro_wgan.StampSet`
        Normals to learn from: components and classifier.
    sets : list of `~astro_wgan.StampSet`
        Held-out normals, and the stamps to score.
    n_components : int
        Number of components.
    seed : int
        Seed of all that is drawn.

    Returns
    -------
    score, log_odds : list of `~numpy.ndarray`
        Of both sets. Without a critic, its term is left out.
    """
    scoring = ScoringConfig()
    searcher = ComponentSearch(wgan, train, n_components, seed=seed)
    searcher.classifier = train_classifier(searcher, train, scoring=scoring, seed=seed)
    tables = [
        measure_residual_statistics(searcher, stamps, scoring=scoring, progress=False)
        for stamps in sets
    ]
    calibration = Calibration.from_measurements(tables[0], scoring=scoring)
    scores = [calibration.held_out_scores, calibration.score(tables[1])]
    return scores, [np.asarray(table['injection_log_odds']) for table in tables]
