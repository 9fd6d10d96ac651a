"""Places: where stamps are cut from an image, at its own pixels or at a scale of each stamp."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from astropy import units as u

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry, scale_of_image
from astro_wgan.cutouts.resampled.axis_weights import noise_correlation
from astro_wgan.cutouts.resampled.scaled_sections import resampled_sections, resampled_windows
from astro_wgan.cutouts.resampled.source_radii import ellipses_of, match_sources, measure_radii
from astro_wgan.cutouts.resampled.source_scale import (
    SourceScale,
    radius_column,
    scale_factors,
    source_corners,
)
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.images.fits_sections import new_array
from astro_wgan.neighbors.stamp_windows import Windows
from astro_wgan.units.pixel_flux import holds_flux, pixel_meta
from astro_wgan.validation.pixels import as_pixel_scale, value_in_unit

__all__ = ['Places', 'scaled_places']


@dataclass(frozen=True, eq=False)
class Places:
    """
    Where stamps are cut from an image.

    Attributes
    ----------
    corner : `~numpy.ndarray`, shape (n, 2)
        As in `~astro_wgan.astrometry.stamp_geometry.StampGeometry`.
    factor : `~numpy.ndarray`, shape (n,), or None
        Pixels of the image along a pixel of each stamp; None for the same pixels.
    columns : dict
        Columns of the table of the stamps.
    """

    corner: np.ndarray
    factor: np.ndarray | None = None
    columns: dict = field(default_factory=dict)

    def __getitem__(self, rows):
        return Places(
            self.corner[rows],
            None if self.factor is None else self.factor[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )

    def extent(self, shape):
        """Pixels of the image along x and y that stamps of ``(ny, nx)`` pixels cover."""
        extent = np.array(shape[::-1])
        return extent if self.factor is None else extent * self.factor[:, np.newaxis]

    def windows(self, shape):
        """The `~astro_wgan.neighbors.stamp_windows.Windows` of which stamps are made."""
        if self.factor is None:
            return Windows.of_stamps(self.corner, shape)
        return resampled_windows(self.corner, self.factor, shape)

    def cut(self, sections, shape, fill_value, *, change=None, new=new_array):
        """
        Stamps as `~astro_wgan.images.fits_sections.ImageSections`, with changed windows.

        Those with the pixels of the image are ``new`` arrays.
        """
        if self.factor is None:
            parts = sections.cut(self.corner, shape, new)
            rows = np.arange(len(self.corner))
            return parts if change is None else change(parts, rows, self.corner)
        image = sections.image
        is_flux = holds_flux(SimpleNamespace(unit=image.unit, meta=pixel_meta(image.meta)))
        return resampled_sections(
            lambda: is_flux,
            self.corner,
            self.factor,
            shape,
            sections=sections.cut,
            fill_value=fill_value,
            change=change,
        )

    def geometry(self, image, pixel_scale):
        """The `~astro_wgan.astrometry.stamp_geometry.StampGeometry` of the stamps of an image."""
        if self.factor is None:
            return StampGeometry.single(ParentImage(image.shape, image.wcs), self.corner)
        scale = None
        if image.wcs is None and pixel_scale is not None:
            scale = as_pixel_scale(pixel_scale).value
        parent = ParentImage(image.shape, image.wcs, scale)
        geometry = StampGeometry.single(parent, np.zeros((len(self.corner), 2)))
        return geometry.moved(self.corner, self.factor)


def scaled_places(
    scale,
    image,
    table,
    shape,
    *,
    detected,
    detect,
    background,
    detection,
    pixel_scale,
):
    """
    Where stamps are cut that follow their sources.

    Parameters
    ----------
    scale : `~astro_wgan.stamps.SourceScale` or `~numpy.ndarray`
        Or factors that are known.
    image : `~astropy.nddata.CCDData` or `~astro_wgan.images.fits_image.FitsImage`
    table : `~astropy.table.QTable`
        Positions of the sources.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    detected : `~astropy.table.QTable` or None
        Detected sources, if these are the positions.
    detect : callable
        Function of ``detection`` that returns them otherwise.
    background, detection, pixel_scale
        As in `~astro_wgan.StampSet.from_image`.

    Returns
    -------
    `Places`
    """
    center = np.stack([table['x'].value, table['y'].value], axis=1)
    if not isinstance(scale, SourceScale):
        return Places(source_corners(center, scale, shape), np.asarray(scale))
    # Refuses logarithms before the work begins.
    holds_flux(image)
    if scale.is_measured:
        detection = DetectionConfig() if detection is None else detection
        own = np.arange(len(table))
        if detected is None:
            detected = detect(detection=detection)
            own = match_sources(table['x'].value, table['y'].value, ellipses_of(detected))
        radius = measure_radii(
            image.data,
            ellipses_of(detected),
            kind=scale.radius,
            mask=image.mask,
            background=value_in_unit(background, image.unit, 'background'),
            detection=detection,
        )
        radius = np.where(own >= 0, radius[own], np.nan)
    else:
        if pixel_scale is None:
            pixel_scale = scale_of_image(image.shape, image.wcs)
        radius = radius_column(table, scale, pixel_scale)
    factor = scale_factors(radius, scale, shape)
    corner = source_corners(center, factor, shape)
    columns = {
        'source_radius': radius * u.pix,
        'scale_factor': factor,
        'noise_correlation': noise_correlation(corner, factor, shape),
    }
    return Places(corner, factor, columns)
