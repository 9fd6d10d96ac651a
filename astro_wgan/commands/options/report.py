"""`Report`: what a command says once it is done, as text or as JSON."""

from dataclasses import dataclass, field
from math import isfinite

from astro_wgan.commands.options.exit_codes import ExitCode

__all__ = ['Report', 'plain_value']


@dataclass(frozen=True)
class Report:
    """
    What a command says once it is done.

    Parameters
    ----------
    summary : dict
        Plain values, which ``--json`` writes.
    lines : sequence of str
        The same for people; not with ``--quiet``.
    answer : sequence of str
        Lines that are what the command was asked for, which ``--quiet`` does not hide.
    code : ExitCode

    Examples
    --------
    >>> from astro_wgan.commands.options.report import Report
    >>> Report({'stamps': 3}, lines=['3 stamps.']).code
    <ExitCode.DONE: 0>
    """

    summary: dict = field(default_factory=dict)
    lines: tuple = ()
    answer: tuple = ()
    code: ExitCode = ExitCode.DONE


def plain_value(value):
    """
    A value of a table as one of JSON: null for what is masked or not finite.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool, int, float, str or None

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.commands.options.report import plain_value
    >>> plain_value(np.float32(0.5)), plain_value(np.nan), plain_value(np.ma.masked)
    (0.5, None, None)
    """
    # Not at the top, which the list of commands would wait for.
    import numpy as np

    if value is np.ma.masked:
        return None
    value = getattr(value, 'value', value)
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not isfinite(value) else value
