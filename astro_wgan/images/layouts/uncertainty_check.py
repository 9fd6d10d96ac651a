"""`warn_of_another_kind`: uncertainties that are far from the scatter of the pixels."""

import warnings

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

__all__ = ['warn_of_another_kind']

#: Rows that are compared, evenly spaced, and the pairs of pixels that are needed.
_ROWS, _PAIRS = 256, 100

#: Smallest and largest ratio of scatter and standard deviation without warning. The scatter of
#: drizzled pixels is some times smaller, and that within a bright galaxy some times larger.
_SMALLEST, _LARGEST = 0.1, 30.0

#: Median of the absolute values of normal deviates of standard deviation 1.
_MEDIAN = 0.6745


def warn_of_another_kind(pixels, mask, deviation, companions):
    """
    Warn if standard deviations of a file are far from the scatter of neighboring pixels.

    A standard deviation that is taken for a variance, or an inverse variance for either, has the
    right shape and sign.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
    mask : `~numpy.ndarray` of bool, or None
        True for unusable pixels.
    deviation : `~numpy.ndarray`
        Standard deviations.
    companions : `~astro_wgan.images.layouts.companion_planes.Companions`
        What they were read from.

    Warns
    -----
    AstropyUserWarning
        If the median ratio of differences of neighbors in a row and their standard deviations is
        less than 0.1, but not 0, or more than 30.
    """
    plane = companions.uncertainty
    if isinstance(plane.pixels, np.ndarray) or 'UTYPE' in plane.pixels.header:
        # Of which kind it is has been said.
        return
    rows = slice(None, None, -(-len(pixels) // _ROWS))
    values, own = pixels[rows], deviation[rows]
    with np.errstate(invalid='ignore', over='ignore', divide='ignore'):
        scale = np.hypot(own[:, 1:], own[:, :-1])
        ratio = abs(np.diff(values, axis=1)) / scale
    usable = np.isfinite(ratio) & (scale > 0)
    if mask is not None:
        usable &= ~(mask[rows, 1:] | mask[rows, :-1])
    ratio = ratio[usable]
    if len(ratio) < _PAIRS:
        return
    ratio = np.median(ratio) / _MEDIAN
    if ratio == 0 or _SMALLEST <= ratio <= _LARGEST:
        return
    far = 'less than a tenth of' if ratio < 1 else 'more than 30 times'
    # Without the name of the file, so that it comes once for many.
    warnings.warn(
        f'{plane.name} is read as {companions.kind}, but the scatter of neighboring pixels is '
        f'{far} the standard deviations. If it is of another kind, state that by a `layout`, or '
        'give `uncertainty`.',
        AstropyUserWarning,
        stacklevel=4,
    )
