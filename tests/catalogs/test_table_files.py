"""Tables from files, and what else such files hold."""

import os
import time

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan.catalogs.table_files import read_table

TABLE = QTable({'a': [1, 2], 'b': [0.5, np.nan] * u.kpc})


@pytest.mark.parametrize('name', ['a.ecsv', 'a.csv', 'a.fits', 'a.dat'])
def test_tables_are_those_that_were_written_whatever_their_name(tmp_path, name):
    path = tmp_path / name
    kind = {'a.dat': 'ascii.basic', 'a.csv': 'ascii.csv', 'a.ecsv': 'ascii.ecsv'}
    TABLE.write(path, format=kind.get(name, 'fits'))
    other = path.rename(tmp_path / 'table')
    table = read_table(other)
    assert table.colnames == ['a', 'b']
    assert table['a'].tolist() == [1, 2]
    assert np.asarray(table['b'])[0] == 0.5
    if name in ('a.ecsv', 'a.fits'):
        assert table['b'].unit == u.kpc


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'no table that can be read: it is empty'),
        (b'\x89HDF\r\n\x1a\n\0\0', 'neither text nor FITS'),
        (b'# %ECSV 1.0\n# ---\n# datatype: [[[\na\n1\n', 'YAML text is not valid'),
        (
            b'# %ECSV 1.0\n# ---\n# datatype:\n'
            b'# - {name: a, unit: 10**9999999 m, datatype: float64}\na\n1\n',
            'is not a unit',
        ),
        (b'a,b\n1,2,3\n4\n', 'no table that can be read'),
        (
            b'<!DOCTYPE html>\n<p>1, 2\n<b>3</b>\n',
            'lines are not those of a table in CSV, ECSV or plain text$',
        ),
        (b'SIMPLE  = T', 'no table that can be read'),
    ],
)
def test_what_is_no_table_is_refused_by_name_at_once(tmp_path, content, words):
    path = tmp_path / 'table'
    path.write_bytes(content)
    begin = time.process_time()
    with pytest.raises(ValueError, match=f'{path} contains no table .*{words}|{words}'):
        read_table(path)
    assert time.process_time() - begin < 1


def test_units_of_fits_tables_are_looked_at_before_they_are_parsed(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column('a', 'D', array=[1.0])])
    table.header['TUNIT1'] = '10**9999999 m'
    table.writeto(tmp_path / 'a.fits')
    with pytest.raises(ValueError, match=r'a.fits contains no table .* is not a unit'):
        read_table(tmp_path / 'a.fits')
    fits.PrimaryHDU(np.eye(3)).writeto(tmp_path / 'b.fits')
    with pytest.raises(ValueError, match='it has no table'):
        read_table(tmp_path / 'b.fits')


def test_a_table_larger_than_is_allowed_is_refused(tmp_path):
    TABLE.write(tmp_path / 'a.csv')
    with pytest.raises(ValueError, match='allowed are 20 bytes'):
        read_table(tmp_path / 'a.csv', max_size=20)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(ValueError, match='is a named pipe'):
        read_table(tmp_path / 'pipe')


@pytest.mark.parametrize(
    'text',
    [
        '# x y\n1.5 2\n3 4\n',
        '# a catalog\n#  x  y\n1.5 2\n3 4\n',
        '#x,y\n1.5,2\n3,4\n',
        # Comments above the names.
        '# my catalog\nx y\n1.5 2\n3 4\n',
        '#   1 X_IMAGE  Object position along x  [pixel]\n'
        '#   2 Y_IMAGE  Object position along y  [pixel]\n  1.5   2\n  3  4\n',
    ],
)
def test_names_of_columns_may_be_a_comment(tmp_path, text):
    (tmp_path / 'table').write_text(text)
    table = read_table(tmp_path / 'table')
    assert [name.lower()[0] for name in table.colnames] == ['x', 'y']
    values = [u.Quantity(table[name]).value.tolist() for name in table.colnames]
    assert values == [[1.5, 3], [2, 4]]


def test_units_of_sextractor_are_looked_at_before_they_are_parsed(tmp_path):
    (tmp_path / 'table').write_text('#   1 X  position  [10**9999999 m]\n1\n')
    with pytest.raises(ValueError, match='is not a unit'):
        read_table(tmp_path / 'table')
