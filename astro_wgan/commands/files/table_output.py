"""Tables that commands write: whether they can be written, before work starts, and how."""

import warnings
from pathlib import Path

from astro_wgan.commands.files.input_paths import check_place

__all__ = [
    'add_table_output',
    'check_file_output',
    'check_table_output',
    'fit_for_file',
    'state_file',
    'write_table',
]


def add_table_output(add, *, required=True):
    """
    Add the option ``--output``.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    required : bool, optional
        Whether it must be given.
    """
    add(
        '--output',
        required=required,
        is_kept=False,
        metavar='FILE',
        help='table to write, by its name .ecsv, .fits, .vot, .parquet or .csv, which has neither '
        'units nor columns of arrays; one that exists is replaced',
    )


def check_table_output(path, *, inputs=(), option='--output'):
    """
    Refuse what no table can be written to.

    Parameters
    ----------
    path : str or None
        None, if none is to be written.
    inputs : sequence of str or None, optional
        Files that are read, or written, too, and must not be replaced.
    option : str, optional
        Name of the option, for errors.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the name is that of no format, of an input, or of a folder.
    """
    from astro_wgan.catalogs.result_files.table_writing import TABLE_ENDINGS, check_table_path

    if path is None:
        return
    if not path.lower().endswith(tuple(TABLE_ENDINGS)):
        raise ValueError(
            f'`{option}` must be a table by the ending of its name, {", ".join(TABLE_ENDINGS)}; '
            f'got {path!r}.'
        )
    check_file_output(path, inputs=inputs, option=option)
    check_table_path(path, overwrite=True)


def check_file_output(path, *, inputs=(), option='--output'):
    """
    Refuse what no file can be written to.

    Parameters
    ----------
    path : str or None
        None, if none is to be written.
    inputs : sequence of str or None, optional
        Files that are read, or written, too, and must not be replaced.
    option : str, optional
        Name of the option, for errors.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    PermissionError
        If the folder cannot be written.
    ValueError
        If the name is that of an input or of a folder.
    """
    if path is None:
        return
    if Path(path).is_dir():
        raise ValueError(f'`{option}` must be a file; {path} is a folder.')
    check_place(path, inputs, option=option)


def state_file(path):
    """
    The file beside a table that keeps what is done until the table is complete.

    Parameters
    ----------
    path : str

    Returns
    -------
    `~pathlib.Path`
    """
    path = Path(path)
    return path.with_name(f'{path.name}.unfinished.npz')


def fit_for_file(table, path):
    """
    What of a table a file can hold: CSV has no columns of arrays, such as latent codes.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    path : str
        The file, by whose name its format is known.

    Returns
    -------
    `~astropy.table.QTable`
        The same, or without these columns, which a warning names.
    """
    # Not at the top, which the list of commands would wait for.
    from astropy.utils.exceptions import AstropyUserWarning

    arrays = [name for name in table.colnames if len(table[name].shape) > 1]
    if not arrays or not str(path).lower().endswith('.csv'):
        return table
    warnings.warn(
        f'A CSV file holds one value in a row of a column: {path} has no {", ".join(arrays)}.',
        AstropyUserWarning,
        stacklevel=2,
    )
    return table[[name for name in table.colnames if name not in arrays]]


def write_table(table, path, *, record):
    """
    Write a table, or replace one, in one step.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    path : str
    record : dict
        ``options.record`` of the command, which becomes part of its metadata.
    """
    from astro_wgan.catalogs.result_files import table_writing

    table = fit_for_file(table, path).copy(copy_data=False)
    table.meta['command'] = record
    table_writing.write_table(table, path, overwrite=True)
