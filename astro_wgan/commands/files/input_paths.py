"""What a command reads, and whether a place is one for what it writes."""

import os
from glob import glob
from pathlib import Path

__all__ = ['check_place', 'input_paths']

#: Tables in the folder of a hunt or a survey.
_TABLES = ('scores.ecsv', 'ranking.parquet')


def input_paths(options):
    """
    The files that a command reads, as far as its options name them.

    Parameters
    ----------
    options : argparse.Namespace
        As of `~astro_wgan.commands.options.command_options.final_options`, with ``command``.

    Returns
    -------
    list of str
        Files that patterns stand for, and tables in folders of results, included.
    """
    found = []
    for name, option in options.command.options.items():
        value = getattr(options, name, None) if option.is_path else None
        for path in value if isinstance(value, list | tuple) else [value]:
            if isinstance(path, str | Path):
                found += [str(path), *glob(str(path), recursive=True)]
                found += [str(Path(path) / table) for table in _TABLES]
    return found


def check_place(path, inputs, *, option='--output'):
    """
    Refuse an output without a folder, or in place of something that a command reads or writes.

    Parameters
    ----------
    path : str
        The output.
    inputs : iterable of str or None
        The others.
    option : str, optional
        Name of the option, for errors.

    Raises
    ------
    FileNotFoundError
        If there is no folder to write it into.
    PermissionError
        If that cannot be written.
    ValueError
        If it is one of the others.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f'There is no folder {folder} for `{option}`.')
    if not os.access(folder, os.W_OK):
        raise PermissionError(f'The folder {folder} of `{option}` cannot be written.')
    target = Path(path).resolve()
    for each in inputs:
        if each is not None and target == Path(each).resolve():
            raise ValueError(f'`{option}` must be another file than {each}; got {str(path)!r}.')
