"""Isophotal photometry: flux, area and peak of the pixels above the threshold."""

import numpy as np

from astro_wgan.sources.flags import SourceFlag

__all__ = ['measure_isophotes']


def measure_isophotes(found, pixels, saturation=None):
    """
    Measure sources from their pixels in the segmentation image.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        Detected sources and images.
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
        The images before background subtraction.
    saturation : `~numpy.ndarray`, shape (n,), optional
        Saturation level of each stamp.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (m,)
        ``isophotal_flux``, ``isophotal_flux_err``, ``area``, ``peak`` (above the background) and
        ``flags`` (those of pixels).
    """
    m = len(found.stamp)
    _, ny, nx = found.labels.shape
    place = np.flatnonzero(found.labels != 0)
    stamp, inside = np.divmod(place, ny * nx)
    y, x = np.divmod(inside, nx)
    first = np.searchsorted(found.stamp, np.arange(len(found.labels)))
    owner = first[stamp] + found.labels.ravel()[place] - 1
    values = found.above_sky.ravel()[place].astype(float)
    variance = found.noise[stamp, y, x].astype(float) ** 2
    peak = np.full(m, -np.inf)
    np.maximum.at(peak, owner, values)
    flags = np.zeros(m, dtype=np.int16)
    at_border = (y == 0) | (y == ny - 1) | (x == 0) | (x == nx - 1)
    flags[owner[at_border]] |= int(SourceFlag.TOUCHES_BORDER)
    if saturation is not None:
        saturated = pixels.ravel()[place] >= saturation.astype(pixels.dtype)[stamp]
        flags[owner[saturated]] |= int(SourceFlag.SATURATED)
    return {
        'isophotal_flux': np.bincount(owner, values, minlength=m),
        'isophotal_flux_err': np.sqrt(np.bincount(owner, variance, minlength=m)),
        'area': np.bincount(owner, minlength=m),
        'peak': peak,
        'flags': flags,
    }
