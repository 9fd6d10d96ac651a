"""Which stamps an index chooses."""

import numpy as np

__all__ = ['chosen_rows']


def chosen_rows(rows, n):
    """
    Row numbers from whatever selects stamps.

    Parameters
    ----------
    rows : int, slice or array_like
        One row, a slice, row numbers, or True for each stamp to take.
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
    >>> from astro_wgan.stamps.selection import chosen_rows
    >>> chosen_rows([-1, 0], 5)
    array([4, 0])
    """
    if isinstance(rows, slice):
        return np.arange(n)[rows]
    if isinstance(rows, (int, np.integer)):
        rows = [rows]
    rows = np.asarray(rows)
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
