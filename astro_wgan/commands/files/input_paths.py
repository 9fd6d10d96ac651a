"""`input_paths` and `check_no_input`: outputs must not replace what a command reads."""

from glob import glob
from pathlib import Path

__all__ = ['check_no_input', 'input_paths']

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


def check_no_input(path, inputs, *, option='--output'):
    """
    Refuse an output that would replace something else that a command reads or writes.

    Parameters
    ----------
    path : str or None
        The output; None if there is none.
    inputs : iterable of str or None
        The others.
    option : str, optional
        Name of the option, for errors.

    Raises
    ------
    ValueError
        If it is one of them.
    """
    if path is None:
        return
    target = Path(path).resolve()
    for each in inputs:
        if each is not None and target == Path(each).resolve():
            raise ValueError(f'`{option}` must be another file than {each}; got {str(path)!r}.')
