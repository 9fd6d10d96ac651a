"""Snapshots of a simulated encounter, and its merger tree."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.mocks.particles import Particles

__all__ = ['EncounterSnapshots']


@dataclass(frozen=True, eq=False, repr=False)
class EncounterSnapshots:
    """
    Snapshots of an encounter, as `simulate_encounter` returns them.

    The center of mass of the two halos is at rest at the origin.

    Attributes
    ----------
    encounter : `Encounter`
        The simulated encounter.
    times : `~astropy.units.Quantity`, shape (n,)
        Relative to the first passage.
    centers, center_velocities : `~astropy.units.Quantity`, shape (n, 2, 3)
        Positions and velocities of the centers of the two galaxies.
    galaxy : `~numpy.ndarray` of int, shape (stars,)
        Index of the galaxy of each star, 0 or 1.
    positions, velocities : `~astropy.units.Quantity`, shape (n, stars, 3)
    masses, metallicities : shape (stars,)
        As in `Particles`.
    ages : `~astropy.units.Quantity`, shape (n, stars)
    coalescence_time : `~astropy.units.Quantity` or None
        Time of the merger; None if it is after the last snapshot.
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
    coalescence_time: u.Quantity | None = field(default=None)

    def __len__(self):
        return len(self.times)

    def __repr__(self):
        merger = 'no merger'
        if self.coalescence_time is not None:
            merger = f'merger at {self.coalescence_time:.2f}'
        return f'<EncounterSnapshots: {len(self)} snapshots of {len(self.masses)} stars, {merger}>'

    @property
    def separation(self):
        """Distance of the two centers, shape (n,)."""
        return np.linalg.norm(self.centers[:, 1] - self.centers[:, 0], axis=-1)

    def table(self, snapshot):
        """
        Stars of a snapshot as a table, with the columns of `read_particles` and ``galaxy``.

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
        Stars of a snapshot.

        Parameters
        ----------
        snapshot : int
            Index into `times`.

        Returns
        -------
        `Particles`
        """
        return Particles(
            positions=self.positions[snapshot],
            velocities=self.velocities[snapshot],
            masses=self.masses,
            ages=self.ages[snapshot],
            metallicities=self.metallicities,
        )

    def tree(self, first_passage=12 * u.Gyr):
        """
        Merger tree of the two galaxies.

        Parameters
        ----------
        first_passage : `~astropy.units.Quantity`, optional
            Age of the universe at the first passage.

        Returns
        -------
        `~astropy.table.QTable`
            Input of `~astro_wgan.mergers.MergerTrees`: a row for each galaxy and snapshot, and,
            from `coalescence_time` on, one for the remnant. Radii contain half of the stars of a
            galaxy, and are measured from its center.
        """
        merged = np.zeros(len(self), dtype=bool)
        if self.coalescence_time is not None:
            merged = self.times >= self.coalescence_time
        rows = [(k, number) for k in range(len(self)) for number in ((0,) if merged[k] else (0, 1))]
        index = {row: k for k, row in enumerate(rows)}
        descendants = [index.get((k + 1, number), index.get((k + 1, 0), -1)) for k, number in rows]
        galaxies = [self._galaxy(k, None if merged[k] else number) for k, number in rows]
        masses, centers, radii = (u.Quantity(each) for each in zip(*galaxies, strict=True))
        snapshot = np.array([k for k, _ in rows])
        return QTable(
            {
                'id': np.arange(len(rows)),
                'snapshot': snapshot,
                'time': u.Quantity(first_passage).to(u.Gyr) + self.times[snapshot],
                'stellar_mass': masses,
                'descendant_id': descendants,
                'position': centers,
                'half_light_radius': radii,
            }
        )

    def _galaxy(self, snapshot, number):
        """Mass, center and radius of a galaxy, or of the remnant if ``number`` is None."""
        own, center = np.ones(len(self.galaxy), dtype=bool), np.zeros(3) * u.kpc
        if number is not None:
            own, center = self.galaxy == number, self.centers[snapshot, number]
        distance = np.linalg.norm(self.positions[snapshot, own] - center, axis=-1)
        return self.masses[own].sum(), center, np.median(distance)
