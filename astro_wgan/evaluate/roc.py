"""Areas under ROC curves with their errors, and other measures of a ranking."""

from itertools import combinations

import numpy as np
from astropy.table import QTable
from scipy.stats import norm, rankdata

from astro_wgan.evaluate.score_inputs import as_ranks, read_sample
from astro_wgan.jobs.provenance import record

__all__ = [
    'average_precision',
    'compare_auc',
    'ranking_quality',
    'roc_auc',
    'roc_curve',
    'top_precision',
]


def ranking_quality(scores, classes=None, *, normal, top=0.01):
    """
    How well each detector ranks each class before the normal objects.

    Parameters
    ----------
    scores, classes
        As for `~astro_wgan.evaluate.detection_rates`.
    normal : str
        The class of the normal objects.
    top : float, optional
        Share of all objects, normals and the class, that a person would look at.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector and class:

        ``n``, ``n_normal``, ``not_scored``
            Members of the class, normals, and how many of the two have no score.
        ``auc``, ``auc_error``
            Area under the ROC curve: the probability that a member has a higher score than a
            normal. Standard error by DeLong's method; NaN with fewer than two of either.
        ``average_precision``
            Area under the curve of precision and recall. It depends on the share of the class.
        ``top_precision``, ``n_top``
            Share of the class among the objects with the highest scores, and their number.

    Raises
    ------
    ValueError
        If scores and classes disagree, there is no class ``normal``, or ``top`` is not a share.

    Notes
    -----
    Objects without a score (NaN) rank lowest: a detector does not bring them to anybody's eyes.
    Where it leaves out anomalies this counts against it.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import ranking_quality
    >>> random = np.random.default_rng(1)
    >>> quality = ranking_quality(
    ...     {'offset': {'isolated': random.normal(0, 1, 1000), 'merger': random.normal(2, 1, 500)}},
    ...     normal='isolated',
    ... )
    >>> print(f'{quality["auc"][0]:.3f} +- {quality["auc_error"][0]:.3f}')
    0.920 +- 0.007
    """
    scores, classes = read_sample(scores, classes)
    _check_normal(normal, classes)
    if not 0 < top <= 1:
        raise ValueError(f'`top` must be above 0 and at most 1; got {top}.')
    rows = []
    for name, values in scores.items():
        ranks = as_ranks(values)
        for kind, member in classes.items():
            if kind == normal:
                continue
            ours, theirs = ranks[member], ranks[classes[normal]]
            auc, covariance = roc_auc(theirs, ours)
            rows.append(
                {
                    'detector': name,
                    'class': kind,
                    'n': len(ours),
                    'n_normal': len(theirs),
                    'not_scored': int(np.isneginf(ours).sum() + np.isneginf(theirs).sum()),
                    'auc': auc[0],
                    'auc_error': np.sqrt(covariance[0, 0]),
                    'average_precision': average_precision(theirs, ours),
                    'top_precision': top_precision(theirs, ours, top=top),
                    'n_top': int(np.ceil(round(top * (len(ours) + len(theirs)), 9))),
                }
            )
    return QTable(rows=rows, meta=record(normal=normal, top=top))


def compare_auc(scores, classes=None, *, normal):
    """
    Whether two detectors differ in the area under their ROC curves, for all pairs of them.

    Parameters
    ----------
    scores, classes
        As for `~astro_wgan.evaluate.detection_rates`.
    normal : str
        The class of the normal objects.

    Returns
    -------
    `~astropy.table.QTable`
        One row per class and pair of detectors: ``class``, ``first``, ``second``, ``difference``
        (area of the first less that of the second), its standard ``error``, ``z`` and the
        two-sided ``p_value``.

    Raises
    ------
    ValueError
        If there are fewer than two detectors, or no class ``normal``.

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44, 837): both detectors have scored the same
    objects, and their areas are correlated.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_auc
    >>> random = np.random.default_rng(1)
    >>> classes = np.repeat(['normal', 'merger'], 500)
    >>> strange = np.repeat([0.0, 1.0], 500)
    >>> scores = {'good': strange + random.normal(0, 1, 1000)}
    >>> scores['noisy'] = scores['good'] + random.normal(0, 2, 1000)
    >>> comparison = compare_auc(scores, classes, normal='normal')
    >>> bool(comparison['difference'][0] > 0), bool(comparison['p_value'][0] < 1e-3)
    (True, True)
    """
    scores, classes = read_sample(scores, classes)
    _check_normal(normal, classes)
    if len(scores) < 2:
        raise ValueError(f'`scores` must hold two detectors or more; got {[*scores]}.')
    ranks = np.array([as_ranks(values) for values in scores.values()])
    rows = []
    for kind, member in classes.items():
        if kind == normal:
            continue
        auc, covariance = roc_auc(ranks[:, classes[normal]], ranks[:, member])
        for (i, first), (j, second) in combinations(enumerate(scores), 2):
            difference = auc[i] - auc[j]
            variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            # Rounding can leave a little below zero where both rank alike.
            error = np.sqrt(np.maximum(variance, 0))
            z = _in_errors(difference, error)
            rows.append((kind, first, second, difference, error, z, 2 * norm.sf(abs(z))))
    names = ('class', 'first', 'second', 'difference', 'error', 'z', 'p_value')
    return QTable(rows=rows, names=names, meta=record(normal=normal))


def roc_auc(normal, anomalous):
    """
    Areas under ROC curves and their covariance.

    Parameters
    ----------
    normal : array_like, shape (n,) or (k, n)
        Scores of normal objects, of one detector or k of them. NaN ranks lowest.
    anomalous : array_like, shape (m,) or (k, m)
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
        If scores are no real numbers, or of another number of detectors.

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
    normal = np.atleast_2d(as_ranks(normal))
    anomalous = np.atleast_2d(as_ranks(anomalous))
    if len(normal) != len(anomalous):
        raise ValueError(
            f'`normal` and `anomalous` must be of as many detectors; got {len(normal)} and '
            f'{len(anomalous)}.'
        )
    (k, n), m = normal.shape, anomalous.shape[1]
    if not n or not m:
        return np.full(k, np.nan), np.full((k, k), np.nan)
    among_all = rankdata(np.concatenate([anomalous, normal], axis=1), axis=1)
    # The share of normals below each anomaly, and of anomalies above each normal; ties count half.
    below = (among_all[:, :m] - rankdata(anomalous, axis=1)) / n
    above = 1 - (among_all[:, m:] - rankdata(normal, axis=1)) / m
    auc = below.mean(axis=1)
    if n < 2 or m < 2:
        return auc, np.full((k, k), np.nan)
    return auc, np.cov(below).reshape(k, k) / m + np.cov(above).reshape(k, k) / n


def roc_curve(normal, anomalous):
    """
    The ROC curve.

    Parameters
    ----------
    normal, anomalous : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.

    Returns
    -------
    `~astropy.table.QTable`
        ``threshold`` (from infinity down), and the shares of normals and anomalies that are as
        high or higher: ``false_positive_rate`` and ``detection_rate``.

    Raises
    ------
    ValueError
        If either is empty, or holds no real numbers.

    Examples
    --------
    >>> from astro_wgan.evaluate import roc_curve
    >>> curve = roc_curve([1, 2, 3, 4], [3, 5, 6])
    >>> curve['false_positive_rate'].tolist()
    [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    """
    normal, anomalous = as_ranks(normal), as_ranks(anomalous)
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


def average_precision(normal, anomalous):
    """
    Mean precision over all recalls: the step-wise area under the precision-recall curve.

    Parameters
    ----------
    normal, anomalous : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.

    Returns
    -------
    float
        NaN without anomalies.

    Raises
    ------
    ValueError
        If scores are no real numbers.

    Examples
    --------
    >>> from astro_wgan.evaluate import average_precision
    >>> round(average_precision([1, 2, 3, 4], [3, 5, 6]), 3)
    0.867
    """
    normal, anomalous = as_ranks(normal), as_ranks(anomalous)
    if not len(anomalous):
        return np.nan
    _, false, true = _counts_above(normal, anomalous)
    gained = np.diff(true, prepend=0) / len(anomalous)
    return float((gained * true / (true + false)).sum())


def top_precision(normal, anomalous, *, top=0.01):
    """
    Share of anomalies among the objects with the highest scores.

    Parameters
    ----------
    normal, anomalous : array_like, shapes (n,) and (m,)
        Scores; NaN ranks lowest.
    top : float, optional
        Share of all objects to look at, rounded up to whole ones.

    Returns
    -------
    float
        Where the cut falls among equal scores, what a random choice among them gives on average.
        NaN without any object.

    Examples
    --------
    >>> from astro_wgan.evaluate import top_precision
    >>> top_precision([1, 2, 3, 4], [3, 5, 6], top=0.5)
    0.625
    """
    normal, anomalous = as_ranks(normal), as_ranks(anomalous)
    count = int(np.ceil(round(top * (len(normal) + len(anomalous)), 9)))
    if not count:
        return np.nan
    _, false, true = _counts_above(normal, anomalous)
    looked_at = np.append(0, false + true)
    # Between two thresholds the anomalies come in evenly.
    return float(np.interp(count, looked_at, np.append(0, true)) / count)


def _in_errors(difference, error):
    if difference == 0:
        return 0.0
    return float(np.copysign(np.inf, difference) if error == 0 else difference / error)


def _counts_above(normal, anomalous):
    """All thresholds, from high to low, and how many of each are as high or higher."""
    scores = np.concatenate([normal, anomalous])
    threshold, which = np.unique(scores, return_inverse=True)
    false = np.bincount(which[: len(normal)], minlength=len(threshold))
    true = np.bincount(which[len(normal) :], minlength=len(threshold))
    return threshold[::-1], np.cumsum(false[::-1]), np.cumsum(true[::-1])


def _check_normal(normal, classes):
    if normal not in classes or len(classes) < 2:
        raise ValueError(
            f'`normal` must be one of two classes or more; got {normal!r} and {[*classes]}.'
        )
