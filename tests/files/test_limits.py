"""What a file may ask for."""

import os
import re
import socket

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.files import limits
from astro_wgan.files.limits import check_file, check_size, check_unit_text, largest_size


class OurError(Exception):
    pass


def test_by_default_a_file_may_take_a_quarter_of_the_memory(monkeypatch):
    monkeypatch.setattr(limits, '_memory', lambda: 8 * 2**30)
    assert largest_size() == 2 * 2**30
    assert largest_size(10**12) == 10**12


def test_the_memory_is_that_of_the_control_group_where_it_has_less(monkeypatch, tmp_path):
    without = limits._memory()
    (tmp_path / 'memory.max').write_text('1000000\n')
    monkeypatch.setattr(limits, '_CONTROL_GROUPS', (tmp_path / 'memory.max', tmp_path / 'none'))
    assert limits._memory() == 1000000
    (tmp_path / 'memory.max').write_text('max\n')
    limits._measured_memory.cache_clear()
    assert limits._memory() >= without > 1000000


@pytest.mark.parametrize(
    ('wrong', 'error'), [('2 GB', TypeError), (True, TypeError), (0, ValueError), (-1, ValueError)]
)
def test_a_limit_is_a_number_of_bytes(wrong, error):
    with pytest.raises(error, match='`max_size`'):
        largest_size(wrong)


def test_a_nan_is_no_limit():
    with pytest.raises(ValueError, match='above 0'):
        largest_size(float('nan'))


@pytest.mark.parametrize(
    ('needed', 'allowed', 'words'),
    [
        (3 * 2**30, 2**30, '3.0 GiB of memory; allowed are 1.0 GiB'),
        (2**50, 2**20, '1,024.0 TiB of memory; allowed are 1.0 MiB'),
        (101, 100, '101 bytes of memory; allowed are 100 bytes'),
    ],
)
def test_what_needs_more_than_is_allowed_is_refused_with_the_numbers(needed, allowed, words):
    with pytest.raises(OurError, match=f'a.fits would take {re.escape(words)}'):
        check_size(needed, 'a.fits', max_size=allowed, error=OurError)
    check_size(needed, 'a.fits', max_size=needed)
    check_size(needed, 'a.fits', max_size=np.inf)


def test_a_regular_file_may_be_opened_by_a_link(tmp_path):
    (tmp_path / 'file').write_bytes(b'abc')
    (tmp_path / 'link').symlink_to(tmp_path / 'file')
    assert check_file(tmp_path / 'link').st_size == 3


def test_what_is_no_regular_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / 'socket'))
        for name, kind in [('pipe', 'a named pipe'), ('socket', 'a socket'), ('', 'a folder')]:
            with pytest.raises(OurError, match=f'{tmp_path / name} is {kind}, not a file'):
                check_file(tmp_path / name, error=OurError)
    with pytest.raises(ValueError, match='/dev/zero is a device'):
        check_file('/dev/zero')


def test_a_missing_file_is_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / 'none')
    with pytest.raises(ValueError, match='not a valid file name'):
        check_file('a\0b')


@pytest.mark.parametrize(
    'text',
    [
        '10**9999999 m',
        '10^(9999999) Jy',
        '10+9999999 m',
        '2 ** ( -100000 ) s',
        'm / 10** +1000000',
        'dex(10**99999 m)',
        'm' * 1000,
    ],
)
def test_units_that_take_minutes_to_parse_are_refused(text):
    with pytest.raises(OurError, match='is not a unit'):
        check_unit_text(text, error=OurError)


@pytest.mark.parametrize(
    'text',
    ['', '10**-17 erg / (s cm2 Angstrom)', '299792458 m / s', '1e-17', '10^(-29) W', 'mag(AB)'],
)
def test_units_that_astropy_reads_are_taken(text):
    check_unit_text(text)
    u.Unit(text)
