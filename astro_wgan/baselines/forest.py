"""`IsolationForestScore`: how few random cuts set an object apart from the others."""

import numpy as np

from astro_wgan.baselines.checks import check_fitted, import_sklearn
from astro_wgan.baselines.features import CAS_GINI_M20, read_features, score_table

__all__ = ['IsolationForestScore']


class IsolationForestScore:
    """
    An isolation forest on shapes, critic features or any other numbers.

    Parameters
    ----------
    columns : sequence of str, optional
        Which columns of a table are used; arrays are used whole.
    trees : int, optional
        Trees in the forest.
    seed : int, optional
        Seed of the cuts.

    Attributes
    ----------
    forest_ : `sklearn.ensemble.IsolationForest`
        The forest.

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

    def __init__(self, *, columns=CAS_GINI_M20, trees=200, seed=0):
        if trees < 1:
            raise ValueError(f'`trees` must be at least 1; got {trees}.')
        self.columns = tuple(columns)
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
            If no row can be used.
        ImportError
            If scikit-learn is not installed.
        """
        import_sklearn()
        from sklearn.ensemble import IsolationForest

        features = read_features(data, self.columns)
        if not features.usable.any():
            raise ValueError('No row of `data` is without missing values.')
        forest = IsolationForest(n_estimators=self.trees, random_state=self.seed)
        self.forest_ = forest.fit(features.values[features.usable])
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
        NotFittedBaselineError
            If `fit` was not called.
        """
        check_fitted(self, 'forest_')
        features = read_features(data, self.columns, units=self._units)
        score = np.full(len(features.ids), np.nan)
        if features.usable.any():
            score[features.usable] = -self.forest_.score_samples(features.values[features.usable])
        return score_table(features.ids, score, 'scikit-learn', usable=features.usable)
