import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from astro_wgan.jobs import digest, digests
from astro_wgan.jobs.digests import digest_columns

VALUES = np.array([[0.5, -2.0, np.nan], [3.25, np.inf, 0.0]])


def other_nan(dtype, bits):
    """A NaN with other bits than NumPy's."""
    values = VALUES.astype(dtype)
    unsigned = values.view(f'u{values.itemsize}')
    unsigned[np.isnan(values)] = bits
    assert np.isnan(values[0, 2])
    return values


@pytest.mark.parametrize(
    'same',
    [
        VALUES.astype('>f8'),
        VALUES.astype('<f4'),
        VALUES.astype('>f4'),
        VALUES.astype(np.float16),
        VALUES.astype(np.longdouble),
        np.asfortranarray(VALUES),
        np.repeat(VALUES, 2, axis=0)[::2],
        np.where(VALUES == 0, -0.0, VALUES),
        other_nan(np.float32, 0xFFC12345),
        other_nan(np.float64, 0x7FF8000000000001),
        VALUES.tolist(),
        np.ma.masked_array(VALUES, mask=False),
        Masked(VALUES),
    ],
    ids=lambda value: type(value).__name__,
)
def test_same_values_in_another_form(same):
    assert digest(same) == digest(VALUES)


@pytest.mark.parametrize(
    'other',
    [
        VALUES.T,
        VALUES.ravel(),
        VALUES[::-1],
        np.nan_to_num(VALUES),
        np.where(VALUES == 3.25, np.nextafter(3.25, 4), VALUES),
        np.where(np.isinf(VALUES), -np.inf, VALUES),
        np.ma.masked_equal(VALUES, 0.5),
    ],
)
def test_other_values(other):
    assert digest(other) != digest(VALUES)


@pytest.mark.parametrize('dtype', ['>i2', np.uint8, np.uint64, np.int64, '>i4'])
def test_whole_numbers(dtype):
    numbers = np.array([0, 3, 100])
    assert digest(numbers.astype(dtype)) == digest(numbers)
    assert digest(numbers.astype(dtype) + 1) != digest(numbers)


def test_large_whole_numbers():
    large = np.array([2**63 + 5], dtype=np.uint64)
    assert digest(large) != digest(large.astype(np.int64))
    # One and the same number as a float.
    assert digest(large) != digest(large - 1)


def test_text():
    names = np.array(['a', 'bc'])
    assert digest(names) == digest(names.astype('U20')) == digest(names.astype('S'))
    assert digest(names) == digest(names.astype(object))
    assert digest(names) != digest(np.array(['ab', 'c']))
    assert digest(np.array(['1'])) != digest(np.array([1]))


@pytest.mark.parametrize('form', [np.ma.masked_array, Masked, MaskedColumn])
def test_what_is_masked_may_be_anything(form):
    mask = [False, True, False]
    one, other = (form(np.array(values), mask=mask) for values in ([1, 2, 3], [1, 7, 3]))
    assert digest(one) == digest(other)
    assert digest(one) != digest(form(np.array([1, 2, 3]), mask=[True, False, False]))
    assert digest(one) != digest(np.array([1, 0, 3]))


def test_large_arrays_are_not_copied_as_a_whole(monkeypatch):
    monkeypatch.setattr(digests, '_BLOCK', 100)
    copied, plain = [], digests._plain_floats
    monkeypatch.setattr(
        digests, '_plain_floats', lambda values: copied.append(values.size) or plain(values)
    )
    values = np.arange(21 * 30.0).reshape(21, 30)
    once = digest(values)
    assert sum(copied) == values.size
    assert max(copied) <= 100
    assert digest(np.asfortranarray(values, dtype='>f4')) == once
    assert digest(np.ma.masked_less(values, 0)) == once
    values[-1, -1] += 1
    assert digest(values) != once
    # One row may be more than that.
    assert digest(values.reshape(3, 210)) != digest(values)


def test_arrays_are_not_mixed_up():
    assert digest([1.0, 2.0], [3.0]) != digest([1.0], [2.0, 3.0])


def table(**changed):
    columns = {
        'id': np.arange(3),
        'flux': [1.0, 2.0, 3.0] * u.nJy,
        'sky': SkyCoord([1, 2, 3] * u.deg, [4, 5, 6] * u.deg),
        'seen': Time([50000.0, 50001.0, 50002.0], format='mjd'),
        'name': ['a', 'b', 'c'],
    }
    return QTable(columns | changed)


@pytest.mark.parametrize(
    ('name', 'value', 'named'),
    [
        ('flux', [1.0, 2.0, 3.5] * u.nJy, {'flux'}),
        ('flux', [1.0, 2.0, 3.0] * u.uJy, {'flux'}),
        ('sky', SkyCoord([1, 2, 3.1] * u.deg, [4, 5, 6] * u.deg), {'sky.ra'}),
        ('seen', Time([50000.0, 50001.0, 50004.0], format='mjd'), {'seen.jd1'}),
        # The same numbers in another frame or scale.
        ('sky', SkyCoord([1, 2, 3] * u.deg, [4, 5, 6] * u.deg, frame='fk5'), {'sky'}),
        ('seen', Time([50000.0, 50001.0, 50002.0], format='mjd', scale='tt'), {'seen'}),
        ('seen', Time([2450000.5, 2450001.5, 2450002.5], format='jd'), set()),
        ('name', ['a', 'b', 'd'], {'name'}),
        ('id', np.arange(3.0) == 1, {'id'}),
    ],
)
def test_a_changed_column_is_named(name, value, named):
    one, other = digest_columns(table()), digest_columns(table(**{name: value}))
    assert {key for key in one if one[key] != other[key]} == named


def test_order_of_columns_does_not_count():
    assert digest_columns(table()) == digest_columns(table()[['name', 'sky', 'seen', 'id', 'flux']])
