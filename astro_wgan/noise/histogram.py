"""Gaussian noise bent into another histogram, without losing its correlation."""

from math import factorial

import numpy as np
from numpy.polynomial.hermite_e import hermegauss, hermeval
from scipy.special import ndtr

__all__ = ['Histogram']

#: Steps of the table, and how many sigma it reaches.
_STEPS = 2**14
_REACH = 6.0

#: Quantiles of the sky that are kept; between them, and in the tails, it is nearly Gaussian.
_QUANTILES = 257

#: Pixels that are bent at a time: what fits the cache next to a processor core.
_CACHED_PIXELS = 2**16

#: Terms of the expansion in Hermite polynomials.
_TERMS = 24


class Histogram:
    """
    The distribution of pixel values, as a function of Gaussian ones.

    Parameters
    ----------
    values : array_like
        Pixels that have the distribution.

    Notes
    -----
    A Gaussian deviate becomes the value of the same rank. This changes the correlation of two
    pixels to sum_k a_k^2 / k! rho^k, with the coefficients a_k of the function in Hermite
    polynomials (a translation process, Grigoriu 1984, J. Eng. Mech. 110, 610): `gaussian` undoes
    this beforehand.
    """

    def __init__(self, values):
        values = np.asarray(values, dtype=float).ravel()
        # Nearly evenly spaced in sigma, so that the tails are as well known as there are pixels.
        sigma = np.linspace(-_REACH, _REACH, _QUANTILES)
        rank = ndtr(sigma)
        known = (rank * len(values) > 10) & ((1 - rank) * len(values) > 10)
        found = np.quantile(values, rank[known])
        places = np.linspace(-_REACH, _REACH, _STEPS)
        bent = _extrapolated(places, sigma[known], found)
        nodes, weights = hermegauss(100)
        weights = weights / weights.sum()
        at_nodes = np.interp(nodes, places, bent)
        mean = weights @ at_nodes
        scale = np.sqrt(weights @ (at_nodes - mean) ** 2)
        self._table = ((bent - mean) / scale).astype(np.float32)
        at_nodes = (at_nodes - mean) / scale
        self._shares = np.array(
            [
                (weights @ (at_nodes * hermeval(nodes, np.eye(_TERMS)[k]))) ** 2 / factorial(k)
                for k in range(_TERMS)
            ]
        )
        self._shares[0] = 0
        self._shares /= self._shares.sum()

    def gaussian(self, coefficients):
        """The correlation that Gaussian pixels need, so that bent ones have the given one."""
        rho = np.linspace(-1, 1, 2001)
        return np.interp(coefficients, np.polynomial.polynomial.polyval(rho, self._shares), rho)

    def bend(self, noise):
        """Give Gaussian noise of variance 1 the histogram, with mean 0 and variance 1; in place."""
        step = np.float32((_STEPS - 1) / (2 * _REACH))
        middle = np.float32(_REACH) * step + np.float32(0.5)
        pixels = noise.reshape(-1)
        for first in range(0, len(pixels), _CACHED_PIXELS):
            part = pixels[first : first + _CACHED_PIXELS]
            places = part * step
            places += middle
            np.clip(places, 0, _STEPS - 1, out=places)
            self._table.take(places.astype(np.uint16), out=part, mode='wrap')


def _extrapolated(x, known, values):
    """Linear interpolation that goes on with the slope of its ends."""
    slope = [(values[3] - values[0]) / (known[3] - known[0])]
    slope.append((values[-1] - values[-4]) / (known[-1] - known[-4]))
    below = values[0] + slope[0] * (x - known[0])
    above = values[-1] + slope[1] * (x - known[-1])
    inside = np.interp(x, known, values)
    return np.where(x < known[0], below, np.where(x > known[-1], above, inside))
