"""
How long statmorph takes for a stamp, alone and through measure_morphology.

Simulated Sersic galaxies with a PSF and noise, in stamps of 64 x 64 pixels.

* statmorph by hand: SEP's segmentation, then ``statmorph.SourceMorphology`` in a loop.
* astro_wgan: `measure_morphology`, with and without the Sersic fit, with a PSF, and in processes,
  whose start is part of the time.

All must give the same numbers. Each is run several times in turn and its shortest time counts.
What a long run that is interrupted meets is asked by `benchmarks.quality.interruptions`.

    python -m benchmarks.speed.morphology                  # 60 galaxies; five minutes
    python -m benchmarks.speed.morphology --galaxies 1000 --processes 8
"""

import os
import warnings

import numpy as np
import statmorph
from astropy.modeling.models import Gaussian2D, Sersic2D
from scipy.ndimage import convolve

from astro_wgan import StampSet
from astro_wgan.detection import detect
from astro_wgan.morphology import measure_morphology
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

SIZE = 64

COLUMNS = (
    Column('program', 'and its settings'),
    Column('time', 'of a stamp', 'ms', '.0f'),
    Column('times statmorph', 'of that by hand', '', '.2f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'galaxies': 2, 'processes': 2, 'repeats': 1})
    parser.add_argument('--galaxies', type=int, default=60)
    parser.add_argument('--processes', type=int, default=os.cpu_count())
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    report = Report(options, 'statmorph')
    stamps, psf = make_stamps(options)
    contenders = {
        'statmorph by hand': lambda: by_hand(stamps),
        'astro_wgan': lambda: gini_of(stamps),
        'astro_wgan, no Sersic fit': lambda: gini_of(stamps, sersic=False),
        'astro_wgan, PSF of 25 x 25': lambda: gini_of(stamps, psf=psf),
        f'astro_wgan, {options.processes} processes': lambda: gini_of(
            stamps, processes=options.processes
        ),
    }
    expected = by_hand(stamps)

    def check(name, gini):
        np.testing.assert_allclose(gini, expected, rtol=1e-6, err_msg=name)

    timings = time_in_turns(contenders, turns=options.repeats, check=check)
    first = timings['statmorph by hand'].shortest
    rows = [
        {
            'program': name,
            'time': 1e3 * timing.shortest / len(stamps),
            'times statmorph': timing.shortest / first,
        }
        for name, timing in timings.items()
    ]
    report.table('speed', f'{len(stamps)} galaxies in stamps of 64 x 64 pixels.', COLUMNS, rows)
    report.write()


def make_stamps(options):
    """Galaxies of various brightness, size and shape, and the PSF that they are seen with."""
    rng = np.random.default_rng(options.seed)
    y, x = np.indices((25, 25)) - 12
    psf = Gaussian2D(x_stddev=1.5, y_stddev=1.5)(x, y)
    psf /= psf.sum()
    y, x = np.indices((SIZE, SIZE))
    pixels = [
        convolve(
            Sersic2D(
                amplitude=rng.uniform(5, 30),
                r_eff=rng.uniform(3, 8),
                n=rng.uniform(0.8, 4),
                x_0=31.5,
                y_0=31.5,
                ellip=rng.uniform(0, 0.6),
                theta=rng.uniform(0, np.pi),
            )(x, y),
            psf,
            mode='nearest',
        )
        for _ in range(options.galaxies)
    ]
    return StampSet(np.array(pixels) + rng.normal(size=(options.galaxies, SIZE, SIZE))), psf


def by_hand(stamps):
    gini = []
    for pixels in stamps.pixels:
        found = detect(pixels)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            shape = statmorph.SourceMorphology(
                pixels - found.background,
                found.labels,
                found.labels[SIZE // 2, SIZE // 2],
                weightmap=found.noise_rms,
            )
        gini.append(shape.gini)
    return gini


def gini_of(stamps, **options):
    return measure_morphology(stamps, progress=False, **options)['gini']


if __name__ == '__main__':
    main()
