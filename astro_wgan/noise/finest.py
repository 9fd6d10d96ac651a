"""The noise of images in which sources leave no sky, from their finest structure."""

import warnings

import numpy as np
from scipy.stats import norm

__all__ = ['finest_scatter']

#: Median of the absolute values of a normal distribution with the standard deviation 1.
_MEDIAN = norm.ppf(0.75)


def finest_scatter(images, *, axis=(1, 2)):
    """
    Standard deviation of white noise that would have the finest structure of images.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, bands)
        NaN in pixels that do not count.
    axis : int, tuple of int, optional
        Axes to take together: by default those of the pixels, for a value by image.

    Returns
    -------
    `~numpy.ndarray`
        NaN where no square of three by three pixels counts.

    Notes
    -----
    The difference of two Laplacians (Immerkaer 1996, CVIU 64, 300) is blind to planes and
    parabolas, and its median is not moved by the few pixels where sources are sharp. Of noise that
    is correlated between neighbours it sees a part only: compare like with like.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise import finest_scatter
    >>> images = np.random.default_rng(1).normal(scale=2, size=(3, 64, 64))
    >>> bool((abs(finest_scatter(images) - 2) < 0.2).all())
    True
    """
    # Its variance is 36 times that of a pixel.
    finest = np.diff(np.diff(images, 2, axis=1), 2, axis=2) / 6
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return np.nanmedian(np.abs(finest), axis=axis) / _MEDIAN
