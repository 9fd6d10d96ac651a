"""Noise for stamps in all units, with masks and uncertainties, in pieces and on a cluster."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData
from astropy.table import QTable

from astro_wgan import StampSet, datasets
from astro_wgan.noise import (
    Autocorrelation,
    Sky,
    add_noise,
    autocorrelation,
    find_sky,
    make_noise,
    power_spectrum,
)
from astro_wgan.store import StampStore

KERNEL = np.outer([0.3, 1.0, 0.3], [0.3, 1.0, 0.3])

#: Sky of next to no noise, for pixels without a unit and for those with one.
DARK = 1e-12 * KERNEL


def noisy(light, unit, n=2000, sky=DARK, **options):
    """Noise alone of n equal stamps."""
    stamps = StampSet(np.broadcast_to(light, (n, *light.shape)).copy(), unit=unit)
    known = Autocorrelation.from_array(sky * (u.Unit(unit or '') ** 2))
    return add_noise(stamps, sky_noise=known, seed=1, progress=False, **options).pixels - light


@pytest.mark.parametrize(
    ('unit', 'options', 'electrons'),
    [
        (None, {}, 1),
        ('electron', {}, 1),
        ('adu', {'gain': 2.5}, 2.5),
        ('adu', {'gain': 2.5 * u.electron / u.adu}, 2.5),
        ('electron / s', {'exposure_time': 300 * u.s}, 300),
        ('adu / s', {'gain': 2, 'exposure_time': 5 * u.min}, 600),
        # 3631 Jy have magnitude 0; one count per second has 20.
        ('Jy', {'zero_point': 20, 'exposure_time': 100 * u.s}, 100 * 10**8 / 3630.78),
        ('nJy', {'zero_point': 2 * u.nJy, 'gain': 3, 'exposure_time': 100 * u.s}, 150),
    ],
)
def test_variance_is_that_of_the_electrons(unit, options, electrons):
    """Light of 400 electrons: in the unit of the pixels, their variance is light / electrons."""
    light = np.full((12, 12), 400 / electrons)
    noise = noisy(light, unit, **options)
    # The sky is dark, but a pixel of 100 microjansky has about as little variance.
    assert noise.var(dtype=float) == pytest.approx(light[0, 0] / electrons + 1e-12, rel=0.02)
    assert abs(noise.mean(dtype=float)) < 0.01 * light[0, 0]


def test_poisson_noise_has_the_power_spectrum_of_the_sky():
    """In shape, in every ring of frequencies; its own variance."""
    light = np.full((32, 32), 900.0)
    found = power_spectrum(noisy(light, None, n=3000), mean=0).radial()['power'].value
    sky = make_noise(Autocorrelation.from_array(KERNEL), 3000, size=32, seed=2)
    expected = power_spectrum(sky, mean=0).radial()['power'].value
    np.testing.assert_allclose(found / 900, expected, atol=0.05 * expected.max())
    strong = expected > 0.1 * expected.max()
    np.testing.assert_allclose(found[strong] / 900, expected[strong], rtol=0.05)


@pytest.mark.parametrize('electrons', [1e11, 1e13, 1e25])
def test_any_number_of_electrons_has_its_root_as_noise(electrons):
    noise = noisy(np.full((12, 12), electrons), None)
    assert noise.std(dtype=float) == pytest.approx(np.sqrt(electrons), rel=0.01)


def test_drizzled_pixels_have_less_variance():
    light = np.full((12, 12), 400.0)
    noise = noisy(light, None, correlation_ratio=2)
    assert noise.var(dtype=float) == pytest.approx(100, rel=0.02)


def test_masked_pixels_stay_masked_and_uncertainties_grow():
    pixels = np.full((3, 8, 8), 100.0)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, :2] = True
    pixels[:, 0] = np.nan
    stamps = StampSet(pixels, uncertainty=np.full(pixels.shape, 3.0), mask=mask)
    sky = Autocorrelation.from_array(16 * KERNEL)
    found = add_noise(stamps, sky_noise=sky, seed=1, progress=False)
    np.testing.assert_array_equal(found.mask[:, :2], True)
    assert not found.mask[:, 2:].any()
    np.testing.assert_allclose(found.uncertainty[:, 2:], np.sqrt(9 + 100 + 16), rtol=1e-6)


def test_a_cluster_and_processes_add_the_same(tmp_path):
    distributed = pytest.importorskip('distributed')
    stamps = StampSet(np.full((600, 6, 6), 50.0))
    work = {'sky_noise': Autocorrelation.from_array(KERNEL), 'seed': 3, 'progress': False}
    expected = add_noise(stamps, **work).pixels
    with distributed.Client(processes=False, dashboard_address=':0') as client:
        np.testing.assert_array_equal(add_noise(stamps, client=client, **work).pixels, expected)
    store = add_noise(stamps, processes=2, output=tmp_path / 'noisy.zarr', **work)
    np.testing.assert_array_equal(store[:].pixels, expected)


def test_an_interrupted_store_is_continued(tmp_path):
    stamps = StampSet(np.full((600, 6, 6), 50.0))
    work = {'sky_noise': Autocorrelation.from_array(KERNEL), 'seed': 3, 'progress': False}
    whole = add_noise(stamps, output=tmp_path / 'whole.zarr', **work)
    with StampStore.create(tmp_path / 'part.zarr', like=whole[:0]) as partial:
        partial.append(whole[:256])
    found = add_noise(stamps, output=tmp_path / 'part.zarr', **work)
    np.testing.assert_array_equal(found[:].pixels, whole[:].pixels)
    with pytest.raises(
        ValueError, match=r'part\.zarr, belongs to other settings: `seed` was 3 and'
    ):
        add_noise(stamps, output=tmp_path / 'part.zarr', **(work | {'seed': 4}))


SKY = {
    'pixels': np.random.default_rng(1).normal(size=(40, 40)),
    'clean': np.ones((40, 40), dtype=bool),
    'unit': u.ct,
}


@pytest.fixture(scope='module')
def in_store(tmp_path_factory):
    """Stamps, how they got noise, and the store of it."""
    stamps = {
        'pixels': np.full((300, 6, 6), 50.0),
        'unit': 'ct',
        'table': QTable({'redshift': np.linspace(0, 1, 300)}),
    }
    options = {'sky_noise': Sky(**SKY), 'seed': 3, 'gain': 2.0, 'progress': False}
    options['correlation'] = Autocorrelation.from_array(KERNEL)
    output = tmp_path_factory.mktemp('noise') / 'noisy.zarr'
    add_noise(StampSet(**stamps), output=output, **options)
    return stamps, options | {'output': output}


def of_last(values, value):
    """A copy in which a value of the last stamp is another."""
    values = values.copy()
    values[-1] = value
    return values


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ({'pixels': of_last(np.full((300, 6, 6), 50.0), 51.0)}, 'their pixels differ'),
        ({'mask': of_last(np.zeros((300, 6, 6), dtype=bool), True)}, 'they had no masks, and have'),
        ({'uncertainty': np.ones((300, 6, 6))}, 'they had no uncertainties, and have some'),
        ({'table': QTable({'redshift': np.linspace(0, 2, 300)})}, 'their column `redshift` diff'),
        ({'pixel_scale': 1 * u.arcsec}, 'their pixel scale was None and is .1 arcsec / pix'),
        ({'psf': np.eye(3)}, 'they had no PSF, and have one'),
        # Blocks share a stream of random numbers: a longer set is another one.
        ({'pixels': np.full((400, 6, 6), 50.0), 'table': None}, 'there were 300 of them, and are'),
    ],
)
def test_noise_of_other_stamps_is_not_taken_for_theirs(in_store, change, what):
    stamps, options = in_store
    again = add_noise(StampSet(**stamps), **options)
    assert len(again) == 300
    with pytest.raises(ValueError, match=f'belongs to other stamps: {what}'):
        add_noise(StampSet(**stamps | change), **options)


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ({'gain': 3.0}, 'other settings: `gain` was 2 and is 3'),
        ({'correlation_ratio': 2.0}, 'other settings: `correlation_ratio` was 1 and is 2'),
        (
            {'correlation': Autocorrelation.from_array([[1.0]])},
            'other settings: `correlation` diff',
        ),
        (
            {'sky_noise': Sky(**SKY | {'pixels': SKY['pixels'][::-1]})},
            'another sky: its pixels differ',
        ),
        (
            {'sky_noise': Sky(**SKY | {'clean': np.arange(1600).reshape(40, 40) > 1})},
            'another sky: its clean pixels differ',
        ),
        (
            {'sky_noise': Autocorrelation.from_array(KERNEL * u.ct**2)},
            "another sky: its type was 'Sky'",
        ),
    ],
)
def test_other_noise_is_not_taken_for_this(in_store, change, what):
    stamps, options = in_store
    with pytest.raises(ValueError, match=f'belongs to {what}'):
        add_noise(StampSet(**stamps), **options | change)


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        ({'gain': 0}, ValueError, '`gain`'),
        ({'gain': np.nan}, ValueError, '`gain`'),
        ({'gain': 2 * u.s}, u.UnitsError, '`gain`'),
        ({'exposure_time': -1 * u.s}, ValueError, '`exposure_time`'),
        ({'exposure_time': 1 * u.m}, u.UnitsError, '`exposure_time`'),
        ({'zero_point': 3 * u.s}, u.UnitsError, '`zero_point`'),
        ({'correlation_ratio': 0}, ValueError, '`correlation_ratio`'),
        ({'sky_noise': []}, ValueError, '`sky_noise`'),
    ],
)
def test_impossible_arguments_are_refused(options, error, match):
    sky = {'sky_noise': Autocorrelation.from_array(KERNEL)}
    with pytest.raises(error, match=match):
        add_noise(StampSet(np.ones((2, 8, 8))), seed=1, progress=False, **(sky | options))


@pytest.fixture(scope='module')
def sky():
    return find_sky(datasets.load_image('mock_f814w'))


def test_gaussian_noise_has_the_correlation(sky):
    """A function that stays far from its largest lag, so that no taper touches it."""
    covariance = np.zeros((9, 9))
    covariance[3:6, 3:6] = 4 * KERNEL
    wanted = Autocorrelation.from_array(covariance)
    made = make_noise(wanted, 3000, size=32, seed=1)
    found = autocorrelation(made, max_lag=4, mean=0)
    np.testing.assert_allclose(found.covariance.value, covariance, atol=0.02 * 4)
    # No wrap around: opposite edges know nothing of each other.
    edges = np.corrcoef(made.pixels[:, :, 0].ravel(), made.pixels[:, :, -1].ravel())[0, 1]
    assert abs(edges) < 0.02


def test_a_given_function_is_taken_as_it_is():
    """Up to its largest lag: there is nothing to smooth."""
    made = make_noise(Autocorrelation.from_array(4 * KERNEL), 3000, size=32, seed=1)
    found = autocorrelation(made, max_lag=2, mean=0)
    np.testing.assert_allclose(found.coefficients[1:4, 1:4], KERNEL, atol=0.01)
    np.testing.assert_allclose(found.coefficients[0], 0, atol=0.01)


def test_seed_decides(sky):
    for make in (
        lambda s: sky.stamps(3, size=16, seed=s),
        lambda s: make_noise(sky, 3, size=16, seed=s),
    ):
        first, again, other = (make(seed).pixels for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_poisson_noise_keeps_the_variance_of_each_pixel_and_has_the_correlation():
    covariance = np.zeros((9, 9))
    covariance[3:6, 3:6] = 1e-6 * KERNEL
    dark = Autocorrelation.from_array(covariance)
    light = np.full((20, 20), 50.0)
    light[:, 10:] = 400.0
    stamps = StampSet(np.broadcast_to(light, (4000, 20, 20)).copy())
    noisy = add_noise(stamps, sky_noise=dark, gain=2.0, seed=1, progress=False)
    noise = noisy.pixels - light
    # Electrons are counts times the gain; so the variance in counts is counts / gain.
    np.testing.assert_allclose(noise.var(axis=0), light / 2, rtol=0.12)
    np.testing.assert_allclose(noise.var(axis=0).mean(axis=0), light[0] / 2, rtol=0.03)
    pairs = (noise[:, :, 2:8] * noise[:, :, 3:9]).mean() / (noise[:, :, 2:9] ** 2).mean()
    assert pairs == pytest.approx(0.3, abs=0.01)


def test_a_part_of_a_set_gets_the_noise_that_it_has_in_the_whole(sky, tmp_path):
    stamps = StampSet(np.full((40, 16, 16), 3.0), unit=sky.unit, pixel_scale=sky.pixel_scale)
    options = {'sky_noise': sky, 'exposure_time': 2000 * u.s, 'seed': 4, 'progress': False}
    whole = add_noise(stamps, **options)
    store = add_noise(stamps, **options, output=tmp_path / 'noisy.zarr')
    np.testing.assert_array_equal(whole.pixels, store[:].pixels)


def test_negative_light_is_refused(sky):
    stamps = StampSet(np.full((2, 16, 16), -1.0), unit=sky.unit)
    with pytest.raises(ValueError, match='negative'):
        add_noise(stamps, sky_noise=sky, exposure_time=2000 * u.s, seed=1, progress=False)


def test_units_that_do_not_convert_are_refused(sky):
    stamps = StampSet(np.ones((2, 16, 16)), unit='m')
    with pytest.raises(u.UnitsError):
        add_noise(stamps, sky_noise=sky, exposure_time=2000 * u.s, seed=1, progress=False)


def test_stamps_are_taken_in_all_their_forms(tmp_path):
    pixels = np.full((3, 8, 8), 50.0)
    options = {'sky_noise': Autocorrelation.from_array(KERNEL), 'seed': 1, 'progress': False}
    expected = add_noise(StampSet(pixels), **options).pixels
    StampStore.from_stamps(tmp_path / 'stamps.zarr', StampSet(pixels))
    cutouts = [CCDData(image, unit='') for image in pixels]
    for stamps in (tmp_path / 'stamps.zarr', cutouts):
        np.testing.assert_array_equal(add_noise(stamps, **options).pixels, expected)
