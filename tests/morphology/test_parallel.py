import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.morphology import measure, measure_morphology
from astro_wgan.store import StampStore

pytest.importorskip('statmorph')


@pytest.fixture(scope='module')
def stamps():
    """Too faint to be found, but for one: quick to measure."""
    pixels = np.random.default_rng(1).normal(size=(7, 32, 32))
    y, x = np.indices((32, 32)) - 15.5
    pixels[4] += 50 * np.exp(-(x**2 + y**2) / 20)
    return StampSet(pixels)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(measure, '_CHUNK', 2)


@pytest.fixture(scope='module')
def table(stamps):
    return measure_morphology(stamps, sersic=False, progress=False)


def assert_same(table, other):
    for name in table.colnames:
        np.testing.assert_array_equal(table[name], other[name], err_msg=name)


@pytest.mark.usefixtures('small_chunks')
def test_processes_give_the_same(stamps, table):
    assert_same(measure_morphology(stamps, sersic=False, processes=2, progress=False), table)


@pytest.mark.usefixtures('small_chunks')
def test_dask_gives_the_same(stamps, table):
    distributed = pytest.importorskip('distributed')
    with (
        distributed.LocalCluster(2, processes=False, dashboard_address=':0') as cluster,
        distributed.Client(cluster) as client,
    ):
        result = measure_morphology(stamps, sersic=False, client=client, progress=False)
    assert_same(result, table)


def test_store_gives_the_same(stamps, table, tmp_path):
    with StampStore.create(tmp_path / 'stamps', like=stamps) as store:
        store.append(stamps)
        assert_same(measure_morphology(store, sersic=False, progress=False), table)
    assert_same(measure_morphology(tmp_path / 'stamps', sersic=False, progress=False), table)


@pytest.mark.usefixtures('small_chunks')
def test_interrupted_work_goes_on_where_it_stopped(stamps, table, tmp_path, monkeypatch):
    output, work, calls = tmp_path / 'shapes.npz', measure.measure_chunk, []

    def interrupted(chunk, settings):
        calls.append(len(chunk.batch.pixels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return work(chunk, settings)

    monkeypatch.setattr(measure, 'measure_chunk', interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure_morphology(stamps, sersic=False, progress=False, output=output)
    again = measure_morphology(stamps, sersic=False, progress=False, output=output)
    # Two chunks were kept; the third was measured again, and the last, of one stamp, for once.
    assert calls == [2, 2, 2, 2, 1]
    assert_same(again, table)
    # All is known now.
    measure_morphology(stamps, sersic=False, progress=False, output=output)
    assert len(calls) == 5


def test_shapes_of_other_stamps_or_settings_are_not_taken_for_these(stamps, tmp_path):
    output = tmp_path / 'shapes.npz'
    measure_morphology(stamps[:2], progress=False, output=output)
    with pytest.raises(ValueError, match='belongs to other stamps: their ids and pixels differ'):
        measure_morphology(stamps[2:4], progress=False, output=output)
    with pytest.raises(ValueError, match="other settings: `target` was 'central' and is 'all"):
        measure_morphology(stamps[:2], target='all', progress=False, output=output)
    with pytest.raises(ValueError, match='other settings: `psf` was None and is an array'):
        measure_morphology(stamps[:2], psf=np.ones((3, 3)), progress=False, output=output)
    labels = np.ones((2, *stamps.shape), dtype=int)
    with pytest.raises(ValueError, match='other settings: `segmentation` was None and is an array'):
        measure_morphology(stamps[:2], segmentation=labels, progress=False, output=output)


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ('pixels', 'their pixels differ'),
        ('mask', 'they had no masks, and have some'),
        ('uncertainty', 'they had no uncertainties, and have some'),
    ],
)
@pytest.mark.usefixtures('small_chunks')
def test_a_change_of_the_last_stamp_is_seen(stamps, tmp_path, monkeypatch, change, what):
    output = tmp_path / 'shapes.npz'
    # Nothing need be measured for this.
    empty = measure.empty_columns()
    row = {name: np.zeros(2, dtype=column.dtype) for name, column in empty.items()}
    monkeypatch.setattr(measure, 'measure_chunk', lambda chunk, settings: row)
    stamps = StampSet(stamps.pixels[:4])
    measure_morphology(stamps, progress=False, output=output)
    values = {'pixels': stamps.pixels.copy()}
    if change == 'mask':
        values['mask'] = np.zeros(stamps.pixels.shape, dtype=bool)
    if change == 'uncertainty':
        values['uncertainty'] = np.ones(stamps.pixels.shape)
    values[change][3, 0, 0] = 1
    with pytest.raises(ValueError, match=f'belongs to other stamps: {what}'):
        measure_morphology(StampSet(**values), progress=False, output=output)


def test_progress_is_told(stamps, capsys):
    measure_morphology(stamps[:2], sersic=False)
    assert 'morphology 100%  2 of 2 stamps' in capsys.readouterr().err
