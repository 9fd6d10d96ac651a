"""Which number of the misfit ranks the stamps, and what it is measured against."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ['BrightnessTrend', 'Scoring', 'peak', 'plain_values', 'structure', 'structure_map']

_STATISTICS = ('structure', 'residual', 'feature', 'paper')

# So many normals for a trend of each degree: none, a line, a parabola.
_FEW, _SOME = 30, 100
#: A deviation of more than this many scatters does not shape the trend: normals in name only.
_CLIP, _ROUNDS = 3.0, 5
#: Mean absolute deviation of a normal distribution with the standard deviation 1.
_MEAN_DEVIATION = np.sqrt(2 / np.pi)
#: The scatter is nowhere less than this share of its mean, lest a few stamps make all else strange.
_LEAST_SCATTER = 0.3


@dataclass(frozen=True)
class Scoring:
    """
    What the anomaly score is made of.

    Parameters
    ----------
    statistic : {'structure', 'residual', 'feature', 'paper'}
        ``'structure'``: mean absolute residual after smoothing, so that noise averages out and
        what has a shape stays. ``'residual'`` and ``'feature'``: L_R and L_F. ``'paper'``: the
        paper's anomaly score, the loss of the search.
    smoothing : float
        Standard deviation in pixels of the Gaussian that the residual is smoothed with; that of
        the PSF, or a little more, is best. 0 for none.
    reach : float or None
        Pixels count the less, the farther they are from the centre of the stamp, where the galaxy
        is: by a Gaussian with this standard deviation, as a share of the edge. None: all alike.
        It changes ``structure`` alone.
    by_brightness : bool
        Measure each stamp against normals that are as bright: the score then says by how many
        standard deviations it lies above them. What is bright has more structure of every kind,
        and a single threshold would find bright galaxies rather than strange ones.
    peak_margin : float or None
        What is sharper than the smoothing (a hot pixel, a trail, a bad edge), and so than anything
        that was seen through the telescope, shows in the largest difference of a pixel from the
        smoothed residual. That, too, is measured against normals as bright, and counts where it
        lies so many standard deviations farther above them than the statistic does. None: it does
        not count. Without ``by_brightness`` it never does.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan.anomaly import Scoring
    >>> Scoring.paper()
    Scoring(statistic='paper', smoothing=0.0, reach=None, by_brightness=False, peak_margin=None)
    """

    statistic: str = 'structure'
    smoothing: float = 1.5
    reach: float | None = 0.3
    by_brightness: bool = True
    peak_margin: float | None = 2.0

    def __post_init__(self):
        if self.statistic not in _STATISTICS:
            raise ValueError(f'`statistic` must be one of {_STATISTICS}; got {self.statistic!r}.')
        if not self.smoothing >= 0:
            raise ValueError(f'`smoothing` must not be negative; got {self.smoothing}.')
        if self.reach is not None and not self.reach > 0:
            raise ValueError(f'`reach` must be above 0, or None; got {self.reach}.')

    @classmethod
    def paper(cls):
        """The score of Margalef-Bentabol et al. 2020, section 3.5, as it is."""
        return cls('paper', smoothing=0.0, reach=None, by_brightness=False, peak_margin=None)

    def measure(self, residual, weights):
        """
        What is measured of residuals, by column: ``structure`` and ``peak``.

        Parameters
        ----------
        residual, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            As for `structure`.

        Returns
        -------
        dict of `~numpy.ndarray`, shape (n,)
        """
        smooth = _smoothed(residual, weights, self.smoothing)
        sharp = residual - smooth if self.smoothing else residual
        return {
            'structure': _shares(smooth, weights, self.reach).sum(axis=(1, 2, 3)),
            'peak': _largest(sharp, weights),
        }

    def contributions(self, residual, weights):
        """What each pixel adds to ``structure``: see `structure_map`."""
        return structure_map(residual, weights, smoothing=self.smoothing, reach=self.reach)

    def learn(self, misfit):
        """
        What normals of a given brightness have.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            Of normal stamps, from `measure_misfit`.

        Returns
        -------
        dict of `BrightnessTrend`
            By column, for `score`; empty without ``by_brightness``.
        """
        if not self.by_brightness:
            return {}
        flux = plain_values(misfit['closest_flux'])
        return {
            name: BrightnessTrend().fit(plain_values(misfit[name]), flux) for name in self._columns
        }

    def score(self, misfit, trends):
        """
        The anomaly score of each row.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            From `measure_misfit`.
        trends : dict of `BrightnessTrend`
            From `learn`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
        """
        if not self.by_brightness:
            return plain_values(misfit[self._columns[0]])
        flux = plain_values(misfit['closest_flux'])
        sigmas = [
            trends[name].transform(plain_values(misfit[name]), flux) for name in self._columns
        ]
        if self.peak_margin is None:
            return sigmas[0]
        return np.maximum(sigmas[0], sigmas[1] - self.peak_margin)

    @property
    def _columns(self):
        name = 'paper_score' if self.statistic == 'paper' else self.statistic
        return (name,) if self.peak_margin is None else (name, 'peak')


def structure(residual, weights, *, smoothing, reach=None):
    """
    Mean absolute residual of each image after smoothing.

    Parameters
    ----------
    residual : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Images less their closest images, in stretched intensity.
    weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        1 for a pixel to use, less for one that is noisier, 0 for a masked one: neither it nor its
        value counts.
    smoothing : float
        Standard deviation of the Gaussian in pixels.
    reach : float, optional
        Of the Gaussian around the centre by which pixels count, as a share of the edges.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        NaN where no pixel can be used.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.scoring import structure
    >>> residual = np.ones((1, 8, 8, 1))
    >>> structure(residual, np.ones_like(residual), smoothing=1.0).round(6).tolist()
    [1.0]
    """
    return structure_map(residual, weights, smoothing=smoothing, reach=reach).sum(axis=(1, 2, 3))


def structure_map(residual, weights, *, smoothing, reach=None):
    """
    What each pixel contributes to the `structure` of its image, which is their sum.

    Parameters
    ----------
    residual, weights, smoothing, reach
        As for `structure`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        NaN in an image of which no pixel can be used.
    """
    return _shares(_smoothed(residual, weights, smoothing), weights, reach)


def peak(residual, weights, *, smoothing):
    """
    Largest absolute difference of a pixel from the smoothed residual around it.

    Parameters
    ----------
    residual, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        As for `structure`. Differences are multiplied by the square root of their weight.
    smoothing : float
        Standard deviation of the Gaussian in pixels; 0 for the largest residual itself.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        NaN where no pixel can be used.
    """
    smooth = _smoothed(residual, weights, smoothing) if smoothing else 0
    return _largest(residual - smooth, weights)


def _smoothed(residual, weights, smoothing):
    """Weighted mean around each pixel."""
    residual = np.asarray(residual, dtype=np.float32)
    if not smoothing:
        return residual
    weights = np.asarray(weights, dtype=np.float32)
    widths = (0, smoothing, smoothing, 0)
    seen = gaussian_filter(weights, widths)
    return gaussian_filter(weights * residual, widths) / np.maximum(seen, 1e-6)


def _shares(smooth, weights, reach):
    weights = np.asarray(weights, dtype=np.float32)
    if reach is not None:
        weights = weights * _around_centre(smooth.shape[1:3], reach)
    used = weights.sum(axis=(1, 2, 3), keepdims=True)
    with np.errstate(invalid='ignore'):
        return weights * np.abs(smooth) / used


def _largest(difference, weights):
    seen = np.where(weights > 0, np.sqrt(weights) * np.abs(difference), -np.inf)
    largest = seen.max(axis=(1, 2, 3), initial=-np.inf)
    return np.where(np.isneginf(largest), np.nan, largest)


def _around_centre(shape, reach):
    y, x = ((np.arange(n) - (n - 1) / 2) / (reach * n) for n in shape)
    falling = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2)
    return falling[..., np.newaxis].astype(np.float32)


class BrightnessTrend:
    """
    What score a normal stamp of a given brightness has, and how much such scores scatter.

    Attributes
    ----------
    flux_scale_ : float
        Median of the absolute fluxes; the trends are polynomials of
        ``asinh(flux / flux_scale_)``.
    range_ : tuple of float
        Where that was known; beyond, the trends stay what they are at its ends.
    level_, scatter_ : list of float
        Coefficients, highest power first, of the logarithm of the score and of its scatter.
    least_scatter_ : float
        Its scatter is nowhere taken to be less.

    Notes
    -----
    Stamps that lie more than three scatters from the trend are left out of it, five times over:
    among the normals of a real field some are not.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.scoring import BrightnessTrend
    >>> rng = np.random.default_rng(1)
    >>> flux = rng.lognormal(size=1000)
    >>> score = np.exp(0.3 * np.arcsinh(flux) + rng.normal(scale=0.1, size=1000))
    >>> sigma = BrightnessTrend().fit(score, flux).transform(score, flux)
    >>> bool(abs(sigma.mean()) < 0.1 and abs(sigma.std() - 1) < 0.1)
    True
    """

    def fit(self, score, flux):
        """
        Learn the trend from normal stamps.

        Parameters
        ----------
        score, flux : array_like, shape (n,)
            Their scores, above 0, and the fluxes of their closest images. Rows that are not finite
            are left out.

        Returns
        -------
        BrightnessTrend
            This object.

        Raises
        ------
        ValueError
            If no row can be used.
        """
        score, flux = np.asarray(score, dtype=float), np.asarray(flux, dtype=float)
        good = np.isfinite(score) & np.isfinite(flux)
        if not good.any():
            raise ValueError('A calibration needs scores of held-out normal images; got none.')
        self.flux_scale_ = float(np.median(np.abs(flux[good]))) or 1.0
        x, y = self._abscissa(flux[good], clip=False), _logarithm(score[good])
        self.range_ = (float(x.min()), float(x.max()))
        degree = int(len(x) >= _FEW) + int(len(x) >= _SOME)
        kept = np.ones(len(x), dtype=bool)
        for _ in range(_ROUNDS):
            self.level_ = _polynomial(x[kept], y[kept], degree)
            deviation = y - np.polyval(self.level_, x)
            self.scatter_ = _polynomial(x[kept], np.abs(deviation[kept]), min(degree, 1))
            self.least_scatter_ = float(_LEAST_SCATTER * np.abs(deviation[kept]).mean())
            kept = np.abs(deviation) <= _CLIP * self._scatter(x)
        return self

    def transform(self, score, flux):
        """By how many standard deviations each score lies above those of normals as bright."""
        x = self._abscissa(np.asarray(flux, dtype=float), clip=True)
        deviation = _logarithm(np.asarray(score, dtype=float)) - np.polyval(self.level_, x)
        return deviation / self._scatter(x)

    def to_dict(self):
        """Plain values for a file."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, values):
        """The trend that `to_dict` described."""
        trend = cls()
        for name in ('flux_scale_', 'range_', 'level_', 'scatter_', 'least_scatter_'):
            setattr(trend, name, values[name])
        return trend

    def _abscissa(self, flux, *, clip):
        x = np.arcsinh(flux / self.flux_scale_)
        return np.clip(x, *self.range_) if clip else x

    def _scatter(self, x):
        mean_deviation = np.maximum(np.polyval(self.scatter_, x), self.least_scatter_)
        # One stamp, or all alike: any deviation is infinitely strange, none is not.
        return np.maximum(mean_deviation / _MEAN_DEVIATION, np.finfo(np.float32).tiny)


def plain_values(column):
    """Values without their unit: that of the model, in each table of it."""
    return np.asarray(getattr(column, 'value', column), dtype=float)


def _logarithm(score):
    return np.log(np.maximum(score, np.finfo(np.float32).tiny))


def _polynomial(x, y, degree):
    # Fluxes that are all alike bear no trend.
    degree = min(degree, len(np.unique(x)) - 1)
    return [float(c) for c in np.polyfit(x, y, degree)]
