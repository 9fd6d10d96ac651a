"""Sets of stamps: arguments, slices, concatenation and conversion."""

import pickle

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.table import QTable, Table

from astro_wgan.cutouts.resampled.source_scale import SourceScale
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store import StampStore
from astro_wgan.testing import assert_stamps_equal, make_wcs


def full_stamps(n=10, *, shape=(6, 8), bands=None, first=0):
    """Stamps with everything that a set can have."""
    rng = np.random.default_rng(1)
    full = (n, *shape) if bands is None else (n, *shape, bands)
    pixels = rng.normal(5, 1, size=full).astype(np.float32)
    mask = rng.random((n, *shape)) < 0.1
    return StampSet(
        pixels,
        uncertainty=np.abs(pixels),
        mask=mask,
        unit='nJy',
        psf=np.ones((3, 3)),
        wcs=[
            make_wcs(shape, reference_pixel=(first + k, 3), pixel_scale=0.072 * u.arcsec)
            for k in range(n)
        ],
        table=QTable({'id': first + np.arange(n), 'flux': (first + np.arange(n)) * u.mJy}),
        meta={'survey': 'mine'},
    )


# What it accepts


@pytest.mark.parametrize(
    ('given', 'expected'),
    [('u1', 'f4'), ('>i2', 'f4'), ('i4', 'f8'), ('f2', 'f4'), ('>f4', 'f4'), ('>f8', 'f8')],
)
def test_pixels_become_native_floats(given, expected):
    pixels = np.arange(24).reshape(2, 3, 4).astype(given)
    stamps = StampSet(pixels)
    assert stamps.pixels.dtype == np.dtype(expected)
    assert stamps.pixels.dtype.isnative
    assert np.array_equal(stamps.pixels, pixels)


def test_native_floats_are_shared():
    pixels = np.zeros((2, 3, 4), dtype=np.float32)
    assert np.shares_memory(StampSet(pixels).pixels, pixels)
    assert np.shares_memory(StampSet(pixels * u.Jy).quantity, StampSet(pixels).pixels) is False
    stamps = StampSet(pixels, unit='Jy')
    assert np.shares_memory(stamps.quantity, pixels)
    assert stamps.quantity.unit == u.Jy


def test_unit_of_a_quantity_is_taken_or_converted():
    pixels = np.ones((2, 3, 4)) * u.Jy
    assert StampSet(pixels).unit == u.Jy
    converted = StampSet(pixels, unit='mJy', uncertainty=0.5 * pixels)
    assert converted.pixels[0, 0, 0] == 1000
    assert converted.uncertainty[0, 0, 0] == 500


def test_dimensionless_is_no_unit():
    for given in (None, '', u.dimensionless_unscaled):
        assert StampSet(np.ones((2, 3, 4)), unit=given).unit is None
    assert StampSet(u.Quantity(np.ones((2, 3, 4)))).unit is None
    assert StampSet(np.ones((2, 3, 4)), unit=u.percent).unit == u.percent


def test_pixels_that_are_not_finite_are_masked():
    pixels = np.ones((3, 4, 5))
    pixels[0, 1, 2], pixels[2, 3, 4] = np.nan, -np.inf
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[1, 0, 0] = True
    for given, count in ((None, 2), (mask, 3)):
        stamps = StampSet(pixels, mask=given)
        assert np.count_nonzero(stamps.mask) == count
        assert not stamps.valid[0, 1, 2]
        assert not stamps.valid[2, 3, 4]
    assert StampSet(np.ones((3, 4, 5)), mask=np.zeros((3, 4, 5))).mask is None


def test_one_mask_serves_all_bands():
    pixels = np.ones((3, 4, 5, 2))
    pixels[0, 0, 0, 1] = np.nan
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[1, 2, 3] = True
    stamps = StampSet(pixels, mask=mask)
    assert stamps.valid.shape == pixels.shape
    assert set(zip(*np.nonzero(~stamps.valid), strict=True)) == {
        (0, 0, 0, 1),
        (1, 2, 3, 0),
        (1, 2, 3, 1),
    }


def test_pixel_scale_from_argument_or_wcs():
    pixels = np.ones((2, 3, 4))
    wcs = [make_wcs(pixel_scale=0.072 * u.arcsec) for _ in range(2)]
    assert u.isclose(StampSet(pixels, wcs=wcs).pixel_scale, 0.072 * u.arcsec / u.pix)
    for given in (0.06 * u.arcsec, 0.06 * u.arcsec / u.pix, 0.001 * u.arcmin):
        assert u.isclose(StampSet(pixels, pixel_scale=given).pixel_scale, 0.06 * u.arcsec / u.pix)
    assert StampSet(pixels).pixel_scale is None


def test_table_gets_ids_and_the_callers_stays_as_it_was():
    table = Table({'flux': [1.0, 2.0]})
    stamps = StampSet(np.ones((2, 3, 4)), table=table)
    assert stamps.ids.tolist() == [0, 1]
    assert isinstance(stamps.table, QTable)
    assert table.colnames == ['flux']


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'pixels': np.ones((3, 4))}, ValueError, r'got an array of shape \(3, 4\)'),
        ({'pixels': np.ones((2, 3, 4)) * 1j}, TypeError, '`pixels` must be real numbers'),
        ({'mask': np.ones((2, 3, 5))}, ValueError, r'`mask` must have the shape \(2, 3, 4\); got'),
        ({'uncertainty': np.ones((3, 4))}, ValueError, '`uncertainty` must have the shape'),
        ({'uncertainty': np.ones((2, 3, 4)) * u.s}, u.UnitsError, 's'),
        ({'pixel_scale': 0.06}, u.UnitsError, '`pixel_scale` must be one angle'),
        ({'pixel_scale': [1, 2] * u.arcsec}, u.UnitsError, '`pixel_scale` must be one angle'),
        ({'pixel_scale': 0 * u.arcsec}, ValueError, '`pixel_scale` must be above zero'),
        ({'wcs': [None]}, ValueError, '`wcs` must have one entry per stamp, 2; got 1'),
        ({'table': Table({'a': [1]})}, ValueError, '`table` must have a row per stamp, 2; got 1'),
        ({'table': Table({'id': [1, 1]})}, ValueError, 'Column `id`'),
        ({'unit': 'furlongs'}, ValueError, 'furlongs'),
    ],
)
def test_arguments_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        StampSet(**{'pixels': np.ones((2, 3, 4)), **options})


# Filling


def test_filled_takes_the_median_of_the_same_stamp_and_band():
    stamps = full_stamps(bands=2)
    filled = stamps.filled()
    valid = stamps.valid
    assert np.array_equal(filled[valid], stamps.pixels[valid])
    for k in range(len(stamps)):
        for band in range(2):
            good = valid[k, ..., band]
            median = np.median(stamps.pixels[k, ..., band][good])
            assert np.array_equal(np.unique(filled[k, ..., band][~good]), [median])
    assert not np.shares_memory(filled, stamps.pixels)


def test_filled_with_a_value_or_without_need():
    stamps = full_stamps()
    filled = stamps.filled(-7)
    assert np.array_equal(filled == -7, stamps.mask)
    whole = StampSet(stamps.pixels)
    assert whole.filled() is whole.pixels


def test_a_stamp_without_a_valid_pixel_is_filled_with_zero():
    pixels = np.ones((2, 3, 4))
    pixels[1] = np.nan
    assert np.array_equal(StampSet(pixels).filled()[1], np.zeros((3, 4)))


# Parts


@pytest.mark.parametrize(
    'rows',
    [
        slice(2, 7, 2),
        slice(None, None, -1),
        [3, 1, 4],
        np.array([-1, 0]),
        np.arange(10) % 3 == 0,
        [],
        np.zeros(10, dtype=bool),
    ],
)
def test_slices_bring_all_that_belongs_to_a_stamp(rows):
    stamps = full_stamps()
    part = stamps[rows]
    expected = np.arange(10)[
        rows
        if isinstance(rows, slice)
        else np.asarray(rows, dtype=None)
        if len(rows)
        else slice(0, 0)
    ]
    assert np.array_equal(part.ids, expected)
    assert np.array_equal(part.pixels, stamps.pixels[expected])
    assert np.array_equal(part.uncertainty, stamps.uncertainty[expected])
    assert np.array_equal(part.valid, stamps.valid[expected])
    assert np.array_equal(part.table['flux'], expected * u.mJy)
    # Counted from 1.
    assert [wcs.wcs.crpix[0] - 1 for wcs in part.wcs] == expected.tolist()
    assert part.unit == u.nJy
    assert part.pixel_scale == stamps.pixel_scale
    assert part.meta == stamps.meta
    assert np.array_equal(part.psf, stamps.psf)


def test_slices_of_slices_share_memory():
    stamps = full_stamps()
    part = stamps[2:9][1:3]
    assert np.shares_memory(part.pixels, stamps.pixels)
    assert part.ids.tolist() == [3, 4]


@pytest.mark.parametrize(('row', 'number'), [(0, 0), (9, 9), (-1, 9), (np.int64(3), 3)])
def test_an_integer_gives_a_set_of_one(row, number):
    part = full_stamps()[row]
    assert part.pixels.shape == (1, 6, 8)
    assert part.ids.tolist() == [number]


@pytest.mark.parametrize('row', [10, -11, np.ones(9, dtype=bool), [[1, 2], [3, 4]], [10]])
def test_rows_that_are_not_there(row):
    with pytest.raises(IndexError):
        full_stamps()[row]


def test_iteration_ends():
    assert [part.ids.tolist() for part in full_stamps(3)] == [[0], [1], [2]]


def test_a_mask_that_a_part_does_not_need_is_gone():
    pixels = np.ones((3, 4, 5))
    pixels[2] = np.nan
    assert StampSet(pixels)[:2].mask is None


@pytest.mark.parametrize('fraction', [0, 0.25, 0.8, 1])
def test_split_is_disjoint_seeded_and_complete(fraction):
    stamps = full_stamps(20)
    first, second = stamps.split(fraction, seed=5)
    assert len(first) == round(fraction * 20)
    assert sorted([*first.ids, *second.ids]) == list(range(20))
    assert_stamps_equal(first, stamps[first.ids])
    again, _ = stamps.split(fraction, seed=5)
    assert np.array_equal(again.ids, first.ids)


def test_split_depends_on_the_seed_and_needs_a_fraction():
    stamps = full_stamps(20)
    assert not np.array_equal(stamps.split(0.5, seed=1)[0].ids, stamps.split(0.5, seed=2)[0].ids)
    with pytest.raises(ValueError, match='`fraction` must be between 0 and 1; got 80'):
        stamps.split(80, seed=1)


@pytest.mark.parametrize('shuffle', [False, True])
@pytest.mark.parametrize(('drop', 'sizes'), [(False, [4, 4, 2]), (True, [4, 4])])
def test_batches(shuffle, drop, sizes):
    stamps = full_stamps()
    batches = list(stamps.batches(4, shuffle=shuffle, seed=3, drop_remainder=drop))
    assert [len(batch) for batch in batches] == sizes
    ids = np.concatenate([batch.ids for batch in batches])
    assert len(set(ids.tolist())) == len(ids)
    assert np.array_equal(ids, np.arange(len(ids))) != shuffle
    for batch in batches:
        assert_stamps_equal(batch, stamps[batch.ids])


def test_each_epoch_has_its_own_order_that_comes_back():
    stamps = full_stamps()

    def order(seed):
        return [int(b.ids[0]) for b in stamps.batches(1, shuffle=True, seed=seed)]

    assert order((1, 0)) == order((1, 0))
    assert order((1, 0)) != order((1, 1))


def test_batch_size_is_checked():
    with pytest.raises(ValueError, match='`batch_size` must be at least 1; got 0'):
        full_stamps().batches(0)


# Unions


def test_concatenate_undoes_slicing():
    stamps = full_stamps()
    joined = concatenate([stamps[:3], stamps[3], stamps[4:]])
    assert_stamps_equal(joined, stamps)
    assert joined.meta == stamps.meta
    assert np.array_equal(joined.psf, stamps.psf)
    assert np.array_equal(joined.table['flux'], stamps.table['flux'])


@pytest.mark.parametrize('kind', [Table, QTable])
def test_columns_are_shared_and_new_ones_are_the_sets_own(kind):
    table = kind({'id': np.arange(3), 'flux': np.ones(3)})
    stamps = StampSet(np.zeros((3, 4, 4)), table=table)
    assert type(stamps.table) is QTable
    assert np.shares_memory(stamps.table['flux'], table['flux'])
    stamps.table['score'] = np.arange(3)
    assert table.colnames == ['id', 'flux']
    assert stamps[:2].table.colnames == ['id', 'flux', 'score']


def test_concatenate_fills_in_missing_masks_and_columns():
    a, b = StampSet(np.ones((2, 3, 4))), StampSet(np.full((1, 3, 4), np.nan))
    b.table['id'] = [7]
    b.table['score'] = [0.5]
    joined = concatenate([a, b])
    assert joined.valid.reshape(3, -1).any(axis=1).tolist() == [True, True, False]
    assert joined.table['score'].mask.tolist() == [True, True, False]


def test_concatenate_joins_one_mask_for_all_bands_with_one_for_each():
    pixels = np.ones((2, 3, 4, 2))
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[0, 0, 0] = True
    broken = pixels.copy()
    broken[1, 1, 1, 1] = np.nan
    joined = concatenate([StampSet(pixels, mask=mask), StampSet(broken)], renumber=True)
    assert np.argwhere(~joined.valid).tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [3, 1, 1, 1]]


def test_concatenate_images_of_different_fields():
    image = np.random.default_rng(1).normal(size=(50, 60))
    inside = [(20, 20), (30, 30)]
    sets = [StampSet.from_image(image, size=8, positions=p) for p in (inside, [*inside, (0, 0)])]
    with pytest.raises(ValueError, match='Column `id`'):
        concatenate(sets)
    joined = concatenate(sets, renumber=True)
    assert joined.ids.tolist() == [0, 1, 2, 3]
    assert joined.table['former_id'].tolist() == [0, 1, 0, 1]
    # Those of before stay.
    again = concatenate([joined, joined], renumber=True).table
    assert again['former_id'].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert again['former_id_input'].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert [part['dropped'] for part in joined.meta['parts']] == [0, 1]
    assert len(joined.geometry.parents) == 2
    assert sets[0].table.colnames == ['id', 'x', 'y']


def test_concatenate_keeps_sky_positions():
    sky = SkyCoord([10, 11], [-5, 5], unit='deg')
    stamps = StampSet(np.ones((2, 3, 4)), table=QTable({'id': [0, 1], 'sky': sky}))
    joined = concatenate([stamps[1], stamps[0]])
    assert joined.table['sky'].ra.deg.tolist() == [11, 10]


def test_psf_that_differs_is_left_out():
    a, b = full_stamps(2), full_stamps(2, first=2)
    b.psf = b.psf + 1
    assert concatenate([a, b]).psf is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'pixels': np.ones((2, 3, 5))}, 'Only stamps of one size'),
        ({'unit': 'Jy'}, 'Only stamps of one unit'),
        ({'pixel_scale': 0.1 * u.arcsec}, 'Only stamps of one pixel scale'),
        ({'uncertainty': np.ones((2, 3, 4))}, 'Uncertainty must be in all'),
    ],
)
def test_sets_that_cannot_be_joined(options, message):
    first = StampSet(np.ones((2, 3, 4)))
    table = QTable({'id': [8, 9]})
    with pytest.raises(ValueError, match=message):
        concatenate([first, StampSet(**{'pixels': np.ones((2, 3, 4)), **options}, table=table)])


def test_concatenate_nothing():
    with pytest.raises(ValueError, match='at least one StampSet'):
        concatenate([])


# Ways out


@pytest.mark.parametrize('bands', [None, 3])
def test_tf_dataset_gives_filled_pixels(bands):
    pytest.importorskip('tensorflow')
    stamps = full_stamps(bands=bands)
    dataset = stamps.to_tf_dataset(4, shuffle=True, seed=2)
    assert len(dataset) == 3
    expected = [batch.filled() for batch in stamps.batches(4, shuffle=True, seed=2)]
    for _ in range(2):
        found = [batch.numpy() for batch in dataset]
        assert [batch.dtype for batch in found] == [np.float32] * 3
        assert [batch.shape[-1] for batch in found] == [bands or 1] * 3
        for made, wanted in zip(found, expected, strict=True):
            assert np.array_equal(made.reshape(wanted.shape), wanted)
    assert len(stamps.to_tf_dataset(4, drop_remainder=True)) == 2


def test_cutouts_come_back():
    image = np.random.default_rng(1).normal(size=(50, 60))
    stamps = StampSet.from_image(image, size=8, positions=[(20, 20), (30, 30)])
    assert np.array_equal(StampSet.from_cutouts(stamps.to_cutout2d()).pixels, stamps.pixels)
    assert np.array_equal(StampSet.from_cutouts(stamps.to_ccddata()).pixels, stamps.pixels)


def test_sets_can_be_pickled():
    stamps = full_stamps()
    assert_stamps_equal(pickle.loads(pickle.dumps(stamps)), stamps)


def test_repr():
    assert repr(full_stamps()) == (
        '<StampSet: 10 stamps of 6 x 8 pixels, float32, unit nJy, 0.072 arcsec / pix>'
    )
    assert repr(StampSet(np.ones((1, 3, 4, 2)))) == (
        '<StampSet: 1 stamps of 3 x 4 pixels, 2 bands, float64>'
    )


def test_the_area_of_pixels_is_that_of_the_wcs_or_of_the_scale():
    wcs = make_wcs(
        (9, 9),
        center=SkyCoord(0, 0, unit='deg'),
        reference_pixel=(4, -596),
        projection='CAR',
        pixel_scale=0.1 * u.deg,
    )
    stamps = StampSet(np.ones((2, 9, 9)), wcs=[None, wcs], pixel_scale=2 * u.arcsec)
    assert stamps.pixel_area.unit == (u.arcsec / u.pix) ** 2
    # A plate carree at declination 60.
    assert stamps.pixel_area.value == pytest.approx([4, 360**2 / 2], rel=1e-5)
    assert StampSet(np.ones((2, 9, 9))).pixel_area is None


def test_stamps_of_one_distorted_image_are_joined_whatever_their_scales():
    wcs = make_wcs(
        (700, 100),
        center=SkyCoord(0, 0, unit='deg'),
        reference_pixel=(49, 0),
        projection='CAR',
        pixel_scale=0.1 * u.deg,
    )
    image = CCDData(np.ones((700, 100)), unit='nJy', wcs=wcs)
    parts = [StampSet.from_image(image, size=8, positions=[(50, y)]) for y in (100, 600)]
    parts[1].table['id'] = [7]
    assert parts[0].pixel_scale / parts[1].pixel_scale > 1.3
    assert len(concatenate(parts)) == 2
    coarse = parts[1].replace(wcs=None, pixel_scale=400 * u.arcsec)
    with pytest.raises(ValueError, match='one pixel scale'):
        concatenate([parts[0], coarse])


@pytest.mark.parametrize('order', [[0, 1, 2], [2, 1, 0]])
def test_stamps_that_follow_their_sources_are_joined_whatever_their_scales(order, tmp_path):
    """One stamp has a pixel scale, several have none in common."""
    image = CCDData(np.ones((100, 100)), unit='nJy', wcs=make_wcs((100, 100)))
    positions = {'id': [1, 2, 3], 'x': [30, 50, 70], 'y': [30, 50, 70], 'radius': [3, 4, 5]}
    how = {'size': 16, 'scale': SourceScale('radius', 4)}
    whole = StampSet.from_image(image, positions=QTable(positions), **how)
    assert whole.pixel_scale is None
    stamps = whole[order]
    parts = [stamps[:1], stamps[1:2], stamps[2:]]
    assert_stamps_equal(concatenate(parts), stamps)
    assert_stamps_equal(concatenate([parts[0], stamps[1:]]), stamps)
    with StampStore.create(tmp_path / 'a.zarr', like=parts[0]) as store:
        store.extend(parts)
        assert store.pixel_scale is None
        assert_stamps_equal(store[:], stamps)
        assert store[:1].pixel_scale == parts[0].pixel_scale


def test_a_geometry_that_is_assigned_fits():
    stamps = StampSet(np.zeros((2, 8, 8)))
    stamps.geometry = None
    assert list(stamps.wcs) == [None, None]
    with pytest.raises(TypeError, match='`geometry` must be a StampGeometry, or None; got str'):
        stamps.geometry = 'here'
    with pytest.raises(ValueError, match='must have one entry per stamp, 2; got 3'):
        stamps.geometry = StampSet(np.zeros((3, 8, 8))).geometry
