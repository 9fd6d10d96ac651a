"""`PixelPlane`: the pixels of an HDU or an array, of which any section can be read."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.images.pixel_values import PixelValues
from astro_wgan.remote.range_files import range_file_of

__all__ = ['WHOLE', 'PixelPlane']

#: Rows and columns of a whole image.
WHOLE = (slice(None), slice(None))

#: Pixels that are read at a time.
_STRIP = 2**19


@dataclass(frozen=True, eq=False)
class PixelPlane:
    """
    A plane of an HDU or an array.

    Attributes
    ----------
    pixels : HDU or `~numpy.ndarray`
        Where the pixels are.
    name : str
        What to call it in messages.
    label : str
        What to call it in the description of an image.
    where : str
        Name of its file, for errors.
    index : tuple of int
        Index along axes before the last two, of which it may have fewer.
    is_own : bool
        Whether the HDU was opened by this package, and not passed by the user.
    values : `~astro_wgan.images.pixel_values.PixelValues` or None
        Conversion of stored pixels, if any.
    """

    pixels: object
    name: str
    label: str
    where: str
    index: tuple = ()
    is_own: bool = False
    values: PixelValues | None = None

    @property
    def shape(self):
        """Shape of all planes together."""
        return tuple(self.pixels.shape)

    @property
    def tile_shape(self):
        """Shape of the tiles if it is compressed, otherwise None."""
        is_compressed = isinstance(self.pixels, fits.CompImageHDU)
        return tuple(self.pixels.tile_shape[-2:]) if is_compressed else None

    @property
    def bitpix(self):
        """Bits of a stored pixel, negative for floats, and positive for an array in memory."""
        if isinstance(self.pixels, np.ndarray):
            return 0
        return self.pixels.header['BITPIX']

    @property
    def block_size(self):
        """Bytes that are read together, if its file is one at a URI; otherwise None."""
        file = None if isinstance(self.pixels, np.ndarray) else range_file_of(self.pixels)
        return None if file is None else file.block_size

    def read(self, part=WHOLE):
        """
        Read a section.

        Parameters
        ----------
        part : tuple of slice
            Rows and columns.

        Returns
        -------
        `~numpy.ndarray`

        Raises
        ------
        ImageError
            If the file is truncated or cannot be decompressed.
        """
        stored = self._stored(part)
        return stored if self.values is None else self.values(stored)

    def _stored(self, part):
        hdu = self.pixels
        # A mask may have fewer axes of length one than the image.
        index = self.index[max(0, len(self.index) - len(hdu.shape) + 2) :]
        index = (0,) * (len(hdu.shape) - 2 - len(index)) + index
        if isinstance(hdu, np.ndarray):
            return hdu[(*index, *part)]
        try:
            if not self.is_own:
                # Not its section: the data may have been changed since they were read.
                return hdu.data[(*index, *part)]
            if part != WHOLE:
                self._prefetch(index, part)
                return hdu.section[(*index, *part)]
            if isinstance(hdu, fits.CompImageHDU):
                return hdu.section[(*index, *part) if index else ...]
            return _in_strips(hdu.section, index, hdu.shape[-2:])
        except RemoteFileError:
            raise
        except Exception as error:  # what decompresses has no common class of errors
            raise ImageError(
                f'{self.where} is truncated or not a FITS image: {hdu.name} cannot be read: {error}'
            ) from error

    def _prefetch(self, index, part):
        """Read the rows of a section of a file at a URI at once, instead of one after another."""
        file = range_file_of(self.pixels)
        if file is None or self.tile_shape is not None:
            return
        shape, size = self.shape, abs(self.bitpix) // 8
        rows, columns = (range(*each.indices(n)) for each, n in zip(part, shape[-2:], strict=True))
        plane = int(np.ravel_multi_index(index, shape[:-2])) if index else 0
        begin = self.pixels.fileinfo()['datLoc']
        first = begin + size * (plane * shape[-2] * shape[-1] + columns.start)
        row = size * shape[-1]
        file.prefetch([(first + row * y, first + row * y + size * len(columns)) for y in rows])


def _in_strips(section, index, shape):
    """Read an image in native byte order, without a second copy in memory."""
    ny, nx = shape
    step = max(1, _STRIP // nx)
    native = None
    for y in range(0, ny, step):
        strip = section[(*index, slice(y, min(y + step, ny)), slice(0, nx))]
        if native is None:
            native = np.empty(shape, dtype=strip.dtype.newbyteorder('='))
        native[y : y + step] = strip
    return native
