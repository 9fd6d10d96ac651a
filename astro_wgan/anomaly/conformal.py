"""Conformal p-values, the thresholds that go with them, and false-discovery rates."""

import numpy as np
from scipy.stats import false_discovery_control

__all__ = ['conformal_p_values', 'conformal_threshold', 'q_values']


def conformal_p_values(scores, normal, weights=None, *, itself=0.0):
    """
    Probability that a normal image has a score as high.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Scores to judge; NaN, or a masked one, gives NaN.
    normal : array_like, shape (m,)
        Scores of normal images, from the lowest.
    weights : array_like, shape (m,), optional
        By how much each of them counts; 1 unless given.
    itself : array_like, shape (n,), optional
        Weight with which a score is itself among the normal ones: it is compared with the others.
        No more than the weight of those as high is taken off.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        (1 + weight of the normal scores that are as high or higher) / (1 + all their weight).

    Notes
    -----
    Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World. The score of a new normal
    image is one of m + 1 that can be exchanged, so that p <= a for no more than a share a of them.

    Examples
    --------
    >>> from astro_wgan.anomaly.conformal import conformal_p_values
    >>> conformal_p_values([2.5, 9.0], [1.0, 2.0, 3.0]).tolist()
    [0.5, 0.25]
    """
    scores = _numbers(scores)
    above = _weight_above(normal, weights)
    higher = above[np.searchsorted(normal, scores, side='left')]
    # Of one that is not among them, lest nothing be left for the strangest.
    itself = np.minimum(itself, higher)
    p = (1 + higher - itself) / (1 + above[0] - itself)
    return np.where(np.isnan(scores), np.nan, p)


def conformal_threshold(normal, level, weights=None):
    """
    The lowest score above which the p-value is at most 1 - level.

    Parameters
    ----------
    normal, weights : array_like, shape (m,)
        As for `conformal_p_values`.
    level : float
        In per cent.

    Returns
    -------
    float
        Without weights, the k-th lowest score with k = ceil(level (m + 1)). Infinite where the
        normal images are too few for the level, and minus infinity for level 0.

    Examples
    --------
    >>> from astro_wgan.anomaly.conformal import conformal_threshold
    >>> conformal_threshold([1.0, 2.0, 3.0], 50), conformal_threshold([1.0, 2.0, 3.0], 90)
    (2.0, inf)
    """
    counted = 1 + _weight_above(normal, weights)
    # 1 - 0.85 is a little more than 0.15 in floating point.
    low_enough = counted <= round(1 - level / 100, 12) * counted[0] * (1 + 1e-12)
    if not low_enough.any():
        return np.inf
    return float(np.concatenate([[-np.inf], normal])[np.argmax(low_enough)])


def q_values(p_values):
    """
    False-discovery rate of the list that ends with each stamp.

    Parameters
    ----------
    p_values : array_like, shape (n,)
        Of all stamps of a survey; NaN, or masked, for those without a score.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        The smallest rate at which the stamp is still in the list: of the stamps with q < 0.1, no
        more than a tenth are expected to be normal. NaN where there is no p-value.

    Notes
    -----
    Benjamini & Hochberg 1995 (J. R. Statist. Soc. B 57, 289), which holds for conformal p-values,
    too, although all of them are compared with the same held-out normals (Bates et al. 2023, Ann.
    Statist. 51, 149). With n of these no p-value is below 1 / (n + 1): where one stamp in a
    thousand is strange, thousands have to be held out before any can be told with a small rate.

    Examples
    --------
    >>> from astro_wgan.anomaly import q_values
    >>> q_values([0.001, 0.02, 0.5, 0.9]).round(3).tolist()
    [0.004, 0.04, 0.667, 0.9]
    """
    p_values = _numbers(p_values)
    q = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        q[known] = false_discovery_control(p_values[known])
    return q


def _numbers(values):
    """As floats, NaN where masked."""
    # Not at the top: to count scores above a threshold takes no astropy.
    from astro_wgan.catalogs.columns import numbers_or_nan

    return np.asarray(numbers_or_nan(values), dtype=float)


def _weight_above(normal, weights):
    """Of all normal scores, of those above the first, the second ..., and of none."""
    weights = np.ones(len(normal)) if weights is None else np.asarray(weights, dtype=float)
    return np.append(np.cumsum(weights[::-1])[::-1], 0.0)
