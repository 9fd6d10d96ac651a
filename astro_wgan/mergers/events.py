"""`find_mergers` and `find_progenitors`: merger events, their mass ratios, and all links."""

import numpy as np
from astropy.table import QTable

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mergers.approach import follow_remnants, trace_back
from astro_wgan.mergers.descendant_links import NONE

__all__ = ['find_mergers', 'mass_ratio', 'find_progenitors']


def find_mergers(trees, *, min_ratio=0.1, approach_radii=4.0, mass_at='last'):
    """
    Find mergers of galaxies above a stellar mass ratio.

    Parameters
    ----------
    trees : `MergerTrees`
    min_ratio : float, optional
        Minimum ratio of stellar masses, the smaller over the larger; from 0 to 1.
    approach_radii : float, optional
        Separation at the start of the approach, in half-light radii of the main galaxy. Only used
        if the trees have positions and half-light radii.
    mass_at : {'last', 'maximum'}, optional
        When the masses are compared: in the last snapshots before the merger with each of the
        two, or when the companion had its maximum mass (with the main galaxy in the same snapshot,
        or in the nearest one).

    Returns
    -------
    `~astropy.table.QTable`
        One row per merger, in chronological order:

        ``merger_id``
            Number of the row.
        ``galaxy_id``, ``snapshot``, ``time``
            The merged galaxy, when first seen: t = 0.
        ``main_id``, ``companion_id``
            Its main progenitor and the companion, when last seen separately.
        ``mass_ratio``
            Stellar mass ratio, 0 to 1; NaN if a mass is unknown.
        ``n_merging``
            Number of galaxies that merged in this snapshot: 3 in a three-body merger.
        ``n_snapshots``
            Number of snapshots from the start of the approach to t = 0; 0 if unknown.
        ``approach``
            ``'complete'``; ``'starts near'`` if the tree begins with the companion within
            ``approach_radii``; ``'separation unknown'``; ``'mass unknown'``.
        ``remnant``
            Coverage of as many snapshots after t = 0: ``'complete'``, ``'ends early'`` (the tree
            or the simulation ends), or ``'absorbed'`` (it merges into a galaxy with a more massive
            progenitor); ``'not followed'`` if ``n_snapshots`` is 0.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    In Margalef-Bentabol et al. 2020, section 4.1, a galaxy with more than one progenitor is a
    merger if their mass ratio is at least 1:10. The paper does not specify when masses are
    measured; its progenitors are those in the previous snapshot, hence ``'last'``. Since stars are
    stripped from a companion before the merger, Rodriguez-Gomez et al. 2015 (MNRAS 449, 49) prefer
    ``'maximum'``.

    A flyby is not a merger. If the companion returns and merges, the approach starts when it comes
    within the separation for the last time. Galaxies without stars are never companions; those of
    unknown mass are listed.

    Examples
    --------
    >>> from astro_wgan.mergers import MergerTrees, find_mergers, make_toy_trees
    >>> trees = MergerTrees(make_toy_trees(2000, seed=1))
    >>> mergers = find_mergers(trees)
    >>> bool((mergers['mass_ratio'] >= 0.1).all())
    True
    """
    _check(min_ratio, approach_radii, mass_at)
    companion = trees.companions
    found = mass_ratio(trees, companion, mass_at=mass_at)
    keep = (found >= min_ratio) & (found > 0) | np.isnan(found)
    companion, found = companion[keep], found[keep]
    galaxy = trees.descendant[companion]
    order = np.lexsort([trees.ids[companion], trees.ids[galaxy], trees.ordinal[galaxy]])
    companion, galaxy, found = companion[order], galaxy[order], found[order]
    steps, approach = trace_back(trees, companion, np.isfinite(found), approach_radii)
    _, at_merger, n_merging = np.unique(galaxy, return_inverse=True, return_counts=True)
    return QTable(
        {
            'merger_id': np.arange(len(galaxy)),
            'galaxy_id': trees.ids[galaxy],
            'snapshot': trees.snapshots[trees.ordinal[galaxy]],
            'time': trees.times[trees.ordinal[galaxy]],
            'main_id': trees.ids[galaxy - 1],
            'companion_id': trees.ids[companion],
            'mass_ratio': found,
            'n_merging': n_merging[at_merger] + 1,
            'n_snapshots': steps,
            'approach': approach,
            'remnant': follow_remnants(trees, galaxy, steps)[1],
        },
        meta=provenance_record(
            trees=trees.meta, min_ratio=min_ratio, approach_radii=approach_radii, mass_at=mass_at
        ),
    )


def mass_ratio(trees, companion, *, mass_at='last'):
    """
    Stellar mass ratio of companions and the main progenitors of their descendants.

    Parameters
    ----------
    trees : `MergerTrees`
    companion : array_like of int, shape (m,)
        Rows of `MergerTrees.companions`.
    mass_at : {'last', 'maximum'}, optional
        As in `find_mergers`.

    Returns
    -------
    `~numpy.ndarray`, shape (m,)
        The smaller over the larger mass; 0 if either has no stars, NaN if a mass is unknown.
    """
    companion = np.asarray(companion, dtype=np.int64)
    main = trees.descendant[companion] - 1
    if mass_at == 'maximum':
        heaviest = _heaviest(trees, companion)
        same_time = trees.row_at(trees.branch[main], trees.ordinal[heaviest])
        companion, main = heaviest, np.minimum(same_time, main)
    return _ratio(trees.stellar_mass[companion], trees.stellar_mass[main])


def find_progenitors(trees):
    """
    Find all progenitors of all galaxies.

    Parameters
    ----------
    trees : `MergerTrees`

    Returns
    -------
    `~astropy.table.QTable`
        One row per link, sorted by galaxy: ``galaxy_id``, ``progenitor_id``, ``snapshot`` (of the
        progenitor), ``is_main`` (whether it is the main progenitor), ``merges`` (whether it
        becomes this galaxy; False if it only transferred mass in a flyby), ``mass_ratio`` (to the
        main progenitor; NaN if a mass is unknown or there is no main progenitor).

    Examples
    --------
    >>> from astro_wgan.mergers import MergerTrees, find_progenitors, make_toy_trees
    >>> links = find_progenitors(MergerTrees(make_toy_trees(2000, seed=1)))
    >>> links.colnames
    ['galaxy_id', 'progenitor_id', 'snapshot', 'is_main', 'merges', 'mass_ratio']
    """
    donor = np.append(np.flatnonzero(trees.descendant != NONE), trees.secondary_links[:, 0])
    recipient = np.append(trees.descendant[trees.descendant != NONE], trees.secondary_links[:, 1])
    merges = np.arange(len(donor)) < len(donor) - len(trees.secondary_links)
    main = merges & (trees.branch[donor] == trees.branch[recipient])
    order = np.lexsort([trees.ids[donor], ~main, trees.ids[recipient]])
    donor, recipient, merges, main = donor[order], recipient[order], merges[order], main[order]
    return QTable(
        {
            'galaxy_id': trees.ids[recipient],
            'progenitor_id': trees.ids[donor],
            'snapshot': trees.snapshots[trees.ordinal[donor]],
            'is_main': main,
            'merges': merges,
            'mass_ratio': link_ratio(trees, donor, recipient),
        },
        meta=provenance_record(trees=trees.meta),
    )


def link_ratio(trees, donor, recipient):
    """Mass ratio of progenitors to the main progenitor of the same galaxy; NaN without one."""
    of_main = np.where(
        trees.has_main_progenitor[recipient], trees.stellar_mass[recipient - 1], np.nan
    )
    return _ratio(trees.stellar_mass[donor], of_main)


def _check(min_ratio, approach_radii, mass_at):
    if not 0 <= min_ratio <= 1:
        raise ValueError(f'`min_ratio` must lie between 0 and 1; got {min_ratio}.')
    if not approach_radii > 0:
        raise ValueError(f'`approach_radii` must be above 0; got {approach_radii}.')
    if mass_at not in ('last', 'maximum'):
        raise ValueError(f"`mass_at` must be 'last' or 'maximum'; got {mass_at!r}.")


def _ratio(one, other):
    small, large = np.minimum(one, other), np.maximum(one, other)
    return np.divide(small, large, out=np.where(large == 0, 0.0, large), where=large > 0)


def _heaviest(trees, companion):
    """Row of the maximum mass in each companion's branch, the first one in case of a tie."""
    mass = np.nan_to_num(trees.stellar_mass, nan=-1.0)
    starts = np.flatnonzero(~trees.has_main_progenitor)
    most = np.maximum.reduceat(mass, starts)
    at_most = np.flatnonzero(mass == most[trees.branch])
    # In reverse order, so that the first row of each branch remains.
    row = np.empty(len(starts), dtype=np.int64)
    row[trees.branch[at_most[::-1]]] = at_most[::-1]
    return row[trees.branch[companion]]
