"""
How fast stamps are cut from one large FITS image, beside Cutout2D and cutana.

All read the same file anew, from the page cache, and end with copies of the stamps in memory.
Each is run several times in turn and its shortest time counts.

* astro_wgan, `StampSet.from_image`: at pixels, as Cutout2D, and at sky positions, as cutana.
* Cutout2D: a loop over positions in pixels, which spares it the slow conversion of each from the
  sky; with the WCS of each stamp, which is what `StampSet.from_image` gives too, and without. It
  is measured on fewer stamps and scaled, reading the file apart.
* cutana: set to extract only, without resizing, normalization and flux conversion
  (`create_cutouts_direct`, in calls of the size that suits it best and in one call); and its way
  for large catalogs, `StreamingOrchestrator` with one worker process per core, which needs its
  catalog as a file, and for which resizing is the identity and normalization is off.

    pip install cutana==0.4.0
    python -m benchmarks.speed.cutting              # 100,000 stamps; four minutes, 8 GB of memory
    python -m benchmarks.speed.cutting --stamps 10000 --edge 4000
"""

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from cutana import create_cutouts_direct

from astro_wgan.stamps import StampSet
from benchmarks.cutana_stamps import cutana_config, stream_stamps
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

COLUMNS = (
    Column('program', 'that cuts'),
    Column('time', 'of all stamps', 's', '.2f'),
    Column('stamps per second', 'on all cores', '1 / s', ',.0f'),
    Column(
        'times astro_wgan', 'the time of `StampSet.from_image` at the same positions', '', '.1f'
    ),
)


def main():
    smoke = {'edge': 600, 'stamps': 50, 'loop': 10, 'repeats': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='cutting')
    parser.add_argument('--edge', type=int, default=10_000, help='pixels along the image')
    parser.add_argument('--stamps', type=int, default=100_000)
    parser.add_argument('--size', type=int, default=64, help='pixels along a stamp')
    parser.add_argument('--loop', type=int, default=5_000, help='stamps that Cutout2D cuts')
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    report = Report(options, 'cutana')
    path = make_image(options)
    contenders = make_contenders(path, make_positions(options), options)
    seconds = run(contenders, options.repeats)
    show(report, seconds, options)
    report.write()


def make_image(options):
    """A float32 image with a WCS, on disk."""
    path = options.work / f'{options.edge}.fits'
    if not path.exists():
        pixels = np.random.default_rng(options.seed).standard_normal(
            (options.edge, options.edge), dtype=np.float32
        )
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
        wcs.wcs.crval = 150.1, 2.2
        wcs.wcs.crpix = options.edge / 2, options.edge / 2
        wcs.wcs.cdelt = -0.06 / 3600, 0.06 / 3600
        fits.writeto(path, pixels, wcs.to_header())
    return path


def make_positions(options):
    """Pixels (n, 2) whose stamps lie inside of the image."""
    margin = options.size
    shape = (options.stamps, 2)
    return np.random.default_rng(options.seed).uniform(margin, options.edge - margin, size=shape)


def make_contenders(path, positions, options):
    """Functions without arguments by name, and the number of stamps that each one cuts."""
    size, n = options.size, options.stamps
    sky = WCS(fits.getheader(path)).pixel_to_world(*positions.T)
    few = positions[: options.loop]
    catalog = pd.DataFrame(
        {
            'SourceID': [f's{k}' for k in range(n)],
            'RA': sky.ra.deg,
            'Dec': sky.dec.deg,
            'diameter_pixel': size,
            'fits_file_paths': f"['{path}']",
        }
    )
    contenders = {
        'astro_wgan, pixels': (
            lambda: StampSet.from_image(path, size=size, positions=positions),
            n,
        ),
        'astro_wgan, sky': (lambda: StampSet.from_image(path, size=size, positions=sky), n),
        'reading for Cutout2D': (lambda: read_for_cutout2d(path), None),
        'Cutout2D loop with WCS': (loop_of_cutout2d(path, few, size, True), len(few)),
        'Cutout2D loop without WCS': (loop_of_cutout2d(path, few, size, False), len(few)),
    }
    for part in (1_000, 10_000, n):
        name = f'cutana, direct by {part:,}'
        contenders[name] = (lambda part=part: cutana_directly(catalog, size, part), n)
    contenders['cutana, streaming'] = (lambda: cutana_streaming(catalog, options), n)
    check_same_pixels(path, positions[:100], catalog[:100], size)
    return contenders


def read_for_cutout2d(path):
    with fits.open(path) as hdulist:
        return hdulist[0].data.astype(np.float32), WCS(hdulist[0].header)


def loop_of_cutout2d(path, positions, size, with_wcs):
    pixels, wcs = read_for_cutout2d(path)
    wcs = wcs if with_wcs else None
    positions = positions.tolist()

    def loop():
        return [Cutout2D(pixels, (x, y), size, wcs=wcs, copy=True) for x, y in positions]

    return loop


def cutana_directly(catalog, size, part):
    config = cutana_config(size)
    config.do_only_cutout_extraction = True
    results = []
    for start in range(0, len(catalog), part):
        results += create_cutouts_direct(catalog[start : start + part], config)
    return [stamp for result in results for stamp in result['cutouts']]


def cutana_streaming(catalog, options):
    batches = stream_stamps(catalog, size=options.size, work=options.work)
    return [stamp for batch in batches for stamp in batch]


def check_same_pixels(path, positions, catalog, size):
    """Refuse to compare programs that cut something else."""
    stamps = StampSet.from_image(path, size=size, positions=positions)
    for stamp, cutout in zip(
        stamps.pixels, loop_of_cutout2d(path, positions, size, False)(), strict=True
    ):
        if not np.array_equal(stamp, cutout.data):
            raise SystemExit('Cutout2D cuts other pixels.')
    # cutana rounds down where Cutout2D rounds up.
    stamps = StampSet.from_image(path, size=size, positions=positions - 1)
    for stamp, cutout in zip(stamps.pixels, cutana_directly(catalog, size, 100), strict=True):
        if not np.array_equal(stamp, cutout[..., 0]):
            raise SystemExit('cutana cuts other pixels.')


def run(contenders, repeats):
    """Seconds of the shortest run, scaled to all stamps, by name."""
    most = max(count for _, count in contenders.values() if count is not None)

    def check(name, result):
        count = contenders[name][1]
        if count is not None and len(result) != count:
            raise SystemExit(f'{name} gave {len(result)} of {count} stamps.')

    functions = {name: function for name, (function, _) in contenders.items()}
    timings = time_in_turns(functions, turns=repeats, check=check)
    return {
        name: timings[name].shortest * (1 if count is None else most / count)
        for name, (_, count) in contenders.items()
    }


def show(report, seconds, options):
    reading = seconds.pop('reading for Cutout2D')
    for name in seconds:
        if name.startswith('Cutout2D'):
            seconds[name] += reading
    rows = []
    for name, spent in seconds.items():
        kind = 'sky' if 'cutana' in name or 'sky' in name else 'pixels'
        rows.append(
            {
                'program': name,
                'time': spent,
                'stamps per second': options.stamps / spent,
                'times astro_wgan': spent / seconds[f'astro_wgan, {kind}'],
            }
        )
    caption = (
        f'{options.stamps:,} stamps of {options.size} x {options.size} pixels from a FITS image of '
        f'{options.edge:,} x {options.edge:,} pixels; the shortest of {options.repeats}.'
    )
    report.table('speed', caption, COLUMNS, rows)
    report.note(
        f'The loops of Cutout2D were measured on {min(options.loop, options.stamps):,} stamps and '
        'scaled.'
    )


if __name__ == '__main__':
    main()
