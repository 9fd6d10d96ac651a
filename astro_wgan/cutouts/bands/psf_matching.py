"""`match_psfs`: kernels of photutils that give images of several bands the same PSF."""

import numpy as np
from scipy.signal import fftconvolve

from astro_wgan.cutouts.bands.regridding import ImageParts

__all__ = ['broadest_psf', 'check_psfs', 'convolve_parts', 'matching_kernel']

#: Minimum weight of valid pixels in the kernel around a pixel.
_LEAST_COVERAGE = 0.5


def broadest_psf(psfs):
    """
    Number of the PSF with the largest noise-equivalent area.

    Parameters
    ----------
    psfs : list of `~numpy.ndarray`, shape (ny, nx)

    Returns
    -------
    int
    """
    return int(np.argmax([psf.sum() ** 2 / np.square(psf).sum() for psf in psfs]))


def check_psfs(bands):
    """
    Make sure that the PSFs of bands can be matched.

    Parameters
    ----------
    bands : sequence of `~astro_wgan.stamps.Band`

    Raises
    ------
    ValueError
        If a band has no PSF, or one that is not finite, of a sum not above 0, or with even edges.
    ImportError
        If photutils has no Wiener kernels, before version 3.0.
    """
    without = [band.name for band in bands if band.psf is None]
    if without:
        raise ValueError(
            f'`match_psf` needs the PSF of each band; there is none of {", ".join(without)}. Give '
            "`Band('g', psf=...)` as key of `images`."
        )
    for band in bands:
        if not all(edge % 2 for edge in band.psf.shape):
            raise ValueError(
                'PSFs to be matched must have odd edges, so that their center is that of a pixel; '
                f'got the shape {band.psf.shape} in {band.name}.'
            )
        if not (np.isfinite(band.psf).all() and band.psf.sum() > 0):
            raise ValueError(
                f'PSFs to be matched must be finite, with a sum above 0; that of {band.name} is '
                'not.'
            )
    _wiener_kernel()


def _wiener_kernel():
    try:
        from photutils.psf_matching import make_wiener_kernel
    except ImportError as error:
        raise ImportError('`match_psf` needs photutils 3.0 or later: install it.') from error
    return make_wiener_kernel


def matching_kernel(psf, target):
    """
    Kernel that changes a PSF into a broader one.

    Parameters
    ----------
    psf, target : `~numpy.ndarray`, shape (ny, nx)
        Both at the same pixel scale.

    Returns
    -------
    `~numpy.ndarray`
        With a sum of 1 and odd edges.

    Raises
    ------
    ImportError
        If photutils has no Wiener kernels, before version 3.0.
    """
    make_wiener_kernel = _wiener_kernel()
    edge = max(*psf.shape, *target.shape)
    source, wanted = (_padded(each / each.sum(), edge) for each in (psf, target))
    kernel = make_wiener_kernel(source, wanted)
    return kernel / kernel.sum()


def convolve_parts(parts, kernel):
    """
    Sections of an image convolved with a kernel.

    Parameters
    ----------
    parts : `ImageParts`
    kernel : `~numpy.ndarray`
        With a sum of 1.

    Returns
    -------
    `ImageParts`
        Of the same shape: what lies beyond the edge counts as masked. Pixels less than half of
        whose kernel falls on valid pixels are masked. The uncertainty is that of each pixel:
        neighboring ones are correlated.
    """
    valid = parts.valid
    covered = _convolved(valid, kernel)
    pixels = _convolved(np.where(valid, parts.pixels, 0), kernel)
    known = covered >= _LEAST_COVERAGE
    over = np.where(known, covered, 1)
    pixels = np.where(known, pixels / over, np.nan).astype(parts.pixels.dtype)
    if parts.uncertainty is None:
        return ImageParts(pixels, known)
    variance = np.square(np.where(valid, parts.uncertainty, 0), dtype=float)
    endless = ~np.isfinite(variance)
    variance = _convolved(np.where(endless, 0, variance), np.square(kernel))
    deviation = np.sqrt(np.maximum(variance, 0)) / over
    if endless.any():
        deviation[_convolved(endless, np.abs(kernel)) > 1e-3] = np.inf
    deviation = np.where(known, deviation, np.nan).astype(pixels.dtype)
    return ImageParts(pixels, known, deviation)


def _convolved(images, kernel):
    return fftconvolve(images.astype(float), kernel[np.newaxis], mode='same', axes=(1, 2))


def _padded(psf, edge):
    """A PSF in the middle of a square with an odd edge."""
    padded = np.zeros((edge, edge))
    (ny, nx) = psf.shape
    y, x = (edge - ny) // 2, (edge - nx) // 2
    padded[y : y + ny, x : x + nx] = psf
    return padded
