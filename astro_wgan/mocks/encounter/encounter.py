"""Restricted N-body simulation of the encounter of two disk galaxies."""

from dataclasses import dataclass, field

import numpy as np
from astropy import units as u

from astro_wgan.mocks.encounter.disk_stars import draw_stars
from astro_wgan.mocks.encounter.encounter_orbit import GRAVITY, EncounterOrbit
from astro_wgan.mocks.encounter.encounter_snapshots import EncounterSnapshots
from astro_wgan.validation.seeds import check_seed

__all__ = ['DiskGalaxy', 'Encounter', 'simulate_encounter']

#: Time steps of the stars per shortest orbital period, at the center of a halo.
_STEPS = 80

#: Largest number of steps; more would take hours.
_MAX_STEPS = 200_000

#: Shortest time over which an orbit is integrated, in Gyr.
_SHORTEST = 1e-3

#: Times per Gyr at which the galaxies are tested for a merger.
_TIMELINE = 2000


@dataclass(frozen=True)
class DiskGalaxy:
    """
    Disk galaxy with a bulge and a halo.

    Attributes
    ----------
    mass, softening : `~astropy.units.Quantity`
        Mass and softening length of the halo, a Plummer sphere with all gravitating mass.
    stellar_mass : `~astropy.units.Quantity`
        Total mass of the stars, for their luminosity; they are massless test particles.
    scale_length, radius : `~astropy.units.Quantity`
        Scale length and truncation radius of the exponential disk.
    bulge_fraction : float
        Fraction of the stars in the bulge.
    bulge_scale : `~astropy.units.Quantity`
        Scale length a of the bulge, whose density is proportional to exp(-r / a) / r.
    inclination, azimuth : `~astropy.units.Quantity`
        Angle between the spins of disk and orbit (0 is prograde, 180 degrees retrograde), and
        angle of the line of nodes, from the direction of the pericenter.

    Raises
    ------
    ValueError
        If a value is out of range.
    astropy.units.UnitsError
        If a unit cannot be converted.
    """

    mass: u.Quantity = 1.5e11 * u.Msun
    softening: u.Quantity = 5 * u.kpc
    stellar_mass: u.Quantity = 5e10 * u.Msun
    scale_length: u.Quantity = 2.5 * u.kpc
    radius: u.Quantity = 10 * u.kpc
    bulge_fraction: float = 0.2
    bulge_scale: u.Quantity = 0.4 * u.kpc
    inclination: u.Quantity = 0 * u.deg
    azimuth: u.Quantity = 0 * u.deg

    def __post_init__(self):
        units = {'mass': u.Msun, 'stellar_mass': u.Msun}
        units |= dict.fromkeys(('softening', 'scale_length', 'radius', 'bulge_scale'), u.kpc)
        for name, unit in units.items():
            _set_quantity(self, name, unit, least=0)
        for name in ('inclination', 'azimuth'):
            _set_quantity(self, name, u.deg)
        if not 0 <= self.bulge_fraction <= 1:
            raise ValueError(
                f'`bulge_fraction` must be between 0 and 1; got {self.bulge_fraction}.'
            )


@dataclass(frozen=True)
class Encounter:
    """
    Two disk galaxies on a parabolic orbit.

    Attributes
    ----------
    galaxies : tuple of 2 `DiskGalaxy`
        By default inclined disks with halo masses of 3:2.
    pericenter : `~astropy.units.Quantity`
        Pericenter distance of the parabolic orbit of two point masses.
    coulomb_logarithm : float
        Coulomb logarithm of dynamical friction; 0 for none, in which case the galaxies do not
        merge.

    Raises
    ------
    ValueError
        If a value is out of range.
    astropy.units.UnitsError
        If ``pericenter`` is not a length.
    """

    galaxies: tuple = field(default_factory=lambda: _default_galaxies())
    pericenter: u.Quantity = 8 * u.kpc
    coulomb_logarithm: float = 0.5

    def __post_init__(self):
        galaxies = tuple(self.galaxies)
        if len(galaxies) != 2 or not all(isinstance(each, DiskGalaxy) for each in galaxies):
            raise ValueError(f'`galaxies` must be two DiskGalaxy objects; got {self.galaxies!r}.')
        object.__setattr__(self, 'galaxies', galaxies)
        _set_quantity(self, 'pericenter', u.kpc, least=0)
        if not 0 <= self.coulomb_logarithm < np.inf:
            raise ValueError(
                f'`coulomb_logarithm` must be 0 or more; got {self.coulomb_logarithm}.'
            )

    @property
    def orbit(self):
        """Relative orbit, an `~astro_wgan.mocks.encounter.encounter_orbit.EncounterOrbit`."""
        return EncounterOrbit(
            tuple(each.mass.value for each in self.galaxies),
            tuple(each.softening.value for each in self.galaxies),
            self.pericenter.value,
            self.coulomb_logarithm,
        )


def simulate_encounter(times, encounter=None, *, n_stars=20_000, start=-0.3 * u.Gyr, seed=0):
    """
    Simulate the encounter of two disk galaxies.

    Parameters
    ----------
    times : `~astropy.units.Quantity`, shape (n,)
        Times of the snapshots, increasing, relative to the first pericenter passage of two point
        masses.
    encounter : `Encounter`, optional
        By default two inclined disks with masses of 3:2, which merge 1.5 Gyr after the first
        passage.
    n_stars : int, optional
        Total number of stars, all of the same mass.
    start : `~astropy.units.Quantity`, optional
        Initial time, at which the disks are undisturbed.
    seed : int, optional
        Seed of the stars.

    Returns
    -------
    `EncounterSnapshots`
        Stars with positions, velocities, masses, ages and metallicities, the centers of both
        galaxies, and the time of the merger.

    Raises
    ------
    ValueError
        If an argument is out of range.
    astropy.units.UnitsError
        If ``times`` or ``start`` is not a time.

    Notes
    -----
    A restricted N-body simulation, following Toomre & Toomre 1972 (ApJ 178, 623): stars are
    massless test particles in the potentials of two halos, which orbit each other and are subject
    to dynamical friction (`~astro_wgan.mocks.encounter.encounter_orbit.EncounterOrbit`). Stars
    start on circular orbits and are integrated with a kick-drift-kick leapfrog, with 80 steps per
    shortest orbital period. The galaxies have merged when the distance of their centers can no
    longer exceed the larger softening length. There is no star formation and no self-gravity of the
    disks, and halos are rigid. Tails and bridges are realistic; the remnant is not relaxed as that
    of a merger.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import simulate_encounter
    >>> run = simulate_encounter([-0.2, 0.3, 1.8] * u.Gyr, n_stars=1000, seed=1)
    >>> run
    <EncounterSnapshots: 3 snapshots of 1000 stars, merger at 1.53 Gyr>
    >>> run.separation.round(0)
    <Quantity [52., 51.,  0.] kpc>
    >>> run.particles(1)
    <Particles: 1000 stars with positions, masses, ages, metallicities, velocities>
    """
    encounter = Encounter() if encounter is None else encounter
    times, start = _checked_times(times, start)
    if isinstance(n_stars, bool) or not isinstance(n_stars, (int, np.integer)) or n_stars < 2:
        raise ValueError(f'`n_stars` must be an integer of 2 or more; got {n_stars!r}.')
    check_seed(seed)
    _check_steps(encounter, times[-1] - start)
    orbit = encounter.orbit
    track = orbit.integrate(start, max(times[-1], start + _SHORTEST))
    galaxy = _assign_galaxies(encounter.galaxies, n_stars)
    rng = np.random.default_rng(seed)
    parts = [
        draw_stars(each, np.count_nonzero(galaxy == k), rng)
        for k, each in enumerate(encounter.galaxies)
    ]
    centers, speeds = _centers(track(np.array([start])), encounter)
    x = np.concatenate([part.positions for part in parts]) + centers[0, galaxy]
    v = np.concatenate([part.velocities for part in parts]) + speeds[0, galaxy]
    positions, velocities = _integrate_stars(x, v, track, encounter, start, times)
    centers, speeds = _centers(track(times), encounter)
    ages = np.concatenate([part.ages for part in parts])
    stellar = sum(each.stellar_mass for each in encounter.galaxies)
    return EncounterSnapshots(
        encounter=encounter,
        times=times * u.Gyr,
        centers=centers * u.kpc,
        center_velocities=(speeds * u.kpc / u.Gyr).to(u.km / u.s),
        galaxy=galaxy,
        positions=positions * u.kpc,
        velocities=(velocities * u.kpc / u.Gyr).to(u.km / u.s),
        masses=np.full(n_stars, stellar.value / n_stars) * u.Msun,
        ages=(ages + (times[:, np.newaxis] - start)) * u.Gyr,
        metallicities=np.concatenate([part.metallicities for part in parts]),
        coalescence_time=_merger_time(orbit, track, encounter, start, times[-1]),
    )


def _default_galaxies():
    large = DiskGalaxy(inclination=20 * u.deg, azimuth=-40 * u.deg)
    small = DiskGalaxy(
        mass=1e11 * u.Msun,
        softening=4 * u.kpc,
        stellar_mass=3e10 * u.Msun,
        scale_length=2 * u.kpc,
        radius=8 * u.kpc,
        bulge_fraction=0.1,
        inclination=50 * u.deg,
        azimuth=60 * u.deg,
    )
    return large, small


def _checked_times(times, start):
    times = np.atleast_1d(u.Quantity(times).to_value(u.Gyr)).astype(float)
    start = float(u.Quantity(start).to_value(u.Gyr))
    if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all():
        raise ValueError('`times` must be one or more increasing times.')
    if not (np.isfinite([*times, start]).all() and times[0] >= start):
        raise ValueError(
            f'`times` must be finite and not before `start`, {start:g} Gyr; got {times[0]:g} Gyr.'
        )
    return times, start


def _check_steps(encounter, span):
    steps = _STEPS * span / _shortest_period(encounter)
    if steps > _MAX_STEPS:
        raise ValueError(
            f'`times` require {steps:.0f} time steps, of which {_MAX_STEPS} are allowed: raise the '
            '`softening` of the galaxies or end earlier.'
        )


def _shortest_period(encounter):
    """Shortest orbital period, that at the center of a halo, in Gyr."""
    halos = ((each.mass.value, each.softening.value) for each in encounter.galaxies)
    return min(2 * np.pi * np.sqrt(a**3 / (GRAVITY * m)) for m, a in halos)


def _set_quantity(instance, name, unit, *, least=None):
    value = u.Quantity(getattr(instance, name))
    if not value.unit.is_equivalent(unit):
        raise u.UnitConversionError(f'`{name}` must be convertible to {unit}; got {value}.')
    value = value.to(unit)
    if not np.isfinite(value.value) or (least is not None and not value.value > least):
        above = '' if least is None else f' and above {least}'
        raise ValueError(f'`{name}` must be finite{above}; got {value}.')
    object.__setattr__(instance, name, value)


def _assign_galaxies(galaxies, n):
    """Index of the galaxy of each star, for stars of equal mass."""
    first, second = (each.stellar_mass.value for each in galaxies)
    of_first = min(max(round(n * first / (first + second)), 1), n - 1)
    return (np.arange(n) >= of_first).astype(int)


def _centers(state, encounter):
    """Positions and velocities of both centers, shape (n, 2, 3), around the center of mass."""
    first, second = (each.mass.value for each in encounter.galaxies)
    fraction = np.array([-second, first]) / (first + second)
    state = np.asarray(state).T[:, np.newaxis, :] * fraction[:, np.newaxis]
    return state[..., :3], state[..., 3:]


def _integrate_stars(x, v, track, encounter, start, times):
    """Positions and velocities of the stars at all times, by leapfrog integration."""
    halos = [(each.mass.value, each.softening.value) for each in encounter.galaxies]
    shortest = _shortest_period(encounter)
    positions, velocities = [], []
    for first, last in zip([start, *times[:-1]], times, strict=True):
        steps = max(1, int(np.ceil((last - first) / shortest * _STEPS)))
        step = (last - first) / steps
        moments = np.linspace(first, last, steps + 1)
        centers, _ = _centers(track(moments), encounter)
        acceleration = _acceleration(x, centers[0], halos)
        for center in centers[1:]:
            v = v + 0.5 * step * acceleration
            x = x + step * v
            acceleration = _acceleration(x, center, halos)
            v = v + 0.5 * step * acceleration
        positions.append(x)
        velocities.append(v)
    return np.array(positions), np.array(velocities)


def _acceleration(x, centers, halos):
    total = np.zeros_like(x)
    for center, (mass, softening) in zip(centers, halos, strict=True):
        offset = x - center
        squared = np.einsum('ij,ij->i', offset, offset) + softening**2
        total -= offset * (GRAVITY * mass / (squared * np.sqrt(squared)))[:, np.newaxis]
    return total


def _merger_time(orbit, track, encounter, start, last):
    """First time at which the centers are bound within the softening; None if there is none."""
    moments = np.linspace(start, last, max(2, int(_TIMELINE * (last - start))))
    radius = max(each.softening.value for each in encounter.galaxies)
    merged = orbit.is_bound_within(track(moments), radius)
    return moments[np.argmax(merged)] * u.Gyr if merged.any() else None
