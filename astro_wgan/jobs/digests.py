"""Digests of arrays and table columns, independent of byte order and memory layout."""

import hashlib
import json

import numpy as np
from astropy.table import Table
from astropy.table.serialize import represent_mixins_as_columns

__all__ = ['ArrayDigest', 'digest', 'digest_columns', 'is_digest']

_PREFIX = 'sha256:'

#: Serialized attributes of a column that do not affect its values.
_HOW_SHOWN = ('__class__', 'format', 'in_subfmt', 'out_subfmt', 'precision')

#: Numbers that are copied at a time. Changing this changes the digests of large arrays.
_BLOCK = 2**20


class ArrayDigest:
    """
    A digest of several arrays, added one after another.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.jobs.digests import ArrayDigest
    >>> one, other = ArrayDigest(), ArrayDigest()
    >>> one.update(np.arange(3.0))
    >>> other.update(np.arange(3, dtype='>f4'))
    >>> one.text == other.text
    True
    """

    def __init__(self):
        self._hash = hashlib.sha256()

    def update(self, values):
        """Add an array."""
        for block in _blocks(values):
            for kind, content in _plain_parts(block):
                self._hash.update(f'{kind} {len(content)} '.encode())
                self._hash.update(content)

    @property
    def text(self):
        """The digest of all arrays so far, as text."""
        return _PREFIX + self._hash.hexdigest()[:32]


def digest(*arrays):
    """
    A digest of arrays that depends on their shapes and values only.

    Byte order, memory layout and precision do not matter, unless a value needs the precision. All
    NaNs are equal, and -0 equals 0.

    Parameters
    ----------
    *arrays : array_like
        Numbers, booleans, text or dates, optionally masked. Units are ignored.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.jobs import digest
    >>> digest(np.eye(3)) == digest(np.eye(3, dtype='>f4'))
    True
    >>> digest(np.eye(3)) == digest(2 * np.eye(3))
    False
    """
    whole = ArrayDigest()
    for array in arrays:
        whole.update(np.array(np.shape(array), dtype=np.int64))
        whole.update(array)
    return whole.text


def digest_columns(table):
    """
    A digest of each column of a table, with its unit.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Mixin columns (quantities, coordinates, times) are split as in a file: ``sky`` becomes
        ``sky.ra`` and ``sky.dec``, and ``sky`` describes the frame.

    Returns
    -------
    dict of str
        Digests by column name.
    """
    plain = represent_mixins_as_columns(Table(table, copy=False))
    digests = {
        name: digest(np.asanyarray(column), np.array(str(column.unit or '')))
        for name, column in plain.columns.items()
    }
    for name, parts in plain.meta.get('__serialized_columns__', {}).items():
        # Such as the frame and equinox of coordinates, and the scale of times.
        about = {
            key: str(value)
            for key, value in sorted(parts.items())
            if not isinstance(value, dict) and key not in _HOW_SHOWN
        }
        if about:
            digests[name] = digest(np.array([digests.get(name, ''), json.dumps(about)]))
    return digests


def is_digest(value):
    """Whether a value is a digest made by `digest`."""
    return isinstance(value, str) and value.startswith(_PREFIX)


def _blocks(values):
    """Split an array into blocks small enough to copy. The block size depends on its shape only."""
    size = np.size(values)
    if size <= _BLOCK:
        yield values
        return
    rows = max(1, _BLOCK * len(values) // size)
    for first in range(0, len(values), rows):
        yield values[first : first + rows]


def _plain_parts(values):
    """Yield kind and bytes of each part of an array: mask, field names, values."""
    mask = _mask_of(values)
    if mask is not None:
        values = np.asarray(getattr(values, 'unmasked', getattr(values, 'data', values)))
        if mask.any():
            yield 'mask', np.packbits(mask).tobytes()
            # Masked values are arbitrary.
            values = np.where(mask, np.zeros((), dtype=values.dtype), values)
    values = np.asarray(values)
    if values.dtype.names:
        for name in values.dtype.names:
            yield 'name', name.encode()
            yield from _plain_parts(values[name])
        return
    yield _plain(values)


def _mask_of(values):
    """The mask of an array, True where masked, or None if it has none."""
    if np.ma.isMaskedArray(values):
        return np.ma.getmaskarray(values)
    mask = getattr(values, 'mask', None)
    return None if mask is None else np.broadcast_to(mask, np.shape(values))


def _plain(values):
    kind = values.dtype.kind
    if kind == 'f':
        return _plain_floats(values)
    if kind == 'c':
        return _plain_floats(np.stack([values.real, values.imag]))
    if kind in 'bi' or (kind == 'u' and values.dtype.itemsize < 8):
        return 'whole', np.ascontiguousarray(values, dtype='<i8')
    if kind == 'u':
        fits = not values.size or values.max() <= np.iinfo(np.int64).max
        return ('whole' if fits else 'u8'), np.ascontiguousarray(values, dtype='<u8')
    if kind in 'mM':
        return values.dtype.str[1:], np.ascontiguousarray(values.astype('<i8'))
    if kind == 'S':
        values = np.char.decode(values, 'utf-8', 'replace')
    # As JSON, so that the width of fixed-width text does not matter.
    return 'text', json.dumps(values.tolist(), default=str).encode()


def _plain_floats(values):
    """Values as float32 if that is lossless, otherwise as float64."""
    wide = values.dtype.itemsize > 4
    # Adding 0 turns -0 into 0 and makes a copy in native byte order.
    values = np.ascontiguousarray(values, dtype=float if wide else np.float32) + np.float32(0)
    missing = np.isnan(values)
    if missing.any():
        values[missing] = np.nan
    if wide:
        with np.errstate(over='ignore'):
            narrow = values.astype(np.float32)
        if ((narrow == values) | missing).all():
            values = narrow
    little = values.astype(values.dtype.newbyteorder('<'), copy=False)
    return little.dtype.str[1:], little
