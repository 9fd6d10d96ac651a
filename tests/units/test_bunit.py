"""BUNIT in the spellings of archives, each beside the unit that the archive documents."""

import contextlib
import time

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import UnitTextError
from astro_wgan.images import read_image
from astro_wgan.units.bunit import is_ratio, parse_unit

PER_ANGSTROM = u.erg / u.s / u.cm**2 / u.AA

SPELLINGS = {
    # Hubble: ACS and WFC3, WFPC2, STIS.
    'ELECTRONS': u.electron,
    'ELECTRONS/S': u.electron / u.s,
    'COUNTS': u.ct,
    'COUNTS/S': u.ct / u.s,
    # JWST, Spitzer, IRAS, COBE.
    'MJy/sr': u.MJy / u.sr,
    'MJY/SR': u.MJy / u.sr,
    'MJy sr^-1': u.MJy / u.sr,
    'MJy.sr-1': u.MJy / u.sr,
    'MJY/STER': u.MJy / u.sr,
    'JY/SR': u.Jy / u.sr,
    'DN/s': u.DN / u.s,
    'DN/S': u.DN / u.s,
    'mJy/arcsec^2': u.mJy / u.arcsec**2,
    # grizli, as on the Dawn JWST Archive.
    '10.0*nanoJansky': 10 * u.nJy,
    # Rubin, HSC, Legacy Surveys, SDSS.
    'nJy': u.nJy,
    'nanomaggy': u.nmgy,
    'nanomaggies': u.nmgy,
    'nanomaggie': u.nmgy,
    'muJy': u.uJy,
    'MJy/str': u.MJy / u.sr,
    'photoelectrons/s': u.electron / u.s,
    'nmgy': u.nmgy,
    'maggies': u.mgy,
    # WISE, 2MASS, VISTA, UKIDSS, CFHT, ESO.
    'DN': u.DN,
    'dn': u.DN,
    'ADU': u.adu,
    'adu': u.adu,
    'ADU/s': u.adu / u.s,
    'data numbers': u.DN,
    'DN/SEC': u.DN / u.s,
    # GALEX, XMM, Chandra, eROSITA.
    'counts/sec': u.ct / u.s,
    'Count': u.ct,
    'cts/s': u.ct / u.s,
    'ct/ks': u.ct / u.ks,
    'cps': u.ct / u.s,
    'CPS': u.ct / u.s,
    'counts/s/deg**2': u.ct / u.s / u.deg**2,
    'photon/cm**2/s': u.photon / u.cm**2 / u.s,
    'ph cm-2 s-1 sr-1': u.photon / u.cm**2 / u.s / u.sr,
    # Herschel and radiative transfer.
    'Jy/pixel': u.Jy / u.pix,
    'JY/PIXEL': u.Jy / u.pix,
    'mJy/pix': u.mJy / u.pix,
    'W/m2/micron/arcsec2': u.W / u.m**2 / u.um / u.arcsec**2,
    'nW m^-2 sr^-1': u.nW / u.m**2 / u.sr,
    # VLA, ALMA, AIPS, CASA, GILDAS: maps and their moments.
    'JY/BEAM': u.Jy / u.beam,
    'Jy/BEAM': u.Jy / u.beam,
    'Jy beam-1': u.Jy / u.beam,
    'mJy/beam': u.mJy / u.beam,
    'mjy/beam': u.mJy / u.beam,
    'UJY/BEAM': u.uJy / u.beam,
    'Jy/beam.km/s': u.Jy / u.beam * u.km / u.s,
    'JY/BEAM*M/S': u.Jy / u.beam * u.m / u.s,
    'Jy km/s/beam': u.Jy / u.beam * u.km / u.s,
    'K': u.K,
    'KELVIN': u.K,
    'K (Ta*)': u.K,
    'K km/s (Tmb)': u.K * u.km / u.s,
    'K.KM/S': u.K * u.km / u.s,
    'K_CMB': u.K,
    'uK_CMB': u.uK,
    'RAD/M/M': u.rad / u.m**2,
    'cm^-2': u.cm**-2,
    # MUSE, MaNGA, SAMI, CALIFA, KMOS and the style of the CDS.
    '10**(-20)*erg/s/cm**2/Angstrom': 1e-20 * PER_ANGSTROM,
    '1E-17 erg/s/cm^2/Ang/spaxel': 1e-17 * PER_ANGSTROM / u.pix,
    '10**(-16) erg /s /cm**2 /angstrom /pixel': 1e-16 * PER_ANGSTROM / u.pix,
    '10^-16 erg/s/cm^2': 1e-16 * u.erg / u.s / u.cm**2,
    '10**-19 erg/s/cm2/A': 1e-19 * PER_ANGSTROM,
    '1 x 10^-17 ergs s-1 cm-2 A-1': 1e-17 * PER_ANGSTROM,
    'erg.s**(-1).cm**(-2).angstrom**(-1)': PER_ANGSTROM,
    'erg/s/cm2/A': PER_ANGSTROM,
    'ERG/S/CM2/A': PER_ANGSTROM,
    'erg/s cm2 A': PER_ANGSTROM,
    'W/m2 um': u.W / u.m**2 / u.um,
    'ergs/s/cm^{2}/Hz': u.erg / u.s / u.cm**2 / u.Hz,
    '10-17W/m2': 1e-17 * u.W / u.m**2,
    '10+3J/m/s/kpc2': 1e3 * u.J / u.m / u.s / u.kpc**2,
    '1.0D-17 erg': 1e-17 * u.erg,
    'W Hz^(-1/2)': u.W * u.Hz**-0.5,
    'sqrt(Hz)': u.Hz**0.5,
    # Electrons of cameras, amateurs' and others'.
    'electrons/sec': u.electron / u.s,
    'e-': u.electron,
    'e-/s': u.electron / u.s,
    'E-/SEC': u.electron / u.s,
    'e-/pixel/s': u.electron / u.pix / u.s,
    'e- s-1': u.electron / u.s,
    'electrons per second': u.electron / u.s,
    'counts_per_second': u.ct / u.s,
    # Simulations and maps of galaxies.
    'Lsun': u.L_sun,
    'L_sun/pc^2': u.L_sun / u.pc**2,
    'Msol pc^-2': u.M_sun / u.pc**2,
    'Rayleighs': u.R,
    'microJy': u.uJy,
    'microJansky': u.uJy,
    'MAG': u.mag,
    'mag/arcsec2': u.mag / u.arcsec**2,
    'MAG/ARCSEC^2': u.mag / u.arcsec**2,
    'mag/sq.arcsec': u.mag / u.arcsec**2,
    'mag(AB)': u.ABmag,
    'AB mag': u.ABmag,
    'MAG(AB)': u.ABmag,
    'mag(ST)': u.STmag,
    'mag(AB / arcsec2)': u.mag(u.AB / u.arcsec**2),
    'mag(AB)/arcsec2': u.mag / u.arcsec**2,
    'mag(ct / s)': u.mag(u.ct / u.s),
    'FLAM': PER_ANGSTROM,
    'flam': PER_ANGSTROM,
    'FNU': u.erg / u.s / u.cm**2 / u.Hz,
    'nanomaggys': u.nmgy,
    'photons/cm2/s/keV': u.photon / u.cm**2 / u.s / u.keV,
    '10^6 Jy/sr': 1e6 * u.Jy / u.sr,
    '1.0E6Jy/sr': 1e6 * u.Jy / u.sr,
    'mJy/sqarcsec': u.mJy / u.arcsec**2,
    'ADU / second / pixel': u.adu / u.s / u.pix,
    'log10(Msun)': u.dex(u.M_sun),
    '[erg/s]': u.dex(u.erg / u.s),
    '%': u.percent,
    '/s': 1 / u.s,
}

#: A number without unit, or a ratio.
NOTHING = ['', 'N/A', 'S/N', 'UNITLESS', 'none', 'Dimensionless', '--', 'signal to noise', '1']

UNKNOWN = {
    'furlong': 'furlong is not a unit',
    'Vega nanomaggies': 'Vega is not a unit',
    'MJY/BEAM': 'MJY may be mJy or MJy',
    'mjy/sr': 'mjy may be mJy or MJy',
    'MK': 'MK may be mK or MK',
    'MM': 'MM may be mm or Mm',
    'G': 'G may be g or G',
    'Jy/b': 'b is not a unit',
    'DN/sample': 'sample is not a unit',
    'counts/exp': 'exp is not a unit',
    'W/m2*m': 'it may be',
    'DN/s-pix': 'a power is missing',
    'erg//s': '/ is out of place',
    'erg/': 'a unit is missing',
    '(erg': 'a parenthesis is not closed',
    'cm^': 'a power is missing',
    '10**9999999 m': 'is not a power',
    'm^99999': 'is not a power',
    '1e-9999 m': 'is not a scale',
    'm' * 500: '500 characters',
    '((((cm^12)^12)^12)^12)^12': 'scale of 0',
    '(10^60)^12 Jy': 'out of range',
    'log(mag)': 'not a physical unit',
    '(' * 100: 'a unit is missing',
}


def image_in(text):
    hdu = fits.PrimaryHDU(np.ones((4, 4), dtype=np.float32))
    hdu.header['BUNIT'] = text
    return read_image(hdu)


@pytest.mark.parametrize('text', SPELLINGS)
def test_spellings_of_archives_are_their_units(text):
    right = SPELLINGS[text]
    unit = image_in(text).unit
    assert unit == (u.Unit(right) if isinstance(right, u.Quantity) else right)


@pytest.mark.parametrize('text', SPELLINGS)
def test_what_is_written_is_read_again(text):
    unit = parse_unit(text)
    assert parse_unit(unit.to_string()) == unit
    assert u.Unit(unit.to_string()) == unit


@pytest.mark.parametrize('text', NOTHING)
def test_numbers_without_unit_have_none_and_no_warning(text):
    assert image_in(text).unit == u.dimensionless_unscaled


@pytest.mark.parametrize('text', UNKNOWN)
def test_what_cannot_be_read_is_named_in_a_warning_and_has_no_unit(text):
    with pytest.warns(AstropyUserWarning) as caught:
        unit = image_in(text).unit
    assert unit == u.dimensionless_unscaled
    said = str(caught[0].message)
    assert f"BUNIT '{text[:40]}" in said
    assert UNKNOWN[text] in said


@pytest.mark.parametrize(('value', 'text'), [(1, '1'), (True, 'T'), (1.0, '1.0')])
def test_cards_that_hold_no_text(value, text):
    assert image_in(value).unit == u.dimensionless_unscaled


def test_card_without_a_value():
    header = fits.Header.fromstring('BUNIT   =                      / no value'.ljust(80))
    assert read_image(fits.PrimaryHDU(np.ones((4, 4)), header)).unit == u.dimensionless_unscaled


@pytest.mark.parametrize(
    'word', ['image', 'data', 'flux', 'mask', 'weight', 'bits', 'bytes', 'H', 'N', 'T', 'F']
)
def test_words_that_astropy_or_others_may_read_as_units_are_none(word):
    for text in (word, word.upper(), f'{word}/s'):
        with pytest.raises(UnitTextError, match='not a unit'):
            parse_unit(text)


def test_no_text_takes_long():
    words = ['Jansk', 'photonen', 'Jy' * 50, 'kilo' * 9, 'm ' * 60, 'megaflux', 'x' * 19]
    begin = time.process_time()
    for word in words:
        with contextlib.suppress(UnitTextError):
            parse_unit(word)
    assert time.process_time() - begin < 0.2


def test_ratios_are_told_from_numbers_of_unknown_unit():
    assert is_ratio(fits.Header({'BUNIT': 'S/N'}))
    assert not is_ratio(fits.Header({'BUNIT': 'N/A'}))
    assert not is_ratio(fits.Header())
