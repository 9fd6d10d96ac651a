"""Centers of simulated galaxies, and particles relative to them."""

from dataclasses import replace

import numpy as np
from astropy import units as u

from astro_wgan.mocks.particles import Particles

__all__ = ['SOLAR_METALLICITY', 'center_on_galaxy', 'centered_positions']

#: Mass fraction of metals of the Sun in the grid of Bruzual & Charlot 2003.
SOLAR_METALLICITY = 0.02

#: Factor by which the sphere shrinks, and the number of particles at which it stops.
_SHRINK, _FEW = 0.9, 100


def center_on_galaxy(columns, *, center=None, box=None, solar_metallicity=SOLAR_METALLICITY):
    """
    Particles relative to the center of a galaxy.

    Parameters
    ----------
    columns : dict of `~astropy.units.Quantity`
        Keyed by the parameters of `Particles`; ``metallicities`` are mass fractions.
    center, box : optional
        As in `centered_positions`, in kpc.
    solar_metallicity : float, optional
        Mass fraction of metals of the Sun.

    Returns
    -------
    `Particles`

    Raises
    ------
    ValueError
        If ``solar_metallicity`` or ``center`` is out of range, or the columns are invalid.
    """
    if not 0 < solar_metallicity < 1:
        raise ValueError(f'`solar_metallicity` must be between 0 and 1; got {solar_metallicity}.')
    metallicities = columns['metallicities'] / solar_metallicity
    # Particles validates the columns, before positions are computed from them.
    stars = Particles(**columns | {'metallicities': metallicities})
    positions = centered_positions(
        stars.positions.value, stars.masses.value, center=center, box=box
    )
    return replace(stars, positions=positions * u.kpc)


def centered_positions(positions, masses, *, center=None, box=None):
    """
    Positions relative to the center of a galaxy.

    Parameters
    ----------
    positions : `~numpy.ndarray`, shape (n, 3)
    masses : `~numpy.ndarray`, shape (n,)
    center : array_like, shape (3,), optional
        Center of the galaxy; by default that of the largest one.
    box : float or array_like of 3, optional
        Edge of a periodic box. By default space is not periodic.

    Returns
    -------
    `~numpy.ndarray`, shape (n, 3)

    Raises
    ------
    ValueError
        If ``center`` is not three finite numbers.

    Notes
    -----
    The center is found with a shrinking sphere (Power et al. 2003, MNRAS 338, 14, section 2.5).

    Examples
    --------
    A galaxy across the border of a periodic box:

    >>> import numpy as np
    >>> from astro_wgan.mocks.readers.centering import centered_positions
    >>> centered_positions(np.array([[9.0, 5, 5], [1, 5, 5]]), np.ones(2), box=10)
    array([[-1.,  0.,  0.],
           [ 1.,  0.,  0.]])
    """
    if center is not None:
        center = np.asarray(center, dtype=float)
        if center.shape != (3,) or not np.isfinite(center).all():
            raise ValueError(f'`center` must be three finite numbers; got {center}.')
    offset = positions - (positions[0] if center is None else center)
    if box is not None:
        offset -= box * np.round(offset / box)
    return offset if center is not None else offset - _shrinking_sphere_center(offset, masses)


def _shrinking_sphere_center(positions, masses):
    weights = masses if masses.sum() > 0 else np.ones(len(masses))
    center = np.average(positions, axis=0, weights=weights)
    distance = np.linalg.norm(positions - center, axis=1)
    radius = distance.max()
    while True:
        radius *= _SHRINK
        inside = distance < radius
        if inside.sum() < _FEW or not weights[inside].sum() > 0:
            return center
        center = np.average(positions[inside], axis=0, weights=weights[inside])
        distance = np.linalg.norm(positions - center, axis=1)
