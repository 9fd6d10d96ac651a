"""`count_planes`: how many planes an image has, before any is read."""

import os

import numpy as np
from astropy.io import fits
from astropy.nddata import NDData

from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.fits.fits_files import checked_fits
from astro_wgan.images.extensions import IMAGE_HDUS, choose_hdu
from astro_wgan.images.file_checks import as_path, is_fits, quiet_fits
from astro_wgan.images.pictures import has_colors
from astro_wgan.images.planes import long_axes
from astro_wgan.remote.remote_path import RemotePath

__all__ = ['count_planes']


def count_planes(source, *, hdu=None, max_size=None, remote=None):
    """
    Number of planes of a cube, or of colors of a picture.

    Parameters
    ----------
    source, hdu, max_size, remote
        As in `~astro_wgan.images.read_image`.

    Returns
    -------
    planes : int or None
        None for a single image; `~astro_wgan.images.read_image` refuses everything else.
    is_picture : bool
        Whether the planes are the colors of a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.images.plane_count import count_planes
    >>> count_planes(np.zeros((3, 8, 8))), count_planes(np.zeros((1, 8, 8)))
    ((3, False), (None, False))
    """
    if isinstance(source, (str, bytes, os.PathLike, RemotePath)):
        return _of_file(as_path(source, remote), hdu, max_size)
    if isinstance(source, fits.HDUList):
        return _of_hdus(source, hdu, 'the HDUList'), False
    if isinstance(source, (NDData, *IMAGE_HDUS)):
        return _of_shape(np.shape(source.data)), False
    try:
        return _of_shape(np.shape(getattr(source, 'data', source))), False
    except ValueError:
        # Lists of different lengths, of which no image is made.
        return None, False


def _of_file(path, hdu, max_size):
    with path.open('rb') as file:
        if not is_fits(file.read(6)):
            file.seek(0)
            return (3, True) if has_colors(file) else (None, False)
        file.seek(0)
        try:
            checked, _ = checked_fits(file, str(path), max_size=max_size)
            with quiet_fits(), fits.open(checked, memmap=False) as hdus:
                return _of_hdus(hdus, hdu, str(path)), False
        except (ImageError, RemoteFileError, Warning):
            raise
        except Exception as error:  # astropy and decompressors raise various errors
            raise ImageError(f'{path} is truncated or no FITS image: {error}') from error


def _of_hdus(hdus, hdu, where):
    return _of_shape(choose_hdu(hdus, hdu, None, where).shape)


def _of_shape(shape):
    axes = long_axes(shape)
    return shape[axes[0]] if len(axes) == 1 else None
