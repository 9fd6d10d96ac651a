"""Uncompressed members of untrusted zip files."""

import os
import zipfile
from contextlib import contextmanager

from astro_wgan.exceptions import ZipError

__all__ = ['as_zip_errors', 'stored_members']

#: Maximum number of members, far more than any file of this package has.
_MOST = 100_000

#: Size of the end record of a zip file without comment, and position of the member count in it.
_END, _COUNT, _UNCOUNTED = 22, slice(10, 12), 0xFFFF


@contextmanager
def as_zip_errors():
    """Turn whatever the parsers of zip files and their members raise into a `ZipError`."""
    try:
        yield
    except ZipError:
        raise
    except Exception as error:
        raise ZipError(str(error) or type(error).__name__) from error


def stored_members(archive):
    """
    List the members of a zip file by name.

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
        If a member is compressed, encrypted or repeated, or if the members exceed the file size.
    """
    listed = archive.infolist()
    length = archive.fp.seek(0, os.SEEK_END)
    archive.fp.seek(-_END, os.SEEK_END)
    count = int.from_bytes(archive.fp.read(_END)[_COUNT], 'little')
    # A wrong length of an entry can hide the entries after it.
    if count not in (len(listed), _UNCOUNTED):
        raise ZipError(f'it has {count} members, of which {len(listed)} are listed')
    if len(listed) > _MOST:
        raise ZipError(f'it has {len(listed)} members; at most {_MOST} are read')
    for member in listed:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ZipError(f'{member.filename!r} in it is compressed')
    # Overlapping members could be many times larger than the file.
    total = sum(member.file_size for member in listed)
    if total > length:
        raise ZipError(f'it says that {total} bytes are in it, and has {length}')
    members = {member.filename: member for member in listed}
    if len(members) < len(listed):
        raise ZipError('two members of it have one name')
    return members
