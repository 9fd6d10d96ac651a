"""`ScoringPass`: what networks and residual statistics tell of stamps, as compiled functions."""

import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.combined_score import INJECTION_LOG_ODDS
from astro_wgan.anomaly.search.latent_search import LatentSearcher
from astro_wgan.wgan.compute.hardware import has_gpu

__all__ = ['ScoringPass', 'scoring_pass']

#: Pixels, of all bands, that a graphics card is given at a time: 2048 stamps of 64 x 64. It needs
#: less time for the arithmetic of a hundred stamps than to be told what to do.
_GPU_PIXELS = 2**23

#: What the encoder and the networks after it find, in this order.
_INITIAL = ('latent', 'closest_images', 'residual_loss', 'feature_loss', 'critic_value')


def scoring_pass(searcher, scoring):
    """The `ScoringPass` of a searcher, the same each time, since tracing its graphs takes time."""
    key = ScoringPass, scoring
    if key not in searcher.graphs:
        searcher.graphs[key] = ScoringPass(searcher, scoring)
    return searcher.graphs[key]


class ScoringPass:
    """
    From images to losses, residual statistics and the log odds of the classifier.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model, search, encoder and classifier.
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Smoothing and weights of the residuals.

    Attributes
    ----------
    batch_size : int
        Number of images that are passed on at a time: that of the search, and on a GPU more.

    Notes
    -----
    Images without masked pixels whose latent vectors are not optimized go through encoder,
    generator, critic, smoothing, terms and classifier in one graph. For others the closest image is
    searched first, and one graph computes the terms and the log odds.
    """

    def __init__(self, searcher, scoring):
        self._searcher, self._scoring = searcher, scoring
        self.batch_size = searcher.search.batch_size
        shape = searcher.wgan.network.image_shape
        if has_gpu():
            self.batch_size = max(self.batch_size, _GPU_PIXELS // int(np.prod(shape)))
        images = tf.TensorSpec((None, *shape))
        self._from_images = tf.function(self._initial_and_terms, input_signature=(images,))
        self._from_closest = tf.function(self._terms, input_signature=(images,) * 2)
        self._from_masked = tf.function(self._terms, input_signature=(images,) * 3)

    def __call__(self, images, weights, *, report=None):
        """
        Measure images.

        Parameters
        ----------
        images, weights : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel. Values of masked pixels must be
            finite and are ignored.
        report : callable, optional
            Called from time to time with the number of images that are done.

        Returns
        -------
        list of dict
            For each batch, arrays or tensors of its images by name, which a graphics card may still
            be computing: those of a `~astro_wgan.anomaly.search.search_result.SearchResult`, of
            `ScoringConfig.measure`, and ``injection_log_odds`` if there is a classifier.
        """
        found, batches = None, []
        if self._searcher.search.max_iterations > 1 or not isinstance(
            self._searcher, LatentSearcher
        ):
            found = vars(self._searcher(images, weights, report=report))
        for first in range(0, len(images), self.batch_size):
            rows = slice(first, first + self.batch_size)
            searched = found and {name: values[rows] for name, values in found.items()}
            batches.append(self._measure(images[rows], weights[rows], searched))
            if report is not None and found is None:
                report(first + len(images[rows]))
        return batches

    def _measure(self, images, weights, searched):
        """What is known of a batch, by one graph if nothing has been searched or is masked."""
        is_whole = (weights == 1).all()
        if searched is None and is_whole:
            return self._from_images(images)
        searched = searched or vars(self._searcher(images, weights))
        closest = searched['closest_images']
        if is_whole:
            return {**searched, **self._from_closest(images, closest)}
        return {**searched, **self._from_masked(images, closest, weights)}

    def _initial_and_terms(self, images):
        ones = tf.ones_like(images)
        found = dict(
            zip(_INITIAL, self._searcher.evaluate_initial(images, ones, images), strict=True)
        )
        n = tf.shape(images)[:1]
        found['iterations'], found['converged'] = tf.ones(n, tf.int32), tf.zeros(n, tf.bool)
        return {**found, **self._terms(images, found['closest_images'])}

    def _terms(self, images, closest, weights=None):
        options = {'noise': self._searcher.noise}
        found = self._scoring.residual_terms(images, closest, weights, **options)
        if self._searcher.classifier is not None:
            odds = self._searcher.classifier.log_odds(images, closest, weights, **options)
            found[INJECTION_LOG_ODDS] = odds
        return found
