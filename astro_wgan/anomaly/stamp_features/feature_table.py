"""Features of stamps from the networks of a detector, as tables; `critic_features` of a model."""

from functools import cached_property, partial

import keras
import numpy as np
import tensorflow as tf
from astropy.table import QTable

from astro_wgan.anomaly.detector_state import DetectorState
from astro_wgan.anomaly.search.searched_parts import measure_in_parts
from astro_wgan.exceptions import NotFittedError
from astro_wgan.jobs import Fingerprint, describe_model, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import check_workers
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps.orientations import in_all_orientations
from astro_wgan.store import as_stamps
from astro_wgan.wgan.fit_arguments import check_stamps
from astro_wgan.wgan.masked_pixels import fill_for_critic, fill_masked, limit_length
from astro_wgan.wgan.networks import FEATURE_LAYER, draw_latent
from astro_wgan.wgan.noise_layer import with_noise
from astro_wgan.wgan.prediction import in_batches

__all__ = ['NETWORKS', 'NetworkFeatures', 'StampFeatures', 'critic_features']

#: Networks with features, in the order of their columns.
NETWORKS = ('critic', 'encoder', 'classifier')
#: Those of the default, where a detector has them.
DEFAULT_NETWORKS = NETWORKS

#: Number of stamps in memory at a time.
_BATCH = 1024
#: Generated images that center and scale of the features are those of, and the seed of these.
_GENERATED, _SEED = 512, 40_320
#: Method that is called if a detector lacks a network.
_TRAINED_BY = {'encoder': 'train_encoder', 'classifier': 'train_classifier'}


class NetworkFeatures:
    """
    Features of stamps from the networks of a detector.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model, encoder and classifier of the detector.
    """

    def __init__(self, searcher):
        self.searcher = searcher

    def table(
        self,
        stamps,
        *,
        networks=None,
        standardize=True,
        progress=True,
        output=None,
        processes=1,
        client=None,
    ):
        """The table of `~astro_wgan.AnomalyDetector.features`, with the same arguments."""
        check_workers(processes, client)
        networks = self._checked(networks)
        wgan = self.searcher.wgan
        check_stamps(wgan.network, stamps, wgan.bands_)
        columns = measure_in_parts(
            partial(_features_of_part, networks),
            self.searcher,
            stamps,
            label='features',
            size=4 * self.searcher.search.batch_size,
            progress=progress,
            output=output,
            fingerprint=None if output is None else self._fingerprint(stamps, networks),
            processes=processes,
            client=client,
        )
        widths = {name: self._widths[name] for name in networks}
        if not columns:
            columns = {name: np.zeros((0, width), np.float32) for name, width in widths.items()}
        parts = [columns.pop(name) for name in networks]
        if standardize:
            for name, part in zip(networks, parts, strict=True):
                center, scale = self._scales[name]
                part -= center
                part /= scale
        meta = {
            'features': widths,
            'standardized': bool(standardize),
            'model': wgan.provenance_,
            'provenance': provenance_record(),
        }
        return QTable({'id': stamps.ids, 'features': np.concatenate(parts, axis=1)}, meta=meta)

    def _checked(self, networks):
        present = [n for n in NETWORKS if n == 'critic' or getattr(self.searcher, n) is not None]
        if networks is None:
            return tuple(name for name in DEFAULT_NETWORKS if name in present)
        names = (networks,) if isinstance(networks, str) else tuple(networks)
        if not names or len({*names}) < len(names) or not {*names} <= {*NETWORKS}:
            raise ValueError(
                f'`networks` must be different ones of {NETWORKS}, at least one; got {networks!r}.'
            )
        for name in names:
            if name not in present:
                raise NotFittedError(
                    f'`networks` has the {name}, which this detector lacks: call '
                    f'`{_TRAINED_BY[name]}`.'
                )
        return names

    @cached_property
    def _widths(self):
        """Number of features of each network."""
        wgan, found = self.searcher.wgan, {}
        found['critic'] = 2 * wgan.critic_.output[1].shape[-1]
        if self.searcher.encoder is not None:
            last = _last_convolution(self.searcher.encoder)
            latent = wgan.network.latent_dim
            found['encoder'] = latent if last is None else 2 * last.output.shape[-1]
        if self.searcher.classifier is not None:
            found['classifier'] = self.searcher.classifier.n_features
        return found

    @cached_property
    def _scales(self):
        """Center and scale of the features of each network: those of generated images."""
        wgan = self.searcher.wgan
        latent = draw_latent(wgan.network, _GENERATED, (_SEED, 0)).numpy()
        closest = wgan.images_from_latent(latent)
        images = with_noise(tf.constant(closest), wgan.noise_, (_SEED, 1)).numpy()
        weights = np.ones_like(images)
        found = {'critic': _of_critic(self.searcher, images, weights, None)}
        if self.searcher.encoder is not None:
            found['encoder'] = _of_encoder(self.searcher, images, weights, None)
        if self.searcher.classifier is not None:
            found['classifier'] = self.searcher.classifier.features(images, closest, weights)
        return {name: _center_and_scale(part) for name, part in found.items()}

    def _fingerprint(self, stamps, networks):
        searcher = self.searcher
        model = describe_model(
            searcher.wgan, encoder=searcher.encoder, classifier=searcher.classifier
        )
        settings = describe_settings({'search': searcher.search, 'networks': networks})
        return Fingerprint(
            {'stamps': describe_stamps(stamps), 'settings': settings, 'model': model}
        )


class StampFeatures(DetectorState):
    """
    Features of stamps from the networks of a detector.

    Parameters
    ----------
    wgan, search, scoring, encoder, classifier
        As for `~astro_wgan.AnomalyDetector`.
    """

    def features(
        self,
        stamps,
        *,
        networks=None,
        positions=None,
        standardize=True,
        progress=True,
        output=None,
        processes=1,
        client=None,
    ):
        """
        Features of each stamp from the trained networks, for maps, similar stamps and labels.

        Parameters
        ----------
        stamps, positions, progress, output, processes, client
            As for `score`.
        networks : sequence of {'critic', 'encoder', 'classifier'}, optional
            Networks whose features are put side by side, in this order. By default all that the
            detector has.
        standardize : bool, optional
            Whether the features of each network are centered and divided by one number, so that all
            networks contribute alike to Euclidean distances; otherwise as the networks give them.

        Returns
        -------
        `~astropy.table.QTable`
            ``id`` and ``features``, float32 of shape (n, features); NaN for a stamp without a valid
            pixel. ``meta['features']`` has the number of features of each network, in order.

        Raises
        ------
        ValueError
            If the stamps do not fit the model, ``networks`` has none or unknown ones, or ``output``
            holds results of other work.
        `~astro_wgan.exceptions.NotFittedError`
            If the detector lacks one of ``networks``.

        See Also
        --------
        astro_wgan.visualize.embed_features : a map of features.

        Notes
        -----
        * ``'critic'``: maximum and mean over the image of each channel of the critic's last
          convolution, averaged over the eight orientations of the stamp.
        * ``'encoder'``: the same of the encoder. Of one whose last convolution is not a layer with
          the name ``'features'``, as that of `train_encoder` is, the latent vector.
        * ``'classifier'``: the same of the classifier of injected anomalies (see
          `train_classifier`).

        By linear probes on galaxies with labels, means over orientations are better than single
        images, and pooled features as good as maps, with an eighth as many numbers.

        The center of the features of a network is their mean over 512 generated images with noise,
        which stand for normal ones, so that no calibration is needed; the number is the root of
        their mean squared distance from it. Within a network distances keep their proportions.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import AnomalyDetector, StampSet, WGAN
        >>> stamps = StampSet(np.random.default_rng(1).normal(size=(64, 16, 16)))
        >>> wgan = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
        >>> table = AnomalyDetector(wgan).features(stamps, progress=False)
        >>> table['features'].shape, table.meta['features']
        ((64, 256), {'critic': 128, 'encoder': 128})
        """
        return self._network_features().table(
            self._as_own_stamps(stamps, positions),
            networks=networks,
            standardize=standardize,
            progress=progress,
            output=output,
            processes=processes,
            client=client,
        )

    def _network_features(self):
        """The same until a part changes, since scales of features are measured once."""
        searcher = self._searcher()
        if self._features_cache is None or self._features_cache.searcher is not searcher:
            self._features_cache = NetworkFeatures(searcher)
        return self._features_cache


def critic_features(wgan, stamps, *, progress=True):
    """
    Critic features c(x) of each stamp, for classifiers, embeddings and the like.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
        Images of the network's size and number of bands, or anything else that
        `~astro_wgan.store.as_stamps` takes.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id`` and ``features``, float32 of shape (n, features): the output of the critic's last
        convolution, flattened (rows, columns, channels); NaN for a stamp without a valid pixel.
        ``meta`` holds the provenance.

    Raises
    ------
    `~astro_wgan.exceptions.NotFittedError`
        If the model has not been fitted.
    ValueError
        If the stamps do not fit the network.

    See Also
    --------
    astro_wgan.AnomalyDetector.features : those of all networks of a detector, on one scale.

    Notes
    -----
    Margalef-Bentabol et al. 2020, sections 3.4 and 4.2. Masked pixels are filled from the closest
    image of the encoder's prediction, with noise; without an encoder from the surrounding and the
    opposite pixels. All features are in memory: 16 KiB per stamp for the preset ``'paper'``.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet, WGAN
    >>> from astro_wgan.anomaly import critic_features
    >>> stamps = StampSet(np.random.default_rng(1).normal(size=(64, 16, 16)))
    >>> wgan = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
    >>> critic_features(wgan, stamps, progress=False)['features'].shape
    (64, 1024)
    """
    stamps = as_stamps(stamps)
    wgan.images_from_stamps(stamps[:0])  # checks size and bands
    columns = measure_in_parts(
        _critic_features_of_part,
        wgan,
        stamps,
        label='critic features',
        size=_BATCH,
        progress=progress,
    )
    width = int(np.prod(wgan.critic_.output[1].shape[1:]))
    features = columns.get('features', np.zeros((0, width), np.float32))
    meta = {'model': wgan.provenance_, 'provenance': provenance_record()}
    return QTable({'id': stamps.ids, 'features': features}, meta=meta)


def _critic_features_of_part(wgan, part, *, report):
    features = wgan.critic_features(part).reshape(len(part), -1)
    return {'features': _known(features, part)}


def _features_of_part(networks, searcher, part, *, report):
    """Features of stamps by network."""
    images, weights = searcher.wgan.images_from_stamps(part)
    found = {}
    for name in networks:
        found[name] = _FUNCTIONS[name](searcher, images, weights, report)
    return {name: _known(features, part) for name, features in found.items()}


def _of_critic(searcher, images, weights, report):
    closest = None if searcher.encoder is None else partial(_closest_of_encoder, searcher)
    wgan = searcher.wgan
    filled = fill_for_critic(images, weights, closest, wgan.noise_)
    network = keras.Model(wgan.critic_.input, wgan.critic_.output[1])
    return _pooled(network, filled, wgan.center_)


def _of_encoder(searcher, images, weights, report):
    filled = fill_masked(images, weights, partial(_closest_of_encoder, searcher))
    last = _last_convolution(searcher.encoder)
    return (
        _latent(searcher, filled) if last is None else _pooled(last, filled, searcher.wgan.center_)
    )


def _of_classifier(searcher, images, weights, report):
    closest = searcher(images, weights, report=report).closest_images
    return searcher.classifier.features(images, closest, weights, noise=searcher.noise)


_FUNCTIONS = {'critic': _of_critic, 'encoder': _of_encoder, 'classifier': _of_classifier}


def _pooled(network, images, center):
    """Maximum and mean of each channel of the output over the image, mean of all orientations."""
    views = []
    for view in in_all_orientations(images, center=center):
        channels = in_batches(network, view)[0]
        views.append(np.concatenate([channels.max(axis=(1, 2)), channels.mean(axis=(1, 2))], 1))
    return np.mean(views, axis=0)


def _last_convolution(encoder):
    """The network from images to the last convolution of an encoder, or None if there is none."""
    names = [layer.name for layer in getattr(encoder, 'layers', ())]
    if FEATURE_LAYER not in names:
        return None
    output = encoder.get_layer(FEATURE_LAYER).output
    return keras.Model(encoder.input, output) if len(output.shape) == 4 else None


def _known(features, part):
    """Features; NaN for a stamp without a valid pixel."""
    blind = ~part.valid.reshape(len(part), -1).any(axis=1)
    return np.where(blind[:, np.newaxis], np.float32(np.nan), features)


def _latent(searcher, images):
    """Latent vectors that the encoder predicts."""
    return limit_length(in_batches(searcher.encoder, images)[0]).numpy()


def _closest_of_encoder(searcher, images):
    return searcher.wgan.images_from_latent(_latent(searcher, images))


def _center_and_scale(features):
    features = features.astype(float)
    center = features.mean(axis=0)
    scale = np.sqrt(((features - center) ** 2).sum(axis=1).mean())
    # Features that are the same for all images have no scale.
    return center.astype(np.float32), np.float32(scale or 1)
