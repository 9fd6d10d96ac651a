"""In which files rows are, and files with more rows beside those that they will replace."""

from itertools import pairwise

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.atomic import errors_name_file
from astro_wgan.files.temporary_names import temporary_path
from astro_wgan.store.arrays.chunk_files import Part, read_chunks, write_chunks

__all__ = ['file_name', 'file_parts', 'write_rows']


def file_name(layout, number):
    """Name of a file of an array."""
    return '.'.join(['c', str(number), *['0'] * len(layout.shape)])


def file_parts(rows, begin, layout):
    """
    In which files rows of an array are.

    Parameters
    ----------
    rows : `~numpy.ndarray` of int
        In increasing order.
    begin : int
        Place among them of the first that is in a file.
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`

    Yields
    ------
    number : int
        Of a file.
    parts : list of `~astro_wgan.store.arrays.chunk_files.Part`
        Rows in it.
    """
    if begin == len(rows):
        return
    chunks = rows[begin:] // layout.chunk
    edges = [begin, *(np.flatnonzero(np.diff(chunks)) + begin + 1).tolist(), len(rows)]
    per_file = layout.file_rows // layout.chunk
    last, parts = None, []
    for first, end in pairwise(edges):
        chunk = int(rows[first]) // layout.chunk
        inner = rows[first:end] - chunk * layout.chunk
        if inner[-1] - inner[0] == len(inner) - 1:
            inner = slice(int(inner[0]), int(inner[-1]) + 1)
        file = chunk // per_file
        if file != last and parts:
            yield last, parts
            parts = []
        last = file
        parts.append(Part(chunk - file * per_file, inner, slice(first, end)))
    yield last, parts


def write_rows(folder, array, rows, *, head, written, check_size):
    """
    Write the files in which new rows of an array will be, under temporary names.

    Parameters
    ----------
    folder : `~pathlib.Path`
        That of the array.
    array : `~astro_wgan.store.arrays.array_state.ArrayState`
    rows : `~numpy.ndarray`
        New ones.
    head : `~numpy.ndarray`
        The rows that are in the last chunk so far, unless it is full.
    written : list
        Pairs of temporary and later path are added to it, each before it is written.
    check_size : callable
        As in `~astro_wgan.store.arrays.chunk_files.read_chunks`.

    Returns
    -------
    list of int
        The checksums of the chunks that are new, from that with the first of the new rows on.

    Raises
    ------
    OSError
        If a file cannot be written, which it names.
    StampStoreError
        If what is in the last file already is damaged.
    """
    layout, start = array.layout, array.length
    length = start + len(rows)
    chunk, per_file = layout.chunk, layout.file_rows // layout.chunk
    checksums = []
    for number in range(start // layout.file_rows, -(-length // layout.file_rows)):
        begin, end = number * per_file, min((number + 1) * per_file, -(-length // chunk))
        lowest = max(begin, layout.base)
        changed = max(start // chunk, lowest)
        path = folder / file_name(layout, number)
        temporary = temporary_path(path)
        written.append((temporary, path))
        with errors_name_file(path):
            checksums += write_chunks(
                temporary,
                layout,
                missing=lowest - begin,
                kept=_kept(path, array, range(lowest, changed), begin, check_size),
                blocks=(_block(layout, k * chunk, start, head, rows) for k in range(changed, end)),
            )
    return checksums


def _kept(path, array, chunks, begin, check_size):
    """The bytes of full chunks that are in a file already."""
    if not chunks:
        return
    places = [k - begin for k in chunks]
    found = read_chunks(path, array.layout, places, check_size=check_size)
    try:
        for k, (content, checked) in zip(chunks, found, strict=True):
            if checked not in array.known(k):
                raise ValueError('it is that of another place, another time or another store')
            yield content
    except (OSError, ValueError) as error:
        raise StampStoreError(f'The file {path} of a store is damaged: {error}.') from error


def _block(layout, begin, start, head, rows):
    """The rows of a chunk that begins at a row of the array; its end may be empty."""
    last = start + len(rows)
    first_new = max(begin, start)
    new = rows[first_new - start : min(begin + layout.chunk, last) - start]
    if len(new) == layout.chunk:
        return new
    block = layout.filled(layout.chunk)
    if begin < start:
        block[: start - begin] = head
    block[first_new - begin :][: len(new)] = new
    return block
