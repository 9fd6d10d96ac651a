"""Frozen simulated populations for the comparison of detectors: benchmarks 1 and 2."""

import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import BenchmarkError
from astro_wgan.simulate.scenes import CLASSES
from astro_wgan.simulate.simulation import check_store, simulate
from astro_wgan.simulate.simulation_config import get_simulation_config
from astro_wgan.store.stampstore import StampStore

__all__ = ['BENCHMARKS', 'Benchmark', 'load_benchmark', 'write_benchmark']

#: Names of the benchmarks and of their configurations.
BENCHMARKS = ('benchmark-1', 'benchmark-2')

#: Numbers of training stamps, of test normals, and of anomalies of each class. They never change.
_N_TRAIN, _N_NORMAL, _N_ANOMALIES = 100_000, 10_000, 5_000

#: Seeds of the training stamps and of all others.
_SEEDS = {'benchmark-1': (1, 2), 'benchmark-2': (3, 4)}

#: Number of stamps at the beginning of each set that the checksum is computed from.
_N_CHECKED = 24

#: Tolerance of a checksum in units of the noise, for rounding errors, which differ between
#: processors and releases of NumPy and SciPy. Changes of the simulator are a hundred times larger.
_TOLERANCE = 0.5


@dataclass(frozen=True)
class Benchmark:
    """
    A frozen population of normal galaxies and anomalies.

    Attributes
    ----------
    name : str
        ``'benchmark-1'`` or ``'benchmark-2'``.
    train : `~astro_wgan.store.StampStore`
        Normal galaxies for training.
    normal : `~astro_wgan.store.StampStore`
        Normal galaxies for testing.
    anomalies : dict of `~astro_wgan.store.StampStore`
        Anomalies for testing, by class: ``'pair'``, ``'disturbed'``, ``'ring'``, ``'lens'``,
        ``'artifact'``.
    """

    name: str
    train: StampStore
    normal: StampStore
    anomalies: dict = field(default_factory=dict)


def write_benchmark(name='benchmark-1', *, output, processes=1, client=None, progress=True):
    """
    Simulate a benchmark: 135,000 stamps, 2.2 GB.

    Parameters
    ----------
    name : {'benchmark-1', 'benchmark-2'}, optional
        The first is for development, the second, with another configuration, for final results.
    output : path-like
        Folder that keeps the results, with a store for each set. An interrupted call that is
        repeated with the same arguments goes on from it; results of other work are refused.
    processes, client, progress : optional
        As in `~astro_wgan.simulate.simulate`.

    Returns
    -------
    `Benchmark`

    Raises
    ------
    ValueError
        If there is no such benchmark.
    SimulationStoreError
        If ``output`` holds other simulations.
    """
    _check_name(name)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    options = {'processes': processes, 'client': client, 'progress': progress}
    for part, (class_name, n, seed) in _parts(name).items():
        path = folder / f'{part}.zarr'
        simulate({class_name: n}, config=name, seed=seed, output=path, **options)
    return load_benchmark(folder, name)


def load_benchmark(folder, name='benchmark-1', *, check=False):
    """
    Open a benchmark that `write_benchmark` has written.

    Parameters
    ----------
    folder : path-like
        Folder of the benchmark.
    name : {'benchmark-1', 'benchmark-2'}, optional
        Name of the benchmark in the folder.
    check : bool, optional
        Compare the first stamps of each set with the checksums of the frozen benchmark.

    Returns
    -------
    `Benchmark`

    Raises
    ------
    ValueError
        If there is no such benchmark.
    FileNotFoundError
        If the folder contains no benchmark.
    SimulationStoreError
        If the folder holds other simulations.
    BenchmarkError
        If stamps are missing, or differ from the frozen benchmark.

    Examples
    --------
    >>> from astro_wgan.simulate import load_benchmark, write_benchmark
    >>> write_benchmark(output='/data/benchmark-1', processes=8)  # doctest: +SKIP
    >>> benchmark = load_benchmark('/data/benchmark-1')  # doctest: +SKIP
    """
    _check_name(name)
    config, stores = get_simulation_config(name), {}
    for part, (class_name, n, seed) in _parts(name).items():
        path = Path(folder) / f'{part}.zarr'
        store = StampStore.open(path)
        check_store(store, {class_name: n}, config, seed)
        if len(store) < n:
            raise BenchmarkError(
                f'The store {path} holds {len(store)} of {n} stamps: call `write_benchmark` to '
                'complete it.'
            )
        if check and not is_frozen(store[:_N_CHECKED], name, part):
            raise BenchmarkError(f'The stamps in {path} differ from those of {name}.')
        stores[part] = store
    return Benchmark(name, stores.pop('train'), stores.pop('normal'), stores)


def first_stamps(name, part):
    """The first stamps of a set, from which its checksum is computed."""
    class_name, _, seed = _parts(name)[part]
    return simulate(class_name, _N_CHECKED, config=name, seed=seed, progress=False)


def is_frozen(stamps, name, part):
    """
    Whether stamps are the first ones of a set of a frozen benchmark.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        As many as `first_stamps` returns.
    name : str
        Name of the benchmark.
    part : str
        ``'train'``, ``'normal'`` or a class of anomalies.

    Returns
    -------
    bool

    Notes
    -----
    Exponentials and Fourier transforms differ in the last bit between processors and releases of
    NumPy and SciPy. Therefore sums of pixels are compared instead of bytes, with a tolerance far
    above such errors and far below the effect of a change of the simulator.
    """
    frozen = json.loads((files('astro_wgan.simulate') / 'benchmark_checksums.json').read_text())
    expected, found = frozen[name][part], checksum(stamps)
    tolerance = _TOLERANCE * get_simulation_config(name).noise.rms
    return (
        np.allclose(found['pixels'], expected['pixels'], rtol=1e-5, atol=tolerance)
        and found['truth'].keys() == expected['truth'].keys()
        and np.allclose([*found['truth'].values()], [*expected['truth'].values()], rtol=1e-6)
    )


def checksum(stamps):
    """
    Checksum of stamps that does not depend on rounding errors.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    dict
        ``pixels``: eight sums of all pixels with random signs; ``truth``: sums of the numeric
        columns of the table.
    """
    pixels = stamps.pixels.astype(float).ravel()
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(8, pixels.size))
    columns = {
        name: getattr(stamps.table[name], 'value', stamps.table[name])
        for name in stamps.table.colnames
    }
    return {
        'pixels': (signs @ pixels).round(3).tolist(),
        'truth': {
            name: float(np.nansum(column))
            for name, column in columns.items()
            if column.dtype.kind in 'if'
        },
    }


def _check_name(name):
    if name not in BENCHMARKS:
        raise ValueError(f'`name` must be one of {list(BENCHMARKS)}; got {name!r}.')


def _parts(name):
    """Class, number of stamps and seed of each set."""
    train, test = _SEEDS[name]
    anomalies = {c: (c, _N_ANOMALIES, test) for c in CLASSES if c != 'normal'}
    return {
        'train': ('normal', _N_TRAIN, train),
        'normal': ('normal', _N_NORMAL, test),
        **anomalies,
    }
