"""`PlainHdf5`: arrays from an HDF5 file as Keras writes it, read without the HDF5 library."""

import numpy as np

from astro_wgan.exceptions import KerasFileError

__all__ = ['PlainHdf5']

#: Including the version of the superblock.
_SIGNATURE = b'\x89HDF\r\n\x1a\n\0'
#: Bytes of an address or length.
_ADDRESS = 8
_UNDEFINED = 2**64 - 1

#: Positions in the superblock of version 0 of the sizes and of the address of the root group.
_SIZES, _ROOT = slice(13, 15), 64

#: Types of header messages; others do not matter.
_SPACE, _TYPE, _EXTERNAL, _LAYOUT, _FILTERS, _CONTINUED, _GROUP = 1, 3, 7, 8, 11, 16, 17
#: Flag of a message that is stored elsewhere and shared.
_SHARED = 2

_CONTIGUOUS = 1

#: Little-endian IEEE 754 numbers, by their description in the file.
_FLOATS = {
    bytes.fromhex('11201f00 04000000 00002000 17080017 7f000000'): np.dtype('<f4'),
    bytes.fromhex('11203f00 08000000 00004000 340b0034 ff030000'): np.dtype('<f8'),
}

#: Limit of the number of addresses followed, far more than files of this package need.
_MAX_STEPS = 100_000

_MAX_NAME = 200
#: Bytes of an entry of a symbol table.
_SYMBOL = 40


class PlainHdf5:
    """
    Groups of arrays in an HDF5 file.

    Parameters
    ----------
    content : bytes
        Content of the file.

    Raises
    ------
    KerasFileError
        If it is not such a file.

    Notes
    -----
    Supported are groups with symbol tables, and contiguous arrays of 4- or 8-byte floating-point
    numbers. Soft and external links, and external, virtual and compressed arrays are refused. Each
    address is checked, and at most 100,000 are followed. In the HDF5 library, which supports much
    more, a damaged file can cause an endless loop.
    """

    def __init__(self, content):
        self._content = content
        if content[: len(_SIGNATURE)] != _SIGNATURE:
            raise KerasFileError('it is not an HDF5 file of version 0')
        if content[_SIZES] != bytes([_ADDRESS, _ADDRESS]):
            raise KerasFileError(f'its addresses do not have {_ADDRESS} bytes')
        self._groups, self._steps = {}, 0
        self._root = self._number(_ROOT)

    def array(self, path):
        """
        An array of the file.

        Parameters
        ----------
        path : str
            Names of groups and of the array, with a slash between them.

        Returns
        -------
        `~numpy.ndarray`
            Read-only.

        Raises
        ------
        KerasFileError
            If it is damaged, or not a supported array.
        KeyError
            If it does not exist.
        """
        address = self._root
        for name in path.split('/'):
            address = self._members(address)[name]
        return self._array(path, self._messages(address))

    def names(self, path):
        """
        Names of the members of a group.

        Parameters
        ----------
        path : str
            Names of groups, with a slash between them.

        Returns
        -------
        tuple of str

        Raises
        ------
        KerasFileError
            If it is damaged, or not a group.
        KeyError
            If it does not exist.
        """
        address = self._root
        for name in path.split('/'):
            address = self._members(address)[name]
        return tuple(self._members(address))

    def _members(self, address):
        """Addresses of the members of the group at an address, by name."""
        if address not in self._groups:
            message = self._messages(address).get(_GROUP)
            if message is None or len(message) < 2 * _ADDRESS:
                raise KerasFileError('a group in it is missing')
            tree, heap = (
                int.from_bytes(message[k : k + _ADDRESS], 'little') for k in (0, _ADDRESS)
            )
            self._groups[address] = self._listed(tree, self._heap(heap))
        return self._groups[address]

    def _listed(self, tree, heap):
        members, waiting = {}, [tree]
        while waiting:
            address = waiting.pop()
            used = self._steps_to(self._number(address + 6, 2))
            if self._part(address, 4) == b'SNOD':
                members.update(self._symbols(address, used, heap))
            elif self._part(address, 5) == b'TREE\0':
                first = address + 8 + 3 * _ADDRESS
                waiting.extend(self._number(first + 2 * _ADDRESS * k) for k in range(used))
            else:
                raise KerasFileError('a list of names in it is damaged')
        return members

    def _symbols(self, address, count, heap):
        for k in range(count):
            entry = address + 8 + _SYMBOL * k
            name, target, kind = (
                self._number(entry),
                self._number(entry + _ADDRESS),
                self._number(entry + 2 * _ADDRESS, 4),
            )
            if kind not in (0, 1):
                raise KerasFileError('it has a link to another place')
            text = heap[name : name + _MAX_NAME].split(b'\0')[0]
            yield text.decode('ascii', 'replace'), target

    def _heap(self, address):
        if self._part(address, 5) != b'HEAP\0':
            raise KerasFileError('the names in it are damaged')
        return self._part(self._number(address + 8 + 2 * _ADDRESS), self._number(address + 8))

    def _messages(self, address):
        """Header messages of an object, by type."""
        if self._number(address, 1) != 1:
            raise KerasFileError('an object in it is of another version')
        blocks, found = [(address + 16, self._number(address + 8, 4))], {}
        for start, length in blocks:
            place, end = start, start + length
            while place + 8 <= end:
                self._steps_to(1)
                kind, size = self._number(place, 2), self._number(place + 2, 2)
                if self._number(place + 4, 1) & _SHARED:
                    raise KerasFileError('an object in it is described elsewhere')
                if kind == _CONTINUED:
                    blocks.append(tuple(self._number(place + 8 + k) for k in (0, _ADDRESS)))
                else:
                    found[kind] = self._part(place + 8, size)
                place += 8 + size
        return found

    def _array(self, path, messages):
        if _EXTERNAL in messages or _FILTERS in messages:
            raise KerasFileError(f'{path} in it is compressed, or in another file')
        try:
            space, kind, layout = (messages[k] for k in (_SPACE, _TYPE, _LAYOUT))
        except KeyError as error:
            raise KerasFileError(f'{path} in it is not an array') from error
        dtype = _FLOATS.get(kind[:20])
        if dtype is None:
            raise KerasFileError(f'{path} in it does not hold floating-point numbers')
        if space[:1] != b'\1' or len(space) < 8 + _ADDRESS * space[1]:
            raise KerasFileError(f'the shape of {path} in it is damaged')
        shape = np.frombuffer(space, '<u8', count=space[1], offset=8).tolist()
        if layout[:2] != bytes([3, _CONTIGUOUS]) or len(layout) < 2 + 2 * _ADDRESS:
            raise KerasFileError(f'{path} in it is virtual, or not contiguous')
        address, length = (
            int.from_bytes(layout[k : k + _ADDRESS], 'little') for k in (2, 2 + _ADDRESS)
        )
        count = 1
        for edge in shape:
            count *= edge
        if count * dtype.itemsize != length or (length and address == _UNDEFINED):
            raise KerasFileError(
                f'{path} in it has the shape {tuple(shape)} of {dtype}, but {length} bytes'
            )
        return np.frombuffer(self._part(address, length), dtype).reshape(shape)

    def _steps_to(self, count):
        self._steps += count
        if self._steps > _MAX_STEPS:
            raise KerasFileError('it has too many objects, or an endless list')
        return count

    def _number(self, address, width=_ADDRESS):
        return int.from_bytes(self._part(address, width), 'little')

    def _part(self, address, length):
        part = self._content[address : address + length]
        if len(part) < length:
            raise KerasFileError(
                f'it ends at {len(self._content)} bytes, but refers to an address {address}'
            )
        return part
