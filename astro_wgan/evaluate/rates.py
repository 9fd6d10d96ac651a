"""Detection rates of each class: tables 1 to 3 of the paper."""

import numpy as np
from astropy.stats import binom_conf_interval
from astropy.table import QTable

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.evaluate.score_inputs import read_normal_scores, read_sample
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['binomial_rates', 'detection_rates', 'pivot_rates', 'thresholds_of']

#: Probability within one standard deviation of a normal distribution.
ONE_SIGMA = 0.6827


def detection_rates(
    scores,
    classes=None,
    *,
    normal_scores=None,
    percentiles=(85, 90, 95),
    confidence=ONE_SIGMA,
    interval='wilson',
):
    """
    Fraction of each class with a score above the thresholds of each detector.

    Parameters
    ----------
    scores : mapping
        Scores by the name of the detector: an array of shape (n,), higher for more anomalous
        objects; a table with a column ``score``; a mapping of these by class (then without
        ``classes``); or an array of bool, True for anomalous, for a detector without a threshold.
        Tables with a column ``id`` must have the same ids, in the same order.
    classes : array_like or mapping, optional
        A label for each of the n objects; or for each class an array of bool, so that classes
        can overlap.
    normal_scores : mapping or str
        Scores from which the thresholds are computed: for each detector the scores of held-out
        normal objects, or a `~astro_wgan.anomaly.Calibration`; or the name of the class whose
        scores are used. Not needed for detectors without a threshold.
    percentiles : sequence of float, optional
        Percentiles of the normal scores that are used as thresholds.
    confidence : float, optional
        Confidence level of the intervals, between 0 and 1.
    interval : str, optional
        Method of the interval, as in `~astropy.stats.binom_conf_interval`.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector, class and percentile:

        ``detector``, ``class``, ``percentile``, ``threshold``
            Percentile and threshold are NaN for a detector without a threshold.
        ``n``, ``n_not_scored``
            Number of members of the class, and of those without a score, which count as not
            detected.
        ``n_detected``, ``rate``, ``rate_low``, ``rate_high``
            Number above the threshold, its fraction of ``n`` and the confidence interval, NaN for a
            class without members. For a class of normals this is the false positive rate.

    Raises
    ------
    ValueError
        If scores and classes do not match, or the normal scores of a detector are missing.

    Notes
    -----
    Margalef-Bentabol et al. 2020, tables 1 to 3. Thresholds are those of
    `~astro_wgan.anomaly.Calibration`. The intervals do not include the uncertainty of the
    thresholds, which follows from the number of normals.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import detection_rates
    >>> random = np.random.default_rng(1)
    >>> rates = detection_rates(
    ...     {'offset': {'isolated': random.normal(0, 1, 1000), 'merger': random.normal(2, 1, 500)}},
    ...     normal_scores={'offset': random.normal(0, 1, 1000)},
    ...     percentiles=[90],
    ... )
    >>> rates['rate'].round(2).tolist()
    [0.08, 0.74]
    """
    scores, classes = read_sample(scores, classes)
    normal_scores = read_normal_scores(normal_scores, scores, classes)
    rows = []
    for name, values in scores.items():
        for percentile, threshold, detected in _decisions(
            values, normal_scores.get(name), percentiles
        ):
            missing = np.isnan(values)
            rows += [
                (name, label, percentile, threshold, *_count(member, missing, detected))
                for label, member in classes.items()
            ]
    names = ('detector', 'class', 'percentile', 'threshold', 'n', 'n_not_scored', 'n_detected')
    table = QTable(rows=rows, names=names)
    rates = binomial_rates(table['n_detected'], table['n'], confidence, interval)
    for name, column in zip(('rate', 'rate_low', 'rate_high'), rates, strict=True):
        table[name] = column
    table.meta = provenance_record(
        percentiles=[*percentiles], confidence=confidence, interval=interval
    )
    return table


def pivot_rates(rates, *, normal_classes):
    """
    Percentage of correct classifications, with one column per detector, as in the paper.

    Parameters
    ----------
    rates : `~astropy.table.QTable`
        From `detection_rates`.
    normal_classes : str or sequence of str
        The classes that should not be detected.

    Returns
    -------
    `~astropy.table.QTable`
        One row per class; one column per detector and percentile, or per detector if it has no
        threshold: the percentage classified correctly, normals as normal and all others as
        anomalous.

    Raises
    ------
    ValueError
        If one of ``normal_classes`` is not among the classes.

    Examples
    --------
    >>> from astro_wgan.evaluate import detection_rates, pivot_rates
    >>> rates = detection_rates(
    ...     {'k-means': {'isolated': [False, False, False, True], 'merger': [True, False]}},
    ...     normal_scores={},
    ... )
    >>> print(pivot_rates(rates, normal_classes='isolated'))
     class   n  k-means
    -------- --- -------
    isolated   4      75
      merger   2      50
    """
    normal = [normal_classes] if isinstance(normal_classes, str) else [*normal_classes]
    labels = [*dict.fromkeys(rates['class'].tolist())]
    unknown = [name for name in normal if name not in labels]
    if unknown:
        raise ValueError(f'`normal_classes` must be among the classes {labels}; got {unknown}.')
    first = {label: rates[rates['class'] == label][0] for label in labels}
    table = QTable({'class': labels, 'n': [int(row['n']) for row in first.values()]})
    correct = np.where(np.isin(rates['class'], normal), 1 - rates['rate'], rates['rate'])
    for column, rows in _columns(rates).items():
        by_class = dict(zip(rates['class'][rows].tolist(), correct[rows], strict=True))
        table[column] = [100 * by_class[label] for label in labels]
        table[column].format = '.0f'
    table.meta = dict(rates.meta)
    return table


def binomial_rates(found, n, confidence, interval):
    """Rates and the lower and upper ends of their intervals; NaN where ``n`` is 0."""
    found, n = np.asarray(found), np.asarray(n)
    rates = np.full((3, len(n)), np.nan)
    some = n > 0
    rates[0, some] = found[some] / n[some]
    if some.any():
        rates[1:, some] = binom_conf_interval(
            found[some], n[some], confidence_level=confidence, interval=interval
        )
    return rates


def thresholds_of(normal_scores, percentiles):
    """Thresholds by percentile, from the scores of normal objects or from a calibration."""
    is_calibration = isinstance(normal_scores, Calibration)
    calibration = normal_scores if is_calibration else Calibration(normal_scores)
    return calibration.thresholds(percentiles)


def _decisions(values, normal_scores, percentiles):
    """Percentile, threshold and the objects with a score above it, for each percentile."""
    if values.dtype == bool:
        return [(np.nan, np.nan, values)]
    thresholds = thresholds_of(normal_scores, percentiles)
    # Comparisons with NaN are False.
    return [(p, thresholds[p], values > thresholds[p]) for p in percentiles]


def _count(member, missing, detected):
    return member.sum(), (member & missing).sum(), (member & detected).sum()


def _columns(rates):
    """Rows of ``rates`` that make each column of the pivoted table."""
    columns = {}
    pairs = zip(rates['detector'], rates['percentile'], strict=True)
    for i, (detector, percentile) in enumerate(pairs):
        name = str(detector) if np.isnan(percentile) else f'{detector} {percentile:g}'
        columns.setdefault(name, []).append(i)
    return columns
