import numpy as np
import pytest
from scipy.stats import chi

from astro_wgan import StampSet
from astro_wgan.stamps import Band
from astro_wgan.testing import make_stamps

PSF = np.outer([1, 2, 1], [1, 2, 1]) / 16


def colored(**options):
    return make_stamps(4, shape=(24, 24), bands=['g', 'r', 'i'], **options)


def test_mean_and_sum():
    stamps = colored(uncertainty=np.full((4, 24, 24, 3), [1.0, 2.0, 3.0]))
    mean = stamps.stack()
    assert np.allclose(mean.pixels, stamps.pixels.mean(axis=-1), atol=1e-5)
    assert np.allclose(mean.uncertainty, np.sqrt(1 + 4 + 9) / 3)
    assert (mean.bands, mean.unit) == ((Band('g+r+i'),), stamps.unit)
    assert mean.ids.tolist() == stamps.ids.tolist()
    total = stamps.stack(['i', 'g'], method='sum', weights=[2, 1])
    assert np.allclose(total.pixels, 2 * stamps.pixels[..., 2] + stamps.pixels[..., 0], atol=1e-4)
    assert np.allclose(total.uncertainty, np.hypot(2 * 3, 1))
    assert total.bands == (Band('i+g'),)
    best = stamps.stack(weights='inverse_variance')
    weights = 1 / np.array([1.0, 4.0, 9.0])
    assert np.allclose(best.pixels, np.average(stamps.pixels, axis=-1, weights=weights), atol=1e-5)
    assert np.allclose(best.uncertainty, weights.sum() ** -0.5)


def test_bands_without_data_at_a_pixel():
    mask = np.zeros((4, 24, 24, 3), dtype=bool)
    mask[0, 3, 4, 1], mask[0, 5, 6] = True, True
    stamps = colored(mask=mask)
    mean, total = stamps.stack(), stamps.stack(method='sum')
    assert mean.pixels[0, 3, 4] == pytest.approx(stamps.pixels[0, 3, 4, [0, 2]].mean())
    assert np.argwhere(~mean.valid).tolist() == [[0, 5, 6]]
    assert np.argwhere(~total.valid).tolist() == [[0, 3, 4], [0, 5, 6]]


def test_zero_point_and_psf_of_a_stack():
    stamps = colored()
    stamps.bands = [Band(name, zero_point=25, psf=PSF) for name in 'gri']
    one = stamps.stack()
    assert one.bands[0].zero_point == stamps.bands[0].zero_point
    assert np.array_equal(one.psf, PSF)
    stamps.bands = [Band('g', zero_point=24), *stamps.bands[1:]]
    assert stamps.stack().bands == (Band('g+r+i'),)
    assert stamps.stack().psf is None
    assert stamps.stack(['r', 'i']).bands[0].zero_point.value == 25


@pytest.mark.parametrize('is_known', [True, False])
def test_chi_squared_image(is_known):
    rng = np.random.default_rng(3)
    noise = np.array([1.0, 5.0, 0.2])
    pixels = 100 + noise * rng.normal(size=(2, 80, 80, 3))
    pixels[:, 40, 40] += 10 * noise
    known = np.broadcast_to(noise, pixels.shape) if is_known else None
    stamps = StampSet(pixels, unit='nJy', uncertainty=known, bands=['g', 'r', 'i'])
    stack = stamps.stack(method='chi2')
    assert (stack.bands, stack.unit, stack.uncertainty) == ((Band('chi2'),), None, None)
    sky = np.delete(stack.pixels.reshape(2, -1), 40 * 80 + 40, axis=1)
    assert sky.mean() == pytest.approx(0, abs=0.05)
    assert sky.std() == pytest.approx(1, abs=0.05)
    # A source of 10 sigma in each of three bands.
    ratio = (pixels[:, 40, 40] - 100) / noise
    expected = (np.sqrt((ratio**2).sum(axis=-1)) - chi.mean(3)) / chi.std(3)
    assert stack.pixels[:, 40, 40] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'method': 'median'}, r"`method` must be one of \['mean', 'sum', 'chi2'\]; got 'median'"),
        ({'weights': [1, 2]}, '`weights` must be 3 numbers'),
        ({'weights': [1, 2, 0]}, 'finite and above 0'),
        ({'weights': 'inverse_variance'}, 'needs the uncertainty of the stamps'),
        ({'weights': 'inverse_variance', 'method': 'sum'}, "or, for the mean, 'inverse_variance'"),
        ({'weights': [1, 2, 3], 'method': 'chi2'}, "not for 'chi2'"),
        ({'bands': ['g', 'z']}, r'must be a band, from 0 to 2 \(g, r, i\)'),
        ({'bands': []}, 'at least one band'),
    ],
)
def test_stacks_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        colored().stack(**arguments)


def test_empty_sets_are_stacked():
    empty = colored()[:0]
    assert empty.stack().shape == empty.stack(method='chi2').shape == (24, 24)
