"""Images in a bucket of a real S3 server on loopback: sections, credentials, cut connections."""

import io
import threading

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip('s3fs')
pytest.importorskip('flask_cors')
server_of_moto = pytest.importorskip('moto.server')

from werkzeug.serving import make_server  # noqa: E402

from astro_wgan.catalogs import SkyCone, read_catalog, write_catalog  # noqa: E402
from astro_wgan.exceptions import RemoteFileError  # noqa: E402
from astro_wgan.images import Layout, RemoteFiles, read_image  # noqa: E402
from astro_wgan.remote.failures import failure_of  # noqa: E402
from astro_wgan.remote.filesystems import filesystem_of  # noqa: E402
from astro_wgan.stamps import StampSet  # noqa: E402

SKY = np.random.default_rng(5).normal(3, 1, size=(700, 900)).astype('f4')


class Counted:
    """An application that counts what it sends, and refuses or cuts the next answers."""

    def __init__(self, application):
        self.application, self.sent, self.failures = application, 0, []

    def __call__(self, environ, start_response):
        is_content = environ['REQUEST_METHOD'] == 'GET' and environ['PATH_INFO'].endswith('.fits')
        failure = self.failures.pop(0) if is_content and self.failures else None
        if failure == 'busy':
            start_response('503 Slow Down', [('Content-Type', 'text/plain')])
            return [b'']
        content = b''.join(self.application(environ, start_response))
        if failure == 'cut':
            # Its length is that of all of it.
            content = content[: len(content) // 2]
        self.sent += len(content)
        return [content]


@pytest.fixture(scope='module')
def application():
    backends = server_of_moto.DomainDispatcherApplication(server_of_moto.create_backend_app)
    return Counted(backends)


@pytest.fixture(scope='module')
def endpoint(application):
    server = make_server('127.0.0.1', 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{server.port}'
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope='module')
def remote(endpoint):
    options = {'endpoint_url': endpoint, 'key': 'a key', 'secret': 'a secret'}
    return RemoteFiles(storage_options=options)


@pytest.fixture(scope='module')
def bucket(remote):
    """A bucket with an image and its mask."""
    filesystem, _ = filesystem_of('s3://sky', remote)
    filesystem.mkdir('sky')
    for name, pixels in (('a_r', SKY), ('a_r_bad', (SKY > 5).astype('i2'))):
        file = io.BytesIO()
        fits.PrimaryHDU(pixels).writeto(file)
        filesystem.pipe(f'sky/tiles/{name}.fits', file.getvalue())
    return filesystem


def test_images_are_read(bucket, remote):
    layout = Layout('beside', files=('{name}_r.fits',), mask='{name}_r_bad.fits*')
    image = read_image('s3://sky/tiles/a_r.fits', layout=layout, bits=-1, remote=remote)
    np.testing.assert_array_equal(image.data, SKY)
    np.testing.assert_array_equal(image.mask, SKY > 5)


@pytest.mark.parametrize('template', ['{name}_r_b*.fits', '{name}_r_bad.fits'])
def test_files_beside_an_image_are_found(bucket, remote, template):
    layout = Layout('beside', files=('{name}_r.fits',), mask=template)
    image = read_image('s3://sky/tiles/a_r.fits', layout=layout, bits=-1, remote=remote)
    assert image.meta['HDUMASK'].startswith('a_r_bad.fits')


def test_few_stamps_need_few_bytes(bucket, remote, application):
    application.sent = 0
    positions = [(100, 80), (500, 333)]
    uri = 's3://sky/tiles/a_r.fits'
    stamps = StampSet.from_image(uri, positions=positions, size=16, remote=remote)
    np.testing.assert_array_equal(stamps.pixels[0], SKY[72:88, 92:108])
    assert 0 < application.sent < SKY.nbytes / 5
    assert stamps.meta['provenance']['image'] == uri


@pytest.mark.parametrize('failure', ['busy', 'cut'])
def test_requests_are_repeated(bucket, remote, application, waits, failure):
    application.failures = [failure, failure]
    np.testing.assert_array_equal(read_image('s3://sky/tiles/a_r.fits', remote=remote).data, SKY)
    assert waits == [0.5, 1.0]


def test_in_the_end_an_error_names_the_file(bucket, remote, application, waits):
    application.failures = 100 * ['busy']
    try:
        with pytest.raises(
            RemoteFileError,
            match=r'^s3://sky/tiles/a_r.fits cannot be read: .*503.* \(tried 5 times\)\.$',
        ):
            read_image('s3://sky/tiles/a_r.fits', remote=remote)
    finally:
        application.failures = []
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize('name', ['sky/tiles/none.fits', 'none/a.fits'])
def test_missing_files(bucket, remote, waits, name):
    with pytest.raises(FileNotFoundError, match=f'^There is no file s3://{name}'):
        read_image(f's3://{name}', remote=remote)
    assert not waits


def test_public_files_need_no_credentials_and_others_do(bucket, endpoint):
    public = RemoteFiles(anonymous=True, storage_options={'endpoint_url': endpoint})
    bucket.copy('sky/tiles/a_r.fits', 'sky/public/a_r.fits', ACL='public-read')
    np.testing.assert_array_equal(read_image('s3://sky/public/a_r.fits', remote=public).data, SKY)
    with pytest.raises(RemoteFileError, match=r'access is refused \(403\) without credentials'):
        read_image('s3://sky/tiles/a_r.fits', remote=public)


def test_no_credentials():
    error = pytest.importorskip('botocore.exceptions').NoCredentialsError()
    assert failure_of(error).kind == 'refused'


def test_wrong_credentials(bucket, endpoint, application, waits, monkeypatch):
    monkeypatch.setattr('moto.core.responses.ActionAuthenticatorMixin.request_count', 0)
    monkeypatch.setattr('moto.settings.INITIAL_NO_AUTH_ACTION_COUNT', 0)
    options = {'endpoint_url': endpoint, 'key': 'AKIAWRONG', 'secret': 'a wrong secret'}
    with pytest.raises(RemoteFileError, match=r'access is refused \(403.*signed') as error:
        read_image('s3://sky/tiles/a_r.fits', remote=RemoteFiles(storage_options=options))
    assert 'AKIAWRONG' not in str(error.value)
    assert not waits


def test_a_catalog_is_read(bucket, remote, endpoint, tmp_path):
    pytest.importorskip('pyarrow')
    rng = np.random.default_rng(3)
    table = {'id': np.arange(600), 'ra': rng.uniform(10, 40, 600), 'dec': rng.uniform(-9, 9, 600)}
    folder = write_catalog(table, tmp_path / 'catalog', partition_rows=100)
    bucket.put(str(folder), 'sky/catalog', recursive=True)
    bucket.rm('sky/catalog/partition_info.csv')
    found = read_catalog('s3://sky/catalog', remote=remote)
    assert sorted(found['id']) == list(range(600))
    cone = SkyCone(20, 0, 2)
    found = read_catalog('s3://sky/catalog/', region=cone, remote=remote)
    assert len(found) == np.count_nonzero(cone.contains(table['ra'], table['dec']))
    public = RemoteFiles(anonymous=True, storage_options={'endpoint_url': endpoint})
    with pytest.raises(RemoteFileError, match=r'^s3://sky/catalog/.* access is refused \(403\)'):
        read_catalog('s3://sky/catalog', remote=public)
    with pytest.raises(FileNotFoundError, match=r'^There is no file s3://sky/none'):
        read_catalog('s3://sky/none', remote=remote)
