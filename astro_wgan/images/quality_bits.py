"""`QualityBits`: meaning of the bits of data-quality masks of surveys and telescopes."""

import re
from dataclasses import dataclass

import numpy as np

__all__ = ['QualityBits', 'has_named_bits', 'quality_bits']

#: Bad mask planes by name, of Rubin and HSC, with the longer names of later files of Rubin, and of
#: SPHEREx. Others mark sources (DETECTED), interpolated pixels (INTRP), or coadds of fewer images
#: (SENSOR_EDGE, CLIPPED, REJECTED, INEXACT_PSF).
_BAD_PLANES = frozenset(
    (
        'BAD',
        'SAT',
        'SATURATED',
        'CR',
        'COSMIC_RAY',
        'EDGE',
        'DETECTION_EDGE',
        'NO_DATA',
        'SUSPECT',
        'UNMASKEDNAN',
        'UNMASKED_NAN',
        'VIGNETTED',
        'STREAK',
        'ITL_DIP',
        'TRANSIENT',
        'OVERFLOW',
        'SUR_ERROR',
        'REFERENCE',
        'NONFUNC',
        'DICHROIC',
        'MISSING_DATA',
        'HOT',
        'COLD',
        'PHANMISS',
        'NONLINEAR',
        'PERSIST',
        'OUTLIER',
        'GHOST',
        'GHOST_FPA',
        'GHOST_EXT',
        'BLOOM',
        'SNOWBALL',
    )
)

#: Mask planes that the software of Rubin always has, for files that do not name them.
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

#: Summary bits of bad pixels: DO_NOT_USE of JWST and Roman, INVALID of Euclid; and NON_SCIENCE
#: (bit 9) of JWST and Roman.
_SUMMARY = {'JWST': (0, 9), 'ROMAN': (0, 9), 'EUCLID': (0,)}

#: Bits of usable pixels of HST by camera, as in the drizzling by STScI: hot (16) and warm pixels
#: (64), which are corrected by the dark, but not unstable ones (32); in WFC3/IR warm pixels and
#: blobs.
_HST_USABLE = {'ACS': 16 | 64, 'WFC3': 16 | 64, 'WFC3 IR': 64 | 512}

#: Bits of usable pixels of Gemini: non-linear, which is corrected, and overlapping exposures.
_GEMINI_USABLE = 2 | 32

#: Bad bits of the Dark Energy Survey, whose images have SCI, MSK and WGT: those without weight in
#: coadds (bad pixels and amplifiers, cosmic rays, trails, bleeding, crosstalk, edges, streaks), and
#: saturated pixels. Interpolated, fixed and suspect ones, and those near bright stars, are used.
_DES_BAD = 1 | 2 | 8 | 16 | 64 | 128 | 256 | 512 | 1024
_DES_KNOWN = 0x7FFF

_ALL = -1


@dataclass(frozen=True)
class QualityBits:
    """
    Bad and known bits of a mask.

    Attributes
    ----------
    bad : int
        Bits of unusable pixels; -1 for all.
    known : int
        Bits with a known meaning, bad or not.
    text : str
        Names of the bad bits.
    """

    bad: int
    known: int
    text: str

    def is_bad(self, values):
        """True for unusable pixels. Non-integer floats are unusable, too."""
        if self.bad == _ALL or values.dtype.kind == 'b':
            return values != 0
        if values.dtype.kind == 'f':
            numbers = _whole(values)
            return (numbers != values) | self.is_bad(numbers)
        return (values & _fitting(self.bad, values.dtype)) != 0

    def unknown(self, values):
        """Bits of unknown meaning that are set in any pixel, as one integer."""
        if self.known == _ALL or values.dtype.kind == 'b' or not values.size:
            return 0
        if values.dtype.kind == 'f':
            values = _whole(values)
        found = int(np.bitwise_or.reduce(values, axis=None))
        return found & ~self.known & (2 ** (8 * values.dtype.itemsize) - 1)


def _whole(values):
    """Floats as integers; 0 if out of range."""
    fits = np.abs(values) < 2.0**62
    return np.where(fits, values, 0).astype(np.int64)


def _fitting(bits, dtype):
    """Bits as an integer of a dtype, of which the highest may be the sign."""
    kept = bits & (2 ** (8 * dtype.itemsize) - 1)
    return np.array(kept, dtype=np.uint64).astype(dtype.newbyteorder('='))


def quality_bits(hdu, header, beside=()):
    """
    Determine the bad bits of a mask.

    Parameters
    ----------
    hdu : HDU
        The mask.
    header : mapping
        Cards TELESCOP, INSTRUME, DETECTOR and PLVER of the image.
    beside : collection of str, optional
        Names of the HDUs of the file.

    Returns
    -------
    `QualityBits`
        From the cards MP_* or MSKN* of the mask, if there are any; otherwise by telescope;
        otherwise only bit 0, which marks bad pixels in all known surveys. All bits for boolean
        masks.
    """
    planes = _planes(hdu.header)
    if not planes and {'IMAGE', 'MASK', 'VARIANCE'}.issubset(beside) and hdu.name == 'MASK':
        planes = _RUBIN
    if planes:
        bad = sorted(_BAD_PLANES.intersection(planes), key=planes.get)
        return QualityBits(_joined(planes[name] for name in bad), _ALL, ', '.join(bad) or 'none')
    # CCDData writes booleans as bytes, and a bad pixel map has no bits.
    if hdu.name == 'BPM' or (hdu.name == 'MASK' and hdu.header.get('BITPIX') == 8):
        return QualityBits(_ALL, _ALL, 'not 0')
    if {'SCI', 'MSK', 'WGT'}.issubset(beside) and hdu.name == 'MSK':
        return QualityBits(_DES_BAD, _DES_KNOWN, f'bits of {_DES_BAD}')
    # The pipeline of NOIRLab (DECam, Mosaic-3, 90prime) writes codes instead of bits.
    if str(header.get('PLVER', '')).strip():
        return QualityBits(_ALL, _ALL, 'not 0')
    telescope = str(header.get('TELESCOP', '')).upper()
    if telescope in _SUMMARY:
        bits = _SUMMARY[telescope]
        return QualityBits(_joined(bits), _ALL, _words(bits))
    if telescope.startswith('GEMINI') and hdu.name == 'DQ':
        return _all_but(_GEMINI_USABLE)
    camera = str(header.get('INSTRUME', '')).upper()
    if camera == 'WFC3' and str(header.get('DETECTOR', '')).upper() == 'IR':
        camera = 'WFC3 IR'
    if telescope == 'HST' and camera in _HST_USABLE:
        return _all_but(_HST_USABLE[camera])
    return QualityBits(1, 1, _words((0,)))


def has_named_bits(hdu):
    """Whether the header of a mask has names of its bits."""
    return bool(_planes(hdu.header))


def _planes(header):
    """Bit numbers by name, from cards ``MP_BAD = 0`` or ``MSKN0000 = 'BAD'``."""
    planes = {}
    for key, value in header.items():
        key = key.upper()
        numbered = re.fullmatch(r'MSKN(\d{4})', key)
        if numbered:
            key, value = f'MP_{str(value).strip().upper()}', int(numbered[1])
        if key.startswith('MP_') and type(value) is int and 0 <= value < 64:
            planes[key.removeprefix('MP_')] = value
    return planes


def _all_but(usable):
    return QualityBits(0x7FFFFFFF & ~usable, _ALL, f'all but {usable}')


def _words(bits):
    return f'bit{"s" if len(bits) > 1 else ""} {", ".join(map(str, bits))}'


def _joined(numbers):
    return sum(1 << number for number in set(numbers))
