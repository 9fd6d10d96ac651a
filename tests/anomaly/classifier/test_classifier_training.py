"""Training of the classifier: what is read, masked pixels, bands, sizes, interruptions."""

import signal
from dataclasses import replace

import numpy as np
import pytest

from astro_wgan import WGAN, AnomalyDetector, StampSet, StampStore
from astro_wgan.anomaly import ClassifierConfig, LatentSearchConfig, ScoringConfig
from astro_wgan.anomaly.classifier import classifier_training
from astro_wgan.anomaly.classifier.classifier_inputs import classifier_inputs, classifier_shape
from astro_wgan.exceptions import TrainingDivergedError
from astro_wgan.testing import make_stamps

SEARCH = LatentSearchConfig(max_iterations=2, batch_size=8)
FEW = ClassifierConfig(iterations=3, batch_size=8, channels=(4,), n_components=0)


def train(wgan, stamps, config=FEW):
    detector = AnomalyDetector(wgan, search=SEARCH)
    return detector.train_classifier(stamps, config=config, seed=1, progress=False)


def channels(wgan, stamps, hosts, config=FEW):
    searcher = AnomalyDetector(wgan, search=SEARCH)._searcher()
    return classifier_training._inject(searcher, stamps, hosts, config, 1, False)


def hosts_of(rows):
    latent = np.random.default_rng(1).normal(size=(len(rows), 16)).astype(np.float32)
    return classifier_training._Hosts(np.array(rows), latent)


def weights_of(detector):
    return np.concatenate([w.ravel() for w in detector.classifier_.network.get_weights()])


def test_of_a_large_store_only_what_is_needed_is_read_in_parts(wgan, stamps, tmp_path, monkeypatch):
    read = []

    def getitem(store, rows, former=StampStore.__getitem__):
        found = former(store, rows)
        read.append(found.ids)
        return found

    config = ClassifierConfig(**{**vars(FEW), 'max_hosts': 20, 'host_fraction': 0.5})
    with StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps) as store:
        monkeypatch.setattr(StampStore, '__getitem__', getitem)
        from_store = train(wgan, store, config)
    assert max(map(len, read)) <= 4 * SEARCH.batch_size
    assert len({*np.concatenate(read).tolist()}) == 40
    monkeypatch.undo()
    np.testing.assert_array_equal(weights_of(from_store), weights_of(train(wgan, stamps, config)))


def test_anomalies_are_injected_into_those_of_the_lowest_scores(wgan, stamps, monkeypatch):
    found = []
    inject = classifier_training._inject

    def recorded(searcher, stamps, hosts, *arguments):
        found.append(hosts.rows)
        return inject(searcher, stamps, hosts, *arguments)

    monkeypatch.setattr(classifier_training, '_inject', recorded)
    pixels = stamps.pixels[:60].copy()
    strange = np.arange(0, 60, 10)
    pixels[strange, 2:5] += 50
    train(wgan, stamps[: len(pixels)].replace(pixels=pixels))
    assert len(found[0]) == 48
    assert (np.diff(found[0]) > 0).all()
    assert not {*strange.tolist()}.intersection(found[0].tolist())


def test_of_many_stamps_few_may_be_injected_into(wgan, stamps):
    searcher = AnomalyDetector(wgan, search=SEARCH)._searcher()
    for count in (1, 9):
        config = replace(FEW, max_hosts=count)
        hosts = classifier_training._draw_hosts(searcher, stamps, ScoringConfig(), config, 1, False)
        assert len(hosts.rows) == max(8, count)


def test_of_constant_stamps_there_are_no_components(wgan, stamps):
    constant = stamps[:20].replace(pixels=np.full((20, 16, 16), 100.0))
    detector = train(wgan, constant, replace(FEW, n_components=3))
    assert detector.classifier_.components is None
    odds = detector.measure(stamps[20:24], progress=False)['injection_log_odds']
    assert np.isfinite(odds).all()


def test_masked_pixels_and_stamps_without_any_valid_one(wgan, stamps):
    pixels = stamps.pixels[:40].copy()
    pixels[3] = np.nan
    pixels[4:, :6, :6] = np.nan
    pixels[7, 8, 8] = np.inf
    masked = stamps[:40].replace(pixels=pixels)
    detector = train(wgan, masked)
    assert np.isfinite(weights_of(detector)).all()
    odds = np.asarray(detector.measure(masked, progress=False)['injection_log_odds'])
    assert np.flatnonzero(~np.isfinite(odds)).tolist() == [3]


def test_stamps_of_which_too_few_are_valid_are_refused(wgan, stamps):
    pixels = stamps.pixels[:30].copy()
    pixels[15:] = np.nan
    with pytest.raises(ValueError, match='at least 16 stamps with valid pixels; got 15'):
        train(wgan, stamps[: len(pixels)].replace(pixels=pixels))


@pytest.mark.parametrize(('size', 'binning'), [(16, 3), (32, 2)])
def test_bands_sizes_and_blocks_that_do_not_fill_the_stamp(size, binning):
    rng = np.random.default_rng(1)
    pixels = make_stamps(64, shape=(size, size), sigma=(1.5, 3), seed=1, dtype=float).pixels
    pixels = np.stack([pixels, 2 * pixels + rng.normal(size=pixels.shape)], axis=-1)
    stamps = StampSet(pixels)
    wgan = WGAN.preset('compact', size=size).fit(stamps, iterations=1, seed=1, progress=False)
    config = ClassifierConfig(**{**vars(FEW), 'binning': binning})
    detector = train(wgan, stamps[:20], config)
    assert detector.classifier_.network.input_shape == (None, *[size // binning] * 2, 6)
    odds = detector.measure(stamps[20:], progress=False)['injection_log_odds']
    assert np.isfinite(odds).all()


def test_channels_of_normals_do_not_depend_on_the_parts(wgan, stamps, monkeypatch):
    hosts = hosts_of(range(10, 50))
    whole = channels(wgan, stamps, hosts)
    monkeypatch.setattr(classifier_training, '_PART_BYTES', 10 * 16 * 16 * 4)
    parts = channels(wgan, stamps, hosts)
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-5)
    images, weights = wgan.images_from_stamps(stamps[10:50])
    closest = wgan.images_from_latent(hosts.latent)
    np.testing.assert_allclose(whole[0], classifier_inputs(images, closest, weights), atol=1e-5)
    assert parts[1].shape == whole[1].shape == (2, 40, 8, 8, 3)
    # What is injected is drawn in each round anew.
    assert not np.allclose(*parts[1], atol=0.01)


@pytest.mark.parametrize(('count', 'channels'), [(0, 3), (10, 8)])
@pytest.mark.parametrize('image_shape', [(64, 64, 1), (96, 96, 4), (256, 256, 6)])
def test_channels_take_a_gibibyte_at_most(image_shape, count, channels):
    config = ClassifierConfig(max_hosts=10**6, n_components=count)
    n = classifier_training._most_hosts(image_shape, config)
    one = 4 * 3 * channels * image_shape[2] * np.prod(classifier_shape(image_shape, 2)[:2])
    assert 0.95 * 2**30 < n * one <= 2**30


@pytest.mark.parametrize(('n', 'steps'), [(16, 120), (48, 208), (400, 600), (4000, 800)])
def test_few_stamps_are_learned_from_in_fewer_steps(n, steps):
    assert classifier_training._number_of_steps(n, ClassifierConfig(iterations=800)) == steps
    assert classifier_training._number_of_steps(n, ClassifierConfig(iterations=50)) == 50


def test_the_steps_are_as_many_as_the_number_of_stamps_allows(wgan, stamps, monkeypatch):
    counted, jittered = [], classifier_training._jittered
    monkeypatch.setattr(
        classifier_training,
        '_jittered',
        lambda batch, rng: counted.append(1) or jittered(batch, rng),
    )
    monkeypatch.setattr(classifier_training, '_STEPS', 1)
    train(wgan, stamps[:20], ClassifierConfig(**{**vars(FEW), 'iterations': 100}))
    assert len(counted) == 4


def test_ctrl_c_leaves_the_detector_as_it_was(wgan, stamps, monkeypatch):
    detector = train(wgan, stamps[:40]).calibrate(stamps[80:], progress=False)
    former, calls = detector.classifier_, []

    def interrupting(batch, rng, jittered=classifier_training._jittered):
        calls.append(batch)
        signal.raise_signal(signal.SIGINT)
        return jittered(batch, rng)

    monkeypatch.setattr(classifier_training, '_jittered', interrupting)
    with pytest.raises(KeyboardInterrupt):
        detector.train_classifier(stamps[:40], config=FEW, progress=False)
    assert len(calls) == 1
    assert detector.classifier_ is former
    assert detector.calibration_ is not None


def test_a_loss_that_is_not_finite_is_an_error(wgan, stamps):
    config = ClassifierConfig(**{**vars(FEW), 'learning_rate': 1e30})
    with pytest.raises(TrainingDivergedError, match='loss of the classifier is not finite at'):
        train(wgan, stamps[:40], config)


def test_progress_of_each_step_is_shown(wgan, stamps, capsys):
    detector = AnomalyDetector(wgan, search=SEARCH)
    detector.train_classifier(stamps[:40], config=FEW, seed=1)
    told = capsys.readouterr().err
    for step in (
        'stamps for injection 100%  40 stamps',
        'injection 100%  32 stamps',
        'classifier 100%',
    ):
        assert step in told


def test_blocks_larger_than_the_stamps_are_refused(wgan, stamps):
    config = ClassifierConfig(binning=17)
    with pytest.raises(ValueError, match='`binning` must be at most the edge of the stamps, 16'):
        train(wgan, stamps, config)


def test_changes_that_are_small_beside_the_residual_are_not_learned_from():
    normal = np.zeros((4, 8, 8, 3), np.float32)
    normal[..., 1] = np.array([1.0, 2.0, 4.0, 0.0])[:, np.newaxis, np.newaxis]  # of residuals
    strange = np.stack([normal, normal])
    strange[0, ..., 0] += 4  # 4, 2, 1 and more times the residual
    strange[1, ..., 0] += 6  # 6, 3, 1.5
    found = classifier_training._visible(normal, strange, 1, 0.5)
    assert found[:, 0, 0, 0].tolist() == [4, 4, 6, 6]
    assert found[:, 0, 0, 1].tolist() == [1, 0, 1, 0]
    assert len(classifier_training._visible(normal, strange, 1, 0.0)) == 8
