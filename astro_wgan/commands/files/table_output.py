"""Tables that commands write: whether they can be written, before work starts, and how."""

import os
from pathlib import Path

__all__ = [
    'add_table_output',
    'check_file_output',
    'check_table_output',
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
        help='table to write, by its name .ecsv, .fits, .vot, .parquet or .csv; one that exists is '
        'replaced',
    )


def check_table_output(path, *, inputs=(), option='--output'):
    """
    Refuse what no table can be written to.

    Parameters
    ----------
    path : str or None
        None, if none is to be written.
    inputs : sequence of str, optional
        Files that are read, and must not be replaced.
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
    inputs : sequence of str, optional
        Files that are read, and must not be replaced.
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
    target = Path(path).absolute()
    if target.is_dir():
        raise ValueError(f'`{option}` must be a file; {path} is a folder.')
    if not target.parent.is_dir():
        raise FileNotFoundError(f'There is no folder {target.parent} for `{option}`.')
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f'The folder {target.parent} of `{option}` cannot be written.')
    if any(target.resolve() == Path(each).resolve() for each in inputs):
        raise ValueError(f'`{option}` must be another file than the input; got {path!r}.')


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

    table = table.copy(copy_data=False)
    table.meta['command'] = record
    table_writing.write_table(table, path, overwrite=True)
