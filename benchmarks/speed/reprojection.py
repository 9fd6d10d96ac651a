"""
How fast stamps are brought to another pixel scale, beside a loop over reproject.

Stamps of 64 x 64 pixels at 0.03 arcsec, from one image with a TAN projection, to 32 x 32 pixels at
0.06 arcsec, north up. Each contender gets the same output WCS and is run several times in turn; its
shortest time counts. The loop is measured on fewer stamps.

    python -m benchmarks.speed.reprojection                 # two minutes
    python -m benchmarks.speed.reprojection --stamps 500
"""

import numpy as np
import reproject
from astropy import units as u
from astropy.nddata import CCDData
from astropy.wcs import WCS

from astro_wgan.stamps import StampSet
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

SCALE = 0.06 * u.arcsec

COLUMNS = (
    Column('method', 'of reproject'),
    Column('astro_wgan', 'stamps per second', '1 / s', ',.0f'),
    Column('loop of reproject', 'stamps per second', '1 / s', ',.0f'),
    Column('ratio', 'of the two', '', '.1f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'stamps': 20, 'loop': 2, 'repeats': 1})
    parser.add_argument('--stamps', type=int, default=2000)
    parser.add_argument('--loop', type=int, default=50, help='stamps that the loop reprojects')
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    report = Report(options, 'reproject')
    stamps = make_stamps(options)
    rows = [compare(method, stamps, options) for method in ('adaptive', 'interp', 'exact')]
    report.table('speed', 'Stamps that are reprojected; the shortest time counts.', COLUMNS, rows)
    report.write()


def make_stamps(options):
    rng = np.random.default_rng(options.seed)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = 2000, 2000
    wcs.wcs.cdelt = -0.03 / 3600, 0.03 / 3600
    image = CCDData(rng.standard_normal((4000, 4000), dtype=np.float32), unit='electron', wcs=wcs)
    return StampSet.from_image(image, positions=rng.uniform(64, 3936, size=(options.stamps, 2)))


def compare(method, stamps, options):
    # The exact method has no common work that a common call could save.
    part = stamps[: options.loop * 4] if method == 'exact' else stamps
    few = stamps[: options.loop]
    outputs = reprojected(few, method).wcs
    timings = time_in_turns(
        {
            'ours': lambda: reprojected(part, method),
            'loop': lambda: loop_of_reproject(few, outputs, method),
        },
        turns=options.repeats,
    )
    ours, loop = timings['ours'].shortest / len(part), timings['loop'].shortest / len(few)
    return {
        'method': method,
        'astro_wgan': 1 / ours,
        'loop of reproject': 1 / loop,
        'ratio': loop / ours,
    }


def reprojected(stamps, method):
    return stamps.reproject(pixel_scale=SCALE, position_angle=0 * u.deg, method=method)


def loop_of_reproject(stamps, outputs, method):
    function = getattr(reproject, f'reproject_{method}')
    return [
        function((pixels, wcs), output, shape_out=(32, 32), return_footprint=False)
        for pixels, wcs, output in zip(stamps.pixels, stamps.wcs, outputs, strict=True)
    ]


if __name__ == '__main__':
    main()
