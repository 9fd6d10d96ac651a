"""Light on a fine grid: Sersic profiles, discs with structure, Gaussians; and what an angle is."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gamma, gammainc, gammaincinv

__all__ = ['Plane', 'Sky', 'add_gaussians', 'add_sersic', 'half_light_radius', 'sersic_width']

#: A profile is drawn out to where this share of its light lies within.
_ENCLOSED = 0.9995

#: Fine pixels around the centre of a profile that are averaged over, and points along each.
_CORE, _POINTS = 5, 11


@dataclass(frozen=True)
class Sky:
    """
    The fine grid that light is drawn on: a stamp, and a margin around it.

    Attributes
    ----------
    size, margin : int
        Pixels along the edge of the stamp, and around it.
    scale : float
        Arcsec along a pixel.
    oversampling : int
        Fine pixels along a pixel.
    """

    size: int
    margin: int
    scale: float
    oversampling: int

    @property
    def step(self):
        """Arcsec along a fine pixel."""
        return self.scale / self.oversampling

    @property
    def n(self):
        """Fine pixels along the grid."""
        return (self.size + 2 * self.margin) * self.oversampling

    @property
    def axis(self):
        """Offsets of fine pixels from the middle of the stamp, in arcsec, float32."""
        return _axis(self.n, self.step)

    @property
    def pixel_axis(self):
        """Offsets of pixels from the middle of the stamp, in arcsec, float32."""
        return _axis(self.size + 2 * self.margin, self.scale)

    @property
    def edge(self):
        """Offset of the edge of the stamp, in arcsec."""
        return self.size * self.scale / 2

    def empty(self):
        """A dark sky."""
        return np.zeros((self.n, self.n), dtype=np.float32)

    def window(self, x, y, radius):
        """Rows and columns of the fine pixels within a square around a position, in arcsec."""
        bounds = np.array([y - radius, y + radius, x - radius, x + radius]) / self.step + self.n / 2
        low, high, left, right = np.clip(np.rint(bounds).astype(int), 0, self.n)
        return slice(low, high), slice(left, right)

    def plane(self, x, y, *, axis_ratio=1.0, angle=0.0):
        """
        The `Plane` of an inclined disc, at pixels that are not fine.

        What varies slowly is computed there, in a fraction of the time, and then `refined`.
        """
        axis = self.pixel_axis
        return Plane.of(axis - x, axis[:, np.newaxis] - y, axis_ratio, angle)

    def refined(self, coarse):
        """Values at fine pixels, interpolated linearly between those at pixels."""
        rows = _interpolated(coarse, self.oversampling)
        return _interpolated(rows.T, self.oversampling).T


@dataclass(frozen=True)
class Plane:
    """
    Coordinates in the plane of an inclined disc.

    Attributes
    ----------
    u, v : `~numpy.ndarray`
        Along the major axis on the sky, and across it as seen from above the disc, in arcsec.
    """

    u: np.ndarray
    v: np.ndarray

    @classmethod
    def of(cls, dx, dy, axis_ratio, angle):
        """From offsets on the sky; the angle is that of the major axis from x to y, in radian."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return cls(dx * cos + dy * sin, (dy * cos - dx * sin) / np.float32(axis_ratio))

    @property
    def radius(self):
        """Distance from the centre in arcsec."""
        return np.sqrt(self.u**2 + self.v**2)

    @property
    def azimuth(self):
        """Angle around the centre."""
        return np.arctan2(self.v, self.u)


def add_sersic(image, sky, *, flux, radius, index=1.0, axis_ratio=1.0, angle=0.0, x=0.0, y=0.0):
    """
    Add an elliptical Sersic profile to an image.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel.
    sky : `Sky`
    flux : float
        Total, out to infinity.
    radius : float
        Semi-major axis, in arcsec, of the ellipse that holds half of it.
    index, axis_ratio, angle : float
        Sersic index; minor over major axis; angle of the latter from x to y.
    x, y : float
        Centre, in arcsec from the middle of the stamp.
    """
    b = sersic_width(index)
    peak = flux * sky.step**2 * b ** (2 * index)
    peak /= 2 * np.pi * axis_ratio * radius**2 * index * gamma(2 * index)
    reach = radius * (_reach(index) / b) ** index
    window = sky.window(x, y, reach)
    if min(part.stop - part.start for part in window) <= 0:
        return

    def profile(dx, dy):
        scaled = Plane.of(dx, dy, axis_ratio, angle).radius * np.float32(1 / radius)
        if index != 1:
            scaled = np.exp(np.float32(1 / index) * np.log(np.maximum(scaled, np.float32(1e-6))))
        return np.float32(peak) * np.exp(np.float32(-b) * scaled)

    drawn = profile(sky.axis[window[1]] - x, sky.axis[window[0], np.newaxis] - y)
    _refine_core(drawn, sky, window, x, y, profile)
    image[window] += drawn


def add_gaussians(image, sky, *, flux, sigma, x, y):
    """
    Add round Gaussians, all at once.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel.
    sky : `Sky`
    flux, sigma, x, y : array_like, shape (k,)
        Flux, standard deviation and position of each, in arcsec.
    """
    flux, sigma, x, y = (np.atleast_1d(np.asarray(v, np.float32)) for v in (flux, sigma, x, y))
    # A round Gaussian is a product of one along x and one along y; their sum is a matrix product.
    scale = np.float32(sky.step / np.sqrt(2 * np.pi)) / sigma
    along_x = np.exp(-0.5 * ((sky.axis - x[:, np.newaxis]) / sigma[:, np.newaxis]) ** 2)
    along_y = np.exp(-0.5 * ((sky.axis - y[:, np.newaxis]) / sigma[:, np.newaxis]) ** 2)
    image += (along_y * (flux * scale**2)[:, np.newaxis]).T @ along_x


def sersic_width(index):
    """The b of a Sersic profile exp(-b (r / r_e)^(1/n)), for which r_e holds half the light."""
    return float(gammaincinv(2 * index, 0.5))


def half_light_radius(fluxes, radii, indices):
    """Radius that holds half the light of concentric round Sersic profiles."""
    radius = np.geomspace(0.1 * min(radii), 3 * max(radii), 128)
    within = sum(
        flux * gammainc(2 * index, sersic_width(index) * (radius / size) ** (1 / index))
        for flux, size, index in zip(fluxes, radii, indices, strict=True)
    )
    return float(np.interp(0.5 * sum(fluxes), within, radius))


@lru_cache(maxsize=8)
def _axis(n, step):
    axis = ((np.arange(n) - (n - 1) / 2) * step).astype(np.float32)
    axis.flags.writeable = False
    return axis


def _interpolated(rows, factor):
    """Rows at finer positions; beyond the outermost their values hold."""
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    fine = np.empty((len(rows) * factor, *rows.shape[1:]), dtype=rows.dtype)
    for k in range(factor):
        shift = (k + 0.5) / factor - 0.5
        first = 0 if shift < 0 else 1
        low, high = padded[first : first + len(rows)], padded[first + 1 : first + 1 + len(rows)]
        fine[k::factor] = low + np.float32(shift % 1) * (high - low)
    return fine


def _reach(index):
    """The exponent at the radius that encloses all but a little of the light."""
    return float(gammaincinv(2 * index, _ENCLOSED))


def _refine_core(drawn, sky, window, x, y, profile):
    """Average over the central fine pixels, within which a profile may vary much."""
    row, column = (
        round((c / sky.step) + (sky.n - 1) / 2) - part.start
        for c, part in zip((y, x), window, strict=True)
    )
    rows = slice(max(0, row - _CORE // 2), max(0, row + _CORE // 2 + 1))
    columns = slice(max(0, column - _CORE // 2), max(0, column + _CORE // 2 + 1))
    core = drawn[rows, columns]
    if core.size == 0:
        return
    inside = ((np.arange(_POINTS) + 0.5) / _POINTS - 0.5) * sky.step
    dy = (sky.axis[window[0]][rows, np.newaxis] - y + inside.astype(np.float32)).reshape(-1, 1)
    dx = (sky.axis[window[1]][columns, np.newaxis] - x + inside.astype(np.float32)).reshape(-1)
    fine = profile(dx, dy).reshape(core.shape[0], _POINTS, core.shape[1], _POINTS)
    core[...] = fine.mean(axis=(1, 3))
