"""Whether images have been stretched for display before, and how that shows."""

import warnings

import numpy as np
from astropy.stats import sigma_clipped_stats
from astropy.utils.exceptions import AstropyUserWarning
from scipy.ndimage import binary_dilation

from astro_wgan.stamps.intensity.stretch_levels import band_of, sky_of

__all__ = ['choose_kind', 'describe_stretch']

#: Level of the brightest pixels of images with 8 bits.
_TOP = 255
#: Parts of a level in the mean of three colors, and in their luminance, whose weights have three
#: decimals (ITU-R BT.601).
_PARTS = (3, 1000)
#: Difference from a whole number of parts, for rounding in float32.
_ROUNDING = 0.1
#: Fewer different levels may be counts of photons.
_MIN_LEVELS = 64

#: An image is clipped if at least this number of its pixels have the maximum of the set.
_MIN_CLIPPED = 2
#: A set is clipped if at least this fraction and number of its images are.
_CLIPPED_FRACTION, _MIN_IMAGES = 0.05, 5
#: The maximum in units of the noise: that of detectors that saturate is higher.
_MAX_RANGE = 300.0
#: Typical intensity above the sky of pixels beside clipped ones, in units of the maximum. Beside
#: saturated pixels of stars it is 0.55 to 0.85, for a PSF of 2 to 6 pixels; after an asinh scaling
#: it is 0.9 to 0.97.
_MIN_BESIDE = 0.88
#: Number of clipped images that are looked at for that.
_MAX_LOOKED_AT = 200


def choose_kind(stamps):
    """
    Kind of a stretch for images that may have been stretched before.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        A sample of the images.

    Returns
    -------
    {'asinh', 'linear'}

    Warns
    -----
    AstropyUserWarning
        If they have been stretched, and are therefore to be scaled linearly.
    """
    reason = describe_stretch(stamps)
    if not reason:
        return 'asinh'
    warnings.warn(
        f'The stamps seem to have been stretched for display, as {reason}: they are taken as they '
        "are, as with Stretch('linear'). Give `kind` to choose yourself.",
        AstropyUserWarning,
        stacklevel=3,
    )
    return 'linear'


def describe_stretch(stamps):
    """
    Whether images have been stretched for display, as a reason.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        A sample of the images.

    Returns
    -------
    str
        What shows that they were stretched, clipped or reduced to 8 bits; empty for images that may
        be linear.

    Notes
    -----
    Images have 8 bits if all pixels are whole numbers after their range has been scaled to 0 and
    255, or if they are so from 0 to 255 or, divided by 255, from 0 to 1; means and luminances of
    three colors are recognized as well. They are clipped if several pixels have the same
    maximum, at most 300 times the noise above the sky, in more than 5 percent of the stamps, and
    the pixels beside them are nearly as bright. Of linear images only saturated stars have a common
    maximum; it is mostly higher, and they fall off steeply beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps.intensity.stretched_images import describe_stretch
    >>> linear = np.random.default_rng(1).normal(size=(20, 32, 32))
    >>> describe_stretch(StampSet(linear))
    ''
    >>> describe_stretch(StampSet(np.rint(np.clip(50 + 60 * linear, 0, 255)) / 255))
    'their pixels have 8 bits'
    """
    values = stamps.pixels[stamps.valid]
    if values.size and _has_8_bits(values.astype(float)):
        return 'their pixels have 8 bits'
    for band in range(stamps.n_bands or 1):
        if _is_clipped(band_of(stamps.pixels, band), band_of(stamps.valid, band)):
            return 'many of their pixels share one maximum'
    return ''


def _has_8_bits(values):
    low, high = values.min(), values.max()
    if not high > low:
        return False
    for black, white, parts in _possible_scales(values):
        levels = (values - black) * (_TOP * parts / (white - black))
        whole = np.rint(levels)
        if (np.abs(levels - whole) < _ROUNDING).all() and len(np.unique(whole)) >= _MIN_LEVELS:
            return True
    return False


def _are_counts(values):
    """Whether values may be counts of photons: the variance of their sky is about its mean."""
    mean, _, deviation = sigma_clipped_stats(values, sigma=3, maxiters=10)
    return bool(mean / 2 < deviation**2 < 2 * mean)


def _possible_scales(values):
    """Values of black and white, and parts of a level."""
    low, high = values.min(), values.max()
    yield low, high, 1
    for top in (_TOP, 1):
        if low >= 0 and high == top:
            yield 0, top, 1
        # Few galaxies are white, but the sky of colors without one is black.
        is_dark = low == 0 and top / 2 < high < top and not _are_counts(values)
        if (low >= 0 and high == top) or is_dark:
            yield from ((0, top, parts) for parts in _PARTS)


def _is_clipped(pixels, valid):
    used = pixels[valid]
    if not used.size:
        return False
    high = used.max()
    at_top = (pixels == high) & valid
    rows = np.flatnonzero(at_top.sum(axis=(1, 2)) >= _MIN_CLIPPED)
    if len(rows) < max(_MIN_IMAGES, _CLIPPED_FRACTION * len(pixels)):
        return False
    sky, noise = sky_of(used)
    if not 0 < high - sky < _MAX_RANGE * noise:
        return False
    rows = rows[:_MAX_LOOKED_AT]
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)[np.newaxis]
    beside = binary_dilation(at_top[rows], plus) & valid[rows] & ~at_top[rows]
    with warnings.catch_warnings():
        # Of an image with clipped pixels alone.
        warnings.simplefilter('ignore', RuntimeWarning)
        typical = np.nanmedian(np.where(beside, pixels[rows], np.nan), axis=(1, 2))
    return bool(np.nanmedian(typical) - sky > _MIN_BESIDE * (high - sky))
