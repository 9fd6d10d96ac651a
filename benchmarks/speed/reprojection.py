"""
How fast stamps are brought to another pixel scale, beside a loop over reproject, in one run.

Stamps of 64 x 64 pixels at 0.03 arcsec, from one image with a TAN projection, to 32 x 32 pixels at
0.06 arcsec, north up. Each contender gets the same output WCS and is run several times in turn; its
shortest time counts. The loop is measured on fewer stamps.

    python -m benchmarks.speed.reprojection                 # two minutes
    python -m benchmarks.speed.reprojection --stamps 500
"""

import argparse
import time

import numpy as np
import reproject
from astropy import units as u
from astropy.nddata import CCDData
from astropy.wcs import WCS

from astro_wgan.stamps.align import reproject_stamps
from astro_wgan.stamps.cutout import cut_stamps
from benchmarks.machine import describe_machine

SCALE = 0.06 * u.arcsec


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--stamps', type=int, default=2000)
    parser.add_argument('--loop', type=int, default=50, help='stamps that the loop reprojects')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    stamps = make_stamps(options)
    print(describe_machine('reproject'))
    print(f'{"method":10}{"astro_wgan":>14}{"loop":>14}{"ratio":>8}   stamps per second')
    for method in ('adaptive', 'interp', 'exact'):
        # The exact method has no common work that a common call could save.
        part = stamps[: options.loop * 4] if method == 'exact' else stamps
        ours, loop = [], []
        for _ in range(options.repeats):
            ours.append(time_of(lambda part=part, m=method: align(part, m)) / len(part))
            few = stamps[: options.loop]
            outputs = align(few, method).wcs
            loop.append(
                time_of(lambda few=few, o=outputs, m=method: loop_of_reproject(few, o, m))
                / len(few)
            )
        ours, loop = min(ours), min(loop)
        print(f'{method:10}{1 / ours:14.0f}{1 / loop:14.0f}{loop / ours:8.1f}')


def make_stamps(options):
    rng = np.random.default_rng(options.seed)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = 2000, 2000
    wcs.wcs.cdelt = -0.03 / 3600, 0.03 / 3600
    image = CCDData(rng.standard_normal((4000, 4000), dtype=np.float32), unit='electron', wcs=wcs)
    return cut_stamps(image, positions=rng.uniform(64, 3936, size=(options.stamps, 2)))


def align(stamps, method):
    return reproject_stamps(stamps, pixel_scale=SCALE, orientation=0 * u.deg, method=method)


def loop_of_reproject(stamps, outputs, method):
    function = getattr(reproject, f'reproject_{method}')
    return [
        function((pixels, wcs), output, shape_out=(32, 32), return_footprint=False)
        for pixels, wcs, output in zip(stamps.pixels, stamps.wcs, outputs, strict=True)
    ]


def time_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
