"""HostGalaxies: normal galaxies to inject into, with the light of each without noise."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astro_wgan.noise import estimate_noise_rms
from astro_wgan.stamps.orientations import oriented

__all__ = ['HostGalaxies']

#: Width of the border from which the sky of a closest image is measured, as a fraction of the edge.
_BORDER = 0.08
#: Galaxies fainter than this fraction of the set are no companions.
_FAINTEST = 0.05
#: Radius within which the light of a galaxy counts as its own, as a fraction of the edge.
_RADIUS = 0.14


@dataclass(frozen=True)
class HostGalaxies:
    """
    Normal galaxies to inject into.

    Attributes
    ----------
    light : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Closest images less their sky: galaxies without noise.
    noise : `~numpy.ndarray`, shape (n, bands)
        Standard deviation of the noise of a pixel.
    peak : `~numpy.ndarray`, shape (n, bands)
        Of the light, and at least the noise.
    """

    light: np.ndarray
    noise: np.ndarray
    peak: np.ndarray

    @classmethod
    def from_images(cls, pixels, closest_images):
        """
        Galaxies from stamps and their closest images.

        Parameters
        ----------
        pixels, closest_images : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In the same unit; pixels that are masked must be NaN.

        Returns
        -------
        HostGalaxies
        """
        n, ny, nx, bands = pixels.shape
        border = np.ones((ny, nx), bool)
        width = max(1, round(_BORDER * min(ny, nx)))
        border[width:-width, width:-width] = False
        sky = np.median(closest_images[:, border], axis=1)
        light = np.asarray(closest_images - sky[:, np.newaxis, np.newaxis], dtype=np.float32)
        noise = np.asarray(estimate_noise_rms(pixels), dtype=float).reshape(n, bands)
        # A stamp that is all masked, or has no noise at all, takes that of the others.
        noise = np.where(noise > 0, noise, _usual(noise, np.abs(light).max(initial=0.0)))
        peak = np.maximum(light.reshape(n, ny * nx, bands).max(axis=1), noise)
        return cls(light, noise, peak)

    def __len__(self):
        return len(self.light)

    @property
    def shape(self):
        """(ny, nx, bands)"""
        return self.light.shape[1:]

    def isolated(self, k):
        """The light of a galaxy alone, which falls to zero away from the center."""
        ny, nx, _ = self.shape
        _, _, radius = polar(ny, nx)
        window = np.exp(-0.5 * (radius / (_RADIUS * min(ny, nx))) ** 4)
        return np.maximum(self.light[k], 0) * window[..., np.newaxis]

    @cached_property
    def _companions(self):
        """Galaxies that are not among the faintest; once for all that are drawn."""
        flux = self.light.sum(axis=(1, 2, 3))
        return np.flatnonzero(flux >= np.quantile(flux, _FAINTEST))

    def draw_companion(self, rng):
        """The light of one of the galaxies that are not among the faintest, in any orientation."""
        return oriented(self.isolated(rng.choice(self._companions)), rng.integers(8))


def _usual(noise, brightest):
    """Median noise of each band, or a thousandth of the brightest light where all have none."""
    known = [values[values > 0] for values in noise.T]
    least = brightest / 1000 + np.finfo(np.float32).tiny
    return np.array([np.median(values) if len(values) else least for values in known])


def polar(ny, nx):
    """Offsets y and x from the center of an image, and the distance from it, in pixels."""
    y, x = np.mgrid[:ny, :nx].astype(float)
    y, x = y - (ny - 1) / 2, x - (nx - 1) / 2
    return y, x, np.hypot(y, x)
