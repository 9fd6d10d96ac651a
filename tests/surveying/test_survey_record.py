"""What a survey writes repeats it: by the command, and from Python."""

from pathlib import Path

from astro_wgan import SurveyConfig
from astro_wgan.cli import main
from astro_wgan.files.configurations import read_toml, update_config
from astro_wgan.images import RemoteFiles
from astro_wgan.surveying import SurveyResult


def test_a_survey_is_repeated_from_its_results(
    tiles, catalog, model, tmp_path, assert_same_survey, monkeypatch
):
    catalog.write(tmp_path / 'catalog.ecsv')
    first, again = tmp_path / 'first', tmp_path / 'elsewhere' / 'again'
    again.parent.mkdir()
    pattern = str(Path(tiles['p00']).parent / '*.fits')
    monkeypatch.chdir(tmp_path)
    options = ['--model', str(model), '--batch-size', '32', '--keep-stamps', '5', '--quiet']
    assert main(['survey', pattern, 'catalog.ecsv', *options, '--output', str(first)]) == 0
    monkeypatch.chdir(again.parent)
    assert main(['survey', '--config', str(first), '--output', 'again', '--quiet']) == 0
    assert_same_survey(SurveyResult(again), SurveyResult(first))
    assert read_toml(again / 'survey.toml') == read_toml(first / 'survey.toml')


def test_a_survey_of_the_library_has_its_configuration(run, tiles, catalog, tmp_path):
    reading = {'layout': 'general', 'remote': RemoteFiles(storage_options={'key': 'secret'})}
    config = SurveyConfig(keep_stamps=3, neighbors='mask', reading=reading)
    result = run({'p00': tiles['p00']}, catalog, tmp_path / 'out', config=config)
    assert 'secret' not in (result.folder / 'survey.toml').read_text()
    record = read_toml(result.folder / 'survey.toml')
    assert record['command'] == 'survey'
    expected = SurveyConfig(keep_stamps=3, neighbors='mask', reading={'layout': 'general'})
    assert update_config(SurveyConfig(), record['survey']) == expected
