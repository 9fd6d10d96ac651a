"""`MorphologyKMeans`: the classical method that the paper compares with."""

import numpy as np

from astro_wgan.baselines.checks import check_fitted, import_sklearn
from astro_wgan.baselines.object_features import CAS_GINI_M20, read_features, score_table
from astro_wgan.validation.masked import without_mask

__all__ = ['MorphologyKMeans']

# The examples need what an extra brings.
__doctest_requires__ = {'*': ['sklearn']}


class MorphologyKMeans:
    """
    Two clusters of galaxies by their shape: the one with most normals, and the anomalous one.

    Parameters
    ----------
    columns : sequence of str, optional
        Which columns of the table are clustered.
    seed : int, optional
        Seed of the first centres.

    Attributes
    ----------
    mean_, scale_ : `~numpy.ndarray`, shape (columns,)
        Mean and standard deviation of each column, by which it is standardised.
    centers_ : `~numpy.ndarray`, shape (2, columns)
        Centres of the normal and the other cluster, standardised.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.1: k-means with two clusters on concentration,
    asymmetry, clumpiness, Gini and M20. The paper gives only the assignment to a cluster; the
    score, distance to the normal centre minus distance to the other, is above 0 where the
    assignment says anomalous, and makes a ROC possible.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.baselines import MorphologyKMeans
    >>> asymmetry = np.r_[np.full(8, 0.1), np.full(4, 0.6)] + 0.01 * np.arange(12)
    >>> table = QTable({'id': np.arange(12), 'asymmetry': asymmetry})
    >>> kmeans = MorphologyKMeans(columns=['asymmetry']).fit(table, normal=asymmetry < 0.14)
    >>> int(kmeans.score(table)['anomalous'].sum())
    4
    """

    def __init__(self, *, columns=CAS_GINI_M20, seed=0):
        self.columns = tuple(columns)
        self.seed = seed

    def fit(self, table, *, normal):
        """
        Find the clusters, and which of them is the normal one.

        Parameters
        ----------
        table : `~astropy.table.Table` or array_like, shape (n, features)
            Shapes of normal galaxies and of others, as from
            `~astro_wgan.morphology.measure_morphology`. Rows with missing values are left out.
            Rows that statmorph flags as bad had better be left out too: k-means is drawn to
            extremes.
        normal : array_like of bool, shape (n,)
            True for those known to be normal; a masked value is not known.

        Returns
        -------
        MorphologyKMeans

        Raises
        ------
        ValueError
            If fewer than two rows, or no normal one, can be used, or ``normal`` does not fit.
        ImportError
            If scikit-learn is not installed.
        """
        import_sklearn()
        from sklearn.cluster import KMeans

        features = read_features(table, self.columns)
        normal, unknown = without_mask(normal)
        normal = np.asarray(normal, dtype=bool)
        normal = normal if unknown is None else normal & ~unknown
        if normal.shape != features.usable.shape:
            raise ValueError(
                f'`normal` must have a value per row, {len(features.usable)}; '
                f'got shape {normal.shape}.'
            )
        values, normal = features.values[features.usable], normal[features.usable]
        if len(values) < 2 or not normal.any():
            raise ValueError(
                'Two rows without missing values, one of them normal, are the least to cluster; '
                f'got {len(values)}, {np.count_nonzero(normal)} of them normal.'
            )
        self.mean_, scale = values.mean(axis=0), values.std(axis=0)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        kmeans = KMeans(2, n_init=10, random_state=self.seed)
        cluster = kmeans.fit_predict((values - self.mean_) / self.scale_)
        # The cluster that holds most normals comes first.
        order = np.argsort(-np.bincount(cluster[normal], minlength=2), kind='stable')
        self.centers_ = kmeans.cluster_centers_[order]
        self._units = features.units
        return self

    def score(self, table):
        """
        How much nearer to the other cluster than to the normal one each galaxy is.

        Parameters
        ----------
        table : `~astropy.table.Table` or array_like, shape (n, features)
            Shapes, as in `fit`.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` (NaN where a value is missing), ``anomalous`` (the paper's
            assignment) and ``usable``, whether no value is missing.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If a column is missing, or the number of features is not that of the fit.
        """
        check_fitted(self, 'centers_')
        features = read_features(table, self.columns, units=self._units)
        if features.values.shape[1] != len(self.mean_):
            raise ValueError(
                f'`table` must have {len(self.mean_)} features, as that of the fit; '
                f'got {features.values.shape[1]}.'
            )
        standardised = (features.values - self.mean_) / self.scale_
        distance = np.linalg.norm(standardised[:, np.newaxis] - self.centers_, axis=2)
        score = np.where(features.usable, distance[:, 0] - distance[:, 1], np.nan)
        columns = {'anomalous': score > 0, 'usable': features.usable}
        return score_table(features.ids, score, 'scikit-learn', **columns)
