"""The intensity scaling, against closed formulas and the levels that made up the stamps."""

import json
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning
from numpy.testing import assert_allclose, assert_array_equal

from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps import StampSet, Stretch
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch

SKY, NOISE = 100.0, 5.0


def make_stamps(n=300, *, size=32, bands=None, seed=1, **options):
    """Gaussian sources of 20 to 4000 sigma on a known sky."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * 2.0**2))
    peak = NOISE * 10 ** rng.uniform(1.3, 3.6, size=(n, 1, 1))
    pixels = SKY + peak * profile
    if bands is not None:
        pixels = np.stack([pixels] * bands, axis=-1)
    pixels = pixels + NOISE * rng.normal(size=pixels.shape)
    return StampSet(pixels, **options)


@pytest.fixture(scope='module')
def stamps():
    return make_stamps(unit='nJy')


@pytest.mark.parametrize('scope', ['global', 'stamp'])
@pytest.mark.parametrize('kind', ['asinh', 'linear'])
def test_fit_measures_the_sky_and_its_noise(kind, scope, stamps):
    stretch = Stretch(kind=kind, scope=scope).fit(stamps)
    assert stretch.sky_[0] == pytest.approx(SKY, abs=0.1 * NOISE)
    assert stretch.noise_rms_[0] == pytest.approx(NOISE, rel=0.05)
    assert (stretch.kind, stretch.scope, stretch.unit_) == (kind, scope, u.nJy)


def test_fit_returns_itself_and_keeps_the_parameters(stamps):
    stretch = Stretch(softening=2.0)
    parameters = stretch.get_params()
    assert not stretch.is_fitted
    assert stretch.fit(stamps) is stretch
    assert stretch.is_fitted
    assert stretch.get_params() == parameters
    assert stretch.sky is None
    assert f'sky={stretch.sky_}' in repr(stretch)


def test_clones_are_not_fitted_and_copies_are(stamps):
    stretch = Stretch(softening=2.0).fit(stamps)
    clone, copy = stretch.clone(), stretch.copy()
    assert copy == stretch
    assert not clone.is_fitted
    assert clone != stretch
    assert clone.softening == 2.0
    copy.fit(make_stamps(seed=2))
    assert copy.sky_ != stretch.sky_


def test_scikit_learn_clones_as_we_do(stamps):
    sklearn_base = pytest.importorskip('sklearn.base')
    stretch = Stretch(softening=2.0).fit(stamps)
    assert sklearn_base.clone(stretch) == stretch.clone()


def test_changed_parameters_need_another_fit(stamps):
    stretch = Stretch().fit(stamps)
    assert stretch.set_params(kind='linear') is stretch
    assert stretch == Stretch('linear')
    with pytest.raises(ValueError, match='`softening` must be above 0; got -1'):
        stretch.set_params(softening=-1)
    with pytest.raises(ValueError, match="no parameter 'power'; it has kind, scope"):
        stretch.set_params(power=2)


def test_levels_may_be_quantities():
    levels = {'sky': 1 * u.uJy, 'noise_rms': [20, 30] * u.nJy, 'peak': [5, 6] * u.uJy}
    for unit, factor in ((None, 1), ('uJy', 1), ('nJy', 1000)):
        stretch = Stretch(**levels, unit=unit)
        assert stretch.unit_ == u.Unit(unit or 'uJy')
        assert_allclose(stretch.sky_, [factor, factor])
        assert_allclose(stretch.noise_rms_, [0.02 * factor, 0.03 * factor])
        assert_allclose(stretch.peak_, [5 * factor, 6 * factor])
    with pytest.raises(ValueError, match='as quantities, or none'):
        Stretch(**{**levels, 'sky': 1.0})
    with pytest.raises(u.UnitConversionError):
        Stretch(**{**levels, 'sky': 1 * u.s})


@pytest.mark.parametrize(
    ('sky', 'message'), [('low', "must be numbers.*got 'low'"), ([[0, 0]], r'shapes \(1, 2\)')]
)
def test_levels_are_numbers(sky, message):
    with pytest.raises(ValueError, match=message):
        Stretch(sky=sky, noise_rms=1, peak=10)


def test_a_unit_is_that_of_levels():
    with pytest.raises(ValueError, match='`unit` is that of `sky`, `noise_rms` and `peak`'):
        Stretch(unit='nJy')


@pytest.mark.parametrize('name', ['sky_', 'noise_rms_', 'peak_', 'unit_', 'softening_levels'])
def test_learned_attributes_are_missing_before_the_fit(name):
    with pytest.raises(NotFittedError, match='has not been fitted: call `fit`'):
        getattr(Stretch(), name)


def test_a_stretch_is_fitted_for_a_function_that_needs_one(stamps):
    known, unfitted = Stretch(sky=0, noise_rms=1, peak=10), Stretch('linear')
    assert fitted_stretch(known, stamps) == known
    assert fitted_stretch(known, stamps) is not known
    assert fitted_stretch(unfitted, stamps) == Stretch('linear').fit(stamps)
    assert not unfitted.is_fitted
    assert fitted_stretch(None, stamps) == Stretch().fit(stamps)


def test_a_dictionary_with_the_former_name_of_the_noise_is_read():
    stretch = Stretch(sky=0.5, noise_rms=1.5, peak=200.0, unit='nJy')
    values = stretch.to_dict()
    values['noise'] = values.pop('noise_rms')
    assert Stretch.from_dict(values) == stretch
    with pytest.raises(ValueError, match='it has both `noise` and `noise_rms`'):
        Stretch.from_dict({**values, 'noise_rms': (2.0,)})


@pytest.mark.parametrize('percentile', [50.0, 90.0])
def test_the_peaks_of_the_asked_percentage_lie_below_one(percentile, stamps):
    images = Stretch(percentile=percentile).fit(stamps).transform(stamps)
    fourth = np.sort(images.reshape(len(images), -1))[:, -2]
    assert np.mean(fourth < 1) == pytest.approx(percentile / 100, abs=0.02)


def test_asinh_is_the_closed_formula(stamps):
    stretch = Stretch(softening=2.0, sky=SKY, noise_rms=NOISE, peak=9000.0, unit='nJy')
    expected = np.arcsinh((stamps.pixels - SKY) / 10) / np.arcsinh((9000 - SKY) / 10)
    images = stretch.transform(stamps)
    assert images.dtype == np.float32
    assert images.shape == stamps.pixels.shape
    assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('scope', ['global', 'stamp'])
@pytest.mark.parametrize('bands', [1, 2, 9])
def test_levels_that_are_numbers_are_those_of_any_bands(bands, scope):
    levels = {'sky': SKY, 'noise_rms': NOISE, 'peak': 9000.0}
    stretch = Stretch(scope=scope, **levels)
    stamps = make_stamps(4, bands=bands)
    each = Stretch(scope=scope, **{name: [level] * bands for name, level in levels.items()})
    images = stretch.transform(stamps)
    assert_allclose(images, each.transform(stamps), rtol=0)
    assert_allclose(stretch.inverse(images, like=stamps), stamps.pixels, rtol=1e-4)
    again = Stretch.from_dict(json.loads(json.dumps(stretch.to_dict())))
    assert again == stretch
    assert again.softening_levels == stretch.softening_levels
    assert_allclose(again.transform(stamps), images, rtol=0)
    # Measured levels are those of the bands of the fit.
    one = Stretch.from_dict(Stretch().fit(stamps[['0']]).to_dict())
    if bands > 1:
        with pytest.raises(ValueError, match=r'fitted on 1 band\(s\)'):
            one.transform(stamps)


def test_linear_is_the_closed_formula(stamps):
    stretch = Stretch('linear', sky=SKY, noise_rms=NOISE, peak=9000.0, unit='nJy')
    expected = (stamps.pixels - SKY) / (9000 - SKY)
    assert_allclose(stretch.transform(stamps), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('bands', [None, 3])
@pytest.mark.parametrize('per_band', [False, True])
@pytest.mark.parametrize('scope', ['global', 'stamp'])
@pytest.mark.parametrize('kind', ['asinh', 'linear'])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_inverse_returns_the_pixels_over_all_of_the_range(kind, scope, per_band, bands, dtype):
    stamps = make_stamps(40, bands=bands)
    rng = np.random.default_rng(2)
    # From far below the noise to a million sigma, of both signs, beside the ordinary pixels.
    extreme = NOISE * 10 ** rng.uniform(-3, 6, size=stamps.pixels[:, ::2].shape)
    pixels = stamps.pixels.astype(dtype)
    pixels[:, ::2] = extreme * rng.choice([-1, 1], size=extreme.shape)
    wild = StampSet(pixels)
    stretch = Stretch(kind, scope, per_band=per_band).fit(stamps)
    back = stretch.inverse(stretch.transform(wild), like=wild)
    assert back.dtype == np.float32
    # A pixel cannot come back better than the sky that was subtracted from it.
    error = np.abs(back - pixels) / np.maximum(np.abs(pixels), SKY)
    assert error.max() < 50 * np.finfo(np.float32).eps


def test_transform_is_monotonic_through_the_sky():
    stretch = Stretch(sky=0.0, noise_rms=1.0, peak=1000.0)
    values = np.linspace(-50, 5000, 64 * 64).reshape(1, 64, 64)
    images = stretch.transform(StampSet(values)).ravel()
    assert (np.diff(images) > 0).all()
    assert images[0] < 0 < 1 < images[-1]


def test_per_stamp_scope_takes_brightness_out():
    y, x = np.mgrid[:64, :64] - 31.5
    profile = np.exp(-np.hypot(x, y) / 6)
    sources = StampSet(profile * np.array([1e2, 1e3, 1e4])[:, None, None])
    stretch = Stretch('linear', 'stamp', sky=0.0, noise_rms=1.0, peak=1e3)
    images = stretch.transform(sources)
    assert_allclose(images[0], images[1], rtol=1e-4)
    assert_allclose(images[2], images[1], rtol=1e-4)
    peaks = np.percentile(images, 99.9, axis=(1, 2))
    assert_allclose(peaks, 1, rtol=1e-4)
    asinh = Stretch('asinh', 'stamp', sky=0.0, noise_rms=1.0, peak=1e3).transform(sources)
    assert_allclose(np.percentile(asinh, 99.9, axis=(1, 2)), 1, rtol=1e-3)


def test_per_stamp_scope_does_not_blow_up_noise():
    rng = np.random.default_rng(3)
    empty = StampSet(rng.normal(SKY, NOISE, size=(50, 32, 32)))
    stretch = Stretch('linear', 'stamp').fit(make_stamps())
    assert stretch.transform(empty).std() == pytest.approx(1 / 5, rel=0.1)


def test_inverse_without_stamps_has_the_brightness_of_a_typical_one(stamps):
    stretch = Stretch(scope='stamp').fit(stamps)
    image = np.ones((1, 32, 32), dtype=np.float32)
    peaks = np.percentile(stamps.pixels, 99.9, axis=(1, 2))
    assert stretch.inverse(image)[0, 0, 0] == pytest.approx(np.median(peaks), rel=0.01)
    assert stretch.inverse(image, like=stamps[7])[0, 0, 0] == pytest.approx(peaks[7], rel=0.01)


def test_equal_bands_stay_equal_unless_each_has_its_own_scale():
    pixels = np.repeat(make_stamps(100).pixels[..., np.newaxis], 2, axis=-1)
    pixels[..., 1] = 3 * pixels[..., 1]
    stamps = StampSet(pixels)
    common = Stretch('linear').fit(stamps)
    images = common.transform(stamps)
    # Three times the flux above the sky, and each band above its own sky.
    assert common.sky_[1] == pytest.approx(3 * common.sky_[0], rel=1e-3)
    assert_allclose(images[..., 1], 3 * images[..., 0], atol=1e-4)
    each = Stretch('linear', per_band=True).fit(stamps).transform(stamps)
    assert_allclose(each[..., 1], each[..., 0], atol=1e-4)


def test_stamps_in_another_unit_are_converted(stamps):
    stretch = Stretch().fit(stamps)
    other = StampSet(stamps.quantity.to(u.uJy))
    assert_allclose(stretch.transform(other), stretch.transform(stamps), rtol=1e-4, atol=1e-5)
    with pytest.raises(u.UnitConversionError, match='fitted on stamps in nJy'):
        stretch.transform(StampSet(stamps.pixels, unit='electron'))
    with pytest.raises(u.UnitConversionError, match='no unit'):
        stretch.transform(StampSet(stamps.pixels))


def test_fluxes_in_si_units_are_not_lost():
    stamps = StampSet(make_stamps(100).quantity * u.nJy)
    si = StampSet(stamps.quantity.to('W / (m2 Hz)'))
    assert_allclose(
        Stretch().fit(si).transform(si), Stretch().fit(stamps).transform(stamps), atol=1e-5
    )


@pytest.mark.filterwarnings('error')
def test_masked_pixels_are_filled_before_they_are_scaled(stamps):
    mask = np.zeros(stamps.pixels.shape, dtype=bool)
    mask[0, :4] = mask[1] = True
    pixels = stamps.pixels.copy()
    pixels[mask] = np.nan
    pixels[0, 0, 0] = np.inf
    masked = StampSet(pixels, mask=mask, unit='nJy')
    stretch = Stretch().fit(masked)
    images = stretch.transform(masked)
    assert np.isfinite(images).all()
    assert stretch.sky_[0] == pytest.approx(SKY, abs=0.1 * NOISE)
    assert np.abs(images[0, :4]).max() < 0.05
    assert_array_equal(images[1], 0)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('scope', ['global', 'stamp'])
@pytest.mark.parametrize('kind', ['asinh', 'linear'])
@pytest.mark.parametrize('value', [0.0, 1e-30, 7.0, -250.0])
def test_constant_stamps_are_sky(kind, scope, value):
    stamps = StampSet(np.full((3, 8, 8), value))
    stretch = Stretch(kind, scope).fit(stamps)
    images = stretch.transform(stamps)
    assert_array_equal(images, 0)
    assert_allclose(stretch.inverse(images, like=stamps), value, rtol=1e-6)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('scope', ['global', 'stamp'])
def test_negative_stamps_and_none_at_all(scope, stamps):
    stretch = Stretch(scope=scope).fit(stamps)
    negative = StampSet(-np.abs(stamps.pixels), unit='nJy')
    images = stretch.transform(negative)
    assert np.isfinite(images).all()
    assert images.max() < 0
    assert_allclose(stretch.inverse(images, like=negative), negative.pixels, rtol=1e-5)
    none = stretch.transform(stamps[:0])
    assert none.shape == (0, 32, 32)
    assert stretch.inverse(none, like=stamps[:0]).shape == (0, 32, 32)


@pytest.mark.filterwarnings('error')
def test_images_without_noise_keep_a_bounded_range():
    y, x = np.mgrid[:32, :32] - 15.5
    profile = np.exp(-(x**2 + y**2) / 8) * (np.hypot(x, y) < 8)
    stretch = Stretch().fit(StampSet(np.stack([profile] * 20)))
    assert stretch.noise_rms_[0] == pytest.approx(1e-4 * stretch.peak_[0], rel=1e-3)


@pytest.mark.filterwarnings('error')
def test_absurd_images_of_an_untrained_network_stay_finite(stamps):
    images = np.array([-1e4, -50.0, 0.0, 50.0, 1e4] * 5).reshape(1, 5, 5)
    pixels = Stretch().fit(stamps).inverse(images)
    assert np.isfinite(pixels).all()
    assert (np.diff(pixels[0], axis=1) >= 0).all()


def test_the_sample_is_seeded_and_bounded():
    class Counting(StampSet):
        def batches(self, size, **options):
            sizes.append(size)
            return super().batches(size, **options)

    sizes = []
    many = Counting(np.random.default_rng(4).normal(size=(3000, 8, 8)))
    assert Stretch().fit(many, seed=1) == Stretch().fit(many, seed=1)
    assert Stretch().fit(many, seed=1) != Stretch().fit(many, seed=2)
    Stretch().fit(Counting(np.random.default_rng(5).normal(size=(70, 512, 256))))
    assert sizes == [2048] * 4 + [64]


def test_a_dictionary_restores_the_stretch_exactly(stamps):
    for stretch in (Stretch(), Stretch('linear', 'stamp', percentile=90.0).fit(stamps)):
        text = json.dumps(stretch.to_dict())
        assert Stretch.from_dict(json.loads(text)) == stretch


@pytest.mark.parametrize('unit', [u.dimensionless_unscaled, '', None])
def test_no_unit_and_dimensionless_are_one(unit):
    stretch = Stretch(sky=0, noise_rms=1, peak=10, unit=unit)
    assert stretch.unit_ is None
    assert stretch.to_dict()['unit'] is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'kind': 'log'}, "`kind` must be 'asinh', 'linear' or 'auto'; got 'log'"),
        ({'scope': 'image'}, "`scope` must be 'global' or 'stamp'"),
        ({'softening': 0}, '`softening` must be above 0; got 0'),
        ({'percentile': 101}, '`percentile` must be between 0 and 100'),
        ({'sky': 1.0}, 'Give all of `sky`, `noise_rms` and `peak`'),
        ({'sky': 0.0, 'noise_rms': 1.0, 'peak': -1.0}, '`peak` above `sky`'),
        ({'sky': (0.0, 1.0), 'noise_rms': (1.0, 1.0, 1.0), 'peak': 9.0}, 'the same length'),
        ({'sky': 0.0, 'noise_rms': np.nan, 'peak': 9.0}, 'must be finite'),
    ],
)
def test_values_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Stretch(**options)


def test_what_cannot_be_scaled_is_a_clear_error(stamps):
    with pytest.raises(NotFittedError, match='call `fit`'):
        Stretch().transform(stamps)
    with pytest.raises(NotFittedError, match='call `fit`'):
        Stretch().inverse(stamps.pixels)
    with pytest.raises(ValueError, match='at least one stamp'):
        Stretch().fit(stamps[:0])
    with pytest.raises(ValueError, match='without a mask'):
        Stretch().fit(StampSet(np.full((2, 8, 8), np.nan)))
    fitted = Stretch(scope='stamp').fit(stamps)
    with pytest.raises(ValueError, match='fitted on 1 band'):
        fitted.transform(make_stamps(2, bands=3, unit='nJy'))
    with pytest.raises(ValueError, match='one stamp per image, 2; got 3'):
        fitted.inverse(np.zeros((2, 32, 32)), like=stamps[:3])


@pytest.mark.parametrize('factor', [1e4, 0.0])
def test_bands_that_cannot_share_a_scale_are_told(factor):
    pixels = np.random.default_rng(1).normal(size=(20, 16, 16, 3)) * np.array([1, factor, 30])
    stamps = StampSet(pixels, bands=['g', 'r', 'i'])
    with pytest.warns(AstropyUserWarning, match=r'[Bb]and r .*share.*`Stretch\(per_band=True\)`'):
        Stretch().fit(stamps)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        Stretch(per_band=True).fit(stamps)
        Stretch().fit(stamps[['g', 'i']])


def test_a_band_without_pixels_is_named():
    mask = np.zeros((4, 16, 16, 3), bool)
    mask[..., 1] = True
    stamps = StampSet(np.ones(mask.shape), mask=mask, bands=['g', 'r', 'i'])
    with pytest.raises(ValueError, match='pixels without a mask in band r to fit'):
        Stretch().fit(stamps)
