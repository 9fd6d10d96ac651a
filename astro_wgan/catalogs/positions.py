"""`position_table`: positions from arrays, SkyCoord, tables, files of catalogs, or regions."""

import os
import sys

import numpy as np
from astropy import units as u
from astropy.coordinates import BaseCoordinateFrame, SkyCoord
from astropy.table import QTable

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky, plain_sky
from astro_wgan.catalogs.columns import check_ids, named_rows, text_without_unit
from astro_wgan.catalogs.parquet.catalog_reading import is_catalog, read_catalog
from astro_wgan.catalogs.parquet.image_regions import region_of
from astro_wgan.catalogs.position_columns import find_positions
from astro_wgan.catalogs.qtable import as_qtable, table_of, table_of_rows
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.catalogs.table_meta import plain_meta
from astro_wgan.validation.masked import without_mask

__all__ = ['position_table', 'with_positions']


def position_table(positions, wcs, shape=None):
    """
    Table of positions, in pixels and, with a WCS, on the sky.

    Parameters
    ----------
    positions : array_like, SkyCoord, Table, path-like, ``lsdb.Catalog`` or regions
        As in `~astro_wgan.StampSet.from_image`.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    shape : tuple of int, optional
        ``(ny, nx)`` of the image, to ignore columns with positions in another image.

    Returns
    -------
    table : `~astropy.table.QTable`
        ``id``, ``x``, ``y``, ``sky`` (with a WCS), and other columns of the table. Pixels of sky
        positions outside of the projection are NaN.
    lost : `~numpy.ndarray` of bool
        True for sky positions at which the inverse of a distortion does not converge. Their pixels
        are NaN, too.

    Raises
    ------
    ValueError
        If a position or id is masked or not finite, there is no WCS for sky positions, or a table
        has no position columns, or conflicting ones.
    FileNotFoundError
        If there is no such path.
    TypeError
        If the positions have an unknown type.
    """
    if is_catalog(positions):
        return _in_image(positions, wcs, shape)
    if isinstance(positions, (str, os.PathLike)):
        if not os.path.lexists(positions):
            raise FileNotFoundError(
                f'`positions` must be the path of a table or catalog; there is no {positions}.'
            )
        positions = read_table(positions)
    # First, since rows can also be converted to arrays.
    table = table_of_rows(positions)
    table = table_of(positions) if table is None else table
    if table is not None:
        return _from_table(as_qtable(table), wcs, shape)
    if _are_regions(positions):
        positions = _region_centers(positions, wcs)
    sky = _as_sky(positions)
    if sky is not None:
        return _from_sky(sky, wcs, shape)
    x, y = _as_pairs(positions).T
    return with_positions(QTable(), x, y, wcs), np.zeros(len(x), dtype=bool)


def with_positions(table, x, y, wcs, *, sky=None):
    """
    A table of positions in pixels and on the sky, followed by the columns of another table.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Other columns. An ``id`` is kept; ``x``, ``y`` and, with a WCS, ``sky`` are replaced.
    x, y : array_like, shape (n,)
        0-based pixels.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    sky : `~astropy.coordinates.SkyCoord`, optional
        Sky positions, if known more accurately than from the pixels.

    Returns
    -------
    `~astropy.table.QTable`
        Sky positions are in ICRS for any WCS, so that tables of several images are compatible.
    """
    columns = {'id': np.arange(len(x)), 'x': x * u.pix, 'y': y * u.pix}
    if sky is None and wcs is not None:
        sky = pixel_to_sky(x, y, wcs)
    if sky is not None:
        columns['sky'] = SkyCoord(sky.icrs.ra, sky.icrs.dec)
    if 'id' in table.colnames:
        columns['id'] = table['id']
    others = {
        name: text_without_unit(table[name]) for name in table.colnames if name not in columns
    }
    return QTable({**columns, **others}, meta=table.meta)


def _from_table(table, wcs, shape):
    found = find_positions(table, wcs, shape)
    _check_finite(~found.missing, f'columns {found.names}')
    if 'id' in table.colnames:
        check_ids(table['id'], unique=False)
    table.meta = plain_meta(table.meta)
    return with_positions(table, found.x, found.y, wcs, sky=found.sky), found.lost


def _in_image(catalog, wcs, shape):
    """Positions of a catalog that lie in the image, of which no others are read."""
    if wcs is None:
        raise ValueError(
            '`positions` is a catalog of the sky, but the image has no celestial WCS: give pixel '
            'positions.'
        )
    table = read_catalog(catalog, region=region_of(wcs, shape))
    # Pixels in its columns, if any, are those of other images.
    sky = SkyCoord(table['ra'], table['dec'])
    x, y, lost = sky_to_pixel(sky, wcs, shape)
    table.meta = plain_meta(table.meta)
    table = with_positions(table, x, y, wcs, sky=sky)
    if shape is not None:
        size = np.array(shape[::-1]) - 0.5
        pixels = np.stack([table['x'].value, table['y'].value], axis=1)
        inside = lost | ((pixels >= -0.5) & (pixels < size)).all(axis=1)
        table, lost = table[inside], lost[inside]
    if not len(table):
        name = f' {os.fspath(catalog)}' if isinstance(catalog, (str, os.PathLike)) else ''
        raise ValueError(f'No source of the catalog{name} (`positions`) lies in the image.')
    return table, lost


def _from_sky(sky, wcs, shape):
    if wcs is None:
        raise ValueError(
            '`positions` are on the sky, but the image has no celestial WCS: give pixel positions.'
        )
    sky, missing = plain_sky(sky)
    _check_finite(~missing)
    x, y, lost = sky_to_pixel(sky, wcs, shape)
    return with_positions(QTable(), x, y, wcs, sky=sky), lost


def _as_sky(positions):
    """Sky positions as one SkyCoord, or None if they are not on the sky."""
    if isinstance(positions, BaseCoordinateFrame):
        positions = SkyCoord(positions)
    if isinstance(positions, SkyCoord):
        return positions
    is_list = isinstance(positions, (list, tuple)) and len(positions) > 0
    if not is_list or not all(isinstance(p, (SkyCoord, BaseCoordinateFrame)) for p in positions):
        return None
    parts = [plain_sky(SkyCoord(position))[0] for position in positions]
    ra, dec = (np.concatenate([getattr(p, k).deg for p in parts]) for k in ('ra', 'dec'))
    return SkyCoord(ra, dec, unit=u.deg)


def _are_regions(positions):
    # Importing regions takes a second. If positions are regions, it is imported.
    if 'regions' not in sys.modules:
        return False
    from regions import Region, Regions

    if isinstance(positions, (list, tuple)):
        return len(positions) > 0 and all(isinstance(region, Region) for region in positions)
    return isinstance(positions, (Region, Regions))


def _region_centers(regions, wcs):
    """Centers as SkyCoord if all regions have one on the sky, otherwise in pixels."""
    from regions import Region, SkyRegion

    regions = [regions] if isinstance(regions, Region) else list(regions)
    if wcs is None and any(isinstance(region, SkyRegion) for region in regions):
        raise ValueError(
            '`positions` are regions on the sky, but the image has no celestial WCS: give pixel '
            'positions.'
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
    # Polygons and lines have no center.
    y, x = region.bounding_box.center
    return x, y


def _as_pairs(positions):
    if hasattr(positions, '__array__') and not hasattr(positions, 'dtype'):
        # A data frame without known columns.
        raise _unknown_kind(positions)
    try:
        positions, mask = without_mask(positions)
        if isinstance(positions, u.Quantity):
            positions = positions.to_value(u.pix)
        pairs = np.asarray(positions, dtype=float)
    except u.UnitConversionError as error:
        raise u.UnitConversionError(
            f'`positions` must be in pixels, a SkyCoord or a table; got {positions.unit}.'
        ) from error
    except (TypeError, ValueError) as error:
        raise _unknown_kind(positions) from error
    if pairs.size == 0:
        return np.empty((0, 2))
    pairs = np.atleast_2d(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        hint = ' Transpose them.' if pairs.ndim == 2 and len(pairs) == 2 else ''
        raise ValueError(f'`positions` must have the shape (n, 2); got {pairs.shape}.{hint}')
    if mask is not None:
        pairs = np.where(np.atleast_2d(mask), np.nan, pairs)
    _check_finite(np.isfinite(pairs).all(axis=1))
    return pairs


def _unknown_kind(positions):
    return TypeError(
        '`positions` must be an array of (x, y) pixels, a SkyCoord, a table, a path or regions; '
        f'got {type(positions).__name__}.'
    )


def _check_finite(finite, where=None):
    bad = np.flatnonzero(~finite)
    if bad.size:
        where = f' ({where})' if where else ''
        raise ValueError(
            f'`positions` must be finite; {bad.size} are not, the first in row {bad[0]}{where}. '
            f'Leave out what is masked or NaN: {named_rows(bad)}.'
        )
