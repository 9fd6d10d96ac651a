"""`EncounterSnapshots`: the stars of two galaxies at some times, and their merger tree."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.mocks.readers.particle_tables import read_particles

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
        rows = [(k, number) for k in range(len(self)) for number in ((0,) if merged[k] else (0, 1))]
        place = {row: k for k, row in enumerate(rows)}
        following = [place.get((k + 1, number), place.get((k + 1, 0), -1)) for k, number in rows]
        galaxies = [self._galaxy(k, None if merged[k] else number) for k, number in rows]
        masses, centers, radii = (u.Quantity(each) for each in zip(*galaxies, strict=True))
        snapshot = np.array([k for k, _ in rows])
        return QTable(
            {
                'id': np.arange(len(rows)),
                'snapshot': snapshot,
                'time': u.Quantity(first_passage).to(u.Gyr) + self.times[snapshot],
                'stellar_mass': masses,
                'descendant_id': following,
                'position': centers,
                'half_light_radius': radii,
            }
        )

    def _galaxy(self, snapshot, number):
        """Mass, center and radius of one of the two, or of both where there is no number."""
        own, center = np.ones(len(self.galaxy), dtype=bool), np.zeros(3) * u.kpc
        if number is not None:
            own, center = self.galaxy == number, self.centers[snapshot, number]
        away = np.linalg.norm(self.positions[snapshot, own] - center, axis=-1)
        return self.masses[own].sum(), center, np.median(away)
