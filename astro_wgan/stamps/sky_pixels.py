"""Positions on the sky as pixels, and SkyCoord without masks."""

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import NoConvergence
from astropy.wcs.utils import skycoord_to_pixel

from astro_wgan.stamps.masked import without_mask

__all__ = ['plain_sky', 'sky_to_pixel']


def plain_sky(sky):
    """
    Positions in ICRS without a mask, and where there are none.

    Parameters
    ----------
    sky : `~astropy.coordinates.SkyCoord`
        Of any shape and frame; it may be masked.

    Returns
    -------
    sky : `~astropy.coordinates.SkyCoord`, shape (n,)
        Right ascension and declination; NaN where they were masked.
    missing : `~numpy.ndarray` of bool, shape (n,)
    """
    sky = sky.reshape(-1)
    icrs = sky.icrs
    angles, missing = [], np.zeros(len(sky), dtype=bool)
    for angle in (icrs.ra, icrs.dec):
        values, mask = without_mask(angle)
        missing |= ~np.isfinite(values)
        if mask is not None:
            missing |= mask
        angles.append(values)
    ra, dec = (np.where(missing, np.nan, angle.deg) for angle in angles)
    return SkyCoord(ra, dec, unit='deg'), missing


def sky_to_pixel(sky, wcs):
    """
    0-based pixels of positions on the sky.

    Parameters
    ----------
    sky : `~astropy.coordinates.SkyCoord`, shape (n,)
    wcs : `~astropy.wcs.WCS`

    Returns
    -------
    x, y : `~numpy.ndarray`
        NaN where the projection cannot show a position.
    """
    try:
        return skycoord_to_pixel(sky, wcs, mode='all')
    except NoConvergence as error:
        # The inverse of a distortion fails far outside of the image only.
        x, y = error.best_solution.T.copy()
        for failed in (error.divergent, error.slow_conv):
            if failed is not None:
                x[failed] = y[failed] = np.nan
        return x, y
