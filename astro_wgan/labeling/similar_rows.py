"""`most_similar`: the rows whose features are nearest to those of some."""

import numpy as np

from astro_wgan.labeling.principal_features import PrincipalFeatures, feature_rows
from astro_wgan.validation.config_numbers import check_whole_number
from astro_wgan.validation.indices import normalize_index

__all__ = ['most_similar', 'nearest_rows']


def most_similar(features, to, n=100):
    """
    Rows with the features nearest to those of one row, or to the mean of several.

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
        Distance to the mean of the group, relative to the root mean square of the distances from
        the center of all features.

    Raises
    ------
    ValueError
        If ``features`` has another shape, ``to`` is empty, has other features, or none that are
        finite; or ``n`` is below 1.
    IndexError
        If a row does not exist.

    Notes
    -----
    Distances are Euclidean along the principal components of the features, as
    `~astro_wgan.labeling.PrincipalFeatures` scales them. By
    ``benchmarks.experiments.labels`` the mean of a group finds more of its class than the nearest
    of the group.

    Examples
    --------
    >>> from astro_wgan.labeling import most_similar
    >>> rows, distances = most_similar([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [9.0, 2.0]], to=0, n=2)
    >>> rows.tolist()
    [2, 1]
    """
    check_whole_number('n', n, 1)
    features = feature_rows(features)
    given, left_out = _group(features, to)
    space = PrincipalFeatures().fit(features)
    return _nearest(space.transform(features), space.transform(given), left_out, n)


def nearest_rows(coordinates, rows, n):
    """
    As `most_similar`, of features whose principal components are known.

    Parameters
    ----------
    coordinates : `~numpy.ndarray`, shape (m, k)
        What `~astro_wgan.labeling.PrincipalFeatures` makes of the features.
    rows : sequence of int
        Rows whose like is sought.
    n : int

    Returns
    -------
    rows, distances
        As by `most_similar`.
    """
    return _nearest(coordinates, coordinates[rows], rows, n)


def _nearest(coordinates, given, left_out, n):
    given = given[np.isfinite(given).all(axis=1)]
    if not len(given):
        raise ValueError('`to` must have at least one source with finite features; got none.')
    distance = np.linalg.norm(coordinates - given.mean(axis=0), axis=1)
    distance[left_out] = np.inf
    distance[np.isnan(distance)] = np.inf
    rows = np.argsort(distance, kind='stable')[:n]
    rows = rows[np.isfinite(distance[rows])]
    return rows, distance[rows]


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
