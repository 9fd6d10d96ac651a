"""The store on disk: what comes out is what went in, also after kills, full disks and damage."""

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import zarr
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from astropy.wcs import WCS, DistortionLookupTable
from numpy.testing import assert_allclose, assert_array_equal

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.exceptions import StampStoreError
from astro_wgan.stamps import StampSet, concatenate
from astro_wgan.store import stampstore, stored_stamps
from astro_wgan.store.arrays import row_files
from astro_wgan.store.arrays.appendable import AppendableArrays
from astro_wgan.store.stampstore import StampStore
from astro_wgan.testing import assert_stamps_equal


def make_stamps(n=23, *, first=0, size=6, bands=None, dtype=np.float32, **options):
    """Stamps whose pixels tell which they are."""
    ids = np.arange(first, first + n)
    shape = (n, size, size + 1) if bands is None else (n, size, size + 1, bands)
    pixels = np.random.default_rng(5).normal(size=shape) + ids.reshape(-1, *[1] * (len(shape) - 1))
    table = QTable({'id': ids, 'flux': ids * 2.0 * u.nJy})
    return StampSet(pixels.astype(dtype), **{'table': table, 'unit': u.nJy, **options})


def make_rich_stamps(n=12, *, bands=None):
    """Stamps with all that a set can have."""
    rng = np.random.default_rng(2)
    stamps = make_stamps(n, bands=bands)
    pixels = stamps.pixels.copy()
    pixels[1, 2, 3] = np.nan
    mask = np.zeros(pixels.shape[:3], dtype=bool)
    mask[4, :2] = True
    table = QTable(
        {
            'id': [f'ngc {k}' for k in range(n)],
            'sky': SkyCoord(rng.uniform(0, 360, n), rng.uniform(-90, 90, n), unit='deg'),
            'flux': rng.normal(size=n) * u.nJy,
            'flux/error [5%]': rng.normal(size=n).astype(np.float32),
            '.hidden': np.arange(n) % 3 == 0,
            'shape': rng.normal(size=(n, 2)) * u.arcsec,
            'z': MaskedColumn(rng.uniform(size=n), mask=np.arange(n) == 2),
            'name': MaskedColumn(['ä'] * n, mask=np.arange(n) == 3, description='of its finder'),
            'mass': Masked(rng.uniform(size=n), mask=np.arange(n) == 5) * u.Msun,
            'when': Time(50000 + np.arange(n), format='mjd'),
            'mag': rng.uniform(size=n) * u.ABmag,
        }
    )
    return StampSet(
        pixels,
        uncertainty=np.abs(stamps.pixels) + 0.1,
        mask=mask,
        unit='nJy',
        pixel_scale=0.06 * u.arcsec,
        psf=np.outer([1, 2, 1], [1, 2, 1]) / 16,
        wcs=[None if k == 7 else make_wcs(10.0 * k) for k in range(n)],
        table=table,
        meta={'survey': 'deep', 'depth': 29.5 * u.ABmag, 'parts': [1, 2]},
    )


def make_wcs(ra=150.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ['RA---TAN', 'DEC--TAN']
    wcs.wcs.crval = [ra, 2.123456789]
    wcs.wcs.crpix = [3.25, 4.0]
    wcs.wcs.cd = np.array([[-1.1, 0.2], [0.2, 1.2]]) / 60000
    return wcs


def assert_stored(found, expected):
    """A store gives back all that was written: what makes sets equal, and data type and meta."""
    assert_stamps_equal(found, expected)
    assert found.pixels.dtype == expected.pixels.dtype
    assert found.meta == expected.meta
    for name in expected.table.colnames:
        assert_same_column(found.table[name], expected.table[name])
    for ours, theirs in zip(found.wcs, expected.wcs, strict=True):
        assert ours is None or ours.array_shape == theirs.array_shape


def assert_same_column(ours, theirs):
    assert getattr(ours, 'unit', None) == getattr(theirs, 'unit', None)
    assert ours.info.description == theirs.info.description
    if isinstance(theirs, SkyCoord):
        assert ours.is_equivalent_frame(theirs)
        assert_array_equal(ours.spherical.lon, theirs.spherical.lon)
        assert_array_equal(ours.spherical.lat, theirs.spherical.lat)
        return
    if not isinstance(theirs, Time):
        assert ours.dtype.kind == theirs.dtype.kind
    masks = [np.broadcast_to(getattr(c, 'mask', False), c.shape) for c in (ours, theirs)]
    assert_array_equal(*masks)
    good = ~masks[0]
    assert (ours[good] == theirs[good]).all()


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'stamps.zarr'


@pytest.fixture(scope='module')
def fifty(tmp_path_factory):
    """A store of ``make_stamps(50)``, for reading."""
    return stored(tmp_path_factory.mktemp('fifty') / 'stamps.zarr', make_stamps(50))


@pytest.fixture
def small_pools(monkeypatch):
    """Blocks of 4 stamps of `make_stamps`, and pools of 12."""
    stamp = 6 * 7 * 4
    monkeypatch.setattr(stored_stamps, '_BLOCK_BYTES', 4 * stamp)
    monkeypatch.setattr(stored_stamps, '_POOL_BYTES', 12 * stamp)


def stored(path, stamps, *, chunk=2, shard=6):
    with StampStore.create(path, like=stamps, chunk=chunk, shard=shard) as made:
        made.append(stamps)
    return StampStore.open(path)


# What comes out is what went in


@pytest.mark.parametrize('compression', ['lz4', 'zstd', None])
@pytest.mark.parametrize('bands', [None, 3])
def test_all_parts_of_a_set_come_back(bands, compression, path):
    stamps = make_rich_stamps(bands=bands)
    made = StampStore.create(path, like=stamps, chunk=2, shard=4, compression=compression)
    made.append(stamps[:5])
    made.append(stamps[5:])
    made.close()
    found = StampStore.open(path)
    assert (found.shape, found.n_bands, found.unit) == (stamps.shape, bands, u.nJy)
    assert found.pixel_scale == stamps.pixel_scale
    assert_array_equal(found.ids, stamps.ids)
    assert_stored(found[:], stamps)
    assert_stored(found[[7, 2, 4]], stamps[[7, 2, 4]])


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_dtype_is_that_of_the_template(dtype, path):
    stamps = make_stamps(dtype=dtype)
    assert stored(path, stamps).dtype == dtype
    assert_stored(StampStore.open(path)[:], stamps)


@pytest.mark.parametrize(
    'rows',
    [
        slice(None),
        slice(3, 17),
        slice(None, None, -1),
        slice(1, 48, 5),
        slice(9, 9),
        0,
        -1,
        np.int32(7),
        [5, 0, 49, 11],
        np.array([-1, 3, -31]),
        [],
        np.arange(50) % 4 == 1,
        np.zeros(50, dtype=bool),
    ],
    ids=str,
)
def test_an_index_chooses_the_stamps_that_it_does_in_memory(rows, fifty):
    assert_stored(fifty[rows], make_stamps(50)[rows])


@pytest.mark.parametrize(
    ('rows', 'error'),
    [
        (50, IndexError),
        ([0, -51], IndexError),
        ([0.5], IndexError),
        (np.ones(49, dtype=bool), IndexError),
        ([[1]], IndexError),
        ([3, 3], ValueError),
    ],
    ids=str,
)
def test_an_invalid_index(rows, error, fifty):
    with pytest.raises(error):
        fifty[rows]


@pytest.mark.parametrize('seed', range(3))
def test_appends_of_any_size_join(seed, path):
    rng = np.random.default_rng(seed)
    stamps = make_stamps(60)
    edges = np.sort(rng.integers(0, 61, size=9))
    made = StampStore.create(path, like=stamps, chunk=2, shard=6)
    for first, last in pairwise([0, *edges, 60]):
        made.append(stamps[first:last])
        assert len(made) == last
        assert_stored(StampStore.open(path)[:], stamps[:last])


def test_extend_joins_small_sets(path, monkeypatch):
    monkeypatch.setattr(stampstore, '_EXTEND_BYTES', 12 * 6 * 7 * 4)
    commits = []
    write = AppendableArrays.append
    monkeypatch.setattr(AppendableArrays, 'append', lambda *args: commits.append(1) or write(*args))
    stamps = make_stamps(40)
    made = StampStore.create(path, like=stamps, chunk=2, shard=6)
    commits.clear()
    made.extend(stamps[k : k + 3] for k in range(0, 40, 3))
    assert len(commits) == 4
    assert_stored(StampStore.open(path)[:], stamps)


def test_a_store_is_made_from_stamps(path):
    stamps = make_rich_stamps()
    assert_stored(StampStore.from_stamps(path, stamps)[:], stamps)


def test_other_programs_read_it(path):
    stamps = make_stamps()
    stored(path, stamps)
    group = zarr.open_group(path, mode='r')
    assert {name for name, _ in group.members()} == {'pixels', 'origin', 'parents', 'meta', 'table'}
    assert_array_equal(group['pixels'][:], stamps.pixels)
    assert_array_equal(group['table/flux'][:], stamps.table['flux'].value)
    codecs = json.loads((path / 'pixels' / 'zarr.json').read_text())['codecs']
    assert codecs[0]['name'] == 'sharding_indexed'
    assert codecs[0]['configuration']['codecs'][-1]['name'] == 'crc32c'


def test_parts_of_the_table(path):
    stamps = make_rich_stamps()
    found = stored(path, stamps)
    part = found.read_table(slice(2, 5), columns=['sky', 'id', 'when'])
    assert sorted(part.colnames) == ['id', 'sky', 'when']
    assert_same_column(part['sky'], stamps.table['sky'][2:5])
    assert found.table.colnames == stamps.table.colnames
    for unknown in ('nothing', 'sky.ra'):
        with pytest.raises(KeyError, match=unknown):
            found.read_table(columns=[unknown])


def test_parents_are_kept_once(path):
    image = np.random.default_rng(0).normal(size=(50, 60))
    pixels = [(x, y) for x in range(10, 50, 8) for y in range(10, 40, 8)]
    stamps = StampSet.from_image(make_image(image), size=8, positions=pixels)
    made = StampStore.create(path, like=stamps)
    for k in range(0, len(stamps), 7):
        made.append(stamps[k : k + 7])
    found = StampStore.open(path)
    assert found._arrays.length('parents') == 1
    assert_stored(found[::-1], stamps[::-1])
    # Joined sets know that the parent is one and the same.
    assert len(concatenate([found[:3], found[5:9]]).geometry.parents) == 1


def make_image(data):
    return CCDData(data, unit='adu', wcs=make_wcs())


def test_a_store_is_copied_into_another(path, tmp_path):
    stamps = make_rich_stamps()
    first = stored(path, stamps)
    second = StampStore.create(tmp_path / 'copy.zarr', like=first[:0])
    second.extend(first.batches(5))
    assert_stored(second[:], stamps)


def test_lookup_tables_of_a_distortion_are_held(path):
    wcs = make_wcs()
    shifts = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32)
    wcs.cpdis1 = DistortionLookupTable(shifts, (1, 1), (1, 1), (30, 20))
    wcs.det2im2 = DistortionLookupTable(shifts.T.copy(), (1, 2), (3, 1), (40, 50))
    stamps = make_stamps(2, wcs=[wcs, make_wcs()])
    assert_stored(stored(path, stamps)[:], stamps)
    again = StampStore.open(path)[:]
    assert again == stamps
    assert again.wcs[0].all_pix2world([[3, 5]], 0) == pytest.approx(
        wcs.all_pix2world([[3, 5]], 0), abs=1e-12
    )
    assert again.wcs[1].cpdis1 is None


def test_stamps_of_all_parts_of_a_distorted_image_go_into_one_store(path):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ['RA---CAR', 'DEC--CAR']
    wcs.wcs.crpix = [1, 1]
    wcs.wcs.cdelt = [-0.1, 0.1]
    image = CCDData(np.ones((700, 100), np.float32), unit='adu', wcs=wcs)
    parts = [StampSet.from_image(image, size=8, positions=[(50, y)]) for y in (100, 600)]
    parts[1].table['id'] = [7]
    made = StampStore.create(path, like=parts[0])
    for part in parts:
        made.append(part)
    assert made[:].pixel_area.value == pytest.approx(
        np.concatenate([part.pixel_area.value for part in parts])
    )
    other = parts[0].replace(wcs=None, pixel_scale=100 * u.arcsec)
    with pytest.raises(ValueError, match='one pixel scale'):
        made.append(other)


def test_masks_may_come_late_and_go(path):
    stamps = make_stamps(20)
    masked = stamps.pixels.copy()
    masked[9, 2, 2] = np.inf
    table = QTable(stamps.table)
    table['flux'] = MaskedColumn(stamps.table['flux'].value, mask=np.arange(20) == 11)
    plain = QTable(stamps.table)
    plain['flux'] = stamps.table['flux'].value
    expected = StampSet(masked, unit=u.nJy, table=table)
    made = StampStore.create(path, like=StampSet(masked[:0], unit=u.nJy, table=plain[:0]), chunk=2)
    for k in range(0, 20, 5):
        made.append(expected[k : k + 5])
    found = StampStore.open(path)[:]
    assert_array_equal(found.valid, expected.valid)
    assert_array_equal(found.table['flux'].mask, table['flux'].mask)
    assert StampStore.open(path)[:5].mask is None


def test_provenance_of_all_parts_is_kept(path):
    sets = [make_stamps(2, first=2 * k, meta={'image': name}) for k, name in enumerate('aabb')]
    made = StampStore.create(path, like=sets[0])
    assert made.meta == {'image': 'a'}
    made.append(sets[0])
    made.extend(sets[1:])
    assert StampStore.open(path).meta == {'parts': [{'image': 'a'}, {'image': 'b'}]}


def test_a_set_from_a_store_can_be_sent_to_another_process(path):
    stamps = make_rich_stamps()
    found = stored(path, stamps)
    assert_stored(pickle.loads(pickle.dumps(found))[:], stamps)
    part, expected = found[2:9], stamps[2:9]
    for each in (part, expected):
        each.table.remove_column('mass')  # astropy before 7 cannot pickle a masked Quantity
    assert_stored(pickle.loads(pickle.dumps(part)), expected)
    with pytest.raises(TypeError, match='open for writing'):
        pickle.dumps(StampStore.open(path, 'a'))


# Walking over it


def ids_of(batches):
    return [batch.ids.tolist() for batch in batches]


def order_of(batches):
    return [k for batch in batches for k in batch.ids]


@pytest.mark.parametrize('options', [{}, {'drop_remainder': True}, {'skip': 9}], ids=str)
@pytest.mark.parametrize('size', [1, 5, 13, 100])
def test_batches_in_order_are_those_of_a_set(size, options, small_pools, fifty):
    found = list(fifty.batches(size, **options))
    for ours, theirs in zip(found, make_stamps(50).batches(size, **options), strict=True):
        assert_stored(ours, theirs)


@pytest.mark.parametrize('n', [0, 1, 12, 50])
def test_shuffled_batches_have_each_stamp_once(n, small_pools, path):
    stamps = make_stamps(n)
    found = stored(path, stamps)
    for size in (1, 5, 13, 100):
        batches = list(found.batches(size, shuffle=True, seed=1))
        assert [len(b) for b in batches] == [len(b) for b in stamps.batches(size)]
        assert sorted(order_of(batches)) == list(range(n))
        for batch in batches:
            assert_stored(batch, stamps[batch.ids])


@pytest.mark.parametrize('bands', [None, 3])
@pytest.mark.parametrize('shuffle', [False, True])
def test_batches_have_all_that_rows_of_the_store_have(shuffle, bands, small_pools, path):
    found = stored(path, make_rich_stamps(bands=bands))
    ids = found.ids.tolist()
    masked = []
    for batch in found.batches(3, shuffle=shuffle):
        expected = found[[ids.index(k) for k in batch.ids]]
        assert_stored(batch, expected)
        assert batch.__dict__.keys() == expected.__dict__.keys()
        masked.append(batch.mask is not None)
    assert set(masked) == {True, False}


def test_batches_in_which_stamps_have_the_same_scale_have_one(path):
    geometry = StampGeometry(
        (ParentImage((90, 90), make_wcs()),),
        np.zeros(8, dtype=int),
        np.full((8, 2), 40),
        np.repeat([1.0, 2.0], 4),
    )
    found = stored(path, make_stamps(8, geometry=geometry))
    assert found.pixel_scale is None
    first, second = (batch.pixel_scale for batch in found.batches(4))
    assert_allclose(second / first, 2, rtol=1e-3)


def test_what_is_written_into_a_batch_is_not_in_the_next(path):
    found = stored(path, make_rich_stamps())
    kept = list(found.batches(4))
    for batch in found.batches(4):
        batch.pixels[:] = 0
        batch.table['new'] = batch.table['flux'] * 0
        batch.table['flux'] *= 0
        batch.meta['new'] = 1
    for ours, theirs in zip(found.batches(4), kept, strict=True):
        assert_stored(ours, theirs)


@pytest.mark.parametrize('largest', [None, 0, 5, 100])
def test_files_are_read_however_few_bytes_the_system_reads_at_once(largest, path, monkeypatch):
    # None: a system without preadv.
    stamps = make_stamps()
    found = stored(path, stamps)
    if largest is None:
        monkeypatch.delattr('os.preadv', raising=False)
    else:

        def read_few(handle, arrays, offset):
            part = os.pread(handle, min(largest, len(arrays[0])), offset)
            arrays[0][: len(part)] = np.frombuffer(part, dtype='u1')
            return len(part)

        monkeypatch.setattr('os.preadv', read_few, raising=False)
    assert_stored(found[:], stamps)
    damage(path / 'pixels' / 'c.0.0.0', cut=10)
    with pytest.raises(StampStoreError, match='damaged'):
        found[:]


def test_several_files_are_written_at_the_same_time(path, monkeypatch):
    together, write = threading.Barrier(4, timeout=20), row_files.write_chunks

    def write_together(temporary, *arguments, **options):
        if temporary.parent.name == 'pixels':
            together.wait()
        return write(temporary, *arguments, **options)

    monkeypatch.setattr(row_files, 'write_chunks', write_together)
    stamps = make_stamps(24)
    assert_stored(stored(path, stamps)[:], stamps)


def test_the_order_depends_on_the_seed_alone(small_pools, fifty):
    first = ids_of(fifty.batches(8, shuffle=True, seed=(3, 1)))
    assert first == ids_of(StampStore.open(fifty.path).batches(8, shuffle=True, seed=(3, 1)))
    for seed in (3, (3, 0), (3, 2), (1, 3)):
        assert first != ids_of(fifty.batches(8, shuffle=True, seed=seed))


@pytest.mark.parametrize('start', [0, 1, 11, 12, 13, 37, 49, 50])
def test_iteration_can_begin_anywhere(start, small_pools, fifty):
    whole = order_of(fifty.batches(7, shuffle=True, seed=4))
    assert order_of(fifty.batches(7, shuffle=True, seed=4, skip=start)) == whole[start:]


def test_iteration_over_a_set_can_begin_anywhere():
    stamps = make_stamps(50)
    whole = order_of(stamps.batches(7, shuffle=True, seed=4))
    assert order_of(stamps.batches(7, shuffle=True, seed=4, skip=19)) == whole[19:]
    with pytest.raises(ValueError, match='`skip`'):
        stamps.batches(7, skip=51)


def test_stamps_before_the_start_are_not_read(small_pools, path, monkeypatch):
    found = stored(path, make_stamps(120))
    reads = []
    read = AppendableArrays.read

    def recorded(arrays, name, rows):
        if name == 'pixels':
            reads.append(len(rows))
        return read(arrays, name, rows)

    monkeypatch.setattr(AppendableArrays, 'read', recorded)
    list(found.batches(10, shuffle=True, seed=1, skip=100))
    assert sum(reads) == 120 - 96  # pools of 12
    reads.clear()
    walk = found.batches(10, shuffle=True, seed=1)
    next(walk)
    walk.close()
    assert sum(reads) <= 3 * 12


def test_shuffling_mixes_blocks_and_within_pools(small_pools, path):
    found = stored(path, make_stamps(400))
    ids = np.concatenate([b.ids for b in found.batches(50, shuffle=True, seed=1)])
    # Of a random order, |difference| of neighbors has the mean n / 3.
    assert np.abs(np.diff(ids)).mean() > 0.7 * 400 / 3
    blocks = [set(ids[k : k + 12] // 4) for k in range(0, 396, 12)]
    assert all(len(b) <= 4 for b in blocks)  # three blocks of 4 in a pool of 12
    assert not np.array_equal(ids[:12], np.sort(ids[:12]))


def test_a_small_store_is_mixed_as_a_whole(path):
    stamps = make_stamps(200)
    ids = np.concatenate([b.ids for b in stored(path, stamps).batches(9, shuffle=True)])
    order = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(0,))).permutation(200)
    assert_array_equal(ids, order)


def test_iteration_gives_sets_of_one(path):
    stamps = make_stamps(9)
    for ours, theirs in zip(stored(path, stamps), stamps, strict=True):
        assert_stored(ours, theirs)


@pytest.mark.parametrize(
    ('options', 'name'),
    [({'batch_size': 0}, 'batch_size'), ({'batch_size': 2, 'skip': 51}, 'skip')],
)
def test_batches_that_cannot_be(options, name, fifty):
    with pytest.raises(ValueError, match=f'`{name}`'):
        fifty.batches(**options)


def test_tf_dataset(path):
    pytest.importorskip('tensorflow')
    stamps = make_rich_stamps()
    dataset = stored(path, stamps).to_tf_dataset(5)
    assert len(dataset) == 3
    images = np.concatenate([batch.numpy() for batch in dataset])
    assert_array_equal(images[..., 0], stamps.filled())


def test_errors_of_the_background_reading_reach_the_caller(path):
    found = stored(path, make_stamps())
    damage(path / 'pixels' / 'c.2.0.0', cut=10)
    with pytest.raises(StampStoreError, match='damaged'):
        list(found.batches(4))


# Ids, and what cannot be appended


def test_an_id_that_is_there_is_refused_or_skipped(path):
    stamps = make_stamps(20)
    made = StampStore.create(path, like=stamps, chunk=2, shard=6)
    made.append(stamps[:11])
    with pytest.raises(ValueError, match=r'already \(3 of them, the first is 8\)'):
        made.append(stamps[8:14])
    assert len(made) == 11
    made.append(stamps[8:14], skip_existing=True)
    made.extend([stamps[3:16], stamps[10:], stamps], skip_existing=True)
    assert_stored(StampStore.open(path)[:], stamps)


@pytest.mark.parametrize('files', ['filled', 'waiting'])
@pytest.mark.parametrize('what', ['pixels', 'masks', 'uncertainty'])
def test_other_stamps_of_an_id_that_is_there_are_not_left_out(path, monkeypatch, what, files):
    if files == 'filled':
        monkeypatch.setattr(stampstore, '_EXTEND_BYTES', 0)
    pixels = np.random.default_rng(1).normal(size=(12, 5, 5)).astype(np.float32)
    pixels[2, 1, 1] = np.nan
    values = {
        'pixels': pixels,
        'masks': np.zeros(pixels.shape, dtype=bool),
        'uncertainty': np.ones(pixels.shape, dtype=np.float32),
    }

    def stamps(dtype=np.float32):
        return StampSet(
            values['pixels'].astype(dtype), mask=values['masks'], uncertainty=values['uncertainty']
        )

    stored(path, stamps()[:4], shard=2)
    made = StampStore.open(path, 'a')
    sets = [stamps()[2:6], stamps()[4:8], stamps()[7:11], stamps(float)[::-1]]
    made.extend(sets, skip_existing=True)
    assert made.ids.tolist() == [*range(11), 11]
    assert_array_equal(made[:].pixels, pixels)
    values[what][9, 0, 0] = 5
    with pytest.raises(ValueError, match=f'1 of the .* id 9.* with other {what}: `skip_existing`'):
        made.extend([stamps()[:3], stamps()[5:]], skip_existing=True)
    assert len(made) == 12


def test_ids_as_text(path):
    stamps = make_rich_stamps()
    made = StampStore.from_stamps(path, stamps[:4])
    longer = stamps[4:]
    longer.table['id'] = [f'a much longer name {k}' for k in range(len(longer))]
    made.append(longer)
    made.append(longer, skip_existing=True)
    assert_array_equal(made.ids, [*stamps.ids[:4], *longer.ids])
    assert len(set(made.ids)) == len(stamps)


@pytest.fixture(scope='module')
def four(tmp_path_factory):
    """A store of 4 stamps with a pixel scale, for writing."""
    stamps = make_stamps(4, pixel_scale=0.06 * u.arcsec)
    return StampStore.from_stamps(tmp_path_factory.mktemp('four') / 'stamps.zarr', stamps)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'size': 7}, 'one size'),
        ({'bands': 2}, 'number of bands'),
        ({'unit': u.mJy}, 'one unit'),
        ({'unit': None}, 'one unit'),
        ({'pixel_scale': 0.05 * u.arcsec}, 'one pixel scale'),
        ({'pixel_scale': None}, 'one pixel scale'),
        ({'uncertainty': np.ones((3, 6, 7))}, 'Uncertainty'),
        ({'psf': np.ones((3, 3))}, 'PSF'),
        ({'table': QTable({'id': [30, 31, 32]})}, "missing: .'flux'."),
        (
            {'table': QTable({'id': [30, 31, 32], 'flux': [1, 2, 3] * u.nJy, 'a': [1, 2, 3]})},
            'unkn',
        ),
        ({'table': QTable({'id': [30, 31, 32], 'flux': [1.0, 2, 3]})}, "'flux'.*differs in type"),
        ({'table': QTable({'id': [30, 31, 32], 'flux': [1, 2, 3] * u.m})}, "'flux'.*unit"),
        ({'table': QTable({'id': ['a', 'b', 'c'], 'flux': [1, 2, 3] * u.nJy})}, "'id'.*dtype"),
        ({'table': QTable({'id': [1, 2, 3], 'flux': np.ones((3, 2)) * u.nJy})}, "'flux'.*shape"),
    ],
    ids=str,
)
def test_stamps_that_do_not_fit_the_store(change, message, four):
    common = {'pixel_scale': 0.06 * u.arcsec}
    with pytest.raises(ValueError, match=message):
        four.append(make_stamps(3, first=30, **{**common, **change}))
    assert len(StampStore.open(four.path)) == 4


def test_units_and_order_of_columns_are_converted(path):
    made = StampStore.from_stamps(path, make_stamps(4))
    other = make_stamps(3, first=4)
    other.table = other.table['flux', 'id']
    other.table['flux'] = other.table['flux'].to(u.uJy)
    made.append(other)
    assert_allclose(made.table['flux'].to_value(u.nJy), 2 * np.arange(7))


def test_too_large_for_the_dtype(path):
    made = StampStore.from_stamps(path, make_stamps(2))
    large = make_stamps(2, first=2, dtype=np.float64)
    large.pixels[1, 3, 3] = 1e60
    with pytest.raises(ValueError, match=r'`pixels` .* float32'):
        made.append(large)
    assert len(made) == 2


# Opening and making


def test_reading_only(path):
    found = stored(path, make_stamps())
    with pytest.raises(StampStoreError, match="`mode` 'a'"):
        found.append(make_stamps(2, first=90))


@pytest.mark.parametrize('mode', ['r', 'a'])
def test_a_path_that_is_no_store(mode, tmp_path):
    with pytest.raises(FileNotFoundError, match='no store of stamps'):
        StampStore.open(tmp_path / 'nothing', mode)
    file = tmp_path / 'file'
    file.write_text('text')
    zarr.create_group(tmp_path / 'other.zarr')
    (tmp_path / 'empty').mkdir()
    for name in ('file', 'other.zarr', 'empty'):
        before = sorted(tmp_path.rglob('*'))
        with pytest.raises(StampStoreError, match=f'{name} is not a store of stamps'):
            StampStore.open(tmp_path / name, mode)
        assert sorted(tmp_path.rglob('*')) == before


def test_a_store_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / 'stamps.zarr'
    StampStore.create(path, like=StampSet(np.zeros((0, 8, 8)))).close()

    def refused(*arguments):
        raise PermissionError(errno.EACCES, 'Permission denied')

    monkeypatch.setattr(os, 'open', refused)
    with pytest.raises(StampStoreError, match=r'zarr\.json cannot be read: Permission denied\.$'):
        StampStore.open(path)


def test_a_path_is_opened_not_called():
    with pytest.raises(
        TypeError, match=r"made by StampStore.open\(path\) or .*; got 'stamps.zarr'"
    ):
        StampStore('stamps.zarr')


def test_unknown_mode(path):
    with pytest.raises(ValueError, match="`mode` must be 'r' or 'a'; got 'w'"):
        StampStore.open(path, 'w')


def test_a_store_of_another_version(path):
    stored(path, make_stamps())
    text = (path / 'zarr.json').read_text()
    (path / 'zarr.json').write_text(text.replace('"version": 2', '"version": 7'))
    with pytest.raises(StampStoreError, match='version 7'):
        StampStore.open(path)


def test_create_does_not_replace_by_accident(path):
    stamps = make_stamps(5)
    stored(path, stamps)
    with pytest.raises(FileExistsError, match='`overwrite`'):
        StampStore.create(path, like=stamps)
    made = StampStore.create(path, like=stamps[:0], overwrite=True)
    assert len(made) == 0
    with pytest.raises(StampStoreError, match='already open for writing'):
        StampStore.create(path, like=stamps, overwrite=True)


def test_create_never_replaces_other_files(tmp_path):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work' / 'thesis.tex').write_text('all of it')
    with pytest.raises(FileExistsError, match='is not a store of stamps'):
        StampStore.create(tmp_path / 'work', like=make_stamps(), overwrite=True)
    assert (tmp_path / 'work' / 'thesis.tex').read_text() == 'all of it'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'chunk': 0}, '`chunk`'),
        ({'chunk': 4, 'shard': 6}, '`shard` must be a multiple of `chunk`, 4; got 6'),
        ({'chunk': 1.5}, '`chunk`'),
        ({'compression': 'zip'}, '`compression`'),
    ],
    ids=str,
)
def test_create_with_bad_arguments(options, message, path):
    with pytest.raises(ValueError, match=message):
        StampStore.create(path, like=make_stamps(), **options)
    assert not path.exists()


def test_create_like_stamps_that_cannot_be_stored(path, tmp_path):
    unknown = u.Unit('furlongs', parse_strict='silent')
    objects = QTable({'id': [1], 'what': np.array([object()])})
    for stamps, error, message in (
        (make_stamps(1, unit=unknown), ValueError, 'furlongs'),
        (make_stamps(1, table=objects), TypeError, "'what'.*object"),
        (make_stamps(1, meta={'a': object()}), TypeError, '`meta`'),
    ):
        with pytest.raises(error, match=message):
            StampStore.create(path, like=stamps)
    assert list(tmp_path.iterdir()) == []


# Two at once


def test_one_writer_at_a_time(path):
    first = StampStore.from_stamps(path, make_stamps(4))
    with pytest.raises(StampStoreError, match='only one writer is possible'):
        StampStore.open(path, 'a')
    assert len(StampStore.open(path)) == 4
    first.close()
    with pytest.raises(StampStoreError, match='reading only'):
        first.append(make_stamps(1, first=70))
    second = StampStore.open(path, 'a')
    del second
    with StampStore.open(path, 'a') as third:
        third.append(make_stamps(2, first=50))


def test_a_reader_keeps_its_view_while_a_writer_appends(path):
    stamps = make_stamps(20)
    made = StampStore.create(path, like=stamps, chunk=4, shard=8)
    made.append(stamps[:9])
    reader = StampStore.open(path)
    for k in range(9, 20):
        made.append(stamps[k])
        assert len(reader) == 9
        assert_stored(reader[:], stamps[:9])
        assert_stored(reader[8], stamps[8])


# Damage


def damage(file, *, cut=None, flip=None):
    content = bytearray(file.read_bytes())
    if cut is not None:
        content = content[:-cut]
    if flip is not None:
        content[flip] ^= 0x10
    file.write_bytes(content)


@pytest.mark.parametrize('cut', [1, 4, 40, 200, None])
def test_a_truncated_file(cut, path):
    found = stored(path, make_stamps())
    file = path / 'pixels' / 'c.1.0.0'
    damage(file, cut=file.stat().st_size if cut is None else cut)
    assert len(found[:6]) == 6
    with pytest.raises(StampStoreError, match=r'`pixels` of the store .*stamps.zarr is damaged'):
        found[:]
    with pytest.raises(StampStoreError, match='damaged'):
        found[7]


def test_each_flipped_bit_is_noticed(path):
    stamps = make_stamps()
    stored(path, stamps)
    rng = np.random.default_rng(1)
    for name in (
        'pixels/c.0.0.0',
        'pixels/c.1.0.0',
        'table/flux/c.0',
        'origin/c.0.0',
        'parents/c.0',
    ):
        whole = (path / name).read_bytes()
        for flip in rng.integers(0, len(whole), size=12):
            damage(path / name, flip=flip)
            with pytest.raises(StampStoreError, match=f'`{name.rpartition("/")[0]}`'):
                StampStore.open(path)[:].wcs[0]
            (path / name).write_bytes(whole)
    assert_stored(StampStore.open(path)[:], stamps)


@pytest.mark.parametrize('name', ['pixels/c.3.0.0', 'table/id/c.0', 'mask/c.0.0.0', 'table/id'])
def test_a_missing_file(name, path):
    stored(path, make_rich_stamps(20))
    if name == 'table/id':
        shutil.rmtree(path / name)
    else:
        (path / name).unlink()
    for mode in ('r', 'a'):
        with pytest.raises(StampStoreError, match=f'`{name.rpartition("/c")[0] or name}`'):
            StampStore.open(path, mode)


# Failures and kills while it is written


def test_no_failure_of_the_disk_changes_the_store(path, monkeypatch):
    stamps = make_rich_stamps()
    made = StampStore.create(path, like=stamps, chunk=2, shard=4)
    made.append(stamps[:3])
    left = None

    def failing(handle):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr('os.fsync', failing)
    failures = 0
    while len(made) == 3:
        left = 3 * failures
        said = None
        try:
            made.append(stamps[3:9])
        except OSError as error:
            said = error
        if said is not None:
            failures += 1
            assert said.errno == errno.ENOSPC
            assert str(path) in str(said)
            assert len(made) == 3
            assert_stored(made[:], stamps[:3])
            assert_stored(StampStore.open(path)[:], stamps[:3])
            assert not list(path.rglob('.[0-9]*'))
    assert failures > 12
    left = 1000
    assert_stored(StampStore.open(path)[:], stamps[:9])
    made.append(stamps[9:])
    assert_stored(StampStore.open(path)[:], stamps)


def test_data_are_flushed_before_the_state(path, monkeypatch):
    replace, events = os.replace, []
    monkeypatch.setattr('os.fsync', lambda handle: events.append('sync'))
    monkeypatch.setattr('os.replace', lambda old, new: events.append(str(new)) or replace(old, new))
    stamps = make_stamps()
    made = StampStore.create(path, like=stamps, chunk=2, shard=6)
    events.clear()
    made.append(stamps)
    files = [event for event in events if event != 'sync']
    assert files[-1] == str(path / 'zarr.json')
    # Once before the first file is replaced, by which a reader knows it, and once at the end.
    assert [k for k, file in enumerate(files) if file == files[-1]] in (
        [len(files) - 1],
        [0, len(files) - 1],
    )
    assert events[-1] == 'sync'  # of the folder
    assert events.count('sync') >= 2 * len(files) - 12


_WRITER = """
import os, sys
import numpy as np
from astropy.table import QTable
from astro_wgan.stamps import StampSet
from astro_wgan.store.stampstore import StampStore

def write(path):
    with StampStore.open(path, 'a') as store:
        while True:
            n = len(store)
            count = 1 + n % 7
            ids = np.arange(n, n + count)
            pixels = np.zeros((count, 16, 16), np.float32) + ids[:, None, None]
            pixels[:, 0, 0] = np.where(ids % 5, 0, np.nan)
            store.append(StampSet(pixels, table=QTable({'id': ids, 'square': ids**2.0})))

for path in sys.stdin:
    child = os.fork()  # the imports take longer than the rest of the test
    if not child:
        write(path.strip())
    print(child, flush=True)
    os.waitpid(child, 0)
    print('dead', flush=True)
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
def test_a_kill_at_any_moment_neither_loses_nor_doubles_a_stamp(path):
    like = StampSet(
        np.zeros((0, 16, 16), np.float32), table=QTable({'id': [0], 'square': [0.0]})[:0]
    )
    StampStore.create(path, like=like, chunk=2, shard=8).close()
    rng = np.random.default_rng(0)
    process = subprocess.Popen(
        [sys.executable, '-c', _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lengths, n_unfinished = [0], 0
    with process:
        # On a slow machine it takes more kills until enough is written, and one comes amid writing.
        while len(lengths) <= 12 or lengths[-1] <= 30 or n_unfinished == 0:
            assert len(lengths) < 100
            process.stdin.write(f'{path}\n')
            process.stdin.flush()
            child = int(process.stdout.readline())
            time.sleep(rng.uniform(0.1, 0.4))
            os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == 'dead\n'
            found = StampStore.open(path)
            n_unfinished += zarr.open_array(path / 'pixels', mode='r').shape[0] != len(found)
            stamps = found[:]
            n = len(stamps)
            assert n >= lengths[-1]
            assert_array_equal(stamps.ids, np.arange(n))
            assert_array_equal(stamps.table['square'], np.arange(n) ** 2)
            assert_array_equal(stamps.pixels[:, 1, 1], np.arange(n))
            assert_array_equal(~stamps.valid[:, 0, 0], np.arange(n) % 5 == 0)
            # What counts ends with a whole append: their sizes follow from the length.
            steps = [0]
            while steps[-1] < n:
                steps.append(steps[-1] + 1 + steps[-1] % 7)
            assert steps[-1] == n
            lengths.append(n)
        process.stdin.close()
    # A writer that opens it finds and removes what was half written.
    with StampStore.open(path, 'a'):
        assert zarr.open_array(path / 'pixels', mode='r').shape[0] == lengths[-1]
        assert not list(path.rglob('.[0-9]*'))
