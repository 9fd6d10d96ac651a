"""Whether the pixels of several bands can be joined, and whether two bands are the same."""

import warnings
from collections.abc import Mapping

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

__all__ = [
    'check_bands_are_named',
    'check_uncertainties_of_bands',
    'check_units_of_bands',
    'warn_of_equal_bands',
]


def check_bands_are_named(values, name, what):
    """
    Make sure that there is a value for each band.

    Parameters
    ----------
    values : dict
    name : str
        Name of the argument.
    what : str
        What each value is.

    Raises
    ------
    TypeError
        If it is no dictionary.
    ValueError
        If it is empty.
    """
    if not isinstance(values, Mapping):
        raise TypeError(
            f"`{name}` must be a dictionary of {what} for each band, such as {{'g': ..., 'r': "
            f'...}}; got {values!r:.100}.'
        )
    if not values:
        raise ValueError(f'`{name}` must hold at least one band; got none.')


def check_uncertainties_of_bands(has_uncertainty, bands):
    """
    Make sure that the uncertainty of all bands is known, or that of none.

    Parameters
    ----------
    has_uncertainty : list of bool
    bands : sequence of `~astro_wgan.stamps.Band` or str

    Raises
    ------
    ValueError
        If only that of some is.
    """
    if all(has_uncertainty) or not any(has_uncertainty):
        return
    with_it, without = (
        ', '.join(_name(band) for band, has in zip(bands, has_uncertainty, strict=True) if has == h)
        for h in (True, False)
    )
    raise ValueError(
        f'Either all bands must have an uncertainty or none; {with_it} has one, {without} has none.'
    )


def check_units_of_bands(units, bands):
    """
    Make sure that the pixels of all bands can be converted to the unit of the first.

    Parameters
    ----------
    units : list of unit or None
    bands : sequence of `~astro_wgan.stamps.Band` or str

    Raises
    ------
    astropy.units.UnitConversionError
        If they cannot.
    """
    first = units[0] or u.dimensionless_unscaled
    for unit, band in zip(units, bands, strict=True):
        if not first.is_equivalent(unit or u.dimensionless_unscaled):
            raise u.UnitConversionError(
                f'Units of all bands must be convertible; got {_named_unit(units[0])} in '
                f'{_name(bands[0])} and {_named_unit(unit)} in {_name(band)}.'
            )


def _named_unit(unit):
    return 'none' if unit in (None, u.dimensionless_unscaled) else unit


def _name(band):
    return getattr(band, 'name', band)


def warn_of_equal_bands(bands, pixels, mask, *, stacklevel=4):
    """
    Warn if two bands have the same pixels.

    Parameters
    ----------
    bands : sequence of `~astro_wgan.stamps.Band`
    pixels : `~numpy.ndarray`, shape (n, ny, nx, bands)
    mask : `~numpy.ndarray` of bool, or None
        Of the same shape, or without the axis of bands.
    stacklevel : int, optional
        As in `warnings.warn`.

    Warns
    -----
    AstropyUserWarning
        For each such pair.
    """
    if mask is not None and mask.ndim < pixels.ndim:
        mask = np.broadcast_to(mask[..., np.newaxis], pixels.shape)
    for k, first in enumerate(bands):
        for j in range(k + 1, len(bands)):
            if _are_equal(pixels, mask, k, j):
                warnings.warn(
                    f'Bands {first.name} and {bands[j].name} have the same pixels, as those of '
                    'gray pictures that are stored in color: one of them adds nothing.',
                    AstropyUserWarning,
                    stacklevel=stacklevel,
                )


def _are_equal(pixels, mask, first, other):
    """Whether two bands have the same valid pixels; most differ in the first stamps already."""
    step, start, any_valid = 2, 0, False
    while start < len(pixels):
        rows = slice(start, start + step)
        both = np.ones(pixels[rows].shape[:-1], dtype=bool)
        if mask is not None:
            both = ~(mask[rows, ..., first] | mask[rows, ..., other])
        if not np.array_equal(pixels[rows, ..., first][both], pixels[rows, ..., other][both]):
            return False
        any_valid = any_valid or both.any()
        start, step = start + step, 64
    return any_valid
