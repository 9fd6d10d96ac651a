"""The state of a store: number of valid rows of each array and checksums of their chunks."""

import base64
import json
import re
import uuid
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.atomic import atomic_write, flush_folder
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_size
from astro_wgan.store.arrays.chunk_codecs import checksum
from astro_wgan.store.arrays.chunk_files import check_folder, read_content
from astro_wgan.store.arrays.zarr_format import array_document, layout_of

__all__ = [
    'ArrayState',
    'StoreState',
    'chunk_count',
    'is_store',
    'read_layout',
    'read_state',
    'write_group',
    'write_layout',
    'write_state',
]

_FORMAT = 'astro_wgan stamps'

#: Version 1 had no checksums other than those in the chunks.
_VERSION = 2
_VERSIONS = (1, _VERSION)

#: Attribute of the root group with the state.
_KEY = 'astro_wgan'

_GROUP = {'zarr_format': 3, 'node_type': 'group'}

#: Names of arrays, which are also names of folders: neither paths nor hidden files.
_NAME = re.compile(r'(table/|table_mask/)?(?!\.)[\w.~% ()\[\]{}+=,;@&-]+', re.ASCII)

#: Memory needed to parse a JSON file, in units of its size.
_EXPANSION = 8

#: Maximum number of bytes of the description of an array.
_LONGEST_LAYOUT = 2**16


@dataclass(frozen=True, eq=False)
class ArrayState:
    """
    The valid part of an array.

    Parameters
    ----------
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`
    length : int
        Number of valid rows.
    checksums : `~numpy.ndarray` of uint32, optional
        Checksums of the chunks with these rows, from ``layout.base`` on; None in a store of
        version 1.
    pending : int, optional
        Alternative checksum of the last of these chunks, which a writer was about to replace by
        one with more rows.
    """

    layout: object
    length: int = 0
    checksums: np.ndarray | None = None
    pending: int | None = None

    def known(self, chunk):
        """Valid checksums of a chunk."""
        place = chunk - self.layout.base
        if not 0 <= place < len(self.checksums):
            return ()
        is_last = place == len(self.checksums) - 1
        return (int(self.checksums[place]), *([self.pending] if is_last else []))

    def grown(self, rows, checksums):
        """The state with new rows, given the checksums of the chunks with any of these."""
        kept = self.length // self.layout.chunk - self.layout.base
        known = np.concatenate([self.checksums[:kept], np.array(checksums, dtype=np.uint32)])
        return replace(self, length=self.length + rows, checksums=known)


@dataclass(frozen=True, eq=False)
class StoreState:
    """
    The valid part of a store.

    Parameters
    ----------
    header : dict
        Description of the store as plain values, such as JSON supports.
    arrays : dict of `ArrayState`
    identity : str, optional
        Unique identifier, which differs from that of another store at the same path.
    version : int, optional
        Version of the format.
    """

    header: dict
    arrays: dict
    identity: str = ''
    version: int = _VERSION

    @classmethod
    def new(cls, header):
        """The state of a store without arrays."""
        return cls(header, {}, identity=uuid.uuid4().hex)

    def with_arrays(self, arrays):
        """The state with other arrays, in the current format."""
        identity = self.identity or uuid.uuid4().hex
        return replace(self, arrays=arrays, identity=identity, version=_VERSION)


def is_store(path):
    """Whether a folder claims to be a store of stamps, of any version, possibly damaged."""
    try:
        document = load_json(
            read_content(path / 'zarr.json', check_size=partial(_check_json, None))
        )
        return document['attributes'][_KEY]['format'] == _FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_state(path, *, max_size=None):
    """
    Read the state of the store in a folder.

    Parameters
    ----------
    path : `~pathlib.Path`
    max_size : number, optional
        See `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    `StoreState`

    Raises
    ------
    FileNotFoundError
        If ``path`` does not exist.
    StampStoreError
        If it is not a store, is damaged, or has another version.
    """
    if not path.exists():
        raise FileNotFoundError(f'There is no store of stamps at {path}.')
    try:
        content = read_content(path / 'zarr.json', check_size=partial(_check_json, max_size))
        document = load_json(content)
        state = document['attributes'][_KEY]
        found = state['format'], state['version']
    except StampStoreError:
        raise
    except PermissionError as error:
        raise StampStoreError(
            f'The file {path / "zarr.json"} cannot be read: {error.strerror}.'
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StampStoreError(
            f'{path} is not a store of stamps, or its file zarr.json is damaged.'
        ) from error
    if found[0] != _FORMAT or found[1] not in _VERSIONS:
        raise StampStoreError(
            f'{path} has the format {found[0]!r}, version {found[1]}; this version of astro_wgan '
            f'reads {_FORMAT!r}, versions {_VERSIONS[0]} to {_VERSION}.'
        )
    try:
        if document != {**_GROUP, 'attributes': {_KEY: state}}:
            raise ValueError('it has other content, such as consolidated metadata')
        if state['version'] == 1:
            return _former_state(path, state)
        return _state(path, state)
    except StampStoreError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StampStoreError(f'The file {path / "zarr.json"} is damaged: {error}.') from error


def write_state(path, state):
    """Replace the metadata of the group, including the state, atomically."""
    content = {
        'format': _FORMAT,
        'version': _VERSION,
        'identity': state.identity,
        'header': state.header,
        'arrays': {name: _array_content(array) for name, array in state.arrays.items()},
    }
    content['checksum'] = _json_checksum(content)
    _write_json(path / 'zarr.json', {**_GROUP, 'attributes': {_KEY: content}})
    flush_folder(path)


def read_layout(path, name):
    """
    Read the metadata of an array.

    Parameters
    ----------
    path : `~pathlib.Path`
        Folder of the store.
    name : str
        Name of the array.

    Returns
    -------
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`
    length : int
        Number of rows for other programs, which is at least that of the valid rows.

    Raises
    ------
    StampStoreError
        If they are missing, damaged, or not as in a store.
    """
    if not _NAME.fullmatch(name):
        raise StampStoreError(
            f'The store {path} is damaged: {name!r} is not a valid name of an array.'
        )
    try:
        for folder in (path / name).relative_to(path).parents[-2::-1]:
            check_folder(path / folder)
        check_folder(path / name)
        content = read_content(path / name / 'zarr.json', check_size=_check_layout_size)
        return layout_of(load_json(content))
    except (OSError, ValueError) as error:
        raise StampStoreError(
            f'The array `{name}` of the store {path} is missing or damaged: {error}.'
        ) from error


def write_layout(folder, layout, length):
    """Write the metadata of an array."""
    _write_json(folder / 'zarr.json', array_document(layout, length))


def write_group(folder):
    """Write the metadata of a group of arrays."""
    _write_json(folder / 'zarr.json', {'attributes': {}, **_GROUP})


def chunk_count(layout, length):
    """Number of chunks in files, which have valid rows other than the first ones without a file."""
    return 0 if length == layout.first else -(-length // layout.chunk) - layout.base


def _state(path, state):
    stated = state.pop('checksum')
    if _json_checksum(state) != stated:
        raise ValueError('its checksum is wrong')
    arrays = {name: _array_state(path, name, found) for name, found in state['arrays'].items()}
    return StoreState(state['header'], arrays, identity=state['identity'])


def _former_state(path, state):
    arrays = {
        name: ArrayState(_layout(path, name, length), length)
        for name, length in state['lengths'].items()
    }
    return StoreState(state['header'], arrays, version=1)


def _array_state(path, name, found):
    length, pending = found['length'], found['pending']
    layout = _layout(path, name, length)
    if found['layout'] != _layout_checksum(layout):
        raise StampStoreError(
            f'The array `{name}` of the store {path} is damaged: its file zarr.json belongs to '
            'another array.'
        )
    checksums = np.frombuffer(base64.b64decode(found['checksums'], validate=True), '<u4')
    if len(checksums) != chunk_count(layout, length):
        raise ValueError(f'{name!r} has {len(checksums)} checksums for {length} rows')
    if pending is not None and type(pending) is not int:
        raise ValueError(f'{name!r} has an invalid pending checksum')
    return ArrayState(layout, length, checksums, pending)


def _array_content(array):
    return {
        'length': array.length,
        'layout': _layout_checksum(array.layout),
        'checksums': base64.b64encode(array.checksums.astype('<u4')).decode(),
        'pending': array.pending,
    }


def _layout(path, name, length):
    """The layout of an array with at least as many rows as should be valid."""
    layout, rows = read_layout(path, name)
    if type(length) is not int or not layout.first <= length <= rows:
        raise StampStoreError(
            f'The array `{name}` of the store {path} is damaged: {length!r} rows should be valid, '
            f'it has {rows}, of which the first {layout.first} have no file.'
        )
    return layout


def _check_json(max_size, size):
    what = 'The file zarr.json of a store'
    check_size(_EXPANSION * size, what, max_size=max_size, error=StampStoreError)


def _check_layout_size(size):
    if size > _LONGEST_LAYOUT:
        raise ValueError(f'it has {size} bytes; at most {_LONGEST_LAYOUT} are allowed')


def _layout_checksum(layout):
    return _json_checksum(array_document(layout, 0))


def _json_checksum(content):
    text = json.dumps(content, sort_keys=True, separators=(',', ':'))
    return f'{checksum(text.encode()):08x}'


def _write_json(path, content):
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))
