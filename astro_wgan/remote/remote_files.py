"""`RemoteFiles`: how files at URIs are read: sections or all, credentials, repetitions, waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers

__all__ = ['RemoteFiles', 'as_remote_files']

_READ = ('sections', 'whole')

#: A block holds at least a header of FITS.
_LEAST_BLOCK = 2880


@dataclass(frozen=True)
class RemoteFiles:
    """
    How files at URIs, such as ``s3://`` and ``https://``, are read.

    Parameters
    ----------
    read : {'sections', 'whole'}, optional
        If few stamps are wanted of a FITS image that is not compressed as a file (``.gz``), read
        the blocks with their pixels; or always the whole image. Sections are read where that is
        much less than the image.
    block_size : int, optional
        Bytes of a block, the least that is requested. Rows of a stamp that are farther apart are
        read without what lies between; large blocks are better if an answer takes long.
    retries : int, optional
        How often a request is repeated after a cut connection, no answer in time, or an error of
        the server (HTTP status 408, 425, 429, or 500 and above).
    wait : float, optional
        Seconds before the first repetition; twice as many before each further one, at most 60.
    timeout : float, optional
        Seconds until a server that does not answer, or stops in the middle, has failed; for
        ``s3://`` and ``http(s)://``.
    anonymous : bool, optional
        Read public buckets without credentials. By default, credentials are those of the
        environment, as the package for the protocol finds them.
    storage_options : dict, optional
        Further options of the file system of fsspec, such as ``{'endpoint_url': ...}`` or
        ``{'key': ..., 'secret': ...}`` of s3fs, and ``{'headers': ...}`` of HTTP. They are not
        shown, nor written anywhere.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan.images import RemoteFiles, read_image
    >>> public = RemoteFiles(anonymous=True, retries=8)
    >>> image = read_image('s3://bucket/tile.fits', remote=public)  # doctest: +SKIP
    """

    read: str = 'sections'
    block_size: int = 2**16
    retries: int = 4
    wait: float = 0.5
    timeout: float = 30.0
    anonymous: bool = False
    storage_options: Mapping | None = field(default=None, repr=False)

    def __post_init__(self):
        if self.read not in _READ:
            raise ValueError(f"`read` must be 'sections' or 'whole'; got {self.read!r}.")
        check_whole_numbers(self, {'block_size': _LEAST_BLOCK, 'retries': 0})
        check_finite_numbers(self, ['wait', 'timeout'])
        if self.wait < 0:
            raise ValueError(f'`wait` must be 0 s or more; got {self.wait!r}.')
        if self.timeout <= 0:
            raise ValueError(f'`timeout` must be above 0 s; got {self.timeout!r}.')
        if not isinstance(self.anonymous, bool):
            raise ValueError(f'`anonymous` must be True or False; got {self.anonymous!r}.')
        if self.storage_options is not None and not isinstance(self.storage_options, Mapping):
            # Without the value, which may hold a secret.
            raise ValueError(
                '`storage_options` must be a dictionary, as of fsspec; got '
                f'{type(self.storage_options).__name__}.'
            )


def as_remote_files(remote):
    """
    The options of files at URIs, by default those of `RemoteFiles`.

    Parameters
    ----------
    remote : `RemoteFiles` or None

    Returns
    -------
    `RemoteFiles`

    Raises
    ------
    TypeError
        If it is something else.
    """
    if remote is None:
        return RemoteFiles()
    if not isinstance(remote, RemoteFiles):
        raise TypeError(f'`remote` must be a RemoteFiles, or None; got {type(remote).__name__}.')
    return remote
