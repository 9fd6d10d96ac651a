"""The format of a store, with zarr as the judge: what it reads of ours, and what we read of its."""

import itertools
import json

import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from astro_wgan.exceptions import StampStoreError
from astro_wgan.store.arrays.appendable import AppendableArrays
from astro_wgan.store.arrays.zarr_format import ArrayLayout, array_document, layout_of
from astro_wgan.store.stampstore import StampStore

NUMBERS = ['bool', 'int8', 'uint16', 'int64', 'float16', 'float32', 'float64', 'complex128']

#: dtypes, and rows in a file, if these are of several chunks.
KINDS = [(dtype, shard) for dtype in NUMBERS for shard in (None, 6)] + [('U', None)]


def make_values(dtype, n, shape=(2, 3)):
    rng = np.random.default_rng(4)
    if np.dtype(dtype).kind == 'U':
        texts = [f'ä{k}' * int(rng.integers(0, 9)) for k in range(n * int(np.prod(shape)))]
        return np.array(texts, dtype=object).reshape(n, *shape)
    return (100 * rng.normal(size=(n, *shape))).astype(dtype)


def zarr_array(path, name, *, dtype, shape, chunk, shard=None, compression='lz4', first=0):
    """An array as zarr makes it, with the options of a store."""
    dtype = np.dtype(dtype)
    is_text = dtype.kind == 'U'
    compressors = [ZstdCodec(level=1)] if is_text else []
    if not is_text and compression is not None:
        options = {'clevel': 1, 'shuffle': 'shuffle', 'typesize': dtype.itemsize}
        compressors = [BloscCodec(cname=compression, **options)]
    return zarr.create_array(
        path,
        name=name,
        shape=shape,
        dtype=str if is_text else dtype,
        chunks=(chunk, *shape[1:]),
        shards=None if shard is None else (shard, *shape[1:]),
        compressors=[*compressors, Crc32cCodec()],
        filters='auto' if is_text else None,
        fill_value=np.nan if dtype.kind in 'fc' else '' if is_text else dtype.type(0),
        chunk_key_encoding={'name': 'default', 'separator': '.'},
        attributes={'first': first},
        config={'write_empty_chunks': True},
    )


def former_store(path, stamps, **options):
    """A store of version 1, which zarr wrote, of a set of pixels with ids and the first masked."""
    n = len(stamps)
    zarr.create_group(path)
    arrays = {
        'pixels': stamps,
        'place': np.zeros((n, 3), dtype=np.int64),
        'parents': np.array([json.dumps({'shape': [6, 7], 'wcs': None})], dtype=object),
        'meta': np.array([], dtype=object),
        'table/id': np.arange(n),
        'mask': np.arange(stamps.size).reshape(stamps.shape) == 5,
    }
    zarr.create_group(path / 'table')
    for name, values in arrays.items():
        is_text = values.dtype.kind == 'O'
        sizes = options if name in ('pixels', 'mask') else {'chunk': 16}
        shape, dtype = values.shape, str if is_text else values.dtype
        array = zarr_array(path, name, dtype=dtype, shape=shape, **sizes)
        if len(values):
            array[:] = values
    header = {'unit': 'nJy', 'pixel_scale': None}
    header['table'] = 'datatype:\n- {name: id, datatype: int64}'
    state = {'format': 'astro_wgan stamps', 'version': 1, 'header': header}
    state['lengths'] = {name: len(values) for name, values in arrays.items()}
    group = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'astro_wgan': state}}
    (path / 'zarr.json').write_text(json.dumps(group))


@pytest.mark.parametrize('compression', ['lz4', 'zstd', None])
@pytest.mark.parametrize(('dtype', 'shard'), KINDS)
def test_zarr_reads_what_is_written(dtype, shard, compression, tmp_path):
    values = make_values(dtype, 17)
    with AppendableArrays.created(tmp_path / 'a', header={}) as arrays:
        options = {'dtype': dtype, 'shape': values.shape[1:], 'chunk': 2, 'shard': shard}
        arrays.add('group/x', **options, compression=compression)
    for first, last in itertools.pairwise([0, 1, 7, 8, 14, 17]):
        arrays.append({'group/x': values[first:last]})
    found = zarr.open_group(tmp_path / 'a', mode='r')['group/x']
    assert found.shape == values.shape
    assert found.dtype == values.dtype or dtype == 'U'
    assert_array_equal(found[:].astype(values.dtype), values)
    assert_array_equal(arrays.read('group/x', np.arange(17)), values)
    rows = np.array([0, 3, 4, 5, 11, 16])
    assert_array_equal(arrays.read('group/x', rows), values[rows])


@pytest.mark.parametrize('shard', [None, 6])
@pytest.mark.parametrize('first', [1, 5, 6, 12, 13])
def test_zarr_reads_an_array_without_first_rows(first, shard, tmp_path):
    values = make_values('bool', 20)
    with AppendableArrays.created(tmp_path / 'a', header={}) as arrays:
        options = {'shape': values.shape[1:], 'chunk': 2, 'shard': shard, 'first': first}
        arrays.add('mask', dtype=bool, **options)
    arrays.append({'mask': values[:3]})
    arrays.append({'mask': values[3:]})
    expected = np.concatenate([np.zeros((first, 2, 3), dtype=bool), values])
    assert_array_equal(zarr.open_array(tmp_path / 'a' / 'mask', mode='r')[:], expected)
    arrays.close()
    reader = AppendableArrays(tmp_path / 'a')
    assert_array_equal(reader.read('mask', np.arange(first + 20)), expected)
    assert_array_equal(reader.read('mask', np.array([0, first])), expected[[0, first]])


@pytest.mark.parametrize(('dtype', 'shard'), KINDS)
def test_the_metadata_are_those_of_zarr(dtype, shard, tmp_path):
    layout = ArrayLayout(np.dtype(dtype), (3, 2), chunk=2, shard=shard, first=0)
    zarr_array(tmp_path, 'x', dtype=dtype, shape=(7, 3, 2), chunk=2, shard=shard)
    document = json.loads((tmp_path / 'x' / 'zarr.json').read_text())
    assert document == array_document(layout, 7)
    assert layout_of(document) == (layout, 7)


@pytest.mark.parametrize('compression', ['lz4', 'zstd', None])
def test_a_store_of_version_1_is_read_and_appended_to(compression, tmp_path):
    path, pixels = tmp_path / 'old.zarr', make_values('float32', 9, (6, 7))
    former_store(path, pixels, chunk=2, shard=4, compression=compression)
    before = StampStore.open(path)[:]
    assert_array_equal(before.pixels[before.valid], pixels[before.valid])
    assert np.flatnonzero(~before.valid).tolist() == [5]
    more = before.copy() if hasattr(before, 'copy') else before[:]
    more.table['id'] = before.ids + 100
    with StampStore.open(path, 'a') as store:
        store.append(more)
    after = StampStore.open(path)[:]
    assert after.ids.tolist() == [*range(9), *range(100, 109)]
    assert_array_equal(after.pixels[9:][before.valid], pixels[before.valid])
    assert json.loads((path / 'zarr.json').read_text())['attributes']['astro_wgan']['version'] == 2
    group = zarr.open_group(path, mode='r')
    assert_array_equal(group['pixels'][:9], pixels)


@pytest.mark.parametrize(
    ('place', 'value'),
    [
        ('zarr_format', 2),
        ('node_type', 'group'),
        ('data_type', 'float64'),
        ('data_type', '|O'),
        ('data_type', {'name': 'numpy.datetime64', 'configuration': {}}),
        ('data_type', 'fixed_length_utf32'),
        ('fill_value', 0),
        ('attributes', {'first': -1}),
        ('attributes', {'first': True}),
        ('attributes', {'first': 0.0}),
        ('attributes', {'first': 0, 'more': 1}),
        ('attributes', {}),
        ('storage_transformers', [{'name': 'pickle'}]),
        ('chunk_key_encoding', {'name': 'v2', 'configuration': {'separator': '.'}}),
        ('chunk_key_encoding', {'name': 'default', 'configuration': {'separator': '/'}}),
        ('chunk_grid', {'name': 'rectangular', 'configuration': {'chunk_shape': [4, 6, 7]}}),
        ('chunk_grid', {'name': 'regular', 'configuration': {'chunk_shape': [5, 6, 7]}}),
        ('chunk_grid', {'name': 'regular', 'configuration': {'chunk_shape': [4, 6, 3]}}),
        ('chunk_grid', {'name': 'regular', 'configuration': {'chunk_shape': [10**8, 6, 7]}}),
        ('chunk_grid', {'name': 'regular', 'configuration': {'chunk_shape': [0, 6, 7]}}),
        ('chunk_grid', {'name': 'regular', 'configuration': {'chunk_shape': [-4, 6, 7]}}),
        ('chunk_grid', {}),
        ('shape', [9, 10**5, 10**5]),
        ('shape', [9, 6]),
        ('shape', [9.0, 6, 7]),
        ('shape', [True, 6, 7]),
        ('shape', 9),
        ('shape', []),
        ('codecs', []),
        ('codecs', [{'name': 'numcodecs.pickle', 'configuration': {}}]),
        ('codecs', [{'name': 'bytes', 'configuration': {'endian': 'big'}}, {'name': 'crc32c'}]),
        ('codecs', [{'name': 'bytes', 'configuration': {'endian': 'little'}}]),
        ('codecs', None),
        ('dimension_names', ['a', 'b', 'c']),
        ('must_understand', False),
    ],
    ids=str,
)
def test_other_metadata_are_refused(place, value, tmp_path):
    path = tmp_path / 'old.zarr'
    former_store(path, make_values('float32', 9, (6, 7)), chunk=2, shard=4)
    file = path / 'pixels' / 'zarr.json'
    document = json.loads(file.read_text())
    document[place] = value
    file.write_text(json.dumps(document))
    for mode in ('r', 'a'):
        with pytest.raises(StampStoreError, match=r'`pixels` of the store .* missing or damaged'):
            StampStore.open(path, mode)


@pytest.mark.parametrize(
    ('codec', 'place'),
    [
        (GzipCodec(), 'inner'),
        (GzipCodec(), 'outer'),
        (ZstdCodec(level=3), 'inner'),
        (ZstdCodec(level=3), 'outer'),
    ],
    ids=str,
)
def test_other_codecs_are_refused(codec, place, tmp_path):
    document = array_document(ArrayLayout(np.dtype('f4'), (3,), chunk=2, shard=4), 8)
    codecs = document['codecs']
    codecs = codecs[0]['configuration']['codecs'] if place == 'inner' else codecs
    codecs.insert(-1 if place == 'inner' else 1, codec.to_dict())
    with pytest.raises(ValueError, match='codecs or options that are not supported'):
        layout_of(document)
    document['codecs'] = [document['codecs'][0], document['codecs'][0]]
    with pytest.raises(ValueError, match='codecs or options that are not supported'):
        layout_of(document)


def test_the_size_of_a_chunk_is_limited():
    with pytest.raises(ValueError, match='1,073,741,828 bytes; at most 1,073,741,824 are allowed'):
        ArrayLayout(np.dtype('f4'), (1,), chunk=2**28 + 1)
    ArrayLayout(np.dtype('f4'), (1,), chunk=2**28)


def test_zarr_format_2_is_refused(tmp_path):
    path = tmp_path / 'old.zarr'
    former_store(path, make_values('float32', 9, (6, 7)), chunk=2, shard=4)
    (path / 'pixels' / 'zarr.json').unlink()
    metadata = {'zarr_format': 2, 'shape': [9, 6, 7], 'chunks': [9, 6, 7], 'dtype': '|O'}
    metadata |= {'compressor': {'id': 'pickle'}, 'filters': [{'id': 'pickle'}], 'order': 'C'}
    metadata |= {'fill_value': None}
    (path / 'pixels' / '.zarray').write_text(json.dumps(metadata))
    (path / 'pixels' / '0.0.0').write_bytes(b'cos\nsystem\n(S"touch ran"\ntR.')
    with pytest.raises(StampStoreError, match='`pixels`'):
        StampStore.open(path)
