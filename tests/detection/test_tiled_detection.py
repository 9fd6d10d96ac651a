"""Detection in tiles: the catalog of SEP on the whole image, with the memory of a tile."""

import subprocess
import sys

import numpy as np
import pytest
import sep
from scipy.spatial import cKDTree

from astro_wgan.detection import detect
from astro_wgan.detection.background_mesh import SkyMesh
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.tiled_detection import detect_sources
from astro_wgan.exceptions import DetectionError
from astro_wgan.stamps import StampSet

NAME = 'astro_wgan.detection.tiled_detection.'


@pytest.fixture
def tiles(monkeypatch):
    """Tiles of some size for images of any."""

    def set_sizes(tile, margin):
        for name, value in (('_WHOLE', 0), ('_TILE', tile), ('_MARGIN', margin)):
            monkeypatch.setattr(NAME + name, value)

    return set_sizes


def add(image, x, y, peak, sigma):
    reach = int(6 * sigma) + 2
    rows = slice(max(0, int(y) - reach), int(y) + reach)
    columns = slice(max(0, int(x) - reach), int(x) + reach)
    part = image[rows, columns]
    yy, xx = np.ogrid[
        rows.start : rows.start + part.shape[0], columns.start : columns.start + part.shape[1]
    ]
    part += peak * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2))


@pytest.fixture(scope='module')
def field():
    """Some 500 sources, one of them with wide wings, on a sky that is not flat."""
    rng = np.random.default_rng(4)
    ny, nx = 600, 750
    y, x = np.mgrid[:ny, :nx]
    image = rng.normal(size=(ny, nx)) + 5 + 2 * np.sin(x / 150) * np.cos(y / 200)
    for x0, y0 in rng.uniform(0, (nx, ny), size=(500, 2)):
        add(image, x0, y0, np.exp(rng.uniform(1, 6)), rng.uniform(1.2, 3))
    image += 3000 / (1 + ((x - 302) ** 2 + (y - 195) ** 2) / 6**2) ** 1.5
    return image.astype('f4')


def assert_same_catalog(found, right):
    assert abs(len(found) - len(right)) <= 0.01 * len(right)
    places = np.stack([found['x'], found['y']], axis=1)
    distance, row = cKDTree(places).query(np.stack([right['x'], right['y']], axis=1))
    assert np.mean(distance < 1e-4) > 0.99
    assert len(np.unique(row)) >= 0.99 * len(right)
    # SEP deals faint pixels between blended sources out at random.
    alone = (right['flag'] & sep.OBJ_MERGED == 0) & (distance < 1e-4)
    assert alone.sum() > 0.5 * len(right)
    for name in ('flux', 'peak', 'a', 'b', 'npix', 'xmin', 'ymax', 'xpeak', 'ycpeak', 'flag'):
        assert np.allclose(found[name][row][alone], right[name][alone], rtol=1e-4), name


@pytest.mark.parametrize(('tile', 'margin'), [(200, 60), (350, 100), (1000, 10)])
@pytest.mark.parametrize('known', ['nothing', 'mask', 'noise', 'sky', 'noise and sky'])
def test_tiles_give_the_catalog_of_the_whole_image(tiles, field, tile, margin, known):
    options = {}
    if known == 'mask':
        options['mask'] = np.zeros(field.shape, dtype=bool)
        options['mask'][100:300, :400] = True
    if 'noise' in known:
        options['noise_rms'] = np.full(field.shape, 1.5)
        options['noise_rms'][:, :200] = np.nan
    if 'sky' in known:
        options['background'] = np.full(field.shape, 5.0)
    right = detect(field, **options).sources
    assert len(right) > 200
    tiles(tile, margin)
    assert_same_catalog(detect_sources(field, **options), right)


@pytest.mark.parametrize('factor', [1e-30, 1e30])
def test_units_of_large_images(tiles, field, factor):
    right = detect(field).sources
    tiles(200, 60)
    found = detect_sources(field.astype(float) * factor)
    found['flux'] /= factor
    found['peak'] /= factor
    assert_same_catalog(found, right)


def test_a_source_larger_than_the_margin_is_whole(tiles):
    image = np.random.default_rng(1).normal(size=(500, 600))
    add(image, 201, 190, 200, 35)
    options = {'background': 0, 'detection': DetectionConfig(3, deblend_contrast=1)}
    right = detect(image, **options).sources
    tiles(100, 20)
    found = detect_sources(image, **options)
    assert len(found) == len(right) == 1
    assert found['npix'][0] == right['npix'][0] > 20000
    assert (found['xmin'][0], found['ymax'][0]) == (right['xmin'][0], right['ymax'][0])


def test_wings_are_cleaned_away_from_neighboring_tiles(tiles):
    # Sources so faint that they are taken for wings of the bright one in the next tile.
    rng = np.random.default_rng(3)
    image = rng.normal(size=(400, 400))
    add(image, 95, 200, 3000, 12)
    for y in range(20, 400, 20):
        for x in range(130, 330, 20):
            add(image, x, y, 2.2, 2)
    options = {'background': 0, 'noise_rms': np.ones(image.shape)}
    right = detect(image, **options).sources
    unclean = detect(image, **options, detection=DetectionConfig(clean=None)).sources
    assert len(unclean) > len(right) + 10
    tiles(110, 16)
    found = detect_sources(image, **options)
    assert len(found) == len(right)
    assert np.allclose(np.sort(found['x']), np.sort(right['x']))


def test_more_peaks_than_sep_counts(tiles, monkeypatch):
    rng = np.random.default_rng(5)
    image = rng.normal(size=(300, 300)) + 20
    places = [(x, y) for x in range(10, 300, 10) for y in range(10, 300, 10)]
    for x, y in places:
        add(image, x, y, 100, 2.0)
    options = {'background': 0, 'detection': DetectionConfig(deblend_contrast=0)}
    right = detect(image, **options).sources
    monkeypatch.setattr('astro_wgan.detection.sep_detection._MOST_PEAKS', 150)
    monkeypatch.setattr(NAME + '_SMALLEST_TILE', 30)
    former = sep.get_sub_object_limit()
    sep.set_sub_object_limit(150)
    try:
        with pytest.raises(DetectionError, match='SEP failed'):
            detect(image, **options)
        tiles(300, 20)
        found = detect_sources(image, **options)
    finally:
        sep.set_sub_object_limit(former)
    for catalog in (right, found):
        distance = cKDTree(np.stack([catalog['x'], catalog['y']], axis=1)).query(places)[0]
        assert np.mean(distance < 1.5) > 0.97
    assert len(found) == pytest.approx(len(right), rel=0.05)


def test_images_without_noise_pixels_or_sources(tiles):
    tiles(100, 20)
    rng = np.random.default_rng(1)
    with pytest.raises(DetectionError, match='has no pixel'):
        detect_sources(np.full((250, 250), np.nan))
    with pytest.raises(DetectionError, match='no noise'):
        detect_sources(np.ones((250, 250)))
    with pytest.raises(DetectionError, match='No source has'):
        StampSet.from_image(rng.normal(size=(250, 250)), size=16, detection=DetectionConfig(20))
    # No box has half of its pixels, but there is a sky.
    image = rng.normal(size=(250, 250)) + 3
    image[100:104, 100:104] += 50
    image[::3], image[1::3] = np.nan, np.nan
    assert len(detect_sources(image, detection=DetectionConfig(5, min_area=1))) >= 1


@pytest.mark.parametrize(
    ('shape', 'box', 'smooth', 'masked'),
    [
        ((330, 470), 64, 3, 0.6),
        ((200, 300), 50, 5, 0),
        ((70, 300), 64, 3, 0.3),
        ((130, 130), 65, 1, 0),
        ((64, 200), 64, 3, 0),
    ],
)
def test_the_sky_is_that_of_sep(shape, box, smooth, masked):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = (rng.normal(size=shape) + 3 * np.sin(x / 90) + 0.01 * y).astype('f4')
    image[rng.random(shape) < 0.01] += 30
    bad = np.zeros(shape, dtype=bool)
    bad[: int(masked * shape[0]), : int(0.7 * shape[1])] = True
    sky = sep.Background(image, mask=bad, bw=box, bh=box, fw=smooth, fh=smooth)
    mesh = SkyMesh.measure(
        lambda rows, columns: (image[rows, columns], bad[rows, columns]),
        shape,
        box=box,
        smooth=smooth,
    )
    level, noise = mesh.at(slice(0, shape[0]), slice(0, shape[1]))
    assert np.allclose(level, sky.back(), atol=2e-5)
    assert np.allclose(noise, sky.rms(), atol=2e-5)
    part = mesh.at(slice(10, 50), slice(30, 90))
    assert np.allclose(part[0], level[10:50, 30:90], atol=1e-6)


MEMORY = """
import resource, sys
import numpy as np
from astro_wgan.detection import DetectionConfig
from astro_wgan.stamps import StampSet
edge = int(sys.argv[1])
image = np.random.default_rng(0).standard_normal((edge, edge), dtype='f4')
image[40::300, 40::300] += 100
found = StampSet.from_image(image, size=16, detection=DetectionConfig(2.5))
print(len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_is_that_of_the_image_and_of_a_tile():
    peaks = []
    for edge in (2100, 3200):
        run = subprocess.run(
            [sys.executable, '-c', MEMORY, str(edge)], capture_output=True, text=True, check=True
        )
        found, peak = map(int, run.stdout.split())
        assert found >= (edge // 300) ** 2
        # Linux counts KiB, macOS bytes.
        peaks.append(peak * (1 if sys.platform == 'darwin' else 1024))
    # The image has 4 bytes per pixel; 20,000 x 20,000 of them with 8 take 3 GiB.
    assert (peaks[1] - peaks[0]) / (3200**2 - 2100**2) < 8
