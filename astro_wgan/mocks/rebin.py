"""`rebin`: light of pixels of one size in pixels of another."""

import numpy as np

__all__ = ['rebin']


def rebin(flux, n, *, step, centre):
    """
    Share the flux of rows of pixels among other rows, by the length that they have in common.

    Parameters
    ----------
    flux : `~numpy.ndarray`, shape (rows, ...)
        Flux of pixels, along the first axis.
    n : int
        How many rows to make.
    step : float
        Their height, in rows.
    centre : float
        Where the middle of all that are made lies: 0 is the middle of the first row.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ...)
        With the flux of all rows that are wholly covered.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.mocks.rebin import rebin
    >>> rebin(np.array([1.0, 2.0, 4.0, 8.0]), 2, step=1.5, centre=1.5)
    array([2.5, 8. ])
    """
    # The flux up to each edge grows linearly within a pixel.
    up_to = np.concatenate([np.zeros_like(flux[:1]), np.cumsum(flux, axis=0)])
    edges = np.clip(centre + 0.5 + (np.arange(n + 1) - n / 2) * step, 0, len(flux))
    below = np.minimum(edges.astype(int), len(flux) - 1)
    within = (edges - below).reshape(-1, *[1] * (flux.ndim - 1))
    return np.diff(up_to[below] + within * flux[below], axis=0)
