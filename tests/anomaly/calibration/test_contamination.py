"""Calibrations of which not all stamps are normal, against the distribution that normals have."""

import numpy as np
import pytest
from scipy.stats import expon, gumbel_r, logistic, lognorm, norm, t

from astro_wgan.anomaly import Calibration
from astro_wgan.anomaly.calibration.contamination import normal_probabilities


def field(n, share, *, seed, null=gumbel_r):
    """Scores of n stamps, of which a share, the first, are those of anomalies."""
    rng = np.random.default_rng(seed)
    scores = null.rvs(size=n, random_state=rng)
    strange = round(share * n)
    scores[:strange] = rng.normal(8, 2, size=strange)
    return scores


@pytest.mark.parametrize('n', [300, 3000])
@pytest.mark.parametrize('share', [0.0, 0.05, 0.1, 0.2])
def test_contamination_and_rates_are_recovered(n, share):
    """Without the correction so many are found too few, as a closed formula says."""
    shares, rates, former = [], [], []
    for seed in range(40):
        scores = field(n, share, seed=seed)
        probabilities, found = normal_probabilities(scores)
        shares.append(found)
        corrected = Calibration(scores, probabilities=probabilities, contamination=found)
        rates.append(gumbel_r.sf(corrected.thresholds([90])[90]))
        former.append(gumbel_r.sf(Calibration(scores).thresholds([90])[90]))
    error = np.std(shares) / np.sqrt(len(shares))
    # A share below zero is none: what is estimated where there is none lies above it.
    assert np.mean(shares) == pytest.approx(share, abs=4 * error + 0.01 + 10 / n)
    assert np.mean(rates) == pytest.approx(0.1, abs=0.012 + 3 / n)
    # All anomalies lie above the threshold, so that normals get what is left of a tenth.
    assert np.mean(former) == pytest.approx(
        (0.1 - share) / (1 - share) if share < 0.1 else 0, abs=0.02
    )


@pytest.mark.parametrize('null', [norm, logistic, t(2), expon, lognorm(1)])
def test_scores_of_another_distribution_are_not_taken_for_anomalies(null):
    """Then p-values are those without a correction, which are never too small."""
    for seed in range(5):
        probabilities, found = normal_probabilities(null.rvs(size=3000, random_state=seed))
        assert found == 0
        assert (probabilities == 1).all()


@pytest.mark.parametrize(
    'scores',
    [
        np.arange(299.0),
        np.ones(500),
        np.array([]),
        np.append(np.arange(300.0), np.full(100, np.inf)),
    ],
)
def test_what_does_not_tell_is_left_as_it_is(scores):
    probabilities, found = normal_probabilities(scores)
    assert found == 0
    np.testing.assert_array_equal(probabilities, np.ones(len(scores)))


def test_probabilities_fall_with_the_score_and_add_up_to_the_normals():
    scores = field(2000, 0.1, seed=5)
    scores[0] = np.inf
    probabilities, _ = normal_probabilities(scores)
    assert (np.diff(probabilities[np.argsort(scores)]) <= 1e-12).all()
    assert probabilities.sum() == pytest.approx(1800, abs=60)
    assert probabilities[0] < 0.01
    assert probabilities.max() <= 1


def test_a_known_contamination_is_used():
    scores = field(2000, 0.1, seed=6, null=norm)
    probabilities, found = normal_probabilities(scores, contamination=0.1)
    assert found == 0.1
    threshold = Calibration(scores, probabilities=probabilities).thresholds([80])[80]
    assert norm.sf(threshold) == pytest.approx(0.2, abs=0.05)


def test_scale_and_place_of_the_scores_do_not_matter():
    scores = field(500, 0.1, seed=7)
    probabilities, found = normal_probabilities(scores)
    again, found_again = normal_probabilities(1e6 * scores - 3e7)
    assert found_again == pytest.approx(found, abs=1e-3)
    np.testing.assert_allclose(again, probabilities, atol=0.01)


@pytest.mark.parametrize('given', [-0.1, 0.5, np.nan, 'guess', 'Estimate', None, [0.1]])
def test_invalid_contamination_is_refused(given):
    with pytest.raises(ValueError, match=r"at least 0 and below 0\.5, or 'estimate'; got"):
        normal_probabilities(np.arange(200.0), contamination=given)


def test_known_contamination_of_too_few_scores_is_refused():
    with pytest.raises(ValueError, match=r'at least 30 held-out scores; got 0\.1 with 29'):
        normal_probabilities(np.arange(29.0), contamination=0.1)
    probabilities, found = normal_probabilities(field(30, 0.1, seed=8), contamination=0.1)
    assert found == 0.1
    assert probabilities[:3].max() < 0.5


def test_contamination_of_equal_scores_is_0():
    assert normal_probabilities(np.ones(50), contamination=0.1)[1] == 0
