"""
How fast stamps are cut that follow their sources, beside reproject and SciPy for each stamp.

Stamps of 64 x 64 pixels from an image with a TAN projection, at positions with radii between 2 and
16 pixels: 16 radii across a stamp are 0.5 to 4 image pixels along a pixel. The peers get the
section of the image that a stamp covers: ``reproject_adaptive`` conserves flux,
``scipy.ndimage.zoom`` of order 3 does not where pixels become larger. Each is run several times in
turn; the shortest time of the processor counts. The peers are measured on fewer stamps.

    python -m benchmarks.speed.source_scale                 # two minutes
    python -m benchmarks.speed.source_scale --stamps 500
"""

import numpy as np
import reproject
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.table import QTable
from astropy.wcs import WCS
from scipy import ndimage

from astro_wgan.stamps import SourceScale, StampSet
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

SIZE = 64

#: Edge of the image in pixels, and radii of the sources.
EDGE, RADII = 4000, (2, 16)

COLUMNS = (
    Column('method', 'program'),
    Column('stamps per second', 'on one core', '1 / s', ',.0f'),
    Column('flux error', 'largest relative error of the flux of a source', '', '.1e'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'stamps': 20, 'peer_stamps': 2, 'repeats': 1})
    parser.add_argument('--stamps', type=int, default=4000)
    parser.add_argument('--peer-stamps', type=int, default=40)
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    report = Report(options, 'reproject', 'scipy')
    image, table = make_field(options)
    few = table[: options.peer_stamps]
    stamps = cut(image, few)
    programs = {
        'astro_wgan': lambda: cut(image, table),
        'astro_wgan, without uncertainty': lambda: cut(without_uncertainty(image), table),
        'reproject_adaptive': lambda: by_reproject(image, few, stamps),
        'scipy.ndimage.zoom': lambda: by_zoom(image, few, stamps),
    }
    timings = time_in_turns(programs, turns=options.repeats)
    results = {
        'astro_wgan': stamps.pixels,
        'astro_wgan, without uncertainty': cut(without_uncertainty(image), few).pixels,
        'reproject_adaptive': by_reproject(image, few, stamps),
        'scipy.ndimage.zoom': by_zoom(image, few, stamps),
    }
    rows = [
        {
            'method': name,
            'stamps per second': count / timings[name].processor_shortest,
            'flux error': np.abs(np.sum(results[name], axis=(1, 2)) / few['flux'] - 1).max(),
        }
        for name, count in zip(programs, [len(table)] * 2 + [len(few)] * 2, strict=True)
    ]
    report.table('speed', 'Stamps of 64 x 64 pixels, 16 radii across.', COLUMNS, rows)
    report.write()


def make_field(options):
    """An image with Gaussian sources, and a table with their places, radii and fluxes."""
    rng = np.random.default_rng(options.seed)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = EDGE / 2, EDGE / 2
    wcs.wcs.cdelt = -0.03 / 3600, 0.03 / 3600
    radius = np.exp(rng.uniform(*np.log(RADII), options.stamps))
    # The sources whose flux is compared lie on a grid, apart from each other.
    count = max(options.peer_stamps, 1)
    side = int(np.ceil(np.sqrt(count)))
    apart = (EDGE - 600) / side
    grid = 300 + apart * (0.5 + np.stack(np.divmod(np.arange(count), side), axis=1))
    positions = rng.uniform(200, EDGE - 200, (options.stamps, 2))
    positions[:count] = grid + rng.uniform(0, 1, grid.shape)
    table = QTable({'x': positions[:, 0], 'y': positions[:, 1], 'radius': radius})
    table['flux'] = 1.0
    pixels = np.zeros((EDGE, EDGE), dtype=np.float32)
    for row in table[:count]:
        add_gaussian(pixels, row['x'], row['y'], row['radius'] / 2)
    noise = np.ones_like(pixels)
    image = CCDData(pixels, unit='electron', wcs=wcs)
    image.uncertainty = StdDevUncertainty(noise)
    return image, table


def add_gaussian(pixels, x, y, sigma):
    x0, y0 = int(x) - 100, int(y) - 100
    rows, columns = np.mgrid[:200, :200]
    light = np.exp(-((columns + x0 - x) ** 2 + (rows + y0 - y) ** 2) / 2 / sigma**2)
    pixels[y0 : y0 + 200, x0 : x0 + 200] += light / light.sum()


def without_uncertainty(image):
    return CCDData(image.data, unit=image.unit, wcs=image.wcs)


def cut(image, table):
    scale = SourceScale('radius', n_radii=16, min_factor=0.1)
    return StampSet.from_image(image, size=SIZE, positions=table, scale=scale, zeros='keep')


def sections(image, table, stamps):
    """Section of the image around each stamp, and its first pixel."""
    for row, factor in zip(table, stamps.table['scale_factor'], strict=True):
        reach = int(np.ceil(factor * SIZE / 2)) + 4
        x, y = round(row['x']) - reach, round(row['y']) - reach
        yield image.data[y : y + 2 * reach, x : x + 2 * reach], (x, y), factor


def by_reproject(image, table, stamps):
    found = []
    for k, (section, (x, y), factor) in enumerate(sections(image, table, stamps)):
        wcs = image.wcs.deepcopy()
        wcs.wcs.crpix -= x, y
        mean = reproject.reproject_adaptive(
            (section, wcs), stamps.wcs[k], shape_out=(SIZE, SIZE), return_footprint=False
        )
        found.append(np.nan_to_num(mean) * factor**2)
    return found


def by_zoom(image, table, stamps):
    found = []
    for section, _, factor in sections(image, table, stamps):
        zoomed = ndimage.zoom(section, 1 / factor, order=3, grid_mode=True, mode='nearest')
        found.append(zoomed[:SIZE, :SIZE] * factor**2)
    return found


if __name__ == '__main__':
    main()
