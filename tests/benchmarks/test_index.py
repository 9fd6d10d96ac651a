from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.index import FOLDERS, programs, question_of, with_index
from benchmarks.smoke import judge

ROOT = Path(__file__).parents[2]


def test_the_readme_lists_all_benchmarks():
    readme = (ROOT / 'benchmarks' / 'README.rst').read_text(encoding='utf-8')
    assert readme == with_index(readme), 'Run python -m benchmarks.index --write.'
    assert all(f'``{name}``' in readme for name in programs())


def test_a_list_that_is_not_true_is_replaced():
    readme = (ROOT / 'benchmarks' / 'README.rst').read_text(encoding='utf-8')
    false = readme.replace(question_of('benchmarks.speed.cutting'), 'How slow?')
    assert false != readme
    assert with_index(false) == readme


@pytest.mark.parametrize('name', programs())
def test_a_benchmark_asks_a_question(name):
    assert find_spec(name) is not None
    assert question_of(name)[-1] in '.?'
    text = ROOT.joinpath(*name.split('.')).with_suffix('.py').read_text(encoding='utf-8')
    assert f'python -m {name}' in text
    assert 'BenchmarkParser(' in text


def test_no_two_files_have_one_name():
    names = [name.rsplit('.', 1)[1] for name in programs()]
    assert len(names) == len({*names})


def test_all_folders_of_programs_are_listed():
    folders = {
        path.parent.name
        for path in (ROOT / 'benchmarks').glob('*/*.py')
        if "__name__ == '__main__'" in path.read_text(encoding='utf-8')
    }
    assert folders == {*FOLDERS}


@pytest.mark.parametrize(
    ('status', 'text', 'outcome', 'reason'),
    [
        (77, 'Skipped: it needs PyPI', 'skipped', 'it needs PyPI'),
        (1, "ModuleNotFoundError: No module named 'pandas'", 'skipped', 'pandas is not installed'),
        (
            1,
            "ModuleNotFoundError: No module named 'astro_wgan.x'",
            'failed',
            "named 'astro_wgan.x'",
        ),
        (1, 'ImportError: It needs x: pip install "astro_wgan[ssp]".', 'skipped', 'It needs x'),
        (1, 'ImportError: cannot import name', 'failed', 'cannot import name'),
        (1, 'ValueError: wrong', 'failed', 'ValueError: wrong'),
        (None, 'It took more than 240 s.', 'failed', 'It took more than 240 s.'),
        (0, '', 'failed', 'its result cannot be read'),
    ],
)
def test_what_becomes_of_a_benchmark(status, text, outcome, reason, tmp_path):
    found = judge(status, f'before\n{text}\n', tmp_path / 'none.json')
    assert found[0] == outcome
    assert reason in found[1]


def test_a_result_must_have_tables():
    data = ROOT / 'docs' / 'results' / 'data' / 'cutting.json'
    assert judge(0, '', data) == ('passed', '')
