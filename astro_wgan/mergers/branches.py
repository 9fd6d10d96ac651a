"""The order in which trees are kept: branch by branch, each from its first galaxy to its last."""

import numpy as np

__all__ = ['branch_order', 'main_progenitors']


def main_progenitors(target, weight):
    """
    The main progenitor of each galaxy.

    Parameters
    ----------
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none.
    weight : `~numpy.ndarray`, shape (n,)
        What decides among the progenitors: the largest wins, then the lowest row. NaN loses.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.
    """
    n = len(target)
    rows = np.flatnonzero(target >= 0)
    to = target[rows]
    weight = np.nan_to_num(weight[rows], nan=-1.0)
    heaviest = np.full(n, -np.inf, dtype=weight.dtype)
    np.maximum.at(heaviest, to, weight)
    winners = weight == heaviest[to]
    first = np.full(n, n)
    np.minimum.at(first, to[winners], rows[winners])
    main = np.zeros(n, dtype=bool)
    main[first[first < n]] = True
    return main


def branch_order(target, main, ordinal):
    """
    Cut the trees into main branches and put them one behind the other.

    Parameters
    ----------
    target : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant of each galaxy; -1 for none. Its ordinal is always the larger one.
    main : `~numpy.ndarray` of bool, shape (n,)
        True for a galaxy that is the main progenitor of its descendant.
    ordinal : `~numpy.ndarray` of int, shape (n,)
        Number of each galaxy's snapshot.

    Returns
    -------
    order : `~numpy.ndarray` of int, shape (n,)
        Rows in the new order: branches in the order of their last galaxies' rows, each by
        snapshot.
    branch : `~numpy.ndarray` of int32, shape (n,)
        Number of the branch, in the new order.
    """
    tip = np.arange(len(target))
    # Late snapshots first: when a galaxy is looked at, its descendant knows its branch already.
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
