"""Correlation and variance of drizzled noise (Fruchter & Hook 2002)."""

from itertools import product

import numpy as np
from astropy import units as u

from astro_wgan.noise.autocorrelation_function import Autocorrelation

__all__ = ['drizzle_autocorrelation', 'noise_correlation_ratio']


def noise_correlation_ratio(*, pixfrac, scale):
    """
    Noise correlation ratio R, by which the rms of drizzled pixels underestimates the noise.

    Parameters
    ----------
    pixfrac : float
        Edge of a drop in units of an input pixel, in (0, 1].
    scale : float
        Edge of an output pixel in units of an input pixel.

    Returns
    -------
    float
        R: noise of a large aperture, divided by that of uncorrelated pixels of the same rms.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Fruchter & Hook 2002 (PASP 114, 144, section 7), for many exposures whose dithers sample a pixel
    uniformly: with r = pixfrac / scale, R = r / (1 - 1 / (3 r)) for r >= 1, and otherwise
    R = 1 / (1 - r / 3). The variance of a pixel is that of its electrons divided by R^2, and R^2 is
    the sum of the correlation coefficients over all lags. The noise of a source, summed over many
    pixels, is therefore that of its electrons.

    Examples
    --------
    The Hubble Deep Field:

    >>> from astro_wgan.noise import noise_correlation_ratio
    >>> round(noise_correlation_ratio(pixfrac=0.6, scale=0.5), 3)
    1.662
    """
    _check(pixfrac, scale)
    r = pixfrac / scale
    return r / (1 - 1 / (3 * r)) if r >= 1 else 1 / (1 - r / 3)


def drizzle_autocorrelation(*, pixfrac, scale, variance=1.0, pixel_scale=None):
    """
    Autocorrelation of drizzled noise.

    Parameters
    ----------
    pixfrac, scale : float
        As in `noise_correlation_ratio`.
    variance : float or `~astropy.units.Quantity`, optional
        Variance of the output pixels.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle per output pixel.

    Returns
    -------
    `~astro_wgan.noise.Autocorrelation`
        Zero for pixels that share no drop.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Averaged over all dithers, the covariance along each axis is the convolution of two drops and
    two output pixels, all of them boxes, at the lag; the correlation is the product of those along
    x and y. This assumes Drizzle's square kernel, no rotation, and equal weights.

    Examples
    --------
    >>> from astro_wgan.noise import drizzle_autocorrelation
    >>> correlation = drizzle_autocorrelation(pixfrac=1, scale=1)
    >>> correlation.along('x')['coefficient'].round(3).tolist()
    [1.0, 0.25]
    """
    _check(pixfrac, scale)
    r = pixfrac / scale
    reach = int(np.ceil(r + 1)) - 1
    lags = np.arange(-reach, reach + 1)
    # The convolution of boxes with these edges is a sum of cubes, up to a factor.
    edges = np.array([r, r, 1, 1])
    overlap = sum(
        np.prod(signs) * np.abs(lags + np.dot(signs, edges) / 2) ** 3
        for signs in product((1, -1), repeat=4)
    )
    overlap = overlap / overlap[reach]
    return Autocorrelation.from_array(
        np.outer(overlap, overlap) * u.Quantity(variance), pixel_scale=pixel_scale
    )


def _check(pixfrac, scale):
    if not 0 < pixfrac <= 1:
        raise ValueError(f'`pixfrac` must be above 0 and at most 1; got {pixfrac}.')
    if not 0 < scale < np.inf:
        raise ValueError(f'`scale` must be above 0; got {scale}.')
