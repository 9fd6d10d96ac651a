"""Checks of image files before reading: path, format and completeness."""

import math
import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.files.limits import check_file
from astro_wgan.remote.remote_path import RemotePath, path_of

__all__ = ['as_path', 'check_kind', 'check_whole', 'is_fits', 'quiet_fits']

#: First bytes of FITS files, plain and compressed.
_FITS_BEGINS = (b'SIMPLE', b'\x1f\x8b', b'\x1f\x9d', b'BZh', b'\xfd7zXZ\x00', b'PK\x03\x04')

#: First bytes of other formats, and what to do with such files.
_OTHER_KINDS = {
    b'#ASDF': 'an ASDF file, which is not read: give its array, open with the package `asdf`',
    b'\x89HDF': 'an HDF5 file, which is not an image: give its array, open with h5py',
    b'\x93NUMPY': 'an array that NumPy saved: give np.load of it',
}

#: A URI that has been a `~pathlib.Path`, which makes one slash of two.
_SHORTENED = re.compile(r'[a-z][a-z0-9+.-]+:/(?!/)', re.IGNORECASE)

#: A path in the syntax of CFITSIO, followed by an extension or section in brackets.
_WITH_EXTENSION = re.compile(r'(.+?)((?:\[[^\[\]]*\])+)')


def as_path(source, remote=None):
    """
    Validate the path or URI of an image file.

    Parameters
    ----------
    source : str, bytes, path-like or `~astro_wgan.remote.remote_path.RemotePath`
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
        A file at a URI is not asked for before it is opened.

    Raises
    ------
    ImageError
        If it is empty, invalid, a folder, a pipe, a device, a URI that lost a slash, or has an
        extension in the syntax of CFITSIO.
    FileNotFoundError
        If there is no such file.
    """
    path = path_of(source, remote)
    if isinstance(path, RemotePath):
        return path
    text = os.fspath(source)
    if text in ('', b''):
        raise ImageError('The path of the image is empty.')
    if path.is_dir():
        raise ImageError(f'{path} is a folder, not an image.')
    if path.exists():
        check_file(path, error=ImageError)
        return path
    text = os.fsdecode(text)
    if _SHORTENED.match(text):
        raise ImageError(
            f'There is no file {text}. If it is a URI, give it as text: a Path makes one slash of '
            'two.'
        )
    parts = _WITH_EXTENSION.fullmatch(text)
    if parts and Path(parts[1]).is_file():
        raise ImageError(f'{text} is not a file, but {parts[1]} is one: {_instead_of(parts[2])}.')
    check_file(path, error=ImageError)
    return path


def _instead_of(brackets):
    """What to do instead of appending brackets to a path."""
    first, *others = re.findall(r'\[([^\[\]]*)\]', brackets)
    section = 'take its section as `[rows, columns]` of the image that is read'
    if ':' in first:
        return section
    name, _, version = first.partition(',')
    how = name if name.isdigit() else repr(name)
    how = f'({name!r}, {version})' if version.isdigit() else how
    extension = (
        f'give its extension by `hdu`, as {how}; on the command line by --hdu, its name or number'
    )
    return f'{extension}, and {section}' if others else extension


def is_fits(begin):
    """Whether a file with these first bytes is FITS, plain or compressed."""
    return begin.startswith(_FITS_BEGINS)


def check_kind(begin, path):
    """
    Raise an error for known formats other than FITS and pictures.

    Raises
    ------
    ImageError
        If it is one of them.
    """
    for first, kind in _OTHER_KINDS.items():
        if begin.startswith(first):
            raise ImageError(f'{path} is {kind}.')


@contextmanager
def quiet_fits():
    """Suppress warnings of astropy on unusual cards, and on truncation (see `check_whole`)."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', '.*truncated', AstropyUserWarning)
        warnings.filterwarnings('ignore', category=fits.verify.VerifyWarning)
        warnings.filterwarnings('ignore', '.*non-standard convention', AstropyUserWarning)
        yield


def check_whole(hdulist, where):
    """
    Check that a file is not truncated.

    Parameters
    ----------
    hdulist : sequence of HDU
        The HDUs. Those created in memory are skipped.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ImageError
        If the data of an HDU are incomplete.

    Warns
    -----
    AstropyUserWarning
        If only the padding of the last block of 2880 bytes is missing.
    """
    length = None
    for number, hdu in enumerate(hdulist):
        # HDUs with SIMPLE = F have none.
        place = hdu.fileinfo() if hasattr(hdu, 'fileinfo') else None
        if place is None:
            continue
        length, begin = length or _length(place['file']), place['datLoc']
        if begin + place['datSpan'] <= length:
            continue
        # A compressed image is stored as a table, with another size than the image.
        end = begin + (getattr(hdu, '_bintable', None) or hdu).size
        if end > length:
            raise ImageError(
                f'{where} is truncated: HDU {number} ends at byte {end}, the file at {length}.'
            )
        warnings.warn(
            f'The last block of {where} is not padded to 2880 bytes, but no data are missing.',
            AstropyUserWarning,
            stacklevel=2,
        )


def _length(file):
    """Size of an astropy file in bytes. Astropy does not know it for compressed files."""
    if file.size or file.closed:
        return file.size or math.inf
    place = file.tell()
    file.seek(0, os.SEEK_END)
    length = file.tell()
    file.seek(place)
    return length
