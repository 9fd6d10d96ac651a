"""Malicious or damaged stores: with other files, numbers and links than a store has."""

import base64
import json
import os
import resource
import time

import google_crc32c
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from numcodecs import blosc, zstd
from numpy.testing import assert_array_equal

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files import limits
from astro_wgan.stamps import StampSet
from astro_wgan.store.arrays.chunk_codecs import decoded, encoded
from astro_wgan.store.arrays.zarr_format import ArrayLayout
from astro_wgan.store.stampstore import StampStore


@pytest.fixture(autouse=True)
def no_large_memory():
    """An error instead of an answer from memory that a test should never ask for."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open('/proc/self/statm') as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def make_stamps(n=9, first=0):
    ids = np.arange(first, first + n)
    pixels = np.random.default_rng(first).normal(size=(n, 6, 7)).astype(np.float32)
    pixels[1, 2, 2] = np.nan
    table = QTable({'id': ids, 'name': [f'a{k}' for k in ids], 'flux': ids * u.nJy})
    return StampSet(pixels, unit='nJy', psf=np.ones((3, 3)), table=table, meta={'survey': 'deep'})


@pytest.fixture
def path(tmp_path):
    return stored(tmp_path / 'stamps.zarr', make_stamps())


def stored(path, stamps, **options):
    options = {'chunk': 2, 'shard': 4, **options}
    with StampStore.create(path, like=stamps[:0], **options) as store:
        store.append(stamps)
    return path


def read_all(path, mode='r', **options):
    with StampStore.open(path, mode, **options) as store:
        stamps = store[:]
        assert stamps.wcs is not None
        return stamps, store.psf, store.meta


def forge(path, edit):
    """Change the state of a store, as one who knows how its checksum is made."""
    document = json.loads((path / 'zarr.json').read_text())
    state = document['attributes']['astro_wgan']
    del state['checksum']
    edit(state)
    text = json.dumps(state, sort_keys=True, separators=(',', ':'))
    state['checksum'] = f'{google_crc32c.value(text.encode()):08x}'
    (path / 'zarr.json').write_text(json.dumps(document))


def forge_text(path, name, text):
    """Change the first text of an array, and what is known of it."""
    encoded = text.encode()
    rows = 2**14 if name.startswith('table') else 2**8
    content = np.array([rows, len(encoded)], dtype='<u4').tobytes() + encoded + bytes(4 * rows - 4)
    replace_chunk(path, name, zstd.compress(content, level=1))


def replace_chunk(path, name, content):
    """Replace the one chunk of an array, and what is known of it."""
    checked = google_crc32c.value(content)
    (file,) = (path / name).glob('c.*')
    file.write_bytes(content + checked.to_bytes(4, 'little'))
    forge(path, lambda state: know(state['arrays'][name], checked))


def know(array, checked):
    array['checksums'] = base64.b64encode(checked.to_bytes(4, 'little')).decode()


def test_a_store_that_is_written_again_unchanged_is_read(path):
    forge(path, lambda state: None)
    assert_array_equal(read_all(path)[0].ids, np.arange(9))


# Files that are none


@pytest.mark.parametrize('what', ['pipe', 'folder', 'link', 'link to nothing', 'device'])
@pytest.mark.parametrize(
    'name', ['zarr.json', 'pixels/zarr.json', 'pixels/c.1.0.0', 'table/id/c.0', 'parents/c.0']
)
def test_links_pipes_and_devices_are_not_read(name, what, path, tmp_path):
    file = path / name
    outside = tmp_path / 'outside'
    os.replace(file, outside)
    if what == 'pipe':
        os.mkfifo(file)
    elif what == 'folder':
        file.mkdir()
    elif what == 'device':
        try:
            os.mknod(file, 0o20644, os.makedev(1, 5))  # zeros without end
        except PermissionError:
            pytest.skip('only root makes devices')
    else:
        file.symlink_to(outside if what == 'link' else tmp_path / 'nothing')
    for mode in ('r', 'a'):
        with pytest.raises(StampStoreError):
            read_all(path, mode)


@pytest.mark.parametrize('name', ['pixels', 'table', 'table/id'])
def test_linked_folders_are_not_read(name, path, tmp_path):
    os.rename(path / name, tmp_path / 'outside')
    (path / name).symlink_to(tmp_path / 'outside')
    for mode in ('r', 'a'):
        with pytest.raises(StampStoreError, match='a symbolic link'):
            read_all(path, mode)
    assert sorted(os.listdir(tmp_path / 'outside'))


def test_a_link_to_a_whole_store_is_followed(path, tmp_path):
    (tmp_path / 'link').symlink_to(path)
    assert len(read_all(tmp_path / 'link')[0]) == 9
    with StampStore.create(tmp_path / 'link', like=make_stamps()[:0], overwrite=True) as store:
        assert len(store) == 0
    assert (tmp_path / 'link').is_symlink()
    assert len(StampStore.open(path)) == 0


@pytest.mark.parametrize(
    'name', ['../outside', '/etc', 'table/../../outside', '.hidden', 'a/b/c', 'table\\id', '', '..']
)
def test_paths_as_names_of_arrays_are_refused(name, path):
    forge(path, lambda state: state['arrays'].update({name: state['arrays']['origin']}))
    for mode in ('r', 'a'):
        with pytest.raises(StampStoreError, match='not a valid name of an array'):
            read_all(path, mode)


def test_unknown_metadata_are_refused(path):
    document = json.loads((path / 'zarr.json').read_text())
    document['consolidated_metadata'] = {'kind': 'inline', 'metadata': {}}
    (path / 'zarr.json').write_text(json.dumps(document))
    with pytest.raises(StampStoreError, match='consolidated metadata'):
        StampStore.open(path)


# Numbers that are absurd


def set_rows(path, name, **changes):
    """Change the metadata of an array, and what is known of it."""
    file = path / name / 'zarr.json'
    document = json.loads(file.read_text())
    for place, value in changes.items():
        if place == 'first':
            document['attributes']['first'] = value
        elif place == 'rows':
            document['shape'][0] = value
    file.write_text(json.dumps(document))
    document['shape'][0] = 0
    text = json.dumps(document, sort_keys=True, separators=(',', ':'))
    known = f'{google_crc32c.value(text.encode()):08x}'
    forge(path, lambda state: state['arrays'][name].update(layout=known))


@pytest.mark.parametrize('count', [10, 10**8, 10**15, -1, 1.0, None, '9', True])
@pytest.mark.parametrize('name', ['pixels', 'mask', 'table/id', 'parents', 'meta', 'psf'])
def test_wrong_lengths_are_refused(name, count, path):
    start = time.process_time()
    forge(path, lambda state: state['arrays'][name].update(length=count))
    with pytest.raises(StampStoreError, match=r'rows should be valid|checksums for'):
        read_all(path)
    if isinstance(count, int) and count > 10:
        set_rows(path, name, rows=count)
        with pytest.raises(StampStoreError, match='checksums for'):
            read_all(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize('first', [1, 10, 10**8, 10**15])
@pytest.mark.parametrize('name', ['pixels', 'mask', 'table/id'])
def test_rows_without_a_file_are_refused(name, first, path):
    def edit(state):
        state['arrays'][name].update(length=first, checksums='')

    set_rows(path, name, first=first, rows=first)
    forge(path, edit)
    with pytest.raises(StampStoreError, match=r'have no file|rows for|rows of'):
        read_all(path)
    for other in ('pixels', 'mask', 'origin', 'table/id', 'table/name', 'table/flux'):
        set_rows(path, other, first=first, rows=first)
        forge(path, lambda state, n=other: state['arrays'][n].update(length=first, checksums=''))
    with pytest.raises(StampStoreError, match=f'{first} rows of .* have no file'):
        read_all(path)


def test_missing_arrays_are_refused(path):
    for name in ('pixels', 'origin', 'parents', 'meta', 'table/id', 'psf'):
        whole = (path / 'zarr.json').read_text()
        forge(path, lambda state, name=name: state['arrays'].pop(name))
        if name == 'psf':
            assert read_all(path)[1] is None
        else:
            with pytest.raises(StampStoreError, match=f'no array `{name}`'):
                read_all(path)
        (path / 'zarr.json').write_text(whole)


def test_requests_beyond_the_allowed_memory_are_refused(tmp_path, monkeypatch):
    path = stored(tmp_path / 'large.zarr', make_stamps(600), chunk=20, shard=40)
    monkeypatch.setattr(limits, '_memory', lambda: 4 * 70000)
    store = StampStore.open(path)
    with pytest.raises(StampStoreError, match=r'`pixels` .* 100,800 bytes .* are 70,000 bytes'):
        store[:]
    assert len(store[:100]) == 100
    assert len(StampStore.open(path, max_size=10**6)[:]) == 600
    for wrong in (0, 'much'):
        with pytest.raises((ValueError, TypeError), match='`max_size`'):
            StampStore.open(path, max_size=wrong)


def test_the_memory_of_one_long_text_in_a_column_is_limited(tmp_path):
    n = 2000
    table = QTable({'id': np.arange(n), 'name': ['x' * (10**6 if k == 7 else 1) for k in range(n)]})
    stamps = StampSet(np.zeros((n, 2, 2), dtype=np.float32), table=table[['id']])
    like = StampSet(stamps.pixels[:0], table=QTable({'id': [1], 'name': ['x']})[:0])
    path = tmp_path / 'stamps.zarr'
    with StampStore.create(path, like=like) as store:
        store._arrays.append(
            {
                'pixels': stamps.pixels,
                'origin': np.zeros((n, 3), dtype=int),
                'parents': np.array(['{"shape": [2, 2], "wcs": null}'], dtype=object),
                'table/id': np.arange(n),
                'table/name': np.array([str(text) for text in table['name']], dtype=object),
            }
        )
    with pytest.raises(StampStoreError, match=r'`table/name` .* 7.5 GiB'):
        StampStore.open(path, max_size=10**9).read_table()
    assert StampStore.open(path).read_table(columns=['id'])['id'][-1] == n - 1


# Bombs: chunks that become more than they should


def blosc_header(content, **changes):
    fields = ['version', 'format', 'flags', 'typesize', 'size', 'block', 'compressed']
    header = np.frombuffer(content[:16], dtype='u1,u1,u1,u1,<u4,<u4,<u4').copy()
    for name, value in changes.items():
        header[f'f{fields.index(name)}'] = value
    return header.tobytes() + content[16:]


@pytest.mark.parametrize(
    'content',
    [
        blosc.compress(np.zeros(2**26, dtype='u1'), b'lz4', 1),
        blosc.compress(np.zeros(2**14 - 1, dtype='i8'), b'lz4', 1),
        blosc.compress(np.zeros(2**14, dtype='i8'), b'zstd', 1),
        blosc.compress(np.zeros(2**14, dtype='i4'), b'lz4', 1),
        blosc_header(blosc.compress(np.arange(2**14), b'lz4', 1), size=2**31 - 1),
        blosc_header(blosc.compress(np.arange(2**14), b'lz4', 1), compressed=2**31 - 1),
        blosc_header(blosc.compress(np.arange(2**14), b'lz4', 1), block=1),
        blosc.compress(np.arange(2**14), b'lz4', 1)[:-9],
        b'\x02\x01',
        b'',
    ],
    ids=range(10),
)
def test_numbers_with_a_wrong_decoded_size_are_refused(content, path):
    replace_chunk(path, 'table/id', content)
    with pytest.raises(StampStoreError, match=r'`table/id` .* damaged in its file c.0'):
        StampStore.open(path).read_table(columns=['id'])


def frame(size, content=b'\1\0\0'):
    """A frame of Zstandard that says how many bytes it will become."""
    return b'\x28\xb5\x2f\xfd' + bytes([0b11100000]) + size.to_bytes(8, 'little') + content


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (frame(2**40), '1.0 TiB of memory; allowed are'),
        (frame(2**64 - 1), 'of memory; allowed are'),
        (frame(8), 'too few for 16384 texts'),
        (frame(2**17), 'damaged'),
        (zstd.compress(bytes(2**17)), 'not have 16384 texts'),
        (zstd.compress(b'\xff\xff\xff\xff' + bytes(2**17)), 'not have 16384 texts'),
        (zstd.compress(b'\0\x40\0\0' + b'\xff\xff\xff\xff' + bytes(2**17)), 'damaged'),
        (zstd.compress(b'\0\x40\0\0' + b'\x01\0\0\0\xff' + bytes(2**17)), 'damaged'),
        (zstd.compress(bytes(2**17)) * 2, 'damaged'),
        (b'\x28\xb5\x2f\xfd\x00\x58' + bytes(9), 'decoded size of a chunk is not stated'),
        (b'GIF89a', 'not compressed with Zstandard'),
    ],
    ids=range(11),
)
def test_texts_with_a_wrong_decoded_size_are_refused(content, message, path):
    replace_chunk(path, 'table/name', content)
    with pytest.raises(StampStoreError, match=message):
        StampStore.open(path).read_table()


def test_invalid_booleans_are_refused(tmp_path):
    path = stored(tmp_path / 'one.zarr', make_stamps(), chunk=16, shard=16)
    document = json.loads((path / 'mask' / 'zarr.json').read_text())
    assert document['data_type'] == 'bool'
    values = np.zeros((16, 6, 7), dtype='u1')
    values[3, 2, 2] = 2
    content = blosc.compress(values, b'lz4', 1)
    checked = google_crc32c.value(content)
    index = np.array([[0, len(content) + 4]], dtype='<u8').tobytes()
    parts = [content, checked.to_bytes(4, 'little'), index]
    parts.append(google_crc32c.value(index).to_bytes(4, 'little'))
    (path / 'mask' / 'c.0.0.0').write_bytes(b''.join(parts))
    forge(path, lambda state: know(state['arrays']['mask'], checked))
    with pytest.raises(StampStoreError, match='other than 0 and 1'):
        read_all(path)


@pytest.mark.parametrize('compression', ['lz4', 'zstd', None])
@pytest.mark.parametrize('dtype', ['f4', 'bool', 'U'])
def test_damaged_chunks_with_a_right_checksum_raise(dtype, compression):
    layout = ArrayLayout(np.dtype(dtype), (5,), chunk=20, compression=compression)
    rng = np.random.default_rng(7)
    values = (rng.normal(size=(20, 5)) > 0).astype('f4' if dtype == 'U' else dtype)
    whole, _ = encoded(values.astype(str).astype(object) if dtype == 'U' else values, layout)
    refused = 0
    for _ in range(400):
        content = whole.copy()
        places = rng.integers(0, min(len(content), int(rng.choice([24, 10**6]))), size=3)
        content[places] = rng.choice([rng.integers(0, 256), 0, 255], size=3)
        content = content[: rng.choice([len(content), rng.integers(1, len(content))])]
        chunk = np.append(content, np.array([google_crc32c.value(content)], '<u4').view('u1'))
        try:
            found = decoded(chunk, layout, check_size=check_small)
        except (ValueError, RuntimeError):
            refused += 1
        else:
            assert found.shape == (20, 5)
    assert refused > 100


def check_small(size):
    if size > 10**6:
        raise ValueError('too large')


@pytest.mark.parametrize(
    ('name', 'values', 'message'),
    [
        ('table/id', np.zeros(2**14, dtype=np.int64), 'different value for each stamp'),
        ('table/flux', np.full(2**14, np.nan), None),
    ],
)
def test_invalid_values_are_refused(name, values, message, path):
    replace_chunk(path, name, blosc.compress(values, b'lz4', 1))
    if message is None:
        assert np.isnan(read_all(path)[0].table['flux']).all()
        return
    with pytest.raises(StampStoreError, match=f'The store .* is damaged: .*{message}'):
        read_all(path)


def test_invalid_coordinates_are_refused(tmp_path):
    stamps = make_stamps()
    stamps.table['sky'] = SkyCoord(np.arange(9), np.arange(9), unit='deg')
    path = stored(tmp_path / 'sky.zarr', stamps)
    replace_chunk(path, 'table/sky.dec', blosc.compress(np.full(2**14, 1e3), b'lz4', 1))
    with pytest.raises(StampStoreError, match=r'The table of the store .* is damaged: Latitude'):
        read_all(path)


# Descriptions


@pytest.mark.parametrize(
    'edit',
    [
        lambda header: header.update(unit='10**9999999 m'),
        lambda header: header.update(unit=5),
        lambda header: header.update(pixel_scale='x'),
        lambda header: header.update(table='a: [1'),
        lambda header: header.update(table='[' * 3000),
        lambda header: header.update(table=5),
        lambda header: header.update(table='datatype:\n- {name: nothing, datatype: int64}'),
        lambda header: header.pop('table'),
        lambda header: header.update(table=header['table'].replace('nJy', '10**9999999 m')),
        lambda header: header.update(table=header['table'].replace('Quantity', 'NoSuchThing')),
    ],
    ids=range(10),
)
def test_inconsistent_descriptions_are_refused(edit, path):
    forge(path, lambda state: edit(state['header']))
    start = time.process_time()
    with pytest.raises(StampStoreError, match='damaged'):
        read_all(path)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('meta', 'a: [1'),
        ('meta', 'a: !numpy.ndarray {buffer: AAAAAAAAAAA=, dtype: "|O", shape: [1], order: C}'),
        ('meta', '!!python/object/apply:os.system ["true"]'),
        ('parents', 'null'),
        ('parents', '[' * 10**5),
        ('parents', '{"shape": [1.5, 2], "wcs": null}'),
        ('parents', '{"shape": [4, 2], "wcs": 5}'),
    ],
    ids=range(7),
)
def test_invalid_texts_are_refused(name, text, path):
    forge_text(path, name, text)
    with pytest.raises(StampStoreError, match='damaged'):
        [parent.shape for parent in read_all(path)[0].geometry.parents]


CELESTIAL = "CTYPE1  = 'RA---TAN'\nCTYPE2  = 'DEC--TAN'\n"


@pytest.mark.parametrize(
    ('header', 'tables', 'message'),
    [
        ('A_ORDER = 20000', {}, 'A_ORDER must be at most'),
        ('WCSAXES = 20000', {}, 'WCSAXES must lie from'),
        ('NAXIS   = 10000000', {}, 'a card NAXIS'),
        ("CUNIT1  = '10**9999999 m'", {}, 'is not a unit'),
        ('COMMENT x\n' * 20000, {}, 'has 200042 characters; at most'),
        ("CTYPE3  = 'DEC--TAB'", {}, 'cannot be read'),
        ('', [1], 'cannot be read'),
        ('', {'cpdis1': {}}, 'cannot be read'),
        ('', {'deepcopy': {}}, 'lookup table .deepcopy.'),
        ('', {'cpdis1': {'shape': [10**9, 10**9], 'data': ''}}, 'cannot be read'),
    ],
    ids=range(10),
)
def test_costly_wcs_of_parents_are_refused(header, tables, message, path):
    record = {'shape': [6, 7], 'wcs': CELESTIAL + header, 'tables': tables}
    forge_text(path, 'parents', json.dumps(record))
    start = time.process_time()
    with pytest.raises(StampStoreError, match=rf'damaged in parent image 0: .*{message}'):
        read_all(path)
    assert time.process_time() - start < 5


def test_missing_parents_are_refused(path):
    places = np.zeros((2**14, 3), dtype=np.int64)
    places[2, 0] = 10**12
    replace_chunk(path, 'origin', blosc.compress(places, b'lz4', 1))
    with pytest.raises(StampStoreError, match='row 1000000000000 of its array `parents`'):
        [parent.shape for parent in read_all(path)[0].geometry.parents]
