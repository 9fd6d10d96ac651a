"""The classifier of injected anomalies: what it sees, learns and leaves in tables and folders."""

import hashlib
import json
import pickle
from dataclasses import replace

import keras
import numpy as np
import pytest

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import ClassifierConfig, LatentSearchConfig, ScoringConfig
from astro_wgan.anomaly.classifier.classifier_inputs import (
    classifier_inputs,
    classifier_shape,
    fill_masked_blocks,
    in_orientations,
)
from astro_wgan.anomaly.classifier.classifier_network import build_classifier, fold_normalization
from astro_wgan.anomaly.classifier.injection_classifier import InjectionClassifier
from astro_wgan.exceptions import NotFittedError
from astro_wgan.injection import InjectionConfig, inject_anomalies
from astro_wgan.stamps.orientations import in_all_orientations

SEARCH = LatentSearchConfig(max_iterations=3)
CONFIG = ClassifierConfig(
    InjectionConfig(('trail',), max_count=1, brightest=2.0),
    iterations=60,
    batch_size=16,
    channels=(8, 8),
    n_components=0,
)


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    found = AnomalyDetector(wgan, search=SEARCH)
    return found.train_classifier(stamps[:80], config=CONFIG, seed=1, progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.measure(stamps[80:], progress=False)


@pytest.mark.parametrize(
    ('size', 'binning', 'bands'), [(8, 2, 2), (16, 3, 1), (9, 2, 3), (8, 1, 1)]
)
def test_inputs_are_the_binned_image_residual_and_difference_from_the_rotated_image(
    size, binning, bands
):
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 3, size, size, bands)).astype(np.float32)
    weights = rng.uniform(size=images.shape).astype(np.float32)
    found = classifier_inputs(images, closest, weights, binning=binning).numpy()
    assert found.dtype == np.float32
    assert found.shape == (3, *classifier_shape((size, size, bands), binning))
    residuals = weights * (images - closest)
    filled = closest + residuals
    whole = np.concatenate([filled, residuals, filled - closest[:, ::-1, ::-1]], axis=-1)
    n = size // binning
    blocks = whole[:, : n * binning, : n * binning].reshape(3, n, binning, n, binning, 3 * bands)
    np.testing.assert_allclose(found, blocks.mean(axis=(2, 4)), atol=1e-6)


def test_the_closest_image_is_rotated_around_its_source():
    images, closest = np.random.default_rng(1).normal(size=(2, 3, 8, 8, 2)).astype(np.float32)
    options = {'binning': 1, 'center': (4.0, 4.0)}
    found = classifier_inputs(images, closest, np.ones_like(images), **options)[..., 4:]
    expected = images[:, 1:, 1:] - closest[:, :0:-1, :0:-1]
    np.testing.assert_allclose(found[:, 1:, 1:], expected, atol=1e-6)


def test_masked_pixels_are_those_of_the_closest_image():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 1, 8, 8, 1))
    weights = np.ones_like(images)
    weights[0, 2:4, 2:4] = 0
    inputs = [
        classifier_inputs(np.where(weights > 0, images, value), closest, weights)
        for value in (0.0, 99.0)
    ]
    assert np.array_equal(*inputs)
    assert inputs[0][0, 1, 1, 1] == 0


def test_masked_pixels_take_the_mean_residual_of_their_block():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 2, 7, 7, 1)).astype(np.float32)
    weights = np.ones_like(images)
    weights[1, 0, 0], weights[1, 2:4, 2:4] = 0, 0  # one of its block, and all of another

    def noise(images):
        yield np.full_like(images, 7)

    given = images.copy(), weights.copy()
    filled, counted = (part.numpy() for part in fill_masked_blocks(images, closest, weights, noise))
    residuals = filled - closest
    own = (images - closest)[1]
    expected = np.mean([own[0, 1], own[1, 0], own[1, 1]])
    assert residuals[1, 0, 0, 0] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(residuals[1, 2:4, 2:4], 7, rtol=1e-5)
    np.testing.assert_array_equal(filled[0], images[0])
    np.testing.assert_allclose(filled[1][weights[1] > 0], images[1][weights[1] > 0], atol=1e-6)
    assert (counted == 1).all()
    for before, after in zip(given, (images, weights), strict=True):
        np.testing.assert_array_equal(before, after)


def test_eight_orientations_are_all():
    inputs = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4, 1)
    found = [view.tobytes() for view in in_all_orientations(inputs)]
    assert {*found} == {view.tobytes() for view in in_orientations(inputs, 8).numpy()}


def test_of_two_orientations_the_second_is_rotated_by_180_degrees():
    inputs = np.arange(32.0, dtype=np.float32).reshape(2, 4, 4, 1)
    found = in_orientations(inputs, 2)
    np.testing.assert_array_equal(found, np.concatenate([inputs, inputs[:, ::-1, ::-1]]))


def test_a_network_gives_the_same_with_its_normalizations_folded():
    rng = np.random.default_rng(1)
    network = build_classifier((8, 8, 3), CONFIG, seed=1)
    for layer in network.layers:
        if layer.name.startswith('batch_normalization'):
            gamma, beta, mean, variance = rng.uniform(0.5, 2, (4, 8))
            layer.set_weights([gamma, beta - 1, mean - 1, variance])
    inputs = rng.normal(size=(50, 8, 8, 3)).astype(np.float32)
    folded = fold_normalization(network, CONFIG)
    assert not any('normalization' in layer.name for layer in folded.layers)
    expected = network(inputs, training=False).numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(folded(inputs, training=False), expected, atol=1e-4)


@pytest.mark.parametrize('count', [1, 2, 4, 8])
def test_log_odds_are_the_mean_over_the_orientations(detector, count):
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 150, 16, 16, 1)).astype(np.float32)
    weights = np.ones_like(images)
    network = detector.classifier_.network
    found = InjectionClassifier(network, orientations=count).log_odds(images, closest, weights)
    inputs = classifier_inputs(images, closest, weights)
    views = (
        [*in_all_orientations(inputs.numpy())] if count == 8 else [in_orientations(inputs, count)]
    )
    odds = network.predict(np.concatenate(views), verbose=0)[:, 0]
    np.testing.assert_allclose(found, odds.reshape(count, -1).mean(axis=0), atol=1e-5)


def test_it_finds_what_it_was_trained_on_in_other_stamps(detector, stamps, table):
    closest = detector.closest_images(table)
    config = InjectionConfig(('trail',), max_count=1, faintest=10.0, brightest=2.0)
    strange = inject_anomalies(stamps[80:], closest, config=config, seed=9)
    found = detector.measure(strange, progress=False)['injection_log_odds']
    pairs = np.asarray(found)[:, np.newaxis] > np.asarray(table['injection_log_odds'])
    assert pairs.mean() > 0.8


def test_log_odds_do_not_depend_on_the_orientation(detector, stamps, table):
    turned = np.ascontiguousarray(np.rot90(stamps.pixels[80:], axes=(1, 2)))
    turned = stamps[80:].replace(pixels=turned)
    images = [detector.wgan.images_from_stamps(s) for s in (stamps[80:], turned)]
    closest = detector.wgan.images_from_latent(np.asarray(table['latent'], np.float32))
    classifier = InjectionClassifier(detector.classifier_.network, orientations=8)
    found = [
        classifier.log_odds(images[0][0], closest, images[0][1]),
        classifier.log_odds(images[1][0], np.rot90(closest, axes=(1, 2)), images[1][1]),
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


def test_a_stamp_without_a_valid_pixel_has_no_log_odds(detector, stamps):
    pixels = stamps.pixels[:3].copy()
    pixels[1] = np.nan
    table = detector.measure(stamps[:3].replace(pixels=pixels), progress=False)
    assert np.isnan(np.asarray(table['injection_log_odds'])).tolist() == [False, True, False]


def test_the_same_seed_gives_the_same_classifier(wgan, stamps, detector):
    again = AnomalyDetector(wgan, search=SEARCH)
    again.train_classifier(stamps[:80], config=CONFIG, seed=1, progress=False)
    for own, other in zip(
        again.classifier_.network.get_weights(),
        detector.classifier_.network.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(own, other)


def test_a_classifier_invalidates_the_calibration(wgan, stamps, detector):
    other = AnomalyDetector(wgan, search=SEARCH).calibrate(stamps[80:], progress=False)
    other.classifier_ = detector.classifier_
    with pytest.raises(NotFittedError, match='since its `classifier` was replaced'):
        other.score(stamps[:2], progress=False)
    other.classifier_ = None
    with pytest.raises(NotFittedError, match='no classifier: call `train_classifier`'):
        other.classifier_  # noqa: B018


def test_a_table_without_log_odds_is_of_another_detector(wgan, stamps, detector):
    plain = AnomalyDetector(wgan, search=SEARCH).measure(stamps[80:], progress=False)
    assert 'injection_log_odds' not in plain.colnames
    with pytest.raises(ValueError, match='`classifier_` than the detector has'):
        detector.calibrate(plain, progress=False)


def test_saved_loaded_and_pickled(detector, stamps, table, tmp_path):
    detector.save(tmp_path / 'model')
    for again in (AnomalyDetector.load(tmp_path / 'model'), pickle.loads(pickle.dumps(detector))):
        found = again.measure(stamps[80:], progress=False)
        np.testing.assert_allclose(
            found['injection_log_odds'], table['injection_log_odds'], atol=1e-5
        )


def change_description(folder, **changed):
    """Another description of the detector, with the checksums that belong to it."""
    path, manifest = folder / 'detector.json', folder / 'manifest.json'
    content = json.dumps({**json.loads(path.read_text()), **changed}).encode()
    path.write_bytes(content)
    values = json.loads(manifest.read_text())
    del values['sha256']
    sha256 = hashlib.sha256(content).hexdigest()
    values['files'][path.name] = {'bytes': len(content), 'sha256': sha256}
    values['sha256'] = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    manifest.write_text(json.dumps(values, indent=2) + '\n')


@pytest.fixture(scope='module')
def with_components(wgan, stamps):
    config = replace(CONFIG, iterations=3, n_components=2)
    detector = AnomalyDetector(wgan, search=SEARCH)
    return detector.train_classifier(stamps[:80], config=config, seed=1, progress=False)


def test_principal_components_are_saved(with_components, detector, stamps, table, tmp_path):
    assert with_components.classifier_.components.output_shape == (None, 8, 8, 5)
    assert with_components.classifier_.network.input_shape == (None, 8, 8, 5)
    with_components.save(tmp_path)
    pair = with_components, AnomalyDetector.load(tmp_path)
    tables = [each.measure(stamps[80:], progress=False) for each in pair]
    odds = [np.asarray(found['injection_log_odds']) for found in tables]
    np.testing.assert_allclose(*odds, rtol=1e-5, atol=1e-6)
    assert not np.allclose(odds[0], table['injection_log_odds'])
    options = {'networks': ['classifier'], 'progress': False}
    features = [each.features(stamps[80:], **options)['features'] for each in pair]
    assert features[0].shape == (len(stamps) - 80, 16)
    np.testing.assert_allclose(*features, rtol=1e-5, atol=1e-6)
    # A detector without components that is saved in the same folder leaves none.
    detector.save(tmp_path)
    assert AnomalyDetector.load(tmp_path).classifier_.components is None


def test_components_that_do_not_fit_the_description_are_refused(with_components, tmp_path):
    with_components.save(tmp_path)
    settings = {'binning': 2, 'orientations': 2}
    change_description(tmp_path, classifier={**settings, 'components': 1})
    with pytest.raises(ValueError, match='its `components` is 1'):
        AnomalyDetector.load(tmp_path)
    change_description(tmp_path, classifier=settings)
    with pytest.raises(ValueError, match='its input and output have the shapes'):
        AnomalyDetector.load(tmp_path)


def test_components_of_others_make_another_detector(with_components, stamps, wgan):
    table = with_components.measure(stamps[80:], progress=False)
    own = with_components.classifier_
    shifted = keras.models.clone_model(own.components)
    shifted.set_weights([weights + 0.1 for weights in own.components.get_weights()])
    other = InjectionClassifier(own.network, components=shifted)
    other = AnomalyDetector(wgan, search=SEARCH, classifier=other)
    with pytest.raises(ValueError, match='`classifier_` than the detector has'):
        other.calibrate(table, progress=False)


def test_the_orientations_are_saved(detector, wgan, tmp_path):
    other = InjectionClassifier(detector.classifier_.network, orientations=4)
    AnomalyDetector(wgan, search=SEARCH, classifier=other).save(tmp_path)
    assert AnomalyDetector.load(tmp_path).classifier_.orientations == 4
    # The file as it was before there was a number.
    change_description(tmp_path, classifier={'binning': 2})
    assert AnomalyDetector.load(tmp_path).classifier_.orientations == 8
    change_description(tmp_path, classifier={'binning': 2, 'orientations': 3})
    with pytest.raises(ValueError, match='its `orientations` is 3'):
        AnomalyDetector.load(tmp_path)


def test_a_table_read_in_other_orientations_is_of_another_detector(detector, wgan, table):
    other = InjectionClassifier(detector.classifier_.network, orientations=4)
    other = AnomalyDetector(wgan, search=SEARCH, classifier=other)
    with pytest.raises(ValueError, match='`classifier_` than the detector has'):
        other.calibrate(table, progress=False)


@pytest.fixture(scope='module')
def calibrated(detector, table):
    # A copy, since the others are not calibrated.
    own = pickle.loads(pickle.dumps(detector))
    return own.calibrate(table, progress=False)


def test_the_score_is_a_sum_of_the_log_odds_and_other_terms(calibrated, detector, stamps):
    # Too few for warnings of other conditions.
    hosts = stamps[80:95]
    closest = calibrated.closest_images(calibrated.measure(hosts, progress=False))
    strange = inject_anomalies(hosts, closest, config=CONFIG.injection, seed=9)
    found = calibrated.score(strange, progress=False)
    names = [name for name in found.colnames if name.startswith('score_')]
    assert {'score_smoothed_residual', 'score_injection', 'score_critic'} <= {*names}
    total = np.sum([found[name] for name in names], axis=0)
    np.testing.assert_allclose(found['score'], total, rtol=1e-9)
    odds, flux = np.exp(found['injection_log_odds']), np.asarray(found['closest_flux'])
    order = np.argsort(calibrated.trends_['injection_log_odds'].transform(odds, flux))
    assert (np.diff(found['score_injection'][order]) >= 0).all()
    assert found['score_injection'].max() > 2
    # The statistic itself does not change.
    calibrated = pickle.loads(pickle.dumps(detector))
    calibrated.scoring = ScoringConfig.paper()
    paper = calibrated.calibrate(found, progress=False).score(found)
    np.testing.assert_array_equal(paper['score'], found['paper_score'])
    assert not [name for name in paper.colnames if name.startswith('score_')]


def test_members_have_contributions_to_their_cross_fitted_scores(calibrated, table):
    found = calibrated.score(table, in_calibration=np.ones(len(table), bool))
    assert sorted(found['score']) == calibrated.calibration_.held_out_scores.tolist()
    names = [name for name in found.colnames if name.startswith('score_')]
    np.testing.assert_allclose(found['score'], np.sum([found[n] for n in names], axis=0), rtol=1e-9)


def test_a_calibrated_detector_scores_the_same_when_saved_loaded_and_pickled(
    calibrated, table, tmp_path
):
    calibrated.save(tmp_path / 'model')
    expected = calibrated.score(table)
    for again in (AnomalyDetector.load(tmp_path / 'model'), pickle.loads(pickle.dumps(calibrated))):
        assert set(again.trends_) == set(calibrated.trends_)
        found = again.score(table)
        for name in ('score', 'p_value', 'score_injection'):
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_calibration_without_tails_is_none_of_a_classifier(calibrated, wgan, table, tmp_path):
    known = calibrated.calibration_
    trends = {name: trend for name, trend in known.trends.items() if name != 'injection'}
    with pytest.raises(ValueError, match='residual, injection, injection_log_odds; they lack inj'):
        calibrated.calibration_ = replace(known, trends=trends)
    other = AnomalyDetector(wgan, search=SEARCH)
    with pytest.raises(ValueError, match='tail probabilities, but there is no classifier'):
        other.calibration_ = replace(known, model=None)
    calibrated.save(tmp_path)
    trends = json.loads((tmp_path / 'detector.json').read_text())['trends']
    del trends['residual']
    change_description(tmp_path, trends=trends)
    with pytest.raises(ValueError, match=r'damaged .* injection_log_odds; they lack residual'):
        AnomalyDetector.load(tmp_path)
    # A format whose scores with a classifier were those without one.
    change_description(tmp_path, format='astro_wgan detector 12')
    former = AnomalyDetector.load(tmp_path)
    assert former.classifier_.binning == calibrated.classifier_.binning
    with pytest.raises(NotFittedError, match='call `calibrate` first'):
        former.calibration_  # noqa: B018


def test_log_odds_of_a_table_are_not_taken_for_those_of_a_classifier(wgan, stamps, table):
    """Columns of stamps, or of measurements whose networks are unknown."""
    plain = AnomalyDetector(wgan, search=SEARCH)
    few = stamps[80:90].replace(table=table[:10])
    found = plain.measure(few, progress=False)
    assert 'injection_log_odds' not in found.colnames
    np.testing.assert_array_equal(
        found['injection_log_odds_input'], table['injection_log_odds'][:10]
    )
    table = table.copy()
    del table.meta['networks']
    with pytest.raises(ValueError, match=r'column injection_log_odds, but .* has no classifier'):
        plain.calibrate(table, progress=False)


def test_a_table_needs_log_odds_if_there_is_a_classifier(detector, table):
    table = table.copy()
    table.remove_column('injection_log_odds')
    with pytest.raises(ValueError, match='must have the columns injection_log_odds'):
        pickle.loads(pickle.dumps(detector)).calibrate(table, progress=False)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'iterations': 0}, '`iterations` must be a whole number, at least 1; got 0'),
        ({'batch_size': 15}, '`batch_size` must be even'),
        ({'learning_rate': 0.0}, '`learning_rate` must be above 0'),
        ({'dropout': 1.0}, '`dropout` must be at least 0 and below 1'),
        ({'least_visible': 1.0}, '`least_visible` must be at least 0 and below 1'),
        ({'host_fraction': 0.0}, '`host_fraction` must be above 0 and at most 1'),
        ({'channels': ()}, '`channels` must be whole numbers of at least 1'),
        ({'channels': 4}, '`channels` must be whole numbers of at least 1, .*; got 4'),
        ({'channels': (4, 2.5)}, '`channels` must be whole numbers of at least 1'),
        ({'channels': (4, 0)}, '`channels` must be whole numbers of at least 1'),
        ({'orientations': 3}, '`orientations` must be 1, 2, 4 or 8; got 3'),
        ({'orientations': 8.0}, '`orientations` must be a whole number'),
        ({'orientations': True}, '`orientations` must be a whole number'),
    ],
)
def test_configurations_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ClassifierConfig(**values)


def test_an_injection_that_is_none_is_refused():
    with pytest.raises(TypeError, match="`injection` must be an InjectionConfig; got 'trail'"):
        ClassifierConfig('trail')


def test_channels_may_be_any_sequence():
    for channels in ([4, 8], np.array([4, 8])):
        assert ClassifierConfig(channels=channels) == ClassifierConfig(channels=(4, 8))


def test_few_stamps_are_refused(detector, stamps, wgan):
    with pytest.raises(ValueError, match='at least 16 stamps with valid pixels; got 5'):
        AnomalyDetector(wgan, search=SEARCH).train_classifier(stamps[:5], progress=False)
