"""`SurveyFolder`: files of a survey, the survey that they belong to, and the state of each tile."""

import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from astro_wgan.exceptions import SurveyFolderError
from astro_wgan.files.atomic import atomic_write, errors_name_file, flush_folder, read_bytes
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.temporary_names import remove_abandoned

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

__all__ = ['SurveyFolder', 'TileState']

_FORMAT = 'astro_wgan survey 1'


@dataclass(frozen=True)
class TileState:
    """
    What has become of a tile.

    Attributes
    ----------
    tile : str
    state : {'waiting', 'done', 'incomplete', 'failed'}
        'incomplete' if single sources failed; the next call does them again, as failed tiles.
    sources, scored, at_border : int
        Number of sources of the tile, of those that have a score, and of those that were left out
        because their stamp extends beyond the tile.
    seconds : float
    reason : str
        Why it failed.
    failed : dict of str
        Reasons by the ids of sources that failed.
    warnings : list of str
    identity : str
        Digest of footprint and sources, by which a tile that has others since is done again.
    """

    tile: str
    state: str
    sources: int = 0
    scored: int = 0
    at_border: int = 0
    seconds: float = 0.0
    reason: str = ''
    failed: dict = field(default_factory=dict)
    warnings: list = field(default_factory=list)
    identity: str = ''


class SurveyFolder:
    """
    The folder of a survey.

    Parameters
    ----------
    path : path-like

    Attributes
    ----------
    path : `~pathlib.Path`
    model, parts, ranks, stamps : `~pathlib.Path`
        Folders of the model, of the tables of the tiles, of the ranks of their sources, and of
        stamps by tile.
    ranking, outside, strangest : `~pathlib.Path`
        The ranked table, the table of sources that lie in no tile, and the store of the stamps
        with the highest scores.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._claim_file = self.path / 'survey.json'
        self._states_file = self.path / 'tiles.jsonl'
        self.model = self.path / 'model'
        self.parts = self.path / 'parts'
        self.ranks = self.path / 'ranks'
        self.stamps = self.path / 'stamps'
        self.ranking = self.path / 'ranking.parquet'
        self.outside = self.path / 'outside.parquet'
        self.strangest = self.path / 'strangest.zarr'

    @classmethod
    def existing(cls, path):
        """
        The folder of a survey that has begun.

        Raises
        ------
        SurveyFolderError
            If there is none.
        """
        folder = cls(path)
        if not folder._claim_file.is_file():
            raise SurveyFolderError(f'The folder {folder.path} holds no survey.')
        return folder

    def part(self, tile):
        """The table of a tile."""
        return self.parts / f'{tile}.parquet'

    def ranks_of(self, tile):
        """The ranks of the sources of a tile."""
        return self.ranks / f'{tile}.parquet'

    def stamps_of(self, tile):
        """The stamps that are kept of a tile."""
        return self.stamps / f'{tile}.zarr'

    def check(self):
        """Raise a SurveyFolderError if the folder holds other files, or is a file."""
        if self.path.exists() and not self.path.is_dir():
            raise SurveyFolderError(f'`output` must be a folder; {self.path} is a file.')
        # Temporary files of a call that was killed before its first file.
        remove_abandoned(self._claim_file)
        holds = self.path.is_dir() and any(self.path.iterdir())
        if holds and not self._claim_file.is_file():
            raise SurveyFolderError(
                f'The folder {self.path} holds other files: use a new or an empty folder.'
            )

    def check_belongs(self, fingerprint):
        """Raise a SurveyFolderError if the folder belongs to another survey."""
        self.check()
        if not self._claim_file.is_file():
            return
        other = fingerprint.mismatch(self.claimed()['fingerprint'])
        if other:
            raise SurveyFolderError(
                f'The folder {self.path} holds the results of another survey: it {other}. Use '
                'another folder, or remove this one.'
            )

    def claim(self, fingerprint, **about):
        """
        Record that the folder belongs to this survey.

        Parameters
        ----------
        fingerprint : `~astro_wgan.jobs.Fingerprint`
        **about
            Plain values that are of use to whoever reads the file.
        """
        content = {'format': _FORMAT, 'fingerprint': fingerprint.to_dict(), **about}
        with errors_name_file(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        # Before anything else: what has no such file is the folder of something else.
        with atomic_write(self._claim_file) as temporary:
            temporary.write_text(json.dumps(content, indent=2))
        for path in (self.parts, self.ranks, self.stamps):
            with errors_name_file(path):
                path.mkdir(exist_ok=True)

    def write_record(self, text):
        """Write the configuration that repeats the survey."""
        with atomic_write(self.path / 'survey.toml') as temporary:
            temporary.write_text(text, encoding='utf-8')

    @contextmanager
    def locked(self):
        """
        Keep other calls off the folder, which would do each tile twice.

        Raises
        ------
        SurveyFolderError
            If another process is at work. Where the file system has no locks, that is not noticed.
        """
        path = self.path / '.lock'
        with errors_name_file(path):
            path.touch()
        with open(path, 'rb') as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise SurveyFolderError(
                        f'Another process is at work on the survey in {self.path}: wait until it '
                        'has ended.'
                    ) from error
                except OSError:
                    pass
            yield

    def claimed(self):
        """The content of ``survey.json``."""
        try:
            content = parse_json(read_bytes(self._claim_file), finite=False)
            known = content['format']
            _ = content['fingerprint']
        except (ValueError, KeyError, TypeError) as error:
            raise SurveyFolderError(f'The file {self._claim_file} is damaged ({error}).') from error
        if known != _FORMAT:
            raise SurveyFolderError(
                f'The file {self._claim_file} has the format {known!r:.40}; this version reads '
                f'{_FORMAT!r}.'
            )
        return content

    def record(self, states):
        """Append the states of tiles to the manifest, one in a line."""
        lines = ''.join(f'{json.dumps(asdict(state))}\n' for state in states)
        if not lines:
            return
        with errors_name_file(self._states_file), open(self._states_file, 'ab+') as file:
            # The last line of a writer that was killed has no end.
            if file.tell() and not self._ends_with_line():
                file.write(b'\n')
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())

    def states(self):
        """
        The last known state of each tile, in the order in which they became known.

        Returns
        -------
        dict of `TileState`
        """
        found = {}
        try:
            content = self._states_file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return found
        for line in content.split(b'\n'):
            # A line that a killed writer left incomplete is that of a tile that is done again.
            with suppress(ValueError, TypeError):
                state = TileState(**parse_json(line, finite=False))
                found[state.tile] = state
        return found

    def remove(self, tile):
        """Remove what is known of a tile, the part that says that it is done first."""
        for path in (self.part(tile), self.ranks_of(tile)):
            path.unlink(missing_ok=True)
        flush_folder(self.parts)
        shutil.rmtree(self.stamps_of(tile), ignore_errors=True)

    def _ends_with_line(self):
        with open(self._states_file, 'rb') as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b'\n'
