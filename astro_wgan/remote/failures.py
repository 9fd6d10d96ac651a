"""What is wrong with a request that failed, whatever package raised the error."""

from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead

__all__ = ['Failure', 'failure_of']

#: Statuses after which a request is repeated, besides those of the server (500 and above).
_TRANSIENT = (408, 425, 429)
_MISSING = (404, 410)
_REFUSED = (401, 403, 407)

#: Errors of optional packages by their names, since these need not be installed.
_OTHERS = {
    'aiohttp': {
        'ClientConnectorCertificateError': 'certificate',
        'ClientConnectorSSLError': 'certificate',
        'ServerTimeoutError': 'timeout',
        'ClientConnectorError': 'unreachable',
        'ClientConnectionError': 'cut',
        'ClientPayloadError': 'cut',
        # Such as too many redirections, or an address that cannot be one.
        'ClientError': 'other',
    },
    'botocore': {
        'NoCredentialsError': 'refused',
        'PartialCredentialsError': 'refused',
        'ProfileNotFound': 'refused',
        'SSLError': 'certificate',
        'ConnectTimeoutError': 'timeout',
        'ReadTimeoutError': 'timeout',
        'EndpointConnectionError': 'unreachable',
        'ConnectionError': 'cut',
        'HTTPClientError': 'cut',
        'ResponseParserError': 'cut',
    },
    'fsspec': {'FSTimeoutError': 'timeout'},
}
_OTHERS['aiobotocore'] = _OTHERS['botocore']

_REPEATED = ('timeout', 'unreachable', 'cut', 'range', 'server')


@dataclass(frozen=True)
class Failure:
    """
    What is wrong with a request.

    Attributes
    ----------
    kind : str
        'missing', 'refused', 'certificate', 'timeout', 'unreachable', 'cut', 'range', 'server' or
        'other'.
    detail : str
        Status and code of the answer, or the class of the error; never its text, which may hold
        the address with its signature.
    """

    kind: str
    detail: str = ''

    @property
    def is_transient(self):
        """Whether the same request may succeed a little later."""
        return self.kind in _REPEATED

    def words(self, timeout):
        """It as part of a sentence."""
        return {
            'certificate': 'its certificate is not valid',
            'timeout': f'there is no answer within {timeout:g} s',
            'unreachable': 'the server cannot be reached',
            'cut': 'the connection was cut',
            'range': 'the server sent another part of the file than was asked for',
            'server': f'the server answered {self.detail}',
        }.get(self.kind, f'the request failed ({self.detail})')


def failure_of(error):
    """
    What is wrong, from an error of fsspec, of a package that it uses, or of Python.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    Failure
    """
    # Fsspec raises FileNotFoundError for whatever happens when it asks for the size of a file.
    chain = list(_chain(error))
    for each in chain:
        status, code = _answer(each)
        if status is not None:
            return _of_status(status, code)
    for each in reversed(chain):
        kind = _kind_by_type(each)
        # As above: an option that the package does not know, or a port that is no number.
        if kind == 'missing' and isinstance(chain[-1], (TypeError, ValueError)):
            break
        if kind is not None:
            return Failure(kind, type(each).__name__)
    return Failure('other', type(chain[-1]).__name__)


def _chain(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _answer(error):
    """Status of the answer of a server that an error holds, and a code such as 'AccessDenied'."""
    response = getattr(error, 'response', None)
    if isinstance(response, dict):
        code = response.get('Error', {}).get('Code', '')
        status = response.get('ResponseMetadata', {}).get('HTTPStatusCode')
        return status, '' if str(code).isdigit() else code
    # The `code` of errors of aiohttp is none that a server sent.
    names = ('status',) if _package(type(error)) == 'aiohttp' else ('status', 'code')
    for name in names:
        status = getattr(error, name, None)
        if isinstance(status, int) and 100 <= status < 600:
            return status, ''
    return None, ''


def _of_status(status, code):
    detail = f'{status} {code}'.rstrip()
    if status in _MISSING:
        return Failure('missing', detail)
    if status in _REFUSED:
        return Failure('refused', detail)
    is_transient = status >= 500 or status in _TRANSIENT or code in ('SlowDown', 'RequestTimeout')
    return Failure('server' if is_transient else 'other', f'status {detail}')


def _kind_by_type(error):
    for kind in type(error).__mro__:
        known = _OTHERS.get(_package(kind), {})
        if kind.__name__ in known:
            return known[kind.__name__]
    for types, kind in (
        (FileNotFoundError, 'missing'),
        (PermissionError, 'refused'),
        (TimeoutError, 'timeout'),
        (ConnectionRefusedError, 'unreachable'),
        ((ConnectionError, IncompleteRead, HTTPException, EOFError), 'cut'),
    ):
        if isinstance(error, types):
            return kind
    return None


def _package(kind):
    """The package of a class."""
    return kind.__module__.partition('.')[0]
