"""The frozen populations that detectors are compared on: `write_benchmark`, `load_benchmark`."""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from astro_wgan.datasets.recipes import find_recipe
from astro_wgan.datasets.scenes import KINDS
from astro_wgan.datasets.simulation import check_store, simulate_store
from astro_wgan.stamps.store import StampStore

__all__ = ['BENCHMARKS', 'Benchmark', 'BenchmarkError', 'load_benchmark', 'write_benchmark']

#: The names, which are those of their recipes.
BENCHMARKS = ('benchmark-1', 'benchmark-2')

#: Stamps of each set, and the seed of all that are not for training. They never change.
_TRAIN, _FRESH, _EACH = 100_000, 10_000, 5_000
_TRAIN_SEED, _TEST_SEED = 1, 2


class BenchmarkError(ValueError):
    """A folder that does not hold the benchmark that it should."""


@dataclass(frozen=True)
class Benchmark:
    """
    A frozen population.

    Attributes
    ----------
    name : str
        Which.
    train : `~astro_wgan.stamps.StampStore`
        Normal galaxies to learn from.
    normal : `~astro_wgan.stamps.StampStore`
        Fresh ones.
    anomalies : dict of `~astro_wgan.stamps.StampStore`
        By class: ``'pair'``, ``'disturbed'``, ``'ring'``, ``'lens'``, ``'artefact'``.
    """

    name: str
    train: StampStore
    normal: StampStore
    anomalies: dict = field(default_factory=dict)


def write_benchmark(folder, name='benchmark-1', *, processes=1, client=None, progress=True):
    """
    Simulate a benchmark: 135,000 stamps, 2.2 GB.

    It goes on where a killed run stopped, and ends at once where all is there.

    Parameters
    ----------
    folder : path-like
        Where; a store for each set is made in it.
    name : {'benchmark-1', 'benchmark-2'}, optional
        The first is for work, the second, of another recipe, for final figures only.
    processes, client, progress : optional
        As in `simulate_store`.

    Returns
    -------
    `Benchmark`

    Raises
    ------
    ValueError
        If there is no such benchmark.
    SimulationStoreError
        If there are other simulations in the folder.
    """
    _check_name(name)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    options = {'processes': processes, 'client': client, 'progress': progress}
    for part, (kind, n, seed) in _parts().items():
        path = folder / f'{part}.zarr'
        simulate_store(path, {kind: n}, recipe=name, seed=seed, **options)
    return load_benchmark(folder, name)


def load_benchmark(folder, name='benchmark-1', *, check=False):
    """
    Open a benchmark that `write_benchmark` has made.

    Parameters
    ----------
    folder : path-like
        Where it is.
    name : {'benchmark-1', 'benchmark-2'}, optional
        Which it must be.
    check : bool, optional
        Read all of it and compare with the checksums of the frozen sets; takes a minute.

    Returns
    -------
    `Benchmark`

    Raises
    ------
    ValueError
        If there is no such benchmark.
    FileNotFoundError
        If it is not there.
    SimulationStoreError
        If other simulations are there.
    BenchmarkError
        If it is not whole, or differs from what was frozen.

    Examples
    --------
    >>> from astro_wgan.datasets import load_benchmark, write_benchmark
    >>> write_benchmark('/data/benchmark-1', processes=8)  # doctest: +SKIP
    >>> benchmark = load_benchmark('/data/benchmark-1')  # doctest: +SKIP
    """
    _check_name(name)
    recipe, stores = find_recipe(name), {}
    for part, (kind, n, seed) in _parts().items():
        path = Path(folder) / f'{part}.zarr'
        store = StampStore.open(path)
        check_store(store, {kind: n}, recipe, seed)
        if len(store) < n:
            raise BenchmarkError(
                f'The store {path} holds {len(store)} of {n} stamps: `write_benchmark` goes on '
                'from there.'
            )
        if check and not _is_alike(summary(store), frozen_summaries(name)[part]):
            raise BenchmarkError(f'The stamps in {path} are not those of {name}.')
        stores[part] = store
    return Benchmark(name, stores.pop('train'), stores.pop('normal'), stores)


def summary(store):
    """
    What tells one population from another: a checksum, and sums that rounding errors hardly change.

    Parameters
    ----------
    store : `~astro_wgan.stamps.StampStore` or `~astro_wgan.StampSet`

    Returns
    -------
    dict
        ``sha256`` of the pixels; ``pixels``, sums over them with eight sets of signs; ``truth``,
        sums of the table's columns of numbers.
    """
    digest = hashlib.sha256()
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(8, np.prod(store.shape)))
    sums, truth = np.zeros(8), {}
    for stamps in store.batches(1024):
        digest.update(np.ascontiguousarray(stamps.pixels, dtype='<f4').tobytes())
        # In turn with both signs, so that populations of the same mean differ.
        order = 1 - 2 * (np.arange(len(stamps)) % 2)
        sums += signs @ (order @ stamps.pixels.reshape(len(stamps), -1).astype(float))
        for name in stamps.table.colnames:
            column = getattr(stamps.table[name], 'value', stamps.table[name])
            if column.dtype.kind in 'if':
                truth[name] = truth.get(name, 0.0) + float(np.nansum(column))
    return {'sha256': digest.hexdigest(), 'pixels': sums.tolist(), 'truth': truth}


def frozen_summaries(name):
    """The summary of each set of a benchmark, as it was frozen."""
    path = files('astro_wgan.datasets') / 'data' / 'benchmarks.json'
    return json.loads(path.read_text())[name]


def _check_name(name):
    if name not in BENCHMARKS:
        raise ValueError(f'`name` of a benchmark must be one of {list(BENCHMARKS)}; got {name!r}.')


def _parts():
    """Class, number and seed of each set."""
    anomalies = {kind: (kind, _EACH, _TEST_SEED) for kind in KINDS if kind != 'normal'}
    return {
        'train': ('normal', _TRAIN, _TRAIN_SEED),
        'normal': ('normal', _FRESH, _TEST_SEED),
        **anomalies,
    }


def _is_alike(found, frozen):
    """Whether they are the same, but for the rounding errors of another processor."""
    if found['sha256'] == frozen['sha256']:
        return True
    if found['truth'].keys() != frozen['truth'].keys():
        return False
    truth = [found['truth'][name] for name in frozen['truth']]
    return np.allclose(truth, list(frozen['truth'].values()), rtol=1e-9) and np.allclose(
        found['pixels'], frozen['pixels'], rtol=1e-3, atol=1.0
    )
