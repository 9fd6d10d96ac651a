"""`most_similar`: the rows whose features are nearest to those of some."""

import numpy as np

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import table_of
from astro_wgan.validation.config_numbers import check_whole_number
from astro_wgan.validation.indices import normalize_index

__all__ = ['feature_rows', 'most_similar']

#: Rows whose distances are computed at a time.
_BLOCK = 8192


def most_similar(features, to, n=100):
    """
    Rows with the features nearest to those of one row or a group of rows.

    Parameters
    ----------
    features : array_like, shape (m, d), or table
        A row for each source; of a table the column ``features``, as of
        `~astro_wgan.AnomalyDetector.features`. Rows with a value that is not finite are like none.
    to : int, array_like of int or bool, or array_like of float, shape (k, d)
        Rows whose like is sought, which are themselves left out; or the features of sources that
        are not among them.
    n : int, optional
        Number of rows, or fewer if there are no more.

    Returns
    -------
    rows : `~numpy.ndarray` of int, shape (n,)
        From the nearest on.
    distances : `~numpy.ndarray`, shape (n,)
        Euclidean distance to the nearest of the group.

    Raises
    ------
    ValueError
        If ``features`` has another shape, ``to`` is empty, has other features, or none that are
        finite; or ``n`` is below 1.
    IndexError
        If a row does not exist.

    Examples
    --------
    >>> from astro_wgan.labeling import most_similar
    >>> rows, distances = most_similar([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], to=0, n=2)
    >>> rows.tolist(), distances.tolist()
    ([2, 1], [1.0, 5.0])
    """
    check_whole_number('n', n, 1)
    features = feature_rows(features)
    given, left_out = _group(features, to)
    given = given[np.isfinite(given).all(axis=1)].astype(float)
    if not len(given):
        raise ValueError('`to` must have at least one source with finite features; got none.')
    distance = np.full(len(features), np.inf)
    for first in range(0, len(features), _BLOCK):
        block = features[first : first + _BLOCK].astype(float)
        squares = (block**2).sum(axis=1)[:, np.newaxis] + (given**2).sum(axis=1)
        nearest = (squares - 2 * block @ given.T).min(axis=1)
        distance[first : first + _BLOCK] = np.sqrt(np.maximum(nearest, 0))
    distance[left_out] = np.inf
    distance = np.where(np.isnan(distance), np.inf, distance)
    rows = np.argsort(distance, kind='stable')[:n]
    rows = rows[np.isfinite(distance[rows])]
    return rows, distance[rows]


def feature_rows(features):
    """
    Features as an array with a row for each source.

    Parameters
    ----------
    features : array_like, shape (m, d), or table
        Of a table the column ``features``.

    Returns
    -------
    `~numpy.ndarray`, shape (m, d)

    Raises
    ------
    ValueError
        If it is no table with that column, and no array of numbers of that shape.
    """
    table = table_of(features)
    if table is not None:
        if 'features' not in table.colnames:
            raise ValueError(
                '`features` must be a table with the column `features`, or an array; it has '
                f'{", ".join(table.colnames)}.'
            )
        features = table['features']
    values = numbers_or_nan(features)
    if values.ndim != 2 or values.dtype.kind not in 'biuf' or not values.shape[1]:
        raise ValueError(
            '`features` must be numbers with a row for each source; got shape '
            f'{values.shape} and dtype {values.dtype}.'
        )
    return values


def _group(features, to):
    """Features of the group, and the rows that are themselves left out."""
    values = np.asarray(to)
    if values.dtype.kind == 'f' and values.size:
        if values.shape[-1:] != features.shape[1:] or values.ndim > 2:
            raise ValueError(
                f'`to` must be rows, or have {features.shape[1]} features for each source; got '
                f'shape {values.shape}.'
            )
        return np.atleast_2d(values), []
    rows = normalize_index(to, len(features))
    if not len(rows):
        raise ValueError('`to` must have at least one row; got none.')
    return features[rows], rows
