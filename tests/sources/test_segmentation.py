import numpy as np
import pytest
import sep
from judges import sextractor as judge

from astro_wgan import DetectionConfig, StampSet, StampStore, datasets
from astro_wgan.detection import detect
from astro_wgan.neighbors.central_source import central_labels
from astro_wgan.sources import segment_stamps
from astro_wgan.sources.batch import Batch
from astro_wgan.sources.segmentation import find_sources


def stamp_with(positions, *, size=48, peak=60.0, seed=1):
    """Gaussian sources of sigma 1.8 pixels on noise of standard deviation 1."""
    image = np.random.default_rng(seed).normal(size=(size, size))
    y, x = np.mgrid[:size, :size]
    for x0, y0 in positions:
        image += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 1.8**2))
    return image.astype(np.float32)


def test_labels_hold_the_sources_and_name_the_one_in_the_middle():
    stamps = StampSet(
        np.stack(
            [stamp_with([(8, 40), (23.5, 23.5)]), stamp_with([(25, 22)]), stamp_with([(5, 5)])]
        )
    )
    labels, central, status = segment_stamps(stamps, detection=DetectionConfig(threshold=4))
    assert labels.max(axis=(1, 2)).tolist() == [2, 1, 1]
    assert central[0] == labels[0, 23, 23] == labels[0, 24, 24] != labels[0, 40, 8]
    assert central.tolist()[1:] == [1, 0]
    assert status.tolist() == ['measured', 'measured', 'no source in the middle']


def test_in_the_middle_means_an_eighth_of_the_edge():
    labels = np.zeros((4, 41, 61), dtype=np.int32)
    labels[0, 20, 35] = 3
    labels[1, 20, 36] = 3
    labels[2, 20, 30:33], labels[2, 19, 20:30] = 1, 2
    assert central_labels(labels).tolist() == [3, 0, 1, 0]


@pytest.mark.parametrize(
    'detection',
    [
        DetectionConfig(),
        DetectionConfig(clean=None, smooth=False, threshold=2.5),
        DetectionConfig(deblend_contrast=0.05, min_area=9, background_box=32),
    ],
)
@pytest.mark.parametrize('with_noise', [False, True])
def test_each_stamp_is_what_it_is_alone(detection, with_noise):
    pixels = judge.simulate_pairs(12, seed=2).pixels
    noise = np.full(pixels.shape, 2.5, dtype=np.float32) if with_noise else None
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[::3, 10:14, 30:50] = True
    found = find_sources(Batch(pixels, mask, noise), detection)
    for k in range(12):
        given = None if noise is None else noise[k]
        alone = detect(pixels[k], mask=mask[k], noise_rms=given, detection=detection)
        assert (found.catalog[found.stamp == k] == alone.sources).all()
        assert (found.labels[k] == alone.labels).all()
        assert (found.noise[k] == alone.noise_rms).all()
        above = np.where(mask[k], 0, pixels[k] - alone.background)
        assert (found.above_sky[k] == above).all()


def test_masked_pixels_belong_to_no_source():
    pixels = np.stack([stamp_with([(23, 23)], seed=k) for k in range(6)])
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, 0], mask[:, 23] = True, True
    pixels[2, :, 10] = np.nan
    mask[4] = True
    labels, central, status = segment_stamps(StampSet(pixels, mask=mask))
    assert not labels[mask | np.isnan(pixels)].any()
    assert (labels[[0, 1, 2, 3, 5]].max(axis=(1, 2)) == 2).all()
    assert status[4] == 'no pixel can be used'
    assert central[4] == 0


def test_uncertainty_sets_the_threshold():
    pixels = np.stack([stamp_with([(23, 23), (40, 40)])] * 2)
    noise = np.ones(pixels.shape)
    noise[1, 30:, 30:] = 100
    stamps = StampSet(pixels, uncertainty=noise)
    labels, _, _ = segment_stamps(stamps, detection=DetectionConfig(threshold=5))
    assert labels.max(axis=(1, 2)).tolist() == [2, 1]


def test_stamps_without_sources_noise_or_pixels_are_named():
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(3, 32, 32))
    pixels[1] = 5
    pixels[2] = np.inf
    labels, central, status = segment_stamps(
        StampSet(pixels), detection=DetectionConfig(threshold=10)
    )
    assert not labels.any()
    assert not central.any()
    assert status.tolist() == ['no source', 'the background has no noise', 'no pixel can be used']


def test_a_stamp_that_sep_gives_up_on_spoils_no_other(monkeypatch):
    crowded = stamp_with(np.random.default_rng(3).uniform(4, 60, (40, 2)), size=64, peak=300)
    pixels = np.stack([stamp_with([(31, 31)], size=64), crowded, stamp_with([(33, 30)], size=64)])
    former = sep.get_sub_object_limit(), sep.get_extract_pixstack()
    monkeypatch.setattr('astro_wgan.detection.sep_detection._MOST_PEAKS', 3)
    sep.set_sub_object_limit(3)
    try:
        labels, central, status = segment_stamps(StampSet(pixels))
    finally:
        sep.set_sub_object_limit(former[0])
    assert status[1].startswith('no segmentation: SEP failed at 1.5 sigma')
    assert status.tolist()[::2] == ['measured', 'measured']
    assert central[0] == labels[0, 31, 31] > 0
    assert central[2] == labels[2, 30, 33] > 0
    assert not labels[1].any()
    assert sep.get_extract_pixstack() == former[1]


def test_stores_and_bands(tmp_path):
    stamps = StampSet.from_image(datasets.load_image('mock_f814w'), size=40)
    store = StampStore.create(tmp_path / 'stamps.zarr', like=stamps)
    store.append(stamps)
    expected = segment_stamps(stamps)
    assert (segment_stamps(store).labels == expected.labels).all()
    colors = StampSet(np.stack([0 * stamps.pixels, stamps.pixels], axis=-1))
    assert (segment_stamps(colors, band=1).labels == expected.labels).all()
    with pytest.raises(ValueError, match='`band` is needed to choose one of the 2'):
        segment_stamps(colors)
    with pytest.raises(ValueError, match='`band` must be a band, from 0 to 1'):
        segment_stamps(colors, band=2)
    with pytest.raises(ValueError, match='`band` is for stamps of several bands'):
        segment_stamps(stamps, band=0)


def test_no_stamps_at_all():
    labels, central, status = segment_stamps(StampSet(np.zeros((0, 32, 32))))
    assert labels.shape == (0, 32, 32)
    assert len(central) == len(status) == 0
