"""Comparison of sets of stamps."""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, QTable
from astropy.table.serialize import represent_mixins_as_columns

from astro_wgan.catalogs.table_codec import MIXINS, mixin_text
from astro_wgan.validation.masked import without_mask

__all__ = ['differing_attributes', 'same_sets']


def same_sets(first, second):
    """
    Whether two sets are equal; see the notes of `~astro_wgan.StampSet`.

    Parameters
    ----------
    first, second : `~astro_wgan.StampSet`

    Returns
    -------
    bool
    """
    return next(differing_attributes(first, second), None) is None


def differing_attributes(first, second):
    """
    Names of the attributes that two sets differ in.

    Parameters
    ----------
    first, second : `~astro_wgan.StampSet`

    Yields
    ------
    str
    """
    if first.unit != second.unit:
        yield 'unit'
    if not _same_scale(first.pixel_scale, second.pixel_scale):
        yield 'pixel_scale'
    if not _same_arrays(first.pixels, second.pixels):
        yield 'pixels'
    if not _same_arrays(first.uncertainty, second.uncertainty):
        yield 'uncertainty'
    if not _same_masks(first, second):
        yield 'mask'
    if not _same_arrays(first.psf, second.psf):
        yield 'psf'
    if first.bands != second.bands:
        yield 'bands'
    if not _same_geometry(first.geometry, second.geometry):
        yield 'wcs'
    if not _same_tables(first.table, second.table):
        yield 'table'


def _same_scale(first, second):
    if first is None or second is None:
        return first is second
    return bool(first == second)


def _same_arrays(first, second):
    if first is None or second is None:
        return first is second
    return first is second or _same_values(first, second)


def _same_masks(first, second):
    if first.mask is second.mask:
        return True
    return np.array_equal(first.valid, second.valid)


def _same_values(first, second):
    """As `numpy.array_equal` with NaN equal to NaN, of arrays of any dtype."""
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        return False
    numbers = all(array.dtype.kind in 'fc' for array in (first, second))
    return bool(np.array_equal(first, second, equal_nan=numbers))


def _same_geometry(first, second):
    if first is second:
        return True
    if len(first) != len(second) or not np.array_equal(first.corner, second.corner):
        return False
    if not np.array_equal(first.steps, second.steps):
        return False
    pairs = np.unique(np.stack([first.parent, second.parent], axis=1), axis=0)
    return all(_same_parents(first.parents[a], second.parents[b]) for a, b in pairs)


def _same_parents(first, second):
    if first is second:
        return True
    if tuple(first.shape) != tuple(second.shape) or first.pixel_scale != second.pixel_scale:
        return False
    return _same_wcs(first.wcs, second.wcs)


def _same_wcs(first, second):
    if first is None or second is None or first is second:
        return first is second
    # A header has all but distortions that are given as tables.
    headers = (wcs.to_header(relax=True).tostring() for wcs in (first, second))
    if len(set(headers)) > 1:
        return False
    names = ('cpdis1', 'cpdis2', 'det2im1', 'det2im2')
    return all(_same_lookup(getattr(first, name), getattr(second, name)) for name in names)


def _same_lookup(first, second):
    if first is None or second is None:
        return first is second
    return all(
        _same_values(getattr(first, name), getattr(second, name))
        for name in ('crpix', 'crval', 'cdelt', 'data')
    )


def _same_tables(first, second):
    if set(first.colnames) != set(second.colnames):
        return False
    return all(_same_columns(first[name], second[name]) for name in first.colnames)


def _same_columns(first, second):
    if first is second:
        return True
    if isinstance(first, (Column, u.Quantity)) and isinstance(second, (Column, u.Quantity)):
        return first.unit == second.unit and _same_column_values(first, second)
    if isinstance(first, SkyCoord) and isinstance(second, SkyCoord):
        return first.is_equivalent_frame(second) and _same_representations(first.data, second.data)
    # A Time or the like: by the columns that it can be written as, and what it is.
    first, second = (represent_mixins_as_columns(QTable({'c': c})) for c in (first, second))
    if first.colnames != second.colnames:
        return False
    kinds = {mixin_text(table.meta[MIXINS]['c']) for table in (first, second)}
    if len(kinds) > 1:
        return False
    return all(_same_column_values(first[name], second[name]) for name in first.colnames)


def _same_representations(first, second):
    """Of SkyCoord: angles, distances and, where there are any, velocities."""
    if type(first) is not type(second):
        return False
    for name in first.components:
        one, other = getattr(first, name), getattr(second, name)
        if not one.unit.is_equivalent(other.unit) or not _same_column_values(
            one, other.to(one.unit)
        ):
            return False
    velocities = [getattr(data, 'differentials', {}) for data in (first, second)]
    return velocities[0].keys() == velocities[1].keys() and all(
        _same_representations(velocities[0][key], velocities[1][key]) for key in velocities[0]
    )


def _same_column_values(first, second):
    (first, hidden), (second, other) = without_mask(first), without_mask(second)
    if (hidden is None) != (other is None) or np.shape(first) != np.shape(second):
        return False
    first, second = (np.asarray(getattr(values, 'value', values)) for values in (first, second))
    if hidden is None:
        return _same_values(first, second)
    # What lies under a mask of a table is not a value.
    return np.array_equal(hidden, other) and _same_values(first[~hidden], second[~hidden])
