"""Links of galaxies to their descendants, validated to be later in time."""

import numpy as np

from astro_wgan.mergers.tree_columns import bad_rows, integers, masses

__all__ = ['NONE', 'Links']

#: Row of a missing descendant, or id of a missing galaxy.
NONE = -1


class Links:
    """Links of galaxies to their descendants, with galaxies sorted by id."""

    def __init__(self, table, ordinal, missing):
        ids = integers(table, 'id')
        if (ids < 0).any():
            raise ValueError(f'Column `id` must be 0 or more; it is not in {bad_rows(ids < 0)}.')
        descendants = integers(table, 'descendant_id', fill=NONE)
        given = None
        if 'mass_contributed' in table.colnames:
            given = masses(table, 'mass_contributed').value
        order = np.argsort(ids, kind='stable')
        first = np.append(True, np.diff(ids[order]) != 0)
        if not first.all():
            order = _largest_contribution_first(ids, ordinal, given)
        self.rows = order[first]
        self.ids = ids[self.rows]
        self.contributed = None if given is None else given[self.rows]
        self.target, self.ended = _look_up(self.ids, descendants[self.rows], missing)
        extra = order[~first]
        donor = np.searchsorted(self.ids, ids[extra])
        recipient, ended = _look_up(self.ids, descendants[extra], missing)
        self.ended += ended
        self._secondary = np.column_stack([donor, recipient])[recipient != NONE]
        at = ordinal[self.rows]
        linked = np.flatnonzero(self.target != NONE)
        self._check_forward(linked, self.target[linked], at)
        self._check_forward(*self._secondary.T, at)

    def named_main(self, table):
        """
        Galaxies that are main progenitors according to the column ``main_progenitor_id``.

        Returns
        -------
        named : `~numpy.ndarray` of bool, shape (n,)
        absent : int
            Number of galaxies whose main progenitor is not in the table.
        """
        named = np.zeros(len(self.ids), dtype=bool)
        if 'main_progenitor_id' not in table.colnames:
            return named, 0
        wanted = integers(table, 'main_progenitor_id', fill=NONE)[self.rows]
        rows, absent = _look_up(self.ids, wanted, 'end')
        galaxy = np.flatnonzero(rows != NONE)
        progenitor = rows[galaxy]
        wrong = np.flatnonzero(self.target[progenitor] != galaxy)
        if len(wrong):
            first = wrong[0]
            raise ValueError(
                'Column `main_progenitor_id` must name a galaxy that becomes this one; '
                f'{len(wrong)} rows do not, such as {self.ids[galaxy[first]]}, which names '
                f'{self.ids[progenitor[first]]}.'
            )
        named[progenitor] = True
        return named, absent

    def _check_forward(self, source, target, ordinal):
        backward = np.flatnonzero(ordinal[target] <= ordinal[source])
        if not len(backward):
            return
        source, target = source[backward[0]], target[backward[0]]
        raise ValueError(
            f'A descendant must be in a later snapshot; that of {len(backward)} galaxies is not, '
            f'such as {self.ids[target]}, the descendant of {self.ids[source]}'
            f'{self._cycle(source)}.'
        )

    def _cycle(self, start):
        seen, at = [start], self.target[start]
        while at not in (start, NONE) and len(seen) < 1000:
            seen.append(at)
            at = self.target[at]
        if at != start:
            return ''
        path = ' -> '.join(str(self.ids[row]) for row in [*seen, start])
        return f': the tree runs in a cycle, {path}'

    def targets_in(self, order):
        """Row of each descendant after galaxies are reordered."""
        return _renumber(self.target[order], order)

    def secondary_links_in(self, order):
        """Secondary links after galaxies are reordered."""
        return _renumber(self._secondary, order)


def _renumber(rows, order):
    place = np.empty(len(order) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    # The last element is that of row -1.
    place[NONE] = NONE
    return place[rows]


def _largest_contribution_first(ids, ordinal, given):
    if given is None:
        order = np.argsort(ids, kind='stable')
        repeated = ids[order][1:][np.diff(ids[order]) == 0]
        raise ValueError(
            'Column `id` must differ in each row, unless `mass_contributed` says how much a galaxy '
            f'gave to each of several descendants; {repeated[0]} and {len(repeated) - 1} more '
            'repeat.'
        )
    order = np.lexsort([-np.nan_to_num(given, nan=-1.0), ids])
    same = np.diff(ids[order]) == 0
    if (same & (np.diff(ordinal[order]) != 0)).any():
        galaxy = ids[order][1:][same & (np.diff(ordinal[order]) != 0)][0]
        raise ValueError(f'Column `id`: {galaxy} occurs in more than one snapshot.')
    return order


def _look_up(ids, wanted, missing):
    """Rows of descendants in the sorted ids, and the number of missing ones."""
    rows = np.searchsorted(ids, wanted)
    rows[rows == len(ids)] = 0
    absent = (ids[rows] != wanted) & (wanted >= 0)
    if absent.any() and missing == 'error':
        named = ', '.join(str(i) for i in np.unique(wanted[absent])[:5])
        raise ValueError(
            f'Column `descendant_id`: {absent.sum()} rows name galaxies that are not in the table '
            f"({named}); `missing='end'` lets their trees end."
        )
    rows[absent | (wanted < 0)] = NONE
    return rows, int(absent.sum())
