"""`parse_unit` and `read_unit`: BUNIT of archives: products, powers, magnitudes, logarithms."""

import re
import warnings
from fractions import Fraction

from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import UnitTextError
from astro_wgan.units.unit_names import word_unit

__all__ = ['is_ratio', 'is_vega', 'parse_unit', 'read_unit']

#: Spellings of unknown units and of ratios, in lower case.
_NOTHING = {'', '-', '--', '---', 'none', 'null', 'n/a', 'na', 'n.a.', 'unknown', 'undefined'}
_RATIOS = {
    '1',
    'unitless',
    'dimensionless',
    'no unit',
    'no units',
    's/n',
    'snr',
    'sigma',
    'ratio',
    'fraction',
    'signal-to-noise',
    'signal to noise',
}

#: Limits of length, powers and exponents: some larger ones would be computed forever.
_LONGEST, _HIGHEST_POWER, _HIGHEST_EXPONENT = 120, 12, 60

#: Replacements before a text is split into tokens.
_SPELLINGS = (
    # Kinds of temperature: K (Ta*), K km/s (Tmb).
    (r'\s*\(T_?(a|b|r|mb)?\*?\)', ''),
    # Powers: cm**2, cm^{2}, cm^(2).
    (r'\s*(\*\*|\^)\s*', '^'),
    (r'[{]', '('),
    (r'[}]', ')'),
    (r'[$]', ''),
    (r'\bsq(uare)?[. ]*(deg\w*|arc\w+)', r'\2^2'),
    (r'\b(data)[ _]numbers?\b', 'DN'),
    (r'\bper\b|_per_', '/'),
    # 1 x 10^-17; mag (AB).
    (r'(?<=\d)\s*[x×]\s*(?=10)', '*'),
    (r'\bmag[ _]?\(?(AB|ST)\b\)?', r'\1mag'),
    (r'\b(AB|ST)[ _]?mag\b', r'\1mag'),
    (r'\s*([*/])\s*', r'\1'),
    # A velocity after a unit, as in Jy/beam km/s, is one factor.
    (r'(?<=[ *.])(k?m/s)(ec)?(?![a-z])', r'(\1)'),
)

_LOGARITHM = re.compile(r'(?:log|log10|dex)\s*\((.*)\)|\[(.*)\]', re.IGNORECASE)

_MAGNITUDE = re.compile(r'mag\s*\((?:(AB|ST)\s*(/.*)?|(.*))\)', re.IGNORECASE)

_STERADIAN = re.compile(r'(?<![a-z])(sr|str|ster|sterad\w*)(?![a-z])', re.IGNORECASE)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+\.?\d*(?:[eEdD][+-]?\d+)?|\.\d+(?:[eEdD][+-]?\d+)?)
      | (?P<word>[eE]-(?![\d])|[A-Za-zµ_]+|%|"|'')
      | (?P<other>[*/.()^+-])
    )""",
    re.VERBOSE,
)

#: Units of pixels, other than counts, and without solid angle, beam or pixel.
_KINDS = [
    u.Unit(kind)
    for kind in (
        '',
        's-1',
        'm-2 s-1',
        'm-2 s-1 Hz-1',
        'm-2 s-1 nm-1',
        'Jy',
        'Jy Hz',
        'W m-2 um-1',
        'Jy m s-1',
        'W',
        'W Hz-1',
        'W um-1',
        'K',
        'K m s-1',
        'kg m-2',
        'kg m-2 s-1',
    )
]


def read_unit(header, where, *, default=None):
    """
    The unit of a header, or None with a warning if it cannot be parsed.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Header with or without BUNIT.
    where : str
        Name of the image, for the warning.
    default : str, optional
        Unit of a header without BUNIT.

    Returns
    -------
    `~astropy.units.UnitBase` or None
    """
    text = _text(header)
    try:
        if text.lower() in _NOTHING:
            unit = u.dimensionless_unscaled if default is None else parse_unit(default)
        else:
            unit = parse_unit(text)
        if isinstance(unit, u.UnitBase) and u.mgy in unit.decompose().bases and is_vega(header):
            raise UnitTextError('maggies of the Vega system are not AB')
        return unit
    except UnitTextError as error:
        warnings.warn(
            f'BUNIT {text[:_LONGEST]!r} of {where} is not a unit that can be read ({error}); the '
            'image has no unit.',
            AstropyUserWarning,
            stacklevel=2,
        )
    return None


def is_vega(header):
    """Whether a header says that its magnitudes are of the Vega system."""
    return any('VEGA' in str(header.get(key, '')).upper() for key in ('MAGSYS', 'PHOTSYS'))


def is_ratio(header):
    """Whether BUNIT is that of a ratio, such as signal to noise."""
    return _text(header).lower() in _RATIOS


def parse_unit(text):
    """
    Parse a unit in any case, order and style.

    Parameters
    ----------
    text : str
        Such as ``'JY/BEAM'``, ``'10**(-20)*erg/s/cm**2/Angstrom'`` or ``'counts per second'``.

    Returns
    -------
    `~astropy.units.UnitBase`

    Raises
    ------
    UnitTextError
        If it is not a unit, or is ambiguous.

    Notes
    -----
    Factors after a slash, as in erg/s cm2 and Jy/beam km/s, are divided or multiplied, whichever
    gives a plausible unit of an image.

    Examples
    --------
    >>> from astro_wgan.units.bunit import parse_unit
    >>> parse_unit('MJY/SR'), parse_unit('electrons/sec'), parse_unit('erg/s/cm2/A')
    (Unit("MJy / sr"), Unit("electron / s"), Unit("erg / (Angstrom s cm2)"))
    """
    if len(text) > _LONGEST:
        raise UnitTextError(f'it has {len(text)} characters, more than {_LONGEST}')
    try:
        return _of_text(' '.join(text.split()))
    except UnitTextError:
        raise
    except (ArithmeticError, ValueError) as error:
        # Overflowing scales, logarithms of logarithms.
        raise UnitTextError(str(error)) from error


def _of_text(text):
    if text.lower() in _RATIOS:
        return u.dimensionless_unscaled
    magnitude = _MAGNITUDE.fullmatch(text)
    if magnitude:
        zero, per, linear = magnitude.groups()
        unit = _of_text(f'1{per or ""}' if zero else linear)
        return u.mag({'AB': u.AB, 'ST': u.ST}[zero.upper()] * unit if zero else unit)
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    logarithm = _LOGARITHM.fullmatch(text)
    if logarithm:
        return u.dex(_parsed(logarithm[1] or logarithm[2] or ''))
    return _parsed(text)


def _text(header):
    value = header.get('BUNIT', '')
    if value is None or isinstance(value, fits.card.Undefined):
        return ''
    # Dimensionless units may be written as 1, T or 1.0.
    return '1' if value == 1 else str(value).strip().strip('\'"`').strip()


def _parsed(text):
    tokens = _tokens(text)
    read = []
    for follows_slash in (1, -1):
        unit, rest = _product(tokens, follows_slash, bool(_STERADIAN.search(text)))
        if rest:
            raise UnitTextError(f'{rest[0][1]} is out of place')
        if unit not in read:
            read.append(unit)
    likely = read if len(read) == 1 else [unit for unit in read if _is_likely(unit)]
    if len(likely) != 1:
        raise UnitTextError(f'it may be {read[0]} or {read[1]}')
    return likely[0]


def _tokens(text):
    """Tokens as (kind, text, whether it is separate from the previous one)."""
    tokens, end = [], 0
    while end < len(text):
        match = _TOKEN.match(text, end)
        if not match:
            raise UnitTextError(f'{text[end:].strip()} is not a unit')
        token = match[match.lastgroup]
        tokens.append((match.lastgroup, token, match.end() - len(token) > end))
        end = match.end()
    return tokens


def _product(tokens, follows_slash, per_steradian):
    """The unit of some factors, and the tokens from a closing parenthesis on."""
    factors, sign = [], 1
    while tokens and tokens[0][1] != ')':
        token = tokens[0][1]
        if token == '/':
            sign, tokens = -1, tokens[1:]
        else:
            sign = follows_slash if sign == -1 else 1
            if token in ('*', '.') and factors:
                tokens = tokens[1:]
        factor, tokens = _factor(tokens, follows_slash, per_steradian)
        factors.append((factor, sign))
    if not factors:
        raise UnitTextError('a unit is missing')
    if len(factors) == 1 and sign == 1:
        return factors[0][0], tokens
    unit = u.dimensionless_unscaled
    for factor, sign in factors:
        # Products have no zero point: mag(AB) / arcsec2 becomes mag / arcsec2.
        is_function = isinstance(factor, u.function.FunctionUnitBase)
        unit = unit * (factor.function_unit if is_function else factor) ** sign
    return unit, tokens


def _factor(tokens, follows_slash, per_steradian):
    """A number, unit or parenthesis with its power, and the tokens after it."""
    if not tokens:
        raise UnitTextError('a unit is missing')
    kind, token, _ = tokens[0]
    if kind == 'number':
        return _scale(tokens)
    if token == '(':
        base, rest = _product(tokens[1:], follows_slash, per_steradian)
        if not rest:
            raise UnitTextError('a parenthesis is not closed')
        tokens = rest
    elif token.lower() == 'sqrt' and len(tokens) > 1 and tokens[1][1] == '(':
        base, rest = _factor(tokens[1:], follows_slash, per_steradian)
        return base ** Fraction(1, 2), rest
    elif kind == 'word':
        base = word_unit(token, per_steradian=per_steradian)
    else:
        raise UnitTextError(f'{token} is out of place')
    power, tokens = _power(tokens[1:])
    if power == 1:
        return base, tokens
    if isinstance(base, u.function.FunctionUnitBase):
        raise UnitTextError(f'{token} has a power')
    return base**power, tokens


def _scale(tokens):
    """A number as a unit, and the tokens after it: 10, 1e-17, 10^-17 or the CDS's 10-17."""
    value = float(re.sub('[dD]', 'e', tokens[0][1]))
    power, rest = 1, tokens[1:]
    if value == 10 and rest and rest[0][1] in '^+-':
        power, rest = _power(rest, highest=_HIGHEST_EXPONENT)
    if not 10.0**-_HIGHEST_EXPONENT <= value <= 10.0**_HIGHEST_EXPONENT:
        raise UnitTextError(f'{tokens[0][1]} is not a scale')
    return u.CompositeUnit(value ** int(power), [], []), rest


def _power(tokens, highest=_HIGHEST_POWER):
    """The power at the beginning of some tokens, 1 where there is none, and the tokens after it."""
    marked = bool(tokens) and tokens[0][1] == '^'
    if marked:
        tokens = tokens[1:]
    # FITS has Hz(1/2), too.
    attached = len(tokens) > 1 and not tokens[0][2] and tokens[1][1][0] in '+-0123456789'
    inside = bool(tokens) and tokens[0][1] == '(' and (marked or attached)
    if inside:
        tokens = tokens[1:]
    sign = 1
    if tokens and tokens[0][1] in ('+', '-') and (marked or not tokens[0][2]):
        sign = -1 if tokens[0][1] == '-' else 1
        marked, tokens = True, tokens[1:]
    if not (tokens and tokens[0][0] == 'number' and (inside or not tokens[0][2])):
        if marked:
            raise UnitTextError('a power is missing')
        return 1, tokens
    power, tokens = _fraction(tokens[0][1]), tokens[1:]
    if inside and len(tokens) > 1 and tokens[0][1] == '/':
        power, tokens = power / (_fraction(tokens[1][1]) or 1), tokens[2:]
    if inside:
        if not tokens or tokens[0][1] != ')':
            raise UnitTextError('a parenthesis is not closed')
        tokens = tokens[1:]
    if power > highest or power.denominator > _HIGHEST_POWER:
        raise UnitTextError(f'{float(power):g} is not a power')
    return sign * power, tokens


def _fraction(text):
    try:
        return Fraction(text.removesuffix('.')) if len(text) < 6 else Fraction(10**6)
    except ValueError as error:
        raise UnitTextError(f'{text} is not a power') from error


def _is_likely(unit):
    """Whether it is plausible for an image: counts, or flux, per pixel, beam or solid angle."""
    powers = dict(zip(unit.decompose().bases, unit.decompose().powers, strict=True))
    angle, pixel, beam = (powers.pop(base, 0) for base in (u.rad, u.pix, u.beam))
    counts = [powers.pop(base, 0) for base in (u.ct, u.adu, u.DN, u.electron, u.photon)]
    if angle not in (0, -2) or pixel not in (0, -1) or beam not in (0, -1):
        return False
    if sum(counts) not in (0, 1) or min(counts) < 0:
        return False
    lengths, times = (
        [p for b, p in zip(unit.bases, unit.powers, strict=True) if b.is_equivalent(kind)]
        for kind in (u.m, u.s)
    )
    if max(lengths, default=0) > 0 and min(times, default=0) >= 0:
        return False
    rest = u.CompositeUnit(1, list(powers), list(powers.values()))
    return any(rest.is_equivalent(kind) for kind in _KINDS)
