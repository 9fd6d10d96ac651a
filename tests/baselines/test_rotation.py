import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from astro_wgan import StampSet
from astro_wgan.baselines import RotationResidual
from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps import Stretch

pytest.importorskip('sklearn')
from sklearn.metrics import roc_auc_score

LINEAR = Stretch(kind='linear', sky=0, noise_rms=1, peak=1)


def scores(baseline, stamps):
    return np.asarray(baseline.score(stamps, progress=False)['score'])


def bare(**options):
    return RotationResidual(**{'smoothing': 0, 'max_shift': 0, 'stretch': LINEAR, **options})


def test_pairs_score_higher_than_single_galaxies(normal, held_out, pairs):
    baseline = RotationResidual().fit(normal)
    score = np.concatenate([scores(baseline, held_out), scores(baseline, pairs)])
    assert roc_auc_score(np.repeat([0, 1], 400), score) > 0.95


def test_score_is_the_root_mean_square_difference():
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(5, 11, 12))
    stamps = StampSet(pixels)
    smooth = np.array([gaussian_filter(image, 1.5) for image in pixels])
    difference = smooth - np.rot90(smooth, 2, axes=(1, 2))
    np.testing.assert_allclose(
        scores(bare(smoothing=1.5).fit(stamps), stamps),
        np.sqrt((difference**2).mean(axis=(1, 2))),
        rtol=1e-5,
    )


@pytest.mark.parametrize('shape', [(16, 16), (15, 16), (15, 15)])
@pytest.mark.parametrize('center', [(0.5, 0.5), (-0.5, 0), (0, 0.5), (0.5, -0.5)])
def test_symmetric_source_off_the_center_has_no_residual(shape, center):
    y, x = np.indices(shape)
    y = y - (shape[0] - 1) / 2 - center[0]
    x = x - (shape[1] - 1) / 2 - center[1]
    stamps = StampSet(np.exp(-(x**2 + 2 * y**2 + x * y) / 9)[np.newaxis])
    assert scores(bare(max_shift=1).fit(stamps), stamps)[0] < 1e-6
    assert scores(bare(max_shift=0).fit(stamps), stamps)[0] > 1e-3


def test_masked_companion_does_not_change_the_score():
    rng = np.random.default_rng(2)
    pixels, mask = rng.normal(size=(4, 20, 20)), np.zeros((4, 20, 20), bool)
    clean = StampSet(pixels)
    pixels = pixels.copy()
    pixels[:, 3:7, 3:7], mask[:, 3:7, 3:7] = 1e4, True
    baseline = RotationResidual(stretch=LINEAR).fit(clean)
    np.testing.assert_allclose(
        scores(baseline, StampSet(pixels, mask=mask)), scores(baseline, clean), rtol=0.3
    )
    assert (scores(baseline, StampSet(pixels)) > 100).all()


def test_stamps_without_a_pair_of_opposite_pixels_have_no_score():
    pixels = np.ones((3, 9, 9))
    pixels[1] = np.nan
    pixels[2, :6] = np.nan
    table = bare().fit(StampSet(pixels)).score(StampSet(pixels), progress=False)
    np.testing.assert_array_equal(table['score'], [0, np.nan, np.nan])
    np.testing.assert_allclose(table['valid_fraction'], [1, 0, 1 / 3])


def test_score_is_the_mean_over_bands():
    rng = np.random.default_rng(3)
    pixels = rng.normal(size=(4, 10, 10, 2))
    wide = Stretch(kind='linear', sky=[0, 0], noise_rms=[1, 1], peak=[1, 1])
    both = scores(bare(stretch=wide).fit(StampSet(pixels)), StampSet(pixels))
    singles = [StampSet(pixels[..., band]) for band in (0, 1)]
    each = [scores(bare().fit(single), single) for single in singles]
    np.testing.assert_allclose(both, np.sqrt(np.mean(np.square(each), axis=0)), rtol=1e-5)


def test_bad_arguments_are_refused():
    stamps = StampSet(np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match='`smoothing`'):
        RotationResidual(smoothing=-1)
    with pytest.raises(ValueError, match='`max_shift`'):
        RotationResidual(max_shift=-1)
    with pytest.raises(ValueError, match='larger than'):
        bare(max_shift=2).fit(stamps).score(stamps)
    with pytest.raises(NotFittedError, match='RotationResidual'):
        RotationResidual().score(stamps)
