import numpy as np
import pytest
from astropy import units as u
from astropy.stats import binom_conf_interval
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked

from astro_wgan.evaluate import detection_rates_by

NORMALS = {'a': np.arange(1.0, 101.0)}


def test_rates_by_merger_time_are_those_of_each_bin():
    time = np.array([-1.0, -0.6, -0.4, 0.0, 0.4, 0.5, 1.0])
    score = np.array([99.0, 1.0, 99.0, 99.0, 99.0, 1.0, 1.0])
    table = detection_rates_by(time, {'a': score}, normal_scores=NORMALS, bins=[-1, -0.5, 0.5, 1])
    assert table['n'].tolist() == [2, 3, 2]
    assert table['n_detected'].tolist() == [1, 3, 0]
    assert np.allclose(table['center'], [-0.8, 0.0, 0.75])
    low, high = binom_conf_interval([1, 3, 0], [2, 3, 2], interval='wilson')
    assert np.allclose(table['rate_low'], low, rtol=1e-4)
    assert np.allclose(table['rate_high'], high, rtol=1e-4)


def test_bins_of_equal_number_are_those_of_numpy():
    random = np.random.default_rng(1)
    mass = 10 ** random.uniform(9, 12, 800) * u.Msun
    table = detection_rates_by(mass, {'a': random.normal(size=800)}, normal_scores=NORMALS, bins=4)
    assert table['n'].tolist() == [200] * 4
    edges = np.quantile(mass.value, [0, 0.25, 0.5, 0.75, 1]) * u.Msun
    assert u.allclose(table['low'], edges[:-1])
    assert u.allclose(table['high'], edges[1:])
    inside = (mass >= edges[1]) & (mass < edges[2])
    assert u.allclose(table['center'][1], np.median(mass[inside]))


def test_edges_may_have_another_unit():
    mass = [1e9, 2e9, 2e10] * u.Msun
    edges = [1e39, 1e40, 1e41] * u.kg
    table = detection_rates_by(mass, {'a': [True, False, True]}, normal_scores={}, bins=edges)
    assert table['n'].tolist() == [2, 1]
    assert table['low'].unit == u.Msun


def test_each_detector_and_class_has_its_bins():
    values = np.array([0.5, 0.5, 1.5, 1.5])
    scores = {'a': [99.0, 1.0, 99.0, 99.0], 'b': [True, True, False, False]}
    near = np.array([True, False, True, False])
    table = detection_rates_by(
        values, scores, {'near': near, 'far': ~near}, normal_scores=NORMALS, bins=[0, 1, 2]
    )
    assert table['detector'].tolist() == ['a'] * 4 + ['b'] * 4
    assert table['class'].tolist() == ['near', 'near', 'far', 'far'] * 2
    assert table['rate'].tolist() == [1, 1, 0, 1, 1, 0, 1, 0]


def test_strings_are_categories():
    kinds = np.array(['disk', 'bulge', 'disk', 'irregular'])
    detected = {'a': [True, False, False, True]}
    table = detection_rates_by(kinds, detected, normal_scores={})
    assert table['category'].tolist() == ['bulge', 'disk', 'irregular']
    assert table['rate'].tolist() == [0.0, 0.5, 1.0]
    chosen = detection_rates_by(kinds, detected, normal_scores={}, bins=['irregular', 'disk'])
    assert chosen['category'].tolist() == ['irregular', 'disk']
    assert chosen.meta['n_unbinned'] == 1


def test_unknown_values_and_missing_scores_are_counted():
    values = np.ma.MaskedArray([0.5, np.nan, 3.0, 0.7, 0.2], mask=[0, 0, 0, 0, 1])
    table = detection_rates_by(
        values, {'a': [99.0, 99.0, 99.0, np.nan, 99.0]}, normal_scores=NORMALS, bins=[0, 1, 2]
    )
    assert table['n'].tolist() == [2, 0]
    assert table['n_not_scored'].tolist() == [1, 0]
    assert table['n_detected'].tolist() == [1, 0]
    assert np.isnan(table['rate'][1])
    assert np.isnan(table['center'][1])
    assert table.meta['n_unbinned'] == 3


def test_equal_values_reduce_the_number_of_bins():
    table = detection_rates_by([1.0] * 5, {'a': [True] * 5}, normal_scores={}, bins=4)
    assert table['n'].tolist() == [5]
    table = detection_rates_by([1.0] * 5 + [2.0], {'a': [True] * 6}, normal_scores={}, bins=4)
    assert table['n'].sum() == 6


@pytest.mark.parametrize(
    ('values', 'bins', 'message'),
    [
        ([1.0], 2, '`values` must have 2 entries, one per object; got 1'),
        ([[1.0, 2.0]], 2, 'one value per object'),
        ([1.0, 2.0], 0, '`bins` must be at least 1'),
        ([1.0, 2.0], [1.0], 'at least two increasing edges'),
        ([1.0, 2.0], [1.0, 0.0], 'at least two increasing edges'),
        ([np.nan, np.nan], 3, 'no finite value'),
    ],
)
def test_bad_input_is_refused(values, bins, message):
    with pytest.raises(ValueError, match=message):
        detection_rates_by(values, {'a': [True, False]}, normal_scores={}, bins=bins)
    with pytest.raises(u.UnitsError):
        detection_rates_by([1.0, 2.0], {'a': [True, False]}, normal_scores={}, bins=[0, 1] * u.kpc)


MASK = np.array([True, False, False, True, False, False])
NUMBERS = np.arange(6.0)


@pytest.mark.parametrize(
    'values',
    [
        np.ma.array(NUMBERS, mask=MASK),
        MaskedColumn(NUMBERS, mask=MASK),
        MaskedColumn(NUMBERS, mask=MASK, unit='Gyr'),
        Masked(NUMBERS, mask=MASK),
        Masked(NUMBERS * u.Gyr, mask=MASK),
        np.array([None, 1.0, 2.0, None, 4.0, 5.0], dtype=object),
    ],
    ids=['numpy', 'column', 'column with unit', 'Masked', 'Quantity', 'objects'],
)
def test_masked_properties_are_unknown(values):
    detected = np.array([True, True, False, True, True, False])
    table = detection_rates_by(values, {'a': detected}, normal_scores={}, bins=2)
    assert table.meta['n_unbinned'] == 2
    assert table['n'].tolist() == [2, 2]
    assert table['n_detected'].tolist() == [1, 1]
    assert u.Quantity(table['center']).value.tolist() == [1.5, 4.5]


def test_masked_strings_are_unknown():
    kinds = MaskedColumn(['disk', 'bulge', 'disk', 'bulge', 'disk', 'disk'], mask=MASK)
    table = detection_rates_by(kinds, {'a': ~MASK}, normal_scores={})
    assert table['category'].tolist() == ['bulge', 'disk']
    assert table['n'].tolist() == [1, 3]
    assert table.meta['n_unbinned'] == 2
