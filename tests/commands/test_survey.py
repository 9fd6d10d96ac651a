"""The command `astro-wgan survey`."""

import pytest
from astropy.table import QTable

from astro_wgan import SurveyConfig
from astro_wgan.cli import main
from astro_wgan.detection import DetectionConfig
from astro_wgan.images import RemoteFiles
from astro_wgan.surveying.part_tables import write_part
from astro_wgan.surveying.survey_folder import SurveyFolder, TileState


@pytest.fixture
def folder(tmp_path):
    """A survey of which a tile is done, one failed, and one waits."""
    folder = SurveyFolder(tmp_path / 'out')
    for path in (folder.path, folder.parts, folder.ranks):
        path.mkdir()
    (folder.path / 'survey.json').write_text('{}')
    folder.record([TileState(name, 'waiting') for name in ('a', 'b', 'c')])
    folder.record([TileState('a', 'done', sources=5, scored=4)])
    folder.record([TileState('b', 'failed', reason='b.fits is truncated.')])
    ranked = QTable({'id': [7], 'tile': ['a'], 'rank': [1], 'q_value': [0.25], 'score': [3.5]})
    ranked.meta['survey'] = {'tiles': 1, 'sources': 1, 'scored': 1}
    write_part(folder.ranking, ranked)
    return folder


@pytest.fixture
def given(folder, monkeypatch):
    """Arguments that the function is called with."""
    from astro_wgan.surveying import SurveyResult

    given = {}

    def survey(*arguments, **options):
        given.update(options, arguments=arguments)
        return SurveyResult(folder.path)

    monkeypatch.setattr('astro_wgan.surveying.survey', survey)
    return given


def run(*arguments):
    return main(['survey', *map(str, arguments)])


def test_status_is_what_the_manifest_says(folder, capsys):
    assert run('--out', folder.path, '--status') == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == '3 tiles: 1 done, 1 failed, 1 waiting; 4 sources have a score.'
    assert said[1:] == ['  b: b.fits is truncated.']


def test_the_last_path_is_the_catalog(given, folder, capsys):
    arguments = ['a.fits', 'b.fits', 'c.parquet', '--model', 'm', '--out', folder.path]
    # Some tiles are not done.
    assert run(*arguments) == 1
    assert given['arguments'] == (['a.fits', 'b.fits'], 'c.parquet')
    assert given['config'] == SurveyConfig()
    assert (given['model'], given['output']) == ('m', str(folder.path))
    said = capsys.readouterr().out
    assert '1 sources in 1 tiles.' in said
    assert '  1. 7 in a: score 3.500, q = 0.25' in said


def test_options_are_settings(given, folder, capsys):
    options = ['--photometry', '--keep-stamps', 'all', '--n-ranked', 7, '--partial', 'drop']
    options += ['--threshold', 4, '--min-area', 9, '--layout', 'des', '--anonymous']
    options += ['--sky', 'subtract', '--neighbors', 'mask', '--detect-in', 'chi2']
    options += ['--batch-size', 3, '--bands', 'g, r', '--processes', 2, '--detect', '--quiet']
    options += ['--names', 'id=,ra=alpha, dec = delta']
    assert run('t/*_{band}.fits', '--model', 'm', '--out', folder.path, *options) == 1
    assert given['arguments'] == ('t/*_{band}.fits', None)
    detection = DetectionConfig(4.0, min_area=9)
    assert given['config'] == SurveyConfig(
        photometry=True,
        keep_stamps='all',
        n_ranked=7,
        partial='drop',
        batch_size=3,
        detection=detection,
        sky='subtract',
        neighbors='mask',
        detect_in='chi2',
        reading={'layout': 'des', 'remote': RemoteFiles(anonymous=True)},
    )
    assert given['names'] == {'id': None, 'ra': 'alpha', 'dec': 'delta'}
    assert (given['bands'], given['processes'], given['progress']) == (['g', 'r'], 2, False)
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'Give at least one tile and then the catalog'),
        (['a.fits'], 'Give at least one tile and then the catalog'),
        (['a.fits', '--detect'], '`--model` must name the folder'),
        (['a.fits', '--status'], 'holds no survey'),
    ],
)
def test_what_is_missing_is_named(arguments, said, tmp_path, capsys):
    assert run(*arguments, '--out', tmp_path) == 2
    assert said in capsys.readouterr().err


def test_names_of_columns_are_pairs(capsys):
    assert run('--names', 'NUMBER') == 2
    assert "must be pairs such as id=NUMBER; got 'NUMBER'" in capsys.readouterr().err


def test_a_number_of_stamps_is_a_number(capsys):
    assert run('--keep-stamps', 'many') == 2
    assert "must be a number or 'all'; got 'many'" in capsys.readouterr().err
