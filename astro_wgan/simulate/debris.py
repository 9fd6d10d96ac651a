"""What a merger leaves: tails, shells and an off-centre envelope."""

import numpy as np

from astro_wgan.simulate.fine_grid import add_sersic

__all__ = ['add_debris']

#: Places along a tail at which it is described; they are interpolated between.
_NODES = 64

#: Standard deviation across the thinnest tail, in arcsec: thinner ones look the same.
_THINNEST = 0.045


def add_debris(image, sky, galaxy, rng, disturbance, strength, x, y):
    """
    Add the debris of a merger to the image of a galaxy.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel, in nJy.
    sky : `~astro_wgan.simulate.fine_grid.Sky`
    galaxy : `~astro_wgan.simulate.galaxies.Galaxy`
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
    shares = typical * 10 ** rng.normal(0, disturbance.spread, 3)
    shares *= max(1, disturbance.faintest / (galaxy.flux * shares.sum()))
    shares *= strength * min(1, disturbance.most / shares.sum())
    fluxes = galaxy.flux * shares
    # Debris reaches far out: it is not hidden by a small galaxy, nor all outside of the stamp.
    radius = np.clip(galaxy.radius, 0.12 * sky.edge, 0.3 * sky.edge)
    whole = sky.whole
    plane = whole.plane(x, y)
    tails = {'arc': _arcs, 'plume': _plumes}[disturbance.tail_model](rng, radius, sky.edge)
    debris = sum(
        share * _tail(plane, *curve) for share, curve in zip(_tail_shares(rng), tails, strict=False)
    )
    debris = np.float32(fluxes[0]) * debris
    plane = whole.plane(x, y, axis_ratio=rng.uniform(0.7, 1.0), angle=rng.uniform(0, 2 * np.pi))
    debris += np.float32(fluxes[1]) * _shells(plane, rng, radius, sky.edge)
    image += whole.refined(debris * np.float32(sky.oversampling**-2))
    _add_envelope(image, sky, fluxes[2], galaxy, radius, rng, x, y)
    return fluxes.sum()


def _arcs(rng, radius, edge):
    """Tails that wind away from the galaxy and grow wider and fainter."""
    along = np.linspace(0, 1, _NODES)
    length = min(radius * rng.uniform(2.8, 4.5), 0.9 * edge)
    begin, turn = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1]) * rng.uniform(0.8, 2.2)
    width = max(radius * rng.uniform(0.1, 0.18), _THINNEST) * (0.7 + 0.6 * along)
    weight = np.exp(-1.2 * along) * np.minimum(1, 5 * along)
    for opposite in (0, np.pi):
        distance = radius + (length * rng.uniform(0.9, 1.1) - radius) * along
        azimuth = begin + opposite + rng.normal(0, 0.15) + turn * along
        yield distance, azimuth, width, weight


def _plumes(rng, radius, edge):
    """Straight, broad tails, each with a knot at its end."""
    along = np.linspace(0, 1, _NODES)
    length = min(radius * rng.uniform(2.8, 5.0), 0.9 * edge)
    begin, bend = rng.uniform(0, 2 * np.pi), 0.3 * rng.normal()
    width = max(radius * rng.uniform(0.15, 0.25), _THINNEST) * (1.2 - 0.5 * along)
    knot = rng.uniform(0.2, 0.8) * np.exp(-0.5 * ((along - 0.93) / 0.04) ** 2)
    weight = (np.exp(-along) + knot) * np.minimum(1, 5 * along)
    for opposite in (0, np.pi):
        distance = 0.6 * radius + (length * rng.uniform(0.9, 1.1) - 0.6 * radius) * along
        azimuth = begin + opposite + rng.normal(0, 0.2) + bend * along**2
        yield distance, azimuth, width, weight


def _tail_shares(rng):
    """Shares of the light in two tails, that are mostly about as bright, or in one."""
    return rng.dirichlet([12.0, 12.0]) if rng.random() < 0.8 else np.ones(1)


def _tail(plane, distance, azimuth, width, weight):
    """
    A tail, with a flux of 1, along a curve that leads away from the galaxy.

    Given are, from its beginning to its end, the distance from the centre of the galaxy and the
    azimuth, its width, and its brightness.
    """
    radius = plane.radius
    # The tail is the thinner, as cut by a circle, the more it leads around the galaxy.
    slope = distance * np.gradient(azimuth) / np.gradient(distance)
    sharpness = distance / (width * np.sqrt(1 + slope**2))
    middle = np.interp(radius, distance, np.exp(-1j * azimuth)).astype(np.complex64)
    turned = plane.direction * middle
    across = turned.imag * np.interp(radius, distance, sharpness).astype(np.float32)
    brightness = np.interp(radius, distance, weight, left=0, right=0).astype(np.float32)
    tail = brightness * np.exp(np.float32(-0.5) * across**2) * (turned.real > 0)
    return tail / tail.sum()


def _shells(plane, rng, radius, edge):
    """Arcs with a sharp outer edge, in turn on one side and the other of an axis; flux 1."""
    reach = radius * rng.uniform(1.2, 1.6)
    distance = np.linspace(0, 2 * edge, 512, dtype=np.float32)
    sides = np.zeros((2, len(distance)), dtype=np.float32)
    for k in range(2 * rng.integers(1, 3)):
        end = min(reach, 0.85 * edge)
        inside = (end - distance) / (0.15 * end)
        # Towards the edge the light of stars on radial orbits piles up, beyond it is none.
        profile = np.exp(-np.maximum(inside, 0)) / (1 + np.exp(-np.clip(15 * inside, -30, 30)))
        sides[k % 2] += profile * rng.uniform(0.6, 1.4) / (profile * distance).sum()
        reach *= rng.uniform(1.05, 1.35)
    radius, cosine = plane.radius, plane.direction.real
    shells = sum(
        np.interp(radius, distance, side) * np.exp(np.float32(2.5) * (sign * cosine - 1))
        for sign, side in zip((1, -1), sides, strict=True)
    ).astype(np.float32)
    return shells / shells.sum()


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
