"""The anomaly score as a sum: of deviations from normals, or of logarithms of probabilities."""

from typing import NamedTuple

import numpy as np
from scipy.special import huber

from astro_wgan.anomaly.calibration.brightness_trend import BrightnessTrend
from astro_wgan.anomaly.calibration.conformal import float_values
from astro_wgan.anomaly.calibration.tail_probability import TailProbability
from astro_wgan.features.feature_distance import FeatureDistance

__all__ = [
    'ABSOLUTE',
    'COLOR',
    'CONTRIBUTIONS',
    'FEATURES',
    'INJECTION_LOG_ODDS',
    'MIN_USED_FRACTION',
    'NORMAL_FEATURES',
    'RESIDUAL',
    'STATISTICS',
    'TAILS',
    'Term',
    'check_tails',
    'fit_normals',
    'further_terms',
    'score_terms',
    'with_sum',
]

#: Main terms among the columns of measurements.
STATISTICS = ('smoothed_residual', 'residual_loss', 'feature_loss', 'paper_score')
#: Column of measurements in several bands.
COLOR = 'color_residual'
#: Column of measurements with a classifier of injected anomalies.
INJECTION_LOG_ODDS = 'injection_log_odds'
#: Column of measurements with features, if these are given.
FEATURES = 'features'
#: Name of the tail probability of the sum of deviations.
RESIDUAL = 'residual'
#: Names of those of the main term and of the rotation residual, whatever the brightness.
ABSOLUTE = ('absolute_statistic', 'absolute_rotation')
#: Names of all tail probabilities.
TAILS = (RESIDUAL, 'injection', *ABSOLUTE, 'critic', 'features')
#: Names of the distribution of the features, and of the brightness trend of their distance.
NORMAL_FEATURES, _DISTANCE = 'normal_features', 'feature_distance'

#: Higher log odds are taken as this, whose exponential is a number.
_MAX_LOG_ODDS = 700.0
#: Excess in standard deviations up to which it is squared; beyond, it is linear.
_SQUARED_TO = 1.5
#: A stamp is incomplete if a smaller fraction of its pixels, or of its light, is used.
MIN_USED_FRACTION = 2 / 3


class Term(NamedTuple):
    """
    A term of the score beside the residuals, if there are a classifier or features.

    Attributes
    ----------
    name : str
        Of its tail probability among the trends.
    column : str
        Column of the measurements.
    sign : int
        1 if high values are strange, -1 if low ones are. Of features the distance is.
    weight : float
        Its factor in the score.
    contribution : str
        Name of what it contributes to (``score_contribution``).
    """

    name: str
    column: str
    sign: int
    weight: float
    contribution: str

    def values(self, measurements, trends):
        """Values of each row of measurements, of which high ones are strange."""
        if self.column == FEATURES:
            distance = trends[NORMAL_FEATURES].transform(measurements[FEATURES])
            return trends[_DISTANCE].transform(distance, float_values(measurements['closest_flux']))
        if self.column == INJECTION_LOG_ODDS:
            return trends[INJECTION_LOG_ODDS].transform(*_odds_and_flux(measurements))
        values = float_values(measurements[self.column])
        if self.name in ABSOLUTE:
            # Residuals range over decades, more than an exponential tail would.
            with np.errstate(divide='ignore', invalid='ignore'):
                return np.log(np.maximum(values, np.finfo(np.float32).tiny))
        return self.sign * values


def further_terms(scoring):
    """
    Terms of the score beside the sum of deviations, if there are a classifier or features.

    Parameters
    ----------
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Configuration of the score.

    Returns
    -------
    tuple of `Term`
        Those whose weight is not 0.
    """
    if not scoring.by_brightness:
        return ()
    absolute = scoring.absolute_weight / len(ABSOLUTE)
    terms = (
        Term('injection', INJECTION_LOG_ODDS, 1, scoring.injection_weight, 'injection'),
        Term(ABSOLUTE[0], scoring.statistic, 1, absolute, scoring.statistic),
        Term(ABSOLUTE[1], 'rotation_residual', 1, absolute, 'rotation_residual'),
        Term('critic', 'critic_value', -1, scoring.critic_weight, 'critic'),
        Term('features', FEATURES, 1, scoring.features_weight, 'features'),
    )
    return tuple(term for term in terms if term.weight)


#: Columns of contributions to a score, whatever its configuration.
CONTRIBUTIONS = (
    *(f'score_{name}' for name in (*STATISTICS, 'rotation_residual', 'peak_residual', COLOR)),
    *(f'score_{name}' for name in ('injection', 'critic', 'features')),
)


def fit_normals(scoring, measurements, *, n_normals=None):
    """
    What the score compares stamps with: distributions of its terms for normal stamps.

    Parameters
    ----------
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Configuration of the score.
    measurements : `~astropy.table.QTable`
        Normal stamps, from `~astro_wgan.anomaly.measure_residual_statistics`.
    n_normals : int, optional
        As for `~astro_wgan.anomaly.BrightnessTrend.fit`.

    Returns
    -------
    dict
        See `~astro_wgan.anomaly.ScoringConfig.fit_trends`.
    """
    if not scoring.by_brightness:
        return {}
    flux = float_values(measurements['closest_flux'])
    # One band has no colors.
    present = [name for name in scoring.columns if name in measurements.colnames]
    columns = {name: float_values(measurements[name]) for name in present}
    # A term that masks hide in all normals has no trend, and does not contribute to any score.
    measured = [name for name in present[1:] if np.isfinite(columns[name] * flux).any()]
    trends = {
        name: BrightnessTrend().fit(columns[name], flux, n_normals=n_normals)
        for name in (scoring.statistic, *measured)
    }
    terms = [term for term in further_terms(scoring) if term.column in measurements.colnames]
    own_values = {}
    if any(term.column == FEATURES for term in terms):
        distances = _fit_features(trends, measurements, flux, n_normals)
        if distances is None:
            terms = [term for term in terms if term.column != FEATURES]
        else:
            own_values['features'] = trends[_DISTANCE].transform(distances, flux)
    if any(term.column == INJECTION_LOG_ODDS for term in terms):
        odds = _odds_and_flux(measurements)
        if np.isfinite(np.prod(odds, axis=0)).any():
            trends[INJECTION_LOG_ODDS] = BrightnessTrend().fit(*odds, n_normals=n_normals)
        else:
            terms = [term for term in terms if term.column != INJECTION_LOG_ODDS]
    if INJECTION_LOG_ODDS not in measurements.colnames and not own_values:
        return trends
    deviations = _deviations(scoring, measurements, trends)[0]
    values = {
        term.name: own_values[term.name]
        if term.name in own_values
        else term.values(measurements, trends)
        for term in terms
    }
    measured = {name: own for name, own in values.items() if np.isfinite(own).any()}
    tails = {RESIDUAL: deviations, **measured}
    return {**trends, **{name: TailProbability().fit(own) for name, own in tails.items()}}


def score_terms(scoring, measurements, trends):
    """
    Anomaly score of each row, and what its terms contribute.

    Parameters
    ----------
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Configuration of the score.
    measurements : `~astropy.table.QTable`
        From `~astro_wgan.anomaly.measure_residual_statistics`.
    trends : dict
        From `fit_normals`.

    Returns
    -------
    score : `~numpy.ndarray`, shape (n,)
        NaN where the statistic is NaN.
    contributions : dict of `~numpy.ndarray`, shape (n,)
        By the name of their column. Their sum is the score; empty without ``by_brightness``.
    """
    if not scoring.by_brightness:
        return float_values(measurements[scoring.statistic]), {}
    score, parts = _deviations(scoring, measurements, trends)
    if RESIDUAL in trends:
        rare = trends[RESIDUAL].transform(score)
        score = scoring.residual_weight * rare if scoring.residual_weight else 0 * np.sign(rare)
        parts = _divided(score, parts)
        reliability = _reliability(measurements)
        for term in further_terms(scoring):
            if term.name not in trends:
                continue
            rare = trends[term.name].transform(term.values(measurements, trends))
            with np.errstate(invalid='ignore'):
                rare = term.weight * reliability * rare
            # A term that is NaN contributes nothing.
            rare = np.where(np.isnan(rare), 0, rare)
            parts[term.contribution] = parts.get(term.contribution, 0) + rare
            score = score + rare
    known = np.where(np.isnan(score), np.nan, 0)
    return score, {f'score_{name}': part + known for name, part in parts.items()}


def check_tails(scoring, trends, *, has_classifier):
    """
    Raise a ValueError unless there are the tail probabilities that the score needs, and no others.

    It needs them if there is a classifier, or features.

    Parameters
    ----------
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Configuration of the score.
    trends : dict
        From `fit_normals`.
    has_classifier : bool
        Whether measurements have the log odds of a classifier.
    """
    if not scoring.by_brightness:
        return
    of_features = (RESIDUAL, 'features', _DISTANCE, NORMAL_FEATURES)
    has_features = any(name in trends for name in of_features[1:])
    if not has_classifier and ('injection' in trends or (RESIDUAL in trends and not has_features)):
        raise ValueError(
            'The trends of the calibration have tail probabilities, but there is no classifier '
            'of injected anomalies.'
        )
    if has_classifier:
        classified = any(t.column == INJECTION_LOG_ODDS for t in further_terms(scoring))
        needed = (RESIDUAL, 'injection', INJECTION_LOG_ODDS) if classified else (RESIDUAL,)
        _check_present(trends, needed, 'with a classifier of injected anomalies must have')
    if has_features:
        _check_present(trends, of_features, 'with features must have')


def _check_present(trends, needed, must):
    missing = [name for name in needed if name not in trends]
    if missing:
        raise ValueError(
            f'The trends of a calibration {must} {", ".join(needed)}; they lack '
            f'{", ".join(missing)}.'
        )


def with_sum(contributions, scores):
    """
    Contributions that add up to other scores.

    Parameters
    ----------
    contributions : dict of `~numpy.ndarray`, shape (n,)
        From `score_terms`.
    scores : `~numpy.ndarray`, shape (n,)
        Other scores of the same rows, such as cross-fitted ones.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        Scaled by a common factor where none is negative and there is such a factor; otherwise the
        first term takes the difference.
    """
    if not contributions:
        return {}
    found = np.array([*contributions.values()])
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        total = found.sum(axis=0)
        factor = scores / total
        scaled = (found >= 0).all(axis=0) & (total > 0) & (factor > 0) & np.isfinite(factor)
        changed = np.where(scaled, found * factor, found)
        shifted = ~scaled & (scores != total)
        changed[0] = np.where(shifted, scores - found[1:].sum(axis=0), changed[0])
    return dict(zip(contributions, changed, strict=True))


def _fit_features(trends, measurements, flux, n_normals):
    """Add what features are like, and distances of the normals; these, or None if none is known."""
    features = measurements[FEATURES]
    if not (np.isfinite(features).all(axis=1) & np.isfinite(flux)).any():
        return None
    normal = FeatureDistance().fit(features, n_normals=n_normals)
    distances = normal.transform_normals(features)
    trends[NORMAL_FEATURES] = normal
    trends[_DISTANCE] = BrightnessTrend().fit(distances, flux, n_normals=n_normals)
    return distances


def _odds_and_flux(measurements):
    """Odds of an injected anomaly, whose logarithm is compared by brightness, and brightness."""
    odds = np.exp(np.minimum(float_values(measurements[INJECTION_LOG_ODDS]), _MAX_LOG_ODDS))
    return odds, float_values(measurements['closest_flux'])


def _deviations(scoring, measurements, trends):
    """The sum A of deviations from normals of the same brightness, and its parts by column."""
    flux = float_values(measurements['closest_flux'])
    reliability = _reliability(measurements)

    def deviation(name):
        above = trends[name].transform(float_values(measurements[name]), flux)
        return np.where(above > 0, reliability * above, above)

    score = deviation(scoring.statistic)
    parts = {scoring.statistic: score}
    for name, margin in scoring.margins.items():
        parts[name] = np.zeros(len(score))
        if name not in trends:
            continue
        excess = deviation(name) - min(margin, trends[name].percentile_99_)
        # fmax: a term that is NaN, as behind masks, contributes nothing.
        parts[name] = 2 * huber(_SQUARED_TO, np.fmax(excess, 0))
        score = score + parts[name]
    if scoring.color_weight and COLOR in trends:
        # NaN, as above, is not higher; and where there is no S there is no score.
        color = scoring.color_weight * deviation(COLOR)
        higher = color > score
        with np.errstate(invalid='ignore'):
            parts[COLOR] = np.where(higher, color - score, 0)
        score = np.where(higher, color, score)
    return score, parts


def _divided(score, parts):
    """A score divided in proportion to the positive parts; to the first if none is positive."""
    positive = {name: np.fmax(part, 0) for name, part in parts.items()}
    # Where some are infinite, the others have no share.
    infinite = np.any([np.isinf(part) for part in positive.values()], axis=0)
    positive = {
        name: np.where(infinite, np.isinf(part), part).astype(float)
        for name, part in positive.items()
    }
    total = sum(positive.values())
    shares = {
        name: np.divide(part, total, out=np.zeros(len(score)), where=total > 0)
        for name, part in positive.items()
    }
    first = next(iter(shares))
    shares[first] = np.where(total > 0, shares[first], 1.0)
    with np.errstate(invalid='ignore'):  # no part of a score that is infinite
        return {name: np.where(share > 0, share * score, 0) for name, share in shares.items()}


def _reliability(measurements):
    """Factor of positive deviations: 1, less if too small a part of a stamp is used."""
    if 'used_fraction' not in measurements.colnames:
        return 1.0
    used = float_values(measurements['used_fraction'])
    return 1 - np.fmax(1 - used / MIN_USED_FRACTION, 0) ** 2
