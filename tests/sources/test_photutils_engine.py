import numpy as np
import pytest

from astro_wgan import Detection, StampSet
from astro_wgan.sources import SourceFlag, measure_sources

photutils = pytest.importorskip('photutils', minversion='3.0')


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def test_both_engines_agree_on_pairs(judge):
    pairs = judge.simulate_pairs(15, seed=4, separation=(14, 24))
    ours = measure(StampSet(pairs.pixels))
    theirs = measure(StampSet(pairs.pixels), engine='photutils')
    assert theirs.sources.colnames == ours.sources.colnames
    assert theirs.stamps.colnames == ours.stamps.colnames
    same = ours.stamps['neighbours'] == theirs.stamps['neighbours']
    assert same.mean() > 0.8
    for name in ('kron_flux', 'half_light_radius', 'axis_ratio', 'isophotal_flux', 'flux_ratio'):
        share = np.abs(theirs.stamps[name][same] / ours.stamps[name][same] - 1)
        share = share[np.isfinite(share)]
        assert np.median(share) < 0.02, name
    turned = (theirs.stamps['theta'] - ours.stamps['theta']).value[same]
    assert np.median(np.abs((turned + 90) % 180 - 90)) < 2
    meta = theirs.sources.meta
    assert meta['sources']['engine'] == 'photutils'
    assert meta['provenance']['versions']['photutils'] == photutils.__version__
    assert 'photutils' not in ours.sources.meta['provenance']['versions']


def test_masked_empty_and_blended_stamps(judge):
    rng = np.random.default_rng(1)
    pixels = rng.normal(scale=3, size=(4, 64, 64)).astype(np.float32)
    pixels[3] += judge.simulate_pairs(1, seed=4, separation=(7, 8), flux_ratio=(1, 1.1)).pixels[0]
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[1] = True
    mask[3, 50:54, 40:44] = True
    noise = np.full(pixels.shape, 3.0)
    for options in ({}, {'uncertainty': noise}):
        found = measure(
            StampSet(pixels, mask=mask, **options),
            engine='photutils',
            detection=Detection(threshold=4, deblend_contrast=0.001),
        )
        assert found.stamps['status'].tolist() == [
            'no source',
            'no pixel can be used',
            'no source',
            'measured',
        ]
        assert (found.sources['flags'] & int(SourceFlag.BLENDED) > 0).all()
        assert len(found.sources) == 2


def test_no_source_anywhere():
    pixels = np.random.default_rng(1).normal(size=(2, 32, 32))
    found = measure(StampSet(pixels), engine='photutils', detection=Detection(threshold=10))
    assert len(found.sources) == 0
    assert (found.stamps['status'] == 'no source').all()
