"""Checks of the arguments of `WGAN.fit`."""

from dataclasses import replace

from astro_wgan.bands.trained_bands import (
    bands_advice,
    check_trained_bands,
    check_weights_of_bands,
    trained_bands,
)
from astro_wgan.stamps.consistency import size_advice
from astro_wgan.wgan.compute.distribution import check_strategy
from astro_wgan.wgan.config.network_config import SIZES

__all__ = ['check_fit', 'check_stamps', 'count_iterations', 'network_for']

_DEFAULT_EPOCHS = 50


def count_iterations(stamps, training, *, epochs, iterations, minutes):
    """
    Number of generator iterations, or None if only a time limit ends the training.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Training set.
    training : `~astro_wgan.wgan.TrainingConfig`
        Gives the number of images per iteration.
    epochs, iterations, minutes
        As in `WGAN.fit`.

    Raises
    ------
    ValueError
        If both ``epochs`` and ``iterations`` are given, or a limit is not above 0.
    """
    if epochs is not None and iterations is not None:
        raise ValueError('Give `epochs` or `iterations`, not both.')
    for name, limit in (('epochs', epochs), ('iterations', iterations), ('minutes', minutes)):
        if limit is not None and not limit > 0:
            raise ValueError(f'`{name}` must be above 0; got {limit}.')
    if epochs is None and iterations is None and minutes is None:
        epochs = _DEFAULT_EPOCHS
    if epochs is not None:
        iterations = max(1, round(epochs * len(stamps) / training.images_per_iteration))
    return iterations


def network_for(stamps, network):
    """
    A network configuration with the size and bands of stamps where it has none of its own.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Training set.
    network : `~astro_wgan.wgan.NetworkConfig`
        As given.

    Returns
    -------
    `~astro_wgan.wgan.NetworkConfig`

    Raises
    ------
    ValueError
        If the size is open and no networks have that of the stamps.
    """
    ny, nx = stamps.shape
    if network.size is None and (ny != nx or ny not in SIZES):
        smaller = [n for n in SIZES if n <= min(ny, nx)]
        larger = [n for n in SIZES if n >= max(ny, nx)][:1]
        # Stamps of 96 pixels are better binned to 32 than cropped to 64.
        cropped, binned = smaller[-1:], smaller[-2:-1]
        if binned and _field(*binned, ny, nx) < 1.1 * _field(*cropped, ny, nx):
            binned = []
        nearest = dict.fromkeys(binned + cropped + larger)
        advice = ' Or: '.join(size_advice(stamps, (n, n)) for n in nearest)
        raise ValueError(
            '`stamps` must be square, of '
            f'{", ".join(map(str, SIZES[:-1]))} or {SIZES[-1]} pixels, to train a network on them; '
            f'got {ny} x {nx}. {advice}'
        )
    return network.for_images(size=ny, bands=stamps.n_bands or 1)


def _field(size, ny, nx):
    """Fraction of the edges of stamps that remains if they are binned and cropped to a size."""
    return min(ny // size, nx // size) * size / max(ny, nx)


def check_fit(
    network, training, stamps, *, initial_model, held_out, patience, sample_dir, strategy
):
    """
    Refuse arguments of `WGAN.fit` with which no training is possible.

    Parameters
    ----------
    network, training : `~astro_wgan.wgan.NetworkConfig`, `~astro_wgan.wgan.TrainingConfig`
        Configuration of the model.
    stamps, initial_model, held_out, patience, sample_dir, strategy
        As in `WGAN.fit`.

    Raises
    ------
    ValueError
        If configuration, stamps and the other arguments are not compatible.
    """
    _check_reconstruction(network, training)
    check_stamps(network, stamps)
    if 2 * training.max_shift >= network.size:
        raise ValueError(
            f'`max_shift` of the training must be less than half of the size of the stamps, '
            f'{network.size} pixels; got {training.max_shift}.'
        )
    if len(stamps) < training.min_stamps:
        raise ValueError(
            f'`stamps` must hold at least {training.min_stamps} stamps; got {len(stamps)}.'
        )
    for name, value in (('patience', patience), ('sample_dir', sample_dir)):
        if value is not None and held_out is None:
            raise ValueError(f'`{name}` needs `held_out` stamps; got none.')
    if patience is not None and patience < 1:
        raise ValueError(f'`patience` must be at least 1; got {patience}.')
    if held_out is not None:
        check_stamps(network, held_out, trained_bands(stamps), name='held_out')
        if not len(held_out):
            raise ValueError('`held_out` must hold at least one stamp; got none.')
    if initial_model is not None:
        _check_initial_model(initial_model, network, training)
        check_weights_of_bands(stamps, initial_model.bands_)
    check_strategy(strategy, training)


def check_stamps(network, stamps, bands=(), *, name='stamps'):
    """
    Refuse stamps that do not fit a network.

    Parameters
    ----------
    network : `~astro_wgan.wgan.NetworkConfig`
        Of known size and bands.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Input of the network.
    bands : tuple of `~astro_wgan.stamps.Band`
        Bands of the stamps that it was trained on; empty if these have no names.
    name : str
        Name of the argument, for errors.

    Raises
    ------
    ValueError
        If size, or number or names of the bands, are not those of the network.
    """
    size, number = network.size, stamps.n_bands or 1
    if tuple(stamps.shape) != (size, size) or number != network.bands:
        ny, nx = stamps.shape
        advice = size_advice(stamps, (size, size))
        if number != network.bands and bands:
            advice += f' {bands_advice(stamps, bands)}'
        elif number > network.bands:
            some = [band.name for band in stamps.bands[: network.bands]]
            some = some[0] if len(some) == 1 else some
            advice += f' Take the right bands by name, such as `stamps[{some!r}]`.'
        raise ValueError(
            f'The network works on stamps of {size} x {size} pixels and {network.bands} band(s); '
            f'got {ny} x {nx} and {number}. {advice.strip()}'.rstrip()
        )
    check_trained_bands(stamps, bands, name=name)


def _check_initial_model(initial_model, network, training):
    if not initial_model.is_fitted:
        raise ValueError('`initial_model` must be a fitted model; got one that is not.')
    if initial_model.network not in (network, replace(network, bands=1)):
        raise ValueError(
            f'`initial_model` must have the same network, {network}, or that for a single band; '
            f'got {initial_model.network}.'
        )
    if training.reconstruction_weight and initial_model.encoder_ is None:
        raise ValueError(
            '`initial_model` must have an encoder if `reconstruction_weight` of the training is '
            'above 0; it has none.'
        )


def _check_reconstruction(network, training):
    if not training.reconstruction_weight:
        return
    if not network.noise or network.latent_distribution != 'normal':
        raise ValueError(
            '`reconstruction_weight` of the training needs a network with `noise` and a normal '
            f'`latent_distribution`; got {network}.'
        )
