"""Distances of two distributions, from one sort for all resamples."""

import numpy as np

__all__ = ['STATISTICS', 'Pooled', 'check_statistic']

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

    def counts(self, indices):
        """How often each value occurs among some of the objects."""
        return np.bincount(self.which[indices], minlength=len(self.steps) + 1)


def check_statistic(statistic):
    """Complain of a distance that there is not."""
    if statistic not in STATISTICS:
        raise ValueError(f'`statistic` must be one of {STATISTICS}; got {statistic!r}.')
