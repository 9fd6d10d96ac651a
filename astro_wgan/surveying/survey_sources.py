"""`Sources`: ids and positions of sources, and how those of a catalog become those of each tile."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.catalogs import catalog_parts
from astro_wgan.catalogs.parquet.source_columns import check_unique_sorted
from astro_wgan.jobs.digests import ArrayDigest
from astro_wgan.surveying.tiles.source_assignment import assign_sources
from astro_wgan.validation.id_values import id_values

__all__ = ['Sources', 'SourcesOfTiles', 'catalog_blocks', 'sources_of_tiles']

#: Sources that are assigned to tiles at a time. Changing this changes the digests of catalogs.
_BLOCK = 2**18


@dataclass(frozen=True, eq=False)
class Sources:
    """
    Ids and positions of sources.

    Attributes
    ----------
    ids : `~numpy.ndarray`, shape (n,)
        Whole numbers, or text, which as bytes (UTF-8) takes a quarter of the memory.
    ra, dec : `~numpy.ndarray`, shape (n,)
        Degrees, ICRS.
    """

    ids: np.ndarray
    ra: np.ndarray
    dec: np.ndarray

    @classmethod
    def joined(cls, parts):
        """The sources of several parts, in their order; none of no parts."""
        if not parts:
            return cls(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
        columns = ([getattr(part, name) for part in parts] for name in ('ids', 'ra', 'dec'))
        return cls(*map(np.concatenate, columns))

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, rows):
        return Sources(self.ids[rows], self.ra[rows], self.dec[rows])

    def table(self):
        """``id``, ``ra`` and ``dec`` as a `~astropy.table.QTable`."""
        columns = {'id': id_values(self.ids), 'ra': self.ra * u.deg, 'dec': self.dec * u.deg}
        return QTable(columns)


@dataclass(frozen=True, eq=False)
class SourcesOfTiles:
    """
    The sources of a catalog by tile.

    Attributes
    ----------
    by_tile : list of `Sources`
        Those of each tile, in the order of the catalog.
    outside : `Sources`
        Those in no tile.
    about : dict
        Their number, and digests of all ids and positions, for a
        `~astro_wgan.jobs.Fingerprint`.
    """

    by_tile: list
    outside: Sources
    about: dict


def catalog_blocks(catalog, *, names=None, remote=None):
    """
    Read ids and positions of a catalog, some at a time.

    Parameters
    ----------
    catalog : path-like, table, ``lsdb.Catalog``, `~astropy.coordinates.SkyCoord` or None
        As in `~astro_wgan.catalogs.read_catalog`; other columns are not read. Without ids the rows
        are numbered from 0.
    names : dict of str, optional
        Names of its columns, as there.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    iterator of `Sources`, or None
        Each but the last with the same number of rows, however the catalog is divided; None
        without a catalog.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        As by `~astro_wgan.catalogs.catalog_parts`: those on columns at once, those on rows as they
        are read. If there are names without a catalog.
    """
    if catalog is None:
        if names is not None:
            raise ValueError(f'`names` are those of the columns of `catalog`; got {names} without.')
        return None
    if isinstance(catalog, SkyCoord):
        catalog = QTable({'sky': catalog.reshape(-1)})
    options = {'names': names, 'n_rows': _BLOCK, 'remote': remote}
    return _blocks(catalog_parts(catalog, columns=[], **options))


def sources_of_tiles(blocks, footprints):
    """
    Assign the sources of a catalog to tiles.

    Parameters
    ----------
    blocks : iterator of `Sources`
        From `catalog_blocks`.
    footprints : sequence of `~astro_wgan.surveying.tiles.footprints.Footprint`

    Returns
    -------
    `SourcesOfTiles`

    Raises
    ------
    ValueError
        If an id occurs twice in the whole catalog, and as by `catalog_blocks`.

    Notes
    -----
    Memory is that of the ids twice and of the positions once, beside that of a block:
    ``benchmarks/speed/catalogs.py``.
    """
    parts, length = [[] for _ in range(len(footprints) + 1)], 0
    ids, positions = ArrayDigest(), ArrayDigest()
    for block in blocks:
        length += len(block)
        ids.update(block.ids)
        positions.update(np.stack([block.ra, block.dec]))
        # In the first place those of no tile.
        tile = assign_sources(block.ra, block.dec, footprints) + 1
        order = np.argsort(tile, kind='stable')
        found, first = np.unique(tile[order], return_index=True)
        for place, rows in zip(found.tolist(), np.split(order, first[1:]), strict=True):
            parts[place].append(block[rows])
    everywhere = np.concatenate([part.ids for own in parts for part in own])
    everywhere.sort()
    check_unique_sorted(everywhere, 'id', '`catalog`')
    del everywhere
    for place, own in enumerate(parts):
        # One by one, so that no more than one is in memory twice.
        parts[place] = Sources.joined(own)
        own.clear()
    about = {'length': length, 'ids': ids.text, 'positions': positions.text}
    return SourcesOfTiles(parts[1:], parts[0], about)


def _blocks(parts):
    waiting, n_read = [], 0
    for part in parts:
        waiting.append(_sources(part, n_read))
        n_read += len(part)
        while sum(map(len, waiting)) >= _BLOCK:
            whole = Sources.joined(waiting)
            yield whole[:_BLOCK]
            waiting = [whole[_BLOCK:]]
    if any(map(len, waiting)):
        yield Sources.joined(waiting)


def _sources(part, first):
    """Ids and positions of a table, the rows of which are numbered from ``first``."""
    ids = np.arange(first, first + len(part))
    if 'id' in part.colnames:
        ids = np.asarray(part['id'])
    if ids.dtype.kind == 'U':
        ids = np.char.encode(ids, 'utf-8')
    return Sources(ids, part['ra'].to_value(u.deg), part['dec'].to_value(u.deg))
