"""Registration of the formats of stamps with astropy, and which of them a file has."""

from pathlib import Path

from astropy.io import registry
from astropy.io.registry import IORegistryError

from astro_wgan.exceptions import ImageError
from astro_wgan.images.file_checks import is_fits
from astro_wgan.remote.output_paths import output_path
from astro_wgan.remote.remote_path import path_of
from astro_wgan.stamp_files.described_stamps import StampHDUs
from astro_wgan.stamp_files.opened_fits import opened_fits, write_fits
from astro_wgan.stamp_files.stamp_images import (
    foreign_images,
    images_of_stamps,
    stamps_of_images,
)
from astro_wgan.stamp_files.stamp_table import foreign_table, stamps_of_table, table_of_stamps
from astro_wgan.stamps.base import Stamps
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stampstore import StampStore

__all__ = ['FORMATS', 'format_of']

#: Names of the formats.
FORMATS = ('fits', 'fits_images', 'zarr')

#: Endings of names by which the format of a new file is chosen.
_ENDINGS = {'.zarr': 'zarr', '.fits': 'fits', '.fit': 'fits', '.fits.gz': 'fits', '.fit.gz': 'fits'}


def format_of(path, method):
    """
    The format of a file that exists, or of one to be written.

    Parameters
    ----------
    path : str
    method : {'read', 'write'}

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If there is no file to read.
    astropy.io.registry.IORegistryError
        If it has no format that is known.
    """
    if method == 'write':
        name = output_path(path, 'path').name.lower()
        for ending, known in _ENDINGS.items():
            if name.endswith(ending):
                return known
        raise IORegistryError(
            f'The name of the file, {path}, must end in {", ".join(_ENDINGS)}, or `format` be one '
            f'of {", ".join(map(repr, FORMATS))}.'
        )
    found = path_of(path, None)
    if isinstance(found, Path) and found.is_dir():
        if (found / 'zarr.json').exists():
            return 'zarr'
        raise IORegistryError(
            f'{path} is a folder, but no store of stamps. Folders of FITS files are read by '
            '`StampSet.from_files`.'
        )
    with found.open('rb') as file:
        if is_fits(file.read(512)):
            return 'fits'
    raise IORegistryError(f'{path} is neither a FITS file nor a store of stamps.')


def _read_fits(path, *, max_size=None):
    """
    Read stamps from a FITS file, with one table of stamps or an image for each.

    Parameters
    ----------
    path : path-like
    max_size : number, optional
        Maximum number of bytes of memory.

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    with opened_fits(path, max_size=max_size) as hdulist:
        if StampHDUs.are_in(hdulist):
            parts = StampHDUs(hdulist, str(path))
            if 'columns' in parts.about:
                return stamps_of_table(parts)
            return stamps_of_images(parts, hdulist)
        stamps = foreign_table(hdulist)
        if stamps is None:
            stamps = foreign_images(hdulist, max_size=max_size)
        if stamps is None:
            raise ImageError(f'{path} has neither a table with a column of images nor images.')
        return stamps


def _write_table(stamps, path, *, overwrite=False):
    """
    Write stamps as one FITS table, with a row for each.

    Parameters
    ----------
    stamps : `~astro_wgan.stamps.Stamps`
    path : path-like
    overwrite : bool, optional
        Whether a file is replaced.
    """
    write_fits(table_of_stamps(stamps[:]), path, overwrite=overwrite)


def _write_images(stamps, path, *, overwrite=False):
    """
    Write stamps as a FITS file with an image for each, and its mask and uncertainty.

    Parameters
    ----------
    stamps : `~astro_wgan.stamps.Stamps`
    path : path-like
    overwrite : bool, optional
        Whether a file is replaced.
    """
    write_fits(images_of_stamps(stamps[:]), path, overwrite=overwrite)


def _read_store(path, *, max_size=None):
    """
    Read all stamps of a `~astro_wgan.StampStore`.

    Parameters
    ----------
    path : path-like
    max_size : number, optional
        Maximum number of bytes of memory.

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    return StampStore.open(path, max_size=max_size)[:]


def _write_store(stamps, path, *, overwrite=False, **options):
    """
    Write stamps to a `~astro_wgan.StampStore`.

    Parameters
    ----------
    stamps : `~astro_wgan.stamps.Stamps`
    path : path-like
    overwrite : bool, optional
        Whether a store is replaced.
    **options
        ``chunk``, ``shard`` and ``compression`` of `StampStore.create`.
    """
    StampStore.from_stamps(path, stamps, overwrite=overwrite, **options).close()


def _is_fits(origin, path, file, *args, **options):
    if origin == 'write':
        return path is not None and str(path).lower().endswith(('.fits', '.fit', '.fits.gz'))
    if file is None:
        return False
    at = file.tell()
    begin = file.read(512)
    file.seek(at)
    return is_fits(begin)


def _is_store(origin, path, file, *args, **options):
    return path is not None and str(path).lower().endswith('.zarr')


registry.register_reader('fits', StampSet, _read_fits)
registry.register_reader('fits_images', StampSet, _read_fits)
registry.register_reader('zarr', StampSet, _read_store)
registry.register_writer('fits', Stamps, _write_table)
registry.register_writer('fits_images', Stamps, _write_images)
registry.register_writer('zarr', Stamps, _write_store)
for _class in (Stamps, StampSet):
    registry.register_identifier('fits', _class, _is_fits)
    registry.register_identifier('zarr', _class, _is_store)
