"""Files of `--config`: their options, the command line over them, and what is wrong in them."""

from pathlib import Path

import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import HuntConfig
from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.cli import main, make_parser
from astro_wgan.commands.files.table_output import write_table
from astro_wgan.commands.options.configuration_file import read_record, write_record
from astro_wgan.detection import DetectionConfig
from astro_wgan.injection import InjectionConfig
from astro_wgan.neighbors import NeighborConfig


def parsed(*arguments):
    """Options that hold for a command line."""
    arguments = [*map(str, arguments)]
    parser = make_parser(arguments[0], relaxed='--config' in arguments)
    namespace = parser.parse_args(arguments)
    return namespace.command.parsed(namespace)


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / 'own.toml'
        path.write_text(text)
        return path

    return write


def test_a_file_has_options_and_configurations(file):
    path = file(
        """
        command = "hunt"
        images = ["a.fits", "b.fits"]
        bands = "g,r"
        bits = "1,0x200"
        anonymous = true
        retries = 9
        [hunt]
        size = "3.84 arcsec"
        minutes = 5
        detection.threshold = 4
        classifier.injection.kinds = ["companion"]
        [hunt.neighbors]
        neighbors = "replace"
        detection.threshold = 1.5
        """
    )
    options = parsed('hunt', '--config', path)
    assert options.images == ['a.fits', 'b.fits']
    assert (options.bands, options.bits) == (['g', 'r'], [1, 512])
    assert (options.anonymous, options.retries, options.timeout) == (True, 9, 30.0)
    detection = DetectionConfig(4, min_area=40)
    assert HuntConfig().detection.min_area == 40
    assert options.configs['hunt'] == HuntConfig(
        size=3.84 * u.arcsec,
        minutes=5.0,
        detection=detection,
        classifier=ClassifierConfig(injection=InjectionConfig(kinds=('companion',))),
        neighbors=NeighborConfig('replace', detection=DetectionConfig(1.5)),
    )


def test_the_command_line_wins(file):
    path = file(
        'images = "a.fits"\nanonymous = true\nretries = 9\n'
        '[hunt]\nsize = 32\nclassifier = false\ndetection.threshold = 4\ndetection.min_area = 7\n'
    )
    options = parsed('hunt', 'b.fits', '--config', path, '--no-anonymous', '--threshold', 6)
    assert (options.images, options.anonymous, options.retries) == (['b.fits'], False, 9)
    config = options.configs['hunt']
    assert (config.size, config.classifier) == (32, None)
    assert (config.detection.threshold, config.detection.min_area) == (6.0, 7)
    options = parsed('hunt', '--config', path, '--classifier', '--size', '64')
    assert options.configs['hunt'].classifier == ClassifierConfig()
    assert options.configs['hunt'].size == 64


@pytest.mark.parametrize(
    'arguments',
    [
        ['hunt', 'ntt_field'],
        ['hunt', 'a.fits', '--no-classifier', '--hdu', 'SCI,2', '--mask', 'DQ', '--bits', 'BAD'],
        ['hunt', 'a.fits', 'b.fits', '--weight', '1', '--weight', '2', '--size', '3.84arcsec'],
        ['hunt', 'a.fits', '--neighbors', 'mask', '--scale', 'source', '--contamination', '0.1'],
        ['survey', 't/*.fits', 'c.parquet', '--model', 'm', '--output', 'o', '--names', 'id='],
        ['survey', 't', '--detect', '--output', 'o', '--threshold', '3', '--keep-stamps', 'all'],
        ['observe', 'encounter_remnant', '--redshift', '0.5', '1', '--center', '3', '4.5'],
        ['observe', 'a', '--redshift', '1', '--size', '10arcsec', '--wavelength', '500', '700'],
        ['rerank', 'folder', '--labels', 'a', 'b', '--relevant', 'merger'],
    ],
)
def test_a_record_repeats_what_was_given(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = parsed(*arguments)
    write_record(first.record, tmp_path / 'results')
    again = ['--output', 'o'] if arguments[0] == 'survey' else []
    second = parsed(arguments[0], '--config', tmp_path / 'results', *again)
    assert second.configs == first.configs
    assert second.record == first.record
    left = {'command', 'config', 'configs', 'record', 'paths'}
    values = {key: value for key, value in vars(first).items() if key not in left}
    assert values.items() <= vars(second).items()


def test_paths_are_absolute_and_credentials_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('a.fits').touch()
    signed = 'https://host/b.fits?signature=secret'
    record = parsed('hunt', 'a.fits', signed, 'ntt_field', '--mask', 'a.fits').record
    assert record['images'] == [str(tmp_path / 'a.fits'), 'https://host/b.fits', 'ntt_field']
    assert record['mask'] == [str(tmp_path / 'a.fits')]
    record = parsed('survey', 't/*.fits', '--detect', '--output', 'o').record
    assert record['paths'] == [str(tmp_path / 't' / '*.fits')]
    # Neither the place of results nor what they do not depend on.
    assert not {'output', 'processes', 'json', 'quiet', 'config'} & {*record}


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('images = [', 'own.toml is not TOML'),
        ('command = "survey"', 'is for `astro-wgan survey`, not for `hunt`'),
        ('format = "astro_wgan command 2"', 'install a newer one'),
        ('format = "json"', '`format` in'),
        ('image = "a"', 'did you mean `images`?'),
        ('size = 64', 'it belongs into the table [hunt] as `size`'),
        ('nothing = 1', 'allowed are images, bands,'),
        ('json = true', 'it can be given on the command line alone'),
        ('retries = "many"', '`retries` in'),
        ('retries = true', 'must be what `--retries` takes on the command line; got True'),
        ('anonymous = 1', 'must be true or false; got 1'),
        ('zeros = "no"', 'must be one of auto, keep, mask'),
        ('hunt = 3', '`hunt` in'),
        ('[hunt]\nsiez = 3', 'hunt has no parameter siez; did you mean size?'),
        ('[hunt]\nsize = "big"', '`hunt.size` must be'),
        (
            '[hunt]\nsize = 64.5',
            "`hunt.size` must be a whole number or text of a number and a unit, such as '3.84",
        ),
        ('[hunt.detection]\nmin_area = "9"', '`hunt.detection.min_area` must be a whole number'),
        ('[hunt.detection]\nthreshold = inf', '`hunt.detection.threshold` must be a number'),
        ('[hunt]\ndetection = 3', '`hunt.detection` must be a table of DetectionConfig'),
        ('[hunt]\nn_cards = 0', '`n_cards` must be at least 1'),
        ('[hunt]\nseed = 1979-05-27', '`hunt.seed` must be a whole number'),
        ('[hunt.classifier]\nchannels = [1, "a"]', 'hunt.classifier.channels'),
    ],
)
def test_what_is_wrong_in_a_file_is_a_sentence(file, text, words, capsys, monkeypatch):
    monkeypatch.setattr('astro_wgan.hunting.hunt', None)
    assert main(['hunt', 'image.fits', '--config', str(file(text))]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert 'own.toml' in said


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(['hunt', '--config', str(tmp_path / 'no.toml')]) == 2
    assert 'no.toml' in capsys.readouterr().err
    (tmp_path / 'survey.toml').touch()
    assert main(['hunt', '--config', str(tmp_path)]) == 2
    assert 'has no hunt.toml: it holds survey.toml' in capsys.readouterr().err


def test_without_images_there_is_no_hunt(file, capsys):
    assert main(['hunt', '--config', str(file('retries = 3'))]) == 2
    assert 'the following arguments are required: IMAGE' in capsys.readouterr().err


@pytest.mark.parametrize('suffix', ['ecsv', 'fits', 'vot', 'parquet'])
def test_tables_keep_the_record(tmp_path, suffix):
    if suffix == 'parquet':
        pytest.importorskip('pyarrow')
    path = tmp_path / f'ranked.{suffix}'
    written = parsed('rerank', 'folder', '--relevant', 'merger').record
    write_table(QTable({'id': [1]}), path, record=written)
    source, record = read_record(path, 'rerank')
    assert source == str(path)
    assert (record['results'], record['relevant']) == ('folder', ['merger'])
    assert record['relevance'] == written['relevance']
    assert parsed('rerank', '--config', path).record == written
