"""Layout of arrays in a store, and their metadata in zarr format 3."""

import json
from dataclasses import dataclass

import numpy as np

__all__ = ['COMPRESSIONS', 'LARGEST_CHUNK', 'ArrayLayout', 'array_document', 'layout_of']

#: Compression of arrays of numbers, by Blosc with its byte shuffle.
COMPRESSIONS = ('lz4', 'zstd', None)

#: Maximum number of bytes in a chunk, the smallest unit that is read; a text counts as 512.
LARGEST_CHUNK = 2**30
_TEXT_BYTES = 2**9

#: Maximum number of chunks in a file, since the offsets of all are read with any of them.
_MOST_CHUNKS = 2**20

_NUMBERS = ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64')
_NUMBERS += ('float16', 'float32', 'float64', 'complex64', 'complex128')
_TEXT = 'string'
_DTYPES = {**{name: np.dtype(name) for name in _NUMBERS}, _TEXT: np.dtype(str)}

_CHECKSUM = {'name': 'crc32c'}


@dataclass(frozen=True)
class ArrayLayout:
    """
    Dtype and shape of an array, and its division into files and chunks.

    Parameters
    ----------
    dtype : `~numpy.dtype`
        Numbers, bool, or str.
    shape : tuple of int
        Shape of a row.
    chunk : int
        Number of rows in a chunk, the smallest unit that is read.
    shard : int, optional
        Number of rows in a file, a multiple of ``chunk``; by default each file has one chunk.
    compression : {'lz4', 'zstd', None}
        Compression of numbers; text is always compressed.
    first : int, optional
        Number of first rows without a file, whose values are zero, False or ''.

    Raises
    ------
    TypeError
        If the dtype cannot be stored.
    ValueError
        If a row or a chunk is empty, or a chunk is too large.
    """

    dtype: np.dtype
    shape: tuple
    chunk: int
    shard: int | None = None
    compression: str | None = 'lz4'
    first: int = 0

    def __post_init__(self):
        if _name(self.dtype) not in _DTYPES:
            raise TypeError(f'A store supports numbers, booleans and text; got {self.dtype}.')
        if min((self.chunk, *self.shape)) < 1 or self.first < 0:
            raise ValueError(f'Rows of shape {self.shape} in chunks of {self.chunk} are empty.')
        if self.shard is not None and (self.shard < 1 or self.shard % self.chunk):
            raise ValueError(
                f'The number of rows in a file, {self.shard}, must be a multiple of {self.chunk}.'
            )
        if self.file_rows // self.chunk > _MOST_CHUNKS:
            raise ValueError(
                f'A file may have at most {_MOST_CHUNKS:,} chunks; got '
                f'{self.file_rows // self.chunk:,}.'
            )
        if self.is_text and self.shard is not None:
            raise ValueError('Files of text must have one chunk.')
        size = self.chunk_bytes * (_TEXT_BYTES // 8 if self.is_text else 1)
        if size > LARGEST_CHUNK:
            raise ValueError(
                f'A chunk of {self.chunk} rows would have {size:,} bytes; at most '
                f'{LARGEST_CHUNK:,} are allowed.'
            )

    @property
    def is_text(self):
        """Whether it is an array of text."""
        return self.dtype.kind == 'U'

    @property
    def file_rows(self):
        """Number of rows in a file."""
        return self.chunk if self.shard is None else self.shard

    @property
    def row_bytes(self):
        """Bytes of a row in memory; for text, those of the references to it."""
        size = 8 if self.is_text else self.dtype.itemsize
        for edge in self.shape:  # integers of Python do not overflow
            size *= edge
        return size

    @property
    def chunk_bytes(self):
        """Bytes of a chunk in memory."""
        return self.chunk * self.row_bytes

    @property
    def base(self):
        """Index of the first chunk that is in a file."""
        return self.first // self.chunk

    def filled(self, rows):
        """An array of ``rows`` rows of fill values."""
        if self.is_text:
            return np.full((rows, *self.shape), '', dtype=object)
        # Missing pixels must not be mistaken for data.
        fill = np.nan if self.dtype.kind in 'fc' else 0
        return np.full((rows, *self.shape), fill, dtype=self.dtype)


def array_document(layout, length):
    """
    The metadata of an array in zarr format 3, as in ``zarr.json``.

    Parameters
    ----------
    layout : `ArrayLayout`
    length : int
        Number of rows.

    Returns
    -------
    dict
    """
    if layout.is_text:
        codecs = [
            {'name': 'vlen-utf8', 'configuration': {}},
            {'name': 'zstd', 'configuration': {'level': 1, 'checksum': False}},
            _CHECKSUM,
        ]
        fill = ''
    else:
        codecs = [_bytes_codec(layout.dtype), *_blosc_codec(layout), _CHECKSUM]
        fill = {'f': 'NaN', 'c': ['NaN', 0.0], 'b': False}.get(layout.dtype.kind, 0)
    if layout.shard is not None:
        codecs = [_sharding_codec(layout, codecs)]
    return {
        'shape': [length, *layout.shape],
        'data_type': _name(layout.dtype),
        'chunk_grid': {
            'name': 'regular',
            'configuration': {'chunk_shape': [layout.file_rows, *layout.shape]},
        },
        # All files are in one folder, so that a single listing is sufficient.
        'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '.'}},
        'fill_value': fill,
        'codecs': codecs,
        'attributes': {'first': layout.first},
        'zarr_format': 3,
        'node_type': 'array',
        'storage_transformers': [],
    }


def layout_of(document):
    """
    The layout and the number of rows of an array, from metadata made by `array_document`.

    Parameters
    ----------
    document : object
        Content of ``zarr.json``.

    Returns
    -------
    layout : `ArrayLayout`
    length : int

    Raises
    ------
    ValueError
        If `array_document` would not make the same metadata: other codecs, data types and options
        of zarr are not supported.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.store.arrays.zarr_format import ArrayLayout, array_document, layout_of
    >>> layout = ArrayLayout(np.dtype('float32'), (8, 8), chunk=4, shard=16)
    >>> layout_of(array_document(layout, 30)) == (layout, 30)
    True
    """
    try:
        length, *shape = document['shape']
        file_rows = document['chunk_grid']['configuration']['chunk_shape'][0]
        codecs, chunk = document['codecs'], file_rows
        sharding = codecs[0] if codecs[0]['name'] == 'sharding_indexed' else None
        if sharding is not None:
            codecs = sharding['configuration']['codecs']
            chunk = sharding['configuration']['chunk_shape'][0]
        first = document['attributes']['first']
        numbers = (length, *shape, file_rows, chunk, first)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError('its shape is not of integers')
        layout = ArrayLayout(
            _DTYPES[document['data_type']],
            tuple(shape),
            chunk=chunk,
            shard=None if sharding is None else file_rows,
            compression=_compression(codecs),
            first=first,
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError('it is not an array in zarr format 3 as in a store') from error
    if _text(array_document(layout, length)) != _text(document):
        raise ValueError('it has codecs or options that are not supported in a store')
    return layout, length


def _text(document):
    # Compared as text, since 1 == 1.0 == True.
    return json.dumps(document, sort_keys=True)


def _name(dtype):
    return _TEXT if dtype.kind == 'U' else dtype.name


def _bytes_codec(dtype):
    if dtype.itemsize == 1:
        return {'name': 'bytes'}
    return {'name': 'bytes', 'configuration': {'endian': 'little'}}


def _blosc_codec(layout):
    if layout.compression is None:
        return []
    configuration = {'typesize': layout.dtype.itemsize, 'cname': layout.compression, 'clevel': 1}
    configuration |= {'shuffle': 'shuffle', 'blocksize': 0}
    return [{'name': 'blosc', 'configuration': configuration}]


def _sharding_codec(layout, codecs):
    configuration = {
        'chunk_shape': [layout.chunk, *layout.shape],
        'codecs': codecs,
        'index_codecs': [_bytes_codec(np.dtype('u8')), _CHECKSUM],
        'index_location': 'end',
    }
    return {'name': 'sharding_indexed', 'configuration': configuration}


def _compression(codecs):
    """Compression of numbers; the default for text, which has no choice."""
    names = [codec['name'] for codec in codecs]
    if names[0] == 'vlen-utf8':
        return 'lz4'
    if 'blosc' not in names:
        return None
    found = codecs[names.index('blosc')]['configuration']['cname']
    if found not in COMPRESSIONS:
        raise ValueError(f'it is compressed with {found!r}')
    return found
