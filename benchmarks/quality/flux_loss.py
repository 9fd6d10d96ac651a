"""
How much flux galaxies lose whose light counts as sky, and how many of them are flagged.

Sersic profiles by GalSim, with a PSF and noise, in stamps of several sizes: the loss is that of the
Kron flux against the same galaxy in a stamp of 256 pixels whose sky is stated. Prints, for each
size and loss, how many galaxies there are, and what fraction has the flag ``STAMP_FILLED``.

    python -m benchmarks.quality.flux_loss --galaxies 1200
"""

from itertools import pairwise

import galsim
import numpy as np

from astro_wgan import StampSet
from astro_wgan.sources import SourceFlag, measure_sources
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SIZE = 256
LOSSES = (-np.inf, 0.02, 0.05, 0.1, 0.15, 0.2, np.inf)

COLUMNS = (
    Column('size', 'edge of the stamps', 'pix'),
    Column('lost at least', 'percent of the flux', '', '.0f'),
    Column('lost at most', 'percent of the flux', '', '.0f'),
    Column('galaxies', 'that lose so much'),
    Column('flagged', 'percent of them', '', '.0f'),
)


def simulate(number, seed):
    """Images of galaxies with noise of standard deviation 1 and no sky."""
    rng = np.random.default_rng(seed)
    images = np.empty((number, SIZE, SIZE), dtype=np.float32)
    for image in images:
        radius = np.exp(rng.uniform(np.log(1.5), np.log(26)))
        galaxy = galsim.Sersic(rng.choice([0.5, 1, 1.5, 2.5, 4, 6]), half_light_radius=radius)
        galaxy = galaxy.shear(q=rng.uniform(0.3, 1), beta=rng.uniform(0, 180) * galsim.degrees)
        psf = galsim.Moffat(beta=3.5, fwhm=rng.uniform(1.5, 4))
        # In a circle of 1.5 half-light radii, so many times the noise.
        signal_to_noise = np.exp(rng.uniform(np.log(20), np.log(1000)))
        flux = signal_to_noise * 1.5 * radius * np.sqrt(np.pi)
        drawn = galsim.Convolve(galaxy, psf).withFlux(flux).drawImage(nx=SIZE, ny=SIZE, scale=1)
        image[:] = drawn.array + rng.normal(size=image.shape)
    return images


def main():
    parser = BenchmarkParser(__doc__, smoke={'galaxies': 20}, seed=0)
    parser.add_argument('--galaxies', type=int, default=1200)
    options = parser.parse_args()
    report = Report(options, 'galsim')
    images = simulate(options.galaxies, options.seed)
    whole = measure_sources(StampSet(images), background=0, progress=False).stamps['kron_flux']
    rows = [row for size in (32, 64, 96, 128) for row in compare(images, whole, size)]
    caption = (
        'Galaxies with the flag ``STAMP_FILLED``, by the fraction of their flux that they lose.'
    )
    report.table('flagged', caption, COLUMNS, rows)
    report.write()


def compare(images, whole, size):
    first = (SIZE - size) // 2
    middle = slice(first, first + size)
    found = measure_sources(StampSet(images[:, middle, middle]), progress=False).stamps
    lost = (1 - found['kron_flux'] / whole).value
    flagged = (found['flags'] & int(SourceFlag.STAMP_FILLED)) > 0
    for least, most in pairwise(LOSSES):
        rows = (lost > least) & (lost <= most)
        yield {
            'size': size,
            'lost at least': 100 * least if np.isfinite(least) else None,
            'lost at most': 100 * most if np.isfinite(most) else None,
            'galaxies': np.count_nonzero(rows),
            'flagged': 100 * flagged[rows].mean() if rows.any() else None,
        }


if __name__ == '__main__':
    main()
