"""`cover_sources`: mask of sources and their wings, in correlated noise."""

import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from photutils.segmentation import detect_sources
from photutils.utils.exceptions import NoDetectionsWarning
from scipy.ndimage import (
    binary_dilation,
    distance_transform_edt,
    find_objects,
    gaussian_filter,
    maximum,
)
from scipy.ndimage import label as connected

from astro_wgan.detection.sep_detection import extract_sources, smoothed

__all__ = ['cover_sources']

#: Sources extend down to this fraction of the threshold, and their wings by this fraction of the
#: radius further, in addition to the margin.
_EXTENT, _WINGS = 0.5, 0.25

#: Standard deviation of unit white noise after smoothing with SExtractor's pyramid.
_PYRAMID = 0.375

#: Sigma, in pixels, of the Gaussian kernels that detect faint extended sources, and the minimum
#: fraction of the image that must remain: in crowded fields, such kernels are not used.
_WIDTHS, _LEAST = (2, 4), 0.1

#: Minimum noise of the Gaussian-weighted sum, relative to that without gaps, for detection.
_FEW = 0.1

#: Factor by which the threshold is raised if all detections may be noise.
_RAISED = 1.25

#: Factor by which the threshold is raised in the first iteration, before the sky is known.
_FIRST = 2

#: Threshold, in sigma, above which a single pixel is a source.
_CERTAIN = 4

#: Pixels further below the sky than this many times the threshold are defects.
_DARK = 2

_NEIGHBORS = np.ones((3, 3))


def cover_sources(residual, bad, clean, detection, *, engine, margin, stated=False):
    """
    Mask sources and their wings.

    Parameters
    ----------
    residual : `~numpy.ndarray` of float32, shape (ny, nx)
        Background-subtracted image over its relative noise; 0 for pixels to exclude.
    bad : `~numpy.ndarray` of bool, shape (ny, nx)
        True for pixels to exclude.
    clean : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for sky, as far as known.
    detection : `~astro_wgan.detection.DetectionConfig`
        Threshold in units of white noise, and settings of SEP.
    engine : {'sep', 'photutils'}
        Detection engine.
    margin : float
        Margin around a source in pixels, in addition to a quarter of its radius.
    stated : bool, optional
        Whether the background level is given.

    Returns
    -------
    covered : `~numpy.ndarray` of bool, shape (ny, nx)
    fraction : float
        Fraction of the image covered by sources without their wings.
    """
    image = smoothed(residual) if detection.smooth else residual
    sky = ~bad if clean is None else clean.copy()
    sigma = detection.threshold / (_PYRAMID if detection.smooth else 1)
    turn = {'first': clean is None, 'stated': stated}
    limits = _limits(image, sky, sigma, **turn)
    # A single pixel may be noise, a group of them is not.
    fewest = 1 if sigma >= _CERTAIN else detection.min_area
    peaks = _peaks(residual, image, bad, detection, limits, fewest, engine)
    labels = _grown(peaks, image, bad, limits, detection.min_area)
    fraction = float((labels > 0).mean())
    covered = _with_wings(labels, margin, _WINGS)
    # Dead pixels and rows are not sky, either.
    dark = image < limits.middle - _DARK * (limits.peak - limits.middle)
    covered |= binary_dilation(dark & ~bad, _NEIGHBORS)
    sigma = detection.threshold / _PYRAMID
    for width in _WIDTHS:
        sky &= ~covered
        if not sky.any():
            break
        image = _smoothed_beside(residual, covered | bad, width)
        limits = _limits(image, sky, sigma, **turn)
        labels = _grown(image > limits.peak, image, bad, limits, detection.min_area)
        more = covered | _with_wings(labels, margin, 0)
        if np.count_nonzero(~(more | bad)) < _LEAST * np.count_nonzero(~bad):
            break
        covered = more
    return covered, fraction


def _smoothed_beside(residual, hidden, width):
    """
    Smooth an image with a Gaussian, ignoring hidden pixels.

    It is normalized by the noise of the sum, which depends on the number of pixels in it.
    """
    use = (~hidden).astype(np.float32)
    image = gaussian_filter(residual * use, width, mode='constant')
    # The square of a Gaussian is one that is narrower by the square root of two.
    noise = np.sqrt(gaussian_filter(use, width / np.sqrt(2), mode='constant'))
    return np.divide(image, noise, out=image, where=noise > _FEW)


class _Limits(NamedTuple):
    """Thresholds of the peak and of each pixel of a source, and mean of the sky."""

    peak: float
    extent: float
    middle: float


def _limits(image, sky, sigma, *, first, stated):
    """Thresholds in units of the measured standard deviation of the sky."""
    values = image[sky]
    middle, scatter = values.mean(dtype=float), values.std(dtype=float)
    skewness = 0.0
    below = values[values < 0] if stated else values[:0]
    if len(below):
        # Pixels below the sky are noise, however many are bright.
        middle, scatter = 0.0, np.sqrt(np.mean(below * below, dtype=float))
    elif first:
        # From the lower half of the pixels, which is free of sources; and for bright sources only,
        # since the skewness of the noise is not yet known.
        low, middle = np.quantile(values, [0.1587, 0.5]).astype(float)
        scatter = middle - low or scatter
    if first:
        sigma *= _FIRST
    elif scatter > 0:
        values = (values - np.float32(middle)) / np.float32(scatter)
        skewness = np.clip(np.mean(values * values * values, dtype=float), 0, 1)
        if not _more_bright_than_dark(image, middle, scatter, skewness, sigma):
            sigma *= _RAISED
    peak, extent = (middle + scatter * _tail(each, skewness) for each in (sigma, _EXTENT * sigma))
    return _Limits(float(peak), float(extent), float(middle))


def _tail(sigma, skewness):
    """Quantile of a skewed distribution at ``sigma`` of a normal one (Cornish & Fisher 1938)."""
    return sigma + skewness * (sigma**2 - 1) / 6


def _more_bright_than_dark(image, middle, scatter, skewness, sigma):
    """
    Whether some of the detections just above the threshold are sources.

    Noise makes as many negative ones, at the same quantile of its distribution.
    """
    numbers = []
    for sign in (1, -1):
        low, high = (scatter * _tail(s, sign * skewness) for s in (sigma, _RAISED * sigma))
        height = sign * (image - np.float32(middle))
        labels, n = connected(height > low, structure=_NEIGHBORS)
        highest = maximum(height, labels, np.arange(1, n + 1)) if n else np.empty(0)
        numbers.append(np.count_nonzero(highest < high))
    bright, dark = numbers
    return bright - dark > np.sqrt(bright + dark)


def _peaks(residual, image, bad, detection, limits, fewest, engine):
    """True in sources that the engine detects above the peak threshold in the smoothed image."""
    if engine == 'sep':
        # Without deblending: the extent of sources follows from the lower threshold.
        detection = replace(detection, deblend_contrast=1.0, clean=None, min_area=fewest)
        above = np.where(bad, np.float32(0), residual - np.float32(limits.middle))
        noise = np.float32((limits.peak - limits.middle) / detection.threshold)
        return extract_sources(above, bad if bad.any() else None, noise, detection)[1] > 0
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NoDetectionsWarning)
        threshold = np.broadcast_to(limits.peak, image.shape)
        found = detect_sources(image, threshold, fewest, mask=bad)
    return np.zeros(image.shape, dtype=bool) if found is None else found.data > 0


def _grown(peaks, image, bad, limits, min_area):
    """Label regions above the lower threshold that contain pixels above the upper one."""
    labels = connected(((image > limits.extent) | peaks) & ~bad, structure=_NEIGHBORS)[0]
    size = np.bincount(labels.ravel())
    keep = np.bincount(labels[peaks], minlength=len(size)) > 0
    keep &= size >= min_area
    keep[0] = False
    return np.where(keep[labels], labels, 0)


def _with_wings(labels, margin, wings):
    """True for pixels of sources and their wings."""
    covered = labels > 0
    for number, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        radius = np.sqrt(np.count_nonzero(labels[box] == number) / np.pi)
        reach = margin + wings * radius
        wide = tuple(
            slice(max(0, int(part.start - reach)), int(np.ceil(part.stop + reach))) for part in box
        )
        covered[wide] |= distance_transform_edt(labels[wide] != number) <= reach
    return covered
