"""Main progenitors by their histories, and galaxies that a halo finder loses for some snapshots."""

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import Planck15
from astropy.table import MaskedColumn

from astro_wgan.mergers import (
    MergerTrees,
    find_isolated_galaxies,
    find_merger_sequences,
    find_mergers,
    read_sublink,
)


def infall(draw, mass_a=4.0, mass_b=1.0, skipped=(), **more):
    """B joins A after snapshot 4."""
    seen = [s for s in range(10) if s not in skipped]
    mass_a = np.broadcast_to(mass_a, 10)[seen]
    away = np.array([9.0, 7, 5, 3, 2])
    return draw(
        {
            'A': {'snapshots': seen, 'mass': mass_a},
            'B': {'snapshots': range(5), 'mass': mass_b, 'x': away, 'into': 'A'},
            **more,
        }
    )


def test_masses_exchanged_in_the_last_snapshot_change_nobodys_identity(draw):
    """The tree of De Lucia & Blaizot 2007: the most massive history, not the largest mass."""
    table = infall(draw, mass_a=[4, 4, 4, 4, 1, 5, 5, 5, 5, 5], mass_b=[1, 1, 1, 1, 4])
    mergers = find_mergers(MergerTrees(table))
    assert mergers['main_id'].tolist() == [104]
    assert mergers['companion_id'].tolist() == [204]
    rows = find_merger_sequences(MergerTrees(table))
    assert rows['galaxy_id'].tolist() == list(range(102, 109))


def test_a_history_is_no_shorter_for_the_snapshots_that_it_skips(draw):
    table = infall(draw, mass_a=2.0, mass_b=1.5, skipped=(1, 2))
    assert find_mergers(MergerTrees(table))['main_id'].tolist() == [104]


def test_units_of_mass_make_no_difference(draw):
    """Sums neither overflow nor vanish."""
    table = infall(draw)
    for factor in (1e-30, 1e24):
        scaled = table.copy()
        scaled['stellar_mass'] = (table['stellar_mass'].value * factor).astype(np.float32) * u.Msun
        assert MergerTrees(scaled).main_branch(105)['id'][0] == 100


def with_main(table, **named):
    main = np.full(len(table), -1)
    for galaxy, progenitor in named.items():
        main[table['id'] == int(galaxy[1:])] = progenitor
    table['main_progenitor_id'] = main
    return table


@pytest.mark.parametrize('given', [False, True])
def test_the_code_that_made_the_trees_knows_the_main_progenitor(draw, given):
    table = with_main(infall(draw), _105=204)
    if given:
        table['mass_contributed'] = table['stellar_mass']
    assert find_mergers(MergerTrees(table))['main_id'].tolist() == [204]
    shuffled = table[np.random.default_rng(2).permutation(len(table))]
    assert find_mergers(MergerTrees(shuffled))['main_id'].tolist() == [204]


def test_a_main_progenitor_that_is_not_there_leaves_the_choice_to_the_rest(draw):
    table = with_main(infall(draw), _105=999)
    table['main_progenitor_id'] = MaskedColumn(
        table['main_progenitor_id'], mask=table['main_progenitor_id'] < 0
    )
    trees = MergerTrees(table)
    assert find_mergers(trees)['main_id'].tolist() == [104]
    assert trees.meta['main_progenitors_not_in_table'] == 1


def test_a_main_progenitor_that_becomes_another_is_refused(draw):
    with pytest.raises(ValueError, match='1 rows do not, such as 105, which names 202'):
        MergerTrees(with_main(infall(draw), _105=202))


@pytest.mark.parametrize('order', [slice(None), slice(None, None, -1)])
def test_sublink_files_name_the_first_progenitor(draw, order):
    """FirstProgenitorID, whichever row comes first and whichever mass is larger at the end."""
    drawn = infall(draw, mass_b=5.0)[order]
    by_type = np.zeros((len(drawn), 6))
    by_type[:, 4] = drawn['stellar_mass'].value / 1e10
    before = np.asarray(drawn['id']) - 1
    fields = {
        'SubhaloID': np.asarray(drawn['id']),
        'SnapNum': np.asarray(drawn['snapshot']),
        'DescendantID': np.asarray(drawn['descendant_id']),
        'SubhaloMassType': by_type,
        'SubhaloHalfmassRadType': np.ones((len(drawn), 6)),
        'SubhaloPos': drawn['position'].value,
        'FirstProgenitorID': np.where(np.isin(before, drawn['id']), before, -1),
    }
    redshifts = np.linspace(1, 0, 10)
    table = read_sublink(fields, redshifts=redshifts, cosmology=Planck15)
    found = find_mergers(MergerTrees(table, cosmology=Planck15))
    assert found['main_id'].tolist() == [104]
    assert found['companion_id'].tolist() == [204]
    del fields['FirstProgenitorID']
    table = read_sublink(fields, redshifts=redshifts, cosmology=Planck15)
    found = find_mergers(MergerTrees(table, cosmology=Planck15))
    assert found['main_id'].tolist() == [204]


def passing(draw, *, joins=False, x=8.0, mass=1.0):
    """B is lost in A after snapshot 2, and C appears in snapshot 5."""
    again = {'snapshots': range(5, 8), 'x': x, 'mass': mass}
    return draw(
        {
            'A': {'snapshots': range(10), 'mass': 4.0},
            'B': {'snapshots': range(3), 'x': [9, 6, 2], 'into': 'A'},
            'C': again | ({'into': 'A'} if joins else {}),
        }
    )


def test_a_galaxy_that_is_found_again_has_not_merged(draw):
    trees = MergerTrees(passing(draw))
    assert not len(find_mergers(trees))
    assert trees.main_branch(200)['id'].tolist() == [200, 201, 202, 305, 306, 307]
    again = trees.relinked
    assert [again[name][0] for name in again.colnames] == [202, 305, 103, 2]
    assert trees.meta['relinked'] == 1
    isolated = find_isolated_galaxies(trees, span=0.3 * u.Gyr)['galaxy_id'].tolist()
    assert isolated == [103, 104, 105, 106]


def test_a_galaxy_that_is_found_again_merges_once(draw):
    mergers = find_mergers(MergerTrees(passing(draw, joins=True)))
    assert mergers['galaxy_id'].tolist() == [108]
    assert mergers['companion_id'].tolist() == [307]


def test_the_larger_galaxy_may_be_the_one_that_is_lost(draw):
    """A is linked into B after snapshot 2, and comes out as C, whose mass is that of A."""
    table = draw(
        {
            'A': {'snapshots': range(3), 'mass': 4.0, 'into': 'B'},
            'B': {'snapshots': range(10), 'mass': 1.0, 'x': [9, 6, 4, 3, 3, 5, 7, 9, 9, 9]},
            'C': {'snapshots': range(5, 10), 'mass': 4.0},
        }
    )
    trees = MergerTrees(table)
    assert not len(find_mergers(trees))
    assert trees.main_branch(305)['id'].tolist() == [100, 101, 102, 305, 306, 307, 308, 309]
    assert trees.main_branch(209)['id'].tolist() == list(range(200, 210))
    assert len(find_mergers(MergerTrees(table, max_gap=0))) == 1


@pytest.mark.parametrize(
    ('drawn', 'options'),
    [
        ({}, {'max_gap': 0}),
        ({}, {'max_gap': 1}),
        ({'x': 25.0}, {}),
        ({'mass': 3.5}, {}),
        ({'mass': 0.0}, {}),
    ],
)
def test_what_is_elsewhere_later_or_another_galaxy_is_a_new_one(draw, drawn, options):
    trees = MergerTrees(passing(draw, **drawn), **options)
    assert find_mergers(trees)['galaxy_id'].tolist() == [103]
    assert not len(trees.relinked)


def test_found_again_across_the_edge_of_a_box(draw):
    table = passing(draw, x=95.0)
    assert not len(MergerTrees(table).relinked)
    assert len(MergerTrees(table, box=100 * u.kpc).relinked) == 1


def test_without_positions_nobody_is_found_again(draw):
    table = passing(draw)
    del table['position']
    assert len(find_mergers(MergerTrees(table))) == 1


@pytest.mark.parametrize('within', [-1, 2.5, None])
def test_max_gap_is_checked(draw, within):
    with pytest.raises(ValueError, match='`max_gap`'):
        MergerTrees(passing(draw), max_gap=within)
