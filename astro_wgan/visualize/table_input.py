"""What figures read of tables: columns as plain numbers, scores by population, thresholds."""

from collections.abc import Mapping

import numpy as np
from astropy import units as u
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.evaluate.score_inputs import score_array
from astro_wgan.gallery.summary import recorded_thresholds

__all__ = [
    'as_populations',
    'axis_label',
    'check_table',
    'in_order',
    'numbers',
    'scores_of',
    'thresholds_of',
]


def check_table(table, names, what):
    """Complain of what is not a table, has no rows, or lacks columns."""
    if not isinstance(table, Table):
        raise TypeError(f'{what} must be a table; got {type(table).__name__}.')
    missing = [name for name in names if name not in table.colnames]
    if missing:
        raise ValueError(f'{what} lacks the columns {missing}; it has {table.colnames}.')
    if not len(table):
        raise ValueError(f'{what} must have at least one row; it is empty.')


def numbers(column, what, *, unit=None):
    """A column as floats in a unit, by default its own; NaN where masked."""
    if isinstance(column, u.Quantity) and unit is not None:
        column = column.to(unit)
    values = numbers_or_nan(column)
    if values.ndim != 1 or values.dtype.kind not in 'biuf':
        raise ValueError(
            f'{what} must hold one number per row; got shape {values.shape}, dtype {values.dtype}.'
        )
    return values.astype(float)


def in_order(column):
    """The different words of a column, in the order of their first rows."""
    return [*dict.fromkeys(str(word) for word in column)]


def as_populations(given, what):
    """What was given for each population by its name; one without a name is ``''``."""
    if not isinstance(given, Mapping):
        return {'': given}
    if not given:
        raise ValueError(f'{what} must hold at least one population; it is empty.')
    return {str(name): part for name, part in given.items()}


def scores_of(given, what):
    """Scores, NaN where there is none; at least one must be known."""
    # Minus infinity stands for no score, too, as in a calibration.
    scores = score_array(given, what).astype(float)
    scores[np.isneginf(scores)] = np.nan
    if np.isnan(scores).all():
        raise ValueError(f'{what} must hold at least one score; got {len(scores)} others.')
    return scores


def thresholds_of(given, thresholds):
    """
    Thresholds by what they are called, from the lowest; those that are not finite are left out.

    Parameters
    ----------
    given : iterable
        Score tables, or whatever else was given in their place.
    thresholds : mapping or None
        Score by percentile or name. None: those that all of the tables have, from held-out normals.
    """
    if thresholds is None:
        known = [recorded_thresholds(t).get('held-out') for t in given if isinstance(t, Table)]
        thresholds = known[0] if known and all(k and k == known[0] for k in known) else {}
    elif not isinstance(thresholds, Mapping):
        raise TypeError(
            '`thresholds` must be a mapping of scores by percentile, such as {90: 1.5}; '
            f'got {type(thresholds).__name__}.'
        )
    finite = {_percentile_name(k): float(t) for k, t in thresholds.items() if np.isfinite(t)}
    return dict(sorted(finite.items(), key=lambda item: item[1]))


def axis_label(name, unit=None):
    """A column's name for people, with its unit."""
    name = name.replace('_', ' ')
    unit = u.Unit(unit or u.dimensionless_unscaled)
    if unit == u.dimensionless_unscaled:
        return name
    return f'{name} ({unit.to_string("unicode")})'.strip()


def _percentile_name(percentile):
    try:
        return f'{float(percentile):g} %'
    except ValueError:
        return str(percentile)
