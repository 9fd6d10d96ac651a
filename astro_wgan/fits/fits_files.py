"""`checked_fits`: validation and decompression of FITS files, within limits of memory."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from contextlib import ExitStack, contextmanager

from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.files.limits import check_file, check_size
from astro_wgan.fits.compressed_tiles import check_tiles, guarded_decoders
from astro_wgan.fits.header_checks import walk_hdus

__all__ = ['checked_fits', 'checked_hdulist']

_CHUNK = 2**20

#: Decompressors by first bytes of the file.
_OPENERS = {
    b'\x1f\x8b': lambda file: gzip.GzipFile(fileobj=file),
    b'BZh': bz2.BZ2File,
    b'\xfd7zXZ\x00': lzma.LZMAFile,
    b'PK\x03\x04': lambda file: _only_member(file),
}


def checked_fits(file, where, *, max_size=None):
    """
    Validate the headers of an open FITS file, and decompress it if needed.

    Parameters
    ----------
    file : binary file
        Positioned at its start.
    where : str
        Name of the file, for errors.
    max_size : number, optional
        Maximum number of bytes after decompression; see
        `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    binary file
        ``file`` itself, or its decompressed content.
    int
        Number of bytes of the largest tile of tile-compressed images.

    Raises
    ------
    ImageError
        If a header is invalid, or the content is larger than allowed, in which case it is not
        decompressed completely.
    """
    begin = file.read(6)
    file.seek(0)
    if begin.startswith(b'\x1f\x9d'):
        raise ImageError(f'{where} is compressed by `compress` (.Z): uncompress it first.')
    opener = next((use for magic, use in _OPENERS.items() if begin.startswith(magic)), None)
    content = file if opener is None else _Unpacked(opener(file))
    hdus = []
    for hdu in walk_hdus(content, where):
        if content is not file:
            # Before more is decompressed.
            check_size(
                hdu.data_start + hdu.data_size + hdu.bytes_as_image,
                f'{where}, which is compressed,',
                max_size=max_size,
                error=ImageError,
            )
        hdus.append(hdu)
    if content is not file:
        content = content.whole()
    largest_tile = max((check_tiles(hdu, content) for hdu in hdus), default=0)
    content.seek(0)
    return content, largest_tile


@contextmanager
def checked_hdulist(path, *, max_size=None):
    """
    Open a FITS file after `checked_fits`, with `guarded_decoders` for tiles.

    Parameters
    ----------
    path : path-like
    max_size : number, optional
        As in `checked_fits`.

    Yields
    ------
    `~astropy.io.fits.HDUList`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        As in `checked_fits`, or if it is not a FITS file.
    """
    check_file(path, error=ImageError)
    where = os.fspath(path)
    with open(path, 'rb') as file, ExitStack() as opened:
        try:
            file, largest_tile = checked_fits(file, where, max_size=max_size)
            hdulist = opened.enter_context(fits.open(file, memmap=False))
        except ImageError:
            raise
        except Exception as error:  # astropy and decompressors raise various errors
            raise ImageError(f'{where} is truncated or not a FITS file: {error}') from error
        with guarded_decoders(largest_tile):
            yield hdulist


class _Unpacked:
    """A forward-only stream as a seekable file, whose content is kept in memory."""

    def __init__(self, stream):
        self._stream = stream
        self._content = io.BytesIO()
        self._length = 0
        self._at = 0

    def seek(self, at):
        self._at = at

    def read(self, size):
        self._content.seek(self._length)
        while self._length < self._at + size:
            chunk = self._stream.read(min(_CHUNK, self._at + size - self._length))
            if not chunk:
                break
            self._content.write(chunk)
            self._length += len(chunk)
        self._content.seek(min(self._at, self._length))
        found = self._content.read(size)
        self._at += len(found)
        return found

    def whole(self):
        """The content that has been read, as a file."""
        self._stream.close()
        return self._content


def _only_member(file):
    archive = zipfile.ZipFile(file)
    # Ignore folders, and entries added by macOS.
    members = [
        member
        for member in archive.infolist()
        if not (member.is_dir() or member.filename.startswith('__MACOSX/'))
    ]
    if len(members) != 1:
        raise ValueError(f'A zip file must hold one FITS file; this one holds {len(members)}.')
    return archive.open(members[0])
