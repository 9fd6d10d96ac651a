"""Probabilities of values of normals: those of counts, and of an exponential tail beyond."""

import pickle

import numpy as np
import pytest
from scipy import stats

from astro_wgan.anomaly.calibration.conformal import conformal_p_values
from astro_wgan.anomaly.calibration.tail_probability import TailProbability
from astro_wgan.exceptions import NotFittedError

RNG = np.random.default_rng(1)


def test_up_to_the_90th_percentile_they_are_conformal():
    normals = RNG.normal(size=200)
    tail = TailProbability().fit(normals)
    ordered = np.sort(normals)
    expected = conformal_p_values(ordered[:180], ordered)
    np.testing.assert_allclose(10 ** -tail.transform(ordered[:180]), expected)
    assert tail.transform([ordered[0], ordered[0] - 5]).tolist() == [0, 0]


def test_equal_values_have_the_probability_of_their_count():
    normals = RNG.integers(0, 5, size=300).astype(float)
    tail = TailProbability().fit(normals)
    values = np.arange(4.0)
    expected = conformal_p_values(values, np.sort(normals))
    np.testing.assert_allclose(10 ** -tail.transform(values), expected)


@pytest.mark.parametrize('scale', [1e-30, 1.0, 1e30])
def test_those_of_an_exponential_distribution_are_exponential(scale):
    tail = TailProbability().fit(stats.expon.rvs(size=20_000, scale=scale, random_state=2))
    values = scale * np.array([0.1, 1.0, 2.0, 3.0, 10.0, 30.0])
    expected = -stats.expon.logsf(values, scale=scale) / np.log(10)
    np.testing.assert_allclose(tail.transform(values), expected, rtol=0.06, atol=0.01)


def test_beyond_they_fall_by_the_mean_excess():
    normals = RNG.gumbel(size=1000)
    tail = TailProbability().fit(normals)
    last = np.quantile(normals, 0.9)
    excess = np.mean(normals[normals > last] - last)
    found = tail.transform([last, last + 3 * excess])
    assert 10 ** -found[0] == pytest.approx(0.1, abs=0.002)
    assert np.diff(found)[0] * np.log(10) == pytest.approx(3)


@pytest.mark.parametrize(('n', 'part'), [(40, 0.25), (12, 0.5)])
def test_the_mean_excess_of_few_is_that_of_the_ten_highest_or_of_half(n, part):
    normals = RNG.exponential(size=n)
    threshold = np.quantile(normals, 1 - part)
    above = normals[normals > threshold]
    assert len(above) == min(10, n // 2)
    assert TailProbability().fit(normals).mean_excess_ == pytest.approx(np.mean(above - threshold))


@pytest.mark.parametrize('n', [2, 7, 100, 5000])
def test_they_rise_strictly_and_have_no_step(n):
    normals = RNG.normal(size=n)
    tail = TailProbability().fit(normals)
    assert len(tail.values_) <= 256
    values = np.linspace(normals.min(), 40, 3001)
    assert (np.diff(tail.transform(values)) > 0).all()
    last = tail.values_[-1]
    assert np.ptp(tail.transform(last + 1e-9 * np.arange(-1, 2))) < 1e-5


def test_thinned_values_are_close_to_all():
    normals = np.sort(RNG.normal(size=5000))
    found = 10 ** -TailProbability().fit(normals).transform(normals[:4500])
    np.testing.assert_allclose(found, conformal_p_values(normals[:4500], normals), atol=0.002)


@pytest.mark.parametrize(
    ('normals', 'values', 'expected'),
    [
        ([3.0], [2.0, 3.0, 4.0], [0, 0, np.log10(np.e)]),
        ([3.0, 3.0, 3.0], [3.0, 5.0], [0, 2 * np.log10(np.e)]),
        ([np.nan, 3.0], [3.0, np.nan], [0, np.nan]),
        ([3.0, np.inf], [3.0, np.inf], [0, np.inf]),
        ([-np.inf, 3.0], [-np.inf, 3.0], [np.log10(1.5), np.log10(1.5)]),
        ([1.0, 2.0], [1.9, 2.4], 0.9 * np.log10(1.5) + np.array([0, np.log10(np.e)])),
    ],
)
def test_few_equal_missing_and_infinite_values(normals, values, expected):
    np.testing.assert_allclose(TailProbability().fit(normals).transform(values), expected)


@pytest.mark.parametrize('values', [[], [np.nan], [np.inf, -np.inf]])
def test_no_value_is_an_error(values):
    with pytest.raises(ValueError, match='needs finite values of normal stamps; got none'):
        TailProbability().fit(values)


def test_it_has_to_be_fitted():
    assert repr(TailProbability()) == '<TailProbability: not fitted>'
    with pytest.raises(NotFittedError, match='call `fit`'):
        TailProbability().transform([1.0])


def test_it_comes_back_from_plain_values():
    tail = TailProbability().fit(RNG.normal(size=1000))
    assert repr(tail) == '<TailProbability: of 1000 normals>'
    values = RNG.normal(size=50)
    for again in (TailProbability.from_dict(tail.to_dict()), pickle.loads(pickle.dumps(tail))):
        np.testing.assert_array_equal(again.transform(values), tail.transform(values))
