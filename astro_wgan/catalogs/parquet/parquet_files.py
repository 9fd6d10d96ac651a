"""`ParquetFiles`: catalogs in Parquet files, of which columns and rows in a region are read."""

import functools
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from astropy import units as u

from astro_wgan.catalogs.parquet.arrow_tables import (
    ASTROPY,
    names_in_file,
    table_from_arrow,
    usable_columns,
)
from astro_wgan.catalogs.parquet.hats_folders import HatsFolder, find_properties
from astro_wgan.exceptions import RemoteFileError
from astro_wgan.files.limits import check_file, check_size
from astro_wgan.optional import import_optional
from astro_wgan.remote.remote_path import RemotePath, has_folders, path_of

__all__ = ['ParquetFiles', 'is_parquet']

_SIGNATURE = b'PAR1'
_ENDINGS = ('.parquet', '.parq', '.pq')

#: Rows that are decoded at once.
_BATCH = 2**16

#: Degrees by which the range of a region is widened, for columns in single precision.
_MARGIN = 1e-4


@dataclass(frozen=True, eq=False)
class ParquetFiles:
    """
    A catalog in Parquet files.

    Attributes
    ----------
    path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
        File or folder.
    files : list
        Paths of files, each of which is a part; of a HATS folder only the first one.
    hats : `~astro_wgan.catalogs.parquet.hats_folders.HatsFolder` or None
        If it is a HATS folder, whose partitions are parts.
    """

    path: Path | RemotePath
    files: list = field(repr=False)
    hats: HatsFolder | None = None

    @classmethod
    def open(cls, path, remote=None):
        """
        Find the files of a catalog.

        Parameters
        ----------
        path : path-like
            Parquet file, folder with such files at any depth, or HATS folder; or its URI.
        remote : `~astro_wgan.images.RemoteFiles`, optional
            How files at URIs are read.

        Returns
        -------
        ParquetFiles

        Raises
        ------
        ValueError
            If it is none, or of HATS as in `HatsFolder.open`.
        FileNotFoundError
            If there is no such path, or a partition is missing.
        ImportError
            If pyarrow is not installed.
        RemoteFileError
            If a URI cannot be read.
        """
        import_optional('pyarrow', purpose='Catalogs in Parquet need')
        path = path_of(path, remote)
        is_folder = path.is_dir()
        may_be_hats = is_folder or not has_folders(path)
        if may_be_hats and find_properties(path) is not None:
            hats = HatsFolder.open(path)
            return cls(path, hats.files(0), hats)
        if not is_folder:
            if isinstance(path, Path):
                check_file(path)
            return cls(path, [path])
        # Files and folders with other names hold metadata.
        names = sorted(_names_below(path), key=lambda name: name.split('/'))
        files = [path / name for name in names if _is_part(name)]
        if not files:
            raise ValueError(
                f'{path} is no catalog: it has neither Parquet files (*.parquet) nor properties of '
                'HATS.'
            )
        return cls(path, files)

    @functools.cached_property
    def schema(self):
        """
        Columns of the first file, a `pyarrow.Schema`.

        Those of which it has no value, and therefore no type, are as in the first file that has.
        """
        from pyarrow import types

        schema = _read_schema(self.files[0])
        unknown = [name for name in schema.names if types.is_null(schema.field(name).type)]
        others = (file for part in self._parts(None) for file in part) if unknown else ()
        for file in others:
            own = _read_schema(file)
            for name in {*unknown} & {*own.names}:
                if not types.is_null(own.field(name).type):
                    schema = schema.set(schema.get_field_index(name), own.field(name))
                    unknown.remove(name)
            if not unknown:
                break
        return schema

    @functools.cached_property
    def empty(self):
        """A table without rows that has the columns, units and metadata of the first file."""
        schema = self.schema
        with _named(self.files[0]):
            return table_from_arrow(schema.empty_table().select(usable_columns(schema)))

    @property
    def positions(self):
        """Columns of right ascension and declination by the properties of HATS, or None."""
        return None if self.hats is None else (self.hats.ra, self.hats.dec)

    def tables(self, columns, *, positions=None, region=None, n_rows=None, max_size=None):
        """
        Read the catalog part by part.

        Parameters
        ----------
        columns : list of str
            Names of the columns of a table.
        positions : tuple of str, optional
            Columns of right ascension and declination by which rows are chosen as they are read.
        region : `SkyCone` or `SkyBox`, optional
            Only parts are opened, and rows read, that may lie in it: without ``positions`` all rows
            of parts that may have some.
        n_rows : int, optional
            Parts with more rows are divided; by default the whole catalog is one part.
        max_size : number, optional
            Bytes that a table may take; see `~astro_wgan.files.limits.largest_size`.

        Yields
        ------
        `~astropy.table.QTable`
            Of at least one row.

        Raises
        ------
        ValueError
            If a file is damaged, has other columns or units, or takes too much memory; after the
            last part, if the partitions of HATS together have not the rows that they should.
        """
        import pyarrow as pa

        waiting, n_waiting, size, n_read = [], 0, 0, 0
        for part in self._parts(region):
            for file in part:
                for batch in self._batches(file, columns, positions, region):
                    waiting.append(batch)
                    n_waiting += batch.num_rows
                    n_read += batch.num_rows
                    size += batch.nbytes
                    check_size(size, str(self.path), max_size=max_size)
                    while n_rows is not None and n_waiting >= n_rows:
                        whole = pa.Table.from_batches(waiting)
                        yield self._table(whole.slice(0, n_rows), file)
                        rest = whole.slice(n_rows)
                        waiting, n_waiting, size = rest.to_batches(), rest.num_rows, rest.nbytes
            if n_rows is not None and n_waiting:
                yield self._table(pa.Table.from_batches(waiting), part[-1])
                waiting, n_waiting, size = [], 0, 0
        if self.hats is not None and region is None:
            self.hats.check_read(n_read)
        if n_waiting:
            yield self._table(pa.Table.from_batches(waiting), self.path)

    def _parts(self, region):
        """The files of each part."""
        if self.hats is None:
            return ([file] for file in self.files)
        return (self.hats.files(number) for number in self.hats.partitions(region))

    def _table(self, arrow, file):
        with _named(file):
            return table_from_arrow(arrow.replace_schema_metadata(self.schema.metadata))

    def _batches(self, file, columns, positions, region):
        """Batches of rows of one file, with the types and metadata of the first file."""
        import pyarrow as pa
        from pyarrow import dataset, fs

        with ExitStack() as stack, _named(file):
            if isinstance(file, Path) and check_file(file).st_size == 0:
                raise ValueError('it is empty')
            names = names_in_file(self.schema, columns)
            wanted = pa.schema([self.schema.field(name) for name in names])
            where = None if isinstance(file, RemotePath) else fs.LocalFileSystem()
            content = stack.enter_context(_readable(file))
            found = dataset.ParquetFileFormat().make_fragment(content, where)
            missing = [name for name in names if name not in found.physical_schema.names]
            if missing:
                raise ValueError(f'it lacks the columns {", ".join(missing)} of the first file')
            self._check_units(found.physical_schema, names)
            chosen = None
            if region is not None and positions is not None:
                chosen = self._row_filter(positions, region)
            scanner = found.scanner(
                columns=names, filter=chosen, batch_size=_BATCH, batch_readahead=2
            )
            for batch in scanner.to_batches():
                if batch.num_rows:
                    yield batch if batch.schema == wanted else _cast(batch, wanted)

    def _check_units(self, schema, names):
        """Refuse a file in which a column has another unit than in the first file."""
        both = schema, self.schema
        own, first = ([each.field(name).metadata or {} for name in names] for each in both)
        # What astropy says of the columns takes long to read, and this package says it of each.
        texts = {(each.metadata or {}).get(ASTROPY) for each in both}
        if own == first and (len(texts) == 1 or any(b'unit' in each for each in own)):
            return
        table = table_from_arrow(schema.empty_table().select(names))
        for name in table.colnames:
            units = [getattr(each[name], 'unit', None) for each in (table, self.empty)]
            if units[0] is not None and units[0] != units[1]:
                other = 'has no unit' if units[1] is None else f'is in {units[1]}'
                raise ValueError(
                    f'its column {name} is in {units[0]}; that of the first file {other}'
                )

    def _row_filter(self, positions, region):
        """An expression for rows around a region, by which groups of rows are left out unread."""
        from pyarrow import dataset, types

        if not all(types.is_floating(self.schema.field(name).type) for name in positions):
            return None
        units = [getattr(self.empty[name], 'unit', None) or u.deg for name in positions]
        if not all(unit.is_equivalent(u.deg) for unit in units):
            return None
        ra, dec = (dataset.field(name) for name in positions)
        ra_degree, dec_degree = (u.deg.to(unit) for unit in units)
        (west, east), (south, north) = region.bounds()
        # The range begins in 0 to 360; positions may be from -180.
        turns = [
            (ra >= (west + turn - _MARGIN) * ra_degree)
            & (ra <= (east + turn + _MARGIN) * ra_degree)
            for turn in (-720, -360, 0)
        ]
        chosen = (dec >= (south - _MARGIN) * dec_degree) & (dec <= (north + _MARGIN) * dec_degree)
        return chosen & (turns[0] | turns[1] | turns[2])


def is_parquet(path, remote=None):
    """
    Whether a path or URI is a folder, or begins as a Parquet file does.

    Parameters
    ----------
    path : path-like
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    bool
        False if there is no such file, or none that can be read.

    Raises
    ------
    RemoteFileError
        If a URI cannot be read.
    """
    path = path_of(path, remote)
    begin = None
    try:
        if path.is_dir():
            return True
        if isinstance(path, Path):
            check_file(path)
        with path.open('rb') as file:
            begin = file.read(len(_SIGNATURE))
    except RemoteFileError:
        raise
    except (OSError, ValueError):
        pass
    # Nothing else is a file with such a name, not even an empty one.
    if begin is not None and (begin == _SIGNATURE or path.suffix.lower() in _ENDINGS):
        return True
    # What HTTP sends of a folder, if anything, is a page.
    return not has_folders(path) and find_properties(path) is not None


def _read_schema(path):
    from pyarrow import parquet

    with _named(path), _readable(path) as content:
        return parquet.read_schema(content)


@contextmanager
def _readable(path):
    """What pyarrow reads: files at URIs with the repetitions of this package."""
    if not isinstance(path, RemotePath):
        yield str(path)
        return
    with path.open() as file:
        yield file


def _cast(batch, schema):
    """Rows with the types of the first file."""
    import pyarrow as pa

    arrays = []
    for own, values in zip(schema, batch.columns, strict=True):
        try:
            arrays.append(values.cast(own.type))
        except pa.ArrowException as error:
            raise ValueError(
                f'its column {own.name} is {values.type}; that of the first file {own.type}: '
                f'{error}'
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _names_below(folder):
    if isinstance(folder, RemotePath):
        return folder.files_below()
    return [p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file()]


def _is_part(name):
    is_hidden = any(part.startswith(('_', '.')) for part in name.split('/'))
    return name.lower().endswith(_ENDINGS) and not is_hidden


@contextmanager
def _named(file):
    """Errors of pyarrow, of which there are many, as those that name the file."""
    import pyarrow as pa

    try:
        yield
    except (FileNotFoundError, RemoteFileError):
        raise
    except (pa.ArrowException, ArithmeticError, LookupError, OSError, TypeError, ValueError) as e:
        raise ValueError(f'{file} contains no catalog that can be read: {e}') from e
