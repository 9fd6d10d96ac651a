import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy.table import QTable
from astropy.utils.masked import Masked

from astro_wgan.catalogs.sky_columns import sky_degrees

RA, DEC = np.array([53.163, 150.1, 359.9]), np.array([-27.787, 2.2, 89.0])
SKY = SkyCoord(RA, DEC, unit='deg')


@pytest.mark.parametrize(
    'columns',
    [
        {'sky': SKY},
        {'sky': SKY.galactic},
        {'ra': RA, 'dec': DEC, 'sky': SKY},
        {'ra': RA[::-1], 'dec': DEC[::-1], 'other': SKY[::-1], 'sky': SKY},
        {'place': SKY},
        {'ra': Longitude(RA, 'deg'), 'dec': Latitude(DEC, 'deg')},
        {'RAJ2000': np.deg2rad(RA) * u.rad, 'DEJ2000': DEC * 60 * u.arcmin},
        {'ra': SKY.ra.to_string('hour', sep=':'), 'dec': SKY.dec.to_string(sep=':')},
        {'GLON': SKY.galactic.l.deg, 'GLAT': SKY.galactic.b.deg},
        {'glon': SKY.galactic.l, 'glat': SKY.galactic.b, 'ra': ['a', 'b', 'c'], 'dec': DEC},
    ],
)
def test_positions_are_found_in_the_columns_of_catalogs(columns):
    found = sky_degrees(QTable(columns))
    np.testing.assert_allclose(found, np.column_stack([RA, DEC]), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    'columns',
    [
        {'id': RA},
        {'ra': RA},
        {'ra': RA * u.m, 'dec': DEC * u.m},
        {'ra': RA, 'RA': RA, 'dec': DEC},
        {'ra': np.ones((3, 2)), 'dec': np.ones((3, 2))},
        {'ra': ['north', 'b', 'c'], 'dec': ['x', 'y', 'z']},
        {'sky': SkyCoord(RA, np.minimum(DEC, 80), unit='deg', frame='altaz')},
        {'sky': ['12 30', '1 2', '3 4']},
    ],
)
def test_columns_that_are_no_positions_are_none(columns):
    assert sky_degrees(QTable(columns)) is None


@pytest.mark.parametrize(
    ('ra', 'dec'),
    [
        ([np.nan, 10.0], [0.0, 1.0]),
        ([5.0, 10.0], [-91.0, 1.0]),
        ([400.0, 10.0], [0.0, 1.0]),
        (Masked([5.0, 10.0], mask=[True, False]), [0.0, 1.0]),
    ],
)
def test_sources_without_a_valid_position_are_nan(ra, dec):
    table = QTable({'ra': ra * u.deg, 'dec': dec * u.deg})
    assert np.isnan(sky_degrees(table)).tolist() == [[True, True], [False, False]]
