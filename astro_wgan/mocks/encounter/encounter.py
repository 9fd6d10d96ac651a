"""`simulate_encounter`: two discs that meet, grow tails and merge, in seconds."""

from dataclasses import dataclass, field

import numpy as np
from astropy import units as u

from astro_wgan.mocks.encounter.disk_stars import draw_stars
from astro_wgan.mocks.encounter.encounter_orbit import GRAVITY, EncounterOrbit
from astro_wgan.mocks.encounter.encounter_snapshots import EncounterSnapshots
from astro_wgan.validation.seeds import check_seed

__all__ = ['DiskGalaxy', 'Encounter', 'simulate_encounter']

#: Steps of the stars in the shortest period of a circle, in the middle of a halo.
_STEPS = 80

#: More steps than these would take hours.
_MOST_STEPS = 200_000

#: An orbit is followed for so long at least, in Gyr.
_SHORTEST = 1e-3

#: Points in time, for each Gyr, between which a merger is told.
_TIMELINE = 2000


@dataclass(frozen=True)
class DiskGalaxy:
    """
    A disc with a bulge in a halo.

    Attributes
    ----------
    mass, softening : `~astropy.units.Quantity`
        Of the halo, a Plummer sphere, which holds all mass that pulls.
    stellar_mass : `~astropy.units.Quantity`
        Of all stars together, for their light; they pull nothing.
    scale_length, radius : `~astropy.units.Quantity`
        Of the exponential disc, and where it ends.
    bulge_fraction : float
        Share of the stars in the bulge.
    bulge_scale : `~astropy.units.Quantity`
        Scale of its exponential decline.
    inclination, azimuth : `~astropy.units.Quantity`
        Between the spins of disc and orbit: 0 is prograde, 180 degrees retrograde; and of the
        line of nodes, from the direction of the pericenter.

    Raises
    ------
    ValueError
        If a number is out of range.
    astropy.units.UnitsError
        If a unit does not convert.
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
            _put_quantity(self, name, unit, least=0)
        for name in ('inclination', 'azimuth'):
            _put_quantity(self, name, u.deg)
        if not 0 <= self.bulge_fraction <= 1:
            raise ValueError(f'`bulge_fraction` must be 0 to 1; got {self.bulge_fraction}.')


@dataclass(frozen=True)
class Encounter:
    """
    Two discs on a parabolic orbit.

    Attributes
    ----------
    galaxies : tuple of 2 `DiskGalaxy`
        By default inclined discs in halos of masses 3:2.
    pericenter : `~astropy.units.Quantity`
        Least distance on the parabola of two points of these masses.
    coulomb_logarithm : float
        Coulomb logarithm of dynamical friction; without it, 0, they part for ever.

    Raises
    ------
    ValueError
        If a number is out of range.
    astropy.units.UnitsError
        If ``pericenter`` is no length.
    """

    galaxies: tuple = field(default_factory=lambda: _unequal_discs())
    pericenter: u.Quantity = 8 * u.kpc
    coulomb_logarithm: float = 0.5

    def __post_init__(self):
        galaxies = tuple(self.galaxies)
        if len(galaxies) != 2 or not all(isinstance(each, DiskGalaxy) for each in galaxies):
            raise ValueError(f'`galaxies` must be two of DiskGalaxy; got {self.galaxies!r}.')
        object.__setattr__(self, 'galaxies', galaxies)
        _put_quantity(self, 'pericenter', u.kpc, least=0)
        if not 0 <= self.coulomb_logarithm < np.inf:
            raise ValueError(
                f'`coulomb_logarithm` must be 0 or more; got {self.coulomb_logarithm}.'
            )

    @property
    def orbit(self):
        """The `~astro_wgan.mocks.encounter.encounter_orbit.EncounterOrbit` of the two centers."""
        return EncounterOrbit(
            tuple(each.mass.value for each in self.galaxies),
            tuple(each.softening.value for each in self.galaxies),
            self.pericenter.value,
            self.coulomb_logarithm,
        )


def simulate_encounter(times, encounter=None, *, n_stars=20_000, start=-0.3 * u.Gyr, seed=0):
    """
    Let two discs meet.

    Parameters
    ----------
    times : `~astropy.units.Quantity`, shape (n,)
        Of the snapshots, growing, from the first passage: 0 is when points would be nearest.
    encounter : `Encounter`, optional
        By default two inclined discs of masses 3:2, which merge 1.5 Gyr after their first passage.
    n_stars : int, optional
        Of both galaxies together, shared by their stellar masses; all stars weigh the same.
    start : `~astropy.units.Quantity`, optional
        When the discs are still undisturbed.
    seed : int, optional
        The same seed gives the same stars.

    Returns
    -------
    `EncounterSnapshots`
        Stars with positions, velocities, masses, ages and metallicities, the centers of both
        galaxies, and when they merge.

    Raises
    ------
    ValueError
        If an argument is out of range.
    astropy.units.UnitsError
        If ``times`` or ``start`` is no time.

    Notes
    -----
    A restricted N-body simulation, in the manner of Toomre & Toomre 1972 (ApJ 178, 623): stars
    have no mass and move in the potentials of two halos, whose centers move around each other and
    are slowed by dynamical friction (`~astro_wgan.mocks.encounter.encounter_orbit.EncounterOrbit`).
    Stars begin on circles and are moved by a leapfrog, kick, drift, kick, with 80 steps in the
    shortest period. The galaxies are one when their centers can never again be farther apart than
    the larger softening. No stars form, halos keep their shape, and discs do not pull: so tails and
    bridges are right, and the remnant is not relaxed as a merger's would be.

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
        raise ValueError(f'`n_stars` must be a whole number of 2 or more; got {n_stars!r}.')
    check_seed(seed)
    _check_steps(encounter, times[-1] - start)
    orbit = encounter.orbit
    track = orbit.integrate(start, max(times[-1], start + _SHORTEST))
    galaxy = _shared_out(encounter.galaxies, n_stars)
    rng = np.random.default_rng(seed)
    parts = [
        draw_stars(each, np.count_nonzero(galaxy == k), rng)
        for k, each in enumerate(encounter.galaxies)
    ]
    places, speeds = _centers(track(np.array([start])), encounter)
    x = np.concatenate([part.positions for part in parts]) + places[0, galaxy]
    v = np.concatenate([part.velocities for part in parts]) + speeds[0, galaxy]
    positions, velocities = _moved(x, v, track, encounter, start, times)
    places, speeds = _centers(track(times), encounter)
    ages = np.concatenate([part.ages for part in parts])
    stellar = sum(each.stellar_mass for each in encounter.galaxies)
    return EncounterSnapshots(
        encounter=encounter,
        times=times * u.Gyr,
        centers=places * u.kpc,
        center_velocities=(speeds * u.kpc / u.Gyr).to(u.km / u.s),
        galaxy=galaxy,
        positions=positions * u.kpc,
        velocities=(velocities * u.kpc / u.Gyr).to(u.km / u.s),
        masses=np.full(n_stars, stellar.value / n_stars) * u.Msun,
        ages=(ages + (times[:, np.newaxis] - start)) * u.Gyr,
        metallicities=np.concatenate([part.metallicities for part in parts]),
        merger_time=_merger_time(orbit, track, encounter, start, times[-1]),
    )


def _unequal_discs():
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
        raise ValueError('`times` must be one or more, and grow.')
    if not (np.isfinite([*times, start]).all() and times[0] >= start):
        raise ValueError(
            f'`times` must be finite and not before `start`, {start:g} Gyr; got {times[0]:g} Gyr.'
        )
    return times, start


def _check_steps(encounter, span):
    steps = _STEPS * span / _shortest_period(encounter)
    if steps > _MOST_STEPS:
        raise ValueError(
            f'`times` reach so far that stars would move in {steps:.0f} steps, where '
            f'{_MOST_STEPS} are allowed: raise the `softening` of the galaxies or end earlier.'
        )


def _shortest_period(encounter):
    """Of a small circle in the middle of a halo, in Gyr."""
    halos = ((each.mass.value, each.softening.value) for each in encounter.galaxies)
    return min(2 * np.pi * np.sqrt(a**3 / (GRAVITY * m)) for m, a in halos)


def _put_quantity(instance, name, unit, *, least=None):
    value = u.Quantity(getattr(instance, name))
    if not value.unit.is_equivalent(unit):
        raise u.UnitConversionError(f'`{name}` must convert to {unit}; got {value}.')
    value = value.to(unit)
    if not np.isfinite(value.value) or (least is not None and not value.value > least):
        above = '' if least is None else f' and above {least}'
        raise ValueError(f'`{name}` must be finite{above}; got {value}.')
    object.__setattr__(instance, name, value)


def _shared_out(galaxies, n):
    """To which galaxy each star belongs, all weighing the same."""
    first, second = (each.stellar_mass.value for each in galaxies)
    of_first = min(max(round(n * first / (first + second)), 1), n - 1)
    return (np.arange(n) >= of_first).astype(int)


def _centers(state, encounter):
    """Positions and velocities of both centers, shape (n, 2, 3), around the center of mass."""
    first, second = (each.mass.value for each in encounter.galaxies)
    share = np.array([-second, first]) / (first + second)
    state = np.asarray(state).T[:, np.newaxis, :] * share[:, np.newaxis]
    return state[..., :3], state[..., 3:]


def _moved(x, v, track, encounter, start, times):
    """Stars at all times, by leapfrog."""
    halos = [(each.mass.value, each.softening.value) for each in encounter.galaxies]
    shortest = _shortest_period(encounter)
    positions, velocities = [], []
    for first, last in zip([start, *times[:-1]], times, strict=True):
        steps = max(1, int(np.ceil((last - first) / shortest * _STEPS)))
        step = (last - first) / steps
        moments = np.linspace(first, last, steps + 1)
        centers, _ = _centers(track(moments), encounter)
        pull = _pull(x, centers[0], halos)
        for center in centers[1:]:
            v = v + 0.5 * step * pull
            x = x + step * v
            pull = _pull(x, center, halos)
            v = v + 0.5 * step * pull
        positions.append(x)
        velocities.append(v)
    return np.array(positions), np.array(velocities)


def _pull(x, centers, halos):
    total = np.zeros_like(x)
    for center, (mass, softening) in zip(centers, halos, strict=True):
        away = x - center
        squared = np.einsum('ij,ij->i', away, away) + softening**2
        total -= away * (GRAVITY * mass / (squared * np.sqrt(squared)))[:, np.newaxis]
    return total


def _merger_time(orbit, track, encounter, start, last):
    """When the two can no longer leave each other's middle; None where that is not yet."""
    moments = np.linspace(start, last, max(2, int(_TIMELINE * (last - start))))
    radius = max(each.softening.value for each in encounter.galaxies)
    merged = orbit.is_bound_within(track(moments), radius)
    return moments[np.argmax(merged)] * u.Gyr if merged.any() else None
