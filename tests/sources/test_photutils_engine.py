import numpy as np
import pytest
from judges import sextractor as judge

from astro_wgan import DetectionConfig, StampSet
from astro_wgan.sources import SourceFlag, measure_sources

photutils = pytest.importorskip('photutils', minversion='3.0')


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def test_both_engines_agree_on_pairs():
    pairs = judge.simulate_pairs(15, seed=4, separation=(14, 24))
    ours = measure(StampSet(pairs.pixels))
    theirs = measure(StampSet(pairs.pixels), engine='photutils')
    assert theirs.sources.colnames == ours.sources.colnames
    assert theirs.stamps.colnames == ours.stamps.colnames
    same = ours.stamps['n_neighbors'] == theirs.stamps['n_neighbors']
    assert same.mean() > 0.8
    for name in ('kron_flux', 'half_light_radius', 'axis_ratio', 'isophotal_flux', 'flux_ratio'):
        share = np.abs(theirs.stamps[name][same] / ours.stamps[name][same] - 1)
        share = share[np.isfinite(share)]
        assert np.median(share) < 0.02, name
    turned = (theirs.stamps['orientation'] - ours.stamps['orientation']).value[same]
    assert np.median(np.abs((turned + 90) % 180 - 90)) < 2
    meta = theirs.sources.meta
    assert meta['sources']['engine'] == 'photutils'
    assert meta['provenance']['versions']['photutils'] == photutils.__version__
    assert 'photutils' not in ours.sources.meta['provenance']['versions']


def test_masked_empty_and_blended_stamps():
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
            detection=DetectionConfig(threshold=4, deblend_contrast=0.001),
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
    found = measure(StampSet(pixels), engine='photutils', detection=DetectionConfig(threshold=10))
    assert len(found.sources) == 0
    assert (found.stamps['status'] == 'no source').all()


def gaussian(x0, y0, sigma=(3.0, 3.0), peak=100.0):
    y, x = np.mgrid[:64, :64]
    return peak * np.exp(-(((x - x0) / sigma[0]) ** 2 + ((y - y0) / sigma[1]) ** 2) / 2)


FLAGGED = {
    'alone': (gaussian(31.5, 31.5), 0),
    'crowded': (
        gaussian(27, 31.5) + gaussian(37, 31.5),
        SourceFlag.CROWDED | SourceFlag.BLENDED,
    ),
    'saturated': (gaussian(31.5, 31.5, peak=1000), SourceFlag.SATURATED),
    'at the border': (gaussian(62, 31.5), SourceFlag.TOUCHES_BORDER),
    'long': (gaussian(31.5, 31.5, (14, 2)), SourceFlag.APERTURE_TRUNCATED),
    'masked': (gaussian(45, 45), SourceFlag.MASKED),
    'filled': (gaussian(31.5, 31.5, (16, 16)), SourceFlag.STAMP_FILLED),
}


def test_both_engines_set_the_same_flags():
    noise = np.random.default_rng(1).normal(size=(len(FLAGGED), 64, 64))
    pixels = np.stack([image for image, _ in FLAGGED.values()]) + noise
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, 42:45, 49:52] = True
    mask[:-2], mask[-1] = False, False
    found = {
        engine: measure(
            StampSet(pixels, mask=mask),
            engine=engine,
            saturation=500,
            detection=DetectionConfig(threshold=4),
        ).sources
        for engine in ('sep', 'photutils')
    }
    ours, theirs = found['sep'], found['photutils']
    assert ours['id'].tolist() == theirs['id'].tolist()
    # In the order of their labels, which may be another.
    for k, (name, (_, flag)) in enumerate(FLAGGED.items()):
        flags = [sorted(table['flags'][table['id'] == k].tolist()) for table in (ours, theirs)]
        assert flags[0] == flags[1], name
        assert all(each & flag == flag for each in flags[1]), name
    assert ours['flags'][0] == 0
