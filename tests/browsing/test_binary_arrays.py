import json

import numpy as np
import pytest

from astro_wgan.browsing.binary_arrays import pack_arrays
from tests.browsing.example_results import arrays_of


@pytest.mark.parametrize('dtype', ['uint8', 'uint32', 'float32', 'float64', '>f8', '>u4'])
@pytest.mark.parametrize('n', [0, 1, 3, 8])
def test_arrays_are_read_again(dtype, n):
    values = np.arange(n).astype(dtype)
    header, arrays = arrays_of(pack_arrays({'a': values, 'b': values[::-1]}, total=n))
    assert header == {'total': n}
    np.testing.assert_array_equal(arrays['a'], values)
    np.testing.assert_array_equal(arrays['b'], values[::-1])


def test_texts_are_read_again():
    texts = ['a', None, '<script>', 'ä€😀', '']
    packed = pack_arrays({'id': texts, 'x': np.ones(1, np.float32)}, method='é')
    header, arrays = arrays_of(packed)
    assert (header, arrays['id'], arrays['x'].tolist()) == ({'method': 'é'}, texts, [1])


def test_headers_of_any_length_leave_arrays_aligned():
    for length in range(17):
        packed = pack_arrays({'a': np.array([7.5])}, text='x' * length)
        assert arrays_of(packed)[1]['a'].tolist() == [7.5]  # checks the alignment, too
        assert json.loads(packed[4 : 4 + int.from_bytes(packed[:4], 'little')])


@pytest.mark.parametrize('dtype', ['int64', 'complex64', 'bool', 'U3', object])
def test_arrays_that_a_page_cannot_view_are_refused(dtype):
    with pytest.raises(TypeError, match="The array 'a' must be one of"):
        pack_arrays({'a': np.zeros(2).astype(dtype)})
