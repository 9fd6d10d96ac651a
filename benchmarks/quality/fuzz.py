"""
Files with false bytes, for minutes: how many each reader reads, refuses in a sentence, or neither.

Each file is made small and whole, then a few of its bits, bytes, numbers or cards are changed; it
is read in a process of its own, in turns for all kinds. What hangs, kills its process, takes more
than 1 GiB or raises what is no error of values is printed with the seed that makes it again.

    python -m benchmarks.quality.fuzz                        # ten minutes, all readers
    python -m benchmarks.quality.fuzz --minutes 60 --readers fits RICE_1 --first 100000
"""

import time
from collections import Counter

from benchmarks.harness import BenchmarkParser, Report
from benchmarks.judges import load_judge
from benchmarks.results import Column

#: Seeds that a reader works through in its turn.
_TURN = {'particles': 20, 'snapshot': 20, 'sublink': 20, 'model': 10, 'detector': 10}


COLUMNS = (
    Column('reader', 'of files'),
    Column('files', 'with false bytes'),
    Column('read', 'of these'),
    Column('refused', 'in a sentence'),
    Column('others', 'neither'),
)


def main():
    readers = load_judge('fuzz/readers.py')
    parser = BenchmarkParser(__doc__, smoke={'minutes': 0.05, 'readers': ['fits']}, seed=None)
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--readers', nargs='+', default=list(readers.READERS), metavar='NAME')
    parser.add_argument('--first', type=int, default=1000, help='the first seed')
    options = parser.parse_args()
    unknown = {*options.readers} - {*readers.READERS}
    if unknown:
        parser.error(f'There are no readers {sorted(unknown)}; there are {list(readers.READERS)}.')
    report = Report(options)
    end = time.monotonic() + 60 * options.minutes
    totals = {name: Counter() for name in options.readers}
    reached = dict.fromkeys(options.readers, options.first)
    while time.monotonic() < end:
        for name in options.readers:
            if time.monotonic() > end:
                break
            turn = _TURN.get(name, 200)
            counts, wrong = readers.run(name, reached[name], reached[name] + turn)
            totals[name] += counts
            reached[name] += turn
            for line in wrong:
                print(line, flush=True)
    known = {'read', 'refused'}
    rows = [
        {
            'reader': name,
            'files': counts.total(),
            'read': counts['read'],
            'refused': counts['refused'],
            'others': ', '.join(f'{n} {kind}' for kind, n in counts.items() if kind not in known)
            or 'none',
        }
        for name, counts in totals.items()
    ]
    report.table('files', 'What became of the files.', COLUMNS, rows)
    report.write()
    if any(counts.keys() - known for counts in totals.values()):
        raise SystemExit('Some files were neither read nor refused.')


if __name__ == '__main__':
    main()
