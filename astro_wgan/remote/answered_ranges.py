"""`check_answered_range`: whether an answer by HTTP is the part of a file that was asked for."""

import re

from astro_wgan.remote.retries import OtherRangeError

__all__ = ['check_answered_range']

#: Statuses of an answer that is all of a file, and a part of it.
_WHOLE, _PARTIAL = 200, 206

_ASKED = re.compile(r'bytes=(\d+)-(\d+)')
_ANSWERED = re.compile(r'bytes (\d+)-(\d+)/(\d+|\*)')


async def check_answered_range(response):
    """
    Refuse an answer with another part of a file than was asked for, before its content is read.

    Parameters
    ----------
    response : `aiohttp.ClientResponse`
        Of servers that send all of a file, the length is left to judge.

    Raises
    ------
    OtherRangeError
        If its headers (RFC 9110, section 14.4) state another part, none, or another length.
    """
    asked = _ASKED.fullmatch(response.request_info.headers.get('Range', ''))
    if asked is None or response.status not in (_WHOLE, _PARTIAL):
        return
    first, last = int(asked[1]), int(asked[2])
    length = response.headers.get('Content-Length')
    if response.status == _WHOLE:
        # Such as of a file that is shorter by now: as long as the part, and not the part.
        if first > 0 and length == str(last + 1 - first):
            raise OtherRangeError
        return
    answered = _ANSWERED.fullmatch(response.headers.get('Content-Range', '').strip())
    if answered is None:
        raise OtherRangeError
    if answered[3] != '*':
        last = min(last, int(answered[3]) - 1)
    if (int(answered[1]), int(answered[2])) != (first, last):
        raise OtherRangeError
    if length not in (None, str(last + 1 - first)):
        raise OtherRangeError
