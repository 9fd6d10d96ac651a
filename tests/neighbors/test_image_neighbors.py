"""Neighbors in stamps of an image: what is masked and what takes its place."""

import numpy as np
import pytest
from astropy.nddata import CCDData, StdDevUncertainty
from photutils.segmentation import SegmentationImage, detect_sources

from astro_wgan import StampSet, datasets
from astro_wgan.detection import DetectionConfig, detect
from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors import NeighborConfig

NAME = 'astro_wgan.neighbors.image_neighbors.'
BARE = {'margin': 0, 'wings': 0}


def blob(shape, x0, y0, sigma, height):
    y, x = np.indices(shape)
    return height * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / sigma**2)


def scene(shape=(120, 120), seed=1, level=0.0):
    """A central source, one that touches it, one apart, and a large one beyond the stamp."""
    image = np.random.default_rng(seed).normal(size=shape) + level
    image += blob(shape, 60, 60, 3, 60) + blob(shape, 70, 60, 2, 40)
    image += blob(shape, 45, 72, 2, 40) + blob(shape, 60, 108, 9, 300)
    return image.astype('f4')


def cut(image, neighbors, **options):
    options = {'size': 64, 'positions': [(60, 60)], **options}
    return StampSet.from_image(image, neighbors=neighbors, **options)


def test_the_mask_is_all_of_the_segmentation_but_the_central_source():
    image = scene()
    stamps = cut(image, NeighborConfig(**BARE))
    labels = detect(image, detection=DetectionConfig(deblend_contrast=1)).labels
    window = labels[28:92, 28:92]
    expected = (window > 0) & (window != labels[60, 60])
    assert np.array_equal(stamps.mask[0], expected)
    row = stamps.table[0]
    assert row['n_neighbors'] == len({*np.unique(window)} - {0, labels[60, 60]}) >= 2
    assert row['neighbor_fraction'] == pytest.approx(expected.mean())
    assert row['central_detected']
    # The large one at the edge is there.
    assert stamps.mask[0, 60, 32]
    assert np.array_equal(stamps.pixels[0], image[28:92, 28:92])


def test_photutils_segments_as_photutils_does():
    image = scene()
    detection = DetectionConfig(3, min_area=8, smooth=False, background=0)
    stamps = cut(image, NeighborConfig(engine='photutils', **BARE), detection=detection)
    noise = detect(image, detection=detection).noise_rms
    found = detect_sources(image, 3 * noise, 8)
    assert isinstance(found, SegmentationImage)
    window = found.data[28:92, 28:92]
    expected = (window > 0) & (window != found.data[60, 60])
    # Either measures the noise in boxes of its own rounding.
    assert np.mean(stamps.mask[0] != expected) < 0.002


@pytest.mark.parametrize('engine', ['sep', 'photutils'])
def test_touching_companions_go_with_deblending_alone(engine):
    image = scene()
    together = cut(image, NeighborConfig(engine=engine))
    apart = cut(image, NeighborConfig(engine=engine, deblend=True))
    assert not together.mask[0, 32, 42]
    assert apart.mask[0, 32, 42]
    assert not apart.mask[0, 32, 32]
    assert apart.table['n_neighbors'][0] > together.table['n_neighbors'][0]


def test_wings_are_masked_but_not_those_of_the_central_source():
    image = scene()
    bare, wide = (cut(image, c).mask[0] for c in (NeighborConfig(**BARE), NeighborConfig()))
    assert wide.sum() > 1.2 * bare.sum()
    assert wide[bare].all()
    labels = detect(image, detection=DetectionConfig(deblend_contrast=1)).labels
    assert not wide[labels[28:92, 28:92] == labels[60, 60]].any()


def test_replaced_pixels_are_sky_and_the_rest_is_as_before():
    image = scene(level=100)
    # With one box, the background is the same everywhere.
    flat = {'detection': DetectionConfig(background_box=128)}
    stamps = cut(image, 'replace', **flat)
    mask = cut(image, 'mask', **flat).mask[0]
    assert stamps.mask is None
    assert np.array_equal(stamps.pixels[0][~mask], image[28:92, 28:92][~mask])
    new = stamps.pixels[0][mask]
    assert new.mean() == pytest.approx(100, abs=0.3)
    assert new.std() == pytest.approx(1, abs=0.15)
    # Each is a pixel of the image.
    assert np.isin(new, image).all()
    again = cut(image, 'replace', **flat)
    assert np.array_equal(stamps.pixels, again.pixels)
    other = cut(image, NeighborConfig('replace', seed=5), **flat)
    assert not np.array_equal(stamps.pixels, other.pixels)


def test_the_uncertainty_comes_with_the_sky():
    image = scene()
    deviation = np.where(image > 5, 3.0, 1.0).astype('f4')
    ccd = CCDData(image, unit='nJy', uncertainty=StdDevUncertainty(deviation))
    mask = cut(ccd, 'mask').mask[0]
    stamps = cut(ccd, 'replace')
    assert deviation[28:92, 28:92][mask].max() == 3
    assert stamps.uncertainty[0][mask].max() == 1


def test_unusable_pixels_stay_masked_and_are_no_sky():
    image = scene()
    image[70, 43:47] = np.nan
    mask = np.zeros(image.shape, bool)
    mask[30:40, 30:40] = True
    image[mask] = 1e6
    stamps = cut(image, 'replace', mask=mask)
    assert stamps.mask[0][2:12, 2:12].all()
    assert stamps.mask[0][42, 15:19].all()
    assert stamps.mask[0].sum() == 104
    assert stamps.pixels[0][stamps.valid[0]].max() < 70


def test_nothing_is_kept_at_a_position_without_a_source():
    stamps = cut(scene(), 'mask', positions=[(25, 25), (60, 60)], partial='fill', size=48)
    assert stamps.table['central_detected'].tolist() == [False, True]
    labels = detect(scene(), detection=DetectionConfig(deblend_contrast=1)).labels
    assert stamps.mask[0][labels[1:49, 1:49] > 0].all()


def test_the_nearest_of_two_is_central():
    image = scene()
    near, far = (cut(image, 'mask', positions=[(x, y)]) for x, y in ((46, 71), (52, 66)))
    assert not near.mask[0, 33, 31]
    # From between two, the one with the nearest pixel.
    labels = detect(image, detection=DetectionConfig(deblend_contrast=1)).labels
    y, x = np.nonzero(labels)
    nearest = np.argmin(np.hypot(x - 51.5, y - 65.5))
    kept = (labels == labels[y[nearest], x[nearest]])[34:98, 20:84]
    assert not far.mask[0][kept].any()


def test_a_source_at_the_border_of_the_image_is_central():
    image = scene() + blob((120, 120), 2, 60, 3, 80).astype('f4')
    stamps = cut(image, 'mask', positions=[(2, 60)], partial='fill')
    assert stamps.table['central_detected'][0]
    assert not stamps.mask[0, 32, 32]
    assert stamps.mask[0, :, :29].all()
    assert stamps.table['neighbor_fraction'][0] < 0.2


def test_a_stamp_that_neighbors_fill_is_masked():
    image = scene()
    stamps = cut(image, 'mask', positions=[(60, 96)], size=(6, 6))
    assert stamps.table['central_detected'][0]
    replaced = cut(
        blob((200, 200), 100, 100, 300, 1e5).astype('f4')
        + np.random.default_rng(1).normal(size=(200, 200)).astype('f4'),
        NeighborConfig('replace', detection=DetectionConfig(background=0)),
        positions=[(100, 100)],
    )
    assert not len(replaced) or replaced.mask is None or not replaced.mask.all()


def test_no_stamp_and_no_neighbor():
    image = scene()
    none = cut(image, 'replace', positions=np.zeros((0, 2)))
    assert len(none) == 0
    assert 'n_neighbors' in none.table.colnames
    alone = np.random.default_rng(1).normal(size=(80, 80)) + blob((80, 80), 40, 40, 3, 50)
    stamps = cut(alone, 'mask', positions=[(40, 40)], detection=DetectionConfig(3))
    assert stamps.mask is None
    assert stamps.table['n_neighbors'][0] == 0


def test_a_constant_image_has_no_neighbors_to_know():
    with pytest.raises(DetectionError, match='no noise'):
        cut(np.ones((100, 100)), 'mask')


def test_tiles_find_the_same_neighbors(monkeypatch):
    random = np.random.default_rng(3)
    image = random.normal(size=(500, 450))
    places = random.uniform(20, 430, size=(120, 2))
    for x, y in places:
        image += blob(image.shape, x, y, random.uniform(1.5, 4), random.uniform(10, 300))
    whole = cut(image, 'mask', positions=places, size=32, partial='fill')
    for name, value in (('_WHOLE', 0), ('_TILE', 128), ('_MARGIN', 64)):
        monkeypatch.setattr(NAME + name, value)
    tiled = cut(image, 'mask', positions=places, size=32, partial='fill')
    assert np.mean(whole.mask != tiled.mask) < 1e-3
    assert np.array_equal(whole.table['n_neighbors'], tiled.table['n_neighbors'])


def test_all_bands_get_the_mask_of_the_first():
    image = scene()
    other = np.random.default_rng(9).normal(size=image.shape).astype('f4')
    flat = {'detection': DetectionConfig(background_box=128)}
    masked = cut([image, other], 'mask', **flat)
    assert masked.pixels.shape == (1, 64, 64, 2)
    assert np.array_equal(masked.mask[..., 0], masked.mask[..., 1])
    replaced = cut([image, other], 'replace', **flat)
    hidden = masked.mask[0, ..., 0]
    assert np.array_equal(replaced.pixels[0, ..., 1][~hidden], other[28:92, 28:92][~hidden])
    # From the same places in both bands.
    pairs = {*zip(image.ravel(), other.ravel(), strict=True)}
    new = [*map(tuple, replaced.pixels[0][hidden])]
    assert all(pair in pairs for pair in new)


def test_positions_may_have_a_detection_if_neighbors_go():
    with pytest.raises(ValueError, match='Give `positions` or `detection`, not both, unless'):
        cut(scene(), 'keep', detection=DetectionConfig())
    assert len(cut(scene(), 'mask', detection=DetectionConfig(3))) == 1


def test_settings_are_in_the_provenance():
    stamps = cut(scene(), NeighborConfig('mask', margin=3))
    assert stamps.meta['provenance']['neighbors']['margin'] == 3
    assert 'neighbors' not in cut(scene(), 'keep').meta['provenance']


def test_detected_sources_keep_themselves():
    image = datasets.load_image('ntt_field')
    detection = DetectionConfig(3, min_area=20)
    options = {'size': 64, 'detection': detection, 'partial': 'fill', 'fill_value': 0}
    kept = StampSet.from_image(image, **options)
    masked = StampSet.from_image(image, **options, neighbors='mask')
    assert np.array_equal(kept.pixels, masked.pixels)
    assert masked.table['central_detected'].all()
    assert masked.valid[:, 31:33, 31:33].all()
    assert (masked.table['n_neighbors'] > 0).any()


def star_scene(on=(70.3, 64.6)):
    """A disk galaxy with a star on it, a companion beside, and stars around."""
    shape = (200, 200)
    random = np.random.default_rng(5)
    y, x = np.indices(shape)
    image = random.normal(size=shape) + 60 * np.exp(-np.hypot(x - 64, (y - 64) * 1.5) / 4)
    image += blob(shape, 64, 64, 1.3, 80)
    image += blob(shape, *on, 1.3, 150)
    image += blob(shape, 50, 90, 4, 60)
    for k in range(8):
        image += blob(shape, 20 + 20 * k, 160, 1.3, 200)
    image += blob(shape, 85, 45, 1.3, 200)
    return image.astype('f4')


@pytest.mark.parametrize('known', ['measured', 'psf', 'psf_fwhm'])
def test_stars_are_masked_and_nothing_else(known):
    options = {
        'measured': {'neighbors': 'keep'},
        'psf': {'neighbors': 'keep', 'psf': blob((25, 25), 12, 12, 1.3, 1)},
        'psf_fwhm': {'neighbors': NeighborConfig('keep', psf_fwhm=3.06)},
    }[known]
    stamps = StampSet.from_image(
        star_scene(), size=64, positions=[(64, 64)], stars='mask', **options
    )
    mask = stamps.mask[0]
    # On the disk, and beside it; neither the center nor the companion, which is wider.
    assert mask[33, 38]
    assert mask[13, 53]
    assert not mask[31:34, 31:34].any()
    assert not mask[58, 18]
    assert stamps.table['n_stars'][0] == 2
    assert stamps.table['star_fraction'][0] == pytest.approx(mask.mean())
    assert mask.mean() < 0.07


def test_stars_are_masked_where_neighbors_are_replaced():
    stamps = StampSet.from_image(
        star_scene(), size=64, positions=[(64, 64)], neighbors='replace', stars='mask'
    )
    assert stamps.mask[0, 33, 38]
    assert not stamps.mask[0, 58, 18]
    assert stamps.pixels[0, 58, 18] < 10


def test_the_width_of_stars_must_be_known():
    with pytest.raises(DetectionError, match='too few to measure the width'):
        cut(scene(), 'keep', stars='mask')
