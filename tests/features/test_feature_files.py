"""Features in files: arrays with and without ids, tables, networks, and what is none."""

from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

from astro_wgan.catalogs import write_table
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.features import onnx_features, read_features

FEATURES = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def test_arrays_and_tables_are_read_as_they_were_written(tmp_path):
    np.save(tmp_path / 'a.npy', FEATURES)
    np.savez(tmp_path / 'b.npz', anything=FEATURES)
    for name in ('a.npy', 'b.npz'):
        np.testing.assert_array_equal(read_features(tmp_path / name), FEATURES)
    np.savez(tmp_path / 'c.npz', ids=np.arange(6), features=FEATURES, other=np.ones(3))
    names = ['c.npz', 'd.fits', 'd.vot']
    if find_spec('pyarrow') is not None:
        names.append('d.parquet')
    for name in names[1:]:
        write_table({'id': np.arange(6), 'features': FEATURES}, tmp_path / name)
    for name in names:
        table = read_features(str(tmp_path / name))
        assert table['id'].tolist() == list(range(6))
        np.testing.assert_array_equal(table['features'], FEATURES)


def test_a_network_is_run_once_there_are_stamps(tmp_path):
    (tmp_path / 'a.onnx').write_bytes(b'')
    found = read_features(tmp_path / 'a.onnx')
    assert isinstance(found, partial)
    assert found.func is onnx_features


def test_what_holds_no_features_is_named(tmp_path):
    np.savez(tmp_path / 'two.npz', a=FEATURES, b=FEATURES)
    np.savez(tmp_path / 'ids.npz', features=FEATURES, id=np.arange(5))
    np.save(tmp_path / 'objects.npy', np.array([{}]), allow_pickle=True)
    (tmp_path / 'text.npy').write_text('no array')
    for name, message in (
        ('two.npz', 'must have an array `features`, or only one; it has a, b'),
        ('ids.npz', 'as many ids as features; got 5 and 6'),
        ('objects.npy', 'is no array of NumPy: Object arrays cannot be loaded'),
        ('text.npy', 'is no array of NumPy'),
    ):
        with pytest.raises(ValueError, match=message):
            read_features(tmp_path / name)
    (tmp_path / 'damaged.npz').write_bytes((tmp_path / 'two.npz').read_bytes()[:-20])
    with pytest.raises(DamagedFileError):
        read_features(tmp_path / 'damaged.npz')
    with pytest.raises(FileNotFoundError, match='There is no file of features'):
        read_features(tmp_path / 'none.npy')
