"""
How long merger trees take, and how much memory, beside a plain implementation of the same.

Makes a forest of toy galaxies, links and checks it, finds mergers, their sequences and isolated
galaxies. Before that it does the same for a smaller forest, next to the brute force of the tests
(plain Python with dictionaries and recursion), whose results must be equal.

    python -m benchmarks.speed.merger_trees     # 10 million galaxies: a minute, 2 GB
    python -m benchmarks.speed.merger_trees --galaxies 1000000

Memory is the largest resident size of the whole process so far, with the input table in it.
"""

import numpy as np
from astropy import units as u

from astro_wgan.mergers import (
    MergerTrees,
    find_isolated_galaxies,
    find_merger_sequences,
    find_mergers,
    make_toy_trees,
)
from benchmarks.harness import BenchmarkParser, Report, peak_memory, time_once
from benchmarks.judges import load_judge
from benchmarks.results import Column

COLUMNS = (
    Column('galaxies', 'of the forest', '', ','),
    Column('program', 'that follows them'),
    Column('what', 'is found'),
    Column('found', 'how many', '', ','),
    Column('time', 'of one run', 's', '.2f'),
    Column('peak memory', 'of the process so far, the table included', 'MiB', ',.0f'),
)


def main():
    parser = BenchmarkParser(
        __doc__, smoke={'galaxies': 20_000, 'peer_galaxies': 5_000, 'snapshots': 50}
    )
    parser.add_argument('--galaxies', type=int, default=10_000_000)
    parser.add_argument('--snapshots', type=int, default=200)
    parser.add_argument('--peer-galaxies', type=int, default=100_000)
    options = parser.parse_args()
    report = Report(options)
    small, large = (
        make_toy_trees(n, n_snapshots=options.snapshots, seed=options.seed)
        for n in (options.peer_galaxies, options.galaxies)
    )
    rows = []
    # The peer takes the table as it is: no lost galaxy is linked again.
    ours, peer = run(small, rows, within=0), run_peer(small, rows)
    equal = all(np.array_equal(a, b) for a, b in zip(ours, peer, strict=True))
    run(large, rows, within=5)
    report.table('time', 'Merger trees, and what is found in them.', COLUMNS, rows)
    if not equal:
        raise SystemExit('The mergers, sequences or isolated galaxies are not the same.')
    report.note('Mergers, sequences and isolated galaxies are those of the brute force.')
    report.write()


def run(table, rows, *, within):
    """What is found in a table, which becomes rows."""
    row = {'galaxies': len(table), 'program': 'astro_wgan'}
    trees, spent = time_once(MergerTrees, table, max_gap=within)
    rows.append({**row, 'what': 'link and check', **numbers(trees, spent)})
    parts = {
        'mergers': find_mergers,
        'sequences': find_merger_sequences,
        'isolated': find_isolated_galaxies,
    }
    found, total = [], spent.shortest
    for name, function in parts.items():
        part, spent = time_once(function, trees)
        rows.append({**row, 'what': name, **numbers(part, spent)})
        found.append(part)
        total += spent.shortest
    rows.append({**row, 'what': 'all', **numbers(table, spent), 'time': total})
    mergers, sequences, isolated = found
    pairs = np.column_stack([mergers['galaxy_id'], mergers['companion_id'], mergers['n_snapshots']])
    return in_order(pairs), in_order(sequences['galaxy_id']), in_order(isolated['galaxy_id'])


def run_peer(table, rows):
    judge = load_judge('judges/merger_trees.py')

    def search():
        tree = judge.Tree(table)
        limit = u.Quantity(1, u.Gyr).value
        return judge.mergers(tree), judge.sequences(tree), judge.isolated(tree, limit)

    (mergers, sequences, isolated), spent = time_once(search)
    row = {'galaxies': len(table), 'program': 'brute force', 'what': 'all'}
    rows.append({**row, **numbers(table, spent)})
    pairs = [(galaxy, companion, found[1]) for (galaxy, companion), found in mergers.items()]
    return in_order(pairs), in_order([row[0] for row in sequences.values()]), in_order(isolated)


def numbers(found, timing):
    return {'found': len(found), 'time': timing.shortest, 'peak memory': peak_memory()}


def in_order(values):
    values = np.array(list(values))
    return np.unique(values, axis=0) if values.ndim == 2 else np.sort(values)


if __name__ == '__main__':
    main()
