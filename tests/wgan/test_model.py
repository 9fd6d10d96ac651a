"""`WGAN`: fit, generated images, files."""

import json

import numpy as np
import pytest
from small_trainings.weights import same, weights

from astro_wgan import WGAN, StampSet, StampStore, Stretch
from astro_wgan.exceptions import NotFittedError
from astro_wgan.wgan import NetworkConfig
from astro_wgan.wgan.networks import count_weights

SEED = 5
NETWORKS = ('generator', 'critic', 'encoder')


def test_training_improves_critic_and_generator(stamps, new_wgan):
    wgan = new_wgan(learning_rate=1e-3).fit(stamps, iterations=60, seed=SEED, progress=False)
    history = wgan.history_
    assert history['wasserstein_distance'][-1] < 0.7 * history['wasserstein_distance'].max()
    # Real and made images have about the same mean flux, which they had not at the start.
    untrained = new_wgan(learning_rate=1e-9).fit(stamps, iterations=1, progress=False)
    mean = stamps.pixels.mean()
    made, before = (abs(w.generate(64).pixels.mean() - mean) for w in (wgan, untrained))
    assert made < 0.5 * before


def test_generated_images_are_in_the_unit_of_the_stamps(stamps, whole):
    made = whole.generate(3, seed=1)
    assert (made.unit, made.pixel_scale) == (stamps.unit, stamps.pixel_scale)
    np.testing.assert_array_equal(made.pixels, whole.generate(3, seed=1).pixels)
    assert len(whole.generate(latent=np.zeros((2, whole.network.latent_dim)))) == 2


def test_no_images_have_the_shape_of_some(stamps, whole):
    none, one = (whole.critic_features(stamps[:n]) for n in (0, 1))
    assert none.shape == (0, *one.shape[1:])
    none, one = (whole.images_from_latent(np.zeros((n, whole.network.latent_dim))) for n in (0, 1))
    assert none.shape == (0, *one.shape[1:])


def test_saved_model_is_the_same_when_it_is_loaded(stamps, whole, tmp_path):
    whole.save(tmp_path / 'model')
    again = WGAN.load(tmp_path / 'model')
    assert same(weights(whole), weights(again))
    assert (again.network, again.training) == (whole.network, whole.training)
    assert again.provenance_ == whole.provenance_
    np.testing.assert_array_equal(again.critic_value(stamps), whole.critic_value(stamps))
    np.testing.assert_array_equal(again.generate(2).pixels, whole.generate(2).pixels)


@pytest.mark.parametrize('beside', [0, 0.5])
def test_stamps_are_rotated_around_their_sources(beside, tmp_path):
    y, x = np.mgrid[:16, :16] - (7.5 + beside)
    source = np.exp(-np.hypot(y, x))
    pixels = 100 * source + np.random.default_rng(1).normal(size=(64, 16, 16))
    wgan = WGAN.preset('compact').fit(StampSet(pixels), iterations=60, seed=1, progress=False)
    assert wgan.center_ == (7.5 + beside, 7.5 + beside)
    # Rotated around the middle the others of their kind would have their sources elsewhere.
    median = np.median(wgan.generate(100, seed=1).pixels, axis=0)
    wgan.save(tmp_path)
    assert WGAN.load(tmp_path).center_ == wgan.center_
    light = np.clip(median - np.median(median), 0, None)
    places = [(light * axis).sum() / light.sum() for axis in (y, x)]
    assert places == pytest.approx([0, 0], abs=0.25)


def test_bands_and_size_are_those_of_the_stamps(tmp_path):
    rng = np.random.default_rng(1)
    scale = np.array([1.0, 3, 10, 30, 100, 300])
    stamps = StampSet(scale * rng.normal(size=(40, 16, 16, 6)) + 7, bands=[*'ugrizy'])
    wgan = WGAN.preset('compact', stretch=Stretch(per_band=True))
    assert wgan.network.image_shape == (None, None, None)
    wgan.fit(stamps, iterations=1, progress=False)
    assert wgan.network == NetworkConfig.preset('compact', size=16, bands=6)
    assert wgan.bands_ == wgan.generate(2).bands == stamps.bands
    np.testing.assert_allclose(wgan.stretch_.noise_rms_, scale, rtol=0.1)
    wgan.save(tmp_path)
    again = WGAN.load(tmp_path)
    assert again.stretch_ == wgan.stretch_
    np.testing.assert_array_equal(again.generate(2).pixels, wgan.generate(2).pixels)
    # Another fit is free to have another size, and one of a loaded model measures its levels.
    assert not again.stretch.is_fitted
    wgan.fit(StampSet(rng.normal(size=(40, 32, 32))), iterations=1, progress=False)
    assert (wgan.network.image_shape, wgan.bands_) == ((32, 32, 1), ())


def test_levels_that_were_given_are_used(stamps):
    stretch = Stretch(sky=1.0, noise_rms=2.0, peak=20.0, unit='nJy')
    wgan = WGAN.preset('compact', stretch=stretch).fit(stamps, iterations=1, progress=False)
    assert wgan.stretch_ == stretch
    wgan.stretch = Stretch(sky=(1, 1), noise_rms=2.0, peak=20.0, unit='nJy')
    with pytest.raises(ValueError, match=r'fitted on 2 band\(s\)'):
        wgan.fit(stamps, iterations=1, progress=False)


def test_damaged_model_is_refused(whole, tmp_path):
    whole.save(tmp_path)
    description = tmp_path / 'model.json'
    whole = description.read_text()
    description.write_text(whole[:50])
    with pytest.raises(ValueError, match='not of this version, or it is damaged'):
        WGAN.load(tmp_path)
    description.write_text(json.dumps({**json.loads(whole), 'format': 'another'}))
    with pytest.raises(ValueError, match='not of this version, or it is damaged'):
        WGAN.load(tmp_path)
    description.unlink()
    with pytest.raises(FileNotFoundError):
        WGAN.load(tmp_path)


def test_a_store_is_trained_on_by_its_path(stamps, tmp_path, new_wgan):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    by_path = new_wgan().fit(tmp_path / 'stamps.zarr', iterations=2, seed=5, progress=False)
    store = StampStore.open(tmp_path / 'stamps.zarr')
    expected = new_wgan().fit(store, iterations=2, seed=5, progress=False)
    for a, b in zip(by_path.generator_.weights, expected.generator_.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_unfitted_model_has_no_results(tmp_path, new_wgan):
    wgan = new_wgan()
    for call in (lambda: wgan.generate(1), lambda: wgan.save(tmp_path)):
        with pytest.raises(NotFittedError, match='has not been fitted'):
            call()


@pytest.mark.parametrize('reconstruction_weight', [0, 0.1])
def test_summary_is_the_same_before_and_after_fitting(stamps, reconstruction_weight, new_wgan):
    wgan = new_wgan(reconstruction_weight=reconstruction_weight)
    before = wgan.summary()
    after = wgan.fit(stamps, iterations=1, progress=False).summary()
    for name in ('network', 'type', 'output_shape', 'n_weights'):
        assert list(before[name]) == list(after[name])
    weights = {name: before['n_weights'][before['network'] == name].sum() for name in NETWORKS}
    counted = count_weights(wgan.network)
    expected = [counted[name] if name in set(before['network']) else 0 for name in NETWORKS]
    assert list(weights.values()) == expected
    assert ('encoder' in set(before['network'])) is (reconstruction_weight > 0)
