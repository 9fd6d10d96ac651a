import numpy as np
import pytest
from astropy import units as u
from astropy.table import vstack

from astro_wgan.evaluate import detection_rates, detection_rates_by
from astro_wgan.visualize import plot_detection_rates, plot_detection_rates_by

plt = pytest.importorskip('matplotlib.pyplot')

NORMALS = {'a': np.arange(1.0, 101.0)}
IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    'tolerance': 5,
    'savefig_kwargs': {'dpi': 50},
}


@pytest.fixture
def rates():
    rng = np.random.default_rng(1)
    scores = {
        'a': {'isolated': rng.uniform(0, 100, 200), 'merger': rng.uniform(60, 120, 80)},
        'k-means': {'isolated': rng.random(200) < 0.02, 'merger': rng.random(80) < 0.6},
    }
    return detection_rates(scores, normal_scores=NORMALS)


def error_ends(container):
    """Lower and upper ends of the error bars along x."""
    return np.array([segment[:, 0] for segment in container.errorbar[2][0].get_segments()]).T


@pytest.mark.mpl_image_compare(**IMAGE)
def test_bars_are_rates_and_whiskers_their_intervals(rates, bare):
    ax = plot_detection_rates(rates)
    assert len(ax.containers) == 2 * 4
    bars = [c for c in ax.containers if hasattr(c, 'patches')]
    labels = ['a, 85 %', 'a, 90 %', 'a, 95 %', 'k-means']
    assert [bar.get_label() for bar in bars] == labels
    for level, bar in zip((85, 90, 95), bars[:3], strict=True):
        rows = rates[(rates['detector'] == 'a') & (rates['percentile'] == level)]
        assert np.allclose([patch.get_width() for patch in bar], rows['rate'])
        assert np.allclose(error_ends(bar), [rows['rate_low'], rows['rate_high']])
    own = rates[rates['detector'] == 'k-means']
    assert np.allclose([patch.get_width() for patch in bars[3]], own['rate'])
    assert len({patch.get_y() for bar in bars for patch in bar}) == 8
    return bare(ax)


def test_intervals_that_end_inside_of_a_rate_have_no_whisker_there():
    # As that of Wilson does by rounding, where all or none are found.
    scores = {'a': np.repeat([1.0, 200.0], 50)}
    at = np.repeat([0.5, 1.5], 50)
    by = detection_rates_by(at, scores, normal_scores=NORMALS, bins=[0, 1, 2])
    by['rate_low'][0], by['rate_high'][1] = 1e-17, np.nextafter(1, 0)
    line = plot_detection_rates_by(by).containers[0]
    ends = np.array([segment[:, 1] for segment in line[2][0].get_segments()])
    assert ends[0, 0] == 0
    assert ends[1, 1] == 1

    rates = detection_rates(scores, normal_scores=NORMALS, percentiles=[90])
    rates['rate'], rates['rate_high'] = 1.0, np.nextafter(1, 0)
    bars = [c for c in plot_detection_rates(rates).containers if hasattr(c, 'patches')]
    assert error_ends(bars[0])[1].tolist() == [1]


def test_of_normals_what_stays_normal_is_shown(rates):
    ax = plot_detection_rates(rates, percentiles=[90], normal_classes='isolated')
    bar = next(c for c in ax.containers if c.get_label() == 'a, 90 %')
    rows = rates[(rates['detector'] == 'a') & (rates['percentile'] == 90)]
    assert np.allclose(bar[0].get_width(), 1 - rows['rate'][0])
    assert np.allclose(bar[1].get_width(), rows['rate'][1])
    low, high = error_ends(bar)
    assert np.allclose([low[0], high[0]], [1 - rows['rate_high'][0], 1 - rows['rate_low'][0]])
    assert ax.get_xlabel() == 'classified as intended'


def test_a_class_without_members_has_no_bar():
    found = detection_rates(
        {'a': {'some': [101.0], 'none': []}}, normal_scores=NORMALS, percentiles=[90]
    )
    ax = plot_detection_rates(found)
    widths = [patch.get_width() for patch in ax.patches]
    assert widths[0] == 1
    assert np.isnan(widths[1])
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'percentiles': [80]}, r'`percentiles` must be among \[85.0, 90.0, 95.0\]; got \[80\]'),
        (
            {'normal_classes': 'other'},
            r"`normal_classes` must be among \['isolated', 'merger'\]; got \['other'\]",
        ),
    ],
)
def test_unknown_levels_and_classes_are_refused(rates, options, message):
    with pytest.raises(ValueError, match=message):
        plot_detection_rates(rates, **options)


def test_what_are_no_rates_is_refused(rates):
    with pytest.raises(ValueError, match=r"`rates` lacks the columns \['rate_low'\]"):
        plot_detection_rates(rates['detector', 'class', 'percentile', 'rate', 'rate_high'])
    with pytest.raises(ValueError, match='`rates` must have at least one row'):
        plot_detection_rates(rates[:0])
    with pytest.raises(TypeError, match='`rates` must be a table; got list'):
        plot_detection_rates([0.5])


@pytest.mark.mpl_image_compare(**IMAGE)
def test_lines_are_rates_by_the_property(bare):
    rng = np.random.default_rng(2)
    mass = 10 ** rng.uniform(9, 11, 300) * u.Msun
    classes = np.repeat(['disk', 'bulge'], 150)
    scores = {'a': rng.uniform(60, 130, 300) * np.where(classes == 'disk', 1, 0.8)}
    rates = detection_rates_by(mass, scores, classes, normal_scores=NORMALS, bins=4)
    ax = plot_detection_rates_by(rates, label='stellar mass')
    for container, kind in zip(ax.containers, ('disk', 'bulge'), strict=True):
        rows = rates[rates['class'] == kind]
        line, _, (bars,) = container
        assert container.get_label() == kind
        assert np.allclose(line.get_xdata(), rows['center'].value)
        assert np.allclose(line.get_ydata(), rows['rate'])
        ends = np.array([segment[:, 1] for segment in bars.get_segments()]).T
        assert np.allclose(ends, [rows['rate_low'], rows['rate_high']])
    assert ax.get_xlabel() == 'stellar mass (M☉)'
    assert ax.get_ylabel() == 'found at the 90 % threshold'
    assert np.allclose(ax.lines[-1].get_ydata(), 0.1)
    return bare(ax)


def test_empty_bins_are_left_out():
    rates = detection_rates_by(
        [0.1, 0.2, 2.5], {'a': [101.0, 1.0, 101.0]}, normal_scores=NORMALS, bins=[0, 1, 2, 3]
    )
    line = plot_detection_rates_by(rates).containers[0][0]
    assert np.allclose(line.get_xdata(), [0.15, 2.5])
    assert np.allclose(line.get_ydata(), [0.5, 1])


def test_categories_stand_beside_each_other():
    kinds = np.array(['bulge', 'disk', 'disk'])
    scores = {'a': [101.0, 1.0, 101.0], 'b': [True, True, True]}
    ax = plot_detection_rates_by(
        detection_rates_by(kinds, scores, normal_scores=NORMALS), label='type'
    )
    assert [label.get_text() for label in ax.get_xticklabels()] == ['bulge', 'disk']
    first, second = (container[0] for container in ax.containers)
    assert first.get_ydata().tolist() == [1, 0.5]
    assert second.get_ydata().tolist() == [1, 1]
    assert np.rint(first.get_xdata()).tolist() == np.rint(second.get_xdata()).tolist() == [0, 1]
    assert (first.get_xdata() < second.get_xdata()).all()


def test_each_line_is_named_by_what_tells_it_from_others():
    values, scores = [1.0, 2.0], {'a': [1.0, 101.0], 'b': [True, False]}
    rates = detection_rates_by(values, scores, ['x', 'y'], normal_scores=NORMALS, bins=1)
    names = [c.get_label() for c in plot_detection_rates_by(rates).containers]
    assert names == ['a, x', 'a, y', 'b, x', 'b, y']


def test_a_level_that_tables_disagree_about_is_not_drawn():
    rates = detection_rates_by([1.0, 2.0], {'a': [1.0, 101.0]}, normal_scores=NORMALS, bins=1)
    joined = vstack([rates, rates], metadata_conflicts='silent')
    joined.meta.clear()
    ax = plot_detection_rates_by(joined)
    assert ax.get_ylabel() == 'found'
    assert len(ax.lines) == 3  # the rates and their caps, no dotted line


def test_rates_without_members_or_columns_are_refused():
    rates = detection_rates_by([1.0, 2.0], {'a': [1.0, 101.0]}, normal_scores=NORMALS, bins=[5, 6])
    with pytest.raises(ValueError, match='`rates` must have a bin with members'):
        plot_detection_rates_by(rates)
    rates.remove_column('center')
    with pytest.raises(ValueError, match=r"`rates` lacks the columns \['category'\]"):
        plot_detection_rates_by(rates)
