"""The WCS of headers as surveys write them: by astropy of the header, or by closed formulas."""

import shutil
import subprocess
import warnings

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning

from astro_wgan.astrometry.celestial_wcs import celestial_wcs
from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.projections import centered, in_icrs
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.fits.wcs_cards import header_without_wcs
from astro_wgan.images import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.store import StampStore

SHAPE = (60, 80)
PIXELS = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
X, Y = np.array([3.0, 40, 77]), np.array([55.0, 30, 2])

PLAIN = {
    'CTYPE1': 'RA---TAN',
    'CTYPE2': 'DEC--TAN',
    'CRVAL1': 84.0,
    'CRVAL2': -2.0,
    'CRPIX1': 41.0,
    'CRPIX2': 31.0,
}
SCALE = {'CDELT1': -4e-4, 'CDELT2': 4e-4}
MATRIX = {'CD1_1': -4e-4, 'CD1_2': 1e-5, 'CD2_1': 2e-5, 'CD2_2': 4e-4}
SIP = {'A_ORDER': 2, 'B_ORDER': 2, 'A_2_0': 1e-4, 'B_0_2': -2e-4, 'B_1_1': 5e-5}
SIP_NAMES = {'CTYPE1': 'RA---TAN-SIP', 'CTYPE2': 'DEC--TAN-SIP'}


def iraf(kind, parameters=''):
    """A projection of IRAF, whose polynomials are in text."""
    surface = '3. 3. 3. 2. -0.1 0.1 -0.1 0.1 1e-4 2e-3 1e-1 3e-3 2e-2 0.1 '
    cards = {'CTYPE1': f'RA---{kind}', 'CTYPE2': f'DEC--{kind}', 'WAT0_001': 'system=image'}
    for axis, name, short in ((1, 'ra', 'lng'), (2, 'dec', 'lat')):
        text = f'wtype={kind.lower()} axtype={name} {parameters}{short}cor = "{surface}"'
        for number, begin in enumerate(range(0, len(text), 68), start=1):
            cards[f'WAT{axis}_{number:03d}'] = text[begin : begin + 68]
    return PLAIN | MATRIX | cards


def plate():
    numbers = dict(zip(('PLTRAH', 'PLTRAM', 'PLTRAS'), (5, 38, 20.0), strict=True))
    numbers |= {'PLTDECSN': '-', 'PLTDECD': 2, 'PLTDECM': 30, 'PLTDECS': 0.0, 'EQUINOX': 2000.0}
    numbers |= {'CNPIX1': 9000, 'CNPIX2': 8000, 'XPIXELSZ': 25.284449, 'YPIXELSZ': 25.284449}
    numbers |= {'PLTLABEL': 'SJ 100', 'PLATEID': 'A0K1', 'REGION': 'S001', 'PLTSCALE': 67.2}
    numbers |= {f'PPO{k}': 177500.0 if k in (3, 6) else 0.0 for k in range(1, 7)}
    x = [67.23, -0.05, -1.2, -1.7e-5, 1.1e-5, 3e-6, 0, 1.9e-6, -4e-8, 2.0e-6, 1e-9]
    y = [67.23, 0.05, 2.1, 2e-5, -1e-5, 9e-6, 0, 1.9e-6, 3e-8, 2.1e-6, -2e-9]
    for name, values in (('AMDX', x), ('AMDY', y)):
        values += [0.0] * (20 - len(values))
        numbers |= {f'{name}{k + 1}': float(value) for k, value in enumerate(values)}
    return numbers


HEADERS = {
    'CDELT': PLAIN | SCALE,
    'CDELT and CROTA2': PLAIN | SCALE | {'CROTA2': 30.0},
    'CD': PLAIN | MATRIX,
    'CD beside CDELT and CROTA2': PLAIN | MATRIX | {'CDELT1': -1.0, 'CDELT2': 1.0, 'CROTA2': 0.0},
    'PC001001': PLAIN
    | SCALE
    | {'PC001001': 0.8, 'PC001002': -0.6, 'PC002001': 0.6, 'PC002002': 0.8},
    'alternates': PLAIN
    | MATRIX
    | {'CTYPE1A': 'LINEAR', 'CRPIX1A': 3.0, 'CRVAL1P': 7.0, 'CD1_1P': 2.0, 'WCSNAMEP': 'PHYSICAL'},
    'physical pixels of IRAF': PLAIN
    | MATRIX
    | {'LTV1': 5.0, 'LTM1_1': 0.5, 'WCSDIM': 2, 'WAT0_001': 'system=image'},
    'SIP': PLAIN | MATRIX | SIP | SIP_NAMES | {'AP_ORDER': 1, 'BP_ORDER': 1, 'A_DMAX': 3.0},
    'TPV': PLAIN
    | MATRIX
    | {'CTYPE1': 'RA---TPV', 'CTYPE2': 'DEC--TPV', 'PV1_1': 1.01, 'PV2_1': 0.99, 'PV1_4': 0.2},
    'TPV that is called TAN': PLAIN | MATRIX | {'PV1_1': 1.01, 'PV2_1': 0.99, 'PV1_7': 2.0},
    'TNX': iraf('TNX'),
    'ZPX': iraf('ZPX', 'projp0=0. projp1=1. projp2=0. projp3=300. '),
    'plate': plate(),
    'plate beside TAN': plate() | PLAIN | SCALE,
    'arcsec': PLAIN
    | {'CUNIT1': 'arcsec', 'CUNIT2': 'arcsec', 'CRVAL1': 302400.0, 'CRVAL2': -7200.0}
    | {'CDELT1': -1.4, 'CDELT2': 1.4},
    'radian': PLAIN
    | {'CUNIT1': 'rad', 'CUNIT2': 'rad', 'CRVAL1': 1.4, 'CRVAL2': -0.03}
    | {'CDELT1': -7e-6, 'CDELT2': 7e-6},
    'FK4 by RADECSYS': PLAIN | MATRIX | {'RADECSYS': 'FK4', 'EQUINOX': 1950.0},
    'FK4 by EPOCH': PLAIN | MATRIX | {'EPOCH': 1950.0},
    'FK5': PLAIN | MATRIX | {'RADESYS': 'FK5', 'EQUINOX': 1980.0},
    'galactic': PLAIN | MATRIX | {'CTYPE1': 'GLON-TAN', 'CTYPE2': 'GLAT-TAN'},
    'LONPOLE': PLAIN | SCALE | {'LONPOLE': 90.0},
    'latitude first': PLAIN
    | {'CTYPE1': 'DEC--TAN', 'CTYPE2': 'RA---TAN', 'CRVAL1': -2.0, 'CRVAL2': 84.0}
    | {'CD1_1': 4e-4, 'CD2_2': -4e-4},
    'no projection': PLAIN | SCALE | {'CTYPE1': 'RA', 'CTYPE2': 'DEC'},
    'a pole': PLAIN | SCALE | {'CRVAL2': 89.999},
    'around 0 hours': PLAIN | SCALE | {'CRVAL1': 0.001},
}


def header_of(cards):
    header = fits.Header()
    for key, value in cards.items():
        header[key] = value
    return header


def by_astropy(header):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FITSFixedWarning)
        return WCS(header).pixel_to_world(X, Y).icrs


@pytest.mark.filterwarnings('ignore:.*photographic plate')
@pytest.mark.parametrize('name', HEADERS)
def test_positions_and_written_files_are_as_the_header_says(name, tmp_path):
    header = header_of(HEADERS[name] | {'FILTER': 'F814W'})
    right = by_astropy(header)
    image = read_image(fits.PrimaryHDU(PIXELS, header))
    assert pixel_to_sky(X, Y, image.wcs).separation(right).mas.max() < 0.01
    image.write(tmp_path / 'image.fits')
    written = fits.getheader(tmp_path / 'image.fits')
    assert written['FILTER'] == 'F814W'
    assert by_astropy(written).separation(right).mas.max() < 0.01
    # One description, and nothing that is left of another.
    left = [key for key in written if key not in header_without_wcs(written)]
    assert sorted(set(left)) == sorted(
        {key for key in image.wcs.to_header(relax=True) if key in left}
    )


@pytest.mark.filterwarnings('ignore:.*photographic plate')
@pytest.mark.parametrize('name', HEADERS)
def test_stamps_are_where_the_header_says(name, tmp_path):
    header = header_of(HEADERS[name])
    right = by_astropy(header)[1]
    hdu = fits.PrimaryHDU(PIXELS, header)
    stamps = StampSet.from_image(hdu, size=9, positions=right)
    assert stamps.table['x'].value == pytest.approx(X[1], abs=1e-3)
    assert stamps.table['y'].value == pytest.approx(Y[1], abs=1e-3)
    x, y = (X[1], Y[1]) - stamps.geometry.corner[0]
    stored = StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)
    stamps.to_ccddata()[0].write(tmp_path / 'stamp.fits')
    alone = WCS(fits.getheader(tmp_path / 'stamp.fits'))
    for wcs in (stamps.wcs[0], stored[:1].wcs[0], alone):
        assert pixel_to_sky(x, y, wcs).separation(right).mas < 0.01


@pytest.mark.sextractor
@pytest.mark.parametrize(
    ('name', 'within'),
    # In arcsec: SExtractor leaves the elliptic terms of FK4 out, and has its own galactic pole.
    [
        *((name, 1e-3) for name in ('CDELT and CROTA2', 'PC001001', 'TPV', 'TNX', 'LONPOLE')),
        *((name, 1e-3) for name in ('TPV that is called TAN', 'latitude first', 'a pole')),
        ('FK4 by EPOCH', 0.3),
        ('FK5', 0.1),
        ('galactic', 0.1),
    ],
)
def test_sextractor_has_the_same_positions(name, within, tmp_path):
    program = shutil.which('source-extractor') or shutil.which('sex')
    if program is None:
        pytest.skip('needs the program SExtractor (package source-extractor)')
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = PIXELS + 0.0
    for column, row in ((20, 40), (60, 15)):
        pixels += 1000 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 8)
    hdu = fits.PrimaryHDU(pixels.astype('f4'), header_of(HEADERS[name]))
    hdu.writeto(tmp_path / 'a.fits')
    (tmp_path / 'a.param').write_text('X_IMAGE\nY_IMAGE\nALPHA_J2000\nDELTA_J2000\n')
    (tmp_path / 'a.conv').write_text('CONV NORM\n1 2 1\n2 4 2\n1 2 1\n')
    options = '-PARAMETERS_NAME a.param -FILTER_NAME a.conv -CATALOG_NAME a.cat -DETECT_THRESH 20'
    command = [program, 'a.fits', *options.split(), '-CATALOG_TYPE', 'ASCII_HEAD']
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = Table.read(tmp_path / 'a.cat', format='ascii.sextractor')
    assert len(found) == 2
    sky = pixel_to_sky(found['X_IMAGE'] - 1, found['Y_IMAGE'] - 1, read_image(hdu).wcs)
    theirs = SkyCoord(found['ALPHA_J2000'], found['DELTA_J2000'], unit='deg')
    assert sky.separation(theirs).arcsec.max() < within


@pytest.mark.parametrize(
    ('cards', 'number'),
    [
        ({'CRVAL1': '84.0'}, 84),
        ({'CRPIX1': ' 41.D0 '}, 84),
        ({'CTYPE1': 'ra---tan', 'CTYPE2': 'dec--tan'}, 84),
        ({'CTYPE1': 'RA--TAN', 'CTYPE2': 'DEC-TAN'}, 84),
        ({'EQUINOX': 'J2000'}, 84),
        ({'EQUINOX': 'B1950', 'RADESYS': 'FK4'}, 84.63),
        ({'RADESYS': 'B1950'}, 84.63),
        ({'RADESYS': 'fk5'}, 84),
        ({'RADESYS': 'ICRF'}, 84),
    ],
)
def test_cards_that_are_nearly_right_are_read(cards, number):
    image = read_image(fits.PrimaryHDU(PIXELS, header_of(PLAIN | SCALE | cards)))
    assert pixel_to_sky(40, 30, image.wcs).ra.deg == pytest.approx(number, abs=0.01)


def test_a_wcs_whose_name_is_no_text_can_be_written(tmp_path):
    wcs = WCS(header_of(PLAIN | SCALE))
    wcs.wcs.name = 'DSS PLATEID \x02'
    read_image(CCDData(PIXELS, unit='adu', wcs=wcs)).write(tmp_path / 'a.fits')
    assert 'WCSNAME' not in fits.getheader(tmp_path / 'a.fits')
    assert wcs.wcs.name


@pytest.mark.filterwarnings('ignore:.*photographic plate')
@pytest.mark.parametrize('name', [{}, {'PLATEID': 'A0K1'}])
def test_a_plate_needs_no_name_and_may_have_it_last(name, tmp_path):
    cards = plate()
    right = by_astropy(header_of(cards))
    del cards['PLATEID']
    read_image(fits.PrimaryHDU(PIXELS, header_of(cards | name))).write(tmp_path / 'a.fits')
    again = read_image(tmp_path / 'a.fits')
    assert pixel_to_sky(X, Y, again.wcs).separation(right).mas.max() < 0.01


WITHOUT_SKY = {
    'a matrix of zeros': ({f'CD{i}_{j}': 0.0 for i in (1, 2) for j in (1, 2)}, 'CDi_j is 0'),
    'no step': (SCALE | {'CDELT1': 0.0}, 'singular'),
    'parallel axes': ({f'CD{i}_{j}': 1e-4 for i in (1, 2) for j in (1, 2)}, 'singular'),
    'text': (SCALE | {'CRVAL1': '05:36:00'}, "CRVAL1 is '05:36:00', which is not a number"),
    'truth': (SCALE | {'CRVAL1': True}, 'CRVAL1 is True, which is not a number'),
    'NaN': (SCALE | {'CRPIX2': 'NaN'}, 'cannot be read'),
    'beyond the pole': (SCALE | {'CRVAL2': 95.0}, 'Ill-conditioned'),
    'unknown projection': (SCALE | {'CTYPE1': 'RA---XYZ', 'CTYPE2': 'DEC--XYZ'}, 'Unrecognized'),
    'two projections': (SCALE | {'CTYPE2': 'DEC--SIN'}, 'Inconsistent projection'),
    'one axis': (SCALE | {'CTYPE2': 'LINEAR'}, 'Unmatched celestial axes'),
    'unit of a length': (SCALE | {'CUNIT1': 'kpc', 'CUNIT2': 'kpc'}, 'Mismatched units'),
    'unit of a time': (SCALE | {'CUNIT1': 'h', 'CUNIT2': 'deg'}, 'Mismatched units'),
    'the Sun': (
        SCALE | {'CTYPE1': 'HPLN-TAN', 'CTYPE2': 'HPLT-TAN'},
        'HPLN is not a known longitude',
    ),
    'the Earth': (
        SCALE | {'CTYPE1': 'TLON-TAN', 'CTYPE2': 'TLAT-TAN'},
        'TLON is not a known longitude',
    ),
    'apparent places': (SCALE | {'RADESYS': 'GAPPT'}, "RADESYS 'GAPPT' is none of ICRS"),
    'table without columns': (SCALE | {'CTYPE1': 'RA---TAB', 'CTYPE2': 'DEC--TAB'}, ''),
}


@pytest.mark.parametrize('name', WITHOUT_SKY)
def test_what_gives_no_positions_is_left_out_with_a_warning(name):
    cards, reason = WITHOUT_SKY[name]
    hdu = fits.PrimaryHDU(PIXELS, header_of(PLAIN | cards))
    with pytest.warns(AstropyUserWarning, match=f'{reason}.*no sky positions') as caught:
        image = read_image(hdu)
    assert len(caught) == 1
    assert '\n' not in str(caught[0].message)
    assert image.wcs is None
    assert 'CRVAL1' not in image.meta


@pytest.mark.parametrize('name', ['crval', 'crpix', 'cdelt'])
def test_a_wcs_with_nan_gives_no_positions(name):
    wcs = WCS(header_of(PLAIN | SCALE))
    setattr(wcs.wcs, name, [np.nan, 1])
    with pytest.warns(AstropyUserWarning, match='numbers are not finite'):
        assert read_image(CCDData(PIXELS, unit='adu', wcs=wcs)).wcs is None


@pytest.mark.parametrize('as_object', [False, True])
def test_sip_counts_only_where_ctype_says_so(as_object):
    header = header_of(PLAIN | MATRIX | SIP)
    right = by_astropy(header_of(PLAIN | MATRIX))
    source = fits.PrimaryHDU(PIXELS, header)
    if as_object:
        source = CCDData(PIXELS, unit='adu', wcs=WCS(header))
    with pytest.warns(AstropyUserWarning, match='CTYPE is RA---TAN, DEC--TAN, without -SIP'):
        image = read_image(source)
    assert pixel_to_sky(X, Y, image.wcs).separation(right).mas.max() < 0.01
    assert image.wcs.sip is None


def test_longer_axes_may_stand_behind_the_celestial_ones():
    cards = {'CTYPE3': 'FREQ', 'CRVAL3': 1e9, 'CDELT3': 1e6, 'CRPIX3': 1.0, 'CTYPE4': 'STOKES'}
    header = header_of(PLAIN | SCALE | cards | {'CRVAL4': 1.0, 'CDELT4': 1.0, 'CRPIX4': 1.0})
    image = read_image(fits.PrimaryHDU(PIXELS[np.newaxis, np.newaxis], header))
    right = by_astropy(header_of(PLAIN | SCALE))
    assert pixel_to_sky(X, Y, image.wcs).separation(right).mas.max() < 0.01
    assert not {'CTYPE3', 'CTYPE4'} & set(image.meta)


@pytest.mark.parametrize('step', [{'CDELT3': 0.0}, {'PC3_3': 0.0}])
def test_a_step_of_zero_along_another_axis_is_no_matter(step):
    header = header_of(PLAIN | SCALE | {'CTYPE3': 'FREQ', 'CRVAL3': 1e9} | step)
    image = read_image(fits.PrimaryHDU(PIXELS[np.newaxis], header))
    right = by_astropy(header_of(PLAIN | SCALE))
    assert pixel_to_sky(X, Y, image.wcs).separation(right).mas.max() < 0.01


def test_a_plane_that_turns_with_frequency_has_no_positions():
    cards = {'WCSAXES': 3, 'CTYPE3': 'FREQ', 'CDELT3': 1.0, 'PC1_3': 0.5}
    header = header_of({'WCSAXES': 3} | PLAIN | SCALE | cards)
    with pytest.warns(AstropyUserWarning, match='no sky positions'):
        assert read_image(fits.PrimaryHDU(PIXELS[np.newaxis], header)).wcs is None


def test_celestial_axes_must_be_those_of_the_image():
    cards = {'CTYPE1': 'FREQ', 'CTYPE2': 'RA---TAN', 'CTYPE3': 'DEC--TAN', 'CRVAL3': 2.0}
    header = header_of({'WCSAXES': 3} | {f'CDELT{k}': 1e-4 for k in (1, 2, 3)} | cards)
    with pytest.warns(AstropyUserWarning, match='celestial axes are not the first two'):
        assert read_image(fits.PrimaryHDU(PIXELS[np.newaxis], header)).wcs is None


def map_wcs(projection, names=('RA--', 'DEC-'), crval=(0, 0), **pv):
    """An all-sky map of 1 degree that begins at its reference, so that half is beyond 180."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f'{name}-{projection}' for name in names]
    wcs.wcs.crval = crval
    wcs.wcs.crpix = 360.5, 90.5
    wcs.wcs.cdelt = -1, 1
    if pv:
        wcs.wcs.set_pv([(2, int(name[1:]), value) for name, value in pv.items()])
    wcs.wcs.set()
    return wcs


#: Latitude of a distance from the equator of the map, both in degrees: Calabretta & Greisen (2002).
LATITUDES = {
    'CAR': lambda y: y,
    'CEA': lambda y: np.degrees(np.arcsin(np.radians(y))),
    'MER': lambda y: np.degrees(np.arctan(np.sinh(np.radians(y)))),
}


@pytest.mark.parametrize('projection', LATITUDES)
def test_all_of_a_map_is_on_the_sky_beyond_180_degrees_of_its_reference(projection):
    wcs = celestial_wcs(map_wcs(projection), (180, 360))
    x, y = np.array([0.0, 100, 179, 181, 359]), np.array([89.0, 120, 120, 60, 95])
    right = SkyCoord((359.5 - x) % 360, LATITUDES[projection](y - 89.5), unit='deg')
    assert pixel_to_sky(x, y, wcs).separation(right).mas.max() < 0.1
    found = sky_to_pixel(right, wcs, (180, 360))
    assert np.stack(found[:2]) == pytest.approx(np.stack([x, y]), abs=1e-6)


@pytest.mark.parametrize('crval', [(0, 0), (200, 30), (17, -80)])
@pytest.mark.parametrize('projection', ['CAR', 'CEA', 'MER', 'CYP'])
def test_the_reference_moves_and_no_pixel_does(projection, crval):
    options = {'_1': 1.0, '_2': 1.2} if projection == 'CYP' else {}
    wcs = map_wcs(projection, crval=crval, **options)
    moved = centered(wcs, (100, 360))
    assert moved is not wcs
    x, y = np.random.default_rng(1).uniform((190, 60), (359, 120), (50, 2)).T
    assert pixel_to_sky(x, y, moved).separation(pixel_to_sky(x, y, wcs)).mas.max() < 0.1
    assert np.isfinite(pixel_to_sky([60, 100], [90, 95], moved).ra).all()
    assert np.isnan(pixel_to_sky([60, 100], [90, 95], wcs).ra).all()


def test_stamps_of_a_map_beyond_180_degrees():
    pixels = np.random.default_rng(2).normal(size=(180, 360))
    image = CCDData(pixels, unit='adu', wcs=map_wcs('CAR'))
    sky = SkyCoord([359.5, 250.5, 180.5, 0.5], [0.5, 60.5, -30.5, 10.5], unit='deg')
    stamps = StampSet.from_image(image, size=5, positions=sky, partial='fill')
    assert stamps.table['x'].value == pytest.approx([0, 109, 179, 359], abs=1e-6)
    assert stamps.pixel_area[1].value == pytest.approx(3600**2 * np.cos(np.radians(60.5)), rel=1e-4)
    assert [stamps.wcs[k].pixel_to_world(2, 2).separation(sky[k]).mas < 0.1 for k in range(4)]


@pytest.mark.parametrize('names', [('ELON', 'ELAT'), ('SLON', 'SLAT')])
@pytest.mark.parametrize(
    ('projection', 'crval', 'options'),
    [
        ('TAN', (120, 40), {}),
        ('TAN', (10, -89.9), {}),
        ('ARC', (120, 40), {}),
        ('CAR', (120, 0), {}),
        ('CAR', (200, 30), {}),
        ('AIT', (10, -20), {}),
        ('COE', (10, 45), {'_1': -45.0, '_2': 5.0}),
        ('TPV', (120, 40), {'_1': 1.01, '_4': 0.1}),
    ],
)
def test_other_frames_are_described_in_icrs(names, projection, crval, options):
    wcs = map_wcs(projection, names, crval, **options)
    wcs.wcs.cdelt = -0.02, 0.02
    x, y = np.random.default_rng(1).uniform((300, 60), (400, 120), (50, 2)).T
    right = pixel_to_sky(x, y, wcs)
    turned = in_icrs(wcs)
    assert turned.pixel_to_world(x, y).separation(right).mas.max() < 0.1
    assert [name[:4] for name in turned.wcs.ctype] == ['RA--', 'DEC-']


@pytest.mark.parametrize('crval', [(0, 0), (200, 30)])
@pytest.mark.parametrize('names', [('RA--', 'DEC-'), ('GLON', 'GLAT'), ('ELON', 'ELAT')])
def test_maps_are_written_and_stored_with_all_of_their_sky(names, crval, tmp_path):
    image = read_image(CCDData(np.ones((180, 360)), unit='adu', wcs=map_wcs('CAR', names, crval)))
    x, y = np.random.default_rng(3).uniform((5, 5), (354, 174), (50, 2)).T
    right = pixel_to_sky(x, y, image.wcs)
    assert np.isfinite(right.ra).all()
    image.write(tmp_path / 'map.fits')
    # A millionth of a pixel: the digits of a header.
    assert by_pixel(WCS(fits.getheader(tmp_path / 'map.fits')), x, y, right) < 4
    stamps = StampSet.from_image(image, size=9, positions=[(40, 90)])
    stored = StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)[:]
    assert by_pixel(stored.geometry.parents[0].wcs, x, y, right) < 4


def by_pixel(wcs, x, y, right):
    return wcs.pixel_to_world(x, y).icrs.separation(right).mas.max()


def test_stamps_off_the_sky_of_a_map_are_cut(tmp_path):
    wcs = map_wcs('MOL')
    wcs.wcs.crpix = 180.5, 90.5
    wcs.wcs.cdelt = -0.8, 0.8
    image = CCDData(np.ones((180, 360)), unit='adu', wcs=wcs)
    stamps = StampSet.from_image(image, size=8, positions=[(6, 6), (180, 90)])
    assert np.isnan(stamps.table['sky'].ra.deg).tolist() == [True, False]
    assert np.isnan(stamps.pixel_area.value).tolist() == [True, False]
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    again = StampStore.open(tmp_path / 'stamps.zarr')[:]
    assert np.isnan(again.table['sky'].ra.deg).tolist() == [True, False]
