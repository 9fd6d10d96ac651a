import json
import subprocess
import sys

import pytest

from astro_wgan.exceptions import HuntFolderError
from astro_wgan.hunting.hunt_folder import HuntFolder
from astro_wgan.jobs import Fingerprint

WORK = Fingerprint({'settings': {'seed': 1}})


def test_a_folder_is_claimed_once_and_again(tmp_path):
    for _ in range(2):
        folder = HuntFolder(tmp_path / 'out')
        folder.claim(WORK)
        assert not folder.is_complete
    folder.complete()
    again = HuntFolder(tmp_path / 'out')
    again.claim(WORK)
    assert again.is_complete


def test_a_new_folder_is_made_when_work_begins(tmp_path):
    folder = HuntFolder(tmp_path / 'new' / 'out')
    assert not list(tmp_path.iterdir())
    folder.claim(WORK)
    assert folder.path.is_dir()
    folder.release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('is_empty', [True, False])
def test_a_folder_that_was_there_stays(tmp_path, is_empty):
    folder = HuntFolder(tmp_path)
    folder.claim(WORK)
    if not is_empty:
        (tmp_path / 'notes').touch()
    folder.release()
    assert [path.name for path in tmp_path.iterdir()] == ([] if is_empty else ['notes'])


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[1, 2]',
        'null',
        '5',
        '"x"',
        '{}',
        '{"complete": true}',
        '{"complete": "no", "format": "astro_wgan hunt 2", "fingerprint": {"a": 1}}',
        '{"complete": NaN, "format": "astro_wgan hunt 2", "fingerprint": {}}',
        '{"complete": 1, "format": "astro_wgan hunt 2", "fingerprint": {}}',
        '[' * 100_000,
        '{"a":' * 100_000,
        '{"complete": ' + '9' * 10_000 + '}',
    ],
)
def test_a_damaged_state_file_is_named(tmp_path, text):
    (tmp_path / 'hunt.json').write_text(text)
    with pytest.raises(HuntFolderError, match=r'^The file .*hunt\.json is damaged \('):
        HuntFolder(tmp_path).claim(WORK)
    assert (tmp_path / 'hunt.json').read_text() == text


def test_state_files_of_other_hunts_are_refused(tmp_path):
    mark = {'complete': True, 'format': 'astro_wgan hunt 2'}
    for fingerprint in ([], 'text', {'format': 'other'}, None):
        (tmp_path / 'hunt.json').write_text(json.dumps({**mark, 'fingerprint': fingerprint}))
        with pytest.raises(HuntFolderError, match='holds the results of another hunt'):
            HuntFolder(tmp_path).claim(WORK)


def test_folders_of_former_versions_are_refused(tmp_path):
    work = {'complete': True, 'format': 'astro_wgan hunt 1', 'fingerprint': WORK.to_dict()}
    (tmp_path / 'hunt.json').write_text(json.dumps(work))
    with pytest.raises(HuntFolderError, match=r'written by a former version .* another folder'):
        HuntFolder(tmp_path).claim(WORK)


KILLED = """
import os, sys
import astro_wgan.files.atomic
from astro_wgan.hunting.hunt_folder import HuntFolder
from astro_wgan.jobs import Fingerprint

folder = HuntFolder(sys.argv[1])
os.replace = lambda *paths: os._exit(9)
folder.claim(Fingerprint({'settings': {'seed': 1}}))
"""


def test_a_hunt_that_was_killed_at_its_first_step_can_be_started_again(tmp_path):
    assert subprocess.run([sys.executable, '-c', KILLED, tmp_path]).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.name.endswith('-hunt.json')
    HuntFolder(tmp_path).claim(WORK)
    assert [path.name for path in tmp_path.iterdir()] == ['hunt.json']


def test_a_table_of_scores_that_cannot_be_read_is_named(tmp_path):
    folder = HuntFolder(tmp_path)
    folder.table.write_text('# %ECSV 1.0\n# ---\n# {[')
    with pytest.raises(
        HuntFolderError, match=r'completed hunt cannot be read: .*scores\.ecsv contains no table'
    ):
        folder.read_table()


@pytest.mark.parametrize('name', ['a\0b', '\ud800', 300 * 'a'])
def test_what_no_folder_can_be_called_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(HuntFolderError, match='cannot be written'):
        HuntFolder(tmp_path / name)
