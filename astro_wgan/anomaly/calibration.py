"""From a misfit to a judgement: thresholds and p-values against normal images."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

__all__ = ['LEVELS', 'Calibration', 'q_values']

#: Per cent of the normal images below the paper's thresholds 1, 2 and 3.
LEVELS = (85, 90, 95)


@dataclass(frozen=True, eq=False)
class Calibration:
    """
    Scores of normal images, and what follows from them for others.

    NaN and minus infinity, which stand for no score, are left out. Infinity is the highest score:
    a normal image that cannot be told from the strangest is no reason to trust the others less.

    Parameters
    ----------
    held_out : array_like, shape (n,)
        Scores of normal images that the networks were *not* trained on. They decide.
    training : array_like, optional
        Scores of those that they were trained on, as in the paper; reported beside.

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

    def __post_init__(self):
        for name in ('held_out', 'training'):
            scores = getattr(self, name)
            if scores is None and name == 'training':
                continue
            scores = np.asarray(scores, dtype=float).ravel()
            scores = np.sort(scores[scores > -np.inf])
            if not len(scores):
                kind = name.replace('_', '-')
                raise ValueError(f'A calibration needs scores of {kind} normal images; got none.')
            object.__setattr__(self, name, scores)

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
            return {level: _conformal_threshold(self.held_out, level) for level in levels}
        if self.training is None:
            raise ValueError('This calibration holds no scores of training images.')
        return {level: _percentile(self.training, level) for level in levels}

    def p_value(self, scores, *, member=None):
        """
        Probability that a normal image has a score as high.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Anomaly scores; NaN gives NaN.
        member : array_like of bool, shape (n,), optional
            True for a score that is itself one of the held-out ones: it is compared with the
            others.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            (1 + number of held-out scores that are as high or higher) / (1 + their number): the
            conformal p-value, which for new normal images is never too small by more than chance.
        """
        scores = np.asarray(scores, dtype=float)
        n = len(self.held_out)
        higher = n - np.searchsorted(self.held_out, scores, side='left')
        itself = np.zeros(scores.shape, bool) if member is None else np.asarray(member, bool)
        p = (1 + higher - itself) / (1 + n - itself)
        return np.where(np.isnan(scores), np.nan, p)

    def to_dict(self):
        """Plain values for a file."""
        training = None if self.training is None else self.training.tolist()
        return {'held_out': self.held_out.tolist(), 'training': training}


def q_values(p_values):
    """
    False-discovery rate of the list that ends with each stamp.

    Parameters
    ----------
    p_values : array_like, shape (n,)
        Of all stamps of a survey; NaN for those without a score.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        The smallest rate at which the stamp is still in the list: of the stamps with q < 0.1, no
        more than a tenth are expected to be normal. NaN where there is no p-value.

    Notes
    -----
    Benjamini & Hochberg 1995 (J. R. Statist. Soc. B 57, 289), which holds for conformal p-values,
    too, although all of them are compared with the same held-out normals (Bates et al. 2023, Ann.
    Statist. 51, 149). With n of these no p-value is below 1 / (n + 1): where one stamp in a
    thousand is strange, thousands have to be held out before any can be told with a small rate.

    Examples
    --------
    >>> from astro_wgan.anomaly import q_values
    >>> q_values([0.001, 0.02, 0.5, 0.9]).round(3).tolist()
    [0.004, 0.04, 0.667, 0.9]
    """
    p_values = np.asarray(p_values, dtype=float)
    q = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        q[known] = false_discovery_control(p_values[known])
    return q


def _conformal_threshold(ordered, level):
    """The k-th smallest score; of the numbers before the first and after the last, infinities."""
    # Rounded first: 0.85 * 100 is a little more than 85 in floating point.
    rank = int(np.ceil(round(level * (len(ordered) + 1) / 100, 9)))
    return float(np.concatenate([[-np.inf], ordered, [np.inf]])[rank])


def _percentile(ordered, level):
    """As NumPy's; infinite where that lies between an infinite score and another one."""
    with np.errstate(invalid='ignore'):
        value = float(np.percentile(ordered, level))
    return np.inf if np.isnan(value) else value
