"""How many of each class a detector finds: tables 1 to 3 of the paper."""

import numpy as np
from astropy.stats import binom_conf_interval
from astropy.table import QTable

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.evaluate.score_inputs import read_normals, read_sample
from astro_wgan.jobs.provenance import record

__all__ = ['binomial_rates', 'detection_rates', 'side_by_side', 'threshold_of']

#: Probability within one standard deviation of a normal distribution.
ONE_SIGMA = 0.6827


def detection_rates(
    scores, classes=None, *, normals, levels=(85, 90, 95), confidence=ONE_SIGMA, interval='wilson'
):
    """
    Share of each class that lies above the thresholds of each detector.

    Parameters
    ----------
    scores : mapping
        Of each detector, by its name: an array of shape (n,), higher for stranger; a table with a
        column ``score``; a mapping of such by class (then without ``classes``); or an array of
        bool, for a detector that knows no threshold: True is anomalous. Tables with a column
        ``id`` must have the same ids, in the same order.
    classes : array_like or mapping, optional
        A label for each of the n objects; or for each class an array of bool, so that classes
        can overlap.
    normals : str or mapping
        What sets the thresholds: for each detector the scores of held-out normal objects, or a
        `~astro_wgan.anomaly.Calibration`; or the name of the class that they are.
    levels : sequence of float, optional
        Per cent of the normals below each threshold.
    confidence : float, optional
        Probability of the intervals.
    interval : str, optional
        Kind of the interval, as in `~astropy.stats.binom_conf_interval`.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector, class and level:

        ``detector``, ``class``, ``level``, ``threshold``
            Level and threshold are NaN for a detector that decides by itself.
        ``n``, ``not_scored``
            Members of the class, and how many of them have no score. These count as not found.
        ``detected``, ``rate``, ``rate_low``, ``rate_high``
            Number above the threshold, share of ``n`` and its interval: NaN for a class without
            members. For a class of normals the rate is that of false positives.

    Raises
    ------
    ValueError
        If scores and classes disagree, or normals are missing.

    Notes
    -----
    Margalef-Bentabol et al. 2020, tables 1 to 3. Thresholds are those of
    `~astro_wgan.anomaly.Calibration`. The intervals are those of the classes; the thresholds have
    an uncertainty of their own, from the number of normals.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import detection_rates
    >>> random = np.random.default_rng(1)
    >>> rates = detection_rates(
    ...     {'offset': {'isolated': random.normal(0, 1, 1000), 'merger': random.normal(2, 1, 500)}},
    ...     normals={'offset': random.normal(0, 1, 1000)},
    ...     levels=[90],
    ... )
    >>> rates['rate'].round(2).tolist()
    [0.08, 0.74]
    """
    scores, classes = read_sample(scores, classes)
    normals = read_normals(normals, scores, classes)
    rows = []
    for name, values in scores.items():
        for level, threshold, detected in _decisions(values, normals.get(name), levels):
            missing = np.isnan(values)
            rows += [
                (name, kind, level, threshold, member.sum(), *_count(member, missing, detected))
                for kind, member in classes.items()
            ]
    names = ('detector', 'class', 'level', 'threshold', 'n', 'not_scored', 'detected')
    table = QTable(rows=rows, names=names)
    rates = binomial_rates(table['detected'], table['n'], confidence, interval)
    for name, column in zip(('rate', 'rate_low', 'rate_high'), rates, strict=True):
        table[name] = column
    table.meta = record(levels=[*levels], confidence=confidence, interval=interval)
    return table


def side_by_side(rates, *, normal):
    """
    The rates of several detectors beside each other, as the paper prints them.

    Parameters
    ----------
    rates : `~astropy.table.QTable`
        From `detection_rates`.
    normal : str or sequence of str
        The classes that should not be found.

    Returns
    -------
    `~astropy.table.QTable`
        One row per class, one column per detector and level (or detector, where it decides by
        itself): per cent that are classified as intended, normals as normal and others as
        anomalous.

    Raises
    ------
    ValueError
        If ``normal`` is not among the classes.

    Examples
    --------
    >>> from astro_wgan.evaluate import detection_rates, side_by_side
    >>> rates = detection_rates(
    ...     {'k-means': {'isolated': [False, False, False, True], 'merger': [True, False]}},
    ...     normals={},
    ... )
    >>> print(side_by_side(rates, normal='isolated'))
     class   n  k-means
    -------- --- -------
    isolated   4      75
      merger   2      50
    """
    normal = [normal] if isinstance(normal, str) else [*normal]
    kinds = [*dict.fromkeys(rates['class'].tolist())]
    unknown = [name for name in normal if name not in kinds]
    if unknown:
        raise ValueError(f'`normal` must be among the classes {kinds}; got {unknown}.')
    first = {kind: rates[rates['class'] == kind][0] for kind in kinds}
    table = QTable({'class': kinds, 'n': [int(row['n']) for row in first.values()]})
    as_intended = np.where(np.isin(rates['class'], normal), 1 - rates['rate'], rates['rate'])
    for column, rows in _columns(rates).items():
        by_class = dict(zip(rates['class'][rows].tolist(), as_intended[rows], strict=True))
        table[column] = [100 * by_class[kind] for kind in kinds]
        table[column].format = '.0f'
    table.meta = dict(rates.meta)
    return table


def binomial_rates(found, n, confidence, interval):
    """Rates and the two ends of their intervals; NaN where ``n`` is 0."""
    found, n = np.asarray(found), np.asarray(n)
    rates = np.full((3, len(n)), np.nan)
    some = n > 0
    rates[0, some] = found[some] / n[some]
    if some.any():
        rates[1:, some] = binom_conf_interval(
            found[some], n[some], confidence_level=confidence, interval=interval
        )
    return rates


def threshold_of(normals, levels):
    """Thresholds by level, from scores of normals or from a calibration."""
    calibration = normals if isinstance(normals, Calibration) else Calibration(normals)
    return calibration.thresholds(levels)


def _decisions(values, normals, levels):
    """Level, threshold and who lies above it."""
    if values.dtype == bool:
        return [(np.nan, np.nan, values)]
    thresholds = threshold_of(normals, levels)
    # NaN lies above nothing.
    return [(level, thresholds[level], values > thresholds[level]) for level in levels]


def _count(member, missing, detected):
    return (member & missing).sum(), (member & detected).sum()


def _columns(rates):
    """Rows of each column of the table side by side."""
    columns = {}
    for i, (detector, level) in enumerate(zip(rates['detector'], rates['level'], strict=True)):
        name = str(detector) if np.isnan(level) else f'{detector} {level:g}'
        columns.setdefault(name, []).append(i)
    return columns
