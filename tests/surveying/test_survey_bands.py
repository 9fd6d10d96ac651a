"""Tiles with an image for each band."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan import WGAN, AnomalyDetector, StampSet, StampStore, SurveyConfig
from astro_wgan.anomaly import LatentSearchConfig
from astro_wgan.surveying.part_tables import read_part
from astro_wgan.testing import assert_stamps_equal
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.fixture(scope='module')
def band_tiles(tiles, tmp_path_factory):
    """Two tiles in g and r, of which r is half as bright."""
    folder, rng = tmp_path_factory.mktemp('bands'), np.random.default_rng(8)
    found = {}
    for name in ('p00', 'p01'):
        pixels, header = fits.getdata(tiles[name], header=True)
        for band, flux in {'g': 1.0, 'r': 0.5}.items():
            path = found.setdefault(name, {}).setdefault(band, folder / f'{name}_{band}.fits')
            noise = rng.normal(size=pixels.shape).astype(np.float32)
            fits.writeto(path, flux * pixels + noise, header)
    return found


@pytest.fixture(scope='module')
def band_detector(band_tiles, catalog):
    sets = [
        StampSet.from_images(images, positions=catalog, size=16) for images in band_tiles.values()
    ]
    network = NetworkConfig.preset('compact', size=16, bands=2)
    network = replace(network, noise=False, latent_dim=8)
    training = TrainingConfig(batch_size=16, critic_steps=1, learning_rate=2e-4)
    wgan = WGAN(network, training).fit(sets[0], iterations=2, seed=1, progress=False)
    # After many iterations, the rounding of other batches would have led to other images.
    search = LatentSearchConfig(max_iterations=2)
    return AnomalyDetector(wgan, search=search).calibrate(sets[1], progress=False)


def test_bands_are_in_the_order_of_the_model(
    band_tiles, band_detector, catalog, tmp_path, run, assert_same_survey
):
    config = SurveyConfig(photometry=True, batch_size=20)
    by_band = {name: dict(reversed(list(images.items()))) for name, images in band_tiles.items()}
    result = run(by_band, catalog, tmp_path / 'out', model=band_detector, config=config)
    part = read_part(result.folder / 'parts' / 'p01.parquet')
    known = catalog[np.isin(catalog['id'], part['id'])]
    stamps = StampSet.from_images(band_tiles['p01'], positions=known, size=16, partial='fill')
    table = band_detector.score(stamps, progress=False)
    np.testing.assert_array_equal(part['id'], table['id'])
    np.testing.assert_allclose(part['score'], table['score'], rtol=2e-3)
    ratio = np.nanmedian(part['kron_flux_g'] / part['kron_flux_r'])
    assert float(ratio) == pytest.approx(2, abs=0.2)
    assert part.meta['tile']['images'].keys() == {'g', 'r'}
    pattern = band_tiles['p00']['g'].with_name('*_{band}.fits')
    options = {'model': band_detector, 'config': config, 'bands': ['g', 'r']}
    assert_same_survey(run(pattern, catalog, tmp_path / 'other', **options), result)


def test_other_bands_than_those_of_the_model_are_refused(
    band_tiles, band_detector, catalog, tmp_path, run
):
    renamed = {
        name: dict(zip(('g', 'z'), images.values(), strict=True))
        for name, images in band_tiles.items()
    }
    with pytest.raises(ValueError, match=r'does not fit `model`: .* got g, z'):
        run(renamed, catalog, tmp_path / 'out', model=band_detector)
    with pytest.raises(ValueError, match=r'does not fit `model`: .* got r, g'):
        run(band_tiles, catalog, tmp_path / 'out', model=band_detector, bands=['r', 'g'])
    one = {name: images['g'] for name, images in band_tiles.items()}
    with pytest.raises(ValueError, match=r'Tile p00 does not fit `model`: .*2 band\(s\)'):
        run(one, catalog, tmp_path / 'out', model=band_detector)


def test_a_band_that_is_missing_is_named(band_tiles, band_detector, catalog, tmp_path, run):
    tiles = {name: dict(images) for name, images in band_tiles.items()}
    tiles['p01']['r'] = tmp_path / 'missing.fits'
    with pytest.warns(UserWarning, match=r'p01 failed: .*missing\.fits'):
        result = run(tiles, catalog, tmp_path / 'out', model=band_detector)
    assert result.status()['state'].tolist() == ['done', 'failed']


@pytest.fixture(scope='module')
def partly_covered(band_tiles, tmp_path_factory):
    """The first tile, of whose right half there is no image in r."""
    folder, (g, r) = tmp_path_factory.mktemp('half'), band_tiles['p00'].values()
    pixels, header = fits.getdata(r, header=True)
    fits.writeto(folder / 'r.fits', pixels[:, :60], header)
    return {'p00': {'g': g, 'r': folder / 'r.fits'}}


@pytest.mark.parametrize('neighbors', ['keep', 'replace'])
def test_a_band_of_a_part_of_a_tile_is_masked_elsewhere_for_any_batch_size(
    neighbors, partly_covered, band_detector, catalog, tmp_path, run
):
    """Also for batches that lie in that part as a whole."""
    results = {}
    for size in (1, 7, 1000):
        config = SurveyConfig(keep_stamps='all', batch_size=size, neighbors=neighbors)
        how = {'model': band_detector, 'config': config}
        result = run(partly_covered, catalog, tmp_path / str(size), **how)
        assert result.status()['state'].tolist() == ['done']
        with StampStore.open(result.folder / 'stamps' / 'p00.zarr') as store:
            results[size] = read_part(result.folder / 'parts' / 'p00.parquet'), store[:]
    part, stamps = results.pop(1000)
    x = stamps.table['x'].value
    covered = stamps['r'].valid.any(axis=(1, 2))
    np.testing.assert_array_equal(covered, x < 60 + 7.5)
    assert 0.2 < covered.mean() < 0.8
    assert stamps['g'].valid.any(axis=(1, 2)).all()
    # What is seen in one band has a score; how much is seen is in the table.
    assert np.isfinite(part['score']).all()
    assert (part['valid_fraction'][~covered] <= 0.5).all()
    for other, others in results.values():
        np.testing.assert_array_equal(other['id'], part['id'])
        np.testing.assert_allclose(other['score'], part['score'], rtol=1e-3, atol=1e-4)
        assert_stamps_equal(others, stamps)


def test_an_image_of_another_part_of_the_sky_fails(
    band_tiles, band_detector, catalog, sky_wcs, tmp_path, run
):
    """However many sources a batch has, and whichever."""
    pixels, header = fits.getdata(band_tiles['p00']['r'], header=True)
    header['CRVAL2'] += 0.1
    fits.writeto(tmp_path / 'r.fits', pixels, header)
    tiles = {'p00': {'g': band_tiles['p00']['g'], 'r': tmp_path / 'r.fits'}}
    with pytest.warns(UserWarning, match='p00 failed: The image of band r shows no part of that'):
        run(tiles, catalog, tmp_path / 'out', model=band_detector)
