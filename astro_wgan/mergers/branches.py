"""Main progenitors, and the order of galaxies by branch and time."""

import numpy as np

__all__ = ['branch_order', 'main_progenitors', 'most_massive_histories']


def main_progenitors(target, weight):
    """
    Select the main progenitor of each galaxy.

    Parameters
    ----------
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none.
    weight : `~numpy.ndarray`, shape (n,)
        Weight of each progenitor: the largest is selected, or the lowest row of equal ones. NaN
        counts as the smallest.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.
    """
    rows = np.flatnonzero(target >= 0)
    main = np.zeros(len(target), dtype=bool)
    main[rows[_heaviest(target[rows], np.nan_to_num(weight[rows], nan=-1.0))]] = True
    return main


def most_massive_histories(target, mass, ordinal, named):
    """
    Select the progenitors with the most massive histories as main progenitors.

    Parameters
    ----------
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none. It must be in a later snapshot.
    mass : `~numpy.ndarray`, shape (n,)
        Stellar masses; NaN if unknown.
    ordinal : `~numpy.ndarray` of int, shape (n,)
        Index of the snapshot of each galaxy.
    named : `~numpy.ndarray` of bool, shape (n,)
        True for galaxies that are main progenitors according to the tree code.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.

    Notes
    -----
    The weight is the sum of the masses along the main branch of each progenitor (De Lucia & Blaizot
    2007, MNRAS 375, 2), which is robust if a halo finder temporarily assigns the mass of one galaxy
    to another. In snapshots that a galaxy skips, its previous mass counts. In case of a tie, the
    lowest row is selected; a history of unknown masses has the lowest weight.
    """
    # In units of the largest mass, to avoid overflow in any unit.
    largest = np.nanmax(mass, initial=0, where=~np.isnan(mass))
    history = np.nan_to_num(mass / (largest or 1)).astype(float)
    steps = np.where(target >= 0, ordinal[target] - ordinal, 1)
    history *= steps
    known = ~np.isnan(mass)
    main = np.zeros(len(target), dtype=bool)
    rows = np.flatnonzero(target >= 0)
    rows = rows[np.argsort(ordinal[target[rows]], kind='stable')]
    stops = np.cumsum(np.bincount(ordinal[target[rows]]))
    # Early snapshots first: the histories of the progenitors are complete.
    for part in np.split(rows, stops[:-1]) if len(rows) else []:
        weight = np.where(known[part], history[part], -1)
        weight[named[part]] = np.inf
        chosen = part[_heaviest(target[part], weight)]
        main[chosen] = True
        history[target[chosen]] += history[chosen]
        known[target[chosen]] |= known[chosen]
    return main


def branch_order(target, main, ordinal):
    """
    Sort galaxies by main branch and time.

    Parameters
    ----------
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none. It must be in a later snapshot.
    main : `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.
    ordinal : `~numpy.ndarray` of int, shape (n,)
        Index of the snapshot of each galaxy.

    Returns
    -------
    order : `~numpy.ndarray` of int, shape (n,)
        Rows in the new order: branches in the order of their last galaxies' rows, each by
        snapshot.
    branch : `~numpy.ndarray` of int32, shape (n,)
        Number of the branch, in the new order.
    """
    tip = np.arange(len(target))
    # Late snapshots first, so that the branch of the descendant is known.
    by_snapshot = np.argsort(ordinal, kind='stable')
    stops = np.cumsum(np.bincount(ordinal))
    for start, stop in zip(np.append(0, stops)[-2::-1], stops[::-1], strict=True):
        rows = by_snapshot[start:stop]
        rows = rows[main[rows]]
        tip[rows] = tip[target[rows]]
    tips = np.zeros(len(tip), dtype=np.int64)
    tips[tip] = 1
    number = np.cumsum(tips) - 1
    branch = number[tip]
    order = np.argsort(branch * (int(ordinal.max()) + 1) + ordinal)
    return order, branch[order].astype(np.int32)


def _heaviest(to, weight):
    """Indices of the largest weight for each value of ``to``, the first one in case of a tie."""
    order = np.lexsort([-weight, to])
    return order[np.append(True, np.diff(to[order]) != 0)] if len(order) else order
