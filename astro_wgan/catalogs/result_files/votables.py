"""`votable_bytes`: tables as VOTable documents, with what VOTable cannot say in a parameter."""

import io
import json
import re
import warnings

import numpy as np
from astropy.io import votable
from astropy.io.votable.tree import Info, Param
from astropy.table import Column, Table

from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.result_files.standard_terms import are_null, with_nulls
from astro_wgan.catalogs.table_codec import column_info, decode, describe, encode
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.header_cards import card_value

__all__ = ['is_votable', 'table_from_votable', 'votable_bytes']

#: Name of the parameter with the description of the table.
_DESCRIPTION = 'astro_wgan_table'

#: Types that VOTable does not have, and those in which they are written.
_WIDER = {'i1': 'i2', 'u2': 'i4', 'u4': 'i8', 'f2': 'f4', 'f16': 'f8', 'c32': 'c16'}

_UCDS = {
    'id': 'meta.id;meta.main',
    'ra': 'pos.eq.ra;meta.main',
    'dec': 'pos.eq.dec;meta.main',
    'sky.ra': 'pos.eq.ra;meta.main',
    'sky.dec': 'pos.eq.dec;meta.main',
}

#: Numbers by which the memory for a table is set before its rows are read.
_NUMBER = re.compile(rb'(?:nrows|arraysize)\s*=\s*["\']([^"\']*)["\']', re.IGNORECASE)

#: Bytes of memory for each byte of a document, at most.
_LARGEST_PART = 64


def is_votable(begin):
    """Whether a file with these first bytes is a VOTable document."""
    return b'<VOTABLE' in begin.lstrip().upper() and begin.lstrip()[:1] == b'<'


def votable_bytes(table):
    """
    A table as a VOTable document.

    Parameters
    ----------
    table : `~astropy.table.QTable`

    Returns
    -------
    bytes
        VOTable 1.4 with rows in XML. Masked values are NaN, empty text, or the null value of their
        column; where valid values are the same, and for truth values, a column ``NAME.mask`` says
        which are masked. Coordinates are columns such as ``sky.ra``. ``meta`` and columns of
        astropy are in the parameter ``astro_wgan_table``, as JSON; numbers and texts of ``meta``
        are also INFO.

    Raises
    ------
    TypeError
        If a column has other values than numbers, truth values, text, times or coordinates.
    ValueError
        If a column has several texts in a row.
    """
    values, masks = encode(table)
    units, texts = column_info(table)
    plain, records, nulls = Table(), [], {}
    for name, array in values.items():
        if array.dtype.kind == 'U' and array.ndim > 1:
            raise ValueError(
                f'Column {name!r} of `table` has several texts in a row: a VOTable can hold one.'
            )
        mask, is_clear = masks.get(name), True
        record = {'name': name, 'dtype': array.dtype.str[1:]}
        if mask is not None:
            array, null, is_clear = with_nulls(array, mask)
            record['mask'] = True
            if null is not None:
                nulls[name] = null
        plain[name] = Column(
            _storable(array),
            unit=getattr(units.get(name), 'function_unit', units.get(name)),
            description=texts.get(name),
        )
        if not is_clear:
            record['mask'] = f'{name}.mask'
            while record['mask'] in values or record['mask'] in plain.colnames:
                record['mask'] += '_'
            plain[record['mask']] = mask
        records.append(record)
    with warnings.catch_warnings():
        # Of units that the standard does not have.
        warnings.simplefilter('ignore')
        document = votable.from_table(plain)
        document.version = '1.4'
        element = document.get_first_table()
        for field in element.fields:
            if field.name in nulls:
                field.values.null = nulls[field.name]
            if field.name in _UCDS:
                field.ucd = _UCDS[field.name]
        text = json.dumps({'columns': records, 'yaml': describe(table)})
        for mark in '&<>':  # which astropy would escape twice
            text = text.replace(mark, f'\\u{ord(mark):04x}')
        own = Param(document, name=_DESCRIPTION, datatype='unicodeChar', arraysize='*', value=text)
        element.params.append(own)
        for key, value in table.meta.items():
            if isinstance(value, str | int | float | np.number):
                element.infos.append(Info(name=str(key), value=str(card_value(value))))
        written = io.BytesIO()
        document.to_xml(written, tabledata_format='tabledata')
    return written.getvalue()


def table_from_votable(content, where):
    """
    The first table of a VOTable document.

    Parameters
    ----------
    content : bytes
    where : str
        Name of the file, for errors.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    ValueError
        If it is no such document, is damaged, or would take much more memory than its size.
    """
    _check(content)
    with warnings.catch_warnings():
        # Of what other programs write against the standard.
        warnings.simplefilter('ignore')
        element = votable.parse(io.BytesIO(content), verify='ignore').get_first_table()
        described = next((p.value for p in element.params if p.name == _DESCRIPTION), None)
        for field in element.fields:
            check_unit_text(str(field.unit or ''))
        table = element.to_table(use_names_over_ids=True)
    if described is None:
        return as_qtable(table)
    return _described(table, element, described)


def _described(table, element, described):
    description = load_json(str(described))
    nulls = {field.name: field.values.null for field in element.fields}
    columns, masks = {}, {}
    for record in description['columns']:
        name, dtype, mask = record['name'], np.dtype(record['dtype']), record.get('mask')
        if name not in table.colnames:
            raise ValueError(f'it lacks the column {name!r}, which its description has')
        values = _plain(table[name], dtype)
        if isinstance(mask, str):
            masks[name] = np.asarray(np.ma.getdata(table[mask]), dtype=bool)
        elif mask:
            null = nulls[name]
            masks[name] = are_null(values, null) | np.ma.getmaskarray(table[name]) & (
                dtype.kind not in 'fcU'
            )
        columns[name] = values
    return decode(description['yaml'], columns, masks)


def _storable(values):
    kind = values.dtype.str[1:]
    if kind == 'u8':
        # VOTable has no such numbers.
        return values.astype(str)
    return values.astype(_WIDER.get(kind, kind), copy=False)


def _plain(column, dtype):
    values = np.ma.getdata(column)
    if dtype.kind == 'U':
        values = np.asarray(values)
        return values.astype(str) if values.dtype.kind != 'S' else np.char.decode(values, 'utf-8')
    return np.asarray(values).astype(dtype)


def _check(content):
    if b'<!ENTITY' in content.upper():
        raise ValueError('its document type declares entities')
    for found in _NUMBER.findall(content):
        product = 1
        for edge in re.findall(rb'\d+', found):
            if len(edge) > 18:
                raise ValueError(f'a number of rows or values has {len(edge)} digits')
            product *= max(int(edge), 1)
        if product > _LARGEST_PART * len(content):
            raise ValueError(
                f'it says that it has {product} rows or values in a row, and has {len(content)} '
                'bytes'
            )
