"""A training that begins with the weights of another model."""

from astro_wgan.jobs import describe_networks
from astro_wgan.wgan.networks import encoder_of_means

__all__ = ['check_initial_model', 'describe_initial_model', 'copy_weights']


def check_initial_model(initial_model, network, training):
    """
    Refuse a model whose weights do not fit.

    Parameters
    ----------
    initial_model : `~astro_wgan.WGAN`
        What the training is to begin with.
    network, training : `~astro_wgan.wgan.NetworkConfig`, `~astro_wgan.wgan.TrainingConfig`
        Of the model that is to be trained.

    Raises
    ------
    ValueError
        If it is not fitted, has other networks, or lacks an encoder that the training needs.
    """
    if not initial_model.is_fitted:
        raise ValueError('`initial_model` must be a fitted model; got one that is not.')
    if initial_model.network != network:
        raise ValueError(
            f'`initial_model` must have the same network, {network}; got {initial_model.network}.'
        )
    if training.reconstruction_weight and initial_model.encoder_ is None:
        raise ValueError(
            '`initial_model` must have an encoder if `reconstruction_weight` of the training is '
            'above 0; it has none.'
        )


def copy_weights(initial_model, *, generator, critic, encoder=None):
    """
    Give networks the weights of a fitted model.

    Parameters
    ----------
    initial_model : `~astro_wgan.WGAN`
        The fitted model.
    generator, critic, encoder : `keras.Model`
        Networks of the same configuration, changed in place. Of the encoder's two outputs the mean
        is known; its spread stays as it is.
    """
    generator.set_weights(initial_model.generator_.get_weights())
    critic.set_weights(initial_model.critic_.get_weights())
    if encoder is not None:
        encoder_of_means(encoder).set_weights(initial_model.encoder_.get_weights())


def describe_initial_model(initial_model):
    """What tells a model to begin with from others, for a `~astro_wgan.jobs.Fingerprint`."""
    return describe_networks(
        generator=initial_model.generator_,
        critic=initial_model.critic_,
        encoder=initial_model.encoder_,
    )
