"""`ChiSquared`: image in which sources of any color are detected, from the noise of each band."""

import numpy as np
from scipy.special import gammaln

__all__ = ['ChiSquared']


class ChiSquared:
    """
    Sum of the squared signal-to-noise ratio over bands, to which bands are added one by one.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images.

    Notes
    -----
    Of Szalay, Connolly & Szokoly (1999, AJ 117, 68). Where there is only noise, the sum has a chi-
    squared distribution with as many degrees of freedom as there are bands with data, n. `image`
    is its root less the mean of that distribution (chi), in units of its standard deviation, as by
    CHI-MEAN of SWarp (Bertin et al. 2002): it has a mean of 0 and a standard deviation of 1 in the
    sky wherever there are data in any band, and is proportional to the signal-to-noise ratio in
    sources, so that a threshold in sigma and deblending have the usual meaning. Negative pixels
    count as positive ones.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.bands.chi_squared import ChiSquared
    >>> total = ChiSquared((2, 2))
    >>> for signal_to_noise in (3, 4):
    ...     total.add(np.full((2, 2), signal_to_noise))
    >>> total.image()[0, 0].round(3)
    np.float32(5.719)
    """

    def __init__(self, shape):
        self._sum = np.zeros(shape, dtype=np.float32)
        self._count = np.zeros(shape, dtype=np.uint16)

    def add(self, signal_to_noise, bad=None):
        """
        Add a band.

        Parameters
        ----------
        signal_to_noise : `~numpy.ndarray`
            Pixels without sky, divided by their noise.
        bad : `~numpy.ndarray` of bool, optional
            True for pixels without data.
        """
        square = np.square(signal_to_noise, dtype=np.float32)
        if bad is not None:
            square[bad] = 0
        self._sum += square
        self._count += 1 if bad is None else ~bad

    @property
    def bad(self):
        """True for pixels without data in any band, or None if there are none."""
        bad = self._count == 0
        return bad if bad.any() else None

    def image(self):
        """The normalized image, float32; 0 where there are no data."""
        count = np.arange(int(self._count.max(initial=0)) + 1)
        mean = np.zeros(len(count))
        mean[1:] = np.sqrt(2) * np.exp(gammaln((count[1:] + 1) / 2) - gammaln(count[1:] / 2))
        deviation = np.ones(len(count))
        deviation[1:] = np.sqrt(count[1:] - mean[1:] ** 2)
        image = np.sqrt(self._sum)
        image -= mean.astype(np.float32)[self._count]
        image /= deviation.astype(np.float32)[self._count]
        return image
