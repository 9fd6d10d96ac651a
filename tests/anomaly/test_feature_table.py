import pickle

import keras
import numpy as np
import pytest
from astropy.nddata import CCDData

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.anomaly import ClassifierConfig, EncoderConfig, LatentSearchConfig
from astro_wgan.anomaly.stamp_features import feature_table as features
from astro_wgan.anomaly.stamp_features.feature_table import critic_features
from astro_wgan.exceptions import NotFittedError
from astro_wgan.store import StampStore


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    """With all three networks; batches of the search are small, so that there are several."""
    search = LatentSearchConfig(max_iterations=2, batch_size=10)
    found = AnomalyDetector(wgan, search=search)
    config = ClassifierConfig(iterations=2, batch_size=8, channels=(4, 6))
    return found.train_encoder(
        stamps, config=EncoderConfig(iterations=20), progress=False
    ).train_classifier(stamps[:40], config=config, progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.features(stamps, progress=False)


def test_features_are_the_output_of_the_last_convolution(wgan, stamps):
    table = critic_features(wgan, stamps, progress=False)
    assert table['id'].tolist() == stamps.ids.tolist()
    # By hand: the dense layers that follow make the critic's value of them.
    x = table['features']
    dense = [layer for layer in wgan.critic_.layers if isinstance(layer, keras.layers.Dense)]
    for layer in dense:
        weights, bias = layer.get_weights()
        x = x @ weights + bias
        if layer is not dense[-1]:
            x = np.where(x > 0, x, wgan.network.negative_slope * x)
    np.testing.assert_allclose(x[:, 0], wgan.critic_value(stamps), rtol=1e-4, atol=1e-5)
    assert table.meta['model'] == wgan.provenance_


def test_batches_and_stores_change_nothing(wgan, stamps, tmp_path, monkeypatch):
    expected = critic_features(wgan, stamps, progress=False)['features']
    monkeypatch.setattr(features, '_BATCH', 50)
    with StampStore.create(tmp_path / 'stamps', like=stamps) as store:
        store.append(stamps)
        found = critic_features(wgan, store, progress=False)['features']
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_features_of_fully_masked_stamps_are_nan(wgan, stamps):
    mask = np.zeros(stamps.pixels.shape, dtype=bool)
    mask[2] = True
    mask[3, :, 8] = True
    masked = StampSet(stamps.pixels, unit='nJy', mask=mask)
    found = critic_features(wgan, masked, progress=False)['features']
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == [2]
    assert critic_features(wgan, stamps[:0], progress=False)['features'].shape == (0, 1024)


def test_what_cannot_be(wgan, stamps):
    with pytest.raises(NotFittedError):
        critic_features(WGAN.preset('compact', size=16), stamps)
    with pytest.raises(ValueError, match='16 x 16'):
        critic_features(wgan, StampSet(np.zeros((0, 16, 20)), unit='nJy'))


def test_progress_is_told(wgan, stamps, capsys):
    critic_features(wgan, stamps)
    assert 'critic features 100%  120 of 120 stamps' in capsys.readouterr().err


def test_isolation_forest_finds_what_the_critic_has_not_seen(wgan, stamps):
    pytest.importorskip('sklearn')
    from sklearn.metrics import roc_auc_score

    from astro_wgan.baselines import IsolationForestScore

    pairs = StampSet((stamps.pixels + np.roll(stamps.pixels, (5, 5), (1, 2)))[:40], unit='nJy')
    normal, held_out, strange = (
        critic_features(wgan, part, progress=False) for part in (stamps[:80], stamps[80:], pairs)
    )
    forest = IsolationForestScore(columns=['features'], n_components=10).fit(normal)
    score = np.concatenate([forest.score(table)['score'] for table in (held_out, strange)])
    assert roc_auc_score(np.arange(80) >= 40, score) > 0.8


def test_features_of_a_detector_are_those_of_its_networks(detector, stamps, table):
    assert table.colnames == ['id', 'features']
    assert table['features'].dtype == np.float32
    assert table.meta['features'] == {'critic': 128, 'encoder': 128, 'classifier': 12}
    raw = {
        name: detector.features(stamps, networks=[name], standardize=False, progress=False)
        for name in ('critic', 'encoder', 'classifier')
    }
    turned = [np.rot90(stamps.pixels, axes=(1, 2)), stamps.pixels[:, ::-1]]
    images, _ = detector.wgan.images_from_stamps(stamps)
    maps = {
        'critic': detector.wgan.critic_features(stamps),
        'encoder': keras.Model(
            detector.encoder_.input, detector.encoder_.get_layer('features').output
        )(images).numpy(),
    }
    for name, channels in maps.items():
        pooled = np.concatenate([channels.max(axis=(1, 2)), channels.mean(axis=(1, 2))], axis=1)
        assert np.corrcoef(raw[name]['features'].ravel(), pooled.ravel())[0, 1] > 0.95
        for pixels in turned:
            other = stamps.replace(pixels=np.ascontiguousarray(pixels))
            found = detector.features(other, networks=name, standardize=False, progress=False)
            np.testing.assert_allclose(
                found['features'], raw[name]['features'], rtol=1e-4, atol=1e-5
            )
    # Of what the last layer computes the mean of the log odds from.
    detector.classifier_.orientations = 8
    measured = detector.measure(stamps, progress=False)
    head = detector.classifier_.network.layers[-1]
    odds = raw['classifier']['features'] @ head.get_weights()[0] + head.get_weights()[1]
    np.testing.assert_allclose(odds[:, 0], measured['injection_log_odds'], rtol=1e-3, atol=1e-3)
    # All of them, side by side.
    first = 0
    for name, width in table.meta['features'].items():
        part = np.asarray(table['features'][:, first : first + width], float)
        own = np.asarray(raw[name]['features'], float)
        first += width
        # One center for each feature, and one scale for all of a network.
        spread, own_spread = part.std(axis=0), own.std(axis=0)
        some = own_spread > 0.1 * own_spread.max()
        np.testing.assert_allclose(
            spread[some] / own_spread[some], spread.max() / own_spread.max(), rtol=1e-3
        )


def test_networks_have_one_scale_on_generated_images(detector):
    generated = detector.wgan.generate(200, seed=5)
    found = detector.features(generated, networks=('encoder', 'critic'), progress=False)
    assert [*found.meta['features'].items()] == [('encoder', 128), ('critic', 128)]
    for part in (found['features'][:, :128], found['features'][:, 128:]):
        assert np.sqrt((part**2).sum(axis=1).mean()) == pytest.approx(1, rel=0.1)


def test_stores_processes_and_positions_change_no_features(detector, stamps, table, tmp_path):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    found = detector.features(tmp_path / 'stamps.zarr', processes=2, progress=False)
    np.testing.assert_array_equal(found['id'], table['id'])
    np.testing.assert_allclose(found['features'], table['features'], rtol=0.02, atol=0.01)
    image = np.block([[*stamps.pixels[:2]], [*stamps.pixels[2:4]]])
    image = CCDData(image, unit='nJy')
    found = detector.features(image, positions=[(7.5, 7.5)], networks='encoder', progress=False)
    expected = table['features'][:1, 128:256]
    np.testing.assert_allclose(found['features'], expected, rtol=1e-3, atol=1e-4)


def test_features_of_masked_and_of_no_stamps(detector, stamps, table):
    mask = np.zeros(stamps.pixels.shape, dtype=bool)
    mask[2] = True
    mask[3, :, 8] = True
    masked = StampSet(np.where(mask, 1e4, stamps.pixels), unit='nJy', mask=mask)[:5]
    found = detector.features(masked, progress=False)['features']
    assert np.isnan(found).all(axis=1).tolist() == [False, False, True, False, False]
    assert np.isfinite(np.delete(found, 2, axis=0)).all()
    far = np.linalg.norm(table['features'][3] - table['features'], axis=1)
    assert np.linalg.norm(found[3] - table['features'][3]) < np.median(far)
    assert detector.features(stamps[:0], progress=False)['features'].shape == (0, 268)


def test_interrupted_features_go_on_where_they_stopped(
    detector, stamps, table, tmp_path, monkeypatch
):
    compute, calls = features._features_of_part, []

    def interrupted(*arguments, **options):
        calls.append(len(arguments[-1]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return compute(*arguments, **options)

    monkeypatch.setattr(features, '_features_of_part', interrupted)
    with pytest.raises(KeyboardInterrupt):
        detector.features(stamps, output=tmp_path / 'features', progress=False)
    # Scales are no part of what is kept.
    raw = detector.features(stamps, output=tmp_path / 'features', standardize=False, progress=False)
    assert calls == [40, 40, 40, 40]
    found = detector.features(stamps, output=tmp_path / 'features', progress=False)
    np.testing.assert_array_equal(found['features'], table['features'])
    assert not np.allclose(raw['features'], found['features'])
    with pytest.raises(ValueError, match='networks'):
        detector.features(stamps, networks='critic', output=tmp_path / 'features', progress=False)


def test_networks_that_a_detector_lacks(wgan, detector, stamps, tmp_path):
    alone = AnomalyDetector(wgan)
    assert alone.features(stamps[:2], progress=False).meta['features'] == {'critic': 128}
    with pytest.raises(NotFittedError, match=r'the classifier, which .* `train_classifier`'):
        alone.features(stamps, networks=('critic', 'classifier'))
    for wrong in ((), ('critic', 'critic'), 'generator'):
        with pytest.raises(ValueError, match='`networks` must be different ones'):
            alone.features(stamps, networks=wrong)


def test_features_of_a_detector_that_was_saved_or_copied(detector, stamps, table, tmp_path):
    detector.save(tmp_path)
    for other in (AnomalyDetector.load(tmp_path), pickle.loads(pickle.dumps(detector))):
        found = other.features(stamps[:5], progress=False)['features']
        np.testing.assert_allclose(found, table['features'][:5], rtol=0.02, atol=0.01)


def test_of_an_encoder_of_other_layers_the_latent_vector(wgan, stamps):
    encoder = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(16)]
    )
    detector = AnomalyDetector(wgan, encoder=encoder)
    found = detector.features(stamps, networks='encoder', standardize=False, progress=False)
    expected = encoder(detector.wgan.images_from_stamps(stamps)[0]).numpy()
    np.testing.assert_allclose(found['features'], expected, rtol=1e-4, atol=1e-5)
