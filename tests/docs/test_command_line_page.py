"""The commands of the page "From a shell", one after the other in an empty folder."""

import shlex
from pathlib import Path

import pytest

from astro_wgan.cli import main, make_parser

PAGE = Path(__file__).parents[2] / 'docs' / 'user_guide' / 'command_line.rst'
COMMANDS = [
    line.strip().removeprefix('$ astro-wgan ')
    for line in PAGE.read_text(encoding='utf-8').splitlines()
    if line.strip().startswith('$ astro-wgan ')
]
#: What takes minutes, or does not end.
SLOW = ('morphology', 'browse')


@pytest.mark.filterwarnings('ignore:The stamps seem to have been stretched')
@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
def test_a_whole_analysis_runs_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) > 10
    for line in COMMANDS:
        line = line.partition(' > ')[0].replace('--minutes 5', '--iterations 2 --no-classifier')
        arguments = shlex.split(line)
        if arguments[0] in SLOW:
            make_parser(arguments[0]).parse_args(arguments)
        else:
            assert main([*arguments, '--quiet']) == 0, line
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *('again.ecsv', 'another', 'cutouts', 'model', 'photometry.fits', 'scores.ecsv'),
        *('scores.html', 'scores.vot', 'sources.fits', 'stamps.fits', 'stamps.fits.toml'),
        *('stamps.zarr', 'strangest.reg'),
    ]
