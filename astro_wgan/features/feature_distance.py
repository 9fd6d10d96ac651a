"""`FeatureDistance`: Mahalanobis distance of features from those of normal stamps."""

from dataclasses import dataclass, fields

import numpy as np
from scipy.linalg import eigh

from astro_wgan.exceptions import NotFittedError

__all__ = ['FeatureDistance']

#: Principal components whose variances are kept apart: at most so many, and one for this many rows.
_COMPONENTS, _ROWS_PER_COMPONENT = 64, 10
#: Parts of the normals, each of which is compared with the others.
_FOLDS = 10


# A dataclass, so that fingerprints of work contain what it has learned.
@dataclass(eq=False, repr=False)
class FeatureDistance:
    r"""
    Mahalanobis distance of features from those of normal stamps.

    Attributes
    ----------
    center_ : `~numpy.ndarray`, shape (d,)
        Mean of the normals.
    axes_ : `~numpy.ndarray`, shape (k, d)
        Principal components, of unit length.
    variances_ : `~numpy.ndarray`, shape (k,)
        Variance of normals along them.
    other_variance_ : float
        Variance along each of the other d - k directions.
    n_normals_ : int
        Number of normals.

    Notes
    -----
    The distance of features *f* is

    .. math::

       D = \sqrt{\sum_{j=1}^{k} \frac{[a_j \cdot (f - c)]^2}{v_j} + \frac{|r|^2}{v_0}}

    with the center *c*, the principal components :math:`a_j` and what they leave of *f* - *c*, the
    residual *r*. The covariance of the normals is shrunk toward a multiple of the identity as by
    Ledoit & Wolf 2004 (J. Multivar. Anal. 88, 365), of which :math:`v_j` are the largest
    eigenvalues and :math:`v_0` is the mean of the others. *k* is a tenth of the number of normals,
    at most 64 and at most d. That the directions beyond these have one variance makes the
    distance one of few numbers, which is also right for a hundred normals with a thousand features.

    Features must have comparable units: those of small variance count little.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.features import FeatureDistance
    >>> normals = np.random.default_rng(1).normal(size=(1000, 5))
    >>> FeatureDistance().fit(normals).transform([[0, 0, 0, 0, 0], [0, 3, 4, 0, 0]]).round()
    array([0., 5.])
    """

    center_: np.ndarray | None = None
    axes_: np.ndarray | None = None
    variances_: np.ndarray | None = None
    other_variance_: float | None = None
    n_normals_: int | None = None

    def __repr__(self):
        if self.center_ is None:
            return '<FeatureDistance: not fitted>'
        return (
            f'<FeatureDistance: {len(self.center_)} features of {self.n_normals_} normals, '
            f'{len(self.axes_)} components>'
        )

    def fit(self, features, *, n_normals=None, shrinkage=None):
        """
        Learn the distribution of the features of normal stamps.

        Parameters
        ----------
        features : array_like, shape (n, d)
            Rows with a value that is not finite are ignored.
        n_normals : int, optional
            Number of normals from which the number of components follows, if only part of them is
            given, as in cross-fitting; by default that of the finite rows.
        shrinkage : float, optional
            Weight of the identity in the covariance, from 0 to 1; by default that of Ledoit & Wolf.

        Returns
        -------
        FeatureDistance
            This object.

        Raises
        ------
        ValueError
            If ``features`` has another shape, or no row is finite.
        """
        features = _as_rows(features)
        features = features[np.isfinite(features).all(axis=1)]
        if not len(features):
            raise ValueError(
                '`features` must have a row of finite numbers for at least one normal stamp; '
                'got none.'
            )
        n, d = features.shape
        center = features.mean(axis=0)
        deviations = features - center
        tenth = (n if n_normals is None else n_normals) // _ROWS_PER_COMPONENT
        count = max(1, min(_COMPONENTS, tenth, n, d))
        values, axes = _principal_components(deviations, count)
        total = float((deviations**2).sum() / n)
        shrinkage = _shrinkage(deviations) if shrinkage is None else shrinkage
        mean = total / d
        self.variances_ = _positive((1 - shrinkage) * values + shrinkage * mean)
        others = max(0.0, total - values.sum()) / max(1, d - count)
        self.other_variance_ = float(_positive((1 - shrinkage) * others + shrinkage * mean))
        # As they are written to files; float32 is more than enough for features.
        self.center_, self.axes_ = (a.astype(np.float32) for a in (center, axes))
        self.n_normals_ = n
        return self

    def transform(self, features):
        """
        Distance of features from those of the normals.

        Parameters
        ----------
        features : array_like, shape (n, d)
            With as many columns as those of the fit.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            NaN for a row with a value that is not finite.

        Raises
        ------
        `~astro_wgan.exceptions.NotFittedError`
            If it has not been fitted.
        ValueError
            If ``features`` has another number of columns.
        """
        along, others = self._squares(features)
        return np.sqrt(along + others)

    def transform_normals(self, features):
        """
        Distances of the normals themselves, each from a fit without its tenth of them.

        Parameters
        ----------
        features : array_like, shape (n, d)
            Those of the fit.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            Larger than those of `transform`, as distances of new normals are: the components of a
            fit reproduce its normals better than others.
        """
        features = _as_rows(features)
        distances = self.transform(features)
        rows = np.flatnonzero(np.isfinite(distances))
        folds = min(len(rows), _FOLDS)
        # A single normal has no others that it could be far from.
        if folds < 2:
            return distances
        fold = np.random.default_rng(0).permutation(len(rows)) % folds
        # Components and shrinkage would depend on the number of rows.
        options = {
            'n_normals': _ROWS_PER_COMPONENT * len(self.axes_),
            'shrinkage': _shrinkage(features[rows] - self.center_),
        }
        for k in range(folds):
            fitted = FeatureDistance().fit(features[rows[fold != k]], **options)
            distances[rows[fold == k]] = fitted.transform(features[rows[fold == k]])
        return distances

    def check(self, features):
        """
        Refuse features with another number of columns than those of the fit.

        Parameters
        ----------
        features : `~numpy.ndarray`, shape (n, d)

        Raises
        ------
        ValueError
            If they have.
        """
        if features.shape[1] != len(self.center_):
            raise ValueError(
                f'`features` must have {len(self.center_)} columns, as those of the calibration; '
                f'got {features.shape[1]}.'
            )

    def to_dict(self):
        """Fitted attributes as plain values, for a file; ``axes_`` one after the other."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # By its text, a number of float32 has no more digits than it needs.
        for name in ('center_', 'axes_'):
            values[name] = [float(str(number)) for number in values[name].ravel()]
        return {**values, 'variances_': self.variances_.tolist()}

    @classmethod
    def from_dict(cls, values):
        """
        Distance from the values of `to_dict`.

        Raises
        ------
        ValueError
            If their shapes do not fit together.
        """
        center, axes = (np.array(values[name], np.float32) for name in ('center_', 'axes_'))
        variances = np.array(values['variances_'], float)
        if center.ndim != 1 or axes.shape != (len(variances) * len(center),):
            raise ValueError('its `center_`, `axes_` and `variances_` do not fit together')
        axes = axes.reshape(len(variances), len(center))
        other, n = values['other_variance_'], values['n_normals_']
        if not (variances > 0).all() or not other > 0 or not n > 0:
            raise ValueError('its `variances_` are not above 0')
        return cls(center, axes, variances, float(other), int(n))

    def _squares(self, features):
        """Squared distances along the principal components, and in all other directions."""
        if self.center_ is None:
            raise NotFittedError('This distance has not been fitted: call `fit`.')
        features = _as_rows(features)
        self.check(features)
        known = np.isfinite(features).all(axis=1)
        deviations = np.where(known[:, np.newaxis], features, 0) - self.center_
        coordinates = deviations @ self.axes_.T.astype(float)
        left = np.maximum(0, (deviations**2).sum(axis=1) - (coordinates**2).sum(axis=1))
        if len(self.axes_) == len(self.center_):
            left = np.zeros(len(left))
        along = (coordinates**2 / self.variances_).sum(axis=1)
        return np.where(known, along, np.nan), left / self.other_variance_


def _as_rows(features):
    features = np.asarray(features, dtype=float)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f'`features` must have the shape (n, d); got {features.shape}.')
    return features


def _principal_components(deviations, count):
    """The largest eigenvalues of the covariance, and unit vectors along its axes, as rows."""
    n, d = deviations.shape
    size = min(n, d)
    largest = (size - min(count, size), size - 1)
    if d <= n:
        values, vectors = eigh(deviations.T @ deviations / n, subset_by_index=largest)
        axes = vectors.T
    else:
        values, vectors = eigh(deviations @ deviations.T / n, subset_by_index=largest)
        axes = vectors.T @ deviations
        length = np.sqrt((axes**2).sum(axis=1, keepdims=True))
        axes = np.divide(axes, length, out=np.zeros_like(axes), where=length > 0)
    return np.maximum(values[::-1], 0), axes[::-1]


def _shrinkage(deviations):
    """Weight of the identity in the covariance: Ledoit & Wolf 2004, as scikit-learn has it."""
    n, d = deviations.shape
    smaller = deviations if n < d else deviations.T
    squared = (smaller @ smaller.T) / n
    mean = np.trace(squared) / d
    spread = (squared**2).sum() - d * mean**2
    error = ((deviations**2).sum(axis=1) ** 2).sum() / n**2 - (squared**2).sum() / n
    return float(np.clip(error / spread, 0, 1)) if spread > 0 else 1.0


def _positive(variances):
    # Of equal normals they are 0: avoid a division by it.
    return np.maximum(variances, np.finfo(np.float32).tiny)
