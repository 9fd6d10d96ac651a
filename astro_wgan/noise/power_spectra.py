"""`power_spectrum`: how the variance of sky is spread over spatial frequencies."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.estimators import jackknife_error, radial_profile

__all__ = ['PowerSpectrum', 'power_spectrum', 'tapered']

#: Points of a spectrum for each lag of the autocorrelation along an edge.
_OVERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """
    Power spectral density over spatial frequencies: the transform of the autocorrelation.

    Attributes
    ----------
    power : `~astropy.units.Quantity`, shape (m, m)
        In the squared unit of the pixels times pix^2: the mean over all frequencies, in
        cycles per pixel, is the variance. Frequency zero is at ``[m // 2, m // 2]``, the frequency
        along y first.
    jackknife_samples : `~numpy.ndarray`, shape (g, m, m)
        The same, measured without each of g groups of pixels: what errors are made of.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle of a pixel's edge.
    """

    power: u.Quantity
    jackknife_samples: np.ndarray = field(repr=False)
    pixel_scale: u.Quantity | None = None

    def __repr__(self):
        size = len(self.frequency)
        return f'<PowerSpectrum: {size} x {size} frequencies, variance {self.variance:.4g}>'

    @property
    def frequency(self):
        """Frequencies along each axis, in cycles per pixel."""
        return np.fft.fftshift(np.fft.fftfreq(len(self.power))) / u.pix

    @property
    def variance(self):
        """Variance of the pixels."""
        return self.power.mean() / u.pix**2

    @property
    def power_err(self):
        """Standard errors of `power`; NaN where the autocorrelation was given."""
        return jackknife_error(self.jackknife_samples) * self.power.unit

    def radial(self):
        """
        The power averaged over all directions, up to 0.5 cycles per pixel and into the corners.

        Returns
        -------
        `~astropy.table.QTable`
            ``frequency`` (and ``angular_frequency``, where the pixel scale is known), ``power``,
            ``power_err``, and ``n_modes``, how many frequencies there are in a ring.
        """
        frequency = np.hypot(*np.meshgrid(self.frequency.value, self.frequency.value))
        ring = np.rint(frequency * len(self.power)).astype(int)
        mean = partial(radial_profile, ring=ring)
        table = self._table(mean(frequency), mean, self.power.unit)
        table['n_modes'] = np.bincount(ring.ravel())
        return table

    def along(self, axis):
        """
        The spectrum of single rows (``'x'``) or columns (``'y'``) of pixels.

        Parameters
        ----------
        axis : {'x', 'y'}

        Returns
        -------
        `~astropy.table.QTable`
            ``frequency`` (and ``angular_frequency``), ``power`` in the squared unit of the pixels
            times pix, and ``power_err``.
        """
        axes = {'x': -2, 'y': -1}
        if axis not in axes:
            raise ValueError(f"`axis` must be 'x' or 'y'; got {axis!r}.")
        first = len(self.power) // 2

        def positive(values):
            # One dimension less: the mean over the frequencies of the other axis.
            rows = values.mean(axis=axes[axis])
            return np.concatenate([rows[..., first:], rows[..., :1]], axis=-1)

        frequency = np.append(self.frequency.value[first:], 0.5)
        return self._table(frequency, positive, self.power.unit / u.pix)

    def _table(self, frequency, part, unit):
        table = QTable({'frequency': frequency / u.pix})
        if self.pixel_scale is not None:
            table['angular_frequency'] = (table['frequency'] / self.pixel_scale).to(1 / u.arcsec)
        table['power'] = part(self.power.value) * unit
        table['power_err'] = jackknife_error(part(self.jackknife_samples)) * unit
        return table


def power_spectrum(data, *, max_lag=None, mean=None):
    """
    Measure the power spectrum of sky, or of anything else that looks the same everywhere.

    Parameters
    ----------
    data : `~astro_wgan.noise.Autocorrelation`, or whatever `autocorrelation` takes
        Of an autocorrelation, its power spectrum.
    max_lag, mean : optional
        As in `autocorrelation`. Details finer than 1 / (2 max_lag) cycles per pixel are smoothed.

    Returns
    -------
    `PowerSpectrum`

    Raises
    ------
    ValueError
        As `autocorrelation`.

    Notes
    -----
    The Fourier transform of the autocorrelation (Blackman & Tukey 1958): what the gaps took away
    was put right there, which no transform of an image with gaps can do. Where it was measured, the
    outer half of the lags is tapered off by a cosine, so power is smoothed over neighbouring
    frequencies.

    Examples
    --------
    White noise of variance 4 has the power 4 at all frequencies:

    >>> import numpy as np
    >>> from astro_wgan.noise import power_spectrum
    >>> white = np.random.default_rng(1).normal(scale=2, size=(500, 500))
    >>> found = power_spectrum(white, max_lag=4).radial()
    >>> bool((abs(found['power'].value - 4) < 0.2).all())
    True
    """
    if not isinstance(data, Autocorrelation):
        data = autocorrelation(data, max_lag=max_lag, mean=mean)
    size = max(1, 2 * _OVERSAMPLING * data.max_lag)
    return PowerSpectrum(
        _transform(tapered(data, data.covariance.value), size) * data.covariance.unit * u.pix**2,
        _transform(tapered(data, data.jackknife_samples), size),
        pixel_scale=data.pixel_scale,
    )


def tapered(known, covariance):
    """
    A measured correlation function that goes to zero smoothly.

    Parameters
    ----------
    known : `~astro_wgan.noise.Autocorrelation`
        Where it comes from: a function that was given is zero beyond its largest lag, as it is.
    covariance : `~numpy.ndarray`, shape (..., 2 m + 1, 2 m + 1)
        Lag zero in the middle.

    Returns
    -------
    `~numpy.ndarray`, same shape
        Unchanged up to half of the largest lag; further out times a cosine in the distance.
    """
    if known.n_pairs is None:
        return covariance
    max_lag = covariance.shape[-1] // 2
    lags = np.arange(-max_lag, max_lag + 1)
    distance = np.hypot(*np.meshgrid(lags, lags))
    half = max_lag // 2
    outer = np.clip((distance - half) / (max_lag + 1 - half), 0, 1)
    return covariance * (1 + np.cos(np.pi * outer)) / 2


def _transform(covariance, size):
    """Real transforms of functions that are the same at opposite lags."""
    max_lag = covariance.shape[-1] // 2
    around = np.zeros((*covariance.shape[:-2], size, size))
    lags = np.arange(-max_lag, max_lag + 1) % size
    around[..., lags[:, np.newaxis], lags] = covariance
    power = np.fft.fft2(around).real
    return np.fft.fftshift(power, axes=(-2, -1))
