"""`Calibration`: what is known of normal stamps, by which others are judged."""

from dataclasses import dataclass, field

import numpy as np

from astro_wgan.anomaly.conformal import conformal_p_values, conformal_threshold
from astro_wgan.anomaly.contamination import normal_probabilities
from astro_wgan.anomaly.scoring import BrightnessTrend, Scoring, plain_values

__all__ = ['LEVELS', 'Calibration']

#: Per cent of the normal images below the paper's thresholds 1, 2 and 3.
LEVELS = (85, 90, 95)
#: Parts of the held-out normals of which each is scored by the trends of the others.
_FOLDS = 20


@dataclass(frozen=True, eq=False)
class Calibration:
    """
    Scores of normal images, and what follows from them for others.

    NaN, masked scores and minus infinity, which stand for no score, are left out. Infinity is the
    highest score: a normal image that cannot be told from the strangest is no reason to trust the
    others less.

    Parameters
    ----------
    held_out : array_like, shape (n,)
        Scores of normal images that the networks were *not* trained on. They decide.
    training : array_like, optional
        Scores of those that they were trained on, as in the paper; reported beside.
    probabilities : array_like, shape (n,), optional
        That each of the held-out images is normal, by which it counts: see
        `~astro_wgan.anomaly.contamination.normal_probabilities`. 1 unless given.
    contamination : float, optional
        Share of the held-out images that are not normal, as given or as estimated.
    ids : array_like, shape (n,), optional
        Of the held-out images.
    noise : array_like, shape (n,), optional
        Theirs, by which they are told from others of the same ids.
    trends : dict of `~astro_wgan.anomaly.BrightnessTrend`, optional
        What normals have by brightness, by column of the misfit.
    conditions : `~astro_wgan.anomaly.drift.NormalConditions`, optional
        What normals were like.
    scoring : `~astro_wgan.anomaly.Scoring`, optional
        What the scores are made of.
    search : `~astro_wgan.anomaly.LatentSearch`, optional
        How the closest images were looked for.
    model : dict, optional
        What tells the networks from others, as `~astro_wgan.jobs.describe_model` says it.

    Raises
    ------
    ValueError
        If there is no score among them.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5: the thresholds 1, 2 and 3 contain 85, 90 and 95 per
    cent of the training images. Networks fit the images that they have seen better than others,
    which makes these thresholds too low for new images; held-out ones give an honest rate of
    false positives.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly import Calibration
    >>> calibration = Calibration(np.arange(1.0, 100.0))
    >>> calibration.thresholds()
    {85: 85.0, 90: 90.0, 95: 95.0}
    >>> calibration.p_value([50.0, 1000.0])
    array([0.51, 0.01])
    """

    held_out: np.ndarray
    training: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    contamination: float = 0.0
    ids: np.ndarray | None = None
    noise: np.ndarray | None = None
    trends: dict[str, BrightnessTrend] = field(default_factory=dict)
    conditions: object = None
    scoring: Scoring | None = None
    search: object = None
    model: dict | None = None

    def __post_init__(self):
        scores = _scores(self.held_out, 'held-out')
        kept = np.flatnonzero(scores > -np.inf)
        order = kept[np.argsort(scores[kept], kind='stable')]
        object.__setattr__(self, 'held_out', scores[order])
        for name in ('probabilities', 'ids', 'noise'):
            if getattr(self, name) is not None:
                values = np.asarray(getattr(self, name))
                if values.shape != scores.shape:
                    raise ValueError(
                        f'`{name}` must have one value for each of the {len(scores)} held-out '
                        f'scores; got {values.shape}.'
                    )
                object.__setattr__(self, name, values[order])
        if self.training is not None:
            training = _scores(self.training, 'training')
            object.__setattr__(self, 'training', np.sort(training[training > -np.inf]))

    @classmethod
    def fit(cls, held_out, *, scoring, training=None, contamination=0.0, search=None, model=None):
        """
        Learn what normals have.

        Parameters
        ----------
        held_out : `~astropy.table.QTable`
            Misfit of normal stamps that the model was not trained on.
        scoring : `~astro_wgan.anomaly.Scoring`
            What their scores are made of.
        training : `~astropy.table.QTable`, optional
            Misfit of stamps that it was trained on.
        contamination : float or 'estimate', optional
            Share of the held-out stamps that are not normal.
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
        The trends with brightness are fitted to all held-out normals, and a stamp to judge is
        scored by them. A held-out normal, lest it be compared with itself, is scored by trends that
        were fitted without it and its twentieth of the normals (cross-fitting): what it and a new
        normal have can then be exchanged, and p-values hold for few normals as for many.
        """
        trends = scoring.learn(held_out)
        scores = _cross_fitted(scoring, held_out, trends)
        probabilities = None
        if contamination:
            known = scores > -np.inf
            probabilities = np.ones(len(scores))
            probabilities[known], contamination = normal_probabilities(
                scores[known], contamination=contamination
            )
        # Not at the top: to count scores above a threshold takes no astropy.
        from astro_wgan.anomaly.drift import NormalConditions

        return cls(
            scores,
            training=None if training is None else scoring.score(training, trends),
            probabilities=probabilities if contamination else None,
            contamination=float(contamination),
            ids=np.asarray(held_out['id']) if 'id' in held_out.colnames else None,
            noise=plain_values(held_out['noise']) if 'noise' in held_out.colnames else None,
            trends=trends,
            conditions=NormalConditions.of(held_out),
            scoring=scoring,
            search=search,
            model=model,
        )

    def score(self, misfit, *, member=None):
        """
        Anomaly scores of stamps, comparable with the held-out ones.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            Of the stamps.
        member : array_like of bool, shape (n,), optional
            True for stamps that are among the held-out ones, by ``id`` and ``noise``: each has the
            score that it has there, which trends gave that do not know it.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)

        Raises
        ------
        ValueError
            If a stamp that is said to be among the held-out ones is not, or ``member`` is of
            another length.
        """
        scores = self.scoring.score(misfit, self.trends)
        if member is None or self.ids is None:
            return scores
        rows = np.flatnonzero(_members(member, scores.shape) & ~np.isnan(scores))
        ids = np.asarray(misfit['id'])[rows].tolist()
        place = {name: k for k, name in enumerate(self.ids.tolist())}
        known = np.array([place.get(name, -1) for name in ids], dtype=int)
        other = known < 0
        if self.noise is not None and 'noise' in misfit.colnames:
            # The same stamps, measured again, perhaps in another precision.
            noise = plain_values(misfit['noise'])[rows]
            other |= ~np.isclose(noise, self.noise[known], rtol=1e-3, atol=0, equal_nan=True)
        if other.any():
            raise ValueError(
                '`member` must be True only for stamps that the detector was calibrated on; '
                f'{other.sum()} are not among these, the first has the id '
                f'{ids[other.argmax()]!r}.'
            )
        scores[rows] = self.held_out[known]
        return scores

    def thresholds(self, levels=LEVELS, *, source='held-out'):
        """
        The scores below which given percentages of the normal images lie.

        Parameters
        ----------
        levels : sequence of float, optional
            Percentages, from 0 to 100.
        source : {'held-out', 'training'}, optional
            Whose scores.

        Returns
        -------
        dict of float
            By level. For n held-out scores the threshold is the k-th smallest with
            k = ceil(level (n + 1)): a new normal image lies above it with a probability of at most
            1 - level. It is infinite where n is too small to promise that, and minus infinity for
            level 0, above which all may lie. Those of training scores are percentiles.

        Raises
        ------
        ValueError
            If a level is no percentage, the source unknown, or not in this calibration.
        """
        for level in levels:
            if not 0 <= level <= 100:
                raise ValueError(f'`levels` must lie between 0 and 100 per cent; got {level}.')
        if source not in ('held-out', 'training'):
            raise ValueError(f"`source` must be 'held-out' or 'training'; got {source!r}.")
        if source == 'held-out':
            return {
                level: conformal_threshold(self.held_out, level, self.probabilities)
                for level in levels
            }
        if self.training is None:
            raise ValueError('This calibration holds no scores of training images.')
        return {level: _percentile(self.training, level) for level in levels}

    def p_value(self, scores, *, member=None):
        """
        Probability that a normal image has a score as high.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Anomaly scores; NaN and masked ones give NaN.
        member : array_like of bool, shape (n,), optional
            True for a score that is itself one of the held-out ones: it is compared with the
            others. Masked ones are not.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            (1 + number of held-out scores that are as high or higher) / (1 + their number): the
            conformal p-value, which for new normal images is never too small by more than chance.
            Where not all held-out images are normal, each counts by the probability that it is.
        """
        scores = plain_values(scores)
        itself = np.zeros(scores.shape)
        if member is not None:
            itself = _members(member, scores.shape).astype(float)
        if self.probabilities is not None:
            where = np.searchsorted(self.held_out, scores)
            itself = itself * self.probabilities[np.minimum(where, len(self.held_out) - 1)]
        return conformal_p_values(scores, self.held_out, self.probabilities, itself=itself)

    def to_dict(self):
        """Plain values of its scores for a file; what they belong to is beside them there."""
        scores = {
            name: None if values is None else values.tolist()
            for name in ('held_out', 'training', 'probabilities', 'ids', 'noise')
            for values in [getattr(self, name)]
        }
        return {**scores, 'contamination': self.contamination}


def _cross_fitted(scoring, misfit, trends):
    """Scores of which each is measured by trends that were fitted without it."""
    # Without a score, too: then no trend was fitted to it.
    scores = scoring.score(misfit, trends)
    rows = np.flatnonzero(~np.isnan(scores))
    if not scoring.by_brightness:
        return scores
    folds = min(len(rows), _FOLDS)
    # Of one normal nothing is known beside itself: it can be as strange as it likes.
    if folds == 1:
        scores[rows] = np.inf
        return scores
    part = np.random.default_rng(0).permutation(len(rows)) % max(folds, 1)
    for k in range(folds):
        # Degrees as those of all: the same trend, but for the stamps that are left out.
        fitted = scoring.learn(misfit[rows[part != k]], normals=len(rows))
        scores[rows[part == k]] = scoring.score(misfit[rows[part == k]], fitted)
    return scores


def _members(member, shape):
    """Which are among the held-out ones: not those of which it is masked."""
    values = plain_values(member)
    if values.shape != shape:
        raise ValueError(
            f'`member` must have one value for each score, {shape}; got {values.shape}.'
        )
    return values > 0


def _scores(values, kind):
    scores = plain_values(values).ravel()
    if not (scores > -np.inf).any():
        raise ValueError(f'A calibration needs scores of {kind} normal images; got none.')
    return scores


def _percentile(ordered, level):
    """As NumPy's; infinite where that lies between an infinite score and another one."""
    with np.errstate(invalid='ignore'):
        value = float(np.percentile(ordered, level))
    return np.inf if np.isnan(value) else value
