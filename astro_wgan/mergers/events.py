"""Mergers: where two galaxies of a tree become one, and how alike in mass they were."""

import numpy as np
from astropy.table import QTable

from astro_wgan.jobs.provenance import record
from astro_wgan.mergers.approach import follow_remnants, trace_back
from astro_wgan.mergers.links import NONE

__all__ = ['find_mergers', 'mass_ratio', 'progenitors']


def find_mergers(trees, *, ratio=0.1, radii=4.0, mass_at='last'):
    """
    Mergers of galaxies of comparable stellar mass.

    Parameters
    ----------
    trees : `MergerTrees`
    ratio : float, optional
        Smallest ratio of stellar masses, the smaller over the larger, that counts; from 0 to 1.
    radii : float, optional
        The approach begins where the companion is this many effective radii (of the main galaxy)
        away. Only used where the trees know positions and effective radii.
    mass_at : {'last', 'maximum'}, optional
        When the masses are compared: at the last snapshot before the merger in which each of the
        two is seen, or when the companion had its largest mass (the main galaxy at the same
        snapshot, or at the nearest that the tree has of it).

    Returns
    -------
    `~astropy.table.QTable`
        One row per merger, in the order of time:

        ``merger_id``
            Number of the row.
        ``galaxy_id``, ``snapshot``, ``time``
            The galaxy that the two have become, where it is first seen: t = 0.
        ``main_id``, ``companion_id``
            Its main progenitor and the other one, when last seen apart.
        ``mass_ratio``
            Of their stellar masses, 0 to 1; NaN where a mass is unknown.
        ``bodies``
            Galaxies that became one at this moment: 3 in a three-body merger.
        ``steps``
            Snapshots from the start of the approach to t = 0; 0 where the start is unknown.
        ``approach``
            ``'complete'``; ``'starts near'`` where the tree begins with the companion inside of
            ``radii`` already; ``'separation unknown'``; ``'mass unknown'``.
        ``remnant``
            What the tree knows of it for as many steps after t = 0: ``'complete'``,
            ``'ends early'`` (the tree or the simulation ends), or ``'absorbed'`` (it joins a
            galaxy with a more massive progenitor); ``'not followed'`` where ``steps`` is 0.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.1: a galaxy with more than one progenitor is a merger
    where the ratio is at least 1:10. The paper does not say when it takes the masses; progenitors
    are those of the snapshot before, hence ``'last'``. Stars are stripped from a companion before
    the end, which is why Rodriguez-Gomez et al. 2015 (MNRAS 449, 49) prefer ``'maximum'``.

    A companion that passes by and leaves is none: it becomes no part of the galaxy. Where it
    comes back to merge, the approach begins when it comes inside for the last time. A galaxy
    without stars is never a merger's companion; one of unknown mass may be, and is listed.

    Examples
    --------
    >>> from astro_wgan.mergers import MergerTrees, find_mergers, toy_trees
    >>> trees = MergerTrees(toy_trees(2000, seed=1))
    >>> mergers = find_mergers(trees)
    >>> bool((mergers['mass_ratio'] >= 0.1).all())
    True
    """
    _check(ratio, radii, mass_at)
    companion = trees.companions
    found = mass_ratio(trees, companion, mass_at=mass_at)
    keep = (found >= ratio) & (found > 0) | np.isnan(found)
    companion, found = companion[keep], found[keep]
    galaxy = trees.descendant[companion]
    order = np.lexsort([trees.ids[companion], trees.ids[galaxy], trees.ordinal[galaxy]])
    companion, galaxy, found = companion[order], galaxy[order], found[order]
    steps, approach = trace_back(trees, companion, np.isfinite(found), radii)
    _, bodies_at, bodies = np.unique(galaxy, return_inverse=True, return_counts=True)
    return QTable(
        {
            'merger_id': np.arange(len(galaxy)),
            'galaxy_id': trees.ids[galaxy],
            'snapshot': trees.snapshots[trees.ordinal[galaxy]],
            'time': trees.times[trees.ordinal[galaxy]],
            'main_id': trees.ids[galaxy - 1],
            'companion_id': trees.ids[companion],
            'mass_ratio': found,
            'bodies': bodies[bodies_at] + 1,
            'steps': steps,
            'approach': approach,
            'remnant': follow_remnants(trees, galaxy, steps)[1],
        },
        meta=record(trees=trees.meta, ratio=ratio, radii=radii, mass_at=mass_at),
    )


def mass_ratio(trees, companion, *, mass_at='last'):
    """
    Stellar mass ratio of companions and the main progenitors of what they become.

    Parameters
    ----------
    trees : `MergerTrees`
    companion : array_like of int, shape (m,)
        Rows of `MergerTrees.companions`.
    mass_at : {'last', 'maximum'}, optional
        As for `find_mergers`.

    Returns
    -------
    `~numpy.ndarray`, shape (m,)
        The smaller over the larger; 0 where either has no stars, NaN where a mass is unknown.
    """
    companion = np.asarray(companion, dtype=np.int64)
    main = trees.descendant[companion] - 1
    if mass_at == 'maximum':
        heaviest = _heaviest(trees, companion)
        same_time = trees.row_at(trees.branch[main], trees.ordinal[heaviest])
        companion, main = heaviest, np.minimum(same_time, main)
    return _ratio(trees.stellar_mass[companion], trees.stellar_mass[main])


def progenitors(trees):
    """
    All progenitors of all galaxies.

    Parameters
    ----------
    trees : `MergerTrees`

    Returns
    -------
    `~astropy.table.QTable`
        One row per link, sorted by galaxy: ``galaxy_id``, ``progenitor_id``, ``snapshot`` (of the
        progenitor), ``main`` (it is the main progenitor), ``merges`` (it becomes this galaxy; not
        so where it only gave mass in passing), ``mass_ratio`` (to the main progenitor; NaN where
        a mass is unknown or there is no main progenitor).

    Examples
    --------
    >>> from astro_wgan.mergers import MergerTrees, progenitors, toy_trees
    >>> links = progenitors(MergerTrees(toy_trees(2000, seed=1)))
    >>> links.colnames
    ['galaxy_id', 'progenitor_id', 'snapshot', 'main', 'merges', 'mass_ratio']
    """
    giver = np.append(np.flatnonzero(trees.descendant != NONE), trees.side_links[:, 0])
    taker = np.append(trees.descendant[trees.descendant != NONE], trees.side_links[:, 1])
    merges = np.arange(len(giver)) < len(giver) - len(trees.side_links)
    main = merges & (trees.branch[giver] == trees.branch[taker])
    order = np.lexsort([trees.ids[giver], ~main, trees.ids[taker]])
    giver, taker, merges, main = giver[order], taker[order], merges[order], main[order]
    return QTable(
        {
            'galaxy_id': trees.ids[taker],
            'progenitor_id': trees.ids[giver],
            'snapshot': trees.snapshots[trees.ordinal[giver]],
            'main': main,
            'merges': merges,
            'mass_ratio': link_ratio(trees, giver, taker),
        },
        meta=record(trees=trees.meta),
    )


def link_ratio(trees, giver, taker):
    """Mass ratio of progenitors and the main progenitor of the same galaxy; NaN without one."""
    of_main = np.where(trees.has_main_progenitor[taker], trees.stellar_mass[taker - 1], np.nan)
    return _ratio(trees.stellar_mass[giver], of_main)


def _check(ratio, radii, mass_at):
    if not 0 <= ratio <= 1:
        raise ValueError(f'`ratio` must lie between 0 and 1; got {ratio}.')
    if not radii > 0:
        raise ValueError(f'`radii` must be above 0; got {radii}.')
    if mass_at not in ('last', 'maximum'):
        raise ValueError(f"`mass_at` must be 'last' or 'maximum'; got {mass_at!r}.")


def _ratio(one, other):
    small, large = np.minimum(one, other), np.maximum(one, other)
    return np.divide(small, large, out=np.where(large == 0, 0.0, large), where=large > 0)


def _heaviest(trees, companion):
    """Row of the largest mass in each companion's branch, the first of them at a tie."""
    mass = np.nan_to_num(trees.stellar_mass, nan=-1.0)
    starts = np.flatnonzero(~trees.has_main_progenitor)
    most = np.maximum.reduceat(mass, starts)
    at_most = np.flatnonzero(mass == most[trees.branch])
    # Written backwards, so that the first row of each branch stays.
    row = np.empty(len(starts), dtype=np.int64)
    row[trees.branch[at_most[::-1]]] = at_most[::-1]
    return row[trees.branch[companion]]
