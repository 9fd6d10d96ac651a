"""`OutlierEstimator`: a detector of this package as an outlier detector of scikit-learn."""

from copy import copy
from numbers import Real

import numpy as np

from astro_wgan.optional import import_optional
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.validation.axis_order import own_axes

import_optional('sklearn', purpose='`OutlierEstimator` needs')
from sklearn.base import BaseEstimator, OutlierMixin, clone  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

__all__ = ['OutlierEstimator']

# The examples need an optional package.
__doctest_requires__ = {'*': ['sklearn']}


class OutlierEstimator(OutlierMixin, BaseEstimator):
    """
    A detector of this package as an outlier detector of scikit-learn.

    It takes arrays of images, so that a detector can be a step of a pipeline, be cross-validated,
    and have its parameters searched for, such as ``detector__n_components``.

    Parameters
    ----------
    detector : object
        A baseline that is fitted to stamps: `PCAResidual`, `PCAMahalanobis` or `RotationResidual`;
        or a `~astro_wgan.AnomalyDetector`, whose networks stay as they are, and which is calibrated
        instead.
    shape : tuple of int, optional
        ``(ny, nx)`` or ``(ny, nx, bands)`` of images that are given as rows of numbers. By default
        these are images of one row.
    contamination : float, optional
        Fraction of outliers among the images of the fit, which sets the threshold of `predict`.

    Attributes
    ----------
    detector_ : object
        The detector that was fitted, a copy.
    offset_ : float
        Threshold of `score_samples`.
    shape_ : tuple of int
        Shape of the images.
    n_features_in_ : int
        Number of values of an image.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    As in scikit-learn, `score_samples` and `decision_function` are *lower* for outliers: the
    negative of the score of the detector. NaN marks pixels that are masked. An image without a
    score, since all of its pixels are masked, has NaN, and is predicted to be an outlier.

    With `PCAResidual` it passes all checks of ``sklearn.utils.estimator_checks.check_estimator``;
    with `PCAMahalanobis` all but those for scores that may not differ by 1e-7 with the order of
    images, which are in single precision. `RotationResidual` needs images of at least three rows,
    which the checks do not have.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_predict
    >>> from astro_wgan.baselines import OutlierEstimator, PCAResidual
    >>> images = np.random.default_rng(1).normal(size=(200, 16, 16))
    >>> images[3, 1:4, 1:4] += 10
    >>> estimator = OutlierEstimator(PCAResidual(n_components=2), contamination=0.01)
    >>> decisions = cross_val_predict(estimator, images, method='decision_function')
    >>> int(decisions.argmin())
    3
    """

    def __init__(self, detector, *, shape=None, contamination=0.1):
        self.detector = detector
        self.shape = shape
        self.contamination = contamination

    def fit(self, X, y=None):
        """
        Fit a copy of the detector to images, and the threshold to their scores.

        Parameters
        ----------
        X : array_like, shape (n, ny, nx), (n, ny, nx, bands) or (n, values)
            Images of which most are normal.
        y : None
            Not used.

        Returns
        -------
        OutlierEstimator
            This object.

        Raises
        ------
        TypeError
            If the detector has neither ``fit`` nor ``calibrate``.
        ValueError
            If ``contamination`` is not above 0 and at most 0.5, or ``X`` has another shape.
        """
        if not isinstance(self.contamination, Real) or not 0 < self.contamination <= 0.5:
            raise ValueError(
                f'`contamination` must be above 0 and at most 0.5; got {self.contamination!r}.'
            )
        stamps = self._stamps(X, reset=True)
        if hasattr(self.detector, 'fit'):
            self.detector_ = clone(self.detector).fit(stamps)
        elif hasattr(self.detector, 'calibrate'):
            # A detector is calibrated in place, and its networks need no copy.
            self.detector_ = copy(self.detector).calibrate(stamps, progress=False)
        else:
            raise TypeError(
                '`detector` must have a method `fit` or `calibrate`; got '
                f'{type(self.detector).__name__}.'
            )
        scores = self._scores(stamps)
        known = scores[~np.isnan(scores)]
        self.offset_ = float(np.percentile(known, 100 * self.contamination)) if len(known) else 0.0
        return self

    def score_samples(self, X):
        """
        The negative of the scores of images.

        Parameters
        ----------
        X : array_like
            As in `fit`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
        """
        check_is_fitted(self)
        return self._scores(self._stamps(X, reset=False))

    def decision_function(self, X):
        """
        `score_samples` above the threshold: negative for outliers.

        Parameters
        ----------
        X : array_like
            As in `fit`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """
        Whether images are normal.

        Parameters
        ----------
        X : array_like
            As in `fit`.

        Returns
        -------
        `~numpy.ndarray` of int, shape (n,)
            1 for normal images, -1 for outliers.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def get_metadata_routing(self):
        """Which metadata are passed on, as of all estimators of scikit-learn."""
        return super().get_metadata_routing()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def _scores(self, stamps):
        return -np.asarray(self.detector_.score(stamps, progress=False)['score'], dtype=float)

    def _stamps(self, X, *, reset):
        shape = self.shape
        if isinstance(X, list | tuple | np.ndarray) and np.ndim(X) in (3, 4):
            images = np.asarray(X)
            if shape is not None and tuple(shape) != images.shape[1:]:
                raise ValueError(
                    f'`X` must have images of the shape {tuple(shape)}; got {images.shape[1:]}.'
                )
            X, shape = images.reshape(len(images), -1), images.shape[1:]
        rows = validate_data(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite='allow-nan',
            ensure_min_samples=2 if reset else 1,
            ensure_min_features=2 if reset else 1,
        )
        if shape is None:
            shape = (1, rows.shape[1]) if reset else self.shape_
        if np.prod(shape) != rows.shape[1]:
            raise ValueError(
                f'`X` must have {np.prod(shape)} values for each image of the shape '
                f'{tuple(shape)}; got {rows.shape[1]}.'
            )
        if reset:
            self.shape_ = tuple(shape)
        images = rows.reshape(len(rows), *shape)
        return StampSet(images, axes=own_axes(images.ndim))
