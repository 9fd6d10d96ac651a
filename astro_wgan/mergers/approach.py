"""Approach of merging galaxies from a given separation, and evolution of the remnant."""

import numpy as np

from astro_wgan.mergers.descendant_links import NONE

__all__ = ['follow_remnants', 'separations', 'trace_back']


def trace_back(trees, companion, wanted, radii):
    """
    Number of snapshots since two galaxies were last at a given separation before their merger.

    Parameters
    ----------
    trees : `MergerTrees`
    companion : `~numpy.ndarray` of int, shape (m,)
        Rows of companions, when last seen separately from the main galaxy.
    wanted : `~numpy.ndarray` of bool, shape (m,)
        False for mergers with unknown masses, which are not followed.
    approach_radii : float
        Separation in half-light radii of the main galaxy.

    Returns
    -------
    steps : `~numpy.ndarray` of int, shape (m,)
        0 if the start is unknown.
    approach : `~numpy.ndarray` of str, shape (m,)
        As in `find_mergers`.
    """
    steps = np.zeros(len(companion), dtype=np.int32)
    measured = np.zeros(len(companion), dtype=bool)
    if trees.position is not None and trees.half_light_radius is not None:
        _walk(trees, companion, wanted, radii, steps, measured)
    approach = np.where(measured, 'starts near', 'separation unknown')
    approach[steps > 0] = 'complete'
    approach[~wanted] = 'mass unknown'
    return steps, approach


def follow_remnants(trees, galaxy, steps):
    """
    Last galaxy of each merger sequence, on the branch of the remnant.

    Parameters
    ----------
    trees : `MergerTrees`
    galaxy : `~numpy.ndarray` of int, shape (m,)
        Rows of the galaxies at t = 0.
    steps : `~numpy.ndarray` of int, shape (m,)
        Number of snapshots to follow them.

    Returns
    -------
    last : `~numpy.ndarray` of int, shape (m,)
        Rows.
    remnant : `~numpy.ndarray` of str, shape (m,)
        As in `find_mergers`.
    """
    branch, until = trees.branch[galaxy], trees.ordinal[galaxy] + steps
    beyond = trees.row_at(branch, until + 1)
    last = beyond - 1
    # If the branch continues later, a missing last snapshot is only a gap.
    goes_on = np.append(trees.branch, NONE)[beyond] == branch
    remnant = np.where(trees.descendant[last] == NONE, 'ends early', 'absorbed').astype('U12')
    remnant[goes_on | (trees.ordinal[last] == until)] = 'complete'
    remnant[steps == 0] = 'not followed'
    return last, remnant


def separations(trees, one, other):
    """
    Separations of pairs of galaxies, in a periodic box if there is one.

    Parameters
    ----------
    trees : `MergerTrees`
    one, other : `~numpy.ndarray` of int, shape (m,)
        Rows.

    Returns
    -------
    `~numpy.ndarray`, shape (m,)
        In ``trees.length_unit``; NaN if a position is unknown.
    """
    apart = trees.position[one].astype(float) - trees.position[other]
    if trees.box is not None:
        apart -= trees.box * np.round(apart / trees.box)
    return np.sqrt((apart**2).sum(axis=1))


def _walk(trees, companion, wanted, radii, steps, measured):
    """Step back in time with all mergers at once, until each reaches its start or its tree ends."""
    begins = ~trees.has_main_progenitor
    active = np.flatnonzero(wanted)
    main, other = trees.descendant[companion[active]] - 1, companion[active]
    start = trees.ordinal[main + 1]
    step = 0
    while len(active):
        step += 1
        now = start - step
        # If a branch lacks this snapshot, its pointer stays in an earlier one.
        here, there = trees.ordinal[main] == now, trees.ordinal[other] == now
        both = here & there
        separation = np.full(len(active), np.nan)
        separation[both] = separations(trees, main[both], other[both])
        radius = trees.half_light_radius[main]
        known = both & np.isfinite(separation) & (radius > 0)
        measured[active[known]] = True
        arrived = known & (separation >= radii * radius)
        steps[active[arrived]] = step
        go = ~(arrived | (here & begins[main]) | (there & begins[other]))
        main, other = (main - here)[go], (other - there)[go]
        active, start = active[go], start[go]
