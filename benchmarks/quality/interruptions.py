"""
Whether a long measurement of shapes that is killed twice ends as one that nobody kills.

Many stamps of the bundled images are measured in a process that is killed twice and started again:
as a long run meets them, with sources off the middle, cut by the edge of the image, or too faint.
Told is what became of each stamp, how long it took and in how much memory; the rows around the
first kill are compared with those of an uninterrupted run.

    python -m benchmarks.quality.interruptions --processes 1   # 10,000 stamps; an hour or two
"""

import os
import resource
from collections import Counter
from multiprocessing import get_context

import numpy as np
from astropy.table import QTable

from astro_wgan import StampSet, StampStore, datasets
from astro_wgan.detection import detect
from astro_wgan.morphology import measure_morphology
from astro_wgan.stamps import concatenate
from benchmarks.harness import BenchmarkParser, Report, peak_memory, time_once
from benchmarks.results import Column

#: Edge of the stamps: galaxies of real images are small.
SIZE = 32

#: Fractions of the work after which the process that does it is killed.
KILLS = (0.2, 0.5)

COUNTS = (Column('value', 'in the column'), Column('stamps', 'that have it'))


def main():
    parser = BenchmarkParser(__doc__, smoke={'stamps': 40, 'processes': 1}, work='interruptions')
    parser.add_argument('--stamps', type=int, default=10_000, help='of real images')
    parser.add_argument('--processes', type=int, default=os.cpu_count())
    options = parser.parse_args()
    report = Report(options, 'statmorph')
    for name in ('resume.npz', 'shapes.fits'):
        (options.work / name).unlink(missing_ok=True)
    stamps = real_stamps(options.stamps, options.seed)
    path = options.work / 'stamps.zarr'
    with StampStore.create(path, like=stamps, overwrite=True) as store:
        store.append(stamps)
    killed_at, timing = time_once(measure_with_kills, options)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.note(
        f'{len(stamps)} stamps took {timing.shortest:.0f} s by {options.processes} processes, '
        f'{(used.ru_utime + used.ru_stime) / len(stamps) * 1e3:.0f} ms of a core for each; they '
        f'were killed when {" and ".join(map(str, killed_at))} were kept. The peak memory of the '
        f'process was {peak_memory(children=True):.0f} MiB.'
    )
    table = QTable.read(options.work / 'shapes.fits')
    for name in ('status', 'flag'):
        counts = Counter(table[name].tolist()).most_common()
        rows = [{'value': str(value), 'stamps': count} for value, count in counts]
        report.table(name, f'What the column ``{name}`` holds.', COUNTS, rows)
    report.note(compare_part(table, killed_at[0], options))
    report.write()


def measure_with_kills(options):
    """Measure to the end; how much was kept when the process was killed."""
    killed_at = [run_until(fraction, options) for fraction in KILLS]
    run_until(1, options)
    return killed_at


def real_stamps(count, seed):
    """Sources of the bundled images, up to three pixels off the middle, in any orientation."""
    rng = np.random.default_rng(seed)
    images = [datasets.load_image(name).data for name in datasets.image_names()]
    planes = [plane for image in images for plane in np.moveaxis(np.atleast_3d(image), -1, 0)]
    found = [detect(plane).sources for plane in planes]
    sets = []
    while sum(map(len, sets)) < count:
        for plane, sources in zip(planes, found, strict=True):
            places = np.stack([sources['x'], sources['y']], axis=1)
            places += rng.uniform(-3, 3, places.shape)
            sets.append(StampSet.from_image(plane, size=SIZE, positions=places, partial='fill'))
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


def run_until(fraction, options):
    """Measure in a process, which is killed when this fraction is kept. How much that was."""
    worker = get_context('spawn').Process(
        target=measure_store, args=(options.work, options.processes)
    )
    worker.start()
    while worker.is_alive() and (
        fraction == 1 or rows_kept(options.work) < fraction * options.stamps
    ):
        worker.join(0.5)
    if fraction < 1:
        worker.kill()
    worker.join()
    return rows_kept(options.work)


def measure_store(folder, processes):
    with StampStore.open(folder / 'stamps.zarr') as store:
        table = measure_morphology(store, processes=processes, output=folder / 'resume.npz')
    table.meta = {}
    table.write(folder / 'shapes.fits', overwrite=True)


def rows_kept(folder):
    path = folder / 'resume.npz'
    if not path.exists():
        return 0
    with np.load(path) as kept:
        return len(kept['flag'])


def compare_part(table, around, options, reach=40):
    """Rows before and after a kill, beside those of a run that nobody kills."""
    part = slice(max(0, around - reach), around + reach)
    with StampStore.open(options.work / 'stamps.zarr') as store:
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
    return (
        f'{len(expected)} rows around the first kill are equal to those of an uninterrupted run, '
        f'but for the Sersic fits of {moved.sum()}.'
    )


if __name__ == '__main__':
    main()
