"""Masked pixels count in no term: whatever is masked, p-values and thresholds hold."""

import numpy as np
import pytest
from scipy.stats import binomtest

from astro_wgan import StampSet, datasets
from astro_wgan.anomaly import AnomalyDetector, LatentSearchConfig, LatentSearcher
from astro_wgan.evaluate import roc_auc
from astro_wgan.simulate import simulate

SIZE, NORMALS = 64, 250
Y, X = np.indices((SIZE, SIZE))


def disk(x, y, radius):
    return np.hypot(X - x, Y - y) < radius


def trail(random):
    angle, offset = random.uniform(0, np.pi), random.uniform(-15, 15)
    return np.abs((X - 31.5) * np.cos(angle) + (Y - 31.5) * np.sin(angle) - offset) < 2


#: Each leaves two thirds of the stamp, and of the light of most galaxies.
MASKS = {
    'a chip edge': lambda random: random.integers(5, 21) > X,
    'a corner': lambda random: (random.integers(20, 33) > X) & (random.integers(20, 33) > Y),
    'a border': lambda random: (X < 4) | (X > 59) | (Y < 4) | (Y > 59),
    'a star': lambda random: disk(*random.uniform(8, 56, 2), random.uniform(4, 10)),
    'a tenth of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.1,
    'a third of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.3,
    'bad columns': lambda random: (X >= 31) & (random.integers(32, 35) > X),
    'bad rows': lambda random: np.isin(Y, random.integers(16, 48, 5)),
    'a hole in the galaxy': lambda random: disk(31.5, 31.5, 3),
    'one pixel of four': lambda random: (X % 2 == 0) & (Y % 2 == 0),
    'a trail': trail,
}
#: Less is left by these.
RESTS = {
    'a half': lambda random: X < 32,
    'the middle': lambda random: ~disk(31.5, 31.5, 20),
    'a third of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.7,
    'a core': lambda random: disk(31.5, 31.5, 9),
}


@pytest.fixture(scope='module')
def detector():
    return datasets.load_model()


@pytest.fixture(scope='module')
def normals():
    pytest.importorskip('galsim')
    return simulate('normal', NORMALS, seed=31)


def masked(stamps, draw, seed=7):
    random = np.random.default_rng(seed)
    return with_mask(stamps, np.array([draw(random) for _ in range(len(stamps))]))


def with_mask(stamps, mask, hidden=None, **options):
    pixels = stamps.pixels if hidden is None else np.where(mask, hidden, stamps.pixels)
    mask = np.broadcast_to(mask, stamps.pixels.shape)
    return StampSet(pixels, unit='nJy', pixel_scale=stamps.pixel_scale, mask=mask, **options)


def test_a_masked_neighbor_changes_no_score(detector, normals):
    few = normals[:4]
    neighbor = 50 * few.pixels[0].max() * np.exp(-((X - 9) ** 2 + (Y - 54) ** 2) / 8)
    pixels = few.pixels + neighbor.astype(few.dtype)
    found = few.replace(pixels=pixels).remove_neighbors(progress=False)
    assert found.mask[:, 54, 9].all()
    with_neighbor, without = (
        detector.score(with_mask(few, found.mask, hidden), progress=False)
        for hidden in (found.pixels, few.pixels)
    )
    for name in ('score', 'p_value', 'smoothed_residual', 'closest_flux'):
        assert np.array_equal(with_neighbor[name], without[name])


def test_scores_of_stamps_without_a_mask_do_not_depend_on_the_masks_of_others(detector, normals):
    alone = detector.measure(normals[:40], progress=False)
    mask = np.zeros((40, SIZE, SIZE), bool)
    mask[::2, 20:30, :40] = True
    together = detector.measure(with_mask(normals[:40], mask), progress=False)
    for name in (
        'latent',
        'smoothed_residual',
        'peak_residual',
        'rotation_residual',
        'residual_loss',
        'feature_loss',
        'critic_value',
    ):
        np.testing.assert_array_equal(together[name][1::2], alone[name][1::2])
        assert (together[name][::2] != alone[name][::2]).all()
    assert (alone['used_fraction'] == 1).all()
    assert not alone['incomplete'].any()


@pytest.mark.parametrize('kind', MASKS)
def test_normals_are_called_anomalous_as_often_as_promised(detector, normals, kind):
    table = detector.score(masked(normals, MASKS[kind]), progress=False)
    assert table['incomplete'].mean() < 0.2
    assert (table['incomplete'] == (table['used_fraction'] < 2 / 3)).all()
    k = int(np.sum(table['anomalous_90']))
    assert binomtest(k, NORMALS, 0.1).pvalue > 0.005
    assert binomtest(int(np.sum(table['p_value'] > 0.5)), NORMALS, 0.5).pvalue > 1e-4


@pytest.mark.parametrize('kind', RESTS)
def test_where_more_is_missing_normals_are_flagged_and_not_called_anomalous(
    detector, normals, kind
):
    table = detector.score(masked(normals, RESTS[kind]), progress=False)
    assert table['incomplete'].mean() > 0.6
    k = int(np.sum(table['anomalous_90']))
    assert binomtest(k, NORMALS, 0.1, alternative='greater').pvalue > 0.01
    assert np.isfinite(table['score']).all()


def test_stamps_of_which_nothing_is_left_have_no_score(detector, normals):
    mask = np.zeros((30, SIZE, SIZE), bool)
    mask[3], mask[5] = True, True
    mask[5, 30, 30] = False
    table = detector.score(with_mask(normals[:30], mask), progress=False)
    assert np.flatnonzero(np.isnan(table['score'])).tolist() == [3]
    assert np.flatnonzero(np.isnan(table['p_value'])).tolist() == [3]
    assert np.flatnonzero(table['incomplete']).tolist() == [3, 5]
    assert table['used_fraction'][3] == 0
    assert table['rank'][3] == 30
    assert not table['anomalous_90'][5]


# That all of a set are strange is said, too.
@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
def test_disturbed_galaxies_are_found_behind_a_bad_column(detector, normals):
    pytest.importorskip('galsim')
    disturbed = simulate('disturbed', 150, seed=31)
    pairs = simulate('pair', 100, seed=31)
    column = (X > 29) & (X < 33)
    areas = {}
    for name, mask in (('whole', np.zeros_like(column)), ('masked', column)):
        sets = (with_mask(stamps, mask) for stamps in (normals, disturbed, pairs))
        normal, *others = (detector.score(s, progress=False)['score'] for s in sets)
        areas[name] = [float(roc_auc(normal, other)[0][0]) for other in others]
    np.testing.assert_allclose(areas['masked'], areas['whole'], atol=0.03)


@pytest.mark.parametrize('hidden', [np.nan, 1e30, -5.0])
def test_it_does_not_matter_what_is_masked(detector, normals, hidden):
    mask = disk(35, 28, 6) | (X < 9)
    found, expected = (
        detector.score(with_mask(normals[:30], mask, value), progress=False)
        for value in (hidden, 0.0)
    )
    for name in (
        'score',
        'residual_loss',
        'feature_loss',
        'critic_value',
        'closest_flux',
        'noise_rms',
        'rotation_residual',
    ):
        np.testing.assert_array_equal(found[name], expected[name])


def test_hardly_any_weight_is_a_mask(detector, normals):
    hole = disk(35, 28, 6) | (X < 9)
    stamps = normals[:60]
    masks = with_mask(stamps, hole)
    noisy = np.random.default_rng(2).normal(scale=1e6, size=stamps.pixels.shape)
    # asinh makes of that a weight of a thousandth.
    uncertainty = np.where(hole, 1e6, 1.0) * np.ones_like(stamps.pixels)
    spoilt = StampSet(
        stamps.pixels + hole * noisy,
        uncertainty=uncertainty,
        unit='nJy',
        pixel_scale=stamps.pixel_scale,
    )
    found, expected = (detector.score(s, progress=False) for s in (spoilt, masks))
    for name in (
        'score',
        'smoothed_residual',
        'rotation_residual',
        'residual_loss',
        'used_fraction',
    ):
        np.testing.assert_allclose(found[name], expected[name], rtol=0.01, atol=0.05)


def test_the_score_changes_little_by_little_from_full_weight_to_none(detector, normals):
    column = (X > 29) & (X < 33)
    stamps, scores = normals[:60], []
    for factor in (1, 1.2, 1.42, 1.6, 2, 3, 5, 10, 100):
        uncertainty = np.where(column, factor, 1.0) * np.ones_like(stamps.pixels)
        set_ = StampSet(stamps.pixels, uncertainty=uncertainty, unit='nJy')
        scores.append(np.asarray(detector.score(set_, progress=False)['score']))
    steps = np.abs(np.diff(scores, axis=0)).mean(axis=1)
    assert steps.max() < 0.25


@pytest.mark.parametrize('init', ['zeros', 'mu'])
def test_a_search_without_an_encoder_sees_nothing_of_a_mask_either(wgan, stamps, init):
    """Nor does the critic, whose features are of the image filled with its closest image."""
    images, weights = wgan.images_from_stamps(stamps[:6])
    weights[:, 5:9, 3:12] = 0
    searcher = LatentSearcher(wgan, LatentSearchConfig(init=init, max_iterations=8))
    found = searcher(images, weights)
    other = searcher(np.where(weights > 0, images, 0.7).astype(np.float32), weights)
    for name in ('latent', 'residual_loss', 'feature_loss', 'critic_value'):
        np.testing.assert_array_equal(getattr(found, name), getattr(other, name))
    filled = np.where(weights > 0, images, found.closest_images)
    value = wgan.critic_(filled, training=False)[0].numpy()[:, 0]
    np.testing.assert_allclose(found.critic_value, value, rtol=1e-3, atol=1e-4)


# So few steps of a search leave some of the fluxes too low.
@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
def test_models_that_draw_the_noise_themselves_judge_masked_stamps(wgan, stamps):
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=5))
    detector.calibrate(stamps[:60], progress=False)
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[60::2, :, 7] = True
    table = detector.score(StampSet(stamps.pixels, mask=mask, unit='nJy')[60:], progress=False)
    assert np.isfinite(table['score']).all()
