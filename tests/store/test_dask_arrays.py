import numpy as np
import pytest
from dask import array

from astro_wgan import StampSet, StampStore
from astro_wgan.exceptions import StampStoreError


@pytest.fixture
def make_store(tmp_path):
    """Function that writes stamps, 4 in each file, of which one is partly masked."""

    def make(n=10, *, bands=(), uncertainty=False):
        rng = np.random.default_rng(1)
        shape = (n, 6, 5, *bands)
        mask = np.zeros(shape, dtype=bool)
        mask[n // 2 : n // 2 + 1, 2:, 1] = True
        stamps = StampSet(
            rng.normal(size=shape).astype(np.float32),
            mask=mask,
            uncertainty=rng.uniform(1, 2, shape) if uncertainty else None,
        )
        StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps, chunk=2, shard=4).close()
        return StampStore.open(tmp_path / 'stamps.zarr')

    return make


@pytest.mark.parametrize('bands', [(), (3,)])
@pytest.mark.parametrize('name', ['pixels', 'uncertainty', 'valid'])
def test_arrays_are_those_of_the_set(make_store, bands, name):
    store = make_store(bands=bands, uncertainty=True)
    lazy, expected = store.to_dask(name), getattr(store[:], name)
    assert isinstance(lazy, array.Array)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    assert lazy.chunks[0] == (4, 4, 2)
    np.testing.assert_array_equal(lazy, expected)


@pytest.mark.parametrize(
    'index', [np.s_[3], np.s_[2:9:3, 1:4], np.s_[::-1, :, 2], np.s_[[7, 0, 7]], np.s_[..., None]]
)
def test_indices_are_those_of_arrays(make_store, index):
    store = make_store()
    np.testing.assert_array_equal(store.to_dask()[index], store[:].pixels[index])


def test_only_the_files_that_are_needed_are_read(make_store):
    store = make_store()
    lazy, expected = store.to_dask(), store[4:8].pixels
    for name in ('c.0.0.0', 'c.2.0.0'):
        (store.path / 'pixels' / name).unlink()
    np.testing.assert_array_equal(lazy[4:8], expected)


def test_damage_is_found(make_store):
    store = make_store()
    file = store.path / 'pixels' / 'c.1.0.0'
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    with pytest.raises(StampStoreError, match=r'c\.1\.0\.0'):
        store.to_dask().sum().compute()


def test_a_store_without_masks_or_stamps(tmp_path):
    with StampStore.from_stamps(tmp_path / 'a', StampSet(np.ones((3, 4, 4)))) as store:
        assert store.to_dask('valid').all().compute()
        with pytest.raises(ValueError, match="which this store has; got 'uncertainty'"):
            store.to_dask('uncertainty')
    with StampStore.create(tmp_path / 'b', like=StampSet(np.ones((0, 4, 4)))) as store:
        assert store.to_dask().compute().shape == (0, 4, 4)


def test_arrays_of_two_stores_are_two(tmp_path):
    stores = [
        StampStore.from_stamps(tmp_path / str(k), StampSet(np.full((3, 4, 4), k))) for k in range(2)
    ]
    first, second = (store.to_dask() for store in stores)
    assert (second - first).sum().compute() == 48


def test_a_cluster_reads_it(make_store):
    distributed = pytest.importorskip('distributed')
    store = make_store()
    options = {'n_workers': 1, 'threads_per_worker': 2, 'dashboard_address': ':0'}
    with distributed.Client(processes=False, **options) as client:
        found = client.compute(store.to_dask().sum(axis=(1, 2))).result()
    np.testing.assert_allclose(found, store[:].pixels.sum(axis=(1, 2)), rtol=1e-6)


def test_a_store_that_was_replaced_is_not_read_by_others(make_store):
    import pickle

    store = make_store()
    sent = pickle.dumps(store.to_dask())
    StampStore.from_stamps(store.path, store[:3], overwrite=True).close()
    with pytest.raises(StampStoreError, match='has been replaced by another one'):
        pickle.loads(sent).compute()
