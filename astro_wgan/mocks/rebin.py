"""`overlaps`: how pixels of one size share their light among pixels of another."""

import numpy as np

__all__ = ['overlaps']


def overlaps(n_in, n_out, *, step, centre):
    """
    Share of each input pixel that falls into each output pixel, along one axis.

    Parameters
    ----------
    n_in, n_out : int
        How many there are.
    step : float
        Edge of an output pixel, in input pixels.
    centre : float
        Where the middle of all output pixels lies, in input pixels: 0 is the middle of the first.

    Returns
    -------
    `~numpy.ndarray`, shape (n_out, n_in)
        Columns of input pixels that are wholly covered add up to 1, so that flux is conserved.

    Examples
    --------
    >>> from astro_wgan.mocks.rebin import overlaps
    >>> overlaps(4, 2, step=1.5, centre=1.5)
    array([[0.5, 1. , 0. , 0. ],
           [0. , 0. , 1. , 0.5]])
    """
    edges = centre + (np.arange(n_out + 1) - n_out / 2) * step
    first = np.arange(n_in) - 0.5
    left = np.maximum(edges[:-1, np.newaxis], first)
    right = np.minimum(edges[1:, np.newaxis], first + 1)
    return np.clip(right - left, 0, None)
