"""What a merger leaves: tails, shells and an off-centre envelope."""

import numpy as np

from astro_wgan.datasets.light import add_gaussians, add_sersic

__all__ = ['add_debris']

#: Gaussians that a tail is made of.
_BEADS = 40


def add_debris(image, sky, galaxy, rng, disturbance, strength, x, y):
    """
    Add the debris of a merger to the image of a galaxy.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel, in nJy.
    sky : `~astro_wgan.datasets.light.Sky`
    galaxy : `~astro_wgan.datasets.galaxies.Galaxy`
        Whose debris it is.
    rng : `numpy.random.Generator`
    disturbance : `~astro_wgan.datasets.Disturbance`
    strength : float
        1 at the merger.
    x, y : float
        Centre of the galaxy, in arcsec from the middle of the stamp.

    Returns
    -------
    float
        The flux added.
    """
    # Each galaxy has more of the one and less of the other.
    typical = np.array([disturbance.tails, disturbance.shells, disturbance.envelope])
    fluxes = strength * galaxy.flux * typical * 10 ** rng.normal(0, 0.1, 3)
    # Debris reaches far out: it is not hidden by a small galaxy, nor all outside of the stamp.
    radius = np.clip(galaxy.radius, 0.12 * sky.edge, 0.3 * sky.edge)
    add_tails = {'arc': _add_arcs, 'plume': _add_plumes}[disturbance.tail_model]
    add_tails(image, sky, fluxes[0], radius, rng, x, y)
    _add_shells(image, sky, fluxes[1], radius, rng, x, y)
    _add_envelope(image, sky, fluxes[2], galaxy, radius, rng, x, y)
    return fluxes.sum()


def _add_arcs(image, sky, flux, radius, rng, x, y):
    """Tails that wind away from the galaxy and grow wider and fainter: two alike, or one."""
    along = np.linspace(0, 1, _BEADS)
    length = min(radius * rng.uniform(2.8, 4.5), 0.9 * sky.edge)
    begin, turn = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1]) * rng.uniform(0.8, 2.2)
    width = radius * rng.uniform(0.1, 0.18)
    weight = np.exp(-1.2 * along) * np.minimum(1, 5 * along + 0.2)
    for k, share in enumerate(_tail_shares(rng)):
        distance = radius + (length * rng.uniform(0.9, 1.1) - radius) * along
        azimuth = begin + k * np.pi + rng.normal(0, 0.15) + turn * along
        add_gaussians(
            image,
            sky,
            flux=flux * share * weight / weight.sum(),
            sigma=width * (0.7 + 0.6 * along),
            x=x + distance * np.cos(azimuth),
            y=y + distance * np.sin(azimuth),
        )


def _add_plumes(image, sky, flux, radius, rng, x, y):
    """Straight, broad tails, each with a knot at its end."""
    along = np.linspace(0, 1, _BEADS)
    length = min(radius * rng.uniform(2.8, 5.0), 0.9 * sky.edge)
    begin, bend = rng.uniform(0, 2 * np.pi), 0.3 * rng.normal()
    width = radius * rng.uniform(0.15, 0.25)
    weight = np.exp(-along)
    weight[-4:] += rng.uniform(0.5, 2.0)
    for k, share in enumerate(_tail_shares(rng)):
        distance = 0.6 * radius + (length * rng.uniform(0.9, 1.1) - 0.6 * radius) * along
        azimuth = begin + k * np.pi + rng.normal(0, 0.2) + bend * along**2
        add_gaussians(
            image,
            sky,
            flux=flux * share * weight / weight.sum(),
            sigma=width * (1.2 - 0.5 * along),
            x=x + distance * np.cos(azimuth),
            y=y + distance * np.sin(azimuth),
        )


def _tail_shares(rng):
    """Shares of the light in one tail, or in two, that are mostly about as bright."""
    return rng.dirichlet([12.0] * (2 if rng.random() < 0.8 else 1))


def _add_shells(image, sky, flux, radius, rng, x, y):
    """Arcs with a sharp outer edge, in turn on one side and the other of an axis."""
    axis = rng.uniform(0, 2 * np.pi)
    plane = sky.plane(x, y, axis_ratio=rng.uniform(0.7, 1.0), angle=axis)
    distance, azimuth = plane.radius, plane.azimuth
    reach = radius * rng.uniform(1.2, 1.6)
    shells = np.zeros_like(distance)
    for k in range(2 * rng.integers(1, 3)):
        edge = min(reach, 0.85 * sky.edge)
        inside = (np.float32(edge) - distance) / np.float32(0.25 * edge)
        # Towards the edge the light of stars on radial orbits piles up, beyond it is none.
        with_edge = np.exp(-np.maximum(inside, 0)) / (1 + np.exp(-np.clip(25 * inside, -30, 30)))
        opening = np.exp(np.float32(2.5) * (np.cos(azimuth - np.float32(k * np.pi)) - 1))
        shell = with_edge * opening
        shells += shell * np.float32(rng.uniform(0.6, 1.4) / shell.sum())
        reach *= rng.uniform(1.05, 1.35)
    shells = sky.refined(shells)
    image += shells * np.float32(flux / shells.sum())


def _add_envelope(image, sky, flux, galaxy, radius, rng, x, y):
    """Stars thrown out, on one side more than on the other."""
    distance, angle = radius * rng.uniform(0.5, 1.0), rng.uniform(0, 2 * np.pi)
    add_sersic(
        image,
        sky,
        flux=flux,
        radius=radius * rng.uniform(1.5, 2.2),
        axis_ratio=rng.uniform(0.5, 0.9),
        angle=galaxy.angle + rng.uniform(0.4, 1.2),
        x=x + distance * np.cos(angle),
        y=y + distance * np.sin(angle),
    )
