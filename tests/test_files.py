import pytest

from astro_wgan.files import replaced


def test_file_appears_whole(tmp_path):
    path = tmp_path / 'a.txt'
    with replaced(path) as temporary:
        temporary.write_text('new')
        assert not path.exists()
        assert temporary.suffix == path.suffix
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


def test_error_keeps_the_former_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def break_off():
        with replaced(path) as temporary:
            temporary.write_text('half')
            raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        break_off()
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
