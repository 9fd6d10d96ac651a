"""The states of tiles survive writers that are killed at any byte."""

import errno
from contextlib import contextmanager

import pytest

from astro_wgan.exceptions import SurveyFolderError
from astro_wgan.jobs import Fingerprint
from astro_wgan.surveying import rank_survey, survey_folder
from astro_wgan.surveying.survey_folder import SurveyFolder, TileState


def test_any_number_of_bytes_of_the_manifest_can_be_read(tmp_path):
    folder = SurveyFolder(tmp_path)
    folder.record([TileState('a', 'waiting'), TileState('b', 'waiting')])
    folder.record([TileState('a', 'done', sources=3, failed={'5': 'none'})])
    path = tmp_path / 'tiles.jsonl'
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert set(folder.states()) <= {'a', 'b'}
        if length % 40 == 0:
            folder.record([TileState('c', 'failed', reason='broken')])
            assert folder.states()['c'].reason == 'broken'


def test_the_last_state_counts(tmp_path):
    folder = SurveyFolder(tmp_path)
    assert folder.states() == {}
    folder.record([])
    for state in ('waiting', 'failed', 'done'):
        folder.record([TileState('a', state)])
    assert folder.states() == {'a': TileState('a', 'done')}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError, match=r'tiles\.jsonl cannot be written: No such file'):
        SurveyFolder(tmp_path / 'none').record([TileState('a', 'done')])


def test_a_claim_that_fails_leaves_an_empty_folder_and_one_that_is_killed_a_survey(
    tmp_path, monkeypatch
):
    folder, fingerprint = SurveyFolder(tmp_path / 'out'), Fingerprint({'settings': {'a': 1}})

    @contextmanager
    def full(path):
        raise OSError(errno.ENOSPC, 'No space left on device')
        yield

    with monkeypatch.context() as patch:
        patch.setattr(survey_folder, 'atomic_write', full)
        with pytest.raises(OSError, match='No space left'):
            folder.claim(fingerprint)
    assert list(folder.path.iterdir()) == []
    folder.check_belongs(fingerprint)
    folder.claim(fingerprint)
    # As after a kill between the file and the folders.
    for path in (folder.parts, folder.ranks, folder.stamps):
        path.rmdir()
    folder.check_belongs(fingerprint)
    assert len(rank_survey(folder.path)) == 0
    folder.claim(fingerprint)
    assert folder.stamps.is_dir()


def test_two_calls_at_once_are_refused(tmp_path):
    pytest.importorskip('fcntl')
    with (
        SurveyFolder(tmp_path).locked(),
        pytest.raises(SurveyFolderError, match='Another process is at work on the survey in'),
        SurveyFolder(tmp_path).locked(),
    ):
        pass
    with SurveyFolder(tmp_path).locked():
        pass
