"""Networks that compute in another way than their layers would: faster, or in half precision."""

import keras

from astro_wgan.wgan.compute.layers import fast_class

__all__ = ['with_compute_dtype']

#: Layers whose output is added up or compared: always in float32.
_OUTPUTS = ('image', 'value', 'latent', 'log_sigma')


def with_compute_dtype(network, precision):
    """
    A network's function, for training and search: the way that costs least.

    On a processor some of its layers are those of `astro_wgan.wgan.compute.layers`; all compute in
    the given floating-point type.

    Parameters
    ----------
    network : `keras.Model`
        In float32, as made by `build_generator`, `build_critic` or `build_encoder`.
    precision : {'float32', 'mixed_bfloat16', 'mixed_float16'}
        What its layers compute in, but for the last one, whose output is float32. The weights stay
        those of the network, in float32.

    Returns
    -------
    callable
        From inputs to outputs of the network, as in training; gradients reach its weights.
    """

    def twin_of(layer):
        policy = {'dtype': 'float32' if layer.name in _OUTPUTS else precision}
        return fast_class(layer, precision).from_config({**layer.get_config(), **policy})

    # Only its layers are used: it computes with the weights of the network.
    twin = keras.models.clone_model(network, clone_function=twin_of)

    def compute(inputs):
        weights = network.trainable_variables, network.non_trainable_variables
        return twin.stateless_call(*weights, inputs, training=True)[0]

    return compute
