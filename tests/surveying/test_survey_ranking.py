"""False-discovery rates from parts."""

import numpy as np

from astro_wgan.anomaly import q_values
from astro_wgan.surveying.survey_ranking import FalseDiscoveryRates


def test_rates_of_parts_are_those_of_all_sources():
    rng = np.random.default_rng(1)
    p_values = rng.integers(1, 500, 3000) / 500
    p_values[::50] = np.nan
    rates = FalseDiscoveryRates()
    for part in np.array_split(p_values, 7):
        rates.add(part)
    np.testing.assert_allclose(rates.q_values(p_values), q_values(p_values), rtol=1e-13)


def test_no_source_with_a_score_has_no_rates():
    rates = FalseDiscoveryRates()
    rates.add([np.nan])
    assert np.isnan(rates.q_values([np.nan, np.nan])).all()
    assert rates.q_values([]).shape == (0,)
