"""Features from elsewhere as a term of the score: of a detector, and of tables of measurements."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import Calibration, LatentSearchConfig, ScoringConfig
from astro_wgan.anomaly.combined_score import check_tails

SEARCH = LatentSearchConfig(max_iterations=3)
RESIDUALS = ('smoothed_residual', 'rotation_residual', 'peak_residual')


def measurements(n, *, seed, classified=False, d=8, strange=0):
    """Normals whose features depend on their brightness; of some the features are strange."""
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(size=n)
    table = QTable({'closest_flux': flux, 'noise_rms': np.ones(n)})
    for name in RESIDUALS:
        table[name] = np.exp(0.3 * np.arcsinh(flux) + 0.2 * rng.normal(size=n))
    if classified:
        table['injection_log_odds'] = 3 * rng.normal(size=n)
    table['critic_value'] = 5 + rng.normal(size=n)
    features = rng.normal(size=(n, d)) * np.exp(0.4 * np.arcsinh(flux))[:, np.newaxis]
    features[:strange] *= 4
    table['features'] = features.astype(np.float32)
    return table


def without(table, *names):
    return table[[name for name in table.colnames if name not in names]]


@pytest.mark.parametrize('classified', [False, True])
def test_stamps_with_strange_features_rank_higher(classified):
    normal, fresh = (
        measurements(400, seed=seed, classified=classified, strange=strange)
        for seed, strange in ((1, 0), (2, 40))
    )
    scoring = ScoringConfig()
    trends = scoring.fit_trends(normal)
    score = scoring.score(fresh, trends)
    bare = [without(table, 'features') for table in (normal, fresh)]
    former = scoring.score(bare[1], scoring.fit_trends(bare[0]))
    areas = [(s[:40, np.newaxis] > s[40:]).mean() for s in (score, former)]
    assert areas[0] > 0.9
    assert areas[1] < 0.65
    found = scoring.contributions(fresh, trends)
    assert [*found][-1] == 'score_features'
    assert ('score_injection' in found) == classified
    np.testing.assert_allclose(sum(found.values()), score)


def test_features_of_new_normals_are_as_rare_as_those_of_the_calibration():
    normal, fresh = (measurements(150, seed=seed) for seed in (1, 2))
    scale = np.r_[[10] * 6, [0.1] * 994]
    for seed, table in enumerate((normal, fresh)):
        rng = np.random.default_rng(seed)
        table['features'] = (rng.normal(size=(150, 1000)) * scale).astype(np.float32)
    scoring = ScoringConfig(features_weight=1)
    found = scoring.contributions(fresh, scoring.fit_trends(normal))['score_features']
    # One of two, in decades.
    assert np.median(found) == pytest.approx(np.log10(2), abs=0.15)


def test_features_are_compared_with_normals_of_the_same_brightness():
    normal, fresh = measurements(1000, seed=1), measurements(1000, seed=2)
    scoring = ScoringConfig()
    found = scoring.contributions(fresh, scoring.fit_trends(normal))['score_features']
    bright = fresh['closest_flux'] > np.median(fresh['closest_flux'])
    assert np.median(found[bright]) == pytest.approx(np.median(found[~bright]), abs=0.15)
    # Of new normals as of those of the fit, one of ten has a probability of less than a tenth.
    assert (found > 1).mean() == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(('n', 'd'), [(50, 3), (200, 3), (1000, 3), (50, 300), (200, 300)])
def test_p_values_hold_for_fresh_normals(n, d):
    shares = []
    for seed in range(12 if n < 1000 else 3):
        normal = measurements(n, seed=seed, d=d)
        calibration = Calibration.from_measurements(normal, scoring=ScoringConfig())
        fresh = measurements(300, seed=1000 + seed, d=d)
        shares.append((calibration.p_values(calibration.score(fresh)) <= 0.1).mean())
    error = np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) <= 0.1 + 3 * max(error, 0.005)
    assert np.mean(shares) > 0.04


def test_without_weight_they_change_nothing():
    normal, fresh = measurements(100, seed=1), measurements(50, seed=2)
    for scoring in (ScoringConfig(features_weight=0.0), ScoringConfig(by_brightness=False)):
        expected = scoring.score(
            without(fresh, 'features'), scoring.fit_trends(without(normal, 'features'))
        )
        np.testing.assert_array_equal(scoring.score(fresh, scoring.fit_trends(normal)), expected)
    assert ScoringConfig.paper().features_weight == 0


def test_a_stamp_without_features_is_scored_by_the_other_terms():
    normal, fresh = measurements(100, seed=1), measurements(5, seed=2)
    fresh['features'][2] = np.nan
    normal['features'][:3] = np.nan
    scoring = ScoringConfig()
    found = scoring.contributions(fresh, scoring.fit_trends(normal))
    assert found['score_features'][2] == 0
    assert np.isfinite(sum(found.values())).all()
    normal['features'] = np.full((100, 8), np.nan)
    assert 'features' not in scoring.fit_trends(normal)


def without_key(values, name):
    return {key: value for key, value in values.items() if key != name}


def test_what_the_score_needs_of_a_calibration():
    scoring = ScoringConfig()
    trends = scoring.fit_trends(measurements(60, seed=1))
    check_tails(scoring, trends, has_classifier=False)
    for name in ('normal_features', 'feature_distance', 'features', 'residual'):
        with pytest.raises(ValueError, match=f'they lack {name}'):
            check_tails(scoring, without_key(trends, name), has_classifier=False)
    with pytest.raises(ValueError, match='they lack injection'):
        check_tails(scoring, trends, has_classifier=True)


@pytest.fixture(scope='module')
def features(stamps):
    return np.random.default_rng(3).normal(size=(len(stamps), 5)).astype(np.float32)


@pytest.fixture(scope='module')
def detector(wgan, stamps, features):
    found = AnomalyDetector(wgan, search=SEARCH)
    return found.calibrate(stamps[:60], features=features[:60], progress=False)


def test_a_detector_with_features(detector, stamps, features):
    strange = features[60:80].copy()
    strange[4] += 20
    table = detector.score(stamps[60:80], features=strange, progress=False)
    assert table['rank'][4] == 1
    assert table['features'].dtype == np.float32
    np.testing.assert_array_equal(table['features'], strange)
    assert table['score_features'].argmax() == 4
    parts = [table[name] for name in table.colnames if name.startswith('score_')]
    np.testing.assert_allclose(np.sum(parts, axis=0), table['score'])
    # From a table of measurements, with and without features of its own.
    measured = detector.measure(stamps[60:80], features=strange, progress=False)
    np.testing.assert_allclose(detector.score(measured)['score'], table['score'], rtol=1e-4)
    bare = without(measured, 'features')
    again = detector.score(bare, features=QTable({'features': strange}))
    np.testing.assert_allclose(again['score'], table['score'], rtol=1e-4)
    assert 'features' not in bare.colnames


def test_held_out_stamps_have_their_cross_fitted_score(detector, stamps, features):
    table = detector.score(
        stamps[:60], features=features[:60], in_calibration=[True] * 60, progress=False
    )
    assert sorted(table['score']) == detector.calibration_.held_out_scores.tolist()
    parts = [table[name] for name in table.colnames if name.startswith('score_')]
    np.testing.assert_allclose(np.sum(parts, axis=0), table['score'])


def test_features_of_the_detector_itself_are_a_callable(wgan, stamps):
    detector = AnomalyDetector(wgan, search=SEARCH)
    measured = detector.calibrate(
        stamps[:60], training=stamps[60:80], features=detector.features, progress=False
    ).measure(stamps[80:90], features=detector.features, progress=False)
    expected = detector.features(stamps[80:90], progress=False)['features']
    np.testing.assert_allclose(measured['features'], expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(detector.score(measured)['score_features']).all()


def test_a_saved_detector_gives_the_same_scores(detector, stamps, features, tmp_path):
    table = detector.score(stamps[60:], features=features[60:], progress=False)
    detector.save(tmp_path)
    again = AnomalyDetector.load(tmp_path)
    assert repr(again.trends_['normal_features']) == repr(detector.trends_['normal_features'])
    measured = without(table, *(n for n in table.colnames if n.startswith('score')))
    np.testing.assert_allclose(again.score(measured)['score'], table['score'], rtol=1e-6)


def test_a_table_of_measurements_is_written_with_its_features(detector, stamps, features, tmp_path):
    measured = detector.measure(stamps[60:70], features=features[60:70], progress=False)
    measured.write(tmp_path / 'measured.ecsv')
    again = QTable.read(tmp_path / 'measured.ecsv')
    np.testing.assert_allclose(detector.score(again)['score'], detector.score(measured)['score'])


def test_a_column_of_the_stamps_is_not_taken_for_features(detector, stamps, features):
    own = stamps[60:65].replace(table={'id': np.arange(5), 'features': np.ones((5, 2))})
    assert 'features_input' in detector.measure(own, progress=False).colnames
    table = detector.score(own, features=features[60:65], progress=False)
    np.testing.assert_array_equal(table['features'], features[60:65])


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (None, '`features` must be given, as this detector was calibrated with them'),
        (np.ones((9, 5)), 'one row for each of the 10 stamps; got 9'),
        (np.ones((10, 6)), 'must have 5 columns, as those of the calibration; got 6'),
        (lambda stamps: np.ones((10, 4)), 'must have 5 columns, as those of the calibration'),
    ],
    ids=['none', 'too few', 'too many columns', 'too few columns'],
)
def test_features_that_do_not_fit_are_refused_before_the_work(
    detector, stamps, given, message, monkeypatch
):
    measured = detector.measure(stamps[60:70], progress=False)
    monkeypatch.setattr(detector, '_measure', None)
    with pytest.raises(ValueError, match=message):
        detector.score(stamps[60:70], features=given, progress=False)
    if not callable(given):
        with pytest.raises(ValueError, match=message):
            detector.score(measured, features=given)


def test_what_cannot_be(wgan, detector, stamps, features):
    plain = AnomalyDetector(wgan, search=SEARCH).calibrate(stamps[:30], progress=False)
    with pytest.raises(ValueError, match='`features` must be given to `calibrate`, too'):
        plain.score(stamps[60:], features=features[60:])
    with pytest.raises(ValueError, match='a callable if there are `training` stamps'):
        plain.calibrate(stamps[:30], training=stamps[30:], features=features[:30])
    tables = [
        plain.measure(stamps[:30], features=features[:30], progress=False),
        plain.measure(stamps[30:60], progress=False),
    ]
    with pytest.raises(ValueError, match='both must have features, or neither'):
        plain.calibrate(tables[0], training=tables[1])
    for known in (0, 1):
        few = np.full((30, 2), np.nan)
        few[:known] = 1
        with pytest.raises(ValueError, match=f'finite for at least two .* stamps; got {known}'):
            plain.calibrate(tables[1], features=few)
    paper = AnomalyDetector(wgan, search=SEARCH, scoring=ScoringConfig.paper())
    with pytest.raises(ValueError, match='`features` have no part in the score'):
        paper.calibrate(stamps[:30], features=features[:30])
    # With features, too, the score needs the value of the critic.
    with pytest.raises(ValueError, match='must have the columns critic_value'):
        detector.score(without(tables[0], 'critic_value'))
