"""Neighbors in stamps that were cut before, of which each is searched by itself."""

import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.detection import DetectionConfig, detect
from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.sources import measure_sources
from astro_wgan.testing import assert_stamps_equal, make_stamps

BARE = NeighborConfig(margin=0, wings=0)
EXTRA = {'n_neighbors', 'neighbor_fraction', 'central_detected'}


def blob(shape, x0, y0, sigma, height):
    y, x = np.indices(shape)
    return height * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / sigma**2)


def with_companions(n=6, *, bands=None, seed=0, **options):
    """Stamps of which each second has a companion in the upper left corner."""
    stamps = make_stamps(n, shape=(48, 48), bands=bands, seed=seed, **options)
    companion = blob((48, 48), 9, 38, 2, 30).astype('f4')
    pixels = stamps.pixels.copy()
    pixels[1::2] += companion if bands is None else companion[..., np.newaxis]
    return stamps.replace(pixels=pixels)


def removed(stamps, *arguments, **options):
    return stamps.remove_neighbors(*arguments, progress=False, **options)


def test_the_mask_is_that_of_the_segmentation_of_each_stamp():
    stamps = with_companions()
    masked = removed(stamps, BARE)
    for k in range(len(stamps)):
        found = detect(stamps.pixels[k], detection=DetectionConfig(deblend_contrast=1))
        others = (found.labels > 0) & (found.labels != found.labels[24, 24])
        assert np.array_equal(masked.mask[k], others)
    assert (masked.table['n_neighbors'][1::2] >= 1).all()
    assert masked.mask[1::2, 38, 9].all()
    assert masked.table['central_detected'].all()
    assert {*masked.table.colnames} - {*stamps.table.colnames} == EXTRA
    assert np.array_equal(masked.pixels, stamps.pixels)
    assert stamps.mask is None


def test_replaced_by_the_sky_of_the_same_stamp():
    stamps = with_companions()
    masked, replaced = removed(stamps), removed(stamps, 'replace')
    assert replaced.mask is None
    hidden = masked.mask
    assert np.array_equal(replaced.pixels[~hidden], stamps.pixels[~hidden])
    for k in range(len(stamps)):
        assert np.isin(replaced.pixels[k], stamps.pixels[k]).all()
        assert replaced.pixels[k][hidden[k]].max(initial=0) < 6


def test_a_stamp_does_not_depend_on_the_others():
    stamps = with_companions()
    together = removed(stamps, 'replace')
    assert np.array_equal(removed(stamps[:2], 'replace').pixels, together.pixels[:2])


def test_masks_of_before_are_kept():
    stamps = with_companions()
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[:, 10:14, 30:34] = True
    masked = removed(stamps.replace(mask=mask))
    assert masked.mask[mask].all()
    assert masked.mask[1, 38, 9]


def test_a_result_can_be_searched_again():
    masked = removed(with_companions())
    again = removed(masked)
    assert np.array_equal(again.mask & masked.mask, masked.mask)
    assert again.table.colnames == masked.table.colnames
    assert again.table['n_neighbors'].sum() < masked.table['n_neighbors'].sum()


@pytest.mark.parametrize('how', ['mask', 'replace'])
def test_what_cannot_be_searched_stays_as_it_is(how):
    stamps = with_companions(5)
    pixels = stamps.pixels.copy()
    pixels[0] = 7
    pixels[2] = np.nan
    found = removed(stamps.replace(pixels=pixels), how)
    assert np.array_equal(found.pixels[[0, 2]], pixels[[0, 2]], equal_nan=True)
    assert not found.table['central_detected'][[0, 2]].any()
    assert found.valid[0].all()
    assert not found.valid[2].any()
    assert found.table['n_neighbors'][3] == 1


def test_an_empty_set():
    empty = removed(make_stamps(0), 'replace', stars='mask')
    assert len(empty) == 0
    assert {*empty.table.colnames} >= EXTRA | {'n_stars', 'star_fraction'}


def test_settings_are_in_the_metadata():
    config = NeighborConfig('replace', margin=2, seed=3)
    detection = DetectionConfig(2, deblend_contrast=0.1)
    stamps = with_companions(2, bands=2)
    found = removed(stamps, config, detection=detection, detect_in=1)
    record = found.meta['neighbors_removed']
    assert record['margin'] == 2
    assert record['seed'] == 3
    assert record['detect_in'] == 1
    # As they were used: without deblending.
    assert record['detection']['threshold'] == 2
    assert record['detection']['deblend_contrast'] == 1
    assert 'neighbors_removed' not in stamps.meta
    again = removed(stamps, NeighborConfig(**{**vars(config), 'detection': detection}), detect_in=1)
    assert np.array_equal(again.pixels, found.pixels)
    assert 'neighbors_removed' not in removed(stamps, 'keep').meta


def test_nothing_to_do():
    stamps = with_companions()
    assert_stamps_equal(removed(stamps, 'keep'), stamps)


@pytest.mark.parametrize('detect_in', [None, 0, 1, 'r'])
def test_one_mask_for_all_bands(detect_in):
    stamps = with_companions(4, bands=2).replace(bands=['g', 'r'])
    masked = removed(stamps, detect_in=detect_in)
    assert masked.mask.shape == (4, 48, 48)
    assert masked.mask[1, 38, 9]
    assert not masked.mask[:, 23:25, 23:25].any()
    replaced = removed(stamps, 'replace', detect_in=detect_in)
    hidden = masked.mask
    assert np.array_equal(replaced.pixels[~hidden], stamps.pixels[~hidden])
    pairs = {*map(tuple, stamps.pixels[1].reshape(-1, 2))}
    assert {*map(tuple, replaced.pixels[1][hidden[1]])} <= pairs


def test_a_band_with_a_source_of_its_own_alone():
    stamps = make_stamps(2, shape=(48, 48), bands=2)
    pixels = stamps.pixels.copy()
    pixels[..., 1] += blob((48, 48), 9, 38, 2, 30)
    stamps = stamps.replace(pixels=pixels)
    assert removed(stamps, detect_in=1).mask[:, 38, 9].all()
    first = removed(stamps, detect_in=0).mask
    assert first is None or not first[:, 38, 9].any()
    assert removed(stamps).mask[:, 38, 9].all()


def test_a_band_that_is_missing_for_a_stamp():
    stamps = with_companions(4, bands=2)
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[1, ..., 0] = True
    masked = removed(stamps.replace(mask=mask))
    assert masked.mask[1, ..., 0].all()
    assert masked.mask[1, 38, 9, 1]
    assert not masked.mask[1, 24, 24, 1]


def test_bands_of_plain_images():
    with pytest.raises(ValueError, match="`detect_in` is for stamps of several bands; got 'r'"):
        removed(make_stamps(2), detect_in='r')
    with pytest.raises(ValueError, match='band'):
        removed(make_stamps(2, bands=2), detect_in=5)


def test_the_uncertainty_sets_the_threshold_and_is_replaced_too():
    stamps = with_companions()
    noisy = np.ones_like(stamps.pixels)
    noisy[:, 30:, :20] = 1000
    masked = removed(stamps.replace(uncertainty=noisy))
    assert masked.mask is None or not masked.mask[:, 38, 9].any()
    noisy[:, 30:, :20] = 2
    replaced = removed(stamps.replace(uncertainty=noisy), 'replace')
    new = replaced.pixels != stamps.pixels
    values = {*zip(stamps.pixels.ravel(), noisy.ravel(), strict=True)}
    assert {*zip(replaced.pixels[new], replaced.uncertainty[new], strict=True)} <= values


def test_stars_need_a_width_that_is_known():
    stamps = make_stamps(30, shape=(48, 48))
    pixels = stamps.pixels.copy()
    random = np.random.default_rng(1)
    for k in range(0, 30, 2):
        pixels[k] += blob((48, 48), *random.uniform(5, 14, 2), 1.2, 100)
    stamps = stamps.replace(pixels=pixels)
    for found in (
        removed(stamps, 'keep', stars='mask'),
        removed(stamps, NeighborConfig('keep', 'mask', psf_fwhm=2.83)),
        removed(stamps.replace(psf=blob((21, 21), 10, 10, 1.2, 1)), 'keep', stars='mask'),
    ):
        assert found.table['n_stars'].tolist() == [1, 0] * 15
        assert (found.mask.any(axis=(1, 2)) == (found.table['n_stars'] > 0)).all()
        assert not found.mask[:, 20:28, 20:28].any()
    with pytest.raises(DetectionError, match='0 compact round sources'):
        removed(stamps[1::2], 'keep', stars='mask')


def test_values_of_masked_neighbors_count_in_no_measurement():
    stamps = removed(with_companions())
    other = stamps.pixels.copy()
    other[stamps.mask] = 1e5
    changed = StampSet(other, mask=stamps.mask, unit=stamps.unit, table=stamps.table)
    first, second = (measure_sources(s, progress=False).stamps for s in (stamps, changed))
    assert np.array_equal(first['kron_flux'], second['kron_flux'], equal_nan=True)
    assert (first['n_neighbors'] == 0).all()
