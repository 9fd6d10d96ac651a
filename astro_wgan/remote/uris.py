"""URIs as text: whether a source is one, what may be shown of it, and the name of its file."""

import os
import re
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

__all__ = ['has_own_query', 'is_chain', 'is_http', 'is_uri', 'local_path', 'name_of', 'shown']

#: ``s3://``, and chains of fsspec such as ``simplecache::s3://``.
_URI = re.compile(r'(?:[a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]+://', re.IGNORECASE)

#: What may hold credentials: a user before the host, and a query or fragment at the end.
_USER = re.compile(r'://[^/?#]*@')
_QUERY = re.compile(r'[?#].*', re.DOTALL)


def is_uri(source):
    """
    Whether a source is a URI rather than a path.

    Parameters
    ----------
    source : object

    Returns
    -------
    bool
        False for everything but text, bytes and paths.

    Examples
    --------
    >>> from astro_wgan.remote.uris import is_uri
    >>> is_uri('s3://bucket/tile.fits'), is_uri('tiles/a.fits'), is_uri(r'C:/a.fits')
    (True, False, False)
    """
    if not isinstance(source, (str, bytes, os.PathLike)):
        return False
    return _URI.match(os.fsdecode(source)) is not None


def shown(source):
    """
    A path or URI as it may be shown and written: without user, password, query and fragment.

    Parameters
    ----------
    source : str, bytes or path-like

    Returns
    -------
    str

    Examples
    --------
    >>> from astro_wgan.remote.uris import shown
    >>> shown('https://me:secret@host/a.fits?X-Amz-Signature=0f3')
    'https://host/a.fits'
    >>> shown('tiles/a.fits')
    'tiles/a.fits'
    """
    text = os.fsdecode(source)
    if not is_uri(text):
        return text
    return '::'.join(_QUERY.sub('', _USER.sub('://', part)) for part in text.split('::'))


def is_http(uri):
    """Whether it is read by HTTP, where a query is no part of the name of a file."""
    return _last_part(uri).lower().startswith(('http://', 'https://'))


def is_chain(uri):
    """Whether it is a chain of several file systems, as of fsspec."""
    return '::' in uri


def has_own_query(uri):
    """Whether it is an address with a query, as of signed ones, which holds for one file only."""
    return is_http(uri) and '?' in uri


def local_path(uri):
    """The path of a ``file://`` URI on this machine; None for all others."""
    if is_chain(uri) or not uri.lower().startswith('file://'):
        return None
    parts = urlsplit(uri)
    host = '' if parts.netloc in ('', 'localhost') else f'//{parts.netloc}'
    return url2pathname(host + _QUERY.sub('', uri.partition('://')[2][len(parts.netloc) :]))


def name_of(source):
    """
    The name of the file at a path or URI, without folder and query.

    Parameters
    ----------
    source : str, bytes or path-like

    Returns
    -------
    str

    Examples
    --------
    >>> from astro_wgan.remote.uris import name_of
    >>> name_of('https://host/tiles/g%20band.fits?signature=0f3')
    'g band.fits'
    """
    text = os.fsdecode(source)
    if not is_uri(text):
        return os.path.basename(text)
    # Of ``zip://a.fits::s3://bucket/b.zip`` the file in the archive.
    first = next(part for part in text.split('::') if '://' in part)
    name = shown(first).partition('://')[2].rstrip('/').rpartition('/')[2]
    return unquote(name) if is_http(uri=text) else name


def _last_part(uri):
    return uri.rpartition('::')[2]
