"""Provenance of results: versions of packages, date and configuration."""

import functools
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ['provenance_record', 'versions']

_PACKAGES = ('astro_wgan', 'numpy', 'astropy', 'sep', 'zarr', 'keras')


def versions(*further):
    """
    Versions of Python and of the packages that results depend on.

    Packages are looked up without importing them.

    Parameters
    ----------
    *further : str
        Names of further packages.

    Returns
    -------
    dict
        Version by name, without packages that are not installed.
    """
    found = {'python': platform.python_version()}
    for name in (*_PACKAGES, *further):
        found[name] = _version(name)
    found['tensorflow'] = _version('tensorflow') or _version('tensorflow-cpu')
    return {name: number for name, number in found.items() if number is not None}


def provenance_record(*further, **configuration):
    """
    A provenance record: versions, date and the given configuration.

    Parameters
    ----------
    *further : str
        Names of further packages that were used.
    **configuration
        Plain values (numbers, text, lists, dictionaries) needed to reproduce the result.

    Returns
    -------
    dict

    Examples
    --------
    >>> from astro_wgan.jobs.provenance import provenance_record
    >>> sorted(provenance_record(seed=1))
    ['date', 'seed', 'versions']
    """
    date = datetime.now(UTC).isoformat(timespec='seconds')
    return {**configuration, 'versions': versions(*further), 'date': date}


# The versions do not change while a process runs, and each takes a millisecond to read.
@functools.cache
def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
