"""`IsolationForestScore`: an isolation forest on morphology, critic features or other columns."""

import numpy as np

from astro_wgan.baselines.baseline import Baseline, import_sklearn
from astro_wgan.baselines.object_features import CAS_GINI_M20, read_features, score_table

__all__ = ['IsolationForestScore']

# The examples need an optional package.
__doctest_requires__ = {'*': ['sklearn']}


class IsolationForestScore(Baseline):
    """
    An isolation forest on morphology, critic features or any other features.

    Parameters
    ----------
    columns : sequence of str, optional
        Columns of a table that are used as features, such as ``['features']`` of
        `~astro_wgan.anomaly.critic_features`; all columns of an array are used.
    n_components : int, optional
        Number of principal components that replace the features. The critic has many features, few
        of which are informative by themselves; of five morphological measurements each one is.
    n_trees : int, optional
        Number of trees in the forest.
    seed : int, optional
        Seed of the trees.

    Attributes
    ----------
    forest_ : `sklearn.ensemble.IsolationForest`
        The forest.
    pca_ : `sklearn.decomposition.PCA` or None
        The principal components, if they are used.
    units_ : tuple or None
        Units of the columns of the fit.

    Raises
    ------
    ValueError
        If ``n_components`` or ``n_trees`` is below 1.

    Notes
    -----
    Liu, Ting & Zhou 2008 (ICDM, 413). The score is theirs, between 0 and 1: about 0.5 in a set
    without outliers, close to 1 for an object that is isolated by few splits.

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

    def __init__(self, *, columns=CAS_GINI_M20, n_components=None, n_trees=200, seed=0):
        for name, number in (('n_components', n_components), ('n_trees', n_trees)):
            if number is not None and number < 1:
                raise ValueError(f'`{name}` must be at least 1; got {number}.')
        self.columns = tuple(columns)
        self.n_components = n_components
        self.n_trees = n_trees
        self.seed = seed

    def fit(self, features):
        """
        Grow the forest.

        Parameters
        ----------
        features : `~astropy.table.Table` or array_like, shape (n, n_features)
            Features of normal objects, or of a set in which anomalies are rare. Rows with missing
            values are left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If all rows have missing values, or there are fewer rows or features than components.
        ImportError
            If scikit-learn is not installed.
        """
        ensemble = import_sklearn('ensemble')
        found = read_features(features, self.columns)
        values = found.values[found.usable]
        if not len(values):
            raise ValueError('`features` must have a row without missing values; got none.')
        self.pca_ = self._principal_components(values)
        forest = ensemble.IsolationForest(n_estimators=self.n_trees, random_state=self.seed)
        self.forest_ = forest.fit(self._reduced(values))
        self.units_ = found.units
        return self

    def score(self, features):
        """
        Score each object.

        Parameters
        ----------
        features : `~astropy.table.Table` or array_like, shape (n, n_features)
            Features, as in `fit`.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` (NaN if a value is missing), and ``usable``, whether no value is
            missing.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self._check_fitted('forest_')
        found = read_features(features, self.columns, units=self.units_)
        score = np.full(len(found.ids), np.nan)
        if found.usable.any():
            values = self._reduced(found.values[found.usable])
            score[found.usable] = -self.forest_.score_samples(values)
        return score_table(found.ids, score, 'scikit-learn', usable=found.usable)

    def _principal_components(self, values):
        if self.n_components is None:
            return None
        if self.n_components > min(values.shape):
            raise ValueError(
                f'`n_components` must be at most {min(values.shape)}, the smaller of the numbers '
                f'of usable rows and of features; got {self.n_components}.'
            )
        decomposition = import_sklearn('decomposition')
        return decomposition.PCA(self.n_components, random_state=self.seed).fit(values)

    def _reduced(self, values):
        return values if self.pca_ is None else self.pca_.transform(values)
