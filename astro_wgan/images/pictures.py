"""Pictures: JPEG, PNG and the like, as one plane."""

import warnings

import numpy as np
from astropy.nddata import NDData
from PIL import Image, UnidentifiedImageError

from astro_wgan.exceptions import ImageError
from astro_wgan.limits import check_size

__all__ = ['read_picture']

#: Luminance of red, green and blue: ITU-R BT.601, as Pillow's mode L, but not rounded to 8 bits.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)

#: What is said of a picture beside: its first row is the top one.
_TOP_DOWN = {'origin': 'upper'}

#: Pillow reads others, too: of some it starts programs (Ghostscript for EPS).
_FORMATS = ('BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
_NAMES = 'BMP, GIF, JPEG, JPEG 2000, PNG, PPM, TIFF and WebP'

#: Bytes of a pixel in memory: up to 4 in Pillow and 4 as float, and whether it is masked.
_BYTES_OF_PIXEL = 9

#: Pixels whose colours become luminance at a time.
_AT_A_TIME = 2**22

#: Begin of a scan of a JPEG. Each may change all pixels, and takes as long as a whole picture.
_SCAN = b'\xff\xda'
_MOST_SCANS = 200


def read_picture(file, path, *, max_size=None):
    """
    A picture as NDData: its grey values, or the luminance of its colours.

    Parameters
    ----------
    file : binary file
    path : path-like
        Its name, for errors.
    max_size : number, optional
        As for `~astro_wgan.stamps.read_image`.

    Raises
    ------
    ImageError
        If it is of no known format, damaged, or larger than is allowed.
    """
    try:
        with warnings.catch_warnings():
            # Of pictures that may be too large, which is checked here.
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            picture = Image.open(file, formats=_FORMATS)
        with picture:
            check_size(
                _BYTES_OF_PIXEL * picture.width * picture.height,
                f'The picture in {path}',
                max_size=max_size,
                error=ImageError,
            )
            _check_scans(picture, file, path)
            return _pixels(picture)
    except (ImageError, Warning):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f'{path} is neither FITS nor a picture of a format that is read: {_NAMES}.'
        ) from error
    except Exception as error:  # what Pillow raises has no common class
        raise ImageError(f'{path} cannot be read as a picture: {error}') from error


def _check_scans(picture, file, path):
    if picture.format not in ('JPEG', 'MPO'):
        return
    place = file.tell()
    file.seek(0)
    scans = file.read().count(_SCAN)
    file.seek(place)
    if scans > _MOST_SCANS:
        raise ImageError(f'{path} has {scans} scans; a JPEG may have {_MOST_SCANS}.')


def _pixels(picture):
    if picture.mode in ('LA', 'La'):
        picture = picture.getchannel('L')
    if len(picture.getbands()) == 1 and picture.mode not in ('1', 'P'):
        return NDData(np.array(picture), meta={'pixels': 'grey values as stored', **_TOP_DOWN})
    pixels = np.empty((picture.height, picture.width), dtype=np.float32)
    rows = max(1, _AT_A_TIME // picture.width)
    for top in range(0, picture.height, rows):
        part = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        colors = np.asarray(part.convert('RGB'), dtype=np.float32)
        np.matmul(colors, _LUMINANCE, out=pixels[top : top + rows])
    return NDData(pixels, meta={'pixels': 'luminance 0.299 R + 0.587 G + 0.114 B', **_TOP_DOWN})
