import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable

from astro_wgan.evaluate import compare_populations_by
from astro_wgan.visualize import plot_populations_by, plot_property_by_score, plot_score_by

plt = pytest.importorskip('matplotlib.pyplot')

IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    'tolerance': 5,
    'savefig_kwargs': {'dpi': 50},
}


def galaxies(n=300, *, seed=1):
    rng = np.random.default_rng(seed)
    mass = rng.uniform(9, 11, n)
    score = rng.normal(mass - 10, 0.5)
    kinds = np.where(mass > 10, 'bulge', 'disk')
    meta = {'thresholds': {'held-out': {'85': 0.5, '90': 0.8, '95': np.inf}}}
    return QTable({'log_mass': mass, 'kind': kinds, 'score': score}, meta=meta)


@pytest.mark.mpl_image_compare(**IMAGE)
def test_groups_are_divided_at_the_thresholds(bare):
    table = galaxies()
    edges = np.linspace(9, 11, 9)
    ax = plot_property_by_score(table, 'log_mass', bins=edges)
    mass, score = table['log_mass'], table['score']
    groups = [score <= 0.5, (score > 0.5) & (score <= 0.8), score > 0.8]
    for patch, group in zip(ax.patches, groups, strict=True):
        expected = np.histogram(mass[group], edges)[0] / group.sum()
        assert np.allclose(patch.get_data()[0], expected)
    labels = ax.get_legend_handles_labels()[1]
    assert labels == [
        f'{name} ({group.sum()})'
        for name, group in zip(('up to 85 %', '85 % to 90 %', 'above 90 %'), groups, strict=True)
    ]
    return bare(ax)


def test_a_score_at_the_threshold_is_not_above_it():
    table = QTable({'x': [1.0, 2.0, 3.0], 'score': [0.5, 1.0, 1.5]})
    ax = plot_property_by_score(table, 'x', thresholds={'ours': 1.0}, bins=[0, 2.5, 4])
    assert ax.get_legend_handles_labels()[1] == ['up to ours (2)', 'above ours (1)']


def test_masked_and_missing_values_are_left_out():
    table = QTable({'score': [0.0, 1.0, np.nan, 1.0, 0.0]})
    table['x'] = MaskedColumn([1.0, 2.0, 3.0, np.inf, 5.0], mask=[False] * 4 + [True])
    ax = plot_property_by_score(table, 'x', thresholds={90: 0.5}, bins=[0, 1.5, 6])
    assert ax.get_legend_handles_labels()[1] == ['up to 90 % (1)', 'above 90 % (1)']


@pytest.mark.parametrize(
    ('columns', 'name', 'thresholds', 'message'),
    [
        ({'score': [1.0]}, 'mass', {90: 0.5}, r"`table` lacks the columns \['mass'\]"),
        ({'mass': [1.0], 'score': [1.0]}, 'mass', None, '`thresholds` must name at least one'),
        ({'mass': [1.0], 'score': [1.0]}, 'mass', {90: np.inf}, '`thresholds` must name'),
        ({'mass': [np.nan], 'score': [1.0]}, 'mass', {90: 0.5}, "no object with both 'mass'"),
        ({'mass': [1.0], 'score': [np.nan]}, 'mass', {90: 0.5}, 'at least one score'),
        ({'mass': ['a'], 'score': [1.0]}, 'mass', {90: 0.5}, 'must hold one number per row'),
        ({'mass': [], 'score': []}, 'mass', {90: 0.5}, '`table` must have at least one row'),
    ],
)
def test_tables_that_cannot_be_divided_are_refused(columns, name, thresholds, message):
    with pytest.raises(ValueError, match=message):
        plot_property_by_score(QTable(columns), name, thresholds=thresholds)
    assert not plt.get_fignums()


@pytest.mark.mpl_image_compare(**IMAGE)
def test_medians_and_percentiles_are_those_of_the_bins(bare):
    table = galaxies()
    ax = plot_score_by(table, 'log_mass', bins=[9, 10, 11])
    points, medians = ax.lines[0], ax.containers[0]
    assert np.array_equal(points.get_xdata(), table['log_mass'])
    assert np.array_equal(points.get_ydata(), table['score'])
    ends = [segment[:, 1] for segment in medians[2][0].get_segments()]
    for i, member in enumerate((table['log_mass'] < 10, table['log_mass'] >= 10)):
        low, median, high = np.percentile(table['score'][member], [16, 50, 84])
        assert np.isclose(medians[0].get_xdata()[i], np.median(table['log_mass'][member]))
        assert np.isclose(medians[0].get_ydata()[i], median)
        assert np.allclose(ends[i], [low, high])
    return bare(ax)


def test_populations_stand_beside_each_other_by_category():
    given = {'sky': galaxies(), 'mocks': galaxies(seed=2)}
    ax = plot_score_by(given, 'kind')
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert sorted(words) == ['bulge', 'disk']
    for (name, table), container in zip(given.items(), ax.containers, strict=True):
        assert container.get_label() == name
        for word, median in zip(words, container[0].get_ydata(), strict=True):
            assert np.isclose(median, np.median(table['score'][table['kind'] == word]))
    first, second = (container[0].get_xdata() for container in ax.containers)
    assert (first < second).all()


def test_a_property_keeps_the_unit_of_the_first_population():
    sky, mocks = galaxies(), galaxies(seed=2)
    sky['radius'] = sky['log_mass'].value * u.arcsec
    mocks['radius'] = (mocks['log_mass'].value * u.arcsec).to(u.mas)
    ax = plot_score_by({'sky': sky, 'mocks': mocks}, 'radius', bins=[9e3, 10e3, 11e3] * u.mas)
    assert ax.get_xlabel() == 'radius (″)'
    for container, table in zip(ax.containers, (sky, mocks), strict=True):
        low = table['log_mass'][table['log_mass'] < 10]
        assert np.isclose(container[0].get_xdata()[0], np.median(low))


def test_a_table_without_the_property_is_refused():
    with pytest.raises(ValueError, match=r"`tables` of 'a' lacks the columns \['size'\]"):
        plot_score_by({'a': galaxies()}, 'size')
    with pytest.raises(TypeError, match='`tables` must be a table; got ndarray'):
        plot_score_by(np.arange(3.0), 'size')


@pytest.mark.mpl_image_compare(**IMAGE)
def test_comparisons_show_medians_with_errors_and_percentiles(bare):
    a, b = galaxies(), galaxies(seed=2)
    found = compare_populations_by(
        a['log_mass'], a, b['log_mass'], b['score'] + 1, bins=[9, 10, 11], n_resamples=20
    )
    ax = plot_populations_by(found, populations=('sky', 'mocks'), label='log mass')
    assert ax.get_legend_handles_labels()[1] == ['sky', 'mocks']
    for k, one in enumerate(('first', 'second')):
        errors, percentiles = ax.containers[2 * k : 2 * k + 2]
        assert np.allclose(percentiles[0].get_xdata(), [9.5, 10.5])
        assert np.allclose(percentiles[0].get_ydata(), found[f'median_{one}'])
        ends = np.array([segment[:, 1] for segment in percentiles[2][0].get_segments()]).T
        assert np.allclose(ends, [found[f'p16_{one}'], found[f'p84_{one}']])
        widths = [np.ptp(segment[:, 1]) for segment in errors[2][0].get_segments()]
        assert np.allclose(widths, 2 * found[f'median_{one}_err'])
    return bare(ax)


def test_comparisons_of_categories_are_named():
    a, b = galaxies(), galaxies(seed=2)
    ax = plot_populations_by(compare_populations_by(a['kind'], a, b['kind'], b, n_resamples=5))
    assert [label.get_text() for label in ax.get_xticklabels()] == ['bulge', 'disk']


def test_comparisons_need_two_names_and_their_columns():
    a = galaxies()
    found = compare_populations_by(a['log_mass'], a, a['log_mass'], a, bins=2, n_resamples=5)
    with pytest.raises(ValueError, match='`populations` must be two names'):
        plot_populations_by(found, populations=('sky',))
    with pytest.raises(
        ValueError, match=r"lacks the columns \['median_second', 'median_second_err'\]"
    ):
        plot_populations_by(
            found['low', 'high', 'median_first', 'median_first_err', 'p16_first', 'p84_first']
        )
