"""What a hunt reads: positions from a table, and images with their sky or without."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import Table
from astropy.wcs import WCS

from astro_wgan import HuntConfig, datasets
from astro_wgan.catalogs import write_catalog
from astro_wgan.detection import DetectionConfig
from astro_wgan.detection.tiled_detection import measure_background
from astro_wgan.hunting.field import read_field
from astro_wgan.neighbors import NeighborConfig

CONFIG = HuntConfig(size=16, detection=DetectionConfig(5.0))
PLACES = np.array([(x, y) for x in range(20, 240, 40) for y in range(20, 240, 40)])


@pytest.fixture(scope='module')
def sky():
    y, x = np.indices((256, 256))
    return (100 + 0.1 * x + 0.05 * y).astype(np.float32)


@pytest.fixture(scope='module')
def image(sky):
    """Round sources on a sky that rises to the right."""
    y, x = np.indices(sky.shape)
    pixels = np.random.default_rng(1).normal(size=sky.shape) + sky
    for x0, y0 in PLACES:
        pixels += 60 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / 1.5**2)
    return CCDData(pixels.astype(np.float32), unit='nJy')


def read(image, config=CONFIG, positions=None):
    return read_field(image, config, bands=None, positions=positions, progress=False)


@pytest.mark.parametrize('scale', [1.0, 1e-12, 1e9])
def test_measured_background_is_the_sky_in_any_unit(image, sky, scale):
    pixels = image.data * np.float32(scale)
    level = measure_background(pixels, detection=CONFIG.detection)
    np.testing.assert_allclose(level / scale, sky, atol=1.5)
    known = replace(CONFIG.detection, background=3.0 * scale)
    assert measure_background(pixels, detection=known) == pytest.approx(3 * scale)


def test_the_sky_is_kept_or_subtracted(image, sky):
    kept = read(image).stamps
    without = read(image, replace(CONFIG, sky='subtract')).stamps
    assert len(kept) == len(without) == len(PLACES)
    np.testing.assert_allclose(kept.table['x'].value, without.table['x'].value, atol=0.2)
    corner = np.s_[:, 0, 0]
    x, y = (without.table[name].value - 8 for name in 'xy')
    np.testing.assert_allclose(kept.pixels[corner], 100 + 0.1 * x + 0.05 * y, atol=4)
    assert abs(without.pixels[corner].mean()) < 1
    # The image of the caller is as it was.
    assert image.data.mean() > 100


def test_a_known_sky_is_subtracted(image):
    config = replace(CONFIG, sky='subtract', detection=DetectionConfig(5.0, background=90.0))
    stamps = read(image, config, positions=PLACES).stamps
    kept = read(image, CONFIG, positions=PLACES).stamps
    np.testing.assert_allclose(stamps.pixels, kept.pixels - 90, rtol=1e-6)
    assert stamps.unit == u.nJy


@pytest.mark.parametrize('is_in_bands', [False, True])
def test_neighbors_are_masked_though_they_are_fainter_than_what_is_cut(image, is_in_bands):
    faint = image.copy()
    y, x = np.indices(image.shape)
    for x0, y0 in PLACES:
        # A peak of 4 sigma, below the threshold of the stamps.
        faint.data = faint.data + np.float32(4) * np.exp(
            -((x - x0 - 6) ** 2 + (y - y0 + 6) ** 2) / 2 / 1.5**2
        ).astype(np.float32)
    faint.data = faint.data - np.float32(100) - 0.1 * x - 0.05 * y
    given = {'g': faint, 'r': faint.multiply(1.5)} if is_in_bands else faint
    config = replace(CONFIG, neighbors='mask')
    stamps = read(given, config).stamps
    assert len(stamps) == len(PLACES)
    assert stamps.table['n_neighbors'].sum() > len(PLACES) / 2
    own = NeighborConfig('mask', detection=CONFIG.detection)
    few = read(given, replace(config, neighbors=own)).stamps.table['n_neighbors']
    assert few.sum() < len(PLACES) / 4
    # At positions, too.
    again = read(given, config, positions=stamps.table['id', 'x', 'y']).stamps
    assert again.table['n_neighbors'].sum() == stamps.table['n_neighbors'].sum()


@pytest.mark.parametrize('is_in_bands', [False, True])
def test_stamps_follow_their_sources_and_neighbors_are_masked_in_them(image, is_in_bands):
    given = {'g': image, 'r': image.multiply(2)} if is_in_bands else image
    config = replace(CONFIG, scale='source', detect_in='r' if is_in_bands else None)
    stamps = read(given, config).stamps
    # A Gaussian of sigma 1.5 has a half-light radius of 1.77 pixels.
    expected = 16 * 1.5 * np.sqrt(2 * np.log(2)) / 16
    np.testing.assert_allclose(np.median(stamps.table['scale_factor']), expected, rtol=0.1)
    assert [band.name for band in stamps.bands] == (['g', 'r'] if is_in_bands else [])
    if is_in_bands:
        bright = stamps.pixels.max(axis=(1, 2))
        np.testing.assert_allclose(bright[:, 1] / bright[:, 0], 2, rtol=1e-3)
    masked = read(given, replace(config, neighbors='mask')).stamps
    assert 'n_neighbors' in masked.table.colnames
    if is_in_bands:
        found = read(given, replace(config, detect_in='chi2')).stamps
        assert len(found) == len(PLACES)
        assert np.median(found.table['scale_factor']) == pytest.approx(expected, rel=0.1)


def test_stamps_follow_their_sources_in_images_with_other_pixels():
    """The first band decides the scale; the second has pixels twice as large on the sky."""
    bands = {}
    for name, pixel in (('g', 1.0), ('r', 2.0)):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval = ('RA---TAN', 'DEC--TAN'), (150, 2)
        wcs.wcs.cdelt = -pixel / 3600, pixel / 3600
        wcs.wcs.crpix = 0.5 + 128 / pixel, 0.5 + 128 / pixel
        y, x = (np.indices((int(256 / pixel),) * 2) + 0.5) * pixel - 0.5
        pixels = np.random.default_rng(int(pixel)).normal(size=x.shape)
        for x0, y0 in PLACES:
            pixels += 300 * pixel**2 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / 2.5**2)
        bands[name] = CCDData(pixels.astype(np.float32), unit='nJy', wcs=wcs)
    stamps = read(bands, replace(CONFIG, scale='source')).stamps
    # 16 half-light radii of 2.9 pixels do not fit at 20 pixels from the edge.
    assert len(stamps) == np.count_nonzero((PLACES > 24).all(axis=1))
    assert [band.name for band in stamps.bands] == ['g', 'r']
    # The same source, as large in both, though the second image has a quarter of the pixels.
    total = stamps.pixels.sum(axis=(1, 2))
    np.testing.assert_allclose(total[:, 1] / total[:, 0], 1, atol=0.1)
    y, x = np.indices((16, 16)) - 7.5
    widths = [
        np.average(x**2 + y**2, weights=np.clip(stamps.pixels[..., k].mean(axis=0), 0, None))
        for k in (0, 1)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.2)


@pytest.mark.parametrize(
    ('name', 'columns', 'first'),
    [
        ('p.csv', ('x', 'y'), 0),
        ('p.fits', ('X_IMAGE', 'Y_IMAGE'), 1),
        ('p.ecsv', ('xcentroid', 'ycentroid'), 0),
        ('p.txt', ('x', 'y'), 0),
    ],
)
def test_positions_from_a_file(image, tmp_path, name, columns, first):
    table = Table(PLACES + first, names=columns)
    table['brightness'] = np.arange(len(table))
    formats = {'p.txt': 'ascii.basic', 'p.csv': 'ascii.csv', 'p.ecsv': 'ascii.ecsv'}
    table.write(tmp_path / name, format=formats.get(name, 'fits'))
    stamps = read(image, positions=tmp_path / name).stamps
    np.testing.assert_allclose(stamps.table['x'].value, PLACES[:, 0])
    np.testing.assert_array_equal(stamps.table['brightness'], np.arange(len(PLACES)))


def test_a_bundled_image_is_credited(image, tmp_path):
    found = read(datasets.image_path('mock_f814w'), replace(CONFIG, size=32))
    assert found.credit == datasets.image_info('mock_f814w').credit
    image.write(tmp_path / 'mock_f814w.fits')
    assert read(tmp_path / 'mock_f814w.fits').credit is None


def test_positions_that_are_left_out_are_told(image, capsys):
    off = np.concatenate([PLACES, [[5000, 10], [10, -40], [3, 3]]])
    field = read_field(image, CONFIG, bands=None, positions=off, progress=True)
    assert len(field.stamps) == len(PLACES)
    told = capsys.readouterr().err
    assert 'left out: 3 of 39 positions' in told
    assert 'cutting 100%' in told
    assert 'detecting' not in told


@pytest.mark.parametrize('none', [np.zeros((0, 2)), [], Table(names=['x', 'y'])])
def test_no_position_is_refused(image, none):
    with pytest.raises(ValueError, match='`positions` must hold at least one position'):
        read(image, positions=none)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x89PNG\0\0', 'contains no table'),
        (b'name,size\na,1\n', 'position'),
        (b'ra,dec\n1,2\n', 'WCS'),
        (b'x,y\n1,\n', 'finite|masked|missing'),
        (b'x,y\n', '`positions` must hold at least one position; got none'),
    ],
)
def test_tables_without_positions_are_refused(image, tmp_path, content, message):
    (tmp_path / 'table').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read(image, positions=str(tmp_path / 'table'))
    with pytest.raises(FileNotFoundError):
        read(image, positions=str(tmp_path / 'none'))


def test_a_hunt_takes_the_sources_of_a_catalog_that_lie_in_the_image(image, tmp_path):
    pytest.importorskip('pyarrow')
    wcs = WCS({'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CDELT1': -1e-4, 'CDELT2': 1e-4})
    given = CCDData(image.data, unit='nJy', wcs=wcs)
    x, y = PLACES.T
    ra, dec = wcs.all_pix2world(np.r_[x, x + 1000], np.r_[y, y], 0)
    path = write_catalog(
        {'id': np.arange(len(ra)), 'ra': ra, 'dec': dec}, tmp_path / 'a', partition_rows=9
    )
    stamps = read(given, positions=str(path)).stamps
    assert sorted(stamps.table['id']) == list(range(len(PLACES)))
    np.testing.assert_allclose(stamps.table['x'].value, x[stamps.table['id']], atol=1e-6)


def test_files_of_a_survey_are_told_for_each_band(image, sky, tmp_path, capsys):
    images = {}
    for band, bad in (('g', 2), ('r', 8)):
        flags = np.zeros(sky.shape, 'i4')
        flags[:4] = bad
        for kind, values in (
            ('sci', (image.data - sky) * bad),
            ('wei', 0 * sky + 1),
            ('msk', flags),
        ):
            path = tmp_path / f'KiDS_1_{band}_{kind}.fits'
            fits.PrimaryHDU(values, fits.Header({'PHOTZP': 0.0})).writeto(path)
        images[band] = tmp_path / f'KiDS_1_{band}_sci.fits'
    (tmp_path / 'KiDS_1_r_wei.fits').unlink()
    field = read_field(images, CONFIG, bands=None, positions=None, progress=True)
    g, r = field.images
    assert (g['layout'], r['layout']) == ('kids', 'kids')
    assert g['weight'] == 'KiDS_1_g_wei.fits[0 PRIMARY (256 x 256)]'
    assert r['missing'] == 'KiDS_1_r_wei.fits*'
    shown = capsys.readouterr()
    shown = shown.out + shown.err
    assert 'g: layout: kids' in shown
    assert 'g: mask: KiDS_1_g_msk.fits[0 PRIMARY (256 x 256)]: bits 0, 1, 2, 6, 7' in shown
    assert 'r: not found: KiDS_1_r_wei.fits*' in shown
    assert [band.zero_point for band in field.stamps.bands] == [0 * u.ABmag] * 2
