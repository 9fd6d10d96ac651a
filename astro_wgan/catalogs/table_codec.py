"""Conversion of tables with units and mixins to plain columns and back."""

from functools import lru_cache

import numpy as np
from astropy import units as u
from astropy.io.misc import yaml
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.table.meta import get_yaml_from_table
from astropy.table.serialize import (
    # As astropy's own readers of HDF5 and Parquet use it; it has no public name.
    _construct_mixins_from_columns,
    represent_mixins_as_columns,
)
from astropy.utils.masked import Masked

from astro_wgan.catalogs.table_meta import plain_meta
from astro_wgan.files.yaml_text import load_yaml

__all__ = ['MIXINS', 'column_info', 'column_names', 'decode', 'describe', 'encode', 'mixin_text']

#: Key of astropy in the meta of a table for the serialization of mixin columns.
MIXINS = '__serialized_columns__'

#: Serialized attributes of mixins that only affect their display.
_APPEARANCE = ('__info__', 'format', 'in_subfmt', 'out_subfmt', 'precision')


def describe(table):
    """
    Describe the columns and metadata of a table as YAML, as in the header of an ECSV file.

    It includes units, descriptions, and the serialization of mixin columns such as
    `~astropy.coordinates.SkyCoord` and `~astropy.time.Time`.

    Raises
    ------
    TypeError
        If a column has other values than numbers, booleans or text.
    """
    empty = table[:0]
    empty.meta = plain_meta(table.meta)
    return '\n'.join(get_yaml_from_table(_plain(empty)))


def encode(table, *, like=None):
    """
    Convert a table to plain columns.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    like : `~astropy.table.QTable`, optional
        Table to which rows are to be appended, with whose units and dtypes the columns are made.

    Returns
    -------
    columns : dict of `~numpy.ndarray`
        Numbers, booleans or text (bytes become text), with rows along the first axis.
    masks : dict of `~numpy.ndarray`
        Masks of columns with masked values.

    Raises
    ------
    TypeError
        If a column has other values.
    ValueError
        If columns are missing or unknown, or differ in class, frame, shape or unit.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import QTable
    >>> from astro_wgan.catalogs.table_codec import decode, describe, encode
    >>> table = QTable({'id': [4, 5], 'flux': [1.0, 2.0] * u.nJy})
    >>> columns, masks = encode(table)
    >>> columns['flux']
    array([1., 2.])
    >>> decode(describe(table), columns, masks)['flux'].unit
    Unit("nJy")
    """
    if like is None:
        plain = _plain(table)
    else:
        _check_names(like, table)
        adapted = {name: _adapted(name, table[name], like[name]) for name in like.colnames}
        plain = _plain(QTable(adapted, copy=False))
        _check_mixins(_plain(like[:0]), plain)
    columns = {name: np.ma.getdata(plain[name]).view(np.ndarray) for name in plain.colnames}
    masks = {name: np.ma.getmaskarray(plain[name]) for name in plain.colnames}
    if like is not None:
        empty, _ = encode(like[:0])
        columns = {name: _cast(name, columns[name], empty[name]) for name in columns}
    return columns, {name: mask for name, mask in masks.items() if mask.any()}


def column_info(table):
    """
    Units and descriptions of the plain columns of `encode`.

    Parameters
    ----------
    table : `~astropy.table.QTable`

    Returns
    -------
    units : dict of `~astropy.units.UnitBase`
    descriptions : dict of str
        Of the columns that have one, those of parts of coordinates included.

    Examples
    --------
    >>> from astropy.coordinates import SkyCoord
    >>> from astropy.table import QTable
    >>> from astro_wgan.catalogs.table_codec import column_info
    >>> column_info(QTable({'sky': SkyCoord([1], [2], unit='deg')}))[0]
    {'sky.ra': Unit("deg"), 'sky.dec': Unit("deg")}
    """
    plain = represent_mixins_as_columns(table[:0])
    infos = {name: plain[name].info for name in plain.colnames}
    units = {name: info.unit for name, info in infos.items() if info.unit is not None}
    return units, {name: info.description for name, info in infos.items() if info.description}


def decode(description, columns, masks):
    """
    Convert plain columns and a description to a table.

    Parameters
    ----------
    description : str
        From `describe`.
    columns, masks : dict of `~numpy.ndarray`
        From `encode`. Columns may be omitted, except for all parts of a mixin (`column_names`).

    Returns
    -------
    `~astropy.table.QTable`
    """
    header = _header(description)
    entries = {entry['name']: entry for entry in header['datatype']}
    table = Table(meta=header.get('meta', {}))
    for name, values in columns.items():
        if values.dtype.kind == 'O':  # text of variable length
            values = np.array(values.tolist(), dtype=str).reshape(values.shape)
        options = {key: entries[name].get(key) for key in ('unit', 'format', 'description', 'meta')}
        if name in masks:
            table[name] = MaskedColumn(values, mask=masks[name], **options)
        else:
            table[name] = Column(values, **options)
    mixins = table.meta.get(MIXINS, {})
    table.meta[MIXINS] = {k: m for k, m in mixins.items() if set(_parts(m)) <= set(columns)}
    return QTable(_construct_mixins_from_columns(table), copy=False)


def column_names(description, wanted=None):
    """
    Names of the plain columns of columns of a table.

    Parameters
    ----------
    description : str
        From `describe`.
    wanted : sequence of str, optional
        Columns of the table; all by default.

    Returns
    -------
    list of str

    Raises
    ------
    KeyError
        If there is no such column.
    """
    header = _header(description)
    parts = {entry['name']: [entry['name']] for entry in header['datatype']}
    for name, mixin in header.get('meta', {}).get(MIXINS, {}).items():
        behind = _parts(mixin)
        for part in behind:
            parts.pop(part, None)
        parts[name] = behind
    if wanted is None:
        wanted = parts
    unknown = [name for name in wanted if name not in parts]
    if unknown:
        raise KeyError(f'The table has no columns {unknown}; it has {sorted(parts)}.')
    chosen = {part for name in wanted for part in parts[name]}
    return [entry['name'] for entry in header['datatype'] if entry['name'] in chosen]


@lru_cache(maxsize=8)
def _header(description):
    # Parsing YAML takes as long as reading hundreds of stamps.
    return load_yaml(description)


def _plain(table):
    """The table with plain columns, and the serialization of mixins in its meta."""
    plain = represent_mixins_as_columns(table)
    for column in list(plain.itercols()):
        if column.dtype.kind == 'S':
            plain[column.name] = np.char.decode(column, 'utf-8')
        elif column.dtype.kind not in 'biufcU':
            raise TypeError(
                f'Column {column.name!r} of `table` has dtype {column.dtype}: files '
                'hold numbers, truth values and text.'
            )
    return plain


def _check_names(like, table):
    missing = [name for name in like.colnames if name not in table.colnames]
    unknown = [name for name in table.colnames if name not in like.colnames]
    if missing or unknown:
        raise ValueError(
            '`table` must have the columns of the store; '
            f'missing: {missing or "none"}, unknown: {unknown or "none"}.'
        )


def _adapted(name, column, like):
    """Convert a column to the unit of another, and to Masked if that is."""
    if not isinstance(like, u.Quantity) or not isinstance(column, u.Quantity):
        return column
    if column.unit != like.unit:
        try:
            column = column.to(like.unit)
        except u.UnitConversionError as error:
            raise ValueError(
                f'Column {name!r} of `table` is in {column.unit}, which does not convert to the '
                f'unit of the store, {like.unit}.'
            ) from error
    if isinstance(like, Masked):
        return column if isinstance(column, Masked) else Masked(column)
    if isinstance(column, Masked) and not np.any(column.mask):
        return column.unmasked
    return column


def _check_mixins(like, plain):
    ours, theirs = (table.meta.get(MIXINS, {}) for table in (like, plain))
    for name in {**ours, **theirs}:
        # As text, since objects may not be comparable.
        first, second = (mixin_text(mixins.get(name)) for mixins in (ours, theirs))
        if first != second:
            raise ValueError(
                f'Column {name!r} of `table` differs in type from that of the store.\n'
                f'Store:\n{first}\nTable:\n{second}'
            )


def mixin_text(mixin):
    """The serialization of a mixin column as text, without display attributes."""
    if mixin is None:
        return 'a plain column'
    return yaml.dump({key: mixin[key] for key in mixin if key not in _APPEARANCE})


def _cast(name, values, like):
    if values.dtype.kind == like.dtype.kind == 'U':
        same = True
    else:
        same = np.can_cast(values.dtype, like.dtype, 'same_kind')
    if not same or values.shape[1:] != like.shape[1:]:
        raise ValueError(
            f'Column {name!r} of `table` has dtype {values.dtype} and shape {values.shape[1:]} in '
            f'a row; the store has {like.dtype} and {like.shape[1:]}.'
        )
    if like.dtype.kind == 'U':
        return values
    cast = values.astype(like.dtype, copy=False)
    if like.dtype.kind in 'iu' and not np.array_equal(cast, values):
        raise ValueError(f'Column {name!r} of `table` has values that {like.dtype} cannot hold.')
    return cast


def _parts(mixin):
    """Names of the plain columns of a mixin."""
    if not isinstance(mixin, dict):
        return []
    found = [part for value in mixin.values() for part in _parts(value)]
    if type(mixin).__name__ == 'SerializedColumn' and 'name' in mixin:
        found.append(mixin['name'])
    return found
