"""
How fast a StampStore is read, in order and shuffled, and in how much memory, beside h5py and NumPy.

Noisy simulated sources in stamps of 64 x 64 float32 pixels; all are read from the page cache, in
batches, and counted in megabytes of pixels. In turn; the shortest time of several walks counts.

* StampStore, with ids only, with a catalog of 12 columns, and compressed.
* h5py: a dataset with a chunk per stamp, for reading in a fully random order; and one with chunks
  of 64 and checksums, as the store has them, read in the order of the store, in as large pools.
* NumPy: ``numpy.memmap`` of a .npy file: the limit, without checksums and compression.

The peers give pixels only; the store gives sets with table, mask and WCS. Writing ends when all is
on the disk, for which the store waits after each 64 MiB and the peers once. On a busy machine the
rates per second of processor time say more than those by the clock. Memory is the peak of a fresh
process that walks over the whole store in shuffled batches, beside that of a process that only
opens it.

    pip install h5py matplotlib
    python -m benchmarks.speed.store            # 100,000 stamps; five minutes, 10 GB of disk
    python -m benchmarks.speed.store --full     # also 1,000,000, which need 17 GB of disk
    python -m benchmarks.speed.store --full --figure docs/images/store.svg
"""

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import h5py
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan import StampSet, StampStore
from astro_wgan.files.atomic import flush_file
from astro_wgan.stamps.batches import PooledOrder, batch_bounds, pooled_batches
from benchmarks.harness import (
    BenchmarkParser,
    Report,
    in_fresh_process,
    peak_memory,
    time_in_turns,
    time_once,
)
from benchmarks.results import Column, provenance_text

SIZE = 64
PART = 8192

SPEED = (
    Column('what', 'is read'),
    Column('write', 'pixels that are written', 'MB / s', '.0f'),
    Column('in order', 'pixels that are read', 'MB / s', '.0f'),
    Column('shuffled', 'pixels that are read', 'MB / s', '.0f'),
    Column('write, processor', 'pixels per second of processor time', 'MB / s', '.0f'),
    Column('in order, processor', 'pixels per second of processor time', 'MB / s', '.0f'),
    Column('shuffled, processor', 'pixels per second of processor time', 'MB / s', '.0f'),
    Column('on disk', 'size of the files', 'GB', '.2f'),
)
MEMORY = (
    Column('stamps', 'of the store', '', ','),
    Column('time to open', 'in a fresh process', 's', '.2f'),
    Column('opened', 'peak memory of a process that opens the store', 'MiB', '.0f'),
    Column('walked over', 'the same, of one that walks over it in shuffled batches', 'MiB', '.0f'),
    Column('shuffled', 'pixels that are read', 'MB / s', '.0f'),
)


def main():
    smoke = {'stamps': 500, 'memory': [500], 'repeats': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='store')
    parser.add_argument('--stamps', type=int, default=100_000)
    parser.add_argument(
        '--memory', type=int, nargs='+', default=[10_000, 100_000], help='stamps of each store'
    )
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument(
        '--full', action='store_true', help='measure memory at 1,000,000 stamps too'
    )
    parser.add_argument('--figure', type=Path, help='draw the results into this file')
    options = parser.parse_args()
    report = Report(options, 'h5py')
    caption = f'{options.stamps:,} stamps of 64 x 64 float32 pixels, from the page cache.'
    report.table('speed', caption, SPEED, measure_speed(options))
    caption = 'Memory of a process that walks over a whole store with 12 columns.'
    report.table('memory', caption, MEMORY, measure_memory(options))
    report.write()
    if options.figure is not None:
        draw(report.result(), options.figure)


# Speed


def measure_speed(options):
    """Rows of MB/s by contender."""
    n = options.stamps
    megabytes = n * SIZE * SIZE * 4 / 1e6
    contenders = {
        'StampStore': store_contender(options),
        'StampStore, 12 columns': store_contender(options, columns=True),
        'StampStore, lz4': store_contender(options, compression='lz4'),
        'h5py, a chunk per stamp': h5py_contender(options, chunk=1),
        'h5py, checksums, pools': h5py_contender(options, chunk=64),
        'numpy.memmap': memmap_contender(options),
    }
    some_stamps()
    writing = time_in_turns(
        {name: contender.write for name, contender in contenders.items()},
        turns=options.repeats,
        during=lambda name: removed(contenders[name].path),
    )
    walks, scale = {}, {}
    for name, contender in contenders.items():
        for shuffle in (False, True):
            # One random stamp of HDF5 after the other takes minutes: a part of them, scaled.
            slow = shuffle and name == 'h5py, a chunk per stamp'
            most = min(n, 10_000) if slow else n
            walks[name, shuffle] = partial(walk, contender, options.batch, shuffle, most)
            scale[name, shuffle] = n / most
    timings = time_in_turns(walks, turns=options.repeats)
    rates = {key: megabytes / (timings[key].shortest * scale[key]) for key in walks}
    processor = {key: megabytes / (timings[key].processor_shortest * scale[key]) for key in walks}
    rows = [
        {
            'what': name,
            'write': megabytes / writing[name].shortest,
            'in order': rates[name, False],
            'shuffled': rates[name, True],
            'write, processor': megabytes / writing[name].processor_shortest,
            'in order, processor': processor[name, False],
            'shuffled, processor': processor[name, True],
            'on disk': size_of(contender.path) / 1e9,
        }
        for name, contender in contenders.items()
    ]
    for contender in contenders.values():
        remove(contender.path)
    return rows


def walk(contender, batch, shuffle, n):
    consume(contender.batches(batch, shuffle), n)


def consume(batches, n):
    """Touch each pixel of n stamps, as whatever uses a batch does."""
    seen = 0
    for pixels in batches:
        pixels.max()
        seen += len(pixels)
        if seen >= n:
            break
    if seen < n:
        raise SystemExit(f'{seen} of {n} stamps came out.')


class Contender(NamedTuple):
    """A file or folder, what writes it, and what walks over it, given batch size and shuffling."""

    path: Path
    write: Callable
    batches: Callable


def store_contender(options, *, columns=False, compression=None):
    path = options.work / f'{columns}-{compression}.zarr'

    def batches(size, shuffle):
        store = StampStore.open(path)
        return (batch.pixels for batch in store.batches(size, shuffle=shuffle, seed=1))

    write = partial(write_store, path, options.stamps, columns=columns, compression=compression)
    return Contender(path, write, batches)


def h5py_contender(options, *, chunk):
    path, n = options.work / f'{chunk}.h5', options.stamps
    kind = {'dtype': np.float32, 'chunks': (chunk, SIZE, SIZE), 'fletcher32': chunk > 1}

    def write():
        with h5py.File(path, 'w') as file:
            pixels = file.create_dataset('pixels', shape=(n, SIZE, SIZE), **kind)
            for first, part in parts(n):
                pixels[first : first + len(part)] = part
        flush_file(path)

    def batches(size, shuffle):
        with h5py.File(path) as file:
            pixels, bounds = file['pixels'], batch_bounds(n, size)
            if not shuffle:
                yield from (pixels[first:last] for first, last in bounds)
            elif chunk == 1:
                order = np.random.default_rng(1).permutation(n)
                yield from (pixels[np.sort(order[first:last])] for first, last in bounds)
            else:
                order = PooledOrder(n, block=256, blocks=32, seed=1)
                yield from pooled_batches(partial(read_runs, pixels), np.concatenate, order, bounds)

    return Contender(path, write, batches)


def read_runs(pixels, rows):
    found = np.empty((len(rows), *pixels.shape[1:]), np.float32)
    edges = [0, *(np.flatnonzero(np.diff(rows) > 1) + 1), len(rows)]
    for first, last in pairwise(edges):
        found[first:last] = pixels[rows[first] : rows[last - 1] + 1]
    return found


def memmap_contender(options):
    path, n = options.work / 'pixels.npy', options.stamps

    def write():
        array = np.lib.format.open_memmap(path, 'w+', dtype=np.float32, shape=(n, SIZE, SIZE))
        for first, part in parts(n):
            array[first : first + len(part)] = part
        array.flush()

    def batches(size, shuffle):
        array = np.load(path, mmap_mode='r')
        order = np.random.default_rng(1).permutation(n)
        for first, last in batch_bounds(n, size):
            yield np.array(array[order[first:last] if shuffle else slice(first, last)])

    return Contender(path, write, batches)


@contextmanager
def removed(path):
    """Remove what was written there, before a file is written again."""
    remove(path)
    yield


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def size_of(path):
    files = path.rglob('*') if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def parts(n):
    """Arrays of stamps, n in all, each after the number of those before."""
    for first in range(0, n, PART):
        yield first, some_stamps()[: min(PART, n - first)]


@cache
def some_stamps():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    peak = 10 ** rng.uniform(0.5, 3, size=(PART, 1, 1))
    width = rng.uniform(2, 8, size=(PART, 1, 1))
    sources = peak * np.exp(-np.hypot(x, y) / width)
    return (sources + rng.normal(size=sources.shape)).astype(np.float32)


def write_store(path, n, *, columns, compression=None):
    def sets():
        for first, pixels in parts(n):
            ids = np.arange(first, first + len(pixels))
            table = QTable({'id': ids})
            if columns:
                table['sky'] = SkyCoord(ids * 1e-5, ids * 1e-6, unit='deg')
                for name in ('x', 'y', 'a', 'b', 'theta', 'flux', 'peak', 'radius', 'redshift'):
                    table[name] = ids * u.pix
            yield StampSet(pixels, unit='nJy', table=table, assume_finite=True)

    like = next(sets())[:0]
    with StampStore.create(path, like=like, compression=compression) as store:
        store.extend(sets())


# Memory


def measure_memory(options):
    """Rows of peak memory by number of stamps."""
    for n in (*options.memory, *([1_000_000] if options.full else [])):
        path = options.work / f'{n}.zarr'
        remove(path)
        write_store(path, n, columns=True)
        opened = in_fresh_process(open_store, path)
        walked = in_fresh_process(walk_over_store, path, options.batch)
        remove(path)
        yield {
            'stamps': n,
            'time to open': opened['seconds'],
            'opened': opened['peak'],
            'walked over': walked['peak'],
            'shuffled': n * SIZE * SIZE * 4 / 1e6 / walked['seconds'],
        }


def open_store(path):
    _, timing = time_once(StampStore.open, path)
    return {'seconds': timing.shortest, 'peak': peak_memory()}


def walk_over_store(path, batch):
    def walk_over():
        store = StampStore.open(path)
        consume((part.pixels for part in store.batches(batch, shuffle=True)), len(store))

    _, timing = time_once(walk_over)
    return {'seconds': timing.shortest, 'peak': peak_memory()}


# Figure


def draw(result, path):
    from matplotlib.figure import Figure

    speed, memory = (
        {c.name: np.array([row[c.name] for row in table.rows]) for c in table.columns}
        for table in (result.table('speed'), result.table('memory'))
    )
    figure = Figure(figsize=(9, 3.6), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    place = np.arange(len(speed['what']))[::-1]
    for shift, name, color in ((0.2, 'in order', 'tab:gray'), (-0.2, 'shuffled', 'tab:blue')):
        bars = left.barh(place + shift, speed[name], 0.38, color=color, label=name)
        left.bar_label(bars, fmt='%.0f', padding=2, fontsize=8)
    left.axvline(100, color='tab:red', linewidth=1)
    left.set_yticks(place, speed['what'])
    left.set(xscale='log', xlim=(10, 3 * max(speed['in order'])), xlabel='MB of pixels per second')
    left.legend(loc='lower center', bbox_to_anchor=(0.5, 1), ncols=2)
    right.plot(memory['stamps'], memory['walked over'], 'o-', label='walked over, shuffled')
    right.plot(memory['stamps'], memory['opened'], 's--', color='tab:gray', label='only opened')
    pixels = memory['stamps'] * SIZE * SIZE * 4 / 2**20
    right.plot(memory['stamps'], pixels, ':', color='black', label='the pixels themselves')
    right.set(xscale='log', yscale='log', xlabel='stamps of 64 x 64', ylabel='peak memory (MiB)')
    right.set_ylim(bottom=10)
    right.legend(loc='lower right')
    figure.suptitle(fill(provenance_text(result), 130), fontsize=8)
    figure.savefig(path)


if __name__ == '__main__':
    main()
