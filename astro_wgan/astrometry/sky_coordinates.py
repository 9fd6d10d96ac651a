"""Sky positions and solid angles of pixels, for either order of axes of a WCS."""

import numpy as np
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, Galactic, SkyCoord, Supergalactic
from astropy.time import Time
from astropy.wcs.utils import wcs_to_celestial_frame

from astro_wgan.validation.masked import without_mask

__all__ = [
    'celestial_frame',
    'pixel_areas',
    'pixel_to_angles',
    'pixel_to_sky',
    'plain_sky',
    'unit_vectors',
]

_ARCSEC_PER_RADIAN = np.degrees(1) * 3600

#: Offsets (x, y) from the center of a pixel to the centers of its edges.
_EDGES = np.array([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)])


def celestial_frame(wcs):
    """
    The frame of a celestial WCS.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`

    Returns
    -------
    `~astropy.coordinates.BaseCoordinateFrame`
        RADESYS is ignored for Galactic, supergalactic and ecliptic coordinates.

    Raises
    ------
    ValueError
        If astropy has no such frame.
    """
    wcs.wcs.set()
    longitude = wcs.wcs.ctype[wcs.wcs.lng][:4]
    if longitude == 'GLON':
        return Galactic()
    if longitude == 'SLON':
        return Supergalactic()
    if longitude == 'ELON':
        equinox = wcs.wcs.equinox
        scale = 'byear' if wcs.wcs.radesys.startswith('FK4') else 'jyear'
        return BarycentricMeanEcliptic(
            equinox='J2000' if np.isnan(equinox) else Time(equinox, format=scale)
        )
    return wcs_to_celestial_frame(wcs)


def pixel_to_angles(x, y, wcs):
    """
    Longitudes and latitudes of pixels, in the frame of the WCS.

    Parameters
    ----------
    x, y : array_like
        0-based pixels.
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.

    Returns
    -------
    longitude, latitude : `~numpy.ndarray`
        In degrees; NaN outside of the projection.
    """
    world = wcs.all_pix2world(x, y, 0)
    return np.asarray(world[wcs.wcs.lng]), np.asarray(world[wcs.wcs.lat])


def pixel_to_sky(x, y, wcs):
    """
    Sky positions of pixels.

    Parameters
    ----------
    x, y, wcs
        As in `pixel_to_angles`.

    Returns
    -------
    `~astropy.coordinates.SkyCoord`
        ICRS; NaN outside of the projection.
    """
    longitude, latitude = pixel_to_angles(x, y, wcs)
    sky = SkyCoord(longitude, latitude, unit=u.deg, frame=celestial_frame(wcs)).icrs
    return SkyCoord(sky.ra, sky.dec)


def pixel_areas(x, y, wcs):
    """
    Local solid angles of pixels.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Centers of the pixels, 0-based.
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        In square arcsec; NaN outside of the projection, or so far from its reference that pixels
        cannot be distinguished numerically.
    """
    points = np.stack([x, y], axis=-1)[:, np.newaxis] + _EDGES
    longitude, latitude = pixel_to_angles(*points.reshape(-1, 2).T, wcs)
    edges = unit_vectors(np.radians(longitude), np.radians(latitude)).reshape(-1, 4, 3)
    across = np.cross(edges[:, 1] - edges[:, 0], edges[:, 3] - edges[:, 2])
    areas = np.linalg.norm(across, axis=-1) * _ARCSEC_PER_RADIAN**2
    return np.where(areas > 0, areas, np.nan)


def plain_sky(sky):
    """
    Positions in ICRS without mask, and which are missing.

    Parameters
    ----------
    sky : `~astropy.coordinates.SkyCoord`
        Positions of any shape and frame, optionally masked.

    Returns
    -------
    sky : `~astropy.coordinates.SkyCoord`, shape (n,)
        Right ascension and declination; NaN where they were masked.
    missing : `~numpy.ndarray` of bool, shape (n,)

    Raises
    ------
    ValueError
        If the frame cannot be converted to ICRS, such as AltAz without location and time.
    """
    sky = sky.reshape(-1)
    try:
        icrs = sky.icrs.spherical
    except Exception as error:  # astropy raises various errors
        raise ValueError(
            f'`positions` in the frame {sky.frame.name!r} do not convert to ICRS: {error}'
        ) from error
    angles, missing = [], np.zeros(len(sky), dtype=bool)
    for angle in (icrs.lon, icrs.lat):
        values, mask = without_mask(angle)
        missing |= ~np.isfinite(values)
        if mask is not None:
            missing |= mask
        angles.append(values)
    ra, dec = (np.where(missing, np.nan, angle.deg) for angle in angles)
    return SkyCoord(ra, dec, unit='deg'), missing


def unit_vectors(longitude, latitude):
    """Unit vectors, along the last axis, of angles in radians."""
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=-1,
    )
