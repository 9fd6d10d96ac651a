"""Isolated galaxies: those that neither merged of late nor will soon."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mergers.descendant_links import NONE
from astro_wgan.mergers.events import link_ratio

__all__ = ['find_isolated_galaxies']

#: Times are compared to this part of the span: snapshots exactly one span apart count as such.
_SLACK = 1e-9


def find_isolated_galaxies(trees, *, span=1 * u.Gyr, min_ratio=0.0):
    """
    Galaxies with one progenitor only over the past and one descendant only over the future span.

    Parameters
    ----------
    trees : `MergerTrees`
    span : `~astropy.units.Quantity`, optional
        Time to either side, which the tree has to cover: galaxies that appear less than one span
        ago, or whose tree ends within it, are not known to be isolated.
    min_ratio : float, optional
        Overlook progenitors below this stellar mass ratio. By default each one counts.

    Returns
    -------
    `~astropy.table.QTable`
        One row per isolated galaxy, by snapshot and id: ``galaxy_id``, ``snapshot``, ``time``,
        ``stellar_mass``, ``isolated_since`` (time of the first galaxy after the last merger, or of
        the first one in the tree) and ``isolated_until`` (time of the last galaxy before the next
        merger, or in the tree).

    Raises
    ------
    ValueError
        If ``span`` is not above 0, or ``min_ratio`` is not between 0 and 1.
    `~astropy.units.UnitsError`
        If ``span`` is no time.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 4.1. A galaxy that gave mass to a second one in passing
    has two descendants, and the second one has it as a progenitor: neither is isolated. That a
    galaxy becomes part of a larger one ends its quiet time whatever the ratio. Progenitors of
    unknown mass count.

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
    merged, gives = _merged_and_gives(trees, min_ratio)
    first, last = _quiet(trees, merged, gives)
    times = trees.times.to_value(u.Gyr)
    now, since, until = (times[trees.ordinal[row]] for row in (slice(None), first, last))
    slack = _SLACK * span
    # A tree that ends must cover the span; a merger must only not happen within it.
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


def _merged_and_gives(trees, min_ratio):
    """True for galaxies with progenitors besides the main one, and for those of side links."""
    companion = trees.companions
    donor = np.append(companion, trees.secondary_links[:, 0])
    recipient = np.append(trees.descendant[companion], trees.secondary_links[:, 1])
    # Not below, rather than above: an unknown ratio counts.
    counts = ~(link_ratio(trees, donor, recipient) < min_ratio)
    merged = np.zeros(len(trees), dtype=bool)
    merged[recipient[counts]] = True
    gives = np.zeros(len(trees), dtype=bool)
    gives[trees.secondary_links[counts[len(companion) :], 0]] = True
    return merged, gives


def _quiet(trees, merged, gives):
    """First and last row of the quiet part of its branch that each galaxy is in."""
    rows = np.arange(len(trees))
    begins = merged | ~trees.has_main_progenitor
    first = np.maximum.accumulate(np.where(begins, rows, 0))
    ends = np.append(begins[1:], True) | gives
    last = np.minimum.accumulate(np.where(ends, rows, len(rows))[::-1])[::-1]
    return first, last
