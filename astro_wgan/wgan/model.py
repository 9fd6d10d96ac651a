"""`WGAN`: generator, critic and intensity stretch, fitted, saved and loaded as one object."""

from contextlib import nullcontext
from dataclasses import replace

from astro_wgan.bands.trained_bands import trained_bands
from astro_wgan.files.configurations.config_values import to_dict
from astro_wgan.jobs import describe_networks
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch
from astro_wgan.stamps.intensity.stretch import Stretch
from astro_wgan.store import as_stamps
from astro_wgan.wgan.compute.distribution import copy_without_strategy
from astro_wgan.wgan.config.network_config import NetworkConfig
from astro_wgan.wgan.config.training_config import TrainingConfig
from astro_wgan.wgan.data_stream import measure_center
from astro_wgan.wgan.fit_arguments import check_fit, count_iterations, network_for
from astro_wgan.wgan.networks import (
    build_critic,
    build_encoder,
    build_generator,
    layer_table,
)
from astro_wgan.wgan.prediction import PredictionMixin
from astro_wgan.wgan.serialization.model_folder import read_model, write_model
from astro_wgan.wgan.trainer import build_trainer
from astro_wgan.wgan.training import train

__all__ = ['WGAN']


_PARTS = {'network': NetworkConfig, 'training': TrainingConfig, 'stretch': Stretch}


class WGAN(PredictionMixin):
    """
    A Wasserstein GAN with gradient penalty for stamps of galaxies.

    Parameters
    ----------
    network : `~astro_wgan.wgan.NetworkConfig`, optional
        Layers of generator and critic; by default those of the preset ``'paper'``, for the size and
        bands of the stamps that it is fitted to.
    training : `~astro_wgan.wgan.TrainingConfig`, optional
        Steps, rates and penalty; by default those of the preset ``'paper'``.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling from the unit of the stamps to the input of the networks; it is fitted
        with them, unless it was given its levels.

    Attributes
    ----------
    network : `~astro_wgan.wgan.NetworkConfig`
        As given; ``size`` and ``bands`` that are None are those of the stamps once it is fitted.
    generator_, critic_ : `keras.Model`
        The fitted networks; if ``training.ema_decay`` is not 0 the generator has averaged weights.
    noise_ : `keras.Model` or None
        The noise of images, if ``network.noise`` is true.
    encoder_ : `keras.Model` or None
        From images to z, if ``training.reconstruction_weight`` is not 0.
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
        Unit and pixel scale of the training set.
    bands_ : tuple of `~astro_wgan.stamps.Band`
        Bands of the training set; empty if they have no names. Stamps of several bands are refused
        if the names of these differ, or their order.
    center_ : tuple of float or None
        y and x of the sources in the stamps of the training set, in half pixels: the middle, or up
        to a pixel beside it. Stamps are rotated around it. None, for the middle, in models of
        earlier versions.
    provenance_ : dict
        Versions, date, seed, configuration and number of stamps.

    Notes
    -----
    Margalef-Bentabol et al. 2020, sections 3.3 and 3.4. All random numbers are seeded; two runs on
    one machine are identical if the kernels of TensorFlow are deterministic
    (`tf.config.experimental.enable_op_determinism`).

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
        self.network = NetworkConfig(size=None, bands=None) if network is None else network
        self.training = TrainingConfig() if training is None else training
        self.stretch = Stretch() if stretch is None else stretch
        for name, kind in _PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f'`{name}` must be a {kind.__name__}; got {getattr(self, name)!r:.60}.'
                )
        self.noise_ = self.encoder_ = None
        self.bands_, self.center_ = (), None

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
            Edge of the images in pixels, and their number of bands; by default those of the stamps
            that it is fitted to.
        stretch : `~astro_wgan.stamps.Stretch`, optional
            Intensity scaling.

        Returns
        -------
        WGAN

        Raises
        ------
        ValueError
            If there is no such preset, or no networks of this size or number of bands.

        Examples
        --------
        >>> from astro_wgan import WGAN
        >>> WGAN.preset('compact', size=32)
        <WGAN: 32 x 32 pixels, bands of the stamps, latent 16, not fitted>
        """
        network = NetworkConfig.preset(name, size=size, bands=bands)
        network = replace(
            network,
            size=None if size is None else network.size,
            bands=None if bands is None else network.bands,
        )
        return cls(network, TrainingConfig.preset(name), stretch=stretch)

    @property
    def network(self):
        """Layers of the networks; sizes that were left open are known once they are fitted."""
        return self._given_network if self._fitted_network is None else self._fitted_network

    @network.setter
    def network(self, network):
        self._given_network, self._fitted_network = network, None

    def __repr__(self):
        state = 'fitted' if self.is_fitted else 'not fitted'
        n = self.network
        size = 'size of the stamps' if n.size is None else f'{n.size} x {n.size} pixels'
        bands = 'bands of the stamps' if n.bands is None else f'{n.bands} band(s)'
        return f'<WGAN: {size}, {bands}, latent {n.latent_dim}, {state}>'

    def summary(self):
        """
        The layers of the networks; where ``size`` and ``bands`` are open, for 64 pixels and 1 band.

        Returns
        -------
        `~astropy.table.Table`
            One row per layer: ``network``, ``layer``, ``type``, ``output_shape`` of one image
            and ``n_weights``.

        Examples
        --------
        >>> from astro_wgan import WGAN
        >>> int(WGAN.preset('paper').summary()['n_weights'].sum())
        4544994
        """
        if self.is_fitted:
            networks = [self.generator_, self.critic_, self.encoder_]
        else:
            network = self.network.for_images(size=64, bands=1)
            networks = [build_generator(network), build_critic(network)]
            if self.training.reconstruction_weight:
                networks.append(build_encoder(network))
        return layer_table([network for network in networks if network is not None])

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
        Train on stamps of normal galaxies, from random weights or from a checkpoint.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            Training set: at least ``training.min_stamps`` square stamps of the network's size and
            bands, or the path of a store of them. Where these are None, the stamps must have 16,
            32, 64, 128 or 256 pixels, and any bands. Masked pixels are filled with the median of
            their stamp.
        epochs : float, optional
            Number of passes over the stamps by the critic; 50 if no limit is given.
        iterations : int, optional
            Number of generator iterations, instead of epochs.
        minutes : float, optional
            Time limit, counted over all runs that share a checkpoint. With it the model depends on
            the speed of the machine; without it on the seed alone.
        seed : int, optional
            Seed of weights, order of the stamps, latent vectors and orientations.
        initial_model : WGAN, optional
            A fitted model of the same network to start from (warm start), to adapt it to a field
            with few stamps. Of a model of a single band each band gets the weights. The bands may
            have other names, but not those of the model in another order. Stretch and noise are
            measured anew.
        held_out : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like, optional
            Normal stamps that are not trained on. After each epoch (a pass over the stamps, at
            least 25 iterations) generated images are compared with them, which adds the columns
            of `~astro_wgan.wgan.HeldOutMonitor` to the history.
        patience : int, optional
            End the training if ``ks_mean``, the distance to the held-out stamps, has not decreased
            by 2 percent for this number of epochs.
        sample_dir : path-like, optional
            Folder for an image of samples after each epoch; needs ``held_out``.
        checkpoint : path-like, optional
            File for the state of the training, written twice a minute, at the end and on an
            interrupt. If it exists the training resumes from it.
        progress : bool, optional
            Show a progress line.
        callbacks : sequence of `keras.callbacks.Callback`, optional
            Additional callbacks, such as `keras.callbacks.CSVLogger` or
            `keras.callbacks.TensorBoard`. Their model is the trainer of both networks; their logs
            are the losses of each iteration, and for each epoch the row of the history.
        strategy : `tf.distribute.Strategy`, optional
            Devices or machines that share each batch, such as `tf.distribute.MirroredStrategy`.
            ``training.batch_size`` is that of all of them together, and the model is that of one
            device up to rounding. With a `tf.distribute.MultiWorkerMirroredStrategy` each process
            makes the same call; only the first one writes files, shows progress and runs the
            callbacks, and all must be able to read the checkpoint.

        Returns
        -------
        WGAN
            This object.

        Raises
        ------
        ValueError
            Before training, if the stamps do not fit the network or are too few, or if limits,
            initial model, checkpoint or strategy cannot be used.
        `~astro_wgan.exceptions.TrainingDivergedError`
            If a loss is not finite.
        `~astro_wgan.exceptions.WorkerLostError`
            If another process of the strategy stops responding; the last checkpoint is kept.
        KeyboardInterrupt
            After the checkpoint has been written.
        """
        stamps = as_stamps(stamps)
        held_out = None if held_out is None else as_stamps(held_out)
        iterations = count_iterations(
            stamps, self.training, epochs=epochs, iterations=iterations, minutes=minutes
        )
        network = network_for(stamps, self._given_network)
        monitoring = {'held_out': held_out, 'patience': patience, 'sample_dir': sample_dir}
        check_fit(
            network,
            self.training,
            stamps,
            initial_model=initial_model,
            strategy=strategy,
            **monitoring,
        )
        # Levels that were given are used, and those of an earlier fit measured anew.
        stretch = fitted_stretch(self.stretch.clone(), stamps)
        stretch.transform(stamps[:1])  # raises if its unit or number of bands is another
        center = measure_center(stamps, stretch, seed)
        with nullcontext() if strategy is None else strategy.scope():
            trainer = build_trainer(
                network,
                self.training,
                stamps,
                stretch,
                seed=seed,
                center=center,
                initial_model=initial_model,
            )
        state = train(
            trainer,
            stamps,
            stretch,
            iterations=iterations,
            minutes=minutes,
            checkpoint=checkpoint,
            progress=progress,
            callbacks=callbacks,
            initial_weights=None if initial_model is None else initial_model._describe_weights(),
            **monitoring,
        )
        networks = (
            trainer.final_generator(),
            trainer.critic,
            trainer.noise,
            trainer.final_encoder(),
        )
        if strategy is not None:
            networks = map(copy_without_strategy, networks)
        self.generator_, self.critic_, self.noise_, self.encoder_ = networks
        self._fitted_network, self.stretch_ = network, stretch
        done = int(trainer.iteration.numpy())
        self.history_ = state.history_table(done)
        self.unit_, self.pixel_scale_ = stamps.unit, stamps.pixel_scale
        self.bands_, self.center_ = trained_bands(stamps), center
        self.provenance_ = provenance_record(
            network=to_dict(network),
            training=to_dict(self.training),
            precision=trainer.precision,
            seed=seed,
            stamps=len(stamps),
            iterations=done,
            seconds=round(state.seconds, 1),
            replicas=trainer.distribute_strategy.num_replicas_in_sync,
            initial_model=None if initial_model is None else initial_model.provenance_,
        )
        return self

    def save(self, folder):
        """
        Write networks, stretch, configuration, history and provenance into one folder.

        Parameters
        ----------
        folder : path-like
            Created if needed. An earlier model or detector in it is replaced atomically: if the
            process is killed, either the old or the new model is complete. Other files are kept.

        Raises
        ------
        ValueError
            If a network does not match the configuration, or has weights that are not finite.
        FileExistsError
            If a file with one of the names exists that is not from an earlier save.
        OSError
            If the model cannot be written; an earlier model is kept.
        """
        self._check_fitted()
        write_model(self, folder)

    @classmethod
    def load(cls, folder, *, max_size=None):
        """
        Read a model that `save` wrote. No code in the files is executed.

        Parameters
        ----------
        folder : path-like
            The folder.
        max_size : number, optional
            Largest memory of one of its files in bytes; by default a quarter of that of the
            machine.

        Returns
        -------
        WGAN

        Raises
        ------
        FileNotFoundError
            If the folder does not exist or has no model.
        ValueError
            If the files are not a model of this or an earlier version, are damaged, or too large.
        """
        return read_model(cls, folder, max_size=max_size)

    def _describe_weights(self):
        """The weights, for the fingerprint of a training that starts from them."""
        return describe_networks(
            generator=self.generator_, critic=self.critic_, encoder=self.encoder_
        )
