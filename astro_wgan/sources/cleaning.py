"""Sources that are only the wing of a brighter one: SExtractor's CLEAN, for many stamps at once."""

import numpy as np
from scipy.spatial import cKDTree

__all__ = ['near_pairs', 'wings_of']

#: SExtractor looks for eaters within this many times the sum of both semi-major axes.
_ZONE = 10


def near_pairs(sources, stamp):
    """
    Sources of one stamp that come so near each other that one may be a wing of the other.

    Parameters
    ----------
    sources : `~numpy.ndarray`, shape (m,)
        SEP's structured array.
    stamp : `~numpy.ndarray` of int, shape (m,)
        The stamp of each.

    Returns
    -------
    bright, faint : `~numpy.ndarray` of int
        Indices of the brighter and the fainter source of each pair.
    """
    if not len(sources):
        return np.empty((2, 0), dtype=int)
    reach = 2 * _ZONE * float(sources['a'].max())
    places = np.stack([sources['x'], sources['y'], 2 * reach * stamp], axis=1)
    first, second = cKDTree(places).query_pairs(reach, output_type='ndarray').T
    distance = np.hypot(*(sources[axis][first] - sources[axis][second] for axis in 'xy'))
    near = distance < _ZONE * (sources['a'][first] + sources['a'][second])
    first, second = first[near], second[near]
    swap = sources['cflux'][second] > sources['cflux'][first]
    return np.where(swap, second, first), np.where(swap, first, second)


def wings_of(sources, pairs, excess, half_peak_area, clean):
    """
    The brighter source that each source is a wing of.

    Parameters
    ----------
    sources : `~numpy.ndarray`, shape (m,)
        SEP's structured array.
    pairs : tuple of `~numpy.ndarray` of int
        As from `near_pairs`.
    excess : `~numpy.ndarray`, shape (m,)
        How far the smoothed source rises above its threshold, in as many pixels as it must have.
    half_peak_area : `~numpy.ndarray`, shape (m,)
        Its pixels that are brighter than half-way from the threshold to the peak.
    clean : float
        Steepness of the wings.

    Returns
    -------
    `~numpy.ndarray` of int, shape (m,)
        Index of that source; -1 for sources in their own right.

    Notes
    -----
    Each source is continued as a Moffat profile that falls to the threshold where its pixels end
    (Bertin & Arnouts 1996, A&AS 117, 393, section 5.2). A fainter source that rises less than
    this profile does at its place is a wing.
    """
    wing_of = np.full(len(sources), -1)
    bright, faint = pairs
    eats = _profile(sources, half_peak_area, bright, faint, clean) > excess[faint]
    bright, faint = bright[eats], faint[eats]
    # The brightest first: what is itself a wing has none.
    for k in np.lexsort((-sources['cflux'][bright], -sources['cflux'][faint])):
        if wing_of[bright[k]] < 0 and wing_of[faint[k]] < 0:
            wing_of[faint[k]] = bright[k]
    return wing_of


def _profile(sources, half_peak_area, bright, faint, clean):
    """How bright the continued bright sources are at the places of the faint ones."""
    dx, dy = (sources[axis][faint] - sources[axis][bright] for axis in 'xy')
    # As float64: a wing may be very faint.
    a, b, cxx, cyy, cxy, flux, threshold, peak, area, area_above = (
        sources[name][bright].astype(float)
        for name in ('a', 'b', 'cxx', 'cyy', 'cxy', 'cflux', 'thresh', 'peak', 'npix', 'tnpix')
    )
    ratio = threshold / ((threshold + peak) / 2)
    ratio[ratio >= 1] = 0.99
    fewer = np.minimum(half_peak_area[bright] - area_above, -1)
    # How much of a Gaussian's light lies above the threshold.
    share = np.minimum(fewer / (2 * np.pi * np.log(ratio) * a * b), 1)
    ellipse = np.pi * a * b
    amplitude = flux / (2 * ellipse * share)
    slope = ((amplitude / threshold) ** (1 / clean) - 1) * ellipse / area
    value = 1 + slope * (cxx * dx**2 + cyy * dy**2 + cxy * dx * dy)
    # Where it does not fall, the profile is no profile.
    return np.where(value > 1, amplitude * np.maximum(value, 1) ** -clean, -np.inf)
