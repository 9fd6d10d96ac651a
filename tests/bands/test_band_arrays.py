"""Arrays of several bands, of which each band is filled by itself."""

import numpy as np
import pytest

from astro_wgan.bands.band_arrays import BandArrays

SHAPE = (5, 3, 4)


def test_bands_are_filled_without_a_copy():
    arrays = BandArrays(3)
    for band in range(3):
        plane = arrays.of_band(band)('pixels', SHAPE, np.float32)
        plane[:] = band
        assert arrays.put(band, 'pixels', plane) is not plane
        assert np.shares_memory(plane, arrays.joined('pixels'))
    whole = arrays.joined('pixels')
    assert whole.shape == (*SHAPE, 3)
    assert (whole == np.arange(3)).all()
    # A band of a stamp is one piece of memory.
    assert whole[2, ..., 1].flags.c_contiguous
    assert arrays.joined('uncertainty') is None


def test_masks_are_false_where_they_are_made_anew():
    arrays = BandArrays(2)
    for _ in range(2):
        mask = arrays.of_band(1)('mask', SHAPE, bool)
        assert not mask.any()
        mask[:] = True
    assert not arrays.joined('mask')[..., 0].any()


@pytest.mark.parametrize('dtypes', [('f4', 'f8'), ('f8', 'f4')])
def test_wider_numbers_of_a_band_are_kept(dtypes):
    rng = np.random.default_rng(1)
    bands = [rng.normal(size=SHAPE).astype(dtype) for dtype in dtypes]
    arrays = BandArrays(2)
    for number, values in enumerate(bands):
        arrays.put(number, 'pixels', values)
    assert arrays.joined('pixels').dtype == np.float64
    for number, values in enumerate(bands):
        assert np.array_equal(arrays.joined('pixels')[..., number], values)


def test_values_are_changed_in_place():
    arrays, values = BandArrays(2), np.arange(60.0).reshape(SHAPE)
    plane = arrays.put(1, 'pixels', values)
    arrays.put(1, 'pixels', plane, lambda part: 1000 * part)
    assert np.array_equal(arrays.joined('pixels')[..., 1], 1000 * values)
    assert values.max() == 59
