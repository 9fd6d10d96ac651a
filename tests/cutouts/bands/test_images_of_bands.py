"""Stamps in several bands, cut from an image of each."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS
from PIL import Image
from reproject import reproject_adaptive

from astro_wgan import DetectionConfig, StampSet
from astro_wgan.cutouts.bands import image_of_band, images_of_bands
from astro_wgan.exceptions import DetectionError, EmptyImageError
from astro_wgan.images import read_image
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import Band
from astro_wgan.testing import assert_stamps_equal, make_wcs

CENTERS = np.random.default_rng(5).uniform(30, 130, (8, 2))
FLUX = 1000.0


def field(
    shape=(160, 160), *, scale=0.2, angle=0, center=None, width=0.5, unit='adu', seed=1, noise=1.0
):
    """Gaussian sources of one flux, at the same places on the sky whatever the pixels."""
    wcs = make_wcs(shape, pixel_scale=scale * u.arcsec, position_angle=angle * u.deg, center=center)
    sky = make_wcs((160, 160), pixel_scale=0.2 * u.arcsec).pixel_to_world(*CENTERS.T)
    sigma = width / scale
    rows, columns = np.indices(shape)
    image = (
        np.random.default_rng(seed).normal(size=shape, scale=noise) if noise else np.zeros(shape)
    )
    for x, y in zip(*wcs.world_to_pixel(sky), strict=True):
        shape_of = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / sigma**2)
        image += FLUX * shape_of / (2 * np.pi * sigma**2)
    deviation = StdDevUncertainty(np.full(shape, max(noise, 1.0)))
    return CCDData(image, wcs=wcs, unit=unit, uncertainty=deviation)


def one(image, **options):
    return StampSet.from_image(image, size=32, positions=CENTERS, **options)


def cut(images, **options):
    return StampSet.from_images(images, **{'size': 32, 'positions': CENTERS, **options})


def test_bands_on_one_grid_are_those_of_each_image(tmp_path):
    g, r = field(seed=1), field(seed=2)
    r.mask = np.zeros(r.shape, bool)
    r.mask[60:70, 60:70] = True
    stamps = cut({Band('g', wavelength=480 * u.nm, zero_point=25): g, 'r': r})
    assert stamps.bands == (Band('g', wavelength=480 * u.nm, zero_point=25), Band('r'))
    for name, image in (('g', g), ('r', r)):
        assert_stamps_equal(stamps[name].replace(bands=None), one(image))
    for name, image in (('g', g), ('r', r)):
        image.write(tmp_path / f'{name}.fits')
    in_files = cut({name: tmp_path / f'{name}.fits' for name in 'gr'})
    assert_stamps_equal(in_files.replace(bands=stamps.bands), stamps)
    assert in_files.meta['provenance']['image']['r'].endswith('r.fits')


def test_whole_pixels_are_copied():
    g = field()
    part = CCDData(
        g.data[20:, 13:150],
        wcs=g.wcs[20:, 13:150],
        unit=g.unit,
        uncertainty=g.uncertainty[20:, 13:150],
    )
    with pytest.warns(AstropyUserWarning, match='Bands g and r have the same pixels'):
        stamps = cut({'g': g, 'r': part})
    inside = stamps['r'].valid
    assert 0.8 < inside.mean() < 1
    assert np.array_equal(stamps['r'].pixels[inside], stamps['g'].pixels[inside])


@pytest.mark.parametrize(
    'other',
    [{'angle': 30}, {'scale': 0.12, 'shape': (280, 280), 'angle': 200}],
    ids=['rotated', 'fine and rotated'],
)
def test_rotated_images_are_resampled_as_by_reproject(other):
    g, r = field(noise=0), field(noise=0, width=0.6, **other)
    stamps = cut({'g': g, 'r': r})
    area = abs(np.linalg.det(g.wcs.pixel_scale_matrix) / np.linalg.det(r.wcs.pixel_scale_matrix))
    whole, _ = reproject_adaptive(
        (r.data, r.wcs), g.wcs, g.shape, boundary_mode='ignore', sample_region_width=5
    )
    wanted = StampSet.from_image(whole * area, size=32, positions=CENTERS)
    both = stamps['r'].valid & wanted.valid
    assert both.mean() > 0.9
    difference = np.abs(stamps['r'].pixels - wanted.pixels)[both]
    assert difference.max() < 0.02 * wanted.pixels[both].max()


@pytest.mark.parametrize(
    ('other', 'accuracy'),
    [
        ({'angle': 30}, 0.15),
        ({'scale': 0.3, 'shape': (110, 110)}, 0.02),
        ({'scale': 0.08, 'shape': (420, 420)}, 0.02),
        ({'center': SkyCoord(150.00003, 2.00001, unit='deg')}, 0.01),
    ],
    ids=['rotated', 'coarse', 'fine', 'shifted'],
)
def test_other_grids_are_resampled_to_the_true_light(other, accuracy):
    """The closed formula of the sources, on the pixels of the grid."""
    g, r = field(noise=0), field(noise=0, width=0.6, **other)
    found = cut({'g': g, 'r': r})['r']
    wanted = one(field(noise=0, width=0.6))
    assert found.valid.mean() > 0.9
    difference = np.abs(found.pixels - wanted.pixels)[found.valid]
    assert difference.max() < accuracy * wanted.pixels.max()
    whole = found.valid.all(axis=(1, 2))
    assert whole.sum() >= 5
    total = found.pixels[whole].sum(axis=(1, 2)) / wanted.pixels[whole].sum(axis=(1, 2))
    assert total == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize('name', ['mirrored', 'upside down', 'transposed', 'turned'])
def test_mirrored_images_are_copied_pixel_by_pixel(name):
    """Whatever shows the same pixels in another order, such as frames along right ascension."""
    g = field()
    g.mask = np.zeros(g.shape, dtype=bool)
    g.mask[60:64, 70:90] = True
    g.uncertainty.array[:] = np.random.default_rng(4).uniform(1, 2, g.shape)
    change = {
        'mirrored': lambda a: a[:, ::-1],
        'upside down': lambda a: a[::-1],
        'transposed': lambda a: a.T,
        'turned': lambda a: a[::-1].T,
    }[name]
    rows, columns = (change(axis) for axis in np.indices(g.shape))
    # Pixels of the original, from those of the changed image.
    step = np.array(
        [[axis[0, 1] - axis[0, 0], axis[1, 0] - axis[0, 0]] for axis in (columns, rows)]
    )
    first = np.array([columns[0, 0], rows[0, 0]])
    wcs = g.wcs
    reference = np.linalg.solve(step, wcs.wcs.crpix - 1 - first) + 1
    header = {'CRPIX1': reference[0], 'CRPIX2': reference[1]}
    scale = wcs.pixel_scale_matrix @ step
    header |= {f'CD{i + 1}_{j + 1}': scale[i, j] for i in range(2) for j in range(2)}
    for k in (1, 2):
        header |= {f'CTYPE{k}': wcs.wcs.ctype[k - 1], f'CRVAL{k}': wcs.wcs.crval[k - 1]}
    r = CCDData(
        change(g.data),
        unit=g.unit,
        wcs=WCS(fits.Header(header)),
        mask=change(g.mask),
        uncertainty=StdDevUncertainty(change(g.uncertainty.array)),
    )
    stamps = cut({'g': g, 'r': r})
    assert 0.9 < stamps['g'].valid.mean() < 1
    valid = stamps['g'].valid
    assert np.array_equal(stamps['r'].valid, valid)
    for values in (stamps.pixels, stamps.uncertainty):
        assert np.allclose(values[..., 1][valid], values[..., 0][valid], atol=1e-5)


def test_surface_brightness_is_kept():
    unit = u.MJy / u.sr
    g = field(noise=0, unit=unit)
    r = field(noise=0, scale=0.3, shape=(130, 130), angle=20, unit=unit)
    r.data[:] = 3.0
    stamps = cut({'g': g, 'r': r})
    assert np.allclose(stamps['r'].pixels[stamps['r'].valid], 3, rtol=1e-6)


def test_variance_of_an_aperture_is_kept():
    g, r = field(), field(scale=0.3, shape=(130, 130))
    stamps = cut({'g': g, 'r': r})['r']
    # Each pixel of 0.3 arcsec has a variance of 1.
    inside = stamps.valid.all(axis=(1, 2))
    variance = np.square(stamps.uncertainty[inside]).sum(axis=(1, 2))
    assert variance == pytest.approx(32**2 * (0.2 / 0.3) ** 2, rel=0.01)


def test_masked_pixels_stay_masked():
    g, r = field(noise=0), field(noise=0, angle=45)
    r.mask = np.zeros(r.shape, bool)
    r.data[70:90, 60:100] = np.nan
    r.mask[70:90, 60:100] = True
    stamps = cut({'g': g, 'r': r})
    clean = cut({'g': g, 'r': field(noise=0, angle=45)})
    found, full = stamps['r'], clean['r']
    masked = full.valid & ~found.valid
    assert 0.01 < masked.mean() < 0.3
    assert np.isfinite(found.pixels[found.valid]).all()
    assert stamps['g'].valid.all()


def test_distorted_images_are_resampled_with_their_wcs():
    g, r = field(noise=0), field(noise=0)
    wcs = r.wcs.deepcopy()
    header = wcs.to_header()
    header['CTYPE1'], header['CTYPE2'] = 'RA---TAN-SIP', 'DEC--TAN-SIP'
    header.update({'A_ORDER': 2, 'B_ORDER': 2, 'A_2_0': 2e-3, 'B_0_2': -2e-3})
    bent = WCS(header)
    bent.array_shape = r.shape
    rows, columns = np.indices(r.shape)
    sky = make_wcs((160, 160), pixel_scale=0.2 * u.arcsec).pixel_to_world(*CENTERS.T)
    r.data[:] = 0
    for x, y in zip(*bent.world_to_pixel(sky), strict=True):
        r.data += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / 1.5**2)
    r.wcs = bent
    stamps = cut({'g': g, 'r': r}, size=24)
    weights = np.clip(stamps.filled(0), 0, None)
    rows, columns = np.indices((24, 24))
    # Centroids of stars in both bands agree: 2 pixels apart without the distortion.
    centroids = [
        (weights * axis[..., None]).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))
        for axis in (rows, columns)
    ]
    apart = np.abs(CENTERS[:, None] - CENTERS).max(axis=2)
    alone = (apart > 18).sum(axis=1) == len(CENTERS) - 1
    assert alone.sum() >= 3
    for centroid in centroids:
        assert np.abs(centroid[alone, 0] - centroid[alone, 1]).max() < 0.05


def test_bands_that_do_not_reach_a_stamp_are_masked_there():
    g = field()
    r = field(shape=(60, 60), seed=2)
    stamps = cut({'g': g, 'r': r})
    near = np.abs(CENTERS - 79.5).max(axis=1)
    valid = stamps['r'].valid.mean(axis=(1, 2))
    assert (valid[near > 48] == 0).all()
    assert (valid[near < 40] > 0).all()
    assert (near > 48).any()
    where = {'positions': [(900, 900)], 'partial': 'fill', 'outside': 'keep'}
    assert not cut({'g': g, 'r': r}, **where).valid.any()
    far = field(shape=(60, 60), center=SkyCoord(151, 2, unit='deg'))
    corner = CCDData(g.data[:9, :9], wcs=g.wcs, unit=g.unit, uncertainty=g.uncertainty[:9, :9])
    for other in (far, corner):
        with pytest.raises(ValueError, match='band i covers none of the 8 stamps'):
            cut({'g': g, 'i': other})


def test_bands_are_in_memory_once(tmp_path):
    """As views of one array, whatever the numbers of their files are."""
    rng = np.random.default_rng(1)
    images = {
        'g': rng.normal(size=(50, 50)).astype(np.float32),
        'r': rng.normal(size=(50, 50)),
        'i': rng.integers(1, 99, (50, 50)).astype(np.int16),
    }
    for name, image in images.items():
        fits.writeto(tmp_path / f'{name}.fits', image)
    for names in ('gri', 'rig', 'gi'):
        for given in ({n: images[n] for n in names}, {n: tmp_path / f'{n}.fits' for n in names}):
            stamps = StampSet.from_images(given, size=8, positions=[(20, 22), (9, 30)])
            assert stamps.dtype == (np.float64 if 'r' in names else np.float32)
            for name in names:
                assert np.array_equal(stamps[name].pixels[0], images[name][18:26, 16:24])
                assert np.shares_memory(stamps[name].pixels, stamps.pixels)
                assert stamps[name].pixels[1].flags.c_contiguous


def test_images_that_do_not_belong_together_are_refused_before_any_is_cut(monkeypatch):
    monkeypatch.setattr(image_of_band.ImageOfBand, 'cuts', lambda *_, **__: pytest.fail('cut'))
    without = field(seed=2)
    without.uncertainty = None
    with pytest.raises(ValueError, match='or none; g, i has one, r has none'):
        cut({'g': field(), 'r': without, 'i': field(seed=3)})
    with pytest.raises(u.UnitConversionError, match='got nJy in g and adu in r'):
        cut({'g': field(unit='nJy'), 'r': field(seed=2)})


def test_images_of_percent_and_of_ratios():
    ratio = np.random.default_rng(1).normal(size=(50, 50))
    stamps = StampSet.from_images(
        {'g': ratio * 100 * u.percent, 'r': ratio + 1}, size=8, positions=[(24, 22)]
    )
    assert np.allclose(stamps['r'].pixels, stamps['g'].pixels + 100)


@pytest.mark.parametrize('kind', ['file', 'memory'])
def test_the_band_of_an_image_without_data_is_named(tmp_path, kind):
    g, r = np.random.default_rng(1).normal(size=(2, 50, 50))
    r[:] = np.nan
    if kind == 'file':
        fits.writeto(tmp_path / 'r.fits', r)
        r = tmp_path / 'r.fits'
    with pytest.raises(EmptyImageError, match='Band r: The image has no pixel'):
        StampSet.from_images({'g': g, 'r': r}, size=8, positions=[(24, 22)])


@pytest.mark.parametrize('shift', [0.03, 0.2])
def test_lists_of_images_and_images_by_band_agree_on_what_is_one_grid(shift):
    g, r = field(seed=1), field(seed=2)
    r.wcs.wcs.crpix += [shift, 0]
    by_band = cut({'g': g, 'r': r})
    if shift < 0.05:
        assert_stamps_equal(
            StampSet.from_image([g, r], size=32, positions=CENTERS, bands=['g', 'r']), by_band
        )
        assert np.array_equal(by_band['r'].pixels, one(r).pixels)
        return
    assert not np.array_equal(by_band['r'].pixels, one(r).pixels)
    with pytest.raises(
        ValueError, match=r'band 1 is shifted by 0.2 pixels .* `StampSet.from_images`'
    ):
        StampSet.from_image([g, r], size=32, positions=CENTERS)


def test_images_without_wcs():
    rng = np.random.default_rng(1)
    g, r = rng.normal(size=(2, 100, 100))
    stamps = StampSet.from_images({'g': g, 'r': r}, size=16, positions=[(50, 40)])
    assert np.array_equal(stamps['r'].pixels[0], r[32:48, 42:58])
    with pytest.raises(
        ValueError, match=r'the same shape, .*got \(100, 100\) in g and \(90, 100\)'
    ):
        StampSet.from_images({'g': g, 'r': r[:90]}, size=16, positions=[(50, 40)])
    with pytest.raises(ValueError, match=r'that of i has one, that of g has none'):
        StampSet.from_images({'g': g, 'i': field()}, size=16, positions=[(50, 40)])


def test_units_and_zero_points():
    g, r = field(unit='nJy'), field(unit='uJy', seed=2)
    stamps = cut({'g': g, Band('r', zero_point=23.9): r})
    assert stamps.unit == u.nJy
    assert np.allclose(stamps['r'].pixels, 1000 * one(r).pixels)
    # A microjansky is 23.9 mag, a nanojansky 31.4.
    assert stamps.bands[1].zero_point.value == pytest.approx(31.4)
    with pytest.raises(u.UnitConversionError, match='got nJy in g and adu in r'):
        cut({'g': g, 'r': field(seed=2)})


def test_size_in_arcsec_is_that_of_the_grid():
    images = {'g': field(), 'r': field(scale=0.4, shape=(80, 80))}
    assert cut(images, size=4 * u.arcsec).shape == (20, 20)
    assert cut(images, size=4 * u.arcsec, grid='r', positions=CENTERS / 2).shape == (10, 10)


# Detection


def test_detection_in_a_band_and_pixels_of_another():
    g, r = field(seed=1), field(seed=2, angle=30, scale=0.25, shape=(150, 150))
    alone = StampSet.from_image(r, size=16, partial='fill')
    stamps = StampSet.from_images(
        {'g': g, 'r': r}, size=16, detect_in='r', grid='g', partial='drop'
    )
    assert stamps.pixel_scale.value == pytest.approx(0.2)
    near, apart, _ = stamps.table['sky'].match_to_catalog_sky(alone.table['sky'])
    assert (apart.arcsec < 0.01).all()
    assert len(stamps) >= 6
    assert stamps.table['isophotal_flux'].value == pytest.approx(
        alone.table['isophotal_flux'].value[near]
    )
    assert 'semimajor_axis' not in stamps.table.colnames
    x, y = g.wcs.world_to_pixel(stamps.table['sky'])
    assert np.allclose(stamps.table['x'].value, x)
    assert np.allclose(stamps.table['y'].value, y)
    # By default, the pixels are those of the band in which sources are detected.
    own = StampSet.from_images({'g': g, 'r': r}, size=16, detect_in='r', partial='fill')
    assert_stamps_equal(own['r'].replace(bands=None), alone)


def test_sources_of_any_color_are_detected_in_chi_squared():
    """Each source has 3 sigma per pixel in one of two bands, and none in the other."""
    rng = np.random.default_rng(3)
    images = {name: rng.normal(size=(200, 200)) for name in 'gr'}
    places = [(x, y) for x in range(30, 190, 40) for y in range(30, 190, 40)]
    rows, columns = np.indices((200, 200))
    for k, (x, y) in enumerate(places):
        spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / 2.5**2)
        images['gr'[k % 2]] += 4 * spot
    detection = DetectionConfig(threshold=2)
    found = {
        band: StampSet.from_images(images, size=16, detect_in=band, detection=detection)
        for band in ('g', 'r', 'chi2')
    }

    def count(stamps):
        x, y = (stamps.table[axis].value for axis in 'xy')
        return sum((np.hypot(x - a, y - b) < 3).any() for a, b in places)

    assert max(count(found['g']), count(found['r'])) < 11
    assert count(found['chi2']) == 16
    assert len(found['chi2']) < 25
    assert found['chi2'].meta['provenance']['detect_in'] == 'chi2'
    assert 'isophotal_flux' not in found['chi2'].table.colnames
    assert 'semimajor_axis' in found['chi2'].table.colnames


def test_chi_squared_of_other_grids():
    g, r = field(seed=1), field(seed=2, angle=30)
    stamps = StampSet.from_images(
        {'g': g, 'r': r}, size=16, detect_in='chi2', detection=DetectionConfig(threshold=5)
    )
    x, y = (stamps.table[axis].value for axis in 'xy')
    assert all((np.hypot(x - a, y - b) < 2).any() for a, b in CENTERS[:4])
    with pytest.raises(DetectionError, match='No source has 5 or more pixels'):
        StampSet.from_images(
            {'g': g, 'r': r}, detect_in='chi2', detection=DetectionConfig(threshold=1e4)
        )


def test_chi_squared_image_is_made_once_for_sources_and_neighbors(monkeypatch):
    made = []
    make = images_of_bands.chi_squared_image
    monkeypatch.setattr(
        images_of_bands, 'chi_squared_image', lambda *given: made.append(1) or make(*given)
    )
    images = {'g': field(seed=1), 'r': field(seed=2)}
    stamps = StampSet.from_images(images, size=48, detect_in='chi2', neighbors='mask')
    assert len(made) == 1
    assert stamps.table['n_neighbors'].max() > 0


# Matching of PSFs


def gaussian(sigma, edge=31):
    y, x = np.indices((edge, edge)) - edge // 2
    psf = np.exp(-(x**2 + y**2) / 2 / sigma**2)
    return psf / psf.sum()


@pytest.mark.parametrize('match_psf', [True, 'r'])
def test_matched_bands_have_one_psf(match_psf):
    images = {
        Band('g', psf=gaussian(2)): field(noise=0, width=0.4),
        Band('r', psf=gaussian(3)): field(noise=0, width=0.6),
        Band('i', psf=gaussian(1.5, edge=25)): field(noise=0, width=0.3),
    }
    stamps = cut(images, match_psf=match_psf)
    assert np.array_equal(stamps.psf, gaussian(3))
    assert all(band.psf is None for band in stamps.bands)
    wanted = one(field(noise=0, width=0.6)).pixels
    for band in 'gri':
        assert np.abs(stamps[band].pixels - wanted).max() < 0.02 * wanted.max()
    # Without, they differ.
    apart = np.abs(cut(images)['g'].pixels - wanted).max()
    assert apart > 0.3 * wanted.max()


def test_uncertainty_of_matched_bands():
    """As the scatter of convolved noise."""
    images = {
        Band('g', psf=gaussian(2)): field(noise=5, seed=1),
        Band('r', psf=gaussian(3)): field(noise=5, seed=2),
    }
    g = next(iter(images.values()))
    g.data[:] = np.random.default_rng(1).normal(scale=5, size=g.shape)
    stamps = cut(images, match_psf=True)['g']
    assert stamps.pixels.std() == pytest.approx(np.median(stamps.uncertainty), rel=0.1)


# What is refused

PLAIN = {'g': np.random.default_rng(1).normal(size=(50, 50))}
PLAIN['r'] = PLAIN['g'] + 1


@pytest.mark.parametrize(
    ('images', 'options', 'error', 'message'),
    [
        ([PLAIN['g']], {}, TypeError, '`images` must be a dictionary of an image for each band'),
        ({}, {}, ValueError, '`images` must hold at least one band'),
        ({'g': PLAIN['g'], Band('g'): PLAIN['r']}, {}, ValueError, "'g' occurs twice"),
        (
            PLAIN,
            {'detect_in': 'z'},
            ValueError,
            r'`detect_in` must be a band, from 0 to 1 \(g, r\)',
        ),
        (PLAIN, {'grid': 2}, ValueError, r'`grid` must be a band, from 0 to 1 \(g, r\)'),
        (
            PLAIN,
            {'detect_in': 'g', 'positions': [(9, 9)]},
            ValueError,
            '`positions` or `detect_in`',
        ),
        (PLAIN, {'detect_in': 'chi2', 'background': 0}, ValueError, "it is of no use in 'chi2'"),
        (
            PLAIN,
            {'match_psf': True},
            ValueError,
            'needs the PSF of each band; there is none of g, r',
        ),
        (PLAIN, {'match_psf': 'z'}, ValueError, '`match_psf` must be a band'),
        (PLAIN, {'partial': 'some'}, ValueError, "`partial` must be 'drop' or 'fill'"),
        ({'chi2': PLAIN['g'], 'r': PLAIN['r']}, {'detect_in': 'chi2'}, ValueError, 'otherwise'),
        (PLAIN, {'mask': {'z': PLAIN['g'] > 0}}, ValueError, "`mask` has 'z', which is no band"),
    ],
)
def test_images_of_bands_that_are_refused(images, options, error, message):
    with pytest.raises(error, match=message):
        StampSet.from_images(images, **{'size': 8, **options})


@pytest.mark.parametrize(
    ('psf', 'message'),
    [
        (np.ones((4, 4)), r'must have odd edges, .* got the shape \(4, 4\) in g'),
        (np.zeros((3, 3)), 'with a sum above 0; that of g is not'),
        (np.full((3, 3), np.nan), 'must be finite'),
    ],
)
def test_psfs_that_are_not_matched(psf, message, monkeypatch):
    monkeypatch.setattr(image_of_band.ImageOfBand, 'cuts', lambda *_, **__: pytest.fail('cut'))
    images = {Band('g', psf=psf): PLAIN['g'], Band('r', psf=np.ones((5, 5))): PLAIN['r']}
    with pytest.raises(ValueError, match=message):
        StampSet.from_images(images, size=8, positions=[(25, 25)], match_psf=True)


def test_options_of_some_bands(tmp_path):
    hdus = fits.HDUList(
        [fits.PrimaryHDU(), fits.ImageHDU(PLAIN['g'] + 7), fits.ImageHDU(PLAIN['r'])]
    )
    mask = np.zeros((50, 50), bool)
    mask[20, 22] = True
    stamps = StampSet.from_images(
        {'g': hdus, 'r': PLAIN['r'] * 2},
        size=8,
        positions=[(24, 22)],
        hdu={'g': 2},
        mask={'r': mask},
    )
    assert np.allclose(stamps['g'].pixels[0], PLAIN['r'][18:26, 20:28])
    assert stamps['g'].mask is None
    assert np.argwhere(~stamps['r'].valid).tolist() == [[0, 2, 2]]


# Cubes, lists and pictures


def test_planes_of_a_cube_are_bands(tmp_path):
    cube = np.random.default_rng(1).normal(size=(3, 40, 50)).astype(np.float32)
    fits.writeto(tmp_path / 'cube.fits', cube)
    for source in (cube, tmp_path / 'cube.fits', fits.PrimaryHDU(cube), list(cube)):
        stamps = StampSet.from_image(source, size=8, positions=[(24, 22)], bands=['g', 'r', 'i'])
        assert [band.name for band in stamps.bands] == ['g', 'r', 'i']
        assert np.array_equal(stamps['r'].pixels[0], cube[1, 18:26, 20:28])
    assert StampSet.from_image(cube, size=8, positions=[(24, 22)]).n_bands == 3
    one = StampSet.from_image(cube, plane=2, size=8, positions=[(24, 22)], bands=['i'])
    assert_stamps_equal(one, stamps['i'])
    with pytest.raises(ValueError, match='`bands` must be 3, as those of the pixels; got 2'):
        StampSet.from_image(cube, size=8, positions=[(24, 22)], bands=['g', 'r'])


def test_colors_of_a_picture_are_bands_if_they_are_named(tmp_path):
    colors = np.random.default_rng(2).integers(0, 255, size=(40, 50, 3), dtype=np.uint8)
    path = tmp_path / 'picture.png'
    Image.fromarray(colors).save(path)
    where = {'size': 8, 'positions': [(24, 22)]}
    stamps = StampSet.from_image(path, bands=['R', 'G', 'B'], **where)
    assert np.array_equal(stamps['G'].pixels[0], colors[18:26, 20:28, 1])
    assert StampSet.from_image(path, **where).n_bands is None
    planes = {'R': 0, 'G': 1, 'B': 2}
    assert_stamps_equal(
        StampSet.from_images(dict.fromkeys(planes, path), plane=planes, **where), stamps
    )
    gray = tmp_path / 'gray.png'
    Image.fromarray(np.repeat(colors[..., :1], 3, axis=2)).save(gray)
    with pytest.warns(AstropyUserWarning, match='have the same pixels, as those of gray') as caught:
        StampSet.from_image(gray, bands=['R', 'G', 'B'], **where)
    assert len(caught) == 3
    with pytest.warns(AstropyUserWarning, match='have the same pixels') as caught:
        StampSet.from_files([gray], bands=['R', 'G', 'B'], progress=False)
    assert [warning.filename for warning in caught] == [__file__] * 3


# Real images


def test_galaxies_of_a_survey_in_seven_bands(real_data):
    files = sorted((real_data / 'real' / 'ceers').glob('*.fits'))
    names = sorted({path.name.split('_')[1] for path in files})
    assert len(names) == 7
    galaxies = {name: [p for p in files if name in p.name] for name in names}
    stamps = StampSet.from_bands(
        {
            name: StampSet.from_cutouts([read_image(path) for path in paths])
            for name, paths in galaxies.items()
        }
    )
    assert (len(stamps), stamps.n_bands) == (5, 7)
    found = measure_sources(stamps, detect_in='chi2', progress=False).stamps
    assert (found['status'] == 'measured').sum() >= 4
    # As the sum of the pixels of the images in the same ellipse.
    k = int(np.nanargmax(found['kron_flux_f444w'].value))
    for name in names:
        image = stamps[name].pixels[k]
        x, y = (found[axis].value[k] for axis in 'xy')
        rows, columns = np.indices(image.shape)
        near = np.hypot(columns - x, rows - y) < 2 * found[f'half_light_radius_{name}'].value[k]
        light = image[near].sum() - near.sum() * np.median(image)
        assert found[f'kron_flux_{name}'].value[k] == pytest.approx(light, rel=0.3)


def test_a_field_of_two_surveys(real_data):
    """KiDS and VIKING, on the same pixels and without WCS."""
    folder = real_data / 'real' / 'kids_viking'
    images = {name: folder / f'{name}.fits' for name in ('r', 'Ks')}
    where = {'size': 32, 'positions': [(1250, 1320), (400, 2000)]}
    stamps = StampSet.from_images(images, **where)
    for name, path in images.items():
        assert_stamps_equal(stamps[name].replace(bands=None), StampSet.from_image(path, **where))
