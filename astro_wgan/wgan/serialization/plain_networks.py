"""Networks of plain layers, built from their description as it stands in a file."""

import json
import warnings
from math import isfinite, prod

import keras
from keras import layers

from astro_wgan.exceptions import NetworkFileError, PlainNetworkError

__all__ = ['build_plain', 'check_plain']

_DTYPE = 'float32'

#: More layers, and more numbers between two of them for an image, are not taken for meant.
_MOST_LAYERS, _MOST_VALUES = 1000, 10**8

_ACTIVATIONS = (
    *('celu', 'elu', 'exponential', 'gelu', 'hard_sigmoid', 'hard_silu', 'hard_swish'),
    *('leaky_relu', 'linear', 'log_sigmoid', 'mish', 'relu', 'relu6', 'selu', 'sigmoid', 'silu'),
    *('softmax', 'softplus', 'softsign', 'swish', 'tanh'),
)

_SPATIAL = ('strides', 'padding', 'data_format', 'dilation_rate')
_CONVOLUTION = ('kernel_size', 'activation', 'use_bias', 'groups', *_SPATIAL)
_POOLING = ('pool_size', 'strides', 'padding', 'data_format')

#: Layers that are built, and which of their settings. They compute, and do nothing else.
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

#: What matters while a network is trained only, or is the same for all of these layers.
_LEFT_OUT = ('name', 'trainable', 'dtype', 'renorm_momentum')
_LEFT_OUT_ENDINGS = ('_initializer', '_regularizer', '_constraint')


def check_plain(network):
    """
    Refuse a network that could not be built from its description alone.

    Parameters
    ----------
    network : `keras.Model`

    Raises
    ------
    PlainNetworkError
        If it has other layers than plain ones, layers within layers, or another precision.
    """
    if type(network) not in (keras.Model, keras.Sequential) and not _is_functional(network):
        raise PlainNetworkError(f'it is a {type(network).__name__}')
    with warnings.catch_warnings():
        # Of functions in it, which are refused.
        warnings.simplefilter('ignore', UserWarning)
        description = json.loads(network.to_json())
    build_plain(description, check_room=lambda count: None)


def build_plain(description, *, check_room):
    """
    A network from the description that Keras writes of it.

    Parameters
    ----------
    description : dict
        Plain values, from anyone.
    check_room : callable
        Told how many weights there are up to each layer, before it has them; it raises if these
        are too many.

    Returns
    -------
    `keras.Model`
        With weights of no meaning: those of the file are still to be taken. What matters to a
        training only, such as initializers and regularizers, is not kept.

    Raises
    ------
    PlainNetworkError
        If a layer is not one of those that are allowed, or a setting of it is out of range.

    Notes
    -----
    Names in the description are looked up in a list of layers that compute and do nothing else; no
    module is imported, and no function is made.
    """
    try:
        kind, config = description['class_name'], description['config']
        name, listed = _name(config['name']), config['layers']
        if not isinstance(listed, list) or len(listed) > _MOST_LAYERS:
            raise PlainNetworkError(f'it has more than {_MOST_LAYERS} layers')
        growing = _Growing(check_room)
        if kind == 'Sequential':
            return _sequential(name, config, growing)
        if kind not in ('Functional', 'Model'):
            raise PlainNetworkError(f'it is a {kind!s:.40}')
        return _functional(name, config, growing)
    except NetworkFileError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise PlainNetworkError(f'its description is damaged ({error!s:.200})') from error


class _Growing:
    """Layers that are put one behind the other, while there is room for their weights."""

    def __init__(self, check_room):
        self._check_room = check_room
        self._weights = 0

    def put(self, layer, inputs, settings):
        """What a layer makes of inputs, which it has weights for from now on."""
        shape = tuple(inputs[0].shape if isinstance(inputs, list) else inputs.shape)
        self._weights += _count_weights(layer, settings, shape)
        self._check_room(self._weights)
        output = layer(inputs)
        if prod(edge or 1 for edge in output.shape) > _MOST_VALUES:
            raise PlainNetworkError(
                f'its layer {layer.name} makes {output.shape[1:]} values of an image; at most '
                f'{_MOST_VALUES} are allowed'
            )
        return output


def _sequential(name, config, growing):
    listed = config['layers']
    if listed and listed[0].get('class_name') == 'InputLayer':
        given = _input(listed[0])
        listed = listed[1:]
    elif 'build_input_shape' in config:
        given = keras.Input(_shape(config['build_input_shape']))
    else:
        raise PlainNetworkError('it has not been built for images of any size')
    output = given
    for entry in listed:
        layer, settings = _layer(entry)
        output = growing.put(layer, output, settings)
    return keras.Model(given, output, name=name)


def _functional(name, config, growing):
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
                outputs[layer.name, 0] = growing.put(layer, given, settings)
            else:
                later.append((entry, wanted))
        if len(later) == len(waiting):
            raise PlainNetworkError('its layers have inputs that are not there')
        waiting = later
    ends = (
        [outputs[key] for key in _ends(config[end])] for end in ('input_layers', 'output_layers')
    )
    given, made = (end if len(end) > 1 else end[0] for end in ends)
    return keras.Model(given, made, name=name)


def _inputs(call):
    """Of which outputs a layer is made: one, or a list of them."""
    arguments, options = call['args'], call.get('kwargs') or {}
    if len(arguments) != 1 or any(value not in (None, False) for value in options.values()):
        raise PlainNetworkError('a layer of it is called with options')
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
        raise PlainNetworkError('an input of it is sparse, ragged or optional')
    shape = _shape(config['batch_shape'])
    return keras.Input(shape, name=_name(config['name']))


def _shape(shape):
    """Without the number of images, which is that of the first call where none was given."""
    edges = shape[1:] if shape[0] is None else shape
    if not all(type(edge) is int and edge > 0 for edge in edges):
        raise PlainNetworkError(f'an input of it has the shape {shape!s:.60}')
    if prod(shape[1:]) > _MOST_VALUES:
        raise PlainNetworkError(
            f'an input of it has the shape {shape}; at most {_MOST_VALUES} values are allowed'
        )
    return tuple(shape[1:])


def _layer(entry):
    """A layer and its settings, from their description."""
    kind = _CLASSES.get(entry['class_name'])
    # What calls itself a layer of Keras and is registered under another name is the user's own.
    if kind is None or entry.get('registered_name') is not None:
        called = entry.get('registered_name') or entry['class_name']
        raise PlainNetworkError(f'its layer {called!s:.60} is none of the plain layers')
    config = entry['config']
    _check_precision(config)
    settings = {}
    for name, value in config.items():
        if name in _ALLOWED[kind]:
            settings[name] = _setting(name, value)
        elif value not in (None, False) and not _is_left_out(name):
            raise PlainNetworkError(
                f'its layer {kind.__name__} has the setting {name!s:.40}, which is not kept'
            )
    # The weights come from elsewhere: none are drawn.
    drawn = {
        name: 'zeros'
        for name in ('kernel_initializer', 'depthwise_initializer', 'pointwise_initializer')
        if name in config
    }
    return kind(**settings, **drawn, name=_name(config['name'])), settings


def _is_left_out(name):
    return name in _LEFT_OUT or name.endswith(_LEFT_OUT_ENDINGS)


def _setting(name, value):
    if name == 'activation':
        if value not in _ACTIVATIONS:
            raise PlainNetworkError(f'its activation {value!s:.60} is none of the plain ones')
        return value
    values = value if isinstance(value, list) else [value]
    if not _is_plain(value) or any(abs(x) > _MOST_VALUES for x in _numbers(values)):
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
        raise PlainNetworkError(f'a layer of it is called {name!s:.60}')
    return name


def _check_precision(config):
    policy = config.get('dtype', _DTYPE)
    if isinstance(policy, dict):
        policy = policy['config']['name']
    if policy not in (_DTYPE, None):
        raise PlainNetworkError(f'it computes in {policy!s:.40}, and not in {_DTYPE}')


def _count_weights(layer, settings, shape):
    """How many weights a layer will have for inputs of a shape."""
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
