"""Stamps of a tile are those of its image, whatever the number that is cut at a time."""

from contextlib import ExitStack

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import StampSet, SurveyConfig
from astro_wgan.detection import DetectionConfig
from astro_wgan.detection.background_mesh import SkyMesh
from astro_wgan.exceptions import DetectionError
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.neighbors import NeighborConfig, image_neighbors
from astro_wgan.neighbors.section_removal import SearchedSection
from astro_wgan.stamps import concatenate
from astro_wgan.surveying.survey_sources import Sources
from astro_wgan.surveying.tiles import tile_stamps
from astro_wgan.surveying.tiles.footprints import read_footprint
from astro_wgan.surveying.tiles.survey_tiles import as_tiles
from astro_wgan.surveying.tiles.tile_stamps import TileStamps
from astro_wgan.surveying.tiles.tile_tasks import TileTask
from astro_wgan.testing import assert_stamps_equal, make_wcs

DETECTION = DetectionConfig(3, min_area=9, background_box=40)
MAKING = {
    'as they are': {},
    'neighbors masked': {'neighbors': 'mask'},
    'neighbors replaced': {'neighbors': 'replace'},
    'stars masked': {'neighbors': NeighborConfig('replace', stars='mask', psf_fwhm=3.0)},
    'scaled': {'scale': 'source'},
    'scaled, neighbors replaced': {'scale': 'source', 'neighbors': 'replace'},
}


@pytest.fixture
def in_sections(monkeypatch):
    """Images are searched in several sections."""
    monkeypatch.setattr(image_neighbors, '_WHOLE', 1000)
    for module, name in ((image_neighbors, '_TILE'), (tile_stamps, '_SECTION')):
        monkeypatch.setattr(module, name, 64)
    monkeypatch.setattr(image_neighbors, '_MARGIN', 8)


@pytest.fixture
def prepared(catalog):
    """Function that returns the stamps of tiles, not cut yet, and their positions."""

    def prepared(images, stack, *, size=24, **making):
        config = SurveyConfig(batch_size=5)
        making = StampMaking().changed(detection=DETECTION, **making)
        x = np.argsort(catalog['ra'])[-50:-5]
        sources = Sources(*(np.asarray(catalog[name][x]) for name in ('id', 'ra', 'dec')))
        (tile,) = as_tiles({'a': images})
        task = TileTask(tile=tile, identity='', config=config, making=making, sources=sources)
        found = TileStamps(task, size, stack)
        sky = SkyCoord(found.sources.ra, found.sources.dec, unit='deg')
        how = {'size': size, 'partial': 'fill', **making.options}
        how['positions'] = QTable({'id': found.sources.ids, 'sky': sky})
        if making.is_searched:
            how['detection'] = DETECTION
        return found, how

    return prepared


@pytest.mark.parametrize('kind', MAKING)
def test_stamps_are_those_of_the_image(kind, prepared, tiles, in_sections):
    with ExitStack() as stack:
        tile, how = prepared(tiles['p00'], stack, **MAKING[kind])
        expected = StampSet.from_image(tiles['p00'], **how)
        for count in (1, 7, 1000):
            found = concatenate([tile.cut(rows) for rows in tile.batches(count)])
            assert_stamps_equal(found.replace(meta={}), expected.replace(meta={}))


@pytest.fixture(scope='module')
def band_images(sky_pixels, tmp_path_factory):
    """The first tile, and images of other bands whose pixels are shifted, larger, and rotated."""
    folder, found = tmp_path_factory.mktemp('images'), {}
    center, rng = SkyCoord(150.1, 2.2, unit='deg'), np.random.default_rng(4)
    for band, about in {
        'g': {},
        'r': {'offset': 0.3 * u.arcsec},
        'i': {'pixel_scale': 0.1 * u.arcsec},
        'z': {'position_angle': 30 * u.deg},
    }.items():
        at = center.directional_offset_by(20 * u.deg, about.pop('offset', 0 * u.arcsec))
        header = make_wcs((160, 300), center=at, **about).to_header()
        header['BUNIT'] = 'nJy'
        found[band] = folder / f'{band}.fits'
        pixels = sky_pixels[0] + rng.normal(size=sky_pixels[0].shape)
        fits.writeto(found[band], pixels.astype(np.float32), header)
    return found


@pytest.mark.parametrize(
    'kind', ['as they are', 'neighbors replaced', 'scaled', 'scaled, neighbors replaced']
)
def test_bands_of_other_pixels_are_resampled_in_one_way(kind, prepared, band_images, in_sections):
    with ExitStack() as stack:
        tile, how = prepared(band_images, stack, **MAKING[kind])
        expected = StampSet.from_images(band_images, **how)
        assert expected.valid.any(axis=(1, 2)).all(axis=1).any()
        for count in (1, 7):
            found = concatenate([tile.cut(rows) for rows in tile.batches(count)])
            np.testing.assert_array_equal(found.valid, expected.valid)
            same = found.valid
            np.testing.assert_allclose(found.pixels[same], expected.pixels[same], atol=1e-4)


@pytest.mark.parametrize('neighbors', ['mask', 'replace'])
def test_neighbors_are_those_of_the_band_of_the_detection(neighbors, band_images):
    """Sources of a catalog have the same as those that a hunt detects in all bands."""
    images = {band: band_images[band] for band in 'gr'}
    making = StampMaking().changed(detection=DETECTION, detect_in='chi2', neighbors=neighbors)
    how = {'size': 24, 'partial': 'fill', 'detection': DETECTION, **making.options}
    expected = StampSet.from_images(images, detect_in='chi2', **how)
    sky = expected.table['sky']
    sources = Sources(expected.ids, sky.ra.deg, sky.dec.deg)
    (tile,) = as_tiles({'a': images})
    about = {'identity': '', 'config': SurveyConfig(batch_size=7), 'making': making}
    with ExitStack() as stack:
        tile = TileStamps(TileTask(tile=tile, sources=sources, **about), 24, stack)
        found = concatenate([tile.cut(rows) for rows in tile.batches(7)])
    assert (expected.table['neighbor_fraction'] > 0).any()
    for name in ('id', 'n_neighbors', 'neighbor_fraction', 'central_detected'):
        np.testing.assert_array_equal(found.table[name], expected.table[name])
    np.testing.assert_array_equal(found.valid, expected.valid)
    np.testing.assert_allclose(found.filled(0), expected.filled(0), atol=1e-3)


def test_only_a_tile_without_sources_is_one(tiles, tmp_path):
    """An image that cannot be searched is an error, not a tile without sources."""
    header, rng = fits.getheader(tiles['p00']), np.random.default_rng(1)
    fits.writeto(tmp_path / 'noise.fits', rng.normal(size=(100, 100)).astype('f4'), header)
    fits.writeto(tmp_path / 'flat.fits', np.full((100, 100), 7, dtype='f4'), header)

    def prepare(name, stack):
        (tile,) = as_tiles(tmp_path / name)
        footprints = (read_footprint(tile, {}),)
        about = {'identity': '', 'config': SurveyConfig(), 'making': StampMaking()}
        return TileStamps(TileTask(tile=tile, footprints=footprints, **about), 24, stack)

    with ExitStack() as stack:
        found = prepare('noise.fits', stack)
        assert len(found.sources) == 0
        assert list(found.batches(5)) == []
        with pytest.raises(DetectionError, match='The image has no noise'):
            prepare('flat.fits', stack)


@pytest.mark.parametrize('kind', ['neighbors replaced', 'stars masked', 'scaled'])
def test_an_image_is_measured_once(kind, prepared, tiles, in_sections, monkeypatch):
    calls = {'background': 0, 'section': 0}
    measure, search = SkyMesh.measure, SearchedSection.of

    def measured(*arguments, **options):
        calls['background'] += 1
        return measure(*arguments, **options)

    def searched(*arguments, **options):
        calls['section'] += 1
        return search(*arguments, **options)

    with ExitStack() as stack:
        tile, _ = prepared(tiles['p00'], stack, **MAKING[kind])
        monkeypatch.setattr(SkyMesh, 'measure', measured)
        monkeypatch.setattr(SearchedSection, 'of', searched)
        list(map(tile.cut, tile.batches(1)))
    # That of the pixels by which neighbors are replaced, as they are first needed.
    assert calls['background'] <= 1
    # The image has three sections along x and y.
    assert calls['section'] <= 9 * (kind != 'scaled')
