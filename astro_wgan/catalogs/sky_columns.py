"""`sky_degrees`: where the sources of a table are on the sky, whatever its columns are called."""

import numpy as np
from astropy.coordinates import SkyCoord

from astro_wgan.astrometry.sky_coordinates import plain_sky
from astro_wgan.catalogs.coordinate_columns import degrees_of
from astro_wgan.catalogs.position_columns import SKY_NAMES, column_pairs

__all__ = ['sky_degrees']

_FRAMES = {'icrs': SKY_NAMES, 'galactic': (('glon', 'glat'),)}


def sky_degrees(table):
    """
    Right ascension and declination of the sources of a table, if it has them.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        With a column of `~astropy.coordinates.SkyCoord`, of which ``sky`` comes first; or a pair of
        columns such as ``ra`` and ``dec``, RAJ2000 and DEJ2000, or GLON and GLAT.

    Returns
    -------
    `~numpy.ndarray`, shape (n, 2), or None
        In degrees, ICRS; NaN where there is no valid position. None without such columns, or if
        these cannot be read: for pages, which then show no positions.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astro_wgan.catalogs.sky_columns import sky_degrees
    >>> sky_degrees(QTable({'RAJ2000': [53.163, 150.1], 'DEJ2000': [-27.787, 95.0]})).tolist()
    [[53.163, -27.787], [nan, nan]]
    """
    coordinates = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    # A stable sort: `sky` before the others.
    for name in sorted(coordinates, key=lambda name: name != 'sky'):
        try:
            sky, _ = plain_sky(table[name])
        except ValueError:  # of horizontal coordinates without a place and time, for example
            continue
        if len(sky) == len(table):
            return np.column_stack([sky.ra.deg, sky.dec.deg])
    for frame, names in _FRAMES.items():
        try:
            pairs = column_pairs(table, names)
            if pairs:
                return _pair_degrees(table, *pairs[0], frame)
        except ValueError:  # other units, several such pairs, or texts that are no angles
            continue
    return None


def _pair_degrees(table, first, second, frame):
    longitude = degrees_of(table[first], first, in_hours=frame == 'icrs').astype(float)
    latitude = degrees_of(table[second], second).astype(float)
    if longitude.shape != (len(table),) or latitude.shape != (len(table),):
        raise ValueError(f'Columns {first} and {second} have several values for each source.')
    with np.errstate(invalid='ignore'):
        valid = (np.abs(latitude) <= 90) & (longitude >= -180) & (longitude <= 360)
    angles = (np.where(valid, angle, np.nan) for angle in (longitude, latitude))
    sky = SkyCoord(*angles, unit='deg', frame=frame).icrs
    return np.column_stack([sky.ra.deg, sky.dec.deg])
