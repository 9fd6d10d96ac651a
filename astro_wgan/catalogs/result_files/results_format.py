"""Registration of results with astropy: ``QTable.read`` of folders and ``format='astro_wgan'``."""

import os
from importlib import import_module
from pathlib import Path

from astropy.io import registry
from astropy.table import Table

__all__ = ['FORMAT']

#: Name of the format in the registry.
FORMAT = 'astro_wgan'

#: Modules that read and write, which are imported when they are needed: folders of surveys are read
#: by what needs tables.
_READING = 'astro_wgan.surveying.results_table'
_WRITING = 'astro_wgan.catalogs.result_files.table_writing'

#: Files by which folders with results are known.
_RESULTS = ('scores.ecsv', 'survey.json')


def _read(path, **options):
    """
    Read the ranked table of a hunt or a survey, or any table that this package writes.

    Parameters
    ----------
    path : path-like
        The folder of a hunt or a survey, or a file in ECSV, FITS, VOTable, Parquet or CSV.
    max_size : number, optional
        Maximum number of bytes of memory for a file.

    Returns
    -------
    `~astropy.table.QTable`
    """
    return import_module(_READING).results_table(path, **options)


def _write(table, path, *, overwrite=False):
    """
    Write a table, in the format that the name of the file says.

    Parameters
    ----------
    table : `~astropy.table.Table`
    path : path-like
        It ends in .ecsv, .fits, .vot, .parquet or .csv.
    overwrite : bool, optional
        Whether a file is replaced.
    """
    import_module(_WRITING).write_table(table, path, overwrite=overwrite)


def _is_folder_of_results(origin, path, file, *args, **options):
    if origin != 'read' or not args or not isinstance(args[0], str | os.PathLike):
        return False
    return any((Path(args[0]) / name).is_file() for name in _RESULTS)


registry.register_reader(FORMAT, Table, _read)
registry.register_writer(FORMAT, Table, _write)
registry.register_identifier(FORMAT, Table, _is_folder_of_results)
