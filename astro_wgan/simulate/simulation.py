"""`simulate`: populations of galaxies with known anomalies, as a set of stamps or in a store."""

import hashlib
import json
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack

from astro_wgan.exceptions import SimulationStoreError
from astro_wgan.jobs.descriptions import describe_settings
from astro_wgan.jobs.fingerprint import Fingerprint
from astro_wgan.jobs.parallel import check_workers, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.simulate.scenes import CLASSES, draw_scene
from astro_wgan.simulate.simulation_config import get_simulation_config
from astro_wgan.simulate.telescope import add_noise, import_galsim, observe, psf_image
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stampstore import StampStore

__all__ = ['check_store', 'simulate']

# The examples need an optional package.
__doctest_requires__ = {'*': ['galsim']}

#: Number of stamps that a process makes at a time: one or two seconds of work.
_CHUNK = 256

#: Dtype and unit of the columns of true parameters.
_COLUMNS = {
    'stage': (str, None),
    'artifact': (str, None),
    'stellar_mass': (float, u.solMass),
    'redshift': (float, None),
    'magnitude': (float, u.mag),
    'flux': (float, u.nJy),
    'half_light_radius': (float, u.arcsec),
    'axis_ratio': (float, None),
    'bulge_fraction': (float, None),
    'flux_ratio': (float, None),
    'separation': (float, u.arcsec),
    'companion_direction': (float, u.deg),
    'merger_time': (float, None),
    'x': (float, u.pix),
    'y': (float, u.pix),
    'n_neighbors': (int, None),
}

#: Names that seed the random numbers, where they differ from the class. The frozen benchmarks
#: depend on them.
_SEED_NAMES = {'artifact': 'artefact'}


def simulate(
    classes,
    n=None,
    *,
    config='benchmark-1',
    seed=0,
    output=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Simulate stamps of galaxies of known classes.

    Parameters
    ----------
    classes : str or dict of int
        A class, or the number of stamps of each class. The classes are ``'normal'``, ``'pair'``,
        ``'disturbed'``, ``'ring'``, ``'lens'`` and ``'artifact'``. Disturbed galaxies are
        post-mergers, and pre-mergers with the companion outside of the stamp; neither has a bright
        neighbor.
    n : int, optional
        Number of stamps, if ``classes`` is one class.
    config : str or `~astro_wgan.simulate.SimulationConfig`, optional
        Name of a configuration in `~astro_wgan.simulate.SIMULATION_CONFIGS`, or a configuration.
    seed : int, optional
        The same seed gives the same stamps, for any number of processes; the first ten of twenty
        are those of ten.
    output : path-like, optional
        Store that keeps the results, one class after the other. An interrupted call that is
        repeated with the same arguments goes on from it; results of other work are refused.
    processes : int, optional
        Number of processes that work at the same time.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster that works instead.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        A set, or with ``output`` the store, opened for reading. Pixels are float32 in nJy, with the
        PSF. Columns of the table:

        * ``id``, ``class``, and ``stage``: ``'isolated'``, ``'pre-merger'``, ``'post-merger'``,
          ``'ring'`` or ``'lens'``;
        * ``artifact``: ``'trail'``, ``'hot pixels'``, ``'bleeding'``, ``'bad edge'``, or empty;
        * ``stellar_mass``, ``redshift``, ``magnitude`` (AB) and ``flux``, to infinity, of the
          central galaxy, in a pair of the brighter galaxy;
        * ``half_light_radius``: semimajor axis of the ellipse that holds half the light;
          ``axis_ratio``; ``bulge_fraction``;
        * ``flux_ratio`` of a pair, brighter by fainter; ``separation``; ``companion_direction``,
          counterclockwise from +x;
        * ``merger_time``: -1 at the beginning of the merger sequence, 0 at the merger, 1 at the
          end;
        * ``x``, ``y``: position of the central galaxy in the stamp; ``n_neighbors``: number of
          unrelated galaxies.

        Values that do not apply are NaN.

    Raises
    ------
    ValueError
        If a class or the configuration is unknown, a number, ``seed`` or ``processes`` is out of
        range, or ``n`` is given together with numbers by class.
    TypeError
        If a number or ``seed`` is not an integer.
    SimulationStoreError
        If the store ``output`` holds other stamps than the first of those.
    ImportError
        If GalSim is not installed.

    Notes
    -----
    Light is drawn on pixels of half the size, convolved with the PSF (by GalSim) and summed in
    pixels; the result agrees with images drawn by GalSim within 1 percent, in a fraction of the
    time. Sizes follow van der Wel et al. 2014 (ApJ 788, 28).

    Examples
    --------
    >>> from astro_wgan.simulate import simulate
    >>> stamps = simulate('pair', 3, seed=1, progress=False)
    >>> stamps
    <StampSet: 3 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    >>> stamps.table['stage'].tolist()
    ['pre-merger', 'pre-merger', 'pre-merger']

    Several classes, into a store:

    >>> from tempfile import mkdtemp
    >>> path = mkdtemp() + '/mixed.zarr'
    >>> simulate({'normal': 4, 'lens': 2}, seed=1, output=path, progress=False)
    <StampStore: 6 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    """
    counts = _counts(classes, n)
    config = get_simulation_config(config)
    _check_count('`seed`', seed)
    check_workers(processes, client)
    import_galsim()
    run = {'processes': processes, 'client': client, 'progress': progress}
    if output is None:
        return _simulate_set(counts, config, seed, **run)
    with _open_store(output, counts, config, seed) as store:
        store.extend(_simulate_parts(counts, config, seed, len(store), store.meta, **run))
    return StampStore.open(output)


def _counts(classes, n):
    """The number of stamps by class."""
    if isinstance(classes, str):
        if n is None:
            raise ValueError('`n` must be the number of stamps, since `classes` is one class.')
        counts, name = {classes: n}, '`n`'
    else:
        if n is not None:
            raise ValueError('`n` must not be given, since `classes` has the number of each class.')
        counts, name = dict(classes), 'A number in `classes`'
    for class_name, count in counts.items():
        if class_name not in CLASSES:
            raise ValueError(f'`classes` must be among {list(CLASSES)}; got {class_name!r}.')
        _check_count(name, count)
    return counts


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f'{name} must be an integer; got {value!r}.')
    if value < 0:
        raise ValueError(f'{name} must not be negative; got {value}.')


def _simulate_set(counts, config, seed, **run):
    meta = _meta(config, seed)
    total = sum(counts.values())
    pixels = np.empty((total, config.size, config.size), dtype=np.float32)
    tables, done = [], 0
    for part in _simulate_parts(counts, config, seed, 0, meta, **run):
        pixels[done : done + len(part)] = part.pixels
        tables.append(part.table)
        done += len(part)
    tables = tables or [_table(next(iter(counts), CLASSES[0]), 0, [], config, seed)]
    return _stamp_set(pixels, vstack(tables), config, meta)


def _simulate_parts(counts, config, seed, done, meta, *, processes, client, progress):
    """Sets of stamps that follow the first ``done``, with a progress line."""
    total = sum(counts.values())
    make = partial(_stamps, config=config, seed=seed, meta=meta)
    pieces = _pieces(counts, done)
    with ProgressLine('simulating', quiet=not progress) as line:
        line.update(done / max(1, total), f'{done} of {total} stamps')
        for part in ordered_map(make, pieces, processes=processes, client=client):
            yield part
            done += len(part)
            line.update(done / total, f'{done} of {total} stamps')


def _meta(config, seed):
    settings = {'config': config.to_dict(), 'seed': int(seed)}
    text = json.dumps(settings, sort_keys=True)
    return {
        'simulation': {
            'config': config.name,
            'seed': int(seed),
            'fingerprint': hashlib.sha256(text.encode()).hexdigest(),
        },
        'provenance': provenance_record(config=json.loads(text)['config'], seed=int(seed)),
    }


def _settings(meta):
    """Configuration and seed of simulations, from their provenance."""
    provenance = meta.get('provenance', {})
    config = provenance.get('config') or {}
    first = {'config': config.get('name'), 'seed': provenance.get('seed')}
    return Fingerprint({'settings': {**first, **describe_settings({'config': config})}})


def _stamps(piece, config, seed, meta):
    """Stamps of a class, from a first number to before a last."""
    class_name, first, last = piece
    pixels = np.empty((last - first, config.size, config.size), dtype=np.float32)
    rows = []
    for k in range(first, last):
        pixels[k - first], truth = _stamp(class_name, k, config, seed)
        rows.append(truth)
    return _stamp_set(pixels, _table(class_name, first, rows, config, seed), config, meta)


def _stamp_set(pixels, table, config, meta):
    return StampSet(
        pixels,
        unit=u.nJy,
        pixel_scale=config.pixel_scale * u.arcsec,
        psf=psf_image(config),
        table=table,
        meta=meta,
        assume_finite=True,
    )


def _stamp(class_name, k, config, seed):
    """
    Pixels and true parameters of the k-th stamp of a class.

    Each stamp has its own random numbers, independent of the process and of other stamps.
    """
    name = _SEED_NAMES.get(class_name, class_name)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), k])
    scene = draw_scene(class_name, rng, config)
    image = add_noise(observe(scene.light, config), rng, config.noise)
    return image if scene.apply_artifact is None else scene.apply_artifact(image), scene.truth


def _table(class_name, first, rows, config, seed):
    numbers = range(first, first + len(rows))
    table = QTable(
        {
            'id': np.array([f'{config.name}-{seed}-{class_name}-{k}' for k in numbers], dtype=str),
            'class': np.array([class_name] * len(rows), dtype=str),
        }
    )
    for name, (dtype, unit) in _COLUMNS.items():
        values = np.array([row[name] for row in rows], dtype=dtype)
        table[name] = values if unit is None else values * unit
    return table


def _pieces(counts, done):
    """Remaining work: class, first number, and the number to stop before."""
    for class_name, n in counts.items():
        for first in range(min(done, n), n, _CHUNK):
            yield class_name, first, min(first + _CHUNK, n)
        done -= min(done, n)


def _open_store(path, counts, config, seed):
    """A new store, or that of an earlier call, opened for writing."""
    if not Path(path).exists():
        class_name = next(iter(counts), CLASSES[0])
        empty = _stamps((class_name, 0, 0), config, seed, _meta(config, seed))
        return StampStore.create(path, like=empty)
    check_store(StampStore.open(path), counts, config, seed)
    return StampStore.open(path, mode='a')


def check_store(store, counts, config, seed):
    """
    Raise an error unless the stamps in a store are the first of those asked for.

    Parameters
    ----------
    store : `~astro_wgan.store.StampStore`
    counts : dict of int
        Number of stamps of each class.
    config : `~astro_wgan.simulate.SimulationConfig`
    seed : int

    Raises
    ------
    SimulationStoreError
        If they are not.
    """
    expected, found = _meta(config, seed), store.meta
    if 'simulation' not in found:
        raise SimulationStoreError(
            f'The store {store.path} contains no simulations: choose another path.'
        )
    if 'recipe' in found['simulation']:
        raise SimulationStoreError(
            f'The store {store.path} was written by a development version of astro_wgan, with '
            'other names of classes and columns: remove it and simulate it again. The same seed '
            'gives the same stamps.'
        )
    if found['simulation'] != expected['simulation']:
        mismatch = _settings(expected).mismatch(_settings(found).to_dict())
        mismatch = mismatch or 'belongs to another configuration'
        raise SimulationStoreError(f'The store {store.path} {mismatch}. Choose another path.')
    total = sum(counts.values())
    if len(store) > total:
        raise SimulationStoreError(
            f'The store {store.path} holds {len(store)} stamps, more than the {total} asked for.'
        )
    classes = np.repeat(list(counts), list(counts.values()))[: len(store)]
    if not np.array_equal(classes, store.read_table(columns=['class'])['class']):
        raise SimulationStoreError(
            f'The store {store.path} does not hold the first of {counts}: the order or the '
            'numbers of its classes differ.'
        )
