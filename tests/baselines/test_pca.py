import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.baselines import PCAMahalanobis, PCAResidual
from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps import Stretch
from astro_wgan.store import StampStore

pytest.importorskip('sklearn')
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

LINEAR = Stretch(kind='linear', sky=0, noise_rms=1, peak=1)


def scores(baseline, stamps):
    return np.asarray(baseline.score(stamps, progress=False)['score'])


@pytest.mark.parametrize(('baseline', 'min_auc'), [(PCAResidual(), 0.9), (PCAMahalanobis(), 0.85)])
def test_pairs_score_higher_than_single_galaxies(baseline, min_auc, normal, held_out, pairs):
    baseline.fit(normal)
    score = np.concatenate([scores(baseline, held_out), scores(baseline, pairs)])
    assert roc_auc_score(np.repeat([0, 1], 400), score) > min_auc


def test_residual_is_that_of_the_exact_decomposition(normal, held_out):
    baseline = PCAResidual(n_components=5, stretch=LINEAR).fit(normal[:400])
    flat = normal.pixels[:400].reshape(400, -1)
    exact = PCA(5, svd_solver='full').fit(flat)
    test = held_out.pixels.reshape(len(held_out), -1)
    residual = test - exact.inverse_transform(exact.transform(test))
    expected = np.sqrt((residual**2).mean(axis=1))
    np.testing.assert_allclose(scores(baseline, held_out), expected, rtol=1e-3)


def test_mahalanobis_distance_is_that_of_the_covariance():
    # The pixels have three degrees of freedom, as many as components.
    rng = np.random.default_rng(1)
    coordinates = rng.normal(size=(500, 3)) * [3, 2, 1]
    pixels = coordinates @ rng.normal(size=(3, 64)) + 5
    stamps = StampSet(pixels.reshape(500, 8, 8))
    score = scores(PCAMahalanobis(n_components=3, stretch=LINEAR).fit(stamps), stamps)
    expected = np.sqrt(EmpiricalCovariance().fit(coordinates).mahalanobis(coordinates))
    # EmpiricalCovariance divides by n, PCA by n - 1.
    np.testing.assert_allclose(score, expected * np.sqrt(499 / 500), rtol=1e-4)


def test_masked_companion_does_not_change_the_score(normal, held_out):
    baseline = PCAResidual(n_components=5).fit(normal)
    clean = scores(baseline, held_out[:20])
    pixels, mask = held_out.pixels[:20].copy(), np.zeros((20, 48, 48), bool)
    pixels[:, 30:36, 30:36], mask[:, 30:36, 30:36] = 1e4, True
    np.testing.assert_allclose(scores(baseline, StampSet(pixels, mask=mask)), clean, rtol=0.1)
    assert (scores(baseline, StampSet(pixels)) > 2 * clean).all()


def test_components_are_fitted_to_the_valid_pixels_by_least_squares():
    rng = np.random.default_rng(2)
    pattern = rng.normal(size=(2, 100))
    pixels = (rng.normal(size=(60, 2)) @ pattern).reshape(60, 10, 10)
    baselines = [
        kind(n_components=2, stretch=LINEAR).fit(StampSet(pixels))
        for kind in (PCAResidual, PCAMahalanobis)
    ]
    mask = rng.random((60, 10, 10)) < 0.5
    spoilt = StampSet(np.where(mask, 99.0, pixels), mask=mask)
    # 50 pixels determine two coordinates: no residual remains, and the distance is the same.
    np.testing.assert_allclose(scores(baselines[0], spoilt), 0, atol=1e-4)
    np.testing.assert_allclose(
        scores(baselines[1], spoilt), scores(baselines[1], StampSet(pixels)), rtol=1e-3
    )


def test_components_ignore_masked_pixels():
    """A bad column that is masked in half of the stamps does not change the components."""
    rng = np.random.default_rng(5)
    pattern = np.linalg.qr(rng.normal(size=(100, 3)))[0].T
    pixels = 3 + (10 * rng.normal(size=(400, 3)) @ pattern + 0.1 * rng.normal(size=(400, 100)))
    mask = np.zeros((400, 10, 10), bool)
    mask[::2, :, 4], mask[1::2] = True, rng.random((200, 10, 10)) < 0.1
    stamps = StampSet(np.where(mask, np.nan, pixels.reshape(400, 10, 10)))
    found = PCAResidual(n_components=3, stretch=LINEAR).fit(stamps)
    # Cosines of the principal angles between both subspaces.
    cosines = np.linalg.svd(found.components_ @ pattern.T, compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    np.testing.assert_allclose(
        scores(found, stamps), scores(found, StampSet(pixels.reshape(400, 10, 10))), rtol=0.4
    )


def test_masked_component_does_not_increase_the_distance():
    rng = np.random.default_rng(6)
    pattern = np.zeros((3, 10, 10))
    pattern[0, :, :5], pattern[1, :, 5:], pattern[2, 4:6, 4:6] = 1, 1, 3
    pixels = np.einsum('nk,kyx->nyx', rng.normal(size=(500, 3)), pattern)
    pixels += 0.5 * rng.normal(size=pixels.shape)
    baseline = PCAMahalanobis(n_components=3, stretch=LINEAR).fit(StampSet(pixels))
    mask = np.broadcast_to(pattern[2] > 0, pixels.shape).copy()
    mask[:, :, :4] = True
    whole, masked = (
        scores(baseline, StampSet(pixels)),
        scores(baseline, StampSet(pixels, mask=mask)),
    )
    # The mean of the sum of three squares is 3; a masked component contributes nothing.
    assert np.mean(whole**2) == pytest.approx(3, rel=0.1)
    assert np.mean(masked**2) < 3
    assert np.mean(masked > np.percentile(whole, 90)) < 0.12


@pytest.mark.parametrize('kind', [PCAResidual, PCAMahalanobis])
def test_fully_masked_stamps_have_no_score_and_are_not_fitted(kind, normal):
    pixels = normal.pixels[:100].copy()
    pixels[[3, 50]] = np.nan
    masked = StampSet(pixels)
    table = kind(n_components=4).fit(masked).score(masked, progress=False)
    assert np.flatnonzero(np.isnan(table['score'])).tolist() == [3, 50]
    assert np.flatnonzero(table['valid_fraction'] == 0).tolist() == [3, 50]
    others = normal[np.setdiff1d(np.arange(100), [3, 50])]
    np.testing.assert_allclose(
        scores(kind(n_components=4).fit(others), others),
        np.delete(table['score'], [3, 50]),
        rtol=0.02,
    )


def test_several_bands_and_units(normal):
    color = StampSet(np.stack([normal.pixels, 2 * normal.pixels], axis=-1), unit='nJy')
    baseline = PCAResidual(n_components=4).fit(color[:300])
    in_micro = StampSet(color.quantity[300:330].to('uJy'))
    np.testing.assert_allclose(
        scores(baseline, in_micro), scores(baseline, color[300:330]), rtol=1e-3
    )
    with pytest.raises(ValueError, match='pixels'):
        baseline.score(normal)


def test_scores_are_independent_of_batches_and_order(normal, held_out, monkeypatch):
    from astro_wgan.baselines import image_batches as images

    baseline = PCAResidual().fit(normal)
    whole = scores(baseline, held_out)
    monkeypatch.setattr(images, '_BATCH_PIXELS', 7 * 48 * 48)
    table = baseline.score(held_out[::-1], progress=False)
    np.testing.assert_array_equal(table['id'], held_out.ids[::-1])
    np.testing.assert_allclose(table['score'][::-1], whole, rtol=1e-5)


def test_store_and_set_give_the_same_scores(normal, held_out, tmp_path):
    baseline = PCAResidual().fit(normal)
    with StampStore.create(tmp_path / 'stamps', like=normal) as store:
        store.append(normal)
        # The random sample is the whole store, in another order.
        from_store = scores(PCAResidual().fit(store), held_out)
        np.testing.assert_allclose(from_store, scores(baseline, held_out), rtol=0.01)
        np.testing.assert_allclose(scores(baseline, store), scores(baseline, normal), rtol=1e-5)


def test_same_seed_gives_the_same_scores(normal, held_out):
    first, again = (PCAResidual(max_stamps=300, seed=4).fit(normal) for _ in range(2))
    np.testing.assert_array_equal(scores(first, held_out), scores(again, held_out))
    assert (
        scores(PCAResidual(max_stamps=300, seed=5).fit(normal), held_out) != scores(first, held_out)
    ).any()


def test_constant_stamps_have_a_score():
    stamps = StampSet(np.full((10, 8, 8), 3.0))
    for kind in (PCAResidual, PCAMahalanobis):
        assert np.isfinite(scores(kind(n_components=2).fit(stamps), stamps)).all()


def test_empty_set_has_an_empty_table(normal):
    table = PCAResidual(n_components=2).fit(normal[:50]).score(normal[:0], progress=False)
    assert len(table) == 0


def test_bad_arguments_are_refused(normal):
    with pytest.raises(ValueError, match='`n_components` must be at least 1'):
        PCAResidual(n_components=0)
    with pytest.raises(ValueError, match='`max_stamps`'):
        PCAMahalanobis(max_stamps=0)
    with pytest.raises(ValueError, match='below the numbers of stamps'):
        PCAResidual(n_components=10).fit(normal[:10])
    with pytest.raises(NotFittedError, match='PCAResidual'):
        PCAResidual().score(normal)


@pytest.mark.parametrize('shape', [(128, 32), (32, 32, 4), (96, 96)])
def test_stamps_of_another_shape_are_refused(shape):
    rng = np.random.default_rng(1)
    pca = PCAResidual(n_components=2).fit(StampSet(rng.normal(size=(20, 64, 64))))
    with pytest.raises(ValueError, match=r'64 x 64 in 1 band.*got'):
        pca.score(StampSet(rng.normal(size=(4, *shape))), progress=False)


def test_bands_in_another_order_are_refused():
    pixels = np.random.default_rng(1).normal(size=(20, 8, 8, 2))
    pca = PCAResidual(n_components=2).fit(StampSet(pixels, bands=['g', 'r']))
    with pytest.raises(ValueError, match=r'in their order, g, r; got r, g. Take'):
        pca.score(StampSet(pixels, bands=['r', 'g']), progress=False)
    named, plain = (
        pca.score(StampSet(pixels, bands=bands), progress=False) for bands in (['g', 'r'], None)
    )
    np.testing.assert_array_equal(named['score'], plain['score'])
