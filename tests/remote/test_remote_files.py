"""Options of files at URIs: what is refused, and what file systems are given."""

import pytest

from astro_wgan.images import RemoteFiles, read_image
from astro_wgan.remote.filesystems import filesystem_of


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'read': 'all'}, "`read` must be 'sections' or 'whole'; got 'all'"),
        ({'block_size': 100}, '`block_size` must be a whole number, at least 2880; got 100'),
        ({'retries': -1}, '`retries` must be a whole number, at least 0; got -1'),
        ({'wait': float('nan')}, '`wait` must be a finite number; got nan'),
        ({'wait': -0.5}, '`wait` must be 0 s or more; got -0.5'),
        ({'timeout': 0}, '`timeout` must be above 0 s; got 0'),
        ({'anonymous': 'yes'}, "`anonymous` must be True or False; got 'yes'"),
        ({'storage_options': 'a secret'}, 'must be a dictionary, as of fsspec; got str'),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RemoteFiles(**options)


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match='`remote` must be a RemoteFiles, or None; got dict'):
        read_image([[1.0]], remote={'retries': 3})


def test_options_of_the_caller_come_first():
    pytest.importorskip('aiohttp')
    given = {'headers': {'Authorization': 'token'}, 'client_kwargs': {'trust_env': True}}
    remote = RemoteFiles(timeout=7, storage_options=given)
    filesystem, path = filesystem_of('https://host/a.fits', remote)
    assert path == 'https://host/a.fits'
    headers = filesystem.kwargs['headers']
    assert headers == {'Accept-Encoding': 'identity', 'Authorization': 'token'}
    assert filesystem.client_kwargs['trust_env']
    assert filesystem.client_kwargs['timeout'].sock_read == 7


def test_buckets_are_read_with_or_without_credentials():
    pytest.importorskip('s3fs')
    for anonymous in (True, False):
        filesystem, path = filesystem_of('s3://bucket/a.fits', RemoteFiles(anonymous=anonymous))
        assert (path, filesystem.anon, filesystem.retries) == ('bucket/a.fits', anonymous, 1)
