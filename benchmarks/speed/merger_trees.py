"""
How long merger trees take, and how much memory, beside a plain implementation of the same.

Makes a forest of toy galaxies, links and checks it, finds mergers, their sequences and isolated
galaxies. Before that it does the same for a smaller forest, next to the brute force of the tests
(plain Python with dictionaries and recursion), whose results must be equal.

    python -m benchmarks.speed.merger_trees     # 10 million galaxies: a minute, 2 GB
    python -m benchmarks.speed.merger_trees --galaxies 1000000

Memory is the largest resident size of the whole process so far, with the input table in it.
"""

import argparse
import resource
import time

import numpy as np
from astropy import units as u
from astropy.table import Table

from astro_wgan.mergers import (
    MergerTrees,
    find_mergers,
    isolated_galaxies,
    merger_sequences,
    toy_trees,
)
from benchmarks.judges import load_judge
from benchmarks.machine import describe_machine


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--galaxies', type=int, default=10_000_000)
    parser.add_argument('--snapshots', type=int, default=200)
    parser.add_argument('--peer-galaxies', type=int, default=100_000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print(describe_machine())
    rows = []
    small = toy_trees(options.peer_galaxies, snapshots=options.snapshots, seed=options.seed)
    ours, peer = run(small, rows, 'astro_wgan', within=0), run_peer(small, rows)
    equal = all(np.array_equal(a, b) for a, b in zip(ours, peer, strict=True))
    large = toy_trees(options.galaxies, snapshots=options.snapshots, seed=options.seed)
    run(large, rows, 'astro_wgan')
    table = Table(rows=rows, names=['galaxies', 'who', 'what', 'found', 'seconds', 'peak_gb'])
    table['seconds'].format, table['peak_gb'].format = '.2f', '.1f'
    table.pprint(max_lines=-1, max_width=-1)
    print(f'same mergers, sequences and isolated galaxies as the brute force: {equal}')
    if not equal:
        raise SystemExit('The results differ.')


def run(table, rows, who, *, within=5):
    def note(what, found, start):
        rows.append((len(table), who, what, found, time.perf_counter() - start, peak()))

    begin = start = time.perf_counter()
    # The peer takes the table at its word: nobody is lost and found again.
    trees = MergerTrees(table, found_within=within)
    note('link and check', len(trees), start)
    start = time.perf_counter()
    mergers = find_mergers(trees)
    note('mergers', len(mergers), start)
    start = time.perf_counter()
    sequences = merger_sequences(trees)
    note('sequences', len(sequences), start)
    start = time.perf_counter()
    isolated = isolated_galaxies(trees)
    note('isolated', len(isolated), start)
    note('all', len(table), begin)
    pairs = np.column_stack([mergers['galaxy_id'], mergers['companion_id'], mergers['steps']])
    return in_order(pairs), in_order(sequences['galaxy_id']), in_order(isolated['galaxy_id'])


def run_peer(table, rows):
    judge = load_judge('mergers/brute_force.py')
    begin = time.perf_counter()
    tree = judge.Tree(table)
    mergers = judge.mergers(tree)
    sequences = judge.sequences(tree)
    isolated = judge.isolated(tree, u.Quantity(1, u.Gyr).value)
    seconds = time.perf_counter() - begin
    rows.append((len(table), 'brute force', 'all', len(table), seconds, peak()))
    pairs = [(galaxy, companion, found[1]) for (galaxy, companion), found in mergers.items()]
    return in_order(pairs), in_order([row[0] for row in sequences.values()]), in_order(isolated)


def in_order(values):
    values = np.array(list(values))
    return np.unique(values, axis=0) if values.ndim == 2 else np.sort(values)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == '__main__':
    main()
