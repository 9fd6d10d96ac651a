"""Random trees, judged by an implementation that has nothing in common with the package's."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, vstack
from judges import merger_trees as brute_force

from astro_wgan.mergers import (
    MergerTrees,
    find_isolated_galaxies,
    find_merger_sequences,
    find_mergers,
    make_toy_trees,
)


def wild_trees(seed, n=3000, snapshots=20):
    """Links, masses and places at random: unphysical, with all that can go wrong in them."""
    random = np.random.default_rng(seed)
    snapshot = np.sort(random.integers(0, snapshots, n))
    ids = random.permutation(10 * n)[:n]
    descendant = np.full(n, -1)
    for i in range(n):
        # Mostly the next snapshot, among few galaxies, so that many become one.
        reach = snapshot[i] + random.choice([1, 1, 1, 1, 2, 3])
        later = np.flatnonzero(snapshot == reach)
        if len(later) and random.random() < 0.95:
            descendant[i] = ids[random.choice(later[: 1 + 3 * len(later) // 4])]
    mass = 10 ** random.uniform(8, 11, n)
    mass[random.random(n) < 0.05] = 0
    mass[random.random(n) < 0.05] = np.nan
    position = random.uniform(0, 10, (n, 3))
    position[random.random(n) < 0.05, 0] = np.nan
    radius = random.uniform(0.2, 2, n)
    radius[random.random(n) < 0.05] = 0
    return QTable(
        {
            'id': ids,
            'snapshot': 3 * snapshot,
            'time': (1 + 0.1 * snapshot + 0.001 * snapshot**2) * u.Gyr,
            'stellar_mass': mass * u.Msun,
            'descendant_id': descendant,
            'position': position * u.kpc,
            'half_light_radius': radius * u.kpc,
        }
    )


def with_mass_given(table, seed):
    """The same trees, where one galaxy in five gives mass to a second descendant."""
    random = np.random.default_rng(seed)
    table['mass_contributed'] = 10 ** random.uniform(8, 11, len(table)) * u.Msun
    extra = table[random.random(len(table)) < 0.2]
    keep = []
    for i, row in enumerate(extra):
        later = table['id'][
            (table['snapshot'] == row['snapshot'] + 3) & (table['id'] != row['descendant_id'])
        ]
        if row['descendant_id'] >= 0 and len(later):
            extra['descendant_id'][i] = random.choice(later)
            keep.append(i)
    extra = extra[keep]
    extra['mass_contributed'] *= 10 ** random.uniform(-2, 2, len(extra))
    return vstack([table, extra])


TREES = {
    'wild': lambda: wild_trees(1),
    'wild, few snapshots': lambda: wild_trees(2, n=500, snapshots=4),
    'wild, mass given': lambda: with_mass_given(wild_trees(3), 4),
    'toy': lambda: make_toy_trees(10_000, seed=5),
}


@pytest.fixture(scope='module', params=TREES)
def table(request):
    return TREES[request.param]()


@pytest.fixture(scope='module')
def tree(table):
    return brute_force.Tree(table)


OPTIONS = [
    {},
    {'mass_at': 'maximum'},
    {'min_ratio': 0.3, 'approach_radii': 2.0},
    {'min_ratio': 0.0, 'approach_radii': 7.5},
]


@pytest.mark.parametrize('options', OPTIONS)
def test_mergers_are_those_of_the_brute_force(table, tree, options):
    trees = MergerTrees(table, box=11 * u.kpc, max_gap=0)
    mergers = find_mergers(trees, **options)
    expected = brute_force.mergers(tree, box=11, **options)
    assert len(expected) > 10
    pairs = list(zip(mergers['galaxy_id'].tolist(), mergers['companion_id'].tolist(), strict=True))
    assert sorted(pairs) == sorted(expected)
    ratio, steps, approach, remnant = zip(*[expected[pair] for pair in pairs], strict=True)
    assert np.allclose(mergers['mass_ratio'], ratio, equal_nan=True, rtol=1e-6)
    assert mergers['n_snapshots'].tolist() == list(steps)
    assert mergers['approach'].tolist() == list(approach)
    assert mergers['remnant'].tolist() == list(remnant)


@pytest.mark.parametrize('options', OPTIONS)
def test_sequences_are_those_of_the_brute_force(table, tree, options):
    trees = MergerTrees(table, box=11 * u.kpc, max_gap=0)
    mergers = find_mergers(trees, **options)
    rows = find_merger_sequences(trees, **options)
    expected = brute_force.sequences(tree, box=11, **options)
    assert len(expected) > 10
    at = mergers[rows['merger_id']]
    steps = np.round(rows['merger_time'] * at['n_snapshots']).astype(int)
    keys = zip(at['galaxy_id'].tolist(), at['companion_id'].tolist(), steps.tolist(), strict=True)
    names = ('galaxy_id', 'companion_id', 'merger_time', 'separation')
    values = zip(*(u.Quantity(rows[name]).value.tolist() for name in names), strict=True)
    found = dict(zip(keys, values, strict=True))
    assert len(found) == len(rows)
    assert found.keys() == expected.keys()
    wanted = [(row[0], -1 if row[1] is None else row[1], *row[2:]) for row in expected.values()]
    assert np.allclose([found[key] for key in expected], wanted, equal_nan=True, rtol=1e-5)


@pytest.mark.parametrize(('span', 'ratio'), [(0.3, 0.0), (0.3, 0.2), (0.52, 0.01), (1.0, 0.0)])
def test_isolated_galaxies_are_those_of_the_brute_force(table, tree, span, ratio):
    isolated = find_isolated_galaxies(
        MergerTrees(table, max_gap=0), span=span * u.Gyr, min_ratio=ratio
    )
    expected = brute_force.isolated(tree, span, ratio)
    assert set(isolated['galaxy_id'].tolist()) == expected
    assert len(isolated) == len(expected)


@pytest.mark.parametrize('within', [0, 1, 4])
@pytest.mark.parametrize('seed', range(3))
def test_lost_galaxies_are_those_of_the_brute_force(seed, within):
    table = wild_trees(10 + seed, n=1000)
    table['half_light_radius'] /= 20
    found = MergerTrees(table, box=11 * u.kpc, max_gap=within).relinked
    rows = zip(
        *(found[name].tolist() for name in ('lost_id', 'found_id', 'n_missing')), strict=True
    )
    expected = brute_force.lost_and_found(brute_force.Tree(table), within, box=11)
    assert len(expected) >= 3 * within
    assert sorted(rows) == sorted(expected)
