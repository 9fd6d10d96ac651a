"""Which units are flux that a larger pixel has more of."""

import pytest
from astropy import units as u

from astro_wgan.units.brightness import PixelContent, pixel_content, unit_of_sum


@pytest.mark.parametrize(
    ('unit', 'total'),
    [
        ('ct', 'ct'),
        ('adu / s', 'adu / s'),
        ('DN', 'DN'),
        ('electron / (s pix)', 'electron / s'),
        ('photon / (s cm2)', 'photon / (s cm2)'),
        ('nmgy', 'nmgy'),
        ('Jy / pix', 'Jy'),
        ('1e-20 erg / (s cm2 Angstrom)', '1e-20 erg / (s cm2 Angstrom)'),
        ('W / m2', 'W / m2'),
        ('solLum', 'solLum'),
        ('solMass / yr', 'solMass / yr'),
        ('1 / s', '1 / s'),
        ('', ''),
    ],
)
def test_flux_is_per_pixel_and_adds_up(unit, total):
    assert pixel_content(u.Unit(unit)) is PixelContent.FLUX
    assert unit_of_sum(u.Unit(unit)) == u.Unit(total)


@pytest.mark.parametrize(
    ('unit', 'content'),
    [
        ('MJy / sr', PixelContent.PER_SOLID_ANGLE),
        ('nJy / arcsec2', PixelContent.PER_SOLID_ANGLE),
        ('ct / (s deg2)', PixelContent.PER_SOLID_ANGLE),
        ('W / (m2 um arcsec2)', PixelContent.PER_SOLID_ANGLE),
        ('nmgy / arcsec2', PixelContent.PER_SOLID_ANGLE),
        ('R', PixelContent.PER_SOLID_ANGLE),
        ('Jy / beam', PixelContent.PER_BEAM),
        ('Jy km / (s beam)', PixelContent.PER_BEAM),
        ('mag', PixelContent.LOGARITHM),
        ('mag(AB)', PixelContent.LOGARITHM),
        ('mag / arcsec2', PixelContent.LOGARITHM),
        ('dex(solMass)', PixelContent.LOGARITHM),
        ('K', PixelContent.OTHER),
        ('K km / s', PixelContent.OTHER),
        ('km / s', PixelContent.OTHER),
        ('s', PixelContent.OTHER),
        ('%', PixelContent.OTHER),
        ('electron / adu', PixelContent.OTHER),
        ('electron2', PixelContent.OTHER),
        ('solLum / pc2', PixelContent.OTHER),
        ('solMass / (yr kpc2)', PixelContent.OTHER),
        ('1 / cm2', PixelContent.OTHER),
        ('rad / m2', PixelContent.OTHER),
        ('G', PixelContent.OTHER),
        ('deg', PixelContent.OTHER),
    ],
)
def test_what_is_no_flux_adds_up_over_an_area_only(unit, content):
    assert pixel_content(u.Unit(unit)) is content
    assert u.pix in unit_of_sum(u.Unit(unit)).bases


def test_pixels_of_unknown_unit_are_taken_for_counts():
    assert pixel_content(None) is PixelContent.FLUX
    assert unit_of_sum(None) is None


def test_units_of_ones_own_are_taken_for_counts():
    own = u.def_unit('blips')
    assert pixel_content(own / u.s) is PixelContent.FLUX
    assert pixel_content(own / u.arcsec**2) is PixelContent.PER_SOLID_ANGLE
    assert pixel_content(own / u.electron) is PixelContent.OTHER
