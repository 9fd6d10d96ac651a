"""`rebin`: flux-conserving resampling of rows of pixels."""

import numpy as np

__all__ = ['rebin']


def rebin(flux, n, *, step, center):
    """
    Rebin flux along the first axis with the weights of a triangular-shaped cloud.

    Parameters
    ----------
    flux : `~numpy.ndarray`, shape (rows, ...)
        Flux of pixels, along the first axis.
    n : int
        Number of output rows.
    step : float
        Height of an output row, in units of input rows.
    center : float
        Center of the output, in input rows: 0 is the center of the first row.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ...)
        The flux of input rows that are more than 1.5 steps inside of the edges is conserved.

    Notes
    -----
    The weights are those of a triangular-shaped cloud (Hockney & Eastwood 1988, section 5-3), the
    convolution of three boxes of the height of a row. All flux is thus smoothed to the same
    variance wherever it is in a row. With a single box, which divides flux by overlap, a star
    between two rows would become wider than one at the center of a row. Two of the boxes can be
    deconvolved afterwards, together with a convolution by the PSF.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.mocks.rebinning import rebin
    >>> rebin(np.array([0.0, 0.0, 6.0, 0.0]), 3, step=1, center=2).round(3)
    array([1., 4., 1.])
    """
    zero = np.zeros_like(flux[:1])
    # Flux is uniform in its row: cumulative sums are linear in position there, then quadratic,
    # cubic.
    once = np.concatenate([zero, np.cumsum(flux, axis=0)])
    twice = np.concatenate([zero, np.cumsum(once[:-1] + flux / 2, axis=0)])
    thrice = np.concatenate([zero, np.cumsum(twice[:-1] + once[:-1] / 2 + flux / 6, axis=0)])
    positions = center + 0.5 + (np.arange(n + 3) - (n + 2) / 2) * step
    rows = np.clip(positions, 0, len(flux))
    below = np.minimum(rows.astype(int), len(flux) - 1)
    shape = (-1, *[1] * (flux.ndim - 1))
    within, beyond = (rows - below).reshape(shape), (positions - rows).clip(0).reshape(shape)
    sums = thrice[below] + within * (
        twice[below] + within / 2 * (once[below] + within / 3 * flux[below])
    )
    # Beyond the last row the first cumulative sum is constant.
    sums += beyond * (twice[-1] + beyond / 2 * once[-1])
    return np.diff(sums, 3, axis=0) / step**2
