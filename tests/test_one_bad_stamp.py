"""One bad stamp costs one row, and arrays of any layout are read and left alone."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import StampSet
from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.detection import detect
from astro_wgan.exceptions import SkyError
from astro_wgan.noise import Autocorrelation, add_noise, estimate_noise_rms, find_sky
from astro_wgan.sources import measure_sources, segment_stamps
from astro_wgan.stamps import Stretch

N, SIZE, BAD = 5, 48, 3
CORRELATION = Autocorrelation.from_array(np.outer([0.3, 1.0, 0.3], [0.3, 1.0, 0.3]))

#: What files hold where there is no brightness.
EXTREMES = [
    ('f4', 1e30),
    ('f4', 1e38),
    ('f4', np.finfo('f4').max),
    ('f4', -np.finfo('f4').max),
    ('f4', 1e-45),
    ('f8', 1e39),
    ('f8', -1e300),
    ('f8', np.finfo('f8').max),
    ('f8', 5e-324),
]


def galaxies(dtype='f4', noise=1.0):
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    light = 30 * np.exp(-(x**2 + y**2) / 18)
    sky = np.random.default_rng(1).normal(size=(N, SIZE, SIZE))
    return (light + noise * sky).astype(dtype)


def one_pixel(stamp, value):
    stamp[11, 30] = value


def middle(stamp, value):
    stamp[SIZE // 2, SIZE // 2] = value


def whole(stamp, value):
    stamp[...] = value


def chequered(stamp, value):
    stamp[...] = np.where(np.indices(stamp.shape).sum(axis=0) % 2, value, -value)


PLACES = [one_pixel, middle, whole, chequered]


def columns(table):
    return {name: np.asarray(getattr(table[name], 'value', table[name])) for name in table.colnames}


def photometry(stamps, engine='sep'):
    return columns(measure_sources(stamps, engine=engine, progress=False).stamps)


def labels(stamps):
    found = segment_stamps(stamps)
    return {'labels': found.labels, 'status': found.status}


def scatter(stamps):
    return {'scatter': estimate_noise_rms(stamps.pixels)}


def resampled(stamps):
    parent = ParentImage((SIZE, SIZE), None)
    stamps = stamps.replace(geometry=StampGeometry.single(parent, [(0, 0)] * len(stamps)))
    found = stamps.reproject(pixel_scale=0.05 * u.arcsec, size=24)
    assert np.isfinite(found.pixels[found.valid]).all()
    return {'pixels': found.pixels, 'valid': found.valid}


def binned(stamps):
    found = stamps.bin(2)
    assert np.isfinite(found.pixels[found.valid]).all()
    return {'pixels': found.pixels, 'valid': found.valid}


def recentered(stamps):
    found = [stamps.recenter(on) for on in ('peak', 'centroid')]
    for each in found:
        assert np.isfinite(each.pixels[each.valid]).all()
    values = {
        f'{k} {name}': each
        for k, part in enumerate(found)
        for name, each in columns(part.table).items()
    }
    return values | {f'pixels {k}': each.pixels for k, each in enumerate(found)}


def rotated(stamps):
    from astro_wgan.baselines import RotationResidual

    return columns(RotationResidual().fit(stamps_of('f4')).score(stamps, progress=False))


def components(stamps):
    pytest.importorskip('sklearn')
    from astro_wgan.baselines import PCAResidual

    model = PCAResidual(n_components=3).fit(stamps_of('f4'))
    return columns(model.score(stamps, progress=False))


def stamps_of(dtype, change=None, noise=1.0):
    pixels = galaxies(dtype, noise)
    if change is not None:
        change(pixels[BAD])
    pixels.setflags(write=False)
    return StampSet(pixels, unit='electron', pixel_scale=0.03 * u.arcsec)


VERBS = [photometry, labels, scatter, resampled, binned, recentered, rotated, components]


@pytest.mark.parametrize('verb', VERBS, ids=[verb.__name__ for verb in VERBS])
@pytest.mark.parametrize(('dtype', 'value'), EXTREMES)
@pytest.mark.parametrize('place', PLACES, ids=[place.__name__ for place in PLACES])
def test_other_rows_are_those_without_the_bad_one(verb, dtype, value, place):
    """But for rounding, which depends on the number of stamps where these are matrices."""
    found = verb(stamps_of(dtype, lambda stamp: place(stamp, value)))
    right = verb(stamps_of(dtype))
    others = np.arange(N) != BAD
    for name, values in right.items():
        pair = found[name][others], values[others]
        if values.dtype.kind == 'f':
            np.testing.assert_allclose(*pair, rtol=1e-12, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(*pair, err_msg=name)


def by_photutils(stamps):
    pytest.importorskip('photutils', minversion='3.0')
    return photometry(stamps, engine='photutils')


def shapes(stamps):
    pytest.importorskip('statmorph')
    from astro_wgan.morphology import measure_morphology

    return columns(measure_morphology(stamps, sersic=False, progress=False))


@pytest.mark.parametrize('verb', [by_photutils, shapes])
@pytest.mark.parametrize(
    ('dtype', 'value', 'place'),
    [('f4', 1e38, one_pixel), ('f8', -1e300, middle), ('f8', np.finfo('f8').max, whole)],
)
def test_slower_verbs_leave_other_rows_alone_too(verb, dtype, value, place):
    found = verb(stamps_of(dtype, lambda stamp: place(stamp, value)))
    right = verb(stamps_of(dtype))
    others = np.arange(N) != BAD
    for name, values in right.items():
        np.testing.assert_array_equal(found[name][others], values[others], err_msg=name)
    if place is whole:
        assert not found['status'][BAD].startswith('measured')


@pytest.mark.parametrize(('dtype', 'value'), [('f4', np.nan), ('f4', np.inf), ('f8', -np.inf)])
@pytest.mark.parametrize('verb', VERBS, ids=[verb.__name__ for verb in VERBS])
def test_a_mask_in_one_stamp_changes_no_other(verb, dtype, value):
    found = verb(stamps_of(dtype, lambda stamp: one_pixel(stamp, value)))
    right = verb(stamps_of(dtype))
    others = np.arange(N) != BAD
    for name, values in right.items():
        np.testing.assert_array_equal(found[name][others], values[others], err_msg=name)


@pytest.mark.parametrize(('dtype', 'value'), [('f4', 1e30), ('f8', 1e300), ('f8', 5e-324)])
def test_a_bad_row_of_photometry_says_so(dtype, value):
    found = photometry(stamps_of(dtype, lambda stamp: whole(stamp, value)))
    assert found['status'].tolist().count('measured') == N - 1
    assert found['status'][BAD] != 'measured'
    assert np.isnan(found['kron_flux'][BAD])


@pytest.mark.parametrize(('dtype', 'value'), EXTREMES)
@pytest.mark.parametrize('place', PLACES, ids=[place.__name__ for place in PLACES])
@pytest.mark.parametrize('kind', ['asinh', 'linear'])
@pytest.mark.parametrize('scope', ['global', 'stamp'])
def test_stretched_images_are_numbers(dtype, value, place, kind, scope):
    """Whether the stretch was fitted with the bad stamp or without it."""
    good, bad = stamps_of(dtype), stamps_of(dtype, lambda stamp: place(stamp, value))
    stretch = Stretch(kind, scope=scope).fit(good)
    right, found = stretch.transform(good), stretch.transform(bad)
    assert np.isfinite(found).all()
    others = np.arange(N) != BAD
    np.testing.assert_array_equal(found[others], right[others])
    assert np.isfinite(stretch.inverse(found, like=bad)).all()
    own = Stretch(kind, scope=scope).fit(bad)
    assert np.isfinite(own.transform(bad)).all()
    # A single bad stamp of five moves neither the sky nor the peak by much.
    assert own.noise_rms_[0] == pytest.approx(stretch.noise_rms_[0], rel=0.3)
    assert own.peak_[0] == pytest.approx(stretch.peak_[0], rel=0.3)


def test_asinh_of_extremes_keeps_their_order():
    pixels = np.full((1, 2, 4), [[0.0, 1e3, 1e30, 1e38], [1e39, 1e100, 1e200, 1e280]])
    images = Stretch(sky=0, noise_rms=1, peak=100).transform(StampSet(pixels))
    assert (np.diff(images.ravel()) > 0).all()
    # asinh of x tends to log 2x.
    expected = np.log(2 * 1e280 / 3) / np.arcsinh(100 / 3)
    assert images.max() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ('pixels', 'says'),
    [
        (np.full((4, 8, 8), np.nan), 'without a mask to fit the stretch; got none'),
        (np.full((4, 8, 8), 1e100), 'in the range of float32, 1e-45 to 3e38'),
        (np.full((4, 8, 8), 1e308), 'in the range of float32, 1e-45 to 3e38'),
        (np.arange(256.0).reshape(4, 8, 8) * 1e-322, 'Choose another unit'),
    ],
    ids=['masked', 'too large', 'as large as can be', 'too small'],
)
def test_a_stretch_without_usable_stamps_says_so(pixels, says):
    with pytest.raises(ValueError, match=says):
        Stretch().fit(StampSet(pixels))


@pytest.mark.parametrize('value', [1e15, 1e30, 3e38])
def test_noise_of_a_stamp_does_not_depend_on_the_others(value):
    work = {'sky_noise': CORRELATION, 'gain': 2, 'seed': 1, 'progress': False}
    good = StampSet(galaxies(noise=0))
    pixels = galaxies(noise=0)
    pixels[BAD, 11, 30] = value
    found, right = (add_noise(stamps, **work).pixels for stamps in (StampSet(pixels), good))
    others = np.arange(N) != BAD
    np.testing.assert_array_equal(found[others], right[others])
    assert np.isfinite(found).all()


@pytest.mark.parametrize(('dtype', 'value'), EXTREMES)
def test_pixels_of_no_brightness_are_no_sky(dtype, value):
    rng = np.random.default_rng(1)
    image = rng.normal(size=(150, 150)).astype(dtype)
    image[rng.integers(0, 150, 20), rng.integers(0, 150, 20)] = value
    sky = find_sky(image)
    assert sky.rms.value == pytest.approx(1, rel=0.02)
    assert sky.clean_fraction > 0.7
    assert np.isfinite(sky.undetected_source_test.skewness)
    if abs(value) > 1:
        found = detect(image)
        assert np.isfinite(found.background).all()


def layouts(pixels, folder):
    np.save(folder / 'pixels.npy', pixels)
    frozen = pixels.copy()
    frozen.setflags(write=False)
    padded = np.zeros((N, 2 * SIZE, SIZE + 3), pixels.dtype)
    padded[:, ::2, 3:] = pixels
    return {
        'read-only': frozen,
        'memory map': np.load(folder / 'pixels.npy', mmap_mode='r'),
        'big-endian': pixels.astype(pixels.dtype.newbyteorder('>')),
        'Fortran order': np.asfortranarray(pixels),
        'strided': padded[:, ::2, 3:],
        'backwards': np.ascontiguousarray(pixels[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
        'broadcast': np.broadcast_to(pixels[:1], pixels.shape),
    }


def noisy(stamps):
    stamps = stamps.replace(pixels=np.abs(stamps.pixels))
    return {'pixels': add_noise(stamps, sky_noise=CORRELATION, seed=1, progress=False).pixels}


def cut(stamps):
    image = stamps.pixels[0]
    found = StampSet.from_image(image, size=16, positions=[(24, 24), (40.5, 2)], partial='fill')
    return {'pixels': found.pixels, 'sky': np.array(find_sky(image).rms.value)}


def stretched(stamps):
    stretch = Stretch().fit(stamps)
    return {'images': stretch.transform(stamps), 'filled': stamps.filled()}


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize(
    'layout',
    ['read-only', 'memory map', 'big-endian', 'Fortran order', 'strided', 'backwards', 'broadcast'],
)
@pytest.mark.parametrize(
    'verb', [photometry, labels, scatter, resampled, rotated, cut, stretched, noisy]
)
def test_arrays_of_any_layout_give_the_same_and_are_left_alone(verb, layout, dtype, tmp_path):
    array = layouts(galaxies(dtype), tmp_path)[layout]
    before = np.array(array)
    stamps, plain = (
        StampSet(pixels, unit='electron', pixel_scale=0.03 * u.arcsec)
        for pixels in (array, before.astype(dtype))
    )
    found, right = verb(stamps), verb(plain)
    for name, values in right.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize('shape', [(3, 0, 8), (3, 8, 0), (3, 8, 8, 0), (0, 0, 0)])
def test_stamps_have_pixels(shape):
    with pytest.raises(ValueError, match='`pixels` must have at least one pixel along each edge'):
        StampSet(np.zeros(shape))


def test_an_image_of_hardly_any_sky_is_refused():
    y, x = np.mgrid[:16, :16] - 7.5
    sources = 30 * np.exp(-(x**2 + y**2) / 8) + np.random.default_rng(1).normal(size=(24, 16, 16))
    image = sources[:, ::-1].reshape(4, 6, 16, 16).swapaxes(1, 2).reshape(64, 96)
    with pytest.raises(SkyError, match='There is no clean sky: sources cover'):
        find_sky(image.astype('f4'))


def test_numbers_beyond_float64_are_none():
    pixels = galaxies(np.longdouble)
    pixels[BAD, 1, 1] = np.longdouble('1e400')
    assert np.flatnonzero(~StampSet(pixels).valid).size == 1
