"""`find_companions`: the brightest neighbor of each central source, and its class."""

import numpy as np

__all__ = ['COMPANION_CLASSES', 'find_companions']

#: Classes by flux ratio of Margalef-Bentabol et al. 2020, and those without a companion.
COMPANION_CLASSES = ('none', '<1.5', '1.5-2', '>2', 'unknown')

_EDGES = (1.5, 2.0)


def find_companions(sources, central):
    """
    Compare the central source of each stamp with its brightest neighbor.

    Parameters
    ----------
    sources : dict of `~numpy.ndarray`, each of shape (m,)
        ``stamp`` (row of the stamp, ascending), ``label``, ``x``, ``y`` and ``kron_flux``.
    central : `~numpy.ndarray` of int, shape (n,)
        Label of the central source of each stamp; 0 where there is none.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (n,)
        ``central_row`` and ``neighbor_row``, rows of ``sources`` or -1; ``n_neighbors``;
        ``flux_ratio`` and ``separation`` (pixels), NaN without central source or neighbor;
        ``companion_class``, one of `COMPANION_CLASSES`; ``companion``, ``'none'``, ``'bright'``,
        ``'faint'`` or ``'unknown'``.

    Notes
    -----
    Margalef-Bentabol et al. 2020 (MNRAS 496, 2346), section 4.1: the flux ratio is that of
    the central galaxy to its brightest neighbor; it is below 2 for bright neighbors.
    """
    n = len(central)
    stamp = sources['stamp']
    first = np.searchsorted(stamp, np.arange(n))
    count = np.bincount(stamp, minlength=n)
    central_row = np.where(central > 0, first + central - 1, -1)
    is_central = np.zeros(len(stamp), dtype=bool)
    is_central[central_row[central > 0]] = True
    neighbor_row = _brightest(stamp, np.where(is_central, np.nan, sources['kron_flux']), n)
    both = (central_row >= 0) & (neighbor_row >= 0)
    ratio, separation = np.full(n, np.nan), np.full(n, np.nan)
    here, there = central_row[both], neighbor_row[both]
    ratio[both] = _ratio(sources['kron_flux'][here], sources['kron_flux'][there])
    dx, dy = (sources[axis][there] - sources[axis][here] for axis in 'xy')
    separation[both] = np.hypot(dx, dy)
    companion_class, companion = _classes(ratio, central > 0, count - (central > 0))
    return {
        'central_row': central_row,
        'neighbor_row': neighbor_row,
        'n_neighbors': count - (central > 0),
        'flux_ratio': ratio,
        'separation': separation,
        'companion_class': companion_class,
        'companion': companion,
    }


def _brightest(stamp, flux, n):
    """Row of the brightest source of each stamp without NaN, or -1."""
    rows = np.flatnonzero(~np.isnan(flux))
    # The last of each stamp in this order.
    rows = rows[np.lexsort((flux[rows], stamp[rows]))]
    brightest = np.full(n, -1)
    brightest[stamp[rows]] = rows
    return brightest


def _ratio(central, neighbor):
    """Flux ratio: infinite for neighbors without flux, NaN for central sources without flux."""
    with np.errstate(divide='ignore', invalid='ignore'):
        ratio = np.where(neighbor > 0, central / neighbor, np.inf)
    return np.where(central > 0, ratio, np.nan)


def _classes(ratio, has_central, neighbors):
    known = ~np.isnan(ratio)
    kind = np.where(known, np.digitize(ratio, _EDGES) + 1, len(COMPANION_CLASSES) - 1)
    kind[has_central & (neighbors == 0)] = 0
    brightness = np.array(['none', 'bright', 'bright', 'faint', 'unknown'])
    return np.array(COMPANION_CLASSES)[kind], brightness[kind]
