"""The table of layouts on the page of input files: each layout, as the registry has it."""

import importlib.util
from pathlib import Path

import pytest

from astro_wgan.images import layout_names

SCRIPT = Path(__file__).parents[2] / 'docs' / '_extensions' / 'survey_layouts.py'


@pytest.fixture(scope='module')
def table():
    pytest.importorskip('sphinx')
    spec = importlib.util.spec_from_file_location('survey_layouts_table', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.layout_table()


def test_every_survey_has_a_row_and_a_document(table):
    rows, _, documents = table.partition('They follow these documents:')
    for name in {*layout_names()} - {'general', 'none', 'northern', 'my_survey'}:
        assert f'* - ``{name}``, ' in rows
        assert f'``{name}``' in documents


def test_rows_say_what_layouts_state(table):
    row = table[table.index('``panstarrs``') : table.index('``roman``')]
    assert 'variance: ``{sky}.skycell.{cell}.{kind}.{rest}.wt.fits*``' in row
    assert 'DETECTOR, FLAT, DARK, BLANK, CTE, SAT, LOW, CR, GHOST, CONV.BAD' in row
    assert '``FPA.ZP`` of counts per second, adu' in row
    assert (
        '``PSCAMERA``, ``FPA.ZP``; or ``{sky}.skycell.{cell}.{kind=stk,wrp}.{rest}.fits*``' in row
    )


def test_it_is_valid(table):
    docutils = pytest.importorskip('docutils.core')
    publish = docutils.publish_doctree(table, settings_overrides={'report_level': 2})
    assert [node for node in publish.findall() if node.tagname == 'system_message'] == []
    (rows,) = (node for node in publish.findall() if node.tagname == 'tbody')
    assert len(rows.children) >= 17
    assert {len(row.children) for row in rows.children} == {5}
