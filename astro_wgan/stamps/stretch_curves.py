"""The curve between the pixels of one band and scaled intensity, in both directions."""

import numpy as np
from astropy.visualization import AsinhStretch, LinearStretch, ManualInterval

from astro_wgan.stamps.stretch_levels import BRIGHTEST

__all__ = ['BandCurve']

#: Intensities are limited to this multiple of the peak, beyond which asinh overflows.
_LARGEST_INTENSITY = 1e290


class BandCurve:
    """
    The scaling of one band: sky becomes 0 and peak 1.

    Parameters
    ----------
    kind : {'asinh', 'linear'}
    sky, peak : float
        In the unit of the pixels.
    softening : float
        As a fraction of the peak above the sky; only for asinh.
    """

    def __init__(self, kind, sky, peak, softening):
        self._interval = ManualInterval(sky, peak)
        self._stretch = AsinhStretch(softening) if kind == 'asinh' else LinearStretch()

    def scale(self, pixels, *, out):
        """
        Scale images, with extreme values limited.

        Parameters
        ----------
        pixels : `~numpy.ndarray`, shape (n, ny, nx)
        out : `~numpy.ndarray` of float32, shape (n, ny, nx)
            Filled with the result.
        """
        with np.errstate(over='ignore', invalid='ignore'):
            self._interval(pixels, clip=False, out=out)
            self._stretch(out, clip=False, out=out)
        for k in np.flatnonzero(~np.isfinite(out).all(axis=(1, 2))):
            out[k] = self._scale_extremes(pixels[k])

    def scale_height(self, height):
        """The scaled intensity of a height above the sky."""
        height = height / (self._interval.vmax - self._interval.vmin)
        return self._stretch(height, clip=False)

    def invert(self, images):
        """Pixels, in float64, limited to the range of float32."""
        largest = np.finfo(np.float32).max
        pixels = images.astype(float)
        with np.errstate(over='ignore'):
            self._stretch.inverse(pixels, clip=False, out=pixels)
            pixels *= self._interval.vmax - self._interval.vmin
            pixels += self._interval.vmin
        return np.clip(pixels, -largest, largest, out=pixels)

    def _scale_extremes(self, pixels):
        """Scale an image with values that overflow float32 in units of the peak."""
        with np.errstate(over='ignore'):
            intensity = self._interval(pixels.astype(float), clip=False)
        intensity = np.clip(intensity, -_LARGEST_INTENSITY, _LARGEST_INTENSITY)
        return np.clip(self._stretch(intensity, clip=False), -BRIGHTEST, BRIGHTEST)
