"""train_classifier: a network that learns to tell normals from normals with injected anomalies."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from astropy.table import vstack

from astro_wgan.anomaly.classifier.classifier_config import ClassifierConfig
from astro_wgan.anomaly.classifier.classifier_inputs import (
    binned,
    classifier_inputs,
    classifier_shape,
    fill_masked_blocks,
)
from astro_wgan.anomaly.classifier.classifier_network import build_classifier, fold_normalization
from astro_wgan.anomaly.classifier.component_layers import build_component_layers, fit_components
from astro_wgan.anomaly.classifier.injection_classifier import InjectionClassifier
from astro_wgan.anomaly.measurements import measure_residual_statistics
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.exceptions import TrainingDivergedError
from astro_wgan.injection import inject_anomalies
from astro_wgan.jobs.interrupts import defer_interrupt
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.stamps.orientations import HALF_TURN, oriented
from astro_wgan.store import as_stamps
from astro_wgan.validation.seeds import random_stream

__all__ = ['MIN_STAMPS', 'train_classifier']

#: Largest factor by which images are made brighter or fainter in training.
_BRIGHTNESS = 0.1
#: Fewer stamps are not learned from.
MIN_STAMPS = 16
#: Bytes of channels in memory, and of the pixels of stamps that are injected into at a time.
_MAX_BYTES, _PART_BYTES = 2**30, 2**25
#: Most steps in units of the square root of the number of stamps. Of simulated classes with 60 to
#: 250 stamps, pairs had areas under the ROC curve of 0.97 to 0.99 so, and 0.93 to 0.96 after 800.
_STEPS = 30
#: Images that the components are fitted to, at most.
_MAX_VIEWS = 1000
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
        Normal stamps, such as those of the training of the model. Of many, those that are needed
        are drawn at random, and only these are read.
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
        If there are fewer than 16 stamps with valid pixels, or they do not fit the model.
    `~astro_wgan.exceptions.TrainingDivergedError`
        If the loss is not finite.
    KeyboardInterrupt
        After Ctrl-C; nothing is kept.

    Notes
    -----
    As in DRAEM (Zavrtanik et al. 2021, arXiv:2108.07610), the network sees what is left of a stamp
    when its closest image is subtracted. Stamps that calibrate the score must not be among
    ``stamps``, since the network knows these to be normal.
    """
    config = ClassifierConfig() if config is None else config
    stamps = as_stamps(stamps)
    size = searcher.wgan.network.size
    if config.binning > size:
        raise ValueError(
            f'`binning` must be at most the edge of the stamps, {size}; got {config.binning}.'
        )
    _check_number(len(stamps))
    scoring = ScoringConfig() if scoring is None else scoring
    hosts = _draw_hosts(searcher, stamps, scoring, config, seed, progress)
    normal, strange = _inject(searcher, stamps, hosts, config, seed, progress)
    strange = _visible(normal, strange, searcher.wgan.network.bands, config.least_visible)
    components = None
    if config.n_components:
        views = _binned_views(searcher, stamps, hosts, config, seed)
        fitted = fit_components(*views, config.n_components)
        # Images that are all the same have none.
        if len(fitted.axes):
            components = build_component_layers(normal.shape[-1], fitted)
    if components is not None:
        normal, strange = (components.predict(each, verbose=0) for each in (normal, strange))
    network = build_classifier(normal.shape[1:], config, seed=seed)
    with ProgressLine('classifier', quiet=not progress) as line:
        _fit(network, normal, strange, config, seed, line)
    return InjectionClassifier(
        fold_normalization(network, config),
        components=components,
        binning=config.binning,
        orientations=config.orientations,
        center=searcher.wgan.center_,
    )


class _Hosts(NamedTuple):
    """Stamps that are injected into: their rows, in increasing order, and latent vectors."""

    rows: np.ndarray
    latent: np.ndarray


def _draw_hosts(searcher, stamps, scoring, config, seed, progress):
    """Those of the lowest scores among as many stamps as are needed, drawn at random."""
    limit = _most_hosts(searcher.wgan.network.image_shape, config)
    n, rows = int(np.ceil(limit / config.host_fraction)), np.arange(len(stamps))
    n = max(n, MIN_STAMPS)
    if n < len(rows):
        # Of a set that is larger than the memory, the others are not even read.
        rows = np.sort(random_stream(seed, 1).choice(rows, n, replace=False))
    size, tables = 4 * searcher.search.batch_size, []
    with ProgressLine('stamps for injection', quiet=not progress) as line:
        for first in range(0, len(rows), size):
            line.update(first / len(rows), f'{first} of {len(rows)} stamps')
            part = stamps[rows[first : first + size]]
            options = {'scoring': scoring, 'progress': False}
            tables.append(measure_residual_statistics(searcher, part, **options))
        line.update(1.0, f'{len(rows)} stamps')
    table = vstack(tables, metadata_conflicts='silent')
    scores = scoring.score(table, scoring.fit_trends(table))
    known = np.flatnonzero(~np.isnan(scores))
    _check_number(len(known))
    kept = min(limit, max(MIN_STAMPS // 2, round(config.host_fraction * len(known))))
    lowest = np.sort(known[np.argsort(scores[known], kind='stable')[:kept]])
    return _Hosts(rows[lowest], np.asarray(table['latent'][lowest], dtype=np.float32))


def _check_number(n):
    if n < MIN_STAMPS:
        raise ValueError(
            f'`stamps` must hold at least {MIN_STAMPS} stamps with valid pixels; got {n}.'
        )


def _most_hosts(image_shape, config):
    """Largest number of stamps whose channels, with those of the injected ones, are in memory."""
    *blocks, channels = classifier_shape(image_shape, config.binning)
    if config.n_components:
        # Once without and once with those of the components.
        channels += channels + 2 * image_shape[-1]
    channels *= int(np.prod(blocks))
    room = _MAX_BYTES // (4 * channels * (1 + config.injected_per_host))
    return max(MIN_STAMPS // 2, min(config.max_hosts, room))


def _inject(searcher, stamps, hosts, config, seed, progress):
    """Channels of stamps as they are, and in several rounds of the same with anomalies."""
    n, rounds, wgan = len(hosts.rows), config.injected_per_host, searcher.wgan
    shape = classifier_shape(wgan.network.image_shape, config.binning)
    normal = np.empty((n, *shape), np.float32)
    strange = np.empty((rounds, n, *shape), np.float32)
    stamp_bytes = 4 * int(np.prod(wgan.network.image_shape))
    count = int(np.ceil(n * stamp_bytes / _PART_BYTES))
    with ProgressLine('injection', quiet=not progress) as line:
        # Parts of equal size: companions are other galaxies of the same part.
        for number, part in enumerate(np.array_split(np.arange(n), count)):
            line.update(number / count, f'{part[0]} of {n} stamps')
            given, rows = stamps[hosts.rows[part]], slice(part[0], part[-1] + 1)
            closest = wgan.images_from_latent(hosts.latent[part])
            light = wgan.stamps_from_images(closest, like=given)
            normal[rows] = _channels(searcher, given, closest, config)
            for k in range(rounds):
                line.update((number + (k + 0.5) / (rounds + 0.5)) / count, f'{n} stamps')
                drawn = int(random_stream(seed, 2, k, number).integers(2**31))
                injected = inject_anomalies(given, light, config=config.injection, seed=drawn)
                found = searcher(*wgan.images_from_stamps(injected)).closest_images
                strange[k, rows] = _channels(searcher, injected, found, config)
        line.update(1.0, f'{n} stamps')
    return normal, strange


def _channels(searcher, stamps, closest, config):
    """Channels of stamps with their closest images."""
    wgan = searcher.wgan
    images, weights = wgan.images_from_stamps(stamps)
    options = {'binning': config.binning, 'center': wgan.center_, 'noise': searcher.noise}
    return classifier_inputs(images, closest, weights, **options).numpy()


def _binned_views(searcher, stamps, hosts, config, seed):
    """Binned images of hosts in orientations drawn at random, and the same rotated by 180 deg."""
    wgan, n = searcher.wgan, len(hosts.rows)
    count = min(8 * n, _MAX_VIEWS)
    drawn = np.sort(random_stream(seed, 4).choice(8 * n, count, replace=False))
    views = []
    image_bytes = 4 * int(np.prod(wgan.network.image_shape))
    for part in np.array_split(drawn, int(np.ceil(count * image_bytes / _PART_BYTES))):
        # Stamps of a set are different, but views may be of the same.
        rows, of_row = np.unique(part // 8, return_inverse=True)
        images, weights = wgan.images_from_stamps(stamps[hosts.rows[rows]])
        closest = wgan.images_from_latent(hosts.latent[rows])
        options = {'binning': config.binning}
        if searcher.noise is not None:
            filled = fill_masked_blocks(images, closest, weights, searcher.noise, **options)
            images = filled[0].numpy()
        pairs = zip(images[of_row], part % 8, strict=True)
        around = {'center': wgan.center_}
        turned = np.array([oriented(*pair, **around) for pair in pairs])
        both = turned, oriented(turned, HALF_TURN, **around)
        views.append([binned(each, config.binning).numpy() for each in both])
    return [np.concatenate(each) for each in zip(*views, strict=True)]


def _visible(normal, strange, bands, fraction):
    """Stamps with anomalies, without a fraction of the least visible ones."""
    residual = _norm(normal[..., bands : 2 * bands])
    floor = max(float(np.median(residual)) / 1000, np.finfo(np.float32).tiny)
    changes = np.array([_norm(each[..., :bands] - normal[..., :bands]) for each in strange])
    visibility = changes / np.maximum(residual, floor)
    return strange[visibility >= np.quantile(visibility, fraction)]


def _norm(channels):
    return np.sqrt(np.sum(channels**2, axis=(1, 2, 3), dtype=float))


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

    rng, steps = random_stream(seed, 3), _number_of_steps(len(normal), config)
    with defer_interrupt() as interrupted:
        for k in range(steps):
            part = k / steps
            optimizer.learning_rate = config.learning_rate * max(0.01, min(1.0, 2 * (1 - part)))
            rows = [rng.integers(len(each), size=half) for each in (normal, strange)]
            batch = np.concatenate([normal[rows[0]], strange[rows[1]]])
            loss = step(tf.constant(_jittered(batch, rng)), tf.constant(k))
            if interrupted.is_set():
                raise KeyboardInterrupt
            if k % _EVERY == 0 or k == steps - 1:
                if not np.isfinite(loss):
                    raise TrainingDivergedError(
                        f'The loss of the classifier is not finite at iteration {k}. Try a lower '
                        'learning rate, or look for extreme pixels in the stamps.'
                    )
                line.update((k + 1) / steps, f'loss {float(loss):.3f}')


def _number_of_steps(n_hosts, config):
    return min(config.iterations, round(_STEPS * n_hosts**0.5))


def _jittered(batch, rng):
    """Each image in one of its eight orientations, and brighter or fainter by up to a tenth."""
    orientation = rng.integers(8, size=len(batch))
    turned = np.empty_like(batch)
    for k in range(8):
        turned[orientation == k] = oriented(batch[orientation == k], k)
    factor = rng.uniform(1 - _BRIGHTNESS, 1 + _BRIGHTNESS, (len(batch), 1, 1, 1))
    return turned * factor.astype(np.float32)
