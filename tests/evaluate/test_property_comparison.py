import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from scipy.stats import ks_2samp, wasserstein_distance

from astro_wgan.evaluate import compare_properties


@pytest.fixture
def tables():
    random = np.random.default_rng(1)
    first = QTable(
        {
            'radius': random.normal(0.4, 0.1, 600) * u.arcsec,
            'axis_ratio': random.uniform(0.2, 1, 600),
            'id': [f'a{i}' for i in range(600)],
            'latent': random.normal(size=(600, 4)),
            'only_first': random.normal(size=600),
        }
    )
    second = QTable(
        {
            'radius': random.normal(480, 100, 700) * u.mas,
            'axis_ratio': random.uniform(0.2, 1, 700),
            'id': [f'b{i}' for i in range(700)],
            'latent': random.normal(size=(700, 4)),
        }
    )
    return first, second


def test_property_with_the_largest_distance_comes_first(tables):
    found = compare_properties(*tables)
    assert found['property'].tolist() == ['radius', 'axis_ratio']
    assert found['unit'].tolist() == ['arcsec', '']
    assert found['p_value'][0] < 0.01 < found['p_value'][1]
    assert found['distance'][0] > 5 * found['null_median'][0]


@pytest.mark.parametrize('statistic', ['ks', 'wasserstein'])
def test_distances_are_those_of_scipy_in_the_unit_of_the_first(tables, statistic):
    row = compare_properties(*tables, properties=['radius'], statistic=statistic, n_resamples=50)[0]
    radii = [table['radius'].to_value('arcsec') for table in tables]
    scipy = {'ks': lambda *pair: ks_2samp(*pair).statistic, 'wasserstein': wasserstein_distance}
    assert row['distance'] == pytest.approx(scipy[statistic](*radii), rel=1e-9)
    assert row['median_second'] == pytest.approx(np.median(radii[1]))


def test_p_values_of_equal_populations_are_uniform():
    random = np.random.default_rng(2)
    columns = {f'property {i}': random.normal(size=400) for i in range(40)}
    table = Table(columns)
    found = compare_properties(table[:180], table[180:], n_resamples=99)
    assert 0.3 < found['p_value'].mean() < 0.7


def test_positions_and_properties_without_values_are_left_out_by_default(tables):
    first, second = (table['radius', 'axis_ratio'] for table in tables)
    for table in (first, second):
        table['sky'] = SkyCoord(np.zeros(len(table)), np.zeros(len(table)), unit='deg')
        table['mixed'] = np.arange(len(table))
        table['magnitude'] = np.full(len(table), np.nan)
    second.replace_column('mixed', ['text'] * len(second))
    found = compare_properties(first, second, n_resamples=20)
    assert sorted(found['property']) == ['axis_ratio', 'radius']
    with pytest.raises(ValueError, match="'sky' with one number per row"):
        compare_properties(first, second, properties=['sky'])
    with pytest.raises(ValueError, match="'magnitude' of `first` has no finite value"):
        compare_properties(first, second, properties=['magnitude'])


def test_masked_and_missing_values_are_left_out(tables):
    first, second = tables
    first, second = Table(first[:20]), Table(second[:20])
    first['axis_ratio'] = MaskedColumn(first['axis_ratio'], mask=np.arange(20) < 5)
    second['axis_ratio'][:3] = np.nan
    row = compare_properties(first, second, properties=['axis_ratio'], n_resamples=20)[0]
    assert (row['n_first'], row['n_second']) == (15, 17)
    assert row['median_first'] == np.median(first['axis_ratio'].data.compressed())


def test_errors_depend_on_the_seed_alone(tables):
    once, again, other = (compare_properties(*tables, n_resamples=30, seed=s) for s in (1, 1, 2))
    assert (
        once['distance_err'].tolist()
        == again['distance_err'].tolist()
        != other['distance_err'].tolist()
    )


@pytest.mark.parametrize(
    ('change', 'options', 'message'),
    [
        ({}, {'properties': ['only_first']}, "`second` must have a column 'only_first'"),
        ({}, {'properties': ['latent']}, "`first` must have a column 'latent' with one number"),
        ({}, {'properties': []}, 'no column of numbers in common'),
        ({}, {'n_resamples': 1}, '`n_resamples` must be at least 2; got 1'),
        ({}, {'statistic': 'mean'}, "`statistic` must be one of .*; got 'mean'"),
        ({'radius': np.ones(700) * u.kpc}, {}, "'radius' of `second` must convert .*arcsec.*kpc"),
        ({'radius': np.ones(700)}, {}, "'radius' of `second` must convert .*arcsec; got None"),
        ({'axis_ratio': np.full(700, np.nan)}, {}, "'axis_ratio' of `second` has no finite value"),
    ],
)
def test_properties_that_cannot_be_compared_are_refused(tables, change, options, message):
    first, second = tables
    for name, column in change.items():
        second[name] = column
    with pytest.raises(ValueError, match=message):
        compare_properties(first, second, **options)
