"""`WGAN`: generator, critic and stretch that belong together; fitted, saved and loaded as one."""

from contextlib import nullcontext

import numpy as np
import tensorflow as tf
from astropy import units as u
from astropy.table import QTable

from astro_wgan.exceptions import NotFittedError
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps import StampSet, Stretch
from astro_wgan.store import as_stamps
from astro_wgan.wgan.compute.distribution import copy_without_strategy
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig, to_dict
from astro_wgan.wgan.filling import fill_for_critic, within_reach
from astro_wgan.wgan.fit_arguments import check_fit, check_stamps, count_iterations
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator
from astro_wgan.wgan.noise_layer import build_noise, measure_noise, with_noise
from astro_wgan.wgan.pixel_weights import pixel_weights
from astro_wgan.wgan.serialization.model_folder import read_model, write_model
from astro_wgan.wgan.trainer import AdversarialTrainer, draw_latent
from astro_wgan.wgan.training import train
from astro_wgan.wgan.warm_start import copy_weights, describe_initial_model

__all__ = ['WGAN']

_PREDICTION_BATCH = 256


class WGAN:
    """
    A Wasserstein GAN with gradient penalty for stamps of galaxies.

    Parameters
    ----------
    network : `~astro_wgan.wgan.NetworkConfig`, optional
        Layers of generator and critic.
    training : `~astro_wgan.wgan.TrainingConfig`, optional
        Steps, rates and penalty.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling between the stamps' unit and what the networks see; fitted with them.

    Attributes
    ----------
    generator_, critic_ : `keras.Model`
        The networks, once fitted; the generator is the averaged one where there is one.
    noise_ : `keras.Model` or None
        What makes the noise of images, where ``network.noise`` is true.
    encoder_ : `keras.Model` or None
        From images to z, where ``training.reconstruction_weight`` is not 0.
    stretch_ : `~astro_wgan.stamps.Stretch`
        The fitted stretch.
    history_ : `~astropy.table.QTable`
        One row per epoch: ``iteration`` and ``time`` at its end, and means over it of
        ``critic_loss`` (with the penalty), ``wasserstein_distance`` (the critic's estimate),
        ``gradient_penalty``, ``generator_loss``, ``critic_gradient_norm`` and
        ``generator_gradient_norm``; with an encoder ``reconstruction_chi2`` (per pixel of real
        images) and ``kl_divergence`` (of their z, in nats); with held-out stamps the columns of
        `~astro_wgan.wgan.HeldOutMonitor`.
    unit_, pixel_scale_
        Those of the stamps that it was fitted on.
    provenance_ : dict
        Versions, date, seed, configuration and number of stamps.

    Notes
    -----
    Margalef-Bentabol et al. 2020, sections 3.3 and 3.4. TensorFlow's operations are seeded; two
    runs on one machine agree to the last bit where its kernels are deterministic
    (``tf.config.experimental.enable_op_determinism``).

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet, WGAN
    >>> rng = np.random.default_rng(1)
    >>> stamps = StampSet(rng.normal(size=(64, 16, 16)), unit='nJy')
    >>> wgan = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
    >>> wgan.generate(3, seed=2)
    <StampSet: 3 stamps of 16 x 16 pixels, float32, unit nJy>
    """

    def __init__(self, network=None, training=None, *, stretch=None):
        self.network = NetworkConfig() if network is None else network
        self.training = TrainingConfig() if training is None else training
        self.stretch = Stretch() if stretch is None else stretch
        self.noise_ = self.encoder_ = None

    @classmethod
    def preset(cls, name, *, size=None, bands=None, stretch=None):
        """
        A model that is yet to be fitted, by the name of its configuration.

        Parameters
        ----------
        name : {'paper', 'compact'}
            ``'paper'``: networks and hyperparameters of Margalef-Bentabol et al. 2020.
            ``'compact'``: small networks that train quickly on two CPU cores, with an encoder.
            See `NetworkConfig.preset <astro_wgan.wgan.NetworkConfig.preset>` and
            `TrainingConfig.preset <astro_wgan.wgan.TrainingConfig.preset>`.
        size, bands : int, optional
            Another size or number of bands than the preset's 64 and 1.
        stretch : `~astro_wgan.stamps.Stretch`, optional
            Intensity scaling.

        Returns
        -------
        WGAN

        Raises
        ------
        ValueError
            If there is no such preset, or no networks of this size or number of bands.
        """
        network = NetworkConfig.preset(name, size=size, bands=bands)
        return cls(network, TrainingConfig.preset(name), stretch=stretch)

    def __repr__(self):
        state = 'fitted' if self.is_fitted else 'not fitted'
        n = self.network
        return (
            f'<WGAN: {n.size} x {n.size} pixels, {n.bands} band(s), latent {n.latent_dim}, {state}>'
        )

    @property
    def is_fitted(self):
        """Whether there are trained networks."""
        return hasattr(self, 'generator_')

    def fit(
        self,
        stamps,
        *,
        epochs=None,
        iterations=None,
        minutes=None,
        seed=0,
        initial_model=None,
        held_out=None,
        patience=None,
        sample_dir=None,
        checkpoint=None,
        progress=True,
        callbacks=(),
        strategy=None,
    ):
        """
        Train on stamps of normal galaxies, from new weights or from a checkpoint.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            As many as ``training.min_stamps``, or the path of a store of them; square and of
            the network's size and bands. Masked pixels are filled with the median of their stamp.
        epochs : float, optional
            How often each stamp is shown to the critic. 50, when no limit is given.
        iterations : int, optional
            Generator iterations, in place of epochs.
        minutes : float, optional
            Time limit, counted over all runs that share a checkpoint. A model that was stopped by
            the clock depends on the machine; one stopped by a count on the seed alone.
        seed : int, optional
            Seed of weights, order, latent vectors and orientations.
        initial_model : WGAN, optional
            A fitted model of the same network, from whose weights the training begins: to adapt
            it to a field that has few stamps, or little time. Stretch and noise are measured anew.
        held_out : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like, optional
            Normal stamps that are not trained on. After each epoch (a pass over the stamps, at
            least 25 iterations) the generated images are compared with them; the history then
            has the columns that `~astro_wgan.wgan.HeldOutMonitor` describes.
        patience : int, optional
            End the training after so many epochs in which ``ks_mean``, that of
            ``held_out``, has not fallen by 2 per cent.
        sample_dir : path-like, optional
            Folder for a picture of samples after each epoch; needs ``held_out``.
        checkpoint : path-like, optional
            File that holds the state of the training: written twice a minute, at the end and when
            the run is interrupted. Where it exists, training goes on from it.
        progress : bool, optional
            Show a progress line.
        callbacks : sequence of `keras.callbacks.Callback`, optional
            More callbacks, such as `keras.callbacks.CSVLogger` or
            `keras.callbacks.TensorBoard`. Their model is the trainer of both networks; their
            logs are the losses of each iteration, and for each epoch the row of the history.
        strategy : `tf.distribute.Strategy`, optional
            Devices or machines that share each batch, such as `tf.distribute.MirroredStrategy`.
            ``training.batch_size`` is that of all of them together: the model is that of one
            device, but for rounding. With a `tf.distribute.MultiWorkerMirroredStrategy` each
            process makes the same call; the first one alone writes files, shows progress and has
            the callbacks, and all must be able to read the checkpoint.

        Returns
        -------
        WGAN
            This object.

        Raises
        ------
        ValueError
            Before training, if the stamps do not fit the network or there are too few of them, or
            if limits, initial model, checkpoint or strategy cannot be used.
        `~astro_wgan.exceptions.TrainingDivergedError`
            If a loss is no longer finite.
        `~astro_wgan.exceptions.WorkerLostError`
            If another process of the strategy no longer answers; the last checkpoint stays.
        KeyboardInterrupt
            After the checkpoint has been written.
        """
        stamps = as_stamps(stamps)
        held_out = None if held_out is None else as_stamps(held_out)
        iterations = count_iterations(
            stamps, self.training, epochs=epochs, iterations=iterations, minutes=minutes
        )
        watched = {'held_out': held_out, 'patience': patience, 'sample_dir': sample_dir}
        check_fit(
            self.network,
            self.training,
            stamps,
            initial_model=initial_model,
            **watched,
            strategy=strategy,
        )
        stretch = self.stretch.clone().fit(stamps)
        with nullcontext() if strategy is None else strategy.scope():
            trainer = self._new_trainer(stamps, stretch, seed, initial_model)
        state = train(
            trainer,
            stamps,
            stretch,
            iterations=iterations,
            minutes=minutes,
            checkpoint=checkpoint,
            progress=progress,
            held_out=held_out,
            patience=patience,
            sample_dir=sample_dir,
            callbacks=callbacks,
            origin=None if initial_model is None else describe_initial_model(initial_model),
        )
        networks = (trainer.drawing(), trainer.critic, trainer.noise, trainer.encoding())
        if strategy is not None:
            networks = map(copy_without_strategy, networks)
        self.generator_, self.critic_, self.noise_, self.encoder_ = networks
        self.stretch_ = stretch
        self.history_ = _history(state, int(trainer.iteration.numpy()))
        self.unit_, self.pixel_scale_ = stamps.unit, stamps.pixel_scale
        self.provenance_ = provenance_record(
            network=to_dict(self.network),
            training=to_dict(self.training),
            precision=trainer.precision,
            seed=seed,
            stamps=len(stamps),
            iterations=int(trainer.iteration.numpy()),
            seconds=round(state.seconds, 1),
            replicas=trainer.distribute_strategy.num_replicas_in_sync,
            initial_model=None if initial_model is None else initial_model.provenance_,
        )
        return self

    def generate(self, n=None, *, latent=None, seed=0):
        """
        Images that the generator makes.

        Parameters
        ----------
        n : int, optional
            How many, from latent vectors drawn at random.
        latent : array_like, shape (n, latent), optional
            Latent vectors, in place of ``n``.
        seed : int, optional
            Seed of the random latent vectors.

        Returns
        -------
        `~astro_wgan.StampSet`
            In the unit and pixel scale of the stamps that the model was fitted on, with noise.
        """
        self._check_fitted()
        if (n is None) == (latent is None):
            raise ValueError('Give `n` or `latent`: one of the two.')
        if latent is None:
            latent = draw_latent(self.network, n, (seed, 0)).numpy()
        latent = np.asarray(latent, dtype=np.float32)
        if latent.ndim != 2 or latent.shape[1] != self.network.latent_dim:
            raise ValueError(
                f'`latent` must have the shape (n, {self.network.latent_dim}); got {latent.shape}.'
            )
        images = self.images_from_latent(latent)
        images = with_noise(tf.constant(images), self.noise_, (seed, 1)).numpy()
        return self.stamps_from_images(images)

    def images_from_latent(self, latent):
        """G(z) in stretched intensity, without noise: float32 array (n, ny, nx, bands)."""
        self._check_fitted()
        return _in_batches(self.generator_, latent)[0]

    def images_from_stamps(self, stamps):
        """
        What the networks see of stamps.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            Of the network's size and bands, in a unit that converts to that of the training.

        Returns
        -------
        images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            Stretched intensity; masked pixels are filled.
        weights : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            1 for a pixel to use, 0 for a masked one; less than 1 where the uncertainty says that a
            pixel is noisier than others of its stamp: see
            `~astro_wgan.wgan.pixel_weights.pixel_weights`.
        """
        self._check_fitted()
        check_stamps(self.network, stamps)
        shape = (len(stamps), *self.network.image_shape)
        images = self.stretch_.transform(stamps).reshape(shape)
        return images, pixel_weights(stamps, self.stretch_).reshape(shape)

    def stamps_from_images(self, images, *, like=None):
        """
        A `StampSet` in the unit of the training from stretched images (n, ny, nx, bands).

        ``like``, a `StampSet` of as many stamps, gives table, WCS and, to a stretch by stamp,
        brightness.
        """
        self._check_fitted()
        if self.network.bands == 1:
            images = images[..., 0]
        return StampSet(
            self.stretch_.inverse(images, like=like),
            unit=self.unit_,
            pixel_scale=self.pixel_scale_,
            geometry=None if like is None else like.geometry,
            table=None if like is None else like.table,
            meta={'model': self.provenance_},
        )

    def critic_value(self, stamps):
        """The critic's value C(x) of each stamp, masked pixels filled: array of shape (n,)."""
        return _in_batches(self.critic_, self._filled(stamps))[0][:, 0]

    def critic_features(self, stamps):
        """The critic's features c(x) of each stamp, filled likewise: array (n, y, x, channels)."""
        return _in_batches(self.critic_, self._filled(stamps))[1]

    def save(self, folder):
        """
        Write networks, stretch, configuration, history and provenance into one folder.

        Parameters
        ----------
        folder : path-like
            Made if needed; an earlier model or detector in it is replaced, all of it at once: a
            kill leaves either. Other files in it stay.

        Raises
        ------
        ValueError
            If a network is not that of the configuration, or has weights that are not finite.
        FileExistsError
            If a file of one of the names is there that is not of an earlier save.
        OSError
            If it cannot be written; an earlier model stays.
        """
        self._check_fitted()
        write_model(self, folder)

    @classmethod
    def load(cls, folder, *, max_size=None):
        """
        Read a model that `save` wrote. No code of the files is run, whoever wrote them.

        Parameters
        ----------
        folder : path-like
            The folder.
        max_size : number, optional
            Bytes of memory that each of its files may take. A quarter of that of the machine,
            unless given.

        Returns
        -------
        WGAN

        Raises
        ------
        FileNotFoundError
            If there is no such folder, or no model in it.
        ValueError
            If the files in it are not a model of this version, or are damaged, or need more memory.
        """
        return read_model(cls, folder, max_size=max_size)

    def _new_trainer(self, stamps, stretch, seed, initial_model):
        noise = encoder = None
        if self.network.noise:
            noise = build_noise(self.network, stretch, measure_noise(stamps, stretch))
        if self.training.reconstruction_weight:
            encoder = build_encoder(self.network, spread=True, seed=2 * seed + 3)
        generator = build_generator(self.network, seed=2 * seed + 1)
        critic = build_critic(self.network, seed=2 * seed + 2)
        if initial_model is not None:
            copy_weights(initial_model, generator=generator, critic=critic, encoder=encoder)
        extras = {'noise': noise, 'encoder': encoder}
        return AdversarialTrainer(
            generator, critic, self.network, self.training, seed=seed, **extras
        )

    def _filled(self, stamps):
        """What the critic sees of stamps; as in a latent search that starts from the encoder."""
        closest = None if self.encoder_ is None else self._closest_in_one_pass
        return fill_for_critic(*self.images_from_stamps(stamps), closest, self.noise_)

    def _closest_in_one_pass(self, images):
        return self.images_from_latent(within_reach(_in_batches(self.encoder_, images)[0]))

    def _check_fitted(self):
        if not self.is_fitted:
            raise NotFittedError('This WGAN has not been fitted: call `fit`, or load a model.')


def _history(state, iteration):
    rows = list(state.history)
    if state.losses:
        # The last epoch may not be whole; what it lacks is NaN.
        rows.append({'iteration': iteration, 'time': state.seconds, **state.mean_losses()})
    names = rows[0] if rows else ('iteration', 'time')
    table = QTable({name: [row.get(name, np.nan) for row in rows] for name in names})
    table['time'].unit = u.s
    return table


def _in_batches(network, array):
    """Outputs of a network for any number of rows, as a list of arrays."""
    if not len(array):
        # TensorFlow's convolutions give no rows the channels of what they are made from.
        one = _in_batches(network, np.zeros((1, *np.shape(array)[1:]), dtype=np.float32))
        return [output[:0] for output in one]
    parts = []
    for start in range(0, len(array), _PREDICTION_BATCH):
        outputs = network(tf.constant(array[start : start + _PREDICTION_BATCH]), training=False)
        parts.append([x.numpy() for x in (outputs if isinstance(outputs, list) else [outputs])])
    return [np.concatenate(x) for x in zip(*parts, strict=True)]
