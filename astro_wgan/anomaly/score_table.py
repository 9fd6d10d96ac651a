"""Tables of scores: their columns, and the rows of a table among stamps."""

from dataclasses import asdict

import numpy as np

from astro_wgan.anomaly.calibration.calibration import PERCENTILES
from astro_wgan.anomaly.calibration.conformal import q_values
from astro_wgan.anomaly.combined_score import CONTRIBUTIONS
from astro_wgan.validation.id_values import id_values

__all__ = [
    'SCORE_COLUMNS',
    'add_probabilities',
    'add_scores',
    'check_rows',
    'rows_by_id',
    'table_column',
]

#: Columns that a table of measurements does not have.
SCORE_COLUMNS = (
    'score',
    *CONTRIBUTIONS,
    'p_value',
    'q_value',
    *(f'anomalous_{percentile}' for percentile in PERCENTILES),
    'rank',
    'trained_on',
)


def add_scores(table, calibration, *, in_calibration=None):
    """
    Add scores and what follows from them to measurements.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Measurements, changed in place: ``score``, what its terms contribute, ``p_value``,
        ``q_value``, flags and ``rank`` are added, and thresholds and configuration to its ``meta``.
    calibration : `~astro_wgan.anomaly.Calibration`
        Calibration of the detector that measured them.
    in_calibration : array_like of bool, shape (n,), optional
        True for stamps that are part of the calibration.
    """
    score = calibration.score(table, in_calibration=in_calibration)
    table['score'] = score
    contributions = calibration.contributions(table, score)
    # Those of an earlier score may be of other terms.
    stale = {*CONTRIBUTIONS} - {*contributions}
    table.remove_columns([name for name in table.colnames if name in stale])
    for name, part in contributions.items():
        table[name] = part
    add_probabilities(table, calibration, score, in_calibration=in_calibration)
    table.meta['scoring'] = asdict(calibration.scoring)


def add_probabilities(table, calibration, score, *, in_calibration=None):
    """
    Add what follows from scores to a table: p-values, q-values, flags, ranks.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Changed in place: ``p_value``, ``q_value``, ``anomalous_...`` and ``rank``, and in ``meta``
        thresholds and contamination.
    calibration : `~astro_wgan.anomaly.Calibration`
        Scores of normals.
    score : `~numpy.ndarray`, shape (n,)
    in_calibration : array_like of bool, shape (n,), optional
        True for scores that are among those of the calibration.
    """
    table['p_value'] = calibration.p_values(score, in_calibration=in_calibration)
    table['q_value'] = q_values(table['p_value'])
    thresholds = calibration.thresholds()
    for percentile in PERCENTILES:
        table[f'anomalous_{percentile}'] = score > thresholds[percentile]
    table['rank'] = _ranks(score)
    table.meta['thresholds'] = _threshold_meta(calibration)
    table.meta['contamination'] = calibration.contamination


def check_rows(table, stamps):
    """Raise a ValueError unless a table has the scores of stamps, row by row."""
    ids, known = stamps.ids, table_column(table, 'id')
    if np.array_equal(ids, known):
        return
    message = '`table` must hold the scores of `stamps`, row by row'
    if len(ids) == len(known) and set(ids.tolist()) == set(known.tolist()):
        # As after `table.sort('rank')`.
        message += '; it has their ids in another order. Sort a copy of it instead'
    raise ValueError(f'{message}.')


def table_column(table, name):
    """A column of a score table as an array, or a ValueError that names what is missing."""
    if name not in table.colnames:
        raise ValueError(
            f'`table` must have the column {name!r}, as `score` gives it; it has '
            f'{", ".join(table.colnames)}.'
        )
    values = table[name]
    return id_values(values) if name == 'id' else np.asarray(values)


def rows_by_id(ids, known_ids):
    """
    Rows of stamps with the ids of a table.

    Parameters
    ----------
    ids : array_like, shape (n,)
        Ids to find.
    known_ids : array_like, shape (m,)
        Ids of the stamps.

    Returns
    -------
    `~numpy.ndarray` of int, shape (n,)

    Raises
    ------
    ValueError
        If an id is missing, or stamps share an id.
    """
    order = np.argsort(known_ids, kind='stable')
    index = np.searchsorted(known_ids, ids, sorter=order)
    rows = order[np.minimum(index, max(len(known_ids) - 1, 0))]
    if len(np.unique(known_ids)) < len(known_ids):
        raise ValueError('`like` must have a different id for each stamp; some of its ids repeat.')
    missing = known_ids[rows] != ids
    if missing.any():
        raise ValueError(
            f'`like` must hold each stamp of the table; it lacks {missing.sum()} of {len(ids)}, '
            f'the first has the id {ids[missing].tolist()[0]!r}.'
        )
    return rows


def _ranks(score):
    """From 1, the highest score; those without a score come last."""
    order = np.argsort(np.where(np.isnan(score), -np.inf, score))[::-1]
    rank = np.empty(len(score), dtype=np.int64)
    rank[order] = np.arange(1, len(score) + 1)
    return rank


def _threshold_meta(calibration):
    references = ['held-out'] if calibration.training_scores is None else ['held-out', 'training']
    found = {r: calibration.thresholds(reference=r) for r in references}
    # Text keys, since the meta is written as YAML and JSON.
    return {
        reference: {str(percentile): float(t) for percentile, t in thresholds.items()}
        for reference, thresholds in found.items()
    }
