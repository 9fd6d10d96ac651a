"""`PixelValues`: conversion of stored pixels: blank integers, asinh of flux, added bias."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.images.layouts.layout import ASINH
from astro_wgan.validation.pixels import as_float

__all__ = ['STORED_AS', 'PixelValues', 'has_signed_bytes', 'leave_asinh_out']

#: Card of `meta` that describes the conversion of stored pixels.
STORED_AS = 'PIXELS'

#: Magnitudes per factor of e, with which Pan-STARRS scales its logarithms.
_POGSON = 2.5 / math.log(10)

#: Card of a number that was added to all pixels.
_BIAS = 'SOFTBIAS'

#: Cards of the Digitized Sky Survey, whose pixels are photographic densities. PLATEID is not used,
#: since the spectrographs of SDSS have plates, too.
_OF_PLATES = ('PLTLABEL', 'PLTGRADE', 'PLTSIZEX')


@dataclass(frozen=True)
class PixelValues:
    """
    Conversion of pixels as read by astropy to physical values.

    Attributes
    ----------
    blank : int or None
        ``BLANK`` of integer pixels.
    zero : float
        ``BZERO``, which astropy adds.
    asinh : tuple of float or None
        ``BOFFSET`` and ``BSOFTEN``.
    bias : float
        ``SOFTBIAS``.
    note : str
        Description for ``meta``; empty if there is no conversion.
    done : tuple of str
        Cards of the conversion.

    Notes
    -----
    Pan-STARRS stacks store v = a asinh((flux - BOFFSET) / (2 BSOFTEN)) with a = 2.5 lg e (Waters
    et al. 2020, ApJS 251, 4). SDSS frames up to DR7 (fpC) have a bias of 1000.
    """

    blank: int | None = None
    zero: float = 0
    asinh: tuple | None = None
    bias: float = 0.0
    note: str = ''
    done: tuple = ()

    @classmethod
    def of(cls, header, where, *, asinh=ASINH):
        """
        The conversion described by a header.

        Parameters
        ----------
        header : `~astropy.io.fits.Header`
            Header before astropy reads the pixels, since it then removes cards.
        where : str
            Name of the image, for warnings.
        asinh : tuple of str or None, optional
            Cards of offset and softening of asinh; None if pixels are not converted.

        Warns
        -----
        AstropyUserWarning
            If asinh cards are incomplete, or pixels are photographic densities.
        """
        # Float pixels are calibrated, and the card is a relic.
        bias = _number(header, _BIAS) if header.get('BITPIX', 0) > 0 else None
        numbers, note, done = None, '', ()
        offset, soft = (None, None) if asinh is None else (_number(header, key) for key in asinh)
        if offset is not None and soft is not None and soft > 0:
            numbers, bias, done = (offset, soft), None, asinh
            note = f'flux = {offset:g} + {2 * soft:g} sinh(stored / {_POGSON:.5f})'
        elif asinh is None and all(key in header for key in ASINH):
            # Without the cards, a file written from it has the same pixels.
            note, done = 'asinh of flux, as stored', ASINH
        elif any(key in header for key in asinh or ()):
            _warn(
                f'{" and ".join(asinh)} of {where}, which describe pixels stored as asinh of the '
                'flux, are not valid: the pixels are used as they are stored.'
            )
        elif bias:
            done = (_BIAS,)
            note = f'stored - {bias:g}, the SOFTBIAS'
        elif any(key in header for key in _OF_PLATES):
            note = 'densities of a photographic plate'
            _warn(f'The pixels of {where} are {note}, which are not linear in flux.')
        # BLANK has no meaning for floats.
        blank = _whole(header, 'BLANK') if header.get('BITPIX', 0) > 0 else None
        return cls(blank, _number(header, 'BZERO') or 0, numbers, bias or 0.0, note, done)

    def __call__(self, stored):
        """
        Convert stored pixels.

        Parameters
        ----------
        stored : `~numpy.ndarray`
            Pixels after scaling with ``BSCALE`` and ``BZERO`` by astropy.

        Returns
        -------
        `~numpy.ndarray`
            Floats with NaN for blank pixels; the same array if there is no conversion.
        """
        values = stored
        blank = self._stored_blank(stored.dtype)
        if blank is not None:
            values = as_float(stored, 'source')
            values[stored == blank] = np.nan
        if self.asinh is None and not self.bias:
            return values
        values = as_float(values, 'source')
        if self.asinh is None:
            return values - values.dtype.type(self.bias)
        offset, soft = self.asinh
        with np.errstate(over='ignore'):  # what is not finite is masked
            return offset + 2 * soft * np.sinh(values / _POGSON)

    def _stored_blank(self, dtype):
        """Value of blank pixels that astropy does not convert to NaN; None if there are none."""
        if self.blank is None:
            return None
        if dtype.kind == 'u' or dtype == np.int8:
            return self.blank + int(self.zero)
        if dtype.kind == 'i':
            return self.blank
        # Astropy converts each BLANK but 0 to NaN.
        return dtype.type(self.zero) if self.blank == 0 else None

    def describe(self, header):
        """Replace the cards of the conversion in a header by its description, in place."""
        for key in self.done:
            header.remove(key, ignore_missing=True, remove_all=True)
        if self.note:
            header[STORED_AS] = self.note


def leave_asinh_out(meta):
    """
    Remove asinh cards from the `meta` of an array, in place.

    Parameters
    ----------
    meta : `~astropy.io.fits.Header` or dict
        Metadata of an image in memory. It is unknown whether its pixels have been converted.
        Without the cards, a file written from it has the same pixels.

    Warns
    -----
    AstropyUserWarning
        If there are such cards.
    """
    if all(key in meta for key in ASINH):
        for key in ASINH:
            del meta[key]
        _warn(
            'The `meta` of the image has BOFFSET and BSOFTEN, which describe pixels stored as '
            'asinh of the flux: the pixels are used as they are. If they have not been converted '
            'to flux, pass the path of the file instead.'
        )


def has_signed_bytes(header):
    """Whether pixels are signed bytes."""
    return header.get('BITPIX') == 8 and header.get('BZERO') == -128


def _number(header, key):
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)


def _whole(header, key):
    """The integer value of a card, or None."""
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
