"""`read_picture`: JPEG, PNG and other pictures as one plane of luminance or of one color."""

import threading
import warnings
from contextlib import contextmanager
from numbers import Integral

import numpy as np
from astropy.nddata import NDData
from astropy.utils.exceptions import AstropyUserWarning
from PIL import Image, UnidentifiedImageError

from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.files.limits import check_size

__all__ = ['has_colors', 'read_picture']

#: Luminance of red, green and blue: ITU-R BT.601, as Pillow's mode L, but not rounded to 8 bits.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)

_COLORS = ('red', 'green', 'blue')

#: Metadata of pictures: the first row is the top one.
_TOP_DOWN = {'origin': 'upper'}

#: Formats to read. For some others, Pillow would start programs (Ghostscript for EPS).
_FORMATS = ('BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
_NAMES = 'BMP, GIF, JPEG, JPEG 2000, PNG, PPM, TIFF and WebP'

#: Bytes of memory per pixel: up to 4 in Pillow, 4 as float, and 1 for the mask.
_BYTES_OF_PIXEL = 9

#: Pixels that are converted to luminance at a time.
_AT_A_TIME = 2**22

#: Pillow's limit on pixels is global to the process. One thread at a time lifts it.
_LIFTING = threading.Lock()

#: First bytes of TIFF files, and tags and values of their number format.
_TIFF_BEGINS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_BITS, _SAMPLE_FORMAT = 258, 339
_UNSIGNED, _SIGNED = 1, 2

#: Value to which Pillow scales the maximum of a PPM file, by mode.
_LARGEST = {'L': 255, 'I': 65535}

#: Marker of a scan in a JPEG, each of which takes as long to decode as a whole picture.
_SCAN = b'\xff\xda'
_MOST_SCANS = 200


def read_picture(file, path, *, max_size=None, plane=None):
    """
    Read a picture as NDData: gray values, luminance of colors, or one of these.

    Parameters
    ----------
    file : binary file
    path : path-like
        Its name, for errors.
    max_size : number, optional
        As for `~astro_wgan.images.read_image`.
    plane : int, optional
        Color of a picture in color: 0, 1 or 2 for red, green and blue; luminance by default.

    Raises
    ------
    ImageError
        If the format is unknown, there is no such color, or the picture is damaged or larger than
        allowed.

    Warns
    -----
    AstropyUserWarning
        If its colors have 16 bits, of which Pillow reads 8.
    """
    try:
        try:
            return _read(file, path, max_size, plane)
        except Image.DecompressionBombError:
            # The limit of Pillow may be lower than the allowed size.
            with _without_limit_of_pillow():
                return _read(file, path, max_size, plane)
    except (ImageError, RemoteFileError, Warning):
        raise
    except UnidentifiedImageError as error:
        file.seek(0)
        if file.read(4) in _TIFF_BEGINS:
            raise ImageError(
                f'{path} is damaged, or a kind of TIFF that Pillow cannot read, such as one of '
                '64-bit floats: read it with the package `tifffile` and pass the array.'
            ) from error
        raise ImageError(
            f'{path} is neither a FITS file nor a picture in a supported format: {_NAMES}.'
        ) from error
    except Exception as error:  # what Pillow raises has no common class
        raise ImageError(f'{path} cannot be read as a picture: {error}') from error


def _read(file, path, max_size, plane):
    with warnings.catch_warnings():
        # The size is checked below.
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)
        picture = Image.open(file, formats=_FORMATS)
    with picture:
        # A TIFF may have tiles larger than itself.
        sizes = picture.size, getattr(picture, '_tile_size', picture.size)
        check_size(
            _BYTES_OF_PIXEL * max(width * height for width, height in sizes),
            f'The picture in {path}',
            max_size=max_size,
            error=ImageError,
        )
        _check_scans(picture, file, path)
        return _pixels(picture, path, plane)


@contextmanager
def _without_limit_of_pillow():
    with _LIFTING:
        former, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = former


def _check_scans(picture, file, path):
    if picture.format not in ('JPEG', 'MPO'):
        return
    place = file.tell()
    file.seek(0)
    scans = file.read().count(_SCAN)
    file.seek(place)
    if scans > _MOST_SCANS:
        raise ImageError(f'{path} has {scans} scans; a JPEG may have at most {_MOST_SCANS}.')


def _pixels(picture, path, plane):
    upper = _warn_of_upper_bits(picture, path)
    _check_plane(picture, path, plane)
    if picture.mode in ('LA', 'La'):
        values, said = np.array(picture.getchannel('L')), 'gray values as stored'
    elif len(picture.getbands()) == 1 and picture.mode not in ('1', 'P'):
        values, said = _as_stored(picture), 'gray values as stored'
    elif plane is not None:
        values = np.array(picture.convert('RGB').getchannel(plane))
        said = f'{_COLORS[plane]} as stored'
    else:
        values, said = _luminance(picture), 'luminance 0.299 R + 0.587 G + 0.114 B'
    return NDData(values, meta={'pixels': said + upper, **_TOP_DOWN})


def has_colors(file):
    """Whether an open file is a picture in color: of red, green and blue, or a palette of them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as picture:
                return _is_colored(picture)
    except RemoteFileError:
        raise
    except Exception:  # what Pillow raises has no common class, and `read_picture` says what it is
        return False


def _is_colored(picture):
    return picture.mode not in ('LA', 'La', '1') and (
        len(picture.getbands()) > 1 or picture.mode == 'P'
    )


def _check_plane(picture, path, plane):
    if plane is None:
        return
    if not _is_colored(picture):
        raise ImageError(f'`plane` chooses a color; {path} is gray.')
    is_whole = isinstance(plane, Integral) and not isinstance(plane, bool)
    if not is_whole or not 0 <= plane < len(_COLORS):
        raise ImageError(
            f'`plane` of a picture must be 0, 1 or 2 for {", ".join(_COLORS)}; got {plane!r}.'
        )


def _warn_of_upper_bits(picture, path):
    """Warn if Pillow reads only 8 bits of each color, and return a note for the metadata."""
    if len(picture.getbands()) == 1:
        return ''
    settings = [tile[3] for tile in picture.tile]
    has_more = any(';16' in str(setting) for setting in settings) or (
        picture.format == 'PPM' and any(_largest_of_ppm(setting) > 255 for setting in settings)
    )
    if not has_more:
        return ''
    warnings.warn(
        f'The colors of {path} have more than 8 bits, of which Pillow reads only the upper 8. To '
        'use all of them, read the file with another package and pass the array.',
        AstropyUserWarning,
        stacklevel=2,
    )
    return ', of the upper 8 bits'


def _as_stored(picture):
    """Stored values of a picture with one channel, undoing conversions by Pillow."""
    if picture.format == 'TIFF':
        tags = picture.tag_v2
        bits, kind = (tags.get(tag, (0,))[0] for tag in (_BITS, _SAMPLE_FORMAT))
        values = np.array(picture)
        if bits == 32 and kind in (0, _UNSIGNED) and values.dtype == np.int32:
            return values.view(np.uint32)
        return values.view(np.int8) if (bits, kind) == (8, _SIGNED) else values
    if picture.format == 'PPM' and picture.mode in _LARGEST:
        # Pillow scales values to its own range.
        largest, others = _largest_of_ppm(picture.tile[0][3]), _LARGEST[picture.mode]
        values = np.array(picture)
        if largest not in (0, others):
            values = np.rint(values * (largest / others)).astype(values.dtype)
        return values
    return np.array(picture)


def _largest_of_ppm(setting):
    """Maximum possible value in a PPM file, from the decoder settings of Pillow; 0 if unknown."""
    is_told = isinstance(setting, tuple) and isinstance(setting[-1], int)
    return setting[-1] if is_told else 0


def _luminance(picture):
    pixels = np.empty((picture.height, picture.width), dtype=np.float32)
    rows = max(1, _AT_A_TIME // picture.width)
    for top in range(0, picture.height, rows):
        part = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        colors = np.asarray(part.convert('RGB'), dtype=np.float32)
        np.matmul(colors, _LUMINANCE, out=pixels[top : top + rows])
    return pixels
