"""`has_pattern` and `matching_uris`: URIs with ``*``, and the files that they stand for."""

from astro_wgan.exceptions import RemoteFileError
from astro_wgan.remote.remote_path import RemotePath
from astro_wgan.remote.uris import has_own_query, is_chain, is_http, is_uri, local_path, shown

__all__ = ['has_pattern', 'matching_uris']

_ANY = '*'


def has_pattern(source):
    """
    Whether a URI has a ``*`` that stands for any text.

    Parameters
    ----------
    source : str

    Returns
    -------
    bool
        False for paths, for ``file://`` URIs, which are paths, and for a ``*`` in a query.

    Examples
    --------
    >>> from astro_wgan.remote.uri_patterns import has_pattern
    >>> has_pattern('s3://bucket/tile*.fits'), has_pattern('https://host/a.fits?key=*')
    (True, False)
    """
    if not is_uri(source) or local_path(source) is not None:
        return False
    return _ANY in (shown(source) if has_own_query(source) else source)


def matching_uris(pattern, remote):
    """
    URIs of the files that a pattern matches, in the order of their names.

    Parameters
    ----------
    pattern : str
        With ``*``, also in folders; other signs have the meaning that they have in
        ``fsspec.AbstractFileSystem.glob``.
    remote : `~astro_wgan.images.RemoteFiles`
        How files are read.

    Returns
    -------
    list of str
        None if there is no such file.

    Raises
    ------
    ValueError
        If files at such URIs cannot be listed.
    RemoteFileError
        If the file system refuses to list them, or does not answer.
    """
    start, _, rest = pattern.partition(_ANY)
    start, _, name = start.rpartition('/')
    if is_chain(pattern) or is_http(pattern) or start.endswith(('/', ':')):
        raise ValueError(
            f'The pattern {shown(pattern)} cannot be expanded: by HTTP, in chains of file systems '
            'and among buckets there are no lists of files. Give the URI of each file.'
        )
    folder = RemotePath(start, remote)
    try:
        found = folder.glob(f'{name}{_ANY}{rest}', refused=False)
    except RemoteFileError as error:
        if not error.is_refused:
            raise
        raise RemoteFileError(
            f'The pattern {shown(pattern)} cannot be expanded: {error} A bucket whose files may be '
            'read may not be listed: give the URI of each file.'
        ) from None
    return sorted(each.uri for each in found)
