"""What all commands have: examples, help, exit codes, JSON, and a quick list of commands."""

import errno
import json
import os
import shlex
import subprocess
import sys

import pytest

from astro_wgan.cli import main, make_parser
from astro_wgan.commands.options.exit_codes import ExitCode, exit_code_of
from astro_wgan.commands.options.report import Report
from astro_wgan.exceptions import MissingPackageError, NoSourceError, RemoteFileError

COMMANDS = make_parser().get_default('commands')
EXAMPLES = [line for command in COMMANDS.values() for _, line in command.examples]


@pytest.mark.parametrize('line', EXAMPLES)
def test_examples_are_understood(line):
    program, name, *words = shlex.split(line.partition(' > ')[0])
    assert program == 'astro-wgan'
    namespace = make_parser(name, relaxed='--config' in words).parse_args([name, *words])
    if '--config' not in words:
        options = namespace.command.parsed(namespace)
        assert options.record['command'] == name


def test_examples_that_are_quick_are_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quick = ('observe encounter_remnant', 'observe --config', 'cut hubble_xdf', 'completion')
    run = [line for line in EXAMPLES if line.removeprefix('astro-wgan ').startswith(quick)]
    assert len(run) >= 6
    for line in run:
        _, *words = shlex.split(line.partition(' > ')[0])
        assert main([*words, '--quiet']) == 0, line
    assert {'again', 'observe-encounter_remnant', 'stamps.zarr'} <= {*os.listdir()}


@pytest.mark.parametrize('name', COMMANDS)
def test_help_has_examples_and_one_default_for_each_option(name, capsys):
    with pytest.raises(SystemExit):
        main([name, '--help'])
    said = capsys.readouterr().out
    assert 'Examples:\n' in said
    for action in COMMANDS[name].parser._actions:
        assert action.help.count('(default:') <= 1
        assert 'default: None' not in action.help
        assert 'default: False' not in action.help
    assert {'config', 'json', 'quiet', 'traceback'} <= {*COMMANDS[name].options}


def test_every_option_that_sets_a_configuration_has_its_default():
    for command in COMMANDS.values():
        for path, option in command.options.items():
            if option.sets is None:
                continue
            table, *names = path.split('.')
            value = command.defaults[table]
            for name in names:
                value = command.bases.get(f'{table}.{name}') if value is None else value
                # Raises an AttributeError for what is no field.
                value = getattr(value, name, None) if value is None else getattr(value, name)


@pytest.mark.parametrize(
    ('error', 'code'),
    [
        (ValueError('`seed` must not be negative.'), ExitCode.INVALID_INPUT),
        (FileNotFoundError('There is no file a.fits.'), ExitCode.INVALID_INPUT),
        (PermissionError(errno.EACCES, 'Permission denied'), ExitCode.INVALID_INPUT),
        (OSError(errno.ENOSPC, 'No space left on device'), ExitCode.NO_SPACE),
        (MemoryError(), ExitCode.NO_SPACE),
        (NoSourceError('No source is above 2.5 sigma.'), ExitCode.NOTHING_FOUND),
        (MissingPackageError('It needs Starlette.'), ExitCode.MISSING_PACKAGE),
        (RemoteFileError('The server does not answer.'), ExitCode.UNREACHABLE),
        (KeyError('x'), ExitCode.UNEXPECTED),
        (ValueError(), ExitCode.UNEXPECTED),
    ],
)
def test_exit_codes_of_errors(error, code, monkeypatch, capsys):
    assert exit_code_of(error) == code

    def fail(options):
        raise error

    monkeypatch.setattr('astro_wgan.commands.completion._completion', fail)
    assert main(['completion', 'bash', '--json']) == code
    said = capsys.readouterr()
    summary = json.loads(said.out)
    assert (summary['command'], summary['exit_code']) == ('completion', code)
    assert said.err == f'astro-wgan: {summary["error"]}\n'


def test_standard_output_under_json_is_json_alone(monkeypatch, capsys):
    def run(options):
        print('what a library prints')
        return Report({'found': 3}, lines=['3 found'], answer=['3'], code=ExitCode.PARTLY_DONE)

    monkeypatch.setattr('astro_wgan.commands.completion._completion', run)
    assert main(['completion', 'bash', '--json']) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == {'command': 'completion', 'found': 3, 'exit_code': 1}
    assert said.err == 'what a library prints\n'
    assert main(['completion', 'bash', '--quiet']) == 1
    assert capsys.readouterr().out == 'what a library prints\n3\n'
    assert main(['completion', 'bash']) == 1
    assert capsys.readouterr().out == 'what a library prints\n3\n3 found\n'


def test_options_that_are_refused_are_json_too(capsys):
    assert main(['observe', '--json', '--redshift', 'x']) == 2
    assert "invalid float value: 'x'" in json.loads(capsys.readouterr().out)['error']


def test_errors_of_the_system_are_sentences(tmp_path, capsys):
    (tmp_path / 'file').touch()
    output = str(tmp_path / 'file' / 'out')
    arguments = [
        'observe',
        'encounter_remnant',
        '--redshift',
        '1',
        '--size',
        '16',
        '--output',
        output,
    ]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said == f'astro-wgan: The file or folder {output} cannot be used: Not a directory.\n'


def test_a_full_disk_behind_the_output_is_a_sentence(monkeypatch, capsys):
    def full(options):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('astro_wgan.commands.completion._completion', full)
    assert main(['completion', 'bash']) == ExitCode.NO_SPACE
    said = capsys.readouterr().err
    assert said == 'astro-wgan: Reading or writing has failed: No space left on device.\n'


def test_an_interruption_is_json_too(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr('astro_wgan.commands.completion._completion', interrupted)
    assert main(['completion', 'bash', '--json']) == 130
    assert json.loads(capsys.readouterr().out)['exit_code'] == 130


def test_options_are_not_abbreviated(capsys):
    assert main(['hunt', 'a.fits', '--thresh', '3']) == 2
    told = capsys.readouterr().err
    assert 'unrecognized arguments: --thresh 3. `astro-wgan hunt --help` lists' in told


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


def test_the_list_of_commands_waits_for_no_large_package():
    code = (
        'import sys\nfrom astro_wgan.cli import make_parser\nmake_parser("").format_help()\n'
        'print(sorted({"astropy", "keras", "numpy", "scipy", "tensorflow"} & {*sys.modules}))'
    )
    assert python('-c', code).stdout == '[]\n'


def test_the_options_of_all_commands_wait_for_no_network():
    code = (
        'import sys\nfrom astro_wgan.cli import make_parser\nmake_parser()\n'
        'print(sorted({"keras", "tensorflow"} & {*sys.modules}))'
    )
    assert python('-c', code).stdout == '[]\n'


@pytest.mark.skipif(os.name != 'posix', reason='needs a pipe of POSIX')
@pytest.mark.parametrize('arguments', ['--help', 'completion bash'])
def test_a_pipe_whose_reader_has_ended_is_no_error(arguments):
    command = f'{shlex.quote(sys.executable)} -m astro_wgan.cli {arguments}'
    # What has a reader that ends before it writes.
    done = subprocess.run(
        f'({command}; echo $? >&2) | true',
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONUNBUFFERED': ''},
    )
    assert done.stderr == '141\n'
