"""Atomic creation and replacement of stores, locks, and the remains of killed processes."""

import base64
import errno
import json
import os
import shutil
import signal
import sys
import threading
import time

import numpy as np
import pytest
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning
from numpy.testing import assert_array_equal

from astro_wgan.exceptions import StampStoreError
from astro_wgan.stamps import StampSet
from astro_wgan.store.arrays import appendable as growing
from astro_wgan.store.arrays import creation as store_making
from astro_wgan.store.arrays import writer_lock as store_lock
from astro_wgan.store.arrays.writer_lock import LOCK, WriterLock
from astro_wgan.store.stampstore import StampStore

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'stamps.zarr'


def make_stamps(n=5, first=0, *, masked=False):
    ids = np.arange(first, first + n)
    pixels = np.zeros((n, 4, 4), dtype=np.float32) + ids[:, None, None].astype(np.float32)
    if masked:
        pixels[0, 1, 1] = np.nan
    return StampSet(pixels, table=QTable({'id': ids, 'name': [f'a{k}' for k in ids]}))


def stored(path, stamps, **options):
    with StampStore.create(path, like=stamps[:0], **{'chunk': 2, 'shard': 4, **options}) as store:
        store.append(stamps)


def assert_holds(path, ids):
    store = StampStore.open(path)
    assert store.ids.tolist() == list(ids)
    valid = store[:].valid
    assert_array_equal(
        store[:].pixels[valid], np.broadcast_to(store.ids[:, None, None], valid.shape)[valid]
    )


def hidden(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith('.'))


def in_a_fork(function):
    """Run a function in a forked process; how that ended."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(monkeypatch, module, name, count):
    """A process that is killed at the n-th call of a function."""
    calls = iter(range(count, -1, -1))
    real = getattr(module, name)

    def kill(*args, **options):
        if next(calls) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)

    monkeypatch.setattr(module, name, kill)


# Making


@needs_fork
@pytest.mark.parametrize('is_exchanged', [True, False])
@pytest.mark.parametrize('name', ['rename', 'replace', 'mkdir', 'fsync', 'rmdir', 'unlink'])
def test_a_kill_while_a_store_is_replaced_leaves_the_former_or_the_new(
    name, is_exchanged, path, monkeypatch
):
    if not is_exchanged:
        monkeypatch.setattr(store_making, '_exchanged', lambda first, second: False)
    seen = set()
    for count in range(0, 80, 1 if name in ('rename', 'rmdir') else 5):
        shutil.rmtree(path, ignore_errors=True)
        stored(path, make_stamps())
        with monkeypatch.context() as patched:
            killed_at(patched, os, name, count)
            end = in_a_fork(lambda: StampStore.create(path, like=make_stamps()[:0], overwrite=True))
        if is_exchanged:
            assert path.exists()
        found = StampStore.open(path).ids.tolist()
        assert found in ([], list(range(5)))
        seen.add((end, len(found)))
        if end == 0:
            break
    assert (0, 0) in seen
    assert seen - {(0, 0)} <= {(-signal.SIGKILL, 5), (-signal.SIGKILL, 0)}
    StampStore.create(path, like=make_stamps()[:0], overwrite=True).close()
    assert hidden(path.parent) == []


@needs_fork
def test_a_kill_while_a_store_is_created_leaves_nothing(path, monkeypatch):
    ends = set()
    for count in (0, 3, 9, 27):
        with monkeypatch.context() as patched:
            killed_at(patched, os, 'replace', count)
            ends.add(in_a_fork(lambda: stored(path, make_stamps())))
        shutil.rmtree(path, ignore_errors=True)
    assert -signal.SIGKILL in ends
    stored(path, make_stamps())
    assert hidden(path.parent) == []


def test_temporary_folders_of_running_processes_are_kept(path):
    with store_making.made_folder(path) as (folder, _):
        (folder / 'work').write_text('of hours')
        stored(path, make_stamps())
        StampStore.open(path, 'a').close()
        assert (folder / 'work').read_text() == 'of hours'
        shutil.rmtree(path)


def test_folders_with_similar_names_are_kept(path):
    stored(path, make_stamps())
    names = ['.stamps.zarr.backup', '.2024-stamps.zarr', '.stamps.zarr.0123456789ab.news']
    names += ['.other.zarr.0123456789ab.new', 'stamps.zarr.0123456789ab.new']
    for name in names:
        (path.parent / name).mkdir()
    StampStore.create(path, like=make_stamps()[:0], overwrite=True).close()
    assert {*names, path.name} == set(os.listdir(path.parent))


def test_of_two_processes_that_create_a_store_the_first_to_finish_wins(path):
    made = store_making.made_folder(path)
    folder, lock = made.__enter__()
    (folder / 'unfinished').write_text('')
    stored(path, make_stamps())
    with pytest.raises(FileExistsError, match='in the meantime'):
        made.__exit__(None, None, None)
    assert not lock.is_held
    assert_holds(path, range(5))
    assert hidden(path.parent) == []


def test_of_two_processes_that_replace_a_store_the_second_is_refused(path, monkeypatch):
    stored(path, make_stamps())
    entered, go_on = threading.Event(), threading.Event()
    real = growing.write_state

    def slow(*args):
        entered.set()
        go_on.wait(20)
        return real(*args)

    monkeypatch.setattr(growing, 'write_state', slow)
    first = threading.Thread(
        target=lambda: StampStore.create(path, like=make_stamps(2)[:0], overwrite=True)
    )
    first.start()
    assert entered.wait(20)
    with pytest.raises(StampStoreError, match='already open for writing'):
        StampStore.create(path, like=make_stamps(), overwrite=True)
    assert_holds(path, range(5))
    go_on.set()
    first.join()
    assert_holds(path, [])
    assert hidden(path.parent) == []


def test_a_created_store_is_locked_at_once(path):
    store = StampStore.create(path, like=make_stamps())
    with pytest.raises(StampStoreError, match='already open for writing'):
        StampStore.open(path, 'a')
    store.append(make_stamps())
    assert_holds(path, range(5))


@pytest.mark.parametrize('others', [make_stamps(first=100), make_stamps()[::-1]])
def test_a_reader_notices_that_a_store_has_been_replaced(others, path):
    stored(path, make_stamps())
    reader = StampStore.open(path)
    stored(path, others, overwrite=True)
    for _ in range(2):  # also once it has seen the state of the other store
        with pytest.raises(StampStoreError, match='has been replaced by another one'):
            reader[:]


def test_a_damaged_store_can_be_replaced(path):
    stored(path, make_stamps())
    shutil.rmtree(path / 'table')
    with pytest.raises(StampStoreError):
        StampStore.open(path)
    StampStore.create(path, like=make_stamps()[:0], overwrite=True).append(make_stamps())
    assert_holds(path, range(5))


# Writing


@needs_fork
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('name', ['replace', 'fsync', 'mkdir', 'open'])
def test_a_kill_at_each_step_of_an_append_leaves_all_or_nothing(name, masked, path, monkeypatch):
    more = make_stamps(6, first=50, masked=masked)
    seen = []
    for count in range(0, 400, 1 if name == 'mkdir' else 7):
        shutil.rmtree(path, ignore_errors=True)
        stored(path, make_stamps())
        with monkeypatch.context() as patched:
            killed_at(patched, os, name, count)
            end = in_a_fork(lambda: StampStore.open(path, 'a').append(more))
        before = StampStore.open(path).ids.tolist()
        assert before in ([*range(5)], [*range(5), *range(50, 56)])
        with StampStore.open(path, 'a') as store:
            assert not list(path.rglob('.[0-9]*'))
            assert (path / 'mask').exists() == (masked and len(store) == 11)
            store.append(more, skip_existing=True)
        assert_holds(path, [*range(5), *range(50, 56)])
        seen.append(end)
        if end == 0:
            break
    assert seen[-1] == 0
    assert masked or name == 'mkdir' or -signal.SIGKILL in seen


def test_a_second_writer_is_noticed_without_a_lock(path):
    first = StampStore.create(path, like=make_stamps()[:0])
    first.append(make_stamps())
    first._arrays._lock.release()
    second = StampStore.open(path, 'a')
    first._arrays._lock = WriterLock(shutil.copytree(path, path.with_name('elsewhere')))
    second.append(make_stamps(first=10))
    with pytest.raises(StampStoreError, match='changed by another writer'):
        first.append(make_stamps(first=20))
    assert_holds(path, [*range(5), *range(10, 15)])


@needs_fork
def test_a_forked_process_neither_writes_nor_holds_the_lock(path):
    store = StampStore.create(path, like=make_stamps()[:0])

    def append():
        with pytest.raises(StampStoreError, match='reading only'):
            store.append(make_stamps())

    assert in_a_fork(append) == 0
    ready, child_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(child_ready, b'1')
        time.sleep(60)
        os._exit(0)
    try:
        os.read(ready, 1)
        store.append(make_stamps())
        store.close()
        with StampStore.open(path, 'a') as other:
            other.append(make_stamps(first=10))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert_holds(path, [*range(5), *range(10, 15)])


@needs_fork
def test_the_lock_ends_with_a_killed_process(path):
    stored(path, make_stamps())
    end = in_a_fork(lambda: (StampStore.open(path, 'a'), os.kill(os.getpid(), signal.SIGKILL)))
    assert end == -signal.SIGKILL
    StampStore.open(path, 'a').append(make_stamps(first=10))


def test_a_file_system_without_locks_gives_a_warning(path, monkeypatch):
    stored(path, make_stamps())

    def refused(handle, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(store_lock.fcntl, 'flock', refused)
    with pytest.warns(AstropyUserWarning, match='has no locks: make sure'):
        store = StampStore.open(path, 'a')
    store.append(make_stamps(first=10))
    assert_holds(path, [*range(5), *range(10, 15)])


def test_the_lock_of_a_replaced_store_is_acquired_again(path, monkeypatch):
    stored(path, make_stamps())
    real, calls = os.open, []

    def replaced_meanwhile(file, *args, **options):
        handle = real(file, *args, **options)
        if str(file).endswith(str(LOCK)) and not calls:
            calls.append(file)
            shutil.rmtree(path)
            shutil.copytree(path.with_name('copy'), path)
        return handle

    shutil.copytree(path, path.with_name('copy'))
    monkeypatch.setattr('os.open', replaced_meanwhile)
    lock = WriterLock(path)
    with pytest.raises(StampStoreError, match='already open for writing'):
        WriterLock(path)
    lock.release()
    assert calls


@pytest.mark.skipif(not hasattr(os, 'getuid') or os.getuid() != 0, reason='root becomes nobody')
@needs_fork
def test_a_folder_that_may_not_be_written_is_read(tmp_path):
    path = tmp_path / 'stamps.zarr'
    stored(path, make_stamps())
    for folder in (tmp_path, *tmp_path.parents):
        if os.stat(folder).st_mode & 0o005 != 0o005:
            pytest.skip('others may not come here')

    def read():
        os.setuid(65534)
        assert_holds(path, range(5))
        with pytest.raises(StampStoreError, match='cannot be written: Permission denied'):
            StampStore.open(path, 'a')
        with pytest.raises(PermissionError, match='stamps'):
            StampStore.create(tmp_path / 'more.zarr', like=make_stamps())

    assert in_a_fork(read) == 0


@pytest.mark.parametrize('kind', ['read-only', 'memory-mapped', 'broadcast', 'reversed'])
def test_arrays_that_cannot_be_written_are_appended(kind, path, tmp_path):
    pixels = np.random.default_rng(1).normal(size=(5, 4, 4)).astype(np.float32)
    np.save(tmp_path / 'pixels.npy', pixels)
    pixels.setflags(write=False)
    given = {
        'read-only': pixels,
        'memory-mapped': np.load(tmp_path / 'pixels.npy', mmap_mode='r'),
        'broadcast': np.broadcast_to(pixels[0], pixels.shape),
        'reversed': pixels[::-1, :, ::-1],
    }[kind]
    stamps = StampSet(given, uncertainty=np.broadcast_to(np.float32(2), given.shape))
    stored(path, stamps, compression='lz4')
    assert_array_equal(StampStore.open(path)[:].pixels, given)
    assert (StampStore.open(path)[:].uncertainty == 2).all()


@pytest.mark.skipif(sys.platform == 'win32', reason='has no limits of files')
def test_a_full_disk_names_the_file(path):
    import resource

    store = StampStore.create(path, like=make_stamps()[:0], chunk=64, shard=128)
    store.append(make_stamps())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(OSError, match=r'pixels/c\.0\.0\.0 cannot be written: File too large'):
            store.append(make_stamps(100, first=10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_holds(path, range(5))
    assert not list(path.rglob('.[0-9]*'))
    store.append(make_stamps(100, first=10))
    assert_holds(path, [*range(5), *range(10, 110)])


# Files that are others


def test_a_file_of_another_array_version_or_store_is_noticed(path, tmp_path):
    stored(path, make_stamps(12))
    earlier = shutil.copytree(path, tmp_path / 'earlier')
    stored(tmp_path / 'other.zarr', make_stamps(12, first=100))
    with StampStore.open(path, 'a') as store:
        store.append(make_stamps(2, first=30))
    for name, source in {
        'pixels/c.1.0.0': path / 'pixels/c.2.0.0',
        'pixels/c.0.0.0': tmp_path / 'other.zarr/pixels/c.0.0.0',
        'table/id/c.0': earlier / 'table/id/c.0',
        'table/name/c.0': tmp_path / 'other.zarr/table/name/c.0',
    }.items():
        kept = (path / name).read_bytes()
        shutil.copy(source, path / name)
        with pytest.raises(StampStoreError, match='another file, version or store'):
            StampStore.open(path)[:]
        (path / name).write_bytes(kept)
    assert_holds(path, [*range(12), 30, 31])


def test_an_array_of_another_store_is_noticed(path, tmp_path):
    stored(path, make_stamps())
    other = StampSet(np.ones((5, 4, 4), dtype=np.float64), table=make_stamps().table)
    stored(tmp_path / 'other.zarr', other)
    shutil.rmtree(path / 'pixels')
    shutil.copytree(tmp_path / 'other.zarr' / 'pixels', path / 'pixels')
    with pytest.raises(StampStoreError, match=r'zarr.json belongs to another array'):
        StampStore.open(path)


def test_rows_are_not_appended_to_damaged_ones(path):
    stored(path, make_stamps(7))
    whole = (path / 'pixels' / 'c.1.0.0').read_bytes()
    for flip in (3, 70, 140, len(whole) - 1):
        content = bytearray(whole)
        content[flip] ^= 1
        (path / 'pixels' / 'c.1.0.0').write_bytes(content)
        with StampStore.open(path, 'a') as store, pytest.raises(StampStoreError, match='damaged'):
            store.append(make_stamps(2, first=20))
        assert (path / 'pixels' / 'c.1.0.0').read_bytes() == content
    (path / 'pixels' / 'c.1.0.0').write_bytes(whole)
    assert_holds(path, range(7))


def test_flipped_bits_never_change_values_unnoticed(path):
    stored(path, make_stamps(7, masked=True))
    expected = StampStore.open(path)[:]
    rng = np.random.default_rng(3)
    files = sorted(file for file in path.rglob('*') if file.is_file() and file.name != '.lock')
    refused = 0
    for file in files:
        whole = file.read_bytes()
        bits = rng.integers(0, 8 * len(whole), size=20)
        for bit in bits:
            content = bytearray(whole)
            content[bit // 8] ^= 1 << (bit % 8)
            file.write_bytes(content)
            try:
                store = StampStore.open(path)
                found = store[:]
            except StampStoreError:
                refused += 1
                continue
            assert_array_equal(found.pixels, expected.pixels)
            assert_array_equal(found.valid, expected.valid)
            assert found.table['id', 'name'].values_equal(expected.table['id', 'name'])
            assert [found.unit, found.meta] == [expected.unit, expected.meta]
            assert [p.shape for p in found.geometry.parents] == [(4, 4)] * len(
                found.geometry.parents
            )
        file.write_bytes(whole)
    assert refused > 100


def test_the_checksums_are_those_of_the_chunks(path):
    stored(path, make_stamps(7), compression=None)
    state = json.loads((path / 'zarr.json').read_text())['attributes']['astro_wgan']
    known = np.frombuffer(base64.b64decode(state['arrays']['pixels']['checksums']), '<u4')
    chunk = 2 * 16 * 4 + 4
    files = [(path / 'pixels' / f'c.{k}.0.0').read_bytes() for k in (0, 1)]
    found = [files[0][chunk - 4 : chunk], files[0][2 * chunk - 4 : 2 * chunk]]
    found += [files[1][chunk - 4 : chunk], files[1][2 * chunk - 4 : 2 * chunk]]
    assert_array_equal(known, np.frombuffer(b''.join(found), '<u4'))
