"""Files of a folder or a pattern, and the row of a table for each of them."""

import os
from collections import Counter, defaultdict
from glob import glob, has_magic
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.images.layouts.siblings import COMPRESSED
from astro_wgan.remote.remote_files import as_remote_files
from astro_wgan.remote.remote_path import path_of
from astro_wgan.remote.uri_patterns import has_pattern, matching_uris
from astro_wgan.remote.uris import is_uri, local_path, shown

__all__ = ['list_files', 'table_of_files']

#: Ends of the names of files in a folder that are read, in lower case.
_IMAGES = ('.fits', '.fit', '.fts', '.jpg', '.jpeg', '.png', '.tif', '.tiff')

#: Columns that hold names of files, in lower case.
_NAMES = ('file', 'filename', 'file_name', 'path', 'image', 'image_name', 'cutout')


def list_files(paths, remote=None):
    """
    Files in a folder, of a pattern, or of a list.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        As in `~astro_wgan.StampSet.from_files`.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are listed, whose patterns have ``*``.

    Returns
    -------
    list of `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`

    Raises
    ------
    ValueError
        If there is none.
    TypeError
        If they are no paths.
    """
    if not isinstance(paths, (str, os.PathLike)):
        try:
            files = [path_of(path) for path in paths]
        except TypeError as error:
            raise TypeError(
                f'`paths` must be a folder, a pattern or a list of paths; got {paths!r:.100}.'
            ) from error
        if not files:
            raise ValueError('`paths` must hold at least one file; got none.')
        return files
    if has_pattern(os.fspath(paths)):
        files = [path_of(uri) for uri in matching_uris(os.fspath(paths), as_remote_files(remote))]
        if not files:
            raise ValueError(f'`paths`: no file matches {shown(paths)}.')
        return files
    if is_uri(paths) and local_path(os.fspath(paths)) is None:
        return [_one_file(paths)]
    # Also of a `file://` URI.
    text = os.fspath(path_of(paths))
    path = Path(text)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _stem(file.name) is not None)
        if not files:
            raise ValueError(f'`paths`: the folder {path} holds no {", ".join(_IMAGES)} files.')
    elif has_magic(text) and not path.exists():
        files = sorted(Path(name) for name in glob(text, recursive=True))
        files = [file for file in files if file.is_file()]
        if not files:
            raise ValueError(f'`paths`: no file matches {text}.')
    else:
        files = [path]
    return files


def _one_file(uri):
    """The file at a URI, which must not be a folder."""
    path = path_of(uri)
    if str(path).endswith('/'):
        raise ValueError(
            f'`paths`: {path} must be the URI of a file, a list of such, or a pattern with `*`.'
        )
    return path


def table_of_files(files, table=None):
    """
    A row for each file, with the columns ``id`` and ``file``.

    Parameters
    ----------
    files : list of `~pathlib.Path`
    table : `~astropy.table.Table` or path-like, optional
        As in `~astro_wgan.StampSet.from_files`, which also documents the errors.

    Returns
    -------
    `~astropy.table.QTable`
    """
    stems = [_stem(file.name) or file.stem for file in files]
    if table is None:
        table = QTable({'id': stems})
    else:
        table = read_table(table) if isinstance(table, (str, os.PathLike)) else as_qtable(table)
        table = _matched(table, files, stems)
        if 'id' not in table.colnames:
            table.add_column(stems, name='id', index=0)
    _check_unique(table['id'], files)
    table['file'] = [str(file) for file in files]
    return table


def _matched(table, files, stems):
    """The row of each file: by a column of names, by ids, or in the same order."""
    by_lower = {name.lower(): name for name in reversed(table.colnames)}
    column = next((by_lower[name] for name in _NAMES if name in by_lower), None)
    has_names = column is not None
    if not has_names:
        column = _column_of_stems(table, stems) or ('id' if 'id' in table.colnames else None)
    rows = [None] * len(files) if column is None else _rows_of(table, column, files, stems)
    missing = [file for file, row in zip(files, rows, strict=True) if row is None]
    if not missing:
        twice = [row for row, count in Counter(rows).items() if count > 1]
        if twice:
            first, second, *_ = (f for f, row in zip(files, rows, strict=True) if row == twice[0])
            raise ValueError(
                f'A row of `table` must be that of one file; {column} {table[column][twice[0]]!s} '
                f'is that of {first} and of {second}.'
            )
        return table[rows]
    # Ids may be others than the names of files; names of files that fit none are a mistake.
    if len(missing) == len(files) == len(table) and not has_names:
        return table.copy()
    if has_names or len(missing) < len(files):
        raise ValueError(
            f'`table` must have a row for each file; {len(missing)} have none in its column '
            f'{column!r}, the first is {missing[0]}.'
        )
    raise ValueError(
        f'`table` must have a row for each of the {len(files)} files: in a column of their names '
        f'({", ".join(_NAMES)}), as id, or in their order; got {len(table)} rows with the columns '
        f'{", ".join(table.colnames)}.'
    )


def _column_of_stems(table, stems):
    """The first column with the names of all files, such as ``objid``; None if there is none."""
    wanted = set(stems)
    for name in table.colnames:
        column = table[name]
        is_text_or_numbers = getattr(getattr(column, 'dtype', None), 'kind', '') in {*'iuUSO'}
        if not is_text_or_numbers or column.ndim != 1:
            continue
        if wanted <= {str(value) for value in np.asarray(column).tolist()}:
            return name
    return None


def _rows_of(table, column, files, stems):
    """The row of each file by the names in a column; None for a file without one."""
    values = table[column]
    # Names such as 0017 become numbers in text tables.
    are_numbers = np.asarray(values).dtype.kind in 'iu'
    rows_of = defaultdict(list)
    names = [None if value is np.ma.masked else _as_path(value) for value in values]
    for row, name in enumerate(names):
        if name is not None:
            rows_of[_stem(name.name) or name.name].append(row)
    keys = [str(int(stem)) if are_numbers and stem.isdecimal() else stem for stem in stems]
    is_shared = {key for key, count in Counter(keys).items() if count > 1}
    found = []
    for file, stem, key in zip(files, stems, keys, strict=True):
        rows = rows_of.get(key, [])
        if rows and (len(rows) > 1 or key in is_shared):
            # Folders and suffixes tell files of the same name from each other.
            common = [_common_end(names[row], file, stem) for row in rows]
            rows = [row for row, n in zip(rows, common, strict=True) if n == max(common)]
        if len(rows) > 1:
            raise ValueError(f'Two rows of `table` have the {column} {str(names[rows[0]])!r}.')
        found.append(rows[0] if rows else None)
    return found


def _as_path(value):
    text = value.decode() if isinstance(value, bytes) else str(value)
    return Path(text.strip())


def _common_end(name, file, stem):
    """Number of parts in which a name, which may lack the suffix, and a path end; 0 if not."""
    count = min(len(name.parts), len(file.parts))
    folders, within = (path.parts[-count:-1] for path in (name, file))
    return count if name.name in (file.name, stem) and folders == within else 0


def _stem(name):
    """Name of an image file without its ends; None for other files, and for hidden ones."""
    lower = name.lower()
    for end in map(str.lower, COMPRESSED):
        if lower.endswith(end):
            lower = lower[: -len(end)]
    for end in _IMAGES:
        if lower.endswith(end) and not name.startswith('.'):
            return name[: len(lower) - len(end)]
    return None


def _check_unique(ids, files):
    first = {}
    for value, file in zip(np.asarray(ids).tolist(), files, strict=True):
        if value in first:
            raise ValueError(
                f'Each file must have an id of its own; got {value!r} of {first[value]} and of '
                f'{file}. Give a `table` with a column `id`.'
            )
        first[value] = file
