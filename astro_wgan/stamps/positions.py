"""Positions in an image, from whatever astronomers keep positions in."""

import sys

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.wcs import NoConvergence
from astropy.wcs.utils import pixel_to_skycoord, skycoord_to_pixel

__all__ = ['position_table', 'with_positions']


def position_table(positions, wcs):
    """
    A row for each position, with its pixel and, where there is a WCS, its place on the sky.

    Parameters
    ----------
    positions : array_like, `~astropy.coordinates.SkyCoord`, `~astropy.table.Table` or regions
        As in `~astro_wgan.stamps.cut_stamps`.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``x``, ``y``, ``sky`` (where there is a WCS), and the other columns of a table.
        A sky position that the projection cannot show has the pixel NaN.

    Raises
    ------
    ValueError
        If a position is not finite, sky positions meet an image without a WCS, or a table has no
        columns of positions.
    TypeError
        If the positions are of no known kind.
    """
    if isinstance(positions, Table):
        return _from_table(QTable(positions), wcs)
    if _are_regions(positions):
        positions = _region_centers(positions, wcs)
    if isinstance(positions, SkyCoord):
        return _from_sky(positions, QTable(), wcs)
    x, y = _as_pairs(positions).T
    return with_positions(QTable(), x, y, wcs)


def with_positions(table, x, y, wcs, *, sky=None):
    """
    A table of positions in pixels and on the sky, followed by the columns of another table.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Other columns; an ``id`` among them is kept, an ``x``, ``y`` or ``sky`` is replaced.
    x, y : array_like, shape (n,)
        0-based pixels.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    sky : `~astropy.coordinates.SkyCoord`, optional
        Positions on the sky, where they are known better than from the pixels.

    Returns
    -------
    `~astropy.table.QTable`
        Sky positions are ICRS whatever the WCS has, so that tables of several images fit.
    """
    columns = {'id': np.arange(len(x)), 'x': x * u.pix, 'y': y * u.pix}
    if sky is None and wcs is not None:
        sky = pixel_to_skycoord(x, y, wcs, mode='all')
    if sky is not None:
        columns['sky'] = SkyCoord(sky.icrs.ra, sky.icrs.dec)
    if 'id' in table.colnames:
        columns['id'] = table['id']
    others = {name: table[name] for name in table.colnames if name not in {'x', 'y', 'sky', 'id'}}
    return QTable({**columns, **others}, meta=table.meta)


def _from_table(table, wcs):
    names = {name.casefold(): name for name in table.colnames}
    if {'x', 'y'} <= names.keys():
        x, y = (_numbers(table[names[k]], u.pix, k) for k in ('x', 'y'))
        _check_finite(np.stack([x, y], axis=1))
        return with_positions(table, x, y, wcs)
    coordinates = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    if len(coordinates) == 1:
        return _from_sky(table[coordinates[0]], table, wcs)
    if {'ra', 'dec'} <= names.keys():
        ra, dec = (_numbers(table[names[k]], u.deg, k) for k in ('ra', 'dec'))
        _check_finite(np.stack([ra, dec], axis=1))
        return _from_sky(SkyCoord(ra, dec, unit=u.deg), table, wcs)
    raise ValueError(
        '`positions` as a table must have the columns x and y (0-based pixels), one SkyCoord '
        f'column, or ra and dec; got {", ".join(table.colnames) or "no columns"}.'
    )


def _numbers(column, unit, name):
    """Values of a column in a unit, which is assumed where there is none; masked ones as NaN."""
    if isinstance(column, u.Quantity) and column.unit != u.dimensionless_unscaled:
        column = column.to(unit)
    mask = getattr(column, 'mask', False)
    try:
        return np.where(mask, np.nan, np.array(column, dtype=float))
    except (TypeError, ValueError) as error:
        raise ValueError(f'Column {name} of `positions` must hold numbers.') from error


def _from_sky(sky, table, wcs):
    if wcs is None:
        raise ValueError(
            '`positions` are on the sky, but the image has no celestial WCS: give pixels.'
        )
    sky = sky.reshape(-1)
    _check_finite(np.stack([sky.spherical.lon.deg, sky.spherical.lat.deg], axis=1))
    return with_positions(table, *_sky_to_pixel(sky, wcs), wcs, sky=sky)


def _sky_to_pixel(sky, wcs):
    try:
        return skycoord_to_pixel(sky, wcs, mode='all')
    except NoConvergence as error:
        # The inverse of a distortion fails far outside of the image only.
        x, y = error.best_solution.T.copy()
        for failed in (error.divergent, error.slow_conv):
            if failed is not None:
                x[failed] = y[failed] = np.nan
        return x, y


def _are_regions(positions):
    # Importing regions takes a second; who holds one has done so.
    if 'regions' not in sys.modules:
        return False
    from regions import Region, Regions

    if isinstance(positions, (list, tuple)):
        return len(positions) > 0 and all(isinstance(region, Region) for region in positions)
    return isinstance(positions, (Region, Regions))


def _region_centers(regions, wcs):
    """Centres as SkyCoord where all regions have one on the sky, otherwise as pixels."""
    from regions import Region, SkyRegion

    regions = [regions] if isinstance(regions, Region) else list(regions)
    if wcs is None and any(isinstance(region, SkyRegion) for region in regions):
        raise ValueError(
            '`positions` are regions on the sky, but the image has no celestial WCS: give pixels.'
        )
    centers = [getattr(region, 'center', None) for region in regions]
    if centers and all(isinstance(center, SkyCoord) for center in centers):
        return SkyCoord([center.icrs for center in centers])
    return [_pixel_center(region, wcs) for region in regions]


def _pixel_center(region, wcs):
    from regions import PixCoord, PixelRegion

    if not isinstance(region, PixelRegion):
        region = region.to_pixel(wcs)
    center = getattr(region, 'center', None)
    if isinstance(center, PixCoord):
        return center.x, center.y
    # A polygon or line has none of its own.
    y, x = region.bounding_box.center
    return x, y


def _as_pairs(positions):
    if isinstance(positions, u.Quantity):
        positions = positions.to_value(u.pix)
    try:
        pairs = np.asarray(positions, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            '`positions` must be an array of (x, y) pixels, a SkyCoord, a table or regions; '
            f'got {type(positions).__name__}.'
        ) from error
    if pairs.size == 0:
        return np.empty((0, 2))
    pairs = np.atleast_2d(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f'`positions` must have the shape (n, 2); got {pairs.shape}.')
    _check_finite(pairs)
    return pairs


def _check_finite(pairs):
    bad = np.flatnonzero(~np.isfinite(pairs).all(axis=1))
    if bad.size:
        raise ValueError(
            f'`positions` must be finite; {bad.size} are not, the first in row {bad[0]}.'
        )
