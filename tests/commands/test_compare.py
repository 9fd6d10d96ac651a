"""Comparisons by the command: the tables of the library, and what has no meaning for them."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import evaluate
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.cli import main

FAST = ['--resamples', '20']
LIBRARY = {'n_resamples': 20, 'progress': False}


def population(mean, seed):
    random = np.random.default_rng(seed)
    return QTable(
        {
            'id': np.arange(80),
            'score': random.normal(mean, 1, 80),
            'radius': random.uniform(1, 5, 80) * u.arcsec,
            'type': np.where(np.arange(80) < 60, 'isolated', 'merger'),
        }
    )


@pytest.fixture(scope='module')
def tables():
    return [population(mean, seed) for mean, seed in ((0.0, 1), (0.4, 2), (1.0, 3))]


@pytest.fixture(scope='module')
def paths(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp('tables')
    found = []
    for name, table in zip(('observed', 'fine', 'coarse'), tables, strict=True):
        found.append(folder / f'{name}.ecsv')
        table.write(found[-1])
    return found


def of_scores(tables):
    return evaluate.compare_populations(*tables[:2], **LIBRARY)


def by_radius(tables):
    first, second = tables[:2]
    return evaluate.compare_populations_by(
        first['radius'], first, second['radius'], second, bins=3, statistic='ks', **LIBRARY
    )


def of_properties(tables):
    return evaluate.compare_properties(*tables[:2], properties=['radius', 'score'], **LIBRARY)


def of_simulations(tables):
    simulations = dict(zip(('fine', 'coarse'), tables[1:], strict=True))
    return evaluate.rank_simulations(tables[0], simulations, **LIBRARY)


def of_classes(tables):
    scores = dict(zip(('observed', 'fine'), tables, strict=False))
    return evaluate.detection_rates(
        scores, tables[0]['type'], normal_scores='isolated', percentiles=[80, 90]
    )


def of_classes_by(tables):
    return evaluate.detection_rates_by(
        tables[0]['radius'],
        {'observed': tables[0]},
        tables[0]['type'],
        normal_scores='isolated',
        bins=2,
        percentile=80,
    )


def by_metrics(tables):
    scores = dict(zip(('observed', 'fine'), tables, strict=False))
    return evaluate.ranking_metrics(scores, tables[0]['type'], normal_class='isolated')


OF_CLASSES = ['--classes', 'type', '--normal', 'isolated']


@pytest.mark.parametrize(
    ('count', 'options', 'expected', 'has_figure'),
    [
        (2, FAST, of_scores, True),
        (2, [*FAST, '--by', 'radius', '--bins', '3', '--statistic', 'ks'], by_radius, True),
        (2, [*FAST, '--properties', 'radius,score'], of_properties, False),
        (3, FAST, of_simulations, True),
        (2, [*OF_CLASSES, '--percentiles', '80,90'], of_classes, True),
        (
            1,
            [*OF_CLASSES, '--by', 'radius', '--bins', '2', '--percentiles', '80'],
            of_classes_by,
            True,
        ),
        (2, [*OF_CLASSES, '--metrics'], by_metrics, False),
    ],
)
def test_each_comparison_is_that_of_the_library(
    paths, tables, tmp_path, answer, count, options, expected, has_figure
):
    output, figure = tmp_path / 'a.ecsv', tmp_path / 'a.png'
    options = [*options, '--output', output, *(['--figure', figure] if has_figure else [])]
    code, said = answer('compare', *paths[:count], *options)
    assert code == 0, said
    expected, found = expected(tables), read_table(output)
    assert found.colnames == expected.colnames
    for name in expected.colnames:
        values = [row[name] for row in said['rows']]
        if expected[name].dtype.kind == 'f':
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)
            known = np.isfinite(np.asarray(expected[name]))
            assert [value is not None for value in values] == known.tolist()
        else:
            assert found[name].tolist() == values == expected[name].tolist()
    if has_figure:
        assert figure.read_bytes().startswith(b'\x89PNG')
    again = tmp_path / 'again.ecsv'
    assert answer('compare', '--config', output, '--output', again)[0] == 0
    assert read_table(again).colnames == found.colnames


def test_the_table_is_printed_for_people(paths, capsys):
    assert main(['compare', *paths[:2], *FAST]) == 0
    said = capsys.readouterr().out
    assert 'wasserstein' in said
    assert 'p_value' in said.splitlines()[0]


@pytest.mark.parametrize(
    ('count', 'options', 'words'),
    [
        (1, [], 'A comparison of scores is one of two tables; got 1'),
        (3, ['--by', 'radius'], 'A comparison of scores by property is one of two tables; got 3'),
        (2, ['--by', 'mass'], "The table observed must have the column 'mass'; it has id, score"),
        (2, ['--statistic', 'ks'], '`--statistic` has no meaning for a comparison of scores'),
        (2, ['--classes', 'type'], '`--normal` must name the class'),
        (2, [*OF_CLASSES, '--resamples', '5'], '`--resamples` has no meaning for a comparison of'),
        (2, ['--metrics'], '`--metrics` has no meaning'),
        (2, ['--properties', 'all', '--figure', 'a.png'], 'There is no figure of properties'),
        (2, ['--figure', 'a.txt'], '`--figure` must be .png, .pdf, .svg'),
        (2, ['--names', 'a,a'], '`--names` must be 2 different names'),
        (2, ['--output', 'a.xyz'], '`--output` must be a table'),
        (1, [*OF_CLASSES, '--by', 'radius', '--percentiles', '80,90'], 'must be one number with'),
    ],
)
def test_what_has_no_meaning_is_said(paths, answer, tmp_path, monkeypatch, count, options, words):
    monkeypatch.chdir(tmp_path)
    code, said = answer('compare', *paths[:count], *options)
    assert code == 2
    assert words in said['error']
    assert not list(tmp_path.iterdir())


def test_missing_and_foreign_tables_are_named(paths, answer, tmp_path):
    QTable({'id': [1, 2]}).write(tmp_path / 'ids.ecsv')
    for path, words in (
        (tmp_path / 'none.ecsv', 'There is no table'),
        (tmp_path / 'ids.ecsv', "The table ids must have the column 'score'"),
    ):
        code, said = answer('compare', paths[0], path)
        assert code == 2
        assert words in said['error']
