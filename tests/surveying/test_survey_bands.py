"""Tiles with an image for each band."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan import WGAN, AnomalyDetector, StampSet, SurveyConfig
from astro_wgan.surveying.part_tables import read_part
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
    return AnomalyDetector(wgan).calibrate(sets[1], progress=False)


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
