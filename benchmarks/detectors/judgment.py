"""What a score is worth on labeled stamps: areas, plain and matched, precision, false alarms."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from astro_wgan.anomaly.calibration.conformal import conformal_threshold
from astro_wgan.evaluate import roc_auc

__all__ = ['area_with_error', 'matched_area', 'precision_at', 'propensity', 'shares_above']

#: Strata of a confound, of as many anomalies each.
_STRATA = 5
#: Anomalies in the list whose precision is asked for: as many as its length.
_LISTED = 100


def area_with_error(score, normal, anomalous):
    """Area under the ROC curve and DeLong's standard error, of rows of a score."""
    found, covariance = roc_auc(score[normal], score[anomalous])
    return float(found[0]), float(covariance[0, 0] ** 0.5)


def matched_area(score, normal, anomalous, by):
    """
    Area under the ROC curve among stamps that are alike in something else.

    Parameters
    ----------
    score, by : `~numpy.ndarray`, shape (n,)
        The score, and the quantity in which normals and anomalies are matched.
    normal, anomalous : `~numpy.ndarray` of int
        Rows of them.

    Returns
    -------
    area, error : float
        Mean of the areas in strata of ``by``, edges of which are quantiles of the anomalies,
        weighted with their numbers, and its standard error. Strata with fewer than five normals
        or two anomalies do not count.

    Notes
    -----
    Subclassification, as in Rosenbaum & Rubin 1984, J. Am. Stat. Assoc. 79, 516.
    """
    edges = np.quantile(by[anomalous], np.linspace(0, 1, _STRATA + 1)[1:-1])
    of_normal, of_anomalous = (
        np.searchsorted(edges, by[rows], side='right') for rows in (normal, anomalous)
    )
    found = []
    for k in range(_STRATA):
        parts = normal[of_normal == k], anomalous[of_anomalous == k]
        if len(parts[0]) >= 5 and len(parts[1]) >= 2:
            found.append((len(parts[1]), *area_with_error(score, *parts)))
    if not found:
        return np.nan, np.nan
    weights, areas, errors = np.array(found).T
    weights = weights / weights.sum()
    return float(weights @ areas), float(np.sqrt(weights**2 @ errors**2))


def propensity(confounds, normal, anomalous):
    """
    Log odds of being an anomaly by the confounds alone, to match in all of them at once.

    Parameters
    ----------
    confounds : dict of `~numpy.ndarray`, shape (n,)
    normal, anomalous : `~numpy.ndarray` of int
        Rows.
    """
    ranks = [np.argsort(np.argsort(values)) / len(values) - 0.5 for values in confounds.values()]
    features = np.column_stack([*ranks, *(rank**2 for rank in ranks)])
    model = LogisticRegression(class_weight='balanced', C=10.0)
    model.fit(features[np.r_[normal, anomalous]], np.r_[0 * normal, 0 * anomalous + 1])
    return model.decision_function(features)


def precision_at(score, normal, anomalous, prevalence):
    """
    Average precision, and precision of the first 100, where anomalies are rare.

    The stamps stand for a survey with 100 anomalies and as many normals as the prevalence says:
    each counts more or less than once. Where a normal counts several times, the precision depends
    on few of them.
    """
    weight_anomalous = _LISTED / len(anomalous)
    weight_normal = _LISTED * (1 - prevalence) / prevalence / len(normal)
    values = np.nan_to_num(np.r_[score[normal], score[anomalous]], nan=-np.inf)
    strange = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
    weights = np.where(strange > 0, weight_anomalous, weight_normal)
    # Ties are in the order that is worst for the score.
    order = np.lexsort((strange, -values))
    listed = np.minimum(np.cumsum(weights[order]), _LISTED)
    part = np.diff(listed, prepend=0.0)
    finite = np.maximum(values, np.finfo(float).min)
    return (
        float(average_precision_score(strange, finite, sample_weight=weights)),
        float(part @ strange[order] / _LISTED),
    )


def shares_above(score, rows_by_name, held_out, percentiles=(85, 90, 95)):
    """
    Percent of each group of normals above thresholds from the held-out ones.

    Parameters
    ----------
    score : `~numpy.ndarray`, shape (n,)
    rows_by_name : dict of `~numpy.ndarray` of int
    held_out : `~numpy.ndarray`, shape (m,)
        Scores of the held-out normals.

    Returns
    -------
    dict of dict of float
        By group and percentile.
    """
    ordered = np.sort(held_out[np.isfinite(held_out)])
    levels = {p: conformal_threshold(ordered, p) for p in percentiles}
    return {
        name: {p: 100 * float(np.mean(score[rows] > level)) for p, level in levels.items()}
        for name, rows in rows_by_name.items()
    }
