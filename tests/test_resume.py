import numpy as np
import pytest

from astro_wgan.resume import ResumeFile


def part(start, stop):
    numbers = np.arange(start, stop)
    return {'number': numbers, 'text': np.array(['x' * n for n in numbers], dtype=str)}


def test_rows_are_there_again(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, 'work') as kept:
        kept.append(part(0, 3))
        kept.append(part(3, 8))
    with ResumeFile(path, 'work') as again:
        assert len(again) == 8
        again.append(part(8, 9))
        columns = again.columns()
    assert columns['number'].tolist() == list(range(9))
    # Longer text than in the first part is not cut.
    assert columns['text'][8] == 'x' * 8


def test_an_error_costs_no_row(tmp_path):
    path = tmp_path / 'rows.npz'

    def interrupted():
        with ResumeFile(path, 'work') as kept:
            kept._next_write = np.inf
            kept.append(part(0, 3))
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(ResumeFile(path, 'work')) == 3


def test_rows_are_written_as_they_come(tmp_path):
    path = tmp_path / 'rows.npz'
    kept = ResumeFile(path, 'work')
    kept.append(part(0, 3))
    # Without a word of the end, as after a kill.
    assert len(ResumeFile(path, 'work')) == 3


def test_most_of_the_time_does_not_go_into_writing(tmp_path):
    kept = ResumeFile(tmp_path / 'rows.npz', 'work')
    kept.append(part(0, 1))
    kept._next_write += 1000
    kept.append(part(1, 2))
    assert len(ResumeFile(tmp_path / 'rows.npz', 'work')) == 1
    kept._next_write = 0
    kept.append(part(2, 3))
    assert len(ResumeFile(tmp_path / 'rows.npz', 'work')) == 3


def test_without_a_file_rows_are_in_memory(tmp_path):
    with ResumeFile(None, 'work') as kept:
        assert kept.columns() == {}
        kept.append(part(0, 2))
        assert kept.columns()['number'].tolist() == [0, 1]


def test_other_work_is_not_taken_for_this(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, 'work') as kept:
        kept.append(part(0, 2))
    with pytest.raises(ValueError, match='belong to other stamps, other settings or another model'):
        ResumeFile(path, 'other work')


@pytest.mark.parametrize('length', [0, 10, -30])
def test_damaged_file(tmp_path, length):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, 'work') as kept:
        kept.append(part(0, 2))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match='damaged'):
        ResumeFile(path, 'work')
