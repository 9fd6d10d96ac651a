"""`arrow_from_table`: tables as columns for Parquet files, with units and provenance."""

import json

import numpy as np
from astropy.table import QTable

from astro_wgan.catalogs.parquet.arrow_tables import ASTROPY
from astro_wgan.catalogs.parquet.votable_header import votable_header
from astro_wgan.catalogs.table_codec import MIXINS, column_info, describe, encode
from astro_wgan.catalogs.table_meta import plain_meta
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['PROVENANCE', 'arrow_from_table']

#: Key of the metadata of a file for versions and date, as JSON.
PROVENANCE = b'astro_wgan.provenance'


def arrow_from_table(table):
    """
    Convert a table to columns for a Parquet file.

    Parameters
    ----------
    table : `~astropy.table.QTable`

    Returns
    -------
    `pyarrow.Table`
        Masked values are null. Units and descriptions are in the metadata of the columns, and all
        that astropy knows of the table in the metadata of the file, in its own form and as a
        VOTable document.

    Raises
    ------
    TypeError
        If a column has other values than numbers, truth values, text, times or coordinates.
    ValueError
        If a column has arrays of more than one axis, or several texts, in a row.
    """
    import pyarrow as pa

    table = QTable(table, copy=False)
    table.meta = {'provenance': provenance_record(), **plain_meta(table.meta)}
    table.meta.pop(MIXINS, None)
    columns, masks = encode(table)
    units, texts = column_info(table)
    fields, arrays = [], []
    for name, values in columns.items():
        if values.ndim > 2 or (values.ndim > 1 and values.dtype.kind == 'U'):
            raise ValueError(
                f'Column {name!r} of `table` has arrays of shape {values.shape[1:]} in its rows: a '
                'Parquet file can have numbers, texts, or lists of numbers.'
            )
        array = _array(values, masks.get(name))
        about = {}
        if name in units:
            about[b'unit'] = units[name].to_string().encode()
        if name in texts:
            about[b'description'] = texts[name].encode()
        fields.append(pa.field(name, array.type, metadata=about or None))
        arrays.append(array)
    metadata = {
        ASTROPY: describe(table).encode(),
        PROVENANCE: json.dumps(provenance_record()).encode(),
        b'IVOA.VOTable-Parquet.version': b'1.0',
        b'IVOA.VOTable-Parquet.content': votable_header(columns, units, texts),
    }
    for name, values in columns.items():
        if values.dtype.kind == 'U':
            # By which astropy knows the length of text before it reads it.
            length = max(values.dtype.itemsize // 4, 1)
            metadata[f'table::len::{name}'.encode()] = str(length).encode()
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))


def _array(values, mask):
    import pyarrow as pa

    values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder('='))
    if values.ndim == 1:
        return pa.array(values, mask=mask)
    flat = values.ravel() if mask is None else np.ma.array(values, mask=mask).ravel()
    flat = pa.array(np.ma.getdata(flat), mask=None if mask is None else flat.mask)
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
