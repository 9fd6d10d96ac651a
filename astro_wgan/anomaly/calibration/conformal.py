"""Conformal p-values and thresholds, and false-discovery rates (q-values)."""

import numpy as np
from scipy.stats import false_discovery_control

__all__ = ['conformal_p_values', 'conformal_threshold', 'float_values', 'q_values']


def conformal_p_values(scores, normal_scores, weights=None, *, own_weight=0.0):
    """
    Probability that a normal stamp has a score at least as high.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Anomaly scores; NaN and masked ones give NaN.
    normal_scores : array_like, shape (m,)
        Scores of normal stamps in increasing order.
    weights : array_like, shape (m,), optional
        Weights of the normal stamps, by default 1.
    own_weight : array_like, shape (n,), optional
        Weight of a score among the normal ones, if it is one of these: it is then compared with the
        others.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        (1 + weight of the normal scores at least as high) / (1 + weight of all).

    Notes
    -----
    Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World. The score of a new normal
    stamp and the m others are exchangeable, so that p <= a with a probability of at most a.

    Examples
    --------
    >>> from astro_wgan.anomaly.calibration.conformal import conformal_p_values
    >>> conformal_p_values([2.5, 9.0], [1.0, 2.0, 3.0]).tolist()
    [0.5, 0.25]
    """
    scores = float_values(scores)
    from_each = _weights_from_each(normal_scores, weights)
    higher = from_each[np.searchsorted(normal_scores, scores, side='left')]
    # At most the weight that is there: the score may be declared normal without being among these.
    own_weight = np.minimum(own_weight, higher)
    p = (1 + higher - own_weight) / (1 + from_each[0] - own_weight)
    return np.where(np.isnan(scores), np.nan, p)


def conformal_threshold(normal_scores, percentile, weights=None):
    """
    The lowest score above which the p-value is at most 1 - percentile / 100.

    Parameters
    ----------
    normal_scores, weights : array_like, shape (m,)
        As for `conformal_p_values`.
    percentile : float
        From 0 to 100.

    Returns
    -------
    float
        Without weights, the k-th lowest score, k = ceil(percentile (m + 1) / 100). Infinite if
        there are too few normal scores for the percentile, and minus infinity for percentile 0.

    Examples
    --------
    >>> from astro_wgan.anomaly.calibration.conformal import conformal_threshold
    >>> conformal_threshold([1.0, 2.0, 3.0], 50), conformal_threshold([1.0, 2.0, 3.0], 90)
    (2.0, inf)
    """
    from_each = 1 + _weights_from_each(normal_scores, weights)
    # Rounded, since 1 - 0.85 > 0.15 in floating point.
    low_enough = from_each <= round(1 - percentile / 100, 12) * from_each[0] * (1 + 1e-12)
    if not low_enough.any():
        return np.inf
    return float(np.concatenate([[-np.inf], normal_scores])[np.argmax(low_enough)])


def q_values(p_values):
    """
    False-discovery rate of the list of all stamps with a p-value at most as high.

    Parameters
    ----------
    p_values : array_like, shape (n,)
        p-values of all stamps of a survey; NaN or masked for those without a score.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        The smallest false-discovery rate of a list that contains the stamp: of the stamps with
        q < 0.1, at most a tenth are expected to be normal. NaN where there is no p-value.

    Notes
    -----
    Benjamini & Hochberg 1995 (J. R. Statist. Soc. B 57, 289). Their procedure holds for conformal
    p-values, too, although these share their held-out normals (Bates et al. 2023, Ann. Statist. 51,
    149). With n held-out normals no p-value is below 1 / (n + 1): if one stamp in a thousand is an
    anomaly, thousands have to be held out to select any at a low rate.

    Examples
    --------
    >>> from astro_wgan.anomaly import q_values
    >>> q_values([0.001, 0.02, 0.5, 0.9]).round(3).tolist()
    [0.004, 0.04, 0.667, 0.9]
    """
    p_values = float_values(p_values)
    q = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        q[known] = false_discovery_control(p_values[known])
    return q


def float_values(column):
    """Values of a column as float64, without their unit; NaN where masked."""
    # Imported here, since counting scores above a threshold needs no astropy.
    from astro_wgan.catalogs.columns import numbers_or_nan

    return np.asarray(numbers_or_nan(column), dtype=float)


def _weights_from_each(normal_scores, weights):
    """Weight of all normal scores, of those from the second on, the third ..., and 0."""
    n = len(normal_scores)
    weights = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    return np.append(np.cumsum(weights[::-1])[::-1], 0.0)
