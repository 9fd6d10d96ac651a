"""Tiles of any shape, projection and place, and tiles that cannot be used beside one that can."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

from astro_wgan.surveying.part_tables import read_part
from astro_wgan.testing import make_wcs

SHAPE = (160, 300)
CENTER = SkyCoord(150.1, 2.2, unit='deg')


@pytest.fixture
def tile(sky_pixels, tmp_path):
    """Function that writes a tile, and returns its path."""

    def tile(name, header, pixels=sky_pixels[0]):
        path = tmp_path / f'{name}.fits'
        fits.writeto(path, pixels, header)
        fits.setval(path, 'BUNIT', value='nJy')
        return path

    return tile


def header_of(name):
    """The header of a tile of the whole sky, by what is special about it."""
    if name in ('sip', 'tpv'):
        header = make_wcs(SHAPE, center=CENTER).to_header(relax=True)
        kind = {'sip': 'TAN-SIP', 'tpv': 'TPV'}[name]
        header['CTYPE1'], header['CTYPE2'] = f'RA---{kind}', f'DEC--{kind}'
        terms = {
            'sip': {'A_ORDER': 2, 'B_ORDER': 2, 'A_2_0': 1e-4, 'B_0_2': 1e-4},
            'tpv': {'PV1_1': 1.0, 'PV1_4': 20.0, 'PV2_1': 1.0, 'PV2_4': 20.0},
        }
        header.update(terms[name])
        return header
    places = {
        'pole': SkyCoord(0, 90, unit='deg'),
        'near the pole': SkyCoord(123, -89.9995, unit='deg'),
        'meridian': SkyCoord(0, 10, unit='deg'),
    }
    angle = 37 * u.deg if name == 'rotated' else 0 * u.deg
    return make_wcs(SHAPE, center=places.get(name, CENTER), position_angle=angle).to_header()


@pytest.mark.parametrize('name', ['sip', 'tpv', 'pole', 'near the pole', 'meridian', 'rotated'])
def test_sources_of_any_tile_are_found_at_their_pixels(name, tile, sky_pixels, run, tmp_path):
    header = header_of(name)
    sky = WCS(header).all_pix2world(sky_pixels[1], 0)
    catalog = QTable({'id': np.arange(len(sky)), 'ra': sky[:, 0], 'dec': sky[:, 1]})
    result = run({'whole': tile('whole', header)}, catalog, tmp_path / 'out')
    part = read_part(result.folder / 'parts' / 'whole.parquet')
    np.testing.assert_array_equal(part['id'], catalog['id'])
    found = np.stack([part['x'].value, part['y'].value], axis=1)
    np.testing.assert_allclose(found, sky_pixels[1], atol=1e-3)
    assert np.isfinite(part['score']).all()
    # And once each if they are detected.
    status = run({'whole': tmp_path / 'whole.fits'}, None, tmp_path / 'detected').status()
    assert abs(int(status['sources'][0]) - len(sky)) <= 3


def test_of_identical_tiles_the_first_has_all_sources(tile, catalog, run, tmp_path):
    header = header_of('plain')
    tiles = {name: tile(name, header) for name in ('second', 'first')}
    status = run(tiles, catalog, tmp_path / 'out').status()
    assert status['sources'].tolist() == [120, 0]
    assert status['state'].tolist() == ['done', 'done']


def test_a_tile_inside_of_another_has_no_sources(tile, sky_pixels, sky_wcs, catalog, run, tmp_path):
    inner = np.s_[40:120, 60:200]
    tiles = {
        'inner': tile('inner', sky_wcs[inner].to_header(), sky_pixels[0][inner]),
        'outer': tile('outer', sky_wcs.to_header()),
    }
    status = run(tiles, catalog, tmp_path / 'out').status()
    assert dict(zip(status['tile'], status['sources'], strict=True)) == {'inner': 0, 'outer': 120}


@pytest.mark.parametrize(
    ('kind', 'reason'),
    [
        ('no wcs', 'has no celestial WCS'),
        ('all nan', 'no pixel that is finite and not masked'),
        ('truncated', 'is truncated'),
        ('cube', 'is a cube of shape'),
        ('text', 'neither a FITS file nor a picture'),
        ('missing', 'No such file'),
        ('folder', 'is a folder, not an image'),
    ],
)
def test_a_tile_that_cannot_be_used_is_named_and_the_other_is_done(
    kind, reason, tile, tiles, catalog, sky_pixels, run, tmp_path
):
    pixels = {
        'all nan': np.full(SHAPE, np.nan, dtype=np.float32),
        'cube': np.stack([sky_pixels[0]] * 2),
    }
    path = tmp_path / 'bad.fits'
    if kind == 'folder':
        path.mkdir()
    elif kind == 'text':
        path.write_text('Dear all')
    elif kind != 'missing':
        header = fits.Header() if kind == 'no wcs' else header_of('plain')
        tile('bad', header, pixels.get(kind, sky_pixels[0]))
    if kind == 'truncated':
        path.write_bytes(path.read_bytes()[:70_000])
    with pytest.warns(UserWarning, match=rf'1 of 2 tiles .* bad failed: .*{reason}'):
        result = run({'bad': path, 'p00': tiles['p00']}, catalog, tmp_path / 'out')
    status = result.status()
    states = dict(zip(status['tile'], status['state'], strict=True))
    assert states == {'bad': 'failed', 'p00': 'done'}
    # Headers say nothing of pixels: those that are NaN are the sky of their tile.
    assert len(result.table()) == (0 if kind == 'all nan' else 54)


def test_stamps_without_usable_pixels_have_no_score(tile, sky_pixels, catalog, run, tmp_path):
    pixels = sky_pixels[0].copy()
    pixels[:, :150] = np.nan
    result = run({'half': tile('half', header_of('plain'), pixels)}, catalog, tmp_path / 'out')
    part = read_part(result.folder / 'parts' / 'half.parquet')
    is_known = np.isfinite(part['score'])
    assert 40 < is_known.sum() < 80
    assert not is_known[part['x'].value < 140].any()
    assert is_known[part['x'].value > 170].all()
