import numpy as np
import pytest
import tensorflow as tf

from astro_wgan.wgan.data_stream import reorient


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
