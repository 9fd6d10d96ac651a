"""What every result carries: which versions made it, when, and from which configuration."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

__all__ = ['provenance_record', 'versions']

_PACKAGES = ('astro_wgan', 'numpy', 'astropy', 'sep', 'zarr', 'keras')


def versions(*further):
    """
    Versions of Python and of the packages that results depend on, as a dictionary.

    Packages are looked up, not imported, so that this needs no TensorFlow.

    Parameters
    ----------
    *further : str
        Names of packages beside those on which all results depend.

    Returns
    -------
    dict
        Without those that are not installed.
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
        Names of packages that made the result, beside those on which all results depend.
    **configuration
        Plain values (numbers, text, lists, dictionaries) that make the result reproducible.

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


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
