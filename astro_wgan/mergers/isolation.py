"""`find_isolated_galaxies`: galaxies without mergers in the recent past and near future."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mergers.descendant_links import NONE
from astro_wgan.mergers.events import link_ratio

__all__ = ['find_isolated_galaxies']

#: Relative tolerance, so that snapshots exactly one span apart count as such.
_SLACK = 1e-9


def find_isolated_galaxies(trees, *, span=1 * u.Gyr, min_ratio=0.0):
    """
    Find galaxies with a single progenitor in the past and a single descendant in the future span.

    Parameters
    ----------
    trees : `MergerTrees`
    span : `~astropy.units.Quantity`, optional
        Time to either side, which the tree must cover: galaxies that appeared less than one span
        ago, or whose tree ends within it, are not counted as isolated.
    min_ratio : float, optional
        Ignore progenitors below this stellar mass ratio. By default all count.

    Returns
    -------
    `~astropy.table.QTable`
        One row per isolated galaxy, by snapshot and id: ``galaxy_id``, ``snapshot``, ``time``,
        ``stellar_mass``, ``isolated_since`` (time of the first snapshot after the last merger, or
        of the first one in the tree) and ``isolated_until`` (time of the last snapshot before the
        next merger, or in the tree).

    Raises
    ------
    ValueError
        If ``span`` is not above 0, or ``min_ratio`` is not between 0 and 1.
    `~astropy.units.UnitsError`
        If ``span`` is not a time.

    Notes
    -----
    See Margalef-Bentabol et al. 2020, section 4.1. A galaxy that transferred mass to another one in
    a flyby has two descendants, and is a progenitor of the other: neither is isolated. A merger
    into a more massive galaxy ends the isolation at any mass ratio. Progenitors of unknown mass
    count.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mergers import MergerTrees, find_isolated_galaxies, make_toy_trees
    >>> trees = MergerTrees(make_toy_trees(2000, seed=1))
    >>> isolated = find_isolated_galaxies(trees, span=0.5 * u.Gyr)
    >>> bool((isolated['time'] - isolated['isolated_since'] >= 0.499 * u.Gyr).all())
    True
    """
    span = u.Quantity(span).to_value(u.Gyr)
    if not span > 0:
        raise ValueError(f'`span` must be above 0; got {span} Gyr.')
    if not 0 <= min_ratio <= 1:
        raise ValueError(f'`min_ratio` must lie between 0 and 1; got {min_ratio}.')
    merged, donors = _merged_and_donors(trees, min_ratio)
    first, last = _isolated_phases(trees, merged, donors)
    times = trees.times.to_value(u.Gyr)
    now, since, until = (times[trees.ordinal[row]] for row in (slice(None), first, last))
    slack = _SLACK * span
    # The tree must cover the span unless it ends in a merger after it.
    next_one = trees.descendant[last]
    merges_at = np.where(next_one == NONE, -np.inf, times[trees.ordinal[next_one]])
    isolated = (now - since >= span - slack) & (
        (until - now >= span - slack) | (merges_at - now > span + slack)
    )
    rows = np.flatnonzero(isolated)
    rows = rows[np.lexsort([trees.ids[rows], trees.ordinal[rows]])]
    return QTable(
        {
            'galaxy_id': trees.ids[rows],
            'snapshot': trees.snapshots[trees.ordinal[rows]],
            'time': now[rows] * u.Gyr,
            'stellar_mass': trees.stellar_mass[rows] * trees.mass_unit,
            'isolated_since': since[rows] * u.Gyr,
            'isolated_until': until[rows] * u.Gyr,
        },
        meta=provenance_record(trees=trees.meta, span_gyr=span, min_ratio=min_ratio),
    )


def _merged_and_donors(trees, min_ratio):
    """True for galaxies with secondary progenitors, and for donors of secondary links."""
    companion = trees.companions
    donor = np.append(companion, trees.secondary_links[:, 0])
    recipient = np.append(trees.descendant[companion], trees.secondary_links[:, 1])
    # Not below instead of above, so that unknown ratios count.
    counts = ~(link_ratio(trees, donor, recipient) < min_ratio)
    merged = np.zeros(len(trees), dtype=bool)
    merged[recipient[counts]] = True
    donors = np.zeros(len(trees), dtype=bool)
    donors[trees.secondary_links[counts[len(companion) :], 0]] = True
    return merged, donors


def _isolated_phases(trees, merged, donors):
    """First and last row of the isolated phase of its branch that each galaxy is in."""
    rows = np.arange(len(trees))
    begins = merged | ~trees.has_main_progenitor
    first = np.maximum.accumulate(np.where(begins, rows, 0))
    ends = np.append(begins[1:], True) | donors
    last = np.minimum.accumulate(np.where(ends, rows, len(rows))[::-1])[::-1]
    return first, last
