"""Labels survive kills at any moment, full disks and several writers."""

import errno
import os
import signal
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.labeling import LabelFile, label_file

#: Labels source after source, and says which are acknowledged.
_LABELER = """
import sys
from astro_wgan.labeling import LabelFile
labels = LabelFile(sys.argv[1])
for number in range(100_000):
    labels.add([f'{sys.argv[2]}-{number}'], 'artifact', by=sys.argv[2])
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'labels.jsonl'


def present(labels, by=None):
    table = labels.table()
    if by is not None:
        table = table[table['by'] == by]
    return dict(zip(table['id'].tolist(), table['label'].tolist(), strict=True))


def test_the_last_label_of_each_person_counts(path):
    labels = LabelFile(path)
    assert not path.exists()
    assert len(labels.table()) == 0
    before = Time.now()
    labels.add(np.array([3, 5]), 'interesting', by='anna', model='0a1b')
    labels.add(5, 'artifact', by='ben')
    labels.add([5], 'ordinary', by='anna')
    for found in (labels, LabelFile(path)):
        table = found.table()
        assert table.colnames == ['id', 'label', 'by', 'time', 'model']
        assert present(found, 'anna') == {3: 'interesting', 5: 'ordinary'}
        assert present(found, 'ben') == {5: 'artifact'}
        assert table['model'].tolist() == ['0a1b', '', '']
        assert table['id'].dtype.kind == 'i'
        assert np.all(np.abs((table['time'] - before).sec) < 60)
    labels.add(3, None, by='anna')
    assert present(LabelFile(path), 'anna') == {5: 'ordinary'}


def test_empty_tables_have_the_columns_and_types_of_others(path):
    empty = LabelFile(path).table()
    labels = LabelFile(path)
    labels.add(['a'], 'star', by='anna')
    for name in ('label', 'by', 'model'):
        assert empty[name].dtype.kind == labels.table()[name].dtype.kind == 'U'
    assert isinstance(empty['time'], Time)


def test_undo_takes_back_the_last_add_of_this_person(path):
    labels = LabelFile(path)
    assert len(labels.undo(by='anna')) == 0
    assert not path.exists()
    labels.add([1, 2], 'interesting', by='anna')
    labels.add([2, 3], 'artifact', by='anna')
    labels.add([1], None, by='anna')
    labels.add(2, 'ordinary', by='ben')
    taken = labels.undo(by='anna')
    assert taken['id'].tolist() == [1]
    assert taken['label'].mask.tolist() == [True]
    assert taken['present'].tolist() == ['interesting']
    taken = labels.undo(by='anna')
    assert taken['label'].tolist() == ['artifact'] * 2
    assert taken['present'].tolist() == ['interesting', None]
    assert present(LabelFile(path), 'anna') == {1: 'interesting', 2: 'interesting'}
    labels.undo(by='anna')
    assert len(labels.undo(by='anna')) == 0
    assert present(LabelFile(path)) == {2: 'ordinary'}


def test_two_windows_see_and_undo_what_the_other_has_done(path):
    first, second = LabelFile(path), LabelFile(path)
    first.add([1], 'interesting', by='anna')
    assert second.read_new()
    assert not second.read_new()
    second.add([1], 'artifact', by='anna')
    assert first.undo(by='anna')['label'].tolist() == ['artifact']
    assert present(first) == {1: 'interesting'}
    assert present(second) == {1: 'artifact'}
    assert second.read_new()
    assert present(second) == {1: 'interesting'}
    path.unlink()
    assert second.read_new()
    assert present(second) == {}


def test_lines_may_end_as_on_other_systems(path):
    LabelFile(path).add([1, 2], 'artifact', by='anna')
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    labels = LabelFile(path)
    labels.add([3], 'ordinary', by='anna')
    assert (
        present(labels) == present(LabelFile(path)) == {1: 'artifact', 2: 'artifact', 3: 'ordinary'}
    )


def test_labels_of_a_file_that_was_emptied_are_gone(path):
    labels = LabelFile(path)
    labels.add([1, 2], 'artifact', by='anna')
    path.write_bytes(b'')
    assert labels.read_new()
    assert present(labels) == {}


def test_any_number_of_bytes_can_be_read_and_added_to(path):
    labels = LabelFile(path)
    labels.add(['a', 'b'], 'interesting', by='anna')
    labels.add(['a'], 'artifact', by='anna')
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = LabelFile(path)
        assert {*present(found)} <= {'a', 'b'}
        complete = whole[:length].count(b'"id"') if length and whole[length - 1] == 10 else None
        if complete is not None:
            assert len(present(found)) == min(complete, 2)
        found.add(['c'], 'ordinary', by='anna')
        assert present(found)['c'] == present(LabelFile(path))['c'] == 'ordinary'
        assert len(present(LabelFile(path))) >= (complete is not None and min(complete, 2)) + 1


@pytest.mark.skipif(os.name != 'posix', reason='needs signals')
def test_nothing_acknowledged_is_lost_by_a_kill(path):
    for round_ in range(3):
        processes = {
            by: subprocess.Popen(
                [sys.executable, '-c', _LABELER, path, by], stdout=subprocess.PIPE, text=True
            )
            for by in (f'anna-{round_}', f'ben-{round_}')
        }
        for process in processes.values():
            for _ in range(20):
                process.stdout.readline()
        for process in processes.values():
            process.send_signal(signal.SIGKILL)
        labels = LabelFile(path)
        for by, process in processes.items():
            told = process.communicate()[0].splitlines()
            last = int(told[-1]) if told else 19
            found = present(labels, by)
            assert {f'{by}-{number}' for number in range(last + 1)} <= {*found}
            assert len(found) <= last + 2


def test_threads_lose_nothing(path):
    labels = LabelFile(path)

    def add(by):
        for number in range(20):
            labels.add([number], 'artifact', by=by)

    threads = [threading.Thread(target=add, args=(f'person {k}',)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(LabelFile(path).table()) == len(labels.table()) == 80


def test_a_full_disk_is_a_sentence_and_leaves_what_was_there(path, monkeypatch):
    labels = LabelFile(path)
    labels.add([1], 'interesting', by='anna')
    before = path.read_bytes()

    def half(file, content):
        file.write(content[: len(content) // 2 + 40])
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(label_file, '_write_all', half)
        for change in (lambda: labels.add([2, 3], 'artifact', by='anna'), labels.undo):
            with pytest.raises(OSError, match=r'labels\.jsonl cannot be written: No space left'):
                change(**({'by': 'anna'} if change == labels.undo else {}))
            assert path.read_bytes() == before
    assert present(labels) == present(LabelFile(path)) == {1: 'interesting'}


@pytest.mark.parametrize(
    'content',
    [
        b'# %ECSV 1.0\n',
        b'{"format": "astro_wgan labels 2"}\n',
        b'{}\n',
        b'\x89HDF\r\n',
        b'{\n  "format": 1,\n  "size": 64\n}\n',
        b'\nid,label\n',
    ],
)
def test_other_files_are_refused_and_not_changed(path, content):
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match='holds no labels'):
        LabelFile(path)
    path.unlink()
    labels = LabelFile(path)
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match='holds no labels'):
        labels.add([1], 'artifact', by='anna')
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='Windows has no named pipes in folders')
def test_a_pipe_in_the_place_of_the_file_is_refused(path):
    labels = LabelFile(path)
    labels.add([1], 'artifact', by='anna')
    path.unlink()
    os.mkfifo(path)
    for change in (partial(labels.add, [1], 'artifact'), labels.undo):
        with pytest.raises(DamagedFileError, match='is a named pipe'):
            change(by='anna')


@pytest.mark.parametrize(
    'line',
    [
        b'{}',
        b'{"undo": 3, "by": "anna", "time": "2026-12-01T10:00:00"}',
        b'{"id": 1, "label": "x\\n", "by": "a", "time": "2026-12-01T10:00:00", "model": "", '
        b'"add": "b"}',
        b'{"id": [1], "label": "x", "by": "a", "time": "2026-12-01T10:00:00", "model": "", '
        b'"add": "b"}',
        b'{"id": 1, "label": "x", "by": "a", "time": "2026-13-01T10:00:00", "model": "", '
        b'"add": "b"}',
        b'{"id": NaN, "label": "x", "by": "a", "time": "2026-12-01T10:00:00", "model": "", '
        b'"add": "b"}',
        b'{"a": ' * 3000 + b'}' * 3000,
    ],
)
def test_damaged_lines_are_told_and_ignored(path, line):
    labels = LabelFile(path)
    labels.add([1], 'interesting', by='anna')
    with open(path, 'ab') as file:
        file.write(line + b'\n')
    with pytest.warns(AstropyUserWarning, match='a line that says nothing'):
        labels = LabelFile(path)
    assert present(labels) == {1: 'interesting'}


def test_the_longest_texts_and_largest_numbers_are_read_again(path):
    longest = 100 * '\U0001f30c'
    labels = LabelFile(path)
    labels.add([10 * longest], longest, by=longest, model=longest)
    assert present(LabelFile(path)) == {10 * longest: longest}
    path.unlink()
    labels.add([0, 2**64 - 1], 'artifact', by='anna')
    assert LabelFile(path).table()['id'].tolist() == [0, 2**64 - 1]
    labels.add([-1], 'artifact', by='anna')
    assert LabelFile(path).table()['id'].tolist() == ['0', '18446744073709551615', '-1']


@pytest.mark.parametrize(
    ('ids', 'label', 'by', 'message'),
    [
        ([1], '', 'anna', '`label` must be a text of 1 to 100'),
        ([1], 'two\nlines', 'anna', '`label` must'),
        ([1], 'x' * 101, 'anna', '`label` must'),
        ([1], 3, 'anna', '`label` must'),
        ([1], 'artifact', ' anna', '`by` must'),
        ([], 'artifact', 'anna', 'at least one id'),
        ([np.nan], 'artifact', 'anna', 'finite numbers'),
        ([True], 'artifact', 'anna', 'finite numbers'),
        ([2**64], 'artifact', 'anna', 'of 64 bits'),
        (['x' * 1001], 'artifact', 'anna', 'texts of 1 to 1000'),
        ([None], 'artifact', 'anna', 'finite numbers'),
        (np.ma.array([1, 2], mask=[0, 1]), 'artifact', 'anna', '1 are masked'),
    ],
)
def test_what_is_no_label_is_refused(path, ids, label, by, message):
    with pytest.raises(ValueError, match=message):
        LabelFile(path).add(ids, label, by=by)
    assert not path.exists()


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(OSError, match=r'labels\.jsonl cannot be written: No such file'):
        LabelFile(tmp_path / 'none' / 'labels.jsonl').add([1], 'artifact')


def test_labels_are_exported_to_the_table(path):
    labels = LabelFile(path)
    labels.add([1, 2], 'interesting', by='anna')
    labels.add([2, 3], 'artifact', by='ben')
    table = QTable({'id': [3, 2, 1, 0], 'label': ['b', 'c', 'd', 'e']})
    for _ in range(2):  # labels of an earlier export are replaced
        table = labels.join(table)
        assert table.colnames == ['id', 'label_input', 'label', 'n_labels', 'agreement']
        assert table['label'].tolist() == ['artifact', None, 'interesting', None]
        assert table['n_labels'].tolist() == [1, 2, 1, 0]
        assert table['agreement'].tolist() == [1.0, 0.5, 1.0, None]
    as_text = QTable({'id': ['1', '2']})
    assert labels.join(as_text)['label'].tolist() == ['interesting', None]


def test_a_hundred_thousand_labels_are_read_in_seconds(path):
    labels = LabelFile(path)
    labels.add(np.arange(100_000), 'artifact', by='anna')
    assert len(LabelFile(path).table()) == 100_000


def test_labels_of_a_person_are_those_of_the_table(path):
    labels = LabelFile(path)
    labels.add([3, 1, 2], 'artifact', by='anna')
    labels.add([1], 'ordinary', by='ben')
    labels.add([3], None, by='anna')
    labels.add([2], 'interesting', by='anna')
    for _ in range(4):
        for by in ('anna', 'ben', 'nobody'):
            expected = {str(name): label for name, label in present(labels, by).items()}
            assert labels.labels_of(by) == expected
        labels.undo(by='anna')
    assert labels.labels_of('anna') == {}
