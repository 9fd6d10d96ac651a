"""Features of objects, from tables and arrays with a row for each object."""

from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.utils.masked import Masked

from astro_wgan.catalogs.columns import check_ids, numbers_or_nan
from astro_wgan.catalogs.qtable import table_of
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['CAS_GINI_M20', 'Features', 'read_features', 'score_table']

#: Columns of `~astro_wgan.morphology.measure_morphology` that the paper uses for k-means.
CAS_GINI_M20 = ('concentration', 'asymmetry', 'smoothness', 'gini', 'm20')


class Features(NamedTuple):
    """
    Features of some objects.

    Attributes
    ----------
    ids : `~numpy.ndarray`, shape (n,)
        Column ``id`` of the table, or the row numbers.
    values : `~numpy.ndarray`, shape (n, n_features)
        Plain numbers.
    usable : `~numpy.ndarray` of bool, shape (n,)
        False for an object with a value that is missing or not finite.
    units : tuple or None
        Unit of each column, None for a column without; None for an array.
    """

    ids: np.ndarray
    values: np.ndarray
    usable: np.ndarray
    units: tuple | None


def read_features(data, columns, *, units=None):
    """
    Features of objects from a table or an array.

    Parameters
    ----------
    data : `~astropy.table.Table`, data frame or array_like, shape (n, n_features)
        All columns of an array are used; masked values become NaN.
    columns : sequence of str
        Names of the columns of a table to use. A column with an array in each row has as many
        features.
    units : tuple, optional
        Units to convert columns to, as returned for other features.

    Returns
    -------
    `Features`

    Raises
    ------
    ValueError
        If a column is missing, or an array has another shape.
    astropy.units.UnitConversionError
        If a column does not convert.
    """
    table = table_of(data)
    if table is None:
        return _from_array(data)
    data = table
    missing = [name for name in columns if name not in data.colnames]
    if missing:
        raise ValueError(f'`features` must have the columns {list(columns)}; it lacks {missing}.')
    if units is None:
        units = tuple(getattr(data[name], 'unit', None) for name in columns)
    parts = [_numbers(data[name], unit) for name, unit in zip(columns, units, strict=True)]
    values = np.concatenate([part.reshape(len(data), -1) for part in parts], axis=1)
    if 'id' in data.colnames:
        check_ids(data['id'], unique=False)
    ids = np.asarray(data['id']) if 'id' in data.colnames else np.arange(len(data))
    return Features(ids, values, np.isfinite(values).all(axis=1), units)


def score_table(ids, score, *packages, **columns):
    """Table of scores, with a provenance record that names the packages."""
    meta = {'provenance': provenance_record(*packages)}
    return QTable({'id': ids, 'score': score, **columns}, meta=meta)


def _from_array(data):
    values = numbers_or_nan(data).astype(float)
    if values.ndim != 2:
        raise ValueError(
            '`features` must be a table, or an array of shape (n, n_features); got an array of '
            f'shape {values.shape}.'
        )
    return Features(np.arange(len(values)), values, np.isfinite(values).all(axis=1), None)


def _numbers(column, unit):
    if isinstance(column, Masked):
        column = column.filled(np.nan)
    if isinstance(column, u.Quantity) or unit is not None:
        column = u.Quantity(column).to_value(unit or u.dimensionless_unscaled)
    return np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)
