import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan.wgan.serialization.history_file import read_history


def test_a_history_comes_back_without_its_header(tmp_path):
    table = QTable({'iteration': [25, 50], 'time': [1.5, 3] * u.s, 'loss': [0.1, float('nan')]})
    table.write(tmp_path / 'history.ecsv')
    found = read_history((tmp_path / 'history.ecsv').read_bytes())
    assert found.colnames == table.colnames
    assert found['iteration'].dtype.kind == 'i'
    assert found['time'].unit == u.s
    assert str(found['loss'].tolist()) == '[0.1, nan]'
    none = table[:0]
    none.write(tmp_path / 'none.ecsv')
    assert len(read_history((tmp_path / 'none.ecsv').read_bytes())) == 0


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'iteration seconds\n1\n',
        b'iteration iteration\n1 2\n',
        b'__import__("os")\n1\n',
        b'iteration seconds\nx 1\n',
        b'\xff',
        # YAML that would make many lists of lists is a comment.
        b'# - &a [1, 1]\n# - [*a, *a]\niteration seconds loss\n1 2\n',
    ],
)
def test_other_text_is_refused(content):
    with pytest.raises(ValueError, match=r'empty|columns|rows|literal|decode'):
        read_history(content)
