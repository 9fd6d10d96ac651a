"""`HatsFolder`: properties and partitions of a catalog in a HATS folder."""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from astro_wgan.catalogs.parquet.healpix_cells import DEEPEST, cells_in_region
from astro_wgan.files.atomic import read_bytes
from astro_wgan.files.limits import check_size
from astro_wgan.remote.remote_path import RemotePath, has_folders
from astro_wgan.remote.uris import has_own_query

__all__ = ['BOOKKEEPING', 'SPATIAL_INDEX', 'HatsFolder', 'find_properties', 'partition_path']

#: Column of the HEALPix cells of order 29 by which HATS catalogs are ordered.
SPATIAL_INDEX = '_healpix_29'

#: Columns that follow from positions and partitions: of HATS, and of its predecessor.
BOOKKEEPING = (SPATIAL_INDEX, '_hipscat_index', 'Norder', 'Dir', 'Npix')

#: Files with the properties of a catalog; those of a collection say which folder has the catalog.
_PROPERTIES = ('hats.properties', 'properties')
_COLLECTION = 'collection.properties'

#: The latest version of HATS that is known: https://www.ivoa.net/documents/Notes/HATS/
_LATEST = 1

#: Kinds of catalogs that have a row for each source.
_KINDS = ('object', 'source')

#: Bytes that properties, and a list of partitions, may have.
_LONGEST = 2**20, 2**28

_PARTITION = re.compile(r'Norder=(\d{1,2})/Dir=\d+/Npix=(\d{1,19})')


@dataclass(frozen=True, eq=False)
class HatsFolder:
    """
    A catalog in a HATS folder.

    Attributes
    ----------
    path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
        The folder with the properties.
    ra, dec : str
        Names of the columns with the positions, in degrees.
    orders, cells : `~numpy.ndarray` of int, shape (n,)
        HEALPix cells of the partitions, nested, in the order of the spatial index.
    suffix : str
        What follows the name of a partition: the ending of files, or ``'/'`` for folders.
    n_rows : int or None
        Rows of the whole catalog by its properties, if these state it.
    """

    path: Path | RemotePath
    ra: str
    dec: str
    orders: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)
    suffix: str = '.parquet'
    n_rows: int | None = None

    @classmethod
    def open(cls, path):
        """
        Read properties and the list of partitions.

        Parameters
        ----------
        path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
            Folder with ``hats.properties``, ``properties`` or ``collection.properties``.

        Returns
        -------
        HatsFolder

        Raises
        ------
        ValueError
            If the properties are not of a catalog of sources, or of an unknown version, or the
            list of partitions is damaged or lacks one whose files are there.
        """
        path, properties = _properties_of_catalog(path)
        kind = properties.get('dataproduct_type', properties.get('catalog_type', 'object'))
        if kind.casefold() not in _KINDS:
            raise ValueError(
                f'{path} is a HATS catalog of type {kind!r}, which has no row for each source: '
                f'give one of type {" or ".join(_KINDS)}.'
            )
        names = [properties.get(f'hats_col_{name}') for name in ('ra', 'dec')]
        if not all(names):
            raise ValueError(
                f'{path}: its properties do not name the columns of the positions (hats_col_ra, '
                'hats_col_dec).'
            )
        suffix = properties.get('hats_npix_suffix', '.parquet')
        if not re.fullmatch(r'/|(\.\w+)+', suffix):
            raise ValueError(f'{path}: {suffix!r} is not a suffix of files (hats_npix_suffix).')
        n_rows = properties.get('hats_nrows') or None
        if n_rows is not None and not re.fullmatch(r'\d{1,18}', n_rows):
            raise ValueError(f'{path}: {n_rows!r} is not a number of rows (hats_nrows).')
        orders, cells = _partitions(path)
        order = np.argsort(cells << 2 * (DEEPEST - orders))
        n_rows = None if n_rows is None else int(n_rows)
        return cls(path, *names, orders[order], cells[order], suffix, n_rows)

    def partitions(self, region=None):
        """
        Numbers of the partitions that may have sources in a region.

        Parameters
        ----------
        region : `SkyCone` or `SkyBox`, optional
            By default all.

        Returns
        -------
        `~numpy.ndarray` of int
        """
        if region is None:
            return np.arange(len(self.cells))
        return np.flatnonzero(cells_in_region(self.orders, self.cells, region))

    def files(self, number):
        """
        The Parquet files of a partition.

        Parameters
        ----------
        number : int

        Returns
        -------
        list of `~pathlib.Path` or of `~astro_wgan.remote.remote_path.RemotePath`

        Raises
        ------
        FileNotFoundError
            If there are none.
        """
        path = _base(self.path) / partition_path(self.orders[number], self.cells[number])
        if self.suffix == '/':
            files = [each for each in path.glob('*') if each.name[0] not in '._']
            if not files:
                raise FileNotFoundError(f'The partition {path} of a HATS catalog has no files.')
            return sorted(files, key=str)
        path = path.parent / f'{path.name}{self.suffix}'
        if not path.is_file():
            raise FileNotFoundError(f'The partition {path} of a HATS catalog is not there.')
        return [path]

    def check_read(self, n_rows):
        """
        Refuse a catalog whose partitions together have more or fewer rows than it states.

        Parameters
        ----------
        n_rows : int
            Rows that were read of all partitions.

        Raises
        ------
        ValueError
        """
        if self.n_rows is not None and n_rows != self.n_rows:
            raise ValueError(
                f'{self.path} has {n_rows:,} rows, and {self.n_rows:,} by its properties '
                '(hats_nrows): partitions are missing, or are those of another version. Copy it '
                'once more, or correct the properties.'
            )


def find_properties(path):
    """
    The name of the file with HATS properties in a folder.

    Parameters
    ----------
    path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`

    Returns
    -------
    str or None
        None if the folder is no HATS catalog; also if its address has a query.
    """
    # Of an address with a query, such as a signed one, whatever is added is part of the query.
    if isinstance(path, RemotePath) and has_own_query(path.uri):
        return None
    names = (*_PROPERTIES, _COLLECTION)
    return next((name for name in names if (path / name).is_file()), None)


def partition_path(order, cell):
    """Path of a partition in the folder of a catalog, without suffix."""
    return f'Norder={order}/Dir={cell // 10_000 * 10_000}/Npix={cell}'


def _properties_of_catalog(path):
    name = find_properties(path)
    properties = _read_properties(path / name)
    if name != _COLLECTION:
        return path, properties
    primary = properties.get('hats_primary_table_url', '')
    if not re.fullmatch(r'[\w-][\w.-]*', primary):
        raise ValueError(
            f'{path / name} must name a folder beside it (hats_primary_table_url); got {primary!r}.'
        )
    name = find_properties(path / primary)
    if name in (None, _COLLECTION):
        raise ValueError(f'{path}: its catalog {primary} is not in the folder.')
    return path / primary, _read_properties(path / primary / name)


def _read_properties(path):
    """Properties as Java writes them: names and values, separated by ``=``."""
    try:
        text = _read(path, _LONGEST[0]).decode('utf-8')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} contains no properties of a catalog: {error}.') from error
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(('#', '!')):
            name, _, value = line.partition('=')
            found[name.strip()] = re.sub(r'\\([:=#! \\])', r'\1', value.strip())
    version = found.get('hats_version', '')
    number = re.match(r'v?(\d{1,9})(\.|$)', version)
    if number and int(number[1]) > _LATEST:
        raise ValueError(
            f'{path} is of HATS {version}; known are versions up to {_LATEST}. Export the catalog '
            'in an earlier version, or update astro_wgan.'
        )
    return found


def _base(path):
    """The folder of the partitions."""
    if not has_folders(path):
        return path / 'dataset'
    # Before version 0.4 of the format, they were beside the properties.
    return path / 'dataset' if (path / 'dataset').is_dir() else path


def _partitions(path):
    """Orders and cells of the partitions."""
    base = _base(path)
    listed = path / 'partition_info.csv'
    if listed.is_file():
        rows = _read_partition_info(listed)
    elif not has_folders(path):
        raise FileNotFoundError(
            f'{path} has no partition_info.csv, without which partitions are not found by HTTP.'
        )
    else:
        rows = _partitions_that_are_there(base)
    orders, cells = rows[:, 0], rows[:, 1]
    if not len(rows):
        raise ValueError(f'{path} is an empty catalog: it has no partitions.')
    valid = (orders >= 0) & (orders <= DEEPEST) & (cells >= 0)
    valid &= cells < 12 << 2 * np.where(valid, orders, 0)
    if not valid.all():
        row = np.flatnonzero(~valid)[0]
        raise ValueError(
            f'{path} lists a partition that is no HEALPix cell: order {orders[row]}, cell '
            f'{cells[row]}.'
        )
    if len(np.unique(rows, axis=0)) < len(rows):
        raise ValueError(f'{path} lists a partition twice.')
    if has_folders(path):
        there = {*map(tuple, _partitions_that_are_there(base).tolist())}
        unlisted = sorted(there - {*map(tuple, rows.tolist())})
        if unlisted:
            raise ValueError(
                f'{listed} lacks {len(unlisted)} partitions that are there, such as '
                f'{partition_path(*unlisted[0])}: remove what belongs to another version of the '
                'catalog, or add them to the list.'
            )
    return orders, cells


def _partitions_that_are_there(base):
    """Orders and cells by the names of files or folders, in rows."""
    found = (str(each) for each in base.glob('Norder=*/Dir=*/Npix=*'))
    matches = [match for name in sorted(found) if (match := _PARTITION.search(name))]
    return np.array([match.groups() for match in matches], dtype=np.int64).reshape(-1, 2)


def _read(path, max_size):
    """The bytes of a file."""
    if not isinstance(path, RemotePath):
        return read_bytes(path, max_size=max_size)
    with path.open() as file:
        check_size(file.seek(0, io.SEEK_END), f'The file {path}', max_size=max_size)
        file.seek(0)
        return file.read()


def _read_partition_info(path):
    text = _read(path, _LONGEST[1]).decode('utf-8', 'replace')
    names, *lines = [line.split(',') for line in text.splitlines() if line.strip()] or [[]]
    names = [name.strip() for name in names]
    try:
        columns = names.index('Norder'), names.index('Npix')
        rows = [[int(line[column]) for column in columns] for line in lines]
        return np.array(rows, dtype=np.int64).reshape(-1, 2)
    except (IndexError, OverflowError, ValueError) as error:
        raise ValueError(
            f'{path} must list the columns Norder and Npix of the partitions as integers: {error}.'
        ) from error
