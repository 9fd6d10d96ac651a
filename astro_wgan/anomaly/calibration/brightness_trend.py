"""`BrightnessTrend`: a quantity of normal stamps as a function of their brightness."""

from dataclasses import asdict, dataclass, fields

import numpy as np

__all__ = ['BrightnessTrend']

#: Number of normals from which on these degrees of the two polynomials, mean and scatter, are used.
_DEGREES = {0: (0, 0), 30: (1, 1), 100: (2, 1), 1000: (4, 2)}
#: Deviations beyond this many scatters are clipped, in this many iterations: some of the normals
#: may be anomalies.
_CLIP, _ITERATIONS = 3.0, 5
#: Stamps brighter than this many times the median flux (ten magnitudes) are left out of the fit.
_BRIGHTEST = 1e4
#: Mean absolute deviation of a normal distribution with a standard deviation of 1.
_MEAN_DEVIATION = np.sqrt(2 / np.pi)
#: Lower limit of the scatter in units of its mean, so that no brightness has a scatter of nearly 0.
_MIN_SCATTER = 0.3


# A dataclass, so that fingerprints of work contain what it has learned.
@dataclass(eq=False, repr=False)
class BrightnessTrend:
    r"""
    Mean and scatter of the logarithm of a quantity of normal stamps, as functions of brightness.

    Attributes
    ----------
    flux_scale_ : float
        Median of the absolute fluxes, F0.
    range_ : tuple of float
        Range of u = asinh(F / F0) of the normals. Outside of it the trend is constant.
    mean_coefficients_, scatter_coefficients_ : list of float
        Coefficients of the polynomials in u, highest power first: mean of the logarithm, and mean
        absolute deviation from it.
    min_scatter_ : float
        Lower limit of the mean absolute deviation.
    percentile_99_ : float
        99th percentile of the deviations of the normals, in standard deviations.

    Notes
    -----
    The deviation of a quantity *q* from that of normal stamps of the same brightness is

    .. math::

       t_q = \frac{\ln q - \mu_q(u)}{\sigma_q(u)}, \qquad u = \operatorname{asinh}(F / F_0)

    with polynomials :math:`\mu_q` and :math:`\sigma_q`. The scatter is fitted to the deviations
    above the mean alone, since anomalies lie above it and the distribution of normals is skewed.
    Normals more than three standard deviations from the mean are clipped, in five iterations, and
    so are those ten magnitudes brighter than the median.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly import BrightnessTrend
    >>> rng = np.random.default_rng(1)
    >>> flux = rng.lognormal(size=1000)
    >>> quantity = np.exp(0.3 * np.arcsinh(flux) + rng.normal(scale=0.1, size=1000))
    >>> deviation = BrightnessTrend().fit(quantity, flux).transform(quantity, flux)
    >>> bool(abs(deviation.mean()) < 0.1 and abs(deviation.std() - 1) < 0.1)
    True
    """

    flux_scale_: float | None = None
    range_: tuple[float, float] | None = None
    mean_coefficients_: list[float] | None = None
    scatter_coefficients_: list[float] | None = None
    min_scatter_: float | None = None
    percentile_99_: float | None = None

    def __repr__(self):
        if self.flux_scale_ is None:
            return '<BrightnessTrend: not fitted>'
        degrees = len(self.mean_coefficients_) - 1, len(self.scatter_coefficients_) - 1
        return f'<BrightnessTrend: degrees {degrees}, flux scale {self.flux_scale_:.4g}>'

    def fit(self, quantity, flux, *, n_normals=None):
        """
        Fit the trend to normal stamps.

        Parameters
        ----------
        quantity, flux : array_like, shape (n,)
            The quantity, above 0, and the fluxes of the closest images. Rows that are not finite
            are ignored.
        n_normals : int, optional
            Number of normals from which the degrees of the polynomials follow, if only part of
            them is given, as in cross-fitting; by default the number of usable rows.

        Returns
        -------
        BrightnessTrend
            This object.

        Raises
        ------
        ValueError
            If no row is finite.
        """
        quantity, flux = np.asarray(quantity, dtype=float), np.asarray(flux, dtype=float)
        good = np.isfinite(quantity) & np.isfinite(flux)
        if not good.any():
            raise ValueError('A calibration needs scores of held-out normal stamps; got none.')
        self.flux_scale_ = float(np.median(np.abs(flux[good]))) or 1.0
        good &= np.abs(flux) <= _BRIGHTEST * self.flux_scale_
        x, y = self._abscissa(flux[good], clip=False), _logarithm(quantity[good])
        self.range_ = (float(x.min()), float(x.max()))
        n_normals = len(x) if n_normals is None else n_normals
        degree, scatter_degree = next(
            degrees for least, degrees in reversed(_DEGREES.items()) if n_normals >= least
        )
        kept = np.ones(len(x), dtype=bool)
        for _ in range(_ITERATIONS):
            self.mean_coefficients_ = _polynomial(x[kept], y[kept], degree)
            deviation = y - np.polyval(self.mean_coefficients_, x)
            above = kept & (deviation > 0)
            self.scatter_coefficients_ = _polynomial(x[above], deviation[above], scatter_degree)
            self.min_scatter_ = float(_MIN_SCATTER * np.abs(deviation[kept]).mean())
            kept = np.abs(deviation) <= _CLIP * self._scatter(x)
        self.percentile_99_ = float(np.quantile(deviation / self._scatter(x), 0.99))
        return self

    def transform(self, quantity, flux):
        """
        Deviation from normal stamps of the same brightness.

        Parameters
        ----------
        quantity, flux : array_like, shape (n,)
            As for `fit`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            In standard deviations; NaN where an input is NaN.

        Raises
        ------
        `~astro_wgan.exceptions.NotFittedError`
            If the trend has not been fitted.
        """
        if self.flux_scale_ is None:
            # Imported here, since applying thresholds needs no astropy.
            from astro_wgan.exceptions import NotFittedError

            raise NotFittedError('This trend has not been fitted: call `fit`.')
        x = self._abscissa(np.asarray(flux, dtype=float), clip=True)
        deviation = _logarithm(np.asarray(quantity, dtype=float))
        deviation = deviation - np.polyval(self.mean_coefficients_, x)
        return deviation / self._scatter(x)

    def to_dict(self):
        """Fitted attributes as plain values, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Trend from the values of `to_dict`."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def _abscissa(self, flux, *, clip):
        x = np.arcsinh(flux / self.flux_scale_)
        return np.clip(x, *self.range_) if clip else x

    def _scatter(self, x):
        mean_deviation = np.maximum(np.polyval(self.scatter_coefficients_, x), self.min_scatter_)
        # With one normal, or equal ones, the scatter is 0: avoid a division by it.
        return np.maximum(mean_deviation / _MEAN_DEVIATION, np.finfo(np.float32).tiny)


def _logarithm(quantity):
    return np.log(np.maximum(quantity, np.finfo(np.float32).tiny))


def _polynomial(x, y, degree):
    # Fewer different fluxes than coefficients do not determine the polynomial.
    degree = min(degree, len(np.unique(x)) - 1)
    return [0.0] if degree < 0 else [float(c) for c in np.polyfit(x, y, degree)]
