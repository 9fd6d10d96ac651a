"""`MorphologyKMeans`: k-means on morphology, the method that the paper compares with."""

import numpy as np

from astro_wgan.baselines.baseline import Baseline, import_sklearn
from astro_wgan.baselines.object_features import CAS_GINI_M20, read_features, score_table
from astro_wgan.validation.masked import without_mask

__all__ = ['MorphologyKMeans']

# The examples need an optional package.
__doctest_requires__ = {'*': ['sklearn']}


class MorphologyKMeans(Baseline):
    """
    Two clusters of galaxies by morphology: the one with most normals, and the anomalous one.

    Parameters
    ----------
    columns : sequence of str, optional
        Columns of the table that are used as features.
    seed : int, optional
        Seed of the initial centers.

    Attributes
    ----------
    mean_, scale_ : `~numpy.ndarray`, shape (n_features,)
        Mean and standard deviation of each feature, by which it is standardized.
    centers_ : `~numpy.ndarray`, shape (2, n_features)
        Standardized centers of the normal and the other cluster.
    units_ : tuple or None
        Units of the columns of the fit.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.1: k-means with two clusters on concentration,
    asymmetry, clumpiness, Gini and M20. The paper uses only the assignment to a cluster. The score
    here is the distance to the normal center minus the distance to the other center: it is positive
    for objects assigned to the anomalous cluster, and allows to compute a ROC curve.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.baselines import MorphologyKMeans
    >>> asymmetry = np.r_[np.full(8, 0.1), np.full(4, 0.6)] + 0.01 * np.arange(12)
    >>> table = QTable({'id': np.arange(12), 'asymmetry': asymmetry})
    >>> kmeans = MorphologyKMeans(columns=['asymmetry']).fit(table, is_normal=asymmetry < 0.14)
    >>> int(kmeans.score(table)['anomalous'].sum())
    4
    """

    def __init__(self, *, columns=CAS_GINI_M20, seed=0):
        self.columns = tuple(columns)
        self.seed = seed

    def fit(self, features, *, is_normal):
        """
        Find the two clusters, and which of them is the normal one.

        Parameters
        ----------
        features : `~astropy.table.Table` or array_like, shape (n, n_features)
            Morphology of normal and other galaxies, as from
            `~astro_wgan.morphology.measure_morphology`. Rows with missing values are left out.
            Leave out measurements that statmorph flags as bad: k-means is sensitive to outliers.
        is_normal : array_like of bool, shape (n,)
            True for galaxies known to be normal; masked for unknown.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If fewer than two rows, or no normal one, can be used, or ``is_normal`` has another
            length.
        ImportError
            If scikit-learn is not installed.
        """
        cluster = import_sklearn('cluster')
        found = read_features(features, self.columns)
        is_normal, unknown = without_mask(is_normal)
        is_normal = np.asarray(is_normal, dtype=bool)
        is_normal = is_normal if unknown is None else is_normal & ~unknown
        if is_normal.shape != found.usable.shape:
            raise ValueError(
                f'`is_normal` must have {len(found.usable)} values, one per row; got shape '
                f'{is_normal.shape}.'
            )
        values, is_normal = found.values[found.usable], is_normal[found.usable]
        if len(values) < 2 or not is_normal.any():
            raise ValueError(
                '`features` must have at least two rows without missing values, one of them '
                f'normal; got {len(values)}, {np.count_nonzero(is_normal)} of them normal.'
            )
        self.mean_, scale = values.mean(axis=0), values.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        kmeans = cluster.KMeans(2, n_init=10, random_state=self.seed)
        labels = kmeans.fit_predict((values - self.mean_) / self.scale_)
        # The cluster with most normals comes first.
        order = np.argsort(-np.bincount(labels[is_normal], minlength=2), kind='stable')
        self.centers_ = kmeans.cluster_centers_[order]
        self.units_ = found.units
        return self

    def score(self, features):
        """
        Score each galaxy: distance to the normal center minus that to the other center.

        Parameters
        ----------
        features : `~astropy.table.Table` or array_like, shape (n, n_features)
            Morphology, as in `fit`.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` (NaN if a value is missing), ``anomalous`` (the assignment of the
            paper), and ``usable``, whether no value is missing.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If a column is missing, or the number of features differs from that of the fit.
        """
        self._check_fitted('centers_')
        found = read_features(features, self.columns, units=self.units_)
        if found.values.shape[1] != len(self.mean_):
            raise ValueError(
                f'`features` must have {len(self.mean_)} features, as those of the fit; got '
                f'{found.values.shape[1]}.'
            )
        standardized = (found.values - self.mean_) / self.scale_
        distance = np.linalg.norm(standardized[:, np.newaxis] - self.centers_, axis=2)
        score = np.where(found.usable, distance[:, 0] - distance[:, 1], np.nan)
        columns = {'anomalous': score > 0, 'usable': found.usable}
        return score_table(found.ids, score, 'scikit-learn', **columns)
