"""`simulate`, `simulate_store`: populations of galaxies with known anomalies, in any number."""

import hashlib
import json
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.exceptions import SimulationStoreError
from astro_wgan.jobs import Fingerprint, describe_settings
from astro_wgan.jobs.parallel import ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import record
from astro_wgan.simulate.recipes import find_recipe
from astro_wgan.simulate.scenes import KINDS, draw_scene
from astro_wgan.simulate.telescope import add_noise, import_galsim, observe, psf_image
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stampstore import StampStore

__all__ = ['check_store', 'simulate', 'simulate_store']

# The examples need what an extra brings.
__doctest_requires__ = {'*': ['galsim']}

#: Stamps that a process makes at a time: a second or two, long beside what a store does for a part.
_CHUNK = 256

#: Dtype and unit of the columns of the truth.
_COLUMNS = {
    'stage': (str, None),
    'artefact': (str, None),
    'mass': (float, u.solMass),
    'redshift': (float, None),
    'magnitude': (float, u.mag),
    'flux': (float, u.nJy),
    'effective_radius': (float, u.arcsec),
    'axis_ratio': (float, None),
    'bulge_fraction': (float, None),
    'flux_ratio': (float, None),
    'separation': (float, u.arcsec),
    'separation_angle': (float, u.deg),
    'merger_time': (float, None),
    'x': (float, u.pix),
    'y': (float, u.pix),
    'neighbours': (int, None),
}


def simulate(kind, n, *, recipe='benchmark-1', seed=0):
    """
    Simulate stamps of a class.

    Parameters
    ----------
    kind : {'normal', 'pair', 'disturbed', 'ring', 'lens', 'artefact'}
        The class. Disturbed are galaxies after a merger, or before one with a companion outside
        of the stamp: neither has a bright neighbour.
    n : int
        How many.
    recipe : str or `~astro_wgan.simulate.Recipe`, optional
        Name of a recipe in `~astro_wgan.simulate.RECIPES`, or one of your own.
    seed : int, optional
        The same seed gives the same stamps; the first ten of twenty are those of ten.

    Returns
    -------
    `~astro_wgan.StampSet`
        Pixels as float32 in nJy, with the PSF. Columns of the table:

        * ``id``, ``kind``, and ``stage``: ``'isolated'``, ``'pre-merger'``, ``'post-merger'``,
          ``'ring'`` or ``'lens'``;
        * ``artefact``: ``'trail'``, ``'hot pixels'``, ``'bleeding'``, ``'bad edge'``, or empty;
        * ``mass`` (stellar), ``redshift``, ``magnitude`` (AB) and ``flux`` of the galaxy in the
          middle, all light to infinity; in a pair those of the brighter one;
        * ``effective_radius``: semi-major axis of half the light; ``axis_ratio``,
          ``bulge_fraction``;
        * ``flux_ratio`` of a pair, brighter by fainter; ``separation``, and ``separation_angle``
          from x to y;
        * ``merger_time``: -1 where the merger begins, 0 at the merger, 1 at its end;
        * ``x``, ``y``: where the galaxy is in the stamp; ``neighbours``: how many unrelated ones.

        What does not apply is NaN.

    Raises
    ------
    ValueError
        If the class or the recipe is not known, or ``n`` or ``seed`` is negative.
    TypeError
        If ``n`` or ``seed`` is not a whole number.
    ImportError
        If GalSim is not installed.

    Notes
    -----
    Light is drawn on pixels of half the size, blurred with the PSF (GalSim's) and summed in
    pixels; it agrees with what GalSim draws within 1 per cent, in a fraction of the time. Sizes
    follow van der Wel et al. 2014 (ApJ 788, 28).

    Examples
    --------
    >>> from astro_wgan.simulate import simulate
    >>> stamps = simulate('pair', 3, seed=1)
    >>> stamps
    <StampSet: 3 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    >>> stamps.table['stage'].tolist()
    ['pre-merger', 'pre-merger', 'pre-merger']
    """
    recipe = _checked({kind: n}, recipe, seed)
    return _stamps((kind, 0, n), recipe, seed, _meta(recipe, seed))


def simulate_store(
    path, counts, *, recipe='benchmark-1', seed=0, processes=1, client=None, progress=True
):
    """
    Simulate stamps of some classes straight into a store.

    Where there is a store of the same recipe and seed, which a killed run has left, the work goes
    on from there. The stamps depend on nothing but class, recipe and seed.

    Parameters
    ----------
    path : path-like
        The store.
    counts : dict of int
        How many of each class, one class after the other; see `simulate`.
    recipe, seed
        As in `simulate`.
    processes : int, optional
        Processes that work at the same time.
    client : `dask.distributed.Client`, optional
        A Dask cluster that works instead.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.store.StampStore`
        Opened for reading.

    Raises
    ------
    SimulationStoreError
        If the store at ``path`` holds other stamps than the first of those.
    ValueError, TypeError, ImportError
        As `simulate`.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.simulate import simulate_store
    >>> path = mkdtemp() + '/mixed.zarr'
    >>> simulate_store(path, {'normal': 4, 'lens': 2}, seed=1, progress=False)
    <StampStore: 6 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    """
    recipe = _checked(counts, recipe, seed)
    if processes < 1:
        raise ValueError(f'`processes` must be at least 1; got {processes}.')
    total = sum(counts.values())
    with (
        _open_store(path, counts, recipe, seed) as store,
        ProgressLine('simulating', quiet=not progress) as line,
    ):
        make = partial(_stamps, recipe=recipe, seed=seed, meta=store.meta)
        done = len(store)
        line.update(done / max(1, total), f'{done} of {total} stamps')
        made = ordered_map(make, _pieces(counts, done), processes=processes, client=client)

        def counted():
            nonlocal done
            for part in made:
                yield part
                done += len(part)
                line.update(done / total, f'{done} of {total} stamps')

        store.extend(counted())
    return StampStore.open(path)


def _checked(counts, recipe, seed):
    """The recipe, if all arguments are sound and GalSim is there."""
    recipe = find_recipe(recipe)
    for kind, n in counts.items():
        if kind not in KINDS:
            raise ValueError(f'A class of galaxies must be one of {list(KINDS)}; got {kind!r}.')
        _check_count('n', n)
    _check_count('seed', seed)
    import_galsim()
    return recipe


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f'`{name}` must be a whole number; got {value!r}.')
    if value < 0:
        raise ValueError(f'`{name}` must not be negative; got {value}.')


def _meta(recipe, seed):
    settings = {'recipe': recipe.to_dict(), 'seed': int(seed)}
    text = json.dumps(settings, sort_keys=True)
    return {
        'simulation': {
            'recipe': recipe.name,
            'seed': int(seed),
            'fingerprint': hashlib.sha256(text.encode()).hexdigest(),
        },
        'provenance': record(recipe=json.loads(text)['recipe'], seed=int(seed)),
    }


def _settings(meta):
    """What simulations are made by, from their provenance."""
    made_by = meta.get('provenance', {})
    recipe = made_by.get('recipe') or {}
    first = {'recipe': recipe.get('name'), 'seed': made_by.get('seed')}
    return Fingerprint({'settings': {**first, **describe_settings({'recipe': recipe})}})


def _stamps(piece, recipe, seed, meta):
    """Stamps of a class, those from a number on to another."""
    kind, first, last = piece
    pixels = np.empty((last - first, recipe.size, recipe.size), dtype=np.float32)
    rows = []
    for k in range(first, last):
        pixels[k - first], truth = _stamp(kind, k, recipe, seed)
        rows.append(truth)
    return StampSet(
        pixels,
        unit=u.nJy,
        pixel_scale=recipe.pixel_scale * u.arcsec,
        psf=psf_image(recipe),
        table=_table(kind, first, rows, recipe, seed),
        meta=meta,
        assume_finite=True,
    )


def _stamp(kind, k, recipe, seed):
    """
    Pixels and truth of the k-th stamp of a class.

    Each stamp has random numbers of its own, whoever makes it and whatever was made before.
    """
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), k])
    scene = draw_scene(kind, rng, recipe)
    image = add_noise(observe(scene.light, recipe), rng, recipe.noise)
    return image if scene.spoil is None else scene.spoil(image), scene.truth


def _table(kind, first, rows, recipe, seed):
    numbers = range(first, first + len(rows))
    table = QTable(
        {
            'id': np.array([f'{recipe.name}-{seed}-{kind}-{k}' for k in numbers], dtype=str),
            'kind': np.array([kind] * len(rows), dtype=str),
        }
    )
    for name, (dtype, unit) in _COLUMNS.items():
        values = np.array([row[name] for row in rows], dtype=dtype)
        table[name] = values if unit is None else values * unit
    return table


def _pieces(counts, done):
    """What is still to be made: class, first number, and the number to stop before."""
    for kind, n in counts.items():
        for first in range(min(done, n), n, _CHUNK):
            yield kind, first, min(first + _CHUNK, n)
        done -= min(done, n)


def _open_store(path, counts, recipe, seed):
    """A new store, or one that an earlier run left, opened for writing."""
    if not Path(path).exists():
        kind = next(iter(counts), KINDS[0])
        return StampStore.create(
            path, like=_stamps((kind, 0, 0), recipe, seed, _meta(recipe, seed))
        )
    check_store(StampStore.open(path), counts, recipe, seed)
    return StampStore.open(path, mode='a')


def check_store(store, counts, recipe, seed):
    """
    Make sure that what is in a store is the beginning of what is asked for.

    Raises
    ------
    SimulationStoreError
        If it is not.
    """
    wanted, kept = _meta(recipe, seed), store.meta
    if 'simulation' not in kept:
        raise SimulationStoreError(
            f'The store {store.path} holds no simulations: choose another path.'
        )
    if kept['simulation'] != wanted['simulation']:
        other = _settings(wanted).mismatch(_settings(kept).to_dict()) or 'is of another recipe'
        raise SimulationStoreError(f'The store {store.path} {other}. Choose another path.')
    total = sum(counts.values())
    if len(store) > total:
        raise SimulationStoreError(
            f'The store {store.path} holds {len(store)} stamps, more than the {total} asked for.'
        )
    kinds = np.repeat(list(counts), list(counts.values()))[: len(store)]
    if not np.array_equal(kinds, store.read_table(columns=['kind'])['kind']):
        raise SimulationStoreError(
            f'The store {store.path} does not hold the first of {counts}: the order or the '
            'numbers of its classes are others.'
        )
