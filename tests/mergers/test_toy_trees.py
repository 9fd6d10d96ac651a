import numpy as np
import pytest
from astropy import units as u

from astro_wgan.mergers import MergerTrees, find_mergers, make_toy_trees


def test_toy_trees_are_valid_and_hold_every_case():
    table = make_toy_trees(20_000, seed=1)
    assert 0.85 < len(table) / 20_000 < 1.15
    trees = MergerTrees(table, box=50 * u.Mpc)
    mergers = find_mergers(trees)
    assert {'complete', 'starts near'} <= set(mergers['approach'])
    assert {'complete', 'ends early', 'absorbed'} <= set(mergers['remnant'])
    own = trees.branch[1:] == trees.branch[:-1]
    assert {1, 2} <= set(np.diff(trees.ordinal)[own]) <= {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_trees():
    one, same, other = (make_toy_trees(2000, seed=seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one.colnames)
    assert len(one) != len(other) or (one['stellar_mass'] != other['stellar_mass']).any()


@pytest.mark.parametrize('n_galaxies', [1, 60, 500])
@pytest.mark.parametrize('snapshots', [10, 50])
def test_small_forests_are_valid(n_galaxies, snapshots):
    for seed in range(5):
        assert len(MergerTrees(make_toy_trees(n_galaxies, n_snapshots=snapshots, seed=seed)))


@pytest.mark.parametrize(
    ('n_galaxies', 'options'), [(0, {}), (9, {'n_snapshots': 3}), (9, {'skip_fraction': 1.0})]
)
def test_options_are_checked(n_galaxies, options):
    name = next(iter(options), 'n_galaxies')
    with pytest.raises(ValueError, match=f'`{name}` must be at least'):
        make_toy_trees(n_galaxies, seed=1, **options)
