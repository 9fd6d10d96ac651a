"""Replacement of sources by pixels of the sky around, in pieces."""

from functools import cached_property

import numpy as np

from astro_wgan.detection.background import stated_background
from astro_wgan.detection.detection_image import DetectionImage
from astro_wgan.exceptions import DetectionError

__all__ = ['SkyPixels', 'draw_sky']

#: Shifts that are tried for each piece; the one that covers most of what is left is taken.
_SHIFTS = 16

#: Pieces of which a patch may consist. What is left is filled pixel by pixel.
_PIECES = 64

#: Sky pixels that there must be.
_FEWEST = 16


def draw_sky(target, clean, rng):
    """
    Draw a sky pixel for each pixel of a source.

    Parameters
    ----------
    target : `~numpy.ndarray` of bool, shape (ny, nx)
        True for pixels to replace.
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for usable pixels of the sky.
    rng : `~numpy.random.Generator`

    Returns
    -------
    target, sky : `~numpy.ndarray` of int, shape (m, 2)
        Row and column of each pixel to replace, and of the pixel of the sky in its place. Empty if
        there are fewer than 16 pixels of sky.

    Notes
    -----
    Neighboring pixels are taken from neighboring places, in pieces as large as the sky around
    allows, so that the correlation of the noise and the distribution of its values are kept.
    """
    places = np.argwhere(target)
    around = np.argwhere(clean)
    if not len(places) or len(around) < _FEWEST:
        return np.zeros((2, 0, 2), dtype=int)
    sky = np.full_like(places, -1)
    left = np.arange(len(places))
    edges = np.array(clean.shape)
    for _ in range(_PIECES):
        # Each shift brings one of the pixels that are left onto the sky, so none is in vain.
        pixels = places[rng.choice(left, _SHIFTS)]
        shifts = around[rng.integers(len(around), size=_SHIFTS)] - pixels
        shifted = places[left] + shifts[:, np.newaxis]
        inside = ((shifted >= 0) & (shifted < edges)).all(axis=2)
        y, x = np.where(inside[..., np.newaxis], shifted, 0).transpose(2, 0, 1)
        on_sky = inside & clean[y, x]
        best = np.argmax(np.count_nonzero(on_sky, axis=1))
        rows = on_sky[best]
        sky[left[rows]] = shifted[best, rows]
        left = left[~rows]
        if not len(left):
            break
    sky[left] = around[rng.integers(len(around), size=len(left))]
    return places, sky


class SkyPixels:
    """
    Pixels of the sky of an image, or of one of its bands, for its stamps.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    mask : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for pixels to exclude.
    uncertainty : `~numpy.ndarray`, shape (ny, nx), or None
        Standard deviation of the pixels.
    detection : `~astro_wgan.detection.DetectionConfig`
        Boxes in which the background is measured.
    background : float or array_like, shape (ny, nx), optional
        The background, if known.
    """

    def __init__(self, pixels, *, mask, uncertainty, detection, background=None):
        self._pixels, self._mask, self._uncertainty = pixels, mask, uncertainty
        self._detection, self._background = detection, background

    def fill(self, pixels, uncertainty, places, sky, corner):
        """
        Write pixels of the sky into a stamp.

        Parameters
        ----------
        pixels, uncertainty : `~numpy.ndarray`, shape (ny, nx)
            The stamp, which is changed; ``uncertainty`` may be None.
        places, sky : `~numpy.ndarray` of int, shape (m, 2)
            Row and column of each pixel in the stamp, and of that of the sky in the image. The
            background of the latter is exchanged for that of the former. A pixel becomes NaN if
            that of the sky cannot be used in this band.
        corner : `~numpy.ndarray` of int, shape (2,)
            First pixel (x, y) of the stamp in the image.
        """
        if not len(places):
            return
        where, source = tuple(places.T), tuple(sky.T)
        values = self._pixels[source] + self._difference(places + corner[::-1], sky)
        if self._mask is not None:
            values = np.where(self._mask[source], np.nan, values)
        pixels[where] = values
        if uncertainty is not None:
            uncertainty[where] = self._uncertainty[source]

    @cached_property
    def _image(self):
        """The image with its background, measured when it is needed; None if that is a number."""
        # In a single box the background is the same everywhere.
        shape, detection = self._pixels.shape, self._detection
        level = stated_background(self._background, detection, shape)
        in_one_box = detection.background_box >= max(shape)
        if in_one_box if level is None else level.ndim == 0:
            return None
        try:
            return DetectionImage.of(
                self._pixels,
                mask=self._mask,
                noise_rms=None,
                background=self._background,
                detection=detection,
            )
        except DetectionError:
            # No pixel is usable, as beyond the image of a band, or all have the same value.
            return None

    def _difference(self, there, sky):
        """Background at some pixels minus that at others."""
        if self._image is None:
            return 0
        both = np.concatenate([there, sky])
        (y0, x0), (y1, x1) = both.min(axis=0), both.max(axis=0) + 1
        level = self._image.background(slice(y0, y1), slice(x0, x1))
        new, old = (level[tuple((at - (y0, x0)).T)] for at in (there, sky))
        return (new - old).astype(self._pixels.dtype)
