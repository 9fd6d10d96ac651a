"""Networks computed with faster layers or in half precision, with the same weights."""

import keras

from astro_wgan.wgan.compute.layers import fast_layer_class

__all__ = ['with_compute_dtype']

#: Last layers, which always compute in float32.
_LAST_LAYERS = ('image', 'value', 'latent', 'log_sigma')


def with_compute_dtype(network, precision):
    """
    The function of a network, computed in a given precision, for training and search.

    On a CPU some layers are replaced by the faster ones of `astro_wgan.wgan.compute.layers`.

    Parameters
    ----------
    network : `keras.Model`
        In float32, as made by `build_generator`, `build_critic` or `build_encoder`.
    precision : {'float32', 'mixed_bfloat16', 'mixed_float16'}
        Precision of all layers but the last one, whose output is float32. The weights are those of
        the network, in float32.

    Returns
    -------
    callable
        From inputs to outputs of the network, as in training; differentiable in its weights.
    """

    def replacement(layer):
        policy = {'dtype': 'float32' if layer.name in _LAST_LAYERS else precision}
        return fast_layer_class(layer, precision).from_config({**layer.get_config(), **policy})

    # Only the layers of the clone are used, with the weights of the network.
    clone = keras.models.clone_model(network, clone_function=replacement)

    def compute(inputs):
        weights = network.trainable_variables, network.non_trainable_variables
        return clone.stateless_call(*weights, inputs, training=True)[0]

    return compute
