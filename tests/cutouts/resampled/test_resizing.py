"""Sets of other sizes: binned, padded, and shifted onto their sources."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import block_reduce

from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.jobs import describe_stamps
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import Band, StampSet, concatenate
from astro_wgan.store import StampStore
from astro_wgan.testing import assert_stamps_equal, make_stamps, make_wcs
from tests.astrometry.test_lookup_tables import make_image

SIZES = [79, 96, 101, 150, 424]


def sources(offsets, *, size=64, sigma=3.0, noise=0.02, **options):
    y, x = np.indices((size, size)) - (size - 1) / 2
    dx, dy = np.array(offsets, dtype=float).T[..., np.newaxis, np.newaxis]
    light = np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / 2 / sigma**2)
    rng = np.random.default_rng(8)
    return StampSet(light + rng.normal(scale=noise, size=light.shape), unit='nJy', **options)


OFFSETS = [(0.0, 0.0), (0.4, -0.3), (-3.7, 2.2), (5.5, 6.1)]


@pytest.fixture(scope='module')
def distorted():
    """Stamps of an image with SIP and lookup tables."""
    positions = [(130.2, 310.7), (402.5, 88.1), (2, 350)]
    return StampSet.from_image(make_image('all'), size=32, positions=positions, partial='fill')


def sky_of(stamps, x, y):
    return [pixel_to_sky(np.atleast_1d(x), np.atleast_1d(y), wcs)[0] for wcs in stamps.wcs]


def test_bin_agrees_with_block_reduce():
    stamps = make_stamps(3, shape=(30, 31), uncertainty=np.full((3, 30, 31), 0.5))
    binned = stamps.bin(3)
    for k in range(3):
        right = block_reduce(stamps.pixels[k, :, :30].astype(float), 3)
        np.testing.assert_allclose(binned.pixels[k], right, rtol=1e-5)
    assert binned.uncertainty == pytest.approx(1.5)
    assert binned.dtype == np.float32


@pytest.mark.parametrize(
    ('unit', 'value', 'noise'),
    [('nJy', 4.0, 2.0), ('MJy / sr', 1.0, 0.5), ('K', 1.0, 0.5), (None, 4.0, 2.0)],
)
def test_bin_adds_flux_and_averages_all_else(unit, value, noise):
    ones = np.ones((2, 8, 8))
    binned = StampSet(ones, uncertainty=ones, unit=unit).bin(2)
    assert (binned.pixels == value).all()
    assert (binned.uncertainty == noise).all()


def test_bin_keeps_the_sky(distorted):
    binned = distorted.bin(4)
    assert binned.shape == (8, 8)
    for first, second in zip(sky_of(distorted, 13.5, 5.5), sky_of(binned, 3, 1), strict=True):
        assert first.separation(second).mas < 1e-3
    assert binned.pixel_scale.value == pytest.approx(4 * distorted.pixel_scale.value)
    area = distorted.pixel_area[:2].value * 16
    assert binned.pixel_area[:2].value == pytest.approx(area, rel=1e-4)


@pytest.mark.parametrize('factor', [2, 3])
@pytest.mark.parametrize('edge', [9, 12])
def test_bin_keeps_the_psf_centered(factor, edge):
    y, x = np.indices((edge, edge)) - (edge - 1) / 2
    psf = np.exp(-(x**2 + y**2) / 4)
    bands = [Band('r', psf=psf), 'i']
    stamps = make_stamps(2, psf=psf, bands=bands).bin(factor)
    binned = stamps.psf
    assert np.array_equal(stamps.bands[0].psf, binned)
    assert stamps.bands[1] == Band('i')
    assert binned.sum() == pytest.approx(psf.sum())
    assert len(binned) % 2 == edge % 2
    np.testing.assert_allclose(binned, binned[::-1, ::-1])


@pytest.mark.parametrize('factor', [0, 33, 1.5, True, '2', None])
def test_bin_refuses_other_factors(factor):
    with pytest.raises(ValueError, match=r'`factor` must be an integer from 1 to .* 32; got'):
        make_stamps(2).bin(factor)


def test_logarithms_are_refused():
    stamps = StampSet(np.ones((2, 8, 8)) * u.ABmag)
    for change in (lambda: stamps.bin(2), lambda: stamps.recenter('peak')):
        with pytest.raises(u.UnitsError, match='convert them to flux first'):
            change()


@pytest.mark.parametrize('shape', [(64, 64), (50, 31), (65, 64)])
@pytest.mark.parametrize('bands', [None, 3])
def test_crop_undoes_pad(shape, bands):
    stamps = make_stamps(3, shape=(31, 30), bands=bands, wcs=[make_wcs((31, 30))] * 3)
    stamps = stamps.replace(uncertainty=np.ones_like(stamps.pixels))
    padded = stamps.pad(shape)
    assert padded.shape == shape
    assert np.isnan(padded.pixels[~padded.valid]).all()
    assert np.count_nonzero(padded.valid) == stamps.pixels.size
    assert_stamps_equal(padded.crop((31, 30)), stamps)


def test_pad_with_a_value_masks_nothing_new():
    mask = np.zeros((2, 8, 8), dtype=bool)
    mask[0, 0, 0] = True
    ones = np.ones((2, 8, 8))
    padded = StampSet(ones, mask=mask, uncertainty=ones).pad(10, fill_value=0)
    assert np.count_nonzero(padded.mask) == 1
    assert padded.pixels.sum() == 128
    assert np.isinf(padded.uncertainty).sum() == 72


def test_pad_says_what_it_cannot_do():
    stamps = make_stamps(2)
    with pytest.raises(ValueError, match=r'at least that of the stamps.*got 31 x 40.*`crop'):
        stamps.pad((31, 40))
    with pytest.raises(ValueError, match='`fill_value` must be a finite number'):
        stamps.pad(40, fill_value=np.inf)
    with pytest.raises(ValueError, match=r'got 40 x 40. .*`pad\(...\)`'):
        stamps.crop(40)


@pytest.mark.parametrize('size', SIZES)
def test_sets_of_many_sizes_get_into_a_network(size):
    from astro_wgan.stamps.consistency import size_advice

    stamps = StampSet(np.ones((1, size, size), dtype='f4'))
    advice = size_advice(stamps, (64, 64))
    for code in advice.split('`')[1::2]:
        done = eval(code, {'stamps': stamps})
        assert done.shape == (64, 64)
        assert done.valid.all()


@pytest.mark.parametrize('on', ['centroid', 'peak'])
def test_recentered_sources_are_in_the_center(on):
    stamps = sources(OFFSETS, sigma=2.0, noise=0.005, wcs=[make_wcs()] * 4)
    centered = stamps.recenter(on)
    shift = np.stack([centered.table[name].value for name in ('shift_x', 'shift_y')], axis=1)
    assert shift == pytest.approx(np.array(OFFSETS), abs=0.1)
    again = measure_sources(centered, progress=False).stamps
    for name in ('x', 'y'):
        assert again[name].value == pytest.approx(31.5, abs=0.1)
    assert centered.pixels[centered.valid].sum() == pytest.approx(stamps.pixels.sum(), rel=0.02)
    # The sky moves with the pixels.
    for k, dx in enumerate(shift):
        before = stamps.wcs[k].pixel_to_world(*(31.5 + dx))
        assert centered.wcs[k].pixel_to_world(31.5, 31.5).separation(before).mas < 1e-3


def test_recenter_on_positions(distorted):
    x, y = [15.2, 16.1, 17.0], [15.9, 14.8, 13.0]
    sky = [
        s.icrs
        for s in (
            pixel_to_sky(np.array([a]), np.array([b]), w)[0]
            for a, b, w in zip(x, y, distorted.wcs, strict=True)
        )
    ]
    by_pixel = distorted.recenter(np.stack([x, y], axis=1))
    by_sky = distorted.recenter(SkyCoord(sky))
    assert by_pixel.table['shift_x'].value == pytest.approx(np.array(x) - 15.5)
    assert by_sky.table['shift_y'].value == pytest.approx(np.array(y) - 15.5, abs=1e-5)
    for given, found in zip(sky, sky_of(by_pixel, 15.5, 15.5), strict=True):
        assert given.separation(found).mas < 1e-3


def test_stamps_without_source_stay_where_they_are():
    stamps = sources(OFFSETS)
    pixels = stamps.pixels.copy()
    pixels[1] = np.nan
    stamps = stamps.replace(pixels=pixels)
    for on, max_shift in (('peak', None), ('centroid', None), ('centroid', 1.5)):
        centered = stamps.recenter(on, max_shift=max_shift)
        stays = np.isnan(centered.table['shift_x'].value)
        assert stays[1]
        assert stays[2:].all() == (max_shift is not None)
        assert_stamps_equal(centered[stays].replace(table=stamps[stays].table), stamps[stays])
    positions = np.full((4, 2), np.nan)
    centered = stamps.recenter(positions)
    assert np.array_equal(centered.pixels, stamps.pixels, equal_nan=True)


def test_a_slope_or_one_value_is_no_peak():
    y, x = np.indices((40, 40), dtype=float)
    stamps = StampSet([np.zeros((40, 40)), x, -y, -((x - 22) ** 2) - (y - 18) ** 2])
    shift = stamps.recenter('peak').table['shift_x'].value
    assert np.isnan(shift).tolist() == [True, True, True, False]
    assert shift[3] == pytest.approx(2.5)


def test_the_largest_shift_may_be_an_angle():
    stamps = sources(OFFSETS).replace(pixel_scale=0.1 * u.arcsec)
    for max_shift in (0.15 * u.arcsec, 1.5 * u.pix, (1.5, 1.5)):
        assert_stamps_equal(
            stamps.recenter('peak', max_shift=max_shift), stamps.recenter('peak', max_shift=1.5)
        )
    with pytest.raises(ValueError, match='must be in pixels, since the stamps have no'):
        sources(OFFSETS).recenter(max_shift=1 * u.arcsec)


def test_recenter_uses_the_mean_of_valid_bands():
    stamps = sources(OFFSETS)
    bands = np.stack([stamps.pixels, np.full_like(stamps.pixels, np.nan)], axis=-1)
    centered = StampSet(bands, unit='nJy').recenter()
    one = stamps.recenter()
    assert np.array_equal(centered.table['shift_x'], one.table['shift_x'])
    assert np.array_equal(centered.band(0).pixels, one.pixels, equal_nan=True)
    assert not centered.band(1).valid.any()


@pytest.mark.parametrize(
    ('on', 'words'),
    [
        ('middle', "`on` must be 'peak', 'centroid' or positions; got 'middle'"),
        (np.zeros((3, 2)), r'of shape \(4, 2\); got float64 of shape \(3, 2\)'),
        (np.full((4, 2), 64.0), 'not in their stamps of 64 columns .*id 0'),
        (SkyCoord([1] * 4, [2] * 4, unit='deg'), '4 stamps have no celestial WCS'),
        (SkyCoord(1, 2, unit='deg'), 'a position per stamp, 4'),
        (np.full((4, 2), 3.0) * u.arcsec, r'or in pixels \(x, y\) of each stamp; got arcsec'),
    ],
)
def test_recenter_refuses_other_positions(on, words):
    with pytest.raises(ValueError, match=words):
        sources(OFFSETS).recenter(on)


@pytest.mark.parametrize('max_shift', [0, -1, np.nan, '2', (1, 2, 3)])
def test_recenter_refuses_other_limits(max_shift):
    with pytest.raises(ValueError, match='`max_shift` must be a number of pixels above 0'):
        sources(OFFSETS).recenter(max_shift=max_shift)


def test_resampled_stamps_go_through_stores_and_objects_of_astropy(distorted, tmp_path):
    stamps = distorted.recenter(np.full((3, 2), 15.3)).bin(2)
    store = StampStore.create(tmp_path / 'a', like=stamps)
    store.append(stamps)
    assert_stamps_equal(store, stamps)
    assert store.bin(2) == stamps.bin(2)
    assert describe_stamps(store) == describe_stamps(stamps)
    assert describe_stamps(stamps)['WCS'] != describe_stamps(distorted.bin(2))['WCS']
    assert concatenate([stamps[:1], stamps[1:]]) == stamps
    for cutout, wcs in zip(stamps.to_cutout2d(), stamps.wcs, strict=True):
        assert cutout.wcs.wcs.crpix == pytest.approx(wcs.wcs.crpix)
        assert cutout.shape == (16, 16)


def test_a_store_begun_with_whole_pixels_takes_resampled_stamps(tmp_path):
    first = make_stamps(3, wcs=[make_wcs((32, 32))] * 3)
    second = first.recenter(np.full((3, 2), 15.1)).replace(table=None)
    second.table = first.table.copy()
    second.table['id'] += 3
    store = StampStore.create(tmp_path / 'a', like=first)
    store.append(first)
    store.append(second)
    store = StampStore.open(tmp_path / 'a')
    assert_stamps_equal(store[:3], first)
    assert_stamps_equal(store[3:], second)


def test_empty_sets_stay_empty():
    none = make_stamps(3)[:0]
    assert none.bin(2).shape == (16, 16)
    assert none.pad(40).shape == (40, 40)
    assert len(none.recenter()) == 0
    assert none.recenter('peak').shape == (32, 32)
