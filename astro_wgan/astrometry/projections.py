"""Equivalent WCS in ICRS, or with the reference at the center of the image."""

import numpy as np
from astropy.coordinates import SkyCoord

from astro_wgan.astrometry.sky_coordinates import celestial_frame, unit_vectors

__all__ = ['centered', 'in_icrs']

#: Cylindrical projections, in which longitude is linear.
_CYLINDRICAL = ('CAR', 'CEA', 'MER', 'CYP')

#: Distance from the reference, in degrees, at which native and sky coordinates are compared.
_AROUND = 10.0

#: Required agreement on the unit sphere: 0.2 milliarcsec.
_AGREE = 1e-9


def in_icrs(wcs):
    """
    Convert a WCS in any frame to an equivalent one in ICRS.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.

    Returns
    -------
    `~astropy.wcs.WCS`
        Pixels have the same positions on the sky.

    Raises
    ------
    ValueError
        If the frames are not related by a rotation.
    """
    axes = SkyCoord([0, 90, 0], [0, 0, 90], unit='deg', frame=celestial_frame(wcs)).icrs
    turn = axes.cartesian.xyz.value
    sphere = _sphere(wcs)
    turned = wcs.deepcopy()
    names = list(wcs.wcs.ctype)
    for axis, name in ((wcs.wcs.lng, 'RA--'), (wcs.wcs.lat, 'DEC-')):
        names[axis] = name + names[axis][4:]
    turned.wcs.ctype = names
    turned.wcs.radesys, turned.wcs.equinox = 'ICRS', np.nan
    return _described(turned, turn @ sphere)


def centered(wcs, shape):
    """
    Center the reference of a cylindrical projection on the image, if needed.

    wcslib does not convert pixels beyond 180 degrees from the reference.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Celestial, of two axes.
    shape : tuple of int
        ``(ny, nx)`` of the image.

    Returns
    -------
    `~astropy.wcs.WCS`
        With its reference at the center of the image; the same object if that is not needed.
    """
    if wcs.wcs.ctype[wcs.wcs.lng][5:8] not in _CYLINDRICAL:
        return wcs
    ny, nx = shape
    matrix = wcs.pixel_scale_matrix
    lng = wcs.wcs.lng
    corners = np.array([(0, 0), (nx - 1, 0), (0, ny - 1), (nx - 1, ny - 1)]) + 1 - wcs.wcs.crpix
    # CYP is scaled by the radius of its cylinder.
    stretch = {(i, m): value for i, m, value in wcs.wcs.get_pv()}.get((wcs.wcs.lat + 1, 2), 1.0)
    stretch = stretch if wcs.wcs.ctype[lng].startswith('CYP', 5) else 1.0
    native = corners @ matrix[lng] / stretch
    if np.abs(native).max() <= 180:
        return wcs
    shift = native.mean()
    sphere = _sphere(wcs)
    cos, sin = np.cos(np.radians(shift)), np.sin(np.radians(shift))
    along = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    moved = wcs.deepcopy()
    step = np.zeros(2)
    step[lng] = shift * stretch
    moved.wcs.crpix = wcs.wcs.crpix + np.linalg.solve(matrix, step)
    return _described(moved, sphere @ along)


def _sphere(wcs):
    """Rotation matrix from native spherical coordinates to the sky."""
    wcs.wcs.set()
    reference = np.array(wcs.wcs.crval)
    angles = np.radians(reference[[wcs.wcs.lng, wcs.wcs.lat]])
    outward = unit_vectors(*angles)
    axes = np.linalg.svd(outward[np.newaxis])[2]
    tip = np.radians(_AROUND) * np.array([[1, 0], [-0.5, 0.8], [-0.5, -0.8]])
    sky = outward + tip @ axes[1:]
    sky /= np.linalg.norm(sky, axis=1, keepdims=True)
    world = np.empty((3, 2))
    world[:, wcs.wcs.lng] = np.degrees(np.arctan2(sky[:, 1], sky[:, 0]))
    world[:, wcs.wcs.lat] = np.degrees(np.arcsin(sky[:, 2]))
    native = wcs.wcs.s2p(world, 1)
    on_sphere = unit_vectors(np.radians(native['phi']), np.radians(native['theta']))
    return np.linalg.solve(on_sphere, sky).T


def _described(wcs, sphere):
    """Set CRVAL, LONPOLE and LATPOLE from a rotation of the native sphere, in place."""
    fiducial = unit_vectors(np.radians(wcs.wcs.phi0), np.radians(wcs.wcs.theta0))
    x, y, z = sphere @ fiducial
    reference = np.empty(2)
    reference[wcs.wcs.lng] = np.degrees(np.arctan2(y, x)) % 360
    reference[wcs.wcs.lat] = np.degrees(np.arctan2(z, np.hypot(x, y)))
    wcs.wcs.crval = reference
    # Celestial pole in native coordinates, and native pole on the sky.
    north = sphere[2]
    wcs.wcs.lonpole = np.degrees(np.arctan2(north[1], north[0]))
    wcs.wcs.latpole = np.degrees(np.arcsin(np.clip(north[2], -1, 1)))
    if np.abs(_sphere(wcs) - sphere).max() > _AGREE:
        raise ValueError('its projection cannot be described in another frame')
    return wcs
