import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.results import (
    Column,
    Result,
    Table,
    estimate,
    interval,
    provenance_text,
    read_result,
    table_text,
    text_of,
    write_result,
)

DATA = Path(__file__).parents[2] / 'docs' / 'results' / 'data'

COLUMNS = Column('program', 'that cuts'), Column('time', 'of all stamps', 's', '.2f')
TABLE = Table(
    'speed',
    'Shortest of three.',
    COLUMNS,
    ({'program': 'ours', 'time': 0.5}, {'program': 'a loop', 'time': 12.345}, {'program': '*ü*'}),
)
RESULT = Result(
    benchmark='speed.cutting',
    question='How fast?',
    command='python -m benchmarks.speed.cutting',
    date='2026-11-29',
    machine={'processor': 'AMD EPYC', 'cores': 2, 'accelerator': None},
    versions={'python': '3.11.7', 'numpy': '2.4.6'},
    notes=('Loops were scaled.',),
    tables=(TABLE,),
)


@pytest.mark.parametrize(
    ('cell', 'form', 'text'),
    [
        (None, '.1f', ''),
        (3, '', '3'),
        (0.5, '.2f', '0.50'),
        (175_000, ',', '175,000'),
        ('``score``', '.2f', '``score``'),
        (estimate(0.9954, 0.0012), '.3f', '0.995 ± 0.001'),
        (estimate(0.9954, 0.0012, best=True), '.3f', '**0.995 ± 0.001**'),
        (interval(14.3, 13.5, 15.1), '.1f', '14.3 (13.5-15.1)'),
    ],
)
def test_cells_as_text(cell, form, text):
    assert text_of(cell, form) == text


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / 'new' / 'cutting.json'
    for result in (RESULT, replace(RESULT, recorded='a page', commit='abc+')):
        write_result(result, path)
        assert read_result(path) == result


def test_a_row_is_a_line_of_the_file(tmp_path):
    write_result(RESULT, tmp_path / 'cutting.json')
    lines = (tmp_path / 'cutting.json').read_text(encoding='utf-8').splitlines()
    assert '{"program": "a loop", "time": 12.345}' in [line.strip(' ,') for line in lines]


def test_numbers_that_json_does_not_have_are_refused(tmp_path):
    table = replace(TABLE, rows=({'program': 'ours', 'time': float('nan')},))
    with pytest.raises(ValueError, match='must not be NaN'):
        write_result(replace(RESULT, tables=(table,)), tmp_path / 'cutting.json')
    assert not (tmp_path / 'cutting.json').exists()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / 'other.json'
    path.write_text(json.dumps({'format': 7, 'tables': []}))
    with pytest.raises(ValueError, match='must be a result of a benchmark, of format 1'):
        read_result(path)


def test_cells_need_a_column():
    with pytest.raises(ValueError, match=r"'speed' have cells \['memory'\], which are no columns"):
        replace(TABLE, rows=({'memory': 1},))


def test_unknown_table_lists_those_that_are_there():
    assert RESULT.table('speed') == TABLE
    with pytest.raises(KeyError, match="has no table 'memory'; it has speed"):
        RESULT.table('memory')


def test_tables_are_aligned():
    assert table_text(TABLE).splitlines() == [
        'program  time (s)',
        '-------  --------',
        'ours         0.50',
        'a loop      12.35',
        '*ü*',
    ]


def test_provenance_leaves_out_what_is_not_known():
    assert provenance_text(RESULT) == 'AMD EPYC, 2 cores; python 3.11.7, numpy 2.4.6; 2026-11-29'
    nothing = {'processor': None, 'cores': None, 'accelerator': None}
    assert provenance_text(replace(RESULT, machine=nothing, versions={}, date=None)) == ''


@pytest.mark.parametrize('path', sorted(DATA.glob('*.json')), ids=lambda path: path.stem)
def test_results_of_the_documentation(path):
    result = read_result(path)
    assert result.tables
    assert find_spec(f'benchmarks.{result.benchmark}') is not None
    assert result.command.startswith(f'python -m benchmarks.{result.benchmark}')
    for table in result.tables:
        assert table.rows
        assert all(column.meaning for column in table.columns)
        assert table.texts()
