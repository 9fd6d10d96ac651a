"""Masks made of bits: which of them say that a pixel must not be used."""

from dataclasses import dataclass

import numpy as np

__all__ = ['QualityBits', 'quality_bits']

#: Mask planes of Rubin, HSC and SPHEREx, named by MP_* cards, whose pixels hold no or wrong light.
#: Others say that a source is there (DETECTED), that a value was replaced by a good one (INTRP),
#: or that a coadd has fewer images there (SENSOR_EDGE, CLIPPED, REJECTED, INEXACT_PSF).
_BAD_PLANES = frozenset(
    (
        'BAD',
        'SAT',
        'CR',
        'EDGE',
        'NO_DATA',
        'SUSPECT',
        'UNMASKEDNAN',
        'VIGNETTED',
        'STREAK',
        'TRANSIENT',
        'OVERFLOW',
        'SUR_ERROR',
        'REFERENCE',
        'NONFUNC',
        'MISSING_DATA',
        'HOT',
        'COLD',
        'NONLINEAR',
        'PERSIST',
        'OUTLIER',
    )
)

#: Those that Rubin's software always has, for files that do not name them.
_RUBIN = {
    'BAD': 0,
    'SAT': 1,
    'INTRP': 2,
    'CR': 3,
    'EDGE': 4,
    'DETECTED': 5,
    'DETECTED_NEGATIVE': 6,
    'SUSPECT': 7,
    'NO_DATA': 8,
}

#: DO_NOT_USE of JWST and Roman, INVALID of Euclid: set with each reason that spoils a pixel.
_SUMMARY_BIT = ('JWST', 'ROMAN', 'EUCLID')

#: Bits that may be used, of HST by camera: warm pixels and hot ones that the dark corrects, and in
#: WFC3/IR warm pixels and blobs; those that STScI drizzles with.
_HST_USABLE = {'ACS': 32 | 64, 'WFC3': 32 | 64, 'WFC3 IR': 64 | 512}

_ALL = -1


@dataclass(frozen=True)
class QualityBits:
    """
    Which bits of a mask say that a pixel must not be used.

    Attributes
    ----------
    bad : int
        The bits; -1 for all.
    known : int
        Those of which a meaning is known, bad or not.
    text : str
        What they are called.
    """

    bad: int
    known: int
    text: str

    def is_bad(self, values):
        """True for each pixel that must not be used."""
        if values.dtype.kind not in 'iu' or self.bad == _ALL:
            return values != 0
        return (values & _fitting(self.bad, values.dtype)) != 0

    def unknown(self, values):
        """The bits of unknown meaning that are set somewhere, as one number."""
        if values.dtype.kind not in 'iu' or self.known == _ALL or not values.size:
            return 0
        found = int(np.bitwise_or.reduce(values, axis=None))
        return found & ~self.known & (2 ** (8 * values.dtype.itemsize) - 1)


def _fitting(bits, dtype):
    """Bits as a number of a dtype, of which the highest may be the sign."""
    kept = bits & (2 ** (8 * dtype.itemsize) - 1)
    return np.array(kept, dtype=np.uint64).astype(dtype.newbyteorder('='))


def quality_bits(hdu, header, beside=()):
    """
    Which bits of a mask are bad.

    Parameters
    ----------
    hdu : HDU
        The mask.
    header : `~astropy.io.fits.Header`
        That of the image, with what it inherits.
    beside : collection of str, optional
        Names of the HDUs of the image.

    Returns
    -------
    `QualityBits`
        By the MP_* cards of the mask where there are some. Or else by the telescope. Or else bit 0,
        which is that of bad pixels in all surveys known to us, and no other; all, where the mask is
        one of truth values.
    """
    planes = _planes(hdu.header)
    if not planes and {'IMAGE', 'MASK', 'VARIANCE'}.issubset(beside) and hdu.name == 'MASK':
        planes = _RUBIN
    if planes:
        bad = sorted(_BAD_PLANES.intersection(planes), key=planes.get)
        return QualityBits(_joined(planes[name] for name in bad), _ALL, ', '.join(bad) or 'none')
    # CCDData writes truth values as bytes, and a bad pixel map has no bits.
    if hdu.name == 'BPM' or (hdu.name == 'MASK' and hdu.header.get('BITPIX') == 8):
        return QualityBits(_ALL, _ALL, 'not 0')
    telescope = str(header.get('TELESCOP', '')).upper()
    if telescope in _SUMMARY_BIT:
        return QualityBits(1, _ALL, 'bit 0')
    camera = str(header.get('INSTRUME', '')).upper()
    if camera == 'WFC3' and str(header.get('DETECTOR', '')).upper() == 'IR':
        camera = 'WFC3 IR'
    if telescope == 'HST' and camera in _HST_USABLE:
        usable = _HST_USABLE[camera]
        return QualityBits(0x7FFFFFFF & ~usable, _ALL, f'all but {usable}')
    return QualityBits(1, 1, 'bit 0')


def _planes(header):
    """Numbers of bits by name, of the cards MP_*."""
    return {
        key.upper().removeprefix('MP_'): value
        for key, value in header.items()
        if key.upper().startswith('MP_') and type(value) is int and 0 <= value < 64
    }


def _joined(numbers):
    return sum(1 << number for number in set(numbers))
