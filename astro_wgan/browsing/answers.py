"""What a server answers: JSON or bytes, progress where a result is not there yet, and sentences."""

import errno
import json

from astro_wgan.browsing.background_tasks import NotReadyError, TaskFailedError, UnavailableError
from astro_wgan.exceptions import DamagedFileError, JSONError, StampStoreError
from astro_wgan.files.error_text import one_line
from astro_wgan.files.json_text import parse_json

__all__ = ['answering', 'refused', 'writing']

_FULL = (errno.ENOSPC, errno.EDQUOT)


def answering(answer, view):
    """
    An endpoint of Starlette for reading.

    Parameters
    ----------
    answer : callable
        Gets ``view`` and the request, in a thread; returns what is sent as JSON, or bytes and
        the arguments of the response.
    view : `~astro_wgan.browsing.results_view.ResultsView`

    Returns
    -------
    callable
    """

    def endpoint(request):
        return _answered(view, request, lambda: answer(view, request))

    return endpoint


def writing(answer, view):
    """
    An endpoint of Starlette for writing: as `answering`, but ``answer`` gets the dictionary that
    the body holds.
    """
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request):
        body = await request.body()
        return await run_in_threadpool(
            _answered, view, request, lambda: answer(view, _parsed(body))
        )

    return endpoint


def refused(request, error):
    """The answer to an address or method that there is not, for Starlette."""
    what = f'{request.method} {request.url.path!r:.80}'
    return _json(
        {'error': f'There is no answer to {what}: {error.detail}.'},
        status_code=error.status_code,
        headers=_NOT_KEPT,
    )


def _answered(view, request, make):
    given = request.headers.get('x-results-version') or request.query_params.get('version')
    try:
        if given is not None and given != view.version:
            raise UnavailableError(
                'This page shows other results than those that are open now: reload it.'
            )
        return _response(make())
    except NotReadyError as error:
        return _json(
            {'waiting': error.what, 'done': error.done}, status_code=202, headers=_NOT_KEPT
        )
    except Exception as error:  # whatever happens, the page shows a sentence
        return _json({'error': one_line(error)}, status_code=_status(error), headers=_NOT_KEPT)


_NOT_KEPT = {'cache-control': 'no-store'}


def _response(made):
    from starlette.responses import Response

    if not isinstance(made, tuple):
        return _json(made, headers=_NOT_KEPT)
    content, options = made
    return Response(content, **{'headers': _NOT_KEPT, **options})


def _json(content, **options):
    from starlette.responses import Response

    # In ASCII: names of files may have bytes that are no UTF-8.
    text = json.dumps(content, allow_nan=False, separators=(',', ':'))
    return Response(text, media_type='application/json', **options)


def _parsed(body):
    try:
        return parse_json(body)
    except JSONError as error:
        raise ValueError(f'The body must be a dictionary in JSON: {error}.') from error


def _status(error):
    """The status of an error."""
    if isinstance(error, UnavailableError):
        return 409
    if type(error) is LookupError:
        return 404
    if isinstance(error, OSError) and error.errno in _FULL:
        return 507
    if isinstance(error, (OSError, TaskFailedError, DamagedFileError, StampStoreError)):
        return 503
    return 400 if isinstance(error, ValueError) else 500
