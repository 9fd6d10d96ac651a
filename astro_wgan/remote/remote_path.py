"""`RemotePath`: a file or folder at a URI, with the methods of a path that reading needs."""

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.remote.copies import copied
from astro_wgan.remote.filesystems import filesystem_of
from astro_wgan.remote.range_files import (
    NoRangesError,
    RangeFile,
    fetch_ranges,
    write_ranges,
)
from astro_wgan.remote.remote_files import RemoteFiles
from astro_wgan.remote.retries import Retries, ShortAnswerError
from astro_wgan.remote.uris import (
    has_own_query,
    is_chain,
    is_http,
    is_uri,
    local_path,
    name_of,
    shown,
)

__all__ = ['RemotePath', 'has_folders', 'path_of']

#: First bytes of files that can only be read from their beginning, since they are compressed.
_COMPRESSED = (b'\x1f\x8b', b'BZh', b'\xfd7zXZ\x00', b'PK\x03\x04')
_BEGIN = 6

#: Files that a server can only send as a whole, and that take a while from this number of bytes on.
_LARGE = 2**24

#: What says that a file has changed, in what file systems tell of it.
_VALIDATORS = ('ETag', 'etag', 'LastModified', 'Last-Modified', 'mtime', 'created')


def path_of(source, remote=None):
    """
    The path of a file on this machine or at a URI.

    Parameters
    ----------
    source : str, bytes, path-like or `RemotePath`
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    `~pathlib.Path` or `RemotePath`
    """
    if isinstance(source, RemotePath):
        return source if remote is None else RemotePath(source.uri, remote)
    # A Path would make one slash of two.
    text = os.fsdecode(source)
    if not is_uri(text):
        return Path(text)
    local = local_path(text)
    return RemotePath(text, remote or RemoteFiles()) if local is None else Path(local)


def has_folders(path):
    """Whether the file system of a path knows folders; of addresses of HTTP nothing is known."""
    return not (isinstance(path, RemotePath) and is_http(path.uri))


@dataclass(frozen=True)
class RemotePath:
    """
    A file at a URI.

    As text it is what may be shown: the URI without user, password and query.

    Parameters
    ----------
    uri : str
    options : `~astro_wgan.images.RemoteFiles`, optional
        How it is read.
    """

    uri: str = field(repr=False)
    options: RemoteFiles = field(default_factory=RemoteFiles, repr=False, compare=False)

    def __str__(self):
        return shown(self.uri)

    def __truediv__(self, name):
        name = quote(name) if is_http(self.uri) else name
        return RemotePath(f'{self.uri.rstrip("/")}/{name}', self.options)

    @property
    def name(self):
        """Name of the file."""
        return name_of(self.uri)

    @property
    def stem(self):
        """Name of the file without its last suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self):
        """Last suffix of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parts(self):
        """Folders and name."""
        return (*PurePosixPath(str(self)).parts[:-1], self.name)

    @property
    def parent(self):
        """Its folder."""
        return RemotePath(self.uri.rpartition('/')[0], self.options)

    @property
    def has_siblings(self):
        """Whether files beside it have addresses that follow from its own."""
        return not (is_chain(self.uri) or has_own_query(self.uri))

    def is_file(self):
        """
        Whether there is such a file.

        Returns
        -------
        bool
            False, too, if access is refused: buckets that may not be listed say so of files that
            they do not have.

        Raises
        ------
        astro_wgan.exceptions.RemoteFileError
            If the server does not answer.
        """
        try:
            return self._info()['type'] != 'directory'
        except FileNotFoundError:
            return False
        except RemoteFileError as error:
            if error.is_refused:
                return False
            raise

    exists = is_file

    def is_dir(self):
        """
        Whether it is a folder.

        Returns
        -------
        bool
            False for any address of HTTP, and if there is nothing.

        Raises
        ------
        astro_wgan.exceptions.RemoteFileError
            If access is refused, or the server does not answer.
        """
        try:
            return has_folders(self) and self._info()['type'] == 'directory'
        except FileNotFoundError:
            return False

    def check(self):
        """
        Refuse a URI at which there is no file, or which cannot be read.

        Raises
        ------
        FileNotFoundError, ImageError, astro_wgan.exceptions.RemoteFileError
            As `open`.
        """
        if self._info()['type'] == 'directory':
            raise ImageError(f'{self} is a folder, not an image.')

    def glob(self, pattern, *, refused=True):
        """
        The files in a folder whose names have a pattern.

        Parameters
        ----------
        pattern : str
        refused : bool, optional
            Whether a folder that may not be listed is as one without such files.

        Returns
        -------
        list of `RemotePath`
            None if there is no such folder.

        Raises
        ------
        astro_wgan.exceptions.RemoteFileError
            If the server does not answer, or refuses the list and that is not allowed.
        """
        filesystem, path = self._place()
        start = f'{path.rstrip("/")}/'
        try:
            found = self._retries.call(lambda: filesystem.glob(start + pattern))
        except FileNotFoundError:
            found = []
        except RemoteFileError as error:
            if not (error.is_refused and refused):
                raise
            found = []
        return [self / name.removeprefix(start) for name in found if name.startswith(start)]

    def files_below(self):
        """
        Names of all files in a folder, at any depth, relative to it.

        Returns
        -------
        list of str

        Raises
        ------
        FileNotFoundError, astro_wgan.exceptions.RemoteFileError
            If it cannot be listed.
        """
        filesystem, path = self._place()
        start = f'{path.rstrip("/")}/'
        found = self._retries.call(lambda: filesystem.find(path))
        return [name.removeprefix(start) for name in found if name.startswith(start)]

    def open(self, mode='rb'):
        """
        Open the file.

        Parameters
        ----------
        mode : {'rb'}, optional

        Returns
        -------
        binary file
            Of which blocks are read when they are needed; or a copy in a temporary file, if it is
            compressed, or its server can only send all of it.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ImageError
            If it is a folder.
        ImportError
            If the package for the protocol is not installed.
        astro_wgan.exceptions.RemoteFileError
            If it cannot be read.

        Warns
        -----
        AstropyUserWarning
            If it is large, and its server can only send all of it.
        """
        if mode != 'rb':
            raise ValueError(f"`mode` must be 'rb'; got {mode!r}.")
        filesystem, path = self._place()
        info = self._info()
        if info['type'] == 'directory':
            raise ImageError(f'{self} is a folder, not an image.')
        size = info.get('size')
        validator = next((str(info[name]) for name in _VALIDATORS if name in info), object())
        key = (filesystem, path, size, validator)
        fetch = fetch_ranges(filesystem, path, size, self._retries)

        def whole(target):
            self._retries.call(lambda: _download(filesystem, path, target, size))
            _warn_of_large(self, Path(target).stat().st_size)

        def in_ranges(target):
            write_ranges(fetch, size, target)

        if size is None or not self._has_ranges(filesystem, path, size, info):
            return copied(whole, size, key=key, where=str(self))
        file = RangeFile(fetch, size, key=key, block_size=self.options.block_size)
        try:
            begin = file.read(_BEGIN)
        except NoRangesError:
            return copied(whole, size, key=key, where=str(self))
        file.seek(0)
        if begin.startswith(_COMPRESSED):
            return copied(in_ranges, size, key=key, where=str(self))
        return file

    def _has_ranges(self, filesystem, path, size, info):
        if not is_http(self.uri):
            return True
        if not info.get('partial', True):
            return False
        if size < 2:
            return True

        def second_byte():
            # Of a server without ranges only this is refused before all is read.
            with filesystem.open(path, size=size, cache_type='none') as file:
                file.seek(1)
                try:
                    return len(file.read(1)) == 1
                except ValueError:
                    return False

        return self._retries.call(second_byte)

    def _info(self):
        filesystem, path = self._place()
        return self._retries.call(lambda: filesystem.info(path))

    def _place(self):
        return filesystem_of(self.uri, self.options)

    @property
    def _retries(self):
        return Retries(str(self), self.options)


def _download(filesystem, path, target, size):
    filesystem.get_file(path, target)
    if size is not None and Path(target).stat().st_size != size:
        raise ShortAnswerError


def _warn_of_large(path, size):
    if size >= _LARGE:
        warnings.warn(
            f'{path} was copied as a whole, {size:,} bytes, since its server does not send parts '
            'of files.',
            AstropyUserWarning,
            stacklevel=5,
        )
