"""`pack_arrays`: arrays of numbers and lists of texts as the bytes of one answer."""

import json

import numpy as np

__all__ = ['pack_arrays']

#: Types of numbers that a browser can view without copying.
_TYPES = ('uint8', 'uint32', 'float32', 'float64')

#: Arrays begin at multiples of this many bytes, as a view of float64 needs.
_ALIGNMENT = 8


def pack_arrays(arrays, **about):
    """
    Arrays and lists of texts as bytes, with a header that says where each of them is.

    Parameters
    ----------
    arrays : dict
        Arrays of uint8, uint32, float32 or float64 by name, of any shape, or lists of texts (None
        for a missing one).
    **about
        Plain values for the header.

    Returns
    -------
    bytes
        The length of the header in bytes (uint32), the header (JSON, UTF-8, filled with spaces),
        and the arrays, each beginning at a multiple of 8 bytes, little-endian. The header is
        ``about`` with ``arrays``: a list of ``name``, ``type`` (one of those above, or ``'json'``
        for texts), ``offset`` in bytes from the end of the header, and ``length`` in bytes.

    Raises
    ------
    TypeError
        If an array is of another type.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.browsing.binary_arrays import pack_arrays
    >>> packed = pack_arrays({'rows': np.array([3, 1], dtype=np.uint32)}, total=2)
    >>> np.frombuffer(packed[-8:], '<u4').tolist()
    [3, 1]
    """
    parts = {name: _bytes_of(name, values) for name, values in arrays.items()}
    entries, offset = [], 0
    for name, (kind, content) in parts.items():
        entries.append({'name': name, 'type': kind, 'offset': offset, 'length': len(content)})
        offset += _padded(len(content))
    header = json.dumps({**about, 'arrays': entries}, allow_nan=False, separators=(',', ':'))
    header = header.encode()
    size = _padded(4 + len(header)) - 4
    body = [np.uint32(size).astype('<u4').tobytes(), header.ljust(size)]
    body += [content.ljust(_padded(len(content)), b'\0') for _, content in parts.values()]
    return b''.join(body)


def _bytes_of(name, values):
    if isinstance(values, list):
        text = json.dumps(values, ensure_ascii=False, separators=(',', ':'))
        return 'json', text.encode('utf-8', 'replace')
    if values.dtype.name not in _TYPES:
        raise TypeError(f'The array {name!r} must be one of {_TYPES}; got {values.dtype}.')
    return values.dtype.name, values.astype(values.dtype.newbyteorder('<')).tobytes()


def _padded(length):
    return -(-length // _ALIGNMENT) * _ALIGNMENT
