"""Roles of the extensions of a FITS file, and choice of the image."""

import re
from collections import Counter
from dataclasses import dataclass

from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.images.planes import long_axes

__all__ = ['IMAGE_HDUS', 'NamedPart', 'choose_hdu', 'describe_hdus', 'holds_image', 'named_part']

IMAGE_HDUS = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)

#: Words in names of extensions with the image.
_SCIENCE = frozenset(['SCI', 'SCIENCE', 'IMAGE', 'IMG', 'DATA', 'SIGNAL', 'FLUX'])

#: Words in names of other extensions, by their role.
_ROLES = {
    'deviation': 'ERR ERROR STD STDDEV STDEV SIGMA RMS UNCERT UNCERTAINTY',
    # STAT is that of MUSE.
    'variance': 'VAR VARIANCE STAT',
    'inverse variance': 'IVAR INVVAR',
    'weight': 'WHT WEIGHT WGT WT EXP EXPOSURE COV COVERAGE',
    'mask': 'DQ MASK MSK FLAG FLAGS FLG BPM QUALITY MASKBITS',
    'other': 'CTX CON CONTEXT AREA BKG BACKGROUND SKY PSF PSFIMAGE ZODI SEG SEGM SEGMAP '
    'SEGMENTATION THUMB THUMBNAIL PREVIEW ICON NIMAGE NOBS NEXP DEPTH SAMP TIME MODEL CHI2 '
    'WCSDVARR D2IMARR NOISEFREE BKGD BKGMASK SRCMASK',
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split()}

#: Words that are ignored when extensions are associated: a background-subtracted image has the same
#: errors as the original, for example.
_EMPTY_WORDS = _SCIENCE | {'MAP', 'BAD', 'PIXEL', 'BKSUB', 'BKGSUB', 'STOKES'}

#: Names that astropy gives to extensions without a name.
_NO_NAMES = ('', 'PRIMARY', 'COMPRESSED_IMAGE')

#: Maximum number of extensions listed in an error.
_NAMED = 100

#: The first image is a thumbnail if another one has this many times its pixels.
_THUMBNAIL = 16


@dataclass(frozen=True)
class NamedPart:
    """
    Information in the name of an extension.

    Attributes
    ----------
    role : str or None
        'deviation', 'variance', 'inverse variance', 'weight', 'mask' or 'other'; None for images.
    is_science : bool
        Whether the name is that of an image.
    group : tuple
        Remaining words of the name, which associated extensions share, and the version: ``1-1.E``
        of Euclid's ``1-1.E.SCI`` and ``1-1.E.RMS``, for example.
    """

    role: str | None
    is_science: bool
    group: tuple


def named_part(hdu):
    """Parse the name and version of an HDU as `NamedPart`."""
    # Older files of HSC have EXTTYPE instead of EXTNAME.
    name = str(hdu.header.get('EXTTYPE', '')) if hdu.name in _NO_NAMES else hdu.name
    words = []
    for token in re.findall('[A-Z0-9]+', name.upper()):
        # ERR2 belongs to SCI2; but CHI2 is one word.
        numbered = re.fullmatch(r'([A-Z]+)(\d+)', token)
        is_word = numbered and token not in _ROLE_OF and _is_known(numbered[1])
        words += numbered.groups() if is_word else [token]
    roles = [_ROLE_OF[word] for word in words if word in _ROLE_OF]
    role = 'other' if 'other' in roles else (roles or [None])[-1]
    known = _EMPTY_WORDS.union(_ROLE_OF)
    group = tuple(word for word in words if word not in known)
    return NamedPart(role, role is None and not _SCIENCE.isdisjoint(words), (*group, hdu.ver))


def _is_known(word):
    return word in _ROLE_OF or word in _SCIENCE


def choose_hdu(hdulist, hdu, plane, where):
    """
    The requested HDU, or else the one with the image.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    hdu : int, str, tuple or None
        Index of the HDU, as for `~astropy.io.fits.HDUList`.
    plane : int or None
        If given, cubes are preferred.
    where : str
        Name of the file, for messages.

    Returns
    -------
    HDU
        The first with the name of an image; or else the first that neither has the name of
        something else, such as a weight, nor is a thumbnail; or else the first.

    Raises
    ------
    ImageError
        If there is no such HDU.
    """
    if hdu is not None:
        return _asked_for(hdulist, hdu, where)
    images = [other for other in hdulist if holds_image(other)]
    if not images:
        raise ImageError(f'{where} contains no image, only empty HDUs or tables.')
    plain = [other for other in images if named_part(other).role is None] or images
    axes = 2 if plane is None else 3
    plain = [other for other in plain if 2 + len(long_axes(other.shape)) == axes] or plain
    named = [other for other in plain if named_part(other).is_science]
    # A preview may be named IMAGE, while the image is the first HDU without a name.
    if named and not _is_thumbnail(named[0], plain[0]):
        return named[0]
    is_first_small = len(plain) > 1 and any(_is_thumbnail(plain[0], other) for other in plain[1:])
    has_no_name = plain[0].name in _NO_NAMES
    return plain[1] if has_no_name and is_first_small else plain[0]


def _asked_for(hdulist, hdu, where):
    try:
        chosen = hdulist[hdu]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        names = ', '.join(_labels(hdulist)[:_NAMED])
        names += f' and {len(hdulist) - _NAMED} more' if len(hdulist) > _NAMED else ''
        raise ImageError(f'{where} has no HDU {hdu!r}; it has: {names}.') from error
    if not holds_image(chosen):
        raise ImageError(f'HDU {hdu!r} of {where} contains no image.')
    return chosen


def holds_image(hdu):
    """Whether an HDU has pixels along at least two axes."""
    return isinstance(hdu, IMAGE_HDUS) and len(hdu.shape) >= 2 and 0 not in hdu.shape


def _is_thumbnail(hdu, other):
    pixels = (each.shape[-2] * each.shape[-1] for each in (hdu, other))
    return _THUMBNAIL * next(pixels) <= next(pixels)


def describe_hdus(hdulist):
    """Number, name, version and shape of each HDU as text, such as ``4 SCI,2 (2048 x 4096)``."""
    shapes = (' x '.join(map(str, getattr(hdu, 'shape', ()))) for hdu in hdulist)
    return [f'{label} ({shape})' for label, shape in zip(_labels(hdulist), shapes, strict=True)]


def _labels(hdulist):
    """Numbers and names, and versions if a name is not unique."""
    names = [hdu.name for hdu in hdulist]
    times = Counter(names)
    return [
        f'{k} {name}{f",{hdu.ver}" if name and times[name] > 1 else ""}'.strip()
        for k, (name, hdu) in enumerate(zip(names, hdulist, strict=True))
    ]
