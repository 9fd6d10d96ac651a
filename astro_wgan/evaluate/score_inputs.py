"""Scores of several detectors for the same objects, and the classes that these belong to."""

from collections.abc import Mapping

import numpy as np

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.catalogs.columns import named_rows, numbers_or_nan, plain_values
from astro_wgan.catalogs.qtable import table_of
from astro_wgan.validation.masked import without_mask

__all__ = ['as_ranks', 'read_classes', 'read_normals', 'read_sample', 'score_array']


def read_sample(scores, classes):
    """
    Scores by detector and members by class.

    Parameters
    ----------
    scores : mapping
        Of each detector, by its name: an array of shape (n,), a table with a column ``score``, or
        a mapping of such by class, which leaves no need for ``classes``.
    classes : array_like or mapping or None
        A label for each of the n objects, or an array of bool for each class.

    Returns
    -------
    scores : dict of `~numpy.ndarray`
        float, or bool for a detector that decides by itself.
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
        raise ValueError(f'All detectors must score the same objects; got numbers {sizes}.')
    return scores, read_classes(classes, next(iter(sizes.values())))


def read_classes(classes, n):
    """Members of each class as arrays of bool, from labels or from such arrays."""
    if classes is None:
        return {'all': np.ones(n, dtype=bool)}
    if not isinstance(classes, Mapping):
        labels = _unmasked(classes)
        if labels.shape != (n,):
            raise ValueError(
                f'`classes` must have a label for each of the {n} objects; got {labels.shape}.'
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


def read_normals(normals, scores, classes):
    """Scores of the normals that set each detector's threshold; none where it decides itself."""
    if isinstance(normals, str):
        if normals not in classes:
            raise ValueError(f'`normals` must be one of the classes {[*classes]}; got {normals!r}.')
        return {name: values[classes[normals]] for name, values in scores.items()}
    missing = [n for n, values in scores.items() if values.dtype != bool and n not in normals]
    if missing:
        raise ValueError(f'`normals` must hold scores for each detector; it lacks {missing}.')
    return {name: _normals_of(name, given) for name, given in normals.items()}


def score_array(given, what):
    """One float or bool for each object; NaN where masked."""
    table = None if isinstance(given, (np.ndarray, list)) else table_of(given)
    if table is not None:
        if 'score' not in table.colnames:
            raise ValueError(f'{what}: the table must have a column `score`; it has none.')
        given = table['score']
    values = numbers_or_nan(given)
    if values.ndim != 1 or values.dtype.kind not in 'fiub':
        raise ValueError(
            f'{what} must be one number for each object; '
            f'got shape {values.shape}, dtype {values.dtype}.'
        )
    return values if values.dtype == bool else values.astype(float)


def _unmasked(classes):
    """Labels, or truth values, of which none may be missing."""
    values, mask = without_mask(classes)
    values, mask = plain_values(np.asarray(values), mask)
    if mask is not None:
        raise ValueError(
            f'`classes` must be known for each object; they are masked or missing in '
            f'{named_rows(np.flatnonzero(mask))}.'
        )
    return values


def as_ranks(scores):
    """Scores of one detector or of several that can be ordered: where there is none, the lowest."""
    values = numbers_or_nan(scores)
    if values.ndim not in (1, 2) or values.dtype.kind not in 'fiub':
        raise ValueError(
            'Scores must be one real number for each object; '
            f'got shape {values.shape}, dtype {values.dtype}.'
        )
    values = values.astype(float)
    return np.where(np.isnan(values), -np.inf, values)


def _normals_of(name, given):
    if isinstance(given, Calibration):
        return given
    return score_array(given, f'`normals` of {name!r}')


def _join_classes(scores, classes):
    if classes is not None or not all(isinstance(given, Mapping) for given in scores.values()):
        raise ValueError(
            'Scores by class must be given so for every detector, and without `classes`.'
        )
    for kind in {kind: None for by_class in scores.values() for kind in by_class}:
        _check_order({n: by_class[kind] for n, by_class in scores.items() if kind in by_class})
    joined, labels = {}, None
    for name, by_class in scores.items():
        parts = {c: score_array(s, f'`scores` of {name!r}, {c!r}') for c, s in by_class.items()}
        sizes = {c: len(part) for c, part in parts.items()}
        if labels is not None and sizes != labels:
            raise ValueError(
                f'All detectors must score the same objects; got numbers {labels} and {sizes}.'
            )
        labels = sizes
        joined[name] = np.concatenate([*parts.values()])
    which = np.repeat(np.arange(len(labels)), [*labels.values()])
    return joined, {name: which == i for i, name in enumerate(labels)}


def _check_order(scores):
    """Make sure that tables which say whose scores they hold are of the same objects in a row."""
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
        alike = (np.sort(ids) == np.sort(known)).all()
        what = 'the same ids in another order' if alike else 'other ids'
        row = np.flatnonzero(ids != known)[0]
        raise ValueError(
            f'All detectors must score the same objects in the same order: the table of {name!r} '
            f'has {what} than that of {first!r}, first in row {row} ({ids[row]} and {known[row]}). '
            "Sort the tables by 'id', and `classes` with them."
        )


def _ids(given):
    """Ids of a table of scores as text; None where there are none."""
    if isinstance(given, (np.ndarray, list, tuple)):
        return None
    table = table_of(given)
    if table is None or 'id' not in table.colnames:
        return None
    ids = without_mask(table['id'])[0]
    return np.array([i.decode() if isinstance(i, bytes) else str(i) for i in np.asarray(ids)])
