"""Which stamps an index chooses."""

import numpy as np

from astro_wgan.validation.masked import without_mask

__all__ = ['normalize_index', 'stamp_index']


def normalize_index(rows, n):
    """
    Row numbers from whatever selects stamps.

    Parameters
    ----------
    rows : int, slice or array_like
        One row, a slice, row numbers, or True for each stamp to take; where that is masked, as a
        comparison with a masked column is, the stamp is not taken.
    n : int
        Number of stamps.

    Returns
    -------
    `~numpy.ndarray` of int
        Between 0 and n - 1.

    Raises
    ------
    IndexError
        If there is no such row, or it is no index along one axis.

    Examples
    --------
    >>> from astro_wgan.validation.indices import normalize_index
    >>> normalize_index([-1, 0], 5)
    array([4, 0])
    """
    if isinstance(rows, slice):
        return np.arange(n)[rows]
    if isinstance(rows, (int, np.integer)):
        rows = [rows]
    rows = _unmasked(rows)
    if rows.ndim != 1:
        raise IndexError(f'Stamps are chosen along one axis; got shape {rows.shape}.')
    if rows.dtype == bool:
        if len(rows) != n:
            raise IndexError(
                f'A boolean selection of stamps must have length {n}; got shape {rows.shape}.'
            )
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.arange(0)
    if rows.dtype.kind not in 'iu':
        raise IndexError(f'Stamps are chosen by whole numbers; got dtype {rows.dtype}.')
    outside = (rows < -n) | (rows >= n)
    if outside.any():
        raise IndexError(f'Stamp {rows[outside][0]} was asked for, of a store of {n}.')
    return rows.astype(np.int64) % n


def stamp_index(rows, n):
    """
    An index of arrays from whatever selects stamps of a set, so that slices share memory.

    Parameters
    ----------
    rows, n
        As in `normalize_index`.

    Returns
    -------
    slice or `~numpy.ndarray`

    Raises
    ------
    IndexError
        If there is no such row, or it is no index along one axis.

    Examples
    --------
    >>> from astro_wgan.validation.indices import stamp_index
    >>> stamp_index(-1, 5)
    slice(4, 5, None)
    """
    if isinstance(rows, slice):
        return rows
    if isinstance(rows, (int, np.integer)):
        if not -n <= rows < n:
            raise IndexError(f'Stamp {rows} was asked for, of a set of {n}.')
        return slice(rows % n, rows % n + 1)
    rows = _unmasked(rows)
    if rows.dtype == bool and rows.shape != (n,):
        raise IndexError(
            f'A boolean selection of stamps must have length {n}; got shape {rows.shape}.'
        )
    if rows.ndim != 1:
        raise IndexError(f'Stamps are chosen along one axis; got shape {rows.shape}.')
    return rows.astype(np.int64) if rows.size == 0 else rows


def _unmasked(rows):
    rows, mask = without_mask(rows)
    rows = np.asarray(rows)
    if mask is None:
        return rows
    if rows.dtype != bool:
        raise IndexError(f'{np.count_nonzero(mask)} of the row numbers are masked.')
    return rows & ~mask
