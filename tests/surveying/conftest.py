"""Tiles of one sky that overlap, their catalog, and a small model of their galaxies."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable

import astro_wgan
from astro_wgan import StampSet, SurveyConfig, survey
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.surveying.part_tables import read_part
from astro_wgan.testing import make_wcs
from astro_wgan.wgan import NetworkConfig, TrainingConfig

#: Pixels of the whole sky, and first columns and last ones of its tiles.
SKY = (160, 300)
COLUMNS = {'p00': (0, 130), 'p01': (100, 220), 'p02': (190, 300)}

CONFIG = SurveyConfig(keep_stamps=5, batch_size=32)


@pytest.fixture(scope='session')
def sky_pixels():
    """Round galaxies on a grid of 20 pixels, one of them a square, on noise with an rms of 1."""
    rng = np.random.default_rng(1)
    y, x = np.indices(SKY)
    pixels = rng.normal(size=SKY)
    centers = []
    for x0 in range(10, SKY[1], 20):
        for y0 in range(10, SKY[0], 20):
            at = np.array([x0, y0]) + rng.uniform(-2, 2, 2)
            centers.append(at)
            pixels += 40 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 2 / 2**2)
    pixels[66:74, 246:254] += 60
    return pixels.astype(np.float32), np.array(centers)


@pytest.fixture(scope='session')
def sky_wcs():
    return make_wcs(SKY, center=SkyCoord(150.1, 2.2, unit='deg'))


@pytest.fixture(scope='session')
def catalog(sky_pixels, sky_wcs):
    """Each galaxy, with ids that count from 1000 in another order than that of their places."""
    x, y = sky_pixels[1].T
    sky = pixel_to_sky(x, y, sky_wcs)
    order = np.random.default_rng(2).permutation(len(x))
    table = QTable({'id': 1000 + np.arange(len(x)), 'ra': sky.ra[order], 'dec': sky.dec[order]})
    table['ra'], table['dec'] = table['ra'].to(u.deg), table['dec'].to(u.deg)
    return table


@pytest.fixture(scope='session')
def write_tiles(sky_pixels, sky_wcs):
    """Function that writes tiles into a folder, and returns their paths by name."""

    def write(folder, names=tuple(COLUMNS), **cards):
        paths = {}
        for name in names:
            first, last = COLUMNS[name]
            section = np.s_[:, first:last]
            header = sky_wcs[section].to_header()
            header.update({'BUNIT': 'nJy', **cards})
            paths[name] = str(folder / f'{name}.fits')
            fits.writeto(paths[name], sky_pixels[0][section], header)
        return paths

    return write


@pytest.fixture(scope='session')
def tiles(write_tiles, tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp('tiles'))


@pytest.fixture(scope='session')
def detector(tiles, catalog):
    """A detector that has seen the galaxies of the first two tiles."""
    sets = [StampSet.from_image(tiles[name], positions=catalog, size=16) for name in ('p00', 'p01')]
    network = replace(NetworkConfig.preset('compact', size=16), noise=False, latent_dim=8)
    training = TrainingConfig(batch_size=16, critic_steps=1, learning_rate=2e-4)
    wgan = astro_wgan.WGAN(network, training).fit(sets[0], iterations=3, seed=1, progress=False)
    return astro_wgan.AnomalyDetector(wgan).calibrate(sets[1], progress=False)


@pytest.fixture(scope='session')
def model(detector, tmp_path_factory):
    """The folder of the detector."""
    folder = tmp_path_factory.mktemp('model') / 'model'
    detector.save(folder)
    return folder


@pytest.fixture(scope='session')
def run(detector):
    """Function that makes a survey without progress lines."""

    def run(
        tiles,
        catalog,
        output,
        *,
        model=detector,
        config=CONFIG,
        **options,
    ):
        options = {'model': model, 'output': output, 'config': config, **options}
        return survey(tiles, catalog, progress=False, **options)

    return run


@pytest.fixture(scope='session')
def assert_same_survey():
    """Function that raises an AssertionError unless two surveys have the same results."""

    def check(actual, desired):
        """All but seconds, versions and dates; scores up to rounding, as batches may differ."""
        first, second = _parts_of(actual), _parts_of(desired)
        assert first.keys() == second.keys()
        for name, part in first.items():
            assert part.colnames == second[name].colnames
            np.testing.assert_array_equal(part['id'], second[name]['id'])
            np.testing.assert_allclose(part['score'], second[name]['score'], rtol=1e-4)
            ranks = [
                read_part(each.folder / 'ranks' / f'{name}.parquet') for each in (actual, desired)
            ]
            np.testing.assert_array_equal(ranks[0]['rank'], ranks[1]['rank'])
        np.testing.assert_array_equal(actual.table()['id'], desired.table()['id'])

    return check


def _parts_of(result):
    return {path.stem: read_part(path) for path in sorted((result.folder / 'parts').glob('p*'))}
