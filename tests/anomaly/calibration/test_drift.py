import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampSet, datasets
from astro_wgan.anomaly import LatentSearchConfig
from astro_wgan.anomaly.calibration.drift import NormalConditions, check_drift
from astro_wgan.exceptions import DriftWarning
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.simulate import simulate

RNG = np.random.default_rng(2)


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    return AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=20)).calibrate(
        stamps[:60], progress=False
    )


def changed(stamps, pixels):
    return StampSet(pixels, unit=stamps.unit)


def test_more_of_the_same_is_no_drift(detector, stamps):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.score(stamps[60:], progress=False)


def test_noise_of_a_pixel_is_measured_in_the_unit_of_the_training(detector, stamps):
    table = detector.score(stamps[60:], progress=False)
    assert table['noise_rms'].unit == u.nJy
    assert np.median(table['noise_rms'].value) == pytest.approx(1, rel=0.1)
    in_other = StampSet(stamps[60:].pixels / 1000, unit='uJy')
    found = detector.score(in_other, progress=False)['noise_rms']
    np.testing.assert_allclose(found, table['noise_rms'], rtol=1e-3)


@pytest.mark.parametrize('factor', [0.0, 1.5])
def test_deeper_and_noisier_stamps_give_a_warning(detector, stamps, factor):
    y, x = np.indices((16, 16)) - 7.5
    galaxies = 20 * np.exp(-(x**2 + y**2) / 2 / 2**2)
    pixels = galaxies + (factor + 0.1) * RNG.normal(size=(40, 16, 16))
    with pytest.warns(DriftWarning, match='the median noise of a pixel is'):
        detector.score(changed(stamps, pixels), progress=False)


def test_brighter_stamps_give_a_warning(detector, stamps):
    detector.score(stamps[60:], progress=False)
    table = detector.measure(stamps[60:], progress=False)
    table['closest_flux'] *= 10
    with pytest.warns(DriftWarning, match='percent are brighter than'):
        detector.score(table)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.score(table[:19])


def test_few_normals_do_not_tell_what_is_too_bright(wgan, stamps):
    """Of forty normals the brightest is exceeded by a tenth of their like once in seventy times."""
    few = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=2))
    few.calibrate(stamps[:40], progress=False)
    table = few.measure(stamps[60:], progress=False)
    table['closest_flux'] *= 10
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        few.score(table)


def test_another_pixel_scale_gives_a_warning_before_the_search(stamps, wgan, monkeypatch):
    monkeypatch.setattr(wgan, 'pixel_scale_', 0.06 * u.arcsec / u.pix)
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=2))
    fine = StampSet(stamps[:4].pixels, unit='nJy', pixel_scale=0.03 * u.arcsec)
    with pytest.warns(DriftWarning, match='pixel scale is 0.03 arcsec.* training set 0.06 arcsec'):
        detector.measure(fine, progress=False)
    same = StampSet(stamps[:4].pixels, unit='nJy', pixel_scale=6e-5 * u.arcsec * 1000)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.measure(same, progress=False)


def test_conditions_are_saved(detector, stamps, tmp_path):
    detector.save(tmp_path)
    again = AnomalyDetector.load(tmp_path)
    assert again.conditions_ == detector.conditions_
    assert set(again.conditions_.spreads) > {'noise_rms', 'flux', 'offset_x', 'sky_level'}


def test_stamps_without_a_valid_pixel_say_nothing_of_drift(detector, stamps):
    fully_masked = changed(stamps, np.full((30, 16, 16), np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        table = detector.score(fully_masked, progress=False)
    assert np.isnan(table['noise_rms']).all()
    assert np.isnan(table['q_value']).all()


@pytest.fixture(scope='module')
def shipped():
    return datasets.load_model()


@pytest.fixture(scope='module')
def fresh():
    """Normals that the shipped detector has not seen, and the noise of their pixels."""
    pytest.importorskip('galsim')
    stamps = simulate('normal', 300, seed=4321)
    return stamps, float(np.median(estimate_noise_rms(stamps.pixels)))


ROWS, COLUMNS = np.indices((64, 64)) / 63 - 0.5
RADIUS = 63 * np.hypot(ROWS, COLUMNS)
#: Half of 300 stamps the one way, half the other.
SIGNS = np.where(np.arange(300) % 2, 1, -1)[:, np.newaxis, np.newaxis]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda p, noise: np.roll(p, 1, axis=2),
            r'shifted by \+1.0 pixels along x and [+-]0.0 al',
        ),
        (
            lambda p, noise: np.roll(p, -2, axis=1),
            r'shifted by [+-]0.0 pixels along x and -2.0 al',
        ),
        (lambda p, noise: np.roll(p, (3, 3), axis=(1, 2)), 'suggests other positions'),
        (
            lambda p, noise: np.concatenate(
                [
                    np.roll(part, k, axis=a)
                    for part, (k, a) in zip(
                        np.array_split(p, 4), [(1, 1), (-1, 1), (1, 2), (-1, 2)], strict=True
                    )
                ]
            ),
            r'median distance .* center is \d\.\d pixels.*less precise positions',
        ),
        (
            lambda p, noise: p + noise * COLUMNS,
            r'by \+[01]\.\d+ .* \+0\.\d+ along y.* a gradient of the sky',
        ),
        (lambda p, noise: p - noise * ROWS, 'suggests a gradient of the sky'),
        (lambda p, noise: p + noise, 'suggests another background subtraction'),
        (lambda p, noise: p - 0.5 * noise, 'suggests another background subtraction'),
        (
            lambda p, noise: 1.2 * p,
            r'are 1.2\d and 1.\d+ times .* suggests another .*zero point, gain or',
        ),
        (
            lambda p, noise: 0.8 * p,
            r'are 0.8\d and 0.\d+ times .* suggests another .*zero point, gain or',
        ),
        (
            lambda p, noise: p + 0.7 * noise * np.random.default_rng(1).normal(size=p.shape),
            'suggests another depth',
        ),
        (
            lambda p, noise: p + noise * SIGNS,
            r'scatter of the sky level .* is 1\.\d+ .* stamps 0.50.*background subtraction',
        ),
        (
            lambda p, noise: p + 2 * noise * SIGNS * COLUMNS,
            r'scatter of the slope of the sky along x is [12]\.\d+ .*suggests gradients of the sky',
        ),
    ],
)
def test_differences_from_the_calibration_give_a_warning(shipped, fresh, change, message):
    stamps, noise = fresh
    other = stamps.replace(pixels=change(stamps.pixels, noise).astype(np.float32))
    with pytest.warns(DriftWarning, match=message):
        shipped.score(other, progress=False)


OUTER = RADIUS > 27


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda p: np.roll(p, 2, axis=1), r'sources are shifted .* and \+2.0 along y'),
        (lambda p: 1.25 * p, 'suggests another .*zero point, gain or unit'),
        (lambda p: 0.8 * p, 'suggests another .*zero point, gain or unit'),
    ],
)
def test_differences_of_heavily_masked_stamps_give_a_warning(shipped, fresh, change, message):
    stamps, _ = fresh
    pixels = change(stamps.pixels).astype(np.float32)
    masked = stamps.replace(pixels=pixels, mask=np.broadcast_to(OUTER, pixels.shape))
    with pytest.warns(DriftWarning, match=message):
        assert shipped.score(masked, progress=False)['incomplete'].all()


@pytest.mark.parametrize(
    'mask', [COLUMNS < -0.2, COLUMNS < 0, RADIUS < 6, OUTER], ids=['chip', 'half', 'core', 'outer']
)
def test_masks_are_no_drift(shipped, fresh, mask):
    stamps, _ = fresh
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        shipped.score(
            stamps.replace(mask=np.broadcast_to(mask, stamps.pixels.shape)), progress=False
        )


def test_nothing_is_said_of_normals_nor_of_three_anomalies_in_ten(shipped, fresh):
    pytest.importorskip('galsim')
    stamps, _ = fresh
    strange = [
        simulate(kind, 18, seed=6) for kind in ('pair', 'ring', 'lens', 'disturbed', 'artifact')
    ]
    mixed = np.concatenate([stamps.pixels[:210], *(s.pixels for s in strange)])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        shipped.score(stamps, progress=False)
        shipped.score(stamps[:25], progress=False)
        shipped.score(stamps.replace(pixels=mixed, table=None), progress=False)


def test_quiet_on_two_hundred_samples_of_each_size():
    """As their rate of one in 100,000 says."""
    rng = np.random.default_rng(7)

    def drawn(n):
        return QTable(
            {
                'noise_rms': rng.lognormal(0, 0.05, size=n),
                'closest_flux': rng.lognormal(3, 1.0, size=n),
                'offset_x': rng.normal(0, 0.5, size=n),
                'offset_y': rng.normal(0, 0.5, size=n),
                'sky_level': rng.gumbel(0.1, 0.2, size=n),
                'sky_slope_x': rng.laplace(0, 0.3, size=n),
                'sky_slope_y': rng.laplace(0, 0.3, size=n),
            }
        )

    for n in (20, 50, 1000):
        for _ in range(200):
            conditions = NormalConditions.from_measurements(drawn(rng.choice([20, 100, 1000])))
            with warnings.catch_warnings():
                warnings.simplefilter('error')
                check_drift(conditions, drawn(n), rng.uniform(size=n))


def test_small_p_values_give_a_warning_without_other_differences():
    conditions = NormalConditions.from_measurements(
        QTable({'noise_rms': np.ones(99), 'closest_flux': np.ones(99)})
    )
    same = QTable({'noise_rms': np.ones(100), 'closest_flux': np.ones(100)})
    with pytest.warns(DriftWarning, match='80 percent .* have a score above the 75th percentile'):
        check_drift(conditions, same, np.append(np.full(80, 0.2), np.full(20, 0.6)))
    uniform = np.append(np.full(30, 0.001), np.linspace(0, 1, 70))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_drift(conditions, same, uniform)
        check_drift(conditions, same[:19], np.zeros(19))


def test_conditions_that_an_earlier_version_did_not_know_are_not_compared():
    conditions = NormalConditions(noise_rms=1.0, faintest=np.nan, brightest=np.nan)
    table = QTable({'noise_rms': np.full(50, 9.0), 'closest_flux': np.ones(50)})
    assert conditions.differences(table) == []
