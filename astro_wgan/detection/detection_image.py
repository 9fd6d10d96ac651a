"""`DetectionImage`: an image that is read in sections for the detection of its sources."""

from dataclasses import dataclass

import numpy as np

from astro_wgan.detection.background import one_box, stated_background
from astro_wgan.detection.background_mesh import SkyMesh
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.noise_scaling import image_scale, in_unit
from astro_wgan.detection.sep_detection import (
    NO_NOISE,
    NO_PIXEL,
    extract_sources,
    unusable_pixels,
)
from astro_wgan.exceptions import DetectionError
from astro_wgan.validation.pixels import as_float

__all__ = ['DetectionImage', 'Section']

#: Number of pixels from which the background is measured if no box has enough.
_SAMPLE = 2**22

_COORDINATES = {'x': ('x', 'xmin', 'xmax', 'xcpeak', 'xpeak')}
_COORDINATES['y'] = tuple(name.replace('x', 'y', 1) for name in _COORDINATES['x'])


@dataclass(frozen=True, eq=False)
class DetectionImage:
    """
    An image that is read in sections, in units of a power of two close to its noise.

    Attributes
    ----------
    pixels, mask, noise, level : `~numpy.ndarray`
        The image in its own unit, True for pixels to exclude, standard deviation of the pixels, and
        background; all but the pixels may be None.
    scale : float
        Power of two close to the noise.
    detection : `DetectionConfig`
    sky : `~astro_wgan.detection.background_mesh.SkyMesh` or None
        Measured background and noise; None if both are given.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    noise: np.ndarray | None
    level: np.ndarray | None
    scale: float
    detection: DetectionConfig
    sky: SkyMesh | None = None

    @classmethod
    def of(cls, pixels, *, mask, noise_rms, background, detection):
        """
        Prepare an image, and measure its background and noise unless they are given.

        Parameters
        ----------
        pixels, mask, noise_rms, background, detection
            As in `~astro_wgan.detection.detect`.

        Returns
        -------
        `DetectionImage`

        Raises
        ------
        DetectionError
            If all pixels are masked, or the image is constant.
        """
        pixels = as_float(pixels, 'pixels')
        level = stated_background(background, detection, pixels.shape)
        mask = None if mask is None else np.asarray(mask, dtype=bool)
        noise = None if noise_rms is None else as_float(noise_rms, 'noise_rms')
        scale = image_scale(pixels, mask, noise)
        image = cls(pixels, mask, noise, level, scale, detection)
        sky = None if noise is not None and level is not None else image._measured_sky()
        return cls(pixels, mask, noise, level, scale, detection, sky)

    def read(self, rows, columns):
        """Pixels minus the given background, and a mask of unusable ones (or None)."""
        part = rows, columns
        pixels, noise, level = (
            in_unit(array[part] if np.ndim(array) else array, self.scale)
            for array in (self.pixels, self.noise, self.level)
        )
        mask = None if self.mask is None else self.mask[part]
        bad = unusable_pixels(pixels, mask, noise, level)
        return pixels if level is None else pixels - level, bad

    def above_sky(self, rows, columns):
        """
        A section without background.

        Returns
        -------
        pixels : `~numpy.ndarray` of float32
            0 where unusable.
        bad : `~numpy.ndarray` of bool, or None
            True for unusable pixels; None if there are none.
        noise : `~numpy.ndarray` of float32
            Standard deviation of the pixels.
        """
        pixels, bad = self.read(rows, columns)
        noise = None if self.noise is None else in_unit(self.noise[rows, columns], self.scale)
        if self.sky is not None:
            level, sky_noise = self.sky.at(rows, columns)
            noise = sky_noise if noise is None else noise
            if self.level is None:
                # Written into `level`, since the pixels may be the caller's.
                pixels = np.subtract(pixels, level, out=level)
        if bad is not None:
            pixels = np.where(bad, np.float32(0), pixels)
        return pixels, bad, noise

    def background(self, rows, columns):
        """Background of a section in the unit of the image, as float64."""
        shape = rows.stop - rows.start, columns.stop - columns.start
        if self.level is not None:
            level = self.level[rows, columns] if np.ndim(self.level) else self.level
            return np.broadcast_to(np.asarray(level, dtype=float), shape)
        return self.sky.at(rows, columns)[0].astype(float) * self.scale

    def sources(self, region):
        """
        Sources and labels of a section.

        Parameters
        ----------
        region : `Section`

        Returns
        -------
        sources, labels : `~numpy.ndarray`
            As in `~astro_wgan.detection.DetectionResult`, with positions in the whole image.

        Raises
        ------
        DetectionError
            As in `~astro_wgan.detection.sep_detection.extract_sources`.
        """
        above_sky, bad, noise = self.above_sky(region.rows, region.columns)
        sources, labels = extract_sources(above_sky, bad, noise, self.detection)
        for axis, first in (('x', region.columns.start), ('y', region.rows.start)):
            for name in _COORDINATES[axis]:
                sources[name] += first
        return sources, labels

    def _measured_sky(self):
        box, smooth = self.detection.background_box, self.detection.background_filter
        try:
            sky = SkyMesh.measure(self.read, self.pixels.shape, box=box, smooth=smooth)
        except ValueError:
            # No box has enough pixels, but all together may have.
            values = self._sample()
            level, noise = one_box(values[np.newaxis])
            sky = SkyMesh(*(np.full((1, 1), float(v)) for v in (level, noise)), box=1, smooth=1)
        if self.noise is None and not (sky.noise > 0).any():
            raise DetectionError(NO_NOISE)
        return sky

    def _sample(self):
        ny, nx = self.pixels.shape
        values = []
        for y in range(0, ny, max(1, ny * nx // _SAMPLE)):
            line, bad = self.read(slice(y, y + 1), slice(0, nx))
            values.append(line[0] if bad is None else line[~bad])
        values = np.concatenate(values)
        if not values.size:
            raise DetectionError(NO_PIXEL)
        return values


@dataclass(frozen=True)
class Section:
    """A rectangle of an image."""

    rows: slice
    columns: slice

    def grown(self, margin, shape):
        """The rectangle with a margin, within the image."""
        return Section(
            *(
                slice(max(0, part.start - margin), min(edge, part.stop + margin))
                for part, edge in zip((self.rows, self.columns), shape, strict=True)
            )
        )

    def joined(self, other):
        """The smallest rectangle that contains both."""
        pairs = zip((self.rows, self.columns), (other.rows, other.columns), strict=True)
        return Section(*(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in pairs))

    def quarters(self):
        """Its four quarters, or two or one if it is narrow."""
        halves = []
        for part in (self.rows, self.columns):
            middle = (part.start + part.stop + 1) // 2
            pieces = slice(part.start, middle), slice(middle, part.stop)
            halves.append([piece for piece in pieces if piece.start < piece.stop])
        return [Section(rows, columns) for rows in halves[0] for columns in halves[1]]

    @property
    def size(self):
        """Number of pixels."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)

    @property
    def edge(self):
        """Length of the longer edge in pixels."""
        return max(self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)

    def holds(self, x, y):
        """True for positions inside."""
        inside = (x >= self.columns.start) & (x < self.columns.stop)
        return inside & (y >= self.rows.start) & (y < self.rows.stop)
