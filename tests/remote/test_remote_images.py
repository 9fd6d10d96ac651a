"""Images at URIs are those of the same files on disk, read in part, with repetitions."""

import gzip
import io
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from PIL import Image

from astro_wgan.cutouts.image_cuts import origin_of
from astro_wgan.exceptions import ImageError, RemoteFileError
from astro_wgan.images import Layout, RemoteFiles, read_image
from astro_wgan.remote import range_files
from astro_wgan.stamps import StampSet
from astro_wgan.testing import assert_stamps_equal, make_wcs

SHAPE = 700, 900
RNG = np.random.default_rng(5)
SKY = RNG.normal(3, 1, size=SHAPE).astype('f4')
MASK = (RNG.random(SHAPE) < 0.01).astype('i4')
INSIDE = [(100, 80), (700.5, 500), (500, 333)]
NO_WAIT = RemoteFiles(wait=0)


def content_of(hdus):
    file = io.BytesIO()
    fits.HDUList(hdus).writeto(file)
    return file.getvalue()


def plain():
    header = make_wcs(SHAPE).to_header()
    header['BUNIT'] = 'nJy'
    image = fits.ImageHDU(SKY, header, name='SCI')
    return content_of([fits.PrimaryHDU(), image, fits.ImageHDU(MASK, name='DQ')])


def cube():
    return content_of([fits.PrimaryHDU(np.stack([SKY, 2 * SKY, 3 * SKY]))])


def in_tiles():
    image = fits.CompImageHDU(SKY, compression_type='RICE_1', quantize_level=16)
    return content_of([fits.PrimaryHDU(), image])


def picture():
    file = io.BytesIO()
    Image.fromarray(np.clip(30 * SKY, 0, 255).astype('u1')).save(file, 'PNG')
    return file.getvalue()


FILES = {
    'a.fits': plain,
    'a.fits.gz': lambda: gzip.compress(plain(), 1),
    'a.fits.fz': in_tiles,
    'a.png': picture,
}


@pytest.fixture
def served(server):
    """The server, with a file."""
    server.files['/tiles/a.fits'] = plain()
    return server


@pytest.mark.parametrize('name', FILES)
def test_they_are_those_of_the_same_file_on_disk(server, tmp_path, name):
    content = FILES[name]()
    server.files[f'/a folder/{name}'] = content
    (tmp_path / name).write_bytes(content)
    remote = read_image(server.uri(f'/a%20folder/{name}'))
    local = read_image(tmp_path / name)
    np.testing.assert_array_equal(remote.data, local.data)
    np.testing.assert_array_equal(remote.mask, local.mask)
    assert remote.unit == local.unit
    assert dict(remote.meta) == dict(local.meta)


@pytest.mark.parametrize('start', [str, lambda path: f'file://{path}', lambda path: path.as_uri()])
def test_files_of_this_machine_have_uris(tmp_path, start):
    path = tmp_path / 'b.fits'
    path.write_bytes(plain())
    np.testing.assert_array_equal(read_image(start(path)).data, SKY)
    with pytest.raises(FileNotFoundError):
        read_image(start(tmp_path / 'none.fits'))


@pytest.mark.parametrize('block_size', [2880, 2**14])
@pytest.mark.parametrize('name', ['a.fits', 'a.fits.fz'])
def test_few_stamps_need_few_bytes(server, name, block_size):
    server.files[f'/{name}'] = content = FILES[name]()
    uri = server.uri(f'/{name}')
    stamps = StampSet.from_image(
        uri, positions=INSIDE, size=16, remote=RemoteFiles(block_size=block_size)
    )
    parts = {'a.fits': 12 if block_size == 2880 else 5, 'a.fits.fz': 4 if block_size == 2880 else 2}
    assert server.sent < len(content) / parts[name]
    whole = StampSet.from_image(read_image(uri), positions=INSIDE, size=16)
    assert_stamps_equal(stamps, whole)
    assert stamps.meta['provenance']['image'] == uri


def test_rows_of_a_stamp_are_asked_for_at_once(served, monkeypatch):
    calls = []
    fetch = range_files.fetch_ranges

    def counting(*arguments):
        inner = fetch(*arguments)
        return lambda ranges: (calls.append(len(ranges)), inner(ranges))[1]

    monkeypatch.setattr('astro_wgan.remote.remote_path.fetch_ranges', counting)
    one = RemoteFiles(block_size=2880)
    read_image(served.uri('/tiles/a.fits'), remote=one)
    calls.clear()
    range_files._BLOCKS.__init__()
    StampSet.from_image(served.uri('/tiles/a.fits'), positions=INSIDE[:1], size=16, remote=one)
    # The headers of the primary HDU, of image and mask, and 16 rows of each, of 3,600 bytes.
    assert len(calls) == 5
    assert max(calls) > 1


def test_a_plane_of_a_cube_is_read_in_sections(server):
    server.files['/cube.fits'] = content = cube()
    how = {'positions': INSIDE, 'size': 16, 'plane': 2}
    stamps = StampSet.from_image(server.uri('/cube.fits'), **how)
    assert server.sent < len(content) / 5
    assert_stamps_equal(stamps, StampSet.from_image(3 * SKY, positions=INSIDE, size=16))


def test_all_of_an_image_is_read_if_asked_for(served):
    stamps = StampSet.from_image(
        served.uri('/tiles/a.fits'), positions=INSIDE, size=16, remote=RemoteFiles(read='whole')
    )
    assert served.sent >= SKY.nbytes
    np.testing.assert_array_equal(stamps.pixels[0], SKY[72:88, 92:108])


def test_what_was_read_is_not_asked_for_again(served):
    uri = served.uri('/tiles/a.fits')
    read_image(uri)
    before = served.sent
    read_image(uri)
    # One byte, by which the server shows that it has ranges.
    assert served.sent <= before + 1


@pytest.mark.parametrize('ranges', ['refused', 'ignored'])
def test_servers_without_ranges_send_the_whole_file_once(served, ranges):
    served.ranges = ranges
    stamps = StampSet.from_image(served.uri('/tiles/a.fits'), positions=INSIDE, size=16)
    np.testing.assert_array_equal(stamps.pixels[0], SKY[72:88, 92:108])
    whole = [asked for asked in served.asked if asked[0] == 'GET' and asked[2] is None]
    assert len(whole) == 1


def test_large_files_of_servers_without_ranges_are_named(served, monkeypatch):
    monkeypatch.setattr('astro_wgan.remote.remote_path._LARGE', SKY.nbytes)
    served.ranges = 'refused'
    with pytest.warns(AstropyUserWarning, match=r'/tiles/a.fits was copied as a whole, 5,0\d\d,'):
        read_image(served.uri('/tiles/a.fits'))


@pytest.mark.parametrize('failure', ['cut', 'silent', 500, 503, 429])
@pytest.mark.parametrize('ranges', [True, 'refused'])
def test_requests_are_repeated_after_longer_and_longer_waits(served, waits, failure, ranges):
    served.failures, served.ranges = 3 * [failure], ranges
    image = read_image(served.uri('/tiles/a.fits'), remote=RemoteFiles(wait=0.25))
    np.testing.assert_array_equal(image.data, SKY)
    # After a connection that is closed at once, aiohttp asks a second time by itself.
    assert waits == [0.25, 0.5, 1.0][: 1 if failure == 'silent' else 3]


@pytest.mark.parametrize(
    ('failure', 'words'),
    [
        ('cut', 'the connection was cut'),
        (503, 'the server answered status 503'),
    ],
)
def test_in_the_end_an_error_says_what_failed_and_how_often(served, waits, failure, words):
    uri = served.uri('/tiles/a.fits')
    served.failures = 40 * [failure]
    with pytest.raises(RemoteFileError) as error:
        read_image(uri, remote=RemoteFiles(retries=2))
    assert str(error.value) == f'{uri} cannot be read: {words} (tried 3 times).'
    assert waits == [0.5, 1.0]


def test_a_connection_that_is_cut_in_the_pixels_is_reported(served, waits):
    uri = served.uri('/tiles/a.fits')
    with pytest.raises(RemoteFileError, match=r'cut \(tried once\)'):
        _with_failures_after(served, 3, lambda: read_image(uri, remote=RemoteFiles(retries=0)))
    assert not waits


@pytest.mark.parametrize(
    'failure',
    ['shifted', 'unnamed', 'long', 'short', 'long, unmeasured', 'short, unmeasured', 'replaced'],
)
def test_another_part_of_a_file_is_never_taken_for_what_was_asked_for(served, waits, failure):
    """Whether it is answered to the first requests or in the middle of the pixels."""
    uri = served.uri('/tiles/a.fits')
    for first in (0, 3):
        range_files._BLOCKS.__init__()
        served.failures = first * [None] + 2 * [failure]
        image = read_image(uri, remote=RemoteFiles(retries=2))
        np.testing.assert_array_equal(image.data, SKY)
    assert waits
    range_files._BLOCKS.__init__()
    words = 'another part of the file|connection was cut'
    served.failures = 3 * [None] + 40 * [failure]
    with pytest.raises(RemoteFileError, match=rf'{uri} cannot be read: .*({words}).*once'):
        read_image(uri, remote=RemoteFiles(retries=0))


def _with_failures_after(server, count, read):
    server.failures = count * [None] + 40 * ['cut']
    return read()


def test_no_server_at_all(waits):
    with pytest.raises(RemoteFileError, match=r'the server cannot be reached \(tried 3 times\)'):
        read_image('http://127.0.0.1:9/a.fits', remote=RemoteFiles(retries=2))
    assert len(waits) == 2


@pytest.mark.parametrize(
    ('status', 'error', 'words'),
    [
        (404, FileNotFoundError, 'There is no file http://'),
        (410, FileNotFoundError, 'There is no file http://'),
        (401, RemoteFileError, r'access is refused \(401\)'),
        (403, RemoteFileError, r'access is refused \(403\). The credentials .* expired'),
        (400, RemoteFileError, r'the request failed \(status 400\) \(tried once\)'),
    ],
)
def test_what_cannot_succeed_is_not_repeated(served, waits, status, error, words):
    served.always = status
    with pytest.raises(error, match=words):
        read_image(served.uri('/tiles/a.fits'))
    assert not waits


def test_a_request_that_cannot_be_made_is_no_missing_file(served, waits):
    options = RemoteFiles(storage_options={'nothing': 'secret'})
    with pytest.raises(RemoteFileError, match=r'the request failed \(TypeError\)') as error:
        read_image(served.uri('/tiles/a.fits'), remote=options)
    assert 'secret' not in str(error.value)
    with pytest.raises(RemoteFileError, match=r'the request failed \(ValueError\)'):
        read_image('http://127.0.0.1:99999/a.fits')
    assert not waits


def test_a_protocol_may_have_capitals(served):
    image = read_image(served.uri('/tiles/a.fits').replace('http', 'HTTP'))
    np.testing.assert_array_equal(image.data, SKY)


def test_anonymous_access_that_is_refused_needs_credentials(served):
    served.always = 403
    with pytest.raises(RemoteFileError, match=r'without credentials. Give some'):
        read_image(served.uri('/tiles/a.fits'), remote=RemoteFiles(anonymous=True))


@pytest.mark.parametrize('length', [SKY.nbytes // 2, 40_000])
def test_truncated_files(server, length):
    server.files['/a.fits'] = plain()[:length]
    with pytest.raises(ImageError, match=r'/a.fits is truncated: HDU 1 ends at byte'):
        read_image(server.uri('/a.fits'))


SECRETS = 'me', 'password', 'X-Amz-Signature', '0f3a'
SIGNED = {'user': 'me:password@', 'query': '?X-Amz-Signature=0f3a'}


@pytest.mark.parametrize('failure', [None, 403, 404, 503, 'cut'])
def test_credentials_and_signatures_are_never_shown(served, waits, failure):
    uri = served.uri('/tiles/a.fits', **SIGNED)
    served.always = failure
    try:
        image = read_image(uri)
        stamps = StampSet.from_image(uri, positions=INSIDE, size=16)
        texts = [repr(image.meta), repr(stamps.meta), repr(stamps.table), origin_of(uri)]
    except OSError as error:
        texts = [*traceback.format_exception(error), repr(error)]
        # The line of this test is part of it, but the values are not.
        texts = [text.replace('me:password', '') for text in texts if 'SIGNED' not in text]
    assert (failure is None) == (len(texts) == 4)
    for text in texts:
        assert not any(secret in text for secret in SECRETS[1:]), text
    assert 'secret' not in repr(RemoteFiles(storage_options={'key': 'secret'}))


BESIDE = Layout('two files', files=('{tile}_{band}.fits*',), mask='{tile}_{band}_bad.fits*')


def test_files_beside_an_image_are_found_at_its_uri(server):
    server.files['/t/t1_r.fits'] = content_of([fits.PrimaryHDU(SKY)])
    server.files['/t/t1_r_bad.fits.gz'] = gzip.compress(content_of([fits.PrimaryHDU(MASK)]), 1)
    image = read_image(server.uri('/t/t1_r.fits'), layout=BESIDE, bits=-1)
    np.testing.assert_array_equal(image.mask, MASK > 0)
    assert image.meta['HDUMASK'].startswith('t1_r_bad.fits.gz')
    del server.files['/t/t1_r_bad.fits.gz']
    with pytest.raises(ImageError, match=r'needs t1_r_bad.fits\* beside http://'):
        read_image(server.uri('/t/t1_r.fits'), layout=BESIDE)
    with pytest.raises(ImageError, match=r'has a query or is a chain.*give their addresses'):
        read_image(server.uri('/t/t1_r.fits', query='?signature=1'), layout=BESIDE)


def test_a_mask_and_an_uncertainty_may_be_at_uris(served, tmp_path):
    served.files['/bad.fits'] = content_of([fits.PrimaryHDU(MASK)])
    served.files['/rms.fits'] = content_of([fits.PrimaryHDU(np.ones(SHAPE, 'f4'))])
    (tmp_path / 'sky.fits').write_bytes(content_of([fits.PrimaryHDU(SKY)]))
    for image in (served.uri('/tiles/a.fits'), tmp_path / 'sky.fits'):
        read = read_image(
            image, hdu=None, mask=served.uri('/bad.fits'), uncertainty=served.uri('/rms.fits')
        )
        np.testing.assert_array_equal(read.mask, MASK > 0)
        assert (read.uncertainty.array[~read.mask] == 1).all()
    with pytest.raises(FileNotFoundError, match=r'`mask` must be an array.*none.fits'):
        read_image(served.uri('/tiles/a.fits'), mask=served.uri('/none.fits'))


def test_stamps_of_several_bands_and_of_lists_of_files(server):
    images = {'g': SKY, 'r': 2 * SKY}
    for band, pixels in images.items():
        header = make_wcs(SHAPE).to_header()
        server.files[f'/t/{band}.fits'] = content_of([fits.PrimaryHDU(pixels, header)])
        header = make_wcs((16, 16)).to_header()
        server.files[f'/c/{band}.fits'] = content_of([fits.PrimaryHDU(pixels[:16, :16], header)])
    uris = {band: server.uri(f'/t/{band}.fits') for band in images}
    stamps = StampSet.from_images(uris, positions=INSIDE, size=16)
    np.testing.assert_array_equal(stamps['r'].pixels[0], 2 * SKY[72:88, 92:108])
    cutouts = [server.uri(f'/c/{band}.fits', query='?signature=0f3a') for band in images]
    read = StampSet.from_files([*cutouts, server.uri('/c/none.fits')], remote=NO_WAIT)
    assert read.ids.tolist() == ['g', 'r', 'none']
    np.testing.assert_array_equal(read.pixels[1], 2 * SKY[:16, :16])
    assert read.table['status'][2].startswith('There is no file http://')
    assert '0f3a' not in repr(read.meta) + ''.join(read.table['file'])
    with pytest.raises(ValueError, match=r'/c/\*\.fits cannot be expanded: by HTTP'):
        StampSet.from_files(server.uri('/c/*.fits'))
    with pytest.raises(ValueError, match='must be the URI of a file, a list of such, or a pattern'):
        StampSet.from_files(server.uri('/c/'))


def test_cutouts_of_a_pattern_of_uris_are_read(tmp_path):
    fsspec = pytest.importorskip('fsspec')
    filesystem = fsspec.filesystem('memory')
    for name, factor in {'b': 2, 'a': 1, 'c.txt': 3}.items():
        content = content_of([fits.PrimaryHDU(factor * SKY[:16, :16])])
        filesystem.pipe(f'/cutouts/{name}.fits', content)
        (tmp_path / f'{name}.fits').write_bytes(content)
    try:
        stamps = StampSet.from_files('memory://cutouts/*.fits', progress=False)
        with pytest.raises(ValueError, match=r'no file matches memory://cutouts/d\*'):
            StampSet.from_files('memory://cutouts/d*')
    finally:
        filesystem.rm('/cutouts', recursive=True)
    assert stamps.ids.tolist() == ['a', 'b', 'c.txt']
    np.testing.assert_array_equal(stamps.pixels[1], 2 * SKY[:16, :16])
    local = StampSet.from_files(f'file://{tmp_path}/*.fits', progress=False)
    np.testing.assert_array_equal(local.pixels, stamps.pixels)
    folder = StampSet.from_files(f'file://{tmp_path}', progress=False)
    np.testing.assert_array_equal(folder.pixels, stamps.pixels)


def test_folders_and_shortened_uris_are_refused(tmp_path):
    with pytest.raises(ImageError, match='a Path makes one slash of two'):
        read_image(Path('s3://bucket/a.fits'))
    with pytest.raises(ImageError, match=r"has the protocol 'tape', which fsspec does not know"):
        read_image('tape://silo/a.fits')


@pytest.mark.parametrize(('package', 'uri'), [('s3fs', 's3://b/a.fits'), ('aiohttp', 'http://h/a')])
def test_missing_packages_are_named(monkeypatch, package, uri):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "astro_wgan\[cloud\]"'):
        read_image(uri)
