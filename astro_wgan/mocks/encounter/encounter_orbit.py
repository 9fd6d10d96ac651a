"""`EncounterOrbit`: how two galaxies with halos move around each other, and when they are one."""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erf

__all__ = ['GRAVITY', 'EncounterOrbit', 'parabola']

#: Gravitational constant in kpc^3 / (M_sun Gyr^2).
GRAVITY = 4.498502e-6

#: Relative error of a step of the orbit.
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class EncounterOrbit:
    """
    The relative orbit of two Plummer spheres, with dynamical friction.

    Attributes
    ----------
    masses, softenings : tuple of 2 floats
        Of the halos, in M_sun and kpc.
    pericenter : float
        Of the parabola that the orbit begins on, in kpc.
    coulomb_logarithm : float
        Coulomb logarithm; 0 for none.

    Notes
    -----
    In the frame of the center of mass all follows from the separation s of the two. Potentials are
    softened by both spheres: s'' = -G M s / (s^2 + a1^2 + a2^2)^(3/2), M = m1 + m2, which is
    Kepler's problem for points. Chandrasekhar's friction of each in the halo of the other is taken
    from the relative velocity v,

        s'' = ... - 4 pi G^2 ln(Lambda) (m2 rho1 + m1 rho2) (erf(X) - 2 X exp(-X^2) / sqrt(pi)) v /
        |v|^3, X = v / (sqrt(2) sigma), sigma^2 = G M / (6 sqrt(s^2 + a1^2 + a2^2)),

    with rho1 and rho2 the densities of the halos at that separation. So the center of mass stays
    at rest, and energy and angular momentum can but fall.
    """

    masses: tuple
    softenings: tuple
    pericenter: float
    coulomb_logarithm: float

    @property
    def total(self):
        """Mass of both, in M_sun."""
        return sum(self.masses)

    @property
    def softening(self):
        """That of the force between the two, in kpc."""
        return float(np.hypot(*self.softenings))

    def integrate(self, first, last):
        """
        Separation and relative velocity as a function of time.

        Parameters
        ----------
        first, last : float
            In Gyr, from when they would be at pericenter on the parabola.

        Returns
        -------
        callable
            From times in Gyr, shape (n,), to an array of shape (6, n): kpc and kpc / Gyr.
        """
        start = np.concatenate(parabola(first, self.pericenter, GRAVITY * self.total))
        options = {'method': 'DOP853', 'rtol': _TOLERANCE, 'atol': _TOLERANCE}
        return solve_ivp(self._derivative, (first, last), start, dense_output=True, **options).sol

    def energy(self, state):
        """Of the relative orbit, per mass, in kpc^2 / Gyr^2."""
        x, v = np.split(np.asarray(state), 2)
        return 0.5 * (v**2).sum(axis=0) + self._potential((x**2).sum(axis=0))

    def is_bound_within(self, state, radius):
        """Whether the two can never again be farther apart than this."""
        return self.energy(state) <= self._potential(radius**2)

    def _potential(self, squared):
        return -GRAVITY * self.total / np.sqrt(squared + self.softening**2)

    def _derivative(self, _, state):
        x, v = state[:3], state[3:]
        squared = x @ x
        pull = -GRAVITY * self.total * x / (squared + self.softening**2) ** 1.5
        return np.concatenate([v, pull - self._friction(squared, np.sqrt(v @ v)) * v])

    def _friction(self, squared, speed):
        """Deceleration over velocity, in 1 / Gyr."""
        if not self.coulomb_logarithm:
            return 0.0
        sigma = np.sqrt(-self._potential(squared) / 6)
        x = max(speed / (np.sqrt(2) * sigma), 1e-3)
        slow = erf(x) - 2 * x * np.exp(-(x**2)) / np.sqrt(np.pi)
        (m1, m2), (a1, a2) = self.masses, self.softenings
        medium = m2 * _plummer_density(m1, a1, squared) + m1 * _plummer_density(m2, a2, squared)
        cubed = (np.sqrt(2) * sigma * x) ** 3
        return 4 * np.pi * GRAVITY**2 * self.coulomb_logarithm * medium * slow / cubed


def parabola(time, pericenter, gm):
    """
    Position and velocity on a parabolic Kepler orbit.

    Parameters
    ----------
    time : float
        From the pericenter, which lies on the x axis; the motion there is along y.
    pericenter, gm : float
        Least distance, and gravitational constant times mass.

    Returns
    -------
    position, velocity : `~numpy.ndarray`, shape (3,)

    Notes
    -----
    Barker's equation, sqrt(gm / (2 q^3)) t = D + D^3 / 3 with D the tangent of half of the true
    anomaly, solved in closed form.
    """
    tangent = 2 * np.sinh(np.arcsinh(1.5 * np.sqrt(gm / (2 * pericenter**3)) * time) / 3)
    position = pericenter * np.array([1 - tangent**2, 2 * tangent, 0.0])
    speed = np.sqrt(2 * gm / pericenter) / (1 + tangent**2)
    return position, speed * np.array([-tangent, 1.0, 0.0])


def _plummer_density(mass, softening, squared):
    return 3 * mass / (4 * np.pi * softening**3) * (1 + squared / softening**2) ** -2.5
