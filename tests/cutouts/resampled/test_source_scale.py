"""Stamps that follow their sources, judged by Gaussians of known size, flux and place."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import Sip
from scipy.special import erf

from astro_wgan import StampSet
from astro_wgan.detection import DetectionConfig
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import SourceScale
from astro_wgan.store import StampStore
from astro_wgan.testing import assert_stamps_equal, make_wcs

SHAPE = (500, 640)
X = np.array([60.3, 180.0, 330.6, 520.25])
Y = np.array([70.7, 200.5, 380.1, 240.9])
SIGMA = np.array([1.8, 3.0, 6.0, 11.0])
FLUX = np.array([900.0, 2000.0, 7000.0, 30000.0])

#: Of a Gaussian, in units of its standard deviation.
HALF_LIGHT = np.sqrt(2 * np.log(2))


def integrals(center, sigma, edges):
    return np.diff(0.5 * (1 + erf((edges - center) / sigma / np.sqrt(2))))


def gaussian(k, edges_x, edges_y):
    """Flux of a source between edges of pixels; pixel 0 is from -0.5 to 0.5."""
    return FLUX[k] * np.outer(
        integrals(Y[k], SIGMA[k], edges_y), integrals(X[k], SIGMA[k], edges_x)
    )


def make_image(*, noise=0.0, unit='nJy', distorted=True, **options):
    edges = [np.arange(n + 1) - 0.5 for n in SHAPE[::-1]]
    pixels = sum(gaussian(k, *edges) for k in range(len(X)))
    if noise:
        pixels = pixels + np.random.default_rng(4).normal(scale=noise, size=SHAPE)
    wcs = make_wcs(SHAPE, pixel_scale=0.05 * u.arcsec, position_angle=20 * u.deg)
    if distorted:
        terms = np.zeros((2, 3, 3))
        terms[0, 2, 0], terms[1, 1, 1] = 2e-5, -3e-5
        wcs.wcs.ctype = 'RA---TAN-SIP', 'DEC--TAN-SIP'
        wcs.sip = Sip(*terms, None, None, wcs.wcs.crpix)
    return CCDData(pixels, unit=unit, wcs=wcs, **options)


def catalog(**columns):
    return QTable({'id': [7, 3, 5, 1], 'x': X, 'y': Y, **columns})


RADII = SourceScale('radius', n_radii=10)


def scaled(image=None, *, radius=SIGMA, scale=RADII, **options):
    image = make_image() if image is None else image
    return StampSet.from_image(
        image, positions=catalog(radius=radius), scale=scale, **{'size': 64, **options}
    )


def test_pixels_are_integrals_over_the_new_pixels():
    stamps = scaled()
    factor = np.clip(10 * SIGMA / 64, 0.5, 16)
    assert stamps.table['scale_factor'] == pytest.approx(factor)
    assert stamps.table['source_radius'].to_value(u.pix) == pytest.approx(SIGMA)
    assert stamps.ids.tolist() == [7, 3, 5, 1]
    for k in range(4):
        edges = factor[k] * (np.arange(65) - 32)
        right = gaussian(k, X[k] + edges, Y[k] + edges)
        np.testing.assert_allclose(stamps.pixels[k], right, atol=2e-3 * right.max())
        assert stamps.pixels[k].sum() == pytest.approx(right.sum(), rel=1e-4)
        assert stamps.pixels[k].sum() == pytest.approx(FLUX[k], rel=1e-3)


def test_surface_brightness_is_averaged():
    stamps = scaled(make_image(unit='MJy / sr'))
    flux = stamps.pixels.sum(axis=(1, 2)) * stamps.table['scale_factor'] ** 2
    assert flux == pytest.approx(FLUX, rel=1e-3)
    measured = measure_sources(scaled(make_image(noise=0.5, unit='MJy / sr')), progress=False)
    native = StampSet.from_image(
        make_image(noise=0.5, unit='MJy / sr'), size=128, positions=catalog(), partial='fill'
    )
    native = measure_sources(native, progress=False)
    # Fluxes know the solid angle of each pixel.
    assert measured.stamps['kron_flux'].value == pytest.approx(
        native.stamps['kron_flux'].value, rel=0.03
    )


def test_the_sky_of_each_stamp_is_right():
    image = make_image()
    stamps = scaled(image)
    center = image.wcs.all_pix2world(X, Y, 0)
    corner = image.wcs.all_pix2world(X + 15, Y - 9, 0)
    factor = stamps.table['scale_factor']
    for k, wcs in enumerate(stamps.wcs):
        assert wcs.all_world2pix(center[0][k], center[1][k], 0) == pytest.approx(
            [31.5, 31.5], abs=1e-3
        )
        assert wcs.all_world2pix(corner[0][k], corner[1][k], 0) == pytest.approx(
            [31.5 + 15 / factor[k], 31.5 - 9 / factor[k]], abs=1e-3
        )
    area = stamps.pixel_area.to_value((u.arcsec / u.pix) ** 2)
    assert area == pytest.approx((0.05 * factor) ** 2, rel=0.02)
    assert stamps.pixel_scale is None
    assert stamps[:1].wcs[0].array_shape == (64, 64)


@pytest.mark.parametrize('position', [(100, 400), (600, 30)])
def test_noise_is_that_of_the_uncertainty(position):
    """Scatter of many sky positions: in apertures, and between pixels."""
    rng = np.random.default_rng(2)
    rms = 2.5
    noise = rng.normal(scale=rms, size=(900, 900)).astype('f4')
    image = CCDData(noise, unit='nJy', uncertainty=None)
    from astropy.nddata import StdDevUncertainty

    image.uncertainty = StdDevUncertainty(np.full_like(noise, rms))
    for radius in (0.6, 1.7):
        table = QTable({'x': rng.uniform(60, 840, 300), 'y': rng.uniform(60, 840, 300)})
        table['r'] = np.full(300, radius)
        scale = SourceScale('r', n_radii=32, min_factor=0.1)
        stamps = StampSet.from_image(image, size=32, positions=table, scale=scale)
        assert stamps.table['scale_factor'] == pytest.approx(radius)
        assert stamps.uncertainty == pytest.approx(rms * radius, rel=1e-4)
        sums = stamps.pixels[:, 8:24, 8:24].sum(axis=(1, 2))
        assert sums.std() == pytest.approx(rms * radius * 16, rel=0.15)
        scatter = stamps.pixels.std(axis=(1, 2)) * stamps.table['noise_correlation']
        assert scatter.mean() == pytest.approx(rms * radius, rel=0.03)


@pytest.mark.parametrize('given', [True, False])
@pytest.mark.parametrize(('radius', 'right'), [('half_light', HALF_LIGHT), ('kron', None)])
def test_radii_are_measured_in_the_image(radius, right, given):
    image = make_image(noise=0.3)
    detection = DetectionConfig(threshold=3, min_area=12)
    where = {'detection': detection}
    if given:
        where['positions'] = catalog()
    stamps = StampSet.from_image(image, size=32, scale=SourceScale(radius), **where)
    order = np.argsort(stamps.table['x'])
    found = stamps.table['source_radius'].value[order]
    if right is not None:
        assert found == pytest.approx(right * SIGMA, rel=0.05)
        assert stamps.table['scale_factor'][order] == pytest.approx(
            np.maximum(16 * found / 32, 0.5)
        )
        alone = StampSet.from_image(image, size=32, scale='source', **where)
        assert_stamps_equal(alone, stamps)
    else:
        # 2.5 times the mean distance of its light from the center, weighted by the flux.
        right = np.maximum(2.5 * np.sqrt(np.pi / 2) * SIGMA, 3.5)
        assert found == pytest.approx(right, rel=0.06)


def test_positions_without_source_keep_the_pixels_of_the_image():
    image = make_image(noise=0.3)
    positions = [(X[1], Y[1]), (200.3, 420.8)]
    stamps = StampSet.from_image(image, size=24, positions=positions, scale='source')
    assert np.isfinite(stamps.table['source_radius'].value).tolist() == [True, False]
    assert stamps.table['scale_factor'][1] == 1
    # Exactly on the position, unlike stamps that are cut at whole pixels.
    assert stamps.geometry.corner[1] == pytest.approx([200.3 + 0.5 - 12, 420.8 + 0.5 - 12])


def test_limits_of_the_factor():
    scale = SourceScale('radius', n_radii=10, min_factor=1.0, max_factor=1.2)
    stamps = scaled(scale=scale)
    assert stamps.table['scale_factor'].tolist() == [1.0, 1.0, 1.0, 1.2]


def test_radii_may_be_angles():
    by_angle = scaled(radius=SIGMA * 0.05 * u.arcsec, image=make_image(distorted=False))
    by_pixel = scaled(radius=SIGMA * u.pix, image=make_image(distorted=False))
    assert by_angle.pixels == pytest.approx(by_pixel.pixels, rel=1e-4)


def test_without_wcs_the_pixel_scale_of_each_stamp_is_known(tmp_path):
    image = make_image().data
    stamps = scaled(image, pixel_scale=0.1 * u.arcsec, radius=SIGMA * 0.1 * u.arcsec)
    area = stamps.pixel_area.value
    assert area == pytest.approx((0.1 * stamps.table['scale_factor']) ** 2)
    StampStore.from_stamps(tmp_path / 'a.zarr', stamps)
    store = StampStore.open(tmp_path / 'a.zarr')
    assert_stamps_equal(store, stamps)
    assert store[2:].pixel_area.value == pytest.approx(area[2:])
    assert scaled(image).pixel_area is None


def test_borders_and_masks():
    image = make_image(mask=np.zeros(SHAPE, dtype=bool))
    image.mask[Y.round().astype(int)[1] + 3, :] = True
    table = QTable({'x': [5.0, X[1], X[3]], 'y': [5.0, Y[1], Y[3]], 'radius': [3.0, 4.0, 11.0]})
    options = {'scale': RADII, 'positions': table, 'size': 40}
    dropped = StampSet.from_image(image, **options)
    assert dropped.ids.tolist() == [1, 2]
    assert dropped.meta['dropped'] == 1
    kept = StampSet.from_image(image, partial='fill', fill_value=-3.0, **options)
    assert_stamps_equal(
        kept[1:].replace(pixels=np.where(kept[1:].valid, kept[1:].pixels, np.nan)), dropped
    )
    assert (kept.pixels[0][~kept.valid[0]] == -3).all()
    # 0.75 image pixels along a pixel: the image begins at 5.5 / 0.75 pixels from the center.
    outside = round(20 - 5.5 / 0.75)
    assert not kept.valid[0, :outside].any()
    assert kept.valid[0, outside + 1 :, outside + 1 :].all()
    assert 0 < np.count_nonzero(~kept.valid[1]) <= 2 * 40
    flux = np.where(kept.valid, kept.pixels, 0).sum(axis=(1, 2))
    assert flux[2] == pytest.approx(FLUX[3], rel=1e-3)


def test_bands_have_the_same_pixels():
    image = make_image(noise=0.3)
    double = CCDData(2 * image.data, unit='nJy', wcs=image.wcs)
    stamps = StampSet.from_image([image, double], size=32, positions=catalog(), scale='source')
    assert stamps.pixels[..., 1] == pytest.approx(2 * stamps.pixels[..., 0], rel=1e-5, abs=1e-5)
    assert stamps.band(0).table['scale_factor'].max() > 2


@pytest.mark.parametrize('positions', [catalog(), None])
def test_images_of_bands_are_resampled_alike(positions):
    """Another image has other pixels and more of the field; its pixels are those of the grid."""
    image = make_image(noise=0.3, distorted=False)
    double = CCDData(2 * image.data, unit='nJy', wcs=image.wcs)
    wide = np.pad(3 * image.data, 11, constant_values=0.01)
    moved = image.wcs.deepcopy()
    moved.wcs.crpix += 11
    images = {'g': image, 'r': double, 'i': CCDData(wide, unit='nJy', wcs=moved)}
    options = {'size': 32, 'scale': 'source', 'positions': positions}
    if positions is None:
        options['detection'] = DetectionConfig(threshold=3, min_area=12)
    stamps = StampSet.from_images(images, **options)
    alone = StampSet.from_image(image, **options)
    assert_stamps_equal(stamps['g'].replace(bands=None), alone)
    for name, factor in (('r', 2), ('i', 3)):
        assert stamps[name].pixels == pytest.approx(factor * alone.pixels, rel=1e-4, abs=1e-3)
    assert stamps.table['scale_factor'].max() > 2


def test_bands_of_another_scale_are_resampled_to_the_grid():
    image = make_image(distorted=False)
    wcs = make_wcs((250, 320), pixel_scale=0.1 * u.arcsec, position_angle=20 * u.deg)
    pixels = image.data.reshape(250, 2, 320, 2).sum(axis=(1, 3))
    coarse = CCDData(pixels, unit='nJy', wcs=wcs)
    stamps = StampSet.from_images(
        {'g': image, 'r': coarse}, size=48, scale=RADII, positions=catalog(radius=SIGMA)
    )
    flux = stamps.pixels.sum(axis=(1, 2))
    assert flux[:, 0] == pytest.approx(FLUX, rel=1e-3)
    assert flux[:, 1] == pytest.approx(FLUX, rel=0.01)


def test_stamps_are_brought_to_one_scale_again():
    stamps = scaled(make_image(distorted=False))
    native = stamps.reproject(pixel_scale=0.05 * u.arcsec, size=96, progress=False)
    assert np.nansum(native.pixels, axis=(1, 2)) == pytest.approx(FLUX, rel=0.01)
    for options, missing in (({}, 'pixel_scale'), ({'pixel_scale': 1 * u.arcsec}, 'size')):
        with pytest.raises(ValueError, match=f'Give `{missing}`: the stamps have various'):
            stamps.reproject(**options)
    with pytest.raises(ValueError, match='pixel scale is not known'):
        stamps.crop(1 * u.arcsec)
    half = stamps.crop(32)
    assert half.pixel_area.value == pytest.approx(stamps.pixel_area.value, rel=1e-6)
    for first, second in zip(stamps.wcs, half.wcs, strict=True):
        there = first.pixel_to_world(20, 20).separation(second.pixel_to_world(4, 4))
        assert there.mas < 1e-3
    assert stamps.bin(2).wcs[0].wcs.crpix == pytest.approx(
        (stamps.wcs[0].wcs.crpix - 0.5) / 2 + 0.5
    )


def test_files_are_read_in_sections(tmp_path):
    image = make_image(noise=0.3, distorted=False)
    image.write(tmp_path / 'a.fits')
    assert_stamps_equal(scaled(tmp_path / 'a.fits'), scaled(image), rtol=1e-6, atol=1e-5)


def test_no_positions_give_no_stamps():
    table = catalog(radius=SIGMA)[:0]
    stamps = StampSet.from_image(make_image(), size=16, positions=table, scale=RADII)
    assert stamps.pixels.shape == (0, 16, 16)
    assert 'scale_factor' in stamps.table.colnames


@pytest.mark.parametrize(
    ('radius', 'words'),
    [
        ([1, 0, 2, 3.0], r"'radius' must hold radii above zero; 1 are not.*id 3: 0.0"),
        ([np.nan, 1, -2, 3], r'2 are not, the first is that of id 7: nan'),
        (np.ma.array([1, 2, 3, 4], mask=[0, 0, 1, 0]), 'id 5: nan'),
        ([1, 2, np.inf, 1], 'id 5: inf'),
        (['a', 'b', 'c', 'd'], "'radius' must hold numbers; got <U1"),
        ([1, 2, 3, 4] * u.kpc, "'radius' must be in pixels or an angle; got kpc"),
    ],
)
def test_what_are_no_radii(radius, words):
    with pytest.raises(ValueError, match=words):
        scaled(radius=radius)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'scale': 'sources'}, "`scale` must be 'source', a SourceScale or None; got 'sources'"),
        ({'scale': SourceScale('r50', n_radii=5)}, "or a column .* id, x, y, .*; got 'r50'"),
        ({'size': 3 * u.arcsec}, '`size` must be in pixels for stamps that follow the source'),
        ({'size': 0}, '`size` must be a number of pixels'),
    ],
)
def test_errors_name_the_argument(options, words):
    with pytest.raises(ValueError, match=words):
        scaled(**options)


def test_angles_need_a_pixel_scale():
    with pytest.raises(ValueError, match='must be in pixels where the pixel scale is not known'):
        scaled(make_image().data, radius=SIGMA * u.arcsec)


def test_sections_larger_than_the_memory_are_refused():
    scale = SourceScale('radius', n_radii=10, max_factor=1e6)
    with pytest.raises(ValueError, match=r'by a scale factor of 1e\+06.* Lower `max_factor`'):
        scaled(radius=np.full(4, 1e7), scale=scale, partial='fill')


def test_logarithms_are_refused():
    with pytest.raises(u.UnitsError, match='convert them to flux first'):
        scaled(make_image(unit=u.ABmag))


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'radius': 3.0}, '`radius` must be'),
        ({'radius': 'r50'}, '`n_radii` must be given'),
        ({'n_radii': 0}, '`n_radii` must be a number above 0'),
        ({'min_factor': -1}, '`min_factor` must be a number above 0'),
        ({'max_factor': np.inf}, '`max_factor` must be a number above 0'),
        ({'max_factor': 0.1}, '`min_factor` must be at most `max_factor`, 0.1'),
    ],
)
def test_scales_out_of_range(options, words):
    with pytest.raises(ValueError, match=words):
        SourceScale(**options)
