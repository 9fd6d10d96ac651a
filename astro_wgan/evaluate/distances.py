"""Distances of two distributions, from one sort for all resamples."""

import numpy as np

__all__ = ['STATISTICS', 'Pooled', 'check_resamples', 'check_statistic', 'p_value', 'spread']

STATISTICS = ('ks', 'wasserstein', 'energy')


class Pooled:
    """
    Two samples on their common values.

    Parameters
    ----------
    first, second : `~numpy.ndarray`, shapes (n,) and (m,)
        Finite values; at least one of each.

    Notes
    -----
    Resamples only change how often each value occurs: its counts. The distances follow from the
    difference of the two cumulative distributions, in O(n) and without another sort.
    """

    def __init__(self, first, second):
        values, self.which = np.unique(np.concatenate([first, second]), return_inverse=True)
        self.n, self.m = len(first), len(second)
        self.steps = np.diff(values)

    def distances(self, first, second):
        """
        The distances of samples with given counts.

        Parameters
        ----------
        first, second : `~numpy.ndarray` of int
            How often each value occurs in the one and in the other.

        Returns
        -------
        dict of float
            By the names in ``STATISTICS``, as SciPy defines them.
        """
        apart = np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()
        between = apart[:-1]
        return {
            'ks': float(np.abs(apart).max()),
            'wasserstein': float(np.abs(between) @ self.steps),
            'energy': float(np.sqrt(2 * (between**2 @ self.steps))),
        }

    def observed(self):
        """The distances of the two samples."""
        return self.distances(self.counts(slice(0, self.n)), self.counts(slice(self.n, None)))

    def permuted(self, random):
        """Distances after the two samples were mixed: what chance gives if they are alike."""
        order = random.permutation(self.n + self.m)
        return self.distances(self.counts(order[: self.n]), self.counts(order[self.n :]))

    def resampled(self, random, chosen=None):
        """Distances of bootstrap samples; ``chosen`` fixes the indices of the first one."""
        chosen = random.integers(0, self.n, self.n) if chosen is None else chosen
        others = random.integers(self.n, self.n + self.m, self.m)
        return self.distances(self.counts(chosen), self.counts(others))

    def beside_chance(self, statistic, resamples, random):
        """
        The distance of the two samples, with what it takes to judge it.

        Returns
        -------
        dict of float
            ``distance``, its bootstrap ``error``, ``by_chance`` (the median of mixtures of the two)
            and ``p_value``.
        """
        distance = self.observed()[statistic]
        chance = np.array([self.permuted(random)[statistic] for _ in range(resamples)])
        return {
            'distance': distance,
            'error': spread([self.resampled(random)[statistic] for _ in range(resamples)]),
            'by_chance': np.median(chance),
            'p_value': p_value(distance, chance),
        }

    def counts(self, indices):
        """How often each value occurs among some of the objects."""
        return np.bincount(self.which[indices], minlength=len(self.steps) + 1)


def check_statistic(statistic):
    """Complain of a distance that there is not."""
    if statistic not in STATISTICS:
        raise ValueError(f'`statistic` must be one of {STATISTICS}; got {statistic!r}.')


def check_resamples(resamples):
    """Complain of resamples that have no scatter."""
    if resamples < 2:
        raise ValueError(f'`resamples` must be at least 2; got {resamples}.')


def spread(values):
    """Standard deviation of resamples."""
    with np.errstate(over='ignore'):  # of scores whose square is none in float64
        return float(np.std(values, ddof=1))


def p_value(found, chance):
    """Share of mixtures that are at least as far apart, this one among them."""
    # A little room for rounding: permutations of equal samples are equally far apart.
    return (1 + int((chance >= found * (1 - 1e-9)).sum())) / (1 + len(chance))
