"""Neighbors in stamps that follow their sources: removed from the image before it is resampled."""

import numpy as np
import pytest
from astropy.nddata import CCDData, StdDevUncertainty
from scipy.ndimage import distance_transform_edt

from astro_wgan import StampSet
from astro_wgan.cutouts.bands import image_of_band
from astro_wgan.detection import DetectionConfig, detect
from astro_wgan.images.fits_image import FitsImage
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.stamps import SourceScale

SHAPE = (200, 220)
DETECTION = DetectionConfig(3, background=0)
#: Factors of 0.8, 1.7 and 2.6, at positions between pixels.
POSITIONS = {'x': [60.3, 140.0, 110.6], 'y': [60.0, 90.4, 140.2], 'r': [3.2, 6.8, 10.4]}
SCALE = SourceScale('r', n_radii=8)
BARE = {'margin': 0, 'wings': 0}


def blob(x0, y0, sigma, height):
    y, x = np.indices(SHAPE)
    return height * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / sigma**2)


def image(seed=1, unit='nJy'):
    """Three sources, a neighbor of each, a companion that touches, and noise that varies."""
    deviation = np.ones(SHAPE) + np.arange(SHAPE[1]) / 100
    data = np.random.default_rng(seed).normal(size=SHAPE) * deviation
    for x, y in zip(POSITIONS['x'], POSITIONS['y'], strict=True):
        data += blob(x, y, 2.5, 80) + blob(x + 8, y + 2, 2, 40) + blob(x - 5, y + 12, 1.5, 90)
    deviation = StdDevUncertainty(deviation.astype('f4'))
    return CCDData(data.astype('f4'), unit=unit, uncertainty=deviation)


def cut(ccd, neighbors, **options):
    given = {'size': 32, 'positions': POSITIONS, 'scale': SCALE, 'detection': DETECTION}
    options = {**given, **options}
    if neighbors == 'keep':
        del options['detection']
    return StampSet.from_image(ccd, neighbors=neighbors, **options)


def others(ccd, k):
    """True for the pixels of the image that belong to other sources than that of a stamp."""
    noise = ccd.uncertainty.array
    settings = DetectionConfig(3, deblend_contrast=1, background=0)
    labels = detect(ccd.data, noise_rms=noise, detection=settings).labels
    own = labels[round(POSITIONS['y'][k]), round(POSITIONS['x'][k])]
    assert own > 0
    return (labels > 0) & (labels != own)


def test_masked_pixels_of_the_image_count_in_no_resampled_pixel():
    ccd = image()
    stamps = cut(ccd, NeighborConfig('mask', **BARE))
    assert np.allclose(stamps.table['scale_factor'], [0.8, 1.7, 2.6])
    for k in range(3):
        by_hand = cut(ccd, 'keep', mask=others(ccd, k))[k : k + 1]
        assert by_hand.mask.any()
        for name in ('pixels', 'mask', 'uncertainty'):
            assert np.array_equal(
                getattr(stamps, name)[k], getattr(by_hand, name)[0], equal_nan=True
            )
    assert (stamps.table['n_neighbors'] >= 1).all()
    covered = stamps.mask.mean(axis=(1, 2))
    assert np.allclose(stamps.table['neighbor_fraction'], covered, atol=0.01)


def test_sky_takes_their_place_before_noise_is_resampled():
    ccd = image()
    kept, masked, replaced = (cut(ccd, how) for how in ('keep', 'mask', 'replace'))
    assert replaced.mask is None
    hidden = masked.mask
    # A resampled pixel has no part in pixels that are far from those that are replaced.
    for k in range(3):
        far = distance_transform_edt(~hidden[k]) > 6
        assert far.mean() > 0.3
        assert np.allclose(replaced.pixels[k][far], kept.pixels[k][far], atol=1e-3)
    # In units of the noise between pixels, which is correlated.
    ratio = replaced.pixels / replaced.uncertainty
    ratio *= np.asarray(replaced.table['noise_correlation'])[:, np.newaxis, np.newaxis]
    assert ratio[hidden].std() == pytest.approx(1, abs=0.2)
    assert abs(ratio[hidden].mean()) < 0.3
    again = cut(ccd, 'replace')
    assert np.array_equal(replaced.pixels, again.pixels)


def test_one_mask_for_a_list_and_for_a_dictionary_of_bands():
    g, r = image(), image(2)
    alone = cut(g, 'mask')
    listed = cut([g, r], 'mask')
    named = StampSet.from_images(
        {'g': g, 'r': r},
        size=32,
        positions=POSITIONS,
        scale=SCALE,
        detection=DETECTION,
        neighbors='mask',
    )
    for stamps in (listed, named):
        valid = stamps.valid
        assert np.array_equal(valid[..., 0], alone.valid)
        assert np.array_equal(valid[..., 1], alone.valid)
        assert np.array_equal(stamps.pixels[..., 0], alone.pixels, equal_nan=True)
        assert stamps.table['n_neighbors'].tolist() == alone.table['n_neighbors'].tolist()
    assert np.allclose(named.pixels, listed.pixels, equal_nan=True, rtol=1e-5, atol=1e-4)


def test_replaced_in_bands():
    stamps = StampSet.from_images(
        {'g': image(), 'r': image(2)},
        size=32,
        positions=POSITIONS,
        scale=SCALE,
        detection=DETECTION,
        neighbors='replace',
    )
    assert stamps.mask is None
    hidden = cut(image(), 'mask').mask
    assert np.abs(stamps.pixels[hidden] / stamps.uncertainty[hidden]).max() < 6


def test_stars_in_stamps_that_follow_the_source():
    config = NeighborConfig('keep', 'mask', psf_fwhm=3.53)
    stamps = cut(image(), config)
    # The largest reaches as far as the star of another.
    assert stamps.table['n_stars'].tolist() == [1, 1, 2]
    for k, factor in enumerate(stamps.table['scale_factor']):
        middle = 15.5 + np.array([12, -5]) / factor
        assert stamps.mask[k][tuple(np.round(middle).astype(int))]
        assert not stamps.mask[k, 14:18, 14:18].any()


@pytest.mark.parametrize('where', [{'detect_in': 'r'}, {'positions': [(60, 60)], 'grid': 'r'}])
def test_the_image_of_the_grid_is_read_once(tmp_path, monkeypatch, where):
    paths = {band: tmp_path / f'{band}.fits' for band in 'gr'}
    for seed, path in enumerate(paths.values()):
        image(seed).write(path)
    read = []

    def counted(source, options, original=image_of_band.image_with):
        found = original(source, options)
        if isinstance(source, FitsImage):
            read.append(found.data[0, 0])
        return found

    monkeypatch.setattr(image_of_band, 'image_with', counted)
    options = {'size': 32, 'detection': DETECTION, 'neighbors': 'replace', **where}
    stamps = StampSet.from_images(paths, **options)
    assert read == [pytest.approx(image(1).data[0, 0])]
    memory = StampSet.from_images({b: image(s) for s, b in enumerate('gr')}, **options)
    assert np.array_equal(stamps.pixels, memory.pixels)
    assert stamps.meta['provenance']['image']['r'] == str(paths['r'])
