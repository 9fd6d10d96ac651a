"""Files of a folder that belong together: replaced all at once, and read only if they do."""

import hashlib
import json
import os
import re
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

from astro_wgan.exceptions import DamagedFileError, JSONError
from astro_wgan.files.atomic import (
    atomic_write,
    errors_name_file,
    flush_file,
    flush_folder,
    read_bytes,
)
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.temporary_names import remove_abandoned, temporary_path, writer_name

__all__ = ['MANIFEST', 'damage_in', 'damage_told', 'read_together', 'atomic_write_together']

#: The file that says which others belong together.
MANIFEST = 'manifest.json'

_FORMAT = 'astro_wgan manifest 1'

#: In files of ours that have no manifest, or a damaged one.
_OWN = b'astro_wgan'

#: Of what a manifest may speak: never of a file elsewhere.
_NAME = re.compile(r'[a-z0-9_]+\.[a-z0-9]+')

_LINE_ENDS = (
    'the ends of lines in its file {} have been changed, as git does where its `core.autocrlf` is '
    'set and no `.gitattributes` forbids it'
)

#: How often files are read anew that another process replaces meanwhile.
_TRIES = 20


@contextmanager
def atomic_write_together(folder, *, known):
    """
    Write files into a folder that take the place of the former ones all at once.

    Parameters
    ----------
    folder : path-like
        Made if needed. Files of others in it stay.
    known : sequence of str
        Names of files that a former version, which wrote no manifest, may have left.

    Yields
    ------
    function
        Of the name of a file, without a folder: the path at which to write it.

    Raises
    ------
    FileExistsError
        If a file of one of the names is there that is not of an earlier set.
    OSError
        If the files cannot be written; the former ones stay.

    Notes
    -----
    Each file is written under a hidden name. Then the manifest, which has the checksums of all, is
    replaced, which is one step: from then on the new files count, under their hidden names where
    they do not yet have their own. A kill at any moment leaves the former set or the new one.
    """
    folder = Path(folder)
    with errors_name_file(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _settle(folder)
            former = _former(folder, known)
    writer, paths = writer_name(), {}

    def place(name):
        _check_free(folder, name, former)
        paths[name] = temporary_path(folder / name, writer)
        return paths[name]

    try:
        try:
            yield place
        except OSError:
            with errors_name_file(folder / next(reversed(paths), MANIFEST)):
                raise
        entries = {name: _entry(folder / name, path) for name, path in paths.items()}
        with errors_name_file(folder), _locked(folder):
            _settle(folder)
            former = _former(folder, known)
            for name in (MANIFEST, *paths):
                _check_free(folder, name, former)
            _write_manifest(folder, writer, entries, _stale(folder, former, paths))
            _settle(folder)
            flush_folder(folder)
    finally:
        # An interrupt can come when the manifest counts already.
        if _writer_of(folder) != writer:
            for path in paths.values():
                path.unlink(missing_ok=True)
    for name in entries:
        remove_abandoned(folder / name)


def read_together(folder, names, *, max_size=None):
    """
    What the files of a set hold.

    Parameters
    ----------
    folder : path-like
        Into which `atomic_write_together` has written; or a former version, without a manifest.
    names : sequence of str
        Files to read. Those that the set does not have are left out.
    max_size : number, optional
        Bytes that each file may have; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    dict of bytes
        By name; with that of the manifest, where there is one.

    Raises
    ------
    DamagedFileError
        If a file is not that of the manifest.
    FileNotFoundError
        If one is missing that the manifest names.
    """
    folder = Path(folder)
    for _ in range(_TRIES):
        manifest = _read_if_there(folder / MANIFEST, max_size)
        try:
            files = _read_set(folder, manifest, names, max_size)
        except (DamagedFileError, FileNotFoundError):
            # Unless another process has just replaced them.
            if _read_if_there(folder / MANIFEST, max_size) == manifest:
                raise
        else:
            if manifest is not None or not (folder / MANIFEST).exists():
                return files
    raise DamagedFileError('its files are being replaced again and again')


@contextmanager
def damage_told(what, folder):
    """Tell damage of a file in a sentence on what the files are together."""
    try:
        yield
    except DamagedFileError as error:
        raise ValueError(
            f'The {what} in {folder} is not of this version, or it is damaged ({error}).'
        ) from error


@contextmanager
def damage_in(name):
    """Whatever goes wrong while the content of a file is looked at, as damage of this file."""
    try:
        yield
    except DamagedFileError:
        raise
    except KeyError as error:
        raise DamagedFileError(f'its file {name} lacks {error}') from error
    except Exception as error:
        raise DamagedFileError(f'its file {name}: {error!s:.300}') from error


def _read_set(folder, manifest, names, max_size):
    if manifest is None:
        read = {name: _read_if_there(folder / name, max_size) for name in names}
        return {name: content for name, content in read.items() if content is not None}
    writer, entries, _ = _parse_manifest(manifest)
    files = {MANIFEST: manifest}
    for name in names:
        if name not in entries:
            continue
        content = _read_if_there(temporary_path(folder / name, writer), max_size)
        if content is None:
            content = _read_if_there(folder / name, max_size)
        if content is None:
            raise FileNotFoundError(
                f'The file {name} in {folder} is missing, of those in {MANIFEST}.'
            )
        if _describe(content) != entries[name]:
            if _describe(_with_own_line_ends(content)) == entries[name]:
                raise DamagedFileError(_LINE_ENDS.format(name))
            raise DamagedFileError(
                f'its file {name} is not the one that was saved with the others, or has changed '
                f'since: {MANIFEST} has another checksum'
            )
        files[name] = content
    return files


def _parse_manifest(content):
    """Who wrote a set, the size and checksum of each file, and those of files to be removed."""
    try:
        values = parse_json(content)
        parts = values['writer'], values['files'], values['stale']
        names = [name for entries in parts[1:] for name in entries]
        is_own = values['format'] == _FORMAT and all(map(_NAME.fullmatch, names))
        if is_own and content != _manifest(*parts) == _with_own_line_ends(content):
            raise DamagedFileError(_LINE_ENDS.format(MANIFEST))
        if not is_own or _manifest(*parts) != content:
            raise JSONError('its own checksum is another')
    except (JSONError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f'its file {MANIFEST} is damaged: {error}') from error
    return parts


def _with_own_line_ends(content):
    """As they were before another program made them those of Windows."""
    return content.replace(b'\r\n', b'\n')


def _manifest(writer, entries, stale):
    values = {'format': _FORMAT, 'writer': writer, 'files': entries, 'stale': stale}
    text = json.dumps(values, sort_keys=True)
    values['sha256'] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(values, indent=2).encode() + b'\n'


def _write_manifest(folder, writer, entries, stale):
    with atomic_write(folder / MANIFEST) as temporary:
        temporary.write_bytes(_manifest(writer, entries, stale))
    flush_folder(folder)


def _entry(path, temporary):
    with errors_name_file(path):
        flush_file(temporary)
        return _describe(temporary.read_bytes())


def _describe(content):
    return {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}


def _read_if_there(path, max_size):
    try:
        return read_bytes(path, max_size=max_size)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _settle(folder):
    """
    Give the files of the set that is there their own names, and remove those of the former one.

    After a kill that came between, another writer does it. What has become another file since, or
    was always the user's, is not removed.
    """
    try:
        writer, entries, stale = _parse_manifest(_read_if_there(folder / MANIFEST, None) or b'')
    except DamagedFileError:
        return
    for name in entries:
        with suppress(FileNotFoundError):
            os.replace(temporary_path(folder / name, writer), folder / name)
    for name, entry in stale.items():
        path = folder / name
        if path.is_file() and _describe(path.read_bytes()) == entry:
            path.unlink()


def _writer_of(folder):
    try:
        return _parse_manifest(_read_if_there(folder / MANIFEST, None) or b'')[0]
    except DamagedFileError:
        return None


def _former(folder, known):
    """Files of an earlier set by name, with what its manifest has of each."""
    try:
        manifest = _read_if_there(folder / MANIFEST, None)
        if manifest is not None:
            return {MANIFEST: None, **_parse_manifest(manifest)[1]}
    except DamagedFileError:
        pass
    described = [MANIFEST, *(name for name in known if name.endswith('.json'))]
    return dict.fromkeys(known) if any(_is_own(folder / name) for name in described) else {}


def _is_own(path):
    try:
        return _OWN in (_read_if_there(path, None) or b'')
    except DamagedFileError:
        return False


def _stale(folder, former, names):
    """Files of the former set that the new one does not have, with what is in them now."""
    gone = [name for name in former if name not in (MANIFEST, *names)]
    found = {name: _read_if_there(folder / name, inf) for name in gone}
    return {
        name: former[name] or _describe(content)
        for name, content in found.items()
        if content is not None
    }


def _check_free(folder, name, former):
    """Refuse to replace what is not of an earlier set."""
    path = folder / name
    if not os.path.lexists(path) or name in former or (name == MANIFEST and _is_own(path)):
        return
    raise FileExistsError(
        f'The folder {folder} holds a file {name} that is not of an earlier save: name another '
        'folder, or move that file away.'
    )


@contextmanager
def _locked(folder):
    """Keep others from replacing files of the folder; for a moment only."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # of file systems without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
