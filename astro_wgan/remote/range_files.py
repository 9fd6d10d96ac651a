"""`RangeFile`: a file of which blocks are read when they are needed, and kept for some time."""

import io
from collections import OrderedDict
from threading import Lock

from astro_wgan.exceptions import RemoteFileError
from astro_wgan.remote.retries import OtherRangeError, ShortAnswerError

__all__ = ['NoRangesError', 'RangeFile', 'fetch_ranges', 'range_file_of', 'write_ranges']

#: Bytes of one request at most: what is lost if the connection is cut.
_LARGEST = 2**22

#: Bytes that are read ahead at most, if a file is read in order.
_AHEAD = 2**24

#: Bytes of blocks that are kept, of all files together.
_KEPT = 2**26


class NoRangesError(RemoteFileError):
    """A server sent the whole file instead of the bytes that were asked for."""


class RangeFile(io.RawIOBase):
    """
    A file of which blocks are read when they are needed.

    Blocks are kept for as long as there is room, also after the file is closed, since the same
    file is opened several times: to find its planes, its shape, and the stamps in it.

    Parameters
    ----------
    fetch : callable
        Returns the bytes of a list of ranges ``(start, stop)``.
    size : int
        Bytes of the file.
    key : hashable
        Files of the same key have the same content.
    block_size : int
        Bytes of a block.
    """

    def __init__(self, fetch, size, *, key, block_size):
        self._fetch, self.size, self.block_size = fetch, size, block_size
        self._key = (key, block_size)
        self._at = 0
        # The block after the last that was read, and how many are read with the next.
        self._next, self._ahead = None, 1

    def readable(self):
        """True."""
        return True

    def seekable(self):
        """True."""
        return True

    def tell(self):
        """The place of the next byte that is read."""
        return self._at

    def seek(self, offset, whence=io.SEEK_SET):
        """Go to a place, as in any file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError(f'There is no byte {start + offset} in a file.')
        self._at = start + offset
        return self._at

    def readall(self):
        """All from here to the end."""
        return self.read(max(0, self.size - self._at))

    def readinto(self, buffer):
        """Fill a buffer, unless the file ends before."""
        view = memoryview(buffer).cast('B')
        n = max(0, min(len(view), self.size - self._at))
        done = 0
        while done < n:
            # As much as is kept in any case.
            part = min(n - done, _AHEAD)
            self._copy(self._at, view[done : done + part])
            self._at += part
            done += part
        return n

    def prefetch(self, ranges):
        """
        Read the blocks of several ranges at once, unless they are more than are kept.

        Parameters
        ----------
        ranges : list of tuple of int
            First byte of each, and the one after its last.
        """
        wanted = {
            number
            for start, stop in ranges
            for number in self._numbers(max(0, start), min(stop, self.size))
        }
        if len(wanted) * self.block_size <= _KEPT // 2:
            self._read_blocks(sorted(wanted))

    def _numbers(self, start, stop):
        return range(start // self.block_size, -(-stop // self.block_size))

    def _copy(self, start, view):
        numbers = self._numbers(start, start + len(view))
        blocks = self._read_blocks(numbers, is_in_order=numbers[0] == self._next)
        for number in numbers:
            first = number * self.block_size
            low, high = max(start, first), min(start + len(view), first + self.block_size)
            if low < high:
                view[low - start : high - start] = blocks[number][low - first : high - first]
        self._next = numbers[-1] + (1 if (start + len(view)) % self.block_size == 0 else 0)

    def _read_blocks(self, numbers, *, is_in_order=None):
        """Blocks by number, of which those that are not kept are read."""
        found = {number: _BLOCKS.get((self._key, number)) for number in numbers}
        missing = [number for number, block in found.items() if block is None]
        if not missing:
            return found
        if is_in_order is not None:
            missing += self._read_ahead(missing[-1], is_in_order)
        requests = _runs(missing, max(1, _LARGEST // self.block_size))
        size = self.block_size
        ranges = [(first * size, min(stop * size, self.size)) for first, stop in requests]
        for (first, stop), content in zip(requests, self._fetch(ranges), strict=True):
            for k, number in enumerate(range(first, stop)):
                # Copied, so that a block that is kept does not keep the others.
                found[number] = bytes(memoryview(content)[k * size : (k + 1) * size])
                _BLOCKS.put((self._key, number), found[number])
        return found

    def _read_ahead(self, last, is_in_order):
        """Blocks after the last one, more and more as long as a file is read in order."""
        self._ahead = min(2 * self._ahead, _AHEAD // self.block_size) if is_in_order else 1
        end = -(-self.size // self.block_size)
        return [
            number
            for number in range(last + 1, min(last + self._ahead, end))
            if _BLOCKS.get((self._key, number)) is None
        ]


def fetch_ranges(filesystem, path, size, retries):
    """
    A function that reads ranges of a file, several at once and with repetitions.

    Parameters
    ----------
    filesystem : `fsspec.AbstractFileSystem`
    path : str
        The file in it.
    size : int or None
        Its bytes.
    retries : `~astro_wgan.remote.retries.Retries`

    Returns
    -------
    callable
        Of a list of ranges ``(start, stop)``, which returns a list of bytes. It raises
        NoRangesError if the server sends the whole file for a part of it.
    """

    def run(ranges):
        starts, stops = zip(*ranges, strict=True)
        try:
            contents = filesystem.cat_ranges(
                [path] * len(ranges), list(starts), list(stops), on_error='return'
            )
        except Exception as error:  # every package has its own
            return [error] * len(ranges)
        return [judged(*pair) for pair in zip(contents, ranges, strict=True)]

    def judged(content, wanted):
        """The bytes, or what is wrong with them."""
        start, stop = wanted
        if isinstance(content, Exception) or len(content) == stop - start:
            return content
        if len(content) == size:
            raise NoRangesError(
                f'{retries.where} cannot be read: the server sent all of it instead of a part.'
            )
        return ShortAnswerError() if len(content) < stop - start else OtherRangeError()

    def fetch(ranges):
        return retries.all(ranges, run)

    return fetch


def write_ranges(fetch, size, target):
    """
    Write all ranges of a file at a path.

    Parameters
    ----------
    fetch : callable
        As from `fetch_ranges`.
    size : int
        Bytes of the file.
    target : path-like
    """
    with open(target, 'wb') as file:
        for start in range(0, size, _AHEAD):
            stop = min(start + _AHEAD, size)
            starts = range(start, stop, _LARGEST)
            file.writelines(fetch([(first, min(first + _LARGEST, stop)) for first in starts]))


def range_file_of(hdu):
    """The `RangeFile` of an HDU, or None if its file is another one."""
    place = hdu.fileinfo() if hasattr(hdu, 'fileinfo') else None
    file = None if place is None else getattr(place['file'], '_file', None)
    return file if isinstance(file, RangeFile) else None


def _runs(numbers, longest):
    """First and last + 1 of consecutive numbers, of which a run has no more than so many."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] and number - runs[-1][0] < longest:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


class _Blocks:
    """Blocks of all files, of which those that were used least recently are forgotten."""

    def __init__(self):
        self._blocks, self._bytes, self._lock = OrderedDict(), 0, Lock()

    def get(self, key):
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key, block):
        with self._lock:
            former = self._blocks.pop(key, b'')
            self._blocks[key] = block
            self._bytes += len(block) - len(former)
            while self._bytes > _KEPT and len(self._blocks) > 1:
                self._bytes -= len(self._blocks.popitem(last=False)[1])


_BLOCKS = _Blocks()
