import numpy as np
import pytest

from astro_wgan.files.atomic import write_arrays
from astro_wgan.jobs import Fingerprint
from astro_wgan.jobs.resume import ResumeFile

WORK = Fingerprint({'settings': {'seed': 1}})


def part(start, stop):
    numbers = np.arange(start, stop)
    return {'number': numbers, 'text': np.array(['x' * n for n in numbers], dtype=str)}


def test_rows_are_there_again(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 3))
        kept.append(part(3, 8))
    with ResumeFile(path, WORK) as again:
        assert len(again) == 8
        again.append(part(8, 9))
        columns = again.columns()
    assert columns['number'].tolist() == list(range(9))
    # Longer text than in the first part is not cut.
    assert columns['text'][8] == 'x' * 8


def test_an_error_costs_no_row(tmp_path):
    path = tmp_path / 'rows.npz'

    def interrupted():
        with ResumeFile(path, WORK) as kept:
            kept._next_write = np.inf
            kept.append(part(0, 3))
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(ResumeFile(path, WORK)) == 3


def test_rows_are_written_as_they_come(tmp_path):
    path = tmp_path / 'rows.npz'
    kept = ResumeFile(path, WORK)
    kept.append(part(0, 3))
    # Without its end, as after a kill.
    assert len(ResumeFile(path, WORK)) == 3


def test_most_of_the_time_does_not_go_into_writing(tmp_path):
    kept = ResumeFile(tmp_path / 'rows.npz', WORK)
    kept.append(part(0, 1))
    kept._next_write += 1000
    kept.append(part(1, 2))
    assert len(ResumeFile(tmp_path / 'rows.npz', WORK)) == 1
    kept._next_write = 0
    kept.append(part(2, 3))
    assert len(ResumeFile(tmp_path / 'rows.npz', WORK)) == 3


def test_without_a_file_rows_are_in_memory(tmp_path):
    with ResumeFile(None, None) as kept:
        assert kept.columns() == {}
        kept.append(part(0, 2))
        assert kept.columns()['number'].tolist() == [0, 1]


def test_other_work_is_not_taken_for_this(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 2))
    other = Fingerprint({'settings': {'seed': 2}})
    with pytest.raises(ValueError, match=r'rows\.npz, belongs to other settings: `seed` was 1 and'):
        ResumeFile(path, other)
    assert len(ResumeFile(path, WORK)) == 2


def test_a_file_of_a_former_version_is_refused(tmp_path):
    path = tmp_path / 'rows.npz'
    write_arrays(path, fingerprint=np.array('{"model and stamps": "ab12"}'), number=np.arange(2))
    with pytest.raises(ValueError, match=r'a former version .* or remove this one to start anew'):
        ResumeFile(path, WORK)


@pytest.mark.parametrize('length', [0, 10, -30])
def test_damaged_file(tmp_path, length):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 2))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match='damaged'):
        ResumeFile(path, WORK)


def test_places_that_cannot_be_are_refused_before_the_work(tmp_path):
    with pytest.raises(ValueError, match=r'`output` must be a file; .* is a folder'):
        ResumeFile(tmp_path, WORK)
    with pytest.raises(FileNotFoundError, match='`output` must be in an existing folder'):
        ResumeFile(tmp_path / 'missing' / 'rows.npz', WORK)


def test_more_rows_than_there_can_be_are_refused(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 5))
    assert len(ResumeFile(path, WORK, total=5)) == 5
    with pytest.raises(ValueError, match='damaged: it has 5 rows instead of at most 4'):
        ResumeFile(path, WORK, total=4)


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 5))
    with pytest.raises(
        ValueError,
        match=r'another version .* the columns number, text; this version measures number\.',
    ):
        ResumeFile(path, WORK).append({'number': np.arange(3)})


def test_tables_of_other_lengths_are_kept_beside_the_rows(tmp_path):
    path = tmp_path / 'rows.npz'
    with ResumeFile(path, WORK) as kept:
        kept.append(part(0, 2), sources={'x': np.arange(5.0)}, empty={'y': np.zeros(0)})
        kept.append(part(2, 3), sources={'x': np.arange(1.0)}, empty={'y': np.zeros(0)})
    again = ResumeFile(path, WORK, total=3)
    assert len(again) == 3
    assert list(again.columns()) == ['number', 'text']
    assert again.columns('sources')['x'].tolist() == [0, 1, 2, 3, 4, 0]
    assert again.columns('empty')['y'].shape == (0,)


@pytest.mark.parametrize(
    'columns',
    [
        {'number': np.arange(2), 'text': np.array(['a'])},
        {'number': np.arange(2), 'sources/x': np.arange(3), 'sources/y': np.arange(4)},
        {'sources/x': np.arange(3)},
    ],
)
def test_columns_that_differ_in_length_are_refused(tmp_path, columns):
    path = tmp_path / 'rows.npz'
    write_arrays(path, fingerprint=np.array(WORK.to_json()), **columns)
    with pytest.raises(ValueError, match='damaged: its columns differ in length'):
        ResumeFile(path, WORK)
