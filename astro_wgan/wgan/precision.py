"""Networks that compute in half the precision of their weights."""

import keras

__all__ = ['computed_in']

#: Layers whose output is added up or compared: always in float32.
_OUTPUTS = ('image', 'value', 'latent', 'log_spread')


def computed_in(network, precision):
    """
    A network's function with other floating-point types inside its layers.

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
    if precision == 'float32':
        return lambda inputs: network(inputs, training=True)

    def in_precision(layer):
        kept = layer.name in _OUTPUTS
        policy = {'dtype': 'float32' if kept else precision}
        return layer.__class__.from_config({**layer.get_config(), **policy})

    # Only its layers are used: it computes with the weights of the network.
    twin = keras.models.clone_model(network, clone_function=in_precision)

    def compute(inputs):
        weights = network.trainable_variables, network.non_trainable_variables
        return twin.stateless_call(*weights, inputs, training=True)[0]

    return compute
