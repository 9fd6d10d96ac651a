"""Area under the ROC curve (AUC) with its error, and other ranking metrics."""

from itertools import combinations

import numpy as np
from astropy.table import QTable
from scipy.stats import norm, rankdata

from astro_wgan.evaluate.score_inputs import as_ranks, read_sample
from astro_wgan.jobs.provenance import provenance_record

__all__ = [
    'average_precision',
    'compare_auc',
    'precision_at_k',
    'ranking_metrics',
    'roc_auc',
    'roc_curve',
]


def ranking_metrics(scores, classes=None, *, normal_class, top_fraction=0.01):
    """
    AUC, average precision and precision at k of each detector, for each class of anomalies.

    Parameters
    ----------
    scores, classes
        As for `~astro_wgan.evaluate.detection_rates`.
    normal_class : str
        The class of the normal objects.
    top_fraction : float, optional
        Fraction of all objects, normals and members of the class, for the precision at k.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector and class:

        ``n``, ``n_normal``, ``n_not_scored``
            Numbers of members of the class, of normals, and of objects of both without a score.
        ``auc``, ``auc_err``
            Area under the ROC curve: the probability that a member of the class has a higher score
            than a normal. Standard error by DeLong's method; NaN with fewer than two of either.
        ``average_precision``
            Area under the precision-recall curve. It depends on the fraction of anomalies.
        ``precision_at_k``, ``k``
            Fraction of the class among the k objects with the highest scores, and k.

    Raises
    ------
    ValueError
        If scores and classes do not match, there is no class ``normal_class``, or ``top_fraction``
        is not between 0 and 1.

    Notes
    -----
    Objects without a score (NaN) rank lowest: in a list sorted by score they come last. Anomalies
    without a score therefore lower the metrics.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import ranking_metrics
    >>> random = np.random.default_rng(1)
    >>> quality = ranking_metrics(
    ...     {'offset': {'isolated': random.normal(0, 1, 1000), 'merger': random.normal(2, 1, 500)}},
    ...     normal_class='isolated',
    ... )
    >>> print(f'{quality["auc"][0]:.3f} +- {quality["auc_err"][0]:.3f}')
    0.920 +- 0.007
    """
    scores, classes = read_sample(scores, classes)
    _check_normal(normal_class, classes)
    if not 0 < top_fraction <= 1:
        raise ValueError(f'`top_fraction` must be above 0 and at most 1; got {top_fraction}.')
    rows = []
    for name, values in scores.items():
        ranks = as_ranks(values)
        for label, member in classes.items():
            if label == normal_class:
                continue
            ours, theirs = ranks[member], ranks[classes[normal_class]]
            auc, covariance = roc_auc(theirs, ours)
            rows.append(
                {
                    'detector': name,
                    'class': label,
                    'n': len(ours),
                    'n_normal': len(theirs),
                    'n_not_scored': int(np.isneginf(ours).sum() + np.isneginf(theirs).sum()),
                    'auc': auc[0],
                    'auc_err': np.sqrt(covariance[0, 0]),
                    'average_precision': average_precision(theirs, ours),
                    'precision_at_k': precision_at_k(theirs, ours, top_fraction=top_fraction),
                    'k': int(np.ceil(round(top_fraction * (len(ours) + len(theirs)), 9))),
                }
            )
    return QTable(
        rows=rows, meta=provenance_record(normal_class=normal_class, top_fraction=top_fraction)
    )


def compare_auc(scores, classes=None, *, normal_class):
    """
    Differences in AUC between all pairs of detectors, with their significance.

    Parameters
    ----------
    scores, classes
        As for `~astro_wgan.evaluate.detection_rates`.
    normal_class : str
        The class of the normal objects.

    Returns
    -------
    `~astropy.table.QTable`
        One row per class and pair of detectors: ``class``, ``first``, ``second``, ``difference``
        (AUC of the first minus that of the second), its standard error ``difference_err``, ``z``
        and the two-sided ``p_value``.

    Raises
    ------
    ValueError
        If there are fewer than two detectors, or no class ``normal_class``.

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44, 837): the detectors score the same
    objects, so that their AUCs are correlated.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_auc
    >>> random = np.random.default_rng(1)
    >>> classes = np.repeat(['normal', 'merger'], 500)
    >>> anomalous = np.repeat([0.0, 1.0], 500)
    >>> scores = {'good': anomalous + random.normal(0, 1, 1000)}
    >>> scores['noisy'] = scores['good'] + random.normal(0, 2, 1000)
    >>> comparison = compare_auc(scores, classes, normal_class='normal')
    >>> bool(comparison['difference'][0] > 0), bool(comparison['p_value'][0] < 1e-3)
    (True, True)
    """
    scores, classes = read_sample(scores, classes)
    _check_normal(normal_class, classes)
    if len(scores) < 2:
        raise ValueError(f'`scores` must hold at least two detectors; got {[*scores]}.')
    ranks = np.array([as_ranks(values) for values in scores.values()])
    rows = []
    for label, member in classes.items():
        if label == normal_class:
            continue
        auc, covariance = roc_auc(ranks[:, classes[normal_class]], ranks[:, member])
        for (i, first), (j, second) in combinations(enumerate(scores), 2):
            difference = auc[i] - auc[j]
            variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            # Rounding can make the variance negative if both rank equally.
            error = np.sqrt(np.maximum(variance, 0))
            z = _in_errors(difference, error)
            rows.append((label, first, second, difference, error, z, 2 * norm.sf(abs(z))))
    names = ('class', 'first', 'second', 'difference', 'difference_err', 'z', 'p_value')
    return QTable(rows=rows, names=names, meta=provenance_record(normal_class=normal_class))


def roc_auc(normal_scores, anomaly_scores):
    """
    Areas under the ROC curves (AUC) and their covariance.

    Parameters
    ----------
    normal_scores : array_like, shape (n,) or (k, n)
        Scores of normal objects, of one detector or k of them. NaN ranks lowest.
    anomaly_scores : array_like, shape (m,) or (k, m)
        Scores of anomalies.

    Returns
    -------
    auc : `~numpy.ndarray`, shape (k,)
        NaN where there are no normals or no anomalies.
    covariance : `~numpy.ndarray`, shape (k, k)
        Squared standard errors on its diagonal. NaN with fewer than two normals or anomalies.

    Raises
    ------
    ValueError
        If scores are not real numbers, or the numbers of detectors differ.

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44, 837), by mid-ranks in O(n log n) as in
    Sun & Xu 2014 (IEEE Signal Processing Letters 21, 1389).

    Examples
    --------
    >>> from astro_wgan.evaluate import roc_auc
    >>> auc, covariance = roc_auc([1, 2, 3, 4], [3, 5, 6])
    >>> auc
    array([0.875])
    """
    normal = np.atleast_2d(as_ranks(normal_scores))
    anomalous = np.atleast_2d(as_ranks(anomaly_scores))
    if len(normal) != len(anomalous):
        raise ValueError(
            '`normal_scores` and `anomaly_scores` must be of the same number of detectors; got '
            f'{len(normal)} and {len(anomalous)}.'
        )
    (k, n), m = normal.shape, anomalous.shape[1]
    if not n or not m:
        return np.full(k, np.nan), np.full((k, k), np.nan)
    among_all = rankdata(np.concatenate([anomalous, normal], axis=1), axis=1)
    # Fractions of normals below each anomaly and of anomalies above each normal; ties count half.
    below = (among_all[:, :m] - rankdata(anomalous, axis=1)) / n
    above = 1 - (among_all[:, m:] - rankdata(normal, axis=1)) / m
    auc = below.mean(axis=1)
    if n < 2 or m < 2:
        return auc, np.full((k, k), np.nan)
    return auc, np.cov(below).reshape(k, k) / m + np.cov(above).reshape(k, k) / n


def roc_curve(normal_scores, anomaly_scores):
    """
    The ROC curve.

    Parameters
    ----------
    normal_scores, anomaly_scores : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.

    Returns
    -------
    `~astropy.table.QTable`
        ``threshold``, decreasing from infinity, and the fractions of normals and anomalies with at
        least this score: ``false_positive_rate`` and ``detection_rate``.

    Raises
    ------
    ValueError
        If either is empty, or holds other values than real numbers.

    Examples
    --------
    >>> from astro_wgan.evaluate import roc_curve
    >>> curve = roc_curve([1, 2, 3, 4], [3, 5, 6])
    >>> curve['false_positive_rate'].tolist()
    [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    """
    normal, anomalous = as_ranks(normal_scores), as_ranks(anomaly_scores)
    if not len(normal) or not len(anomalous):
        raise ValueError('A ROC curve needs at least one score of normals and one of anomalies.')
    threshold, false, true = _counts_above(normal, anomalous)
    return QTable(
        {
            'threshold': np.append(np.inf, threshold),
            'false_positive_rate': np.append(0, false) / len(normal),
            'detection_rate': np.append(0, true) / len(anomalous),
        }
    )


def average_precision(normal_scores, anomaly_scores):
    """
    Average precision: the step-wise area under the precision-recall curve.

    Parameters
    ----------
    normal_scores, anomaly_scores : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.

    Returns
    -------
    float
        NaN without anomalies.

    Raises
    ------
    ValueError
        If scores are not real numbers.

    Examples
    --------
    >>> from astro_wgan.evaluate import average_precision
    >>> round(average_precision([1, 2, 3, 4], [3, 5, 6]), 3)
    0.867
    """
    normal, anomalous = as_ranks(normal_scores), as_ranks(anomaly_scores)
    if not len(anomalous):
        return np.nan
    _, false, true = _counts_above(normal, anomalous)
    gained = np.diff(true, prepend=0) / len(anomalous)
    return float((gained * true / (true + false)).sum())


def precision_at_k(normal_scores, anomaly_scores, *, top_fraction=0.01):
    """
    Precision at k: the fraction of anomalies among the k objects with the highest scores.

    Parameters
    ----------
    normal_scores, anomaly_scores : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.
    top_fraction : float, optional
        k as a fraction of all objects, rounded up to an integer.

    Returns
    -------
    float
        If the cut falls among equal scores, the expectation for a random choice among them. NaN
        without any object.

    Examples
    --------
    >>> from astro_wgan.evaluate import precision_at_k
    >>> precision_at_k([1, 2, 3, 4], [3, 5, 6], top_fraction=0.5)
    0.625
    """
    normal, anomalous = as_ranks(normal_scores), as_ranks(anomaly_scores)
    count = int(np.ceil(round(top_fraction * (len(normal) + len(anomalous)), 9)))
    if not count:
        return np.nan
    _, false, true = _counts_above(normal, anomalous)
    selected = np.append(0, false + true)
    # Among equal scores the anomalies are spread evenly.
    return float(np.interp(count, selected, np.append(0, true)) / count)


def _in_errors(difference, error):
    """The difference in units of its error."""
    if difference == 0:
        return 0.0
    return float(np.copysign(np.inf, difference) if error == 0 else difference / error)


def _counts_above(normal, anomalous):
    """All thresholds, decreasing, and the numbers of normals and anomalies at or above each."""
    scores = np.concatenate([normal, anomalous])
    threshold, which = np.unique(scores, return_inverse=True)
    false = np.bincount(which[: len(normal)], minlength=len(threshold))
    true = np.bincount(which[len(normal) :], minlength=len(threshold))
    return threshold[::-1], np.cumsum(false[::-1]), np.cumsum(true[::-1])


def _check_normal(normal_class, classes):
    if normal_class not in classes or len(classes) < 2:
        raise ValueError(
            f'`normal_class` must be one of at least two classes; got {normal_class!r} and the '
            f'classes {[*classes]}.'
        )
