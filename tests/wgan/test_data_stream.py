from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from astro_wgan import StampSet, Stretch
from astro_wgan.wgan.data_stream import measure_center, reorient, shift_images, stream_images


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


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize('center', [(8.0, 8.0), (7.0, 8.0)])
def test_sources_beside_the_middle_stay_where_they_are(compiled, center):
    images = np.zeros((2, 16, 16, 1), np.float32)
    images[:, int(center[0]), int(center[1])] = 2
    images[0, int(center[0]) + 3, int(center[1]) + 1] = 1
    options = {'center': center, 'compiled': compiled}
    found = [reorient(tf.constant(images), tf.constant(k), **options).numpy() for k in range(8)]
    places = {tuple(np.argwhere(view[0, ..., 0] == 1)[0] - center) for view in found}
    assert places == {*product((3, -3), (1, -1)), *product((1, -1), (3, -3))}
    for view in found:
        assert (view[:, int(center[0]), int(center[1])] == 2).all()


@pytest.mark.parametrize('bands', [None, 2])
def test_masks_on_one_side_do_not_move_the_center(bands):
    y, x = np.mgrid[:16, :16] - 7.5
    rng = np.random.default_rng(1)
    pixels = 100 * np.exp(-np.hypot(y, x) / 2) + rng.normal(size=(100, 16, 16))
    mask = np.zeros(pixels.shape, bool)
    mask[:60, :, :8] = True
    if bands:
        pixels, mask = (np.stack([each] * bands, axis=-1) for each in (pixels, mask))
        mask[:90, ..., 1] = True
    stamps = StampSet(pixels, mask=mask)
    assert measure_center(stamps, Stretch().fit(stamps), seed=1) == (7.5, 7.5)


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


@pytest.fixture(scope='module')
def colored():
    """Sources of one color in three bands, of which the last is missing in every second one."""
    rng = np.random.default_rng(1)
    y, x = np.indices((16, 16)) - 7.5
    source = np.exp(-(x**2 + y**2) / 8)[..., np.newaxis] * np.array([10, 20, 40])
    pixels = source * rng.uniform(1, 2, size=(40, 1, 1, 1)) + rng.normal(0, 0.1, (40, 16, 16, 3))
    mask = np.zeros(pixels.shape, bool)
    mask[::2, ..., 2] = True
    return StampSet(pixels, mask=mask)


def test_a_missing_band_is_what_the_others_suggest(colored):
    stretch = Stretch('linear', sky=0, noise_rms=0.1, peak=40)
    images = next(stream_images(colored, stretch, 40, seed=1, start=0))
    order = next(colored.batches(40, shuffle=True, seed=(1, 0)))
    true = stretch.transform(StampSet(order.pixels))
    missing = order.mask.any(axis=(1, 2))
    assert missing.sum() == 20
    np.testing.assert_array_equal(images[~order.mask], true[~order.mask])
    found, expected = images[missing[:, 2], ..., 2], true[missing[:, 2], ..., 2]
    np.testing.assert_allclose(found, expected, atol=0.03)
    # Not the sky, which the stretch puts there.
    assert stretch.transform(order)[missing[:, 2], ..., 2].max() == 0
