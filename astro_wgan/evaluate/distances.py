"""Distances between two distributions; one sort serves all resamples."""

import numpy as np

__all__ = ['STATISTICS', 'Pooled', 'check_resamples', 'check_statistic', 'p_value', 'spread']

STATISTICS = ('ks', 'wasserstein', 'energy')


class Pooled:
    """
    Two samples, pooled and sorted.

    Parameters
    ----------
    first, second : `~numpy.ndarray`, shapes (n,) and (m,)
        Finite values; at least one of each.

    Notes
    -----
    Resampling changes only the number of times that each value occurs. The distances follow from
    the difference of the two cumulative distributions, in O(n) and without another sort.
    """

    def __init__(self, first, second):
        values, self.which = np.unique(np.concatenate([first, second]), return_inverse=True)
        self.n, self.m = len(first), len(second)
        self.steps = np.diff(values)

    def distances(self, first, second):
        """
        Distances between samples with the given counts.

        Parameters
        ----------
        first, second : `~numpy.ndarray` of int
            Number of times that each value occurs in either sample.

        Returns
        -------
        dict of float
            One for each name in ``STATISTICS``, as defined by SciPy.
        """
        difference = np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()
        between = difference[:-1]
        return {
            'ks': float(np.abs(difference).max()),
            'wasserstein': float(np.abs(between) @ self.steps),
            'energy': float(np.sqrt(2 * (between**2 @ self.steps))),
        }

    def observed(self):
        """Distances between the two samples."""
        return self.distances(self.counts(slice(0, self.n)), self.counts(slice(self.n, None)))

    def permuted(self, random):
        """Distances after a random permutation of the pooled values, under the null hypothesis."""
        order = random.permutation(self.n + self.m)
        return self.distances(self.counts(order[: self.n]), self.counts(order[self.n :]))

    def resampled(self, random, chosen=None):
        """Distances between bootstrap samples; ``chosen`` gives the indices of the first one."""
        chosen = random.integers(0, self.n, self.n) if chosen is None else chosen
        others = random.integers(self.n, self.n + self.m, self.m)
        return self.distances(self.counts(chosen), self.counts(others))

    def with_null_distribution(self, statistic, n_resamples, random):
        """
        Distance between the two samples, with its error and its distribution by chance.

        Returns
        -------
        dict of float
            ``distance``, its bootstrap error ``distance_err``, ``null_median`` (the median distance
            under permutation) and ``p_value``.
        """
        distance = self.observed()[statistic]
        chance = np.array([self.permuted(random)[statistic] for _ in range(n_resamples)])
        return {
            'distance': distance,
            'distance_err': spread([self.resampled(random)[statistic] for _ in range(n_resamples)]),
            'null_median': np.median(chance),
            'p_value': p_value(distance, chance),
        }

    def counts(self, indices):
        """Number of times that each value occurs among the objects with these indices."""
        return np.bincount(self.which[indices], minlength=len(self.steps) + 1)


def check_statistic(statistic):
    """Raise ValueError unless the distance is known."""
    if statistic not in STATISTICS:
        raise ValueError(f'`statistic` must be one of {STATISTICS}; got {statistic!r}.')


def check_resamples(n_resamples):
    """Raise ValueError if there are too few resamples for a standard deviation."""
    if n_resamples < 2:
        raise ValueError(f'`n_resamples` must be at least 2; got {n_resamples}.')


def spread(values):
    """Standard deviation of resamples."""
    with np.errstate(over='ignore'):  # squares of scores can overflow float64
        return float(np.std(values, ddof=1))


def p_value(found, chance):
    """Fraction of permutations with at least this distance, the observed one included."""
    # A tolerance for rounding: permutations of equal samples have equal distances.
    return (1 + int((chance >= found * (1 - 1e-9)).sum())) / (1 + len(chance))
