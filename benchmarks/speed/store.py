"""
How fast a StampStore is read, in order and shuffled, and in how much memory, beside h5py and NumPy.

Noisy simulated sources in stamps of 64 x 64 float32 pixels; all are read from the page cache, in
batches, and counted in megabytes of pixels. In turn; the shortest time of several walks counts.

* StampStore, with ids only, with a catalogue of 12 columns, and compressed.
* h5py: a dataset with a chunk per stamp, for reading in a fully random order; and one with chunks
  of 64 and checksums, as the store has them, read in the order of the store, in as large pools.
* NumPy: ``numpy.memmap`` of a .npy file: the limit, without checksums and compression.

The peers give pixels only; the store gives sets with table, mask and WCS. Writing waits for the
disk with the store, which the peers do not. Memory is the peak of a fresh process that walks over
the whole store in shuffled batches, beside that of a process that only opens it.

    pip install h5py matplotlib
    python -m benchmarks.speed.store            # 100,000 stamps; five minutes, 10 GB of disk
    python -m benchmarks.speed.store --full     # also 1,000,000, which need 17 GB of disk
    python -m benchmarks.speed.store --full --figure docs/images/store.svg
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from astro_wgan.stamps import StampSet
from astro_wgan.stamps.batches import PooledOrder, batch_bounds, pooled_batches
from astro_wgan.store import StampStore
from benchmarks.machine import describe_machine

WORK = Path(__file__).parents[1] / 'work' / 'store'
SIZE = 64
PART = 8192


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--stamps', type=int, default=100_000)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument(
        '--full', action='store_true', help='measure memory at 1,000,000 stamps too'
    )
    parser.add_argument('--figure', type=Path, help='draw the results into this file')
    parser.add_argument('--walk', nargs=2, metavar=('STORE', 'HOW'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.walk is not None:
        walk_over(*options.walk, options.batch)
        return
    machine = describe_machine('h5py')
    print(machine, flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    try:
        speed = measure_speed(options)
        show(speed)
        memory = measure_memory(options)
        show(memory)
    finally:
        shutil.rmtree(WORK)
    if options.figure is not None:
        draw(speed, memory, machine, options.figure)


# Speed


def measure_speed(options):
    """A table of MB/s by contender."""
    n = options.stamps
    megabytes = n * SIZE * SIZE * 4 / 1e6
    table = Table(
        names=['what', 'write', 'in_order', 'shuffled', 'GB_on_disk'],
        dtype=['U40', float, float, float, float],
    )
    contenders = {
        'StampStore': store_contender(n),
        'StampStore, 12 columns': store_contender(n, columns=True),
        'StampStore, lz4': store_contender(n, compression='lz4'),
        'h5py, a chunk per stamp': h5py_contender(n, chunk=1),
        'h5py, checksums, pools': h5py_contender(n, chunk=64),
        'numpy.memmap': memmap_contender(n),
    }
    writing = {name: timed(contender.write) for name, contender in contenders.items()}
    seconds = {name: {False: [], True: []} for name in contenders}
    for _ in range(options.repeats):
        for name, contender in contenders.items():
            for shuffle in (False, True):
                batches = contender.batches(options.batch, shuffle)
                # One random stamp of HDF5 after the other takes minutes: a part of them, scaled.
                slow = shuffle and name == 'h5py, a chunk per stamp'
                most = min(n, 10_000) if slow else n
                walk = timed(lambda batches=batches, most=most: consume(batches, most))
                seconds[name][shuffle].append(walk * n / most)
    for name, contender in contenders.items():
        rates = [megabytes / min(seconds[name][shuffle]) for shuffle in (False, True)]
        table.add_row([name, megabytes / writing[name], *rates, size_of(contender.path) / 1e9])
    for name in ('write', 'in_order', 'shuffled'):
        table[name].unit, table[name].format = 'MB/s', '.0f'
    table['GB_on_disk'].format = '.2f'
    return table


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


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


def store_contender(n, *, columns=False, compression=None):
    path = WORK / f'{columns}-{compression}.zarr'

    def batches(size, shuffle):
        store = StampStore.open(path)
        return (batch.pixels for batch in store.batches(size, shuffle=shuffle, seed=1))

    options = {'columns': columns, 'compression': compression}
    return Contender(path, partial(write_store, path, n, **options), batches)


def h5py_contender(n, *, chunk):
    path = WORK / f'{chunk}.h5'
    kind = {'dtype': np.float32, 'chunks': (chunk, SIZE, SIZE), 'fletcher32': chunk > 1}

    def write():
        with h5py.File(path, 'w') as file:
            pixels = file.create_dataset('pixels', shape=(n, SIZE, SIZE), **kind)
            for first, part in parts(n):
                pixels[first : first + len(part)] = part

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


def memmap_contender(n):
    path = WORK / 'pixels.npy'

    def write():
        array = np.lib.format.open_memmap(path, 'w+', dtype=np.float32, shape=(n, SIZE, SIZE))
        for first, part in parts(n):
            array[first : first + len(part)] = part

    def batches(size, shuffle):
        array = np.load(path, mmap_mode='r')
        order = np.random.default_rng(1).permutation(n)
        for first, last in batch_bounds(n, size):
            yield np.array(array[order[first:last] if shuffle else slice(first, last)])

    return Contender(path, write, batches)


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
    """A table of peak memory by number of stamps."""
    table = Table(
        names=['stamps', 'open_s', 'opened_MB', 'walked_MB', 'MB_per_s'], dtype=[int] + [float] * 4
    )
    for n in (10_000, 100_000, *([1_000_000] if options.full else [])):
        path = WORK / f'{n}.zarr'
        write_store(path, n, columns=True)
        opened, walked = (in_fresh_process(path, how, options.batch) for how in ('open', 'walk'))
        rate = n * SIZE * SIZE * 4 / 1e6 / walked['seconds']
        table.add_row([n, opened['seconds'], opened['peak'], walked['peak'], rate])
        shutil.rmtree(path)
    for name in table.colnames[1:]:
        table[name].format = '.2f' if name == 'open_s' else '.0f'
    return table


def in_fresh_process(path, how, batch):
    command = [sys.executable, __file__, '--walk', str(path), how, '--batch', str(batch)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = output.split()
    return {'seconds': float(seconds), 'peak': float(peak)}


def walk_over(path, how, batch):
    start = time.perf_counter()
    store = StampStore.open(path)
    if how == 'walk':
        consume((part.pixels for part in store.batches(batch, shuffle=True)), len(store))
    seconds = time.perf_counter() - start
    with open('/proc/self/status') as file:
        peak = next(line for line in file if line.startswith('VmHWM')).split()[1]
    print(seconds, int(peak) * 1024 / 1e6)


# What is shown


def show(table):
    table.pprint(max_lines=-1, max_width=-1, align=['<'] + ['>'] * (len(table.columns) - 1))
    print(flush=True)


def draw(speed, memory, machine, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    place = np.arange(len(speed))[::-1]
    for shift, name, colour in ((0.2, 'in_order', 'tab:grey'), (-0.2, 'shuffled', 'tab:blue')):
        bars = left.barh(
            place + shift, speed[name], 0.38, color=colour, label=name.replace('_', ' ')
        )
        left.bar_label(bars, fmt='%.0f', padding=2, fontsize=8)
    left.axvline(100, color='tab:red', linewidth=1)
    left.set_yticks(place, speed['what'])
    left.set(xscale='log', xlim=(10, 3 * max(speed['in_order'])), xlabel='MB of pixels per second')
    left.legend(loc='upper right')
    right.plot(memory['stamps'], memory['walked_MB'], 'o-', label='walked over, shuffled')
    right.plot(memory['stamps'], memory['opened_MB'], 's--', color='tab:grey', label='only opened')
    pixels = memory['stamps'] * SIZE * SIZE * 4 / 1e6
    right.plot(memory['stamps'], pixels, ':', color='black', label='the pixels themselves')
    right.set(xscale='log', yscale='log', xlabel='stamps of 64 x 64', ylabel='peak memory (MB)')
    right.legend()
    figure.suptitle(machine, fontsize=8)
    figure.savefig(path)


if __name__ == '__main__':
    main()
