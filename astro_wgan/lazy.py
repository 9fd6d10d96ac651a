"""`lazy_names`: public names of a subpackage, imported when they are first asked for."""

import sys
from importlib import import_module

from astro_wgan.optional import explained_without_networks

__all__ = ['lazy_names']


def lazy_names(package, modules, *, subpackages=()):
    """
    What makes the names of a package lazy (PEP 562).

    Measuring sources requires no FITS reader, and cutting stamps no TensorFlow:
    importing a part of a package must not import the rest of it.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    modules : dict of str
        For each public name the module of the package that defines it; with a leading dot a
        module of `astro_wgan` outside of the package.
    subpackages : sequence of str, optional
        Packages inside this one that can be reached as its attributes too.

    Returns
    -------
    names : list of str
        For ``__all__``.
    getattr, dir : callable
        For ``__getattr__`` and ``__dir__``.

    Examples
    --------
    >>> from astro_wgan.lazy import lazy_names
    >>> names, get, _ = lazy_names('astro_wgan.stamps', {'StampSet': 'stampset'})
    >>> names, get('StampSet').__name__
    (['StampSet'], 'StampSet')
    """

    def get(name):
        if name in modules:
            with explained_without_networks(name):
                value = getattr(import_module(f'.{modules[name]}', package), name)
            # From now on it is found without a call.
            setattr(sys.modules[package], name, value)
            return value
        if name in subpackages:
            return import_module(f'{package}.{name}')
        raise AttributeError(f'module {package!r} has no attribute {name!r}')

    names = list(modules)
    return names, get, lambda: sorted({*names, *subpackages})
