"""Roles of the extensions of a FITS file, and choice of the image."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.images.layouts.layout import ROLES
from astro_wgan.images.layouts.survey_layouts import GENERAL
from astro_wgan.images.planes import long_axes

__all__ = [
    'IMAGE_HDUS',
    'NamedPart',
    'choose_hdu',
    'describe_hdus',
    'hdu_name',
    'holds_image',
    'named_part',
    'role_of_text',
]

IMAGE_HDUS = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)

#: Words in names of extensions that neither are the image nor accompany it.
_OTHER = (
    *('CTX', 'CON', 'CONTEXT', 'AREA', 'BKG', 'BACKGROUND', 'SKY', 'PSF', 'PSFIMAGE', 'ZODI'),
    *('SEG', 'SEGM', 'SEGMAP', 'SEGMENTATION', 'THUMB', 'THUMBNAIL', 'PREVIEW', 'ICON', 'NIMAGE'),
    *('NOBS', 'NEXP', 'DEPTH', 'SAMP', 'TIME', 'MODEL', 'CHI2', 'WCSDVARR', 'D2IMARR'),
    *('NOISEFREE', 'BKGD', 'BKGMASK', 'SRCMASK'),
)

#: Words that are ignored when extensions are associated: a background-subtracted image has the same
#: errors as the original, for example.
_EMPTY_WORDS = frozenset(('MAP', 'BAD', 'PIXEL', 'BKSUB', 'BKGSUB', 'STOKES'))

#: Names that astropy gives to extensions without a name.
_NO_NAMES = ('', 'PRIMARY', 'COMPRESSED_IMAGE')

#: Values of IMAGETYP that stand for names.
_KINDS = ('IMAGE', 'INVVAR', 'MASKBITS')

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
        'mask', 'weight', 'uncertainty', 'variance', 'inverse_variance' or 'other'; None for images.
    is_science : bool
        Whether the name is that of an image.
    group : tuple
        Remaining words of the name, which associated extensions share, and the version: ``1-1.E``
        of Euclid's ``1-1.E.SCI`` and ``1-1.E.RMS``, for example.
    """

    role: str | None
    is_science: bool
    group: tuple


def hdu_name(hdu):
    """
    Name of an HDU.

    Older files of HSC have EXTTYPE instead of EXTNAME. Cutouts of the Legacy Surveys have IMAGETYP,
    which elsewhere is the kind of an exposure, and BAND.
    """
    if hdu.name not in _NO_NAMES:
        return hdu.name
    kind, band = (str(hdu.header.get(key, '')).strip() for key in ('IMAGETYP', 'BAND'))
    name = f'{kind} {band}'.strip() if kind.upper() in _KINDS else ''
    return str(hdu.header.get('EXTTYPE', name)).upper()


def named_part(hdu, layout=GENERAL):
    """
    Parse the name and version of an HDU.

    Parameters
    ----------
    hdu : HDU
    layout : `~astro_wgan.images.Layout`, optional
        Meaning of words, in addition to their common meaning.

    Returns
    -------
    `NamedPart`
    """
    role, words, science = _parsed(hdu_name(hdu), layout)
    known = {*_EMPTY_WORDS, *GENERAL.image, *science, *_meanings(layout)[0]}
    group = tuple(word for word in words if word not in known)
    return NamedPart(role, role is None and not science.isdisjoint(words), (*group, hdu.ver))


def role_of_text(text, layout=GENERAL):
    """The role that the name of a file or an extension has, as in `NamedPart`."""
    return _parsed(text, layout)[0]


def _parsed(name, layout):
    """Role and words of a name, and the words of images."""
    role_of, science = _meanings(layout)
    name = name.upper()
    # A layout may have names of more than one word.
    if name in role_of or name in science:
        return role_of.get(name), [name], science
    words = []
    for token in re.findall('[A-Z0-9]+', name):
        # ERR2 belongs to SCI2; but CHI2 is one word.
        numbered = re.fullmatch(r'([A-Z]+)(\d+)', token)
        is_known = numbered and (numbered[1] in role_of or numbered[1] in science)
        words += numbered.groups() if is_known and token not in role_of else [token]
    roles = [role_of[word] for word in words if word in role_of]
    return 'other' if 'other' in roles else (roles or [None])[-1], words, science


@lru_cache(maxsize=64)
def _meanings(layout):
    """Role of each word, and words of the image."""
    common = [word for role in ROLES for word in GENERAL.extensions(role)]
    # What the layout does not use is no image either.
    role_of = dict.fromkeys((*_OTHER, *common), 'other')
    role_of.update({word: role for role in ROLES for word in layout.extensions(role)})
    science = frozenset(word.upper() for word in layout.image)
    return {word: role for word, role in role_of.items() if word not in science}, science


def choose_hdu(hdulist, hdu, plane, where, *, layout=GENERAL):
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
    layout : `~astro_wgan.images.Layout`, optional
        Meaning of the names of extensions.

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
    plain = [other for other in images if named_part(other, layout).role is None] or images
    axes = 2 if plane is None else 3
    plain = [other for other in plain if 2 + len(long_axes(other.shape)) == axes] or plain
    named = [other for other in plain if named_part(other, layout).is_science]
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
