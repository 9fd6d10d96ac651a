"""Oversampled grid on which light is drawn: Sersic profiles, Gaussians, coordinates in a disk."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
from scipy.special import gamma, gammainc, gammaincinv

__all__ = [
    'Patch',
    'Plane',
    'FineGrid',
    'add_gaussians',
    'add_sersic',
    'combined_half_light_radius',
    'harmonics',
    'sersic_light',
    'sersic_width',
]

#: A profile is drawn out to the radius that encloses this fraction of its light.
_ENCLOSED = 0.9995

#: Size in fine pixels of the central region that is averaged over subpixels, and their number
#: along a fine pixel.
_CORE, _POINTS = 5, 9

#: Profiles are tabulated by the leading bits of the squared radius, in units of the half-light
#: radius, as float32: range of its exponent, and number of bits of its mantissa.
_EXPONENTS, _MANTISSA_BITS = (-16, 14), 7

#: Number of mantissa bits of a float32, and bias of its exponent.
_FLOAT_BITS, _FLOAT_BIAS = 23, 127

#: Number of standard deviations at which a Gaussian is cut off.
_GAUSSIAN_REACH = 4.5


@dataclass(frozen=True)
class FineGrid:
    """
    Oversampled grid of a stamp and a margin around it.

    Attributes
    ----------
    size, margin : int
        Pixels along the edge of the stamp, and width of the margin in pixels.
    pixel_scale : float
        Size of a pixel in arcsec.
    oversampling : int
        Number of fine pixels along a pixel.
    """

    size: int
    margin: int
    pixel_scale: float
    oversampling: int

    @property
    def step(self):
        """Size of a fine pixel in arcsec."""
        return self.pixel_scale / self.oversampling

    @property
    def n(self):
        """Number of fine pixels along the grid."""
        return (self.size + 2 * self.margin) * self.oversampling

    @property
    def axis(self):
        """Offsets of fine pixels from the center of the stamp, in arcsec, float32."""
        return _axis(self.n, self.step)

    @property
    def pixel_axis(self):
        """Offsets of pixels from the center of the stamp, in arcsec, float32."""
        return _axis(self.size + 2 * self.margin, self.pixel_scale)

    @property
    def half_width(self):
        """Half the width of the stamp, in arcsec."""
        return self.size * self.pixel_scale / 2

    def empty(self):
        """An image without light."""
        return np.zeros((self.n, self.n), dtype=np.float32)

    @property
    def whole(self):
        """The whole grid as a `Patch`."""
        return Patch(self, slice(0, self.n), slice(0, self.n))

    def patch(self, x, y, width, height):
        """The `Patch` within ``width`` and ``height`` arcsec of a position along x and y."""
        return Patch(self, self._covering(y, height), self._covering(x, width))

    def _covering(self, center, reach):
        """Fine pixels of all pixels within ``reach`` arcsec of a position along an axis."""
        length = self.size + 2 * self.margin
        first = floor((center - reach) / self.pixel_scale + length / 2)
        last = ceil((center + reach) / self.pixel_scale + length / 2)
        first, last = (min(max(bound, 0), length) * self.oversampling for bound in (first, last))
        return slice(first, last)


@dataclass(frozen=True)
class Patch:
    """
    A rectangle of the fine grid that consists of whole pixels.

    Attributes
    ----------
    grid : `FineGrid`
    rows, columns : slice
        Ranges of fine pixels.
    """

    grid: FineGrid
    rows: slice
    columns: slice

    @property
    def index(self):
        """Index of the patch in an image on the grid."""
        return self.rows, self.columns

    @property
    def is_empty(self):
        """Whether the patch has no pixels."""
        return self.rows.start >= self.rows.stop or self.columns.start >= self.columns.stop

    def plane(self, x, y, *, axis_ratio=1.0, angle=0.0):
        """
        The `Plane` of an inclined disk, at pixels instead of fine pixels.

        Structure that varies slowly is computed there, in a fraction of the time, and upsampled.
        """
        rows, columns = (
            slice(part.start // self.grid.oversampling, part.stop // self.grid.oversampling)
            for part in self.index
        )
        axis = self.grid.pixel_axis
        return Plane.from_offsets(axis[columns] - x, axis[rows, np.newaxis] - y, axis_ratio, angle)

    def upsample(self, values):
        """Values at fine pixels, interpolated linearly between those at pixels."""
        rows = _interpolated(values, self.grid.oversampling)
        return _interpolated(rows.T, self.grid.oversampling).T


@dataclass(frozen=True)
class Plane:
    """
    Coordinates in the plane of an inclined disk.

    Attributes
    ----------
    u, v : `~numpy.ndarray`
        Coordinates along the major and the minor axis, deprojected to face-on, in arcsec.
    """

    u: np.ndarray
    v: np.ndarray

    @classmethod
    def from_offsets(cls, dx, dy, axis_ratio, angle):
        """From offsets on the sky; ``angle`` of the major axis, in radian, is counterclockwise."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        q = np.float32(axis_ratio)
        return cls(dx * cos + dy * sin, dy * (cos / q) - dx * (sin / q))

    @property
    def radius(self):
        """Distance from the center in arcsec."""
        return np.sqrt(self.u**2 + self.v**2)

    @property
    def direction(self):
        """exp(i a) for the azimuth a, complex64; its powers are harmonics."""
        direction = np.empty(self.u.shape, dtype=np.complex64)
        # Slightly more than the radius, so that the center is defined.
        inverse = 1 / np.sqrt(self.u**2 + self.v**2 + np.float32(1e-10))
        direction.real, direction.imag = self.u * inverse, self.v * inverse
        return direction


def add_sersic(image, grid, **profile):
    """Add an elliptical Sersic profile, as of `sersic_light`, to an image on the fine grid."""
    patch, light = sersic_light(grid, **profile)
    image[patch.index] += light


def sersic_light(
    grid, *, flux, half_light_radius, index=1.0, axis_ratio=1.0, angle=0.0, x=0.0, y=0.0
):
    """
    The light of an elliptical Sersic profile.

    Parameters
    ----------
    grid : `FineGrid`
    flux : float
        Total, to infinity.
    half_light_radius : float
        Semimajor axis, in arcsec, of the ellipse that holds half the flux.
    index, axis_ratio, angle : float
        Sersic index, axis ratio, and angle of the major axis in radian, counterclockwise from +x.
    x, y : float
        Center, in arcsec from the center of the stamp.

    Returns
    -------
    patch : `Patch`
        The region in which the profile is drawn.
    light : `~numpy.ndarray` of float32
        Flux per fine pixel of the patch.
    """
    table, reach = _profile(flux * grid.step**2 / (axis_ratio * half_light_radius**2), index)
    cos, sin = np.cos(angle), np.sin(angle)
    width, height = np.hypot(cos, axis_ratio * sin), np.hypot(sin, axis_ratio * cos)
    reach *= half_light_radius
    patch = grid.patch(x, y, reach * width, reach * height)
    if patch.is_empty:
        return patch, grid.empty()[patch.index]
    shape = (half_light_radius, axis_ratio, cos, sin)
    dx, dy = grid.axis[patch.columns] - np.float32(x), grid.axis[patch.rows] - np.float32(y)
    light = _lookup(table, _squared_radius(dx, dy, *shape))
    _average_core(light, dx, dy, grid.step, table, shape)
    return patch, light


def add_gaussians(image, grid, *, flux, sigma, x, y):
    """
    Add circular Gaussians to an image.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the fine grid; flux per fine pixel.
    grid : `FineGrid`
    flux, sigma, x, y : array_like, shape (k,)
        Flux, and standard deviation and position in arcsec.
    """
    flux, sigma, x, y = (np.atleast_1d(np.asarray(v, np.float32)) for v in (flux, sigma, x, y))
    if not len(flux):
        return
    # All have a box of the same size, that of the widest, and are computed together.
    half = min(int(np.ceil(_GAUSSIAN_REACH * sigma.max() / grid.step)), grid.n // 2)
    inside = np.arange(-half, half + 1)
    # A circular Gaussian is the product of one along x and one along y.
    along, first = [], []
    for center in (y, x):
        middle = np.rint(center / grid.step + (grid.n - 1) / 2).astype(int)
        offsets = (middle[:, np.newaxis] + inside - (grid.n - 1) / 2) * grid.step
        scaled = ((offsets - center[:, np.newaxis]) / sigma[:, np.newaxis]).astype(np.float32)
        along.append(np.exp(np.float32(-0.5) * scaled**2))
        first.append((middle - half).tolist())
    peak = flux * (np.float32(grid.step**2 / (2 * np.pi)) / sigma**2)
    boxes = (along[0] * peak[:, np.newaxis])[:, :, np.newaxis] * along[1][:, np.newaxis, :]
    for box, row, column in zip(boxes, *first, strict=True):
        # Boxes are cut off at the edges of the grid.
        low, left = max(0, -row), max(0, -column)
        part = box[low : max(low, grid.n - row), left : max(left, grid.n - column)]
        image[row + low : row + low + len(part), column + left :][:, : part.shape[1]] += part


def harmonics(phase, amplitudes):
    """
    The real part of a sum of powers of phase factors.

    Parameters
    ----------
    phase : `~numpy.ndarray` of complex64
        As `Plane.direction`, or with a phase that depends on the radius.
    amplitudes : sequence of complex
        Amplitudes of the powers 0, 1, 2 ...

    Returns
    -------
    `~numpy.ndarray` of float32
    """
    total = np.full_like(phase, amplitudes[-1])
    for amplitude in amplitudes[-2::-1]:
        total *= phase
        total += np.complex64(amplitude)
    return total.real


def sersic_width(index):
    """The b of a Sersic profile exp(-b (r / r_e)^(1/n)), for which r_e holds half the light."""
    return float(gammaincinv(2 * index, 0.5))


def combined_half_light_radius(fluxes, radii, indices):
    """Half-light radius of the sum of concentric circular Sersic profiles."""
    # It lies between the half-light radii of the components.
    radius = np.linspace(min(radii), max(radii), 32)
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
    """Rows interpolated to finer positions; constant beyond the outermost ones."""
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    steps = padded[1:] - padded[:-1]
    fine = np.empty((len(rows) * factor, *rows.shape[1:]), dtype=rows.dtype)
    for k in range(factor):
        shift = (k + 0.5) / factor - 0.5
        first = 0 if shift < 0 else 1
        last = first + len(rows)
        fine[k::factor] = padded[first:last] + np.float32(shift % 1) * steps[first:last]
    return fine


# Tabulated profiles: an exponential and a power at each pixel would take five times as long.


def _profile(scale, index):
    """Table of a Sersic profile by squared radius, and its extent in half-light radii."""
    b = sersic_width(index)
    peak = scale * b ** (2 * index) / (2 * np.pi * index * gamma(2 * index))
    powers = np.exp(_log_nodes() * np.float32(0.5 / index))
    table = np.float32(peak) * np.exp(np.float32(-b) * powers)
    return table, (float(gammaincinv(2 * index, _ENCLOSED)) / b) ** index


@lru_cache(maxsize=1)
def _log_nodes():
    """Logarithms of the squared radii of the table."""
    mantissa = 1 + (np.arange(2**_MANTISSA_BITS) + 0.5) / 2**_MANTISSA_BITS
    return np.log(np.ldexp(mantissa, np.arange(*_EXPONENTS)[:, np.newaxis])).ravel().astype('f4')


def _squared_radius(dx, dy, half_light_radius, axis_ratio, cos, sin):
    """Squared elliptical radius, in half-light radii, at each (dy, dx)."""
    a = (cos**2 + (sin / axis_ratio) ** 2) / half_light_radius**2
    b = 2 * cos * sin * (1 - axis_ratio**-2) / half_light_radius**2
    c = (sin**2 + (cos / axis_ratio) ** 2) / half_light_radius**2
    # The product of [1, b dy, c dy^2] and [a dx^2, dx, 1] gives the sum at all pixels at once.
    left, right = np.ones((len(dy), 3), np.float32), np.ones((3, len(dx)), np.float32)
    left[:, 1] = np.float32(b) * dy
    # Never 0, or negative by rounding.
    left[:, 2] = np.float32(c) * dy**2 + np.float32(2.0 ** _EXPONENTS[0])
    right[0] = np.float32(a) * dx**2
    right[1] = dx
    return left @ right


def _lookup(table, squared):
    """Values of the table at squared radii."""
    bits = squared.view(np.int32) >> (_FLOAT_BITS - _MANTISSA_BITS)
    bits -= (_FLOAT_BIAS + _EXPONENTS[0]) << _MANTISSA_BITS
    return table.take(bits, mode='clip')


def _average_core(light, dx, dy, step, table, shape):
    """Average over subpixels of the central fine pixels, in which the profile varies strongly."""
    parts, fine = [], []
    for offsets in (dy, dx):
        middle = round(float(-offsets[0]) / step)
        part = slice(max(0, middle - _CORE // 2), max(0, middle + _CORE // 2 + 1))
        parts.append(part)
        fine.append(np.add.outer(_subpixels(step), offsets[part]).ravel())
    core = light[tuple(parts)]
    if core.size:
        drawn = _lookup(table, _squared_radius(fine[1], fine[0], *shape))
        drawn = drawn.reshape(_POINTS, core.shape[0], _POINTS, core.shape[1])
        core[...] = drawn.sum(axis=0).sum(axis=1) / np.float32(_POINTS**2)


@lru_cache(maxsize=8)
def _subpixels(step):
    """Offsets of the subpixels along a fine pixel."""
    return (((np.arange(_POINTS) + 0.5) / _POINTS - 0.5) * step).astype(np.float32)
