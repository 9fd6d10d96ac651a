"""Power spectrum of noise in images with missing pixels."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.estimators import jackknife_error, radial_profile

__all__ = ['PowerSpectrum', 'power_spectrum', 'tapered']

#: Frequencies per lag of the autocorrelation, along each axis.
_OVERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """
    Power spectral density, the Fourier transform of the autocorrelation.

    Attributes
    ----------
    power : `~astropy.units.Quantity`, shape (m, m)
        In the squared unit of the pixels times pix^2; its mean over all frequencies is the
        variance of a pixel. Frequency zero is at ``[m // 2, m // 2]``; the first axis is the
        frequency along y.
    jackknife_samples : `~numpy.ndarray`, shape (g, m, m)
        The power with each of g groups of pixels left out, from which the errors are computed.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle per pixel.
    """

    power: u.Quantity
    jackknife_samples: np.ndarray = field(repr=False)
    pixel_scale: u.Quantity | None = None

    def __repr__(self):
        size = len(self.frequency)
        return f'<PowerSpectrum: {size} x {size} frequencies, variance {self.variance:.4g}>'

    @property
    def frequency(self):
        """Frequencies along each axis, in cycles per pixel, shape (m,)."""
        return np.fft.fftshift(np.fft.fftfreq(len(self.power))) / u.pix

    @property
    def variance(self):
        """Variance of the pixels."""
        return self.power.mean() / u.pix**2

    @property
    def power_err(self):
        """Standard errors of `power`; NaN for a known autocorrelation."""
        return jackknife_error(self.jackknife_samples) * self.power.unit

    def radial(self):
        """
        Azimuthally averaged power, up to the corners beyond 0.5 cycles per pixel.

        Returns
        -------
        `~astropy.table.QTable`
            ``frequency`` (and ``angular_frequency``, if the pixel scale is known), ``power``,
            ``power_err``, and ``n_modes``, the number of frequencies in a ring.
        """
        frequency = np.hypot(*np.meshgrid(self.frequency.value, self.frequency.value))
        ring = np.rint(frequency * len(self.power)).astype(int)
        mean = partial(radial_profile, ring=ring)
        table = self._table(mean(frequency), mean, self.power.unit)
        table['n_modes'] = np.bincount(ring.ravel())
        return table

    def along(self, axis):
        """
        One-dimensional power spectrum of the rows (``'x'``) or columns (``'y'``) of pixels.

        Parameters
        ----------
        axis : {'x', 'y'}

        Returns
        -------
        `~astropy.table.QTable`
            ``frequency`` (and ``angular_frequency``), ``power`` in the squared unit of the pixels
            times pix, and ``power_err``.

        Raises
        ------
        ValueError
            If ``axis`` is neither ``'x'`` nor ``'y'``.
        """
        axes = {'x': -2, 'y': -1}
        if axis not in axes:
            raise ValueError(f"`axis` must be 'x' or 'y'; got {axis!r}.")
        first = len(self.power) // 2

        def positive(values):
            # The power of one row is the mean over the frequencies of the other axis.
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
    Measure the power spectrum of sky, or of any other statistically homogeneous image.

    Parameters
    ----------
    data : `~astro_wgan.noise.Autocorrelation`, `~astro_wgan.noise.Sky`, stamps, or image
        An autocorrelation, of which the power spectrum is computed, or data as `autocorrelation`
        takes them.
    max_lag, mean : optional
        As in `autocorrelation`. The frequency resolution is about 1 / (2 max_lag) cycles per pixel.

    Returns
    -------
    `PowerSpectrum`

    Raises
    ------
    ValueError
        As in `autocorrelation`.

    Notes
    -----
    The power spectrum is the Fourier transform of the autocorrelation (Blackman & Tukey 1958),
    which is unbiased by missing pixels, unlike the periodogram of an image with gaps. The outer
    half of the lags of a measured autocorrelation is tapered with a cosine, which smooths the power
    over adjacent frequencies; a known function is used as it is.

    Examples
    --------
    White noise of variance 4 has a power of 4 at all frequencies:

    >>> import numpy as np
    >>> from astro_wgan.noise import power_spectrum
    >>> white = np.random.default_rng(1).normal(scale=2, size=(500, 500))
    >>> spectrum = power_spectrum(white, max_lag=4).radial()
    >>> bool((abs(spectrum['power'].value - 4) < 0.2).all())
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


def tapered(correlation, covariance):
    """
    Taper a measured correlation function smoothly to zero.

    Parameters
    ----------
    correlation : `~astro_wgan.noise.Autocorrelation`
        Where ``covariance`` is from. A known function is returned unchanged, since it is zero
        beyond its largest lag.
    covariance : `~numpy.ndarray`, shape (..., 2 m + 1, 2 m + 1)
        Covariances or coefficients, lag zero in the middle.

    Returns
    -------
    `~numpy.ndarray`, same shape
        Unchanged up to half of the largest lag, and multiplied by a cosine taper beyond.
    """
    if correlation.n_pairs is None:
        return covariance
    max_lag = covariance.shape[-1] // 2
    lags = np.arange(-max_lag, max_lag + 1)
    distance = np.hypot(*np.meshgrid(lags, lags))
    half = max_lag // 2
    outer = np.clip((distance - half) / (max_lag + 1 - half), 0, 1)
    return covariance * (1 + np.cos(np.pi * outer)) / 2


def _transform(covariance, size):
    """Fourier transforms of even functions, which are real."""
    max_lag = covariance.shape[-1] // 2
    periodic = np.zeros((*covariance.shape[:-2], size, size))
    lags = np.arange(-max_lag, max_lag + 1) % size
    periodic[..., lags[:, np.newaxis], lags] = covariance
    power = np.fft.fft2(periodic).real
    return np.fft.fftshift(power, axes=(-2, -1))
