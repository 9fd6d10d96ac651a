"""`find_stars`: point sources beside galaxies and on them, and the width of the PSF."""

import warnings
from typing import NamedTuple

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from scipy.ndimage import maximum_filter

from astro_wgan.detection.sep_detection import smoothed
from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors.gaussian_fits import fit_gaussians
from astro_wgan.neighbors.star_halos import halo_radius, moffat_radius, noise_around

__all__ = ['PSFWidth', 'Stars', 'find_peaks', 'find_stars', 'measure_psf_width', 'width_of_psf']

#: Minimum axis ratio of a star, and maximum residual of its fit relative to its height.
_ROUND = 0.7
_RESIDUAL = 0.1

#: Compact sources from which the width is measured, at least.
_FEWEST = 5

#: Standard deviation of the Gaussian that smooths the density of (logarithmic) widths.
_STEP = 0.08

#: Widths, in pixels, among which that of the PSF is sought.
_NARROWEST, _WIDEST = 1.0, 12.0

#: Range of the tolerance that is measured, and the one for a width that is known.
_TOLERANCES = (0.15, 0.5)
_TOLERANCE = 0.2

#: So many round sources, most of all, that are so many times narrower than the PSF are worth a
#: warning.
_ENOUGH_NARROW = 10
_TOO_WIDE = 1.5

#: Stars of this height in units of the noise rms have wings beyond those of a Gaussian, which are
#: followed as far as those of a Moffat profile with this exponent, as of seeing, reach.
_BRIGHT = 30.0
_BETA = 2.5

#: Noise peaks smoothed by SExtractor's pyramid are this much lower.
_PYRAMID = 0.375


class PSFWidth(NamedTuple):
    """Full width at half maximum of point sources in pixels, and its relative tolerance."""

    fwhm: float
    tolerance: float


class Stars(NamedTuple):
    """
    Point sources, each attribute of shape (m,).

    Attributes
    ----------
    x, y : `~numpy.ndarray`
        Center in pixels.
    radius : `~numpy.ndarray`
        Radius in pixels at which they end in the noise.
    """

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray


def find_peaks(above_sky, noise, bad, *, significance):
    """
    Local maxima of a background-subtracted image.

    Parameters
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (ny, nx)
        The image, smoothed here as for detection.
    noise : `~numpy.ndarray` of float32, shape (ny, nx) or ()
        Standard deviation of the pixels.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for pixels to exclude.
    significance : float
        Minimum height in units of the smoothed white noise.

    Returns
    -------
    y, x : `~numpy.ndarray` of int, shape (m,)
    """
    smooth = smoothed(above_sky)
    peaks = (smooth == maximum_filter(smooth, 3)) & (smooth > significance * _PYRAMID * noise)
    if bad is not None:
        peaks &= ~bad
    return np.nonzero(peaks)


def measure_psf_width(fits):
    """
    Width of the PSF from the compact round sources among many.

    Parameters
    ----------
    fits : `~astro_wgan.neighbors.gaussian_fits.GaussianFits`
        Fits of bright peaks, the centers of galaxies among them or not.

    Returns
    -------
    `PSFWidth`
        The most frequent width at the narrow end, where stars accumulate; and its scatter there.

    Raises
    ------
    DetectionError
        If there are fewer than 5 compact round sources, or many that are narrower than a pixel.

    Notes
    -----
    The widths of stars are all the same, those of galaxies larger and spread: of the maxima of
    their density, smoothed by a Gaussian of 8 percent, the narrowest counts that is at least half
    as high as the highest.
    """
    with np.errstate(invalid='ignore'):
        use = (fits.minor > _ROUND * fits.major) & (fits.residual < _RESIDUAL)
        # Of so few pixels there is no residual, and no axis ratio to speak of.
        narrow = (fits.fwhm <= _NARROWEST) & (fits.minor > fits.major / 2)
        use &= (fits.fwhm > _NARROWEST) & (fits.fwhm < _WIDEST)
    widths = np.sort(np.log(fits.fwhm[use]))
    if len(widths) < _FEWEST:
        raise DetectionError(
            f'{len(widths)} compact round sources are too few to measure the width of point '
            'sources: give `psf`, or `psf_fwhm` of a NeighborConfig.'
        )
    mode = _narrowest_mode(widths)
    # Galaxies are wider than the PSF: only the narrow side shows the scatter of stars.
    below = mode - widths[widths <= mode]
    scatter = 2 * np.median(below) / 0.6745
    tolerance = float(np.clip(np.expm1(scatter), *_TOLERANCES))
    at_mode = np.count_nonzero(np.abs(widths - mode) < np.log1p(tolerance))
    if 2 * np.count_nonzero(narrow) > at_mode:
        raise DetectionError(
            'Many compact sources are narrower than a pixel: these may be point sources, or hot '
            'pixels and cosmic rays. Give `psf`, or `psf_fwhm` of a NeighborConfig.'
        )
    return PSFWidth(float(np.exp(mode)), tolerance)


def width_of_psf(psf):
    """
    Width of the image of a point source.

    Parameters
    ----------
    psf : `~numpy.ndarray`, shape (ny, nx)

    Returns
    -------
    `PSFWidth`

    Raises
    ------
    DetectionError
        If it has no peak of which a width can be measured.
    """
    y, x = np.unravel_index(np.argmax(psf), psf.shape)
    above_half = np.count_nonzero(psf > psf[y, x] / 2)
    fwhm = max(1.0, 2 * np.sqrt(above_half / np.pi))
    # A plane below the peak would take a part of the wings: the fit is that of stars, too.
    fits = fit_gaussians(psf / psf[y, x], np.array([x]), np.array([y]), fwhm=fwhm)
    if not np.isfinite(fits.fwhm[0]):
        raise DetectionError('`psf` has no peak whose width can be measured: give `psf_fwhm`.')
    return PSFWidth(float(fits.fwhm[0]), _TOLERANCE)


def find_stars(above_sky, noise, bad, width, *, significance, tolerance=None):
    """
    Find point sources, on galaxies, too.

    Parameters
    ----------
    above_sky, noise, bad
        As in `find_peaks`.
    width : `PSFWidth`
        Width of the PSF.
    significance : float
        Minimum height above the light below them, in units of the noise rms.
    tolerance : float, optional
        Relative deviation of widths; by default that of ``width``.

    Returns
    -------
    `Stars`

    Notes
    -----
    A star is a peak on a tilted plane, of the width of the PSF along both axes, which a Gaussian
    describes. The center of a compact galaxy may be one in this sense. It ends where a Gaussian
    falls below half of the noise rms or, if it is bright, where the median in a ring does, without
    the light around, within the wings of a Moffat profile with the exponent 2.5.
    """
    tolerance = width.tolerance if tolerance is None else tolerance
    y, x = find_peaks(above_sky, noise, bad, significance=significance)
    rms = np.broadcast_to(noise, above_sky.shape)[y, x]
    fits = fit_gaussians(above_sky, x, y, fwhm=width.fwhm, bad=bad)
    with np.errstate(invalid='ignore', divide='ignore'):
        height = fits.amplitude / rms
        is_star = (fits.minor > _ROUND * fits.major) & (height >= significance)
        _warn_of_narrow(fits.fwhm[is_star & (fits.residual < _RESIDUAL)], width.fwhm)
        is_star &= np.abs(np.log(fits.fwhm / width.fwhm)) < np.log1p(tolerance)
        # Of a fit to noise, the residuals are those of the noise.
        is_star &= fits.residual < np.hypot(_RESIDUAL, 1 / height)
    x, y, fwhm, amplitude = (part[is_star] for part in (fits.x, fits.y, fits.fwhm, fits.amplitude))
    rms = np.array([noise_around(noise, *place) for place in zip(x, y, strict=True)])
    height = np.maximum(amplitude / rms, 1.0)
    # Where a Gaussian falls below half of the noise rms, and wings of seeing end soon after.
    radius = fwhm / 2 * np.sqrt(np.log2(2 * height)) + fwhm / 2
    for k in np.flatnonzero(height >= _BRIGHT):
        radius[k] = halo_radius(
            above_sky,
            bad,
            x[k],
            y[k],
            noise=rms[k],
            inner=radius[k],
            outer=moffat_radius(height[k], width.fwhm, beta=_BETA),
            on_light=True,
        )
    return Stars(x, y, radius)


def _warn_of_narrow(found, fwhm):
    """Warn if round sources are narrower than point sources can be."""
    narrow = np.count_nonzero((found > _NARROWEST) & (found < fwhm / _TOO_WIDE))
    if narrow >= max(_ENOUGH_NARROW, len(found) / 2):
        warnings.warn(
            f'Most round sources are narrower than the PSF of {fwhm:.3g} pixels: is it in pixels, '
            'and that of this image?',
            AstropyUserWarning,
            stacklevel=2,
        )


def _narrowest_mode(values):
    """The lowest of the maxima of the density that are at least half as high as the highest."""
    grid = np.linspace(values.min() - _STEP, values.max() + _STEP, 512)
    density = np.exp(-(((grid[:, np.newaxis] - values) / _STEP) ** 2) / 2).sum(axis=1)
    rises = np.diff(density, prepend=-np.inf, append=-np.inf) > 0
    maxima = rises[:-1] & ~rises[1:] & (density >= density.max() / 2)
    return float(grid[np.argmax(maxima)])
