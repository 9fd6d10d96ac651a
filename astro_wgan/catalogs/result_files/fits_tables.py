"""`table_hdus`: tables in FITS files, with what FITS cannot say of them in an extension beside."""

import json
import re
import warnings

import numpy as np
from astropy.io import fits
from astropy.table import QTable
from astropy.table.column import BaseColumn
from astropy.units import Quantity, UnitsWarning

from astro_wgan.catalogs.result_files.standard_terms import are_null, unit_text, with_nulls
from astro_wgan.catalogs.table_codec import column_info, decode, describe, encode
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.header_cards import as_header
from astro_wgan.fits.text_hdus import text_hdu, text_of_hdu

__all__ = ['DESCRIPTION', 'array_column', 'column_values', 'table_from_hdus', 'table_hdus']

#: Name of the extension with the description of the table in the one before it.
DESCRIPTION = 'TABLE_YAML'

#: Format letters of numbers; unsigned ones are stored with an offset.
_LETTERS = {
    'b1': 'L',
    'u1': 'B',
    'i2': 'I',
    'i4': 'J',
    'i8': 'K',
    'u2': 'I',
    'u4': 'J',
    'u8': 'K',
    'f4': 'E',
    'f8': 'D',
    'c8': 'C',
    'c16': 'M',
}

#: Types that FITS does not have, and those in which they are stored.
_WIDER = {'i1': 'i2', 'f2': 'f4', 'f16': 'f8', 'c32': 'c16'}

#: A name that all readers accept.
_PLAIN_NAME = re.compile(r'[\x21-\x7e](?:[\x20-\x7e]{0,66}[\x21-\x7e])?')

#: Marks of astropy around its description in comments, and length of a line of it.
_MARKS = '--BEGIN-ASTROPY-SERIALIZED-COLUMNS--', '--END-ASTROPY-SERIALIZED-COLUMNS--'
_LINE = 70


def table_hdus(table, name, *, columns=()):
    """
    A table as extensions of a FITS file.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    name : str
        Name of the extension.
    columns : sequence of `~astropy.io.fits.Column`, optional
        Further columns, which are no part of the table.

    Returns
    -------
    list of `~astropy.io.fits.BinTableHDU`
        The table, and its description. Masked values are NaN, empty text, or the value TNULL; where
        valid values are NaN or empty too, and for truth values, a column ``NAME.mask`` says which
        are masked. Coordinates are columns such as ``sky.ra``, which ``QTable.read`` of astropy
        joins again. ``meta`` is in the description, and as far as possible in the header.

    Raises
    ------
    TypeError
        If a column has other values than numbers, truth values, text, times or coordinates.
    """
    values, masks = encode(table)
    units, _ = column_info(table)
    taken = {column.name.lower() for column in columns}
    stored, records = [], []
    for k, (column, array) in enumerate(values.items()):
        own = _free_name(column, f'column_{k + 1}', taken)
        mask, in_place = masks.get(column), True
        null = None
        if mask is not None:
            array, null, in_place = with_nulls(array, mask)
        stored.append(array_column(own, array, unit=units.get(column), null=null))
        record = {'name': column, 'column': own, 'dtype': values[column].dtype.str[1:]}
        if mask is not None:
            record['mask'] = True
            if not in_place:
                record['mask'] = _free_name(f'{own}.mask', f'mask_{k + 1}', taken)
                stored.append(array_column(record['mask'], mask))
        records.append(record)
    with warnings.catch_warnings():
        # Of units that the standard does not have: they are written as astropy calls them.
        warnings.simplefilter('ignore', UnitsWarning)
        hdu = fits.BinTableHDU.from_columns([*stored, *columns], name=name)
    hdu.header.extend(as_header(table.meta, taken=hdu.header), strip=True)
    _add_comments(hdu.header, table, {record['column'] for record in records})
    text = f'# {json.dumps(records)}\n{describe(table)}'
    return [hdu, text_hdu(DESCRIPTION, text)]


def table_from_hdus(hdu, description, where):
    """
    The table that `table_hdus` wrote.

    Parameters
    ----------
    hdu, description : `~astropy.io.fits.BinTableHDU`
    where : str
        Name of the file, for errors.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    ValueError
        If the description is damaged, or does not fit the table.
    """
    first, _, text = text_of_hdu(description, where).partition('\n')
    for unit in hdu.columns.units:
        check_unit_text(unit)
    columns, masks = {}, {}
    try:
        for record in load_json(first.removeprefix('# ')):
            name, own, dtype = record['name'], record['column'], np.dtype(record['dtype'])
            values = column_values(hdu, own)
            mask = record.get('mask')
            if mask is not None:
                masks[name] = _mask_of(hdu, own, values, mask)
            if values.dtype.kind != dtype.kind:
                raise ValueError(f'its column {own!r} holds {values.dtype}, not {dtype}')
            columns[name] = values if dtype.kind == 'U' else values.astype(dtype, copy=False)
        return decode(text, columns, masks)
    except Exception as error:  # coordinates, times and units raise various errors
        reason = ' '.join(str(error).split()).rstrip('.')
        raise ValueError(f'The table of {where} does not fit its description: {reason}.') from error


def array_column(name, values, *, unit=None, null=None):
    """
    A column of a FITS table of an array with rows along its first axis.

    Parameters
    ----------
    name : str
    values : `~numpy.ndarray`
        Numbers, truth values or text. Text is written as UTF-8.
    unit : `~astropy.units.UnitBase`, optional
        Unit, written in the form of the FITS standard if it has one.
    null : int, optional
        Whole number that stands for masked values.

    Returns
    -------
    `~astropy.io.fits.Column`
    """
    dimensions = values.shape[1:][::-1]
    options = {'null': null, 'unit': None if unit is None else unit_text(unit, 'fits')}
    if values.dtype.kind == 'U':
        values = np.char.encode(values, 'utf-8')
        width = max(values.dtype.itemsize, 1)
        values = values.astype(f'S{width}')
        repeat = width * int(np.prod(dimensions))
        if dimensions:
            options['dim'] = _dimensions((width, *dimensions))
        return fits.Column(name, f'{repeat}A', array=values, **options)
    kind = values.dtype.str[1:]
    kind = _WIDER.get(kind, kind)
    values = values.astype(kind, copy=False)
    if kind in ('u2', 'u4', 'u8'):
        options['bzero'] = 2 ** (8 * values.dtype.itemsize - 1)
    if len(dimensions) > 1:
        options['dim'] = _dimensions(dimensions)
    return fits.Column(name, f'{int(np.prod(dimensions))}{_LETTERS[kind]}', array=values, **options)


def column_values(hdu, name):
    """
    The values of a column of a FITS table as an array of numbers, truth values or text.

    Parameters
    ----------
    hdu : `~astropy.io.fits.BinTableHDU`
    name : str

    Returns
    -------
    `~numpy.ndarray`

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if name not in hdu.columns.names:
        raise ValueError(f'it lacks the column {name!r}')
    raw = hdu.data.view(np.ndarray)[name]
    if raw.dtype.kind == 'S':
        # Astropy reads text as ASCII.
        return np.char.decode(np.char.rstrip(raw), 'utf-8')
    values = np.asarray(hdu.data.field(name))
    return values.astype(values.dtype.newbyteorder('='), copy=False)


def _free_name(name, otherwise, taken):
    """A name that all readers accept and that differs from others by more than its case."""
    if not _PLAIN_NAME.fullmatch(name) or name.lower() in taken:
        name = otherwise
    while name.lower() in taken:
        name = f'{name}_'
    taken.add(name.lower())
    return name


def _mask_of(hdu, name, values, mask):
    if isinstance(mask, str):
        return column_values(hdu, mask).astype(bool)
    return are_null(values, hdu.columns[name].null)


def _dimensions(edges):
    return f'({",".join(map(str, edges))})'


def _add_comments(header, table, names):
    """What lets astropy join the columns of coordinates and times, in its own form."""
    bare = QTable()
    for name in table.colnames:
        column = table[name][:0]
        if not isinstance(column, (BaseColumn, Quantity)) and _is_stored(name, names):
            bare[name] = column
    if not len(bare.columns):
        return
    lines = [_MARKS[0]]
    for line in describe(bare).split('\n'):
        while len(line) > _LINE:
            lines.append(line[:_LINE] + '\\')
            line = line[_LINE:]
        lines.append(line)
    for line in [*lines, _MARKS[1]]:
        header.add_comment(line)


def _is_stored(name, names):
    """Whether the parts of a column have their own names in the file."""
    return any(stored == name or stored.startswith(f'{name}.') for stored in names)
