"""`IsolationForestScore`: how few random cuts set an object apart from the others."""

import numpy as np

from astro_wgan.baselines.checks import check_fitted, import_sklearn
from astro_wgan.baselines.object_features import CAS_GINI_M20, read_features, score_table

__all__ = ['IsolationForestScore']

# The examples need what an extra brings.
__doctest_requires__ = {'*': ['sklearn']}


class IsolationForestScore:
    """
    An isolation forest on shapes, critic features or any other numbers.

    Parameters
    ----------
    columns : sequence of str, optional
        Which columns of a table are used, such as ``['features']`` of
        ``astro_wgan.anomaly.critic_features``; arrays are used whole.
    components : int, optional
        Cut along so many principal components of the numbers. Of the many features of a critic
        few single ones tell anything; of five measurements of shape each does.
    trees : int, optional
        Trees in the forest.
    seed : int, optional
        Seed of the cuts.

    Attributes
    ----------
    forest_ : `sklearn.ensemble.IsolationForest`
        The forest.
    pca_ : `sklearn.decomposition.PCA` or None
        The principal components, where they are used.

    Notes
    -----
    Liu, Ting & Zhou 2008 (ICDM, 413). The score is theirs, between 0 and 1: about 0.5 for a set
    without outliers, towards 1 for an object that few cuts isolate.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.baselines import IsolationForestScore
    >>> features = np.random.default_rng(1).normal(size=(500, 4))
    >>> features[7] = 10
    >>> table = IsolationForestScore().fit(features).score(features)
    >>> int(table['score'].argmax())
    7
    """

    def __init__(self, *, columns=CAS_GINI_M20, components=None, trees=200, seed=0):
        for name, number in (('components', components), ('trees', trees)):
            if number is not None and number < 1:
                raise ValueError(f'`{name}` must be at least 1; got {number}.')
        self.columns = tuple(columns)
        self.components = components
        self.trees = trees
        self.seed = seed

    def fit(self, data):
        """
        Grow the forest.

        Parameters
        ----------
        data : `~astropy.table.Table` or array_like, shape (n, features)
            Normal objects, or a set in which anomalies are rare. Rows with missing values are
            left out.

        Returns
        -------
        IsolationForestScore

        Raises
        ------
        ValueError
            If no row can be used, or there are fewer rows or numbers than components.
        ImportError
            If scikit-learn is not installed.
        """
        import_sklearn()
        from sklearn.ensemble import IsolationForest

        features = read_features(data, self.columns)
        values = features.values[features.usable]
        if not len(values):
            raise ValueError('No row of `data` is without missing values.')
        self.pca_ = self._principal_components(values)
        forest = IsolationForest(n_estimators=self.trees, random_state=self.seed)
        self.forest_ = forest.fit(self._reduced(values))
        self._units = features.units
        return self

    def score(self, data):
        """
        How easily each object is isolated.

        Parameters
        ----------
        data : `~astropy.table.Table` or array_like, shape (n, features)
            Objects, as in `fit`.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` (NaN where a value is missing) and ``usable``.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        check_fitted(self, 'forest_')
        features = read_features(data, self.columns, units=self._units)
        score = np.full(len(features.ids), np.nan)
        if features.usable.any():
            values = self._reduced(features.values[features.usable])
            score[features.usable] = -self.forest_.score_samples(values)
        return score_table(features.ids, score, 'scikit-learn', usable=features.usable)

    def _principal_components(self, values):
        from sklearn.decomposition import PCA

        if self.components is None:
            return None
        if self.components > min(values.shape):
            raise ValueError(
                f'`components` must be at most {min(values.shape)}, the smaller of the number of '
                f'usable rows and that of features; got {self.components}.'
            )
        return PCA(self.components, random_state=self.seed).fit(values)

    def _reduced(self, values):
        return values if self.pca_ is None else self.pca_.transform(values)
