"""`RelevanceModel` and `rerank`: how relevant sources are, learned from labels of some of them."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.labeling.binary_process import BinaryProcess
from astro_wgan.labeling.label_columns import texts_or_none
from astro_wgan.labeling.label_merging import row_labels
from astro_wgan.labeling.principal_features import PrincipalFeatures, feature_rows
from astro_wgan.validation.config_numbers import check_whole_numbers

__all__ = ['RelevanceConfig', 'RelevanceModel', 'checked_ranking', 'rerank']

#: Labels that are needed.
_FEWEST = 5
#: Labels of which covariances are computed; of more, as many are drawn.
_MOST = 1500
#: Rows whose log odds are computed at a time.
_BLOCK = 8192

# Chosen with `benchmarks.experiments.labels` on the half of the stamps that is for choices.
#: Rank at which the odds are even before there are labels; the log odds fall with its logarithm.
_EVEN_RANK = 10
#: Standard deviation of what is common to the log odds of all sources. A larger one would explain
#: by itself that the first labels are all of artifacts, and leave less to their features.
_COMMON = 0.5
#: Standard deviations of what features explain, and lengths over which it changes, in units of
#: their scatter: all are tried, and none.
_AMPLITUDES, _LENGTHS = (1.0, 2.0, 4.0), (0.5, 1.0, 2.0)
#: Mean squared distance by the terms of the score, relative to that by the features.
_TERMS = 1.0
#: Weight of what the labels have shown by leave-one-out, where several settings are averaged.
_TRUST = 0.5
#: Weight relative to the largest below which a setting is left out.
_LEAST = 1e-3


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
    seed : int
        Seed of the draws, if there are more labels or sources than are computed with.

    Raises
    ------
    ValueError
        If a label is in both, ``relevant`` is empty, or the seed is no whole number from 0 on.
    """

    relevant: tuple[str, ...] = ('interesting',)
    irrelevant: tuple[str, ...] = ('artifact', 'ordinary')
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
        check_whole_numbers(self, {'seed': 0})


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
        What features have shown: mean logarithm of the ratio of the probabilities of a label from
        all other labels, with features and with the score alone. Below 0 they have misled.

    Notes
    -----
    The log odds are a Gaussian process (`~astro_wgan.labeling.binary_process.BinaryProcess`) whose
    mean falls with the logarithm of the rank by score, so that sources unlike any labeled one
    stay in the order of the score, as all do without labels. It is a function of the features
    (`~astro_wgan.labeling.PrincipalFeatures`) and of what each term contributes
    to the score, smooth over several lengths and of several amplitudes, 0 among them: these are
    averaged, and each counts as it has predicted labels from the others (leave-one-out). So the
    weight of the features grows with what they have shown.

    Labels are of sources that somebody chose to look at, most of them of high scores. The relevance
    is therefore for comparisons, and no rate among all sources.

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

    def fit(self, features, labels, *, score, terms=None, coordinates=None):
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
        terms : array_like, shape (n, k), optional
            What each term contributes to the score: the columns ``score_...`` of a table of scores.
        coordinates : `~numpy.ndarray`, shape (n, k), optional
            What `~astro_wgan.labeling.PrincipalFeatures` makes of the features, if that is known.

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
        known, positive = _rows_that_count(labels, self.config)
        inputs = coordinates
        if coordinates is None:
            inputs = PrincipalFeatures(self.config.seed).fit(features).transform(features)
        if terms is not None:
            inputs = np.column_stack([inputs, _scaled_terms(terms, len(score))])
        rows = known
        if len(rows) > _MOST:
            drawn = np.random.default_rng(self.config.seed).choice(len(rows), _MOST, replace=False)
            rows = known[np.sort(drawn)]
        mean = _prior_log_odds(score)
        processes = _Processes(inputs, mean, rows, positive[rows])
        log_odds, variance = processes.predict()
        self.log_odds_, self.n_labels_, self.gain_ = log_odds, len(known), processes.gain
        self.relevance_ = expit(log_odds)
        self.uncertainty_ = self.relevance_ * (1 - self.relevance_) * np.sqrt(variance)
        self.relevance_[known] = positive[known]
        self.uncertainty_[known] = 0
        group = np.zeros(len(labels), dtype=int)
        group[known] = np.where(positive[known], -1, 1)
        order = np.lexsort((-mean, -log_odds, group))
        self.joined_rank_ = np.empty(len(labels), dtype=np.int64)
        self.joined_rank_[order] = np.arange(1, len(labels) + 1)
        return self


def rerank(table, features, labels, *, config=None, coordinates=None):
    """
    A table of scores with the relevance of its sources that follows from labels.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        With the columns ``id`` and ``score``, as of `~astro_wgan.AnomalyDetector.score`. Columns
        ``score_...``, what each term contributes, count beside the features.
    features : array_like, shape (n, d), or table
        Features of its sources in the same order, as of `~astro_wgan.AnomalyDetector.features`.
    labels : path-like, `LabelFile`, `~astropy.table.Table` or sequence
        Labels of some of the sources: a file, a table with ``id`` and ``label``, of which labels of
        several people are merged (`merge_labels`); or a label or None for each row.
    config : `~astro_wgan.labeling.RelevanceConfig`, optional
        Which labels are of sources that are sought.
    coordinates : `~numpy.ndarray`, shape (n, k), optional
        What `~astro_wgan.labeling.PrincipalFeatures` makes of the features, if that is known.

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
    table, labels = checked_ranking(table, labels, config=config)
    model = RelevanceModel(config)
    terms = [
        np.asarray(table[name], dtype=float)
        for name in table.colnames
        if name.startswith('score_') and table[name].ndim == 1 and table[name].dtype.kind == 'f'
    ]
    model.fit(
        features,
        labels,
        score=table['score'],
        terms=np.column_stack(terms) if terms else None,
        coordinates=coordinates,
    )
    table['relevance'] = model.relevance_
    table['relevance_error'] = model.uncertainty_
    table['joined_rank'] = model.joined_rank_
    table.meta['relevance'] = {'labels': model.n_labels_, 'gain': float(model.gain_)}
    return table


def checked_ranking(table, labels, *, config=None):
    """
    Raise the errors of `rerank` that do not depend on features, before these are measured.

    Parameters
    ----------
    table, labels, config
        As of `rerank`.

    Returns
    -------
    table : `~astropy.table.QTable`
        A copy.
    labels : list of str or None
        Label of each row.
    """
    table = as_qtable(table)
    for name in ('id', 'score'):
        if name not in table.colnames:
            raise ValueError(
                f'`table` must have the column {name!r}; it has {", ".join(table.colnames)}.'
            )
    labels = row_labels(labels, table['id'])
    _rows_that_count(texts_or_none(labels), RelevanceConfig() if config is None else config)
    return table, labels


def _rows_that_count(labels, config):
    """Rows with a label that counts, and for all rows whether theirs is of what is sought."""
    positive = np.array([label in config.relevant for label in labels], dtype=bool)
    counts = positive | np.array([label in config.irrelevant for label in labels], dtype=bool)
    if counts.sum() < _FEWEST:
        raise ValueError(
            f'`labels` must have at least {_FEWEST} that are one of '
            f'{(*config.relevant, *config.irrelevant)}, and on which people agree; got '
            f'{counts.sum()}.'
        )
    return np.flatnonzero(counts), positive


class _Processes:
    """Gaussian processes of several amplitudes and lengths, and their average."""

    def __init__(self, inputs, mean, rows, positive):
        self._usable = np.isfinite(inputs).all(axis=1)
        self._inputs = np.where(self._usable[:, np.newaxis], inputs, 0)
        self._mean, self._rows = mean, rows
        kernel = self._kernel(rows)
        settings = [(0.0, 1.0), *itertools.product(_AMPLITUDES, _LENGTHS)]
        self._models = {
            each: BinaryProcess.fit(kernel(*each), mean[rows], positive) for each in settings
        }
        shown = np.array([model.left_out.sum() for model in self._models.values()])
        weights = np.exp(_TRUST * (shown - shown.max()))
        # To compute what hardly counts would take most of the time.
        weights[weights < _LEAST] = 0
        self._weights = weights / weights.sum()
        self.gain = float(self._weights @ shown - shown[0]) / len(rows)

    def predict(self):
        """Mean and variance of the log odds of all sources."""
        n = len(self._mean)
        log_odds, squares = np.zeros(n), np.zeros(n)
        for first in range(0, n, _BLOCK):
            some = slice(first, first + _BLOCK)
            kernel = self._kernel(some)
            for (setting, model), weight in zip(self._models.items(), self._weights, strict=True):
                if not weight:
                    continue
                prior = _COMMON**2 + setting[0] ** 2 * self._usable[some]
                found, variance = model.predict(kernel(*setting), self._mean[some], prior)
                log_odds[some] += weight * found
                squares[some] += weight * (variance + found**2)
        return log_odds, np.maximum(squares - log_odds**2, 0)

    def _kernel(self, some):
        """Prior covariance of log odds with those of labels, for an amplitude and a length."""
        first, second = self._inputs[some], self._inputs[self._rows]
        squares = (first**2).sum(axis=1)[:, np.newaxis] + (second**2).sum(axis=1)
        squares = np.maximum(squares - 2 * first @ second.T, 0)
        both = self._usable[some][:, np.newaxis] & self._usable[self._rows]
        return lambda amplitude, length: (
            _COMMON**2 + amplitude**2 * both * np.exp(-squares / (2 * length**2))
        )


def _prior_log_odds(score):
    """Log odds by the rank alone; sources without a score come last."""
    order = np.argsort(np.where(np.isnan(score), np.inf, -score), kind='stable')
    rank = np.empty(len(score))
    rank[order] = np.arange(len(score)) + 0.5
    return np.log(_EVEN_RANK / rank)


def _scaled_terms(terms, n):
    """Terms on one scale, the far ones drawn in, whose mean squared distance is `_TERMS`."""
    terms = numbers_or_nan(terms).astype(float)
    if terms.ndim != 2 or len(terms) != n:
        raise ValueError(f'`terms` must have a row for each of {n} scores; got {terms.shape}.')
    # One that no source has, such as that of colors in a single band, would leave out all others.
    terms = terms[:, np.isfinite(terms).any(axis=0)]
    finite = np.isfinite(terms).all(axis=1)
    if not terms.shape[1] or not finite.any():
        return np.full((n, 0), np.nan)
    spread = terms[finite].std(axis=0)
    scaled = (terms - terms[finite].mean(axis=0)) / np.where(spread > 0, spread, 1)
    scaled = np.sign(scaled) * np.log1p(np.abs(scaled))
    size = (scaled[finite] ** 2).sum(axis=1).mean()
    return scaled * np.sqrt(_TERMS / size) if size > 0 else scaled
