from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from astro_wgan import StampSet, Stretch
from astro_wgan.wgan.data_stream import reorient, shift_images, stream_images


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize('bands', [1, 3])
def test_images_have_the_eight_orientations_of_the_square(compiled, bands):
    images = np.random.default_rng(1).normal(size=(2, 6, 6, bands)).astype(np.float32)
    oriented = tf.function(
        lambda orientation: reorient(images, orientation, compiled=compiled),
        jit_compile=compiled,
    )
    found = [oriented(tf.constant(k)).numpy() for k in range(8)]
    quarters = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    expected = quarters + [x[:, ::-1] for x in quarters]
    assert {x.tobytes() for x in found} == {
        x.tobytes() for x in map(np.ascontiguousarray, expected)
    }
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[3], images.transpose(0, 2, 1, 3)[:, ::-1])
    np.testing.assert_array_equal(found[4], images[:, :, ::-1])


def test_shifted_images_are_reflected_at_their_edges():
    images = np.random.default_rng(1).normal(size=(4, 6, 8, 2)).astype(np.float32)
    shifts = [[0, 0], [2, -1], [-3, 0], [1, 3]]
    found = shift_images(images, shifts)
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode='symmetric')
    for k, (dy, dx) in enumerate(shifts):
        expected = padded[k, 3 - dy : 9 - dy, 3 - dx : 11 - dx]
        np.testing.assert_array_equal(found[k], expected)


def test_each_image_of_a_training_is_shifted_by_itself():
    pixels = np.zeros((40, 17, 17))
    pixels[:, 8, 8] = 100
    stamps, options = StampSet(pixels), {'seed': 3, 'max_shift': 2}
    stretch = Stretch('linear', sky=0, noise_rms=1, peak=100)
    images = stream_images(stamps, stretch, 32, start=0, **options)
    first, second = next(images), next(images)
    places = np.argwhere(np.concatenate([first, second])[..., 0] == 1)[:, 1:] - 8
    assert len(places) == 64
    assert {tuple(place) for place in places} <= set(product(range(-2, 3), repeat=2))
    assert len({tuple(place) for place in places}) > 15
    # A resumed training continues with the same.
    np.testing.assert_array_equal(
        next(stream_images(stamps, stretch, 32, start=1, **options)), second
    )
