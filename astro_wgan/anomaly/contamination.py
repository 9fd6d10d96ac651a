"""Which of the scores of a calibration are those of normals, where not all of its stamps are."""

from numbers import Real

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.stats import gumbel_r, kstest

__all__ = ['check_contamination', 'normal_probabilities']

#: Below this quantile of all scores hardly any is that of an anomaly.
_BULK = 0.8
#: Fewer scores do not tell the share of the anomalies among them, nor, where it is known, which.
_LEAST, _LEAST_OF_KNOWN = 300, 30
#: p-value of a Kolmogorov-Smirnov test below which the bulk does not have the assumed distribution.
_LEAST_FIT = 0.1


def normal_probabilities(scores, *, contamination='estimate'):
    """
    Probability that each of many scores is that of a normal stamp.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Scores of stamps of which most are normal; infinity may be among them, NaN not.
    contamination : float or 'estimate', optional
        Share of the anomalies among them, where it is known: at least 0 and less than 0.5.

    Returns
    -------
    probabilities : `~numpy.ndarray`, shape (n,)
        They fall with the score. All are 1 where nothing speaks for anomalies: where the lower
        scores leave room for as many high ones as there are, where they do not have the
        distribution that is assumed, and for scores that do not tell: fewer than 300 where the
        share is estimated, such of which a fifth or more are infinite, and such as are all alike.
    contamination : float
        The share that they speak of, as given or as estimated: 0 where all are 1.

    Raises
    ------
    ValueError
        If ``contamination`` is neither a share nor ``'estimate'``, or a share of fewer than 30
        scores.

    Notes
    -----
    The two-groups model of Efron (2004, JASA 99, 96; 2008, Statist. Sci. 23, 1) with an empirical
    null. Three assumptions are made: scores below the 80th percentile are those of normals; the
    scores of normals follow a Gumbel distribution, skewed as scores are to which squares are added;
    and a higher score is never more likely that of a normal. Location and scale are fitted to the
    scores below the 80th percentile, by maximum likelihood of the truncated distribution; the share
    of normals is that of all scores there, divided by the distribution's. What the distribution
    expects beyond is set against what there is, by isotonic regression.

    Where the lower scores do not have that distribution, by a Kolmogorov-Smirnov test, no share is
    estimated, and p-values are as without: too large, if anything. Where they do, but the highest
    scores of normals are higher than it expects, these are taken for anomalies and p-values are too
    small: of skewed distributions that are as alike to Gumbel's below the 80th percentile as a
    lognormal with a scale of 0.5, a tenth. Few scores do not show the difference: of 400
    exponential ones 14 to 16 per cent of the normals are above the threshold of 90 per cent, of
    1,000 ten, as they should; of those with a gamma distribution of shape 2, or a lognormal with a
    scale of 0.7, 16 to 23 are even then. The scores of the default `~astro_wgan.anomaly.Scoring`
    are not so skewed, since they are logarithms compared with their scatter.
    ``benchmarks/quality/calibration.py`` measures the rates.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.contamination import normal_probabilities
    >>> scores = np.random.default_rng(1).gumbel(size=1000)
    >>> scores[:100] += 8
    >>> probabilities, contamination = normal_probabilities(scores)
    >>> bool(abs(contamination - 0.1) < 0.05), bool(probabilities[:100].mean() < 0.1)
    (True, True)
    """
    check_contamination(contamination)
    scores = np.asarray(scores, dtype=float)
    n, estimated = len(scores), contamination == 'estimate'
    everything_normal = np.ones(n), 0.0
    if not estimated and n < _LEAST_OF_KNOWN:
        raise ValueError(
            f'`contamination` can be a share of {_LEAST_OF_KNOWN} held-out scores or more; got '
            f'{contamination} of {n}.'
        )
    limit = np.quantile(scores, _BULK, method='lower') if n else np.inf
    bulk = scores[scores <= limit]
    if (estimated and n < _LEAST) or limit == np.inf or len(np.unique(bulk)) < 3:
        return everything_normal
    null = _fit_gumbel(bulk, limit)
    below = null.cdf(limit)
    if estimated and not kstest(bulk, lambda x: null.cdf(x) / below).pvalue > _LEAST_FIT:
        return everything_normal
    normal = len(bulk) / n / below if estimated else 1 - contamination
    if normal >= 1:
        return everything_normal
    order = np.argsort(scores)
    expected = n * normal * null.sf(scores[order])
    # How many normals lie between each score and the next higher one.
    probabilities = isotonic_regression(-np.diff(np.append(expected, 0.0)), increasing=False).x
    found = np.empty(n)
    found[order] = np.minimum(probabilities, 1)
    return found, float(1 - normal) if estimated else float(contamination)


def check_contamination(contamination):
    """Raise a ValueError unless it is a share below one half, or ``'estimate'``."""
    if isinstance(contamination, str):
        allowed = contamination == 'estimate'
    else:
        allowed = isinstance(contamination, Real) and 0 <= contamination < 0.5
    if not allowed:
        raise ValueError(
            f"`contamination` must be a share from 0 to 0.5, or 'estimate'; got {contamination!r}."
        )


def _fit_gumbel(bulk, limit):
    """The Gumbel distribution of scores of which those up to a limit are known."""
    low, middle, high = np.quantile(bulk, [0.1, 0.5, 0.9])
    width = max(high - low, np.finfo(float).tiny)
    unit = (bulk - middle) / width

    def misfit(parameters):
        location, scale = parameters[0], np.exp(parameters[1])
        likelihood = gumbel_r.logpdf(unit, location, scale).sum()
        return len(unit) * gumbel_r.logcdf((limit - middle) / width, location, scale) - likelihood

    location, scale = minimize(misfit, [0.0, np.log(0.5)], method='Nelder-Mead').x
    return gumbel_r(middle + width * location, width * np.exp(scale))
