"""Indices of stamps, against NumPy's own."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from astro_wgan.validation.indices import normalize_index, stamp_index

N = 7


@pytest.mark.parametrize(
    'rows',
    [
        3,
        -1,
        np.int64(2),
        slice(None),
        slice(5, 1, -2),
        [0, -1, 3],
        np.array([2, 2], dtype=np.uint8),
        np.arange(N) % 2 == 0,
        np.zeros(N, dtype=bool),
        [],
    ],
    ids=str,
)
def test_rows_are_those_of_numpy(rows):
    expected = np.atleast_1d(np.arange(N)[np.int64([]) if np.size(rows) == 0 else rows])
    assert_array_equal(normalize_index(rows, N), expected)
    assert_array_equal(np.arange(N)[stamp_index(rows, N)], expected)


def test_masked_booleans_are_false():
    rows = np.ma.array([True] * N, mask=np.arange(N) < 5)
    assert normalize_index(rows, N).tolist() == [5, 6]


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (N, 'Stamp 7 does not exist: there are 7'),
        (-N - 1, 'Stamp -8 does not exist'),
        ([0, -8], 'Stamp -8 does not exist'),
        ([0.5], 'must be of integers; got dtype float64'),
        ('id', 'one axis'),
        ([[1]], r'one axis; got shape \(1, 1\)'),
        (np.ones(N - 1, dtype=bool), r'must have length 7; got shape \(6,\)'),
        (np.ma.array([1, 2], mask=[True, False]), '1 of the row numbers are masked'),
    ],
)
@pytest.mark.parametrize('function', [normalize_index, stamp_index])
def test_rows_that_are_none(function, rows, message):
    with pytest.raises(IndexError, match=message):
        function(rows, N)
