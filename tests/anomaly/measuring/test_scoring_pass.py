"""One graph gives what search, residual statistics and classifier give one after the other."""

import numpy as np
import pytest

from astro_wgan import datasets
from astro_wgan.anomaly import LatentSearchConfig, LatentSearcher, ScoringConfig
from astro_wgan.anomaly.measuring import scoring_pass
from astro_wgan.anomaly.measuring.scoring_pass import ScoringPass
from astro_wgan.simulate import simulate

#: Of a stamp, that depend on what is compared with what.
TERMS = ('smoothed_residual', 'peak_residual', 'rotation_residual', 'injection_log_odds')
LOSSES = ('residual_loss', 'feature_loss', 'critic_value', 'latent', 'closest_images')


@pytest.fixture(scope='module')
def searcher():
    detector = datasets.load_model()
    return LatentSearcher(
        detector.wgan,
        detector.search,
        encoder=detector.encoder_,
        classifier=detector.classifier_,
    )


@pytest.fixture(scope='module')
def one(searcher):
    return ScoringPass(searcher, ScoringConfig())


@pytest.fixture(scope='module')
def images(searcher):
    pytest.importorskip('galsim')
    return searcher.wgan.images_from_stamps(simulate('normal', 60, seed=31))[0]


def with_masks(images):
    """Weights of which every third image has some that are not 1; one image has no others."""
    weights = np.ones_like(images)
    weights[::3, 20:30, :40] = 0
    weights[3::6, 40:45] = 0.3
    weights[6] = 0
    return weights


def passed_on(one, images, weights, batch=128):
    one.batch_size = batch
    batches = one(images, weights)
    assert len(batches) == np.ceil(len(images) / batch)
    return {
        name: np.concatenate([np.asarray(part[name]) for part in batches]) for name in batches[0]
    }


def one_after_the_other(searcher, images, weights):
    found = vars(searcher(images, weights))
    arguments = images, found['closest_images'], weights
    terms = ScoringConfig().measure(*arguments, noise=searcher.noise)
    odds = searcher.classifier.log_odds(*arguments, noise=searcher.noise).numpy()
    return {**found, **terms, 'injection_log_odds': odds}


@pytest.mark.parametrize('masked', [False, True])
def test_it_gives_what_its_parts_give(one, searcher, images, masked):
    weights = with_masks(images) if masked else np.ones_like(images)
    found = passed_on(one, images, weights)
    expected = one_after_the_other(searcher, images, weights)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    assert np.isnan(found['smoothed_residual']).sum() == masked


def test_a_search_that_optimizes_is_passed_on_too(searcher, images):
    search = LatentSearchConfig(init='encoder', optimizer='adam', max_iterations=3)
    options = {'encoder': searcher.encoder, 'classifier': searcher.classifier}
    other = LatentSearcher(searcher.wgan, search, **options)
    weights = with_masks(images)[:9]
    found = passed_on(ScoringPass(other, ScoringConfig()), images[:9], weights, batch=4)
    assert (found['iterations'] > 1).any()
    arguments = images[:9], found['closest_images'], weights
    expected = ScoringConfig().measure(*arguments, noise=other.noise)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize('batch', [1, 7, 50])
def test_the_batch_changes_no_more_than_rounding_does(one, images, batch):
    weights = with_masks(images)
    found = passed_on(one, images, weights, batch)
    expected = passed_on(one, images, weights)
    for name in (*TERMS, *LOSSES):
        options = {'rtol': 1e-3, 'atol': 1e-3 if name == 'injection_log_odds' else 1e-5}
        np.testing.assert_allclose(found[name], expected[name], **options, err_msg=name)


def test_a_graphics_card_gets_more_at_a_time(searcher, monkeypatch):
    assert ScoringPass(searcher, ScoringConfig()).batch_size == searcher.search.batch_size
    monkeypatch.setattr(scoring_pass, 'has_gpu', lambda: True)
    assert ScoringPass(searcher, ScoringConfig()).batch_size == 2048


def test_graphs_are_traced_once_for_each_scoring(searcher):
    one = scoring_pass.scoring_pass(searcher, ScoringConfig())
    assert scoring_pass.scoring_pass(searcher, ScoringConfig()) is one
    other = scoring_pass.scoring_pass(searcher, ScoringConfig(smoothing=1.0))
    assert other is not one
