"""`autocorrelation`: how the pixels of sky depend on each other, where some are missing."""

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
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['Autocorrelation', 'autocorrelation', 'check_correlation']


#: Largest lag unless given, in pixels.
_LAG = 16


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """
    The covariance of two pixels as a function of the lag from the one to the other.

    Made by `autocorrelation` from images, by `from_array` from a known function.

    Attributes
    ----------
    covariance : `~astropy.units.Quantity`, shape (2 max_lag + 1, 2 max_lag + 1)
        In the squared unit of the pixels. Lag zero is in the middle, the lag along y first.
    jackknife_samples : `~numpy.ndarray`, shape (g, 2 max_lag + 1, 2 max_lag + 1)
        The same, measured without each of g groups of pixels: what errors are made of.
    n_pairs : `~numpy.ndarray` or None
        Pairs of pixels at each lag.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle of a pixel's edge.
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
        A known correlation function, as those that GalSim keeps in FITS files.

        Parameters
        ----------
        covariance : array_like or `~astropy.units.Quantity`, shape (2 m + 1, 2 m + 1)
            Covariance at each lag, lag zero in the middle.
        pixel_scale : `~astropy.units.Quantity`, optional
            Angle of a pixel's edge.

        Raises
        ------
        ValueError
            If it is no correlation function.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan.noise import Autocorrelation
        >>> Autocorrelation.from_array(4 * np.outer([0.3, 1, 0.3], [0.3, 1, 0.3]))
        <Autocorrelation: variance 4, lags up to 1 pixels>
        """
        covariance = u.Quantity(covariance, dtype=float)
        check_correlation(covariance.value)
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
        """Standard errors of `covariance`; NaN where the function was given."""
        return jackknife_error(self.jackknife_samples) * self.covariance.unit

    @property
    def coefficients(self):
        """Correlation coefficients: covariance over variance, 1 at lag zero."""
        return _normalized(self.covariance.value)

    @property
    def coefficients_err(self):
        """Standard errors of `coefficients`."""
        return jackknife_error(_normalized(self.jackknife_samples))

    def along(self, axis):
        """
        The autocorrelation along the rows (``'x'``) or columns (``'y'``) of pixels.

        Parameters
        ----------
        axis : {'x', 'y'}

        Returns
        -------
        `~astropy.table.QTable`
            ``lag`` (and ``angle``, if the pixel scale is known), ``covariance``,
            ``covariance_err``, ``coefficient``, ``coefficient_err``.
        """
        middle = self.max_lag
        chosen = {'x': np.s_[..., middle, middle:], 'y': np.s_[..., middle:, middle]}
        if axis not in chosen:
            raise ValueError(f"`axis` must be 'x' or 'y'; got {axis!r}.")
        lag = np.arange(middle + 1)
        return self._table(lag, lambda values: values[chosen[axis]])

    def radial(self):
        """
        The autocorrelation averaged over all directions.

        Returns
        -------
        `~astropy.table.QTable`
            As that of `along`, with the mean ``lag`` of rings one pixel wide.
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
        table['coefficient_err'] = jackknife_error(part(_normalized(self.jackknife_samples)))
        return table


def autocorrelation(data, *, max_lag=None, mean=None):
    """
    Measure the autocorrelation of sky, or of anything else that looks the same everywhere.

    Parameters
    ----------
    data : `~astro_wgan.noise.Sky`, `~astro_wgan.StampSet`, `~astropy.nddata.NDData` or array_like
        Sky, stamps of sky in one band (n, ny, nx), or an image that is all sky, as
        `~astro_wgan.images.read_image` reads it. Masked pixels and those that are not clean take
        no part.
    max_lag : int, optional
        Largest lag along each axis, in pixels; at most half of an image's shorter edge, and 16
        or that unless given.
    mean : float or `~astropy.units.Quantity`, optional
        The level that deviations are taken from, where it is known. By default it is the mean of
        all pixels that take part, and what this takes away from the covariance is put back.

    Returns
    -------
    `Autocorrelation`

    Raises
    ------
    ValueError
        If ``max_lag`` is out of range, there are several bands, or no pair of pixels at some lag.

    Notes
    -----
    The covariance at a lag is the mean product over the pairs of pixels that are both there. An
    estimated mean lowers it at all lags alike, by the variance of that mean; the variance is known
    from the covariance itself, if this vanishes beyond ``max_lag``, and is added again (the
    integral constraint of clustering studies, Peebles 1980). Errors are by a jackknife over
    blocks of the image or groups of stamps.

    Examples
    --------
    Noise that was averaged over two neighbouring pixels:

    >>> import numpy as np
    >>> from astro_wgan.noise import autocorrelation
    >>> white = np.random.default_rng(1).normal(size=(300, 301))
    >>> found = autocorrelation((white[:, :-1] + white[:, 1:]) / 2, max_lag=3)
    >>> np.allclose(found.along('x')['covariance'], [0.5, 0.25, 0, 0], atol=0.02)
    True
    """
    pixels, valid, unit, pixel_scale = _as_stack(data)
    shortest = min(pixels.shape[1:])
    max_lag = min(_LAG, shortest // 2) if max_lag is None else max_lag
    if not 0 <= max_lag <= shortest // 2:
        raise ValueError(
            f'`max_lag` must lie between 0 and {shortest // 2}, half of the shortest edge; '
            f'got {max_lag}.'
        )
    if np.count_nonzero(valid) < 2:
        raise ValueError('`data` has no two pixels that can be used.')
    known = mean is not None
    if not known:
        mean = pixels[valid].mean(dtype=float)
    elif isinstance(mean, u.Quantity):
        mean = mean.to_value(unit)
    deviation = np.where(valid, pixels - pixels.dtype.type(mean), pixels.dtype.type(0))
    groups = split_into_groups(deviation, valid, max_lag)
    sums = np.array([pair_sums(group, max_lag) for group in groups])
    # Which of two pixels is the first one makes no difference.
    sums = (sums + sums[..., ::-1, ::-1]) / 2
    products, pairs = sums.sum(axis=0)
    if (pairs == 0).any():
        raise ValueError(
            f'`data` has no pair of pixels at some lags up to {max_lag}: lower `max_lag`.'
        )
    if not known and pairs[max_lag, max_lag] ** 2 <= pairs.sum():
        raise ValueError(
            f'`data` has no pair of pixels beyond lags of {max_lag}, which tell how well its mean '
            'is known: lower `max_lag`, or give `mean`.'
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
    """Pixels (n, ny, nx), where they are valid, their unit and the pixel scale."""
    if isinstance(data, Sky):
        unit = data.unit or u.dimensionless_unscaled
        return data.pixels[np.newaxis], data.clean[np.newaxis], unit, data.pixel_scale
    if isinstance(data, (np.ndarray, u.Quantity)) and np.ndim(data) == 3:
        data = StampSet(data)
    if isinstance(data, StampSet):
        if data.bands is not None:
            raise ValueError(
                f'`data` must have one band; got {data.bands}: choose one of their pixels.'
            )
        unit = data.unit or u.dimensionless_unscaled
        return data.pixels, data.valid, unit, data.pixel_scale
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
    # Without some groups there may be no other pairs.
    return _raw(products, pairs) + _raw(products.sum(), total - pairs.sum())


def check_correlation(values):
    """
    Make sure that an array can be a correlation function.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Covariance at each lag, zero lag in the middle.

    Raises
    ------
    ValueError
        If it is not square with an odd edge, not finite, not the same at opposite lags, or not
        largest at lag zero.
    """
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
            '`covariance` must be largest at lag zero, in the middle, and above 0 there; '
            f'got {peak:g} there and up to {np.abs(values).max():g} elsewhere.'
        )
    if not np.allclose(values, values[::-1, ::-1], rtol=0, atol=1e-6 * peak):
        raise ValueError('`covariance` must be the same at opposite lags.')
