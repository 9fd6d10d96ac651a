"""Relative orbit of two galaxies with dynamical friction."""

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
    Relative orbit of two Plummer spheres with dynamical friction.

    Attributes
    ----------
    masses, softenings : tuple of 2 floats
        Masses and softening lengths of the halos, in M_sun and kpc.
    pericenter : float
        Pericenter distance of the initial parabolic orbit, in kpc.
    coulomb_logarithm : float
        Coulomb logarithm of dynamical friction; 0 for none.

    Notes
    -----
    In the center-of-mass frame the motion follows from the separation s of the two. The force is
    softened by both spheres, s'' = -G M s / (s^2 + a1^2 + a2^2)^(3/2) with M = m1 + m2, which is
    the Kepler problem for point masses. Chandrasekhar's friction of each in the halo of the other
    depends on the relative velocity v,

        s'' = ... - 4 pi G^2 ln(Lambda) (m2 rho1 + m1 rho2) (erf(X) - 2 X exp(-X^2) / sqrt(pi)) v /
        |v|^3, X = v / (sqrt(2) sigma), sigma^2 = G M / (6 sqrt(s^2 + a1^2 + a2^2)),

    where rho1 and rho2 are the densities of the halos at that separation. The center of mass stays
    at rest, and energy and angular momentum never increase.
    """

    masses: tuple
    softenings: tuple
    pericenter: float
    coulomb_logarithm: float

    @property
    def total(self):
        """Total mass, in M_sun."""
        return sum(self.masses)

    @property
    def softening(self):
        """Softening length of the force between the two, in kpc."""
        return float(np.hypot(*self.softenings))

    def integrate(self, first, last):
        """
        Separation and relative velocity as a function of time.

        Parameters
        ----------
        first, last : float
            In Gyr, relative to the pericenter passage on the parabola.

        Returns
        -------
        callable
            Function of times in Gyr, shape (n,), that returns an array of shape (6, n), in kpc and
            kpc / Gyr.
        """
        start = np.concatenate(parabola(first, self.pericenter, GRAVITY * self.total))
        options = {'method': 'DOP853', 'rtol': _TOLERANCE, 'atol': _TOLERANCE}
        return solve_ivp(self._derivative, (first, last), start, dense_output=True, **options).sol

    def energy(self, state):
        """Specific energy of the relative orbit, in kpc^2 / Gyr^2."""
        x, v = np.split(np.asarray(state), 2)
        return 0.5 * (v**2).sum(axis=0) + self._potential((x**2).sum(axis=0))

    def is_bound_within(self, state, radius):
        """Whether the separation can no longer exceed the radius, in kpc."""
        return self.energy(state) <= self._potential(radius**2)

    def _potential(self, squared):
        return -GRAVITY * self.total / np.sqrt(squared + self.softening**2)

    def _derivative(self, _, state):
        x, v = state[:3], state[3:]
        squared = x @ x
        acceleration = -GRAVITY * self.total * x / (squared + self.softening**2) ** 1.5
        return np.concatenate([v, acceleration - self._friction(squared, np.sqrt(v @ v)) * v])

    def _friction(self, squared, speed):
        """Deceleration divided by velocity, in 1 / Gyr."""
        if not self.coulomb_logarithm:
            return 0.0
        sigma = np.sqrt(-self._potential(squared) / 6)
        x = max(speed / (np.sqrt(2) * sigma), 1e-3)
        slow = erf(x) - 2 * x * np.exp(-(x**2)) / np.sqrt(np.pi)
        (m1, m2), (a1, a2) = self.masses, self.softenings
        density = m2 * _plummer_density(m1, a1, squared) + m1 * _plummer_density(m2, a2, squared)
        cubed = (np.sqrt(2) * sigma * x) ** 3
        return 4 * np.pi * GRAVITY**2 * self.coulomb_logarithm * density * slow / cubed


def parabola(time, pericenter, gm):
    """
    Position and velocity on a parabolic Kepler orbit.

    Parameters
    ----------
    time : float
        Relative to the pericenter passage. The pericenter is on the x axis, with motion along y.
    pericenter, gm : float
        Pericenter distance, and gravitational constant times total mass.

    Returns
    -------
    position, velocity : `~numpy.ndarray`, shape (3,)

    Notes
    -----
    Closed-form solution of Barker's equation, sqrt(gm / (2 q^3)) t = D + D^3 / 3, where D is the
    tangent of half of the true anomaly.
    """
    tangent = 2 * np.sinh(np.arcsinh(1.5 * np.sqrt(gm / (2 * pericenter**3)) * time) / 3)
    position = pericenter * np.array([1 - tangent**2, 2 * tangent, 0.0])
    speed = np.sqrt(2 * gm / pericenter) / (1 + tangent**2)
    return position, speed * np.array([-tangent, 1.0, 0.0])


def _plummer_density(mass, softening, squared):
    return 3 * mass / (4 * np.pi * softening**3) * (1 + squared / softening**2) ** -2.5
