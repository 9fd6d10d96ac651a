"""Star particles of a simulated galaxy, and their projection to light maps."""

from dataclasses import dataclass, fields, replace

import numpy as np
from astropy import units as u
from scipy.spatial import cKDTree

from astro_wgan.mocks.deposition import deposit, image_axes
from astro_wgan.mocks.light_map import LUMINOSITY, LightMap
from astro_wgan.validation.masked import without_mask
from astro_wgan.validation.pixels import as_shape

__all__ = ['Particles']

#: The distance to this neighbor is the default FWHM of a particle.
_NEIGHBORS = 16

#: Edge of the cube of a galaxy in units of its radius (Margalef-Bentabol et al. 2020, section
#: 2.1.1).
_RADII = 8

#: Unit of each property, and whether it may be negative.
_UNITS = {
    'positions': (u.kpc, True),
    'luminosity': (LUMINOSITY, False),
    'masses': (u.Msun, False),
    'fwhm': (u.kpc, False),
    'ages': (u.Gyr, False),
    'metallicities': (u.dimensionless_unscaled, False),
    'initial_masses': (u.Msun, False),
    'velocities': (u.km / u.s, True),
}


@dataclass(frozen=True, eq=False, repr=False)
class Particles:
    """
    Star particles of a galaxy.

    Parameters
    ----------
    positions : `~astropy.units.Quantity`, shape (n, 3)
        Positions relative to the center of the galaxy, in physical (not comoving) units.
    luminosity : `~astropy.units.Quantity`, shape (n,) or (n, bands), optional
        Luminosity per unit frequency, such as W / Hz. If it is unknown, `with_luminosity` computes
        it from ages and metallicities.
    wavelength : `~astropy.units.Quantity`, optional
        Rest-frame wavelength, one for each band.
    masses : `~astropy.units.Quantity`, shape (n,), optional
        Current masses; by default all are equal.
    fwhm : `~astropy.units.Quantity`, scalar or shape (n,), optional
        FWHM of the Gaussian that smooths the light of a particle; 0 for none. The default is the
        distance to its 16th neighbor.
    ages : `~astropy.units.Quantity`, shape (n,), optional
        Ages of the stars.
    metallicities : array_like, shape (n,), optional
        Metallicities in solar units.
    initial_masses : `~astropy.units.Quantity`, shape (n,), optional
        Masses at formation, which determine the luminosity. The default is ``masses``, although
        populations lose up to half of their mass.
    velocities : `~astropy.units.Quantity`, shape (n, 3), optional
        Velocities, required for `spin`.

    Raises
    ------
    ValueError
        If values are not finite, quantities other than positions and velocities are negative, or
        shapes disagree.
    astropy.units.UnitsError
        If a unit cannot be converted.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import Particles
    >>> rng = np.random.default_rng(1)
    >>> stars = Particles(rng.normal(size=(5000, 3)) * u.kpc, np.full(5000, 1e17) * u.W / u.Hz)
    >>> stars
    <Particles: 5000 stars with positions, luminosity>
    >>> stars.radius.round(1)
    <Quantity 2.2 kpc>
    >>> stars.light_map(pixel_scale=0.2 * u.kpc, along='x')
    <LightMap: 90 x 90 pixels of 0.2 kpc, absolute magnitude -17.65>
    """

    positions: u.Quantity
    luminosity: u.Quantity | None = None
    wavelength: u.Quantity | None = None
    masses: u.Quantity | None = None
    fwhm: u.Quantity | None = None
    ages: u.Quantity | None = None
    metallicities: np.ndarray | None = None
    initial_masses: u.Quantity | None = None
    velocities: u.Quantity | None = None

    def __post_init__(self):
        shape = np.shape(self.positions)
        if len(shape) != 2 or shape[1] != 3 or not shape[0]:
            raise ValueError(f'`positions` must have the shape (n, 3) with n > 0; got {shape}.')
        for name, (unit, negative) in _UNITS.items():
            values = getattr(self, name)
            if values is None:
                continue
            values = _numbers(values, unit, name, negative=negative)
            if name == 'fwhm' and values.isscalar:
                values = np.full(len(self), values.value) * values.unit
            _check_shape(values, name, len(self))
            object.__setattr__(self, name, values.value if name == 'metallicities' else values)

    def __len__(self):
        return len(self.positions)

    def __repr__(self):
        known = ', '.join(name for name in _UNITS if getattr(self, name) is not None)
        return f'<Particles: {len(self)} stars with {known}>'

    def __getitem__(self, which):
        """Select particles with a slice, or an array of bool or int."""
        if isinstance(which, (int, np.integer)):
            raise TypeError(f'Particles must be indexed with a slice or an array; got {which!r}.')
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        given = {name: values[name] for name in _UNITS if values[name] is not None}
        return replace(self, **{name: value[which] for name, value in given.items()})

    @property
    def radius(self):
        """
        Mean of the three semi-axes of the uniform ellipsoid with the second moments of the mass.

        The second moments of a uniform ellipsoid are one fifth of its squared semi-axes.
        """
        masses = self._weights()
        x = self.positions.value
        x = x - np.average(x, axis=0, weights=masses)
        moments = np.linalg.eigvalsh((masses[:, np.newaxis] * x).T @ x / masses.sum())
        return np.sqrt(5 * moments.clip(0)).mean() * u.kpc

    @property
    def spin(self):
        """
        Direction of the angular momentum, a `~numpy.ndarray` of shape (3,).

        A disk is face-on along this direction.
        """
        if self.velocities is None:
            raise ValueError('`velocities` must be given to compute `spin`; got None.')
        masses = self._weights()
        x, v = (
            values.value - np.average(values.value, axis=0, weights=masses)
            for values in (self.positions, self.velocities)
        )
        momentum = masses @ np.cross(x, v)
        length = np.linalg.norm(momentum)
        if not length > 0:
            raise ValueError('`spin` is undefined: the particles have no angular momentum.')
        return momentum / length

    def in_cube(self, edge=None):
        """
        Select the particles in a cube around the center.

        Parameters
        ----------
        edge : `~astropy.units.Quantity`, optional
            Edge of the cube. The default is 8 radii; if the particles include companions, give 8
            radii of the galaxy alone.

        Returns
        -------
        `Particles`

        Raises
        ------
        ValueError
            If the cube contains no particles.
        """
        half = u.Quantity(_RADII * self.radius if edge is None else edge).to_value(u.kpc) / 2
        inside = (np.abs(self.positions.value) <= half).all(axis=1)
        if not inside.any():
            raise ValueError(f'There are no particles in a cube of {2 * half:.3g} kpc.')
        return self[inside]

    def with_luminosity(self, populations, *, filter_curve, redshift, dust=None, clip=False):
        """
        Compute luminosities from the stellar populations of the particles.

        Parameters
        ----------
        populations : `StellarPopulations`
        filter_curve, redshift, dust, clip
            As in `StellarPopulations.luminosity`.

        Returns
        -------
        `Particles`
            With ``luminosity``, which is valid for this filter and redshift only, and the
            rest-frame ``wavelength`` of the filter.

        Raises
        ------
        ValueError
            If ages, metallicities or masses are missing, or outside of the table.
        """
        masses = self.masses if self.initial_masses is None else self.initial_masses
        needed = {'ages': self.ages, 'metallicities': self.metallicities, 'masses': masses}
        missing = [name for name, values in needed.items() if values is None]
        if missing:
            raise ValueError(
                f'`{"`, `".join(missing)}` of the particles must be given to compute luminosities.'
            )
        light = populations.luminosity(
            **needed, filter_curve=filter_curve, redshift=redshift, dust=dust, clip=clip
        )
        return replace(self, luminosity=light, wavelength=filter_curve.pivot / (1 + redshift))

    def light_map(self, *, pixel_scale, size=None, along='z'):
        """
        Project the light of the particles along a line of sight.

        Parameters
        ----------
        pixel_scale : `~astropy.units.Quantity`
            Length of the edge of a pixel.
        size : int or tuple of int, optional
            Pixels along an edge, or ``(ny, nx)``; by default 8 radii of the galaxy.
        along : {'x', 'y', 'z'} or array_like of 3 numbers, optional
            Line of sight.

        Returns
        -------
        `LightMap`
            Centered on the galaxy.

        Raises
        ------
        ValueError
            If an argument is out of range, or there is no ``luminosity``.

        Notes
        -----
        Particles are deposited in their pixel and smoothed with a Gaussian, whose width is rounded
        to a power of 2^(1/4) and is at most a quarter of the map. Flux is conserved, except beyond
        the edges of the map. All particles along the line of sight contribute; use `in_cube` to
        exclude those in the foreground and background.
        """
        if self.luminosity is None:
            raise ValueError(
                '`luminosity` must be given, or computed with `with_luminosity`; got None.'
            )
        scale = u.Quantity(pixel_scale).to_value(u.kpc)
        if not 0 < scale < np.inf:
            raise ValueError(f'`pixel_scale` must be positive; got {pixel_scale}.')
        if size is None:
            size = max(1, int(np.ceil(_RADII * self.radius.value / scale)))
        shape = as_shape(size)
        xy = self.positions.value @ image_axes(along).T / scale
        pixel = np.floor(xy + np.array(shape[::-1]) / 2).astype(np.int64)
        inside = ((pixel >= 0) & (pixel < shape[::-1])).all(axis=1)
        bands = self.luminosity.value.reshape(len(self), -1)[inside]
        column, row = pixel[inside].T
        light = deposit(row, column, bands, self._sigma()[inside] / scale, shape)
        if self.luminosity.ndim == 1:
            light = light[..., 0]
        return LightMap(light * LUMINOSITY, scale * u.kpc, self.wavelength)

    def _weights(self):
        masses = np.ones(len(self)) if self.masses is None else self.masses.value
        if not masses.sum() > 0:
            raise ValueError('`masses` must not all be 0.')
        return masses

    def _sigma(self):
        """Standard deviations of the Gaussians, in kpc."""
        if self.fwhm is not None:
            width = self.fwhm.value
        else:
            nearest = min(_NEIGHBORS, len(self) - 1)
            distances, _ = cKDTree(self.positions.value).query(
                self.positions.value, [nearest + 1], workers=1
            )
            width = distances[:, 0]
        return width / np.sqrt(8 * np.log(2))


def _numbers(values, unit, name, *, negative):
    values, mask = without_mask(values)
    values = u.Quantity(values, dtype=float)
    if not values.unit.is_equivalent(unit):
        wanted = f'be convertible to {unit}' if unit != u.dimensionless_unscaled else 'have no unit'
        raise u.UnitConversionError(f'`{name}` must {wanted}; got {values.unit or "no unit"}.')
    values = values.to(unit)
    good = np.isfinite(values.value) & (negative or values.value >= 0)
    good = good if mask is None else good & ~mask
    if not np.all(good):
        raise ValueError(
            f'`{name}` must be finite{"" if negative else " and 0 or more"}; '
            f'{np.count_nonzero(~good)} values are not.'
        )
    return values


def _check_shape(values, name, n):
    if name in ('positions', 'velocities'):
        allowed, good = f'({n}, 3)', values.shape == (n, 3)
    elif name == 'luminosity':
        allowed, good = f'({n},) or ({n}, bands)', values.ndim in (1, 2) and len(values) == n
    else:
        allowed, good = f'({n},)', values.shape == (n,)
    if not good:
        raise ValueError(
            f'`{name}` must have the shape {allowed}, for each of the {n} particles; '
            f'got {values.shape}.'
        )
