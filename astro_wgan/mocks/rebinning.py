"""`rebin`: light of pixels of one size in pixels of another."""

import numpy as np

__all__ = ['rebin']


def rebin(flux, n, *, step, center):
    """
    Share the flux of rows of pixels among other rows: each piece among the three nearest to it.

    Parameters
    ----------
    flux : `~numpy.ndarray`, shape (rows, ...)
        Flux of pixels, along the first axis.
    n : int
        How many rows to make.
    step : float
        Their height, in rows.
    center : float
        Where the middle of all that are made lies: 0 is the middle of the first row.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ...)
        With the flux of all rows that are more than a step and a half from the ends.

    Notes
    -----
    Weights are those of the triangular-shaped cloud (Hockney & Eastwood 1988, section 5-3), a box
    of the height of a row three times. With them all pieces are smoothed to the same variance,
    wherever they lie in a row; with a single box, which is sharing by common length, a star
    between two rows becomes wider than one in the middle of a row. Whoever blurs the light can
    take two of the boxes out again.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.mocks.rebinning import rebin
    >>> rebin(np.array([0.0, 0.0, 6.0, 0.0]), 3, step=1, center=2).round(3)
    array([1., 4., 1.])
    """
    zero = np.zeros_like(flux[:1])
    # Flux is spread evenly over its row; the sum up to a place is linear there, its sum quadratic.
    once = np.concatenate([zero, np.cumsum(flux, axis=0)])
    twice = np.concatenate([zero, np.cumsum(once[:-1] + flux / 2, axis=0)])
    thrice = np.concatenate([zero, np.cumsum(twice[:-1] + once[:-1] / 2 + flux / 6, axis=0)])
    places = center + 0.5 + (np.arange(n + 3) - (n + 2) / 2) * step
    rows = np.clip(places, 0, len(flux))
    below = np.minimum(rows.astype(int), len(flux) - 1)
    shape = (-1, *[1] * (flux.ndim - 1))
    within, beyond = (rows - below).reshape(shape), (places - rows).clip(0).reshape(shape)
    sums = thrice[below] + within * (
        twice[below] + within / 2 * (once[below] + within / 3 * flux[below])
    )
    # Past the last row nothing is added to the first sum.
    sums += beyond * (twice[-1] + beyond / 2 * once[-1])
    return np.diff(sums, 3, axis=0) / step**2
