"""Our photometry against the real SExtractor, at the same settings on the same pixels."""

import numpy as np
import pytest
import sep
from astropy.nddata import CCDData, StdDevUncertainty
from judges import sextractor as judge
from scipy.spatial import cKDTree

from astro_wgan import DetectionConfig, StampSet, datasets
from astro_wgan.sources import SourceFlag, measure_sources

pytestmark = pytest.mark.sextractor

LENGTHS_AND_FLUXES = (
    'kron_flux',
    'kron_flux_err',
    'isophotal_flux',
    'isophotal_flux_err',
    'half_light_radius',
    'axis_ratio',
    'semimajor_axis',
)


@pytest.fixture(scope='module')
def sextractor():
    if judge.SEXTRACTOR is None:
        pytest.skip('needs the program SExtractor (package source-extractor)')
    return judge.run_sextractor


def stamp_rows(found):
    """The row of the stamp of each of our sources; ids may be text, in any order."""
    row = {stamp: k for k, stamp in enumerate(found.stamps['id'].tolist())}
    return np.array([row[stamp] for stamp in found.sources['id'].tolist()])


def match(found, catalog):
    """Our row for each of SExtractor's sources: the nearest within a pixel; or -1."""
    stamp = stamp_rows(found)
    x, y = found.sources['x'].value, found.sources['y'].value
    rows = np.full(len(catalog['x']), -1)
    for k in np.unique(catalog['stamp']):
        theirs, ours = np.flatnonzero(catalog['stamp'] == k), np.flatnonzero(stamp == k)
        if not len(ours):
            continue
        distance = np.hypot(
            catalog['x'][theirs][:, np.newaxis] - x[ours],
            catalog['y'][theirs][:, np.newaxis] - y[ours],
        )
        near = distance.min(axis=1) < 1
        rows[theirs[near]] = ours[distance.argmin(axis=1)[near]]
    return rows


def deviations(found, catalog, names=LENGTHS_AND_FLUXES):
    """By what share each source differs, and the share of SExtractor's sources that we find."""
    rows = match(found, catalog)
    matched = rows >= 0
    shares = {}
    for name in names:
        ours = np.asarray(getattr(found.sources[name], 'value', found.sources[name]))
        shares[name] = np.abs(ours[rows[matched]] / catalog[name][matched] - 1)
    return shares, np.mean(matched), rows


def flux_ratios(catalog, n, size):
    """The flux ratio of each stamp from SExtractor's catalog, by the rule of the paper."""
    ratios = np.full(n, np.nan)
    for k in range(n):
        rows = np.flatnonzero(catalog['stamp'] == k)
        middle = (size - 1) / 2
        distance = np.hypot(catalog['x'][rows] - middle, catalog['y'][rows] - middle)
        if len(rows) > 1 and distance.min() < size / 8:
            central = rows[distance.argmin()]
            others = rows[rows != central]
            ratios[k] = catalog['kron_flux'][central] / catalog['kron_flux'][others].max()
    return ratios


def assert_within(shares, median, tenth):
    for name, share in shares.items():
        assert np.median(share) <= median, name
        assert np.percentile(share, 90) <= tenth, name


@pytest.fixture(scope='module')
def measured_stamps(sextractor, tmp_path_factory):
    """Pairs, each stamp by itself, as we and as SExtractor measured them."""
    pairs = judge.simulate_pairs(300, seed=7)
    catalog = sextractor(tmp_path_factory.mktemp('pairs'), pairs.pixels, DetectionConfig())
    return pairs, measure_sources(StampSet(pairs.pixels), progress=False), catalog


def test_two_thousand_pairs(sextractor, tmp_path):
    pairs = judge.simulate_pairs(45**2, seed=6)
    image = judge.mosaic(pairs.pixels)
    catalog = sextractor(tmp_path, image, DetectionConfig(), WEIGHT_TYPE='BACKGROUND')
    found = measure_sources(CCDData(image, unit='adu'), progress=False)
    shares, matched, rows = deviations(found, catalog)
    assert matched >= 0.98
    assert abs(len(found.sources) / len(catalog['x']) - 1) < 0.02
    # SEP and SExtractor deal the pixels between blended sources out by chance, not by the same
    # numbers. Everything else agrees to many digits.
    assert_within(shares, 0.002, 0.03)
    # The ratio of both sources of each pair that are nearest to the truth.
    column, row = np.arange(45**2) % 45, np.arange(45**2) // 45
    theirs = nearest(
        catalog['x'], catalog['y'], pairs.x + 64 * column[:, None], pairs.y + 64 * row[:, None]
    )
    both = (theirs >= 0).all(axis=1) & (theirs[:, 0] != theirs[:, 1])
    both &= (rows[theirs] >= 0).all(axis=1)
    assert np.count_nonzero(both) > 1500
    flux = found.sources['kron_flux'].value[rows[theirs[both]]]
    other = catalog['kron_flux'][theirs[both]]
    share = np.abs(flux[:, 0] / flux[:, 1] / (other[:, 0] / other[:, 1]) - 1)
    assert np.median(share) <= 1e-3
    assert np.percentile(share, 90) <= 0.03


def nearest(x, y, x0, y0):
    """The source nearest to each position, within three pixels; or -1."""
    distance, row = cKDTree(np.stack([x, y], axis=1)).query(np.stack([x0, y0], axis=-1))
    return np.where(distance < 3, row, -1)


def test_stamps_of_pairs(measured_stamps):
    pairs, found, catalog = measured_stamps
    shares, matched, _ = deviations(found, catalog)
    assert matched >= 0.98
    assert_within(shares, 0.002, 0.03)
    ours, theirs = found.stamps['flux_ratio'], flux_ratios(catalog, len(pairs.pixels), 64)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert np.count_nonzero(both) >= 0.98 * np.count_nonzero(np.isfinite(theirs)) > 200
    share = np.abs(ours[both] / theirs[both] - 1)
    assert np.median(share) <= 1e-3
    assert np.percentile(share, 90) <= 0.03


def test_sources_that_are_not_blended_agree_to_many_digits(measured_stamps):
    _, found, catalog = measured_stamps
    rows = match(found, catalog)
    stamp = stamp_rows(found)
    blended = (found.sources['flags'] & int(SourceFlag.BLENDED)) > 0
    whole = np.bincount(stamp, blended)[stamp] == 0
    chosen = np.flatnonzero((rows >= 0) & whole[rows])
    assert len(chosen) > 300
    for name in (*LENGTHS_AND_FLUXES, 'kron_radius'):
        ours = np.asarray(getattr(found.sources[name], 'value', found.sources[name]))
        share = np.abs(ours[rows[chosen]] / catalog[name][chosen] - 1)
        # SExtractor writes two or three digits after the point of all but fluxes.
        rounded = 'flux' not in name
        assert np.percentile(share, 90) < (2e-3 if rounded else 1e-5), name
    turned = found.sources['orientation'].value[rows[chosen]] - catalog['theta'][chosen]
    assert np.abs((turned + 90) % 180 - 90).max() < 0.01


def test_sky_of_pairs(measured_stamps):
    _, found, catalog = measured_stamps
    table = found.stamps[catalog['stamp']]
    noise = table['noise_rms'].value
    assert np.allclose(noise, catalog['threshold'] / DetectionConfig().threshold, rtol=1e-5)
    assert np.allclose(table['background'].value, catalog['background'], atol=1e-5 * noise.max())


def test_flags_of_pairs(measured_stamps):
    _, found, catalog = measured_stamps
    rows = match(found, catalog)
    theirs, ours = catalog['flags'][rows >= 0], found.sources['flags'][rows[rows >= 0]]
    for flag in (SourceFlag.BLENDED, SourceFlag.TOUCHES_BORDER):
        assert np.mean((theirs & int(flag) > 0) == (ours & int(flag) > 0)) > 0.99
    # SExtractor counts the pixels of neighbors within 6 sigma too, we in the aperture only.
    crowded = ours & int(SourceFlag.CROWDED) > 0
    assert np.mean(theirs[crowded] & 1) > 0.95
    # Likewise, it warns of 6 sigma that leave the image.
    leaves = ours & int(SourceFlag.APERTURE_TRUNCATED) > 0
    assert leaves.any()
    assert (theirs[leaves] & 16 > 0).all()


@pytest.mark.parametrize(
    ('name', 'detection'),
    [
        ('ntt_field', DetectionConfig()),
        ('ntt_field', DetectionConfig(threshold=3, deblend_contrast=0.05)),
        ('mock_f814w', DetectionConfig()),
        ('mock_f814w', DetectionConfig(threshold=3, deblend_contrast=0.05)),
    ],
)
def test_bundled_images(sextractor, tmp_path, name, detection):
    image = datasets.load_image(name)
    # Sky and noise are measured in boxes: SExtractor has one noise for all of them, unless it
    # weights by it.
    catalog = sextractor(
        tmp_path, np.asarray(image.data, dtype=np.float32), detection, WEIGHT_TYPE='BACKGROUND'
    )
    found = measure_sources(CCDData(image.data, unit='adu'), detection=detection, progress=False)
    names = ('kron_flux', 'half_light_radius', 'axis_ratio', 'semimajor_axis')
    shares, matched, _ = deviations(found, catalog, names)
    # Of one source at the threshold the last bits may decide.
    assert matched > 1 - 1.5 / len(catalog['x'])
    assert_within(shares, 0.002, 0.02)


def test_stamps_of_a_bundled_image(sextractor, tmp_path):
    stamps = StampSet.from_image(datasets.load_image('mock_f814w'), size=64)
    catalog = sextractor(tmp_path, stamps.pixels, DetectionConfig())
    found = measure_sources(stamps, progress=False)
    names = ('kron_flux', 'half_light_radius', 'axis_ratio')
    shares, matched, _ = deviations(found, catalog, names)
    assert matched >= 0.98
    assert_within(shares, 0.02, 0.05)


@pytest.mark.parametrize('noise', [0.02, 3.0, 10.0])
def test_stamps_of_sersic_galaxies(sextractor, tmp_path, noise):
    """
    In linear counts, from nearly no noise to some galaxies at the limit of detection.

    Without noise, galaxies fill their stamps: their wings count as sky.
    """
    pixels = judge.simulate_sersic(150, seed=9, noise=noise)
    catalog = sextractor(tmp_path, pixels, DetectionConfig())
    found = measure_sources(StampSet(pixels), progress=False)
    shares, matched, _ = deviations(found, catalog)
    assert matched >= 0.98
    assert abs(len(found.sources) / len(catalog['x']) - 1) < 0.02
    assert_within(shares, 0.02, 0.05)
    assert np.mean(found.stamps['status'] == 'measured') > 0.98
    assert np.mean(found.stamps['companion_class'] == 'none') > 0.98


@pytest.mark.parametrize(
    'detection',
    [
        DetectionConfig(threshold=3.0, min_area=10),
        DetectionConfig(smooth=False, threshold=2.5),
        DetectionConfig(clean=None),
        DetectionConfig(deblend_contrast=0.05, deblend_levels=16),
    ],
)
def test_other_settings(sextractor, tmp_path, detection):
    pixels = judge.simulate_pairs(100, seed=8, size=48).pixels
    catalog = sextractor(tmp_path, pixels, detection)
    found = measure_sources(StampSet(pixels), detection=detection, progress=False)
    shares, matched, _ = deviations(found, catalog)
    assert matched >= 0.98
    assert_within(shares, 0.002, 0.05)


def test_the_catalog_that_came_with_the_ntt_field():
    """SExtractor by others: no deblending, neighbors not masked, no smallest Kron aperture."""
    path = datasets.image_path('ntt_field').with_suffix('.cat')
    columns = np.loadtxt(path, usecols=(1, 2, 11, 14, 15, 18), unpack=True)
    x, y, semimajor_axis, kron_radius, kron_flux, half_light_radius = columns
    pixels = datasets.load_image('ntt_field').data
    # One noise for the whole image.
    noise = np.full(pixels.shape, sep.Background(np.ascontiguousarray(pixels)).globalrms)
    image = CCDData(pixels, unit='adu', uncertainty=StdDevUncertainty(noise))
    detection = DetectionConfig(deblend_contrast=1)
    found = measure_sources(image, detection=detection, progress=False).sources
    distance = np.hypot(
        found['x'].value[:, np.newaxis] - x + 1, found['y'].value[:, np.newaxis] - y + 1
    )
    assert len(x) > 60
    assert distance.min(axis=0).max() < 0.5
    found = found[distance.argmin(axis=0)]
    assert np.allclose(found['semimajor_axis'].value, semimajor_axis, rtol=2e-3, atol=1e-3)
    alone = (found['flags'] == 0) & (np.abs(found['kron_radius'] - kron_radius) < 0.02)
    assert np.count_nonzero(alone) > 20
    assert np.allclose(found['kron_flux'].value[alone], kron_flux[alone], rtol=0.02)
    radius = found['half_light_radius'].value[alone]
    assert np.allclose(radius, half_light_radius[alone], rtol=0.02)
