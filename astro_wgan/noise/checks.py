"""What the noise room accepts: shapes of stamps, numbers, and correlation functions."""

import numpy as np

__all__ = ['as_stamp_shape', 'check_correlation']


def as_stamp_shape(size):
    """
    ``(ny, nx)`` from a number of pixels or two of them.

    Raises
    ------
    ValueError
        If it is neither, or below 1.

    Examples
    --------
    >>> from astro_wgan.noise.checks import as_stamp_shape
    >>> as_stamp_shape(64), as_stamp_shape((32, 48))
    ((64, 64), (32, 48))
    """
    shape = np.broadcast_to(size, 2) if np.ndim(size) == 0 else np.asarray(size)
    if shape.shape != (2,) or shape.dtype.kind not in 'iu' or shape.min() < 1:
        raise ValueError(
            f'`size` must be a number of pixels above 0, or two of them (ny, nx); got {size!r}.'
        )
    return int(shape[0]), int(shape[1])


def check_correlation(values):
    """
    Make sure that an array can be a correlation function.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Covariance at each lag, zero lag in the middle.

    Raises
    ------
    ValueError
        If it is not square with an odd edge, not finite, not the same at opposite lags, or not
        largest at lag zero.
    """
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.shape[0] % 2 == 0:
        raise ValueError(
            '`covariance` must be a square with an odd edge, lag zero in its middle; got an array '
            f'of shape {values.shape}.'
        )
    if not np.isfinite(values).all():
        raise ValueError('`covariance` must be finite.')
    peak = values[values.shape[0] // 2, values.shape[1] // 2]
    if not peak > 0 or np.abs(values).max() > peak:
        raise ValueError(
            '`covariance` must be largest at lag zero, in the middle, and above 0 there; '
            f'got {peak:g} there and up to {np.abs(values).max():g} elsewhere.'
        )
    if not np.allclose(values, values[::-1, ::-1], rtol=0, atol=1e-6 * peak):
        raise ValueError('`covariance` must be the same at opposite lags.')
