import keras
import numpy as np
import pytest

from astro_wgan import WGAN, StampSet
from astro_wgan.anomaly import feature_table as features
from astro_wgan.anomaly.feature_table import critic_features
from astro_wgan.exceptions import NotFittedError
from astro_wgan.store import StampStore


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
