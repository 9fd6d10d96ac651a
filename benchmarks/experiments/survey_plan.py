"""
How many workers, hours, bytes and dollars a survey of 100 million or 10 billion sources takes.

Arithmetic from the measured rates of ``benchmarks.experiments.survey``, the largest row of its
stored table, and from figures of network, tiles and prices that are options:

* one worker has one core, and is as fast as one of the cores there;
* a tile has ``--sources-per-tile`` sources, and is read once, as a whole, in all bands;
* all workers together read ``--read-rate`` megabytes in a second, and compute meanwhile;
* a core costs ``--core-hour`` dollars in an hour, and a gigabyte of tiles that leaves the cloud
  that it is stored in ``--egress``; where workers are in the same cloud, that is nothing.

    python -m benchmarks.experiments.survey_plan
"""

from pathlib import Path

from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column, read_result

_RESULTS = Path(__file__).parents[2] / 'docs' / 'results' / 'data'

TABLE = (
    Column('sources', 'of the catalog', '', ',.0f'),
    Column('workers', 'of one core', '', ',.0f'),
    Column('tiles', 'that hold them', '', ',.0f'),
    Column('computing', 'by all workers', 'h', ',.1f'),
    Column('reading', 'at the stated rate', 'h', ',.1f'),
    Column('tiles to read', 'in all bands', 'TB', ',.1f'),
    Column('results', 'in Parquet files', 'TB', ',.3f'),
    Column('catalog in memory', 'of the process that calls', 'GB', ',.0f'),
    Column('cores', 'for the whole time', 'USD', ',.0f'),
    Column('egress', 'of tiles, if workers are elsewhere', 'USD', ',.0f'),
    Column('limit', 'what takes longest'),
)


def main():
    parser = BenchmarkParser(__doc__, seed=None)
    parser.add_argument('--sources', type=float, nargs='+', default=[1e8, 1e10])
    parser.add_argument('--workers', type=int, nargs='+', default=[16, 256, 4096])
    parser.add_argument('--sources-per-tile', type=float, default=30_000)
    parser.add_argument('--tile-bytes', type=float, default=19_200**2 * 4, help='of one band')
    parser.add_argument('--read-rate', type=float, default=5_000, help='MB/s of all workers')
    parser.add_argument('--catalog-bytes', type=float, default=43, help='of a source, in memory')
    parser.add_argument('--core-hour', type=float, default=0.05, help='USD')
    parser.add_argument('--egress', type=float, default=0.09, help='USD for a gigabyte')
    parser.add_argument('--measured', type=Path, default=_RESULTS / 'survey.json')
    options = parser.parse_args()
    if not options.measured.exists():
        skip('there is no stored result of benchmarks.experiments.survey')
    measured = read_result(options.measured)
    best = max(measured.table('time').rows, key=lambda row: (row['sources'], row['processes']))
    cores = measured.machine['cores']
    report = Report(options)
    report.note(
        f'Measured: {best["sources"]:,} sources in {best["bands"]} bands, '
        f'{best["sources per second"]:,.0f} in a second on {cores} cores '
        f'({measured.machine["processor"]}, {measured.date}), {best["written"]:,.0f} bytes of '
        'results for each. Assumed: '
        f'{options.sources_per_tile:,.0f} sources in a tile of {options.tile_bytes / 1e9:.1f} GB '
        f'in each band, {options.read_rate:,.0f} MB/s for all workers together, '
        f'{options.core_hour:g} USD for an hour of a core, {options.egress:g} USD for a gigabyte '
        'that leaves its cloud.'
    )
    rows = [
        plan(n, workers, best, best['sources per second'] / cores, options)
        for n in options.sources
        for workers in options.workers
    ]
    report.table('plan', 'Surveys of other sizes, by arithmetic.', TABLE, rows)
    report.write()


def plan(n, workers, best, rate, options):
    """A row of the table."""
    tiles = n / options.sources_per_tile
    read = tiles * options.tile_bytes * best['bands']
    computing = n / (rate * min(workers, tiles)) / 3600
    reading = read / (options.read_rate * 1e6) / 3600
    hours = max(computing, reading)
    return {
        'sources': n,
        'workers': workers,
        'tiles': tiles,
        'computing': computing,
        'reading': reading,
        'tiles to read': read / 1e12,
        'results': n * best['written'] / 1e12,
        'catalog in memory': n * options.catalog_bytes / 1e9,
        'cores': workers * hours * options.core_hour,
        'egress': read / 1e9 * options.egress,
        'limit': 'computing' if computing > reading else 'reading',
    }


if __name__ == '__main__':
    main()
