"""Stamps that are kept of tiles, and their metadata."""

import numpy as np
import pytest

from astro_wgan.store import StampStore
from astro_wgan.surveying.tiles.strangest_stamps import KeptStamps, joint_meta
from astro_wgan.testing import make_stamps


def meta(**changes):
    provenance = {'image': 'a.fits', 'size': [8, 8], 'date': '2026-11-30T00:00:00+00:00'}
    return {'pixels': 'ratio', 'provenance': {**provenance, 'versions': {}, **changes}}


def test_joint_metadata_have_what_all_tiles_have_in_common():
    metas = [meta(), meta(image='b.fits'), {**meta(), 'credit': 'someone'}]
    found = joint_meta(metas)
    assert found.keys() == {'pixels', 'provenance'}
    provenance = found['provenance']
    assert (provenance['size'], provenance['tiles']) == ([8, 8], 3)
    assert 'image' not in provenance
    assert provenance['date'] > '2026-11-30T00:00:00+00:00'
    with pytest.raises(ValueError, match=r"'pixels' of their `meta` .* 'ratio' and None"):
        joint_meta([meta(), {'provenance': {}}])


@pytest.mark.parametrize('count', [3, 'all'])
def test_stamps_of_any_number_of_batches_have_the_metadata_of_one(count, tmp_path):
    stamps = make_stamps(20, shape=(8, 8), seed=1)
    scores = np.random.default_rng(2).permutation(20).astype(float)
    scores[4] = np.nan
    kept = KeptStamps(tmp_path / 'a.zarr', count)
    for row in range(20):
        kept.add(stamps[row], scores[row : row + 1])
    kept.close()
    with StampStore.open(tmp_path / 'a.zarr') as store:
        assert store.meta == stamps.meta
        best = np.argsort(-np.nan_to_num(scores, nan=-1))[:3]
        assert store.ids.tolist() == (stamps.ids if count == 'all' else stamps.ids[best]).tolist()
