"""From what a simulation's files hold to a galaxy around its center."""

from dataclasses import replace

import numpy as np
from astropy import units as u

from astro_wgan.mocks.particles import Particles

__all__ = ['SOLAR_METALLICITY', 'centered', 'galaxy']

#: Share of metals in the sun's mass, as the grid of Bruzual & Charlot 2003 counts it.
SOLAR_METALLICITY = 0.02

#: A sphere shrinks by this factor, until it holds so many particles.
_SHRINK, _FEW = 0.9, 100


def galaxy(columns, *, center=None, box=None, solar_metallicity=SOLAR_METALLICITY):
    """
    Particles around the center of the largest galaxy.

    Parameters
    ----------
    columns : dict of `~astropy.units.Quantity`
        By the name of the parameter of `Particles`; ``metallicities`` are shares of the mass.
    center, box : optional
        As in `centered`, in kpc.
    solar_metallicity : float, optional
        Share of metals in the sun's mass.

    Returns
    -------
    `Particles`

    Raises
    ------
    ValueError
        If ``solar_metallicity`` or ``center`` are out of range, or values are no stars.
    """
    if not 0 < solar_metallicity < 1:
        raise ValueError(f'`solar_metallicity` must be above 0, below 1; got {solar_metallicity}.')
    metallicities = columns['metallicities'] / solar_metallicity
    # Checked before anything is made of them.
    stars = Particles(**columns | {'metallicities': metallicities})
    places = centered(stars.positions.value, stars.masses.value, center=center, box=box)
    return replace(stars, positions=places * u.kpc)


def centered(positions, masses, *, center=None, box=None):
    """
    Positions relative to the center of the largest galaxy.

    Parameters
    ----------
    positions : `~numpy.ndarray`, shape (n, 3)
    masses : `~numpy.ndarray`, shape (n,)
    center : array_like, shape (3,), optional
        Where it is; by default it is looked for.
    box : float or array_like of 3, optional
        Edge of a periodic box: the way to the center is the shortest one. By default space has no
        end.

    Returns
    -------
    `~numpy.ndarray`, shape (n, 3)

    Raises
    ------
    ValueError
        If ``center`` is no place.

    Notes
    -----
    The center is that of mass in a sphere that shrinks around it (Power et al. 2003, MNRAS 338,
    14, section 2.5).

    Examples
    --------
    A galaxy at the border of its box:

    >>> import numpy as np
    >>> from astro_wgan.mocks.readers.centering import centered
    >>> centered(np.array([[9.0, 5, 5], [1, 5, 5]]), np.ones(2), box=10)
    array([[-1.,  0.,  0.],
           [ 1.,  0.,  0.]])
    """
    if center is not None:
        center = np.asarray(center, dtype=float)
        if center.shape != (3,) or not np.isfinite(center).all():
            raise ValueError(f'`center` must be three numbers; got {center}.')
    offset = positions - (positions[0] if center is None else center)
    if box is not None:
        offset -= box * np.round(offset / box)
    return offset if center is not None else offset - _densest(offset, masses)


def _densest(positions, masses):
    weights = masses if masses.sum() > 0 else np.ones(len(masses))
    middle = np.average(positions, axis=0, weights=weights)
    distance = np.linalg.norm(positions - middle, axis=1)
    radius = distance.max()
    while True:
        radius *= _SHRINK
        inside = distance < radius
        if inside.sum() < _FEW or not weights[inside].sum() > 0:
            return middle
        middle = np.average(positions[inside], axis=0, weights=weights[inside])
        distance = np.linalg.norm(positions - middle, axis=1)
