"""Metadata of any kind as cards: written to a file and read again, it means the same."""

import json
import pickle
import string

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.table import MaskedColumn, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from astro_wgan.fits.header_cards import as_header, card_value
from astro_wgan.images import read_image
from astro_wgan.images.image_data import ImageData
from astro_wgan.testing import make_wcs


def written(meta, path, **options):
    """The header of an image that was written with some metadata."""
    wcs = make_wcs((4, 5))
    pixels = np.arange(20.0).reshape(4, 5)
    image = ImageData(pixels, unit='nJy', wcs=wcs, meta=meta, mask=pixels > 17, **options)
    image.write(path, overwrite=True)
    for again in (CCDData.read(path), read_image(path)):
        assert np.array_equal(again.data, pixels)
        assert np.array_equal(again.mask, pixels > 17)
        assert again.unit == u.nJy
        assert again.wcs.pixel_to_world(0, 1).separation(wcs.pixel_to_world(0, 1)).mas < 1e-6
    return fits.getheader(path)


@pytest.mark.parametrize(
    ('value', 'card'),
    [
        (True, True),
        (np.bool_(False), False),
        (np.int16(-3), -3),
        (2**63, 2**63),
        (np.float32(0.5), 0.5),
        (np.pi, np.pi),
        (1e-300, 1e-300),
        (np.nan, 'nan'),
        (np.inf, 'inf'),
        (-np.inf, '-inf'),
        (1 + 2j, 1 + 2j),
        ('NGC 4038', 'NGC 4038'),
        (b'NGC 4039', 'NGC 4039'),
        (np.str_("Barnard's"), "Barnard's"),
        ('', ''),
        (3.5 * u.Mpc, 3.5),
        (Masked(3.5 * u.Mpc, mask=True), None),
        (np.ma.masked, None),
        (None, None),
        (Time('2020-01-01'), '2020-01-01T00:00:00.000'),
        (np.datetime64('2020-01-01T12'), '2020-01-01T12'),
        ([1, 2.5], '[1, 2.5]'),
        (np.ones(3), '[1.0, 1.0, 1.0]'),
        ({'a': {'b': [1]}}, '{"a": {"b": [1]}}'),
        (slice(3), 'slice(None, 3, None)'),
    ],
)
def test_values_mean_the_same_when_they_are_read_again(value, card, tmp_path):
    header = written({'VALUE': value}, tmp_path / 'a.fits')
    read = header['VALUE']
    assert read == card if card is not None else isinstance(read, fits.card.Undefined | None)
    assert type(read) is type(card) or card is None


@pytest.mark.parametrize(
    'text',
    ['ESO 137\u2013001', 'Müller 3', 'two\nlines', 'tab\t', 'C:\\é', '\u661f\u7cfb', '\U0001f30c'],
)
def test_text_beyond_ascii_is_escaped(text, tmp_path):
    read = written({'OBJECT': text}, tmp_path / 'a.fits')['OBJECT']
    assert read.encode().decode('unicode_escape') == text


@pytest.mark.parametrize('name', ['comment', 'photometric_redshift_comment'])
@pytest.mark.parametrize('seed', range(5))
def test_long_texts_are_whole(name, seed, tmp_path):
    rng = np.random.default_rng(seed)
    letters = list(string.ascii_letters + string.digits + "'&/=\\ " * 4)
    text = ''.join(rng.choice(letters, size=rng.integers(50, 900))).strip()
    header = written({name: text, 'photometric_redshift': 1.5}, tmp_path / 'a.fits')
    key = '_COMMENT' if name == 'comment' else name
    value = header[key]
    value = value if name == 'comment' else header[value]
    assert value.encode().decode('unicode_escape') == text
    assert header['photometric_redshift'] == 1.5


def test_texts_without_end_are_cut(tmp_path):
    read = written({'NOTE': 'a' * 100_000}, tmp_path / 'a.fits')['NOTE']
    assert read == 'a' * 7997 + '...'


@pytest.mark.parametrize(
    'name',
    [
        'simple',
        'bitpix',
        'naxis',
        'naxis1',
        'NAXIS2',
        'extend',
        'end',
        'hierarch',
        'continue',
        'history',
        'comment',
        'bunit',
        'bscale',
        'bzero',
        'blank',
        'crval1',
        'CTYPE1',
        'crpix2',
        'cd1_1',
        'pc1_1',
        'pc001001',
        'cdelt1',
        'cunit1',
        'radesys',
        'equinox',
        'wcsaxes',
        'lonpole',
        'a_order',
        'a_1_1',
        'boffset',
        'bsoften',
        'softbias',
        'extname',
        'exttype',
        'xtension',
        'pcount',
        'inherit',
        'zimage',
        'pltlabel',
        'utype',
        'hdumask',
        'pv1_1',
        'mjdref',
        'checksum',
    ],
)
def test_names_of_other_cards_change_nothing_but_get_an_underscore(name, tmp_path):
    header = written({name: 7, 'z': 0.5}, tmp_path / 'a.fits')
    assert [header.get(key) for key in (f'_{name}', name)].count(7) == 1
    assert header['NAXIS'] == 2
    assert header['Z'] == 0.5


def test_every_name_has_a_card_of_its_own(tmp_path):
    names = [
        'a',
        'A',
        'S/N',
        'S_N',
        'flux (Jy)',
        'x=y',
        'flux_µJy',
        '',
        ' ',
        'a.b',
        'naxis',
        '_NAXIS',
    ]
    names += ['photometric_redshift_best', 'photometric_redshift_low', 'Photometric_redshift_low']
    names += ['n' * 100, 'n' * 101, 7]
    header = written(dict(zip(names, range(len(names)), strict=True)), tmp_path / 'a.fits')
    values = [
        card.value for card in header.cards if card.keyword in as_header(dict.fromkeys(names))
    ]
    assert values == list(range(len(names)))
    assert header['photometric_redshift_best'] == names.index('photometric_redshift_best')
    assert header.comments['S_N'] == 'S/N'


def test_units_are_in_the_comments(tmp_path):
    meta = {'distance': 3 * u.Mpc, 'S/N': 3 * u.one, 'kron_flux_of_the_galaxy': 2.5 * u.nJy}
    header = written(meta, tmp_path / 'a.fits')
    assert header.comments['distance'] == '[Mpc]'
    assert header.comments['kron_flux_of_the_galaxy'] == '[nJy]'


def test_rows_of_tables_and_their_masks():
    row = Table({'z': MaskedColumn([1.0, 2.0], mask=[True, False]), 'n': [3, 4]})[0]
    assert card_value(row['z']) is None
    assert card_value(row['n']) == 3


def test_memory_keeps_what_a_header_cannot_hold():
    image = ImageData(np.ones((3, 3)), unit='ct', meta={'z': np.nan, 'Müller': [1, 2]})
    for same in (image, image.copy(), pickle.loads(pickle.dumps(image)), image.multiply(2)):
        assert isinstance(same, ImageData)
    assert np.isnan(image.copy().meta['z'])
    assert image.meta['Müller'] == [1, 2]
    assert image.to_hdu()[0].header['Z'] == 'nan'
    assert json.loads(image.to_hdu()[0].header['M_LLER']) == [1, 2]


def test_headers_with_cards_that_are_no_fits_are_written_mended_or_without_them(tmp_path):
    cards = [
        b"OBJECT  = 'M 51'",
        b'BAD     = 1.2.3.4',
        b'UNQUOTED= it is',
        b'lower   = 3',
        b"NIGHT   = 'x' no slash",
    ]
    cards += [b'HISTORY of it', b'EXPTIME =                 30.0 / s', b"FILTER  = 'R"]
    raw = b''.join(card.ljust(80) for card in cards)
    header = fits.Header.fromstring(raw)
    image = read_image(fits.PrimaryHDU(np.ones((3, 3)), header))
    image.write(tmp_path / 'a.fits')
    again = fits.getheader(tmp_path / 'a.fits')
    assert (again['OBJECT'], again['EXPTIME'], str(again['HISTORY'])) == ('M 51', 30.0, 'of it')
    assert again['BAD'] == '1.2.3.4'


@pytest.mark.parametrize(
    'source',
    [
        np.ones((3, 3)),
        NDData(np.ones((3, 3)), meta={'z': np.nan, 'a long name of it': 'b' * 90, 'naxis': 3}),
        CCDData(np.ones((3, 3)), unit='mag(AB)', meta={'näme': np.inf, 'list': [1, 2]}),
    ],
)
def test_what_is_read_can_be_written(source, tmp_path):
    image = read_image(source)
    image.write(tmp_path / 'a.fits')
    again = read_image(tmp_path / 'a.fits')
    assert np.array_equal(again.data, image.data)
    assert again.unit == image.unit
    assert again.meta['ZEROMASK'] == image.meta['ZEROMASK']
