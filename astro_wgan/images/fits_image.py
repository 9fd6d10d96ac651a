"""`FitsImage`: one image of a FITS file with mask and uncertainty, as a whole or in sections."""

import warnings
from contextlib import contextmanager
from math import prod

import numpy as np
from astropy.io import fits
from astropy.nddata import NDData, StdDevUncertainty
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.astrometry.celestial_wcs import celestial_wcs, has_celestial, read_wcs
from astro_wgan.exceptions import ImageError
from astro_wgan.files.limits import check_size
from astro_wgan.fits.compressed_tiles import guarded_decoders
from astro_wgan.fits.fits_files import checked_fits
from astro_wgan.fits.header_checks import bytes_of_pixel
from astro_wgan.fits.headers import inherited_header, without_pixel_cards
from astro_wgan.fits.wcs_cards import header_without_wcs
from astro_wgan.images.companion_hdus import find_companion_hdus
from astro_wgan.images.extensions import choose_hdu, describe_hdus, holds_image
from astro_wgan.images.file_checks import check_whole, quiet_fits
from astro_wgan.images.pixel_values import PixelValues, has_signed_bytes
from astro_wgan.images.planes import JUDGED, plane_index
from astro_wgan.units.bunit import read_unit
from astro_wgan.validation.masked import joint_mask
from astro_wgan.validation.real_numbers import as_float

__all__ = ['FitsImage', 'open_fits_image']

_WHOLE = (slice(None), slice(None))

#: Pixels that are read at a time.
_STRIP = 2**19

#: Overhead of reading a section or row with astropy, in pixels.
_WORK_OF_CALL = 5_000


@contextmanager
def open_fits_image(file, path, *, hdu=None, plane=None, max_size=None):
    """
    Open an image of a FITS file.

    Parameters
    ----------
    file : binary file
        Open file. If given a path, astropy would leave the file open on errors.
    path : `~pathlib.Path`
        Name of the file.
    hdu, plane, max_size : optional
        As in `~astro_wgan.images.read_image`.

    Yields
    ------
    `FitsImage`

    Raises
    ------
    ImageError
        If there is no image, or it is truncated, also when it is read.
    """
    try:
        file, largest_tile = checked_fits(file, str(path), max_size=max_size)
        with quiet_fits(), guarded_decoders(largest_tile), _opened(file) as hdulist:
            yield _image_of(hdulist, hdu, plane, str(path), max_size)
    except (ImageError, Warning):
        raise
    except Exception as error:  # astropy and decompressors raise various errors
        raise ImageError(f'{path} is truncated or not a FITS image: {error}') from error


def _image_of(hdulist, hdu, plane, where, max_size):
    options = {'is_own': True, 'max_size': max_size}
    try:
        return FitsImage(hdulist, hdu, plane, where, **options)
    except fits.VerifyError:
        for each in hdulist:
            _quote_texts(each.header)
        return FitsImage(hdulist, hdu, plane, where, **options)


def _quote_texts(header):
    """Quote unquoted text values, which astropy would end at their first slash."""
    for place, card in enumerate(header.cards):
        try:
            _ = card.value
        except fits.VerifyError:
            # The card as in the file; `image` would be modified.
            text = card._image.partition('=')[2].partition(' /')[0].strip()
            del header[place]
            header.insert(place, (card.keyword, text))


@contextmanager
def _opened(file):
    # Pages of a memory map would count as used memory.
    with fits.open(file, memmap=False) as hdulist:
        if not any(has_signed_bytes(other.header) for other in hdulist):
            yield hdulist
            return
        file.seek(0)
        # Astropy fails on blank signed bytes unless they are converted to floats.
        with fits.open(file, memmap=False, uint=False) as hdulist:
            yield hdulist


class FitsImage:
    """
    One image of a FITS file, of which any section can be read.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList` or list of HDU
        All HDUs of the file.
    hdu, plane : optional
        As in `~astro_wgan.images.read_image`.
    where : str
        Name of the file, for messages.
    is_own : bool
        Whether the HDUs were opened here, and not passed by the user.
    max_size : optional
        As there.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)``.
    unit : unit or None
    wcs : `~astropy.wcs.WCS` or None
    meta : `~astropy.io.fits.Header`
        Header with inherited cards and the extensions that are used, without WCS.

    Raises
    ------
    ImageError
        As there.
    """

    def __init__(self, hdulist, hdu, plane, where, *, is_own=False, max_size=None):
        check_whole(hdulist, where)
        self._hdu = chosen = choose_hdu(hdulist, hdu, plane, where)
        self._index = plane_index(chosen.shape, plane)
        self._where, self._is_own, self._unnamed = where, is_own, {}
        self.shape = chosen.shape[-2:]
        self._max_size = max_size
        primary = hdulist[0].header if hdulist[0] is not chosen else None
        # Before data are read, since astropy then removes the cards of their scaling.
        header = inherited_header(chosen.header, primary)
        self.unit = read_unit(header, where)
        self._pixel_values = PixelValues.of(chosen.header, where)
        wcs = read_wcs(chosen.header, hdulist, where)
        self.wcs = celestial_wcs(wcs, self.shape)
        self._companions = find_companion_hdus(hdulist, chosen, header, self.unit, where)
        self._needed = prod(self.shape) * sum(_bytes(each) for each in (chosen, *self._companions))
        if wcs is None or has_celestial(wcs):
            header = header_without_wcs(header)
        self.meta = without_pixel_cards(header)
        self._pixel_values.describe(self.meta)
        self._say_what_was_taken(hdulist)

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
        if mask is not None and mask.all():
            names = ', '.join(hdu.name for hdu in self._companions)
            raise ImageError(
                f'The image in {self._where} has no usable pixel according to {names}.'
            )
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
        pixels = as_float(self._pixel_values(self._values(self._hdu, part)), 'source')
        mask = None
        for hdu, bits in self._companions.masks:
            values = self._values(hdu, part)
            self._unnamed[hdu] = self._unnamed.get(hdu, 0) | bits.unknown(values)
            mask = joint_mask(mask, bits.is_bad(values))
        for hdu in self._companions.weights:
            # Not `<= 0`, so that NaN is masked, too.
            mask = joint_mask(mask, ~(self._values(hdu, part) > 0))
        deviation = self._deviation(part)
        if deviation is not None and self._companions.uncertainty.name != 'UNCERT':
            unusable = ~((deviation > 0) & np.isfinite(deviation))
            if part == _WHOLE and unusable.all():
                self._warn_of_uncertainty()
                return pixels, mask, None
            mask = joint_mask(mask, unusable)
        return pixels, mask, deviation

    def work_of_part(self, shape):
        """Approximate work of reading a section, relative to reading the whole image."""
        work, hdus = 0, [self._hdu, *self._companions]
        for hdu in hdus:
            if isinstance(hdu, fits.CompImageHDU):
                tiles = [
                    (edge + tile - 2) // tile + 1
                    for edge, tile in zip(shape, hdu.tile_shape[-2:], strict=True)
                ]
                work += _WORK_OF_CALL + np.prod(tiles) * np.prod(hdu.tile_shape)
            else:
                work += shape[0] * (_WORK_OF_CALL + shape[1])
        return work / (len(hdus) * np.prod(self.shape))

    def warn_of_bits(self):
        """Warn of mask bits that are set, but whose meaning is unknown."""
        for hdu, bits in self._unnamed.items():
            if bits:
                numbers = [str(k) for k in range(bits.bit_length()) if bits >> k & 1]
                warnings.warn(
                    f'Bits {", ".join(numbers)} of {hdu.name} of {self._where} are set, but '
                    'their meaning is unknown: only pixels with bit 0 are masked.',
                    AstropyUserWarning,
                    stacklevel=3,
                )

    def _warn_of_uncertainty(self):
        warnings.warn(
            f'{self._companions.uncertainty.name} of {self._where} is ignored, and the image has '
            'no uncertainty: none of its pixels is above 0.',
            AstropyUserWarning,
            stacklevel=4,
        )

    def _values(self, hdu, part):
        # A mask may have fewer axes of length one than the image.
        index = self._index[max(0, len(self._index) - len(hdu.shape) + 2) :]
        index = (0,) * (len(hdu.shape) - 2 - len(index)) + index
        try:
            if not self._is_own:
                # Not its section: the data may have been changed since they were read.
                return hdu.data[(*index, *part)]
            if part != _WHOLE:
                return hdu.section[(*index, *part)]
            if isinstance(hdu, fits.CompImageHDU):
                return hdu.section[(*index, *part) if index else ...]
            return _in_strips(hdu.section, index, hdu.shape[-2:])
        except Exception as error:  # what decompresses has no common class of errors
            raise ImageError(
                f'{self._where} is truncated or not a FITS image: {hdu.name} cannot be read: '
                f'{error}'
            ) from error

    def _deviation(self, part):
        hdu = self._companions.uncertainty
        return None if hdu is None else self._companions.deviation(self._values(hdu, part))

    def _say_what_was_taken(self, hdulist):
        companions = self._companions
        texts = dict(zip(map(id, hdulist), describe_hdus(hdulist), strict=True))
        used = {id(hdu) for hdu in (self._hdu, *companions)}
        said = {
            'HDU': texts[id(self._hdu)],
            'HDUMASK': '; '.join(
                f'{texts[id(hdu)]}: {bits.text}' for hdu, bits in companions.masks
            ),
            'HDUWHT': ', '.join(texts[id(hdu)] for hdu in companions.weights),
            'HDUUNC': ''
            if companions.uncertainty is None
            else f'{texts[id(companions.uncertainty)]}: {companions.kind}',
            'HDULEFT': ', '.join(
                texts[id(hdu)] for hdu in hdulist if holds_image(hdu) and id(hdu) not in used
            ),
        }
        for key in (*said, JUDGED):
            # They may exist in images that were written by this package.
            self.meta.remove(key, ignore_missing=True, remove_all=True)
        self.meta.update({key: text for key, text in said.items() if text})


def _bytes(hdu):
    """Approximate memory per pixel while the whole image is read."""
    stored = abs(hdu.header['BITPIX']) // 8
    # Floats are read and converted to native byte order in strips.
    is_once = hdu.header['BITPIX'] < 0 and not isinstance(hdu, fits.CompImageHDU)
    return stored + 1 if is_once else bytes_of_pixel(stored)


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
