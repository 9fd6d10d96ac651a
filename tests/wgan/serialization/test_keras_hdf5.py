import io

import h5py
import numpy as np
import pytest

from astro_wgan.exceptions import KerasFileError
from astro_wgan.wgan.serialization.keras_hdf5 import PlainHdf5


def hdf5(fill):
    content = io.BytesIO()
    with h5py.File(content, 'w') as file:
        fill(file)
    return content.getvalue()


def layers(file):
    for k in range(40):
        group = file.create_group(f'layers/layer_{k}/vars')
        group.attrs['name'] = f'layer {k}'
        group['0'] = np.random.default_rng(k).normal(size=(k, 3)).astype(np.float32)
        group['1'] = np.array(float(k))


def test_arrays_are_those_that_hdf5_itself_reads():
    content = hdf5(layers)
    found = PlainHdf5(content)
    with h5py.File(io.BytesIO(content)) as file:
        assert sorted(found.names('layers')) == sorted(file['layers'])
        for name in found.names('layers'):
            for k in ('0', '1'):
                path = f'layers/{name}/vars/{k}'
                array = found.array(path)
                np.testing.assert_array_equal(array, file[path][()])
                assert array.dtype == file[path].dtype
    with pytest.raises(KeyError):
        found.array('layers/layer_0/vars/2')


def virtual(file):
    layout = h5py.VirtualLayout((3,), 'f4')
    layout[:] = h5py.VirtualSource('other.h5', 'a', shape=(3,))
    file.create_virtual_dataset('a', layout)


@pytest.mark.parametrize(
    ('fill', 'message'),
    [
        (virtual, 'virtual'),
        (lambda f: f.create_dataset('a', (3,), 'f4', external=[('other', 0, 12)]), 'another file'),
        (
            lambda f: f.__setitem__('a', h5py.ExternalLink('other.h5', 'a')),
            'a group in it is missing|link',
        ),
        (lambda f: f.__setitem__('a', h5py.SoftLink('/b')), 'link'),
        (lambda f: f.create_dataset('a', data=np.zeros(999, 'f4'), compression='gzip'), 'compress'),
        (lambda f: f.create_dataset('a', data=np.zeros(10, 'f4'), chunks=(5,)), 'not contiguous'),
        (lambda f: f.create_dataset('a', (10**12,), 'f4'), r'shape \(1000000000000,\)'),
        (lambda f: f.__setitem__('a', 'text'), 'does not hold floating-point'),
        (lambda f: f.__setitem__('a', np.zeros(3, 'i4')), 'does not hold floating-point'),
        (lambda f: f.__setitem__('a', np.zeros(3, '>f4')), 'does not hold floating-point'),
        (lambda f: f.create_group('a'), 'not an array'),
    ],
)
def test_what_keras_does_not_write_is_refused(fill, message):
    with pytest.raises(KerasFileError, match=message):
        PlainHdf5(hdf5(fill)).array('a')


@pytest.mark.parametrize('content', [b'', b'PK', b'\x89HDF\r\n\x1a\n', b'\x89HDF\r\n\x1a\n\2'])
def test_other_files_are_refused(content):
    with pytest.raises(KerasFileError):
        PlainHdf5(content)


def test_newer_versions_of_the_format_are_refused():
    content = io.BytesIO()
    with h5py.File(content, 'w', libver='latest') as file:
        file['a'] = np.zeros(3)
    with pytest.raises(KerasFileError, match='not an HDF5 file of version 0'):
        PlainHdf5(content.getvalue())


def test_damage_is_an_error_and_never_without_end():
    whole = hdf5(layers)
    rng = np.random.default_rng(2)
    errors = 0
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(len(whole), size=30):
            content[place] = rng.choice([0, 255, rng.integers(256)])
        try:
            found = PlainHdf5(bytes(content[: rng.integers(len(whole))]))
            for name in found.names('layers'):
                found.array(f'layers/{name}/vars/0')
        except (KerasFileError, KeyError):
            errors += 1
    assert errors > 200


def test_lists_without_end_end():
    content = bytearray(hdf5(layers))
    tree = content.find(b'TREE')
    # Each of its parts is itself.
    used = int.from_bytes(content[tree + 6 : tree + 8], 'little')
    for k in range(used):
        content[tree + 32 + 16 * k : tree + 40 + 16 * k] = tree.to_bytes(8, 'little')
    with pytest.raises(KerasFileError, match='an endless list'):
        PlainHdf5(bytes(content)).names('layers')
