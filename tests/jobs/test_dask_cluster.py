"""What takes a client gives, on a cluster of two processes, the same as one process does."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan import WGAN, AnomalyDetector, HuntConfig, StampSet, StampStore, hunt
from astro_wgan.anomaly import LatentSearchConfig
from astro_wgan.detection import DetectionConfig
from astro_wgan.mocks import LightMap, mock_stamps, observe
from astro_wgan.morphology import measure_morphology
from astro_wgan.noise import Autocorrelation, add_noise
from astro_wgan.simulate import simulate
from astro_wgan.sources import measure_sources
from astro_wgan.testing import make_stamps
from astro_wgan.wgan import NetworkConfig, TrainingConfig

quiet = partial(partial, progress=False)


@pytest.fixture(scope='module')
def cluster():
    """Its workers are started for the first test, in processes of their own."""
    distributed = pytest.importorskip('distributed')
    options = {'n_workers': 2, 'threads_per_worker': 1, 'processes': True}
    with distributed.LocalCluster(dashboard_address=':0', **options) as cluster:
        yield cluster


@pytest.fixture(scope='module')
def client(cluster):
    from distributed import Client

    with Client(cluster.scheduler_address) as client:
        yield client


@pytest.fixture(autouse=True)
def sent(client, monkeypatch):
    """Bytes of all that is sent to the cluster, which must be at work."""
    import cloudpickle

    sent, submit = [], client.submit

    def counted(function, *arguments, **options):
        sent.append(len(cloudpickle.dumps(arguments[-1])))
        return submit(function, *arguments, **options)

    monkeypatch.setattr(client, 'submit', counted)
    yield sent
    assert sent


@pytest.fixture(scope='module')
def stamps():
    return make_stamps(90, shape=(16, 16), sigma=(1.5, 3), seed=1, table=None)


@pytest.fixture(scope='module')
def detector(stamps):
    network = replace(NetworkConfig.preset('compact', size=16), noise=False, latent_dim=8)
    training = TrainingConfig(batch_size=16, critic_steps=1)
    wgan = WGAN(network, training).fit(stamps, iterations=2, seed=1, progress=False)
    # Small batches, so that there are parts for each worker.
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=5, batch_size=4))
    return detector.calibrate(stamps[:40], progress=False)


def assert_same_table(found, expected):
    """Numbers of networks up to rounding, since batches on other threads are summed otherwise."""
    assert found.colnames == expected.colnames
    for name in expected.colnames:
        values, wanted = (getattr(each[name], 'value', each[name]) for each in (found, expected))
        if np.asarray(wanted).dtype.kind == 'f':
            np.testing.assert_allclose(values, wanted, rtol=1e-3, atol=1e-4, err_msg=name)
        elif name not in ('iterations', 'converged'):
            np.testing.assert_array_equal(values, wanted, err_msg=name)


# The fixture's two workers last, which the other tests need.
@pytest.mark.parametrize('n_workers', [1, 2])
def test_a_detector_scores_the_same(detector, stamps, cluster, client, n_workers):
    cluster.scale(n_workers)
    while len(client.nthreads()) != n_workers:
        time.sleep(0.05)
    expected = detector.score(stamps, progress=False)
    assert_same_table(detector.score(stamps, client=client, progress=False), expected)


def test_each_worker_builds_the_networks_once(detector, stamps, client):
    module = "__import__('astro_wgan.anomaly.search.remote_searcher', fromlist=['_'])"
    searchers = f'[id(each) for each in {module}._searchers.values()]'
    client.run(eval, f'{module}._searchers.clear()')
    detector.features(stamps, client=client, progress=False)
    built = client.run(eval, searchers)
    assert [len(each) for each in built.values()] == [1, 1]
    # In files of networks, Keras writes the second.
    time.sleep(1)
    detector.measure(stamps, client=client, progress=False)
    assert client.run(eval, searchers) == built


def test_workers_read_a_store_themselves(detector, stamps, client, sent, tmp_path):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    found = detector.measure(tmp_path / 'stamps.zarr', client=client, progress=False)
    assert_same_table(found, detector.measure(stamps, progress=False))
    # The networks once, and then numbers of rows.
    assert len(sent) == 1 + -(-len(stamps) // 16)
    assert max(sent[1:]) < 200


def test_a_store_that_is_being_written_is_sent(detector, stamps, client, tmp_path):
    with StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps) as store:
        found = detector.measure(store, client=client, progress=False)
    assert_same_table(found, detector.measure(stamps, progress=False))


@pytest.mark.parametrize(
    'measure',
    [measure_sources, partial(measure_morphology, sersic=False)],
    ids=['photometry', 'morphology'],
)
def test_sources_are_measured_alike(measure, stamps, client):
    pytest.importorskip('statmorph')
    stamps = StampSet(stamps.pixels[:30])
    found, expected = (measure(stamps, client=c, progress=False) for c in (client, None))
    for each, wanted in zip(_tables(found), _tables(expected), strict=True):
        assert_same_table(each, wanted)


def _tables(measured):
    return [measured] if hasattr(measured, 'colnames') else [measured.stamps, measured.sources]


def _light():
    y, x = np.indices((40, 40)) - 19.5
    return LightMap(1e19 * np.exp(-np.hypot(x, y) / 5) * u.W / u.Hz, 0.4 * u.kpc)


@pytest.mark.parametrize(
    'make',
    [
        quiet(
            add_noise,
            StampSet(np.full((300, 6, 6), 50.0)),
            sky_noise=Autocorrelation.from_array(np.eye(3)[1][:, None] * np.eye(3)[1]),
            seed=3,
        ),
        quiet(mock_stamps, _light(), 'euclid_vis', redshift=np.linspace(0.3, 1, 40), size=16),
        quiet(observe, _light(), 'euclid_vis', redshift=[0.5, 1], seed=1, size=16),
        quiet(simulate, {'normal': 3, 'pair': 2}, seed=5),
    ],
    ids=['noise', 'mocks', 'observe', 'simulate'],
)
def test_stamps_are_made_alike(make, client):
    np.testing.assert_array_equal(make(client=client).pixels, make().pixels)


# These sources are none that the detector knows.
@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
def test_a_hunt_finds_the_same(detector, client, tmp_path):
    y, x = np.indices((200, 200))
    pixels = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    for x0, y0 in np.stack(np.meshgrid(*2 * [np.arange(15, 190, 20)]), axis=-1).reshape(-1, 2):
        pixels += 40 * np.exp(-((x - x0 - 0.5) ** 2 + (y - y0 - 0.5) ** 2) / 8, dtype=np.float32)
    config = HuntConfig(size=16, detection=DetectionConfig(5.0))
    options = {'model': detector, 'config': config, 'progress': False}
    image = CCDData(pixels, unit='nJy')
    found = hunt(image, output=tmp_path / 'cluster', client=client, **options)
    expected = hunt(image, output=tmp_path / 'alone', **options)
    assert len(expected.table) > 40
    assert_same_table(found.table, expected.table)
