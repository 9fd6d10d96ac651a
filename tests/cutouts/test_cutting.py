"""Stamps cut from images, judged by astropy's Cutout2D."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK5, Galactic, SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D, NoOverlapError, StdDevUncertainty
from astropy.table import QTable, Table
from astropy.wcs import WCS, Sip
from regions import (
    CirclePixelRegion,
    CircleSkyRegion,
    PixCoord,
    PolygonPixelRegion,
    PolygonSkyRegion,
    RectanglePixelRegion,
    Regions,
)

from astro_wgan import datasets
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.sep_detection import detect
from astro_wgan.exceptions import DetectionError, ImageError
from astro_wgan.images import read_image
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import StampSet

SHAPE = (90, 120)


def tan_wcs(frame='FK5', sip=False):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    if sip:
        wcs.wcs.ctype = 'RA---TAN-SIP', 'DEC--TAN-SIP'
        a = np.zeros((3, 3))
        a[2, 0] = 1e-5
        wcs.sip = Sip(a, a.T, None, None, (61.5, 40.25))
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = 61.5, 40.25
    wcs.wcs.cdelt = -1e-5, 1e-5
    wcs.wcs.radesys = frame
    wcs.wcs.set()
    return wcs


def make_image(wcs=None, *, bad=True):
    rng = np.random.default_rng(3)
    pixels = rng.normal(size=SHAPE).astype(np.float32)
    mask = None
    if bad:
        pixels[30, 40] = np.nan
        mask = rng.random(SHAPE) < 0.01
    deviation = StdDevUncertainty(rng.uniform(1, 2, size=SHAPE).astype(np.float32))
    return CCDData(pixels, unit='nJy', mask=mask, uncertainty=deviation, wcs=wcs)


def overlapping_positions(rng, n, size):
    """Positions inside and so little outside that stamps still overlap with the image."""
    margin = np.array(size[::-1]) / 2 - 1
    return rng.uniform(-margin, np.array(SHAPE[::-1]) + margin, size=(n, 2))


def headers_of(wcs):
    return wcs.to_header(relax=True).tostring(), wcs.array_shape


@pytest.mark.parametrize('size', [(16, 16), (15, 15), (16, 9), (7, 32), (1, 2), (120, 130)])
@pytest.mark.parametrize('kind', ['fractional', 'whole', 'half'])
def test_stamps_agree_with_cutout2d(size, kind):
    image = make_image(tan_wcs(sip=True))
    bad = image.mask | ~np.isfinite(image.data)
    positions = overlapping_positions(np.random.default_rng(4), 60, size)
    if kind != 'fractional':
        positions = np.round(positions) + (0.5 if kind == 'half' else 0)
        positions = positions[(positions > -np.array(size[::-1]) / 2 + 1).all(axis=1)]

    stamps = StampSet.from_image(
        image, size=size, positions=positions, partial='fill', fill_value=-9
    )

    assert len(stamps) == len(positions) > 20
    assert stamps.unit == u.nJy
    deviation = image.uncertainty.array
    for k, position in enumerate(positions):
        expected = Cutout2D(
            image.data, tuple(position), size, wcs=image.wcs, mode='partial', fill_value=-9
        )
        mask = Cutout2D(bad, tuple(position), size, mode='partial', fill_value=True)
        noise = Cutout2D(deviation, tuple(position), size, mode='partial')
        assert np.array_equal(stamps.pixels[k], expected.data, equal_nan=True)
        assert np.array_equal(stamps.mask[k], mask.data)
        assert np.array_equal(stamps.uncertainty[k], noise.data, equal_nan=True)
        wcs = stamps.wcs[k]
        assert headers_of(wcs) == headers_of(expected.wcs)
        assert np.array_equal(wcs.sip.crpix, expected.wcs.sip.crpix)


def test_many_stamps_in_any_order_stay_with_their_positions():
    image = np.random.default_rng(1).normal(size=(300, 200)).astype(np.float32)
    # Enough for several threads and blocks.
    corner = np.random.default_rng(2).integers(0, (200 - 64, 300 - 64), size=(2500, 2))
    stamps = StampSet.from_image(image, size=64, positions=corner + 31.5)
    assert np.array_equal(stamps.geometry.corner, corner)
    for stamp, (x, y) in zip(stamps.pixels, corner, strict=True):
        assert np.array_equal(stamp, image[y : y + 64, x : x + 64])


def test_dropped_stamps_are_those_that_cutout2d_calls_partial():
    image = make_image()
    rng = np.random.default_rng(5)
    positions = rng.uniform(-40, 160, size=(300, 2))
    whole = []
    for k, position in enumerate(positions):
        try:
            Cutout2D(image.data, tuple(position), (11, 14), mode='strict')
        except ValueError:
            continue
        whole.append(k)
    stamps = StampSet.from_image(image, size=(11, 14), positions=positions)
    assert stamps.ids.tolist() == whole
    assert stamps.meta['dropped'] == 300 - len(whole)
    assert np.array_equal(stamps.table['x'].value, positions[whole, 0])


def test_stamps_without_bad_pixels_have_no_mask():
    stamps = StampSet.from_image(make_image(bad=False), size=8, positions=[(20, 20), (50, 30)])
    assert stamps.mask is None
    assert stamps.valid.all()


def test_mask_argument_is_added_to_that_of_the_image():
    image = make_image()
    mask = np.zeros(SHAPE, dtype=bool)
    mask[20, 20] = True
    stamps = StampSet.from_image(image, size=SHAPE, positions=[(59.5, 44.5)], mask=mask)
    assert np.array_equal(stamps.mask[0], image.mask | mask | np.isnan(image.data))
    with pytest.raises(ValueError, match='`mask` must have the shape of the image'):
        StampSet.from_image(image, positions=[(50, 50)], mask=mask[1:])


def test_memory_of_the_image_is_not_shared():
    pixels = np.zeros(SHAPE)
    stamps = StampSet.from_image(pixels, size=8, positions=[(20, 20)])
    stamps.pixels[:] = 1
    assert not pixels.any()


@pytest.mark.parametrize('frame', ['FK5', 'ICRS'])
@pytest.mark.parametrize('given', ['fk5', 'galactic', 'ra dec', 'column', 'table of numbers'])
def test_sky_positions(frame, given):
    wcs = tan_wcs(frame, sip=True)
    image = make_image(wcs)
    x, y = np.array([[20.3, 55.7], [80.2, 33.9], [3, 4]]).T
    sky = wcs.pixel_to_world(x, y).icrs
    positions = {
        'fk5': lambda: sky.transform_to(FK5()),
        'galactic': lambda: sky.transform_to(Galactic()),
        'ra dec': lambda: QTable({'RA': sky.ra.to(u.arcsec), 'Dec': sky.dec}),
        'column': lambda: QTable({'where': sky}),
        'table of numbers': lambda: Table({'ra': sky.ra.deg, 'dec': sky.dec.deg}),
    }[given]()
    stamps = StampSet.from_image(image, size=9, positions=positions)
    assert stamps.ids.tolist() == [0, 1]
    assert np.allclose(stamps.table['x'].value, x[:2], atol=1e-6)
    assert stamps.table['sky'].icrs.separation(sky[:2]).max() < 1e-6 * u.arcsec
    for k, position in enumerate(sky[:2]):
        expected = Cutout2D(image.data, position, 9, wcs=wcs)
        assert np.array_equal(stamps.pixels[k], expected.data, equal_nan=True)


def test_pixel_positions_get_their_place_on_the_sky():
    wcs = tan_wcs()
    stamps = StampSet.from_image(make_image(wcs), size=9, positions=[(20.3, 55.7)])
    expected = wcs.pixel_to_world(20.3, 55.7)
    assert stamps.table['sky'].separation(expected)[0] < 1e-9 * u.arcsec
    assert stamps.table['sky'].frame.name == 'icrs'
    assert u.isclose(stamps.pixel_scale, 0.036 * u.arcsec / u.pix)


def test_columns_of_a_table_are_carried_and_its_ids_kept():
    table = Table(
        {
            'id': ['a', 'b', 'c'],
            'y': [40.0, 3, 50],
            'X': [50.0, 60, 70],
            'flux': [1.0, 2, 3] * u.mJy,
        },
        meta={'survey': 'mine'},
    )
    stamps = StampSet.from_image(make_image(), size=16, positions=table)
    assert stamps.table.colnames[:3] == ['id', 'x', 'y']
    assert stamps.table['id'].tolist() == ['a', 'c']
    assert np.array_equal(stamps.table['x'], [50, 70] * u.pix)
    assert np.array_equal(stamps.table['flux'], [1, 3] * u.mJy)
    assert stamps.table.meta['survey'] == 'mine'
    assert len(table) == 3


def test_pixels_of_a_table_come_before_its_sky_positions():
    wcs = tan_wcs()
    table = QTable({'x': [50.0] * u.pix, 'y': [40.0], 'ra': [0.0] * u.deg, 'dec': [0.0] * u.deg})
    stamps = StampSet.from_image(make_image(wcs), size=16, positions=table)
    assert stamps.geometry.corner.tolist() == [[42, 32]]


@pytest.mark.parametrize('kind', ['list', 'Regions', 'one'])
def test_pixel_regions(kind):
    regions = [
        CirclePixelRegion(PixCoord(50.25, 40), radius=3),
        RectanglePixelRegion(PixCoord(20, 30.5), width=3, height=5),
        PolygonPixelRegion(PixCoord([70, 80, 80, 70], [20, 20, 30, 30])),
    ]
    positions = {'list': regions, 'Regions': Regions(regions), 'one': regions[0]}[kind]
    table = StampSet.from_image(make_image(), size=8, positions=positions).table
    expected = [(50.25, 40), (20, 30.5), (75, 25)][: len(table)]
    assert np.array_equal(np.stack([table['x'].value, table['y'].value], axis=1), expected)
    assert len(table) == (1 if kind == 'one' else 3)


def test_sky_regions():
    wcs = tan_wcs()
    sky = wcs.pixel_to_world([50.25, 20], [40, 30.5])
    circles = [CircleSkyRegion(center, radius=1 * u.arcsec) for center in sky]
    table = StampSet.from_image(make_image(wcs), size=8, positions=circles).table
    assert np.allclose(table['x'].value, [50.25, 20], atol=1e-6)
    corners = wcs.pixel_to_world([70, 80, 80, 70], [20, 20, 30, 30])
    mixed = [*circles, PolygonSkyRegion(corners), CirclePixelRegion(PixCoord(33, 44), radius=1)]
    table = StampSet.from_image(make_image(wcs), size=8, positions=Regions(mixed)).table
    assert np.allclose(table['x'].value, [50.25, 20, 75, 33], atol=1e-6)
    assert np.allclose(table['y'].value, [40, 30.5, 25, 44], atol=1e-6)


@pytest.mark.parametrize('positions', [[], np.empty((0, 2)), SkyCoord([], [], unit='deg')])
def test_no_positions_give_an_empty_set(positions):
    wcs = tan_wcs()
    stamps = StampSet.from_image(make_image(wcs), size=16, positions=positions)
    assert len(stamps) == 0
    assert stamps.shape == (16, 16)
    assert stamps.unit == u.nJy
    assert u.isclose(stamps.pixel_scale, 0.036 * u.arcsec / u.pix)
    assert 'sky' in stamps.table.colnames


def test_one_position_needs_no_second_pair_of_brackets():
    wcs = tan_wcs()
    image = make_image(wcs)
    assert len(StampSet.from_image(image, size=16, positions=(50, 40))) == 1
    assert len(StampSet.from_image(image, size=16, positions=wcs.pixel_to_world(50, 40))) == 1
    assert len(StampSet.from_image(image, size=16, positions=[[50, 40]] * u.pix)) == 1


@pytest.mark.parametrize(
    ('unit', 'flux_unit', 'factor'),
    [
        # 0.03 arcsec are 1.454441e-7 rad.
        ('MJy / sr', u.nJy, 1e15 * 1.454441e-7**2),
        ('uJy / arcsec2', u.uJy, 0.03**2),
        ('ct / pix', u.ct, 1),
        ('K', u.K * u.pix**2, 1),
        ('Jy / beam', u.Jy * u.pix**2 / u.beam, 1),
        ('mag / arcsec2', u.mag * u.pix**2 / u.arcsec**2, 1),
    ],
)
def test_detected_flux_is_a_sum_over_the_solid_angle(unit, flux_unit, factor):
    image = datasets.load_image('mock_f814w')
    plain = StampSet.from_image(image, size=32).table
    for place in ({'wcs': image.wcs}, {}):
        other = CCDData(image.data, unit=unit, mask=image.mask, **place)
        scale = None if place else 0.03 * u.arcsec
        table = StampSet.from_image(other, size=32, pixel_scale=scale).table
        assert table['isophotal_flux'].unit == flux_unit
        assert table['isophotal_flux'].value == pytest.approx(
            plain['isophotal_flux'].value * factor, rel=1e-4
        )
        assert np.array_equal(table['peak'], plain['peak'].value * u.Unit(unit))


def test_detected_flux_per_beam_is_flux_where_the_beam_is_known():
    image = datasets.load_image('mock_f814w')
    plain = StampSet.from_image(image, size=32).table
    beam = {'BMAJ': 0.3 / 3600, 'BMIN': 0.2 / 3600}
    other = CCDData(image.data, unit='Jy / beam', wcs=image.wcs, meta=beam)
    table = StampSet.from_image(other, size=32).table
    share = 0.03**2 / (np.pi * 0.3 * 0.2 / (4 * np.log(2)))
    assert table['isophotal_flux'].unit == u.Jy
    assert table['isophotal_flux'].value == pytest.approx(
        plain['isophotal_flux'].value * share, rel=1e-4
    )


@pytest.mark.parametrize(
    'beam', [{'BMAJ': 1e-4}, {'BMAJ': 'x', 'BMIN': 1.0}, {'BMAJ': 0, 'BMIN': 1}]
)
def test_half_a_beam_is_none(beam):
    image = CCDData(np.ones((9, 9)), unit='Jy / beam', meta=beam)
    assert 'beam' not in StampSet.from_image(image, size=3, positions=[(4, 4)]).meta


def test_detected_sources_bring_their_measures_with_units():
    image = datasets.load_image('ntt_field')
    image.unit = u.adu
    stamps = StampSet.from_image(image, size=(32, 30), detection=DetectionConfig(threshold=3))
    sources = detect(image.data, detection=DetectionConfig(threshold=3)).sources
    kept = sources[stamps.ids]
    assert len(kept) + stamps.meta['dropped'] == len(sources)
    assert np.array_equal(stamps.table['isophotal_flux'], kept['flux'] * u.adu)
    assert np.array_equal(stamps.table['semimajor_axis'], kept['a'] * u.pix)
    assert np.array_equal(stamps.table['orientation'], kept['theta'] * u.rad)
    assert np.array_equal(stamps.table['area'], kept['npix'] * u.pix**2)
    # Each source's brightest pixel is in its own stamp, where it was in the image.
    corner = stamps.geometry.corner
    for k, source in enumerate(kept):
        value = stamps.pixels[k, source['ypeak'] - corner[k, 1], source['xpeak'] - corner[k, 0]]
        assert value == image.data[source['ypeak'], source['xpeak']]


def test_detection_knows_the_uncertainty_and_the_mask_of_the_image():
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(80, 80)).astype(np.float32)
    pixels[20:25, 20:25] += 30
    pixels[60:65, 60:65] += 30
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[55:70, 55:70] = True
    deviation = StdDevUncertainty(np.ones(pixels.shape))
    strict = DetectionConfig(threshold=5)
    image = CCDData(pixels, unit='adu', mask=mask, uncertainty=deviation)
    stamps = StampSet.from_image(image, size=9, detection=strict)
    assert len(stamps) == 1
    assert np.allclose(stamps.table['x'].value, 22, atol=0.3)
    noisy = CCDData(pixels, unit='adu', uncertainty=StdDevUncertainty(np.full((80, 80), 10.0)))
    with pytest.raises(DetectionError):
        StampSet.from_image(noisy, size=9, detection=strict)


def test_no_detection_is_an_error_with_the_settings():
    pixels = np.random.default_rng(1).normal(size=(80, 80))
    with pytest.raises(DetectionError, match='No source has 5 or more pixels above 20 sigma'):
        StampSet.from_image(pixels, detection=DetectionConfig(threshold=20))


def test_fits_file_with_hdu_and_plane(tmp_path):
    path = tmp_path / 'image.fits'
    cube = np.random.default_rng(1).normal(size=(3, 60, 70))
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(cube, name='SCI')]).writeto(path)
    stamps = StampSet.from_image(path, size=9, positions=[(30, 20)], hdu='SCI', plane=2)
    assert np.array_equal(stamps.pixels[0], cube[2, 16:25, 26:35])
    assert stamps.meta['provenance']['image'] == str(path)
    bands = StampSet.from_image(path, size=9, positions=[(30, 20)], hdu='SCI')
    assert np.array_equal(bands.pixels[0], np.moveaxis(cube, 0, -1)[16:25, 26:35])
    with pytest.raises(ImageError, match='must lie from 0 to 2; got 3'):
        StampSet.from_image(path, size=9, positions=[(30, 20)], plane=3)


def test_scale_and_psf_follow_an_image_without_wcs():
    psf = np.ones((5, 5))
    stamps = StampSet.from_image(
        np.zeros(SHAPE), size=9, positions=[(30, 20)], pixel_scale=0.2 * u.arcsec, psf=psf
    )
    assert stamps.pixel_scale == 0.2 * u.arcsec / u.pix
    assert np.array_equal(stamps.psf, psf)
    assert stamps.wcs[0] is None
    assert 'sky' not in stamps.table.colnames


@pytest.mark.parametrize('partial', ['drop', 'fill'])
def test_positions_that_are_all_outside_are_an_error(partial):
    with pytest.raises(ValueError, match='All 2 `positions` are outside the image of 120 col'):
        StampSet.from_image(
            make_image(), size=16, positions=[(500, 20), (30, -400)], partial=partial
        )


def test_a_position_outside_is_dropped_or_an_error():
    positions = QTable({'id': ['in', 'out'], 'x': [50.0, 500], 'y': [40.0, 40]})
    image = make_image()
    assert StampSet.from_image(image, size=16, positions=positions).ids.tolist() == ['in']
    with pytest.raises(ValueError, match='1 stamps are entirely outside the image'):
        StampSet.from_image(image, size=16, positions=positions, partial='fill')


def test_sky_positions_far_away_are_outside():
    wcs = tan_wcs(sip=True)
    near = wcs.pixel_to_world(50, 40)
    sky = SkyCoord([near.ra, near.ra + 180 * u.deg, near.ra + 20 * u.deg], [near.dec] * 3)
    stamps = StampSet.from_image(make_image(wcs), size=16, positions=sky)
    assert stamps.ids.tolist() == [0]
    assert stamps.meta['dropped'] == 2


@pytest.mark.parametrize(
    'positions',
    [
        SkyCoord([150.1], [2.2], unit='deg'),
        QTable({'ra': [150.1] * u.deg, 'dec': [2.2] * u.deg}),
        [CircleSkyRegion(SkyCoord(150.1, 2.2, unit='deg'), radius=1 * u.arcsec)],
    ],
)
def test_sky_positions_need_a_wcs(positions):
    with pytest.raises(ValueError, match='the image has no celestial WCS'):
        StampSet.from_image(make_image(), positions=positions)


@pytest.mark.parametrize(
    ('positions', 'error', 'message'),
    [
        ([(1, 2), (np.nan, 3)], ValueError, 'must be finite; 1 are not, the first in row 1'),
        (np.ones((4, 3)), ValueError, r'must have the shape \(n, 2\); got \(4, 3\)'),
        ('here', FileNotFoundError, 'path of a table or catalog; there is no here'),
        ({'x': 1}, ValueError, 'must have the columns x and y .* got x'),
        ([{'x': 1, 'y': 2}, {'x': 1}], TypeError, '`positions` must be an array'),
        (Table({'a': [1.0]}), ValueError, 'must have the columns x and y .* got a'),
        (Table({'x': ['a'], 'y': ['b']}), ValueError, 'Column x of `positions` must hold numbers'),
        (Table({'x': np.ma.array([1.0, 2], mask=[0, 1]), 'y': [1, 2.0]}), ValueError, 'row 1'),
        (QTable({'x': [1.0] * u.arcsec, 'y': [2.0] * u.pix}), u.UnitsError, 'pix'),
        (Table({'id': [3, 3], 'x': [50, 60], 'y': [40, 40]}), ValueError, 'Column `id`'),
    ],
)
def test_positions_of_the_wrong_kind(positions, error, message):
    with pytest.raises(error, match=message):
        StampSet.from_image(make_image(), size=16, positions=positions)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'size': 0}, '`size` must be'),
        ({'size': 6.5}, '`size` must be'),
        ({'size': (3, 4, 5)}, '`size` must be'),
        ({'partial': 'trim'}, "`partial` must be 'drop' or 'fill'; got 'trim'"),
        ({'detection': DetectionConfig()}, 'Give `positions` or `detection`, not both'),
        ({'size': (64, 200)}, 'Stamps of 64 x 200 pixels do not fit into an image of 90 x 120'),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        StampSet.from_image(make_image(), positions=[(50, 40)], **options)


def test_each_position_can_have_a_stamp():
    image = make_image(bad=False)
    positions = [(50, 40), (500, 20), (30, -400), (-1, 40), (-9, 40)]
    stamps = StampSet.from_image(
        image, size=16, positions=positions, partial='fill', outside='keep'
    )
    assert stamps.ids.tolist() == [0, 1, 2, 3, 4]
    for k, position in enumerate(positions):
        try:
            expected = Cutout2D(image.data, position, 16, mode='partial').data
        except NoOverlapError:
            expected = np.full((16, 16), np.nan)
        assert np.array_equal(stamps.pixels[k], expected, equal_nan=True)
        assert np.array_equal(stamps.valid[k], np.isfinite(expected))
    with pytest.raises(ValueError, match="`outside` must be 'refuse' or 'keep'; got 'mask'"):
        StampSet.from_image(image, size=16, positions=positions, outside='mask')
    with pytest.raises(ValueError, match="`outside='keep'` needs `partial='fill'`"):
        StampSet.from_image(image, size=16, positions=positions, outside='keep')


@pytest.mark.parametrize('angle', [-60, 0, 25, 89])
def test_orientation_is_in_degrees_counterclockwise(angle):
    y, x = np.indices((90, 120))
    turn = np.radians(angle)
    along = (x - 60) * np.cos(turn) + (y - 45) * np.sin(turn)
    across = (y - 45) * np.cos(turn) - (x - 60) * np.sin(turn)
    light = 100 * np.exp(-(along**2 / 2 / 6**2) - across**2 / 2 / 2**2)
    noise = np.random.default_rng(1).normal(0, 0.5, x.shape)
    image = CCDData(light + noise, unit='adu')
    table = StampSet.from_image(image, size=32, detection=DetectionConfig(threshold=5)).table
    theta = table['orientation'][np.argmax(table['isophotal_flux'])]
    assert theta.unit == u.deg
    assert (theta.value - angle + 90) % 180 - 90 == pytest.approx(0, abs=1)
    # The unit and the angle that photometry gives.
    central = measure_sources(image, positions=[(60, 45)], size=64, progress=False).stamps
    assert central['orientation'].unit == u.deg
    assert (central['orientation'][0] - theta + 90 * u.deg).value % 180 - 90 == pytest.approx(
        0, abs=1
    )


def test_a_cutout_is_an_image():
    wcs = tan_wcs()
    cutout = Cutout2D(make_image(bad=False).data, (50, 40), 40, wcs=wcs)
    stamps = StampSet.from_image(cutout, size=8, positions=wcs.pixel_to_world([50.0], [40.0]))
    whole = StampSet.from_image(make_image(wcs, bad=False), size=8, positions=[(50, 40)])
    assert np.array_equal(stamps.pixels, whole.pixels)


def test_a_list_of_images_makes_bands(tmp_path):
    rng = np.random.default_rng(3)
    images = [make_image(tan_wcs()) for _ in range(3)]
    for image in images:
        image.data = rng.normal(size=image.shape)
        image.uncertainty = StdDevUncertainty(rng.uniform(1, 2, size=image.shape))
    images[1].mask = rng.random(images[1].shape) < 0.1
    images[2] = CCDData(
        images[2].data / 1e3,
        unit=1e3 * images[0].unit,
        wcs=images[2].wcs,
        uncertainty=StdDevUncertainty(images[2].uncertainty.array / 1e3),
    )
    options = {'size': 16, 'positions': [(50, 40), (1, 30)], 'partial': 'fill'}
    stamps = StampSet.from_image(images, **options)
    for k, image in enumerate(images):
        # Each band by itself is as Cutout2D has it, by the tests above.
        right, found = (
            StampSet.from_image(image, **options).replace(unit=images[0].unit),
            stamps.band(k),
        )
        np.testing.assert_allclose(found.pixels, right.pixels, rtol=1e-12)
        np.testing.assert_allclose(found.uncertainty, right.uncertainty, rtol=1e-12)
        np.testing.assert_array_equal(found.valid, right.valid)
        assert found.unit == right.unit
        assert found.wcs[1].wcs.crpix == pytest.approx(right.wcs[1].wcs.crpix)
    assert StampSet.from_image(images, **(options | {'partial': 'drop'})).ids.tolist() == [0]
    paths = [tmp_path / f'{k}.fits' for k in range(2)]
    for path, image in zip(paths, images, strict=False):
        image.write(path)
    from_files = StampSet.from_image(paths, **options)
    np.testing.assert_array_equal(from_files.pixels, stamps.pixels[..., :2])
    assert from_files.meta['provenance']['image'] == [str(path) for path in paths]
    hdus = [image.to_hdu() for image in images[:2]]
    np.testing.assert_array_equal(StampSet.from_image(hdus, **options).pixels, from_files.pixels)


def test_images_of_different_fields_are_refused_as_bands():
    image, other, options = (
        make_image(tan_wcs()),
        make_image(),
        {'size': 16, 'positions': [(50, 40)]},
    )
    other.wcs = image.wcs.deepcopy()
    other.wcs.wcs.crpix += 1
    with pytest.raises(ValueError, match=r'band 1 is shifted by 1\.41 pixels'):
        StampSet.from_image([image, other], **options)
    for wrong, message in (
        (image[:50], 'must have the same shape'),
        (CCDData(image.data, unit='s', wcs=image.wcs), 'must be convertible'),
        (CCDData(image.data, unit=image.unit), 'must have a `wcs` or none; band 1'),
    ):
        with pytest.raises(ValueError, match=message):
            StampSet.from_image(
                [CCDData(image.data, unit=image.unit, wcs=image.wcs), wrong], **options
            )


def test_pixels_outside_a_footprint_are_filled_as_outside_the_image():
    pixels = np.random.default_rng(1).normal(size=(60, 80)).astype(np.float32)
    nothing = np.where(np.arange(80) < 30, np.nan, pixels)
    pixels[:, :30] = 0
    known = {'size': 16, 'positions': [(32, 20), (50, 58)], 'partial': 'fill', 'fill_value': -9}
    stamps, expected = StampSet.from_image(pixels, **known), StampSet.from_image(nothing, **known)
    assert np.array_equal(stamps.valid, expected.valid)
    assert np.array_equal(stamps.pixels[stamps.valid], expected.pixels[stamps.valid])
    assert (stamps.pixels[~stamps.valid] == -9).all()
    kept = StampSet.from_image(pixels, **known, zeros='keep')
    assert (kept.pixels[0] == 0).sum() == 16 * 6
    assert kept.valid[0].all()


def test_zeros_that_were_judged_may_have_lost_their_mask():
    pixels = np.random.default_rng(1).normal(size=(200, 200)).astype('f4')
    pixels[:, :80] = 0
    judged = read_image(pixels)
    assert judged.mask.any()
    # Other pixels under the same header, as of a ratio of two images.
    other = CCDData(judged.data, unit=judged.unit, meta=judged.meta)
    stamps = StampSet.from_image(other, positions=[(40, 60)], size=32)
    assert stamps.mask is None
    assert np.array_equal(stamps.pixels[0], np.zeros((32, 32)))
