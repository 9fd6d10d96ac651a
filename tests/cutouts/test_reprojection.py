"""Reprojected stamps, against closed formulas, reproject with the full WCS, and photometry."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import Sip
from numpy.testing import assert_allclose, assert_array_equal
from photutils.aperture import CircularAperture, aperture_photometry
from reproject import reproject_interp

from astro_wgan import datasets
from astro_wgan.stamps import StampSet, concatenate
from astro_wgan.testing import make_wcs

SCALE = 0.1


def stamp_wcs(size=64, *, turn=0.0, mirrored=False, scale=SCALE, center=(150.0, 2.0)):
    return make_wcs(
        (size, size),
        center=SkyCoord(*center, unit='deg'),
        pixel_scale=scale * u.arcsec,
        position_angle=turn * u.deg,
        mirrored=mirrored,
    )


def gaussian(x, y, sigma, size=64):
    """A source of flux 1."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    distance = ((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)
    return np.exp(-distance) / (2 * np.pi * sigma**2)


def centroid(image):
    rows, columns = np.indices(image.shape)
    return np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()


@pytest.fixture(scope='module')
def sources():
    """Four sources of known flux, off the center, each in a stamp with its own WCS."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(27, 36, size=(2, 4))
    flux = np.array([1.0, 20.0, 300.0, 5.0])
    pixels = [f * gaussian(*xy, 2.0) for f, *xy in zip(flux, x, y, strict=True)]
    wcs = [stamp_wcs(turn=turn, center=(150, 2 + turn / 90)) for turn in (0, 20, 100, -45)]
    sky = SkyCoord([w.pixel_to_world(*xy) for w, *xy in zip(wcs, x, y, strict=True)])
    return StampSet(np.array(pixels), wcs=wcs, table={'flux': flux, 'sky': sky})


@pytest.mark.parametrize('method', ['adaptive', 'interp', 'exact'])
@pytest.mark.parametrize('orientation', [None, 30 * u.deg, -1.0 * u.rad])
@pytest.mark.parametrize('factor', [0.5, 1.0, 1.3, 2.0, 3.0])
def test_flux_and_position_are_conserved(factor, orientation, method, sources):
    aligned = sources.reproject(
        pixel_scale=factor * SCALE * u.arcsec, position_angle=orientation, method=method
    )
    pixels = aligned.filled(0)
    tolerance = 0.01 if method == 'interp' else 0.003
    assert_allclose(pixels.sum(axis=(1, 2)), sources.table['flux'], rtol=tolerance)
    for image, wcs, sky in zip(pixels, aligned.wcs, sources.table['sky'], strict=True):
        # Interpolation at every third pixel sees but little of a source of two pixels.
        within = 0.1 if method != 'interp' or factor < 3 else 0.2
        assert_allclose(wcs.world_to_pixel(sky), centroid(image), atol=within)


@pytest.mark.parametrize('turn', [0, 35, -120])
def test_the_y_axis_has_the_position_angle(turn, sources):
    aligned = sources.reproject(position_angle=turn * u.deg)
    for wcs in aligned.wcs:
        center, up, right = (wcs.pixel_to_world(31.5 + dx, 31.5 + dy) for dx, dy in OFFSETS)
        assert_allclose(center.position_angle(up).wrap_at('180d').deg, turn, atol=0.1)
        # East is left of north.
        to_right = center.position_angle(right) - center.position_angle(up)
        assert_allclose(to_right.wrap_at('180d').deg, -90, atol=0.1)
        assert_allclose(center.separation(up).arcsec, 5 * SCALE, rtol=1e-3)


OFFSETS = ((0, 0), (0, 5), (5, 0))


@pytest.mark.parametrize('mirrored', [False, True])
def test_each_stamp_keeps_its_own_orientation_by_default(mirrored):
    wcs = [stamp_wcs(turn=turn, mirrored=mirrored) for turn in (10, 130)]
    stamps = StampSet(np.ones((2, 64, 64)), wcs=wcs)
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec)
    for before, after in zip(wcs, aligned.wcs, strict=True):
        assert_allclose(after.wcs.cd, 2 * before.wcs.cd, rtol=1e-6, atol=1e-9)
        assert_allclose(after.wcs_pix2world(15.5, 15.5, 0), before.wcs_pix2world(31.5, 31.5, 0))


@pytest.mark.parametrize('method', ['adaptive', 'interp', 'exact'])
def test_the_same_grid_gives_the_same_stamps(method, sources):
    same = sources.reproject(method=method)
    assert same.mask is None
    smoothing = 0.1 if method == 'adaptive' else 1e-4
    difference = np.abs(same.pixels - sources.pixels).max(axis=(1, 2))
    assert (difference < smoothing * sources.pixels.max(axis=(1, 2))).all()


def test_stamps_of_one_image_agree_with_reproject_by_their_full_wcs():
    image = datasets.load_image('mock_f814w')
    stamps = StampSet.from_image(image, size=64, positions=[(81, 162), (60, 120), (200, 40)])
    aligned = stamps.reproject(
        pixel_scale=0.05 * u.arcsec, position_angle=25 * u.deg, size=30, method='interp'
    )
    area = (0.05 / 0.03) ** 2
    for k in range(3):
        expected, _ = reproject_interp(
            (stamps.pixels[k], stamps.wcs[k]), aligned.wcs[k], shape_out=(30, 30)
        )
        assert_allclose(aligned.pixels[k], expected * area, atol=0.02 * stamps.pixels[k].max())
        # A sixth of the noise.
        assert_allclose(aligned.pixels[k], expected * area, rtol=0, atol=5e-4)


@pytest.mark.parametrize('method', ['adaptive', 'interp', 'exact'])
@pytest.mark.parametrize('orientation', [None, 30 * u.deg])
def test_photometry_on_coarser_pixels_is_the_same(orientation, method):
    image = datasets.load_image('mock_f814w')
    stamps = StampSet.from_image(image, size=128, positions=[(165, 118), (143, 181)])
    aligned = stamps.reproject(
        pixel_scale=0.06 * u.arcsec, position_angle=orientation, method=method
    )
    assert aligned.shape == (64, 64)
    for k, sky in enumerate(stamps.table['sky']):
        before = aperture_flux(stamps.pixels[k], stamps.wcs[k].world_to_pixel(sky), 0.9 / 0.03)
        after = aperture_flux(aligned.pixels[k], aligned.wcs[k].world_to_pixel(sky), 0.9 / 0.06)
        assert before > 10
        assert after == pytest.approx(before, rel=0.01)


def aperture_flux(pixels, center, radius):
    return aperture_photometry(pixels, CircularAperture(center, radius))[0]['aperture_sum']


def test_distortion_within_a_stamp_is_followed():
    wcs = stamp_wcs()
    wcs.wcs.ctype = 'RA---TAN-SIP', 'DEC--TAN-SIP'
    bend = np.zeros((3, 3))
    bend[2, 0] = 2e-3
    wcs.sip = Sip(bend, np.zeros((3, 3)), None, None, wcs.wcs.crpix)
    x, y = 50.0, 40.0
    stamps = StampSet(gaussian(x, y, 2.0)[np.newaxis], wcs=[wcs])
    aligned = stamps.reproject(position_angle=0 * u.deg, method='interp', size=80)
    # Two thirds of a pixel off the affine map, which would be seen.
    assert_allclose(
        aligned.wcs[0].world_to_pixel(wcs.pixel_to_world(x, y)),
        centroid(aligned.filled(0)[0]),
        atol=0.1,
    )


def test_stamps_far_from_the_center_of_a_projection_get_a_plane_of_their_own():
    wcs = stamp_wcs(center=(10.0, 70.0))
    parent = np.zeros((2, 64, 64))
    parent[0] = gaussian(30, 33, 2.0)
    far = wcs.deepcopy()
    # North is 7 degrees off there.
    far.wcs.crpix -= 90000, 0
    parent[1] = gaussian(30, 33, 2.0)
    aligned = StampSet(parent, wcs=[wcs, far]).reproject(position_angle=0 * u.deg)
    for before, after, image in zip((wcs, far), aligned.wcs, aligned.filled(0), strict=True):
        expected = after.world_to_pixel(before.pixel_to_world(30, 33))
        assert_allclose(centroid(image), expected, atol=0.02)
        center, up = after.pixel_to_world([31.5, 31.5], [31.5, 41.5])
        assert center.position_angle(up).wrap_at('180d').deg == pytest.approx(0, abs=0.1)
    skewed = far.pixel_to_world(31.5, 31.5).position_angle(far.pixel_to_world(31.5, 41.5))
    assert abs(skewed.wrap_at('180d').deg) > 5


def test_galactic_images_are_aligned_to_icrs():
    wcs = stamp_wcs(center=(120.0, 30.0))
    wcs.wcs.ctype = 'GLON-TAN', 'GLAT-TAN'
    stamps = StampSet(gaussian(35, 30, 2.0)[np.newaxis], wcs=[wcs])
    aligned = stamps.reproject(position_angle=0 * u.deg)
    sky = wcs.pixel_to_world(35, 30).icrs
    assert_allclose(centroid(aligned.filled(0)[0]), aligned.wcs[0].world_to_pixel(sky), atol=0.05)


@pytest.mark.parametrize(
    'unit',
    [
        'MJy / sr',
        'Jy / beam',
        'Jy km / (s beam)',
        'electron / (s arcsec2)',
        'K',
        'K km / s',
        'km / s',
        's',
        '%',
        'solLum / pc2',
        '1 / cm2',
    ],
)
def test_what_is_no_flux_per_pixel_stays(unit):
    stamps = StampSet(np.full((1, 64, 64), 7.0), unit=unit, wcs=[stamp_wcs()])
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec)
    assert_allclose(aligned.pixels, 7, rtol=1e-6)
    assert aligned.unit == u.Unit(unit)


@pytest.mark.parametrize(('text', 'value'), [('S/N', 7), ('ratio', 7), ('N/A', 28), ('', 28)])
def test_ratios_stay_and_numbers_of_unknown_unit_are_flux(text, value):
    header = stamp_wcs().to_header()
    header['BUNIT'] = text
    images = [fits.PrimaryHDU(np.full((64, 64), 7.0), header)] * 2
    stamps = concatenate(
        [StampSet.from_image(image, size=60, positions=[(32, 32)]) for image in images],
        renumber=True,
    )
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec)
    assert_allclose(aligned.pixels, value, rtol=1e-6)


@pytest.mark.parametrize('unit', [None, 'nJy', 'electron / s', 'ct / pix', 'nmgy', 'solLum'])
def test_flux_of_a_pixel_grows_with_its_area(unit):
    stamps = StampSet(np.full((1, 64, 64), 7.0), unit=unit, wcs=[stamp_wcs()])
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec)
    assert_allclose(aligned.pixels, 28, rtol=1e-6)


@pytest.mark.parametrize('method', ['adaptive', 'interp', 'exact'])
def test_masked_pixels_do_not_count(method):
    pixels = np.full((2, 32, 32), 3.0)
    pixels[0, 10:12, 8:20] = 1e6
    pixels[1, 0, 0] = np.nan
    mask = pixels > 1e5
    stamps = StampSet(pixels, mask=mask, wcs=[stamp_wcs(32)] * 2)
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec, method=method)
    good = aligned.valid
    assert_allclose(aligned.pixels[good], 12, rtol=1e-6)
    assert not good[0, 5, 5:9].any()
    assert np.isnan(aligned.pixels[~good]).all()
    assert np.count_nonzero(~good) <= 12
    assert good[1, 1:].all()


def test_pixels_rotated_in_from_outside_are_masked():
    stamps = StampSet(np.ones((1, 64, 64)), wcs=[stamp_wcs()])
    aligned = stamps.reproject(position_angle=45 * u.deg)
    # A square in a square turned by 45 degrees: an octagon of 2 (sqrt 2 - 1) of its area.
    assert aligned.valid.mean() == pytest.approx(2 * (np.sqrt(2) - 1), abs=0.02)
    assert_allclose(aligned.pixels[aligned.valid], 1, rtol=1e-6)


@pytest.mark.parametrize('unit', ['nJy', 'MJy / sr'])
@pytest.mark.parametrize('factor', [0.5, 2.0])
def test_the_uncertainty_of_an_aperture_is_that_of_its_scatter(factor, unit):
    rng = np.random.default_rng(3)
    noise = np.broadcast_to(np.linspace(1, 2, 32), (200, 32, 32))
    stamps = StampSet(
        noise * rng.normal(size=noise.shape),
        uncertainty=noise,
        unit=unit,
        wcs=[stamp_wcs(32)] * 200,
    )
    aligned = stamps.reproject(pixel_scale=factor * SCALE * u.arcsec)
    edge = aligned.shape[0] // 8
    inside = np.s_[:, edge:-edge, edge:-edge]
    sums = aligned.pixels[inside].sum(axis=(1, 2))
    claimed = np.sqrt(np.square(aligned.uncertainty[inside][0]).sum())
    assert claimed == pytest.approx(sums.std(), rel=0.12)
    before = np.sqrt(np.square(noise[0, 4:-4, 4:-4]).sum())
    assert claimed == pytest.approx(before / (factor**2 if unit != 'nJy' else 1), rel=0.02)


@pytest.mark.parametrize(('unit', 'area'), [('nJy', 4), ('MJy / sr', 1)])
def test_valid_pixels_stand_for_masked_ones(unit, area):
    mask = np.zeros((1, 32, 32), dtype=bool)
    mask[:, ::2, ::2] = True
    stamps = StampSet(
        np.ones(mask.shape),
        uncertainty=np.ones(mask.shape),
        mask=mask,
        unit=unit,
        wcs=[stamp_wcs(32)],
    )
    coarse = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec, method='exact')
    assert_allclose(coarse.pixels, area, rtol=1e-5)
    # The mean of three pixels.
    assert_allclose(coarse.uncertainty, area / np.sqrt(3), rtol=1e-4)


def test_pixels_without_weight_stay_so():
    noise = np.ones((1, 32, 32))
    noise[0, 10, 10] = np.inf
    stamps = StampSet(np.ones((1, 32, 32)), uncertainty=noise, wcs=[stamp_wcs(32)])
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec, method='interp')
    assert np.isinf(aligned.uncertainty[0, 5, 5])
    assert np.isfinite(aligned.uncertainty).sum() == 255


def test_bands_are_aligned_alike(sources):
    pixels = np.stack([sources.pixels, 2 * sources.pixels, -sources.pixels], axis=-1)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, 20:24, 20:24, 1] = True
    stamps = StampSet(pixels, mask=mask, wcs=list(sources.wcs))
    options = {'pixel_scale': 2 * SCALE * u.arcsec, 'position_angle': 0 * u.deg}
    aligned = stamps.reproject(**options)
    single = sources.reproject(**options)
    assert aligned.pixels.shape == (4, 32, 32, 3)
    assert_allclose(aligned.pixels[..., 0], single.pixels)
    assert_allclose(aligned.pixels[..., 2], -single.pixels)
    assert aligned.valid[..., 1].sum() < aligned.valid[..., 0].sum()
    assert_array_equal(aligned.valid[..., 0], single.valid)


def test_table_meta_type_and_size_are_carried(sources):
    stamps = StampSet(
        sources.pixels[:, :60].astype(np.float32),
        wcs=[stamp_wcs()] * 4,
        table=sources.table,
        meta={'field': 'A'},
    )
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec)
    assert aligned.shape == (30, 32)
    assert aligned.pixels.dtype == np.float32
    assert aligned.pixel_scale == 0.2 * u.arcsec / u.pix
    assert_array_equal(aligned.table['flux'], sources.table['flux'])
    assert aligned.meta['field'] == 'A'
    assert aligned.meta['reprojected']['pixel_scale_arcsec'] == pytest.approx(0.2)
    assert stamps.reproject(size=(20, 24)).shape == (20, 24)
    assert stamps.reproject(size=17).shape == (17, 17)


def test_sets_of_two_instruments_can_be_joined_afterwards(sources):
    coarse = StampSet(
        np.stack([gaussian(15.5, 15.5, 2.0, 32)]),
        wcs=[stamp_wcs(32, scale=2 * SCALE)],
        table={'id': [99]},
    )
    fine = sources.reproject(pixel_scale=2 * SCALE * u.arcsec)
    del fine.table['flux'], fine.table['sky']
    both = concatenate([fine, coarse])
    assert len(both) == 5
    assert both.wcs[4].wcs.ctype[0] == 'RA---TAN'


@pytest.mark.parametrize('factor', [0.5, 2.0])
def test_the_psf_follows_where_it_is_the_same_for_all(factor, sources):
    psf = gaussian(20, 20, 3.0, 41)
    stamps = StampSet(sources.pixels, psf=psf, wcs=[stamp_wcs()] * 4)
    aligned = stamps.reproject(pixel_scale=factor * SCALE * u.arcsec)
    edge = aligned.psf.shape[0]
    assert edge % 2 == 1
    assert aligned.psf.sum() == pytest.approx(1, rel=0.01)
    assert_allclose(centroid(aligned.psf), (edge - 1) / 2, atol=1e-6)
    # The kernel of the resampling adds a little to the width.
    width = np.sqrt((aligned.psf * (np.arange(edge) - edge // 2) ** 2).sum())
    assert 3 / factor < width < 3 / factor + 0.5
    turned = StampSet(sources.pixels, psf=psf, wcs=list(sources.wcs))
    assert turned.reproject(position_angle=0 * u.deg).psf is None


@pytest.mark.parametrize('method', ['adaptive', 'interp', 'exact'])
def test_stamps_without_wcs_can_be_rescaled(method):
    stamps = StampSet(gaussian(30, 33, 2.0)[np.newaxis], pixel_scale=SCALE * u.arcsec)
    aligned = stamps.reproject(pixel_scale=2 * SCALE * u.arcsec, method=method)
    assert aligned.wcs[0] is None
    assert aligned.pixels.sum() == pytest.approx(1, rel=0.002)
    assert_allclose(centroid(aligned.pixels[0]), [(30 - 0.5) / 2, (33 - 0.5) / 2], atol=0.01)


def test_an_empty_set_stays_one(sources):
    aligned = sources[:0].reproject(pixel_scale=2 * SCALE * u.arcsec)
    assert aligned.pixels.shape == (0, 32, 32)
    assert len(aligned.wcs) == 0


def test_more_stamps_than_one_call_takes():
    flux = np.arange(1, 601, dtype=float)
    pixels = flux[:, np.newaxis, np.newaxis] * gaussian(7.5, 7.5, 2.0, 16)
    stamps = StampSet(pixels, wcs=[stamp_wcs(16, turn=10.0 * (k % 3)) for k in range(600)])
    aligned = stamps.reproject(method='interp')
    assert_allclose(aligned.pixels, pixels, rtol=1e-3)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'method': 'cubic'}, ValueError, "`method` must be one of .*; got 'cubic'"),
        ({'pixel_scale': 2 * u.kpc}, u.UnitsError, '`pixel_scale` must be one angle'),
        ({'pixel_scale': 0 * u.arcsec}, ValueError, '`pixel_scale` must be above zero'),
        ({'position_angle': 30}, u.UnitsError, '`position_angle` must be an angle'),
        ({'position_angle': 3 * u.nJy}, u.UnitsError, '`position_angle` must be an angle'),
        ({'position_angle': np.nan * u.deg}, ValueError, 'one finite angle'),
        ({'size': 0}, ValueError, '`size` must be a number of pixels above 0'),
        ({'size': (3, 4, 5)}, ValueError, '`size` must be a number of pixels'),
    ],
)
def test_arguments_out_of_range_are_named(options, error, message, sources):
    with pytest.raises(error, match=message):
        sources.reproject(**options)


def test_stamps_that_cannot_be_reprojected_are_refused():
    bare = StampSet(np.ones((2, 16, 16)))
    with pytest.raises(ValueError, match='Give `pixel_scale`: the stamps have neither'):
        bare.reproject()
    with pytest.raises(ValueError, match='neither WCS nor pixel scale'):
        bare.reproject(pixel_scale=0.1 * u.arcsec)
    scaled = StampSet(np.ones((2, 16, 16)), pixel_scale=0.1 * u.arcsec)
    with pytest.raises(ValueError, match='2 stamps have no celestial WCS, so that they cannot be'):
        scaled.reproject(position_angle=0 * u.deg)
    for unit in ('mag', 'mag(AB)', 'mag / arcsec2'):
        with pytest.raises(u.UnitsError, match='convert them to flux first'):
            StampSet(np.ones((1, 16, 16)), unit=unit, wcs=[stamp_wcs(16)]).reproject()
    edge = stamp_wcs(16, scale=36000.0)
    edge.wcs.ctype = 'RA---AIT', 'DEC--AIT'
    edge.wcs.crval = 0, 0
    with pytest.raises(ValueError, match='no sky position for all of their pixels'):
        StampSet(np.ones((1, 64, 64)), wcs=[edge]).reproject()


@pytest.mark.parametrize('change', ['reproject', 'recenter'])
def test_the_largest_uncertainties_become_unknown_without_a_warning(change):
    y, x = np.indices((24, 24))
    pixels = 50 * np.exp(-((x - 12) ** 2 + (y - 11.3) ** 2) / 8).astype(np.float32)[np.newaxis]
    uncertainty, mask = np.ones_like(pixels), np.zeros(pixels.shape, dtype=bool)
    uncertainty[:, 3:7, 3:7], mask[:, 4, 4] = np.finfo('f4').max, True
    wcs = [make_wcs((24, 24), pixel_scale=0.06 * u.arcsec)]
    stamps = StampSet(pixels, uncertainty=uncertainty, mask=mask, unit='nJy', wcs=wcs)
    how = {'pixel_scale': 0.1 * u.arcsec} if change == 'reproject' else {}
    found = getattr(stamps, change)(**how)
    assert np.isinf(found.uncertainty).any()
    assert np.nanmin(found.uncertainty) < 10
