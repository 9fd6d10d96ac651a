"""`EncounterSnapshots`: the stars of two galaxies at some times, and their merger tree."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.mocks.particle_tables import read_particles

__all__ = ['EncounterSnapshots']


@dataclass(frozen=True, eq=False, repr=False)
class EncounterSnapshots:
    """
    What `simulate_encounter` has made; the center of mass of both halos is at rest at 0.

    Attributes
    ----------
    encounter : `Encounter`
        Of what it is.
    times : `~astropy.units.Quantity`, shape (n,)
        From the first passage.
    centers, center_velocities : `~astropy.units.Quantity`, shape (n, 2, 3)
        Of both galaxies.
    galaxy : `~numpy.ndarray` of int, shape (stars,)
        To which of the two each star belongs.
    positions, velocities : `~astropy.units.Quantity`, shape (n, stars, 3)
    masses, metallicities : shape (stars,)
        As `Particles` takes them.
    ages : `~astropy.units.Quantity`, shape (n, stars)
    merger_time : `~astropy.units.Quantity` or None
        When the two become one; None if not before the last snapshot.
    """

    encounter: Any
    times: u.Quantity
    centers: u.Quantity
    center_velocities: u.Quantity
    galaxy: np.ndarray
    positions: u.Quantity
    velocities: u.Quantity
    masses: u.Quantity
    ages: u.Quantity
    metallicities: np.ndarray
    merger_time: u.Quantity | None = field(default=None)

    def __len__(self):
        return len(self.times)

    def __repr__(self):
        merger = 'no merger'
        if self.merger_time is not None:
            merger = f'merger at {self.merger_time:.2f}'
        return f'<EncounterSnapshots: {len(self)} snapshots of {len(self.masses)} stars, {merger}>'

    @property
    def separation(self):
        """Of the two centers, shape (n,)."""
        return np.linalg.norm(self.centers[:, 1] - self.centers[:, 0], axis=-1)

    def table(self, snapshot):
        """
        The stars of a snapshot, with the columns that `read_particles` takes, and ``galaxy``.

        Parameters
        ----------
        snapshot : int
            Index into `times`.

        Returns
        -------
        `~astropy.table.QTable`
        """
        return QTable(
            {
                'positions': self.positions[snapshot],
                'velocities': self.velocities[snapshot],
                'masses': self.masses,
                'ages': self.ages[snapshot],
                'metallicities': self.metallicities,
                'galaxy': self.galaxy,
            }
        )

    def particles(self, snapshot):
        """
        The stars of a snapshot.

        Parameters
        ----------
        snapshot : int
            Index into `times`.

        Returns
        -------
        `Particles`
        """
        return read_particles(self.table(snapshot))

    def tree(self, first_passage=12 * u.Gyr):
        """
        The merger tree of the two.

        Parameters
        ----------
        first_passage : `~astropy.units.Quantity`, optional
            Age of the universe at the first passage.

        Returns
        -------
        `~astropy.table.QTable`
            As `~astro_wgan.mergers.MergerTrees` takes it: a row for each galaxy and snapshot, and
            from `merger_time` on one for the remnant. Effective radii are those that half of the
            stars lie within; those of the two galaxies count from their centers and for their own
            stars.
        """
        merged = np.zeros(len(self), dtype=bool)
        if self.merger_time is not None:
            merged = self.times >= self.merger_time
        rows = []
        for snapshot, one in enumerate(merged):
            for number in (0,) if one else (0, 1):
                rows.append(self._tree_row(snapshot, number, one))
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        last = columns['snapshot'][-1]
        ids = {
            (s, g): k
            for k, (s, g) in enumerate(zip(columns['snapshot'], columns.pop('number'), strict=True))
        }
        following = [
            ids.get((s + 1, g), ids.get((s + 1, 0), -1)) if s < last else -1 for s, g in ids
        ]
        return QTable(
            {
                'id': np.arange(len(rows)),
                'snapshot': columns['snapshot'],
                'time': u.Quantity(first_passage).to(u.Gyr) + self.times[columns['snapshot']],
                'stellar_mass': u.Quantity(columns['stellar_mass']),
                'descendant_id': following,
                'position': u.Quantity(columns['position']),
                'effective_radius': u.Quantity(columns['effective_radius']),
            }
        )

    def _tree_row(self, snapshot, number, merged):
        own = np.full(len(self.galaxy), True) if merged else self.galaxy == number
        center = np.zeros(3) * u.kpc if merged else self.centers[snapshot, number]
        away = np.linalg.norm(self.positions[snapshot, own] - center, axis=-1)
        return {
            'snapshot': snapshot,
            'number': number,
            'stellar_mass': self.masses[own].sum(),
            'position': center,
            'effective_radius': np.median(away),
        }
