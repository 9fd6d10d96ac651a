"""`Layout`: what the extensions and files of a survey mean, and which bits of a mask are bad."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real

import numpy as np

from astro_wgan.images.layouts.siblings import (
    check_template,
    is_template,
    match_name,
    words_of,
)
from astro_wgan.units.bunit import parse_unit

__all__ = ['ASINH', 'ROLES', 'Layout', 'as_bits']

#: Cards of offset and softening of pixels that are stored as asinh of flux.
ASINH = ('BOFFSET', 'BSOFTEN')

#: What accompanies an image; of the kinds of uncertainty, the first that is found is used.
ROLES = ('mask', 'weight', 'uncertainty', 'variance', 'inverse_variance')


@dataclass(frozen=True)
class Layout:
    """
    What the extensions and files of a survey mean.

    Parameters
    ----------
    name : str
        Name of the layout.
    title : str, optional
        The survey and its product.
    cards : mapping of str to str or tuple of str, optional
        Header cards by which an image is recognized, with their values; ``*`` stands for any text.
    hdus : tuple of str, optional
        Names of extensions by which an image is recognized, in addition.
    files : str or tuple of str, optional
        File names of the image, such as ``'{tile}_{band}_sci.fits*'``, where words in braces stand
        for any text, and ``*`` does, too; ``{kind=a,b}`` is one of several texts.
    by_name : bool, optional
        Whether such a name is enough to recognize an image. By default, if there are neither
        ``cards`` nor ``hdus``.
    image : str or tuple of str, optional
        Words in the name of the extension with the image.
    uncertainty, variance, inverse_variance, weight, mask : str, tuple of str or None, optional
        Where each is: words in the name of the extension, as in ``'ERR'``, or the name of a file in
        the folder of the image, as in ``'{tile}_{band}_wei.fits*'``, with the words of ``files``;
        of several, the first that exist. None: there is none. Uncertainties are standard
        deviations; weights are only known up to a factor, and mask pixels without weight.
    bits : int, tuple of int, tuple of str or None, optional
        Bad bits of the mask, as an integer: the sum of their values (1, 2, 4, ...), so that -1
        stands for all; or several of these. Or names of bits, for masks that name them in
        their header; words in braces are those of ``files``. By default, common names of bad
        bits, or bit 0.
    planes : mapping of str to int, optional
        Numbers of the bits by name, counted from 0, of masks that do not name them.
    zero_point : float, str, tuple of str and float, or None, optional
        AB magnitude of a pixel value of 1, or the card that holds it, or several, of which the
        first that exists is used. ``PHOTFLAM`` (with ``PHOTPLAM``), in erg/s/cm2/Angstrom, and
        ``FLUXMAG0``, the value of a source of magnitude 0, are converted. ``PhotoCalib`` is the
        table of that name in files of the software of Rubin.
    per_second : bool, optional
        The zero point is that of counts per second: images of counts need ``EXPTIME``, too.
    unit : str or None, optional
        Unit of images without ``BUNIT``.
    asinh : tuple of str or None, optional
        Cards of offset and softening, by which pixels that are stored as asinh of flux are
        converted; None to use pixels as they are.
    source : str, optional
        Document that describes the files.

    Raises
    ------
    TypeError, ValueError
        If a value has another type, or a file name has words that ``files`` does not have.

    See Also
    --------
    astro_wgan.images.register_layout : Make a layout known by its name.

    Notes
    -----
    Whatever a layout does not state is as in the layout 'general', which goes by common names of
    extensions.

    Examples
    --------
    >>> from astro_wgan.images import Layout
    >>> layout = Layout(
    ...     'my_survey',
    ...     files='{field}_{band}.fits',
    ...     inverse_variance='{field}_{band}.invvar.fits',
    ...     mask='{field}.flags.fits',
    ...     bits=1 | 4,
    ...     zero_point='MAGZP',
    ... )
    >>> layout.mask, layout.weight
    (('{field}.flags.fits',), ('WHT', 'WEIGHT', 'WGT', 'WT', 'EXP', 'EXPOSURE', 'COV', 'COVERAGE'))
    """

    name: str
    title: str = ''
    cards: Mapping = field(default_factory=dict, hash=False)
    hdus: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    by_name: bool | None = None
    image: tuple[str, ...] = ('SCI', 'SCIENCE', 'IMAGE', 'IMG', 'DATA', 'SIGNAL', 'FLUX')
    uncertainty: tuple[str, ...] | None = (
        *('ERR', 'ERROR', 'STD', 'STDDEV', 'STDEV', 'SIGMA', 'RMS', 'UNCERT', 'UNCERTAINTY'),
    )
    # STAT is that of MUSE.
    variance: tuple[str, ...] | None = ('VAR', 'VARIANCE', 'STAT')
    inverse_variance: tuple[str, ...] | None = ('IVAR', 'INVVAR')
    weight: tuple[str, ...] | None = (
        *('WHT', 'WEIGHT', 'WGT', 'WT', 'EXP', 'EXPOSURE', 'COV', 'COVERAGE'),
    )
    mask: tuple[str, ...] | None = (
        *('DQ', 'MASK', 'MSK', 'FLAG', 'FLAGS', 'FLG', 'BPM', 'QUALITY', 'MASKBITS'),
    )
    bits: int | tuple[str, ...] | None = None
    planes: Mapping = field(default_factory=dict, hash=False)
    zero_point: float | tuple[str | float, ...] | None = None
    per_second: bool = False
    unit: str | None = None
    asinh: tuple[str, str] | None = ASINH
    source: str = ''

    def __post_init__(self):
        if not (isinstance(self.name, str) and self.name.strip()):
            raise ValueError(f'`name` of a layout must be a text; got {self.name!r}.')
        for name in ('hdus', 'files', 'image'):
            self._set(name, _texts(getattr(self, name), name))
        self._set('hdus', tuple(name.upper() for name in self.hdus))
        for name in ROLES:
            if getattr(self, name) is not None:
                self._set(name, _texts(getattr(self, name), name))
        self._set('bits', as_bits(self.bits))
        if self.by_name not in (None, True, False):
            raise TypeError(f'`by_name` must be True, False or None; got {self.by_name!r}.')
        self._check_words()
        self._check_mappings()
        self._check_zero_point()
        if self.unit is not None:
            parse_unit(self.unit)
        if self.asinh is not None:
            self._set('asinh', _texts(self.asinh, 'asinh'))
            if len(self.asinh) != 2:
                raise ValueError(f'`asinh` must name two cards; got {self.asinh!r}.')

    def knows_name(self, name):
        """Whether the name of a file is enough to recognize an image."""
        by_name = not (self.cards or self.hdus) if self.by_name is None else self.by_name
        return by_name and match_name(self.files, name) is not None

    def siblings(self, role):
        """Names of files that may hold what a role stands for."""
        return tuple(text for text in getattr(self, role) or () if is_template(text))

    def extensions(self, role):
        """Words in names of extensions of a role, in upper case."""
        return tuple(text.upper() for text in getattr(self, role) or () if not is_template(text))

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _check_words(self):
        for text in (*self.files, *(text for role in ROLES for text in self.siblings(role))):
            check_template(text)
        known = set.intersection(*(words_of(text) for text in self.files)) if self.files else set()
        names = self.bits if isinstance(self.bits, tuple) else ()
        texts = {role: self.siblings(role) for role in ROLES} | {'bits': names}
        for name, values in texts.items():
            for text in values:
                unknown = words_of(text) - known
                if unknown:
                    raise ValueError(
                        f'`{name}` of the layout {self.name!r} has the word {{{min(unknown)}}}, '
                        f'which `files` does not have; got {text!r}.'
                    )

    def _check_mappings(self):
        for name in ('cards', 'planes'):
            value = getattr(self, name)
            if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
                raise TypeError(f'`{name}` must be a mapping from texts; got {value!r}.')
            self._set(name, {key.upper(): each for key, each in value.items()})
        for key, bit in self.planes.items():
            if isinstance(bit, bool) or not isinstance(bit, Integral) or not 0 <= bit < 64:
                raise ValueError(f'`planes` must number bits from 0 to 63; got {bit!r} for {key}.')
        self._set('cards', {key: _texts(value, 'cards') for key, value in self.cards.items()})

    def _check_zero_point(self):
        value = self.zero_point
        if value is None:
            return
        is_one = isinstance(value, (str, Real))
        places = (value,) if is_one else value
        numbers = [each for each in places if isinstance(each, Real) and not isinstance(each, bool)]
        if not np.all(np.isfinite(numbers)):
            raise ValueError(f'`zero_point` must be finite; got {value}.')
        if not (is_one and numbers):
            _texts([each for each in places if each not in numbers], 'zero_point')
            self._set('zero_point', tuple(places))


def as_bits(bits):
    """
    Bad bits as one integer, or names of bits.

    Parameters
    ----------
    bits : int, str, sequence of int or str, or None
        As in `Layout`.

    Returns
    -------
    int, tuple of str, or None

    Raises
    ------
    TypeError
        If they are neither integers nor names.
    ValueError
        If there are none.
    """
    if bits is None:
        return None
    values = [bits] if isinstance(bits, (str, Integral)) or np.ndim(bits) == 0 else list(bits)
    if not values:
        raise ValueError('`bits` must hold at least one bit; got none.')
    # Numbers may come as text, as from a command line.
    values = [
        int(value) if isinstance(value, str) and value.isdigit() else value for value in values
    ]
    if all(isinstance(value, str) and value for value in values):
        return tuple(values)
    joined = 0
    for value in values:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
            raise TypeError(
                '`bits` must be integers, the sums of values of bad bits (1, 2, 4, ...), or names '
                f'of bits; got {value!r}.'
            )
        joined |= int(value)
    if not joined:
        raise ValueError('`bits` must hold at least one bit; got 0.')
    return joined


def _texts(value, name):
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, (tuple, list)) or not all(isinstance(text, str) for text in values):
        raise TypeError(f'`{name}` must be a text or several; got {value!r}.')
    return tuple(values)
