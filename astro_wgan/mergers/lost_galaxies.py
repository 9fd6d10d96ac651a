"""`relink_lost_galaxies`: galaxies that a halo finder loses inside a larger one for a while."""

import numpy as np
from astropy import units as u
from scipy.spatial import cKDTree

from astro_wgan.mergers.descendant_links import NONE

__all__ = ['relink_lost_galaxies']

#: Search radius around the other galaxy: in units of its half-light radius, about a third of the
#: radius of its halo (Kravtsov 2013); or as a length if that is unknown.
_RADII = 20
_DISTANCE = 100 * u.kpc

#: Maximum factor by which its stellar mass may change meanwhile.
_FACTOR = 3


def relink_lost_galaxies(trees, target, main, within):
    """
    Find galaxies that merge with another one, and reappear next to it soon after.

    Parameters
    ----------
    trees : `MergerTrees`
        Its ``ids``, ``ordinal``, ``stellar_mass``, ``position``, ``half_light_radius`` and
        ``length_unit``, all in one order.
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none.
    main : `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.
    within : int
        Maximum number of snapshots in which it may be missing.

    Returns
    -------
    lost, found : `~numpy.ndarray` of int, shape (m,)
        Rows of galaxies when last seen, and of the same ones when seen again. Each is unique.
    """
    none = np.empty(0, dtype=np.int64)
    if trees.position is None or not within:
        return none, none
    seen = (trees.stellar_mass > 0) & np.isfinite(trees.position).all(axis=1)
    fresh = seen & (trees.ordinal > 0)
    fresh[target[target != NONE]] = False
    lost = np.flatnonzero(_may_be_lost(trees.stellar_mass, target, main) & seen)
    fresh = np.flatnonzero(fresh)
    if not len(lost) or not len(fresh):
        return none, none
    pairs = np.concatenate(list(_candidates(trees, target, lost, fresh, within)))
    one, other, missing = pairs.T
    change = np.abs(np.log(trees.stellar_mass[other] / trees.stellar_mass[one]))
    alike = change <= np.log(_FACTOR) * (1 + 1e-9)
    order = np.lexsort([trees.ids[other], trees.ids[one], change, missing])
    return _each_once(one, other, order[alike[order]])


def _may_be_lost(mass, target, main):
    """
    True for galaxies that merge into another one, and for main progenitors that may be lost.

    The latter have a descendant with a mass closer to that of its second progenitor: the halo
    finder has lost the larger of the two.
    """
    joins = (target != NONE) & ~main
    second = np.full(len(target), -1.0)
    np.maximum.at(second, target[joins], np.nan_to_num(mass[joins], nan=-1.0))
    into = np.flatnonzero(main)
    into = into[(second[target[into]] > 0) & (mass[into] > 0) & (mass[target[into]] > 0)]
    galaxy = target[into]
    change = np.abs(np.log(mass[galaxy] / mass[into]))
    less = np.abs(np.log(mass[galaxy] / second[galaxy])) < change
    joins[into[less]] = True
    return joins


def _candidates(trees, target, lost, fresh, within):
    """Yield arrays of (row of lost galaxy, row of a new one nearby, missing snapshots)."""
    fresh = fresh[np.argsort(trees.ordinal[fresh], kind='stable')]
    edges = np.searchsorted(trees.ordinal[fresh], np.arange(len(trees.snapshots) + 1))
    host = target[lost]
    yield np.empty((0, 3), dtype=np.int64)
    for missing in range(within + 1):
        now = trees.ordinal[lost] + 1 + missing
        host = _followed(host, target, trees.ordinal, now)
        inside = (host != NONE) & (now < len(trees.snapshots))
        lost, host, now = lost[inside], host[inside], now[inside]
        for snapshot in np.unique(now):
            there = fresh[edges[snapshot] : edges[snapshot + 1]]
            here = now == snapshot
            here[here] = np.isfinite(trees.position[host[here]]).all(axis=1)
            if len(there) and here.any():
                near = _near(trees, host[here], there)
                count = np.array([len(some) for some in near])
                found = there[np.concatenate(near).astype(np.int64)]
                yield np.column_stack(
                    [np.repeat(lost[here], count), found, np.full(len(found), missing)]
                )


def _followed(host, target, ordinal, now):
    """First descendants of galaxies at or after a snapshot; -1 if trees end earlier."""
    host = host.copy()
    while True:
        early = np.flatnonzero((host != NONE) & (ordinal[host] < now))
        if not len(early):
            return host
        host[early] = target[host[early]]


def _near(trees, host, fresh):
    """For each host, the indices in ``fresh`` of galaxies near it."""
    reach = np.full(len(host), _DISTANCE.to_value(trees.length_unit))
    if trees.half_light_radius is not None:
        radius = _RADII * trees.half_light_radius[host].astype(float)
        reach = np.where(radius > 0, radius, reach)
    places = [trees.position[rows].astype(float) for rows in (host, fresh)]
    if trees.box is not None:
        places = [place % trees.box for place in places]
        # A remainder can be rounded up to the size of the box, which cKDTree does not accept.
        places = [np.where(place >= trees.box, 0, place) for place in places]
    return cKDTree(places[1], boxsize=trees.box).query_ball_point(places[0], reach)


def _each_once(one, other, order):
    """Greedily select ordered pairs so that each galaxy occurs once."""
    taken, kept = set(), []
    for k in order.tolist():
        pair = (int(one[k]), ~int(other[k]))
        if taken.isdisjoint(pair):
            taken.update(pair)
            kept.append(k)
    return one[kept], other[kept]
