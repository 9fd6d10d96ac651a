"""Photometry of several bands in the apertures of one detection."""

import numpy as np
import pytest
import sep
from astropy import units as u

from astro_wgan import DetectionConfig, StampSet, StampStore
from astro_wgan.sources import SourceFlag, measure_sources
from astro_wgan.stamps import Band
from astro_wgan.testing import make_stamps
from tests.judges import sextractor as judge

NAMES = ['g', 'r', 'i']
DETECTION = DetectionConfig(threshold=2)


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def two_bands(n=100, *, seed=3, noise=(3.0, 5.0), ratio=0.6):
    """Pairs of galaxies in two bands, the second fainter by a ratio, as one image of each."""
    pairs = judge.simulate_pairs(n, seed=seed, noise=0.0)
    image = judge.mosaic(pairs.pixels)
    rng = np.random.default_rng(seed + 1)
    first, second = (rng.normal(size=image.shape, scale=scale) for scale in noise)
    return (image + first).astype(np.float32), (ratio * image + second).astype(np.float32)


def test_detection_band_is_measured_as_by_itself():
    stamps = make_stamps(20, bands=NAMES, shape=(48, 48))
    found, alone = measure(stamps, detect_in='r'), measure(stamps, band='r')
    for one, other in ((found.sources, alone.sources), (found.stamps, alone.stamps)):
        for name in other.colnames:
            first, second = np.asarray(one[name]), np.asarray(other[name])
            assert np.array_equal(first, second, equal_nan=first.dtype.kind == 'f')
    for name in ('kron_flux', 'isophotal_flux', 'magnitude', 'half_light_radius', 'flags', 'peak'):
        column = found.sources[f'{name}_r']
        assert np.allclose(getattr(column, 'value', column), np.asarray(alone.sources[name]))
    assert np.allclose(found.stamps['kron_flux_r_err'].value, alone.stamps['kron_flux_err'].value)
    assert np.array_equal(found.stamps['background_r'], alone.stamps['background'])
    assert found.stamps.meta['sources']['detect_in'] == 'r'
    assert found.stamps.meta['sources']['bands'] == NAMES


def test_against_sextractor_with_two_images(tmp_path):
    if judge.SEXTRACTOR is None:
        pytest.skip('needs the program SExtractor (package source-extractor)')
    g, r = two_bands()
    catalog = judge.run_sextractor(
        tmp_path, g, DETECTION, measured=r, WEIGHT_TYPE='BACKGROUND,BACKGROUND'
    )
    stamps = StampSet(np.stack([g, r], axis=-1)[np.newaxis], bands=['g', 'r'], unit='adu')
    found = measure(stamps, detection=DETECTION).sources
    x, y = found['x'].value, found['y'].value
    distance = np.hypot(catalog['x'][:, None] - x, catalog['y'][:, None] - y)
    rows, near = distance.argmin(axis=1), distance.min(axis=1) < 0.5
    assert near.mean() > 0.97
    for name, most, tenth in (
        ('kron_flux', 0.003, 0.05),
        ('kron_flux_err', 0.003, 0.05),
        ('isophotal_flux', 0.003, 0.05),
        ('half_light_radius', 0.003, 0.1),
    ):
        root, error, _ = name.partition('_err')
        ours = np.asarray(found[f'{root}_r{error}'].value)[rows[near]]
        theirs = catalog[name][near]
        share = np.abs(ours / theirs - 1)
        assert np.median(share) < most, name
        assert np.percentile(share, 90) < tenth, name


def test_against_sep_by_hand():
    rng = np.random.default_rng(1)
    y, x = np.indices((60, 60))
    light = 500 * np.exp(-((x - 29) ** 2 / 9 + (y - 31) ** 2 / 4) / 2) / (2 * np.pi * 6)
    g = (light + rng.normal(size=(60, 60), scale=0.5)).astype(np.float32)
    r = (0.3 * light + rng.normal(size=(60, 60), scale=0.2)).astype(np.float32)
    known = np.broadcast_to(np.array([0.5, 0.2], dtype=np.float32), (1, 60, 60, 2))
    stamps = StampSet(np.stack([g, r], axis=-1)[None], bands=['g', 'r'], uncertainty=known)
    found = measure(stamps, background=0).sources
    assert len(found) == 1
    source, _ = sep.extract(
        g, 1.5, err=np.full_like(g, 0.5), filter_type='conv', segmentation_map=True,
        filter_kernel=np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32),
    )  # fmt: skip
    ellipse = [source[name] for name in ('x', 'y', 'a', 'b', 'theta')]
    # Pixels of the noise above the threshold are left out of our Kron radius.
    radius, _ = sep.kron_radius(g, *ellipse, 6.0)
    assert found['kron_radius'] == pytest.approx(2.5 * radius, rel=0.05)
    radius = found['kron_radius'] / 2.5
    flux, error, _ = sep.sum_ellipse(r, *ellipse, 2.5 * radius, err=np.full_like(r, 0.2), subpix=1)
    assert found['kron_flux_r'].value == pytest.approx(flux, rel=1e-4)
    assert found['kron_flux_r_err'].value == pytest.approx(error, rel=1e-4)
    # Without zero points, the ratio of fluxes: 1 / 0.3.
    ratio, sigma = found['flux_ratio_g_r'][0], found['flux_ratio_g_r_err'][0]
    assert abs(ratio - 1 / 0.3) < 4 * sigma
    assert 'color_g_r' not in found.colnames


def test_errors_of_colors():
    """By the formula, and as the scatter of measured colors around the truth."""
    n = 300
    stamps = make_stamps(n, bands=['g', 'r'], shape=(40, 40), seed=2)
    found = measure(stamps, background=0).stamps
    good = np.isfinite(found['color_g_r'].value)
    assert good.mean() > 0.99
    flux = [found[f'kron_flux_{band}'].value for band in 'gr']
    error = [found[f'kron_flux_{band}_err'].value for band in 'gr']
    expected = 2.5 / np.log(10) * np.hypot(error[0] / flux[0], error[1] / flux[1])
    assert np.allclose(found['color_g_r_err'].value[good], expected[good])
    assert np.allclose(found['color_g_r'].value[good], -2.5 * np.log10(flux[0] / flux[1])[good])
    assert found['color_g_r'].unit == u.mag
    # The second band is twice as bright.
    pull = (found['color_g_r'].value - 2.5 * np.log10(2))[good] / found['color_g_r_err'].value[good]
    assert np.abs(np.median(pull)) < 0.2
    assert 0.8 < np.percentile(np.abs(pull), 68) < 1.3


def test_zero_points_of_bands():
    pixels = make_stamps(5, bands=2).pixels
    bands = [Band('g', zero_point=25), Band('r', zero_point=26)]
    stamps = StampSet(pixels, unit='adu', bands=bands)
    found = measure(stamps).sources
    flux = found['kron_flux_r'].value
    assert np.allclose(found['magnitude_r'].value, 26 - 2.5 * np.log10(flux))
    assert np.allclose(
        found['color_g_r'].value, found['magnitude_g'].value - found['magnitude_r'].value
    )
    alone = measure(stamps['r']).sources
    assert np.allclose(alone['magnitude'].value, 26 - 2.5 * np.log10(alone['kron_flux'].value))
    other = measure(stamps, zero_point={'g': 20, 'r': 26}).sources
    assert np.allclose(other['color_g_r'].value, found['color_g_r'].value - 5)
    assert other.meta['sources']['zero_point'] == {'g': 20.0, 'r': 26.0}
    # The unit implies it, whatever is said of the band.
    known = measure(StampSet(pixels, unit='uJy', bands=['g', 'r'])).sources
    assert np.allclose(
        known['magnitude_g'].value, 23.9 - 2.5 * np.log10(flux_of(known, 'g')), atol=0.01
    )


def flux_of(table, band):
    return table[f'kron_flux_{band}'].value


def test_detection_in_chi_squared():
    """Sources that are faint in each band."""
    rng = np.random.default_rng(3)
    y, x = np.indices((64, 64)) - 31.5
    spot = np.exp(-(x**2 + y**2) / 2 / 2.5**2)
    pixels = rng.normal(size=(40, 64, 64, 4)) + 1.6 * spot[..., None]
    stamps = StampSet(pixels, unit='nJy', bands=list('griz'))
    detection = DetectionConfig(threshold=2)
    alone = measure(stamps, band='g', detection=detection).stamps['label'] > 0
    found = measure(stamps, detect_in='chi2', detection=detection)
    together = found.stamps['label'] > 0
    assert together.mean() > alone.mean() + 0.3
    for name in ('kron_flux', 'magnitude', 'background', 'neighbor_kron_flux', 'peak'):
        assert name not in found.stamps.colnames
    flux = found.stamps['kron_flux_z'].value
    truth = 1.6 * 2 * np.pi * 2.5**2
    assert np.nanmedian(flux) == pytest.approx(truth, rel=0.3)
    assert (found.stamps['half_light_radius'].value[together] > 0).all()


def test_bands_without_data():
    stamps = make_stamps(6, bands=NAMES, shape=(48, 48))
    mask = np.zeros(stamps.pixels.shape, dtype=bool)
    mask[0, ..., 1] = True
    mask[1, 22:26, 22:26, 2] = True
    stamps.mask = mask
    found, full = measure(stamps).stamps, measure(stamps.replace(mask=None)).stamps
    assert np.isnan(found['kron_flux_r'].value[0])
    assert np.isnan(found['color_g_r'].value[0])
    assert np.isnan(found['noise_rms_r'].value[0])
    assert np.isfinite(found['kron_flux_i'].value).all()
    assert found['flags_i'][1] & SourceFlag.MASKED
    assert not found['flags_g'][1] & SourceFlag.MASKED
    assert np.allclose(found['kron_flux_g'].value, full['kron_flux_g'].value)
    # Where sources cannot be detected, there is none, in any band.
    nothing = measure(stamps, detect_in='r').stamps
    assert nothing['status'][0] == 'no pixel can be used'
    assert np.isnan(nothing['kron_flux_g'].value[0])


def test_negative_fluxes_have_no_color():
    stamps = make_stamps(3, bands=['g', 'r'])
    stamps.pixels[..., 1] *= -1
    found = measure(stamps).stamps
    assert (found['kron_flux_r'].value < 0).all()
    assert np.isnan(found['color_g_r'].value).all()
    ratio = measure(stamps.replace(unit='adu', pixels=stamps.pixels)).stamps
    assert np.isnan(ratio['flux_ratio_g_r']).all()


def test_some_bands_and_other_engines(tmp_path):
    stamps = make_stamps(4, bands=NAMES, shape=(40, 40))
    found = measure(stamps, band=['i', 'g'], detect_in='r').stamps
    every = measure(stamps, detect_in='r').stamps
    assert 'kron_flux_r' not in found.colnames
    assert 'color_i_g' in found.colnames
    assert np.array_equal(found['kron_flux_i'], every['kron_flux_i'])
    other = measure(stamps, engine='photutils').stamps
    share = other['kron_flux_i'].value / measure(stamps).stamps['kron_flux_i'].value
    assert np.allclose(share, 1, atol=0.05)
    store = StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)
    assert np.array_equal(measure(store, detect_in='r').stamps['kron_flux_i'], every['kron_flux_i'])


def test_results_are_continued(tmp_path):
    stamps = make_stamps(4, bands=NAMES)
    output = tmp_path / 'sources.npz'
    first = measure(stamps, output=output)
    again = measure(stamps, output=output)
    assert np.array_equal(first.sources['kron_flux_i'], again.sources['kron_flux_i'])
    with pytest.raises(ValueError, match='detect_in'):
        measure(stamps, output=output, detect_in='r')


def test_empty_sets_have_the_columns():
    empty = make_stamps(3, bands=NAMES)[:0]
    assert measure(empty).stamps.colnames == measure(make_stamps(3, bands=NAMES)).stamps.colnames


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'band': 'z'}, r'`band` must be a band, from 0 to 2 \(g, r, i\)'),
        ({'band': ['g', 'g']}, '`band` must be different bands'),
        ({'band': []}, '`band` must be different bands'),
        ({'detect_in': 'z'}, r'`detect_in` must be a band, from 0 to 2 \(g, r, i\)'),
        ({'zero_point': {'z': 25}}, "`zero_point` has 'z', which is no band that is measured"),
    ],
)
def test_bands_that_are_not_there(options, message):
    with pytest.raises(ValueError, match=message):
        measure(make_stamps(2, bands=NAMES), **options)


def test_plain_images_have_no_band_to_detect_in():
    with pytest.raises(ValueError, match=r"`detect_in` is for stamps of several bands; got 'r'"):
        measure(make_stamps(2), detect_in='r')
    with pytest.raises(ValueError, match='otherwise'):
        measure(make_stamps(2, bands=['chi2', 'r']), detect_in='chi2')
    named = make_stamps(2).replace(bands='r')
    assert len(measure(named, band='r').stamps) == 2


@pytest.mark.parametrize(
    ('names', 'column'),
    [
        (('g', 'g_err'), 'kron_flux_g_err'),
        (('err', 'r'), 'kron_flux_err'),
        (('arcsec', 'r'), 'kron_flux_arcsec'),
        (('a', 'b_c', 'a_b', 'c'), 'color_a_b_c'),
    ],
)
def test_names_of_bands_whose_columns_would_be_the_same(names, column):
    stamps = make_stamps(2, bands=list(names))
    with pytest.raises(ValueError, match=f'would have one name, such as {column}: give other'):
        measure_sources(stamps, progress=False)
