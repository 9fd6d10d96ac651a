"""`find_positions`: position columns of tables, by the names used in catalogs."""

from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import plain_sky
from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.coordinate_columns import degrees_of, pixels_of
from astro_wgan.validation.masked import without_mask

__all__ = ['SKY_NAMES', 'ColumnPositions', 'column_pairs', 'find_positions']

#: Pairs of pixels and the number of the first pixel: ours, photutils' and SExtractor's, whose
#: pixels count from 1, as FITS has them.
_PIXEL_NAMES = {
    ('x', 'y'): 0,
    ('x_centroid', 'y_centroid'): 0,
    ('xcentroid', 'ycentroid'): 0,
    ('x_center', 'y_center'): 0,
    ('x_fit', 'y_fit'): 0,
    ('x_init', 'y_init'): 0,
    ('x_0', 'y_0'): 0,
    ('x_peak', 'y_peak'): 0,
    ('x_image', 'y_image'): 1,
    ('x_image_dbl', 'y_image_dbl'): 1,
    ('xwin_image', 'ywin_image'): 1,
    ('xmodel_image', 'ymodel_image'): 1,
    ('xpsf_image', 'ypsf_image'): 1,
    ('xpeak_image', 'ypeak_image'): 1,
}

#: Pairs of right ascension and declination (ICRS; J2000 differs from it by 0.02 arcsec): of
#: surveys, VizieR, Gaia, Rubin, ZTF, Pan-STARRS, and SExtractor.
SKY_NAMES = (
    ('ra', 'dec'),
    ('ra_deg', 'dec_deg'),
    ('radeg', 'decdeg'),
    ('radeg', 'dedeg'),
    ('ra_icrs', 'dec_icrs'),
    ('ra_icrs', 'de_icrs'),
    ('ra_j2000', 'dec_j2000'),
    ('ra2000', 'dec2000'),
    ('raj2000', 'dej2000'),
    ('raj2000', 'decj2000'),
    ('_raj2000', '_dej2000'),
    ('_ra.icrs', '_de.icrs'),
    ('_ra_icrs', '_de_icrs'),
    ('_ra', '_de'),
    ('right_ascension', 'declination'),
    ('target_ra', 'target_dec'),
    ('coord_ra', 'coord_dec'),
    ('objra', 'objdec'),
    ('s_ra', 's_dec'),
    ('ramean', 'decmean'),
    ('rastack', 'decstack'),
    ('alpha_j2000', 'delta_j2000'),
    ('alphawin_j2000', 'deltawin_j2000'),
    ('alphamodel_j2000', 'deltamodel_j2000'),
    ('alphapsf_j2000', 'deltapsf_j2000'),
    ('alphapeak_j2000', 'deltapeak_j2000'),
)

#: Sexagesimal right ascension and declination in separate columns, as in machine-readable tables of
#: journals.
_PARTS = ('rah', 'ram', 'ras', 'de-', 'ded', 'dem', 'des')

#: Maximum distance, in pixels, of two pairs of columns, such as centroids and peaks; and of two
#: SkyCoord columns.
_APART = 3.0
_SKY_COLUMNS_APART = 0.5

#: Tolerance, in pixels, to recognize pairs that count from 0 and from 1.
_ONE_PIXEL = 0.2


class ColumnPositions(NamedTuple):
    """
    Positions in a table.

    Attributes
    ----------
    names : str
        The columns.
    x, y : `~numpy.ndarray`
        0-based pixels; NaN if missing, or outside of the projection.
    sky : `~astropy.coordinates.SkyCoord` or None
        Sky positions, if the columns are on the sky.
    missing : `~numpy.ndarray` of bool
        True for missing values.
    lost : `~numpy.ndarray` of bool
        True if the inverse of a distortion does not converge.
    """

    names: str
    x: np.ndarray
    y: np.ndarray
    sky: SkyCoord | None
    missing: np.ndarray
    lost: np.ndarray


def find_positions(table, wcs, shape=None):
    """
    Find the positions in a table.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Table with any columns.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    shape : tuple of int, optional
        ``(ny, nx)`` of the image.

    Returns
    -------
    `ColumnPositions`
        Pixels are preferred to sky positions, in the order of the known names; but those outside of
        the image are ignored if others are inside.

    Raises
    ------
    ValueError
        If there are none, there is no WCS for sky positions, or several in the image differ.
    """
    found = [_pixel_pair(table, *pair) for pair in column_pairs(table, _PIXEL_NAMES)]
    on_sky = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    sky_pairs = column_pairs(table, SKY_NAMES)
    galactic = column_pairs(table, (('glon', 'glat'),))
    has_parts = set(_PARTS) <= {name.casefold() for name in table.colnames}
    if wcs is None:
        if not found and (on_sky or sky_pairs or galactic or has_parts):
            raise ValueError(
                '`positions` are on the sky, but the image has no celestial WCS: give pixel '
                'positions.'
            )
    else:
        columns = [_on_sky(name, plain_sky(table[name]), wcs, shape) for name in on_sky]
        _check_agree(columns, shape, _SKY_COLUMNS_APART)
        found += columns
        found += [_sky_pair(table, *pair, wcs, shape) for pair in sky_pairs]
        found += [_sky_parts(table, wcs, shape)] if has_parts else []
        found += [_sky_pair(table, *pair, wcs, shape, frame='galactic') for pair in galactic]
    if not found:
        raise ValueError(
            '`positions` as a table must have the columns x and y (0-based pixels), those of '
            'photutils (xcentroid) or SExtractor (X_IMAGE, counted from 1), one SkyCoord column, '
            'or ra and dec, also as RAJ2000 and DEJ2000 or ALPHA_J2000 and DELTA_J2000; got '
            f'{", ".join(table.colnames) or "no columns"}.'
        )
    within = [_any_within(positions, shape) for positions in found]
    if any(within):
        found = [positions for positions, is_in in zip(found, within, strict=True) if is_in]
    _check_agree(found, shape, _APART)
    return found[0]


def column_pairs(table, known):
    """
    The pairs of columns with known names, in any case.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    known : sequence of tuple, or dict
        Pairs of names in lower case; of a dictionary the values follow the names.

    Returns
    -------
    list of tuple
        Names as the table has them.

    Raises
    ------
    ValueError
        If names differ only in case.
    """
    spelled = {}
    for name in table.colnames:
        spelled.setdefault(name.casefold(), []).append(name)
    pairs = []
    for first, second in known:
        firsts, seconds = spelled.get(first, []), spelled.get(second, [])
        if not firsts or not seconds:
            continue
        if len(firsts) > 1 or len(seconds) > 1:
            raise ValueError(
                '`positions` have several pairs of columns, '
                f'{", ".join([*firsts, *seconds])}: keep one.'
            )
        about = (known[first, second],) if isinstance(known, dict) else ()
        pairs.append((firsts[0], seconds[0], *about))
    return pairs


def _pixel_pair(table, first, second, origin):
    x, y = (pixels_of(table[name], name) - origin for name in (first, second))
    missing = ~(np.isfinite(x) & np.isfinite(y))
    return ColumnPositions(f'{first} and {second}', x, y, None, missing, np.zeros_like(missing))


def _sky_pair(table, first, second, wcs, shape, *, frame='icrs'):
    longitude = degrees_of(table[first], first, in_hours=frame == 'icrs')
    latitude = degrees_of(table[second], second)
    return _sky_degrees(f'{first} and {second}', longitude, latitude, wcs, shape, frame)


def _sky_parts(table, wcs, shape):
    names = {name.casefold(): name for name in table.colnames}
    hours, minutes, seconds = (_part(table[names[k]]) for k in _PARTS[:3])
    degrees, arcmin, arcsec = (_part(table[names[k]]) for k in _PARTS[4:])
    ra = 15 * (hours + minutes / 60 + seconds / 3600)
    dec = np.abs(degrees) + arcmin / 60 + arcsec / 3600
    # The sign has a separate column, since there is no integer -0.
    signs, _ = without_mask(table[names['de-']])
    south = np.char.strip(np.asarray(signs).astype(str)) == '-'
    named = f'{names["rah"]} to {names["des"]}'
    return _sky_degrees(named, ra, np.where(south | (degrees < 0), -dec, dec), wcs, shape, 'icrs')


def _part(column):
    """Hours, minutes or seconds without unit."""
    return numbers_or_nan(getattr(column, 'value', column)).astype(float)


def _sky_degrees(names, longitude, latitude, wcs, shape, frame):
    missing = ~(np.isfinite(longitude) & np.isfinite(latitude))
    wrong = ~missing & ((np.abs(latitude) > 90) | (longitude < -180) | (longitude > 360))
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise ValueError(
            f'Columns {names} of `positions` are not a valid sky position '
            f'in {np.count_nonzero(wrong)} rows; the first is row {row}, {longitude[row]:g} and '
            f'{latitude[row]:g} deg.'
        )
    angles = (np.where(missing, np.nan, angle) for angle in (longitude, latitude))
    sky = SkyCoord(*angles, unit=u.deg, frame=frame).icrs
    return _on_sky(names, (SkyCoord(sky.ra, sky.dec), missing), wcs, shape)


def _on_sky(names, sky_and_missing, wcs, shape):
    sky, missing = sky_and_missing
    x, y = np.full((2, len(sky)), np.nan)
    lost = np.zeros_like(missing)
    if not missing.all():
        x[~missing], y[~missing], lost[~missing] = sky_to_pixel(sky[~missing], wcs, shape)
    return ColumnPositions(names, x, y, sky, missing, lost)


def _within(positions, shape):
    known = np.isfinite(positions.x) & np.isfinite(positions.y)
    if shape is None:
        return known
    with np.errstate(invalid='ignore'):
        inside = (np.abs(positions.x - (shape[1] - 1) / 2) <= shape[1] / 2) & (
            np.abs(positions.y - (shape[0] - 1) / 2) <= shape[0] / 2
        )
    return known & inside


def _any_within(positions, shape):
    return bool(_within(positions, shape).any())


def _check_agree(found, shape, apart):
    """Raise an error if position columns in the image disagree."""
    for other in found[1:]:
        first = found[0]
        both = np.isfinite(first.x) & np.isfinite(other.x)
        both &= np.isfinite(first.y) & np.isfinite(other.y)
        both &= _within(first, shape) | _within(other, shape)
        if not both.any():
            continue
        difference = np.stack([first.x - other.x, first.y - other.y], axis=1)
        difference[~both] = 0
        distance = np.hypot(*difference.T)
        farthest = np.argmax(distance)
        if distance[farthest] > apart:
            raise ValueError(
                f'Columns {first.names} of `positions` and {other.names} disagree: they are '
                f'{distance[farthest]:.1f} pixels apart in row {farthest}. Keep only one pair.'
            )
        middle = np.median(difference[both], axis=0)
        is_one = np.abs(np.abs(middle) - 1).max() < _ONE_PIXEL and middle[0] * middle[1] > 0
        if is_one and np.abs(difference[both] - middle).max() < _ONE_PIXEL:
            raise ValueError(
                f'Columns {first.names} of `positions` and {other.names} differ by one pixel in x '
                'and in y, as if one pair counted pixels from 0 and the other from 1: keep the '
                'correct one. Here x and y count from 0, X_IMAGE and Y_IMAGE from 1.'
            )
