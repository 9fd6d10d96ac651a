"""Detectors as estimators of scikit-learn: its own checks, pipelines, searches for parameters."""

import warnings

import numpy as np
import pytest

pytest.importorskip('sklearn')

from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from astro_wgan.anomaly import Calibration
from astro_wgan.baselines import (
    OutlierEstimator,
    PCAMahalanobis,
    PCAResidual,
    RotationResidual,
)
from astro_wgan.stamps import StampSet
from astro_wgan.testing import make_stamps

#: Checks of scores that may differ by 1e-7 at most, with the order or number of images: these
#: are in single precision, and sums over them depend on how many are summed at a time.
OF_ROUNDING = ('check_methods_sample_order_invariance', 'check_methods_subset_invariance')


@parametrize_with_checks(
    [
        OutlierEstimator(PCAResidual(n_components=1)),
        OutlierEstimator(PCAMahalanobis(n_components=1)),
    ]
)
def test_checks_of_scikit_learn(estimator, check):
    if isinstance(estimator.detector, PCAMahalanobis) and check.func.__name__ in OF_ROUNDING:
        pytest.skip('The next test compares them within the precision of images.')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        check(estimator)


def test_scores_depend_on_other_images_by_rounding_alone(images):
    estimator = OutlierEstimator(PCAMahalanobis(n_components=10)).fit(images)
    scores = estimator.score_samples(images)
    order = np.random.default_rng(1).permutation(len(images))
    np.testing.assert_allclose(estimator.score_samples(images[order]), scores[order], rtol=1e-5)
    np.testing.assert_allclose(estimator.score_samples(images[:7]), scores[:7], rtol=1e-5)


@pytest.fixture(scope='module')
def images():
    """Round sources, of which the last ten have a companion."""
    pixels = make_stamps(120, shape=(16, 16), seed=3).pixels
    pixels[-10:, 3:6, 3:6] += 15
    return pixels


def truth(images):
    return np.where(np.arange(len(images)) < len(images) - 10, 1, -1)


@pytest.mark.parametrize(
    'detector', [PCAResidual(n_components=3), PCAMahalanobis(n_components=10), RotationResidual()]
)
def test_scores_are_those_of_the_detector(detector, images):
    estimator = OutlierEstimator(detector, contamination=10 / 120).fit(images)
    # A copy is fitted.
    assert not [name for name in vars(detector) if name.endswith('_')]
    alone = detector.fit(StampSet(images)).score(StampSet(images), progress=False)
    np.testing.assert_allclose(estimator.score_samples(images), -alone['score'], rtol=1e-5)
    assert (estimator.predict(images) == -1).sum() == 10
    decisions = estimator.decision_function(images)
    np.testing.assert_allclose(decisions, estimator.score_samples(images) - estimator.offset_)


def test_rows_of_numbers_are_images_of_the_shape(images):
    flat = images.reshape(len(images), -1)
    estimator = OutlierEstimator(RotationResidual(), shape=(16, 16))
    rows = estimator.fit(flat).score_samples(flat)
    np.testing.assert_array_equal(
        rows, OutlierEstimator(RotationResidual()).fit(images).score_samples(images)
    )
    assert estimator.n_features_in_ == 256
    with pytest.raises(ValueError, match='256 values for each image'):
        estimator.fit(flat[:, :100])
    with pytest.raises(ValueError, match='images of the shape'):
        estimator.fit(images[:, :8])


def test_pipelines_and_searches_find_parameters(images):
    pipeline = make_pipeline(
        FunctionTransformer(lambda rows: rows * 2), OutlierEstimator(PCAResidual(), shape=(16, 16))
    )
    search = GridSearchCV(
        pipeline,
        {'outlierestimator__detector__n_components': [1, 60]},
        scoring='roc_auc',
        cv=3,
        error_score='raise',
    )
    order = np.random.default_rng(1).permutation(len(images))
    flat, classes = images.reshape(len(images), -1)[order], truth(images)[order]
    search.fit(flat, classes)
    # Sixty components of eighty images contain the companions.
    assert search.best_params_ == {'outlierestimator__detector__n_components': 1}
    decisions = cross_val_predict(search.best_estimator_, flat, method='decision_function')
    assert roc_auc_score(classes, decisions) > 0.9


def test_masked_pixels_are_nan(images):
    masked = images.copy()
    masked[5, :, :4] = np.nan
    masked[7] = np.nan
    estimator = OutlierEstimator(PCAResidual(n_components=3)).fit(masked)
    scores = estimator.score_samples(masked)
    assert np.isnan(scores[7])
    assert np.isfinite(np.delete(scores, 7)).all()
    assert estimator.predict(masked)[7] == -1


class Calibrated:
    """What of an AnomalyDetector is used, without networks."""

    def __init__(self, calibration=None):
        self.calibration = calibration

    def calibrate(self, stamps, *, progress):
        self.calibration = Calibration(stamps.pixels.max(axis=(1, 2)))
        return self

    def score(self, stamps, *, progress):
        return {'score': stamps.pixels.max(axis=(1, 2))}


def test_a_detector_is_calibrated_and_not_trained(images):
    detector = Calibrated()
    estimator = OutlierEstimator(detector, contamination=0.2).fit(images)
    assert len(estimator.detector_.calibration.held_out_scores) == 120
    assert (estimator.predict(images) == -1).sum() == 24
    # Neither the detector that was given nor another fit of it is changed.
    OutlierEstimator(detector).fit(images[:50])
    assert len(estimator.detector_.calibration.held_out_scores) == 120
    assert detector.calibration is None


def test_wrong_arguments_are_refused(images):
    for contamination in (0, 0.6, 'auto', None):
        with pytest.raises(ValueError, match='`contamination` must be above 0'):
            OutlierEstimator(PCAResidual(), contamination=contamination).fit(images)
    with pytest.raises(TypeError, match='method `fit` or `calibrate`; got int'):
        OutlierEstimator(3).fit(images)
