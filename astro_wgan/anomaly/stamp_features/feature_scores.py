"""`score_features`: anomaly scores of features from anywhere, without images and networks."""

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.calibration.contamination import check_contamination, normal_probabilities
from astro_wgan.anomaly.score_table import add_probabilities
from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import as_qtable, table_of
from astro_wgan.features.feature_distance import FeatureDistance
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['score_features']


def score_features(features, *, normals=None, ids=None, contamination=0.0):
    """
    Score sources by how far their features are from those of normal ones.

    No images and no networks are needed: features may be the embeddings of any encoder.

    Parameters
    ----------
    features : array_like, shape (n, d), or table
        A row for each source. A table has a column ``features`` and perhaps ``id``; other columns,
        such as positions, are kept.
    normals : array_like, shape (m, d), or table, optional
        Features of normal sources that are not among those to be scored. By default all sources are
        compared with one another, most of which must then be normal.
    ids : array_like, shape (n,), optional
        Ids of an array of features; by default 0, 1, 2, ...
    contamination : float or 'estimate', optional
        Fraction of anomalies among the normals.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, other columns as given, ``features``, ``score``, the Mahalanobis distance of
        `~astro_wgan.features.FeatureDistance`; and as in a table of
        `astro_wgan.AnomalyDetector.score` ``p_value``, ``q_value``, ``anomalous_85``,
        ``anomalous_90``, ``anomalous_95`` and ``rank``. A source with a feature that is not finite
        has a score of NaN.

    Raises
    ------
    TypeError
        If features are no numbers.
    ValueError
        If arrays have other shapes, there are fewer than two rows of finite normals, a table lacks
        ``features``, ids disagree in number or repeat, or ``contamination`` is out of range.

    Notes
    -----
    The distance of each normal is that from a fit without its tenth of them, so that a new normal
    source has a p-value below 0.05 in at most 5 percent of cases, whatever the distribution of the
    features (conformal p-values). Columns should have comparable units.

    Sources that are compared with one another have the p-values of their ranks: none stands out;
    only ``normals`` or a known ``contamination`` make q-values small. ``'estimate'`` assumes
    scores of normals that follow a Gumbel distribution, as distances of features need not do.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly import score_features
    >>> rng = np.random.default_rng(1)
    >>> embeddings = rng.normal(size=(500, 8))
    >>> embeddings[7] += 6
    >>> table = score_features(embeddings, ids=np.arange(1000, 1500))
    >>> table['id'][table['rank'] == 1].tolist()
    [1007]
    """
    own = normals is None
    check_contamination(contamination)
    table, values = _table_of(features, ids)
    reference = values if own else _values(normals, 'normals')
    if not own and reference.shape[1] != values.shape[1]:
        raise ValueError(
            f'`features` must have as many columns as `normals`, {reference.shape[1]}; got '
            f'{values.shape[1]}.'
        )
    finite = np.isfinite(reference).all(axis=1)
    if finite.sum() < 2:
        raise ValueError(
            f'`{"features" if own else "normals"}` must have at least two rows of finite numbers; '
            f'got {finite.sum()}.'
        )
    distance = FeatureDistance().fit(reference[finite])
    held_out = distance.transform_normals(reference[finite])
    if own:
        score = np.full(len(values), np.nan)
        score[finite] = held_out
    else:
        score = distance.transform(values)
    probabilities, found = None, 0.0
    if contamination:
        probabilities, found = normal_probabilities(held_out, contamination=contamination)
    calibration = Calibration(
        held_out, probabilities=probabilities if found else None, contamination=found
    )
    table['score'] = score
    add_probabilities(table, calibration, score, in_calibration=finite if own else None)
    table.meta['feature_score'] = {
        'dimensions': int(values.shape[1]),
        'normals': int(finite.sum()),
        'compared_with': 'one another' if own else 'normals',
    }
    table.meta['provenance'] = provenance_record()
    return table


def _table_of(features, ids):
    """A table with id and features, and the features as an array."""
    given = table_of(features) if not isinstance(features, np.ndarray) else None
    if given is None:
        values = _values(features, 'features')
        ids = np.arange(len(values)) if ids is None else np.asarray(ids)
        if ids.shape != (len(values),):
            raise ValueError(
                f'`ids` must have one value for each of {len(values)} rows of `features`; got '
                f'{ids.shape}.'
            )
        table = QTable({'id': ids})
    else:
        if ids is not None:
            raise ValueError('`ids` are for an array of features; a table has the column `id`.')
        values = _values(features, 'features')
        table = as_qtable(features)
        if 'id' not in table.colnames:
            table.add_column(np.arange(len(table)), name='id', index=0)
    if len(np.unique(table['id'])) < len(table):
        raise ValueError('Ids of `features` must be different for each row; some of them repeat.')
    table['features'] = values.astype(np.float32)
    return table, values


def _values(features, name):
    table = table_of(features) if not isinstance(features, np.ndarray) else None
    if table is not None:
        if 'features' not in table.colnames:
            raise ValueError(
                f'`{name}`, if it is a table, must have the column `features`; it has '
                f'{", ".join(table.colnames)}.'
            )
        features = table['features']
    values = numbers_or_nan(features)
    if values.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must hold numbers; got an array of {values.dtype}.')
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(f'`{name}` must have the shape (n, d); got {values.shape}.')
    return values.astype(float)
