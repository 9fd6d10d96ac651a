"""Numbers of configurations and arguments: whole ones, and finite ones."""

from math import isfinite
from numbers import Integral, Real

__all__ = ['check_finite_numbers', 'check_whole_number', 'check_whole_numbers']


def check_whole_numbers(config, lowest, *, optional=()):
    """
    Refuse values of a configuration that are no whole numbers, or too low.

    Parameters
    ----------
    config : object
        With the values as attributes.
    lowest : dict of int
        By the name of a value the lowest that is allowed.
    optional : sequence of str
        Names of values that may be None.

    Raises
    ------
    ValueError
        With the name of the value, and what is allowed.

    """
    for name, least in lowest.items():
        check_whole_number(name, getattr(config, name), least, optional=name in optional)


def check_whole_number(name, value, lowest, *, optional=False):
    """
    Refuse the value of an argument if it is no whole number, or too low.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
    lowest : int
        Lowest value that is allowed.
    optional : bool
        Whether it may be None.

    Raises
    ------
    ValueError
        With the name of the argument, and what is allowed.

    Examples
    --------
    >>> from astro_wgan.validation.config_numbers import check_whole_number
    >>> check_whole_number('steps', 2.5, 1)
    Traceback (most recent call last):
    ...
    ValueError: `steps` must be a whole number, at least 1; got 2.5.
    """
    if value is None and optional:
        return
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or value < lowest:
        none = ', or None' if optional else ''
        raise ValueError(
            f'`{name}` must be a whole number, at least {lowest}{none}; got {value!r}.'
        )


def check_finite_numbers(config, names, *, optional=()):
    """
    Refuse values of a configuration that are no finite numbers.

    Parameters
    ----------
    config : object
        With the values as attributes.
    names : sequence of str
    optional : sequence of str
        Names of values that may be None.

    Raises
    ------
    ValueError
        With the name of the value.
    """
    for name in (*names, *optional):
        value = getattr(config, name)
        if value is None and name in optional:
            continue
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not isfinite(value):
            none = ', or None' if name in optional else ''
            raise ValueError(f'`{name}` must be a finite number{none}; got {value!r}.')
