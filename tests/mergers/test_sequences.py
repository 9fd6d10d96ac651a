"""Mergers and their sequences on trees that are drawn by hand: one for each special case."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.mergers import MergerTrees, find_merger_sequences, find_mergers

# How B comes nearer from snapshot to snapshot, in effective radii of A.
FALL = [9.0, 7.0, 5.0, 3.0, 1.0]


def host(**drawn):
    return {'snapshots': range(12), 'mass': 4.0, **drawn}


def falling(**drawn):
    return {'snapshots': range(5), 'x': FALL, 'into': 'A', **drawn}


def test_a_merger_begins_beyond_four_radii_and_goes_on_as_long(draw):
    trees = MergerTrees(draw({'A': host(), 'B': falling()}))
    rows = find_merger_sequences(trees)
    # The merger is at snapshot 5; at 2 the companion is 5 radii away, at 3 only 3.
    assert rows['snapshot'].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert rows['galaxy_id'].tolist() == [102, 103, 104, 105, 106, 107, 108]
    assert rows['companion_id'].tolist() == [202, 203, 204, -1, -1, -1, -1]
    assert np.allclose(rows['merger_time'], np.arange(-3, 4) / 3)
    assert rows['stage'].tolist() == ['pre-merger'] * 3 + ['post-merger'] * 4
    assert u.allclose(rows['separation'][:3], [5, 3, 1] * u.kpc)
    assert np.isnan(rows['separation'][3:]).all()
    assert np.allclose(rows['separation_radii'][:3], [5, 3, 1])
    assert np.allclose(rows['mass_ratio'], 0.25)
    assert u.allclose(rows['time'][3], 1.5 * u.Gyr)
    assert set(rows['n_sequences']) == {1}
    assert rows.meta['approach'] == {'complete': 1}


@pytest.mark.parametrize(('radii', 'steps'), [(1, 1), (3, 2), (4, 3), (5, 3), (6, 4), (8.9, 5)])
def test_radii_decide_where_a_merger_begins(draw, radii, steps):
    trees = MergerTrees(draw({'A': host(), 'B': falling()}))
    assert find_mergers(trees, approach_radii=radii)['n_snapshots'].tolist() == [steps]


@pytest.mark.parametrize(('mass', 'found'), [(0.41, 1), (0.4, 1), (0.39, 0), (0.0, 0)])
def test_the_companion_has_a_tenth_of_the_mass_or_more(draw, mass, found):
    trees = MergerTrees(draw({'A': host(), 'B': falling(mass=mass)}))
    assert len(find_mergers(trees)) == found


def test_masses_are_compared_at_the_end_or_when_the_companion_was_heaviest(draw):
    stripped = falling(mass=[1.0, 2.0, 1.5, 0.4, 0.2])
    growing = host(mass=[2.0, 3.0] + [4.0] * 10)
    trees = MergerTrees(draw({'A': growing, 'B': stripped}))
    assert not len(find_mergers(trees))
    assert np.allclose(find_mergers(trees, mass_at='maximum')['mass_ratio'], 2 / 3)


def test_a_fly_by_is_no_merger(draw):
    passing = {'snapshots': range(12), 'x': [9, 5, 3, 1, 3, 5, 9, 11, 13, 15, 17, 19]}
    trees = MergerTrees(draw({'A': host(), 'B': passing}))
    assert not len(find_mergers(trees))
    assert not len(find_merger_sequences(trees))


def test_a_companion_that_comes_back_begins_at_its_last_approach(draw):
    returning = {'snapshots': range(8), 'x': [9, 3, 1, 6, 6, 5, 3, 2], 'into': 'A'}
    rows = find_merger_sequences(MergerTrees(draw({'A': host(), 'B': returning})))
    assert rows['snapshot'].tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_three_bodies_are_two_mergers_at_one_time(draw):
    drawn = {
        'A': host(),
        'B': falling(),
        'C': falling(x=[6, 3, 3, 3, 2], mass=0.5),
        'D': falling(mass=0.1),
    }
    mergers = find_mergers(MergerTrees(draw(drawn)))
    assert mergers['companion_id'].tolist() == [204, 304]
    assert mergers['main_id'].tolist() == [104, 104]
    assert mergers['n_merging'].tolist() == [3, 3]
    assert mergers['n_snapshots'].tolist() == [3, 5]
    assert np.allclose(mergers['mass_ratio'], [0.25, 0.125])


@pytest.mark.parametrize('lost', ['A', 'B', 'both'])
def test_a_skipped_snapshot_leaves_a_gap_and_keeps_the_count(draw, lost):
    a, b = host(), falling()
    if lost in ('A', 'both'):
        a['snapshots'] = [s for s in range(12) if s != 3]
    if lost in ('B', 'both'):
        b['snapshots'], b['x'] = [0, 1, 2, 4], FALL[:3] + FALL[4:]
    # A third galaxy, far away, is there in all snapshots.
    drawn = {'A': a, 'B': b, 'C': {'snapshots': range(12), 'x': 1e4}}
    rows = find_merger_sequences(MergerTrees(draw(drawn)))
    there = [s for s in range(2, 9) if s != 3 or lost == 'B']
    assert rows['snapshot'].tolist() == there
    assert np.allclose(rows['merger_time'], [(s - 5) / 3 for s in there])
    if lost == 'B':
        assert rows['companion_id'].tolist() == [202, -1, 204, -1, -1, -1, -1]
        assert np.isnan(rows['separation'][1])


def test_a_start_that_the_tree_skips_is_looked_for_further_back(draw):
    b = falling(snapshots=[0, 1, 3, 4], x=[9, 7, 3, 1])
    trees = MergerTrees(draw({'A': host(), 'B': b}))
    assert find_mergers(trees)['n_snapshots'].tolist() == [4]


def test_a_companion_lost_before_the_merger_still_merges(draw):
    """B is last seen at snapshot 3, two before the galaxy that it is part of."""
    table = draw({'A': host(), 'B': falling(snapshots=range(4), x=FALL[:4])})
    table['descendant_id'][table['id'] == 203] = 105
    mergers = find_mergers(MergerTrees(table))
    assert mergers['snapshot'].tolist() == [5]
    assert mergers['main_id'].tolist() == [104]
    assert mergers['n_snapshots'].tolist() == [3]


def test_a_tree_that_ends_early_says_so(draw):
    trees = MergerTrees(draw({'A': host(snapshots=range(7)), 'B': falling()}))
    assert find_mergers(trees)['remnant'].tolist() == ['ends early']
    rows = find_merger_sequences(trees)
    assert rows['snapshot'].tolist() == [2, 3, 4, 5, 6]
    assert np.allclose(rows['merger_time'], np.arange(-3, 2) / 3)
    assert rows.meta['remnant'] == {'ends early': 1}


def test_a_remnant_that_joins_a_larger_galaxy_is_absorbed(draw):
    drawn = {
        'A': host(snapshots=range(7), into='C'),
        'B': falling(),
        'C': {'snapshots': range(12), 'mass': 9.0, 'x': [30 - 4 * i for i in range(12)]},
    }
    trees = MergerTrees(draw(drawn))
    mergers = find_mergers(trees)
    assert mergers['galaxy_id'].tolist() == [105, 307]
    assert mergers['remnant'][0] == 'absorbed'
    rows = find_merger_sequences(trees)
    assert rows['snapshot'][rows['merger_id'] == 0].tolist() == [2, 3, 4, 5, 6]


def test_two_mergers_within_one_span_share_galaxies(draw):
    drawn = {
        'A': host(),
        'B': falling(),
        'C': {'snapshots': range(7), 'x': [9, 8, 7, 6, 5, 3, 1], 'into': 'A'},
    }
    rows = find_merger_sequences(MergerTrees(draw(drawn)))
    first, second = (rows[rows['merger_id'] == i] for i in (0, 1))
    assert first['snapshot'].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert second['snapshot'].tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert first['n_sequences'].tolist() == [1, 1, 2, 2, 2, 2, 2]
    assert second['n_sequences'].tolist() == [2, 2, 2, 2, 2, 1, 1]


def test_a_companion_that_is_never_beyond_has_no_sequence(draw):
    trees = MergerTrees(draw({'A': host(), 'B': falling(x=[3, 3, 3, 2, 1])}))
    mergers = find_mergers(trees)
    assert mergers['approach'].tolist() == ['starts near']
    assert mergers['n_snapshots'].tolist() == [0]
    assert mergers['remnant'].tolist() == ['not followed']
    rows = find_merger_sequences(trees)
    assert not len(rows)
    assert rows.meta['approach'] == {'starts near': 1}


def test_a_companion_may_be_beyond_until_it_is_part(draw):
    trees = MergerTrees(draw({'A': host(), 'B': falling(x=[20, 17, 14, 11, 8])}))
    assert find_merger_sequences(trees)['merger_time'].tolist() == [-1.0, 0.0, 1.0]


def test_an_unknown_mass_is_a_row_that_says_so(draw):
    trees = MergerTrees(draw({'A': host(), 'B': falling(mass=np.nan)}))
    mergers = find_mergers(trees)
    assert mergers['approach'].tolist() == ['mass unknown']
    assert np.isnan(mergers['mass_ratio']).all()
    assert find_merger_sequences(trees).meta['approach'] == {'mass unknown': 1}


@pytest.mark.parametrize('name', ['position', 'half_light_radius'])
def test_unknown_separations_are_passed_over_and_reported(draw, name):
    table = draw({'A': host(), 'B': falling()})
    at = table['id'] == 102
    table[name][at] = np.nan
    trees = MergerTrees(table)
    assert find_mergers(trees)['n_snapshots'].tolist() == [4]
    table[name][table['id'] < 200] = np.nan
    assert find_mergers(MergerTrees(table))['approach'].tolist() == ['separation unknown']


def test_radii_of_zero_are_unknown(draw):
    table = draw({'A': host(), 'B': falling()})
    table['half_light_radius'][table['id'] == 104] = 0 * u.kpc
    rows = find_merger_sequences(MergerTrees(table))
    assert rows['snapshot'][0] == 2
    assert np.isnan(rows['separation_radii'][rows['snapshot'] == 4]).all()
    assert u.allclose(rows['separation'][rows['snapshot'] == 4], 1 * u.kpc)


def test_the_short_way_leads_across_the_edge_of_the_box(draw):
    table = draw({'A': host(x=1.0), 'B': falling(x=[98, 98, 98, 98.5, 99])})
    assert find_mergers(MergerTrees(table))['n_snapshots'].tolist() == [1]
    trees = MergerTrees(table, box=0.1 * u.Mpc)
    assert find_mergers(trees)['approach'].tolist() == ['starts near']
    assert find_mergers(trees, approach_radii=2.5)['n_snapshots'].tolist() == [2]


def test_radii_may_have_another_unit_than_positions(draw):
    table = draw({'A': host(), 'B': falling()})
    table['half_light_radius'] = table['half_light_radius'].to(u.pc)
    assert find_mergers(MergerTrees(table))['n_snapshots'].tolist() == [3]


def test_snapshots_are_counted_not_their_numbers(draw):
    table = draw({'A': host(), 'B': falling()})
    table['snapshot'] *= 10
    rows = find_merger_sequences(MergerTrees(table))
    assert rows['snapshot'].tolist() == [20, 30, 40, 50, 60, 70, 80]
    assert np.allclose(rows['merger_time'], np.arange(-3, 4) / 3)


def test_sequences_need_positions_and_mergers_do_not(draw):
    table = draw({'A': host(), 'B': falling()})
    table.remove_columns(['position', 'half_light_radius'])
    trees = MergerTrees(table)
    assert find_mergers(trees)['approach'].tolist() == ['separation unknown']
    with pytest.raises(ValueError, match=r"the columns \['position', 'half_light_radius'\]"):
        find_merger_sequences(trees)


@pytest.mark.parametrize(
    'options',
    [{'min_ratio': 1.5}, {'min_ratio': -0.1}, {'approach_radii': 0}, {'mass_at': 'first'}],
)
def test_options_out_of_range_are_refused(draw, options):
    trees = MergerTrees(draw({'A': host(), 'B': falling()}))
    (name,) = options
    with pytest.raises(ValueError, match=f'`{name}` must'):
        find_merger_sequences(trees, **options)
