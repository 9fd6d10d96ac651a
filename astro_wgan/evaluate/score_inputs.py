"""Scores of several detectors for the same objects, and the classes of the objects."""

from collections.abc import Mapping

import numpy as np

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.catalogs.columns import named_rows, numbers_or_nan, plain_values
from astro_wgan.catalogs.qtable import table_of
from astro_wgan.validation.masked import without_mask

__all__ = ['as_ranks', 'read_classes', 'read_normal_scores', 'read_sample', 'score_array']


def read_sample(scores, classes):
    """
    Scores by detector and members by class.

    Parameters
    ----------
    scores : mapping
        Scores by the name of the detector: an array of shape (n,), a table with a column
        ``score``, or a mapping of these by class (then without ``classes``).
    classes : array_like or mapping or None
        A label for each of the n objects, or an array of bool for each class.

    Returns
    -------
    scores : dict of `~numpy.ndarray`
        float, or bool for a detector without a threshold.
    classes : dict of `~numpy.ndarray` of bool
    """
    if not isinstance(scores, Mapping) or not scores:
        raise ValueError(
            '`scores` must be a mapping of scores by the name of the detector, such as '
            f"{{'wgan': table}}; got {type(scores).__name__}."
        )
    if any(isinstance(given, Mapping) for given in scores.values()):
        scores, classes = _join_classes(scores, classes)
    else:
        _check_order(scores)
    scores = {name: score_array(given, f'`scores` of {name!r}') for name, given in scores.items()}
    sizes = {name: len(values) for name, values in scores.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f'All detectors must score the same objects; got these numbers of scores: {sizes}.'
        )
    return scores, read_classes(classes, next(iter(sizes.values())))


def read_classes(classes, n):
    """Members of each class as arrays of bool, from labels or from arrays of bool."""
    if classes is None:
        return {'all': np.ones(n, dtype=bool)}
    if not isinstance(classes, Mapping):
        labels = _unmasked(classes)
        if labels.shape != (n,):
            raise ValueError(
                f'`classes` must have {n} labels, one per object; got shape {labels.shape}.'
            )
        _, first = np.unique(labels, return_index=True)
        return {str(labels[i]): labels == labels[i] for i in np.sort(first)}
    if not classes:
        raise ValueError('`classes` must hold at least one class; it is empty.')
    members = {str(name): _unmasked(member) for name, member in classes.items()}
    for name, member in members.items():
        if member.dtype != bool or member.shape != (n,):
            raise ValueError(
                f'`classes` must be arrays of bool of length {n}; that of {name!r} has dtype '
                f'{member.dtype} and shape {member.shape}.'
            )
    return members


def read_normal_scores(normal_scores, scores, classes):
    """Scores of the normals that set each detector's threshold, without those that need none."""
    if isinstance(normal_scores, str):
        if normal_scores not in classes:
            raise ValueError(
                f'`normal_scores` must be one of the classes {[*classes]}; got {normal_scores!r}.'
            )
        return {name: values[classes[normal_scores]] for name, values in scores.items()}
    given = {} if normal_scores is None else normal_scores
    missing = [n for n, values in scores.items() if values.dtype != bool and n not in given]
    if missing:
        raise ValueError(f'`normal_scores` must hold scores for each detector; it lacks {missing}.')
    return {name: _normal_scores_of(name, values) for name, values in given.items()}


def score_array(given, what):
    """Scores as an array of float or bool, one per object; NaN where masked."""
    table = None if isinstance(given, (np.ndarray, list)) else table_of(given)
    if table is not None:
        if 'score' not in table.colnames:
            raise ValueError(f'{what}: the table must have a column `score`; it has none.')
        given = table['score']
    values = _numbers(given, f'{what} must be one number per object')
    if values.ndim != 1 or values.dtype.kind not in 'fiub':
        raise ValueError(
            f'{what} must be one number per object; got shape {values.shape}, dtype {values.dtype}.'
        )
    return values if values.dtype == bool else values.astype(float)


def _numbers(given, allowed):
    try:
        return numbers_or_nan(given)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f'{allowed}; got lists of different lengths.') from error


def _unmasked(classes):
    """Labels, or arrays of bool; raises if some are masked or missing."""
    values, mask = without_mask(classes)
    values, mask = plain_values(np.asarray(values), mask)
    if mask is not None:
        raise ValueError(
            f'`classes` must be known for each object; values are masked or missing in '
            f'{named_rows(np.flatnonzero(mask))}.'
        )
    return values


def as_ranks(scores):
    """Scores of one or several detectors that can be ordered: missing scores are the lowest."""
    values = _numbers(scores, 'Scores must be one real number per object')
    if values.ndim not in (1, 2) or values.dtype.kind not in 'fiub':
        raise ValueError(
            'Scores must be one real number per object; '
            f'got shape {values.shape}, dtype {values.dtype}.'
        )
    values = values.astype(float)
    return np.where(np.isnan(values), -np.inf, values)


def _normal_scores_of(name, given):
    if isinstance(given, Calibration):
        return given
    return score_array(given, f'`normal_scores` of {name!r}')


def _join_classes(scores, classes):
    if classes is not None or not all(isinstance(given, Mapping) for given in scores.values()):
        raise ValueError('Scores by class must be given for every detector, and without `classes`.')
    for label in {label: None for by_class in scores.values() for label in by_class}:
        _check_order({n: by_class[label] for n, by_class in scores.items() if label in by_class})
    joined, first_sizes = {}, None
    for name, by_class in scores.items():
        parts = {c: score_array(s, f'`scores` of {name!r}, {c!r}') for c, s in by_class.items()}
        sizes = {c: len(part) for c, part in parts.items()}
        if first_sizes is not None and sizes != first_sizes:
            raise ValueError(
                'All detectors must score the same objects; got these numbers of scores: '
                f'{first_sizes} and {sizes}.'
            )
        first_sizes = sizes
        joined[name] = np.concatenate([*parts.values()])
    which = np.repeat(np.arange(len(first_sizes)), [*first_sizes.values()])
    return joined, {name: which == i for i, name in enumerate(first_sizes)}


def _check_order(scores):
    """Raise unless all tables with a column ``id`` hold the same objects in the same order."""
    known = None
    for name, given in scores.items():
        ids = _ids(given)
        if ids is None:
            continue
        if known is None:
            known, first = ids, name
            continue
        if len(ids) != len(known) or (ids == known).all():
            continue
        same_ids = (np.sort(ids) == np.sort(known)).all()
        what = 'the same ids in another order' if same_ids else 'other ids'
        row = np.flatnonzero(ids != known)[0]
        raise ValueError(
            f'All detectors must score the same objects in the same order: the table of {name!r} '
            f'has {what} than that of {first!r}, first in row {row} ({ids[row]} and {known[row]}). '
            "Sort the tables by 'id', and `classes` with them."
        )


def _ids(given):
    """Ids of a table of scores as strings; None if it has none."""
    if isinstance(given, (np.ndarray, list, tuple)):
        return None
    table = table_of(given)
    if table is None or 'id' not in table.colnames:
        return None
    ids = without_mask(table['id'])[0]
    return np.array([i.decode() if isinstance(i, bytes) else str(i) for i in np.asarray(ids)])
