"""Light maps: luminosity per unit frequency in each pixel of a simulated galaxy."""

from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.cosmology import Planck18

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.jobs import digest
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['LightMap', 'describe_maps']

#: Unit of luminosity per unit frequency.
LUMINOSITY = u.W / u.Hz

#: Maps of a lazy sequence that are compared at most; reading more would take minutes.
_MAX_READ = 1024

#: Maps that are compared one by one; of more, the error cannot name the one that differs.
_MAX_NAMED = 16

#: Largest luminosity, so that sums in other units do not overflow.
_BRIGHTEST = 1e250


@dataclass(frozen=True, eq=False)
class LightMap:
    """
    Luminosity per unit frequency of a galaxy, in pixels of a length in kpc.

    Parameters
    ----------
    luminosity : `~astropy.units.Quantity`, shape (ny, nx) or (ny, nx, bands)
        Power per unit frequency (such as W / Hz) emitted by each pixel in all directions.
    pixel_scale : `~astropy.units.Quantity`
        Length, or length per pixel.
    wavelength : `~astropy.units.Quantity`, optional
        Rest-frame wavelength; required for several bands, one for each in increasing order.
    meta : dict, optional
        Provenance.

    Raises
    ------
    ValueError
        If pixels are negative or not finite, or the shapes disagree.
    astropy.units.UnitsError
        If a unit cannot be converted.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import LightMap
    >>> LightMap(np.full((50, 50), 1e18) * u.W / u.Hz, 0.1 * u.kpc, wavelength=600 * u.nm)
    <LightMap: 50 x 50 pixels of 0.1 kpc at 600 nm, absolute magnitude -19.40>
    """

    luminosity: u.Quantity
    pixel_scale: u.Quantity
    wavelength: u.Quantity | None = None
    meta: dict = field(default_factory=dict)

    def __post_init__(self):
        luminosity = u.Quantity(self.luminosity, dtype=float)
        if not luminosity.unit.is_equivalent(LUMINOSITY):
            raise u.UnitConversionError(
                '`luminosity` must be a power per frequency, such as W / Hz; got '
                f'{luminosity.unit or "no unit"}.'
            )
        luminosity = luminosity.to(LUMINOSITY)
        if luminosity.ndim not in (2, 3) or 0 in luminosity.shape:
            raise ValueError(
                '`luminosity` must have the shape (ny, nx) or (ny, nx, bands); got '
                f'{luminosity.shape}.'
            )
        _check_light(luminosity.value, '`luminosity`')
        object.__setattr__(self, 'luminosity', luminosity)
        object.__setattr__(self, 'pixel_scale', as_pixel_scale(self.pixel_scale, unit=u.kpc))
        if self.wavelength is not None or luminosity.ndim == 3:
            object.__setattr__(self, 'wavelength', self._checked_wavelength())

    def __repr__(self):
        ny, nx = self.shape
        magnitude = np.atleast_1d(self.absolute_magnitude.value)
        text = ', '.join(f'{value:.2f}' for value in magnitude)
        at = ''
        if self.wavelength is not None:
            nanometers = np.atleast_1d(self.wavelength.to_value(u.nm))
            at = f' at {", ".join(f"{value:.0f}" for value in nanometers)} nm'
        scale = self.pixel_scale.to_value(u.kpc / u.pix)
        return f'<LightMap: {ny} x {nx} pixels of {scale:.4g} kpc{at}, absolute magnitude {text}>'

    @classmethod
    def from_surface_brightness(
        cls, brightness, pixel_scale, *, redshift, wavelength=None, meta=None
    ):
        """
        Convert a map of surface brightness, as observed at some redshift.

        Parameters
        ----------
        brightness : `~astropy.units.Quantity` or `~astropy.units.Magnitude`
            AB magnitudes per solid angle, ``mag(AB / arcsec2)`` or ``mag / arcsec2``, infinite in
            pixels without light; or flux density per solid angle, such as nJy / arcsec2. Shape
            (ny, nx) or (ny, nx, bands).
        pixel_scale : `~astropy.units.Quantity`
            Length, or length per pixel.
        redshift : float
            Redshift at which the brightness is observed; 0 for rest-frame surface brightness.
        wavelength : `~astropy.units.Quantity`, optional
            Observed wavelength, one for each band.
        meta : dict, optional
            Provenance.

        Returns
        -------
        `LightMap`

        Raises
        ------
        ValueError
            If pixels are NaN or negative, or the redshift is below 0.
        astropy.units.UnitsError
            If a unit cannot be converted.

        Notes
        -----
        Surface brightness per unit frequency decreases as (1 + z)^-3 in any cosmology (Tolman
        1930). The luminosity of a pixel of edge p is therefore 4 pi p^2 (1 + z)^3 times its
        surface brightness.

        Examples
        --------
        >>> import numpy as np
        >>> from astropy import units as u
        >>> from astro_wgan.mocks import LightMap
        >>> brightness = np.full((64, 64), 22.0) * u.mag(u.AB / u.arcsec**2)
        >>> LightMap.from_surface_brightness(brightness, 0.2 * u.kpc, redshift=0.05)
        <LightMap: 64 x 64 pixels of 0.2 kpc, absolute magnitude -20.27>
        """
        if not 0 <= redshift < np.inf:
            raise ValueError(f'`redshift` must be 0 or more; got {redshift}.')
        flux = _linear_brightness(brightness)
        _check_light(flux.value, '`brightness`')
        length = as_pixel_scale(pixel_scale, unit=u.kpc) * u.pix
        luminosity = 4 * np.pi * length**2 * (1 + redshift) ** 3 * flux * u.sr
        if wavelength is not None:
            wavelength = u.Quantity(wavelength) / (1 + redshift)
        return cls(luminosity.to(LUMINOSITY), pixel_scale, wavelength, {} if meta is None else meta)

    @property
    def shape(self):
        """``(ny, nx)``."""
        return self.luminosity.shape[:2]

    @property
    def absolute_magnitude(self):
        """Absolute AB magnitude of the whole map, in each band."""
        at_10_pc = self.luminosity.sum(axis=(0, 1)) / (4 * np.pi * (10 * u.pc) ** 2)
        with np.errstate(divide='ignore'):
            return at_10_pc.to(u.ABmag)

    def at_wavelength(self, wavelength):
        """
        Interpolate the luminosity to a rest-frame wavelength.

        Parameters
        ----------
        wavelength : `~astropy.units.Quantity`
            Rest-frame wavelength.

        Returns
        -------
        `~astropy.units.Quantity`, shape (ny, nx)
            Interpolated between the two adjacent bands, linearly in the logarithms of wavelength
            and luminosity (linearly in luminosity in pixels without light in one of them). Outside
            of the range of the bands, and for a single band, the nearest band.
        """
        if self.luminosity.ndim == 2:
            return self.luminosity
        bands = self.wavelength.to_value(u.nm)
        position = np.interp(
            np.log(wavelength.to_value(u.nm)), np.log(bands), np.arange(len(bands))
        )
        low = min(int(position), len(bands) - 2)
        weight = position - low
        first, second = self.luminosity.value[..., low], self.luminosity.value[..., low + 1]
        both = (first > 0) & (second > 0)
        between = (1 - weight) * first + weight * second
        between[both] = first[both] ** (1 - weight) * second[both] ** weight
        return between * LUMINOSITY

    def band_match(self, wavelength):
        """
        How the luminosity at a rest-frame wavelength is obtained.

        Parameters
        ----------
        wavelength : `~astropy.units.Quantity`
            Rest-frame wavelength.

        Returns
        -------
        str
            ``'interpolated'`` between bands; that of the ``'nearest'`` band; ``'matched'`` for a
            single band within 5 percent; ``'unknown'`` if the map has no wavelength.
        """
        if self.wavelength is None:
            return 'unknown'
        if self.wavelength.isscalar:
            return 'matched' if u.isclose(self.wavelength, wavelength, rtol=0.05) else 'nearest'
        inside = self.wavelength[0] <= wavelength <= self.wavelength[-1]
        return 'interpolated' if inside else 'nearest'

    def flux(self, redshift, *, wavelength=None, cosmology=Planck18):
        """
        Flux density of each pixel at a redshift.

        Parameters
        ----------
        redshift : float
            Redshift, above 0.
        wavelength : `~astropy.units.Quantity`, optional
            Observed wavelength; required for several bands.
        cosmology : `~astropy.cosmology.Cosmology`, optional
            Cosmology of the luminosity distance.

        Returns
        -------
        `~astropy.units.Quantity`, shape (ny, nx)
            In nJy: (1 + z) L / (4 pi D_L^2), with L at the wavelength divided by (1 + z).

        Raises
        ------
        ValueError
            If ``redshift`` is not positive, or ``wavelength`` is missing.
        """
        if not 0 < redshift < np.inf:
            raise ValueError(
                f'`redshift` must be positive, as a measure of distance; got {redshift}.'
            )
        if self.luminosity.ndim == 3 and wavelength is None:
            raise ValueError('`wavelength` must be given, because the map has several bands.')
        luminosity = self.luminosity
        if wavelength is not None:
            luminosity = self.at_wavelength(wavelength / (1 + redshift))
        distance = cosmology.luminosity_distance(redshift)
        return ((1 + redshift) * luminosity / (4 * np.pi * distance**2)).to(u.nJy)

    def _checked_wavelength(self):
        bands = self.luminosity.shape[2:]
        wavelength = u.Quantity(np.nan if self.wavelength is None else self.wavelength)
        if self.wavelength is not None and not wavelength.unit.is_equivalent(u.m):
            raise u.UnitConversionError(f'`wavelength` must be a length; got {wavelength}.')
        lengths = wavelength.value
        if wavelength.shape != bands or not ((lengths > 0) & np.isfinite(lengths)).all():
            raise ValueError(
                '`wavelength` must be finite and positive, one for each of the '
                f'{bands[0] if bands else 1} bands; got {self.wavelength}.'
            )
        if bands and (len(wavelength) < 2 or not (np.diff(wavelength.value) > 0).all()):
            raise ValueError(
                f'`wavelength` must be increasing, with at least two bands; got {wavelength}.'
            )
        return wavelength


def describe_maps(maps):
    """
    Values that identify maps, for a `~astro_wgan.jobs.Fingerprint`.

    Parameters
    ----------
    maps : sequence of `LightMap`
        All maps of a list or tuple are used; of any other sequence, which may read them from files,
        at most 1024, evenly spaced and including both ends.

    Returns
    -------
    dict

    Raises
    ------
    TypeError
        If an item is not a `LightMap`.
    """
    n = len(maps)
    held = isinstance(maps, (list, tuple))
    known, rows = {}, []
    for k in np.linspace(0, n - 1, n if held else min(n, _MAX_READ)).astype(int):
        light = maps[int(k)]
        if not isinstance(light, LightMap):
            raise TypeError(f'`light` must contain LightMaps only; item {k} is {light!r}.')
        if not held:
            known.clear()  # a map that is read later may have the id of this one
        if id(light) not in known:
            lengths = _wavelength_text(light.wavelength)
            scale = f'{light.pixel_scale.to_value(u.kpc / u.pix):.10g} kpc'
            known[id(light)] = digest(light.luminosity.value), scale, lengths
        rows.append(known[id(light)])
    if n <= _MAX_NAMED:
        values = {}
        for k, (luminosity, scale, lengths) in enumerate(rows):
            values[f'the luminosity of map {k}'] = luminosity
            values[f'the pixel scale of map {k}'] = scale
            values[f'the wavelength of map {k}'] = lengths
        return {'count': n, **values}
    luminosities, scales, lengths = zip(*rows, strict=True)
    return {
        'count': n,
        'luminosities': digest(luminosities),
        'pixel scales': scales[0] if len(set(scales)) == 1 else digest(scales),
        'wavelengths': digest(np.array([str(text) for text in lengths])),
    }


def _linear_brightness(brightness):
    """Surface brightness as flux density per solid angle."""
    linear = u.nJy / u.arcsec**2
    unit = getattr(brightness, 'unit', None)
    if unit is not None and unit == u.mag / u.arcsec**2:
        brightness = brightness.value * u.mag(u.AB / u.arcsec**2)
    try:
        return u.Quantity(brightness.to(linear), dtype=float)
    except (AttributeError, u.UnitConversionError) as error:
        raise u.UnitConversionError(
            '`brightness` must be AB magnitudes or flux density per solid angle, such as '
            f'mag(AB) / arcsec2 or nJy / arcsec2; got {unit or "no unit"}.'
        ) from error


def _check_light(values, name):
    values = numbers_or_nan(values)
    bad = ~((values >= 0) & (values <= _BRIGHTEST))
    if bad.any():
        raise ValueError(
            f'{name} must be finite, 0 or more, and at most {_BRIGHTEST:g}; '
            f'{np.count_nonzero(bad)} of {bad.size} pixels are not.'
        )


def _wavelength_text(wavelength):
    if wavelength is None:
        return None
    return ', '.join(f'{x:.10g}' for x in np.atleast_1d(wavelength.to_value(u.nm))) + ' nm'
