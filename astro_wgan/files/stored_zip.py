"""Members of a zip file that are not compressed, so that none can be larger than the file."""

import os
import zipfile
from contextlib import contextmanager

from astro_wgan.exceptions import ZipError

__all__ = ['as_zip_errors', 'stored_members']

#: Far more members than anything here has.
_MOST = 100_000

#: The end of a zip file without a comment, and where in it the number of its members is.
_END, _COUNT, _UNCOUNTED = 22, slice(10, 12), 0xFFFF


@contextmanager
def as_zip_errors():
    """Whatever the parsers of a zip file and its members raise on what is none, or is damaged."""
    try:
        yield
    except ZipError:
        raise
    except Exception as error:
        raise ZipError(str(error) or type(error).__name__) from error


def stored_members(archive):
    """
    Members of a zip file by name.

    Parameters
    ----------
    archive : `zipfile.ZipFile`
        Open for reading.

    Returns
    -------
    dict of `zipfile.ZipInfo`

    Raises
    ------
    ZipError
        If one is compressed or encrypted, or is there twice, or if they are longer than the file.
    """
    listed = archive.infolist()
    length = archive.fp.seek(0, os.SEEK_END)
    archive.fp.seek(-_END, os.SEEK_END)
    count = int.from_bytes(archive.fp.read(_END)[_COUNT], 'little')
    # A wrong length of one entry can hide the next ones.
    if count not in (len(listed), _UNCOUNTED):
        raise ZipError(f'it has {count} members, of which {len(listed)} are listed')
    if len(listed) > _MOST:
        raise ZipError(f'it has {len(listed)} members; at most {_MOST} are read')
    for member in listed:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ZipError(f'{member.filename!r} in it is compressed')
    # Members that overlap could be many times as long as the file.
    total = sum(member.file_size for member in listed)
    if total > length:
        raise ZipError(f'it says that {total} bytes are in it, and has {length}')
    members = {member.filename: member for member in listed}
    if len(members) < len(listed):
        raise ZipError('two members of it have one name')
    return members
