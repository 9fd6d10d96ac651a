"""What is wrong with a request, from errors of several packages."""

import errno
from http.client import IncompleteRead

import pytest

from astro_wgan.remote.failures import Failure, failure_of


class BotoError(Exception):
    def __init__(self, status, code=''):
        super().__init__('of botocore')
        metadata = {'HTTPStatusCode': status}
        self.response = {'Error': {'Code': code}, 'ResponseMetadata': metadata}


class StatusError(Exception):
    def __init__(self, status):
        super().__init__('of aiohttp')
        self.status = status


class CodeError(Exception):
    def __init__(self, code):
        super().__init__('of gcsfs')
        self.code = code


def because_of(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ('error', 'kind', 'is_transient'),
    [
        (FileNotFoundError('a'), 'missing', False),
        (because_of(FileNotFoundError('a'), StatusError(404)), 'missing', False),
        # Fsspec says so of whatever happens when it asks for the size of a file.
        (because_of(FileNotFoundError('a'), StatusError(503)), 'server', True),
        (because_of(FileNotFoundError('a'), ConnectionRefusedError()), 'unreachable', True),
        (because_of(FileNotFoundError('a'), StatusError(403)), 'refused', False),
        (because_of(FileNotFoundError('a'), TypeError('an option')), 'other', False),
        (because_of(FileNotFoundError('a'), ValueError('a port')), 'other', False),
        (because_of(FileNotFoundError('a'), KeyError('a')), 'missing', False),
        (because_of(ConnectionResetError(), ValueError('an answer')), 'cut', True),
        (PermissionError('a'), 'refused', False),
        (because_of(PermissionError('a'), BotoError(403, 'AccessDenied')), 'refused', False),
        (because_of(OSError(errno.EBUSY, 'a'), BotoError(503, 'SlowDown')), 'server', True),
        (because_of(OSError(errno.EIO, 'a'), BotoError(301, 'PermanentRedirect')), 'other', False),
        (CodeError(429), 'server', True),
        (CodeError(12), 'other', False),
        (TimeoutError(), 'timeout', True),
        (ConnectionResetError(), 'cut', True),
        (IncompleteRead(b'', 9), 'cut', True),
        (KeyError('a'), 'other', False),
    ],
)
def test_errors(error, kind, is_transient):
    failure = failure_of(error)
    assert (failure.kind, failure.is_transient) == (kind, is_transient)


@pytest.mark.parametrize(
    ('failure', 'words'),
    [
        (Failure('timeout'), 'there is no answer within 2.5 s'),
        (failure_of(BotoError(503, 'SlowDown')), 'the server answered status 503 SlowDown'),
        (failure_of(BotoError(400, '400')), 'the request failed (status 400)'),
        (failure_of(KeyError('signature')), 'the request failed (KeyError)'),
    ],
)
def test_words(failure, words):
    assert failure.words(2.5) == words
