import copy
import json

import keras
import numpy as np
import pytest
from keras import layers

from astro_wgan.exceptions import NetworkFileError, PlainNetworkError
from astro_wgan.wgan.serialization.network_files import KerasFile, load_weights
from astro_wgan.wgan.serialization.plain_networks import build_plain, check_plain


def chain():
    return keras.Sequential(
        [
            keras.Input((16, 16, 2)),
            layers.Conv2D(4, 3, activation='relu'),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.GaussianDropout(0.1),
            layers.AlphaDropout(0.1),
            layers.Conv2D(4, 3, groups=2),
            layers.BatchNormalization(scale=False),
            layers.Flatten(),
            layers.Dense(7, activation='gelu', kernel_regularizer='l2'),
            layers.Dense(5),
        ]
    )


def late_chain():
    network = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    network.build((None, 16, 16, 2))
    return network


def called_chain():
    """Never told which images there will be, but by the first five of them."""
    network = keras.Sequential(
        [layers.Conv2D(4, 3), layers.Identity(), layers.Flatten(), layers.Dense(3)]
    )
    network(np.zeros((5, 16, 16, 2), dtype=np.float32))
    return network


def branches():
    image = keras.Input((16, 16, 2), name='image')
    one = layers.SeparableConv2D(4, 3, padding='same', depth_multiplier=2)(image)
    other = layers.Conv2D(4, 3, padding='same')(image)
    normal = layers.LayerNormalization(axis=(1, 2, 3))(other)
    x = layers.Concatenate()([layers.Add()([one, other]), layers.PReLU()(one), normal])
    x = layers.GroupNormalization(2)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
    x = layers.ZeroPadding2D(1)(layers.UpSampling2D(2)(x))
    x = layers.LeakyReLU(0.1)(layers.Conv2DTranspose(3, 4, strides=2)(x))
    x = layers.Rescaling(2.0, offset=1.0)(layers.GlobalAveragePooling2D()(x))
    x = layers.Flatten()(layers.Softmax()(layers.Reshape((1, 3))(x)))
    return keras.Model(image, layers.Dense(4)(layers.UnitNormalization()(x)))


def with_weights(network):
    rng = np.random.default_rng(2)
    network.set_weights([rng.uniform(0.1, 1, size=w.shape) for w in network.get_weights()])
    return network


def nothing(count):
    pass


@pytest.mark.parametrize('make', [chain, late_chain, called_chain, branches])
def test_a_network_of_plain_layers_comes_back(make, tmp_path):
    network = with_weights(make())
    check_plain(network)
    network.save(tmp_path / 'network.keras')
    file = KerasFile((tmp_path / 'network.keras').read_bytes())
    counted = []
    again = build_plain(file.description, check_room=counted.append)
    # Not one weight more is made than was asked for before.
    assert counted[-1] == network.count_params()
    load_weights(again, file)
    images = np.random.default_rng(1).normal(size=(3, 16, 16, 2)).astype(np.float32)
    np.testing.assert_array_equal(again(images), network(images))


def of(make):
    image = keras.Input((16, 16, 1))
    return keras.Model(image, make(image))


def twice(image):
    layer = layers.ReLU()
    return layer(layer(image))


class Own(layers.Layer):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (
            lambda: of(layers.Lambda(lambda x: x + 1)),
            'its layer Lambda is not one of the standard layers',
        ),
        (lambda: of(Own()), 'its layer .*Own is not one of the standard layers'),
        (
            lambda: of(layers.Dense(3, activation=lambda x: x)),
            'its activation .* not one of the standard',
        ),
        (lambda: of(lambda x: layers.Flatten()(x) * 2.0), 'called with options|computes with'),
        (
            lambda: of(keras.Sequential([layers.Flatten()])),
            'Sequential is not one of the standard layers',
        ),
        (lambda: of(twice), 'is used 2 times'),
        (lambda: of(layers.ReLU(dtype='float16')), 'computes in float16|layer Cast is not one'),
        (lambda: type('Sub', (keras.Model,), {})(), 'it is a Sub'),
    ],
)
def test_networks_that_do_more_are_refused(make, message):
    with pytest.raises(PlainNetworkError, match=message):
        check_plain(make())


def plain():
    return json.loads(
        keras.Sequential(
            [keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]
        ).to_json()
    )


LOADED = {
    'module': 'keras.layers',
    'class_name': 'TFSMLayer',
    'config': {'name': 'x', 'filepath': '/tmp/model', 'call_endpoint': 'serve'},
    'registered_name': None,
}


def changed(path, value):
    """The description of a plain network, with another value at a place of it."""
    description = plain()
    inner = description['config']
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return description


@pytest.mark.parametrize(
    ('path', 'value', 'message'),
    [
        (('layers', 1), LOADED, 'TFSMLayer is not one of the standard'),
        (('layers', 1, 'class_name'), 'os.system', 'not one of the standard'),
        (('layers', 1, 'class_name'), ['Dense'], 'damaged'),
        (
            ('layers', 1, 'registered_name'),
            'package>Conv2D',
            'package>Conv2D is not one of the standard',
        ),
        (
            ('layers', 1, 'config', 'activation'),
            {'module': 'os', 'class_name': 'function'},
            'not one',
        ),
        (('layers', 1, 'config', 'filters'), 10**12, 'its setting filters is'),
        (('layers', 1, 'config', 'filters'), float('nan'), 'its setting filters is nan'),
        (('layers', 1, 'config', 'filters'), -2, 'damaged'),
        (('layers', 1, 'config', 'other'), 3, 'the setting other, which is not supported'),
        (('layers', 1, 'config', 'dtype'), 'float64', 'computes in float64'),
        (('layers', 1, 'config', 'name'), '../x', 'the name of one of its layers is'),
        (('layers', 1, 'config', 'name'), 5, 'the name of one of its layers is'),
        (('layers', 0, 'config', 'batch_shape'), [None, 10**6, 10**6, 1], '100000000 values'),
        (('layers', 0, 'config', 'batch_shape'), [0, 8, 8, 1], 'one of its inputs has the shape'),
        (('layers',), [plain()['config']['layers'][1]] * 1001, 'more than 1000 layers'),
        (('layers',), {}, 'more than 1000 layers'),
        (('layers',), [None], 'damaged'),
    ],
)
def test_descriptions_of_something_else_are_refused(path, value, message):
    with pytest.raises(PlainNetworkError, match=message):
        build_plain(changed(path, value), check_room=nothing)


def test_layers_that_wait_for_each_other_are_refused():
    description = json.loads(
        of(lambda x: layers.ReLU(name='b')(layers.ReLU(name='a')(x))).to_json()
    )
    listed = description['config']['layers']
    listed[1]['inbound_nodes'] = copy.deepcopy(listed[2]['inbound_nodes'])
    listed[1]['inbound_nodes'][0]['args'][0]['config']['keras_history'][0] = 'b'
    with pytest.raises(PlainNetworkError, match='inputs that do not exist'):
        build_plain(description, check_room=nothing)


def test_values_of_an_image_are_limited():
    description = changed(('layers', 1, 'config', 'filters'), 10**7)
    with pytest.raises(PlainNetworkError, match=r'has \(6, 6, 10000000\) values per image'):
        build_plain(description, check_room=nothing)


def test_a_network_is_not_built_where_its_file_has_no_room(tmp_path):
    small = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    small.save(tmp_path / 'small.keras')
    file = KerasFile((tmp_path / 'small.keras').read_bytes())
    description = file.description
    description['config']['layers'][2]['config']['units'] = 10**7
    with pytest.raises(NetworkFileError, match='a network of 650000000 weights is described, but'):
        build_plain(description, check_room=file.check_room)
