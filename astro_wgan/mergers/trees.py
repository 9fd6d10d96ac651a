"""`MergerTrees`: validated merger trees of a simulation."""

import numpy as np
from astropy import units as u
from astropy.cosmology import default_cosmology
from astropy.table import QTable

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mergers.branches import (
    branch_order,
    main_progenitors,
    most_massive_histories,
)
from astro_wgan.mergers.descendant_links import NONE, Links
from astro_wgan.mergers.lost_galaxies import relink_lost_galaxies
from astro_wgan.mergers.tree_columns import bad_rows, integers, masses, quantity, require

__all__ = ['MergerTrees']


class MergerTrees:
    """
    Merger trees: galaxies of all snapshots, linked to their descendants.

    Parameters
    ----------
    table : `~astropy.table.Table`
        One row per galaxy and snapshot, in any order:

        ``id`` : int
            Unique for each galaxy in each snapshot.
        ``snapshot`` : int
            Number of the snapshot, increasing with time.
        ``time`` (unit of time) or ``redshift``
            Time or redshift of the snapshot. Redshifts are converted to the age of the universe by
            ``cosmology``.
        ``stellar_mass`` (unit of mass)
            NaN or masked if unknown; 0 for galaxies without stars.
        ``descendant_id`` : int
            ``id`` of the descendant in a later snapshot, not necessarily the next one; negative or
            masked for none.
        ``mass_contributed`` (unit of mass), optional
            Mass contributed to this descendant. A galaxy that contributes mass to several has a
            row for each: its descendant is the one with the largest contribution.
        ``main_progenitor_id`` : int, optional
            ``id`` of the main progenitor according to the tree code; negative or masked for none.
            If it is not in the table, it is chosen among those that are.
        ``position`` (unit of length, shape (n, 3)) and ``half_light_radius``, optional
            Required for merger sequences. Both physical or both comoving.
    cosmology : `~astropy.cosmology.Cosmology`, optional
        To convert redshifts to times; by default Astropy's default cosmology.
    box : `~astropy.units.Quantity`, optional
        Size of the periodic box, in the frame of the positions (one, or one for each axis).
    missing : {'error', 'end'}, optional
        What to do if a descendant is not in the table: raise an error, or end the tree there, as
        in a catalog with a mass limit.
    max_gap : int, optional
        Maximum number of snapshots for which the halo finder may lose a galaxy: see the notes. 0
        disables relinking.

    Attributes
    ----------
    ids : `~numpy.ndarray` of int, shape (n,)
        Ids of the galaxies, sorted by branch: the main progenitor of row i is row i - 1 if both are
        in the same branch. All arrays below have this order.
    ordinal : `~numpy.ndarray` of int, shape (n,)
        Index into ``snapshots`` and ``times``.
    branch : `~numpy.ndarray` of int, shape (n,)
        Number of the main branch.
    descendant : `~numpy.ndarray` of int, shape (n,)
        Row of the descendant; -1 for none.
    stellar_mass : `~numpy.ndarray`, shape (n,)
        In ``mass_unit``.
    position, half_light_radius : `~numpy.ndarray` or None, shapes (n, 3) and (n,)
        In ``length_unit``.
    secondary_links : `~numpy.ndarray` of int, shape (m, 2)
        Rows of donor and recipient where a galaxy transferred mass to one other than its
        descendant.
    relinked : `~astropy.table.QTable`
        Galaxies that were lost for some snapshots: ``lost_id`` (when last seen), ``found_id`` (when
        seen again), ``joined_id`` (the descendant in the table) and ``n_missing``, the number of
        snapshots between.
    snapshots : `~numpy.ndarray` of int
        Numbers of the snapshots.
    times : `~astropy.units.Quantity`
        Times of the snapshots.

    Raises
    ------
    ValueError
        If columns are missing, the table is empty, ids repeat, descendants do not exist or are in
        the same or an earlier snapshot (as in a cycle), a main progenitor has another descendant,
        times do not increase with the snapshot, or masses are negative or infinite.
    `~astropy.units.UnitsError`
        If a unit is missing or of the wrong kind.
    TypeError
        If ids or snapshots are not integers.

    Notes
    -----
    The main progenitor of a galaxy is given by ``main_progenitor_id``; otherwise it is the one with
    the largest contributed mass, if given, or else the one with the most massive history: the
    largest sum of stellar masses along its main branch (De Lucia & Blaizot 2007, MNRAS 375, 2). In
    case of a tie, it is the one with the lowest id.

    A halo finder can lose a galaxy that passes through another one: its tree ends as if the two
    had merged, and a tree without progenitor begins when it reappears. If positions are known, such
    a galaxy is identified with the lost one if it is within 20 half-light radii of the other one
    (100 kpc if unknown), its stellar mass has changed by at most a factor of 3, and no more than
    ``max_gap`` snapshots lie between. The two are then linked, there is no merger, and `relinked`
    lists them.

    Examples
    --------
    Two galaxies that merge in the third snapshot:

    >>> from astropy import units as u
    >>> from astropy.table import QTable
    >>> from astro_wgan.mergers import MergerTrees
    >>> table = QTable({
    ...     'id': [1, 2, 3, 4, 5],
    ...     'snapshot': [0, 0, 1, 1, 2],
    ...     'time': [1.0, 1.0, 1.1, 1.1, 1.2] * u.Gyr,
    ...     'stellar_mass': [8.0, 2.0, 9.0, 3.0, 12.0] * u.Msun,
    ...     'descendant_id': [3, 4, 5, 5, -1],
    ... })
    >>> trees = MergerTrees(table)
    >>> trees
    <MergerTrees: 5 galaxies in 2 branches, 3 snapshots from 1 Gyr to 1.2 Gyr>
    >>> trees.main_branch(5)['id'].tolist()
    [1, 3, 5]
    """

    def __init__(self, table, *, cosmology=None, box=None, missing='error', max_gap=5):
        if missing not in ('error', 'end'):
            raise ValueError(f"`missing` must be 'error' or 'end'; got {missing!r}.")
        if not isinstance(max_gap, (int, np.integer)) or max_gap < 0:
            raise ValueError(f'`max_gap` must be an integer, 0 or more; got {max_gap!r}.')
        require(table, ['id', 'snapshot', 'stellar_mass', 'descendant_id'])
        if not len(table):
            raise ValueError('`table` must hold at least one galaxy; it is empty.')
        cosmology = default_cosmology.get() if cosmology is None else cosmology
        self.snapshots, self.times, ordinal = _snapshots(table, cosmology)
        links = Links(table, ordinal, missing)
        rows = links.rows
        stellar = masses(table, 'stellar_mass')
        self.stellar_mass, self.mass_unit = stellar.value[rows], stellar.unit
        self.ids, self.ordinal = links.ids, ordinal[rows].astype(np.int32)
        self._places(table, rows, box)
        named, absent = links.named_main(table)

        def main_of(target):
            if links.contributed is None:
                return most_massive_histories(target, self.stellar_mass, self.ordinal, named)
            return main_progenitors(target, np.where(named, np.inf, links.contributed))

        main = main_of(links.target)
        lost, found = relink_lost_galaxies(self, links.target, main, max_gap)
        self.relinked = self._lost_and_found(lost, found, links.target[lost])
        if len(lost):
            links.target[lost] = found
            main = main_of(links.target)
        order, self.branch = branch_order(links.target, main, self.ordinal)
        for name in ('ids', 'ordinal', 'stellar_mass', 'position', 'half_light_radius'):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[order])
        self.descendant = links.targets_in(order)
        self.secondary_links = links.secondary_links_in(order)
        self.meta = {
            'galaxies': len(self.ids),
            'cosmology': repr(cosmology) if 'time' not in table.colnames else None,
            'box': None if self.box is None else [f'{b:g} {self.length_unit}' for b in self.box],
            'descendants_not_in_table': links.ended,
            'main_progenitors_not_in_table': absent,
            'max_gap': int(max_gap),
            'relinked': len(lost),
        }

    def _places(self, table, rows, box):
        self.position = self.half_light_radius = self.box = self.length_unit = None
        if 'position' in table.colnames:
            position = quantity(table, 'position', u.kpc)
            if position.ndim != 2:
                raise ValueError(
                    f'Column `position` must have the shape (n, 3); got {position.shape}.'
                )
            self.length_unit = position.unit
            self.position = position.value[rows]
            if box is not None:
                self.box = np.broadcast_to(
                    u.Quantity(box).to_value(self.length_unit), self.position.shape[1]
                )
                if not (self.box > 0).all():
                    raise ValueError(f'`box` must be above 0; got {box}.')
        if 'half_light_radius' in table.colnames:
            radius = quantity(table, 'half_light_radius', u.kpc)
            unit = self.length_unit or radius.unit
            self.half_light_radius = radius.to_value(unit)[rows]

    def _lost_and_found(self, lost, found, joined):
        return QTable(
            {
                'lost_id': self.ids[lost],
                'found_id': self.ids[found],
                'joined_id': self.ids[joined],
                'n_missing': self.ordinal[found] - self.ordinal[lost] - 1,
            }
        )

    def __len__(self):
        return len(self.ids)

    def __repr__(self):
        first, last = self.times[[0, -1]]
        return (
            f'<MergerTrees: {len(self)} galaxies in {self.branch[-1] + 1} branches, '
            f'{len(self.snapshots)} snapshots from {first:.4g} to {last:.4g}>'
        )

    def main_branch(self, galaxy_id):
        """
        The main branch of a galaxy: its main progenitors and its descendants.

        Parameters
        ----------
        galaxy_id : int
            Any galaxy of the branch.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``snapshot``, ``time`` and ``stellar_mass``, in chronological order. It ends
            when the galaxy merges into one with another main progenitor.

        Raises
        ------
        ValueError
            If there is no galaxy of this id.
        """
        found = np.flatnonzero(self.ids == galaxy_id)
        if not len(found):
            raise ValueError(f'`galaxy_id` must be the id of a galaxy; there is no {galaxy_id}.')
        number = self.branch[found[0]]
        rows = np.arange(
            np.searchsorted(self.branch, number), np.searchsorted(self.branch, number, 'right')
        )
        return QTable(
            {
                'id': self.ids[rows],
                'snapshot': self.snapshots[self.ordinal[rows]],
                'time': self.times[self.ordinal[rows]],
                'stellar_mass': self.stellar_mass[rows] * self.mass_unit,
            },
            meta=provenance_record(trees=self.meta),
        )

    @property
    def has_main_progenitor(self):
        """True for galaxies whose main progenitor is the previous row."""
        return np.append(False, self.branch[1:] == self.branch[:-1])

    @property
    def companions(self):
        """Rows of galaxies that merge into another one: the last ones of their branches."""
        last = np.append(self.branch[1:] != self.branch[:-1], True)
        return np.flatnonzero(last & (self.descendant != NONE))

    def row_at(self, branch, ordinal):
        """
        First row of a branch at or after a snapshot.

        Parameters
        ----------
        branch, ordinal : array_like of int, shape (m,)

        Returns
        -------
        `~numpy.ndarray` of int, shape (m,)
            The row after the branch if there is none.
        """
        count = np.int64(len(self.snapshots))
        keys = self.branch * count + self.ordinal
        # Ordinals beyond the last snapshot must not point into the next branch.
        return np.searchsorted(keys, branch * count + np.minimum(ordinal, count))


def _snapshots(table, cosmology):
    """Numbers and times of the snapshots, and the index of each row into them."""
    snapshots, first, ordinal = np.unique(
        integers(table, 'snapshot'), return_index=True, return_inverse=True
    )
    if 'time' in table.colnames:
        name, values = 'time', quantity(table, 'time', u.Gyr).to_value(u.Gyr)
    elif 'redshift' in table.colnames:
        name, values = 'redshift', quantity(table, 'redshift', '').to_value('')
    else:
        raise ValueError('`table` must have a column `time` or `redshift`; it has neither.')
    one = values[first]
    # Single precision, as in many catalogs, has seven digits.
    differ = ~np.isclose(values, one[ordinal], rtol=1e-5, atol=1e-5)
    if differ.any():
        raise ValueError(
            f'Column `{name}` must be finite and the same for all galaxies of a snapshot; '
            f'it is not in {bad_rows(differ)}.'
        )
    times = one if name == 'time' else cosmology.age(one).to_value(u.Gyr)
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        a, b = late[0], late[0] + 1
        raise ValueError(
            'Time must increase with the number of the snapshot; '
            f'snapshot {snapshots[a]} is at {times[a]:.4g} Gyr and '
            f'{snapshots[b]} at {times[b]:.4g} Gyr.'
        )
    return snapshots, times * u.Gyr, ordinal
