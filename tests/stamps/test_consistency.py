"""What is said of stamps of another size, and that it helps."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.stamps import StampSet, concatenate
from astro_wgan.stamps.consistency import size_advice


@pytest.mark.parametrize(
    ('shape', 'words'),
    [
        ((64, 64), []),
        ((96, 96), ['Crop', 'a factor 1.5,']),
        ((101, 101), ['Crop', 'a factor 1.58,']),
        ((64, 96), ['Crop', '1 in y and 1.5 in x']),
        ((128, 128), ['Bin them by 2:', 'crop them by a factor 2,']),
        ((256, 256), ['Bin them by 4:', 'crop']),
        ((128, 192), ['Bin them by 2: `stamps.bin(2).crop(64)`', '2 in y and 3 in x']),
        ((424, 424), ['Bin them by 6: `stamps.bin(6).crop(64)` preserves most of their field']),
        ((32, 32), ['Pad', 'a factor 2:']),
        ((50, 64), ['Pad', '1.28 in y and 1 in x']),
        ((50, 100), ['Crop them along x and pad them along y']),
        ((100, 50), ['Crop them along y and pad them along x']),
    ],
)
@pytest.mark.parametrize('scale', [None, 0.1 * u.arcsec])
def test_what_is_said_can_be_done(shape, words, scale):
    stamps = StampSet(np.ones((2, *shape)), pixel_scale=scale)
    advice = size_advice(stamps, (64, 64))
    assert all(word in advice for word in words)
    assert (advice == '') == (not words)
    for code in advice.split('`')[1::2]:
        assert eval(code, {'stamps': stamps}).shape == (64, 64)


def test_sets_of_other_sizes_say_what_to_do():
    first = StampSet(np.ones((2, 64, 64)))
    second = StampSet(np.ones((2, 96, 96)))
    with pytest.raises(ValueError, match=r'got \(64, 64\) and \(96, 96\). Crop them by a factor 1'):
        concatenate([first, second], renumber=True)


def test_without_a_scale_crop_is_named():
    with pytest.raises(ValueError, match=r'`pixel_scale`: the stamps have neither.*`crop`'):
        StampSet(np.ones((2, 96, 96))).reproject(size=64)
