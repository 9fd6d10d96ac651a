"""YAML of foreign files: what astropy writes is read; what costs time or memory is not."""

import base64
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.misc import yaml
from astropy.table import QTable
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table
from astropy.time import Time
from numpy.testing import assert_array_equal

from astro_wgan.files import yaml_text
from astro_wgan.files.yaml_text import load_yaml

ADDRESSES = base64.b64encode(b'\1' * 64).decode()
ARRAY = f'{{buffer: {ADDRESSES}, shape: [8], order: C, dtype: %s}}'


@pytest.mark.parametrize(
    'value',
    [
        {'a': [1, 2.5, None, True, 'text', (1, 2)], 'b': {'c': 'ä'}},
        {'unit': 'free text of the user, of any length' * 20},
        {'when': Time(50000.0, format='mjd')},
        5 * u.nJy / u.pix,
        -21.5 * u.ABmag,
        1 + 2j,
        None,
    ],
    ids=str,
)
def test_what_astropy_writes_comes_back(value):
    assert load_yaml(yaml.dump(value)) == value


@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize('dtype', ['f8', '>i2', 'U3', [('a', 'f4'), ('b', 'i8', (2,))]], ids=str)
def test_arrays_are_those_that_astropy_reads(dtype, order):
    values = np.zeros((3, 2), dtype=dtype, order=order)
    text = yaml.dump([values, values[0, 0]])
    found, expected = load_yaml(text), yaml.load(text)
    assert_array_equal(found[0], expected[0])
    assert found[0].dtype == values.dtype
    assert found[1] == expected[1]


def test_a_description_of_a_table_is_that_which_astropy_reads():
    table = QTable({'id': [1], 'sky': SkyCoord([1], [2], unit='deg'), 'flux': [1] * u.nJy})
    table.meta = {'b': 1, 'a': [1, 2]}
    lines = get_yaml_from_table(table)
    assert load_yaml('\n'.join(lines)) == get_header_from_yaml(lines)


@pytest.mark.parametrize(
    'text',
    [
        '!numpy.ndarray ' + ARRAY % 'O',
        '!numpy.ndarray ' + ARRAY % 'object',
        '!numpy.ndarray ' + ARRAY % "'|O8'",
        '!numpy.ndarray ' + ARRAY % "'(2,)O'",
        '!numpy.ndarray ' + ARRAY % '!!binary Tw==',
        '!numpy.ndarray ' + ARRAY % '[!!python/tuple [x, O]]',
        '!numpy.ndarray ' + ARRAY % 'i8, !!str "dtype": O',
        '!numpy.ndarray ' + ARRAY.replace('dtype: %s', '<<: {dtype: O}'),
        '!numpy.void ' + f'{{buffer: {ADDRESSES}, dtype: {{names: [a], formats: [O]}}}}',
    ],
)
def test_bytes_never_become_addresses(text):
    with pytest.raises(ValueError, match='Python objects'):
        load_yaml(f'[{text}]')


def bomb(levels=12):
    """Lists of ten times the former list: 10**levels values in a few lines."""
    lines = ['a0: &a0 [x]']
    lines += [f'a{k}: &a{k} [{", ".join([f"*a{k - 1}"] * 10)}]' for k in range(1, levels)]
    return '\n'.join(lines)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (bomb(), '200000 values'),
        ('<<: [&a {x: 1}, ' + '*a, ' * 200_000 + ']', '200000 values'),
        ('[' * 5000, 'more than 100 levels deep'),
        ('&a [x, *a]', 'a part of itself'),
        ('1' + ':1' * 50_000, 'a number has'),
        ('!astropy.units.Unit {unit: 10**9999999 m}', 'is not a unit'),
        ('!astropy.units.Unit {<<: {unit: 10**9999999 m}}', 'is not a unit'),
        ('!astropy.units.Unit {unit: !!binary MTAqKjk5OTk5OTkgbQ==}', 'is not a unit'),
        ('- {name: a, datatype: float64, unit: 10**9999999 m}', 'is not a unit'),
        ('a: {__class__: x, unit: 10**9999999 m}', 'is not a unit'),
        ('!!python/object/apply:os.system [true]', 'could not determine a constructor'),
        ('a: [1', 'not valid'),
        ('a: \x80', 'unacceptable character'),
        ('x' * (yaml_text.LONGEST_YAML + 1), 'characters; allowed are'),
    ],
    ids=range(14),
)
def test_what_would_take_long_is_refused_at_once(text, message, monkeypatch):
    monkeypatch.setattr(yaml_text, '_MOST_VALUES', 2000)
    start = time.process_time()
    with pytest.raises(ValueError, match=message.replace('200000', '2000')) as error:
        load_yaml(text)
    assert '\n' not in str(error.value)
    assert time.process_time() - start < 5


DEEP = """
import sys

from astro_wgan.files.yaml_text import load_yaml

sys.setrecursionlimit(10**6)
try:
    load_yaml('[' * 10**5 + ']' * 10**5)
except ValueError as error:
    print(error)
"""


def test_no_depth_ends_the_process_where_a_package_lets_python_recurse():
    command = [sys.executable, '-c', DEEP]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert 'nested more than 100 levels deep' in done.stdout
