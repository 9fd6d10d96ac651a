"""Sets that change: what is assigned, replaced, cropped, copied and compared."""

import copy
import pickle

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import Cutout2D
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from astro_wgan.stamps import StampSet, concatenate
from astro_wgan.store import StampStore
from astro_wgan.testing import make_wcs


def full_stamps(n=4, *, shape=(6, 8), bands=None):
    rng = np.random.default_rng(1)
    full = (n, *shape) if bands is None else (n, *shape, bands)
    pixels = rng.normal(5, 1, size=full).astype(np.float32)
    pixels[0, 1, 2] = np.nan
    return StampSet(
        pixels,
        uncertainty=np.abs(pixels),
        mask=rng.random((n, *shape)) < 0.1,
        unit='nJy',
        psf=np.ones((3, 3)),
        wcs=[
            make_wcs(shape, reference_pixel=(k, 3), pixel_scale=0.072 * u.arcsec) for k in range(n)
        ],
        table=QTable(
            {
                'id': np.arange(n),
                'flux': Masked(np.arange(n) * u.mJy, mask=np.arange(n) == 1),
                'name': [f'galaxy {k}' for k in range(n)],
                'sky': SkyCoord(np.arange(n), np.zeros(n), unit='deg'),
                'seen': Time(50000.0 + np.arange(n), format='mjd'),
                'size': [np.nan, *range(n - 1)],
            }
        ),
        meta={'survey': 'mine'},
    )


# Assigning


def test_assigned_pixels_that_are_not_finite_are_masked():
    stamps = full_stamps()
    before = ~stamps.valid
    pixels = np.ones(stamps.pixels.shape, dtype=np.float32)
    pixels[2, 3, 4], pixels[3, 0, 0] = np.nan, np.inf
    stamps.pixels = pixels
    assert np.shares_memory(stamps.pixels, pixels)
    assert np.array_equal(~stamps.valid, before | ~np.isfinite(pixels))
    assert np.array_equal(stamps.quantity, pixels * u.nJy, equal_nan=True)
    # As if it had been made of these.
    again = StampSet(pixels, mask=before)
    assert np.array_equal(again.valid, stamps.valid)


def test_assigned_pixels_are_converted_and_keep_their_mask():
    stamps = full_stamps()
    hole = np.zeros(stamps.pixels.shape, dtype=bool)
    hole[1, 1, 1] = True
    before = ~stamps.valid
    stamps.pixels = Masked(np.full(hole.shape, 2.0) * u.mJy, mask=hole)
    assert np.array_equal(stamps.pixels, np.full(hole.shape, 2e6))
    assert np.array_equal(~stamps.valid, before | hole)
    assert stamps.uncertainty.dtype == stamps.pixels.dtype == np.float64


def test_arithmetic_in_place():
    stamps = full_stamps()
    expected = 2 * stamps.pixels
    array = stamps.pixels
    stamps.pixels *= 2
    assert stamps.pixels is array
    assert np.array_equal(stamps.pixels, expected, equal_nan=True)


def test_pixels_become_native_floats_when_assigned():
    stamps = StampSet(np.ones((2, 3, 4)))
    stamps.pixels = np.arange(24).reshape(2, 3, 4).astype('>i2')
    assert stamps.pixels.dtype == np.float32


def test_assigned_mask_and_uncertainty():
    stamps = full_stamps()
    stamps.mask = None
    assert np.argwhere(~stamps.valid).tolist() == [[0, 1, 2]]
    stamps.mask = np.zeros(stamps.pixels.shape)
    assert np.argwhere(stamps.mask).tolist() == [[0, 1, 2]]
    stamps.uncertainty = None
    assert stamps.uncertainty is None
    stamps.uncertainty = np.full(stamps.pixels.shape, 3) * u.uJy
    assert stamps.uncertainty.dtype == np.float32
    assert np.unique(stamps.uncertainty).tolist() == [3000]
    unknown = np.zeros(stamps.pixels.shape, dtype=bool)
    unknown[3, 5, 5] = True
    stamps.uncertainty = np.ma.array(np.ones(unknown.shape), mask=unknown)
    assert np.argwhere(~stamps.valid).tolist() == [[0, 1, 2], [3, 5, 5]]
    assert np.array_equal(np.isnan(stamps.uncertainty), unknown)


@pytest.mark.parametrize(
    ('name', 'value', 'error', 'message'),
    [
        ('pixels', np.ones((4, 6, 7)), ValueError, r'keep their shape, \(4, 6, 8\); got'),
        ('pixels', np.ones((3, 6, 8)), ValueError, r'`replace\(pixels=...\)`'),
        ('pixels', np.ones((4, 6, 8), dtype=complex), TypeError, '`pixels` must be real numbers'),
        ('pixels', np.full((4, 6, 8), 'a'), TypeError, '`pixels` must be real numbers'),
        ('pixels', None, TypeError, '`pixels` must be real numbers'),
        ('pixels', np.ones((4, 6, 8)) * u.s, u.UnitConversionError, '`pixels` in s do not'),
        ('uncertainty', np.ones((4, 6)), ValueError, '`uncertainty` must have the shape'),
        ('uncertainty', np.ones((4, 6, 8)) * u.s, u.UnitConversionError, '`uncertainty` in s'),
        ('uncertainty', np.full((4, 6, 8), 'a'), TypeError, '`uncertainty` must be real'),
        ('mask', np.ones((4, 6)), ValueError, '`mask` must have the shape'),
        ('mask', np.full((4, 6, 8), 'x'), TypeError, '`mask` must be boolean'),
        ('unit', 'Jy', ValueError, r'`replace\(unit=...\)` converts'),
        (
            'table',
            QTable({'id': [1, 2]}),
            ValueError,
            '`table` must have a row per stamp, 4; got 2',
        ),
        ('table', QTable({'id': [1, 2, 2, 3]}), ValueError, 'a different value for each stamp'),
        ('psf', np.ma.masked_all((3, 3)), ValueError, '`psf` must not be masked'),
        ('pixel_scale', 0.1, u.UnitsError, '`pixel_scale` must be one angle'),
    ],
)
def test_what_does_not_fit_is_not_assigned(name, value, error, message):
    stamps = full_stamps()
    before = stamps.copy()
    with pytest.raises(error, match=message):
        setattr(stamps, name, value)
    assert stamps == before


def test_assigned_tables_get_ids():
    stamps = full_stamps()
    stamps.table = {'flux': [1.0, 2.0, 3.0, 4.0]}
    assert stamps.ids.tolist() == [0, 1, 2, 3]
    stamps.table['score'] = 2.0
    assert stamps[1:3].table['score'].tolist() == [2, 2]
    stamps.pixel_scale = 0.5 * u.arcsec
    assert stamps.pixel_scale == 0.5 * u.arcsec / u.pix
    stamps.pixel_scale = stamps.psf = None
    assert stamps.pixel_scale is None
    assert stamps.psf is None


def test_a_set_without_unit_can_be_given_one():
    stamps = StampSet(np.ones((2, 3, 4)))
    with pytest.raises(u.UnitConversionError, match='`pixels` in Jy do not convert to no unit'):
        stamps.pixels = np.ones((2, 3, 4)) * u.Jy
    stamps.unit = 'nJy'
    assert stamps.quantity.unit == u.nJy


# Replacing


def test_replace_shares_what_is_not_named():
    stamps = full_stamps()
    new = stamps.replace(pixels=stamps.pixels + 1)
    assert np.array_equal(new.pixels, stamps.pixels + 1, equal_nan=True)
    assert np.array_equal(new.valid, stamps.valid)
    assert new.uncertainty is stamps.uncertainty
    assert new.geometry is stamps.geometry
    assert np.shares_memory(new.table['size'], stamps.table['size'])
    assert new.meta == stamps.meta
    assert new.unit == stamps.unit
    assert new.pixel_scale == stamps.pixel_scale
    new.table['score'] = 1.0
    new.meta['survey'] = 'other'
    assert 'score' not in stamps.table.colnames
    assert stamps.meta['survey'] == 'mine'


def test_replaced_parts_are_checked_as_in_a_new_set():
    stamps = full_stamps()
    assert np.argwhere(~stamps.replace(mask=None).valid).tolist() == [[0, 1, 2]]
    pixels = np.ones(stamps.pixels.shape)
    pixels[3, 3, 3] = np.nan
    assert np.array_equal(stamps.replace(pixels=pixels).valid, stamps.valid & np.isfinite(pixels))
    assert stamps.replace(table=None).table.colnames == ['id']
    assert stamps.replace(psf=None).psf is None
    assert stamps.replace(meta=None).meta == {}
    with pytest.raises(ValueError, match='`table` must have a row per stamp, 4; got 1'):
        stamps.replace(table=QTable({'id': [1]}))


def test_a_new_unit_converts():
    stamps = full_stamps()
    new = stamps.replace(unit='mJy')
    assert new.unit == u.mJy
    assert new.pixels.dtype == np.float32
    assert new.pixels == pytest.approx(stamps.quantity.to_value('mJy'), nan_ok=True)
    assert new.uncertainty == pytest.approx(stamps.uncertainty * 1e-6, nan_ok=True)
    # Pixels that are given are in the new unit; the uncertainty follows.
    new = stamps.replace(pixels=np.ones(stamps.pixels.shape), unit='mJy')
    assert np.array_equal(np.unique(new.pixels), [1])
    assert new.uncertainty == pytest.approx(stamps.uncertainty * 1e-6, nan_ok=True)
    with pytest.raises(u.UnitConversionError, match=r'`uncertainty` of the set are in nJy.*adu'):
        stamps.replace(pixels=np.ones(stamps.pixels.shape), unit='adu')
    new = stamps.replace(pixels=stamps.pixels, uncertainty=stamps.uncertainty, unit='adu')
    assert new.unit == u.adu
    assert new.uncertainty is stamps.uncertainty
    plain = StampSet(np.ones((2, 3, 4)))
    assert plain.replace(unit='adu').quantity.max() == 1 * u.adu


@pytest.mark.parametrize('in_bands', [False, True])
def test_pixels_beyond_the_range_of_another_unit_are_masked(in_bands):
    """Without a warning of NumPy, which the tests take for an error."""
    pixels = np.ones((2, 3, 4), dtype=np.float32)
    pixels[0, 1, 1], pixels[1, 2, 3] = 3e38, -3e38
    stamps = StampSet(pixels, uncertainty=np.full_like(pixels, 1e37), unit='mJy')
    if in_bands:
        first = StampSet(np.full_like(pixels, 2), uncertainty=np.ones_like(pixels), unit='nJy')
        found = StampSet.from_bands({'g': first, 'r': stamps})
        assert found['g'].valid.all()
        found = found['r']
    else:
        found = stamps.replace(unit='nJy')
    beyond = np.abs(pixels) > 1
    np.testing.assert_array_equal(found.valid, ~beyond)
    assert (found.pixels[~beyond] == 1e6).all()
    assert np.isinf(found.uncertainty[~beyond]).all()


def test_pixels_with_a_unit_are_converted_to_that_of_the_set():
    stamps = full_stamps()
    new = stamps.replace(pixels=stamps.quantity.to('mJy'))
    assert new.unit == u.nJy
    assert new.pixels == pytest.approx(stamps.pixels, nan_ok=True)


def test_the_pixel_scale_follows_other_places():
    stamps = full_stamps()
    new = stamps.replace(wcs=[make_wcs((6, 8), pixel_scale=0.36 * u.arcsec)] * 4)
    assert u.isclose(new.pixel_scale, 0.36 * u.arcsec / u.pix)
    new = stamps.replace(wcs=None)
    assert new.wcs[0] is None
    assert new.pixel_scale == stamps.pixel_scale


def test_pixels_of_another_shape():
    stamps = full_stamps()
    smaller = np.ones((4, 4, 4))
    with pytest.raises(ValueError, match='The `uncertainty` of the set has the shape'):
        stamps.replace(pixels=smaller)
    with pytest.raises(ValueError, match='The `mask` of the set has the shape'):
        stamps.replace(pixels=smaller, uncertainty=None)
    with pytest.raises(ValueError, match='are 4 x 4, those of the set 6 x 8, so that its WCS'):
        stamps.replace(pixels=smaller, uncertainty=None, mask=None)
    new = stamps.replace(pixels=smaller, uncertainty=None, mask=None, wcs=None)
    assert new.shape == (4, 4)
    with pytest.raises(ValueError, match='4 stamps, the new `pixels` are 3: give `table` and'):
        stamps.replace(pixels=np.ones((3, 6, 8)), uncertainty=None, mask=None)
    plain = StampSet(np.ones((2, 9, 9)))
    assert plain.replace(pixels=np.ones((2, 3, 3))).shape == (3, 3)


def test_a_band_is_a_set_of_its_own():
    stamps = full_stamps(bands=3)
    stamps.uncertainty = np.arange(stamps.pixels.size, dtype=float).reshape(stamps.pixels.shape)
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[2, 3, 4, 1] = True
    for hole in (mask, mask.any(axis=-1)):
        stamps.mask = hole
        for k in range(3):
            band = stamps.band(k)
            assert band.n_bands is None
            assert np.shares_memory(band.pixels, stamps.pixels)
            assert np.array_equal(band.pixels, stamps.pixels[..., k], equal_nan=True)
            assert np.array_equal(band.uncertainty, stamps.uncertainty[..., k])
            assert np.array_equal(band.valid, stamps.valid[..., k])
            assert band.unit == stamps.unit
            assert band.to_ccddata()[1].wcs.wcs.crpix == pytest.approx(stamps.wcs[1].wcs.crpix)
    plain = full_stamps()
    assert plain.band(0) == plain
    for wrong in (3, -1, True, 'g', 1.0):
        with pytest.raises(ValueError, match='`band` must be a band, from 0 to 2'):
            stamps.band(wrong)


def test_one_band_of_several():
    stamps = full_stamps(bands=3)
    with pytest.raises(ValueError, match='give `uncertainty` too'):
        stamps.replace(pixels=stamps.pixels[..., 1])
    one = stamps.replace(
        pixels=stamps.pixels[..., 1],
        uncertainty=stamps.uncertainty[..., 1],
        mask=~stamps.valid[..., 1],
    )
    assert one.n_bands is None
    assert np.array_equal(one.valid, stamps.valid[..., 1])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'pixel': 1}, "has no 'pixel' to replace; it has: .*pixels"),
        ({'axes': 'nbyx'}, "has no 'axes'"),
        ({'id': [1]}, "has no 'id'"),
    ],
)
def test_only_arguments_can_be_replaced(changes, message):
    with pytest.raises(TypeError, match=message):
        full_stamps().replace(**changes)
    with pytest.raises(TypeError, match='`pixels` must be real numbers'):
        full_stamps().replace(pixels=None)


# Cropping


@pytest.mark.parametrize('edge', [(9, 9), (8, 8), (9, 8)])
@pytest.mark.parametrize('size', [4, 5, (3, 6)])
def test_crop_is_what_cutout2d_cuts(edge, size):
    rng = np.random.default_rng(3)
    image = rng.normal(size=(60, 50))
    large = StampSet.from_image(image, size=edge, positions=[(20, 30), (4.6, 7.3)], partial='fill')
    small = large.crop(size)
    shape = np.broadcast_to(size, 2)
    for k in range(2):
        center = (edge[1] - 1) / 2, (edge[0] - 1) / 2
        cutout = Cutout2D(large.pixels[k], center, shape)
        assert np.array_equal(small.pixels[k], cutout.data, equal_nan=True)
        x, y = small.geometry.corner[k]
        there = image[max(y, 0) : y + shape[0], max(x, 0) : x + shape[1]]
        assert np.array_equal(small.pixels[k][small.valid[k]], there.ravel())
    assert np.shares_memory(small.pixels, large.pixels)


def test_wcs_mask_and_uncertainty_are_cropped_too():
    stamps = full_stamps()
    small = stamps.crop((4, 6))
    assert np.array_equal(small.valid, stamps.valid[:, 1:5, 1:7])
    assert np.array_equal(small.uncertainty, stamps.uncertainty[:, 1:5, 1:7], equal_nan=True)
    for before, after in zip(stamps.wcs, small.wcs, strict=True):
        there = before.pixel_to_world(3, 4)
        assert after.pixel_to_world(2, 3).separation(there) < 1e-6 * u.arcsec
    with pytest.raises(ValueError, match='at most that of the stamps, 6 x 8 pixels; got 7 x 7'):
        stamps.crop(7)


# Copies


@pytest.mark.parametrize('way', ['copy', 'deepcopy', 'pickle'])
def test_copies_are_equal_and_share_nothing(way):
    stamps = full_stamps()
    made = {
        'copy': lambda: stamps.copy(),
        'deepcopy': lambda: copy.deepcopy(stamps),
        'pickle': lambda: pickle.loads(pickle.dumps(stamps)),
    }[way]()
    assert made == stamps
    assert made.meta == stamps.meta
    made.pixels[:] = 0
    made.uncertainty[:] = 0
    made.mask[:] = True
    made.psf[:] = 0
    made.table['id'] += 10
    made.table['flux'][:] = 7 * u.mJy
    made.meta['survey'] = 'other'
    made.geometry.corner[:] = 5
    assert stamps == full_stamps()
    assert stamps.meta == {'survey': 'mine'}


def test_a_shallow_copy_has_a_table_of_its_own():
    stamps = full_stamps()
    made = copy.copy(stamps)
    assert made == stamps
    assert made.pixels is stamps.pixels
    made.table['score'] = 1.0
    made.meta['more'] = 2
    assert 'score' not in stamps.table.colnames
    assert stamps.meta == {'survey': 'mine'}
    made.pixels = made.pixels + 1
    assert stamps == full_stamps()


# Equality


def test_sets_of_equal_parts_are_equal(tmp_path):
    stamps = full_stamps()
    assert stamps == full_stamps()
    assert (stamps != full_stamps()) is False
    assert stamps[:2] == full_stamps()[[0, 1]]
    assert concatenate([stamps[:2], stamps[2:]]) == stamps
    plain = stamps.replace(table=None)
    with StampStore.from_stamps(tmp_path / 'stamps.zarr', plain):
        pass
    assert StampStore.open(tmp_path / 'stamps.zarr')[:] == plain


def test_one_mask_for_all_bands_equals_one_for_each():
    stamps = full_stamps(bands=2)
    assert stamps.replace(mask=~stamps.valid) == stamps


def test_what_does_not_matter():
    stamps = full_stamps()
    wide = StampSet(np.ones((2, 3, 4), dtype=np.float64))
    assert StampSet(np.ones((2, 3, 4), dtype=np.float32)) == wide
    assert stamps.replace(meta={'other': 1}) == stamps
    assert stamps.replace(table=stamps.table[stamps.table.colnames[::-1]]) == stamps
    # What lies under a mask of the table is no value.
    other = stamps.copy()
    other.table['flux'].unmasked[1] = 77 * u.mJy
    assert other == stamps


def other_table(stamps, **columns):
    table = QTable(stamps.table, copy=True)
    for name, values in columns.items():
        table[name] = values
    return {'table': table}


@pytest.mark.parametrize(
    'changes',
    [
        lambda s: {'pixels': np.nextafter(s.pixels, np.float32(9))},
        lambda s: {'pixels': np.nan_to_num(s.pixels)},
        lambda s: {'uncertainty': None},
        lambda s: {'uncertainty': s.uncertainty * 2},
        lambda s: {'mask': None},
        lambda s: {'unit': 'mJy'},
        lambda s: {'pixels': s.pixels, 'uncertainty': s.uncertainty, 'unit': 'adu'},
        lambda s: {'pixel_scale': 1 * u.arcsec},
        lambda s: {'psf': None},
        lambda s: {'psf': np.zeros((3, 3))},
        lambda s: {'wcs': None},
        lambda s: {'wcs': [make_wcs((6, 8), reference_pixel=(k + 0.5, 3)) for k in range(4)]},
        lambda s: {'geometry': s.crop((6, 6)).geometry},
        lambda s: {'table': s.table[['id']]},
        lambda s: other_table(s, score=np.zeros(4)),
        lambda s: other_table(s, id=np.arange(4) + 1),
        lambda s: other_table(s, size=np.arange(4.0)),
        lambda s: other_table(s, flux=np.arange(4) * u.mJy),
        lambda s: other_table(s, flux=Masked(np.arange(4) * u.Jy, mask=np.arange(4) == 1)),
        lambda s: other_table(s, name=['x'] * 4),
        lambda s: other_table(s, sky=SkyCoord(np.arange(4) + 1e-9, np.zeros(4), unit='deg')),
        lambda s: other_table(s, sky=SkyCoord(np.arange(4), np.zeros(4), unit='deg', frame='fk5')),
        lambda s: other_table(s, seen=Time(50000.0 + np.arange(4), format='mjd', scale='tt')),
    ],
)
def test_sets_that_differ_are_not_equal(changes):
    stamps = full_stamps()
    other = stamps.replace(**changes(stamps))
    assert other != stamps
    assert not other == stamps  # noqa: SIM201


def test_sets_of_other_sizes_and_other_things_are_not_equal():
    stamps = full_stamps()
    assert stamps[:3] != stamps
    assert stamps[:0] != stamps
    assert stamps[:0] == stamps[4:]
    assert stamps != stamps.pixels.tolist()
    assert stamps != 'stamps'
    assert (stamps == None) is False  # noqa: E711
    with pytest.raises(TypeError, match='unhashable'):
        hash(stamps)


def test_places_in_a_common_image_are_compared():
    image = np.random.default_rng(0).normal(size=(50, 50))
    first = StampSet.from_image(image, size=8, positions=[(20, 20), (30, 30)])
    assert first == StampSet.from_image(image.copy(), size=8, positions=[(20, 20), (30, 30)])
    flat = np.ones((50, 50))
    one, two = (StampSet.from_image(flat, size=8, positions=[(x, 20)]) for x in (20, 22))
    assert one != two.replace(table=one.table)


# The order of axes


def test_bands_before_y_and_x_are_refused_or_named():
    rng = np.random.default_rng(2)
    for shape in ((5, 3, 64, 64), (5, 1, 32, 32), (5, 3, 48, 64), (5, 20, 16, 16)):
        first = rng.normal(size=shape)
        with pytest.raises(ValueError, match="set axes='nbyx'"):
            StampSet(first)
        stamps = StampSet(first, axes='nbyx', mask=first > 1, uncertainty=np.abs(first))
        assert stamps.n_bands == shape[1]
        assert stamps.shape == shape[2:]
        assert np.array_equal(stamps.pixels, np.moveaxis(first, 1, -1))
        assert np.array_equal(stamps.uncertainty, np.moveaxis(np.abs(first), 1, -1))
        assert np.array_equal(stamps.valid, np.moveaxis(first <= 1, 1, -1))


def test_axes_in_any_order():
    rng = np.random.default_rng(2)
    right = rng.normal(size=(5, 6, 7, 2))
    mask = rng.random(size=(5, 6, 7)) < 0.2
    for axes in ('byxn', 'xybn', 'nyxb'):
        given = np.einsum(f'nyxb->{axes}', right)
        plain = axes.replace('b', '')
        stamps = StampSet(given, axes=axes, mask=np.einsum(f'nyx->{plain}', mask))
        assert np.array_equal(stamps.pixels, right)
        assert np.array_equal(stamps.mask, mask)
    assert StampSet(np.ma.array(right[..., 0].T, mask=mask.T), axes='xyn').valid[mask].sum() == 0


def test_few_rows_and_many_bands_stay_possible(tmp_path):
    odd = StampSet(np.zeros((5, 3, 20, 30)), axes='nyxb')
    assert odd[1:3].shape == (3, 20)
    assert concatenate([odd[:2], odd[2:]]) == odd
    assert odd.replace(unit='adu').n_bands == 30
    assert copy.copy(odd) == odd
    assert odd.crop((3, 10)).n_bands == 30
    with StampStore.from_stamps(tmp_path / 'odd.zarr', odd) as store:
        assert store[:2] == odd[:2]


@pytest.mark.parametrize(
    ('axes', 'message'),
    [
        ('NCHW', "such as 'nbyx'; got 'NCHW'"),
        ('nyy', "got 'nyy'"),
        (3, 'got 3'),
        ('nyx', "`axes` 'nyx' names 3 axes; `pixels` has the shape"),
    ],
)
def test_axes_that_are_none(axes, message):
    with pytest.raises(ValueError, match=message):
        StampSet(np.zeros((5, 3, 20, 30)), axes=axes)
