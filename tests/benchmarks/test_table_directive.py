"""The directive ``benchmark-table`` of the documentation, and the role ``benchmark-cell``."""

from io import StringIO
from pathlib import Path

import pytest

from benchmarks.results import read_result

DOCS = Path(__file__).parents[2] / 'docs'


@pytest.fixture
def built(tmp_path):
    """A function from the text of a page to the page as plain text, and Sphinx's warnings."""
    application = pytest.importorskip('sphinx.application')
    from sphinx.util.docutils import docutils_namespace

    source = tmp_path / 'source'
    (source / 'results').mkdir(parents=True)
    (source / 'results' / 'data').symlink_to(DOCS / 'results' / 'data')
    extensions = DOCS / '_extensions'
    (source / 'conf.py').write_text(
        f'import sys\nsys.path.insert(0, {str(extensions)!r})\nextensions = ["benchmark_table"]\n'
    )

    def build(text):
        (source / 'index.rst').write_text(f'Results\n=======\n\n{text}\n')
        warnings = StringIO()
        folders = [tmp_path / 'out', tmp_path / 'doctrees']
        with docutils_namespace():
            app = application.Sphinx(
                source, source, *folders, 'text', status=None, warning=warnings, freshenv=True
            )
            app.build()
        return (tmp_path / 'out' / 'index.txt').read_text(encoding='utf-8'), warnings.getvalue()

    return build


def test_a_table_with_chosen_columns(built):
    text, warnings = built(
        '.. benchmark-table:: cutting\n   :table: speed\n   :columns: program; time = spent\n'
    )
    assert not warnings
    assert 'spent' in text
    assert 'astro_wgan, pixels' in text
    assert '0.57' in text
    assert '175,000' not in text
    assert 'AMD EPYC, 2 cores' in text
    assert '2026-11-25' in text


def test_chosen_rows_in_the_order_of_their_names(built):
    text, warnings = built(
        '.. benchmark-table:: leaderboard\n   :table: ceiling\n   :columns: class\n   :bare:\n'
        '   :rows: best without labels = WGAN;\n'
        '          PCA residual, 10, scored as the WGAN\n'
        '          class = artifact; pair 1.5-2; pair\n'
    )
    assert not warnings
    cells = [line.strip('| ') for line in text.splitlines() if line.startswith('| ')]
    assert cells == ['class', 'artifact', 'pair', 'pair 1.5-2']


def test_all_of_a_result(built):
    text, warnings = built('.. benchmark-table:: calibration\n   :bare:\n')
    assert not warnings
    squeezed = ' '.join(text.split())
    result = read_result(DOCS / 'results' / 'data' / 'calibration.json')
    for table in result.tables:
        # Cells are wrapped.
        assert str(table.columns[0].name).split()[0] in squeezed
        assert all(word in squeezed for word in ' '.join(table.texts()[-1]).split())
    assert 'Scores of fresh normals lie 0.0134' in squeezed
    assert 'AMD EPYC' not in text


def test_what_columns_mean(built):
    text, warnings = built('.. benchmark-table:: reprojection\n   :meanings:\n   :caption: Fast.\n')
    assert not warnings
    assert '*method*: of reproject' in text
    assert 'Fast.' in text


@pytest.mark.parametrize(
    ('directive', 'told'),
    [
        ('.. benchmark-table:: nothing', 'nothing.json'),
        ('.. benchmark-table:: cutting\n   :table: memory', "no table 'memory'; it has speed"),
        ('.. benchmark-table:: cutting\n   :columns: memory', "no column 'memory'"),
        ('.. benchmark-table:: cutting\n   :rows: memory = 1', "no column 'memory'"),
        ('.. benchmark-table:: cutting\n   :rows: program = none', "no row with 'program' 'none'"),
    ],
)
def test_what_is_not_there_is_told(built, directive, told):
    _, warnings = built(directive)
    assert told in warnings


def test_a_number_within_a_sentence(built):
    text, warnings = built(
        'It has :benchmark-cell:`leaderboard; auc; pair; detector = PCA residual, 10` there.'
    )
    assert not warnings
    auc = read_result(DOCS / 'results' / 'data' / 'leaderboard.json').table('auc')
    row = next(row for row in auc.rows if row['detector'] == 'PCA residual, 10')
    assert f'It has {row["pair"]["value"]:.3f} there.' in text


@pytest.mark.parametrize(
    ('cell', 'told'),
    [
        ('nothing; auc; pair', 'nothing.json'),
        ('leaderboard; auc; weight; detector = WGAN', "no column 'weight'"),
        ('leaderboard; auc; pair; detector = none', "no row with 'detector' 'none'"),
        ('leaderboard; rates; pair', 'must be true of one row; it is of 17'),
    ],
)
def test_a_number_that_is_not_there_is_told(built, cell, told):
    _, warnings = built(f'It has :benchmark-cell:`{cell}` there.')
    assert told in warnings


def test_every_result_is_valid_restructuredtext(built):
    names = sorted(path.stem for path in (DOCS / 'results' / 'data').glob('*.json'))
    assert len(names) > 20
    parts = [f'{name}\n{len(name) * "-"}\n\n.. benchmark-table:: {name}\n' for name in names]
    _, warnings = built('\n'.join(parts))
    assert not warnings
