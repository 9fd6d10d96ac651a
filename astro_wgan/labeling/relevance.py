"""`RelevanceModel` and `rerank`: how relevant sources are, learned from labels of some of them."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.labeling.binary_process import BinaryProcess
from astro_wgan.labeling.label_columns import texts_or_none
from astro_wgan.labeling.label_merging import row_labels
from astro_wgan.labeling.similar_rows import feature_rows
from astro_wgan.validation.config_numbers import check_whole_numbers

__all__ = ['RelevanceConfig', 'RelevanceModel', 'rerank']

#: Labels that are needed.
_FEWEST = 5
#: Labels of which covariances are computed; of more, as many are drawn.
_MOST = 1500
#: Rows from which principal components are computed, and rows whose log odds are computed at once.
_ROWS, _BLOCK = 20_000, 8192

#: How the log odds rise with the logarithm of the rank, before there are labels.
_SLOPE = 1.0
#: Standard deviations of the log odds that are common to all sources, and that features explain:
#: of the latter several are tried, and lengths over which they change.
_COMMON = 3.0
_AMPLITUDES, _LENGTHS = (0.0, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class RelevanceConfig:
    """
    What a `RelevanceModel` learns from.

    Attributes
    ----------
    relevant : tuple of str
        Labels of sources that are sought.
    irrelevant : tuple of str
        Labels of sources that are not. Labels that are in neither do not count.
    n_components : int
        Principal components of the features.
    seed : int
        Seed of the draw, if there are more labels or sources than are needed.

    Raises
    ------
    ValueError
        If a label is in both, ``relevant`` is empty, or a number is too low.
    """

    relevant: tuple = ('interesting',)
    irrelevant: tuple = ('artifact', 'ordinary')
    n_components: int = 24
    seed: int = 0

    def __post_init__(self):
        for name in ('relevant', 'irrelevant'):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        if not self.relevant or {*self.relevant} & {*self.irrelevant}:
            raise ValueError(
                '`relevant` must have at least one label, and none that `irrelevant` has; got '
                f'{self.relevant} and {self.irrelevant}.'
            )
        check_whole_numbers(self, {'n_components': 1, 'seed': 0})


class RelevanceModel:
    """
    How relevant each source is, from its score, its features and labels of some sources.

    Parameters
    ----------
    config : `RelevanceConfig`, optional

    Attributes
    ----------
    relevance_ : `~numpy.ndarray`, shape (n,)
        Probability that a source is relevant; 1 or 0 where its label says so.
    uncertainty_ : `~numpy.ndarray`, shape (n,)
        Standard error of the relevance.
    log_odds_ : `~numpy.ndarray`, shape (n,)
        Log odds of the relevance of each source, its own label included as one of all.
    joined_rank_ : `~numpy.ndarray` of int, shape (n,)
        From 1: sources labeled as relevant, those without a label by their log odds, and those
        labeled as irrelevant.
    n_labels_ : int
        Labels that counted.
    gain_ : float
        What features have shown for each label: the mean logarithm of the ratio of probabilities
        of the labels from all other labels, with features and with scores alone.

    Notes
    -----
    The log odds are a Gaussian process (`~astro_wgan.labeling.binary_process.BinaryProcess`) whose
    mean rises with the score, so that the ranking of sources unlike any labeled one is that of the
    score. How much features count follows from the labels.

    Labels are of sources that somebody chose to look at. The relevance is therefore not the
    fraction of relevant sources among all, but for comparisons among them.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.labeling import RelevanceModel
    >>> rng = np.random.default_rng(1)
    >>> features, score = rng.normal(size=(300, 3)), rng.normal(size=300)
    >>> labels = [None] * 300
    >>> for row in range(40):
    ...     labels[row] = 'interesting' if features[row, 0] > 0 else 'artifact'
    >>> model = RelevanceModel().fit(features, labels, score=score)
    >>> right = (model.relevance_ > 0.5) == (features[:, 0] > 0)
    >>> bool(right.mean() > 0.8)
    True
    """

    def __init__(self, config=None):
        self.config = RelevanceConfig() if config is None else config

    def fit(self, features, labels, *, score):
        """
        Learn from labels.

        Parameters
        ----------
        features : array_like, shape (n, d), or table
            A row for each source, or a table with the column ``features``. Sources with a value
            that is not finite are judged by their score alone.
        labels : sequence of str or None, shape (n,)
            Label of each source, None or masked where there is none.
        score : array_like, shape (n,)
            Anomaly score, by which sources are ranked before there are labels.

        Returns
        -------
        RelevanceModel
            This object.

        Raises
        ------
        ValueError
            If lengths differ, or there are fewer than 5 labels that count.
        """
        features = feature_rows(features)
        labels = texts_or_none(labels)
        score = numbers_or_nan(score).astype(float)
        if not len(features) == len(labels) == len(score):
            raise ValueError(
                '`features`, `labels` and `score` must have as many rows; got '
                f'{len(features)}, {len(labels)} and {len(score)}.'
            )
        known, positive = self._known(labels)
        mean = _SLOPE * _rarity(score)
        reduced = _reduced(features, self.config)
        usable = np.isfinite(reduced).all(axis=1)
        reduced[~usable] = 0
        rows = known
        if len(rows) > _MOST:
            drawn = np.random.default_rng(self.config.seed).choice(len(rows), _MOST, replace=False)
            rows = known[np.sort(drawn)]
        models, weights, self.gain_ = _fitted(reduced, usable, mean, rows, positive[rows])
        log_odds, variance = _predicted(models, weights, reduced, usable, mean, rows)
        self.log_odds_, self.n_labels_ = log_odds, len(known)
        self.relevance_ = expit(log_odds)
        self.uncertainty_ = self.relevance_ * (1 - self.relevance_) * np.sqrt(variance)
        self.relevance_[known] = positive[known]
        self.uncertainty_[known] = 0
        group = np.zeros(len(labels), dtype=int)
        group[known] = np.where(positive[known], -1, 1)
        order = np.lexsort((np.arange(len(labels)), -mean, -log_odds, group))
        self.joined_rank_ = np.empty(len(labels), dtype=np.int64)
        self.joined_rank_[order] = np.arange(1, len(labels) + 1)
        return self

    def _known(self, labels):
        """Rows with a label that counts, and for all rows whether theirs is of what is sought."""
        config = self.config
        positive = np.array([label in config.relevant for label in labels], dtype=bool)
        counts = positive | np.array([label in config.irrelevant for label in labels], dtype=bool)
        if counts.sum() < _FEWEST:
            raise ValueError(
                f'`labels` must have at least {_FEWEST} that are one of '
                f'{(*config.relevant, *config.irrelevant)}; got {counts.sum()}.'
            )
        return np.flatnonzero(counts), positive


def rerank(table, features, labels, *, config=None):
    """
    A table of scores with the relevance of its sources that follows from labels.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        With the columns ``id`` and ``score``, as of `~astro_wgan.AnomalyDetector.score`.
    features : array_like, shape (n, d), or table
        Features of its sources in the same order, as of `~astro_wgan.AnomalyDetector.features`.
    labels : path-like, `LabelFile`, `~astropy.table.Table` or sequence
        Labels of some of the sources: a file, a table with ``id`` and ``label``, of which labels of
        several people are merged (`merge_labels`); or a label or None for each row.
    config : `~astro_wgan.labeling.relevance.RelevanceConfig`, optional
        Which labels are of sources that are sought.

    Returns
    -------
    `~astropy.table.QTable`
        A copy with the columns ``relevance``, ``relevance_error`` and ``joined_rank``. The score
        and the rank by it stay. ``meta['relevance']`` says how many labels counted, and what
        features have shown (``gain_`` of `RelevanceModel`).

    Raises
    ------
    ValueError
        If a column is missing, lengths or ids differ, or there are fewer than 5 labels that count.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.labeling import rerank
    >>> features = np.random.default_rng(1).normal(size=(50, 2))
    >>> table = QTable({'id': np.arange(50), 'score': features[:, 0]})
    >>> labels = QTable({'id': [1, 2, 3, 4, 5], 'label': ['artifact'] * 4 + ['interesting']})
    >>> rerank(table, features, labels).colnames
    ['id', 'score', 'relevance', 'relevance_error', 'joined_rank']
    """
    table = as_qtable(table)
    for name in ('id', 'score'):
        if name not in table.colnames:
            raise ValueError(
                f'`table` must have the column {name!r}; it has {", ".join(table.colnames)}.'
            )
    model = RelevanceModel(config)
    model.fit(features, row_labels(labels, table['id']), score=table['score'])
    table['relevance'] = model.relevance_
    table['relevance_error'] = model.uncertainty_
    table['joined_rank'] = model.joined_rank_
    table.meta['relevance'] = {'labels': model.n_labels_, 'gain': float(model.gain_)}
    return table


def _rarity(score):
    """Minus the logarithm of the share of sources with a score as high, less its mean."""
    order = np.argsort(np.where(np.isnan(score), -np.inf, score), kind='stable')[::-1]
    rank = np.empty(len(score))
    rank[order] = np.arange(len(score)) + 0.5
    rarity = -np.log(rank / len(score))
    return rarity - rarity.mean()


def _reduced(features, config):
    """Principal components, so scaled that the mean squared distance from the center is 1."""
    finite = np.flatnonzero(np.isfinite(features).all(axis=1))
    if not len(finite):
        return np.full((len(features), 1), np.nan)
    if len(finite) > _ROWS:
        finite = np.random.default_rng(config.seed).choice(finite, _ROWS, replace=False)
    sample = features[finite].astype(float)
    center = sample.mean(axis=0)
    covariance = np.cov(sample - center, rowvar=False).reshape(sample.shape[1], -1)
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, : config.n_components]
    with np.errstate(invalid='ignore'):
        found = (features - center) @ axes
    scale = np.sqrt((found[finite] ** 2).sum(axis=1).mean())
    return found / (scale or 1)


def _fitted(reduced, usable, mean, rows, positive):
    """Processes of several amplitudes and lengths, and their weights by what they have shown."""
    settings = {(a, length if a else 1.0): None for a in _AMPLITUDES for length in _LENGTHS}
    models = {}
    for amplitude, length in settings:
        kernel = _kernel(reduced[rows], reduced[rows], usable[rows], usable[rows])(
            amplitude, length
        )
        models[amplitude, length] = BinaryProcess.fit(kernel, mean[rows], positive)
    evidence = np.array([model.evidence for model in models.values()])
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    shown = np.array([model.left_out.mean() for model in models.values()])
    return models, weights, float(weights @ shown - models[0.0, 1.0].left_out.mean())


def _predicted(models, weights, reduced, usable, mean, rows):
    """Mean and variance of the log odds of all sources, over all models."""
    log_odds, variance = np.zeros(len(mean)), np.zeros(len(mean))
    for first in range(0, len(mean), _BLOCK):
        some = slice(first, first + _BLOCK)
        kernel = _kernel(reduced[some], reduced[rows], usable[some], usable[rows])
        squares = np.zeros(len(mean[some]))
        for ((amplitude, length), model), weight in zip(models.items(), weights, strict=True):
            prior = _COMMON**2 + amplitude**2 * usable[some]
            found, spread = model.predict(kernel(amplitude, length), mean[some], prior)
            log_odds[some] += weight * found
            squares += weight * (spread + found**2)
        variance[some] = np.maximum(squares - log_odds[some] ** 2, 0)
    return log_odds, variance


def _kernel(first, second, usable_first, usable_second):
    """Prior covariance of log odds as a function of amplitude and length."""
    squares = (first**2).sum(axis=1)[:, np.newaxis] + (second**2).sum(axis=1)
    squares = np.maximum(squares - 2 * first @ second.T, 0)
    both = usable_first[:, np.newaxis] & usable_second

    def covariance(amplitude, length):
        alike = np.exp(-squares / (2 * length**2)) if amplitude else 0.0
        return _COMMON**2 + amplitude**2 * both * alike

    return covariance
