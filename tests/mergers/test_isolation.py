import numpy as np
import pytest
from astropy import units as u
from astropy.table import vstack

from astro_wgan.mergers import MergerTrees, find_isolated_galaxies


def isolated(table, **options):
    return find_isolated_galaxies(MergerTrees(table), **options)['galaxy_id'].tolist()


def test_a_lone_galaxy_is_isolated_where_the_tree_covers_both_sides(draw):
    table = draw({'A': {'snapshots': range(31)}})
    # Snapshots are 0.1 Gyr apart: 10 of them are the span, and count as such.
    assert isolated(table) == [100 + s for s in range(10, 21)]
    assert isolated(table, span=1500 * u.Myr) == [115]
    assert isolated(table, span=1.6 * u.Gyr) == []


def test_a_merger_ends_the_quiet_time_of_both_and_begins_that_of_the_remnant(draw):
    drawn = {
        'A': {'snapshots': range(41), 'mass': 4.0},
        'B': {'snapshots': range(20), 'mass': 0.001, 'into': 'A'},
    }
    # A has two progenitors at snapshot 20. At 9 that is 1.1 Gyr ahead, but 9 is too early a start.
    assert isolated(draw(drawn)) == [100 + s for s in range(30, 31)]
    assert isolated(draw(drawn), span=0.5 * u.Gyr) == [
        *[100 + s for s in [5]],
        *[205],
        *[i for s in range(6, 15) for i in (100 + s, 200 + s)],
        *[100 + s for s in range(25, 36)],
    ]


def test_small_companions_can_be_overlooked_by_the_large_not_by_themselves(draw):
    drawn = {
        'A': {'snapshots': range(31), 'mass': 4.0},
        'B': {'snapshots': range(15), 'mass': 0.001, 'into': 'A'},
    }
    assert isolated(draw(drawn), min_ratio=0.01) == [100 + s for s in range(10, 21)]
    assert isolated(draw(drawn), min_ratio=0.0) == []
    drawn['B']['mass'] = np.nan
    assert isolated(draw(drawn), min_ratio=0.01) == []


def test_mass_given_in_passing_ends_the_quiet_time_of_giver_and_taker(draw):
    """B gives mass to A between snapshots 15 and 16 and goes its way."""
    drawn = {'A': {'snapshots': range(31), 'mass': 4.0}, 'B': {'snapshots': range(31)}}
    table = draw(drawn)
    table['mass_contributed'] = 1e9 * u.Msun
    assert isolated(table) == sorted(
        [i + s for s in range(10, 21) for i in (100, 200)], key=lambda i: (i % 100, i)
    )
    extra = table[table['id'] == 215]
    extra['descendant_id'] = 116
    extra['mass_contributed'] = 1e8 * u.Msun
    # The giver has one progenitor all the time, so that only its past galaxies are spoilt.
    assert isolated(vstack([table, extra])) == [200 + s for s in range(16, 21)]


def test_quiet_times_are_reported(draw):
    drawn = {
        'A': {'snapshots': range(41), 'mass': 4.0},
        'B': {'snapshots': range(20), 'mass': 1.0, 'into': 'A'},
    }
    found = find_isolated_galaxies(MergerTrees(draw(drawn)))
    assert u.allclose(found['isolated_since'], 3 * u.Gyr)
    assert u.allclose(found['isolated_until'], 5 * u.Gyr)
    assert u.allclose(found['stellar_mass'], 4e10 * u.Msun)
    assert found.meta['span_gyr'] == 1.0


def test_options_are_checked(draw):
    trees = MergerTrees(draw({'A': {'snapshots': range(3)}}))
    with pytest.raises(ValueError, match='`span` must be above 0'):
        find_isolated_galaxies(trees, span=0 * u.Gyr)
    with pytest.raises(ValueError, match='`min_ratio` must lie between 0 and 1'):
        find_isolated_galaxies(trees, min_ratio=2)
    with pytest.raises(u.UnitsError):
        find_isolated_galaxies(trees, span=1 * u.kpc)
