"""`SkyCone` and `SkyBox`: regions of the sky, of which the sources of a catalog are read."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import angular_separation

__all__ = ['SkyBox', 'SkyCone', 'check_region']


@dataclass(frozen=True)
class SkyCone:
    """
    A circle on the sky.

    Parameters
    ----------
    ra, dec : float or `~astropy.units.Quantity`
        ICRS coordinates of the center, in degrees if they have no unit.
    radius : float or `~astropy.units.Quantity`
        Up to 180 degrees.

    Raises
    ------
    ValueError
        If a number is not finite or not an angle on the sky.
    astropy.units.UnitConversionError
        If a quantity is not an angle.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.catalogs import SkyCone
    >>> SkyCone(150.1, 2.2, 30 * u.arcmin).contains([150.0, 151.0], [2.0, 2.0])
    array([ True, False])
    """

    ra: float
    dec: float
    radius: float

    def __post_init__(self):
        ra = _degrees(self.ra, 'ra', -180, 360)
        dec = _degrees(self.dec, 'dec', -90, 90)
        radius = _degrees(self.radius, 'radius', 0, 180)
        if radius == 0:
            raise ValueError('`radius` must be above 0; got 0.')
        for name, value in (('ra', ra % 360), ('dec', dec), ('radius', radius)):
            object.__setattr__(self, name, value)

    def contains(self, ra, dec):
        """
        Whether positions lie in the region.

        Parameters
        ----------
        ra, dec : array_like, shape (n,)
            In degrees. NaN lies in no region.

        Returns
        -------
        `~numpy.ndarray` of bool, shape (n,)
        """
        return self._separation(ra, dec) <= self.radius

    def may_overlap(self, ra, dec, radius):
        """
        Whether circles may overlap the region.

        Parameters
        ----------
        ra, dec : array_like, shape (n,)
            Centers, in degrees.
        radius : float
            In degrees.

        Returns
        -------
        `~numpy.ndarray` of bool, shape (n,)
            True for all that do, and for some that do not.
        """
        return self._separation(ra, dec) <= self.radius + radius

    def bounds(self):
        """
        A box around the region.

        Returns
        -------
        ra : tuple of float
            Range in degrees, from the west end, in 0 to 360, to the east end, up to 360 more.
        dec : tuple of float
        """
        dec = max(self.dec - self.radius, -90.0), min(self.dec + self.radius, 90.0)
        half = _half_width(self.dec, self.radius)
        return (0.0, 360.0) if half >= 180 else _ordered(self.ra - half, 2 * half), dec

    def _separation(self, ra, dec):
        first = (np.radians(np.asarray(angle, dtype=float)) for angle in (ra, dec))
        separation = angular_separation(*first, np.radians(self.ra), np.radians(self.dec))
        return np.degrees(separation)


@dataclass(frozen=True)
class SkyBox:
    """
    A range of right ascension and of declination.

    Parameters
    ----------
    ra : tuple of float or `~astropy.units.Quantity`
        ICRS, in degrees without unit, from west to east: ``(350, 10)`` is a range across 0.
    dec : tuple of float or `~astropy.units.Quantity`

    Raises
    ------
    ValueError
        If a range is not two finite angles on the sky, or has no width.
    astropy.units.UnitConversionError
        If a quantity is not an angle.

    Examples
    --------
    >>> from astro_wgan.catalogs import SkyBox
    >>> SkyBox(ra=(350, 10), dec=(-5, 5)).contains([0, 20, 355], [0, 0, 7])
    array([ True, False, False])
    """

    ra: tuple
    dec: tuple

    def __post_init__(self):
        west, east = _pair(self.ra, 'ra', -180, 360)
        south, north = _pair(self.dec, 'dec', -90, 90)
        if not south < north:
            raise ValueError(f'`dec` must be a range from south to north; got {self.dec}.')
        width = 360.0 if abs(east - west) == 360 else (east - west) % 360
        if width == 0:
            raise ValueError(f'`ra` must be a range from west to east; got {self.ra}.')
        object.__setattr__(self, 'ra', _ordered(west, width))
        object.__setattr__(self, 'dec', (south, north))

    def contains(self, ra, dec):
        """As `SkyCone.contains`."""
        ra, dec = (np.asarray(angle, dtype=float) for angle in (ra, dec))
        in_dec = (dec >= self.dec[0]) & (dec <= self.dec[1])
        return in_dec & _in_range(ra, self.ra)

    def may_overlap(self, ra, dec, radius):
        """As `SkyCone.may_overlap`."""
        dec = np.asarray(dec, dtype=float)
        in_dec = (dec + radius >= self.dec[0]) & (dec - radius <= self.dec[1])
        half = _half_width(dec, radius)
        west, east = self.ra
        wide = half + (east - west) / 2 >= 180
        middle = np.abs((np.asarray(ra) - (west + east) / 2 + 180) % 360 - 180)
        return in_dec & (wide | (middle <= half + (east - west) / 2))

    def bounds(self):
        """As `SkyCone.bounds`."""
        return self.ra, self.dec


def check_region(region):
    """
    Raise an error for what is no region of the sky.

    Raises
    ------
    TypeError
    """
    if region is not None and not isinstance(region, (SkyBox, SkyCone)):
        raise TypeError(f'`region` must be a SkyCone or a SkyBox; got {type(region).__name__}.')


def _half_width(dec, radius):
    """Half the range of right ascension of a circle, in degrees; 180 if it has a pole."""
    dec = np.abs(dec)
    with np.errstate(invalid='ignore', divide='ignore'):
        sine = np.sin(np.radians(radius)) / np.cos(np.radians(dec))
        half = np.degrees(np.arcsin(np.clip(sine, -1, 1)))
    return np.where(dec + radius >= 90, 180.0, half)[()]


def _in_range(ra, bounds):
    west, east = bounds
    with np.errstate(invalid='ignore'):
        return (ra - west) % 360 <= east - west


def _ordered(west, width):
    """A range of right ascension that begins in 0 to 360."""
    return float(west % 360), float(west % 360 + width)


def _degrees(angle, name, lowest, highest):
    value = angle.to_value(u.deg) if isinstance(angle, u.Quantity) else angle
    if isinstance(value, (bool, str)) or (not np.isscalar(value) and np.ndim(value)):
        raise ValueError(f'`{name}` must be one angle; got {angle!r}.')
    try:
        value = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f'`{name}` must be an angle; got {angle!r}.') from error
    if not lowest <= value <= highest:
        raise ValueError(
            f'`{name}` must be an angle from {lowest} to {highest} degrees; got {angle}.'
        )
    return value


def _pair(angles, name, lowest, highest):
    if isinstance(angles, str) or np.shape(angles)[:1] != (2,):
        raise ValueError(f'`{name}` must be two angles; got {angles!r}.')
    return tuple(_degrees(angle, name, lowest, highest) for angle in angles)
