"""Light on a fine grid: Sersic profiles, Gaussians, and coordinates in the plane of a disc."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
from scipy.special import gamma, gammainc, gammaincinv

__all__ = [
    'Patch',
    'Plane',
    'Sky',
    'add_gaussians',
    'add_sersic',
    'half_light_radius',
    'harmonics',
    'sersic_light',
    'sersic_width',
]

#: A profile is drawn out to where this share of its light lies within.
_ENCLOSED = 0.9995

#: Fine pixels around the centre of a profile that are averaged over, and points along each.
_CORE, _POINTS = 5, 9

#: Profiles are looked up by the leading bits of the squared radius, in units of the effective
#: one, as float32: its exponent, from the first to the last of these, and this many of the next.
_EXPONENTS, _MANTISSA_BITS = (-16, 14), 7

#: Bits of a float32 after the sign and the exponent, and what its exponent begins from.
_FLOAT_BITS, _FLOAT_BIAS = 23, 127

#: Standard deviations beyond which a Gaussian is not drawn.
_GAUSSIAN_REACH = 4.5


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

    @property
    def whole(self):
        """All of it, as a `Patch`."""
        return Patch(self, slice(0, self.n), slice(0, self.n))

    def patch(self, x, y, width, height):
        """The `Patch` of so many arcsec to the left and right, above and below a position."""
        return Patch(self, self._covering(y, height), self._covering(x, width))

    def _covering(self, centre, reach):
        """The fine pixels of all pixels within so many arcsec of a position along an axis."""
        length = self.size + 2 * self.margin
        first = floor((centre - reach) / self.scale + length / 2)
        last = ceil((centre + reach) / self.scale + length / 2)
        first, last = (min(max(bound, 0), length) * self.oversampling for bound in (first, last))
        return slice(first, last)


@dataclass(frozen=True)
class Patch:
    """
    A rectangle of the fine grid, in whole pixels.

    Attributes
    ----------
    sky : `Sky`
    rows, columns : slice
        Of fine pixels.
    """

    sky: Sky
    rows: slice
    columns: slice

    @property
    def where(self):
        """Index of these fine pixels in an image of the sky."""
        return self.rows, self.columns

    @property
    def is_empty(self):
        """Whether there is nothing in it."""
        return self.rows.start >= self.rows.stop or self.columns.start >= self.columns.stop

    def plane(self, x, y, *, axis_ratio=1.0, angle=0.0):
        """
        The `Plane` of an inclined disc, at pixels that are not fine.

        What varies slowly is computed there, in a fraction of the time, and then `refined`.
        """
        rows, columns = (
            slice(part.start // self.sky.oversampling, part.stop // self.sky.oversampling)
            for part in self.where
        )
        axis = self.sky.pixel_axis
        return Plane.of(axis[columns] - x, axis[rows, np.newaxis] - y, axis_ratio, angle)

    def refined(self, coarse):
        """Values at fine pixels, interpolated linearly between those at pixels."""
        rows = _interpolated(coarse, self.sky.oversampling)
        return _interpolated(rows.T, self.sky.oversampling).T


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
        q = np.float32(axis_ratio)
        return cls(dx * cos + dy * sin, dy * (cos / q) - dx * (sin / q))

    @property
    def radius(self):
        """Distance from the centre in arcsec."""
        return np.sqrt(self.u**2 + self.v**2)

    @property
    def direction(self):
        """exp(i a) for the angle a around the centre, complex64; powers of it are harmonics."""
        direction = np.empty(self.u.shape, dtype=np.complex64)
        # A little more than the radius, for which the centre has a direction too.
        inverse = 1 / np.sqrt(self.u**2 + self.v**2 + np.float32(1e-10))
        direction.real, direction.imag = self.u * inverse, self.v * inverse
        return direction


def add_sersic(image, sky, **profile):
    """Add an elliptical Sersic profile, as of `sersic_light`, to an image on the fine grid."""
    patch, light = sersic_light(sky, **profile)
    image[patch.where] += light


def sersic_light(sky, *, flux, radius, index=1.0, axis_ratio=1.0, angle=0.0, x=0.0, y=0.0):
    """
    The light of an elliptical Sersic profile.

    Parameters
    ----------
    sky : `Sky`
    flux : float
        Total, out to infinity.
    radius : float
        Semi-major axis, in arcsec, of the ellipse that holds half of it.
    index, axis_ratio, angle : float
        Sersic index; minor over major axis; angle of the latter from x to y.
    x, y : float
        Centre, in arcsec from the middle of the stamp.

    Returns
    -------
    patch : `Patch`
        Where it can be seen.
    light : `~numpy.ndarray` of float32
        Flux per fine pixel of the patch.
    """
    table, reach = _profile(flux * sky.step**2 / (axis_ratio * radius**2), index)
    cos, sin = np.cos(angle), np.sin(angle)
    across, up = np.hypot(cos, axis_ratio * sin), np.hypot(sin, axis_ratio * cos)
    patch = sky.patch(x, y, radius * reach * across, radius * reach * up)
    if patch.is_empty:
        return patch, sky.empty()[patch.where]
    shape = (radius, axis_ratio, cos, sin)
    dx, dy = sky.axis[patch.columns] - np.float32(x), sky.axis[patch.rows] - np.float32(y)
    light = _looked_up(table, _squared_radius(dx, dy, *shape))
    _average_core(light, dx, dy, sky.step, table, shape)
    return patch, light


def add_gaussians(image, sky, *, flux, sigma, x, y):
    """
    Add round Gaussians.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel.
    sky : `Sky`
    flux, sigma, x, y : array_like, shape (k,)
        Flux, standard deviation and position of each, in arcsec.
    """
    flux, sigma, x, y = (np.atleast_1d(np.asarray(v, np.float32)) for v in (flux, sigma, x, y))
    if not len(flux):
        return
    # All have a box of the same size, that of the widest, so that they are computed at once.
    half = min(int(np.ceil(_GAUSSIAN_REACH * sigma.max() / sky.step)), sky.n // 2)
    inside = np.arange(-half, half + 1)
    # A round Gaussian is a product of one along x and one along y.
    along, first = [], []
    for centre in (y, x):
        middle = np.rint(centre / sky.step + (sky.n - 1) / 2).astype(int)
        offsets = (middle[:, np.newaxis] + inside - (sky.n - 1) / 2) * sky.step
        scaled = ((offsets - centre[:, np.newaxis]) / sigma[:, np.newaxis]).astype(np.float32)
        along.append(np.exp(np.float32(-0.5) * scaled**2))
        first.append((middle - half).tolist())
    peak = flux * (np.float32(sky.step**2 / (2 * np.pi)) / sigma**2)
    boxes = (along[0] * peak[:, np.newaxis])[:, :, np.newaxis] * along[1][:, np.newaxis, :]
    for box, row, column in zip(boxes, *first, strict=True):
        # What lies beyond the grid is cut off.
        low, left = max(0, -row), max(0, -column)
        part = box[low : max(low, sky.n - row), left : max(left, sky.n - column)]
        image[row + low : row + low + len(part), column + left :][:, : part.shape[1]] += part


def harmonics(phase, amplitudes):
    """
    The real part of a sum of powers of phase factors.

    Parameters
    ----------
    phase : `~numpy.ndarray` of complex64
        As `Plane.direction`, or wound up with the radius.
    amplitudes : sequence of complex
        Of the power 0, 1, 2 ...

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


def half_light_radius(fluxes, radii, indices):
    """Radius that holds half the light of concentric round Sersic profiles."""
    # That of a sum lies between those of its parts.
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
    """Rows at finer positions; beyond the outermost their values hold."""
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    steps = padded[1:] - padded[:-1]
    fine = np.empty((len(rows) * factor, *rows.shape[1:]), dtype=rows.dtype)
    for k in range(factor):
        shift = (k + 0.5) / factor - 0.5
        first = 0 if shift < 0 else 1
        last = first + len(rows)
        fine[k::factor] = padded[first:last] + np.float32(shift % 1) * steps[first:last]
    return fine


# Profiles by table: an exponential and a power at each pixel would take five times as long.


def _profile(scale, index):
    """A Sersic profile by squared radius, and out to where it is drawn, in effective radii."""
    b = sersic_width(index)
    peak = scale * b ** (2 * index) / (2 * np.pi * index * gamma(2 * index))
    powers = np.exp(_log_nodes() * np.float32(0.5 / index))
    table = np.float32(peak) * np.exp(np.float32(-b) * powers)
    return table, (float(gammaincinv(2 * index, _ENCLOSED)) / b) ** index


@lru_cache(maxsize=1)
def _log_nodes():
    """Logarithms of the squared radii that `_looked_up` rounds to."""
    mantissa = 1 + (np.arange(2**_MANTISSA_BITS) + 0.5) / 2**_MANTISSA_BITS
    return np.log(np.ldexp(mantissa, np.arange(*_EXPONENTS)[:, np.newaxis])).ravel().astype('f4')


def _squared_radius(dx, dy, radius, axis_ratio, cos, sin):
    """Elliptical radius, in units of one, squared, at each (dy, dx)."""
    a = (cos**2 + (sin / axis_ratio) ** 2) / radius**2
    b = 2 * cos * sin * (1 - axis_ratio**-2) / radius**2
    c = (sin**2 + (cos / axis_ratio) ** 2) / radius**2
    # The product of [1, b dy, c dy^2] and [a dx^2, dx, 1] is a sum over all pixels in one pass.
    left, right = np.ones((len(dy), 3), np.float32), np.ones((3, len(dx)), np.float32)
    left[:, 1] = np.float32(b) * dy
    # Never 0, nor below by rounding.
    left[:, 2] = np.float32(c) * dy**2 + np.float32(2.0 ** _EXPONENTS[0])
    right[0] = np.float32(a) * dx**2
    right[1] = dx
    return left @ right


def _looked_up(table, squared):
    bits = squared.view(np.int32) >> (_FLOAT_BITS - _MANTISSA_BITS)
    bits -= (_FLOAT_BIAS + _EXPONENTS[0]) << _MANTISSA_BITS
    return table.take(bits, mode='clip')


def _average_core(light, dx, dy, step, table, shape):
    """Average over the central fine pixels, within which a profile may vary much."""
    parts, fine = [], []
    for offsets in (dy, dx):
        middle = round(float(-offsets[0]) / step)
        part = slice(max(0, middle - _CORE // 2), max(0, middle + _CORE // 2 + 1))
        parts.append(part)
        fine.append(np.add.outer(_inside(step), offsets[part]).ravel())
    core = light[tuple(parts)]
    if core.size:
        drawn = _looked_up(table, _squared_radius(fine[1], fine[0], *shape))
        drawn = drawn.reshape(_POINTS, core.shape[0], _POINTS, core.shape[1])
        core[...] = drawn.sum(axis=0).sum(axis=1) / np.float32(_POINTS**2)


@lru_cache(maxsize=8)
def _inside(step):
    """Offsets of the points along a fine pixel."""
    return (((np.arange(_POINTS) + 0.5) / _POINTS - 0.5) * step).astype(np.float32)
