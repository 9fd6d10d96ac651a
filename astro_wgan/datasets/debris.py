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
    """
    # Each galaxy has more of the one and less of the other.
    shares = strength * galaxy.flux * 10 ** rng.normal(0, 0.08, 3)
    radius = min(galaxy.radius, 0.3 * sky.edge)
    add_tails = {'arc': _add_arcs, 'plume': _add_plumes}[disturbance.tail_model]
    add_tails(image, sky, disturbance.tails * shares[0], radius, rng, x, y)
    _add_shells(image, sky, disturbance.shells * shares[1], radius, rng, x, y)
    _add_envelope(image, sky, disturbance.envelope * shares[2], galaxy, radius, rng, x, y)


def _add_arcs(image, sky, flux, radius, rng, x, y):
    """One or two tails that wind away from the galaxy and grow wider and fainter."""
    begin, turn = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    shares = rng.dirichlet([4.0] * rng.integers(1, 3))
    for k, share in enumerate(shares):
        along = np.linspace(0, 1, _BEADS)
        length = min(radius * rng.uniform(2.5, 4.5), 0.9 * sky.edge)
        distance = radius + (length - radius) * along
        azimuth = begin + k * np.pi + rng.normal(0, 0.3) + turn * rng.uniform(0.8, 2.2) * along
        weight = np.exp(-1.2 * along) * np.minimum(1, 5 * along + 0.2)
        add_gaussians(
            image,
            sky,
            flux=flux * share * weight / weight.sum(),
            sigma=radius * rng.uniform(0.14, 0.24) * (0.7 + 0.6 * along),
            x=x + distance * np.cos(azimuth),
            y=y + distance * np.sin(azimuth),
        )


def _add_plumes(image, sky, flux, radius, rng, x, y):
    """Straight, broad tails, each with a knot at its end."""
    begin = rng.uniform(0, 2 * np.pi)
    shares = rng.dirichlet([4.0] * rng.integers(1, 3))
    for k, share in enumerate(shares):
        along = np.linspace(0, 1, _BEADS)
        length = min(radius * rng.uniform(2.5, 5.0), 0.9 * sky.edge)
        distance = radius * 0.6 + (length - radius * 0.6) * along
        azimuth = begin + k * np.pi + rng.normal(0, 0.5) + 0.25 * rng.normal() * along**2
        weight = np.exp(-1.0 * along)
        weight[-4:] += rng.uniform(0.5, 2.0)
        add_gaussians(
            image,
            sky,
            flux=flux * share * weight / weight.sum(),
            sigma=radius * rng.uniform(0.2, 0.32) * (1.2 - 0.5 * along),
            x=x + distance * np.cos(azimuth),
            y=y + distance * np.sin(azimuth),
        )


def _add_shells(image, sky, flux, radius, rng, x, y):
    """Arcs with a sharp outer edge, in turn on one side and the other of an axis."""
    axis = rng.uniform(0, 2 * np.pi)
    plane = sky.plane(x, y, axis_ratio=rng.uniform(0.7, 1.0), angle=axis)
    distance, azimuth = plane.radius, plane.azimuth
    reach = radius * rng.uniform(1.2, 1.6)
    count = rng.integers(2, 5)
    shells = np.zeros_like(distance)
    for k in range(count):
        edge = min(reach, 0.85 * sky.edge)
        inside = (np.float32(edge) - distance) / np.float32(0.25 * edge)
        # Towards the edge the light of stars on radial orbits piles up, beyond it is none.
        with_edge = np.exp(-np.maximum(inside, 0)) / (1 + np.exp(-np.clip(25 * inside, -30, 30)))
        opening = np.exp(np.float32(2.5) * (np.cos(azimuth - np.float32(k * np.pi)) - 1))
        shell = with_edge * opening
        shells += shell * np.float32(rng.uniform(0.6, 1.4) / shell.sum())
        reach *= rng.uniform(1.2, 1.45)
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
