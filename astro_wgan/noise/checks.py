"""What the noise room accepts as a correlation function."""

import numpy as np

__all__ = ['check_correlation']


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
