"""
How fast catalogs of any size are read and written by part, beside pyarrow, and in how much memory.

Sources of 100 tiles of a square degree are written as a HATS catalog, which is then read as a
whole in parts, and in cones of 3 arcmin. Pyarrow reads the same columns of all files, and, for
cones, those rows of all files whose positions lie in a box. Memory is that of a process that does
nothing else. Then the sources of such catalogs, with numbers and with text of 20 letters as ids,
are assigned to 400 tiles that overlap, as in a survey.

    python -m benchmarks.speed.catalogs      # three minutes
"""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow.dataset
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.catalogs import SkyCone, catalog_parts, read_catalog, write_catalog
from astro_wgan.surveying.survey_sources import catalog_blocks, sources_of_tiles
from astro_wgan.surveying.tiles.footprints import Footprint
from astro_wgan.testing import make_wcs
from benchmarks.harness import (
    BenchmarkParser,
    Report,
    in_fresh_process,
    peak_memory,
    time_in_turns,
    time_once,
)
from benchmarks.results import Column

TILES = 100
COLUMNS = ['id', 'ra', 'dec', 'score']

TABLE = (
    Column('sources', 'of the catalog', '', ','),
    Column('what', 'is done'),
    Column('time', 'of one run', 's', '.3f'),
    Column('pyarrow', 'time of pyarrow for the same', 's', '.3f'),
    Column('peak memory', 'of the process', 'MiB', ',.0f'),
)


OF_TILES = (
    Column('sources', 'of the catalog', '', ','),
    Column('ids', 'are numbers or text'),
    Column('time', 'to read and assign them', 's', '.1f'),
    Column('memory for a source', 'at the peak, beside that of the process before', 'B', '.0f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'sources': [2_000], 'cones': 2, 'repeats': 1})
    parser.add_argument('--sources', type=int, nargs='+', default=[1_000_000, 10_000_000])
    parser.add_argument('--cones', type=int, default=20)
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    report = Report(options, 'pyarrow', 'astropy-healpix')
    rows = []
    for n in options.sources:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'catalog'
            for what, function in (('write', write), ('read', read), ('cone', read_cones)):
                found = in_fresh_process(function, path, n, options)
                rows.append({'sources': n, 'what': what, **found})
    report.table('time', 'A catalog that is written, read, and read in a cone.', TABLE, rows)
    rows = []
    for n in options.sources:
        for ids in ('numbers', 'text'):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / 'catalog'
                in_fresh_process(write, path, n, options, ids)
                rows.append({'sources': n, 'ids': ids, **in_fresh_process(assign, path, n)})
    report.table('tiles', 'Sources of a catalog that are assigned to tiles.', OF_TILES, rows)
    report.write()


def tiles(n, seed, ids='numbers'):
    rng = np.random.default_rng(seed)
    size = n // TILES
    for k in range(TILES):
        numbers = np.arange(k * size, (k + 1) * size)
        yield {
            'id': np.array([f'SURVEY J{j:012d}' for j in numbers]) if ids == 'text' else numbers,
            'ra': k % 10 + rng.random(size),
            'dec': k // 10 + rng.random(size),
            'score': rng.standard_normal(size),
            'magnitude': rng.standard_normal(size, dtype=np.float32),
        }


def write(path, n, options, ids='numbers'):
    _, timing = time_once(write_catalog, tiles(n, options.seed, ids), path)
    return {'time': timing.shortest, 'pyarrow': None, 'peak memory': peak_memory()}


def read(path, n, options):
    def in_parts():
        return sum(len(part) for part in catalog_parts(path, columns=['score']))

    def batches():
        return sum(batch.num_rows for batch in files(path).to_batches(columns=COLUMNS))

    return measured(in_parts, batches, options)


def read_cones(path, n, options):
    rng = np.random.default_rng(options.seed)
    centers = rng.uniform(0.5, 9.5, size=(options.cones, 2))

    def cones():
        return sum(
            len(read_catalog(path, columns=['score'], region=SkyCone(*center, 0.05)))
            for center in centers
        )

    def boxes():
        return sum(rows_in_cone(path, *center, 0.05) for center in centers)

    found = measured(cones, boxes, options)
    return found | {name: found[name] / options.cones for name in ('time', 'pyarrow')}


def rows_in_cone(path, ra, dec, radius):
    wide = radius / np.cos(np.radians(abs(dec) + radius))
    first, second = pyarrow.dataset.field('ra'), pyarrow.dataset.field('dec')
    box = (first >= ra - wide) & (first <= ra + wide)
    box &= (second >= dec - radius) & (second <= dec + radius)
    table = files(path).to_table(columns=COLUMNS, filter=box)
    inside = SkyCone(ra, dec, radius).contains(table['ra'], table['dec'])
    return np.count_nonzero(inside)


def assign(path, n):
    shape, step = (3700, 3700), 0.5
    footprints = [
        Footprint.of(shape, make_wcs(shape, center=SkyCoord(ra, dec), pixel_scale=0.5 * u.arcsec))
        for ra in np.arange(step / 2, 10, step) * u.deg
        for dec in np.arange(step / 2, 10, step) * u.deg
    ]
    before = peak_memory()
    _, timing = time_once(lambda: sources_of_tiles(catalog_blocks(path), footprints))
    memory = (peak_memory() - before) * 2**20 / n
    return {'time': timing.shortest, 'memory for a source': memory}


def files(path):
    return pyarrow.dataset.dataset(path / 'dataset', format='parquet')


def measured(ours, theirs, options):
    ours()
    memory = peak_memory()
    if ours() != theirs():
        raise SystemExit('The numbers of sources are not the same.')
    timings = time_in_turns({'ours': ours, 'theirs': theirs}, turns=options.repeats)
    return {
        'time': timings['ours'].shortest,
        'pyarrow': timings['theirs'].shortest,
        'peak memory': memory,
    }


if __name__ == '__main__':
    main()
