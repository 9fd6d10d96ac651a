"""Probability that each stamp of a calibration is normal, if some of them are anomalies."""

from numbers import Real

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.stats import gumbel_r, kstest

__all__ = ['check_contamination', 'normal_probabilities']

#: Quantile of the scores below which nearly all are those of normals.
_BULK = 0.8
#: Minimum number of scores to estimate the contamination, and to use a known one.
_MIN_SCORES, _MIN_SCORES_KNOWN = 300, 30
#: p-value of a Kolmogorov-Smirnov test below which the assumed distribution is rejected.
_MIN_KS_P_VALUE = 0.1


def normal_probabilities(scores, *, contamination='estimate'):
    """
    Probability that each score is that of a normal stamp.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Scores of stamps most of which are normal. Infinity is allowed, NaN is not.
    contamination : float or 'estimate', optional
        Fraction of anomalies, if known: at least 0 and less than 0.5.

    Returns
    -------
    probabilities : `~numpy.ndarray`, shape (n,)
        Decreasing with the score. All are 1 if there is no evidence of anomalies: if the lower
        scores predict at least as many high ones as there are, do not follow the assumed
        distribution, or are not informative (fewer than 300 scores where the fraction is
        estimated; a fifth or more infinite; all equal).
    contamination : float
        Fraction of anomalies, as given or as estimated; 0 where all probabilities are 1.

    Raises
    ------
    ValueError
        If ``contamination`` is neither a fraction below 0.5 nor ``'estimate'``, or a fraction of
        fewer than 30 scores.

    Notes
    -----
    The two-groups model of Efron (2004, JASA 99, 96; 2008, Statist. Sci. 23, 1) with an empirical
    null. There are three assumptions: scores below the 80th percentile are those of normals; scores
    of normals follow a Gumbel distribution, which is skewed as scores with squared terms are; and
    the probability that a stamp is normal decreases with its score. Location and scale are fitted
    to the scores below the 80th percentile by maximum likelihood of the truncated distribution. The
    fraction of normals is the fraction of all scores there over that of the distribution. Above,
    the expected number of normals is compared with the number of scores by isotonic regression.

    If a Kolmogorov-Smirnov test rejects the distribution of the lower scores, no fraction is
    estimated, and p-values are too large, if anything. If it does not, but the tail of the normals
    is longer than assumed, that tail is taken for anomalies and p-values are too small (by a tenth
    for a lognormal distribution of scale 0.5). Of 400 exponential scores, 14 to 16 percent of the
    normals exceed the 90th percentile; of 1000, 10 percent do, as they should. For a gamma
    distribution of shape 2, or a lognormal one of scale 0.7, 16 to 23 percent do even then. The
    scores of the default `~astro_wgan.anomaly.ScoringConfig` are less skewed, as they are
    logarithms in units of their scatter. ``benchmarks/quality/calibration.py`` measures the rates.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.calibration.contamination import normal_probabilities
    >>> scores = np.random.default_rng(1).gumbel(size=1000)
    >>> scores[:100] += 8
    >>> probabilities, contamination = normal_probabilities(scores)
    >>> bool(abs(contamination - 0.1) < 0.05), bool(probabilities[:100].mean() < 0.1)
    (True, True)
    """
    check_contamination(contamination)
    scores = np.asarray(scores, dtype=float)
    n, estimated = len(scores), contamination == 'estimate'
    all_normal = np.ones(n), 0.0
    if not estimated and n < _MIN_SCORES_KNOWN:
        raise ValueError(
            f'`contamination` can be a number only with at least {_MIN_SCORES_KNOWN} held-out '
            f'scores; got {contamination} with {n}.'
        )
    limit = np.quantile(scores, _BULK, method='lower') if n else np.inf
    bulk = scores[scores <= limit]
    if (estimated and n < _MIN_SCORES) or limit == np.inf or len(np.unique(bulk)) < 3:
        return all_normal
    null = _fit_gumbel(bulk, limit)
    below = null.cdf(limit)
    if estimated and not kstest(bulk, lambda x: null.cdf(x) / below).pvalue > _MIN_KS_P_VALUE:
        return all_normal
    normal = len(bulk) / n / below if estimated else 1 - contamination
    if normal >= 1:
        return all_normal
    order = np.argsort(scores)
    expected = n * normal * null.sf(scores[order])
    # Expected number of normals between each score and the next higher one.
    probabilities = isotonic_regression(-np.diff(np.append(expected, 0.0)), increasing=False).x
    found = np.empty(n)
    found[order] = np.minimum(probabilities, 1)
    return found, float(1 - normal) if estimated else float(contamination)


def check_contamination(contamination):
    """Raise a ValueError unless it is a fraction below 0.5, or ``'estimate'``."""
    if isinstance(contamination, str):
        allowed = contamination == 'estimate'
    else:
        allowed = isinstance(contamination, Real) and 0 <= contamination < 0.5
    if not allowed:
        raise ValueError(
            "`contamination` must be at least 0 and below 0.5, or 'estimate'; got "
            f'{contamination!r}.'
        )


def _fit_gumbel(bulk, limit):
    """Gumbel distribution truncated at a limit, fitted to the scores below it."""
    low, middle, high = np.quantile(bulk, [0.1, 0.5, 0.9])
    width = max(high - low, np.finfo(float).tiny)
    unit = (bulk - middle) / width

    def negative_log_likelihood(parameters):
        location, scale = parameters[0], np.exp(parameters[1])
        likelihood = gumbel_r.logpdf(unit, location, scale).sum()
        return len(unit) * gumbel_r.logcdf((limit - middle) / width, location, scale) - likelihood

    location, scale = minimize(negative_log_likelihood, [0.0, np.log(0.5)], method='Nelder-Mead').x
    return gumbel_r(middle + width * location, width * np.exp(scale))
