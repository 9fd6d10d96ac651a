"""Sets of files in a folder that are replaced atomically and read only if they match."""

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
from astro_wgan.files.brief_locks import briefly_locked
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.temporary_names import remove_abandoned, temporary_path, writer_name

__all__ = ['MANIFEST', 'damage_in', 'damage_told', 'read_together', 'atomic_write_together']

#: Name of the file that lists the others with their checksums.
MANIFEST = 'manifest.json'

_FORMAT = 'astro_wgan manifest 1'

#: Text that identifies files of this package if there is no manifest, or a damaged one.
_OWN = b'astro_wgan'

#: Valid file names in a manifest: no paths.
_NAME = re.compile(r'[a-z0-9_]+\.[a-z0-9]+')

_LINE_ENDS = (
    'the line endings of its file {} have been changed, as git does if `core.autocrlf` is set and '
    'no `.gitattributes` file prevents it'
)

#: Attempts to read files that another process is replacing.
_TRIES = 20


@contextmanager
def atomic_write_together(folder, *, known):
    """
    Write files into a folder so that they replace the former ones all at once.

    Parameters
    ----------
    folder : path-like
        Created if needed. Other files in it are not touched.
    known : sequence of str
        Names of files that former versions, which wrote no manifest, may have left.

    Yields
    ------
    function
        Takes the name of a file, without folder, and returns the path to write it to.

    Raises
    ------
    FileExistsError
        If there is a file of one of the names that was not part of an earlier set.
    OSError
        If the files cannot be written. The former ones stay.

    Notes
    -----
    Each file is written under a hidden name. Then the manifest, which has all checksums, is
    replaced in one step. From then on the new files are valid, even under their hidden names until
    they are renamed. If the process is killed, either the former or the new set is complete.
    """
    folder = Path(folder)
    with errors_name_file(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with briefly_locked(folder):
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
        with errors_name_file(folder), briefly_locked(folder):
            _settle(folder)
            former = _former(folder, known)
            for name in (MANIFEST, *paths):
                _check_free(folder, name, former)
            _write_manifest(folder, writer, entries, _stale(folder, former, paths))
            _settle(folder)
            flush_folder(folder)
    finally:
        # The manifest may have been replaced before an interrupt.
        if _writer_of(folder) != writer:
            for path in paths.values():
                path.unlink(missing_ok=True)
    for name in entries:
        remove_abandoned(folder / name)


def read_together(folder, names, *, max_size=None):
    """
    Read the files of a set.

    Parameters
    ----------
    folder : path-like
        Written by `atomic_write_together`, or by a former version, without a manifest.
    names : sequence of str
        Files to read. Those that are not in the set are skipped.
    max_size : number, optional
        Maximum number of bytes of each file; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    dict of bytes
        By name, including the manifest if there is one.

    Raises
    ------
    DamagedFileError
        If a file does not match the manifest.
    FileNotFoundError
        If a file of the manifest is missing.
    """
    folder = Path(folder)
    for _ in range(_TRIES):
        manifest = _read_if_there(folder / MANIFEST, max_size)
        try:
            files = _read_set(folder, manifest, names, max_size)
        except (DamagedFileError, FileNotFoundError):
            # Another process may just have replaced them.
            if _read_if_there(folder / MANIFEST, max_size) == manifest:
                raise
        else:
            if manifest is not None or not (folder / MANIFEST).exists():
                return files
    raise DamagedFileError('its files are being replaced repeatedly')


@contextmanager
def damage_told(what, folder):
    """Turn a `DamagedFileError` into a sentence that names the object that the files make up."""
    try:
        yield
    except DamagedFileError as error:
        raise ValueError(
            f'The {what} in {folder} is not of this version, or it is damaged ({error}).'
        ) from error


@contextmanager
def damage_in(name):
    """Turn any error while the content of a file is parsed into a `DamagedFileError`."""
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
    """Writer of a set, size and checksum of each file, and those of files to be removed."""
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
    """Undo the conversion of line endings to those of Windows."""
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
    Rename the files of the current set to their final names, and remove those of the former set.

    If a writer was killed before, the next one does it. Files that have changed since, or were not
    part of the set, are not removed.
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
    """Files of an earlier set by name, with their entries in its manifest."""
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
    """Files of the former set that are not in the new one, with size and checksum."""
    gone = [name for name in former if name not in (MANIFEST, *names)]
    found = {name: _read_if_there(folder / name, inf) for name in gone}
    return {
        name: former[name] or _describe(content)
        for name, content in found.items()
        if content is not None
    }


def _check_free(folder, name, former):
    """Raise an error if a file to be replaced is not part of an earlier set."""
    path = folder / name
    if not os.path.lexists(path) or name in former or (name == MANIFEST and _is_own(path)):
        return
    raise FileExistsError(
        f'The folder {folder} holds a file {name} that is not of an earlier save: name another '
        'folder, or move that file away.'
    )
