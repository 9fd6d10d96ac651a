"""`filesystem_of`: the file system of fsspec for a URI, with the options of the caller."""

from collections.abc import Mapping

from astro_wgan.exceptions import ImageError
from astro_wgan.optional import import_optional
from astro_wgan.remote.answered_ranges import check_answered_range
from astro_wgan.remote.uris import is_chain, shown

__all__ = ['filesystem_of']


def filesystem_of(uri, remote):
    """
    The file system of a URI, and the path in it.

    Parameters
    ----------
    uri : str
    remote : `~astro_wgan.images.RemoteFiles`
        In a chain of file systems, only its ``storage_options`` are used, by protocol, as fsspec
        does.

    Returns
    -------
    `fsspec.AbstractFileSystem`
    str

    Raises
    ------
    ImportError
        If the package for the protocol is not installed.
    ImageError
        If there is no such protocol.
    """
    start, colon, rest = uri.partition(':')
    # Of which fsspec knows no capital letters.
    protocol = start.lower()
    options = dict(remote.storage_options or {})
    import_optional('fsspec', purpose='URIs need')
    from fsspec.core import url_to_fs

    if not is_chain(uri) and protocol in _OPTIONS:
        options = _joined(_OPTIONS[protocol](remote), options)
    try:
        filesystem, path = url_to_fs(protocol + colon + rest, **options)
    except ImportError as error:
        raise ImportError(f'{protocol}:// cannot be read: {error}') from error
    except ValueError as error:
        if 'rotocol' not in str(error):
            raise
        raise ImageError(
            f'{shown(uri)} has the protocol {protocol!r}, which fsspec does not know.'
        ) from None
    if protocol in _S3:
        # Requests are repeated and counted here.
        filesystem.retries = 1
    return filesystem, path


def _s3(remote):
    import_optional('s3fs', purpose='URIs of s3:// need')
    seconds = {'connect_timeout': remote.timeout, 'read_timeout': remote.timeout}
    return {
        'anon': remote.anonymous,
        'config_kwargs': {**seconds, 'retries': {'max_attempts': 0}},
    }


def _http(remote):
    aiohttp = import_optional('aiohttp', purpose='URIs of https:// and http:// need')
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=remote.timeout, sock_read=remote.timeout
    )
    # Of parts of files, fsspec examines neither which they are nor how long. Other answers are as
    # without it: statuses of errors are left to fsspec.
    client = {'timeout': timeout, 'raise_for_status': check_answered_range}
    # Ranges are those of the file, not of what a server makes of it on the way.
    return {'client_kwargs': client, 'headers': {'Accept-Encoding': 'identity'}}


def _google(remote):
    return {'token': 'anon'} if remote.anonymous else {}


def _azure(remote):
    return {'anon': True} if remote.anonymous else {}


_S3 = ('s3', 's3a')

#: Options of file systems by protocol, from those of `RemoteFiles`.
_OPTIONS = {
    **dict.fromkeys(_S3, _s3),
    **dict.fromkeys(('http', 'https'), _http),
    **dict.fromkeys(('gs', 'gcs'), _google),
    **dict.fromkeys(('az', 'abfs', 'abfss', 'adl'), _azure),
}


def _joined(own, given):
    """Options in which those of the caller come first, also in dictionaries."""
    joined = {**own, **given}
    for name, value in own.items():
        if isinstance(value, Mapping) and isinstance(given.get(name), Mapping):
            joined[name] = _joined(value, given[name])
    return joined
