"""Which number of the misfit ranks the stamps, and what it is measured against."""

from dataclasses import dataclass

import numpy as np
from scipy.special import huber

from astro_wgan.anomaly.residuals import measure_residuals, structure_map

__all__ = ['ENOUGH', 'BrightnessTrend', 'Scoring', 'plain_values']

_STATISTICS = ('structure', 'residual', 'feature', 'paper')

#: From so many normals on, the degrees of the polynomials for the trend and for its scatter.
_DEGREES = {0: (0, 0), 30: (1, 1), 100: (2, 1), 1000: (4, 2)}
#: A deviation of more than this many scatters does not shape the trend: normals in name only.
_CLIP, _ROUNDS = 3.0, 5
#: What is so many times as bright as half of the normals, ten magnitudes, does not shape it either.
_BRIGHTEST = 1e4
#: Of what exceeds a margin, what is beyond so many standard deviations counts along the tangent.
_SQUARED_TO = 1.5
#: With less than this share of its pixels, or of its light, a stamp is incomplete.
ENOUGH = 2 / 3
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
    turned_smoothing : float
        Instead of ``smoothing``, for the difference from the turned one: the PSF does not matter
        there, and a companion is larger than it.
    turned_margin : float or None
        A closest image may have drawn what is strange, and a companion before all else; turned by
        180 degrees it has it on the wrong side. The difference from the turned one is measured
        against normals as bright, too; by how much it lies above them beyond so many standard
        deviations is squared and added to the score (see Notes). None: it does not count. Without
        ``by_brightness`` it never does.
    peak_margin : float or None
        What is sharper than the smoothing (a hot pixel, a trail, a bad edge), and so than anything
        that was seen through the telescope, shows in the largest difference of a pixel from the
        smoothed residual. It is added to the score in the same way. A margin is nowhere more than
        what one normal in a hundred exceeds: the peaks of real images have no normal distribution,
        and where their scatter is large three standard deviations may lie beyond all of them.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    An excess of e standard deviations adds e squared up to 1.5, and 3 e - 2.25 beyond (twice
    Huber's loss), lest populations that differ much be told apart by their strangest stamps alone.

    Where less than two thirds of a stamp are used, by pixels or by light, deviations above normals
    count less, by (1 - 3/2 share) squared: what is missing has to be guessed, and what a guess gets
    wrong is no anomaly.

    Examples
    --------
    >>> from astro_wgan.anomaly import Scoring
    >>> Scoring.paper().by_brightness
    False
    """

    statistic: str = 'structure'
    smoothing: float = 1.5
    reach: float | None = 0.18
    by_brightness: bool = True
    turned_smoothing: float = 3.5
    turned_margin: float | None = 0.9
    peak_margin: float | None = 3.0

    def __post_init__(self):
        if self.statistic not in _STATISTICS:
            raise ValueError(f'`statistic` must be one of {_STATISTICS}; got {self.statistic!r}.')
        for name in ('smoothing', 'turned_smoothing'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'`{name}` must not be negative; got {getattr(self, name)}.')
        if self.reach is not None and not self.reach > 0:
            raise ValueError(f'`reach` must be above 0, or None; got {self.reach}.')

    @classmethod
    def paper(cls):
        """The score of Margalef-Bentabol et al. 2020, section 3.5, as it is."""
        plain = {'by_brightness': False, 'turned_margin': None, 'peak_margin': None}
        return cls('paper', smoothing=0.0, turned_smoothing=0.0, reach=None, **plain)

    def measure(self, images, closest, weights, *, noise=None):
        """
        What is measured of the difference of images and closest images: see `measure_residuals`.

        Parameters
        ----------
        images, closest, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In stretched intensity, and how much each pixel counts.
        noise : callable, optional
            Draws of noise, for images with masked pixels.

        Returns
        -------
        dict of `~numpy.ndarray`, shape (n,)
            By column: ``structure``, ``peak`` and ``turned``.
        """
        return measure_residuals(images, closest, weights, **self.window, noise=noise)

    def contributions(self, residual, weights):
        """What each pixel adds to ``structure``: see `structure_map`."""
        return structure_map(residual, weights, smoothing=self.smoothing, reach=self.reach)

    def learn(self, misfit, *, normals=None):
        """
        What normals of a given brightness have.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            Of normal stamps, from `measure_misfit`.
        normals : int, optional
            As for `BrightnessTrend.fit`.

        Returns
        -------
        dict of `BrightnessTrend`
            By column, for `score`; empty without ``by_brightness``.
        """
        if not self.by_brightness:
            return {}
        flux = plain_values(misfit['closest_flux'])
        columns = {name: plain_values(misfit[name]) for name in (self._column, *self._margins)}
        # What cannot be told of any normal, as behind masks, is told of no other stamp either.
        told = [name for name in self._margins if np.isfinite(columns[name] * flux).any()]
        return {
            name: BrightnessTrend().fit(columns[name], flux, normals=normals)
            for name in (self._column, *told)
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
            return plain_values(misfit[self._column])
        flux = plain_values(misfit['closest_flux'])

        trust = _trust(misfit)

        def sigma(name):
            above = trends[name].transform(plain_values(misfit[name]), flux)
            return np.where(above > 0, trust * above, above)

        score = sigma(self._column)
        for name, margin in self._margins.items():
            if name not in trends:
                continue
            least = min(margin, trends[name].hundredth_)
            # NaN, where the pixels that can be used do not tell, adds nothing.
            score = score + 2 * huber(_SQUARED_TO, np.fmax(sigma(name) - least, 0))
        return score

    @property
    def window(self):
        """Keyword arguments of `measure_residuals`: on what `measure` depends."""
        return {
            'smoothing': self.smoothing,
            'turned_smoothing': self.turned_smoothing,
            'reach': self.reach,
        }

    @property
    def columns(self):
        """Columns of the misfit that a score is made of: the statistic, and what adds to it."""
        return (self._column, *(self._margins if self.by_brightness else ()))

    @property
    def _column(self):
        """The statistic, by its name in the misfit."""
        return 'paper_score' if self.statistic == 'paper' else self.statistic

    @property
    def _margins(self):
        """Columns that count beyond a margin, and the margin of each."""
        margins = {'turned': self.turned_margin, 'peak': self.peak_margin}
        return {name: margin for name, margin in margins.items() if margin is not None}


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
    hundredth_ : float
        Standard deviations above the trend that one in a hundred of the normals exceeds.

    Notes
    -----
    The scatter is that of the stamps above the trend, since it is there that strange ones are told
    from normal ones, and since few stamps lie as far below it. Stamps more than three scatters away
    are left out, five times over: among the normals of a real field some are not. So are stamps ten
    magnitudes brighter than the median, each of which would bend the trend towards itself.

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

    def fit(self, score, flux, *, normals=None):
        """
        Learn the trend from normal stamps.

        Parameters
        ----------
        score, flux : array_like, shape (n,)
            Their scores, above 0, and the fluxes of their closest images. Rows that are not finite
            are left out.
        normals : int, optional
            Number of normals by which the degrees of the polynomials are chosen, where these are
            only some of them.

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
        good &= np.abs(flux) <= _BRIGHTEST * self.flux_scale_
        x, y = self._abscissa(flux[good], clip=False), _logarithm(score[good])
        self.range_ = (float(x.min()), float(x.max()))
        normals = len(x) if normals is None else normals
        degree, scatter_degree = next(
            degrees for least, degrees in reversed(_DEGREES.items()) if normals >= least
        )
        kept = np.ones(len(x), dtype=bool)
        for _ in range(_ROUNDS):
            self.level_ = _polynomial(x[kept], y[kept], degree)
            deviation = y - np.polyval(self.level_, x)
            above = kept & (deviation > 0)
            self.scatter_ = _polynomial(x[above], deviation[above], scatter_degree)
            self.least_scatter_ = float(_LEAST_SCATTER * np.abs(deviation[kept]).mean())
            kept = np.abs(deviation) <= _CLIP * self._scatter(x)
        self.hundredth_ = float(np.quantile(deviation / self._scatter(x), 0.99))
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
        # Of an earlier version, which did not measure it.
        trend.hundredth_ = values.get('hundredth_', np.inf)
        return trend

    def _abscissa(self, flux, *, clip):
        x = np.arcsinh(flux / self.flux_scale_)
        return np.clip(x, *self.range_) if clip else x

    def _scatter(self, x):
        mean_deviation = np.maximum(np.polyval(self.scatter_, x), self.least_scatter_)
        # One stamp, or all alike: any deviation is infinitely strange, none is not.
        return np.maximum(mean_deviation / _MEAN_DEVIATION, np.finfo(np.float32).tiny)


def plain_values(column):
    """Values without their unit, that of the model in each table of it; NaN where masked."""
    # Not at the top: to count scores above a threshold takes no astropy.
    from astro_wgan.catalogs.columns import numbers_or_nan

    return np.asarray(numbers_or_nan(column), dtype=float)


def _trust(misfit):
    """What an excess counts: all, but less where too little of a stamp is left to judge it by."""
    if 'used' not in misfit.colnames:
        return 1.0
    lacking = np.fmax(1 - plain_values(misfit['used']) / ENOUGH, 0)
    return 1 - lacking**2


def _logarithm(score):
    return np.log(np.maximum(score, np.finfo(np.float32).tiny))


def _polynomial(x, y, degree):
    # Fluxes that are all alike bear no trend, and where nothing is there is none.
    degree = min(degree, len(np.unique(x)) - 1)
    return [0.0] if degree < 0 else [float(c) for c in np.polyfit(x, y, degree)]
