"""A sky of simulated galaxies in tiles of one band or several, and a detector for it."""

import shutil
from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import WGAN, AnomalyDetector, StampSet, datasets
from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.simulate import simulate
from astro_wgan.testing import make_wcs

__all__ = ['BANDS', 'SIZE', 'make_detector', 'make_sky', 'tile_pattern']

#: Names of bands, from that of the shipped model on, which files of several have in their names.
BANDS = ('H', 'J', 'Y')

#: Edge of a galaxy's stamp in pixels.
SIZE = 64

#: Different galaxies, and flux in each band relative to the one before.
_PATTERNS, _COLOR = 500, 0.8


def tile_pattern(bands):
    """Names of the files of tiles in so many bands, as `astro_wgan.survey` takes them."""
    return 'tile*.fits' if bands == 1 else 'tile*_{band}.fits'


def make_sky(folder, n, *, edge, bands, seed):
    """
    Write tiles in a row, of which each shares one column of galaxies with the next, and a catalog.

    Parameters
    ----------
    folder : `~pathlib.Path`
        Which is made anew, with ``catalog.fits``.
    n : int
        Number of galaxies, 64 pixels from each other.
    edge : int
        Galaxies along the edge of a tile.
    bands : int
    seed : int
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    patterns = simulate('normal', min(n, _PATTERNS), seed=seed, progress=False)
    noise = _noise_of(patterns)
    n_columns = -(-n // edge)
    wcs = make_wcs((edge * SIZE, n_columns * SIZE), projection='CAR')
    shared = None
    for tile, first in enumerate(range(0, max(n_columns - 1, 1), edge - 1)):
        last = min(first + edge, n_columns)
        pixels = np.empty((bands, edge * SIZE, (last - first) * SIZE), dtype=np.float32)
        for column in range(last - first):
            strip = pixels[..., column * SIZE : (column + 1) * SIZE]
            if column == 0 and shared is not None:
                strip[:] = shared
                continue
            for row in range(edge):
                galaxy = patterns.pixels[rng.integers(len(patterns))]
                strip[:, row * SIZE : (row + 1) * SIZE] = _repeated(galaxy, noise, bands, rng)
        shared = pixels[..., -SIZE:].copy()
        header = wcs[:, first * SIZE : last * SIZE].to_header()
        header['BUNIT'] = patterns.unit.to_string('fits')
        for band in range(bands):
            ending = '' if bands == 1 else f'_{BANDS[band]}'
            fits.writeto(folder / f'tile{tile:05d}{ending}.fits', pixels[band], header)
    x, y = (np.arange(count) * SIZE + SIZE / 2 - 0.5 for count in (n_columns, edge))
    x, y = (each.ravel()[:n] for each in np.meshgrid(x, y, indexing='ij'))
    sky = pixel_to_sky(x, y, wcs)
    catalog = QTable({'id': np.arange(n), 'ra': sky.ra.to(u.deg), 'dec': sky.dec.to(u.deg)})
    # Last, since it says that all is there.
    catalog.write(folder / 'catalog.fits')


def make_detector(folder, *, bands, seed):
    """
    Save a detector of the networks of the shipped one, for so many bands.

    It is trained for 30 iterations: as fast as any other, but its scores are of no use.

    Parameters
    ----------
    folder : `~pathlib.Path`
    bands : int
    seed : int
    """
    shipped = datasets.load_model().wgan
    patterns = simulate('normal', _PATTERNS, seed=seed, progress=False)
    rng, noise = np.random.default_rng(seed), _noise_of(patterns)
    pixels = np.stack(
        [np.moveaxis(_repeated(each, noise, bands, rng), 0, -1) for each in patterns.pixels]
    )
    stamps = StampSet(
        pixels, unit=patterns.unit, bands=BANDS[:bands], pixel_scale=patterns.pixel_scale
    )
    normals, held_out = stamps.split(0.5, seed=seed)
    wgan = WGAN(replace(shipped.network, bands=bands), shipped.training)
    wgan.fit(normals, iterations=30, seed=seed, progress=False)
    detector = AnomalyDetector(wgan)
    detector.train_classifier(
        normals, config=ClassifierConfig(iterations=30), seed=seed, progress=False
    )
    detector.calibrate(held_out, progress=False).save(folder)


def _noise_of(patterns):
    """Standard deviation of a pixel, from the rows at the border of the stamps."""
    return np.std(np.diff(patterns.pixels[:, :, 0]), ddof=1) / np.sqrt(2)


def _repeated(galaxy, noise, bands, rng):
    """The galaxy in each band, turned, dimmed and with further noise, shape (bands, ny, nx)."""
    galaxy = np.rot90(galaxy, rng.integers(4)) * rng.uniform(0.7, 1)
    colors = _COLOR ** np.arange(bands, dtype=np.float32).reshape(-1, 1, 1)
    further = rng.standard_normal((bands, *galaxy.shape), dtype=np.float32)
    return colors * galaxy + np.float32(0.3 * noise) * further
