"""The command `astro-wgan` with input that is broken: one sentence, exit code 2, no traceback."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan.cli import main
from astro_wgan.images import RemoteFiles

HEADER = {
    'BUNIT': 'mag/arcsec2',
    'REDSHIFT': 0.1,
    'WLEFF': 5500.0,
    'CDELT1': 0.1,
    'CUNIT1': 'kpc',
    'CDELT2': 0.1,
    'CUNIT2': 'kpc',
}


def simulation(value=22.0, shape=(32, 32), **cards):
    hdu = fits.PrimaryHDU(np.full(shape, value, 'f4'))
    hdu.header.update(HEADER | cards)
    file = BytesIO()
    hdu.writeto(file)
    return file.getvalue()


def archive():
    file = BytesIO()
    with zipfile.ZipFile(file, 'w') as members:
        members.writestr('a', 'b')
    return file.getvalue()


BROKEN = {
    'empty': b'',
    'text': b'hello world\n' * 100,
    'truncated': simulation()[:3000],
    'truncated header': simulation()[:1000],
    'truncated gzip': gzip.compress(simulation())[:200],
    'truncated zip': archive()[:20],
    'zip of no image': archive(),
    'PNG': b'\x89PNG\r\n\x1a\n' + bytes(50),
    'JPEG': b'\xff\xd8\xff\xe0' + bytes(50),
    'TIFF': b'II*\0' + bytes(30),
    'HDF5': b'\x89HDF\r\n\x1a\n' + bytes(100),
    'NumPy': b'\x93NUMPY\x01\0',
    'ASDF': b'#ASDF 1.0.0\n',
    'VOTable': b'<?xml version="1.0"?><VOTABLE>',
    'noise': np.random.default_rng(1).bytes(3000),
    'one axis': simulation(shape=(32,)),
    'no number': simulation(np.nan),
}

CARDS = {
    'unknown unit': {'BUNIT': 'fred/wilma'},
    'a length as unit': {'BUNIT': 'm'},
    'number as unit': {'BUNIT': 5},
    'text as redshift': {'REDSHIFT': 'abc'},
    'impossible redshift': {'REDSHIFT': -3.0},
    'text as pixel scale': {'CDELT1': 'x'},
    'brackets as unit': {'CUNIT1': '((('},
    'text as wavelength': {'WLEFF': 'x'},
    'negative wavelength': {'WLEFF': -1.0},
}


@pytest.fixture
def in_folder_of_image(tmp_path, monkeypatch):
    """The present folder has a file image.fits, since commands name one that is not there."""
    monkeypatch.chdir(tmp_path)
    Path('image.fits').touch()


@pytest.fixture
def said(capsys):
    """What the command says of input that it refuses."""

    def run(*arguments):
        assert main([*map(str, arguments), '--quiet']) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len([line for line in lines if line.startswith('astro-wgan: ')]) == 1
        assert lines[-1].startswith('astro-wgan: ')
        assert 'Traceback' not in '\n'.join(lines)
        assert 'Unexpected error' not in lines[-1]
        return lines[-1]

    return run


@pytest.fixture
def observe(said, tmp_path):
    good = tmp_path / 'good.fits'
    good.write_bytes(simulation())

    def run(*arguments, image=good, redshift=0.5):
        out = ('--output', tmp_path / 'out')
        return said('observe', image, '--redshift', redshift, '--size', 16, *out, *arguments)

    return run


@pytest.mark.parametrize('kind', BROKEN)
def test_observe_names_a_broken_image(observe, tmp_path, kind):
    path = tmp_path / 'broken.fits'
    path.write_bytes(BROKEN[kind])
    sentence = observe(image=path)
    assert 'broken.fits' in sentence or kind in ('one axis', 'no number')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('kind', CARDS)
def test_observe_understands_no_such_card(observe, tmp_path, kind):
    path = tmp_path / 'odd.fits'
    path.write_bytes(simulation(**CARDS[kind]))
    observe(image=path)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('option', ['--psf', '--sky-image'])
@pytest.mark.parametrize('kind', BROKEN)
def test_observe_names_what_is_broken_beside_the_image(observe, tmp_path, option, kind):
    path = tmp_path / 'broken.fits'
    path.write_bytes(BROKEN[kind])
    observe(option, path)


@pytest.mark.parametrize(
    'arguments',
    [
        ('--size', 0),
        ('--size', -3),
        ('--pixel-scale', 'nan'),
        ('--pixel-scale', 0),
        ('--image-redshift', -2),
        ('--wavelength', 'inf'),
        ('--plane', 5),
        ('--exposure-time', 'nan'),
        ('--seed', -1),
        ('--processes', 0),
        ('--psf-scale', 0.1),
        ('--unit', '((('),
        ('--unit', 'K'),
        ('--instrument', 'nothing'),
        ('--center', 'nan', 3),
        ('--psf', 'missing.fits'),
    ],
)
def test_observe_names_an_option_out_of_range(observe, arguments):
    observe(*arguments)


@pytest.mark.parametrize('redshift', ['nan', -1, 0, 'inf'])
def test_observe_needs_a_distance(observe, redshift):
    assert 'redshift' in observe(redshift=redshift)


@pytest.mark.parametrize('kind', BROKEN)
def test_hunt_names_a_broken_image(said, tmp_path, kind):
    path = tmp_path / 'broken.fits'
    path.write_bytes(BROKEN[kind])
    said('hunt', path, '--output', tmp_path / 'out')
    assert not (tmp_path / 'out' / 'model').exists()


@pytest.mark.parametrize(
    'content', ['{', '[]', '{"a": 1}', '', '\x00', '{"format": "astro_wgan hunt 1"}']
)
def test_hunt_names_a_broken_folder(said, tmp_path, content):
    image = np.random.default_rng(1).normal(size=(192, 192)).astype('f4')
    blob = 50 * np.exp(-np.hypot(*np.indices((24, 24)) - 11.5) / 3)
    fits.PrimaryHDU(image + np.tile(blob, (8, 8))).writeto(tmp_path / 'image.fits')
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'hunt.json').write_text(content)
    options = ('--size', 16, '--initial-model', 'none', '--iterations', 1)
    message = said('hunt', tmp_path / 'image.fits', '--output', out, *options)
    assert 'hunt.json is damaged' in message or 'another hunt' in message


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'starlette', None)
    assert main(['browse', 'table.ecsv']) == 4
    said = capsys.readouterr().err
    assert said == (
        'astro-wgan: Browsing results needs Starlette: pip install "astro_wgan[browse]".\n'
    )


def test_unexpected_errors_are_a_sentence_and_not_success(monkeypatch, capsys, tmp_path):
    def fail(*arguments, **options):
        raise KeyError('x')

    monkeypatch.setattr('astro_wgan.mocks.read_light_map', fail)
    arguments = ['observe', 'a.fits', '--redshift', '0.5', '--output', str(tmp_path)]
    assert main(arguments) == 70
    said = capsys.readouterr().err
    assert said == ("astro-wgan: Unexpected error: KeyError: 'x'. --traceback shows where.\n")
    # Also with its traceback: code 1 would say that a part is done.
    assert main([*arguments, '--traceback']) == 70
    shown = capsys.readouterr().err
    assert shown.startswith('Traceback')
    assert shown.endswith(said)


def test_an_interrupted_command_says_so_in_json(monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr('astro_wgan.mocks.read_light_map', interrupt)
    assert main(['observe', 'a.fits', '--redshift', '0.5', '--json']) == 130
    said = json.loads(capsys.readouterr().out)
    assert (said['command'], said['exit_code']) == ('observe', 130)
    assert said['error'].startswith('Interrupted')


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs a file that is full')
@pytest.mark.parametrize(
    ('redirection', 'code'),
    [('> /dev/full', 5), ('>&-', 0), ('2>&-', 0), ('>&- 2>&-', 0)],
)
def test_streams_that_are_full_or_closed_raise_no_traceback(tmp_path, redirection, code):
    path = tmp_path / 'galaxies-\u03b1.csv'
    path.write_text('score\n1\n2\n3\n', encoding='utf-8')
    command = (
        f'"$0" -m astro_wgan.cli compare "$1" "$1" --names \u03b1,b --resamples 2 {redirection}'
    )
    ended = subprocess.run(
        ['sh', '-c', command, sys.executable, path],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONIOENCODING': 'ascii'},
    )
    assert ended.returncode == code, ended.stderr
    assert 'Traceback' not in ended.stderr
    assert ('astro-wgan: ' in ended.stderr) == (code == 5)


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--hdu', '2'], {'hdu': 2}),
        (['--hdu', 'SCI'], {'hdu': 'SCI'}),
        (['--hdu', 'SCI,2'], {'hdu': ('SCI', 2)}),
        (['--hdu', '1-1.E.SCI'], {'hdu': '1-1.E.SCI'}),
        (['--layout', 'des'], {'layout': 'des'}),
        ([], {'layout': 'auto', 'mask': None, 'weight': None, 'uncertainty': None, 'bits': None}),
        (['--mask', 'DQ,1', '--weight', '3'], {'mask': ('DQ', 1), 'weight': 3}),
        (['--uncertainty', 'ERR'], {'uncertainty': 'ERR'}),
        (['--bits', '1,0x200'], {'bits': [1, 512]}),
        (['--bits', '-1'], {'bits': [-1]}),
        (['--bits', 'BAD,SAT'], {'bits': ['BAD', 'SAT']}),
        (['--mask', 's3://b/m.fits,1'], {'mask': 's3://b/m.fits,1'}),
        ([], {'remote': RemoteFiles()}),
        (
            ['--anonymous', '--retries', '9', '--timeout', '2.5'],
            {'remote': RemoteFiles(anonymous=True, retries=9, timeout=2.5)},
        ),
    ],
)
@pytest.mark.usefixtures('in_folder_of_image')
def test_hunt_passes_on_what_the_files_mean(monkeypatch, arguments, expected):
    given = {}

    def hunt(image, **options):
        given.update(options)
        raise ValueError('far enough')

    monkeypatch.setattr('astro_wgan.hunting.hunt', hunt)
    assert main(['hunt', 'image.fits', *arguments]) == 2
    assert {key: given[key] for key in expected} == expected


@pytest.mark.usefixtures('in_folder_of_image')
def test_hunt_passes_on_its_processes(monkeypatch):
    given = {}
    monkeypatch.setattr('astro_wgan.hunting.hunt', lambda image, **options: given.update(options))
    main(['hunt', 'image.fits', '--processes', '3', '--quiet'])
    assert (given['processes'], given['client']) == (3, None)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--stretch', 'log'], "invalid choice: 'log'"),
        (['--contamination', 'no'], "must be a number or 'estimate'; got 'no'"),
    ],
)
def test_hunt_says_what_an_option_must_be(capsys, arguments, message):
    assert main(['hunt', 'image.fits', *arguments]) == 2
    assert message in capsys.readouterr().err


def test_hunt_reads_uris_and_is_called_by_their_names(monkeypatch):
    given = []
    monkeypatch.setattr(
        'astro_wgan.hunting.hunt', lambda image, output, **_: given.append((image, output))
    )
    for uri in ('s3://b/folder/tile', 'https://h/tile.fits?signature=a/b.c'):
        main(['hunt', uri, '--quiet'])
        assert given.pop() == (uri, Path('hunt-tile'))


def test_hunt_refuses_a_size_without_networks_before_it_reads(said, tmp_path):
    assert 'must be 16, 32, 64, 128 or 256 pixels; got 17' in said(
        'hunt', 'image.fits', '--size', '17', '--output', tmp_path / 'out'
    )


@pytest.mark.usefixtures('in_folder_of_image')
def test_a_mask_of_hunt_may_be_a_file(monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr('astro_wgan.hunting.hunt', lambda image, **options: given.update(options))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a,1').touch()
    main(['hunt', 'image.fits', '--mask', 'a,1', '--weight', 'a,2', '--quiet'])
    assert given['mask'] == Path('a,1')
    assert given['weight'] == ('a', 2)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--layout', 'dss'], "`layout` must be 'auto', a Layout, None, or one of decam, des"),
        (['--layout', 'kids'], "The layout 'kids' finds other files by the name of the image"),
        (['--bits', '0'], '`bits` must hold at least one bit'),
        (['--bits', '1'], '`bits` are for a mask'),
        (['--weight', 'WHT'], '`weight` must be an array, a file, or an HDU of the image'),
        (['--hdu', 'SCI,7'], "has no HDU ('SCI', 7)"),
    ],
)
def test_hunt_names_what_files_do_not_mean(said, tmp_path, arguments, message):
    path = tmp_path / 'image.fits'
    path.write_bytes(simulation())
    assert message in said('hunt', path, *arguments, '--output', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
