"""`QualityBits`: meaning of the bits of data-quality masks of surveys and telescopes."""

import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images.layouts.siblings import in_words, words_of

__all__ = [
    'BAD_PLANES_OF_RUBIN',
    'BAD_PLANES_OF_SPHEREX',
    'QualityBits',
    'has_named_bits',
    'named_planes',
    'numbered_bits',
    'quality_bits',
]

#: Bad mask planes of Rubin and HSC by name, with the longer names of later files of Rubin. Others
#: mark sources (DETECTED), interpolated pixels (INTRP), or coadds of fewer images (SENSOR_EDGE,
#: CLIPPED, REJECTED, INEXACT_PSF).
BAD_PLANES_OF_RUBIN = (
    *('BAD', 'SAT', 'SATURATED', 'CR', 'COSMIC_RAY', 'EDGE', 'DETECTION_EDGE', 'NO_DATA'),
    *('SUSPECT', 'UNMASKEDNAN', 'UNMASKED_NAN', 'VIGNETTED', 'STREAK', 'ITL_DIP'),
)

#: Bad mask planes of SPHEREx by name.
BAD_PLANES_OF_SPHEREX = (
    *('TRANSIENT', 'OVERFLOW', 'SUR_ERROR', 'REFERENCE', 'NONFUNC', 'DICHROIC', 'MISSING_DATA'),
    *('HOT', 'COLD', 'PHANMISS', 'NONLINEAR', 'PERSIST', 'OUTLIER', 'GHOST', 'GHOST_FPA'),
    *('GHOST_EXT', 'BLOOM', 'SNOWBALL'),
)

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


def quality_bits(hdu, *, bits=None, planes=None, words=None, is_asked=False):
    """
    Determine the bad bits of a mask.

    Parameters
    ----------
    hdu : HDU
        The mask.
    bits : int, tuple of str or None, optional
        Bad bits, or their names, as in `~astro_wgan.images.Layout`.
    planes : mapping of str to int, optional
        Numbers of bits by name, if the header of the mask has none.
    words : dict of str, optional
        Words in braces of names. Those that are not known stand for any text.
    is_asked : bool, optional
        Whether the bits are those of the caller, rather than of a layout.

    Returns
    -------
    `QualityBits`
        By default, those of common bad planes if the header names them (MP_*, MSKN*, MBIT_*),
        otherwise only bit 0, which marks bad pixels in all known surveys. All bits for boolean
        masks.

    Raises
    ------
    ImageError
        If the caller asks for a name that the mask does not have, or only for bits beyond those of
        its integers.

    Warns
    -----
    AstropyUserWarning
        If a mask has none of the names of a layout.
    """
    planes = named_planes(hdu.header) or planes or {}
    if isinstance(bits, tuple):
        names = [_in_known_words(name, words or {}).upper() for name in bits]
        unknown = [name for name in names if name not in planes]
        if is_asked and unknown:
            raise ImageError(
                f'{hdu.name or "The mask"} has no bit {unknown[0]!r} of `bits`; it has: '
                f'{", ".join(planes) or "no names"}.'
            )
        found = _of_names(names, planes)
        if not found.bad:
            warnings.warn(
                f'{hdu.name or "The mask"} masks nothing: it has none of the bits '
                f'{", ".join(names)}, but {", ".join(planes) or "no names of bits"}. Give `bits`.',
                AstropyUserWarning,
                stacklevel=6,
            )
        return found
    if bits is not None and is_asked:
        check_width(bits, abs(hdu.header.get('BITPIX', 64)), hdu.name or 'The mask')
        return numbered_bits(bits)
    # CCDData writes booleans as bytes, and a bad pixel map has no bits.
    if hdu.name == 'BPM' or (hdu.name == 'MASK' and hdu.header.get('BITPIX') == 8):
        return numbered_bits(_ALL)
    if bits is not None:
        return numbered_bits(bits)
    if planes:
        return _of_names((*BAD_PLANES_OF_RUBIN, *BAD_PLANES_OF_SPHEREX), planes)
    return QualityBits(1, 1, _words((0,)))


def check_width(bits, width, name):
    """
    Check that integers of a mask can have bits.

    Parameters
    ----------
    bits : int
        Bad bits, as their sum.
    width : int
        Number of bits of the integers.
    name : str
        What to call the mask.

    Raises
    ------
    ImageError
        If they have none of them.
    """
    if not bits & (2**width - 1):
        text = numbered_bits(bits).text
        raise ImageError(f'{name} has {width} bits, none of which is one of `bits`; got {text}.')


def has_named_bits(hdu):
    """Whether the header of a mask has names of its bits."""
    return bool(named_planes(hdu.header))


def named_planes(header):
    """
    Bit numbers by name.

    They are in cards ``MP_BAD = 0``, ``MSKN0000 = 'BAD'``, ``MBIT_0 = 'BAD'``, or, of Pan-STARRS,
    ``MSKNAM00 = 'BAD'`` and ``MSKVAL00 = 1``, where other values than powers of two are no bits.
    """
    planes = {}
    for key, value in header.items():
        key = key.upper()
        if key.startswith('MSKNAM'):
            number = header.get(key.replace('NAM', 'VAL'))
            if type(number) is int and number > 0 and not number & (number - 1):
                key, value = f'MP_{str(value).strip().upper()}', number.bit_length() - 1
        numbered = re.fullmatch(r'(?:MSKN|MBIT_)(\d{1,4})', key)
        if numbered:
            key, value = f'MP_{str(value).strip().upper()}', int(numbered[1])
        if key.startswith('MP_') and type(value) is int and 0 <= value < 64:
            planes[key.removeprefix('MP_')] = value
    return planes


def _in_known_words(name, words):
    """A name with its words, of which those that are not known become ``*``."""
    return in_words(name, dict.fromkeys(words_of(name), '*') | words)


def _of_names(names, planes):
    found = {plane for plane in planes for name in names if fnmatchcase(plane, name)}
    bad = sorted(found, key=planes.get)
    return QualityBits(_joined(planes[name] for name in bad), _ALL, ', '.join(bad) or 'none')


def numbered_bits(bits):
    """Bad bits as one integer, of which -1 stands for all."""
    if bits == _ALL:
        return QualityBits(_ALL, _ALL, 'not 0')
    listed = bits if bits > 0 else ~bits
    text = _words([k for k in range(listed.bit_length()) if listed >> k & 1])
    return QualityBits(bits, _ALL, text if bits > 0 else f'all but {text}')


def _words(bits):
    return f'bit{"s" if len(bits) > 1 else ""} {", ".join(map(str, bits))}'


def _joined(numbers):
    return sum(1 << number for number in set(numbers))
