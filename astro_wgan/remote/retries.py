"""`Retries`: requests that are repeated with growing waits, and the error after the last."""

from dataclasses import dataclass
from time import sleep

from astro_wgan.exceptions import RemoteFileError
from astro_wgan.remote.failures import Failure, failure_of
from astro_wgan.remote.remote_files import RemoteFiles

__all__ = ['OtherRangeError', 'Retries', 'ShortAnswerError', 'WrongAnswerError']

#: Longest wait before a repetition, in seconds.
_LONGEST = 60.0


class WrongAnswerError(Exception):
    """An answer that is not what was asked for."""

    failure = Failure('other')


class ShortAnswerError(WrongAnswerError):
    """An answer that ended before the last byte that was asked for."""

    failure = Failure('cut')


class OtherRangeError(WrongAnswerError):
    """An answer with another part of the file than was asked for."""

    failure = Failure('range')


@dataclass(frozen=True)
class Retries:
    """
    Requests for a file at a URI, which are repeated if that may help.

    Parameters
    ----------
    where : str
        The URI as it may be shown.
    options : `~astro_wgan.images.RemoteFiles`
    """

    where: str
    options: RemoteFiles

    def call(self, request):
        """
        The result of a request.

        Parameters
        ----------
        request : callable
            Without arguments.

        Returns
        -------
        object
            What it returns.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        astro_wgan.exceptions.RemoteFileError
            If access is refused, or the last repetition fails, too.
        """

        def once(_):
            try:
                return [request()]
            except Exception as error:  # every package has its own
                return [error]

        return self.all([None], once)[0]

    def all(self, requests, run):
        """
        The results of several requests at once, of which those that fail are repeated.

        Parameters
        ----------
        requests : list
        run : callable
            Returns for a list of requests a list of results, or of exceptions.

        Returns
        -------
        list

        Raises
        ------
        FileNotFoundError, astro_wgan.exceptions.RemoteFileError
            As of `call`.
        """
        results, left = [None] * len(requests), list(range(len(requests)))
        for attempt in range(self.options.retries + 1):
            if attempt:
                sleep(min(_LONGEST, self.options.wait * 2 ** (attempt - 1)))
            failed, failure = [], None
            found = run([requests[k] for k in left])
            for k, result in zip(left, found, strict=True):
                if not isinstance(result, Exception):
                    results[k] = result
                    continue
                failure = _failure(result)
                if not failure.is_transient:
                    # Without its cause, the text of which may hold a signature.
                    raise self._error(failure, attempt + 1) from None
                failed.append(k)
            left = failed
            if not left:
                return results
        raise self._error(failure, attempt + 1) from None

    def _error(self, failure, tried):
        where, timeout = self.where, self.options.timeout
        if failure.kind == 'missing':
            return FileNotFoundError(f'There is no file {where}.')
        if failure.kind == 'refused':
            error = RemoteFileError(f'{where} cannot be read: {self._advice(failure)}')
            error.is_refused = True
            return error
        times = f'tried {tried} times' if tried > 1 else 'tried once'
        return RemoteFileError(f'{where} cannot be read: {failure.words(timeout)} ({times}).')

    def _advice(self, failure):
        said = f'access is refused ({failure.detail})'
        if self.options.anonymous:
            return f'{said} without credentials. Give some, and not `anonymous`.'
        return (
            f'{said}. The credentials are missing or wrong, do not allow it, or have expired, as '
            'those of signed addresses do. Credentials come from the environment or from '
            '`storage_options`; public buckets need RemoteFiles(anonymous=True), or --anonymous.'
        )


def _failure(error):
    return error.failure if isinstance(error, WrongAnswerError) else failure_of(error)
