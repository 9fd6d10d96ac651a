"""Light that is added to images: companions, arcs, rings, clumps, trails and the glare of stars."""

import numpy as np
from scipy.ndimage import shift

from astro_wgan.injection.host_galaxies import polar

__all__ = ['arc', 'clumps', 'close_companion', 'companion', 'glare', 'ring', 'trail']

#: Edge of the stamps, in pixels, to which all lengths below belong; those of others are scaled.
_EDGE = 64.0
#: Scatter of the colors of what is added, in the natural logarithm.
_COLOR_SCATTER = 0.3


def companion(rng, hosts, k, config):
    """Another galaxy or a point source, anywhere from near the center to the border."""
    return _companion(rng, hosts, config, 3.0, 26.0)


def close_companion(rng, hosts, k, config):
    """Another galaxy or a point source close to the center."""
    return _companion(rng, hosts, config, 2.5, 9.0)


def _companion(rng, hosts, config, nearest, farthest):
    ny, nx, _ = hosts.shape
    light = hosts.draw_companion(rng)
    if rng.random() < config.point_sources:
        width = rng.uniform(*config.point_width)
        point = np.exp(-0.5 * (polar(ny, nx)[2] / width) ** 2)[..., np.newaxis]
        light = point * light.max(axis=(0, 1)) * rng.uniform(0.3, 2)
    light = light * _between(rng, *config.companion_flux_ratio)
    distance = _between(rng, nearest, farthest) * min(ny, nx) / _EDGE
    angle = rng.uniform(0, 2 * np.pi)
    return shift(light, (distance * np.sin(angle), distance * np.cos(angle), 0), order=1)


def arc(rng, hosts, k, config):
    """Part of a spiral around the center, of Gaussian profile."""
    ny, nx, _ = hosts.shape
    scale = min(ny, nx) / _EDGE
    y, x, radius = polar(ny, nx)
    start, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2)
    middle, width = scale * rng.uniform(4, 18), scale * rng.uniform(0.8, 2.5)
    angle = np.angle(np.exp(1j * (np.arctan2(y, x) - start)))
    offset = (radius - middle - scale * rng.uniform(-3, 3) * angle) / width
    return _colored(rng, hosts, k, config, np.exp(-0.5 * offset**2 - 0.5 * (angle / length) ** 2))


def ring(rng, hosts, k, config):
    """An ellipse around the center, of Gaussian profile."""
    ny, nx, _ = hosts.shape
    scale = min(ny, nx) / _EDGE
    y, x, _ = polar(ny, nx)
    angle, axis_ratio = rng.uniform(0, np.pi), rng.uniform(0.4, 1)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (y * np.cos(angle) - x * np.sin(angle)) / axis_ratio
    middle, width = scale * rng.uniform(4, 18), scale * rng.uniform(0.8, 2.5)
    profile = np.exp(-0.5 * ((np.hypot(along, across) - middle) / width) ** 2)
    return _colored(rng, hosts, k, config, profile)


def clumps(rng, hosts, k, config):
    """Two to six point sources where the galaxy is bright."""
    ny, nx, _ = hosts.shape
    # Square roots: knots are found in the outskirts, too.
    density = np.sqrt(np.maximum(hosts.isolated(k).sum(axis=2), 0)).ravel()
    total = density.sum()
    places = rng.choice(ny * nx, rng.integers(2, 7), p=density / total if total > 0 else None)
    light = np.zeros(hosts.shape)
    y, x = np.mgrid[:ny, :nx]
    for row, column in zip(*np.divmod(places, nx), strict=True):
        width = rng.uniform(*config.point_width)
        knot = np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / width**2)
        light += _colored(rng, hosts, k, config, knot)
    return light


def trail(rng, hosts, k, config):
    """A straight line through the stamp, as of a satellite, half of them in one band alone."""
    ny, nx, _ = hosts.shape
    scale = min(ny, nx) / _EDGE
    y, x, _ = polar(ny, nx)
    angle, offset = rng.uniform(0, np.pi), scale * rng.uniform(-20, 20)
    distance = x * np.cos(angle) + y * np.sin(angle) - offset
    profile = np.exp(-0.5 * (distance / rng.uniform(0.8, 3)) ** 2)
    return _in_some_bands(rng, _colored(rng, hosts, k, config, profile, brighter=2.0))


def glare(rng, hosts, k, config):
    """The halo of a star in or outside of the stamp, half of them with spikes along the axes."""
    ny, nx, _ = hosts.shape
    scale = min(ny, nx) / _EDGE
    y, x, _ = polar(ny, nx)
    angle = rng.uniform(0, 2 * np.pi)
    y = np.abs(y - 34 * scale * np.sin(angle) * rng.uniform(0.4, 1.3))
    x = np.abs(x - 34 * scale * np.cos(angle) * rng.uniform(0.4, 1.3))
    profile = np.exp(-np.hypot(y, x) / (scale * rng.uniform(5, 20)))
    if rng.random() < 0.5:
        along, across = 25 * scale, 1.5 * scale
        profile += 0.6 * (np.exp(-x / across - y / along) + np.exp(-y / across - x / along))
    return _colored(rng, hosts, k, config, profile, brighter=4.0)


def _colored(rng, hosts, k, config, profile, *, brighter=1.0):
    """
    A profile with a peak of 1 as light in all bands.

    Its peak lies between the noise and the peak of the galaxy, whose colors it has but for scatter.
    """
    noise, peak = hosts.noise[k], hosts.peak[k]
    low = config.faintest * noise.mean()
    high = max(config.brightest * brighter * peak.mean(), 1.5 * low)
    colors = peak / peak.mean() * np.exp(rng.normal(scale=_COLOR_SCATTER, size=len(peak)))
    return profile[..., np.newaxis] * (_between(rng, low, high) * colors / colors.mean())


def _in_some_bands(rng, light):
    bands = light.shape[2]
    if bands > 1 and rng.random() < 0.5:
        light = np.where(np.arange(bands) == rng.integers(bands), light * bands, 0)
    return light


def _between(rng, low, high):
    """Drawn evenly in the logarithm."""
    return np.exp(rng.uniform(np.log(low), np.log(high)))
