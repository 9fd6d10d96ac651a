"""`table_from_arrow`: columns of Parquet files as tables with units."""

from contextlib import suppress

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.table_codec import column_names, decode
from astro_wgan.files.limits import check_unit_text

__all__ = [
    'ASTROPY',
    'list_columns',
    'names_in_file',
    'table_from_arrow',
    'usable_columns',
    'with_equal_lists',
]

#: Key of the metadata of a schema in which astropy describes the columns of a table.
ASTROPY = b'table_meta_yaml'

#: Keys of the metadata of a column that have its unit, and its description.
_UNIT = b'unit', b'units'
_DESCRIPTION = b'description', b'doc'


def usable_columns(schema):
    """
    Names of the columns of a schema that can be columns of a table.

    Parameters
    ----------
    schema : `pyarrow.Schema`

    Returns
    -------
    list of str
        Without lists of any length, records and maps, such as light curves.
    """
    return [column.name for column in schema if _is_usable(column.type)]


def list_columns(schema):
    """
    Names of the columns of a schema with lists of numbers whose length the schema does not say.

    Parameters
    ----------
    schema : `pyarrow.Schema`

    Returns
    -------
    list of str
        Such as embeddings, as pandas writes them, and light curves.
    """
    from pyarrow import types

    return [
        column.name
        for column in schema
        if (types.is_list(column.type) or types.is_large_list(column.type))
        and (types.is_floating(column.type.value_type) or types.is_integer(column.type.value_type))
    ]


def with_equal_lists(arrow):
    """
    Columns in memory, of whose lists those of one length are arrays and the others are left out.

    Parameters
    ----------
    arrow : `pyarrow.Table`

    Returns
    -------
    `pyarrow.Table`
    """
    import pyarrow as pa
    import pyarrow.compute

    for name in list_columns(arrow.schema):
        number = arrow.schema.get_field_index(name)
        lengths = pyarrow.compute.list_value_length(arrow[name])
        limits = pyarrow.compute.min_max(lengths).as_py()
        if arrow[name].null_count or limits['min'] != limits['max'] or not limits['min']:
            arrow = arrow.remove_column(number)
            continue
        field = arrow.schema.field(name)
        kind = pa.list_(field.type.value_type, limits['min'])
        arrow = arrow.set_column(number, field.with_type(kind), arrow[name].cast(kind))
    return arrow


def names_in_file(schema, wanted):
    """
    Names of the columns of a file that hold columns of a table.

    Parameters
    ----------
    schema : `pyarrow.Schema`
    wanted : sequence of str
        Columns of the table.

    Returns
    -------
    list of str
        Several for a column of SkyCoord or Time that astropy wrote.
    """
    description = _description(schema)
    chosen = {name for column in wanted for name in _parts(column, description)}
    return [name for name in schema.names if name in chosen]


def table_from_arrow(arrow):
    """
    A table of columns in memory.

    Parameters
    ----------
    arrow : `pyarrow.Table`

    Returns
    -------
    `~astropy.table.QTable`
        Missing values are masked. Units and descriptions are those of the metadata, and columns of
        SkyCoord and Time what they were when astropy wrote them.
    """
    columns, masks = {}, {}
    for name in arrow.column_names:
        columns[name], mask = _values(arrow[name])
        if mask is not None:
            masks[name] = mask
    description = _description(arrow.schema)
    if description is not None:
        return decode(description, columns, masks)
    table = Table()
    for name, values in columns.items():
        about = arrow.schema.field(name).metadata or {}
        unit, text = (_text(about, keys) for keys in (_UNIT, _DESCRIPTION))
        check_unit_text(unit or '')
        options = {'unit': unit, 'description': text}
        if name in masks:
            table[name] = MaskedColumn(values, mask=masks[name], **options)
        else:
            table[name] = Column(values, **options)
    return as_qtable(table)


def _description(schema):
    """The description by astropy, if it has all columns of the schema."""
    text = (schema.metadata or {}).get(ASTROPY)
    if text is None:
        return None
    try:
        text = text.decode('utf-8')
        described = column_names(text)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'its description by astropy is damaged: {error}') from error
    return text if {*schema.names} <= {*described} else None


def _text(about, keys):
    found = next((about[key] for key in keys if about.get(key)), b'')
    return found.decode('utf-8', 'replace').strip() or None


def _parts(column, description):
    """Columns of a file that hold a column of a table, or the one of that name."""
    if description is not None:
        with suppress(KeyError):
            return column_names(description, [column])
    return [column]


def _is_usable(kind):
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_fixed_size_list(kind):
        return types.is_floating(kind.value_type) or types.is_integer(kind.value_type)
    is_column = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    is_column |= types.is_decimal(kind) or types.is_timestamp(kind) or types.is_date(kind)
    return is_column or types.is_null(kind) or _is_text(kind)


def _is_text(kind):
    from pyarrow import types

    return any(
        is_kind(kind)
        for is_kind in (
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_binary,
            types.is_large_binary,
            types.is_binary_view,
            types.is_fixed_size_binary,
        )
    )


def _values(chunks):
    """An array, and a mask of missing values or None."""
    import pyarrow as pa

    kind = chunks.type
    if pa.types.is_dictionary(kind):
        chunks, kind = chunks.cast(kind.value_type), kind.value_type
    mask = np.array(chunks.is_null()) if chunks.null_count else None
    if pa.types.is_null(kind):
        return np.full(len(chunks), np.nan), mask
    if pa.types.is_fixed_size_list(kind):
        return _rows_of_lists(chunks, mask)
    if _is_text(kind):
        texts = [b'' if text is None else text for text in chunks.to_pylist()]
        texts = [text.decode('utf-8', 'replace') if type(text) is bytes else text for text in texts]
        return np.array(texts, dtype=str), mask
    if pa.types.is_decimal(kind):
        chunks, kind = chunks.cast(pa.float64()), pa.float64()
    if mask is not None and not pa.types.is_temporal(kind):
        chunks = chunks.fill_null(_blank(kind))
    # A copy, since an array of Arrow is read-only.
    return np.array(chunks.to_numpy()), mask


def _blank(kind):
    from pyarrow import types

    return False if types.is_boolean(kind) else np.nan if types.is_floating(kind) else 0


def _rows_of_lists(chunks, mask):
    n, size = len(chunks), chunks.type.list_size
    kind = chunks.type.value_type
    dtype = kind.to_pandas_dtype()
    # Without the lists that are missing as a whole.
    parts = [chunk.flatten() for chunk in chunks.chunks]
    missing = [np.asarray(part.is_null()) for part in parts]
    parts = [np.asarray(part.fill_null(_blank(kind)), dtype=dtype) for part in parts]
    flat = np.concatenate([*parts, np.zeros(0, dtype)])
    flat_mask = np.concatenate([*missing, np.zeros(0, bool)])
    if mask is None:
        return flat.reshape(n, size), flat_mask.reshape(n, size) if flat_mask.any() else None
    values, masks = np.zeros((n, size), dtype), np.ones((n, size), dtype=bool)
    values[~mask], masks[~mask] = flat.reshape(-1, size), flat_mask.reshape(-1, size)
    return values, masks
