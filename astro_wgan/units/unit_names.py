"""`word_unit`: accepted spellings of the name of a unit in BUNIT, in any case."""

from functools import cache

from astropy import units as u

from astro_wgan.exceptions import UnitTextError

__all__ = ['word_unit']

#: Names of units without prefixes, in lower case.
_NAMES = {
    'adu': 'adu adus',
    'DN': 'dn dns du',
    'ct': 'ct cts cnt cnts count counts',
    'electron': 'e e- electron electrons photoelectron photoelectrons',
    'photon': 'ph photon photons',
    'ct / s': 'cps',
    'mgy': 'mgy maggy maggies',
    'nmgy': 'nmgy nmgys nanomgy nanomaggy nanomaggys nanomaggie nanomaggies',
    'erg / (s cm2 Angstrom)': 'flam',
    'erg / (s cm2 Hz)': 'fnu',
    'erg': 'erg ergs',
    'solLum': 'lsun l_sun lsol l_sol sollum solar_luminosity',
    'solMass': 'msun m_sun msol m_sol solmass',
    'mag': 'mag mags magnitude magnitudes',
    'mmag': 'mmag',
    'mag(AB)': 'abmag mag_ab',
    'mag(ST)': 'stmag mag_st',
    'dex': 'dex',
    '%': '% percent',
    's': 's sec secs second seconds',
    'ks': 'ksec',
    'min': 'min minute minutes',
    'h': 'h hr hour hours',
    'd': 'd day days',
    'yr': 'yr year years',
    'Myr': 'myr',
    'Gyr': 'gyr',
    'sr': 'sr str ster sterad steradian steradians',
    'rad': 'rad radian radians',
    'deg': 'deg degree degrees',
    'arcmin': 'arcmin amin arcminute arcminutes',
    'arcsec': "arcsec arcsecs asec arcsecond arcseconds \" ''",
    'mas': 'mas',
    'pix': 'pix pixel pixels px spax spaxel spaxels',
    'beam': 'beam beams bm',
    'Angstrom': 'a aa ang angs angstrom angstroms',
    'um': 'micron microns',
    'kg': 'kg',
    'g': 'g gram grams',
    'lyr': 'lyr',
    'uJy': 'mujy',
    'K': 'k_cmb kcmb k_rj',
    'uK': 'uk_cmb ukcmb',
    'mK': 'mk_cmb mkcmb',
}

#: Units with prefixes: symbol, long names and plausible prefixes. Implausible ones are omitted, so
#: that MEV is not a milli-electronvolt.
_PREFIXED = (
    ('Jy', 'jansky janskys janskies', 'fpnumkM'),
    ('K', 'kelvin kelvins', 'numM'),
    ('W', 'watt watts', 'fpnumkM'),
    ('J', 'joule joules', 'num'),
    ('V', 'volt volts', 'num'),
    ('R', 'rayleigh rayleighs', 'dmk'),
    ('m', 'meter meters metre metres', 'numckM'),
    ('Hz', 'hertz', 'kMGT'),
    ('eV', '', 'kMGT'),
    ('pc', 'parsec parsecs', 'kMG'),
    ('s', '', 'numkM'),
    ('G', 'gauss', ''),
)

_LONG_PREFIXES = {
    'n': 'nano',
    'u': 'micro',
    'm': 'milli',
    'c': 'centi',
    'k': 'kilo',
    'M': 'mega',
    'G': 'giga',
    'T': 'tera',
}

#: Words that have other meanings in capitals, such as bands and elements.
_AS_WRITTEN = ('h', 'd')

#: Length of words that are looked up in astropy. Among shorter ones, JY/B would be jansky per byte.
_LETTERS = range(5, 21)


def word_unit(word, *, per_steradian=False):
    """
    The unit of a word in BUNIT.

    Parameters
    ----------
    word : str
        One word, in any case.
    per_steradian : bool, optional
        Whether it is divided by steradians, in which case megajansky are plausible.

    Returns
    -------
    `~astropy.units.UnitBase`

    Raises
    ------
    UnitTextError
        If there is no such unit, or it is ambiguous.
    """
    found = _by_word().get(word.lower())
    if found is None or (word.lower() in _AS_WRITTEN and word.isupper()):
        return _long_name(word)
    exact = found.get(word)
    if len(found) == 1:
        return next(iter(found.values()))
    if word.lower() == 'mjy' and exact is None:
        # In a single case, mJy / beam and MJy / sr are the plausible units.
        if per_steradian == word.startswith('M'):
            return u.MJy if per_steradian else u.mJy
    # In capitals, as in old headers, MK may mean mK.
    elif exact is not None and not word.isupper():
        return exact
    raise UnitTextError(f'{word} may be {" or ".join(found)}')


@cache
def _by_word():
    """Possible units of each lower-case word, by exact spelling."""
    words = {}
    for name, spellings in _NAMES.items():
        for spelling in spellings.split():
            words.setdefault(spelling, {})[spelling] = u.Unit(name)
    for symbol, long_names, prefixes in _PREFIXED:
        base = u.Unit(symbol)
        _add(words, symbol, base)
        for name in long_names.split():
            _add(words, name, base)
        for prefix in prefixes:
            unit = u.Unit(prefix + symbol)
            _add(words, prefix + symbol, unit)
            for before in _LONG_PREFIXES.get(prefix, '').split():
                for name in (symbol, *long_names.split()):
                    _add(words, before + name.lower(), unit)
    return words


def _add(words, spelling, unit):
    known = words.setdefault(spelling.lower(), {})
    if unit not in known.values():
        known[spelling] = unit


def _long_name(word):
    if len(word) in _LETTERS:
        for spelling in (word, word.lower()):
            # Not u.Unit, which is slow because it suggests similar units.
            unit = getattr(u, spelling, None)
            if isinstance(unit, u.UnitBase):
                return unit
    raise UnitTextError(f'{word} is not a unit')
