"""A training that begins with the weights of another model."""

from astro_wgan.jobs import describe_networks
from astro_wgan.wgan.networks import encoder_of_means

__all__ = ['check_start', 'describe_start', 'take_weights']


def check_start(start, network, training):
    """
    Refuse a model whose weights do not fit.

    Parameters
    ----------
    start : `~astro_wgan.WGAN`
        What the training is to begin with.
    network, training : `~astro_wgan.wgan.NetworkConfig`, `~astro_wgan.wgan.TrainingConfig`
        Of the model that is to be trained.

    Raises
    ------
    ValueError
        If it is not fitted, has other networks, or lacks an encoder that the training needs.
    """
    if not start.is_fitted:
        raise ValueError('`start` must be a fitted model; got one that is not.')
    if start.network != network:
        raise ValueError(
            f'`start` must have the same network, {network}; got one with {start.network}.'
        )
    if training.reconstruction and start.encoder_ is None:
        raise ValueError(
            '`start` must have an encoder, since the training has `reconstruction`; it has none.'
        )


def take_weights(start, *, generator, critic, encoder=None):
    """
    Give networks the weights of a fitted model.

    Parameters
    ----------
    start : `~astro_wgan.WGAN`
        The fitted model.
    generator, critic, encoder : `keras.Model`
        Networks of the same configuration, changed in place. Of the encoder's two outputs the mean
        is known; its spread stays as it is.
    """
    generator.set_weights(start.generator_.get_weights())
    critic.set_weights(start.critic_.get_weights())
    if encoder is not None:
        encoder_of_means(encoder).set_weights(start.encoder_.get_weights())


def describe_start(start):
    """What tells a model to begin with from others, for a `~astro_wgan.jobs.Fingerprint`."""
    return describe_networks(
        generator=start.generator_, critic=start.critic_, encoder=start.encoder_
    )
