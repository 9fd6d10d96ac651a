"""
How long statmorph takes for a stamp, alone and through measure_morphology, in one run.

Simulated Sersic galaxies with a PSF and noise, in stamps of 64 x 64 pixels.

* statmorph by hand: SEP's segmentation, then ``statmorph.SourceMorphology`` in a loop.
* astro_wgan: `measure_morphology`, with and without the Sersic fit, with a PSF, and in processes,
  whose start is part of the time.

All must give the same numbers. Each is run several times in turn and its shortest time counts.

    python benchmarks/morphology.py                  # 60 galaxies; five minutes
    python benchmarks/morphology.py --galaxies 1000 --processes 8
"""

import argparse
import os
import time
import warnings
from datetime import UTC, datetime

import numpy as np
import statmorph
from astropy.modeling.models import Gaussian2D, Sersic2D
from astropy.table import Table
from scipy.ndimage import convolve

from astro_wgan import StampSet
from astro_wgan.morphology import measure_morphology
from astro_wgan.provenance import versions
from astro_wgan.stamps import detect

SIZE = 64


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--galaxies', type=int, default=60)
    parser.add_argument('--processes', type=int, default=os.cpu_count())
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print_machine()
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
    expected, times = by_hand(stamps), {name: [] for name in contenders}
    for _ in range(options.repeats):
        for name, function in contenders.items():
            start = time.perf_counter()
            gini = function()
            times[name].append((time.perf_counter() - start) / len(stamps) * 1e3)
            np.testing.assert_allclose(gini, expected, rtol=1e-6, err_msg=name)
    table = Table({'who': list(times), 'ms_per_stamp': [min(each) for each in times.values()]})
    table['to_by_hand'] = table['ms_per_stamp'] / table['ms_per_stamp'][0]
    table['ms_per_stamp'].format, table['to_by_hand'].format = '.0f', '.2f'
    table.pprint(max_lines=-1, max_width=-1)


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
                weightmap=found.noise,
            )
        gini.append(shape.gini)
    return gini


def gini_of(stamps, **options):
    return measure_morphology(stamps, progress=False, **options)['gini']


def print_machine():
    with open('/proc/cpuinfo') as file:
        models = [line.split(':')[1].strip() for line in file if line.startswith('model name')]
    used = ', '.join(f'{name} {versions()[name]}' for name in ('python', 'numpy', 'astropy', 'sep'))
    print(
        f'{models[0]}, {len(models)} cores; {used}, statmorph {statmorph.__version__}; '
        f'{datetime.now(UTC):%Y-%m-%d}'
    )


if __name__ == '__main__':
    main()
