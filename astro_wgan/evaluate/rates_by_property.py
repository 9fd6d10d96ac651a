"""The rate of detections by merger time, mass, or any other property: figures 10 and 11."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.evaluate.binning import bin_values, known_values
from astro_wgan.evaluate.rates import ONE_SIGMA, binomial_rates, threshold_of
from astro_wgan.evaluate.score_inputs import read_normals, read_sample
from astro_wgan.jobs.provenance import record

__all__ = ['rate_by']


def rate_by(
    values,
    scores,
    classes=None,
    *,
    normals,
    level=90,
    bins=8,
    confidence=ONE_SIGMA,
    interval='wilson',
):
    """
    Share of anomalous objects by a property, for each detector and class.

    Parameters
    ----------
    values : array_like or `~astropy.units.Quantity`, shape (n,)
        The property: merger time, stellar mass, axis ratio, ...; words are categories, such as
        morphological types.
    scores, classes, normals, confidence, interval
        As for `~astro_wgan.evaluate.detection_rates`.
    level : float, optional
        Per cent of the normals below the threshold.
    bins : int or array_like, optional
        Number of bins that hold equally many of the objects; or edges; or categories.

    Returns
    -------
    `~astropy.table.QTable`
        One row per detector, class and bin: ``detector``, ``class``; ``low``, ``high`` and
        ``center``, the median of the members (or ``category``); ``n``, ``not_scored``,
        ``detected``, ``rate``, ``rate_low`` and ``rate_high`` as in
        `~astro_wgan.evaluate.detection_rates`, NaN for a bin without members. ``meta['unbinned']``
        counts objects whose property is unknown or outside of the bins.

    Raises
    ------
    ValueError
        If ``values``, scores and classes disagree in number, or the bins are none.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figures 10 (merger time; level 90) and 11.

    Examples
    --------
    Mergers that are strange at the merger and less so before and after:

    >>> import numpy as np
    >>> from astro_wgan.evaluate import rate_by
    >>> random = np.random.default_rng(1)
    >>> time = random.uniform(-1, 1, 3000)
    >>> rates = rate_by(
    ...     time,
    ...     {'offset': random.normal(2 - 2 * np.abs(time), 1)},
    ...     normals={'offset': random.normal(0, 1, 1000)},
    ...     bins=[-1, -0.5, 0.5, 1],
    ... )
    >>> rates['rate'].round(1).tolist()
    [0.2, 0.6, 0.3]
    """
    scores, classes = read_sample(scores, classes)
    normals = read_normals(normals, scores, classes)
    values = known_values(values)
    binning = bin_values(values, bins)
    n = len(next(iter(scores.values())))
    if len(binning.index) != n:
        raise ValueError(
            f'`values` must have one for each of the {n} objects; got {len(binning.index)}.'
        )
    parts = {}
    for name, given in scores.items():
        detected = given
        if given.dtype != bool:
            detected = given > threshold_of(normals[name], [level])[level]
        for kind, member in classes.items():
            counts = _count(binning, member, np.isnan(given), detected)
            counts = {'detector': [name] * len(binning), 'class': [kind] * len(binning), **counts}
            counts['center'] = _medians(values, binning, member) if binning.has_edges else []
            for column, part in counts.items():
                parts.setdefault(column, []).append(part)
    repeat = len(scores) * len(classes)
    edges = {k: np.concatenate([column] * repeat) for k, column in binning.columns.items()}
    columns = {name: np.concatenate(part) for name, part in parts.items()}
    rates = binomial_rates(columns['detected'], columns['n'], confidence, interval)
    columns |= edges | dict(zip(('rate', 'rate_low', 'rate_high'), rates, strict=True))
    order = ('detector', 'class', 'category', 'low', 'high', 'center', 'n', 'not_scored')
    order += ('detected', 'rate', 'rate_low', 'rate_high')
    return QTable(
        {name: columns[name] for name in order if len(columns.get(name, []))},
        meta=record(
            level=level,
            confidence=confidence,
            interval=interval,
            unbinned=int((binning.index < 0).sum()),
        ),
    )


def _count(binning, member, missing, detected):
    def count(chosen):
        return np.bincount(binning.index[chosen], minlength=len(binning))

    member = member & (binning.index >= 0)
    return {
        'n': count(member),
        'not_scored': count(member & missing),
        'detected': count(member & detected),
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
