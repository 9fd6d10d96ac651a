"""Zeros that are no data, and zeros that are dark sky."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from astro_wgan.images import read_image
from astro_wgan.images.blank_areas import zero_areas
from astro_wgan.images.blank_pixels import find_blank_pixels

SIDE = 120
Y, X = np.mgrid[:SIDE, :SIDE]
RNG = np.random.default_rng(5)
WHITE = RNG.normal(size=(SIDE, SIDE))
RADIUS = np.hypot(X - 60, Y - 55)
SMOOTH = gaussian_filter(WHITE, 2) / gaussian_filter(WHITE, 2).std()
GALAXY = 100 * np.exp(-RADIUS / 8)
BLOBS = sum(
    150 * np.exp(-((X - a) ** 2 + (Y - b) ** 2) / 20)
    for a, b in np.random.default_rng(3).integers(10, 110, (14, 2))
)
WAVELETS = gaussian_filter(WHITE + BLOBS, 1) - gaussian_filter(WHITE + BLOBS, 3)
#: A square that was turned, of which a corner is cut off by the border.
FOOTPRINT = (abs(X + Y - 130) < 80) & (abs(X - Y) < 75)

SKIES = {
    'white noise': WHITE,
    'float32': WHITE.astype(np.float32),
    'faint unit': 1e-31 * WHITE,
    'correlated noise': gaussian_filter(WHITE, 1),
    'smoother noise': gaussian_filter(WHITE, 2.5),
    'sky of 1 sigma': WHITE + 1,
    'sky of 2 sigma': WHITE + 2,
    'rounded sky of 2 sigma': np.round(4 * WHITE + 8) / 4,
    'smoother sky of 2 sigma': SMOOTH + 2,
    'sky of 30 sigma': WHITE + 30,
    'negative sky': WHITE - 30,
    'galaxy over the edge': WHITE + GALAXY,
    'counts': RNG.poisson(300, size=(SIDE, SIDE)).astype('u2'),
    'rounded noise': np.rint(3 * WHITE),
}

MODELS = {
    'exponential': np.where(RADIUS < 40, GALAXY, 0),
    'exponential of small scale': np.where(RADIUS < 20, 100 * np.exp(-RADIUS / 4), 0),
    'disk of one value': np.where(RADIUS < 30, 1.0, 0),
    'blurred': gaussian_filter(np.where(RADIUS < 30, GALAXY, 0), 2, truncate=3),
    'blurred by FFT': np.pad(
        fftconvolve(GALAXY[30:90, 30:90], np.exp(-RADIUS[45:66, 50:71] / 2), mode='same'), 30
    ),
    'difference of models': np.where(RADIUS < 40, GALAXY - np.roll(GALAXY, 1, axis=1), 0),
    'photons': RNG.poisson(GALAXY / 10),
    'photons and sky': RNG.poisson(GALAXY + 0.05),
    'rates of photons': RNG.poisson(GALAXY + 0.3) / 1234.5,
    'particles': np.histogram2d(
        *RNG.normal(60, 12, size=(2, 9000)),
        bins=[np.arange(SIDE + 1)] * 2,
        weights=RNG.lognormal(size=9000),
    )[0],
    'clipped noise': np.maximum(WHITE, 0),
    'clipped smooth noise': np.maximum(gaussian_filter(WHITE, 3), 0),
    'noise without the faint': np.sign(WHITE) * np.maximum(abs(gaussian_filter(WHITE, 2)) - 0.1, 0),
    'noise below a threshold': np.where(abs(SMOOTH) > 1, SMOOTH, 0),
    'high noise above a threshold': np.where(SMOOTH > 1, SMOOTH, 0),
    'negative noise below a threshold': np.where(SMOOTH < -1, SMOOTH, 0),
    'differences of scales': np.where(abs(WAVELETS) > 0.4, WAVELETS, 0),
    'rounded faint noise': np.rint(0.2 * WHITE),
    'rounded noise': np.rint(WHITE),
    'nothing': np.zeros((SIDE, SIDE)),
}


@pytest.mark.parametrize('sky', SKIES)
def test_zeros_outside_of_a_footprint_are_no_data(sky):
    image = np.where(FOOTPRINT, SKIES[sky], 0)
    void = find_blank_pixels(image)
    # Of counts and rounded noise, a zero beside the edge may go with those outside.
    if image.dtype.kind == 'f' and 'rounded' not in sky:
        assert np.array_equal(void, ~FOOTPRINT)
    assert void[~FOOTPRINT].all()
    assert (void & FOOTPRINT).mean() < 0.01


@pytest.mark.parametrize('model', MODELS)
def test_zeros_of_what_has_no_noise_are_kept(model):
    for pixels in (MODELS[model], MODELS[model].astype(np.float32)):
        assert (pixels == 0).mean() > 0.2
        assert find_blank_pixels(pixels) is None
        assert read_image(pixels).mask is None


@pytest.mark.parametrize(
    'where',
    [
        np.s_[40:44, 50:54],
        np.s_[:, :1],
        np.s_[-2:],
        np.s_[70:, :30],
        np.s_[:, 55:65],
    ],
)
def test_holes_gaps_and_lines_along_the_border(where):
    image = WHITE.copy()
    image[where] = 0
    expected = np.zeros(image.shape, dtype=bool)
    expected[where] = True
    assert np.array_equal(find_blank_pixels(image), expected)


def test_single_zeros_and_thin_lines_are_kept():
    image = WHITE.copy()
    image[20, 30] = image[50:53, 60:63] = image[:, 90] = image[0, :20] = 0
    assert find_blank_pixels(image) is None


def test_masked_pixels_say_nothing_of_the_sky():
    image = np.where(RADIUS < 40, GALAXY, 0)
    image[5:50, 5:50] = WHITE[5:50, 5:50]
    mask = np.zeros(image.shape, dtype=bool)
    mask[:52, :52] = True
    assert find_blank_pixels(image) is not None
    assert find_blank_pixels(image, mask=mask) is None


@pytest.mark.parametrize(('rows', 'columns'), [(7, 512), (40, 9), (64, 50), (512, 33)])
def test_blocks_make_no_difference(monkeypatch, rows, columns):
    image = np.where(FOOTPRINT, WHITE, 0)
    image[50:54, 60:64] = 0
    image[30, :] = image[31, 40] = 0
    whole = find_blank_pixels(image)
    monkeypatch.setattr(zero_areas, '_ROWS', rows)
    monkeypatch.setattr(zero_areas, '_COLUMNS', columns)
    assert np.array_equal(find_blank_pixels(image), whole)


def test_stamps_are_judged_together():
    stamps = RNG.normal(size=(5, 40, 40))
    stamps[2, :15] = stamps[4, 20:26, 8:14] = 0
    void = find_blank_pixels(stamps)
    assert np.array_equal(void, stamps == 0)


def test_the_word_for_zeros(tmp_path):
    image = np.where(FOOTPRINT, WHITE, 0)
    image[60, 60] = 0
    masks = {zeros: read_image(image, zeros=zeros).mask for zeros in ('auto', 'keep', 'mask')}
    assert np.array_equal(masks['auto'], ~FOOTPRINT)
    assert masks['keep'] is None
    assert np.array_equal(masks['mask'], image == 0)
    with pytest.raises(ValueError, match="`zeros` must be 'auto', 'keep', 'mask'; got 'drop'"):
        read_image(image, zeros='drop')


def test_meta_says_how_many_and_they_are_judged_once(tmp_path):
    image = np.where(FOOTPRINT, WHITE, 0)
    count = int((~FOOTPRINT).sum())
    kept = read_image(image, zeros='keep')
    assert kept.meta['ZEROMASK'] == 0
    assert read_image(kept).mask is None
    assert read_image(kept, zeros='mask').meta['ZEROMASK'] == count
    # What a file says of another image is not believed.
    fits.writeto(tmp_path / 'image.fits', image, fits.Header(kept.meta))
    assert read_image(tmp_path / 'image.fits').meta['ZEROMASK'] == count


def test_meta_of_the_caller_stays_as_it_is():
    given = CCDData(WHITE, unit='adu', meta={'a': 1})
    assert read_image(given).meta == {'a': 1, 'ZEROMASK': 0}
    assert given.meta == {'a': 1}


@pytest.mark.parametrize(
    ('shape', 'mask', 'message'),
    [
        ((4,), None, '`pixels` must have'),
        ((2, 3, 4, 1), None, '`pixels` must'),
        ((4, 5), (4,), 'mask'),
    ],
)
def test_other_shapes_are_refused(shape, mask, message):
    with pytest.raises(ValueError, match=message):
        find_blank_pixels(np.zeros(shape), mask=None if mask is None else np.zeros(mask, bool))
    assert find_blank_pixels(np.zeros((0, 5))) is None
