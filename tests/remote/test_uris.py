"""URIs: which texts are some, and what of them may be shown."""

from pathlib import Path

import pytest

from astro_wgan.remote.remote_path import RemotePath, path_of
from astro_wgan.remote.uris import has_own_query, is_uri, local_path, name_of, shown


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('s3://b/a.fits', True),
        (b'HTTPS://h/a.fits', True),
        ('simplecache::s3://b/a.fits', True),
        ('zip://a.fits::https://h/b.zip', True),
        ('a.fits', False),
        ('folder//a.fits', False),
        ('C://a.fits', False),
        ('a::b.fits', False),
        (Path('s3://b/a.fits'), False),
        (3, False),
    ],
)
def test_is_uri(source, expected):
    assert is_uri(source) == expected


@pytest.mark.parametrize(
    ('uri', 'expected', 'name'),
    [
        ('https://u:p@h:80/t/a%20b.fits?s=x@y/z#f', 'https://h:80/t/a%20b.fits', 'a b.fits'),
        ('s3://b/t/a%20b.fits?versionId=3', 's3://b/t/a%20b.fits', 'a%20b.fits'),
        ('zip://a.fits::https://u@h/b.zip?s=1', 'zip://a.fits::https://h/b.zip', 'a.fits'),
        ('simplecache::s3://b/a.fits', 'simplecache::s3://b/a.fits', 'a.fits'),
        ('t/a?.fits', 't/a?.fits', 'a?.fits'),
    ],
)
def test_what_is_shown(uri, expected, name):
    assert shown(uri) == expected
    assert name_of(uri) == name


def test_paths_of_uris():
    path = path_of('https://u:p@h/t/a%20b.tar.fits')
    assert str(path) == 'https://h/t/a%20b.tar.fits'
    assert (path.name, path.stem, path.parts[-2:]) == (
        'a b.tar.fits',
        'a b.tar',
        ('t', 'a b.tar.fits'),
    )
    assert (path.parent / 'c d.fits').uri == 'https://u:p@h/t/c%20d.fits'
    assert 'p@' not in repr(path)
    assert path.has_siblings
    assert has_own_query('https://h/a?b')
    assert not has_own_query('s3://h/a?b')
    assert not RemotePath('simplecache::s3://b/a.fits').has_siblings
    assert path_of('file:///t/a%20b.fits') == Path('/t/a b.fits')
    assert local_path('file://localhost/t/a.fits') == '/t/a.fits'
    assert path_of('t/a.fits') == Path('t/a.fits')
