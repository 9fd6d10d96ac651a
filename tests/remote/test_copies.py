"""Copies of whole files: made once, removed when there are newer ones, and only if they fit."""

from pathlib import Path

import pytest

from astro_wgan.exceptions import RemoteFileError
from astro_wgan.remote.copies import copied


def test_the_last_few_copies_are_kept_and_others_removed():
    made = []

    def download(path):
        made.append(Path(path))
        made[-1].write_bytes(b'content')

    for key in (1, 2, 3, 1, 4, 5, 1):
        with copied(download, 7, key=key, where='a') as file:
            assert file.read() == b'content'
    assert len(made) == 5
    assert [path.exists() for path in made] == [True, False, True, True, True]


def test_a_copy_that_fails_leaves_nothing():
    made = []

    def download(path):
        made.append(Path(path))
        raise RemoteFileError('cut')

    with pytest.raises(RemoteFileError, match='cut'):
        copied(download, None, key='a', where='a')
    assert not made[0].exists()


def test_files_that_do_not_fit_are_refused():
    with pytest.raises(RemoteFileError, match=r'^s3://b/a has 1,000,000,000,000,000,000 bytes'):
        copied(None, 10**18, key='b', where='s3://b/a')
