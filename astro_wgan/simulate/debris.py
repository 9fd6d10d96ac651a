"""Tidal debris of mergers: tails, shells and an off-center envelope."""

import numpy as np

from astro_wgan.simulate.fine_grid import add_sersic

__all__ = ['add_debris']

#: Number of nodes along a tail, between which it is interpolated.
_NODES = 64

#: Minimum standard deviation across a tail, in arcsec: below the resolution of the PSF.
_MIN_WIDTH = 0.045


def add_debris(image, grid, galaxy, rng, disturbance, strength, x, y):
    """
    Add the debris of a merger to the image of a galaxy.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the fine grid; flux per fine pixel, in nJy.
    grid : `~astro_wgan.simulate.fine_grid.FineGrid`
    galaxy : `~astro_wgan.simulate.galaxies.Galaxy`
        The merging galaxy.
    rng : `numpy.random.Generator`
    disturbance : `~astro_wgan.simulate.Disturbance`
    strength : float
        Amplitude of the debris, 1 at the merger.
    x, y : float
        Center of the galaxy, in arcsec from the center of the stamp.

    Returns
    -------
    float
        Flux of the debris, in nJy.
    """
    typical = np.array(
        [disturbance.tail_fraction, disturbance.shell_fraction, disturbance.envelope_fraction]
    )
    # The three components scatter independently from galaxy to galaxy.
    fractions = typical * 10 ** rng.normal(0, disturbance.scatter_dex, 3)
    fractions *= max(1, disturbance.min_debris_flux / (galaxy.flux * fractions.sum()))
    fractions *= strength * min(1, disturbance.max_debris_fraction / fractions.sum())
    fluxes = galaxy.flux * fractions
    # Bounds that keep the debris outside of small galaxies and inside of the stamp.
    radius = np.clip(galaxy.half_light_radius, 0.12 * grid.half_width, 0.3 * grid.half_width)
    whole = grid.whole
    plane = whole.plane(x, y)
    tails = {'arc': _arcs, 'plume': _plumes}[disturbance.tail_model](rng, radius, grid.half_width)
    debris = sum(
        weight * _tail(plane, *curve)
        for weight, curve in zip(_tail_weights(rng), tails, strict=False)
    )
    debris = np.float32(fluxes[0]) * debris
    plane = whole.plane(x, y, axis_ratio=rng.uniform(0.7, 1.0), angle=rng.uniform(0, 2 * np.pi))
    debris += np.float32(fluxes[1]) * _shells(plane, rng, radius, grid.half_width)
    image += whole.upsample(debris * np.float32(grid.oversampling**-2))
    _add_envelope(image, grid, fluxes[2], galaxy, radius, rng, x, y)
    return fluxes.sum()


def _arcs(rng, radius, half_width):
    """Curved tails that become wider and fainter outward."""
    along = np.linspace(0, 1, _NODES)
    length = min(radius * rng.uniform(2.8, 4.5), 0.9 * half_width)
    start, winding = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1]) * rng.uniform(0.8, 2.2)
    width = max(radius * rng.uniform(0.1, 0.18), _MIN_WIDTH) * (0.7 + 0.6 * along)
    weight = np.exp(-1.2 * along) * np.minimum(1, 5 * along)
    for opposite in (0, np.pi):
        distance = radius + (length * rng.uniform(0.9, 1.1) - radius) * along
        azimuth = start + opposite + rng.normal(0, 0.15) + winding * along
        yield distance, azimuth, width, weight


def _plumes(rng, radius, half_width):
    """Straight, broad tails, each with a knot near its end."""
    along = np.linspace(0, 1, _NODES)
    length = min(radius * rng.uniform(2.8, 5.0), 0.9 * half_width)
    start, bend = rng.uniform(0, 2 * np.pi), 0.3 * rng.normal()
    width = max(radius * rng.uniform(0.15, 0.25), _MIN_WIDTH) * (1.2 - 0.5 * along)
    knot = rng.uniform(0.2, 0.8) * np.exp(-0.5 * ((along - 0.93) / 0.04) ** 2)
    weight = (np.exp(-along) + knot) * np.minimum(1, 5 * along)
    for opposite in (0, np.pi):
        distance = 0.6 * radius + (length * rng.uniform(0.9, 1.1) - 0.6 * radius) * along
        azimuth = start + opposite + rng.normal(0, 0.2) + bend * along**2
        yield distance, azimuth, width, weight


def _tail_weights(rng):
    """Fractions of the light in two tails, usually of similar brightness, or in a single one."""
    return rng.dirichlet([12.0, 12.0]) if rng.random() < 0.8 else np.ones(1)


def _tail(plane, distance, azimuth, width, weight):
    """
    A tail of unit flux along a curve that leads outward from the galaxy.

    The curve is given at nodes: distance from the center of the galaxy, azimuth, width across the
    tail, and brightness.
    """
    radius = plane.radius
    # Circles cut a tail obliquely, the more so the more it winds around the galaxy.
    slope = distance * np.gradient(azimuth) / np.gradient(distance)
    sharpness = distance / (width * np.sqrt(1 + slope**2))
    middle = np.interp(radius, distance, np.exp(-1j * azimuth)).astype(np.complex64)
    rotated = plane.direction * middle
    across = rotated.imag * np.interp(radius, distance, sharpness).astype(np.float32)
    brightness = np.interp(radius, distance, weight, left=0, right=0).astype(np.float32)
    tail = brightness * np.exp(np.float32(-0.5) * across**2) * (rotated.real > 0)
    return tail / tail.sum()


def _shells(plane, rng, radius, half_width):
    """Arcs with a sharp outer edge on alternating sides along an axis, of unit flux."""
    reach = radius * rng.uniform(1.2, 1.6)
    distance = np.linspace(0, 2 * half_width, 512, dtype=np.float32)
    sides = np.zeros((2, len(distance)), dtype=np.float32)
    for k in range(2 * rng.integers(1, 3)):
        end = min(reach, 0.85 * half_width)
        inside = (end - distance) / (0.15 * end)
        # Stars on radial orbits accumulate at their apocenters, the edge of the shell.
        profile = np.exp(-np.maximum(inside, 0)) / (1 + np.exp(-np.clip(15 * inside, -30, 30)))
        sides[k % 2] += profile * rng.uniform(0.6, 1.4) / (profile * distance).sum()
        reach *= rng.uniform(1.05, 1.35)
    radius, cosine = plane.radius, plane.direction.real
    shells = sum(
        np.interp(radius, distance, side) * np.exp(np.float32(2.5) * (sign * cosine - 1))
        for sign, side in zip((1, -1), sides, strict=True)
    ).astype(np.float32)
    return shells / shells.sum()


def _add_envelope(image, grid, flux, galaxy, radius, rng, x, y):
    """Add an envelope that is displaced from the galaxy."""
    distance, angle = radius * rng.uniform(0.5, 1.0), rng.uniform(0, 2 * np.pi)
    add_sersic(
        image,
        grid,
        flux=flux,
        half_light_radius=radius * rng.uniform(1.5, 2.2),
        axis_ratio=rng.uniform(0.5, 0.9),
        angle=galaxy.angle + rng.uniform(0.4, 1.2),
        x=x + distance * np.cos(angle),
        y=y + distance * np.sin(angle),
    )
