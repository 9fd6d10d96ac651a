"""`read_table`: tables from ECSV, other text, FITS, VOTable and Parquet files."""

import io
import re
from itertools import takewhile
from pathlib import Path

from astropy.io import fits
from astropy.io.ascii import InconsistentTableError
from astropy.table import QTable

from astro_wgan.catalogs.parquet.arrow_tables import (
    list_columns,
    table_from_arrow,
    usable_columns,
    with_equal_lists,
)
from astro_wgan.catalogs.result_files.fits_tables import DESCRIPTION, table_from_hdus
from astro_wgan.catalogs.result_files.votables import is_votable, table_from_votable
from astro_wgan.exceptions import RemoteFileError
from astro_wgan.files.limits import check_file, check_size, check_unit_text, largest_size
from astro_wgan.files.yaml_text import load_yaml
from astro_wgan.fits.compressed_tiles import guarded_decoders
from astro_wgan.fits.fits_files import checked_fits
from astro_wgan.fits.hdu_tables import table_of_hdu
from astro_wgan.optional import import_optional
from astro_wgan.remote.remote_path import path_of

__all__ = ['read_table']

#: Memory for parsing a text table, relative to its size.
_TEXT_IN_MEMORY = 30

#: Memory for a Parquet file, relative to the size of its columns.
_PARQUET_IN_MEMORY = 3

_ECSV = '# %ECSV'
_PARQUET = b'PAR1'

#: A line of the header of SExtractor, such as ``#   1 NUMBER  Running object number  [unit]``.
_OF_SEXTRACTOR = re.compile(r'#\s*\d+\s+[A-Z]\w*\s')


def read_table(path, *, max_size=None, remote=None):
    """
    Read a table from a file.

    Parameters
    ----------
    path : path-like
        ECSV, text with columns separated by commas or blanks and a header line, which may be a
        comment, a catalog of SExtractor (ASCII_HEAD), VOTable, FITS or Parquet. Of VOTable and
        FITS, the first table is read; of Parquet, lists of one length become arrays, and columns
        with others are left out. The format is recognized by the content. It may be a URI.
    max_size : number, optional
        Maximum number of bytes of memory; see `~astro_wgan.files.limits.largest_size`.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How a file at a URI is read.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a table, damaged, or larger than allowed.
    RemoteFileError
        If a URI cannot be read.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.catalogs.table_files import read_table
    >>> read_table(datasets.model_path('simulated_f160w') / 'history.ecsv').colnames[0]
    'iteration'
    """
    path = path_of(path, remote)
    where = str(path)
    if isinstance(path, Path):
        check_file(path)
    with path.open('rb') as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        begin = file.read(512)
        file.seek(0)
        try:
            if begin.startswith((b'SIMPLE', b'\x1f\x8b')):
                return _from_fits(file, where, max_size)
            if begin.startswith(_PARQUET):
                return _from_parquet(file, where, max_size)
            if b'\0' in begin:
                raise ValueError('it is neither text nor FITS, VOTable or Parquet')
            check_size(_TEXT_IN_MEMORY * size, where, max_size=max_size)
            if is_votable(begin):
                return table_from_votable(file.read(size), where)
            return _from_text(file.read(size).decode('utf-8-sig'))
        except RemoteFileError:
            raise
        except Exception as error:  # readers of tables raise various errors
            raise ValueError(f'{where} contains no table that can be read: {error}') from error


def _from_fits(file, where, max_size):
    file, largest_tile = checked_fits(file, where, max_size=max_size)
    limit = largest_size(max_size)
    with guarded_decoders(largest_tile), fits.open(file, memmap=False) as hdulist:
        for number, hdu in enumerate(hdulist):
            if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
                check_size(2 * hdu.size, where, max_size=limit)
                after = hdulist[number + 1] if number + 1 < len(hdulist) else None
                if after is not None and after.name == DESCRIPTION:
                    return table_from_hdus(hdu, after, where)
                for text in hdu.columns.units:
                    check_unit_text(text)
                return table_of_hdu(hdu, QTable)
    raise ValueError('it has no table')


def _from_parquet(file, where, max_size):
    import_optional('pyarrow', purpose='Tables in Parquet need')
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        groups = (opened.metadata.row_group(k) for k in range(opened.num_row_groups))
        check_size(
            _PARQUET_IN_MEMORY * sum(g.total_byte_size for g in groups), where, max_size=max_size
        )
        schema = opened.schema_arrow
        names = {*usable_columns(schema), *list_columns(schema)}
        arrow = opened.read(columns=[name for name in schema.names if name in names])
        return table_from_arrow(with_equal_lists(arrow))


def _from_text(text):
    lines = text.splitlines()
    if text.startswith(_ECSV):
        # Validate the header, since astropy would construct any object in it.
        head = takewhile(lambda line: line.startswith('#'), lines)
        load_yaml('\n'.join(line[2:] for line in head if not line.startswith(_ECSV)))
        return QTable.read(lines, format='ascii.ecsv')
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise ValueError('it is empty')
    comments = list(takewhile(lambda line: line.startswith('#'), lines))
    first = next(iter(lines[len(comments) :]), '')
    if comments and _OF_SEXTRACTOR.match(comments[0]):
        for unit in re.findall(r'\[([^\[\]]*)\]', '\n'.join(comments)):
            check_unit_text(unit)
        return QTable.read(lines, format='ascii.sextractor')
    if comments and _are_numbers(first):
        # The names of the columns are in the last comment.
        lines = [comments[-1].lstrip('# '), *lines[len(comments) :]]
    try:
        return QTable.read(lines, format='ascii.csv' if ',' in first else 'ascii.basic')
    except InconsistentTableError as error:
        if 'Unable to guess' not in str(error):
            raise
        # The message is a page of all that astropy has tried.
        raise ValueError('its lines are not those of a table in CSV, ECSV or plain text') from error


def _are_numbers(line):
    """Whether a line holds nothing but numbers, as no header does."""
    try:
        return bool([float(word) for word in line.replace(',', ' ').split()])
    except ValueError:
        return False
