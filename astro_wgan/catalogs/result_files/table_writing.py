"""`write_table`: any table of results as ECSV, FITS, VOTable, Parquet or CSV."""

import os

import numpy as np
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable

from astro_wgan.catalogs.parquet.arrow_writing import arrow_from_table
from astro_wgan.catalogs.parquet.hats_writing import write_parquet
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.result_files.fits_tables import table_hdus
from astro_wgan.catalogs.result_files.votables import votable_bytes
from astro_wgan.catalogs.table_codec import encode
from astro_wgan.catalogs.table_meta import plain_meta
from astro_wgan.files.atomic import atomic_write
from astro_wgan.optional import import_optional
from astro_wgan.remote.output_paths import output_path

__all__ = ['TABLE_ENDINGS', 'check_table_path', 'write_table']

#: Formats of tables by the endings of names, in lower case.
TABLE_ENDINGS = {
    '.ecsv': 'ecsv',
    '.fits': 'fits',
    '.fit': 'fits',
    '.fits.gz': 'fits',
    '.fit.gz': 'fits',
    '.vot': 'votable',
    '.votable': 'votable',
    '.xml': 'votable',
    '.parquet': 'parquet',
    '.parq': 'parquet',
    '.pq': 'parquet',
    '.csv': 'csv',
}


def write_table(table, path, *, overwrite=False):
    """
    Write a table, in the format that the name of the file says.

    Parameters
    ----------
    table : table
        Any object with named columns: scores, photometry, morphology, labels, comparisons.
    path : path-like
        It ends in .ecsv, .fits, .fits.gz, .vot (or .votable, .xml), .parquet (.pq) or .csv.
    overwrite : bool, optional
        Whether a file is replaced.

    Returns
    -------
    `~pathlib.Path`

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that may not be replaced.
    ImportError
        If pyarrow is needed and not installed.
    TypeError
        If a column has other values than numbers, truth values, text, times or coordinates.
    ValueError
        If the name has another ending, or the format cannot hold the arrays in rows of a column.

    Warns
    -----
    astropy.utils.exceptions.AstropyUserWarning
        If a value of ``meta`` is written as text.

    See Also
    --------
    read_table : Reads all of them.

    Notes
    -----
    All but CSV keep units, masks, columns of coordinates and times, descriptions and ``meta``:
    :doc:`/reference/saved_files` says what each of them does not, and what other programs read.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astropy import units as u
    >>> from astropy.table import QTable
    >>> from astro_wgan.catalogs import read_table, write_table
    >>> scores = QTable({'id': [7, 8], 'flux': [1.5, 2.0] * u.nJy}, meta={'seed': 3})
    >>> path = write_table(scores, mkdtemp() + '/scores.vot')
    >>> read_table(path)['flux'], read_table(path).meta
    (<Quantity [1.5, 2. ] nJy>, {'seed': 3})
    """
    path, form = check_table_path(path, overwrite=overwrite)
    table = as_qtable(table)
    table.meta = plain_meta(table.meta)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Before a file is begun, since most errors are those of columns.
    write = _WRITERS[form](table)
    with atomic_write(path) as temporary:
        write(temporary)
    return path


def check_table_path(path, *, overwrite=False):
    """
    Whether a table can be written to a path, before the work that makes it.

    Parameters
    ----------
    path, overwrite
        As in `write_table`, which documents the errors.

    Returns
    -------
    path : `~pathlib.Path`
    form : str
        One of the values of `TABLE_ENDINGS`.
    """
    path = output_path(path, 'path')
    name = path.name.lower()
    form = next((form for end, form in TABLE_ENDINGS.items() if name.endswith(end)), None)
    if form is None:
        raise ValueError(
            f'The name of a table must end in one of {", ".join(TABLE_ENDINGS)}; got {path.name!r}.'
        )
    if form == 'parquet':
        import_optional('pyarrow', purpose='Tables in Parquet need')
    if os.path.lexists(path):
        if not path.is_file():
            raise FileExistsError(f'{path} exists and is no file: choose another path.')
        if not overwrite:
            raise FileExistsError(
                f'{path} exists: choose another path, or set `overwrite` to True.'
            )
    return path, form


def _as_ecsv(table):
    for name in table.colnames:
        column = table[name]
        if not isinstance(column, Column) or column.dtype.kind not in 'SU':
            continue
        valid = ~np.ma.getmaskarray(column)
        if (np.asarray(column)[valid] == column.dtype.type()).any():
            # An empty text in ECSV is a masked one, unless a column says which are.
            table[name] = MaskedColumn(column)
            table[name].info.serialize_method['ecsv'] = 'data_mask'
    return lambda path: table.write(path, format='ascii.ecsv')


def _as_fits(table):
    hdus = table_hdus(table, 'TABLE')
    return lambda path: fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def _as_votable(table):
    content = votable_bytes(table)
    return lambda path: path.write_bytes(content)


def _as_parquet(table):
    arrow = arrow_from_table(table)
    return lambda path: write_parquet(arrow, path)


def _as_csv(table):
    values, masks = encode(table)
    several = [name for name, array in values.items() if array.ndim > 1]
    if several:
        raise ValueError(
            f'A CSV file holds one value in a row of a column; {several[0]!r} has arrays of '
            f'{values[several[0]].shape[1:]}: use ECSV, FITS, VOTable or Parquet.'
        )
    plain = QTable(values, masked=bool(masks))
    for name, mask in masks.items():
        plain[name].mask = mask
    return lambda path: plain.write(path, format='ascii.csv')


_WRITERS = {
    'ecsv': _as_ecsv,
    'fits': _as_fits,
    'votable': _as_votable,
    'parquet': _as_parquet,
    'csv': _as_csv,
}
