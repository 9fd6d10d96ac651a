"""Merger sequences: the galaxies of each merger, from its approach to its remnant."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mergers.approach import follow_remnants, separations
from astro_wgan.mergers.descendant_links import NONE
from astro_wgan.mergers.events import find_mergers

__all__ = ['find_merger_sequences']


def find_merger_sequences(trees, *, min_ratio=0.1, approach_radii=4.0, mass_at='last'):
    """
    Follow the main galaxy of each merger through time, from t = -1 to t = 1.

    A sequence starts (t = -1) at the last snapshot before the merger in which the companion is at
    least ``approach_radii`` half-light radii away. At t = 0 the two are one galaxy for the first
    time. The sequence ends (t = 1) after as many snapshots again.

    Parameters
    ----------
    trees : `MergerTrees`
        With positions and half-light radii.
    min_ratio, approach_radii, mass_at
        As in `find_mergers`.

    Returns
    -------
    `~astropy.table.QTable`
        One row per merger and snapshot of the main galaxy:

        ``merger_id``
            Row of the merger in the table of `find_mergers` with the same options.
        ``galaxy_id``, ``companion_id``
            The main galaxy and the companion in this snapshot; -1 after the merger, and if the
            tree lacks the companion.
        ``snapshot``, ``time``
            The snapshot and its time.
        ``merger_time``
            Snapshots since the merger over the snapshots of the approach: -1 to 1.
        ``stage``
            ``'pre-merger'`` for t < 0, else ``'post-merger'``.
        ``mass_ratio``
            Mass ratio of the merger.
        ``separation``, ``separation_radii``
            Separation of the two, and in half-light radii of the main galaxy; NaN if unknown.
        ``n_sequences``
            Number of sequences that include this galaxy, as main galaxy or companion: 2 or more
            if mergers overlap.

        Only mergers with a complete ``approach`` are included. ``meta['approach']`` and
        ``meta['remnant']`` have the counts of each value for all mergers.

    Raises
    ------
    ValueError
        If the trees have no positions or half-light radii, or an option is out of range.

    Notes
    -----
    See Margalef-Bentabol et al. 2020, section 4.1. Only snapshots that occur in the trees are
    counted. If they are evenly spaced, as in Horizon-AGN, ``merger_time`` is the time since the
    merger over the duration of the approach.

    Examples
    --------
    >>> from astro_wgan.mergers import MergerTrees, find_merger_sequences, make_toy_trees
    >>> sequences = find_merger_sequences(MergerTrees(make_toy_trees(2000, seed=1)))
    >>> float(sequences['merger_time'].min()), float(sequences['merger_time'].max())
    (-1.0, 1.0)
    """
    lacking = [name for name in ('position', 'half_light_radius') if getattr(trees, name) is None]
    if lacking:
        raise ValueError(f'Merger sequences need the columns {lacking}, which the trees lack.')
    mergers = find_mergers(
        trees, min_ratio=min_ratio, approach_radii=approach_radii, mass_at=mass_at
    )
    meta = provenance_record(
        trees=trees.meta,
        min_ratio=min_ratio,
        approach_radii=approach_radii,
        mass_at=mass_at,
        approach=_counts(mergers['approach']),
        remnant=_counts(mergers['remnant']),
    )
    mergers = mergers[mergers['n_snapshots'] > 0]
    return QTable(_rows(trees, mergers), meta=meta)


def _rows(trees, mergers):
    galaxy, companion = _locate(trees, mergers['galaxy_id'], mergers['companion_id'])
    steps = np.asarray(mergers['n_snapshots'])
    first = trees.row_at(trees.branch[galaxy], trees.ordinal[galaxy] - steps)
    last, _ = follow_remnants(trees, galaxy, steps)
    merger, row = _ranges(first, last)
    since = trees.ordinal[row] - trees.ordinal[galaxy][merger]
    other = _companions(trees, trees.branch[companion][merger], row, since < 0)
    separation = np.full(len(row), np.nan)
    there = other != NONE
    separation[there] = separations(trees, row[there], other[there])
    radius = trees.half_light_radius[row]
    radius = np.where(radius > 0, radius, np.nan)
    return {
        'merger_id': np.asarray(mergers['merger_id'])[merger],
        'galaxy_id': trees.ids[row],
        'companion_id': np.where(there, trees.ids[other], NONE),
        'snapshot': trees.snapshots[trees.ordinal[row]],
        'time': trees.times[trees.ordinal[row]],
        'merger_time': since / steps[merger],
        'stage': np.where(since < 0, 'pre-merger', 'post-merger'),
        'mass_ratio': np.asarray(mergers['mass_ratio'])[merger],
        'separation': u.Quantity(separation, trees.length_unit, copy=False),
        'separation_radii': separation / radius,
        'n_sequences': _shared(trees, row, other),
    }


def _locate(trees, *ids):
    """Rows of galaxies by id."""
    order = np.argsort(trees.ids)
    ordered = trees.ids[order]
    return [order[np.searchsorted(ordered, some)] for some in ids]


def _ranges(first, last):
    """All rows from first to last of each range, and the number of the range of each."""
    lengths = last - first + 1
    number = np.repeat(np.arange(len(first)), lengths)
    starts = np.cumsum(lengths) - lengths
    return number, np.arange(len(number)) - starts[number] + first[number]


def _companions(trees, branch, row, before):
    """Rows of the companions in the snapshots of the given rows; -1 for none."""
    other = np.full(len(row), NONE)
    ordinal = trees.ordinal[row[before]]
    found = np.minimum(trees.row_at(branch[before], ordinal), len(trees) - 1)
    there = (trees.branch[found] == branch[before]) & (trees.ordinal[found] == ordinal)
    other[before] = np.where(there, found, NONE)
    return other


def _shared(trees, row, other):
    """Number of sequences that include the galaxy of each row."""
    taken = np.bincount(row, minlength=len(trees))
    taken += np.bincount(other[other != NONE], minlength=len(trees))
    return taken[row]


def _counts(words):
    words, numbers = np.unique(np.asarray(words), return_counts=True)
    return {str(word): int(number) for word, number in zip(words, numbers, strict=True)}
