"""Detection rates by merger time, mass or any other property: figures 10 and 11 of the paper."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.evaluate.binning import bin_values, known_values
from astro_wgan.evaluate.rates import ONE_SIGMA, binomial_rates, thresholds_of
from astro_wgan.evaluate.score_inputs import read_normal_scores, read_sample
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['detection_rates_by']


def detection_rates_by(
    values,
    scores,
    classes=None,
    *,
    normal_scores=None,
    percentile=90,
    bins=8,
    confidence=ONE_SIGMA,
    interval='wilson',
):
    """
    Detection rates in bins of a property, for each detector and class.

    Parameters
    ----------
    values : array_like or `~astropy.units.Quantity`, shape (n,)
        The property: merger time, stellar mass, axis ratio, ...; strings are categories, such as
        morphological types.
    scores, classes, normal_scores, confidence, interval
        As for `~astro_wgan.evaluate.detection_rates`.
    percentile : float, optional
        Percentile of the normal scores that is the threshold.
    bins : int or array_like, optional
        Number of bins with equal numbers of objects; or edges; or categories.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector, class and bin: ``detector``, ``class``; ``low``, ``high`` and
        ``center``, the median of the members (or ``category``); ``n``, ``n_not_scored``,
        ``n_detected``, ``rate``, ``rate_low`` and ``rate_high`` as in
        `~astro_wgan.evaluate.detection_rates`, NaN for a bin without members.
        ``meta['n_unbinned']`` counts objects whose property is unknown or outside of the bins.

    Raises
    ------
    ValueError
        If ``values``, scores and classes differ in length, or the bins are not valid.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figures 10 (merger time; 90th percentile) and 11.

    Examples
    --------
    Mergers whose scores are highest at the merger:

    >>> import numpy as np
    >>> from astro_wgan.evaluate import detection_rates_by
    >>> random = np.random.default_rng(1)
    >>> time = random.uniform(-1, 1, 3000)
    >>> rates = detection_rates_by(
    ...     time,
    ...     {'offset': random.normal(2 - 2 * np.abs(time), 1)},
    ...     normal_scores={'offset': random.normal(0, 1, 1000)},
    ...     bins=[-1, -0.5, 0.5, 1],
    ... )
    >>> rates['rate'].round(1).tolist()
    [0.2, 0.6, 0.3]
    """
    scores, classes = read_sample(scores, classes)
    normal_scores = read_normal_scores(normal_scores, scores, classes)
    values = known_values(values)
    binning = bin_values(values, bins)
    n = len(next(iter(scores.values())))
    if len(binning.index) != n:
        raise ValueError(
            f'`values` must have {n} entries, one per object; got {len(binning.index)}.'
        )
    parts = {}
    for name, given in scores.items():
        detected = given
        if given.dtype != bool:
            detected = given > thresholds_of(normal_scores[name], [percentile])[percentile]
        for label, member in classes.items():
            counts = _count(binning, member, np.isnan(given), detected)
            counts = {'detector': [name] * len(binning), 'class': [label] * len(binning), **counts}
            counts['center'] = _medians(values, binning, member) if binning.has_edges else []
            for column, part in counts.items():
                parts.setdefault(column, []).append(part)
    repeat = len(scores) * len(classes)
    edges = {k: np.concatenate([column] * repeat) for k, column in binning.columns.items()}
    columns = {name: np.concatenate(part) for name, part in parts.items()}
    rates = binomial_rates(columns['n_detected'], columns['n'], confidence, interval)
    columns |= edges | dict(zip(('rate', 'rate_low', 'rate_high'), rates, strict=True))
    order = ('detector', 'class', 'category', 'low', 'high', 'center', 'n', 'n_not_scored')
    order += ('n_detected', 'rate', 'rate_low', 'rate_high')
    return QTable(
        {name: columns[name] for name in order if len(columns.get(name, []))},
        meta=provenance_record(
            percentile=percentile,
            confidence=confidence,
            interval=interval,
            n_unbinned=int((binning.index < 0).sum()),
        ),
    )


def _count(binning, member, missing, detected):
    def count(chosen):
        return np.bincount(binning.index[chosen], minlength=len(binning))

    member = member & (binning.index >= 0)
    return {
        'n': count(member),
        'n_not_scored': count(member & missing),
        'n_detected': count(member & detected),
    }


def _medians(values, binning, member):
    unit = getattr(values, 'unit', None)
    values = np.asarray(u.Quantity(values).value if unit else values, dtype=float)
    medians = np.full(len(binning), np.nan)
    for i in range(len(binning)):
        inside = values[member & (binning.index == i)]
        if len(inside):
            medians[i] = np.median(inside)
    return medians if unit is None else medians * unit
