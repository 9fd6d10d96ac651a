"""Autocorrelation function of noise in images with missing pixels."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.images.reading import read_image
from astro_wgan.noise.estimators import (
    jackknife_error,
    pair_sums,
    radial_profile,
    split_into_groups,
)
from astro_wgan.noise.sky import Sky
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stamp_inputs import as_stamps, is_stamps
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['Autocorrelation', 'autocorrelation']

#: Default of the largest lag, in pixels.
_LAG = 16


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """
    Covariance of two pixels as a function of their lag.

    `autocorrelation` measures it in images; `from_array` takes a known function.

    Attributes
    ----------
    covariance : `~astropy.units.Quantity`, shape (2 max_lag + 1, 2 max_lag + 1)
        In the squared unit of the pixels. Lag zero is in the middle; the first axis is the lag
        along y.
    jackknife_samples : `~numpy.ndarray`, shape (g, 2 max_lag + 1, 2 max_lag + 1)
        The covariance with each of g groups of pixels left out, from which the errors are computed.
        Empty for a known function.
    n_pairs : `~numpy.ndarray` or None
        Number of pairs of pixels at each lag; None for a known function.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle per pixel.
    """

    covariance: u.Quantity
    jackknife_samples: np.ndarray = field(repr=False)
    n_pairs: np.ndarray | None = field(default=None, repr=False)
    pixel_scale: u.Quantity | None = None

    def __repr__(self):
        return f'<Autocorrelation: variance {self.variance:.4g}, lags up to {self.max_lag} pixels>'

    @classmethod
    def from_array(cls, covariance, *, pixel_scale=None):
        """
        Use a known correlation function, such as those of GalSim's FITS files.

        Parameters
        ----------
        covariance : array_like or `~astropy.units.Quantity`, shape (2 m + 1, 2 m + 1)
            Covariance at each lag, lag zero in the middle.
        pixel_scale : `~astropy.units.Quantity`, optional
            Angle per pixel.

        Returns
        -------
        `Autocorrelation`

        Raises
        ------
        ValueError
            If ``covariance`` is not square with an odd edge, not finite, not the same at opposite
            lags, or not largest at lag zero.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan.noise import Autocorrelation
        >>> Autocorrelation.from_array(4 * np.outer([0.3, 1, 0.3], [0.3, 1, 0.3]))
        <Autocorrelation: variance 4, lags up to 1 pixels>
        """
        covariance = u.Quantity(covariance, dtype=float)
        _check_covariance(covariance.value)
        scale = None if pixel_scale is None else as_pixel_scale(pixel_scale)
        return cls(covariance, np.empty((0, *covariance.shape)), pixel_scale=scale)

    @property
    def max_lag(self):
        """Largest lag along each axis, in pixels."""
        return self.covariance.shape[0] // 2

    @property
    def variance(self):
        """Covariance at lag zero."""
        return self.covariance[self.max_lag, self.max_lag]

    @property
    def covariance_err(self):
        """Standard errors of `covariance`; NaN for a known function."""
        return jackknife_error(self.jackknife_samples) * self.covariance.unit

    @property
    def coefficients(self):
        """Correlation coefficients: covariance divided by variance, 1 at lag zero."""
        return _normalized(self.covariance.value)

    @property
    def coefficients_err(self):
        """Standard errors of `coefficients`; NaN for a known function."""
        return jackknife_error(_normalized(self.jackknife_samples))

    def along(self, axis):
        """
        Autocorrelation along the rows (``'x'``) or columns (``'y'``) of pixels.

        Parameters
        ----------
        axis : {'x', 'y'}

        Returns
        -------
        `~astropy.table.QTable`
            ``lag`` (and ``angle``, if the pixel scale is known), ``covariance``,
            ``covariance_err``, ``coefficient``, ``coefficient_err``.

        Raises
        ------
        ValueError
            If ``axis`` is neither ``'x'`` nor ``'y'``.
        """
        middle = self.max_lag
        chosen = {'x': np.s_[..., middle, middle:], 'y': np.s_[..., middle:, middle]}
        if axis not in chosen:
            raise ValueError(f"`axis` must be 'x' or 'y'; got {axis!r}.")
        lag = np.arange(middle + 1)
        return self._table(lag, lambda values: values[chosen[axis]])

    def radial(self):
        """
        Azimuthally averaged autocorrelation.

        Returns
        -------
        `~astropy.table.QTable`
            The columns of `along`; ``lag`` is the mean lag in rings of one pixel width.
        """
        lags = np.arange(-self.max_lag, self.max_lag + 1)
        distance = np.hypot(*np.meshgrid(lags, lags))
        ring = np.rint(distance).astype(int)
        ring[ring > self.max_lag] = -1
        mean = partial(radial_profile, ring=ring)
        return self._table(mean(distance), mean)

    def _table(self, lag, part):
        table = QTable({'lag': lag * u.pix})
        if self.pixel_scale is not None:
            table['angle'] = (table['lag'] * self.pixel_scale).to(u.arcsec)
        unit = self.covariance.unit
        table['covariance'] = part(self.covariance.value) * unit
        table['covariance_err'] = jackknife_error(part(self.jackknife_samples)) * unit
        table['coefficient'] = part(self.coefficients)
        coefficients = _normalized(self.jackknife_samples)
        table['coefficient_err'] = jackknife_error(part(coefficients))
        return table


def autocorrelation(data, *, max_lag=None, mean=None):
    """
    Measure the autocorrelation of sky, or of any other statistically homogeneous image.

    Parameters
    ----------
    data : `~astro_wgan.noise.Sky`, stamps, or image
        Clean sky of an image; stamps of sky in one band, as `~astro_wgan.store.as_stamps` takes
        them, or an array of shape (n, ny, nx); or an image without sources, as
        `~astro_wgan.images.read_image` reads it. Masked pixels, and those that are not clean, are
        excluded.
    max_lag : int, optional
        Largest lag along each axis, in pixels, at most half of the shorter edge of an image. The
        default is 16, or half of that edge if it is smaller.
    mean : float or `~astropy.units.Quantity`, optional
        Known mean level. By default it is the mean of all pixels used, and its effect on the
        covariance is corrected.

    Returns
    -------
    `Autocorrelation`

    Raises
    ------
    ValueError
        If ``max_lag`` is out of range, there are several bands, or some lag has no pair of pixels.

    Notes
    -----
    The covariance at a lag is the mean product over all pairs of valid pixels. An estimated mean
    lowers it at all lags by the variance of that mean (the integral constraint of clustering
    studies, Peebles 1980). This variance follows from the covariance itself, if it vanishes beyond
    ``max_lag``, and is added. Errors are from a jackknife over blocks of the image or groups of
    stamps.

    Examples
    --------
    Noise that was averaged over two adjacent pixels:

    >>> import numpy as np
    >>> from astro_wgan.noise import autocorrelation
    >>> white = np.random.default_rng(1).normal(size=(300, 301))
    >>> measured = autocorrelation((white[:, :-1] + white[:, 1:]) / 2, max_lag=3)
    >>> np.allclose(measured.along('x')['covariance'], [0.5, 0.25, 0, 0], atol=0.02)
    True
    """
    pixels, valid, unit, pixel_scale = _as_stack(data)
    shortest = min(pixels.shape[1:])
    max_lag = min(_LAG, shortest // 2) if max_lag is None else max_lag
    if not 0 <= max_lag <= shortest // 2:
        raise ValueError(
            f'`max_lag` must be between 0 and {shortest // 2}, half of the shortest edge; '
            f'got {max_lag}.'
        )
    if np.count_nonzero(valid) < 2:
        raise ValueError('`data` must have at least two valid pixels.')
    known = mean is not None
    if not known:
        mean = pixels[valid].mean(dtype=float)
    elif isinstance(mean, u.Quantity):
        mean = mean.to_value(unit)
    deviation = np.where(valid, pixels - pixels.dtype.type(mean), pixels.dtype.type(0))
    groups = split_into_groups(deviation, valid, max_lag)
    sums = np.array([pair_sums(group, max_lag) for group in groups])
    # The function is even: the order of the pixels of a pair does not matter.
    sums = (sums + sums[..., ::-1, ::-1]) / 2
    products, pairs = sums.sum(axis=0)
    if (pairs == 0).any():
        raise ValueError(
            f'`data` has no pair of valid pixels at some lags up to {max_lag}: lower `max_lag`.'
        )
    if not known and pairs[max_lag, max_lag] ** 2 <= pairs.sum():
        raise ValueError(
            f'`data` has no pair of valid pixels at lags above {max_lag}, so that the error of its '
            'mean is unknown: lower `max_lag`, or give `mean`.'
        )
    estimate = _raw if known else _with_mean_restored
    others = [estimate(products - one, pairs - count) for one, count in sums]
    return Autocorrelation(
        estimate(products, pairs) * unit**2,
        np.array(others) if len(others) > 1 else np.empty((0, *products.shape)),
        n_pairs=pairs,
        pixel_scale=pixel_scale,
    )


def _as_stack(data):
    """Pixels (n, ny, nx), valid pixels, unit and pixel scale."""
    if isinstance(data, Sky):
        unit = data.unit or u.dimensionless_unscaled
        return data.pixels[np.newaxis], data.clean[np.newaxis], unit, data.pixel_scale
    if isinstance(data, (np.ndarray, u.Quantity)) and np.ndim(data) == 3:
        data = StampSet(data)
    if is_stamps(data):
        stamps = as_stamps(data)
        if stamps.n_bands is not None:
            raise ValueError(
                f'`data` must have one band; got stamps with {stamps.n_bands} bands: select one.'
            )
        stamps = stamps[:]
        unit = stamps.unit or u.dimensionless_unscaled
        return stamps.pixels, stamps.valid, unit, stamps.pixel_scale
    image = read_image(data)
    valid = np.ones(image.shape, dtype=bool) if image.mask is None else ~image.mask
    return image.data[np.newaxis], valid[np.newaxis], image.unit, None


def _normalized(covariance):
    middle = covariance.shape[-1] // 2
    return covariance / covariance[..., middle, middle][..., np.newaxis, np.newaxis]


def _raw(products, pairs):
    with np.errstate(divide='ignore', invalid='ignore'):
        return products / pairs


def _with_mean_restored(products, pairs):
    """The covariance plus the variance of the mean, which solves v = sum (raw + v) pairs / N^2."""
    middle = pairs.shape[0] // 2
    total = pairs[middle, middle] ** 2
    # A jackknife sample may have no pairs beyond the largest lag.
    return _raw(products, pairs) + _raw(products.sum(), total - pairs.sum())


def _check_covariance(values):
    """Raise unless the values can be a correlation function, lag zero in the middle."""
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.shape[0] % 2 == 0:
        raise ValueError(
            '`covariance` must be a square with an odd edge, lag zero in its middle; got an array '
            f'of shape {values.shape}.'
        )
    if not np.isfinite(values).all():
        raise ValueError('`covariance` must be finite.')
    peak = values[values.shape[0] // 2, values.shape[1] // 2]
    if not peak > 0 or np.abs(values).max() > peak:
        raise ValueError(
            '`covariance` must be positive and largest at lag zero, in the middle; got '
            f'{peak:g} there and up to {np.abs(values).max():g} elsewhere.'
        )
    if not np.allclose(values, values[::-1, ::-1], rtol=0, atol=1e-6 * peak):
        raise ValueError('`covariance` must be the same at opposite lags.')
