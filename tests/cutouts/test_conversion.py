"""Stamps from and to Cutout2D, CCDData and NDData."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.fits.card import Undefined
from astropy.nddata import (
    CCDData,
    Cutout2D,
    InverseVariance,
    NDData,
    StdDevUncertainty,
    VarianceUncertainty,
)
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning
from astropy.utils.masked import Masked
from astropy.wcs import Sip

from astro_wgan import datasets
from astro_wgan.images.reading import read_image
from astro_wgan.stamps import Band
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.testing import make_stamps, make_wcs

ATTRIBUTES = [
    'origin_original',
    'origin_cutout',
    'bbox_original',
    'bbox_cutout',
    'slices_original',
    'slices_cutout',
    'position_original',
    'position_cutout',
    'input_position_original',
    'input_position_cutout',
    'center_original',
    'center_cutout',
    'shape',
]


def hst_image(*, bad=False):
    image = datasets.load_image('mock_f814w')
    mask = np.random.default_rng(1).random(image.shape) < 0.01 if bad else None
    deviation = StdDevUncertainty(np.abs(image.data) + 1)
    return CCDData(image.data, unit='nJy', wcs=image.wcs, mask=mask, uncertainty=deviation)


def some_positions(n=25):
    positions = np.random.default_rng(2).uniform(-5, 255, size=(n, 2))
    return positions[((positions > -4) & (positions < 253)).all(axis=1)]


def cut_directly(image, size, values=None):
    values = image.data if values is None else values
    return [
        Cutout2D(values, tuple(position), size, wcs=image.wcs, mode='partial')
        for position in some_positions().tolist()
    ]


@pytest.mark.parametrize('size', [(10, 13), (9, 16)])
def test_cutouts_are_those_of_astropy(size):
    image = hst_image(bad=True)
    stamps = StampSet.from_image(image, size=size, positions=some_positions(), partial='fill')
    directly = cut_directly(image, size)
    assert len(directly) > 20
    for made, expected in zip(stamps.to_cutout2d(), directly, strict=True):
        for name in ATTRIBUTES:
            assert np.array_equal(getattr(made, name), getattr(expected, name)), name
        values = made.data.unmasked
        assert values.unit == u.nJy
        assert np.array_equal(values.value, expected.data, equal_nan=True)
        mask = Cutout2D(
            image.mask, expected.input_position_original, size, mode='partial', fill_value=True
        )
        assert np.array_equal(made.data.mask, mask.data)
        assert made.wcs.to_header().tostring() == expected.wcs.to_header().tostring()
        assert made.wcs.array_shape == expected.wcs.array_shape
        assert made.to_original_position((1, 2)) == expected.to_original_position((1, 2))


def test_cutouts_of_plain_stamps_are_plain_arrays():
    stamps = StampSet.from_image(hst_image().data, size=8, positions=[(50, 60)])
    (cutout,) = stamps.to_cutout2d()
    assert type(cutout.data) is np.ndarray
    assert np.shares_memory(cutout.data, stamps.pixels)
    assert cutout.wcs is None


def test_position_follows_the_table_only_where_it_leads_to_the_stamp():
    stamps = StampSet.from_image(hst_image(), size=8, positions=[(50.3, 60.9), (70, 80)])
    stamps.table['x'][1] += 5 * u.pix
    first, second = stamps.to_cutout2d()
    assert first.input_position_original == (50.3, 60.9)
    assert second.input_position_original == (69.5, 79.5)
    assert second.origin_original == (66, 76)


def test_stamps_without_parents_are_cutouts_of_themselves():
    (cutout,) = StampSet(np.ones((1, 6, 7))).to_cutout2d()
    assert cutout.bbox_original == ((0, 5), (0, 6))


@pytest.mark.parametrize('size', [(10, 13), (9, 16)])
@pytest.mark.parametrize('bad', [False, True])
def test_round_trip_through_cutout2d(size, bad):
    image = hst_image(bad=bad)
    stamps = StampSet.from_image(image, size=size, positions=some_positions(), partial='fill')
    again = StampSet.from_cutouts(stamps.to_cutout2d())
    assert np.array_equal(again.pixels, stamps.pixels, equal_nan=True)
    assert np.array_equal(again.mask, stamps.mask)
    assert again.unit == stamps.unit
    assert u.isclose(again.pixel_scale, stamps.pixel_scale, rtol=1e-12)
    assert np.array_equal(again.geometry.corner, stamps.geometry.corner)
    assert again.table.colnames == stamps.table.colnames
    assert np.array_equal(again.table['x'], stamps.table['x'])
    assert again.table['sky'].separation(stamps.table['sky']).max() < 1e-9 * u.arcsec
    pairs = zip(again.to_cutout2d(), stamps.to_cutout2d(), strict=True)
    for made, expected in pairs:
        assert made.wcs.to_header().tostring() == expected.wcs.to_header().tostring()
        for name in ATTRIBUTES:
            assert np.array_equal(getattr(made, name), getattr(expected, name)), name


def test_joined_cutouts_equal_directly_cut_stamps():
    image = hst_image()
    size = (12, 11)
    joined = StampSet.from_cutouts(
        cut_directly(image, size),
        uncertainty=cut_directly(image, size, image.uncertainty.array),
        unit='nJy',
    )
    stamps = StampSet.from_image(image, size=size, positions=some_positions(), partial='fill')
    assert np.array_equal(joined.pixels, stamps.pixels, equal_nan=True)
    assert np.array_equal(joined.mask, stamps.mask)
    assert np.array_equal(joined.uncertainty, stamps.uncertainty, equal_nan=True)
    assert joined.unit == u.nJy


def test_pixels_outside_of_the_image_are_masked_whatever_they_were_filled_with():
    cutout = Cutout2D(np.ones((20, 20)), (0, 10), (5, 6), mode='partial', fill_value=0)
    stamps = StampSet.from_cutouts([cutout])
    assert np.array_equal(stamps.mask[0], cutout.data == 0)
    assert stamps.mask.sum() == 15


def test_masks_and_units_of_the_data_are_kept():
    image = np.arange(400.0).reshape(20, 20)
    kinds = {
        'quantity': (image * u.Jy, u.Jy, None),
        'masked': (Masked(image, mask=image > 200), None, image > 200),
        'masked quantity': (Masked(image * u.Jy, mask=image > 200), u.Jy, image > 200),
        'numpy': (np.ma.array(image, mask=image > 200), None, image > 200),
    }
    for values, unit, mask in kinds.values():
        stamps = StampSet.from_cutouts([Cutout2D(values, (10, 9), 5), Cutout2D(values, (4, 14), 5)])
        assert stamps.unit == unit
        assert np.array_equal(stamps.pixels[1], image[12:17, 2:7])
        if mask is None:
            assert stamps.mask is None
        else:
            assert np.array_equal(stamps.mask[0], mask[7:12, 8:13])


def test_separate_mask_is_added():
    image = np.zeros((20, 20))
    bad = np.random.default_rng(1).random((20, 20)) < 0.3
    positions = [(10, 9), (0, 0)]
    cutouts = [Cutout2D(image, p, 5, mode='partial') for p in positions]
    masks = [Cutout2D(bad, p, 5, mode='partial', fill_value=True) for p in positions]
    stamps = StampSet.from_cutouts(cutouts, mask=masks)
    assert np.array_equal(stamps.mask, [mask.data for mask in masks])


def test_units_are_converted_to_one():
    stamps = StampSet.from_cutouts(
        [NDData(np.ones((4, 4)) * u.Jy), NDData(np.ones((4, 4)) * u.mJy)]
    )
    assert stamps.unit == u.Jy
    assert stamps.pixels[:, 0, 0].tolist() == pytest.approx([1, 1e-3])
    stamps = StampSet.from_cutouts([NDData(np.ones((4, 4)) * u.Jy)], unit='mJy')
    assert stamps.pixels[0, 0, 0] == pytest.approx(1000)


def test_round_trip_through_ccddata():
    stamps = StampSet.from_image(hst_image(bad=True), size=(9, 16), positions=some_positions())
    images = stamps.to_ccddata()
    for k, image in enumerate(images):
        assert np.array_equal(image.data, stamps.pixels[k])
        assert np.array_equal(image.mask, stamps.mask[k])
        assert np.array_equal(image.uncertainty.array, stamps.uncertainty[k])
        assert image.unit == u.nJy
        assert image.wcs.to_header().tostring() == stamps.wcs[k].to_header().tostring()
    again = StampSet.from_cutouts(images, table=stamps.table)
    assert np.array_equal(again.pixels, stamps.pixels)
    assert np.array_equal(again.mask, stamps.mask)
    assert np.array_equal(again.uncertainty, stamps.uncertainty)
    assert again.unit == stamps.unit
    for k in range(len(stamps)):
        assert again.wcs[k].to_header().tostring() == stamps.wcs[k].to_header().tostring()


def test_ccddata_of_a_stamp_can_be_written_and_read(tmp_path):
    stamps = StampSet.from_image(hst_image(bad=True), size=16, positions=[(100, 80)])
    (image,) = stamps.to_ccddata()
    assert image.meta['id'] == 0
    assert image.meta['ra'] == pytest.approx(stamps.table['sky'].ra.deg[0])
    image.write(tmp_path / 'stamp.fits')
    again = read_image(tmp_path / 'stamp.fits')
    assert np.array_equal(again.data, stamps.pixels[0])
    assert np.array_equal(again.mask, stamps.mask[0])
    assert np.array_equal(again.uncertainty.array, stamps.uncertainty[0])


@pytest.mark.parametrize('unit', ['mag(AB)', 'mag(ct / s)', 'mag(AB / arcsec2)', 'dex(Jy)', 'K'])
def test_stamps_of_any_unit_can_be_written_and_read(unit, tmp_path):
    (image,) = StampSet(np.ones((1, 4, 4)), unit=unit).to_ccddata()
    image.write(tmp_path / 'stamp.fits')
    assert CCDData.read(tmp_path / 'stamp.fits').unit == u.Unit(unit)
    assert read_image(tmp_path / 'stamp.fits').unit in (u.Unit(unit), u.mag / u.arcsec**2)


@pytest.mark.parametrize('mask', [None, np.eye(4, dtype=bool)[np.newaxis].repeat(2, axis=0)])
def test_magnitudes_become_cutouts_and_stamps_again(mask):
    pixels = np.arange(32.0).reshape(2, 4, 4)
    stamps = StampSet(pixels, unit='mag(AB)', mask=mask)
    assert isinstance(stamps.quantity, u.Magnitude)
    assert np.shares_memory(stamps.quantity, stamps.pixels)
    again = StampSet.from_cutouts(stamps.to_cutout2d())
    assert again.unit == u.ABmag
    assert np.array_equal(again.pixels[again.valid], stamps.pixels[stamps.valid])
    listed = StampSet([stamps.quantity[0], stamps.quantity[1]])
    assert listed.unit == u.ABmag
    assert np.array_equal(listed.pixels, pixels)


def test_stamps_without_unit_and_mask_become_plain_ccddata():
    (image,) = StampSet(np.ones((1, 4, 4))).to_ccddata()
    assert image.unit == u.dimensionless_unscaled
    assert image.mask is None
    assert image.uncertainty is None
    assert image.wcs is None


@pytest.mark.parametrize('kind', [VarianceUncertainty, InverseVariance])
def test_uncertainty_of_nddata_becomes_standard_deviation(kind):
    power = 2 if kind is VarianceUncertainty else -2
    stamp = NDData(np.ones((4, 4)) * u.mJy, uncertainty=kind(np.full((4, 4), 5.0**power)))
    stamps = StampSet.from_cutouts([stamp, stamp], unit='Jy')
    assert np.allclose(stamps.uncertainty, 5e-3)


def test_sky_positions_of_stamps_with_different_frames():
    centers = {'icrs': (10, 20), 'fk5': (30, -5), 'galactic': (120, 40)}
    systems = [
        make_wcs((5, 5), center=SkyCoord(*center, unit='deg', frame=frame))
        for frame, center in centers.items()
    ]
    stamps = StampSet.from_cutouts([NDData(np.zeros((5, 5)), wcs=w) for w in systems])
    for k, system in enumerate(systems):
        assert stamps.table['sky'][k].separation(system.pixel_to_world(2, 2)) < 1e-6 * u.arcsec


def test_own_table_is_kept():
    table = QTable({'id': ['a', 'b'], 'score': [1.0, 2]})
    stamps = StampSet.from_cutouts([NDData(np.zeros((4, 4)))] * 2, table=table)
    assert stamps.table.colnames == ['id', 'score']


@pytest.mark.parametrize(
    ('cutouts', 'error', 'message'),
    [
        ([], ValueError, 'at least one stamp'),
        ([np.ones((4, 4))], TypeError, 'must be Cutout2D or NDData; got ndarray'),
        (
            [NDData(np.ones((4, 4))), NDData(np.ones((4, 5)))],
            ValueError,
            'of the same shape',
        ),
        ([NDData(np.ones(4))], ValueError, 'of the same shape'),
        ([NDData(np.ones((4, 4))), NDData(np.ones((4, 4)) * u.Jy)], ValueError, 'a unit or none'),
        ([NDData(np.ones((4, 4)) * u.Jy), NDData(np.ones((4, 4)) * u.s)], u.UnitsError, 'Jy'),
        (
            [
                NDData(np.ones((4, 4))),
                NDData(np.ones((4, 4)), uncertainty=StdDevUncertainty(np.ones((4, 4)))),
            ],
            ValueError,
            'an uncertainty or none',
        ),
    ],
)
def test_stamps_that_make_no_set(cutouts, error, message):
    with pytest.raises(error, match=message):
        StampSet.from_cutouts(cutouts)


def test_what_is_masked_in_a_row_is_none_in_a_header(tmp_path):
    gone = [False, True]
    sky = SkyCoord(Masked([10.0, -99], gone) * u.deg, Masked([20.0, -99], gone) * u.deg)
    table = QTable(
        {
            'id': [1, 2],
            'flux': Masked([1.0, -99] * u.Jy, gone),
            'class': MaskedColumn(['disk', 'x'], mask=gone),
            'count': MaskedColumn([3, -99], mask=gone),
            'x': Masked([3.5, -99] * u.pix, gone),
            'y': [3.5, 3.5] * u.pix,
            'sky': sky,
            'lens': SkyCoord([1, 2], [3, 4], unit='deg'),
            'seen': Time([5e4, 5.1e4], format='mjd'),
            'latent': np.ones((2, 3)),
        }
    )
    stamps = StampSet(np.ones((2, 8, 8)), table=table, unit='adu')
    whole, masked = stamps.to_ccddata()
    assert whole.meta['flux'] == 1
    assert (whole.meta['ra'], whole.meta['dec'], whole.meta['lens_ra']) == (10, 20, 1)
    assert whole.meta['seen'] == '1995-10-10T00:00:00.000'
    for name in ('flux', 'class', 'count', 'x', 'ra', 'dec'):
        assert masked.meta[name] is None
    assert 'latent' not in masked.meta
    masked.write(tmp_path / 'stamp.fits')
    assert CCDData.read(tmp_path / 'stamp.fits').meta['lens_dec'] == 4
    # A position that is not known is that of the stamp's middle.
    assert [c.input_position_original for c in stamps.to_cutout2d()] == [(3.5, 3.5)] * 2


ROWS = {
    'redshift': [np.nan, 1.0],
    'signal_to_noise': [np.inf, 3.0],
    'photometric_redshift_best': [0.5, 1.0],
    'photometric_redshift_note': ['a' * 80, 'b'],
    'photometric_redshift_method': ['c' * 80, 'd'],
    'name': ['ESO 137\u2013001', 'Müller 3'],
    'lines': ['one\ntwo', 'three'],
    'bytes': np.array([b'A', b'B']),
    'seen': Time(['2020-01-01', '2021-01-01']),
    'lens': SkyCoord([10, 11], [20, 21], unit='deg'),
    'star': [True, False],
    'distance': MaskedColumn([9.0, 1.0], mask=[True, False], unit='Mpc'),
    'fluxes': np.ones((2, 5)),
    'naxis': [1, 2],
    'crval1': [10.0, 20.0],
    'simple': [3, 4],
    'end': [5, 6],
    'hierarch': [7, 8],
    'A': [1, 2],
    'a': [3, 4],
}


def test_rows_of_any_table_are_written_and_read_again(tmp_path):
    table = QTable({'x': [50.0, 60.0], 'y': [50.0, 40.0], **ROWS})
    wcs = make_wcs((100, 100))
    image = CCDData(np.random.default_rng(0).normal(size=(100, 100)), unit='nJy', wcs=wcs)
    stamps = StampSet.from_image(image, size=16, positions=table)
    for k, stamp in enumerate(stamps.to_ccddata()):
        stamp.write(tmp_path / 'stamp.fits', overwrite=True)
        again = CCDData.read(tmp_path / 'stamp.fits')
        assert np.array_equal(again.data, stamp.data)
        assert again.unit == u.nJy
        ahead = again.wcs.pixel_to_world(3, 4).separation(stamp.wcs.pixel_to_world(3, 4))
        assert ahead.mas < 1e-3
        read = again.meta
        assert float(read['redshift']) == pytest.approx(ROWS['redshift'][k], nan_ok=True)
        assert float(read['signal_to_noise']) == ROWS['signal_to_noise'][k]
        assert read['photometric_redshift_best'] == ROWS['photometric_redshift_best'][k]
        for name in ('photometric_redshift_note', 'photometric_redshift_method'):
            assert read[name] == ROWS[name][k] or read[read[name]] == ROWS[name][k]
        for name in ('name', 'lines'):
            assert read[name].encode().decode('unicode_escape') == ROWS[name][k]
        assert read['bytes'] == 'AB'[k]
        assert Time(read['seen']) == ROWS['seen'][k]
        assert (read['lens_ra'], read['lens_dec']) == (10 + k, 20 + k)
        assert read['star'] is not bool(k)
        assert read['distance'] == 1 if k else isinstance(read['distance'], Undefined | None)
        for name in ('naxis', 'crval1', 'simple', 'end', 'hierarch'):
            assert read[f'_{name}'] == ROWS[name][k]
        assert (read['A'], read['_A']) == (1 + k, 3 + k)
        assert 'fluxes' not in read
        # In memory nothing is another.
        assert stamp.meta['name'] == ROWS['name'][k]
        assert stamp.meta['crval1'] == ROWS['crval1'][k]


def test_sip_that_is_left_over_counts_in_cutouts_as_little_as_in_images():
    wcs = make_wcs((100, 100), reference_pixel=(499, 499))
    right = wcs.pixel_to_world(60, 70)
    wcs.sip = Sip(*np.full((2, 3, 3), 1e-4), np.zeros((3, 3)), np.zeros((3, 3)), [500, 500])
    image = np.ones((100, 100))
    cutouts = [Cutout2D(image, position, 11, wcs=wcs) for position in [(60, 70), (20, 30)]]
    with pytest.warns(AstropyUserWarning, match='without -SIP') as caught:
        stamps = StampSet.from_cutouts(cutouts)
    assert len(caught) == 1
    assert stamps.table['sky'][0].separation(right).mas < 0.01
    assert stamps.wcs[0].sip is None


def test_cutouts_of_bands():
    """As the inverse of those of a set; and the band of one list."""
    stamps = make_stamps(3, bands=['g', 'r'])
    for cutouts in (stamps.to_ccddata(), stamps.to_cutout2d()):
        found = StampSet.from_cutouts(cutouts)
        assert [band.name for band in found.bands] == ['g', 'r']
        assert np.array_equal(found.pixels, stamps.pixels)
    mask = np.zeros((3, 32, 32), dtype=bool)
    mask[1, 4] = True
    r = Band('r', zero_point=25)
    found = StampSet.from_cutouts({'g': cutouts['g'], r: cutouts['r']}, mask={'r': mask})
    assert found.bands[1] == r
    assert np.array_equal(found.valid[..., 1], ~mask)
    assert found.valid[..., 0].all()
    one = StampSet.from_cutouts(cutouts['r'], bands=r)
    assert one.bands == (r,)
    assert one.n_bands is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'bands': 'g'}, 'of several, they are the keys'),
        ({'mask': {'z': None}}, '`mask` of several bands must be a dictionary of some of g, r'),
        ({'uncertainty': np.ones((3, 32, 32))}, '`uncertainty` of several bands must be'),
    ],
)
def test_cutouts_of_bands_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StampSet.from_cutouts(make_stamps(3, bands=['g', 'r']).to_cutout2d(), **options)


@pytest.mark.parametrize('by_file', [False, True])
def test_ccddata_carry_the_table_and_the_psf(by_file, tmp_path):
    table = QTable(
        {
            'id': ['a7', 'b', 'c'],
            'sky': SkyCoord([1, 2, 3], [4, 5, 6], unit='deg'),
            'class': ['merger', 'normal', 'normal'],
            'n_neighbors': [1, 0, 2],
            'isophotal_flux': [1.5, 2.5, 3.5],
        }
    )
    stamps = StampSet(
        np.arange(3 * 6 * 5.0).reshape(3, 6, 5),
        uncertainty=np.ones((3, 6, 5)),
        mask=np.arange(90).reshape(3, 6, 5) % 7 == 0,
        unit='nJy',
        psf=np.eye(3),
        table=table,
        wcs=[make_wcs((6, 5))] * 3,
    )
    images = stamps.to_ccddata()
    if by_file:
        for k, image in enumerate(images):
            image.write(tmp_path / f'{k}.fits')
        images = [CCDData.read(tmp_path / f'{k}.fits') for k in range(3)]
    again = StampSet.from_cutouts(images, table='meta')
    np.testing.assert_array_equal(again.psf, np.eye(3))
    np.testing.assert_array_equal(again.uncertainty, stamps.uncertainty)
    np.testing.assert_array_equal(again.mask, stamps.mask)
    assert again.unit == u.nJy
    assert again.ids.tolist() == ['a7', 'b', 'c']
    assert again.table['n_neighbors'].tolist() == [1, 0, 2]
    assert again.table['isophotal_flux'].tolist() == [1.5, 2.5, 3.5]
    assert again.table['class'].tolist() == ['merger', 'normal', 'normal']
    np.testing.assert_allclose(again.table['sky'].ra.deg, [1, 2, 3])
    with pytest.raises(ValueError, match="a table or 'meta'"):
        StampSet.from_cutouts(images, table='header')
