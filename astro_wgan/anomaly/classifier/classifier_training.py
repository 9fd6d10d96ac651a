"""train_classifier: a network that learns to tell normals from normals with injected anomalies."""

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.classifier.classifier_config import ClassifierConfig
from astro_wgan.anomaly.classifier.classifier_inputs import classifier_inputs
from astro_wgan.anomaly.classifier.classifier_network import build_classifier, fold_normalization
from astro_wgan.anomaly.classifier.injection_classifier import InjectionClassifier
from astro_wgan.anomaly.measurements import measure_residual_statistics
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.injection import inject_anomalies
from astro_wgan.injection.orientations import oriented
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.store import as_stamps
from astro_wgan.validation.seeds import random_stream

__all__ = ['train_classifier']

#: Largest factor by which images are made brighter or fainter in training.
_BRIGHTNESS = 0.1
#: Bytes of channels in memory.
_MAX_BYTES = 2**30
#: Steps between two lines of progress.
_EVERY = 20


def train_classifier(searcher, stamps, *, scoring=None, config=None, seed=0, progress=True):
    """
    Train a classifier of injected anomalies.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model and configuration of the search for closest images.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Normal stamps, such as those of the training of the model.
    scoring : `~astro_wgan.anomaly.ScoringConfig`, optional
        Score of the stamps; anomalies are injected into those of the lowest scores.
    config : `ClassifierConfig`, optional
        What is injected, and how long the network learns.
    seed : int, optional
        Seed of all that is drawn.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier`

    Raises
    ------
    ValueError
        If there are fewer than 16 stamps, or they do not fit the model.

    Notes
    -----
    As in DRAEM (Zavrtanik et al. 2021, arXiv:2108.07610), the network sees what is left of a stamp
    when its closest image is subtracted. Stamps that calibrate the score must not be among
    ``stamps``, since the network knows these to be normal.
    """
    config = ClassifierConfig() if config is None else config
    stamps = as_stamps(stamps)
    if len(stamps) < 16:
        raise ValueError(f'`stamps` must hold at least 16 stamps; got {len(stamps)}.')
    scoring = ScoringConfig() if scoring is None else scoring
    table = measure_residual_statistics(searcher, stamps, scoring=scoring, progress=progress)
    scores = scoring.score(table, scoring.fit_trends(table))
    rows = _host_rows(scores, searcher.wgan.network, config, seed)
    hosts, wgan = stamps[rows], searcher.wgan
    with ProgressLine('classifier', quiet=not progress) as line:
        line.update(0.0, f'injecting into {len(hosts)} stamps')
        closest = wgan.images_from_latent(np.asarray(table['latent'][rows], dtype=np.float32))
        light = wgan.stamps_from_images(closest, like=hosts)
        images, weights = wgan.images_from_stamps(hosts)
        normal = classifier_inputs(images, closest, weights, binning=config.binning)
        rounds = []
        for k in range(config.injected_per_host):
            drawn = int(random_stream(seed, 2, k).integers(2**31))
            strange = inject_anomalies(hosts, light, config=config.injection, seed=drawn)
            images, weights = wgan.images_from_stamps(strange)
            closest = searcher(images, weights).closest_images
            rounds.append(classifier_inputs(images, closest, weights, binning=config.binning))
        network = build_classifier(normal.shape[1:], config, seed=seed)
        _fit(network, normal, np.concatenate(rounds), config, seed, line)
    network = fold_normalization(network, config)
    return InjectionClassifier(network, binning=config.binning, orientations=config.orientations)


def _host_rows(scores, network, config, seed):
    """Rows of the stamps that are injected into, in increasing order."""
    known = np.flatnonzero(~np.isnan(scores))
    kept = max(8, round(config.host_fraction * len(known)))
    rows = known[np.argsort(scores[known], kind='stable')[:kept]]
    pixels = int(np.prod(network.image_shape)) // config.binning**2
    room = _MAX_BYTES // (12 * pixels * (1 + config.injected_per_host))
    limit = max(8, min(config.max_hosts, room))
    if len(rows) > limit:
        rows = random_stream(seed, 1).choice(rows, limit, replace=False)
    return np.sort(rows)


def _fit(network, normal, strange, config, seed, line):
    optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    optimizer.build(network.trainable_variables)
    half = config.batch_size // 2
    truth = tf.constant(np.repeat([0.0, 1.0], half)[:, np.newaxis], tf.float32)

    head = network.layers[-1]
    features = keras.Model(network.input, head.input)

    @tf.function
    def step(inputs, number):
        with tf.GradientTape() as tape:
            found = features(inputs, training=True)
            # Not a layer, whose random numbers would be those of the process.
            kept = tf.nn.experimental.stateless_dropout(found, config.dropout, (seed, number))
            logits = head(kept)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), None)
        return loss

    rng = random_stream(seed, 3)
    for k in range(config.iterations):
        part = k / config.iterations
        optimizer.learning_rate = config.learning_rate * max(0.01, min(1.0, 2 * (1 - part)))
        rows = [rng.integers(len(each), size=half) for each in (normal, strange)]
        batch = np.concatenate([normal[rows[0]], strange[rows[1]]])
        loss = step(tf.constant(_jittered(batch, rng)), tf.constant(k))
        if k % _EVERY == 0:
            line.update(part, f'loss {float(loss):.3f}')


def _jittered(batch, rng):
    """Each image in one of its eight orientations, and brighter or fainter by up to a tenth."""
    orientation = rng.integers(8, size=len(batch))
    turned = np.empty_like(batch)
    for k in range(8):
        turned[orientation == k] = oriented(batch[orientation == k], k)
    factor = rng.uniform(1 - _BRIGHTNESS, 1 + _BRIGHTNESS, (len(batch), 1, 1, 1))
    return turned * factor.astype(np.float32)
