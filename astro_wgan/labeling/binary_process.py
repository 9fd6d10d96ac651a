"""`BinaryProcess`: Gaussian process of log odds of which of two kinds a source is, with a mean."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import expit, log_expit

__all__ = ['BinaryProcess']

#: Steps of Newton's method, the change of the log odds at which it ends, and how often a step that
#: leads down is halved.
_STEPS, _CLOSE, _HALVES = 50, 1e-5, 20


@dataclass(frozen=True, eq=False)
class BinaryProcess:
    """
    Log odds of which of two kinds sources are, given the kind of some of them.

    Attributes
    ----------
    log_odds : `~numpy.ndarray`, shape (n,)
        Most probable log odds of the sources whose kind is known.
    evidence : float
        Logarithm of the marginal likelihood.
    left_out : `~numpy.ndarray`, shape (n,)
        Logarithm of the probability of the kind of each from those of all others.

    Notes
    -----
    Laplace's approximation: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning,
    algorithms 3.1 and 3.2. The probability from the others is that of the approximation with the
    term of the source removed.
    """

    log_odds: np.ndarray
    evidence: float
    left_out: np.ndarray
    _weights: np.ndarray
    _root: np.ndarray
    _factor: np.ndarray

    @classmethod
    def fit(cls, kernel, mean, positive):
        """
        Learn from sources whose kind is known.

        Parameters
        ----------
        kernel : `~numpy.ndarray`, shape (n, n)
            Prior covariance of the log odds.
        mean : `~numpy.ndarray`, shape (n,)
            Prior mean of the log odds.
        positive : `~numpy.ndarray` of bool, shape (n,)
            Whether each is of the first kind.

        Returns
        -------
        BinaryProcess
        """
        sign = np.where(positive, 1.0, -1.0)
        log_odds, weights = mean.astype(float), np.zeros(len(mean))
        logarithm = _log_posterior(log_odds, weights, mean, sign)
        for _ in range(_STEPS):
            root, factor = _factors(kernel, log_odds)
            target = root**2 * (log_odds - mean) + positive - expit(log_odds)
            step = target - root * cho_solve((factor, True), root * (kernel @ target)) - weights
            change = kernel @ step
            # Where the prior mean is far from the labels, a whole step can lead anywhere.
            for _ in range(_HALVES):
                found = _log_posterior(log_odds + change, weights + step, mean, sign)
                if found >= logarithm:
                    break
                step, change = step / 2, change / 2
            log_odds, weights, logarithm = log_odds + change, weights + step, found
            if np.abs(change).max() < _CLOSE:
                break
        root, factor = _factors(kernel, log_odds)
        evidence = logarithm - np.log(np.diag(factor)).sum()
        half = solve_triangular(factor, root[:, np.newaxis] * kernel, lower=True)
        variance = np.diag(kernel) - (half**2).sum(axis=0)
        left = _left_out(log_odds, variance, root**2, positive - expit(log_odds), sign)
        return cls(log_odds, float(evidence), left, weights, root, factor)

    def predict(self, kernel, mean, variance):
        """
        Log odds of further sources.

        Parameters
        ----------
        kernel : `~numpy.ndarray`, shape (m, n)
            Prior covariance of their log odds and those of the sources whose kind is known.
        mean, variance : `~numpy.ndarray`, shape (m,)
            Prior mean and variance of their log odds.

        Returns
        -------
        log_odds, variance : `~numpy.ndarray`, shape (m,)
        """
        half = solve_triangular(self._factor, self._root[:, np.newaxis] * kernel.T, lower=True)
        found = np.maximum(variance - (half**2).sum(axis=0), 0)
        return mean + kernel @ self._weights, found


def _log_posterior(log_odds, weights, mean, sign):
    """Logarithm of the probability density of log odds and kinds, but for a constant."""
    return -0.5 * weights @ (log_odds - mean) + log_expit(sign * log_odds).sum()


def _factors(kernel, log_odds):
    """Roots of the curvature of the likelihood, and the Cholesky factor of B."""
    share = expit(log_odds)
    root = np.sqrt(share * (1 - share))
    factor = cholesky(np.eye(len(root)) + root[:, np.newaxis] * kernel * root, lower=True)
    return root, factor


def _left_out(log_odds, variance, curvature, slope, sign):
    """Logarithm of the probability of each kind, without what the source itself has taught."""
    remaining = np.maximum(1 - variance * curvature, 1e-9)
    others = variance / remaining
    center = log_odds - others * slope
    # The mean of a logistic function over a Gaussian (MacKay 1992, Neural Comput. 4, 720).
    return log_expit(sign * center / np.sqrt(1 + np.pi * others / 8))
