"""`SourceColumns`: the columns of ids and positions of a catalog, and tables of its sources."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.astrometry.sky_coordinates import plain_sky
from astro_wgan.catalogs.columns import (
    check_ids,
    named_rows,
    rename_conflicting_columns,
    text_without_unit,
)
from astro_wgan.catalogs.coordinate_columns import degrees_of
from astro_wgan.catalogs.parquet.hats_folders import BOOKKEEPING
from astro_wgan.catalogs.position_columns import SKY_NAMES, column_pairs
from astro_wgan.validation.id_values import id_values

__all__ = [
    'SourceColumns',
    'check_unique',
    'check_unique_sorted',
    'columns_to_keep',
    'find_columns',
]

#: Columns with ids, in lower case, as surveys call them.
_IDS = (
    *('id', 'object_id', 'objectid', 'source_id', 'sourceid', 'coadd_object_id', 'diaobjectid'),
    # The objid of the Legacy Surveys is that of a brick.
    *('ls_id', 'objid', 'obj_id'),
    # Of SExtractor, whose catalogs count from 1 each: of several joined, they occur twice.
    'number',
)

_KEYS = ('id', 'ra', 'dec')

#: Surveys have this argument, too; everything else takes the table that is read.
_ADVICE = (
    "name another column by names={'id': ...} of `read_catalog`, or none by names={'id': None}"
)


@dataclass(frozen=True)
class SourceColumns:
    """
    The columns of a catalog with ids and positions.

    Attributes
    ----------
    id : str or None
    ra, dec : str or None
        None if positions are in a column of SkyCoord.
    sky : str or None
        Column of SkyCoord.
    """

    id: str | None
    ra: str | None
    dec: str | None
    sky: str | None = None

    @property
    def pair(self):
        """The names of right ascension and declination, or None."""
        return None if self.ra is None else (self.ra, self.dec)

    @property
    def names(self):
        """The names of all of these columns."""
        return [name for name in (self.id, self.ra, self.dec, self.sky) if name is not None]

    def table_of_sources(self, table, columns, where, *, region=None):
        """
        A table of ids and positions in degrees, followed by other columns.

        Parameters
        ----------
        table : `~astropy.table.QTable`
            With these columns.
        columns : list of str
            Other columns to keep. A column of SkyCoord can be among them.
        where : str
            What the table is from, for errors.
        region : `SkyCone` or `SkyBox`, optional
            Only sources in it are kept.

        Returns
        -------
        `~astropy.table.QTable`
            ``id`` if there are ids, ``ra`` and ``dec``, and the other columns.

        Raises
        ------
        ValueError
            If a position is not on the sky, or, without region, missing.
        """
        try:
            ra, dec = self._degrees(table)
        except (ValueError, u.UnitConversionError) as error:
            raise ValueError(f'{where} has no positions that can be read: {error}') from error
        missing = ~(np.isfinite(ra) & np.isfinite(dec))
        pair = self.sky or f'{self.ra} and {self.dec}'
        wrong = ~missing & ((np.abs(dec) > 90) | (ra < -180) | (ra > 360))
        if wrong.any():
            row = np.flatnonzero(wrong)[0]
            raise ValueError(
                f'{where}: columns {pair} are not a position on the sky in {wrong.sum()} rows, the '
                f'first of which has {ra[row]:g} and {dec[row]:g} degrees.'
            )
        if region is not None:
            inside = region.contains(ra, dec)
            table, ra, dec = table[inside], ra[inside], dec[inside]
        elif missing.any():
            raise ValueError(
                f'{where}: columns {pair} are masked or NaN in {missing.sum()} of {len(table)} '
                f'rows: leave out {named_rows(np.flatnonzero(missing))}.'
            )
        own = {} if self.id is None else {'id': table[self.id]}
        own |= {'ra': ra * u.deg, 'dec': dec * u.deg}
        used = (self.id, self.ra, self.dec)
        columns = [name for name in columns if name not in used]
        # Astropy takes an empty list for row numbers.
        others = table[columns] if columns else QTable()
        rename_conflicting_columns(others, own)
        # A unit of text would be that of sexagesimal angles.
        others = {name: text_without_unit(others[name]) for name in others.colnames}
        return QTable({**own, **others}, meta=table.meta, copy=False)

    def _degrees(self, table):
        if self.sky is None:
            ra = degrees_of(table[self.ra], self.ra, in_hours=True)
            return ra, degrees_of(table[self.dec], self.dec)
        sky, missing = plain_sky(table[self.sky])
        return (np.where(missing, np.nan, angle.deg) for angle in (sky.ra, sky.dec))


def find_columns(table, where, *, names=None, positions=None):
    """
    Find the columns with ids and positions.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Table with the columns; it may be without rows.
    where : str
        What the table is from, for errors.
    names : dict of str, optional
        Names of the columns for ``'id'``, ``'ra'`` and ``'dec'``; None for no id.
    positions : tuple of str, optional
        Columns of right ascension and declination that the catalog names itself.

    Returns
    -------
    `SourceColumns`

    Raises
    ------
    ValueError
        If there are none, or not those that are named.
    TypeError
        If ``names`` is no dictionary.
    """
    names = _checked_names(names)
    given = [name for name in (*names.values(), *(positions or ())) if name is not None]
    unknown = [name for name in given if name not in table.colnames]
    if unknown:
        raise ValueError(
            f'{where} has no column {unknown[0]!r}; it has {", ".join(table.colnames)}.'
        )
    ids = {name.casefold(): name for name in reversed(table.colnames)}
    own_id = names.get('id', next((ids[name] for name in _IDS if name in ids), None))
    if 'ra' in names:
        return SourceColumns(own_id, names['ra'], names['dec'])
    if positions is not None:
        return SourceColumns(own_id, *positions)
    pairs = column_pairs(table, SKY_NAMES)
    if pairs:
        return SourceColumns(own_id, *pairs[0])
    sky = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    if sky:
        return SourceColumns(own_id, None, None, sky[0])
    columns = ', '.join(table.colnames) or 'none'
    raise ValueError(
        f'{where} has no columns of positions on the sky, such as ra and dec: name them by '
        f"names={{'ra': ..., 'dec': ...}} of `read_catalog`. Its columns: {columns}."
    )


def columns_to_keep(table, columns, where):
    """
    Columns of a catalog that are asked for.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    columns : sequence of str or None
        None for all but those that follow from positions and partitions of HATS.
    where : str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there is no such column.
    TypeError
        If they are a text.
    """
    if columns is None:
        return [name for name in table.colnames if name not in BOOKKEEPING]
    if isinstance(columns, str):
        raise TypeError(f'`columns` must be a list of names; got the text {columns!r}.')
    unknown = [name for name in columns if name not in table.colnames]
    if unknown:
        raise ValueError(
            f'`columns`: {where} has no {", ".join(map(str, unknown))}; it has '
            f'{", ".join(table.colnames)}.'
        )
    return list(dict.fromkeys(columns))


def check_unique(ids, column, where):
    """
    Raise an error for ids that occur twice, or are missing.

    Parameters
    ----------
    ids : `~astropy.table.Column` or array_like
    column : str
        Name of the column in the catalog.
    where : str

    Raises
    ------
    ValueError
    """
    try:
        check_ids(ids, unique=False)
    except ValueError as error:
        raise ValueError(f'{where}, column {column}: {str(error)[:-1]}; {_ADVICE}.') from error
    check_unique_sorted(np.sort(np.asarray(ids)), column, where)


def check_unique_sorted(ids, column, where):
    """
    Raise an error for ids that occur twice.

    Parameters
    ----------
    ids : `~numpy.ndarray`, shape (n,)
        In increasing order; text may be bytes.
    column, where : str
        As in `check_unique`.

    Raises
    ------
    ValueError
    """
    twice = id_values(np.unique(ids[1:][ids[1:] == ids[:-1]]))
    if len(twice):
        raise ValueError(
            f'{where}: ids in column {column} must be unique; {len(twice)} occur more than once, '
            f'such as {twice[0]}: leave out the others, or {_ADVICE}.'
        )


def _checked_names(names):
    if names is None:
        return {}
    if not isinstance(names, dict):
        raise TypeError(f'`names` must be a dictionary; got {type(names).__name__}.')
    unknown = [key for key in names if key not in _KEYS]
    if unknown:
        raise ValueError(f'`names` may have the keys {", ".join(_KEYS)}; got {unknown[0]!r}.')
    names = {key: name for key, name in names.items() if name is not None or key == 'id'}
    if ('ra' in names) != ('dec' in names):
        raise ValueError(f'`names` must have both ra and dec, or none; got {names}.')
    return names
