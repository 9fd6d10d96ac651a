"""`Calibration`: scores of normal stamps, and the thresholds and p-values that follow from them."""

from dataclasses import dataclass, field

import numpy as np

from astro_wgan.anomaly.calibration.brightness_trend import BrightnessTrend
from astro_wgan.anomaly.calibration.conformal import (
    conformal_p_values,
    conformal_threshold,
    float_values,
)
from astro_wgan.anomaly.calibration.contamination import normal_probabilities
from astro_wgan.anomaly.calibration.tail_probability import TailProbability
from astro_wgan.anomaly.combined_score import RESIDUAL, with_sum
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.search_config import LatentSearchConfig
from astro_wgan.validation.id_values import id_values

__all__ = ['PERCENTILES', 'Calibration']

#: Percentiles of the normal scores that are the thresholds 1, 2 and 3 of the paper.
PERCENTILES = (85, 90, 95)
#: Folds of the cross-fitting of trends to the held-out normals.
_FOLDS = 20
#: Power of a sum of logarithms of probabilities that follows a Gumbel distribution best, as scores
#: do of which the contamination is estimated. The sum itself is more skewed, and a tenth of pure
#: normals would be taken for anomalies. The power errs to the other side.
_GUMBEL_POWER = 0.6


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """
    Scores of normal stamps, to which others are compared.

    NaN, masked scores and minus infinity, which mean "no score", are left out. Infinity is the
    highest score.

    Parameters
    ----------
    held_out_scores : array_like, shape (n,)
        Scores of normal stamps that the networks were *not* trained on. P-values and flags are
        based on these.
    training_scores : array_like, optional
        Scores of stamps that the networks were trained on, as in the paper.
    probabilities : array_like, shape (n,), optional
        Probability that each of the held-out stamps is normal, used as its weight: see
        `~astro_wgan.anomaly.calibration.contamination.normal_probabilities`. By default 1.
    contamination : float, optional
        Fraction of anomalies among the held-out stamps, as given or as estimated.
    ids : array_like, shape (n,), optional
        Ids of the held-out stamps.
    noise_rms : array_like, shape (n,), optional
        Their noise, which distinguishes them from other stamps with the same ids.
    trends : dict, optional
        Distributions of the terms of the score for normal stamps, from
        `~astro_wgan.anomaly.ScoringConfig.fit_trends`.
    conditions : `~astro_wgan.anomaly.calibration.drift.NormalConditions`, optional
        Noise, brightness, positions and sky of the normal stamps.
    scoring : `~astro_wgan.anomaly.ScoringConfig`, optional
        Configuration of the scores.
    search : `~astro_wgan.anomaly.LatentSearchConfig`, optional
        Configuration of the search for the closest images.
    model : dict, optional
        Description of the networks, from `~astro_wgan.jobs.describe_model`.

    Raises
    ------
    ValueError
        If there is no score among them.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5: the thresholds 1, 2 and 3 are the 85th, 90th and
    95th percentile of the scores of the training set. Networks fit the images of their training set
    better than others, so that these thresholds are too low for new images. Those of held-out
    images give the nominal rate of false positives.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly import Calibration
    >>> calibration = Calibration(np.arange(1.0, 100.0))
    >>> calibration
    <Calibration: 99 held-out scores, 0 training scores>
    >>> calibration.thresholds()
    {85: 85.0, 90: 90.0, 95: 95.0}
    >>> calibration.p_values([50.0, 1000.0])
    array([0.51, 0.01])
    """

    held_out_scores: np.ndarray
    training_scores: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    contamination: float = 0.0
    ids: np.ndarray | None = None
    noise_rms: np.ndarray | None = None
    trends: dict[str, BrightnessTrend | TailProbability] = field(default_factory=dict)
    conditions: object = None
    scoring: ScoringConfig | None = None
    search: LatentSearchConfig | None = None
    model: dict | None = None

    def __post_init__(self):
        scores = _checked_scores(self.held_out_scores, 'held-out')
        kept = np.flatnonzero(scores > -np.inf)
        order = kept[np.argsort(scores[kept], kind='stable')]
        object.__setattr__(self, 'held_out_scores', scores[order])
        for name in ('probabilities', 'ids', 'noise_rms'):
            if getattr(self, name) is not None:
                # Ids of a FITS file are bytes.
                values = id_values(getattr(self, name))
                if values.shape != scores.shape:
                    raise ValueError(
                        f'`{name}` must have one value for each of the {len(scores)} held-out '
                        f'scores; got {values.shape}.'
                    )
                object.__setattr__(self, name, values[order])
        if self.training_scores is not None:
            training = _checked_scores(self.training_scores, 'training')
            object.__setattr__(self, 'training_scores', np.sort(training[training > -np.inf]))

    def __repr__(self):
        n_training = 0 if self.training_scores is None else len(self.training_scores)
        estimated = f', contamination {self.contamination:.2g}' if self.contamination else ''
        return (
            f'<Calibration: {len(self.held_out_scores)} held-out scores, {n_training} training '
            f'scores{estimated}>'
        )

    @classmethod
    def from_measurements(
        cls, held_out, *, scoring, training=None, contamination=0.0, search=None, model=None
    ):
        """
        Calibration from measurements of normal stamps.

        Parameters
        ----------
        held_out : `~astropy.table.QTable`
            Normal stamps that the model was not trained on, from
            `~astro_wgan.anomaly.measure_residual_statistics`.
        scoring : `~astro_wgan.anomaly.ScoringConfig`
            Configuration of the score.
        training : `~astropy.table.QTable`, optional
            The same for stamps that it was trained on.
        contamination : float or 'estimate', optional
            Fraction of anomalies among the held-out stamps.
        search, model
            As for `Calibration`.

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If no held-out stamp has a score.

        Notes
        -----
        The brightness trends, and with a classifier the tail probabilities, are fitted to all
        held-out normals and applied to new stamps. The score of a held-out normal is based on those
        fitted without its twentieth of the normals (cross-fitting), so that scores of held-out and
        of new normals are exchangeable and p-values hold for small samples, too.
        """
        # Imported here, since counting scores above a threshold needs no astropy.
        from astro_wgan.anomaly.calibration.drift import NormalConditions

        trends = scoring.fit_trends(held_out)
        scores = _cross_fitted_scores(scoring, held_out, trends)
        probabilities = None
        if contamination:
            known = scores > -np.inf
            probabilities = np.ones(len(scores))
            like_gumbel = scores[known]
            if RESIDUAL in trends:
                like_gumbel = like_gumbel**_GUMBEL_POWER
            probabilities[known], contamination = normal_probabilities(
                like_gumbel, contamination=contamination
            )
        names = held_out.colnames
        return cls(
            scores,
            training_scores=None if training is None else scoring.score(training, trends),
            probabilities=probabilities if contamination else None,
            contamination=float(contamination),
            ids=np.asarray(held_out['id']) if 'id' in names else None,
            noise_rms=float_values(held_out['noise_rms']) if 'noise_rms' in names else None,
            trends=trends,
            conditions=NormalConditions.from_measurements(held_out),
            scoring=scoring,
            search=search,
            model=model,
        )

    def score(self, measurements, *, in_calibration=None):
        """
        Anomaly scores of stamps, comparable with the held-out ones.

        Parameters
        ----------
        measurements : `~astropy.table.QTable`
            Measurements of the stamps.
        in_calibration : array_like of bool, shape (n,), optional
            True for stamps that are among the held-out ones, matched by ``id`` and ``noise_rms``.
            These have their cross-fitted score.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)

        Raises
        ------
        ValueError
            If ``in_calibration`` has another length, or is True for a stamp that is not among the
            held-out ones.
        """
        scores = self.scoring.score(measurements, self.trends)
        if in_calibration is None or self.ids is None:
            return scores
        rows = np.flatnonzero(_checked_flags(in_calibration, scores.shape) & ~np.isnan(scores))
        ids = id_values(measurements['id'])[rows].tolist()
        index = {name: k for k, name in enumerate(self.ids.tolist())}
        matched = np.array([index.get(name, -1) for name in ids], dtype=int)
        other = matched < 0
        if self.noise_rms is not None and 'noise_rms' in measurements.colnames:
            # A tolerance, as the same stamps may be measured again in another precision.
            noise = float_values(measurements['noise_rms'])[rows]
            expected = self.noise_rms[matched]
            other |= ~np.isclose(noise, expected, rtol=1e-3, atol=0, equal_nan=True)
        if other.any():
            raise ValueError(
                '`in_calibration` must be True only for stamps that the detector was calibrated '
                f'on; {other.sum()} are not among these, the first has the id '
                f'{ids[other.argmax()]!r}.'
            )
        scores[rows] = self.held_out_scores[matched]
        return scores

    def contributions(self, measurements, scores):
        """
        What each term contributes to scores of these stamps.

        Parameters
        ----------
        measurements : `~astropy.table.QTable`
            Measurements of the stamps.
        scores : `~numpy.ndarray`, shape (n,)
            Their scores, from `score`.

        Returns
        -------
        dict of `~numpy.ndarray`, shape (n,)
            See `~astro_wgan.anomaly.ScoringConfig.contributions`. Those of a stamp with a
            cross-fitted score are scaled to this sum; where that is not possible, because some are
            negative, the first takes the difference.
        """
        return with_sum(self.scoring.contributions(measurements, self.trends), scores)

    def thresholds(self, percentiles=PERCENTILES, *, reference='held-out'):
        """
        Percentiles of the normal scores, as thresholds of anomalies.

        Parameters
        ----------
        percentiles : sequence of float, optional
            From 0 to 100.
        reference : {'held-out', 'training'}, optional
            Scores to use.

        Returns
        -------
        dict of float
            By percentile. The threshold of percentile P from n held-out scores is the k-th
            smallest, k = ceil(P (n + 1) / 100): a new normal stamp is above it with a probability
            of at most 1 - P / 100. It is infinite if n is too small to guarantee that, and minus
            infinity for percentile 0. Those of training scores are ordinary percentiles.

        Raises
        ------
        ValueError
            If a percentile is out of range, or the calibration has no scores of the ``reference``.
        """
        for percentile in percentiles:
            if not 0 <= percentile <= 100:
                raise ValueError(f'`percentiles` must lie between 0 and 100; got {percentile}.')
        if reference not in ('held-out', 'training'):
            raise ValueError(f"`reference` must be 'held-out' or 'training'; got {reference!r}.")
        if reference == 'held-out':
            return {
                percentile: conformal_threshold(
                    self.held_out_scores, percentile, self.probabilities
                )
                for percentile in percentiles
            }
        if self.training_scores is None:
            raise ValueError('This calibration has no scores of training images.')
        return {p: _percentile(self.training_scores, p) for p in percentiles}

    def p_values(self, scores, *, in_calibration=None):
        """
        Probability that a normal stamp has a score at least as high.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Anomaly scores; NaN and masked ones give NaN.
        in_calibration : array_like of bool, shape (n,), optional
            True for scores that are among the held-out ones: each is compared with the others.
            Masked values mean False.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            (1 + number of held-out scores at least as high) / (1 + their number): the conformal
            p-value, which is valid for new normal stamps. If some of the held-out stamps may be
            anomalies, each is weighted by the probability that it is normal.
        """
        scores = float_values(scores)
        own_weight = np.zeros(scores.shape)
        if in_calibration is not None:
            own_weight = _checked_flags(in_calibration, scores.shape).astype(float)
        if self.probabilities is not None:
            index = np.searchsorted(self.held_out_scores, scores)
            own_weight = (
                own_weight * self.probabilities[np.minimum(index, len(self.held_out_scores) - 1)]
            )
        return conformal_p_values(
            scores, self.held_out_scores, self.probabilities, own_weight=own_weight
        )

    def to_dict(self):
        """Plain values of its scores, for a file, in which the configurations are stored apart."""
        scores = {
            name: None if values is None else values.tolist()
            for name in ('held_out_scores', 'training_scores', 'probabilities', 'ids', 'noise_rms')
            for values in [getattr(self, name)]
        }
        return {**scores, 'contamination': self.contamination}


def _cross_fitted_scores(scoring, measurements, trends):
    """Scores of normals, each from trends that were fitted without it."""
    scores = scoring.score(measurements, trends)
    # Stamps without a score do not take part in a fit either.
    rows = np.flatnonzero(~np.isnan(scores))
    if not scoring.by_brightness:
        return scores
    folds = min(len(rows), _FOLDS)
    # A single normal leaves none to compare it with: its score is the highest possible.
    if folds == 1:
        scores[rows] = np.inf
        return scores
    fold = np.random.default_rng(0).permutation(len(rows)) % max(folds, 1)
    for k in range(folds):
        # Polynomials of the same degrees as in the fit to all normals.
        fitted = scoring.fit_trends(measurements[rows[fold != k]], n_normals=len(rows))
        scores[rows[fold == k]] = scoring.score(measurements[rows[fold == k]], fitted)
    return scores


def _checked_flags(in_calibration, shape):
    """As bool; False where masked."""
    values = float_values(in_calibration)
    if values.shape != shape:
        raise ValueError(
            f'`in_calibration` must have one value for each score, {shape}; got {values.shape}.'
        )
    return values > 0


def _checked_scores(values, name):
    scores = float_values(values).ravel()
    if not (scores > -np.inf).any():
        raise ValueError(f'A calibration needs scores of {name} normal stamps; got none.')
    return scores


def _percentile(ordered, percentile):
    """As `numpy.percentile`; infinite where that interpolates between infinity and a number."""
    with np.errstate(invalid='ignore'):
        value = float(np.percentile(ordered, percentile))
    return np.inf if np.isnan(value) else value
