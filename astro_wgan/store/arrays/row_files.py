"""Which files contain which rows, and writing files with appended rows."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.atomic import errors_name_file
from astro_wgan.files.temporary_names import temporary_path
from astro_wgan.store.arrays.chunk_files import Part, read_chunks, write_chunks

__all__ = ['file_name', 'file_parts', 'write_rows']

#: Number of files of an array that are written at the same time.
_THREADS = 4


def file_name(layout, number):
    """Name of a file of an array."""
    return '.'.join(['c', str(number), *['0'] * len(layout.shape)])


def file_parts(rows, begin, layout):
    """
    The files that contain rows of an array.

    Parameters
    ----------
    rows : `~numpy.ndarray` of int
        In increasing order.
    begin : int
        Index of the first of them that is in a file.
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`

    Yields
    ------
    number : int
        Number of the file.
    parts : list of `~astro_wgan.store.arrays.chunk_files.Part`
        Rows in this file.
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
    Write files with new rows of an array under temporary names.

    Parameters
    ----------
    folder : `~pathlib.Path`
        Folder of the array.
    array : `~astro_wgan.store.arrays.array_state.ArrayState`
    rows : `~numpy.ndarray`
        New rows.
    head : `~numpy.ndarray`
        The rows of the last chunk, if it is not full.
    written : list
        Pairs of temporary and final path are appended before the files are written.
    check_size : callable
        As in `~astro_wgan.store.arrays.chunk_files.read_chunks`.

    Returns
    -------
    list of int
        Checksums of the new chunks, from the one with the first new row on.

    Raises
    ------
    OSError
        If a file cannot be written; the error names it.
    StampStoreError
        If the last file is damaged.
    """
    layout, start = array.layout, array.length
    last = start + len(rows)
    chunk, per_file = layout.chunk, layout.file_rows // layout.chunk
    numbers = range(start // layout.file_rows, -(-last // layout.file_rows))
    paths = [folder / file_name(layout, number) for number in numbers]
    files = [(temporary_path(path), path) for path in paths]
    written += files

    def write(number, file):
        temporary, path = file
        begin, end = number * per_file, min((number + 1) * per_file, -(-last // chunk))
        lowest = max(begin, layout.base)
        changed = max(start // chunk, lowest)
        with errors_name_file(path):
            return write_chunks(
                temporary,
                layout,
                missing=lowest - begin,
                kept=_kept(path, array, range(lowest, changed), begin, check_size),
                blocks=(_block(layout, k * chunk, start, head, rows) for k in range(changed, end)),
            )

    if len(files) == 1:
        return write(numbers[0], files[0])
    # Each waits for the disk after it is written, while others are written.
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(chain.from_iterable(threads.map(write, numbers, files)))


def _kept(path, array, chunks, begin, check_size):
    """The bytes of full chunks of the last file."""
    if not chunks:
        return
    places = [k - begin for k in chunks]
    found = read_chunks(path, array.layout, places, check_size=check_size)
    try:
        for k, (content, checked) in zip(chunks, found, strict=True):
            if checked not in array.known(k):
                raise ValueError('its content belongs to another file, version or store')
            yield content
    except (OSError, ValueError) as error:
        raise StampStoreError(f'The file {path} of a store is damaged: {error}.') from error


def _block(layout, begin, start, head, rows):
    """The rows of a chunk that begins at a row of the array; unused rows are fill values."""
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
