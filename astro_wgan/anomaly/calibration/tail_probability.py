"""`TailProbability`: how rarely normal stamps have a quantity as high, as a logarithm."""

from dataclasses import asdict, dataclass, fields

import numpy as np

__all__ = ['TailProbability']

#: Values of normals that are kept, at most.
_MAX_KNOTS = 256
#: Fraction of the normals below the tail.
_TAIL = 0.9
#: Least number of values from which the mean excess is taken, unless these are more than half.
_MIN_EXCESSES = 10


# A dataclass, so that fingerprints of work contain what it has learned.
@dataclass(eq=False, repr=False)
class TailProbability:
    r"""
    Logarithm of the probability that a normal stamp has a value at least as high.

    Attributes
    ----------
    values_ : list of float
        Values of normals in increasing order up to their 90th percentile, at most 256, and this.
    log_probabilities_ : list of float
        :math:`-\log_{10} p` of each of them.
    mean_excess_ : float
        Scale of the exponential tail.
    n_normals_ : int
        Number of normals.

    Notes
    -----
    With *n* normals of the values :math:`v_1 \dots v_n` and their 90th percentile :math:`v_{90}`,

    .. math::

       p(v) = \begin{cases}
          \frac{1 + \#\{i : v_i \ge v\}}{1 + n} & v = v_i \le v_{90} \\
          p(v_{90}) \exp\left(-\frac{v - v_{90}}{\langle v_i - v_{90} \rangle}\right) & v > v_{90}
          \end{cases}

    where the mean is over the normals above :math:`v_{90}`. Between values of normals,
    :math:`-\log_{10} p` is interpolated linearly, so that it rises strictly from the lowest value
    on; below, it is that of the lowest. Counts alone would be equal for all values above those of
    the normals. Exponential tails are those of values beyond a high threshold in many distributions
    (the generalized Pareto distribution of shape 0, Pickands 1975, Ann. Statist. 3, 119).

    Of fewer than 100 normals, the mean is that of the excess of the ten highest, or of the higher
    half, over the percentile that these lie above: for an exponential tail it is the same. If none
    is higher, as with equal values, it is taken as 1. Infinite values count, but are not in the
    mean.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.calibration.tail_probability import TailProbability
    >>> normals = np.random.default_rng(1).exponential(size=10_000)
    >>> tail = TailProbability().fit(normals)
    >>> tail.transform(np.log(10) * np.array([0.5, 1.0, 3.0])).round(1).tolist()
    [0.5, 1.0, 3.0]
    """

    values_: list[float] | None = None
    log_probabilities_: list[float] | None = None
    mean_excess_: float | None = None
    n_normals_: int | None = None

    def __repr__(self):
        if self.values_ is None:
            return '<TailProbability: not fitted>'
        return f'<TailProbability: of {self.n_normals_} normals>'

    def fit(self, values):
        """
        Learn the distribution of the values of normal stamps.

        Parameters
        ----------
        values : array_like, shape (n,)
            NaN are ignored.

        Returns
        -------
        TailProbability
            This object.

        Raises
        ------
        ValueError
            If no value is finite.
        """
        values = np.asarray(values, dtype=float)
        ordered = np.sort(values[~np.isnan(values)])
        finite = ordered[np.isfinite(ordered)]
        if not len(finite):
            raise ValueError('A tail probability needs finite values of normal stamps; got none.')
        known = np.unique(finite)
        as_high = len(ordered) - np.searchsorted(ordered, known, side='left')
        logarithms = np.log10((1 + len(ordered)) / (1 + as_high))
        # Interpolated, since it would jump from one value to another with the number of normals.
        last = np.quantile(finite, _TAIL)
        knots = known[known < last]
        if len(knots) >= _MAX_KNOTS:
            knots = knots[np.linspace(0, len(knots) - 1, _MAX_KNOTS - 1).round().astype(int)]
        knots = np.append(knots, last)
        self.values_ = knots.tolist()
        self.log_probabilities_ = np.interp(knots, known, logarithms).tolist()
        self.mean_excess_ = _mean_excess(finite)
        self.n_normals_ = len(ordered)
        return self

    def transform(self, values):
        """
        How rarely a normal stamp has a value at least as high.

        Parameters
        ----------
        values : array_like, shape (n,)
            As for `fit`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            -log10 p, at least 0; NaN where the value is NaN, infinite where it is infinite.

        Raises
        ------
        `~astro_wgan.exceptions.NotFittedError`
            If it has not been fitted.
        """
        if self.values_ is None:
            # Imported here, since applying thresholds needs no astropy.
            from astro_wgan.exceptions import NotFittedError

            raise NotFittedError('This tail probability has not been fitted: call `fit`.')
        values = np.asarray(values, dtype=float)
        found = np.interp(values, self.values_, self.log_probabilities_)
        with np.errstate(over='ignore'):
            excess = np.maximum(values - self.values_[-1], 0) / self.mean_excess_
        return found + excess * np.log10(np.e)

    def to_dict(self):
        """Fitted attributes as plain values, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Tail probability from the values of `to_dict`."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def _mean_excess(finite):
    """Mean excess over the percentile above which enough values lie; 1 if none lies above it."""
    part = min(0.5, max(1 - _TAIL, _MIN_EXCESSES / len(finite)))
    threshold = np.quantile(finite, 1 - part)
    above = finite[finite > threshold]
    return float(max(np.mean(above - threshold), np.finfo(np.float32).tiny)) if len(above) else 1.0
