"""The file of `--config`, which repeats a command: reading and writing it."""

from pathlib import Path

from astro_wgan.files.configurations.toml_text import read_toml, toml_text
from astro_wgan.version import __version__

__all__ = ['read_record', 'record_text', 'start_record', 'write_record']

#: Version of the files, which also names what they are.
_FORMAT = 'astro_wgan command'
_VERSION = 1

#: Key of the metadata of tables.
_META = 'command'


def start_record(command):
    """
    The first entries of a file: its format, the version of the package, and the command.

    Parameters
    ----------
    command : str
        Its name.

    Returns
    -------
    dict
    """
    return {'format': f'{_FORMAT} {_VERSION}', 'astro_wgan': __version__, 'command': command}


def record_text(record):
    """
    The content of a file.

    Parameters
    ----------
    record : dict
        ``options.record`` of a command.

    Returns
    -------
    str
    """
    name = record['command']
    head = f'# Repeat: astro-wgan {name} --config FILE, and further options, which win over these.'
    return f'{head}\n{toml_text(record)}'


def write_record(record, folder):
    """
    Write the file of a command into the folder of its results.

    Parameters
    ----------
    record : dict
        ``options.record`` of the command.
    folder : path-like
        Is made if it does not exist.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    # Not at the top, which each command would wait for.
    from astro_wgan.files.atomic import atomic_write, errors_name_file

    path = Path(folder) / f'{record["command"]}.toml'
    with errors_name_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(record_text(record), encoding='utf-8')
    return path


def read_record(path, command):
    """
    The options in a file, in the results in a folder, or in a table.

    Parameters
    ----------
    path : path-like
        A file of TOML; a folder that has one of the name of the command; a file of stamps that has
        one beside it; or a table with it in its metadata.
    command : str
        Name of the command.

    Returns
    -------
    source : str
        What errors call it.
    record : dict
        Options and tables of configurations.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is broken, of another command, or of a newer version.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'There is no {path} for `--config`.')
    if path.is_dir():
        path = _file_in(path, command)
    elif path.with_name(f'{path.name}.toml').is_file():
        # Stamps in a FITS file have it beside them.
        path = path.with_name(f'{path.name}.toml')
    is_toml = path.suffix.lower() == '.toml'
    record = read_toml(path) if is_toml else _of_table(path)
    if record is None:
        # Whoever writes such a file may call it what they like.
        record = read_toml(path)
    record = dict(record)
    _check_format(record.pop('format', None), path)
    record.pop('astro_wgan', None)
    other = record.pop('command', command)
    if other != command:
        raise ValueError(
            f'The file {path} of `--config` is for `astro-wgan {other}`, not for `{command}`.'
        )
    return str(path), record


def _check_format(found, path):
    # A file that someone has written by hand needs none.
    if found is None:
        return
    name, _, version = str(found).rpartition(' ')
    if name != _FORMAT or not version.isdigit():
        raise ValueError(f'`format` in {path} must be {_FORMAT!r} and a number; got {found!r:.60}.')
    if int(version) > _VERSION:
        raise ValueError(
            f'The file {path} of `--config` has the format {found!r:.60}, and this version of '
            f'astro_wgan reads those up to {_VERSION}: install a newer one.'
        )


def _file_in(folder, command):
    path = folder / f'{command}.toml'
    if path.is_file():
        return path
    others = ', '.join(sorted(each.name for each in folder.glob('*.toml')))
    held = f'it holds {others}' if others else 'it holds no file of TOML'
    raise FileNotFoundError(f'The folder {folder} of `--config` has no {path.name}: {held}.')


def _of_table(path):
    """What the metadata of a table say; None if it is no table by its name."""
    if path.suffix.lower() not in ('.ecsv', '.fits', '.fit', '.parquet', '.vot', '.xml'):
        return None
    from astro_wgan.catalogs.table_files import read_table

    record = read_table(path).meta.get(_META)
    if not isinstance(record, dict):
        raise ValueError(f'The metadata of the table {path} of `--config` name no command.')
    return record
