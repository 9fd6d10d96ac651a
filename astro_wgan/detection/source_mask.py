"""Which pixels of an image belong to sources, by SEP or by photutils, in correlated noise."""

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

__all__ = ['ENGINES', 'cover_sources']

ENGINES = ('sep', 'photutils')

#: A source reaches out to where it is this share of the threshold, and its wings by this share of
#: the radius further, beside the margin.
_EXTENT, _WINGS = 0.5, 0.25

#: Scatter of white noise of 1 that is smoothed by SExtractor's pyramid.
_PYRAMID = 0.375

#: Sigma, in pixels, of Gaussians that find what is faint and extended; and the share of the image
#: that these leave at least: where less would be left, as in a crowded field, they are not used.
_WIDTHS, _LEAST = (2, 4), 0.1

#: Noise of such a Gaussian's sum, over that without gaps, from which it is sought there.
_FEW = 0.1

#: By how much the threshold is raised where what lies above it may be noise altogether.
_RAISED = 1.25

#: How many times brighter sources are before the sky is known.
_FIRST = 2

#: Sigma above which one pixel makes a source.
_CERTAIN = 4

#: What is as far below the sky as so many times the threshold is above it is a defect.
_DARK = 2

_NEIGHBORS = np.ones((3, 3))


def cover_sources(residual, bad, clean, detection, *, engine, margin, stated=False):
    """
    Where sources and their wings are.

    Parameters
    ----------
    residual : `~numpy.ndarray` of float32, shape (ny, nx)
        The image without background, over its noise up to a factor; 0 where it must not be used.
    bad : `~numpy.ndarray` of bool, shape (ny, nx)
        True where a pixel must not be used.
    clean : `~numpy.ndarray` of bool, shape (ny, nx), or None
        Where there is sky, as far as it is known.
    detection : `~astro_wgan.detection.DetectionConfig`
        Threshold, in units of white noise, and, for SEP, deblending.
    engine : {'sep', 'photutils'}
        Who looks for them.
    margin : float
        Pixels around a source, beside a quarter of its radius.
    stated : bool, optional
        The background was stated, and is not to be had from the pixels.

    Returns
    -------
    covered : `~numpy.ndarray` of bool, shape (ny, nx)
    share : float
        Of the image that sources cover without their wings.
    """
    image = smoothed(residual) if detection.smooth else residual
    sky = ~bad if clean is None else clean.copy()
    sigma = detection.threshold / (_PYRAMID if detection.smooth else 1)
    turn = {'first': clean is None, 'stated': stated}
    limits = _limits(image, sky, sigma, **turn)
    # Where one pixel may be that of noise, so many together are not.
    fewest = 1 if sigma >= _CERTAIN else detection.min_area
    peaks = _peaks(residual, image, bad, detection, limits, fewest, engine)
    labels = _grown(peaks, image, bad, limits, detection.min_area)
    share = float((labels > 0).mean())
    covered = _with_wings(labels, margin, _WINGS)
    # Dead pixels and rows are no sky, either.
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
    return covered, share


def _smoothed_beside(residual, hidden, width):
    """
    An image smoothed by a Gaussian, without what would be wider in it than it is.

    The fewer pixels there are around a place, the less noise there is in their sum.
    """
    use = (~hidden).astype(np.float32)
    image = gaussian_filter(residual * use, width, mode='constant')
    # The square of a Gaussian is one that is narrower by the square root of two.
    noise = np.sqrt(gaussian_filter(use, width / np.sqrt(2), mode='constant'))
    return np.divide(image, noise, out=image, where=noise > _FEW)


class _Limits(NamedTuple):
    """What the peak of a source, and each of its pixels, is above; and the mean of the sky."""

    peak: float
    extent: float
    middle: float


def _limits(image, sky, sigma, *, first, stated):
    """Limits at so many sigma of the sky's own scatter in an image."""
    values = image[sky]
    middle, scatter = values.mean(dtype=float), values.std(dtype=float)
    skewness = 0.0
    below = values[values < 0] if stated else values[:0]
    if len(below):
        # However many pixels are bright: those below the sky are its noise.
        middle, scatter = 0.0, np.sqrt(np.mean(below * below, dtype=float))
    elif first:
        # Of the lower half of the pixels, which sources are not in; and bright ones alone, since
        # nobody knows yet how skew the noise is.
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
    """Where a skew distribution has the tail of a normal one at sigma (Cornish & Fisher 1938)."""
    return sigma + skewness * (sigma**2 - 1) / 6


def _more_bright_than_dark(image, middle, scatter, skewness, sigma):
    """
    Whether some of the spots that are just above the threshold are sources.

    Noise makes as many dark ones, at the same share of its distribution.
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
    """True in sources that an engine finds above a limit in the smoothed image."""
    if engine == 'sep':
        # What is deblended is one source here, and how large it is its lower limit tells.
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
    """Labels of all that is above the lower limit around pixels above the upper one."""
    labels = connected(((image > limits.extent) | peaks) & ~bad, structure=_NEIGHBORS)[0]
    size = np.bincount(labels.ravel())
    keep = np.bincount(labels[peaks], minlength=len(size)) > 0
    keep &= size >= min_area
    keep[0] = False
    return np.where(keep[labels], labels, 0)


def _with_wings(labels, margin, wings):
    """True for the pixels of sources and those near them."""
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
