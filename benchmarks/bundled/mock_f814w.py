"""
Make the bundled image ``mock_f814w``: a group of galaxies as Hubble's COSMOS survey would see it.

Only the parameters of the sky are real: the instrument is `hst_acs_f814w` of astro_wgan.mocks,
and the noise has the covariance of COSMOS's drizzled sky that GalSim brings (Rowe et al. 2015).
In the field there are about as many galaxies, and as large, as in that survey (Leauthaud et al.
2007, ApJS 172, 219); the group in the middle was put there by hand, so that there is something to
deblend. The file has the image in electron / s, the PSF, and a table of what was drawn.

    python -m benchmarks.bundled.mock_f814w            # seconds; compares with the bundled file
    python -m benchmarks.bundled.mock_f814w --write    # replaces it
"""

from pathlib import Path

import galsim
import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from scipy import fft

from astro_wgan import datasets
from astro_wgan.mocks import get_instrument
from astro_wgan.mocks.instrument import pixel_psf
from astro_wgan.simulate.fine_grid import FineGrid, add_sersic
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SEED = 3
#: Edge of the image and, on each side, what is drawn beyond it, in pixels.
SIZE, MARGIN = 250, 150
#: Fine pixels along a pixel.
FINE = 5
#: Edge of the PSF's image, in pixels.
PSF_SIZE = 61

#: The group: AB magnitude, semi-major axis of half the light in arcsec, Sersic index, axis ratio,
#: angle from x in degrees, and place in pixels.
GROUP = [
    (21.0, 0.72, 1.0, 0.62, 35, 165.2, 118.3),
    (22.4, 0.25, 2.5, 0.75, 60, 190.6, 155.2),
    (22.6, 0.24, 4.0, 0.85, 100, 143.1, 181.2),
    (23.1, 0.26, 1.0, 0.60, 75, 42.9, 113.8),
    (23.3, 0.24, 1.0, 0.70, 15, 43.6, 96.3),
    (25.0, 0.20, 1.0, 0.55, 150, 97.4, 199.8),
    (25.8, 0.18, 1.0, 0.80, 20, 107.0, 93.0),
]
#: Stars: AB magnitude and place in pixels.
STARS = [(23.2, 221.4, 208.7), (24.8, 26.5, 30.2)]

#: Galaxies of the field: AB magnitudes, how many per square arcmin and magnitude at 24.5, and the
#: slope of the logarithm of their number.
BRIGHTEST, FAINTEST, DENSITY, SLOPE = 23.0, 27.5, 55.0, 0.35

#: What another processor or release of SciPy may change, in units of the noise.
TOLERANCE = 1e-3


COLUMNS = (
    Column('file', 'that is bundled'),
    Column('size', 'of it', 'byte', ','),
    Column('difference', 'largest, in units of the noise', '', '.1e'),
)


def main():
    parser = BenchmarkParser(__doc__, seed=None)
    parser.add_argument('--write', action='store_true', help='replace the bundled file')
    options = parser.parse_args()
    report = Report(options, 'galsim')
    path = datasets.image_path('mock_f814w')
    made = make()
    if options.write:
        made.writeto(path, overwrite=True)
    with fits.open(path) as bundled:
        off = np.abs(bundled[0].data - made[0].data).max() / np.sqrt(cosmos_covariance().max())
    row = {'file': path.name, 'size': path.stat().st_size, 'difference': off}
    report.table('files', 'The bundled file beside what is made.', COLUMNS, [row])
    report.write()
    if off > TOLERANCE:
        raise SystemExit('The bundled image is not what this command makes.')


def make():
    """All HDUs of the file."""
    instrument = get_instrument('hst_acs_f814w')
    sources = draw_sources(np.random.default_rng(SEED), instrument)
    clean = light(sources, instrument)
    image = clean + noise(clean, instrument, np.random.default_rng([SEED, 1]))
    image = fits.PrimaryHDU(image.astype(np.float32), header(instrument))
    psf = central(pixel_psf(instrument.psf, instrument.pixel_scale), PSF_SIZE)
    return fits.HDUList(
        [
            image,
            fits.ImageHDU((psf / psf.sum()).astype(np.float32), name='PSF'),
            fits.BinTableHDU(sources, name='TRUTH'),
        ]
    )


def draw_sources(rng, instrument):
    """What is on the sky, in pixels of the image; a radius of 0 is a star's."""
    rows = [*GROUP, *((magnitude, 0, np.nan, 1, 0, x, y) for magnitude, x, y in STARS)]
    area = (SIZE * instrument.pixel_scale.to_value(u.arcmin / u.pix)) ** 2
    rise = SLOPE * np.log(10)
    low, high = (np.exp(rise * (limit - 24.5)) for limit in (BRIGHTEST, FAINTEST))
    for _ in range(rng.poisson(area * DENSITY * (high - low) / rise)):
        magnitude = 24.5 + np.log(rng.uniform(low, high)) / rise
        radius = 0.25 * 10 ** (-0.1 * (magnitude - 24) + rng.normal(0, 0.15))
        index = 4.0 if rng.random() < 0.2 else 1.0
        x, y = rng.uniform(-0.5, SIZE - 0.5, 2)
        rows.append((magnitude, radius, index, rng.uniform(0.3, 1), rng.uniform(0, 180), x, y))
    names = ('magnitude', 'radius', 'index', 'axis_ratio', 'angle', 'x', 'y')
    table = QTable(rows=rows, names=names)
    units = {'magnitude': u.mag, 'radius': u.arcsec, 'angle': u.deg, 'x': u.pix, 'y': u.pix}
    for name, unit in units.items():
        table[name].unit = unit
    return table


def light(sources, instrument):
    """Electrons per second in each pixel, without noise."""
    scale = instrument.pixel_scale.value
    sky = FineGrid(SIZE, MARGIN, scale, FINE)
    image = sky.empty()
    for row in sources:
        flux = 10 ** (0.4 * (instrument.zero_point - row['magnitude'].value))
        x, y = ((row[name].value - (SIZE - 1) / 2) * scale for name in 'xy')
        if row['radius'] > 0:
            add_sersic(
                image,
                sky,
                flux=flux,
                half_light_radius=row['radius'].value,
                index=row['index'],
                axis_ratio=row['axis_ratio'],
                angle=row['angle'].to_value(u.rad),
                x=x,
                y=y,
            )
        else:
            column, line = (round(place / sky.step + (sky.n - 1) / 2) for place in (x, y))
            image[line, column] += flux
    drawn = instrument.psf.draw(instrument.pixel_scale / FINE)
    blurred = fft.irfft2(fft.rfft2(image) * transfer(drawn, sky.n), s=image.shape)
    n = SIZE + 2 * MARGIN
    pixels = blurred.reshape(n, FINE, n, FINE).sum(axis=(1, 3))
    return central(pixels, SIZE).clip(0)


def transfer(psf, n):
    """The transform of a PSF, its middle at the first pixel."""
    placed = np.zeros((n, n))
    placed[: len(psf), : len(psf)] = psf
    return fft.rfft2(np.roll(placed, (-(len(psf) // 2),) * 2, axis=(0, 1)))


def central(image, size):
    first = (len(image) - size) // 2
    return image[first : first + size, first : first + size]


def noise(clean, instrument, rng):
    """
    Of the sky, and of the sources' own electrons, with the sky's correlation.

    All deviates are Gaussian: how many random numbers a Poisson deviate takes would depend on the
    last bits of the light. astro_wgan.noise is not used, so that it can be judged on this image.
    """
    covariance = cosmos_covariance()
    sky, own = correlated(covariance, rng), correlated(covariance, rng)
    electrons = clean * instrument.exposure_time.value
    spread = np.sqrt(electrons) / instrument.exposure_time.value / instrument.correlation_ratio
    return sky + spread * own / np.sqrt(covariance.max())


def correlated(covariance, rng):
    """Gaussian noise with a covariance, in a box so large that its edges do not meet."""
    box = SIZE + 2 * len(covariance)
    placed = np.zeros((box, box))
    placed[: len(covariance), : len(covariance)] = covariance
    power = fft.fft2(np.roll(placed, (-(len(covariance) // 2),) * 2, axis=(0, 1))).real.clip(0)
    white = fft.fft2(rng.standard_normal((box, box)))
    return fft.ifft2(white * np.sqrt(power)).real[:SIZE, :SIZE]


def cosmos_covariance():
    """Of the sky of COSMOS in F814W, in (electron / s)^2; lag 0 is in the middle."""
    path = Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits'
    return fits.getdata(path).astype(float)


def header(instrument):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ['RA---TAN', 'DEC--TAN']
    wcs.wcs.crpix = [(SIZE + 1) / 2] * 2
    wcs.wcs.crval = [150.33037, 2.070368]  # a place in COSMOS
    degrees = instrument.pixel_scale.value / 3600
    wcs.wcs.cdelt = [-degrees, degrees]
    cards = wcs.to_header()
    cards['OBJECT'] = ('mock group', 'simulated: nothing here is real')
    cards['ORIGIN'] = ('astro_wgan', 'benchmarks/bundled/mock_f814w.py')
    cards['INSTRUME'] = (instrument.name, 'of astro_wgan.mocks, whose numbers it has')
    cards['FILTER'] = 'F814W'
    cards['BUNIT'] = 'electron/s'
    cards['MAGZERO'] = (instrument.zero_point, 'AB magnitude of 1 electron/s')
    cards['EXPTIME'] = (instrument.exposure_time.value, 's')
    cards['SEED'] = SEED
    return cards


if __name__ == '__main__':
    main()
