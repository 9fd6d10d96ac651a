"""The frozen populations that detectors are compared on: `write_benchmark`, `load_benchmark`."""

import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import BenchmarkError
from astro_wgan.simulate.recipes import find_recipe
from astro_wgan.simulate.scenes import KINDS
from astro_wgan.simulate.simulation import check_store, simulate, simulate_store
from astro_wgan.store.stampstore import StampStore

__all__ = ['BENCHMARKS', 'Benchmark', 'load_benchmark', 'write_benchmark']

#: The names, which are those of their recipes.
BENCHMARKS = ('benchmark-1', 'benchmark-2')

#: Stamps to train on, fresh normals, and those of each class of anomalies. They never change.
_TRAIN, _FRESH, _EACH = 100_000, 10_000, 5_000

#: Seeds of what is to train on and of all else.
_SEEDS = {'benchmark-1': (1, 2), 'benchmark-2': (3, 4)}

#: Of how many stamps at the beginning of each set there is a checksum.
_CHECKED = 24

#: What the last bits of another processor, or of another release of NumPy or SciPy, may add up to
#: in a checksum, in units of the noise. What is drawn otherwise changes it a hundred times more.
_TOLERANCE = 0.5


@dataclass(frozen=True)
class Benchmark:
    """
    A frozen population.

    Attributes
    ----------
    name : str
        Which.
    train : `~astro_wgan.store.StampStore`
        Normal galaxies to learn from.
    normal : `~astro_wgan.store.StampStore`
        Fresh ones.
    anomalies : dict of `~astro_wgan.store.StampStore`
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
    for part, (kind, n, seed) in _parts(name).items():
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
        Compare the first stamps of each set with the checksums of the frozen ones.

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
    >>> from astro_wgan.simulate import load_benchmark, write_benchmark
    >>> write_benchmark('/data/benchmark-1', processes=8)  # doctest: +SKIP
    >>> benchmark = load_benchmark('/data/benchmark-1')  # doctest: +SKIP
    """
    _check_name(name)
    recipe, stores = find_recipe(name), {}
    for part, (kind, n, seed) in _parts(name).items():
        path = Path(folder) / f'{part}.zarr'
        store = StampStore.open(path)
        check_store(store, {kind: n}, recipe, seed)
        if len(store) < n:
            raise BenchmarkError(
                f'The store {path} holds {len(store)} of {n} stamps: `write_benchmark` goes on '
                'from there.'
            )
        if check and not is_frozen(store[:_CHECKED], name, part):
            raise BenchmarkError(f'The stamps in {path} are not those of {name}.')
        stores[part] = store
    return Benchmark(name, stores.pop('train'), stores.pop('normal'), stores)


def first_stamps(name, part):
    """The stamps of a set that its checksum is of, simulated anew."""
    kind, _, seed = _parts(name)[part]
    return simulate(kind, _CHECKED, recipe=name, seed=seed)


def is_frozen(stamps, name, part):
    """
    Whether stamps are those that a set of a benchmark began with when it was frozen.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        As many as `first_stamps` makes.
    name : str
        Of the benchmark.
    part : str
        ``'train'``, ``'normal'`` or a class of anomalies.

    Returns
    -------
    bool

    Notes
    -----
    Bytes would not do: exponentials and Fourier transforms differ in the last bit between
    processors and releases of NumPy and SciPy. Compared are sums of pixels, within a tolerance
    that is far above such errors and far below what a change of the simulator makes.
    """
    frozen = json.loads((files('astro_wgan.datasets') / 'data' / 'benchmarks.json').read_text())
    expected, found = frozen[name][part], checksum(stamps)
    tolerance = _TOLERANCE * find_recipe(name).noise.rms
    return (
        np.allclose(found['pixels'], expected['pixels'], rtol=1e-5, atol=tolerance)
        and found['truth'].keys() == expected['truth'].keys()
        and np.allclose([*found['truth'].values()], [*expected['truth'].values()], rtol=1e-6)
    )


def checksum(stamps):
    """
    What tells some stamps from others, whatever processor they were made on.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    dict
        ``pixels``: eight sums over them, with signs at random; ``truth``: sums of the table's
        columns of numbers.
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
        raise ValueError(f'`name` of a benchmark must be one of {list(BENCHMARKS)}; got {name!r}.')


def _parts(name):
    """Class, number and seed of each set."""
    train, test = _SEEDS[name]
    anomalies = {kind: (kind, _EACH, test) for kind in KINDS if kind != 'normal'}
    return {
        'train': ('normal', _TRAIN, train),
        'normal': ('normal', _FRESH, test),
        **anomalies,
    }
