"""`ReadStamps` and `WriteStamps`: reading and writing of stamps by the registry of astropy."""

import os
from importlib import import_module

from astropy.io.registry import IORegistryError, UnifiedReadWrite

__all__ = ['ReadStamps', 'WriteStamps']

#: Module that registers the formats, which is imported when they are first asked for: it needs
#: stores and images, which need stamps.
_REGISTRATION = 'astro_wgan.stamp_files.stamp_formats'


class _StampFormats(UnifiedReadWrite):
    """What reading and writing have in common: formats are registered when they are needed."""

    def __init__(self, instance, cls, method):
        super().__init__(instance, cls, method)
        self._formats = import_module(_REGISTRATION)

    def _format_of(self, path, given):
        if given is not None:
            known = self._formats.FORMATS
            if given not in known:
                raise IORegistryError(
                    f'`format` must be one of {", ".join(map(repr, known))}; got {given!r}.'
                )
            return given
        return self._formats.format_of(path, self._method_name)


class ReadStamps(_StampFormats):
    """
    Read stamps from a file.

    Parameters
    ----------
    path : path-like
        A FITS file with one table of stamps, or with an image for each, or the folder of a
        `~astro_wgan.StampStore`.
    format : {'fits', 'fits_images', 'zarr'}, optional
        By default it is recognized by its content.
    max_size : number, optional
        Maximum number of bytes of memory; by default a quarter of that of the machine.

    Returns
    -------
    `~astro_wgan.StampSet`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    astropy.io.registry.IORegistryError
        If it has none of these formats.
    astro_wgan.exceptions.ImageError, astro_wgan.exceptions.StampStoreError
        If it is truncated, damaged, larger than allowed, or has no stamps.

    Notes
    -----
    Both kinds of FITS files may come from elsewhere. A table must have a column of images, called
    ``pixels``, ``stamp``, ``image`` or ``cutout``; images may have masks and uncertainties beside
    them, as :doc:`/reference/formats` describes.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.testing import make_stamps
    >>> path = mkdtemp() + '/stamps.fits'
    >>> make_stamps(5).write(path)
    >>> StampSet.read(path)
    <StampSet: 5 stamps of 32 x 32 pixels, float32, unit nJy>
    """

    def __init__(self, instance, cls):
        super().__init__(instance, cls, 'read')

    def __call__(self, path, *, format=None, **options):  # noqa: A002
        """Read the stamps."""
        path = os.fspath(path)
        return self.registry.read(
            self._cls, path, format=self._format_of(path, format), cache=False, **options
        )


class WriteStamps(_StampFormats):
    """
    Write the stamps to a file.

    Parameters
    ----------
    path : path-like
        A file, or for zarr a folder, that does not exist.
    format : {'fits', 'fits_images', 'zarr'}, optional
        One FITS table with a row for each stamp; a FITS image for each; or a
        `~astro_wgan.StampStore`. By default ``'zarr'`` for names that end in .zarr, and ``'fits'``
        for those that end in .fits, .fit, .fits.gz.
    overwrite : bool, optional
        Whether a file of that name is replaced.

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that may not be replaced.
    astropy.io.registry.IORegistryError
        If there is no such format, or the name does not say which.
    TypeError
        If a column of the table, or the ``meta``, cannot be written.
    ValueError
        If the unit cannot be read again from its name.

    Notes
    -----
    `StampSet.read` restores all attributes of a set. :doc:`/reference/saved_files` describes what
    other programs find in the files.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astropy.table import QTable
    >>> from astro_wgan.testing import make_stamps
    >>> path = mkdtemp() + '/stamps.fits'
    >>> make_stamps(5).write(path, format='fits')
    >>> QTable.read(path, hdu='STAMPS')['pixels'].shape
    (5, 32, 32)
    """

    def __init__(self, instance, cls):
        super().__init__(instance, cls, 'write')

    def __call__(self, path, *, format=None, **options):  # noqa: A002
        """Write the stamps."""
        path = os.fspath(path)
        self.registry.write(self._instance, path, format=self._format_of(path, format), **options)
