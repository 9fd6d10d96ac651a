"""Catalogs and tables at URIs: by HTTP with ranges, and in a file system that knows folders."""

import gc

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan.catalogs import SkyCone, catalog_parts, read_catalog, write_catalog
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.exceptions import RemoteFileError
from astro_wgan.images import RemoteFiles

pytest.importorskip('pyarrow')
fsspec = pytest.importorskip('fsspec')

N = 3000


@pytest.fixture(scope='module')
def table():
    rng = np.random.default_rng(1)
    return QTable(
        {
            'id': np.arange(N),
            'ra': rng.uniform(10, 50, N) * u.deg,
            'dec': rng.uniform(-20, 20, N) * u.deg,
            'flux': rng.normal(size=(N, 10)) * u.nJy,
        }
    )


@pytest.fixture(scope='module')
def files(table, tmp_path_factory):
    """Contents by path: a HATS folder, a folder of Parquet files, and tables of other formats."""
    folder = tmp_path_factory.mktemp('catalogs')
    write_catalog(table, folder / 'hats', partition_rows=200)
    (folder / 'parts').mkdir()
    for k in range(2):
        write_catalog(table[k::2], folder / 'parts' / f'part {k}.parquet')
    table.write(folder / 'table.fits')
    table['id', 'ra', 'dec'].write(folder / 'table.ecsv')
    return {
        f'/{path.relative_to(folder).as_posix()}': path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


@pytest.fixture
def http(server, files):
    server.files = files
    return server


@pytest.fixture(scope='module')
def memory(files):
    """The address of the same files in the memory of this process."""
    filesystem = fsspec.filesystem('memory')
    for name, content in files.items():
        filesystem.pipe(f'/catalogs{name}', content)
    yield 'memory://catalogs'
    filesystem.rm('/catalogs', recursive=True)


def assert_is(found, table):
    found.sort('id')
    for name in ('id', 'ra', 'dec'):
        np.testing.assert_array_equal(found[name], table[name])
    assert found['ra'].unit == u.deg


@pytest.mark.parametrize(
    'path', ['/hats', '/parts/part 0.parquet', '/table.fits', '/table.ecsv', '/hats/']
)
def test_catalogs_are_read_by_http(http, table, path):
    expected = table[::2] if 'part 0' in path else table
    assert_is(read_catalog(http.uri(path)), expected)


@pytest.mark.parametrize('path', ['/parts/part 0.parquet', '/table.ecsv'])
def test_files_are_read_at_signed_addresses(http, table, path):
    expected = table[::2] if 'part 0' in path else table
    uri = http.uri(path, user='me:secret@', query='?signature=secret')
    assert_is(read_catalog(uri), expected)
    with pytest.raises(FileNotFoundError, match=r'There is no file http://127[^?@]*/hats\.$'):
        read_catalog(http.uri('/hats', query='?signature=secret'))


@pytest.mark.parametrize('path', ['/hats', '/parts', '/table.fits', '/table.ecsv'])
def test_catalogs_are_read_where_there_are_folders(memory, table, path):
    assert_is(read_catalog(memory + path), table)


def test_partitions_are_found_by_their_names(memory, table):
    filesystem = fsspec.filesystem('memory')
    filesystem.copy('/catalogs/hats', '/catalogs/unlisted', recursive=True)
    filesystem.rm('/catalogs/unlisted/partition_info.csv')
    assert_is(read_catalog(f'{memory}/unlisted'), table)


def test_by_http_they_are_not(http):
    http.files = {k: v for k, v in http.files.items() if 'partition_info' not in k}
    with pytest.raises(FileNotFoundError, match=r'/hats has no partition_info\.csv'):
        read_catalog(http.uri('/hats'))


def test_parts_are_those_of_the_file(http, table):
    parts = list(catalog_parts(http.uri('/hats'), columns=[], n_rows=150))
    assert max(map(len, parts)) == 150
    np.testing.assert_array_equal(np.sort(np.concatenate([part['id'] for part in parts])), range(N))


@pytest.mark.parametrize('ranges', ['refused', 'ignored'])
def test_servers_without_ranges_send_whole_files(http, table, ranges):
    http.ranges = ranges
    assert_is(read_catalog(http.uri('/hats')), table)
    # Copies that are still open would warn as they are collected.
    gc.collect()


def test_a_region_needs_few_bytes(http, table):
    cone = SkyCone(30, 5, 2)
    found = read_catalog(http.uri('/hats'), region=cone, columns=[])
    inside = cone.contains(table['ra'].value, table['dec'].value)
    assert_is(found, table[inside])
    whole = sum(len(content) for path, content in http.files.items() if path.startswith('/hats'))
    assert 0 < len(found) < N / 50
    assert http.sent < whole / 4


def test_columns_of_a_large_file_are_ranges(http, table):
    write = fsspec.filesystem('memory')
    with write.open('/large.parquet', 'wb') as file:
        import pyarrow as pa
        from pyarrow import parquet

        rng = np.random.default_rng(2)
        columns = {'id': np.arange(200_000), 'ra': rng.uniform(0, 360, 200_000)}
        columns |= {'dec': rng.uniform(-90, 90, 200_000)}
        columns |= {f'flux_{k}': rng.normal(size=200_000) for k in range(20)}
        parquet.write_table(pa.table(columns), file, row_group_size=50_000)
    http.files = {'/large.parquet': write.cat('/large.parquet')}
    found = read_catalog(http.uri('/large.parquet'), columns=[])
    np.testing.assert_array_equal(found['dec'].value, columns['dec'])
    assert http.sent < len(http.files['/large.parquet']) / 4


@pytest.mark.parametrize(
    ('path', 'failure'),
    [
        ('/hats', 503),
        ('/parts/part 0.parquet', 'cut'),
        ('/parts/part 0.parquet', 503),
        ('/table.fits', 'cut'),
        ('/table.ecsv', 'cut'),
    ],
)
def test_requests_are_repeated(http, waits, path, failure):
    http.failures = [failure]
    assert len(read_catalog(http.uri(path))) == (N // 2 if 'part 0' in path else N)
    assert waits == [0.5]


@pytest.mark.parametrize('path', ['/hats', '/parts/part 0.parquet', '/table.fits', '/table.ecsv'])
def test_in_the_end_an_error_names_the_file(http, waits, path):
    http.always = 503
    remote = RemoteFiles(retries=1)
    uri = http.uri(path, user='me:secret@', query='?signature=0f3')
    with pytest.raises(RemoteFileError, match=f'{path}.* cannot be read: .*503') as caught:
        read_catalog(uri, remote=remote)
    assert 'secret' not in str(caught.value)
    assert '0f3' not in str(caught.value)


def test_what_is_cut_in_the_middle_of_a_scan_is_named(http, waits):
    uri = http.uri('/hats')
    parts = catalog_parts(uri, columns=[], remote=RemoteFiles(retries=0))
    next(parts)
    http.always = 'cut'
    with pytest.raises(RemoteFileError, match=r'Npix%3D\d+\.parquet cannot be read: .*tried once'):
        list(parts)


@pytest.mark.parametrize('path', ['/none', '/none.parquet', '/none.fits'])
def test_missing_files(http, memory, path):
    for uri in (http.uri(path), memory + path):
        with pytest.raises(FileNotFoundError, match=f'There is no file .*{path}'):
            read_catalog(uri)


@pytest.mark.parametrize('status', [401, 403])
def test_refused_access(http, status):
    http.always = status
    for path in ('/hats', '/parts/part 0.parquet', '/table.fits'):
        with pytest.raises(RemoteFileError, match=f'access is refused .{status}'):
            read_catalog(http.uri(path))


def test_what_is_no_catalog_is_named(http, memory):
    http.files = {'/page': b'<html>\nhello</html>', '/short.parquet': b'PAR1', '/empty.fits': b''}
    for path in ('/page', '/short.parquet', '/empty.fits'):
        with pytest.raises(ValueError, match=path):
            read_catalog(http.uri(path))
    with pytest.raises(TypeError, match='`remote` must be a RemoteFiles'):
        read_catalog(http.uri('/page'), remote={'anon': True})


def test_a_table_is_read(http, table):
    found = read_table(http.uri('/table.fits'))
    np.testing.assert_array_equal(found['flux'], table['flux'])
