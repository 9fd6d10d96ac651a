"""DetectionConfig, judged by SExtractor itself and by images with known sources."""

import shutil
import subprocess

import numpy as np
import pytest
import sep
from astropy import units as u
from astropy.utils.masked import Masked

from astro_wgan import datasets
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.sep_detection import detect, extract_sources
from astro_wgan.exceptions import DetectionError
from astro_wgan.images.reading import read_image

SEXTRACTOR = shutil.which('source-extractor') or shutil.which('sex')


def noise_with_sources(positions, *, shape=(120, 150), peak=100.0, seed=1):
    """Gaussian sources of sigma 2 pixels on noise of standard deviation 1."""
    pixels = np.random.default_rng(seed).normal(size=shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for x0, y0 in positions:
        pixels += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8)
    return pixels


def run_sextractor(folder, settings):
    """Background and catalog (x, y, a, b, number of pixels) of the NTT field by SExtractor."""
    (folder / 'columns').write_text('X_IMAGE\nY_IMAGE\nA_IMAGE\nB_IMAGE\nISOAREAF_IMAGE\n')
    (folder / 'pyramid.conv').write_text('CONV NORM\n1 2 1\n2 4 2\n1 2 1\n')
    command = {
        '-PARAMETERS_NAME': 'columns',
        '-FILTER_NAME': 'pyramid.conv',
        '-CATALOG_NAME': 'catalog',
        '-CHECKIMAGE_TYPE': 'BACKGROUND,BACKGROUND_RMS',
        '-CHECKIMAGE_NAME': 'background.fits,noise.fits',
        '-DETECT_THRESH': settings.threshold,
        '-DETECT_MINAREA': settings.min_area,
        '-DEBLEND_NTHRESH': settings.deblend_levels,
        '-DEBLEND_MINCONT': settings.deblend_contrast,
        '-BACK_SIZE': settings.background_box,
        '-BACK_FILTERSIZE': settings.background_filter,
    }
    words = [str(word) for pair in command.items() for word in pair]
    (folder / 'empty').write_text('')
    subprocess.run(
        [SEXTRACTOR, str(datasets.image_path('ntt_field')), '-c', 'empty', *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    maps = [read_image(folder / name).data for name in ('background.fits', 'noise.fits')]
    return (*maps, np.loadtxt(folder / 'catalog'))


@pytest.mark.sextractor
@pytest.mark.skipif(SEXTRACTOR is None, reason='needs SExtractor')
def test_sources_and_background_are_those_of_sextractor(tmp_path):
    settings = DetectionConfig()
    background, noise, catalog = run_sextractor(tmp_path, settings)
    pixels = datasets.load_image('ntt_field').data
    found = detect(pixels, detection=settings)
    assert np.allclose(found.background, background, rtol=1e-6)
    assert np.allclose(found.noise_rms, noise, rtol=1e-5)
    # SExtractor takes one noise for the whole image.
    one = np.full(pixels.shape, sep.Background(np.ascontiguousarray(pixels)).globalrms)
    sources = detect(pixels, noise_rms=one, detection=settings).sources
    distance = np.hypot(
        *(sources[axis][:, np.newaxis] - catalog[:, k] + 1 for k, axis in enumerate('xy'))
    )
    assert len(catalog) > 60
    assert distance.min(axis=0).max() < 1e-3
    # SEP keeps a source or two that SExtractor cleans away ...
    assert len(sources) - len(catalog) <= 2
    # ... and SExtractor deals the outer pixels of blended sources out at random.
    sources = sources[distance.argmin(axis=0)]
    alone = sources['flag'] == 0
    assert np.count_nonzero(alone) > 45
    assert np.allclose(sources['a'][alone], catalog[alone, 2], atol=1e-3)
    assert np.allclose(sources['b'][alone], catalog[alone, 3], atol=1e-3)
    # What SExtractor cleans away it adds to the neighbor.
    assert (sources['npix'][alone] <= catalog[alone, 4]).all()
    assert np.mean(sources['npix'][alone] == catalog[alone, 4]) > 0.9


def test_known_sources_are_found_where_they_are():
    positions = [(30.3, 40.6), (100, 50.5), (75.2, 100)]
    found = detect(noise_with_sources(positions), detection=DetectionConfig(threshold=5))
    places = np.stack([found.sources['x'], found.sources['y']], axis=1)
    for position in positions:
        assert np.hypot(*(places - position).T).min() < 0.1
    assert len(places) == 3
    for k, (x, y) in enumerate(places, start=1):
        assert found.labels[round(y), round(x)] == k
    assert found.labels.max() == 3
    assert np.count_nonzero(found.labels == 1) == found.sources['npix'][0]


def test_noise_and_background_are_measured():
    pixels = 3 * np.random.default_rng(1).normal(size=(256, 256)) + 50
    found = detect(pixels, detection=DetectionConfig(threshold=10))
    assert np.allclose(found.background, 50, atol=1)
    assert np.allclose(found.noise_rms, 3, rtol=0.1)
    assert len(found.sources) == 0


def test_no_source_lies_under_a_mask():
    pixels = noise_with_sources([(30, 0), (100, 50), (75, 119)])
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[0], mask[50], mask[-1] = True, True, True
    found = detect(pixels, mask=mask, detection=DetectionConfig(threshold=5))
    assert len(found.sources) == 4
    assert not found.labels[mask].any()


@pytest.mark.parametrize('box', [64, 32])
def test_background_of_an_image_that_is_mostly_masked(box):
    pixels = 3 * np.random.default_rng(1).normal(size=(64, 64)) + 50
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, :48] = True
    mask[::2] = True
    found = detect(pixels, mask=mask, detection=DetectionConfig(threshold=10, background_box=box))
    assert np.allclose(found.background, 50, atol=1)
    assert np.allclose(found.noise_rms, 3, rtol=0.2)
    assert len(found.sources) == 0


def test_bad_pixels_hide_no_source_elsewhere():
    pixels = noise_with_sources([(30, 40), (100, 50)])
    pixels[10:14, 120:130] = np.nan
    pixels[70, 70] = np.inf
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[40:60, 90:110] = True
    noise = np.ones(pixels.shape)
    noise[100:110, 10:20] = [np.nan] * 5 + [0] * 5
    for given in (None, noise):
        found = detect(pixels, mask=mask, noise_rms=given, detection=DetectionConfig(threshold=5))
        assert len(found.sources) == 1
        assert np.allclose([found.sources['x'][0], found.sources['y'][0]], [30, 40], atol=0.1)
        assert np.isfinite(found.sources['flux']).all()


def test_given_noise_sets_the_threshold():
    pixels = noise_with_sources([(30, 40), (100, 50)], peak=30)
    noise = np.ones(pixels.shape)
    noise[:, 75:] = 20
    found = detect(pixels, noise_rms=noise, detection=DetectionConfig(threshold=5))
    assert found.sources['x'].round().tolist() == [30]


@pytest.mark.parametrize('dtype', ['>i2', '>f8', 'u1'])
def test_any_number_will_do(dtype):
    pixels = (noise_with_sources([(30, 40)]) + 20).round().clip(0, 255).astype(dtype)
    assert len(detect(pixels, detection=DetectionConfig(threshold=5)).sources) == 1


FACTORS = [1e-290, 1e-35, 1e-25, 1e-19, 1e19, 1e32, 1e290]


@pytest.mark.parametrize('factor', FACTORS)
@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('with_noise', [False, True])
def test_the_unit_of_the_pixels_does_not_matter(factor, dtype, with_noise):
    if dtype == 'f4' and not 1e-36 < factor < 1e35:
        pytest.skip('float32 does not hold it')
    image = noise_with_sources([(30, 40), (60.5, 40), (100, 50.2)], shape=(120, 150)) + 7
    pixels = (image * factor).astype(dtype)
    noise = np.full(pixels.shape, factor).astype(dtype) if with_noise else None
    found = detect(pixels, noise_rms=noise)
    # SEP itself, at scale 1.
    sky = sep.Background(image.astype('f4'))
    by_hand = sep.extract(
        image.astype('f4') - sky.back(),
        1.5,
        err=1.0 if with_noise else sky.rms(),
        filter_kernel=np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1.0]]),
        filter_type='conv',
    )
    assert len(found.sources) == len(by_hand) >= 3
    for name in ('x', 'y', 'a', 'b'):
        assert np.allclose(found.sources[name], by_hand[name], rtol=1e-5)
    for name in ('flux', 'peak'):
        assert np.allclose(found.sources[name] / factor, by_hand[name], rtol=1e-5)
    assert found.background.dtype == found.noise_rms.dtype == dtype
    assert np.allclose(found.background / factor, sky.back(), rtol=1e-5)


@pytest.mark.parametrize('factor', FACTORS)
def test_images_that_are_mostly_one_value_or_have_odd_pixels(factor):
    # Half outside of the footprint, a pedestal, a hot pixel.
    pixels = noise_with_sources([(30, 40)]) + 1e3
    pixels[:, 75:] = 0
    pixels[10, 10] = 1e9
    right = detect(pixels, mask=pixels == 0).sources
    found = detect(pixels * factor, mask=pixels == 0).sources
    assert np.allclose(found['x'], right['x'], rtol=1e-5)
    assert np.allclose(found['flux'] / factor, right['flux'], rtol=1e-4)
    # Without noise, as simulations are.
    clean = np.where(noise_with_sources([(30, 40)]) > 20, pixels, 0)
    right, found = (detect(clean * k, noise_rms=np.full(clean.shape, k)) for k in (1, factor))
    assert np.allclose(found.sources['flux'] / factor, right.sources['flux'], rtol=1e-5)
    with pytest.raises(DetectionError, match='no noise'):
        detect(np.full((50, 50), factor))


@pytest.mark.parametrize('kind', [np.ma.array, Masked])
def test_masks_that_come_with_the_arrays(kind):
    pixels = noise_with_sources([(40, 30), (90, 80), (120, 20)])
    hole = np.zeros(pixels.shape, bool)
    hole[70:90, 80:100] = True
    right = detect(pixels, mask=hole).sources
    assert len(right) == 2
    found = detect(kind(np.where(hole, 9999, pixels), mask=hole)).sources
    np.testing.assert_array_equal(found, right)
    ones, zeros = np.ones(pixels.shape), np.zeros(pixels.shape)
    for known in ({'noise_rms': kind(ones, mask=hole)}, {'background': kind(zeros, mask=hole)}):
        known = {'noise_rms': ones, 'background': zeros} | known
        right = detect(pixels, mask=hole, noise_rms=ones, background=zeros).sources
        np.testing.assert_array_equal(detect(pixels, **known).sources, right)


@pytest.mark.parametrize('dtype', ['f4', '>f4', 'f8', 'i2'])
def test_images_that_cannot_be_written_to(dtype):
    # As memory-mapped files and broadcast arrays are; SEP wants to write to what it reads.
    pixels = (10 * noise_with_sources([(40, 30), (90, 80)])).astype(dtype)
    mask, noise = np.zeros(pixels.shape, bool), np.full(pixels.shape, 10, 'f4')
    background = np.zeros(pixels.shape, 'f4')
    right = [detect(pixels), detect(pixels, mask=mask, noise_rms=noise, background=background)]
    mask, noise, background = (
        np.broadcast_to(array.flat[0], pixels.shape) for array in (mask, noise, background)
    )
    pixels.setflags(write=False)
    found = [detect(pixels), detect(pixels, mask=mask, noise_rms=noise, background=background)]
    for one, two in zip(found, right, strict=True):
        assert len(two.sources) == 2
        np.testing.assert_array_equal(one.sources, two.sources)
        np.testing.assert_array_equal(one.labels, two.labels)


def test_deblending_contrast_joins_or_parts_neighbors():
    pixels = noise_with_sources([(60, 60), (67, 60)])
    counts = [
        len(
            detect(
                pixels, detection=DetectionConfig(threshold=5, deblend_contrast=contrast)
            ).sources
        )
        for contrast in (0.005, 1)
    ]
    assert counts == [2, 1]


def test_min_area_and_smoothing_leave_single_pixels_out():
    pixels = np.random.default_rng(1).normal(size=(100, 100))
    pixels[50, 50] = 200
    sharp = {'threshold': 8, 'smooth': False}
    assert len(detect(pixels, detection=DetectionConfig(**sharp, min_area=1)).sources) == 1
    assert len(detect(pixels, detection=DetectionConfig(**sharp, min_area=2)).sources) == 0
    smooth = DetectionConfig(threshold=8, min_area=9)
    assert len(detect(pixels, detection=smooth).sources) == 1


def test_images_without_noise_or_pixels():
    with pytest.raises(DetectionError, match='has no pixel'):
        detect(np.full((50, 50), np.nan))
    with pytest.raises(DetectionError, match='has no pixel'):
        detect(np.ones((50, 50)), noise_rms=np.zeros((50, 50)))
    with pytest.raises(DetectionError, match='no noise'):
        detect(np.ones((50, 50)))


CROWD = np.random.default_rng(1).uniform(20, 100, size=(60, 2))


def test_crowded_images_get_as_much_room_as_they_need():
    pixels = noise_with_sources(CROWD, peak=300)
    right = detect(pixels).sources
    former = sep.get_sub_object_limit(), sep.get_extract_pixstack()
    sep.set_sub_object_limit(3)
    try:
        assert (detect(pixels).sources == right).all()
        assert sep.get_sub_object_limit() == 3
    finally:
        sep.set_sub_object_limit(former[0])
    assert sep.get_extract_pixstack() == former[1]


def test_an_image_above_the_threshold_nearly_everywhere(monkeypatch):
    pixels = noise_with_sources(CROWD, peak=300)
    right = detect(pixels, background=-5.0).sources
    assert right['npix'].sum() > 0.9 * pixels.size
    monkeypatch.setattr('astro_wgan.detection.sep_detection._MIN_BUFFER', 100)
    assert (detect(pixels, background=-5.0).sources == right).all()


def test_what_sep_cannot_take_apart_is_a_clear_error(monkeypatch):
    pixels = noise_with_sources(CROWD, peak=300)
    former = sep.get_sub_object_limit(), sep.get_extract_pixstack()
    monkeypatch.setattr('astro_wgan.detection.sep_detection._MOST_PEAKS', 3)
    sep.set_sub_object_limit(3)
    try:
        with pytest.raises(DetectionError, match=r'SEP failed at 1\.5 sigma'):
            detect(pixels)
    finally:
        sep.set_sub_object_limit(former[0])
    assert sep.get_extract_pixstack() == former[1]


def test_one_source_may_fill_the_whole_image():
    bright, noise = np.full((50, 50), 10, np.float32), np.float32(1)
    sources, labels = extract_sources(bright, None, noise, DetectionConfig())
    assert len(sources) == 1
    assert (labels == 1).all()


@pytest.mark.parametrize(
    'options',
    [
        {'threshold': 0},
        {'threshold': np.nan},
        {'min_area': 0},
        {'min_area': 4.5},
        {'min_area': True},
        {'deblend_levels': 0},
        {'deblend_contrast': 1.5},
        {'clean': 0},
        {'background_box': 0},
        {'background_filter': 0},
        {'background': np.nan},
        {'background': np.ma.masked},
        {'background': True},
        {'background': 'auto'},
        {'background': 3 * u.nJy},
        {'background': np.zeros((4, 4))},
    ],
)
def test_settings_out_of_range(options):
    with pytest.raises(ValueError, match=f'`{next(iter(options))}`.* must'):
        DetectionConfig(**options)
