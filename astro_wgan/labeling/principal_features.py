"""`PrincipalFeatures`: features along their principal components, as distances compare them."""

import numpy as np

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import table_of

__all__ = ['PrincipalFeatures', 'feature_rows']

#: Principal components, fewer where there are no more.
_COMPONENTS = 24
#: Rows that they are computed from, and rows that are transformed at a time.
_ROWS, _BLOCK = 20_000, 8192
#: Variance below which a component is rounding error, relative to the largest.
_NOTHING = 1e-8


class PrincipalFeatures:
    """
    Features along their principal components, the larger ones damped.

    Parameters
    ----------
    seed : int, optional
        Seed of the draw of rows, if there are more than 20,000.

    Attributes
    ----------
    center_ : `~numpy.ndarray`, shape (d,)
        Mean of the features.
    axes_ : `~numpy.ndarray`, shape (d, k)
        At most 24 components, each divided by the fourth root of its variance, and all by one
        number, so that the mean squared distance from the center is 1.

    Notes
    -----
    Undamped, distances are those of the few components in which normal sources differ most; of
    equal variance, they are mostly noise. By ``benchmarks.experiments.labels``, sources of one
    class are nearest to each other half way between the two.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.labeling import PrincipalFeatures
    >>> features = np.random.default_rng(1).normal(size=(500, 40))
    >>> found = PrincipalFeatures().fit(features).transform(features)
    >>> found.shape, (found**2).sum(axis=1).mean().round(3).item()
    ((500, 24), 1.0)
    """

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, features):
        """
        Find the principal components.

        Parameters
        ----------
        features : `~numpy.ndarray`, shape (n, d)
            Rows with a value that is not finite are ignored.

        Returns
        -------
        PrincipalFeatures
            This object.
        """
        rows = np.flatnonzero(np.isfinite(features).all(axis=1))
        if len(rows) > _ROWS:
            rows = np.random.default_rng(self.seed).choice(rows, _ROWS, replace=False)
        sample = features[rows].astype(float)
        d = features.shape[1]
        self.center_ = sample.mean(axis=0) if len(rows) else np.zeros(d)
        sample -= self.center_
        variances, axes = np.linalg.eigh(sample.T @ sample / max(len(rows), 1))
        variances, axes = variances[::-1][:_COMPONENTS], axes[:, ::-1][:, :_COMPONENTS]
        there = variances > _NOTHING * variances[0]
        # Features that are the same for all sources have one component, of zeros.
        variances, axes = (
            (variances[there], axes[:, there]) if there.any() else ([1.0], axes[:, :1])
        )
        scale = np.sqrt(np.sqrt(variances).sum())
        self.axes_ = axes / np.asarray(variances) ** 0.25 / scale
        return self

    def transform(self, features):
        """
        Features along the components.

        Parameters
        ----------
        features : `~numpy.ndarray`, shape (n, d)

        Returns
        -------
        `~numpy.ndarray`, shape (n, k)
            NaN in rows with a value that is not finite.
        """
        found = np.empty((len(features), self.axes_.shape[1]))
        with np.errstate(invalid='ignore'):
            for first in range(0, len(features), _BLOCK):
                some = slice(first, first + _BLOCK)
                found[some] = (features[some] - self.center_) @ self.axes_
        found[~np.isfinite(found).all(axis=1)] = np.nan
        return found


def feature_rows(features):
    """
    Features as an array with a row for each source.

    Parameters
    ----------
    features : array_like, shape (n, d), or table
        Of a table the column ``features``.

    Returns
    -------
    `~numpy.ndarray`, shape (n, d)

    Raises
    ------
    ValueError
        If it is no table with that column, and no array of numbers of that shape.
    """
    table = table_of(features)
    if table is not None:
        if 'features' not in table.colnames:
            raise ValueError(
                '`features` must be a table with the column `features`, or an array; it has '
                f'{", ".join(table.colnames)}.'
            )
        features = table['features']
    values = numbers_or_nan(features)
    if values.ndim != 2 or values.dtype.kind not in 'biuf' or not values.shape[1]:
        raise ValueError(
            '`features` must be numbers with a row for each source; got shape '
            f'{values.shape} and dtype {values.dtype}.'
        )
    return values
