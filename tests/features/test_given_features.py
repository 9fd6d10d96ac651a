"""Features that are given: an array, a column, a table or a function of stamps."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable

from astro_wgan import StampSet
from astro_wgan.features.given_features import features_of

STAMPS = StampSet(np.ones((3, 8, 8)), table={'id': ['a', 'b', 'c']})
VALUES = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    'features',
    [
        VALUES,
        VALUES.tolist(),
        QTable({'features': VALUES})['features'],
        QTable({'id': ['a', 'b', 'c'], 'features': VALUES}),
        QTable({'id': [b'a', b'b', b'c'], 'features': VALUES}),
        lambda stamps: VALUES[: len(stamps)],
        lambda stamps: QTable({'id': stamps.ids, 'features': VALUES}),
    ],
    ids=['array', 'list', 'column', 'table', 'ids as bytes', 'function', 'function of a table'],
)
def test_all_that_can_be_given(features):
    found = features_of(features, STAMPS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VALUES)


def test_rows_with_a_value_that_is_missing_are_missing():
    values = VALUES.copy()
    values[0, 1], values[1, 2] = np.inf, 1e39
    column = MaskedColumn(values, mask=np.zeros(values.shape, bool))
    column.mask[2, 3] = True
    assert np.isnan(features_of(column, STAMPS)).all()
    assert np.isnan(features_of(values, STAMPS)).all(axis=1).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ('features', 'error', 'message'),
    [
        (VALUES[:2], ValueError, 'one row for each of the 3 stamps; got 2'),
        (VALUES[:, 0], ValueError, r'must have the shape \(n, d\); got \(3,\)'),
        (VALUES[:, :0], ValueError, r'must have the shape \(n, d\)'),
        (np.full((3, 2), 'text'), TypeError, '`given` must hold numbers'),
        (QTable({'x': VALUES}), ValueError, 'must have the column `features`; it has x'),
        (
            QTable({'id': ['b', 'a', 'c'], 'features': VALUES}),
            ValueError,
            'must have the ids of the stamps, in their order',
        ),
    ],
)
def test_what_cannot_be(features, error, message):
    with pytest.raises(error, match=message):
        features_of(features, STAMPS, name='given')


def test_measurements_have_no_stamps_to_compute_features_of():
    table = QTable({'id': ['a', 'b', 'c']})
    np.testing.assert_array_equal(features_of(VALUES, table), VALUES)
    with pytest.raises(TypeError, match='must be an array or a table, as a table of measurements'):
        features_of(lambda stamps: VALUES, table)
    with pytest.raises(ValueError, match='must have the ids of the stamps'):
        features_of(QTable({'id': ['a', 'b', 'd'], 'features': VALUES}), table)
