"""`NoiseFilter`: what makes white noise correlated."""

import warnings

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from scipy import fft

__all__ = ['NoiseFilter']

#: Correlation that pixels at opposite edges of a stamp may have although they should have none.
_WRAPPED = 0.005

#: Share of the power that may be negative, and lost, before this is said.
_NEGATIVE = 0.02


class NoiseFilter:
    """
    A filter that gives white noise of variance 1 a correlation, and keeps its variance.

    Parameters
    ----------
    coefficients : `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
        Correlation coefficients, lag zero in the middle.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Attributes
    ----------
    box : tuple of int
        ``(ny, nx)`` of the white noise: larger than the stamp, since the filter goes around the
        edges of the box, and opposite edges of a stamp should not be alike.
    amplitude : `~numpy.ndarray` of float32, shape of the box
        Square root of the power spectrum; frequency zero comes first. Its mean square is 1.

    Notes
    -----
    The box exceeds the stamp by the lag beyond which no coefficient is above 0.005. Coefficients
    that are measured need not be those of any noise: they may ask for negative power at some
    frequencies, which becomes zero.
    """

    def __init__(self, coefficients, shape):
        self.shape = tuple(shape)
        reach = _reach(coefficients)
        self.box = tuple(_fast(size + reach) for size in self.shape)
        power = fft.fft2(_around(coefficients, self.box)).real
        positive = np.clip(power, 0, None)
        lost = 1 - power.sum() / positive.sum()
        if lost > _NEGATIVE:
            warnings.warn(
                f'No noise has exactly this correlation: {100 * lost:.0f} per cent of its power '
                'would be negative. Measure it on more sky, or with a lower `max_lag`.',
                AstropyUserWarning,
                stacklevel=3,
            )
        self.amplitude = np.sqrt(positive / positive.mean()).astype(np.float32)

    def apply(self, white):
        """
        Filter white noise.

        Parameters
        ----------
        white : `~numpy.ndarray` of float32, shape (n, *box)

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, *shape)
            The corner of the box where indices begin.
        """
        half = self.amplitude[:, : self.box[1] // 2 + 1]
        found = fft.irfft2(fft.rfft2(white) * half, s=self.box)
        return found[:, : self.shape[0], : self.shape[1]]


def _reach(coefficients):
    """Largest lag along an axis with a coefficient that matters."""
    y, x = np.nonzero(np.abs(coefficients) > _WRAPPED)
    middle = coefficients.shape[0] // 2
    return int(max(np.abs(y - middle).max(), np.abs(x - middle).max()))


def _fast(size):
    """An even size, at least the given one, of which transforms are quick."""
    return 2 * fft.next_fast_len(-(-size // 2), real=False)


def _around(coefficients, box):
    """Coefficients at each place of a box that goes around its edges, lag zero first."""
    max_lag = coefficients.shape[0] // 2
    kept = [min(max_lag, (size - 1) // 2) for size in box]
    lags = [np.arange(-reach, reach + 1) for reach in kept]
    around = np.zeros(box)
    around[np.ix_(*(lag % size for lag, size in zip(lags, box, strict=True)))] = coefficients[
        np.ix_(*(lag + max_lag for lag in lags))
    ]
    return around
