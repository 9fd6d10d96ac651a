"""Tables from files of others: no description makes objects from bytes."""

import base64

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable
from astropy.time import Time

from astro_wgan.catalogs.qtable import table_of
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.fits.hdu_tables import table_of_hdu


def make_table():
    table = QTable({'id': [1, 2], 'flux': [1.5, 2] * u.nJy, 'name': ['a', 'b']})
    table['sky'] = SkyCoord([1, 2], [3, 4], unit='deg')
    table['when'] = Time([50000, 50001], format='mjd')
    return table


def test_a_table_is_that_which_astropy_reads(tmp_path):
    table = make_table()
    table.write(tmp_path / 'table.fits')
    with fits.open(tmp_path / 'table.fits') as hdus:
        found = table_of_hdu(hdus[1], QTable)
    assert found.colnames == table.colnames
    assert (found['flux'] == table['flux']).all()
    assert found['sky'].separation(table['sky']).max() < 1e-9 * u.deg


def test_a_fits_table_makes_no_objects_from_bytes(tmp_path):
    table = make_table()
    table.write(tmp_path / 'table.fits')
    with fits.open(tmp_path / 'table.fits') as hdus:
        hdu = hdus[1].copy()
    comments = list(hdu.header['COMMENT'])
    del hdu.header['COMMENT']
    end = comments.index('--END-ASTROPY-SERIALIZED-COLUMNS--')
    addresses = base64.b64encode(b'\1' * 24).decode()
    comments[end:end] = [
        f'b: !numpy.ndarray {{buffer: {addresses},',
        '  shape: [3], order: C, dtype: O}',
    ]
    for comment in comments:
        hdu.header.add_comment(comment)
    hdu.writeto(tmp_path / 'hostile.fits')
    with pytest.raises(ValueError, match=r'Python objects cannot be read'):
        read_table(tmp_path / 'hostile.fits')
    with pytest.raises(ValueError, match=r'comments of the table .*Python objects cannot be read'):
        table_of(hdu)
