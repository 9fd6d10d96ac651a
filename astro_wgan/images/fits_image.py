"""`FitsImage`: one image of a FITS file with mask and uncertainty, as a whole or in sections."""

from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import NDData, StdDevUncertainty

from astro_wgan.astrometry.celestial_wcs import celestial_wcs, has_celestial, read_wcs
from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.files.limits import check_size, largest_size
from astro_wgan.fits.compressed_tiles import guarded_decoders
from astro_wgan.fits.fits_files import checked_fits
from astro_wgan.fits.header_checks import bytes_of_pixel
from astro_wgan.fits.headers import inherited_header, without_pixel_cards
from astro_wgan.fits.wcs_cards import header_without_wcs
from astro_wgan.images.extensions import choose_hdu, describe_hdus, holds_image, named_part
from astro_wgan.images.file_checks import as_path, check_whole, is_fits, quiet_fits
from astro_wgan.images.layouts.file_companions import file_companions, given_path
from astro_wgan.images.layouts.file_layout import find_layout
from astro_wgan.images.layouts.survey_layouts import ZERO_POINT_CARD
from astro_wgan.images.layouts.uncertainty_check import warn_of_another_kind
from astro_wgan.images.layouts.zero_point_cards import zero_point_of
from astro_wgan.images.pixel_planes import PixelPlane
from astro_wgan.images.pixel_values import PixelValues, has_signed_bytes
from astro_wgan.images.planes import JUDGED, plane_index
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.units.bunit import read_unit
from astro_wgan.validation.real_numbers import as_float

__all__ = ['FitsImage', 'image_of_hdus', 'open_fits_image']

#: Overhead of reading a section or row with astropy, in pixels.
_WORK_OF_CALL = 5_000

#: First bytes that tell the format of a file.
_BEGIN = 6


@contextmanager
def open_fits_image(file, path, options=None):
    """
    Open an image of a FITS file, and the files beside it that its layout names.

    Parameters
    ----------
    file : binary file
        Open file. If given a path, astropy would leave the file open on errors.
    path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
        Name of the file.
    options : `~astro_wgan.images.read_options.ReadOptions`, optional
        What to read.

    Yields
    ------
    `FitsImage`

    Raises
    ------
    ImageError
        If there is no image, or it is truncated, also when it is read.
    """
    options = ReadOptions() if options is None else options
    with ExitStack() as stack:
        try:
            hdulist, largest_tile = _opened(stack, file, str(path), options.max_size)
            # Headers of which texts are not quoted are read after a correction.
            try:
                found = find_layout(hdulist, path, options, str(path))
            except fits.VerifyError:
                _quote_texts(hdulist)
                found = find_layout(hdulist, path, options, str(path))
            others, largest = _open_others(stack, hdulist, found, options)
            stack.enter_context(guarded_decoders(max(largest_tile, largest)))
            given = {'others': others, 'is_own': True}
            try:
                image = FitsImage(hdulist, options, str(path), found, **given)
            except fits.VerifyError:
                _quote_texts(hdulist)
                image = FitsImage(hdulist, options, str(path), found, **given)
            yield image
        except (ImageError, FileNotFoundError, RemoteFileError, Warning):
            raise
        except Exception as error:  # astropy and decompressors raise various errors
            raise ImageError(f'{path} is truncated or not a FITS image: {error}') from error


@contextmanager
def image_of_hdus(hdulist, options, where):
    """
    An image of HDUs that the caller has opened or made.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList` or list of HDU
    options : `~astro_wgan.images.read_options.ReadOptions`
        What to read.
    where : str
        What to call it in messages.

    Yields
    ------
    `FitsImage`

    Raises
    ------
    ImageError
        If there is no image.
    """
    name = hdulist.filename() if isinstance(hdulist, fits.HDUList) else None
    path = Path(name) if isinstance(name, str) and Path(name).is_file() else None
    with ExitStack() as stack:
        stack.enter_context(quiet_fits())
        try:
            found = find_layout(hdulist, path, options, where)
            others, largest = _open_others(stack, hdulist, found, options)
            stack.enter_context(guarded_decoders(max(largest, largest_size())))
            yield FitsImage(hdulist, options, where, found, others=others)
        except fits.VerifyError as error:
            raise ImageError(f'A header of {where} cannot be read: {error}') from error


def _opened(stack, file, where, max_size):
    """HDUs of an open file, which close with the stack, and the size of the largest tile."""
    file, largest_tile = checked_fits(file, where, max_size=max_size)
    stack.enter_context(quiet_fits())
    # Pages of a memory map would count as used memory.
    hdulist = stack.enter_context(fits.open(file, memmap=False))
    if any(has_signed_bytes(other.header) for other in hdulist):
        file.seek(0)
        # Astropy fails on blank signed bytes unless they are converted to floats.
        hdulist = stack.enter_context(fits.open(file, memmap=False, uint=False))
    return hdulist, largest_tile


def _open_others(stack, hdulist, found, options):
    """HDUs of siblings and of files that the caller gives, by path, and the largest tile."""
    given = {
        name: given_path(value, hdulist, options.remote) for name, value in options.given().items()
    }
    paths = [*found.siblings.values(), *(path for path in given.values() if path is not None)]
    others, largest = {}, 0
    for path in dict.fromkeys(paths):
        name = next((name for name, other in given.items() if other == path), None)
        if name is not None and not path.exists():
            raise FileNotFoundError(
                f'`{name}` must be an array, a file, or an HDU of the image, which has: '
                f'{", ".join(describe_hdus(hdulist))}; got {str(path)!r}.'
            )
        file = stack.enter_context(as_path(path).open('rb'))
        if not is_fits(file.read(_BEGIN)):
            raise ImageError(f'{path} is no FITS file.')
        file.seek(0)
        try:
            others[path], tile = _opened(stack, file, str(path), options.max_size)
        except (ImageError, RemoteFileError, Warning):
            raise
        except Exception as error:  # astropy and decompressors raise various errors
            raise ImageError(f'{path} is truncated or not a FITS image: {error}') from error
        check_whole(others[path], str(path))
        largest = max(largest, tile)
    return others, largest


def _quote_texts(hdulist):
    """Quote unquoted text values, which astropy would end at their first slash."""
    for header in (hdu.header for hdu in hdulist):
        for place, card in enumerate(header.cards):
            try:
                _ = card.value
            except fits.VerifyError:
                # The card as in the file; `image` would be modified.
                text = card._image.partition('=')[2].partition(' /')[0].strip()
                del header[place]
                header.insert(place, (card.keyword, text))


class FitsImage:
    """
    One image of a FITS file, of which any section can be read.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList` or list of HDU
        All HDUs of the file.
    options : `~astro_wgan.images.read_options.ReadOptions`
        What to read.
    where : str
        Name of the file, for messages.
    found : `~astro_wgan.images.layouts.file_layout.FileLayout`
        Layout of the file.
    others : dict of list of HDU, optional
        HDUs of other files, by path.
    is_own : bool, optional
        Whether the HDUs were opened here, and not passed by the user.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)``.
    unit : unit or None
    wcs : `~astropy.wcs.WCS` or None
    meta : `~astropy.io.fits.Header`
        Header with inherited cards and what was used, without WCS.

    Raises
    ------
    ImageError
        As in `~astro_wgan.images.read_image`.
    """

    def __init__(self, hdulist, options, where, found, *, others=None, is_own=False):
        check_whole(hdulist, where)
        layout = found.layout
        chosen = choose_hdu(hdulist, options.hdu, options.plane, where, layout=layout)
        self._where, self._is_own = where, is_own
        self.shape = chosen.shape[-2:]
        self._max_size = options.max_size
        primary = hdulist[0].header if hdulist[0] is not chosen else None
        # Before data are read, since astropy then removes the cards of their scaling.
        header = inherited_header(chosen.header, primary)
        is_image = named_part(chosen, layout).role is None
        self.unit = read_unit(header, where, default=layout.unit if is_image else None)
        values = PixelValues.of(chosen.header, where, asinh=layout.asinh)
        wcs = read_wcs(chosen.header, hdulist, where)
        self.wcs = celestial_wcs(wcs, self.shape)
        index = plane_index(chosen.shape, options.plane)
        self._image = PixelPlane(chosen, chosen.name, '', where, index, is_own, values)
        self._companions = file_companions(
            self._image,
            found,
            options,
            hdulist=hdulist,
            others=others or {},
            unit=self.unit,
            is_own=is_own,
        )
        self._needed = prod(self.shape) * sum(map(_bytes, (self._image, *self._companions)))
        zero_point = None
        if is_image:
            zero_point = zero_point_of(layout, header, self.unit, where, hdulist)
        if wcs is None or has_celestial(wcs):
            header = header_without_wcs(header)
        self.meta = without_pixel_cards(header)
        values.describe(self.meta)
        self._say_what_was_taken(hdulist, found, zero_point)

    def check_size(self):
        """Raise an error if the whole image would take more memory than allowed."""
        if self._is_own:
            where = f'The image in {self._where}'
            check_size(self._needed, where, max_size=self._max_size, error=ImageError)

    def read(self):
        """
        Read the whole image.

        Returns
        -------
        `~astropy.nddata.NDData`
            Pixels, mask and standard deviation.
        """
        pixels, mask, deviation = self.read_arrays()
        self._companions.check_usable(mask, self._where)
        if deviation is None:
            # One that is nowhere known has been left out.
            self.meta.remove('HDUUNC', ignore_missing=True)
        else:
            warn_of_another_kind(pixels, mask, deviation, self._companions)
        return NDData(
            pixels,
            unit=self.unit,
            wcs=self.wcs,
            mask=mask,
            uncertainty=None if deviation is None else StdDevUncertainty(deviation),
            meta=self.meta,
        )

    def read_arrays(self, rows=slice(None), columns=slice(None)):
        """
        Read a section of the image, or all of it.

        Parameters
        ----------
        rows, columns : slice, optional
            With start and stop, or neither.

        Returns
        -------
        pixels : `~numpy.ndarray` of float
        mask : `~numpy.ndarray` of bool, or None
            True for unusable pixels according to masks, weights or uncertainties.
        deviation : `~numpy.ndarray`, or None
            Standard deviation.
        """
        part = rows, columns
        pixels = as_float(self._image.read(part), 'source')
        return pixels, *self._companions.read(part)

    @property
    def has_uncertainty(self):
        """Whether the uncertainty of its pixels is known."""
        return self._companions.uncertainty is not None

    @property
    def is_compressed(self):
        """Whether it, or what accompanies it, is compressed in tiles."""
        return any(plane.tile_shape is not None for plane in (self._image, *self._companions))

    @property
    def rows_of_tile(self):
        """Rows that have to be read together, since the image or its mask is compressed."""
        tiles = [plane.tile_shape for plane in (self._image, *self._companions)]
        return max(1 if tile is None else tile[0] for tile in tiles)

    def work_of_part(self, shape):
        """Approximate work of reading a section, relative to reading the whole image."""
        work, planes = 0, [self._image, *self._companions]
        for plane in planes:
            block = plane.block_size
            if plane.tile_shape is None and block is not None:
                size = abs(plane.bitpix) // 8
                work += shape[0] * min(self.shape[1], shape[1] + block / size) + block / size
            elif plane.tile_shape is not None:
                tiles = [
                    (edge + tile - 2) // tile + 1
                    for edge, tile in zip(shape, plane.tile_shape, strict=True)
                ]
                work += _WORK_OF_CALL + np.prod(tiles) * np.prod(plane.tile_shape)
            else:
                work += shape[0] * (_WORK_OF_CALL + shape[1])
        return work / (len(planes) * np.prod(self.shape))

    def warn_of_bits(self):
        """Warn of mask bits that are set, but whose meaning is unknown."""
        self._companions.warn_of_bits()

    def _say_what_was_taken(self, hdulist, found, zero_point):
        texts = dict(zip(map(id, hdulist), describe_hdus(hdulist), strict=True))
        used = {id(plane.pixels) for plane in (self._image, *self._companions)}
        said = {
            'LAYOUT': found.layout.name,
            'HDU': texts[id(self._image.pixels)],
            **self._companions.describe(),
            'HDULEFT': ', '.join(
                texts[id(hdu)] for hdu in hdulist if holds_image(hdu) and id(hdu) not in used
            ),
            'HDUMISS': ', '.join(found.missing),
            ZERO_POINT_CARD: zero_point,
        }
        for key in (*said, JUDGED):
            # They may exist in images that were written by this package.
            self.meta.remove(key, ignore_missing=True, remove_all=True)
        self.meta.update({key: value for key, value in said.items() if value not in ('', None)})


def _bytes(plane):
    """Approximate memory per pixel while the whole image is read."""
    stored = abs(plane.bitpix) // 8
    # Floats are read and converted to native byte order in strips; arrays are in memory already.
    is_once = plane.bitpix <= 0 and plane.tile_shape is None
    return stored + 1 if is_once else bytes_of_pixel(stored)
