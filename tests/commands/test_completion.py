"""The script of `astro-wgan completion bash`, as bash calls it."""

import json
import shutil
import subprocess

import pytest

from astro_wgan.cli import main


@pytest.fixture
def completed(tmp_path, capsys):
    """What bash offers for the last of some words."""
    bash = shutil.which('bash')
    if bash is None:
        pytest.skip('there is no bash')
    assert main(['completion', 'bash']) == 0
    script = tmp_path / 'completion.bash'
    script.write_text(capsys.readouterr().out)
    for name in ('field.fits', 'hunt.toml'):
        (tmp_path / name).touch()
    (tmp_path / 'folder').mkdir()

    def run(*words):
        call = (
            f'source {script}\n'
            f'COMP_WORDS=(astro-wgan {" ".join(words)})\nCOMP_CWORD={len(words)}\n'
            f'COMP_TYPE=9\n_shtab_astro_wgan astro-wgan "{words[-1]}" ""\n'
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        # Bash itself has the builtin `compopt` only while it completes.
        command = [bash, '--norc', '-c', f'compopt() {{ :; }}\n{call}']
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert not done.stderr
        return [line.strip() for line in done.stdout.splitlines()]

    return run


def test_bash_completes_commands_options_choices_and_files(completed):
    assert completed('hu') == ['hunt']
    assert completed('si') == ['similar']
    assert completed('hunt', '--deb') == ['--deblend-levels', '--deblend-contrast']
    assert completed('hunt', '--stretch', 'a') == ['auto', 'asinh']
    assert completed('hunt', 'fie') == ['field.fits']
    assert completed('survey', '--config', 'hu') == ['hunt.toml']
    assert completed('survey', '--model', 'fo') == ['folder']


@pytest.mark.parametrize('shell', ['zsh', 'fish'])
def test_scripts_of_other_shells_know_all_commands(shell, capsys):
    assert main(['completion', shell, '--json']) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary['shell'] == shell
    for word in ('hunt', 'survey', 'deblend-contrast', 'keep-stamps'):
        assert word in summary['script']


def test_other_shells_are_refused(capsys):
    assert main(['completion', 'cmd']) == 2
    assert "invalid choice: 'cmd'" in capsys.readouterr().err
