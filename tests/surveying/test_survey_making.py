"""Stamps of a survey are made as those that its model was trained on."""

import copy
import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import (
    WGAN,
    AnomalyDetector,
    HuntConfig,
    NetworkConfig,
    StampSet,
    StampStore,
    SurveyConfig,
    hunt,
)
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting.stamp_making import StampMaking, making_of_model
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.surveying.part_tables import read_part
from astro_wgan.testing import make_wcs
from astro_wgan.wgan import TrainingConfig

ALL = SurveyConfig(keep_stamps='all', batch_size=20)


@pytest.fixture(scope='module')
def bright_tile(sky_pixels, sky_wcs, tmp_path_factory):
    """A tile of the whole sky, which rises from left to right."""
    pixels, header = sky_pixels[0], sky_wcs.to_header()
    header['BUNIT'] = 'nJy'
    path = tmp_path_factory.mktemp('bright') / 'bright.fits'
    fits.writeto(path, pixels + np.arange(pixels.shape[1], dtype=np.float32), header)
    return path


@pytest.fixture(scope='module')
def hunted(bright_tile, tmp_path_factory):
    """A hunt in which the sky was subtracted, and neighbors were masked."""
    config = HuntConfig(
        size=16,
        sky='subtract',
        neighbors='mask',
        detection=DetectionConfig(3, min_area=9, background_box=80),
        iterations=2,
        classifier=None,
    )
    output = tmp_path_factory.mktemp('hunt') / 'out'
    with warnings.catch_warnings():
        # There is little sky between the galaxies.
        warnings.filterwarnings('ignore', message='No noise has exactly this correlation')
        return hunt(bright_tile, output=output, config=config, initial_model=None, progress=False)


@pytest.fixture
def of_hunt(detector):
    """Function that returns the detector as if a hunt had trained it."""

    def of_hunt(**settings):
        own = AnomalyDetector(copy.copy(detector.wgan))
        own.calibration_ = detector.calibration_
        own.wgan.provenance_ = dict(detector.wgan.provenance_)
        StampMaking().changed(**settings).record(own.wgan)
        return own

    return of_hunt


def stamps_in(folder, tile):
    with StampStore.open(folder / 'stamps' / f'{tile}.zarr') as store:
        return store[np.argsort(store.ids)]


def test_stamps_are_those_of_the_hunt(hunted, bright_tile, run, tmp_path):
    positions = QTable({'id': hunted.stamps.ids, 'sky': hunted.stamps.table['sky']})
    result = run([bright_tile], positions, tmp_path, model=hunted.folder, config=ALL)
    stamps = stamps_in(result.folder, 'bright')
    np.testing.assert_array_equal(stamps.ids, hunted.stamps.ids)
    np.testing.assert_allclose(stamps.pixels, hunted.stamps.pixels, atol=1e-4)
    np.testing.assert_array_equal(stamps.mask, hunted.stamps.mask)
    assert stamps.mask.any()
    part = read_part(result.folder / 'parts' / 'bright.parquet')
    part.sort('id')
    # A hunt compares stamps of its calibration with all others of it.
    rows = hunted.table['trained_on']
    np.testing.assert_allclose(part['score'][rows], hunted.table['score'][rows], rtol=1e-3)
    # A later call with the loaded detector is the same survey.
    again = run([bright_tile], positions, tmp_path, model=hunted.detector, config=ALL)
    assert set(again.status()['state']) == {'done'}


def test_sources_are_detected_as_by_the_hunt(hunted, bright_tile, run, tmp_path):
    result = run([bright_tile], None, tmp_path, model=hunted.folder, config=ALL)
    part = read_part(result.folder / 'parts' / 'bright.parquet')
    inside = part['valid_fraction'] > 0.99
    sky = hunted.stamps.table['sky']
    assert len(part) > len(sky) * 0.9
    known = np.isclose(part['ra'][:, np.newaxis].value, sky.ra.deg, rtol=0, atol=1e-8).any(axis=0)
    assert known.all()
    assert inside.any()


@pytest.mark.parametrize(
    ('made', 'given', 'match'),
    [
        ({'sky': 'subtract'}, {'sky': 'keep'}, "`sky` must be that of .*, 'subtract'; got 'keep'"),
        ({}, {'sky': 'subtract'}, "`sky` must be that of .*, 'keep'; got 'subtract'. Leave it"),
        ({}, {'neighbors': 'mask'}, "`neighbors` must .*, 'keep'; got 'mask'"),
        ({'neighbors': 'mask'}, {'neighbors': 'replace'}, "`neighbors` .* got 'replace'"),
        (
            {'neighbors': 'mask'},
            {'neighbors': NeighborConfig('mask', margin=5)},
            r'`neighbors` .*margin=1\.5.*; got .*margin=5',
        ),
        ({'stars': 'mask'}, {'stars': 'keep'}, "`stars` must .*, 'mask'; got 'keep'"),
        ({}, {'scale': 'source'}, '`scale` must .*, None; got SourceScale'),
        ({}, {'detect_in': 'r'}, '`detect_in` is for several bands; got one image'),
    ],
)
def test_other_stamps_than_those_of_the_hunt_are_refused(
    made, given, match, of_hunt, tiles, catalog, run, tmp_path
):
    with pytest.raises(ValueError, match=match):
        run(tiles, catalog, tmp_path / 'out', model=of_hunt(**made), config=SurveyConfig(**given))
    assert not (tmp_path / 'out').exists()


def test_the_same_stamps_may_be_said(of_hunt, tiles, catalog, run, tmp_path):
    model = of_hunt(neighbors='mask', stars='keep', sky='subtract')
    config = SurveyConfig(neighbors='mask', sky='subtract', batch_size=50)
    tiles = {'p00': tiles['p00']}
    run(tiles, catalog, tmp_path, model=model, config=config)
    result = run(tiles, catalog, tmp_path, model=model, config=SurveyConfig())
    assert result.status()['state'].tolist() == ['done']


def test_of_a_model_of_no_hunt_stamps_are_as_is_said(detector, tiles, catalog, run, tmp_path):
    assert making_of_model(detector.wgan) is None
    config = replace(ALL, neighbors='mask', detection=DetectionConfig(3))
    tiles = {'p00': tiles['p00']}
    result = run(tiles, catalog, tmp_path, config=config)
    stamps = stamps_in(result.folder, 'p00')
    positions = catalog[np.isin(catalog['id'], stamps.ids)]
    removal = NeighborConfig('mask', detection=DetectionConfig(1.5))
    options = {'positions': positions, 'size': 16, 'partial': 'fill'}
    expected = StampSet.from_image(tiles['p00'], neighbors=removal, **options)
    expected = expected[np.argsort(expected.ids)]
    np.testing.assert_array_equal(stamps.ids, expected.ids)
    np.testing.assert_array_equal(stamps.mask, expected.mask)
    plain = StampSet.from_image(tiles['p00'], **options)
    assert stamps.mask.sum() > plain.mask.sum() + 50
    with pytest.raises(OSError, match=r'other settings: .*neighbors. was'):
        run(tiles, catalog, tmp_path, config=ALL)


def test_stamps_follow_their_sources(of_hunt, tiles, catalog, run, tmp_path):
    model = of_hunt(scale='source')
    result = run({'p00': tiles['p00']}, catalog, tmp_path, model=model, config=ALL)
    stamps = stamps_in(result.folder, 'p00')
    # 16 half-light radii of 2.35 pixels, on 16 pixels.
    assert np.nanmedian(stamps.table['scale_factor']) == pytest.approx(2.3, abs=0.4)


@pytest.mark.parametrize(('detect_in', 'pixels'), [(None, 1.0), ('r', 2.0), ('chi2', 1.0)])
def test_sources_of_any_band_are_detected_on_its_pixels(
    detect_in, pixels, sky_pixels, sky_wcs, detector, tmp_path, run
):
    g = np.random.default_rng(4).normal(size=sky_pixels[0].shape).astype(np.float32)
    r = sky_pixels[0][:160, :160].reshape(80, 2, 80, 2).sum(axis=(1, 3))
    center = sky_wcs.pixel_to_world(79.5, 79.5)
    coarse = make_wcs(r.shape, center=center, pixel_scale=0.12 * u.arcsec)
    for name, image, wcs in (('g', g[:160, :160], sky_wcs), ('r', r, coarse)):
        header = wcs.to_header()
        header['BUNIT'] = 'nJy'
        fits.writeto(tmp_path / f't_{name}.fits', image, header)
    images = {name: tmp_path / f't_{name}.fits' for name in 'gr'}
    network = NetworkConfig.preset('compact', size=16, bands=2)
    network = replace(network, noise=False, latent_dim=8)
    training = TrainingConfig(batch_size=16, critic_steps=1)
    found = StampSet.from_images(images, size=16, detect_in='r', partial='fill')
    wgan = WGAN(network, training).fit(found[:30], iterations=1, seed=1, progress=False)
    wgan.pixel_scale_ = None
    model = AnomalyDetector(wgan).calibrate(found[30:], progress=False)
    config = replace(ALL, detect_in=detect_in, detection=DetectionConfig(5))
    result = run({'t': images}, None, tmp_path / 'out', model=model, config=config)
    status = result.status()[0]
    if detect_in is None:
        assert status['sources'] == 0
        return
    assert status['sources'] > 40
    stamps = stamps_in(result.folder, 't')
    scale = stamps.pixel_scale / found.pixel_scale * 2
    assert scale.to_value('') == pytest.approx(pixels, rel=0.01)
    config = SurveyConfig(detect_in='z')
    with pytest.raises(ValueError, match="`detect_in` must be one of the bands g, r, or 'chi2'"):
        run({'t': images}, None, tmp_path / 'other', model=model, config=config)
