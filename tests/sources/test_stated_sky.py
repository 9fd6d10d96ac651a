"""The sky: stated by the caller, or measured in stamps that a galaxy may fill."""

import numpy as np
import pytest
from astropy import units as u
from astropy.modeling.models import Sersic2D
from astropy.nddata import CCDData, NDData
from astropy.utils.masked import Masked
from judges import sextractor as judge
from scipy.special import gamma, gammaincinv

from astro_wgan import DetectionConfig, StampSet
from astro_wgan.detection import detect
from astro_wgan.sources import SourceFlag, measure_sources, segment_stamps


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def sersic(radius, index=1.0, *, size=64, flux=2e4, seed=0):
    """A galaxy of a flux that is counted to infinity, on noise of 1, and the sky at 0."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    model = Sersic2D(1, radius, index, 0, 0, ellip=0.3, theta=0.5)
    steps = np.linspace(-0.4, 0.4, 5)
    image = sum(model(x + dx, y + dy) for dx in steps for dy in steps) / 25
    # The closed formula for the total of a Sersic profile.
    b = gammaincinv(2 * index, 0.5)
    total = 2 * np.pi * index * np.exp(b) * b ** (-2 * index) * gamma(2 * index)
    image *= flux / (total * radius**2 * 0.7)
    return image + np.random.default_rng(seed).normal(size=image.shape)


@pytest.fixture(scope='module')
def pairs():
    return judge.simulate_pairs(10, seed=5, separation=(14, 24)).pixels


def test_every_way_to_state_it(pairs):
    n, ny, nx = pairs.shape
    right = measure(StampSet(pairs * u.nJy), background=0)
    raised = StampSet((pairs + 50) * u.nJy)
    ways = [
        {'background': 50},
        {'background': 0.05 * u.uJy},
        {'background': np.full(n, 50)},
        {'background': np.full((ny, nx), 50.0)},
        {'background': np.full((n, ny, nx), 50.0, dtype='f4') * u.nJy},
        {'detection': DetectionConfig(background=50)},
    ]
    for way in ways:
        found = measure(raised, **way)
        assert len(found.sources) == len(right.sources)
        for name in ('x', 'kron_flux', 'kron_flux_err', 'half_light_radius'):
            one, two = found.sources[name].value, right.sources[name].value
            assert np.allclose(one, two, rtol=1e-3), name
        assert np.allclose(found.stamps['background'].value, 50)
        assert (found.sources['flags'] == right.sources['flags']).all()
        if 'background' in way:
            labels = segment_stamps(raised, **way).labels
            assert (labels == segment_stamps(StampSet(pairs), background=0).labels).mean() > 0.999
    assert found.sources.meta['sources']['background_stated']


def test_levels_that_differ_from_stamp_to_stamp(pairs):
    levels = np.linspace(-100, 300, len(pairs))
    right = measure(StampSet(pairs), background=0).stamps
    found = measure(StampSet(pairs + levels[:, np.newaxis, np.newaxis]), background=levels).stamps
    assert np.allclose(found['kron_flux'].value, right['kron_flux'].value, rtol=1e-3)
    assert np.allclose(found['background'].value, levels, rtol=1e-5)


def test_an_image_of_the_sky_follows_the_positions(pairs):
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:200, :300]
    sky = 20 + 0.5 * x + 0.2 * y
    field = rng.normal(size=sky.shape)
    places = [(40, 60), (150.3, 99), (295, 190)]
    for x0, y0 in places:
        field += 100 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 18)
    options = {'positions': places, 'size': 48}
    right = measure(CCDData(field, unit='adu'), background=0, **options).stamps
    found = measure(CCDData(field + sky, unit='adu'), background=sky, **options).stamps
    for name in ('x', 'kron_flux', 'kron_flux_err'):
        assert np.allclose(found[name].value, right[name].value, rtol=1e-3)
    whole = measure(CCDData(field + sky, unit='adu'), background=sky)
    assert len(whole.sources) == len(measure(CCDData(field, unit='adu'), background=0).sources)
    # The same where stamps are cut around what is found, and in detection by itself.
    cut = StampSet.from_image(
        field + sky, size=32, background=sky, detection=DetectionConfig(5), partial='fill'
    )
    expected = StampSet.from_image(
        field, size=32, background=0, detection=DetectionConfig(5), partial='fill'
    )
    assert len(cut) == 3
    assert np.allclose(cut.table['isophotal_flux'], expected.table['isophotal_flux'], rtol=1e-3)
    assert len(detect(field + sky, background=sky, detection=DetectionConfig(5)).sources) == 3


def test_a_sky_that_is_masked_or_an_image(pairs):
    # What it is where it is not known: the value under the mask is not used.
    sky, hole = np.full(pairs.shape, 30.0), np.zeros(pairs.shape, bool)
    hole[:, 10:20, 40:] = True
    stamps = StampSet(pairs + sky, unit='nJy')
    right = measure(StampSet(pairs, unit='nJy', mask=hole), background=0).stamps
    wrong = np.where(hole, -9999, sky)
    for level in (np.ma.array(wrong, mask=hole), Masked(wrong * u.nJy, mask=hole)):
        found = measure(stamps, background=level).stamps
        assert np.allclose(found['kron_flux'].value, right['kron_flux'].value, rtol=1e-3)
    images = [
        CCDData(sky[0] / 1e3, unit='uJy', mask=hole[0]),
        NDData(np.ma.array(sky[0], mask=hole[0])),
    ]
    for image in images:
        found = measure(stamps, background=image).stamps
        assert np.allclose(found['kron_flux'].value, right['kron_flux'].value, rtol=1e-3)
    with pytest.raises(ValueError, match='`background` must be in the unit of the pixels'):
        measure(stamps, background=CCDData(sky[0], unit='s'))
    with pytest.raises(ValueError, match='`background` must be finite'):
        measure(stamps, background=np.ma.masked)


@pytest.mark.parametrize(('radius', 'index'), [(16, 1), (12, 1), (16, 4)])
def test_galaxies_that_fill_their_stamps(radius, index):
    image = sersic(radius, index)[np.newaxis]
    inside = image.sum()
    filled = measure(StampSet(image)).stamps
    assert filled['kron_flux'].value[0] < 0.9 * inside
    assert filled['flags'][0] & SourceFlag.STAMP_FILLED
    # Where the sky is known to be 0, the aperture holds what is in the stamp.
    stated = measure(StampSet(image), background=0).stamps
    assert stated['kron_flux'].value[0] == pytest.approx(inside, rel=0.06)
    assert not stated['flags'][0] & SourceFlag.STAMP_FILLED
    assert stated['noise_rms'].value[0] == pytest.approx(1, rel=0.4)
    # In a larger stamp nothing is lost, and nothing flagged.
    wide = measure(StampSet(sersic(radius, 1, size=400)[np.newaxis])).stamps
    assert wide['kron_flux'].value[0] == pytest.approx(2e4, rel=0.08)
    assert not wide['flags'][0] & SourceFlag.STAMP_FILLED


@pytest.mark.parametrize('engine', ['sep', 'photutils'])
def test_the_flag_of_full_stamps_is_for_those_that_lose_a_tenth(engine):
    radii, indices = (1.5, 2, 3, 4, 5, 12, 14, 16, 20), (0.5, 1.0, 1.5)
    cases = [(radius, index, k) for radius in radii for index in indices for k in range(3)]
    images = np.stack([sersic(*case[:2], seed=k) for k, case in enumerate(cases)])
    options = {'engine': engine, 'detection': DetectionConfig(deblend_contrast=0.05)}
    found = measure(StampSet(images), **options).stamps
    truth = images.sum(axis=(1, 2))
    lost = 1 - found['kron_flux'].value / truth
    flagged = (found['flags'] & int(SourceFlag.STAMP_FILLED)) > 0
    assert not flagged[lost < 0.02].any()
    assert (lost < 0.04).sum() > 30
    assert flagged[lost < 0.04].mean() < 0.1
    assert (lost > 0.1).sum() > 20
    assert flagged[lost > 0.1].mean() > 0.9


def test_noise_of_a_stated_sky():
    sky = 3 * np.random.default_rng(3).normal(size=(200, 64, 64)) + 20
    found = measure(StampSet(sky), background=20.0).stamps
    assert np.mean(found['noise_rms'].value) == pytest.approx(3, rel=0.01)
    # Nothing is measured where both are known.
    known = measure(StampSet(sky, uncertainty=np.full(sky.shape, 4.0)), background=20.0).stamps
    assert np.allclose(known['noise_rms'].value, 4)


def test_pixels_without_a_level_are_not_used(pairs):
    level = np.zeros(pairs.shape)
    level[:, :, :10] = np.nan
    labels = segment_stamps(StampSet(pairs), background=level).labels
    assert labels.any()
    assert not labels[:, :, :10].any()


@pytest.mark.parametrize(
    ('options', 'sentence'),
    [
        ({'background': np.zeros(3)}, '`background` must be numbers of one of the shapes'),
        ({'background': 'none'}, '`background` must be numbers'),
        ({'background': np.nan}, '`background` must be finite'),
        ({'background': 3 * u.s}, '`background` must be in the unit of the pixels'),
        ({'background': 0, 'detection': DetectionConfig(background=1)}, 'not both'),
    ],
)
def test_levels_that_do_not_fit(pairs, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        measure(StampSet(pairs * u.nJy), **options)
    if not hasattr(options['background'], 'unit'):
        with pytest.raises(ValueError, match='`background`'):
            detect(pairs[0], **options)
