"""Standard errors by the jackknife: what comes out when one group after another is left out."""

import numpy as np

__all__ = ['jackknife_error']


def jackknife_error(without):
    """
    Standard error of a quantity.

    Parameters
    ----------
    without : array_like, shape (g, ...)
        The quantity as measured without each of g groups; fewer than two groups know no error.

    Returns
    -------
    `~numpy.ndarray`, shape (...)
        NaN for fewer than two groups.

    Notes
    -----
    Tukey's: sqrt((g - 1) / g * sum (x_g - mean)^2). Groups need not be of one size exactly.

    Examples
    --------
    The error of a mean is the scatter divided by the square root of the number:

    >>> import numpy as np
    >>> from astro_wgan.noise.jackknife import jackknife_error
    >>> x = np.array([1.0, 2.0, 4.0, 9.0])
    >>> float(jackknife_error((x.sum() - x) / 3)), float(x.std(ddof=1) / 2)
    (1.77951, 1.77951)
    """
    without = np.asarray(without, dtype=float)
    groups = len(without)
    if groups < 2:
        return np.full(without.shape[1:], np.nan)
    return np.sqrt((groups - 1) * without.var(axis=0))
