"""HDF5 files that another process reads, and what these may do to it."""

import json
import signal

import numpy as np
import pytest

from astro_wgan.exceptions import HDF5Error
from astro_wgan.files import hdf5
from astro_wgan.files.hdf5 import open_hdf5

h5py = pytest.importorskip('h5py')

NUMBERS = np.arange(12.0).reshape(6, 2)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'file.hdf5'
    with h5py.File(path, 'w') as file:
        file['group/numbers'] = NUMBERS
        file['group/numbers'].attrs['unit'] = 'kpc'
        file['group'].attrs.update({'h': 0.7, 'box': [1, 2], 'bytes': np.bytes_(b'Msun')})
        file['same'] = h5py.SoftLink('/group/numbers')
        file['near'] = h5py.SoftLink('group/numbers')
        file['single'] = np.int16(7)
        file.create_dataset('packed', data=NUMBERS, chunks=(2, 2), compression='gzip', shuffle=True)
    return path


def test_groups_attributes_datasets_and_columns_are_those_of_h5py(path):
    with open_hdf5(path) as file:
        assert sorted(file) == ['group', 'near', 'packed', 'same', 'single']
        assert 'group' in file
        assert 'nothing' not in file
        assert 'numbers/deeper' not in file
        assert dict(file['group'].attrs) == {'h': 0.7, 'box': [1, 2], 'bytes': 'Msun'}
        assert list(file['group']) == ['numbers']
        for name in ('group/numbers', 'same', 'near', 'packed'):
            assert np.array_equal(file[name][()], NUMBERS)
            assert np.array_equal(file[name][...], NUMBERS)
            assert np.array_equal(file[name][:, 1], NUMBERS[:, 1])
            assert file[name].shape == (6, 2)
        assert file['group']['numbers'].attrs == {'unit': 'kpc'}
        assert file['single'][()] == 7
        assert file['single'][()].dtype == np.int16
        with pytest.raises(KeyError):
            file['nothing']
        with pytest.raises(HDF5Error, match='more than 2 columns; its shape is'):
            file['packed'][:, 2]


def test_numbers_that_come_in_several_parts_are_whole(tmp_path):
    numbers = np.random.default_rng(1).normal(size=(3, 2**22))
    with h5py.File(tmp_path / 'large.hdf5', 'w') as file:
        file['numbers'] = numbers
    with open_hdf5(tmp_path / 'large.hdf5') as file:
        assert np.array_equal(file['numbers'][()], numbers)


def test_more_than_is_allowed_is_refused_before_it_is_read(path):
    with h5py.File(path, 'a') as file:
        file.create_dataset('huge', shape=(10**13,), dtype='f8', chunks=(1000,))
    with open_hdf5(path) as file, pytest.raises(HDF5Error, match='TiB of memory; allowed are'):
        file['huge'][()]
    with open_hdf5(path, max_size=150) as file:
        assert np.array_equal(file['packed'][()], NUMBERS)
        with pytest.raises(HDF5Error, match='allowed are 150 bytes'):
            file['same'][()]


def test_what_lies_in_other_files_is_refused(path, tmp_path):
    (tmp_path / 'secret').write_bytes(b'x' * 800)
    layout = h5py.VirtualLayout(shape=(6, 2), dtype='f8')
    layout[:] = h5py.VirtualSource(path, 'packed', shape=(6, 2))
    with h5py.File(path, 'a') as file:
        file['other'] = h5py.ExternalLink('/etc/passwd', '/a')
        file['way'] = h5py.SoftLink('/other')
        file['round'] = h5py.SoftLink('/round')
        file.create_dataset('raw', (100,), 'f8', external=[(str(tmp_path / 'secret'), 0, 800)])
        file.create_virtual_dataset('virtual', layout)
        file['text'] = 'text'
    with open_hdf5(path) as file:
        for name, words in {
            'other': "a link to another file, '/etc/passwd'",
            'way': 'a link to another file',
            'round': 'an endless chain of links',
            'raw': "'/raw' lies in other files",
            'virtual': "'/virtual' lies in other files",
            'text': 'must be numbers; it is a dataset of other values than numbers',
        }.items():
            with pytest.raises(HDF5Error, match=words):
                file[name]
        assert 'group' in file


@pytest.fixture
def endless(tmp_path):
    path = tmp_path / 'damaged.hdf5'
    with h5py.File(path, 'w') as file:
        file['masses'] = np.ones(20)
        file['masses'].attrs['unit'] = 'Msun'
    content = bytearray(path.read_bytes())
    # The heap of texts begins with an object of no length, behind which the next one is looked for.
    at = content.index(b'Msun') - 8
    content[at : at + 64] = bytes(64)
    path.write_bytes(content)
    return path


def test_a_file_that_makes_hdf5_look_for_ever_is_given_up(endless, monkeypatch):
    monkeypatch.setattr(hdf5, '_PATIENCE', 2)
    with (
        open_hdf5(endless) as file,
        pytest.raises(HDF5Error, match='is damaged: HDF5 did not read'),
    ):
        file['masses']


def test_a_process_that_dies_is_an_error(path):
    with open_hdf5(path) as file:
        file._process.kill()
        # Until it has ended, its end of the pipe may still be open.
        file._process.wait()
        with pytest.raises(HDF5Error, match=r'or failed \(code -9\)'):
            file['group']
    assert file._process.stdin.closed
    assert file._process.stdout.closed


def test_files_that_are_none_are_told_by_name(tmp_path):
    (tmp_path / 'text').write_text('text')
    with pytest.raises(HDF5Error, match='text is no HDF5 file'):
        open_hdf5(tmp_path / 'text')
    with pytest.raises(HDF5Error, match='is a folder, not a file'):
        open_hdf5(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_hdf5(tmp_path / 'none')


def test_the_process_ends_with_the_context(path):
    with open_hdf5(path) as file:
        process = file._process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_chunk_larger_than_is_allowed_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / 'bomb.hdf5'
    with h5py.File(path, 'w') as file:
        made = file.create_dataset(
            'a', (20,), maxshape=(None,), dtype='f8', chunks=(2**21,), compression='gzip'
        )
        made[0] = 1
    assert path.stat().st_size < 50_000
    with (
        open_hdf5(path, max_size=2**20) as file,
        pytest.raises(HDF5Error, match=r'would take 16.0 MiB of memory; allowed are 1.0'),
    ):
        file['a'][...]
    with open_hdf5(path) as file:
        assert file['a'][...].tolist() == [1] + 19 * [0]


def test_long_texts_are_left_where_they_are(tmp_path):
    with h5py.File(tmp_path / 'a.hdf5', 'w', libver='latest') as file:
        file.create_group('a').attrs.update({'settings': 100_000 * 'a', 'unit': 'kpc'})
    with open_hdf5(tmp_path / 'a.hdf5') as file:
        assert file['a'].attrs == {'settings': None, 'unit': 'kpc'}


@pytest.mark.skipif(not hasattr(signal, 'SIGALRM'), reason='Systems of the Unix kind have it.')
def test_the_process_ends_where_nobody_is_left_to_end_it(endless):
    """As after a kill, amid a file that HDF5 looks through for ever."""
    with open_hdf5(endless) as file:
        question = {'name': 'masses', 'read': False, 'column': None, 'seconds': 0.1}
        file._process.stdin.write(json.dumps(question).encode() + b'\n')
        file._process.stdin.flush()
        assert file._process.wait(10) == -signal.SIGALRM
