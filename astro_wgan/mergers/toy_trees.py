"""`make_toy_trees`: random merger trees for tests and examples."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

__all__ = ['make_toy_trees']

_FIRST, _LAST = 3.0, 6.0
_BOX = 50_000.0


def make_toy_trees(n_galaxies, *, n_snapshots=100, skip_fraction=0.01, seed):
    """
    Make random merger trees, as a table for `MergerTrees`.

    Parameters
    ----------
    n_galaxies : int
        Approximate number of rows of the table.
    n_snapshots : int, optional
        Number of snapshots, evenly spaced in time from 3 to 6 Gyr.
    skip_fraction : float, optional
        Fraction of galaxies to remove, as if the halo finder had lost them for a snapshot.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``snapshot``, ``time``, ``stellar_mass``, ``descendant_id``, ``position`` (in a
        periodic box of 50 Mpc) and ``half_light_radius``.

    Raises
    ------
    ValueError
        If there are no galaxies, or fewer than 10 snapshots.

    Notes
    -----
    One galaxy in three is a companion that spirals into a larger one on an exponentially shrinking
    orbit, and one in nine falls into such a companion. The trees have no other physics.

    Examples
    --------
    >>> from astro_wgan.mergers import make_toy_trees
    >>> make_toy_trees(5000, seed=1).colnames
    ['id', 'snapshot', 'time', 'stellar_mass', 'descendant_id', 'position', 'half_light_radius']
    """
    if n_galaxies < 1:
        raise ValueError(f'`n_galaxies` must be at least 1; got {n_galaxies}.')
    if n_snapshots < 10:
        raise ValueError(f'`n_snapshots` must be at least 10; got {n_snapshots}.')
    if not 0 <= skip_fraction < 1:
        raise ValueError(f'`skip_fraction` must be at least 0 and below 1; got {skip_fraction}.')
    random = np.random.default_rng(seed)
    histories = _Histories(n_galaxies, n_snapshots, random)
    branch, ordinal = histories.rows()
    kept = (random.random(len(branch)) >= skip_fraction) | histories.at_ends(branch, ordinal)
    branch, ordinal = branch[kept], ordinal[kept]
    mass = histories.mass(branch, ordinal)
    ids = np.arange(len(branch), dtype=np.int64)
    times = np.linspace(_FIRST, _LAST, n_snapshots)
    return QTable(
        {
            'id': ids,
            'snapshot': ordinal,
            'time': times[ordinal] * u.Gyr,
            'stellar_mass': mass.astype(np.float32) * u.Msun,
            'descendant_id': histories.descendants(branch, ordinal),
            'position': histories.positions(branch, ordinal).astype(np.float32) * u.kpc,
            'half_light_radius': (3 * (mass / 1e10) ** 0.3).astype(np.float32) * u.kpc,
        }
    )


class _Histories:
    """First and last snapshot, host, mass and orbit of each branch."""

    def __init__(self, n_galaxies, n_snapshots, random):
        # Hosts exist in all snapshots, companions in about two thirds of them.
        n = max(1, round(n_galaxies / (n_snapshots * 0.67)))
        self.n_snapshots = n_snapshots
        depth = np.arange(n) % 9
        self.host = np.full(n, -1)
        self.begin = np.where(depth % 3 == 0, 0, random.integers(0, n_snapshots // 4, n))
        self.end = np.full(n, n_snapshots - 1)
        self.final = 10 ** random.uniform(9.5, 11.5, n)
        self.center = random.uniform(0, _BOX, (n, 3))
        for level, hosts in ((depth % 3 == 1, depth % 3 == 0), (depth == 8, depth % 3 == 1)):
            self._fall(np.flatnonzero(level), np.flatnonzero(hosts), random)
        n = len(self.host)
        self.phase, self.tilt = random.uniform(0, 2 * np.pi, n), random.uniform(0, np.pi, n)
        self.fade = random.uniform(5, 25, n)

    def _fall(self, rows, hosts, random):
        if not len(rows) or not len(hosts):
            return
        host = random.choice(hosts, len(rows))
        self.host[rows] = host
        self.begin[rows] = np.minimum(self.begin[rows], self.end[host] - 4)
        last = self.end[host] - 1
        first = np.minimum(np.maximum(self.begin[rows] + 5, self.begin[host] + 1), last)
        self.end[rows] = random.integers(first, last + 1)
        ratio = 10 ** random.uniform(-2, -0.05, len(rows))
        self.final[rows] = ratio * self.mass(host, self.end[rows])

    def rows(self):
        lengths = self.end - self.begin + 1
        branch = np.repeat(np.arange(len(lengths)), lengths)
        starts = np.cumsum(lengths) - lengths
        return branch, np.arange(len(branch)) - starts[branch] + self.begin[branch]

    def at_ends(self, branch, ordinal):
        return (ordinal == self.begin[branch]) | (ordinal == self.end[branch])

    def mass(self, branch, ordinal):
        return self.final[branch] * np.exp((ordinal - self.end[branch]) / (0.5 * self.n_snapshots))

    def descendants(self, branch, ordinal):
        """The next row of the branch, or that of the host after the last one."""
        key = branch * np.int64(self.n_snapshots) + ordinal
        wanted = key + 1
        last = ordinal == self.end[branch]
        host = self.host[branch[last]]
        wanted[last] = np.maximum(host, 0) * np.int64(self.n_snapshots) + ordinal[last] + 1
        found = np.searchsorted(key, wanted)
        found[np.flatnonzero(last)[host < 0]] = -1
        return found

    def positions(self, branch, ordinal):
        """The center of a branch, or an orbit around its host."""
        orbit = np.zeros((len(branch), 3))
        for _ in range(3):
            around = self.host[branch] >= 0
            left = self.end[branch] - ordinal + 1
            radius = np.where(around, 6 * np.expm1(left / self.fade[branch]) + 2, 0)
            angle = self.phase[branch] + 0.3 * left
            tilt = self.tilt[branch]
            orbit[:, 0] += radius * np.cos(angle)
            orbit[:, 1] += radius * np.sin(angle) * np.cos(tilt)
            orbit[:, 2] += radius * np.sin(angle) * np.sin(tilt)
            branch = np.where(around, self.host[branch], branch)
        return (self.center[branch] + orbit) % _BOX
