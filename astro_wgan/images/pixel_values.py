"""How an image stores its pixels: blanks among integers, asinh of flux, a bias added."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.validation.pixels import as_float

__all__ = ['STORED_AS', 'PixelValues', 'has_signed_bytes', 'leave_asinh_out']

#: Card of `meta` that says what was done to the stored pixels.
STORED_AS = 'PIXELS'

#: Magnitudes of a factor of e, by which Pan-STARRS scales its logarithms.
_POGSON = 2.5 / math.log(10)

#: Cards by which another reader would do the same once more.
_CARDS = ('BOFFSET', 'BSOFTEN', 'SOFTBIAS')

#: Cards of the Digitized Sky Survey, whose pixels are the blackening of a plate. PLATEID is none
#: of them: spectrographs of SDSS have plates, too.
_OF_PLATES = ('PLTLABEL', 'PLTGRADE', 'PLTSIZEX')


@dataclass(frozen=True)
class PixelValues:
    """
    What turns the pixels that astropy reads into those that an archive means.

    Attributes
    ----------
    blank : int or None
        ``BLANK`` of integers.
    zero : float
        ``BZERO``, which astropy adds.
    asinh : tuple of float or None
        ``BOFFSET`` and ``BSOFTEN``.
    bias : float
        ``SOFTBIAS``.
    note : str
        What ``meta`` says of it; empty where pixels are what is stored.

    Notes
    -----
    Stacks of Pan-STARRS hold v = a asinh((flux - BOFFSET) / (2 BSOFTEN)) with a = 2.5 lg e (Waters
    et al. 2020, ApJS 251, 4), frames of SDSS up to DR7 (fpC) a bias of 1000.
    """

    blank: int | None = None
    zero: float = 0
    asinh: tuple | None = None
    bias: float = 0.0
    note: str = ''

    @classmethod
    def of(cls, header, where):
        """
        Those of a header.

        Parameters
        ----------
        header : `~astropy.io.fits.Header`
            Before astropy has read the pixels, since it removes cards.
        where : str
            What a warning calls the image.

        Warns
        -----
        AstropyUserWarning
            If there is half an asinh, or pixels are those of a photographic plate.
        """
        offset, soft, bias = (_number(header, key) for key in _CARDS)
        # Of floats, which have been calibrated, the bias is a relic.
        bias = bias if bias and header.get('BITPIX', 0) > 0 else 0.0
        asinh, note = None, ''
        if offset is not None and soft is not None and soft > 0:
            asinh, bias = (offset, soft), 0.0
            note = f'flux = {offset:g} + {2 * soft:g} sinh(stored / {_POGSON:.5f})'
        elif 'BOFFSET' in header or 'BSOFTEN' in header:
            _warn(
                f'{where} has BOFFSET and BSOFTEN, of asinh of flux, that cannot be used: its '
                'pixels are used as they are stored.'
            )
        elif bias:
            note = f'stored - {bias:g}, the SOFTBIAS'
        elif any(key in header for key in _OF_PLATES):
            note = 'densities of a photographic plate'
            _warn(f'The pixels of {where} are {note}, which are not linear in flux.')
        # Of floats it means nothing.
        blank = _whole(header, 'BLANK') if header.get('BITPIX', 0) > 0 else None
        return cls(blank, _number(header, 'BZERO') or 0, asinh, bias, note)

    def __call__(self, stored):
        """
        The values of stored pixels.

        Parameters
        ----------
        stored : `~numpy.ndarray`
            As astropy scales them with ``BSCALE`` and ``BZERO``.

        Returns
        -------
        `~numpy.ndarray`
            Floats with NaN for what is blank; the given pixels where nothing is to be done.
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
        """The value of blank pixels that are not NaN; None where there are none."""
        if self.blank is None:
            return None
        if dtype.kind == 'u' or dtype == np.int8:
            return self.blank + int(self.zero)
        if dtype.kind == 'i':
            return self.blank
        # astropy makes NaN of each BLANK but 0, whatever BSCALE is.
        return dtype.type(self.zero) if self.blank == 0 else None

    def describe(self, header):
        """Remove the cards that are done with from a header, and add what was done, in place."""
        done = _CARDS[:2] if self.asinh else _CARDS[2:] if self.bias else ()
        for key in done:
            header.remove(key, ignore_missing=True, remove_all=True)
        if self.note:
            header[STORED_AS] = self.note


def leave_asinh_out(meta):
    """
    Remove what says that pixels are asinh of flux from the `meta` of an array, in place.

    Parameters
    ----------
    meta : `~astropy.io.fits.Header` or dict
        Of an image that is no file. Whether its pixels have been made flux is not known, and
        without these cards a file that is written of it holds what they are here.

    Warns
    -----
    AstropyUserWarning
        If there are such cards.
    """
    if all(key in meta for key in _CARDS[:2]):
        for key in _CARDS[:2]:
            del meta[key]
        _warn(
            'The `meta` of the image has BOFFSET and BSOFTEN, of asinh of flux: its pixels are '
            'used as they are. If they have not been converted, give the path of the file.'
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
    """A card with a whole number, or None."""
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
