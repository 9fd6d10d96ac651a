"""Neighbors in stamps of a store: written batch by batch, as in memory."""

import numpy as np
import pytest

from astro_wgan import StampStore
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.store import remove_neighbors
from astro_wgan.testing import assert_stamps_equal, make_stamps


@pytest.fixture
def stamps():
    found = make_stamps(7, shape=(48, 48))
    y, x = np.indices((48, 48))
    companion = 30 * np.exp(-((x - 9) ** 2 + (y - 38) ** 2) / 8)
    pixels = found.pixels.copy()
    pixels[1::2] += companion.astype('f4')
    return found.replace(pixels=pixels)


@pytest.fixture(autouse=True)
def two_at_a_time(monkeypatch):
    monkeypatch.setattr('astro_wgan.store.neighbor_removal._BATCH_PIXELS', 2 * 48 * 48)


@pytest.mark.parametrize('how', ['mask', 'replace', 'keep'])
def test_the_store_holds_what_the_method_gives(stamps, how, tmp_path):
    store = StampStore.from_stamps(tmp_path / 'all.zarr', stamps)
    written = remove_neighbors(store, how, output=tmp_path / 'new.zarr', progress=False)
    expected = stamps.remove_neighbors(how, progress=False)
    assert_stamps_equal(store.remove_neighbors(how, progress=False), expected)
    assert_stamps_equal(written, expected)
    record = 'neighbors_removed' in expected.meta and expected.meta['neighbors_removed']['engine']
    assert record == (how != 'keep' and written.meta['neighbors_removed']['engine'])


def test_an_interrupted_call_goes_on(stamps, tmp_path, monkeypatch):
    path = tmp_path / 'new.zarr'
    append, calls = StampStore.append, []

    def interrupted(store, part):
        calls.append(len(part))
        if len(calls) == 3:
            raise KeyboardInterrupt
        append(store, part)

    monkeypatch.setattr(StampStore, 'append', interrupted)
    with pytest.raises(KeyboardInterrupt):
        remove_neighbors(stamps, 'replace', output=path, progress=False)
    assert len(StampStore.open(path)) == 4
    written = remove_neighbors(stamps, 'replace', output=path, progress=False)
    assert_stamps_equal(written, stamps.remove_neighbors('replace', progress=False))
    assert calls == [2, 2, 2, 2, 1]


def test_other_work_is_refused(stamps, tmp_path):
    path = tmp_path / 'new.zarr'
    remove_neighbors(stamps, output=path, progress=False)
    with pytest.raises(ValueError, match='Remove it to start anew'):
        remove_neighbors(stamps, NeighborConfig(margin=4), output=path, progress=False)


def test_an_empty_set(stamps, tmp_path):
    written = remove_neighbors(stamps[:0], output=tmp_path / 'new.zarr', progress=False)
    assert len(written) == 0
