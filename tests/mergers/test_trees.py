import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import WMAP7
from astropy.table import MaskedColumn, QTable, Table

from astro_wgan.mergers import MergerTrees, find_mergers, find_progenitors


@pytest.fixture
def table(draw):
    """B joins A after snapshot 2."""
    return draw(
        {
            'A': {'snapshots': range(6), 'mass': 4.0},
            'B': {'snapshots': range(3), 'mass': 1.0, 'into': 'A'},
        }
    )


def test_the_main_branch_runs_through_the_heavier_progenitor(table):
    trees = MergerTrees(table)
    assert trees.main_branch(105)['id'].tolist() == [100, 101, 102, 103, 104, 105]
    assert trees.main_branch(201)['id'].tolist() == [200, 201, 202]
    assert u.allclose(trees.main_branch(201)['time'], [1.0, 1.1, 1.2] * u.Gyr)


def test_contributed_mass_decides_before_stellar_mass(table):
    table['mass_contributed'] = np.where(table['id'] < 200, 1e9, 2e9) * u.Msun
    trees = MergerTrees(table)
    assert trees.main_branch(105)['id'].tolist() == [200, 201, 202, 103, 104, 105]


@pytest.mark.parametrize('masses', [[1.0, 1.0], [np.nan, np.nan], [0.0, 0.0], [np.nan, 1.0]])
def test_at_a_tie_the_lower_id_is_main_and_a_known_mass_goes_before_an_unknown(draw, masses):
    drawn = {
        'A': {'snapshots': range(4), 'mass': masses[0]},
        'B': {'snapshots': range(2), 'mass': masses[1], 'into': 'A'},
    }
    first = 200 if masses[1] == 1.0 and np.isnan(masses[0]) else 100
    assert MergerTrees(draw(drawn)).main_branch(103)['id'][0] == first


def test_the_order_of_the_rows_does_not_matter(table):
    shuffled = table[np.random.default_rng(1).permutation(len(table))]
    one, other = MergerTrees(table), MergerTrees(shuffled)
    for name in ('ids', 'ordinal', 'branch', 'descendant', 'stellar_mass', 'position'):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_rows_of_a_branch_follow_each_other(table):
    trees = MergerTrees(table)
    last = trees.branch[1:] != trees.branch[:-1]
    assert np.array_equal(trees.descendant[:-1][~last], np.flatnonzero(~last) + 1)
    assert trees.ids[trees.companions].tolist() == [202]
    assert trees.ids[trees.descendant[trees.companions]].tolist() == [103]


def test_progenitors_are_all_links_with_their_mass_ratios(table):
    links = find_progenitors(MergerTrees(table))
    at_merger = links[links['galaxy_id'] == 103]
    assert at_merger['progenitor_id'].tolist() == [102, 202]
    assert at_merger['is_main'].tolist() == [True, False]
    assert at_merger['mass_ratio'].tolist() == [1.0, 0.25]
    assert len(links) == 5 + 2 + 1


def test_mass_given_in_passing_makes_a_progenitor_but_no_merger(table):
    """A galaxy of its own, C, passes A and gives it mass; B merges with A."""
    passing = table[:6].copy()
    passing['id'] += 200
    passing['descendant_id'] = np.where(passing['descendant_id'] < 0, -1, passing['id'] + 1)
    rows = [table, passing, passing[2:3]]
    given = [np.full(len(table), 1e10), np.full(6, 1e10), [1e9]]
    joined = QTable({name: np.concatenate([row[name] for row in rows]) for name in table.colnames})
    joined['descendant_id'][-1] = 103
    joined['mass_contributed'] = np.concatenate(given) * u.Msun
    trees = MergerTrees(joined)
    links = find_progenitors(trees)
    at_merger = links[links['galaxy_id'] == 103]
    assert at_merger['progenitor_id'].tolist() == [102, 202, 302]
    assert at_merger['merges'].tolist() == [True, True, False]
    assert find_mergers(trees)['companion_id'].tolist() == [202]


def test_redshifts_give_the_times_of_the_cosmology(table):
    redshift = 3.0 - 0.4 * table['snapshot']
    table['redshift'] = redshift
    del table['time']
    trees = MergerTrees(table, cosmology=WMAP7)
    assert u.allclose(trees.times, WMAP7.age(3.0 - 0.4 * np.arange(6)), rtol=1e-12)
    assert 'WMAP7' in trees.meta['cosmology']


def test_plain_masked_tables_and_other_units_are_understood(table):
    plain = Table(table)
    plain['descendant_id'] = MaskedColumn(plain['descendant_id'], mask=plain['descendant_id'] < 0)
    plain['stellar_mass'] = MaskedColumn(plain['stellar_mass'], mask=plain['id'] == 202)
    plain['stellar_mass'].unit = u.Msun
    plain['time'] = (table['time']).to(u.Myr)
    trees = MergerTrees(plain)
    assert np.isnan(trees.stellar_mass[trees.ids == 202]).all()
    assert u.allclose(trees.times[0], 1 * u.Gyr)
    assert trees.descendant[trees.ids == 105] == -1


def test_a_descendant_that_is_not_there_is_an_error_or_an_end(table):
    cut = table[table['id'] != 103]
    with pytest.raises(ValueError, match=r"2 rows name galaxies .* \(103\); `missing='end'`"):
        MergerTrees(cut)
    trees = MergerTrees(cut, missing='end')
    assert trees.main_branch(102)['id'].tolist() == [100, 101, 102]
    assert trees.meta['descendants_not_in_table'] == 2
    assert not len(find_mergers(trees))


def _set(table, name, row, value):
    table[name][row] = value
    return table


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda t: t[:0], 'at least one galaxy; it is empty'),
        (lambda t: t['id', 'snapshot'], r"lacks the columns \['stellar_mass', 'descendant_id'\]"),
        (lambda t: t[[*range(9), 3]], '`id` must differ in each row, unless `mass_contributed`'),
        (lambda t: _set(t, 'id', 0, -4), '`id` must be 0 or more'),
        (lambda t: _set(t, 'descendant_id', 2, 101), '101, the descendant of 102: .* a cycle, 102'),
        (lambda t: _set(t, 'descendant_id', 2, 202), 'such as 202, the descendant of 102'),
        (lambda t: _set(t, 'descendant_id', 2, 102), 'a cycle, 102 -> 102'),
        (lambda t: _set(t, 'stellar_mass', 1, -1e9 * u.Msun), r'negative .* in 1 rows \(1\)'),
        (lambda t: _set(t, 'stellar_mass', 1, np.inf * u.Msun), r'infinite in 1 rows \(1\)'),
        (lambda t: _set(t, 'time', 5, 1 * u.Gyr), 'snapshot 4 is at 1.4 Gyr and 5 at 1 Gyr'),
        (lambda t: _set(t, 'time', 7, 2 * u.Gyr), 'the same for all galaxies of a snapshot'),
        (lambda t: _set(t, 'time', 5, np.nan * u.Gyr), 'must be finite'),
        (lambda t: t[[n for n in t.colnames if n != 'time']], 'column `time` or `redshift`'),
    ],
)
def test_trees_that_cannot_be_are_refused(table, spoil, message):
    with pytest.raises(ValueError, match=message):
        MergerTrees(spoil(table))


def test_a_long_cycle_is_named(draw):
    table = draw({'A': {'snapshots': range(4)}})
    table['descendant_id'][3] = 101
    with pytest.raises(ValueError, match='cycle, 103 -> 101 -> 102 -> 103'):
        MergerTrees(table)


def test_a_galaxy_of_two_snapshots_is_refused(table):
    table['mass_contributed'] = table['stellar_mass']
    table['id'][7] = 200
    with pytest.raises(ValueError, match='200 occurs in more than one snapshot'):
        MergerTrees(table)


@pytest.mark.parametrize(
    ('name', 'unit'),
    [('stellar_mass', None), ('stellar_mass', 'kpc'), ('time', 'kpc'), ('position', 'Msun')],
)
def test_units_are_checked(table, name, unit):
    table[name] = u.Quantity(table[name].value, unit) if unit else table[name].value
    with pytest.raises(u.UnitsError, match=f'`{name}` must have a unit that converts'):
        MergerTrees(table)


def test_ids_must_be_integers(table):
    table['id'] = table['id'].astype(float)
    with pytest.raises(TypeError, match='`id` must hold one integer per row'):
        MergerTrees(table)


def test_options_are_checked(table):
    with pytest.raises(ValueError, match="`missing` must be 'error' or 'end'"):
        MergerTrees(table, missing='skip')
    with pytest.raises(ValueError, match='`box` must be above 0'):
        MergerTrees(table, box=0 * u.kpc)
    with pytest.raises(ValueError, match='there is no 7'):
        MergerTrees(table).main_branch(7)
