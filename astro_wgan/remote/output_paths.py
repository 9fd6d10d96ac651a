"""`output_path`: the path of this machine at which results are written."""

import os
from pathlib import Path

from astro_wgan.remote.uris import is_uri, shown

__all__ = ['output_path']


def output_path(output, name='output'):
    """
    The path of a file or folder to write.

    Parameters
    ----------
    output : path-like
        Argument of a caller.
    name : str, optional
        Its name, for errors.

    Returns
    -------
    `~pathlib.Path`

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If it is an empty text, or a URI: what is written is replaced by renaming, and locked.

    Examples
    --------
    >>> from astro_wgan.remote.output_paths import output_path
    >>> output_path('results/survey').name
    'survey'
    """
    if not isinstance(output, (str, os.PathLike)):
        raise TypeError(f'`{name}` must be a path; got {type(output).__name__}.')
    text = os.fsdecode(output)
    if not text:
        raise ValueError(f'`{name}` must be a path; got an empty text.')
    if is_uri(text):
        raise ValueError(
            f'`{name}` must be a path of this machine; got the URI {shown(text)}. Write to a disk '
            'first, and copy it from there.'
        )
    return Path(text)
