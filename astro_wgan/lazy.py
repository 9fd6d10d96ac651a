"""`lazy_names`: public names of a room, imported when they are first asked for."""

import sys
from importlib import import_module

__all__ = ['lazy_names']


def lazy_names(room, where, *, rooms=()):
    """
    What makes the names of a package lazy (PEP 562).

    A process that measures sources needs no FITS reader, and whoever cuts stamps no TensorFlow:
    importing a part of a package must not import the rest of it.

    Parameters
    ----------
    room : str
        ``__name__`` of the package.
    where : dict of str
        For each public name the module of the package that defines it; with a leading dot a
        module beside the package.
    rooms : sequence of str, optional
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
    >>> names, get, _ = lazy_names('astro_wgan.stamps', {'Detection': 'detection'})
    >>> names, get('Detection').__name__
    (['Detection'], 'Detection')
    """

    def get(name):
        if name in where:
            value = getattr(import_module(f'.{where[name]}', room), name)
            # From now on it is found without a call.
            setattr(sys.modules[room], name, value)
            return value
        if name in rooms:
            return import_module(f'{room}.{name}')
        raise AttributeError(f'module {room!r} has no attribute {name!r}')

    names = list(where)
    return names, get, lambda: sorted({*names, *rooms})
