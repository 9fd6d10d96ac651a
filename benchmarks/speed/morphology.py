"""
How long statmorph takes for a stamp, alone and through measure_morphology, in one run.

Simulated Sersic galaxies with a PSF and noise, in stamps of 64 x 64 pixels.

* statmorph by hand: SEP's segmentation, then ``statmorph.SourceMorphology`` in a loop.
* astro_wgan: `measure_morphology`, with and without the Sersic fit, with a PSF, and in processes,
  whose start is part of the time.

All must give the same numbers. Each is run several times in turn and its shortest time counts.

With ``--unattended`` it measures many stamps of the bundled images instead, in a process that is
killed twice and started again: as a long run meets them, with sources off the middle, cut by the
edge of the image, or too faint. Then it says what became of each stamp, how long it took and in how
much memory, and compares the rows around the first kill with those of an uninterrupted run.

    python -m benchmarks.speed.morphology                  # 60 galaxies; five minutes
    python -m benchmarks.speed.morphology --galaxies 1000 --processes 8
    python -m benchmarks.speed.morphology --unattended 10000 --processes 1   # an hour or two
"""

import argparse
import os
import resource
import shutil
import time
import warnings
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import statmorph
from astropy.modeling.models import Gaussian2D, Sersic2D
from astropy.table import QTable, Table
from scipy.ndimage import convolve

from astro_wgan import StampSet, StampStore, datasets
from astro_wgan.detection import detect
from astro_wgan.jobs.progress import duration
from astro_wgan.morphology import measure_morphology
from astro_wgan.stamps import concatenate, cut_stamps
from benchmarks.machine import describe_machine

WORK = Path(__file__).parents[1] / 'work' / 'morphology'
SIZE = 64

#: Edge of the stamps of real images: their galaxies are small.
SMALL_SIZE = 32

#: Shares of the work after which the process that does it is killed.
KILLS = (0.2, 0.5)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--galaxies', type=int, default=60)
    parser.add_argument('--processes', type=int, default=os.cpu_count())
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--unattended', type=int, metavar='STAMPS', help='of real images')
    options = parser.parse_args()
    print(describe_machine('statmorph'))
    if options.unattended:
        run_unattended(options)
    else:
        compare_speed(options)


def compare_speed(options):
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


def run_unattended(options):
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    stamps = real_stamps(options.unattended, options.seed)
    with StampStore.create(WORK / 'stamps.zarr', like=stamps) as store:
        store.append(stamps)
    start = time.perf_counter()
    killed_at = [run_until(share, options) for share in KILLS]
    run_until(1, options)
    seconds = time.perf_counter() - start
    print(f'{len(stamps)} stamps in {duration(seconds)}, {options.processes} processes', flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f'{(used.ru_utime + used.ru_stime) / len(stamps) * 1e3:.0f} ms of a core for each')
    print(f'killed when {" and ".join(map(str, killed_at))} were kept')
    print(f'peak memory of the process: {used.ru_maxrss / 1024:.0f} MiB')
    table = QTable.read(WORK / 'shapes.fits')
    for name in ('status', 'flag'):
        counts = sorted(Counter(table[name].tolist()).items(), key=lambda pair: -pair[1])
        print(f'{name}: ' + ', '.join(f'{value} {count}' for value, count in counts))
    compare_part(table, killed_at[0])


def real_stamps(count, seed):
    """Sources of the bundled images, up to three pixels off the middle, in any orientation."""
    rng = np.random.default_rng(seed)
    images = [datasets.load_image(name).data for name in datasets.names()]
    planes = [plane for image in images for plane in np.moveaxis(np.atleast_3d(image), -1, 0)]
    found = [detect(plane).sources for plane in planes]
    sets = []
    while sum(map(len, sets)) < count:
        for plane, sources in zip(planes, found, strict=True):
            places = np.stack([sources['x'], sources['y']], axis=1)
            places += rng.uniform(-3, 3, places.shape)
            sets.append(cut_stamps(plane, size=SMALL_SIZE, positions=places, partial='fill'))
    stamps = concatenate(sets, renumber=True)[rng.permutation(sum(map(len, sets)))[:count]]
    turns = rng.integers(4, size=count)
    mirrored = rng.integers(2, size=count)

    def turned(images):
        return np.array(
            [
                np.rot90(image[:, ::-1] if mirror else image, turn)
                for image, mirror, turn in zip(images, mirrored, turns, strict=True)
            ]
        )

    return StampSet(turned(stamps.pixels.astype(np.float32)), mask=turned(~stamps.valid))


def run_until(share, options):
    """Measure in a process, which is killed when this share is kept. How much that was."""
    worker = get_context('spawn').Process(target=measure_store, args=(options.processes,))
    worker.start()
    while worker.is_alive() and (share == 1 or rows_kept() < share * options.unattended):
        worker.join(0.5)
    if share < 1:
        worker.kill()
    worker.join()
    return rows_kept()


def measure_store(processes):
    with StampStore.open(WORK / 'stamps.zarr') as store:
        table = measure_morphology(store, processes=processes, resume=WORK / 'resume.npz')
    table.meta = {}
    table.write(WORK / 'shapes.fits', overwrite=True)


def rows_kept():
    path = WORK / 'resume.npz'
    if not path.exists():
        return 0
    with np.load(path) as kept:
        return len(kept['flag'])


def compare_part(table, around, reach=40):
    """Rows before and after a kill, beside those of a run that nobody kills."""
    part = slice(max(0, around - reach), around + reach)
    with StampStore.open(WORK / 'stamps.zarr') as store:
        expected = measure_morphology(store[part], progress=False)
    moved = np.zeros(len(expected), dtype=bool)
    for name in expected.colnames:
        found, wanted = table[name][part], expected[name]
        if name.startswith('sersic_'):
            # Where a source is smaller than a pixel the fit is loose, and ends where rounding,
            # which differs from process to process, leads it.
            moved |= ~np.isclose(found, wanted, rtol=1e-4, equal_nan=True)
        else:
            np.testing.assert_array_equal(found, wanted, err_msg=name)
    print(f'{len(expected)} rows around the first kill: equal to those of an uninterrupted run,')
    print(f'but for the Sersic fits of {moved.sum()}')


if __name__ == '__main__':
    main()
