"""
How long stamps in three bands take beside those in one, and how much memory nine bands need.

Images of the same pixels, one file for each band, are cut at given positions: nothing is detected.
The time is that of `StampSet.from_images`, in turns with that of `StampSet.from_image` for one band
at the same positions, of the same call for each of three bands, and of three bands of which one has
pixels of another size; `--few` stamps as in a visit of some targets, and `--many` as in a survey,
from images of `--timed` pixels that the system keeps in memory, so that no disk is timed. The
memory is what a fresh process needs at most beyond that before the call, for `--stamps` of images
of `--edge` pixels; also of images with a border of zeros, for which it has to be found out whether
they are blank. A row of tiles is 1,024 rows of one image, and as many more as stamps have.

    python -m benchmarks.speed.bands                                # 21 GB on disk
    python -m benchmarks.speed.bands --edge 8000 --stamps 5000      # 3.4 GB
"""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from astro_wgan import StampSet
from benchmarks.harness import BenchmarkParser, Report, in_fresh_process, peak_memory, time_in_turns
from benchmarks.results import Column

NAMES = ('u', 'g', 'r', 'i', 'z', 'Y', 'J', 'H', 'K')
ROWS_OF_TILE = 1024
PIXEL_SCALE = 0.2

#: Rows of noise that an image consists of.
_NOISE_ROWS = 1000

TIMES = (
    Column('images', 'that are cut'),
    Column('stamps', 'in each band', '', ',.0f'),
    Column('time', 'shortest of the runs', 's', '.3f'),
    Column('processor time', 'shortest of the runs', 's', '.3f'),
    Column('times one band', 'the processor time of `StampSet.from_image`', '', '.2f'),
)
MEMORY = (
    Column('images', 'that are cut'),
    Column('bands', 'that are cut', '', '.0f'),
    Column('stamps', 'in each band', '', ',.0f'),
    Column('image', 'pixels of one band', 'MiB', ',.0f'),
    Column('all images', 'pixels of all bands', 'MiB', ',.0f'),
    Column('result', 'pixels and masks of the stamps', 'MiB', ',.0f'),
    Column('peak', 'memory beyond that before the call', 'MiB', ',.0f'),
    Column('rows of tiles', 'peak less the result, over a row of tiles', '', '.2f'),
)


def main():
    smoke = {'edge': 500, 'stamps': 200, 'timed': 500, 'many': 200, 'few': 20, 'repeats': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='bands')
    parser.add_argument('--edge', type=int, default=20_000, help='pixels along the images')
    parser.add_argument('--stamps', type=int, default=20_000)
    parser.add_argument(
        '--timed', type=int, default=8_000, help='pixels along those that are timed'
    )
    parser.add_argument('--many', type=int, default=5_000, help='stamps of the large catalog')
    parser.add_argument('--few', type=int, default=300, help='stamps of the small catalog')
    parser.add_argument('--size', type=int, default=64, help='pixels along a stamp')
    parser.add_argument('--repeats', type=int, default=9)
    options = parser.parse_args()
    report = Report(options)
    three = {name: make_image(options, options.timed, k) for k, name in enumerate('gri')}
    coarse = make_image(options, options.timed, len(three), coarser=1.5)
    rows = []
    for count in (options.few, options.many):
        rows += time_rows(three, coarse, positions(options, options.timed, count), options)
    report.table('time', 'Shortest of the runs.', TIMES, rows)
    images = {name: make_image(options, options.edge, k) for k, name in enumerate(NAMES)}
    mosaics = {n: make_image(options, options.edge, k, border=0.05) for k, n in enumerate('gri')}
    where = positions(options, options.edge, options.stamps)
    found = []
    for name, each in (('noise', images), ('with a border of zeros', mosaics)):
        row = in_fresh_process(measure_memory, each, where, options)
        found.append({'images': name, **row})
    report.table('memory', 'Of one call of `StampSet.from_images`.', MEMORY, found)
    report.write()


def make_image(options, whole_edge, number, *, coarser=1.0, border=0.0):
    """A float32 image with a WCS, on disk; the same field whatever its pixels."""
    edge = round(whole_edge / coarser)
    kind = '_border' if border else '_coarse' if coarser > 1 else ''
    path = options.work / f'{whole_edge}_{number}{kind}.fits'
    if not path.exists():
        rng = np.random.default_rng([options.seed, number])
        noise = rng.standard_normal((min(edge, _NOISE_ROWS), edge), dtype=np.float32)
        # The same noise again and again, shifted: drawing all of it would take most of the time.
        pixels = np.concatenate(
            [np.roll(noise, 37 * k, axis=1) for k in range(-(-edge // _NOISE_ROWS))]
        )[:edge]
        width = round(border * edge)
        if width:
            pixels[:width] = pixels[-width:] = pixels[:, :width] = pixels[:, -width:] = 0
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
        wcs.wcs.crval = 150.1, 2.2
        wcs.wcs.crpix = (edge + 1) / 2, (edge + 1) / 2
        wcs.wcs.cdelt = np.array([-1, 1]) * PIXEL_SCALE * coarser / 3600
        fits.writeto(path, pixels, wcs.to_header())
    return path


def positions(options, edge, count):
    """Pixels (n, 2) whose stamps lie inside of the images."""
    rng = np.random.default_rng([options.seed, count])
    return rng.uniform(2 * options.size, edge - 2 * options.size, size=(count, 2))


def time_rows(three, coarse, places, options):
    how = {'size': options.size, 'positions': places}
    one = 'one, from_image'
    contenders = {
        one: lambda: StampSet.from_image(three['g'], **how),
        'three, each by from_image': lambda: [
            StampSet.from_image(image, **how) for image in three.values()
        ],
        'three of the same pixels': lambda: StampSet.from_images(three, **how),
    }
    if len(places) == options.few:
        others = {**three, 'i': coarse}
        contenders['three, one of them resampled'] = lambda: StampSet.from_images(others, **how)
    timings = time_in_turns(contenders, turns=options.repeats)
    first = timings[one].processor_shortest
    return [
        {
            'images': name,
            'stamps': len(places),
            'time': timing.shortest,
            'processor time': timing.processor_shortest,
            'times one band': timing.processor_shortest / first,
        }
        for name, timing in timings.items()
    ]


def measure_memory(images, places, options):
    """Mebibytes that are needed to cut all bands, by this process."""
    # What is imported at the first call is no part of it.
    StampSet.from_images(images, size=options.size, positions=places[:2])
    before = peak_memory()
    stamps = StampSet.from_images(images, size=options.size, positions=places)
    peak = peak_memory() - before
    image = 4 * options.edge**2 / 2**20
    tile = 4 * options.edge * (ROWS_OF_TILE + options.size) / 2**20
    result = stamps.nbytes / 2**20
    return {
        'bands': len(images),
        'stamps': len(stamps),
        'image': image,
        'all images': image * len(images),
        'result': result,
        'peak': peak,
        'rows of tiles': (peak - result) / tile,
    }


if __name__ == '__main__':
    main()
