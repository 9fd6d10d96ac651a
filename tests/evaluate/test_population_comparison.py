import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from scipy.stats import energy_distance, kstest, wasserstein_distance

from astro_wgan.evaluate import compare_populations, compare_populations_by, rank_simulations

SCIPY = {
    'ks': lambda a, b: kstest(a, b).statistic,
    'wasserstein': wasserstein_distance,
    'energy': energy_distance,
}


@pytest.mark.parametrize('ties', [False, True])
def test_distances_agree_with_scipy(ties):
    random = np.random.default_rng(1)
    first, second = random.gamma(2, size=300), random.gamma(2.5, size=170)
    if ties:
        first, second = np.round(first), np.round(second)
    table = compare_populations(first, second, n_resamples=10)
    assert table['statistic'].tolist() == [*SCIPY]
    for row in table:
        assert np.isclose(row['distance'], SCIPY[row['statistic']](first, second), rtol=1e-12)


def test_errors_agree_with_a_direct_bootstrap():
    random = np.random.default_rng(2)
    first, second = random.normal(0, 1, 200), random.normal(1, 1, 150)
    table = compare_populations(first, second, n_resamples=1500)
    for row in table:
        drawn = [
            SCIPY[row['statistic']](random.choice(first, 200), random.choice(second, 150))
            for _ in range(500)
        ]
        assert np.isclose(row['distance_err'], np.std(drawn), rtol=0.15)


def test_p_values_of_equal_populations_are_uniform():
    random = np.random.default_rng(3)
    p_values = np.array(
        [
            compare_populations(
                random.normal(size=60), random.normal(size=40), n_resamples=99, seed=i
            )['p_value']
            for i in range(200)
        ]
    )
    assert (np.abs((p_values < 0.1).mean(axis=0) - 0.1) < 0.06).all()
    assert (np.abs(p_values.mean(axis=0) - 0.5) < 0.08).all()


def test_different_populations_have_small_p_values():
    random = np.random.default_rng(4)
    table = compare_populations(
        random.normal(0, 1, 300), random.normal(0, 1.5, 300), n_resamples=199
    )
    assert (table['p_value'] <= 0.01).all()
    assert (table['distance'] > 2 * table['null_median']).all()


def test_errors_depend_on_the_seed():
    random = np.random.default_rng(5)
    first, second = random.normal(size=(2, 50))
    one, same, other = (
        compare_populations(first, second, n_resamples=20, seed=seed) for seed in (1, 1, 2)
    )
    assert one['distance_err'].tolist() == same['distance_err'].tolist()
    assert one['distance_err'].tolist() != other['distance_err'].tolist()
    assert one['distance'].tolist() == other['distance'].tolist()


def test_scores_that_are_not_finite_are_left_out_and_counted():
    first, second = np.arange(20.0), np.arange(5.0, 25.0)
    clean = compare_populations(first, second, n_resamples=20)
    contaminated = compare_populations(
        Table({'score': [*first, np.nan, np.inf]}), [*second, -np.inf], n_resamples=20
    )
    assert contaminated['n_not_scored'].tolist() == [3, 3, 3]
    assert contaminated['distance'].tolist() == clean['distance'].tolist()
    assert contaminated['n_first'].tolist() == [20] * 3


@pytest.mark.parametrize('empty', [[], [np.nan, np.nan]])
def test_empty_populations_are_refused(empty):
    some = np.arange(5.0)
    with pytest.raises(ValueError, match='`second` must hold at least one finite score'):
        compare_populations(some, empty)
    with pytest.raises(ValueError, match='`observed` must hold at least one finite score'):
        rank_simulations(empty, {'mock': some})
    with pytest.raises(ValueError, match=r"`simulations` 'mock' must hold at least one finite"):
        rank_simulations(some, {'mock': empty})
    with pytest.raises(ValueError, match='`first_scores` must hold at least one finite score'):
        compare_populations_by(np.zeros(len(empty)), empty, some, some)


def test_single_objects_have_a_distance():
    table = compare_populations([1.0], [3.0], n_resamples=5)
    assert table['distance'].tolist() == [1.0, 2.0, 2.0]
    assert table['distance_err'].tolist() == [0.0] * 3
    assert table['p_value'].tolist() == [1.0] * 3


def test_comparison_by_a_property_has_the_statistics_of_each_bin():
    random = np.random.default_rng(6)
    mass = 10 ** random.uniform(10, 12, (2, 600)) * u.Msun
    scores = random.normal(0, 1, (2, 600)) + [[1.0], [0.0]] * np.log10(mass.value)
    edges = [1e10, 1e11, 1e12] * u.Msun
    table = compare_populations_by(mass[0], scores[0], mass[1], scores[1], bins=edges)
    for i, row in enumerate(table):
        inside = [
            s[(m >= edges[i]) & (m < edges[i + 1])] for s, m in zip(scores, mass, strict=True)
        ]
        assert row['n_first'] == len(inside[0])
        assert np.isclose(row['median_second'], np.median(inside[1]))
        assert np.isclose(row['p84_first'], np.percentile(inside[0], 84))
        assert np.isclose(row['distance'], wasserstein_distance(*inside))
        # Standard error of the median of a normal distribution.
        expected = 1.2533 * inside[1].std() / np.sqrt(len(inside[1]))
        assert np.isclose(row['median_second_err'], expected, rtol=0.35)
        assert row['p_value'] < 0.01
    assert table['low'].unit == u.Msun
    assert table.meta['n_unbinned'] == 0


def test_comparison_by_type_and_bins_without_members():
    kinds, others = np.array(['disk', 'disk', 'bulge']), np.array(['disk', 'odd', 'odd'])
    table = compare_populations_by(
        kinds, [1.0, 2.0, 3.0], others, [1.0, 2.0, np.nan], n_resamples=10
    )
    assert table['category'].tolist() == ['bulge', 'disk', 'odd']
    assert table['n_first'].tolist() == [1, 2, 0]
    assert table['n_second'].tolist() == [0, 1, 1]
    assert np.isnan(table['distance']).tolist() == [True, False, True]
    assert np.isnan(table['median_first']).tolist() == [False, False, True]
    assert table.meta['n_not_scored'] == 1


def test_simulations_are_ranked_by_distance():
    random = np.random.default_rng(17)
    observed = random.normal(0, 1, 800)
    mocks = {
        'far': random.normal(1, 1, 500),
        'true': random.normal(0, 1, 2000),
        'near': random.normal(0.3, 1, 800),
    }
    table = rank_simulations(observed, mocks, n_resamples=300)
    assert table['rank'].tolist() == [1, 2, 3]
    assert table['simulation'].tolist() == ['true', 'near', 'far']
    for row in table:
        expected = wasserstein_distance(observed, mocks[row['simulation']])
        assert np.isclose(row['distance'], expected)
    assert table['p_value'][0] > 0.05
    assert (table['p_value'][1:] < 0.01).all()
    assert table['nearest_fraction'][0] > 0.95
    assert np.isclose(table['nearest_fraction'].sum(), 1)


@pytest.mark.parametrize('statistic', [*SCIPY])
def test_null_distribution_of_halves_is_that_of_perfect_simulations(statistic):
    random = np.random.default_rng(8)
    observed = random.normal(0, 1, 600)
    table = rank_simulations(
        observed, {'perfect': random.normal(0, 1, 1500)}, statistic=statistic, n_resamples=400
    )
    perfect = [
        SCIPY[statistic](random.normal(0, 1, 600), random.normal(0, 1, 1500)) for _ in range(400)
    ]
    assert np.isclose(table['null_median'][0], np.median(perfect), rtol=0.12)
    assert np.isclose(table['null_p95'][0], np.percentile(perfect, 95), rtol=0.15)


def test_p_values_of_perfect_simulations_are_nearly_uniform():
    random = np.random.default_rng(9)
    p_values = [
        rank_simulations(random.normal(size=100), {'m': random.normal(size=200)}, n_resamples=60)[
            'p_value'
        ][0]
        for _ in range(200)
    ]
    assert 0.03 < np.mean(np.array(p_values) < 0.1) < 0.2


def test_options_are_checked_and_progress_is_shown(capsys):
    some = np.arange(8.0)
    with pytest.raises(ValueError, match=r"`statistic` must be one of .*; got 'mean'"):
        rank_simulations(some, {'a': some}, statistic='mean')
    with pytest.raises(ValueError, match='`simulations` must be a mapping'):
        rank_simulations(some, {})
    with pytest.raises(ValueError, match='`observed` must have at least 4 finite scores; got 3'):
        rank_simulations(some[:3], {'a': some})
    with pytest.raises(ValueError, match='`n_resamples` must be at least 2'):
        compare_populations(some, some, n_resamples=1)
    with pytest.raises(ValueError, match='`first_values` must have 8 entries'):
        compare_populations_by(some[:2], some, some, some)
    rank_simulations(some, {'a': some}, n_resamples=3, progress=False)
    assert not capsys.readouterr().err
    rank_simulations(some, {'a': some}, n_resamples=3)
    assert 'ranking simulations 100%  3 of 3 resamples' in capsys.readouterr().err
