"""`opened_fits` and `write_fits`: FITS files of stamps, checked before they are read."""

import io
import os
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.files.atomic import atomic_write
from astro_wgan.files.error_text import one_line
from astro_wgan.files.limits import check_file, check_size
from astro_wgan.fits.compressed_tiles import guarded_decoders
from astro_wgan.fits.fits_files import checked_fits
from astro_wgan.fits.header_checks import walk_hdus
from astro_wgan.remote.output_paths import output_path
from astro_wgan.remote.remote_path import path_of

__all__ = ['opened_fits', 'write_fits']

#: Memory for arrays made of a file, relative to its size.
_IN_MEMORY = 3


@contextmanager
def opened_fits(path, *, max_size=None):
    """
    Open a FITS file of stamps: errors, also of what is done with it, become sentences.

    Parameters
    ----------
    path : path-like
        It may be a URI.
    max_size : number, optional
        Maximum number of bytes of memory; see `~astro_wgan.files.limits.largest_size`.

    Yields
    ------
    `~astropy.io.fits.HDUList`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    astro_wgan.exceptions.ImageError
        If it is truncated, damaged, larger than allowed or not a FITS file.
    """
    path = path_of(path, None)
    if isinstance(path, Path):
        check_file(path, error=ImageError)
    with path.open('rb') as file, ExitStack() as opened:
        try:
            file, largest_tile = checked_fits(file, str(path), max_size=max_size)
            size = file.seek(0, io.SEEK_END)
            for hdu in walk_hdus(file, str(path)):
                if hdu.data_start + hdu.data_size > size:
                    raise ImageError(f'{path} is truncated: {hdu.where} ends after the file.')
            check_size(_IN_MEMORY * size, str(path), max_size=max_size, error=ImageError)
            file.seek(0)
            opened.enter_context(guarded_decoders(largest_tile))
            opened.enter_context(warnings.catch_warnings())
            # The last block may be incomplete.
            warnings.filterwarnings('ignore', 'File may have been truncated', AstropyUserWarning)
            hdulist = opened.enter_context(fits.open(file, memmap=False))
            yield hdulist
        except (ImageError, RemoteFileError, MemoryError):
            raise
        except Exception as error:  # astropy, decompressors and checks raise various errors
            raise ImageError(f'{path} cannot be read as stamps: {one_line(error)}') from error


def write_fits(hdus, path, *, overwrite=False):
    """
    Write extensions to a FITS file, atomically.

    Parameters
    ----------
    hdus : list of HDU
    path : path-like
        Compressed by gzip if it ends in .gz.
    overwrite : bool, optional
        Whether a file is replaced.

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that may not be replaced.
    OSError
        If the file cannot be written.
    """
    path = output_path(path, 'path')
    if os.path.lexists(path) and not (overwrite and path.is_file()):
        raise FileExistsError(
            f'{path} exists: choose another path, or set `overwrite` to True.'
            if path.is_file()
            else f'{path} exists and is no file: choose another path.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        # Its name ends as that of the file, by which astropy knows whether to compress it.
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(temporary)
