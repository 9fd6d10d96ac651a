"""`Particles`: stars of a simulation, and the light map that they make."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from scipy.ndimage import convolve1d
from scipy.spatial import cKDTree
from scipy.special import ndtr

from astro_wgan.mocks.light import LUMINOSITY, LightMap
from astro_wgan.stamps.checks import as_shape

__all__ = ['Particles']

#: Neighbours whose distance is the FWHM of a particle's light.
_NEIGHBOURS = 16

#: Classes of widths for each factor of two: particles of a class are smoothed alike.
_CLASSES = 4

#: Narrower Gaussians, in pixels, are none; wider ones than this share of the map do not grow.
_NARROWEST, _WIDEST = 0.2, 0.25

#: Edge of a map in galaxy radii, as Margalef-Bentabol et al. 2020 (section 2.1.1) have it.
_RADII = 8

#: Image axes for directions of sight; (x, y) of the image.
_AXES = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}


@dataclass(frozen=True, eq=False)
class Particles:
    """
    Star particles of a galaxy.

    Parameters
    ----------
    positions : `~astropy.units.Quantity`, shape (n, 3)
        In the galaxy's frame, its centre at 0; lengths.
    luminosity : `~astropy.units.Quantity`, shape (n,) or (n, bands)
        Power per frequency of each, such as W / Hz.
    wavelength : `~astropy.units.Quantity`, optional
        Rest-frame wavelength, one for each band.
    masses : `~astropy.units.Quantity`, shape (n,), optional
        For the size of the galaxy; by default all are equal.
    fwhm : `~astropy.units.Quantity`, shape (n,) or a single one, optional
        Width of the Gaussian that a particle's light is spread over; 0 for none. By default the
        distance to its 16th neighbour.

    Raises
    ------
    ValueError
        If values are not finite, negative where they must not be, or shapes disagree.
    astropy.units.UnitsError
        If units do not convert.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import Particles
    >>> rng = np.random.default_rng(1)
    >>> stars = Particles(rng.normal(size=(5000, 3)) * u.kpc, np.full(5000, 1e17) * u.W / u.Hz)
    >>> stars.radius.round(1)
    <Quantity 2.2 kpc>
    >>> stars.light_map(pixel_scale=0.2 * u.kpc, along='x')
    <LightMap: 90 x 90 pixels of 0.2 kpc, absolute magnitude -17.65>
    """

    positions: u.Quantity
    luminosity: u.Quantity
    wavelength: u.Quantity | None = None
    masses: u.Quantity | None = None
    fwhm: u.Quantity | None = None

    def __post_init__(self):
        put = object.__setattr__
        positions = _numbers(self.positions, u.kpc, 'positions', negative=True)
        if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
            raise ValueError(
                f'`positions` must have the shape (n, 3), n above 0; got {positions.shape}.'
            )
        put(self, 'positions', positions)
        put(self, 'luminosity', _numbers(self.luminosity, LUMINOSITY, 'luminosity'))
        if self.luminosity.ndim not in (1, 2):
            raise ValueError(
                f'`luminosity` must have the shape (n,) or (n, bands); got {self.luminosity.shape}.'
            )
        if self.masses is not None:
            put(self, 'masses', _numbers(self.masses, u.Msun, 'masses'))
        if self.fwhm is not None:
            width = _numbers(self.fwhm, u.kpc, 'fwhm')
            put(self, 'fwhm', np.full(len(self), width.value) * u.kpc if width.isscalar else width)
        for name in ('luminosity', 'masses', 'fwhm'):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(
                    f'`{name}` must be one for each of the {len(self)} particles; '
                    f'got {len(values)}.'
                )

    def __len__(self):
        return len(self.positions)

    @property
    def radius(self):
        """
        Mean of the three semi-axes of the ellipsoid that has the second moments of the mass.

        Those of a uniform ellipsoid are a fifth of its squared semi-axes.
        """
        masses = np.ones(len(self)) if self.masses is None else self.masses.value
        if not masses.sum() > 0:
            raise ValueError('`masses` must not all be 0.')
        x = self.positions.value
        x = x - np.average(x, axis=0, weights=masses)
        moments = np.linalg.eigvalsh((masses[:, np.newaxis] * x).T @ x / masses.sum())
        return np.sqrt(5 * moments.clip(0)).mean() * u.kpc

    def light_map(self, *, pixel_scale, size=None, along='z'):
        """
        The light of the particles, as seen from one direction, without dust.

        Parameters
        ----------
        pixel_scale : `~astropy.units.Quantity`
            Length of a pixel's edge.
        size : int or tuple of int, optional
            Pixels along an edge, or ``(ny, nx)``; by default 8 galaxy radii.
        along : {'x', 'y', 'z'} or array_like of 3 numbers, optional
            Line of sight.

        Returns
        -------
        `LightMap`
            The galaxy's centre is in its middle.

        Raises
        ------
        ValueError
            If an argument is out of range.

        Notes
        -----
        Light is summed in the pixel that a particle is in, and spread by a Gaussian; widths are
        rounded to a quarter of a factor of two, and at most a quarter of the map. Flux is that of
        the particles but for what lies, or is spread, beyond the edges of the map.
        """
        scale = u.Quantity(pixel_scale).to_value(u.kpc)
        if not 0 < scale < np.inf:
            raise ValueError(f'`pixel_scale` must be above 0; got {pixel_scale}.')
        if size is None:
            size = max(1, int(np.ceil(_RADII * self.radius.value / scale)))
        shape = as_shape(size)
        place = self.positions.value @ _image_axes(along).T / scale
        pixel = np.floor(place + np.array(shape[::-1]) / 2).astype(np.int64)
        inside = ((pixel >= 0) & (pixel < shape[::-1])).all(axis=1)
        bands = self.luminosity.value.reshape(len(self), -1)[inside]
        column, row = pixel[inside].T
        light = _spread(row, column, bands, self._sigma()[inside] / scale, shape)
        if self.luminosity.ndim == 1:
            light = light[..., 0]
        return LightMap(light * LUMINOSITY, scale * u.kpc, self.wavelength)

    def _sigma(self):
        """Standard deviations of the Gaussians, in kpc."""
        if self.fwhm is not None:
            width = self.fwhm.value
        else:
            nearest = min(_NEIGHBOURS, len(self) - 1)
            distances, _ = cKDTree(self.positions.value).query(
                self.positions.value, [nearest + 1], workers=1
            )
            width = distances[:, 0]
        return width / np.sqrt(8 * np.log(2))


def _numbers(values, unit, name, *, negative=False):
    values = u.Quantity(values, dtype=float)
    if not values.unit.is_equivalent(unit):
        raise u.UnitsError(f'`{name}` must convert to {unit}; got {values.unit or "no unit"}.')
    values = values.to(unit)
    good = np.isfinite(values.value) & (negative or values.value >= 0)
    if not np.all(good):
        raise ValueError(
            f'`{name}` must be finite{"" if negative else " and 0 or more"}; '
            f'{np.count_nonzero(~good)} values are not.'
        )
    return values


def _image_axes(along):
    """Unit vectors along x and y of the image, shape (2, 3)."""
    if isinstance(along, str):
        if along not in _AXES:
            raise ValueError(f'`along` must be one of {list(_AXES)} or a direction; got {along!r}.')
        return np.eye(3)[list(_AXES[along])]
    sight = np.asarray(along, dtype=float)
    length = np.linalg.norm(sight) if sight.shape == (3,) else np.nan
    if not 0 < length < np.inf:
        raise ValueError(f'`along` must be a direction, three numbers not all 0; got {along!r}.')
    sight = sight / length
    # The image's x axis lies in the plane of x and y.
    first = np.array([-sight[1], sight[0], 0]) if abs(sight[2]) < 1 else np.array([1.0, 0, 0])
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(sight, first)])


def _spread(row, column, bands, sigma, shape):
    """Light of particles, each spread by its own width; shape (ny, nx, bands)."""
    light = np.zeros((*shape, bands.shape[1]))
    sigma = np.minimum(sigma, _WIDEST * min(shape))
    level = np.rint(_CLASSES * np.log2(np.maximum(sigma, 1e-9) / _NARROWEST)).astype(int)
    for one in np.unique(level.clip(0)):
        width = _NARROWEST * 2 ** (one / _CLASSES) if one else 0
        members = level.clip(0) == one
        place = np.ravel_multi_index((row[members], column[members]), shape)
        for band in range(bands.shape[1]):
            summed = np.bincount(place, bands[members, band], minlength=np.prod(shape))
            light[..., band] += _smoothed(summed.reshape(shape), width)
    return light


def _smoothed(image, sigma):
    """Spread by a Gaussian around the middle of each pixel; what leaves the image is lost."""
    if not sigma:
        return image
    reach = int(np.ceil(5 * sigma))
    edges = np.arange(-reach, reach + 2) - 0.5
    kernel = np.diff(ndtr(edges / sigma))
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = convolve1d(image, kernel, axis=axis, mode='constant')
    return image
