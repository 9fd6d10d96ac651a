"""Changes of the light of a galaxy: distortions, and truncations. Its noise stays as it is."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from astro_wgan.injection.host_galaxies import polar

__all__ = ['distortion', 'truncation']

#: As in `astro_wgan.injection.added_light`.
_EDGE = 64.0


def distortion(rng, hosts, k, config):
    """The galaxy displaced by a smooth random field, of up to six pixels in 64, less itself."""
    ny, nx, bands = hosts.shape
    scale = min(ny, nx) / _EDGE
    largest, smoothing = scale * rng.uniform(2, 6), scale * rng.uniform(4, 9)
    field = np.stack([gaussian_filter(rng.normal(size=(ny, nx)), smoothing) for _ in range(2)])
    field *= largest / np.abs(field).max()
    places = np.mgrid[:ny, :nx] + field
    light = hosts.light[k]
    moved = [map_coordinates(light[..., b], places, order=1, mode='nearest') for b in range(bands)]
    return np.stack(moved, axis=-1) - light


def truncation(rng, hosts, k, config):
    """What is missing if the galaxy ends at an edge near its center."""
    ny, nx, _ = hosts.shape
    scale = min(ny, nx) / _EDGE
    y, x, _ = polar(ny, nx)
    angle = rng.uniform(0, 2 * np.pi)
    beyond = x * np.cos(angle) + y * np.sin(angle) - scale * rng.uniform(-4, 6)
    missing = rng.uniform(0.4, 1) / (1 + np.exp(-beyond / 0.8))
    return -hosts.light[k] * missing[..., np.newaxis]
