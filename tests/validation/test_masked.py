"""Masks that come with the numbers: they are kept wherever stamps are made, or refused."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import (
    CCDData,
    Cutout2D,
    InverseVariance,
    NDData,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.table import MaskedColumn, QTable, Table
from astropy.utils.masked import Masked

from astro_wgan.images import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.store import StampStore

#: Where -9999 stands for nothing.
HOLE = np.zeros((3, 6, 5), dtype=bool)
HOLE[1, 2:4, 3] = True
PIXELS = np.where(HOLE, -9999, np.arange(90.0).reshape(3, 6, 5))

WAYS = {
    'numpy.ma': lambda values, mask: np.ma.array(values, mask=mask),
    'list of numpy.ma': lambda values, mask: [
        np.ma.array(v, mask=m) for v, m in zip(values, mask, strict=True)
    ],
    'Masked': lambda values, mask: Masked(values, mask=mask),
    'list of Masked': lambda values, mask: [
        Masked(v, mask=m) for v, m in zip(values, mask, strict=True)
    ],
    'masked Quantity': lambda values, mask: Masked(values * u.nJy, mask=mask),
    'list of masked Quantity': lambda values, mask: [
        Masked(v * u.nJy, mask=m) for v, m in zip(values, mask, strict=True)
    ],
    'column': lambda values, mask: MaskedColumn(values, mask=mask, unit='nJy'),
    'integers': lambda values, mask: np.ma.array(values.astype('i2'), mask=mask),
}


@pytest.mark.parametrize('way', WAYS)
def test_masked_pixels_are_masked_in_the_set(way):
    stamps = StampSet(WAYS[way](PIXELS, HOLE), unit='nJy')
    assert np.array_equal(stamps.valid, ~HOLE)
    assert stamps.unit == u.nJy
    # Medians of the valid pixels, by NumPy's own masked arrays.
    median = np.ma.median(np.ma.array(PIXELS[1], mask=HOLE[1]))
    assert set(stamps.filled()[HOLE]) == {median}


@pytest.mark.parametrize('way', WAYS)
def test_a_masked_uncertainty_is_not_known(way):
    uncertainty = WAYS[way](np.abs(PIXELS) + 1, HOLE)
    stamps = StampSet(np.ones(PIXELS.shape), unit='nJy', uncertainty=uncertainty)
    assert np.array_equal(np.isnan(stamps.uncertainty), HOLE)
    assert np.array_equal(stamps.valid, ~HOLE)
    assert np.array_equal(stamps.uncertainty[~HOLE], np.abs(PIXELS)[~HOLE] + 1)


def test_masks_from_all_sides_are_joined():
    first, second, third = (np.zeros((2, 3, 4, 2), dtype=bool) for _ in range(3))
    first[0, 0, 0, 0] = second[0, 1, 1, 1] = third[1, 2, 2, 0] = True
    for_all_bands = np.zeros((2, 3, 4), dtype=bool)
    for_all_bands[1, 0, 3] = True
    pixels = np.ones((2, 3, 4, 2))
    pixels[third] = np.nan
    stamps = StampSet(
        np.ma.array(pixels, mask=first),
        uncertainty=Masked(np.ones(pixels.shape), mask=second),
        mask=for_all_bands,
    )
    expected = first | second | third | for_all_bands[..., np.newaxis]
    assert np.array_equal(stamps.valid, ~expected)


def test_no_mask_where_nothing_is_masked():
    for values in (np.ma.array(np.ones((2, 3, 4))), Masked(np.ones((2, 3, 4)))):
        assert StampSet(values, uncertainty=values).mask is None


def test_what_is_masked_in_a_mask_is_not_used():
    mask = np.ma.array(np.zeros((2, 3, 4), dtype=bool))
    mask[0, 1, 1] = np.ma.masked
    assert np.argwhere(~StampSet(np.ones((2, 3, 4)), mask=mask).valid).tolist() == [[0, 1, 1]]
    with pytest.raises(TypeError, match='`mask` must be boolean; got dtype <U5'):
        StampSet(np.ones((2, 3, 4)), mask=np.full((2, 3, 4), 'False'))


def test_a_column_and_a_list_of_quantities_bring_their_unit():
    table = Table({'image': np.ones((2, 3, 4))})
    table['image'].unit = 'nJy'
    assert StampSet(table['image']).unit == u.nJy
    stamps = StampSet([np.ones((3, 4)) * u.Jy, np.ones((3, 4)) * u.mJy])
    assert stamps.quantity[1].to_value('Jy') == pytest.approx(np.full((3, 4), 1e-3))


@pytest.mark.parametrize(
    ('uncertainty', 'expected'),
    [
        (StdDevUncertainty, 4),
        (VarianceUncertainty, 2),
        (InverseVariance, 0.5),
    ],
)
def test_uncertainty_of_astropy_becomes_a_standard_deviation(uncertainty, expected):
    stamps = StampSet(np.ones((2, 3, 4)), uncertainty=uncertainty(np.full((2, 3, 4), 4.0)))
    assert np.array_equal(stamps.uncertainty, np.full((2, 3, 4), expected))


def test_what_cannot_be_taken_is_refused():
    pixels = np.ones((2, 3, 4))
    with pytest.raises(TypeError, match='`uncertainty` must be of a known type'):
        StampSet(pixels, uncertainty=UnknownUncertainty(pixels))
    with pytest.raises(TypeError, match='`pixels` must be an array; got CCDData'):
        StampSet(CCDData(pixels, unit='adu', mask=pixels > 0))
    with pytest.raises(TypeError, match=r'`StampSet\.from_cutouts` makes'):
        StampSet([CCDData(pixels[0], unit='adu', mask=pixels[0] > 0)])
    with pytest.raises(TypeError, match='got Cutout2D'):
        StampSet([Cutout2D(pixels[0], (1, 1), 2)])
    with pytest.raises(ValueError, match='`psf` must not be masked; 1 of its pixels are'):
        StampSet(pixels, psf=np.ma.array([[1.0, 2.0]], mask=[[True, False]]))
    with pytest.raises(u.UnitConversionError, match='`pixels` in Jy do not convert to adu'):
        StampSet(pixels * u.Jy, unit='adu')
    with pytest.raises(ValueError, match='arrays of a list must have a unit or none; got 1 of 2'):
        StampSet([pixels[0] * u.Jy, pixels[1]])


def make_images():
    values, mask = PIXELS[1], HOLE[1]
    image = CCDData(np.ones(values.shape), unit='nJy')
    image.data = np.ma.array(values, mask=mask)
    return [
        np.ma.array(values, mask=mask),
        Masked(values, mask=mask),
        Masked(values * u.nJy, mask=mask),
        NDData(np.ma.array(values, mask=mask)),
        NDData(Masked(values * u.nJy, mask=mask)),
        image,
    ]


@pytest.mark.parametrize('number', range(6))
def test_masked_images_keep_their_mask(number):
    image = make_images()[number]
    assert np.array_equal(read_image(image).mask, HOLE[1])
    stamps = StampSet.from_image(image, size=(6, 5), positions=[(2, 2.5)])
    assert np.array_equal(stamps.mask[0], HOLE[1])
    if isinstance(image, NDData):
        assert np.array_equal(StampSet.from_cutouts([image]).mask[0], HOLE[1])
    else:
        cutout = Cutout2D(image, (2, 2.5), (6, 5))
        assert np.array_equal(StampSet.from_cutouts([cutout]).mask[0], HOLE[1])


def test_masks_of_what_is_joined_or_cut_are_kept():
    image = NDData(np.ones((6, 5)))
    hole = np.ma.array(np.ones((6, 5)), mask=HOLE[1])
    stamps = StampSet.from_cutouts([image], uncertainty=[hole])
    assert np.array_equal(stamps.valid[0], ~HOLE[1])
    known = np.ma.array(np.zeros((6, 5), dtype=bool), mask=HOLE[1])
    assert np.array_equal(StampSet.from_cutouts([image], mask=[known]).mask[0], HOLE[1])
    stamps = StampSet.from_image(np.ones((6, 5)), size=(6, 5), positions=[(2, 2.5)], mask=known)
    assert np.array_equal(stamps.mask[0], HOLE[1])


# Ids


@pytest.mark.parametrize(
    ('ids', 'message'),
    [
        (MaskedColumn([4, 5, 6, 7], mask=[0, 1, 0, 0]), 'no value in row 1: give'),
        (MaskedColumn(['a', 'b', 'c', 'd'], mask=[0, 1, 0, 1]), 'no value in rows 1, 3: give'),
        (Masked(np.arange(4), mask=[1, 0, 0, 0]), 'no value in row 0'),
        ([1.0, np.nan, 3.0, np.nan], 'no value in rows 1, 3'),
        (np.array(['a', None, 'c', 'd'], dtype=object), 'no value in row 1'),
        (np.array([1, np.nan, 3, 4], dtype=object), 'no value in row 1'),
        (np.array([{}, 1, 2, 3], dtype=object), 'one number or text for each stamp'),
        (np.arange(8).reshape(4, 2), 'one number or text for each stamp'),
        (np.array(['a', 'b', 'b', 'd'], dtype=object), 'a different value for each stamp'),
    ],
)
def test_ids_that_are_missing_are_refused(ids, message):
    with pytest.raises(ValueError, match=message):
        StampSet(np.ones((4, 2, 2)), table=Table({'id': ids}))


def test_many_missing_ids_are_not_all_named():
    ids = MaskedColumn(np.arange(20), mask=np.arange(20) > 2)
    with pytest.raises(ValueError, match='rows 3, 4, 5, 6, 7 and 12 more'):
        StampSet(np.ones((20, 2, 2)), table=Table({'id': ids}))


def test_masked_columns_without_masked_values_are_ids():
    ids = MaskedColumn(['M 31', 'M 33'], mask=[False, False])
    assert StampSet(np.ones((2, 2, 2)), table=Table({'id': ids})).ids.tolist() == ['M 31', 'M 33']


def test_objects_become_text_and_numbers():
    table = QTable(
        {
            'id': np.array(['a', b'b', 'cc'], dtype=object),
            'note': np.array(['x', None, 'zzz'], dtype=object),
            'count': np.array([2**60 + 1, None, 3], dtype=object),
            'flux': np.array([1, 2.5, np.nan], dtype=object),
            'good': np.array([True, None, False], dtype=object),
            'list': np.array([[1], [1, 2], None], dtype=object),
        }
    )
    stamps = StampSet(np.ones((3, 2, 2)), table=table)
    found = {name: stamps.table[name].dtype.kind for name in stamps.table.colnames}
    assert found == {'id': 'U', 'note': 'U', 'count': 'i', 'flux': 'f', 'good': 'b', 'list': 'O'}
    assert stamps.ids.tolist() == ['a', 'b', 'cc']
    assert stamps.table['note'].mask.tolist() == [False, True, False]
    assert stamps.table['count'].tolist() == [2**60 + 1, None, 3]
    assert stamps.table['flux'].tolist() == [1.0, 2.5, None]
    # The caller's stays as it was.
    assert table['note'].dtype == object


def test_stamps_are_not_chosen_by_masked_values(tmp_path):
    redshift = MaskedColumn([5.0, 1.0, 9.0], mask=[False, False, True])
    stamps = StampSet(np.ones((3, 2, 2)), table=Table({'z': redshift}))
    chosen = stamps.table['z'] > 2
    with StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps) as store:
        for kept in (stamps, store):
            assert kept[chosen].ids.tolist() == [0]
            assert kept[Masked([True, True, True], mask=[0, 1, 1])].ids.tolist() == [0]
            with pytest.raises(IndexError, match='1 of the row numbers are masked'):
                kept[np.ma.array([0, 1], mask=[0, 1])]
