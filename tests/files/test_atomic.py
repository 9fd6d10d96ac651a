import errno
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.atomic import atomic_write, read_arrays, read_bytes, write_arrays
from astro_wgan.files.temporary_names import temporary_path


def test_file_appears_whole(tmp_path):
    path = tmp_path / 'a.txt'
    with atomic_write(path) as temporary:
        temporary.write_text('new')
        assert not path.exists()
        assert temporary.suffix == path.suffix
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


def test_error_keeps_the_former_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def break_off():
        with atomic_write(path) as temporary:
            temporary.write_text('half')
            raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        break_off()
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, sys
from astro_wgan.files.atomic import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text('half')
    os._exit(9)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / 'a.txt'
    assert subprocess.run([sys.executable, '-c', KILLED, path]).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    # Of a writer that lives, of one on another machine, and of the user's own.
    others = [temporary_path(path), tmp_path / '.12.0123abcd.1-a.txt', tmp_path / '.12-notes-a.txt']
    for other in others:
        other.touch()
    # So old that no writer can be at it still.
    (tmp_path / '.11.0123abcd.1-a.txt').touch()
    os.utime(tmp_path / '.11.0123abcd.1-a.txt', (0, 0))
    with atomic_write(path) as temporary:
        temporary.write_text('whole')
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_folders_of_many_files_are_not_listed_for_each(tmp_path, monkeypatch):
    lists, list_folder = [], os.listdir

    def listed(path):
        lists.append(path)
        return list_folder(path)

    monkeypatch.setattr(os, 'listdir', listed)
    monkeypatch.setattr('astro_wgan.files.temporary_names._SLOW', -1.0)
    monkeypatch.setattr('astro_wgan.files.temporary_names._SHARE', 1e-9)
    for k in range(5):
        with atomic_write(tmp_path / f'{k}.txt') as temporary:
            temporary.touch()
    assert lists == [tmp_path]


def test_two_writers_in_one_process_do_not_meet(tmp_path):
    path = tmp_path / 'a.txt'
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text('first')
        second.write_text('second')
    assert path.read_text() == 'first'
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / 'missing' / 'a.txt'
    with pytest.raises(FileNotFoundError, match=r'^The file .*/a\.txt cannot be written: No'):
        write_arrays(path, a=np.zeros(3))


def test_a_full_disk_is_told_and_the_former_file_stays(tmp_path):
    resource = pytest.importorskip('resource')
    path = tmp_path / 'a.npz'
    write_arrays(path, a=np.arange(3))
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, former[1]))
    try:
        with pytest.raises(OSError, match=r'^The file .*a\.npz cannot be written: File too large'):
            write_arrays(path, a=np.arange(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert read_arrays(path)['a'].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


#: Files of more than 20,000 bytes do not fit, as where a disk is full.
WRITERS = """
import resource, signal, sys
import numpy as np
from astropy.io import fits
from astropy.table import QTable
from astro_wgan import StampSet
from astro_wgan.files.atomic import atomic_write, write_arrays
from astro_wgan.gallery import write_gallery

path, kind = sys.argv[1:]
noise = np.random.default_rng(1).normal(size=(20, 40, 40))
table = QTable({'id': np.arange(20), 'score': np.arange(20.0), 'rank': np.arange(20)})

def image():
    with atomic_write(path) as temporary:
        fits.PrimaryHDU(noise).writeto(temporary)

def scores():
    with atomic_write(path) as temporary:
        QTable({'noise': noise.ravel()}).write(temporary, format='ascii.ecsv')

writers = {
    'npz': lambda: write_arrays(path, noise=noise),
    'html': lambda: write_gallery(
        path, table, rows=np.arange(20), inputs=noise, closest_images=noise, residuals=noise
    ),
    'fits': image,
    'ecsv': scores,
}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    writers[kind]()
except OSError as error:
    print(error)
    sys.exit(error.errno)
"""


@pytest.mark.skipif(os.name != 'posix', reason='needs limits of the system')
@pytest.mark.parametrize('kind', ['npz', 'html', 'fits', 'ecsv'])
def test_every_writer_names_the_file_that_does_not_fit(tmp_path, kind):
    path = tmp_path / f'file.{kind}'
    path.write_text('former')
    done = subprocess.run(
        [sys.executable, '-c', WRITERS, path, kind], capture_output=True, text=True, timeout=120
    )
    assert f'The file {path} cannot be written: ' in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 1
    # From which the exit code of commands is found.
    assert done.returncode in (errno.EFBIG, errno.ENOSPC)
    assert path.read_text() == 'former'
    assert list(tmp_path.iterdir()) == [path]


def test_pipes_and_folders_are_not_waited_for(tmp_path):
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    for path, kind in ((pipe, 'a named pipe'), (tmp_path, 'a folder'), ('/dev/zero', 'a device')):
        for read in (read_bytes, read_arrays):
            with pytest.raises(DamagedFileError, match=f'is {kind}, not a file'):
                read(path)


def test_longer_files_than_allowed_are_not_read(tmp_path):
    path = tmp_path / 'long'
    with open(path, 'wb') as file:
        file.truncate(2**40)
    with pytest.raises(DamagedFileError, match=r'long would take 1\.0 TiB of memory; allowed are'):
        read_bytes(path)
    assert read_bytes(__file__, max_size=1e6).startswith(b'import errno')


ARRAYS = {
    'numbers': np.arange(6.0).reshape(2, 3),
    'turned': np.asfortranarray(np.arange(6).reshape(2, 3)),
    'text': np.array(['a', 'longer']),
    'one': np.array(5),
    'none': np.zeros((0, 3)),
}


def test_arrays_come_back_as_they_were(tmp_path):
    path = tmp_path / 'a.npz'
    write_arrays(path, **ARRAYS)
    found = read_arrays(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable
    assert list(read_arrays(path, ['one'])) == ['one']
    with pytest.raises(KeyError):
        read_arrays(path, ['other'])


def test_no_flipped_bit_changes_an_array(tmp_path):
    path = tmp_path / 'a.npz'
    write_arrays(path, **ARRAYS)
    whole = path.read_bytes()
    for bit in np.random.default_rng(1).integers(8 * len(whole), size=400):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found = read_arrays(path, list(ARRAYS))
        except (DamagedFileError, KeyError):
            continue
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def npy(shape, dtype="'<f8'", data=b''):
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header + data


@pytest.mark.parametrize(
    ('content', 'compression', 'message'),
    [
        (npy('(10000000000000,)'), zipfile.ZIP_STORED, r'says that it has the shape \(1000'),
        (npy('(-1,)'), zipfile.ZIP_STORED, 'shape'),
        (npy('(1,)', "'|O'", bytes(8)), zipfile.ZIP_STORED, 'holds objects'),
        (npy('(1000000,)', data=bytes(8_000_000)), zipfile.ZIP_DEFLATED, 'is compressed'),
        (npy('(' * 5000), zipfile.ZIP_STORED, 'contains no arrays'),
        (b'\x93NUMPY\x07\x00', zipfile.ZIP_STORED, 'version'),
        (b'', zipfile.ZIP_STORED, 'contains no arrays'),
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(tmp_path, content, compression, message):
    path = tmp_path / 'a.npz'
    with zipfile.ZipFile(path, 'w', compression) as archive:
        archive.writestr('a.npy', content)
    with pytest.raises(DamagedFileError, match=message):
        read_arrays(path)


def test_members_that_overlap_are_refused(tmp_path):
    path = tmp_path / 'a.npz'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a.npy', npy('(100000,)', data=bytes(800_000)))
        first = archive.infolist()[0]
        for k in range(100):
            copy = zipfile.ZipInfo(f'b{k}.npy')
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.file_size = copy.compress_size = first.file_size
            archive.filelist.append(copy)
    with pytest.raises(DamagedFileError, match=r'says that 808\d* bytes are in it, and has'):
        read_arrays(path)
