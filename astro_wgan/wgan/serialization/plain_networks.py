"""Networks of standard layers, built from their description in a file without executing code."""

import json
import warnings
from math import isfinite, prod

import keras
from keras import layers

from astro_wgan.exceptions import NetworkFileError, PlainNetworkError

__all__ = ['build_plain', 'check_plain']

_DTYPE = 'float32'

#: Largest number of layers, and of values per image in the output of a layer.
_MAX_LAYERS, _MAX_VALUES = 1000, 10**8

_ACTIVATIONS = (
    *('celu', 'elu', 'exponential', 'gelu', 'hard_sigmoid', 'hard_silu', 'hard_swish'),
    *('leaky_relu', 'linear', 'log_sigmoid', 'mish', 'relu', 'relu6', 'selu', 'sigmoid', 'silu'),
    *('softmax', 'softplus', 'softsign', 'swish', 'tanh'),
)

_SPATIAL = ('strides', 'padding', 'data_format', 'dilation_rate')
_CONVOLUTION = ('kernel_size', 'activation', 'use_bias', 'groups', *_SPATIAL)
_POOLING = ('pool_size', 'strides', 'padding', 'data_format')

#: Allowed layers and their settings. They only compute.
_ALLOWED = {
    layers.Activation: ('activation',),
    layers.Add: (),
    layers.AlphaDropout: ('rate', 'seed', 'noise_shape'),
    layers.Average: (),
    layers.AveragePooling2D: _POOLING,
    layers.BatchNormalization: ('axis', 'momentum', 'epsilon', 'center', 'scale', 'synchronized'),
    layers.Concatenate: ('axis',),
    layers.Conv2D: ('filters', *_CONVOLUTION),
    layers.Conv2DTranspose: ('filters', 'output_padding', *_CONVOLUTION),
    layers.Cropping2D: ('cropping', 'data_format'),
    layers.Dense: ('units', 'activation', 'use_bias'),
    layers.DepthwiseConv2D: ('depth_multiplier', *_CONVOLUTION),
    layers.Dropout: ('rate', 'seed', 'noise_shape'),
    layers.ELU: ('alpha',),
    layers.Flatten: ('data_format',),
    layers.GaussianDropout: ('rate', 'seed'),
    layers.GaussianNoise: ('stddev', 'seed'),
    layers.GlobalAveragePooling2D: ('data_format', 'keepdims'),
    layers.GlobalMaxPooling2D: ('data_format', 'keepdims'),
    layers.GroupNormalization: ('groups', 'axis', 'epsilon', 'center', 'scale'),
    layers.Identity: (),
    layers.LayerNormalization: ('axis', 'epsilon', 'center', 'scale', 'rms_scaling'),
    layers.LeakyReLU: ('negative_slope',),
    layers.MaxPooling2D: _POOLING,
    layers.Maximum: (),
    layers.Minimum: (),
    layers.Multiply: (),
    layers.PReLU: ('shared_axes',),
    layers.Permute: ('dims',),
    layers.ReLU: ('max_value', 'negative_slope', 'threshold'),
    layers.Rescaling: ('scale', 'offset'),
    layers.Reshape: ('target_shape',),
    layers.SeparableConv2D: ('filters', 'depth_multiplier', *_CONVOLUTION),
    layers.Softmax: ('axis',),
    layers.SpatialDropout2D: ('rate', 'seed', 'data_format'),
    layers.Subtract: (),
    layers.UnitNormalization: ('axis',),
    layers.UpSampling2D: ('size', 'data_format', 'interpolation'),
    layers.ZeroPadding2D: ('padding', 'data_format'),
}
_CLASSES = {kind.__name__: kind for kind in _ALLOWED}

_NORMALIZATIONS = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.LayerNormalization,
)

#: Settings that matter only in training, or are the same for all of these layers.
_IGNORED = ('name', 'trainable', 'dtype', 'renorm_momentum')
_IGNORED_ENDINGS = ('_initializer', '_regularizer', '_constraint')


def check_plain(network):
    """
    Raise an error for a network that cannot be built from its description alone.

    Parameters
    ----------
    network : `keras.Model`

    Raises
    ------
    PlainNetworkError
        If it has other than standard layers, nested layers, or another precision.
    """
    if type(network) not in (keras.Model, keras.Sequential) and not _is_functional(network):
        raise PlainNetworkError(f'it is a {type(network).__name__}')
    with warnings.catch_warnings():
        # Warnings about functions, which are refused.
        warnings.simplefilter('ignore', UserWarning)
        description = json.loads(network.to_json())
    build_plain(description, check_room=lambda count: None)


def build_plain(description, *, check_room):
    """
    A network from its description by Keras.

    Parameters
    ----------
    description : dict
        Plain values, from an untrusted file.
    check_room : callable
        Called with the number of weights up to each layer before they are created; raises an error
        if there are too many.

    Returns
    -------
    `keras.Model`
        With arbitrary weights; those of the file have to be loaded. Settings that matter only in
        training, such as initializers and regularizers, are ignored.

    Raises
    ------
    PlainNetworkError
        If a layer is not allowed, or one of its settings is out of range.

    Notes
    -----
    Names in the description are looked up in a list of layers that only compute; no module is
    imported and no function is created.
    """
    try:
        kind, config = description['class_name'], description['config']
        name, listed = _name(config['name']), config['layers']
        if not isinstance(listed, list) or len(listed) > _MAX_LAYERS:
            raise PlainNetworkError(f'it has more than {_MAX_LAYERS} layers')
        stack = _LayerStack(check_room)
        if kind == 'Sequential':
            return _sequential(name, config, stack)
        if kind not in ('Functional', 'Model'):
            raise PlainNetworkError(f'it is a {kind!s:.40}')
        return _functional(name, config, stack)
    except NetworkFileError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise PlainNetworkError(f'its description is damaged ({error!s:.200})') from error


class _LayerStack:
    """Applies layers one after the other while the number of weights is within the limit."""

    def __init__(self, check_room):
        self._check_room = check_room
        self._weights = 0

    def apply(self, layer, inputs, settings):
        """Output of a layer for inputs, for which its weights are created."""
        shape = tuple(inputs[0].shape if isinstance(inputs, list) else inputs.shape)
        self._weights += _count_weights(layer, settings, shape)
        self._check_room(self._weights)
        output = layer(inputs)
        if prod(edge or 1 for edge in output.shape) > _MAX_VALUES:
            raise PlainNetworkError(
                f'the output of its layer {layer.name} has {output.shape[1:]} values per image; at '
                f'most {_MAX_VALUES} are allowed'
            )
        return output


def _sequential(name, config, stack):
    listed = config['layers']
    if listed and listed[0].get('class_name') == 'InputLayer':
        given = _input(listed[0])
        listed = listed[1:]
    elif 'build_input_shape' in config:
        given = keras.Input(_shape(config['build_input_shape']))
    else:
        raise PlainNetworkError('it has not been built for a size of images')
    output = given
    for entry in listed:
        layer, settings = _layer(entry)
        output = stack.apply(layer, output, settings)
    return keras.Model(given, output, name=name)


def _functional(name, config, stack):
    outputs, waiting = {}, []
    for entry in config['layers']:
        if entry['class_name'] == 'InputLayer':
            outputs[_name(entry['name']), 0] = _input(entry)
        else:
            calls = entry['inbound_nodes']
            if len(calls) != 1:
                raise PlainNetworkError(
                    f'its layer {entry["name"]!s:.40} is used {len(calls)} times'
                )
            waiting.append((entry, _inputs(calls[0])))
    while waiting:
        later = []
        for entry, wanted in waiting:
            keys = wanted if isinstance(wanted, list) else [wanted]
            if all(key in outputs for key in keys):
                layer, settings = _layer(entry)
                found = [outputs[key] for key in keys]
                given = found if isinstance(wanted, list) else found[0]
                outputs[layer.name, 0] = stack.apply(layer, given, settings)
            else:
                later.append((entry, wanted))
        if len(later) == len(waiting):
            raise PlainNetworkError('its layers have inputs that do not exist')
        waiting = later
    ends = (
        [outputs[key] for key in _ends(config[end])] for end in ('input_layers', 'output_layers')
    )
    given, made = (end if len(end) > 1 else end[0] for end in ends)
    return keras.Model(given, made, name=name)


def _inputs(call):
    """The outputs that are inputs of a layer: one, or a list of them."""
    arguments, options = call['args'], call.get('kwargs') or {}
    if len(arguments) != 1 or any(value not in (None, False) for value in options.values()):
        raise PlainNetworkError('one of its layers is called with options')
    if isinstance(arguments[0], list):
        return [_history(tensor) for tensor in arguments[0]]
    return _history(arguments[0])


def _history(tensor):
    if tensor['class_name'] != '__keras_tensor__':
        raise PlainNetworkError('it computes with constants')
    return _end(tensor['config']['keras_history'])


def _ends(listed):
    return [_end(end) for end in listed] if isinstance(listed[0], list) else [_end(listed)]


def _end(end):
    name, node, number = end
    if node != 0 or number != 0:
        raise PlainNetworkError(f'its layer {name!s:.40} is used more than once')
    return _name(name), 0


def _input(entry):
    config = entry['config']
    _check_precision(config)
    if config.get('sparse') or config.get('ragged') or config.get('optional'):
        raise PlainNetworkError('one of its inputs is sparse, ragged or optional')
    shape = _shape(config['batch_shape'])
    return keras.Input(shape, name=_name(config['name']))


def _shape(shape):
    """The shape of one image."""
    edges = shape[1:] if shape[0] is None else shape
    if not all(type(edge) is int and edge > 0 for edge in edges):
        raise PlainNetworkError(f'one of its inputs has the shape {shape!s:.60}')
    if prod(shape[1:]) > _MAX_VALUES:
        raise PlainNetworkError(
            f'one of its inputs has the shape {shape}; at most {_MAX_VALUES} values are allowed'
        )
    return tuple(shape[1:])


def _layer(entry):
    """A layer and its settings, from their description."""
    kind = _CLASSES.get(entry['class_name'])
    # A registered name marks a custom layer, even if its class has the name of one of Keras.
    if kind is None or entry.get('registered_name') is not None:
        called = entry.get('registered_name') or entry['class_name']
        raise PlainNetworkError(f'its layer {called!s:.60} is not one of the standard layers')
    config = entry['config']
    _check_precision(config)
    settings = {}
    for name, value in config.items():
        if name in _ALLOWED[kind]:
            settings[name] = _setting(name, value)
        elif value not in (None, False) and not _is_ignored(name):
            raise PlainNetworkError(
                f'its layer {kind.__name__} has the setting {name!s:.40}, which is not supported'
            )
    # The weights are loaded later, so random ones are not needed.
    initializers = {
        name: 'zeros'
        for name in ('kernel_initializer', 'depthwise_initializer', 'pointwise_initializer')
        if name in config
    }
    return kind(**settings, **initializers, name=_name(config['name'])), settings


def _is_ignored(name):
    return name in _IGNORED or name.endswith(_IGNORED_ENDINGS)


def _setting(name, value):
    if name == 'activation':
        if value not in _ACTIVATIONS:
            raise PlainNetworkError(f'its activation {value!s:.60} is not one of the standard ones')
        return value
    values = value if isinstance(value, list) else [value]
    if not _is_plain(value) or any(abs(x) > _MAX_VALUES for x in _numbers(values)):
        raise PlainNetworkError(f'its setting {name} is {value!s:.60}')
    return value


def _is_plain(value, depth=2):
    if isinstance(value, list):
        return depth > 0 and len(value) <= 10 and all(_is_plain(x, depth - 1) for x in value)
    if isinstance(value, float):
        return isfinite(value)
    return (
        value is None
        or isinstance(value, (bool, int))
        or (isinstance(value, str) and len(value) < 40)
    )


def _numbers(values):
    for value in values:
        if isinstance(value, list):
            yield from _numbers(value)
        elif isinstance(value, (int, float)):
            yield value


def _name(name):
    if not isinstance(name, str) or not 0 < len(name) <= 100 or '/' in name:
        raise PlainNetworkError(f'the name of one of its layers is {name!s:.60}')
    return name


def _check_precision(config):
    policy = config.get('dtype', _DTYPE)
    if isinstance(policy, dict):
        policy = policy['config']['name']
    if policy not in (_DTYPE, None):
        raise PlainNetworkError(f'it computes in {policy!s:.40}, not in {_DTYPE}')


def _count_weights(layer, settings, shape):
    """Number of weights that a layer has for inputs of a shape."""
    channels = shape[1] if settings.get('data_format') == 'channels_first' else shape[-1]
    made = settings.get('filters', settings.get('units', 0))
    if isinstance(layer, layers.Dense):
        return (shape[-1] + 1) * made
    if 'kernel_size' in settings:
        pixels = prod(layer.kernel_size)
        multiplied = settings.get('depth_multiplier', 1)
        if isinstance(layer, layers.SeparableConv2D):
            return channels * multiplied * (pixels + made) + made
        if isinstance(layer, layers.DepthwiseConv2D):
            return channels * multiplied * (pixels + 1)
        return pixels * channels * made // settings.get('groups', 1) + made
    if isinstance(layer, layers.PReLU):
        return prod(shape[1:])
    if isinstance(layer, _NORMALIZATIONS):
        axes = settings.get('axis', -1)
        axes = axes if isinstance(axes, list) else [axes]
        kinds = settings.get('center', True) + settings.get('scale', True)
        kinds += 2 * isinstance(layer, layers.BatchNormalization)
        return kinds * prod(shape[axis] for axis in axes)
    return 0


def _is_functional(network):
    return type(network).__name__ == 'Functional' and type(network).__module__.startswith('keras.')
