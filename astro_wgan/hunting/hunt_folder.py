"""`HuntFolder`: files of a hunt, and the hunt that they belong to."""

import json
import shutil
from contextlib import suppress

from astro_wgan.catalogs.table_files import read_table
from astro_wgan.exceptions import HuntFolderError
from astro_wgan.files.atomic import atomic_write, read_bytes
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.temporary_names import remove_abandoned
from astro_wgan.remote.output_paths import output_path
from astro_wgan.store import StampStore

__all__ = [
    'HuntFolder',
]

_FORMAT = 'astro_wgan hunt 2'


class HuntFolder:
    """
    The folder of a hunt.

    Parameters
    ----------
    path : path-like
        A new or empty folder, or that of a hunt. A new one is made by `claim`.
    work : str, optional
        What it belongs to, for messages.

    Raises
    ------
    HuntFolderError
        If it cannot be written, or holds other files.
    TypeError, ValueError
        If it is no path of this machine.
    """

    def __init__(self, path, *, work='hunt'):
        self.path = output_path(path)
        self._work = work
        self._state_file = self.path / 'hunt.json'
        try:
            self.path.stat()
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:  # the name is too long or invalid
            raise HuntFolderError(f'The folder {self.path} cannot be written: {error}.') from error
        if self.path.exists() and not self.path.is_dir():
            raise HuntFolderError(f'`output` must be a folder; {self.path} is a file.')
        for path in (self._state_file, self._write_test):
            # Temporary files of a hunt that was killed before its first file.
            remove_abandoned(path)
        holds = self.path.is_dir() and any(self.path.iterdir())
        if holds and not self._state_file.is_file():
            raise HuntFolderError(
                f'The folder {self.path} holds other files: use a new or an empty folder.'
            )
        self._missing = [each for each in (self.path, *self.path.parents) if not each.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._write_test) as temporary:
                temporary.touch()
            self._write_test.unlink()
        except OSError as error:
            raise HuntFolderError(f'The folder {self.path} cannot be written: {error}.') from error
        finally:
            # The hunt may fail before it has results.
            self._remove_made()

    checkpoint = property(lambda self: self.path / 'training.npz')
    partial_scores = property(lambda self: self.path / 'scores.npz')
    model = property(lambda self: self.path / 'model')
    gallery = property(lambda self: self.path / 'gallery.html')
    table = property(lambda self: self.path / 'scores.ecsv')
    record = property(lambda self: self.path / 'hunt.toml')
    _stamps = property(lambda self: self.path / 'stamps.zarr')
    _write_test = property(lambda self: self.path / 'writable')

    def claim(self, fingerprint):
        """Record that the folder belongs to this hunt, or raise a HuntFolderError if to another."""
        self._fingerprint = fingerprint.to_dict()
        self._is_new = not self._state_file.is_file()
        if self._is_new:
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_state(complete=False)
        try:
            known = parse_json(read_bytes(self._state_file), finite=False)
            if not isinstance(known['complete'], bool):
                raise ValueError(f'`complete` is {known["complete"]!r:.40}')
            self.is_complete = known['complete']
            other = fingerprint.mismatch(known['fingerprint'] if known['format'] == _FORMAT else {})
        except (ValueError, KeyError) as error:
            said = f'it lacks {error}' if isinstance(error, KeyError) else error
            raise HuntFolderError(f'The file {self._state_file} is damaged ({said}).') from error
        if other:
            raise HuntFolderError(
                f'The folder {self.path} holds the results of another {self._work}: it {other}. '
                'Use another folder, or remove this one.'
            )

    def write_record(self, text):
        """Write the configuration that repeats the hunt."""
        with atomic_write(self.record) as temporary:
            temporary.write_text(text, encoding='utf-8')

    def write_stamps(self, stamps):
        """Write the stamps into a store, from where an interrupted hunt ended."""
        path = self._stamps
        store = (
            StampStore.open(path, 'a') if path.exists() else StampStore.create(path, like=stamps)
        )
        with store:
            store.append(stamps[len(store) :])

    def release(self):
        """Restore the former state of the folder, unless this hunt has saved results in it."""
        if self._is_new and not self.checkpoint.exists() and not self.model.exists():
            shutil.rmtree(self._stamps, ignore_errors=True)
            for path in (self.record, self._state_file):
                path.unlink(missing_ok=True)
            self._remove_made()

    def write_table(self, table):
        """Write the table of scores."""
        with atomic_write(self.table) as temporary:
            table.write(temporary, format='ascii.ecsv')

    def read_table(self):
        """The table of scores."""
        try:
            return read_table(self.table)
        except (OSError, ValueError) as error:
            raise HuntFolderError(
                f'The scores of this completed hunt cannot be read: {error}'
            ) from error

    def complete(self):
        """Record that the hunt is complete, and remove files that only an interrupted one needs."""
        self._write_state(complete=True)
        self.is_complete = True
        for path in (self.checkpoint, self.partial_scores):
            path.unlink(missing_ok=True)

    def _remove_made(self):
        """Remove empty folders that were not there before."""
        for path in self._missing:
            with suppress(OSError):
                path.rmdir()

    def _write_state(self, *, complete):
        content = {'format': _FORMAT, 'complete': complete, 'fingerprint': self._fingerprint}
        with atomic_write(self._state_file) as temporary:
            temporary.write_text(json.dumps(content, indent=2))
