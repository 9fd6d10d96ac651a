"""`ImageCuts`: stamps of an image, of which some are cut at a time."""

import functools
import os
import warnings
from dataclasses import asdict

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.astrometry.stamp_geometry import first_pixel, scale_of_image
from astro_wgan.bands.band import Band
from astro_wgan.catalogs.positions import position_table
from astro_wgan.cutouts.detected_sources import detected_table
from astro_wgan.cutouts.resampled.places import Places, scaled_places
from astro_wgan.cutouts.resampled.source_scale import SourceScale, is_measured
from astro_wgan.cutouts.sections import Sections
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.images.fits_sections import new_array, open_sections
from astro_wgan.images.layouts.zero_point_cards import written_zero_point
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import image_with
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.neighbors.image_neighbors import NeighborSearch, RemovalInImage
from astro_wgan.neighbors.neighbor_config import NeighborConfig
from astro_wgan.neighbors.sky_patches import SkyPixels
from astro_wgan.remote.uris import shown
from astro_wgan.units.pixel_flux import pixel_meta
from astro_wgan.validation.pixels import as_psf, as_shape, value_in_unit

__all__ = ['ImageCuts', 'band_of_image', 'origin_of']

_KEEP = NeighborConfig('keep')


class ImageCuts:
    """
    Stamps of an image, of which some are cut at a time.

    What is measured in the whole image, such as its background and the radii of its sources, is
    measured once, and no stamp depends on which others are cut with it.

    Parameters
    ----------
    image, size, positions, detection, ...
        As of `~astro_wgan.cutouts.cutting.cut_image`, which documents them.
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`, optional
        What is removed from all stamps, if that is known.
    stack : `~contextlib.ExitStack`
        With which a file is closed.

    Attributes
    ----------
    corner : `~numpy.ndarray`, shape (n, 2)
        As in `~astro_wgan.astrometry.stamp_geometry.StampGeometry`, of all stamps.
    factor : `~numpy.ndarray`, shape (n,), or None
        Pixels of the image along a pixel of each stamp; None for the same pixels.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    """

    def __init__(
        self,
        image,
        size,
        *,
        stack,
        positions,
        detection,
        background,
        partial,
        outside,
        fill_value,
        pixel_scale,
        psf,
        options=None,
        scale=None,
        removal=_KEEP,
        removed=None,
    ):
        origin = origin_of(image)
        options = ReadOptions() if options is None else options
        is_searched = positions is None or removal.is_needed or is_measured(scale)
        in_file = stack.enter_context(open_sections(None if is_searched else image, options))
        if in_file is None:
            in_file = image = image_with(image, options)
        shape = self.shape = _shape_of_stamps(size, in_file, pixel_scale)
        if positions is None:
            detection = DetectionConfig() if detection is None else detection
            table = detected_table(image, background, detection, pixel_scale)
            self._lost = np.zeros(len(table), dtype=bool)
        else:
            table, self._lost = position_table(positions, in_file.wcs, in_file.shape)
        _check_converged(table, self._lost)
        places = Places(first_pixel(np.stack([table['x'].value, table['y'].value], axis=1), shape))
        if scale is not None:
            places = scaled_places(
                scale,
                in_file,
                table,
                shape,
                detected=table if positions is None else None,
                detect=functools.partial(
                    detected_table, in_file, background, pixel_scale=pixel_scale
                ),
                background=background,
                detection=detection,
                pixel_scale=pixel_scale,
            )
        self._keep = _select(places, table, shape, in_file.shape, partial, outside)
        self._table, self._places = table[self._keep], places[self._keep]
        self._table.update(self._places.columns)
        blanks = {'fill_value': fill_value, 'zeros': options.zeros}
        self._sections = Sections(in_file, in_strips=self._places.factor is None, **blanks)
        self._known, self._search, level, settings = removed, None, None, {}
        if isinstance(scale, SourceScale):
            settings['scale'] = asdict(scale)
        if removal.is_needed:
            level = value_in_unit(background, image.unit, 'background')
            self._search = self._search_of(image, removal, level, detection, psf)
            settings['neighbors'] = asdict(removal)
        if removal.is_needed or removed is not None:
            self._sky = SkyPixels(
                image.data,
                mask=image.mask,
                uncertainty=None if image.uncertainty is None else image.uncertainty.array,
                detection=removal.detection_or(detection),
                background=level,
            )
        self._fill_value, self._pixel_scale, self._psf = fill_value, pixel_scale, psf
        self._is_scaled = scale is not None
        self._provenance = provenance_record(
            image=origin,
            size=list(shape),
            partial=partial,
            detection=None if detection is None else asdict(detection),
            **settings,
        )

    corner = property(lambda self: self._places.corner)
    factor = property(lambda self: self._places.factor)

    def rows_of(self, positions):
        """
        Numbers of the stamps of some positions, without those that are left out.

        Parameters
        ----------
        positions : `~numpy.ndarray` of int, shape (m,)

        Returns
        -------
        `~numpy.ndarray` of int
        """
        numbers = np.cumsum(self._keep) - 1
        return numbers[positions[self._keep[positions]]]

    def cut(self, positions=None, new=new_array):
        """
        Cut stamps.

        Parameters
        ----------
        positions : `~numpy.ndarray` of int, shape (m,), optional
            At which of the positions; by default at all.
        new : callable, optional
            As `~astro_wgan.images.fits_sections.new_array`.

        Returns
        -------
        arguments : dict
            Those of `~astro_wgan.StampSet`.
        removed : `~astro_wgan.neighbors.section_removal.RemovedPixels` or None
            What is removed from the stamps.
        """
        places, table, keep, lost = self._places, self._table, self._keep, self._lost
        removed, rows = self._known, None
        if positions is not None:
            rows = self.rows_of(positions)
            places, table, keep, lost = places[rows], table[rows], keep[positions], lost[positions]
            removed = None if removed is None else removed[rows]
        if self._search is not None:
            removed = self._search.removed(rows)
            table.update(removed.columns)
        change = None if removed is None else RemovalInImage(removed, self._sky)
        parts = places.cut(self._sections, self.shape, self._fill_value, change=change, new=new)
        image = self._sections.image
        arguments = {
            'pixels': parts.pixels,
            'uncertainty': parts.deviation,
            'mask': parts.mask,
            'unit': u.dimensionless_unscaled if image.unit is None else image.unit,
            'pixel_scale': None if self._is_scaled else self._pixel_scale,
            'psf': None if self._is_scaled else self._psf,
            'bands': band_of_image(image),
            'geometry': places.geometry(image, self._pixel_scale),
            'table': table,
            'meta': {
                'dropped': int(np.count_nonzero(~keep)),
                'not_converged': int(np.count_nonzero(lost)),
                **pixel_meta(image.meta),
                'provenance': dict(self._provenance),
            },
            'assume_finite': True,
        }
        return arguments, removed

    def _search_of(self, image, removal, level, detection, psf):
        return NeighborSearch(
            image.data,
            self._places.windows(self.shape),
            removal,
            mask=image.mask,
            noise_rms=None if image.uncertainty is None else image.uncertainty.array,
            background=level,
            detection=detection,
            psf=as_psf(psf),
        )


def band_of_image(image):
    """The band of an image, if its layout knows the zero point."""
    zero_point = written_zero_point(image.meta)
    return None if zero_point is None else [Band('0', zero_point=zero_point)]


def origin_of(image):
    """An image as text for provenance: its path, its URI without credentials, or its type."""
    return shown(image) if isinstance(image, (str, os.PathLike)) else type(image).__name__


def _shape_of_stamps(size, image, pixel_scale):
    """The size of stamps in pixels, from pixels or angles."""
    if hasattr(size, 'unit') and pixel_scale is None:
        pixel_scale = scale_of_image(image.shape, image.wcs)
    return as_shape(size, pixel_scale=pixel_scale)


def _check_converged(table, lost):
    if not lost.any():
        return
    found = (
        f'The inverse of the distortion of the WCS does not converge at {np.count_nonzero(lost)} '
        f'of {len(lost)} `positions`; the first has the id {table["id"][lost][0]}'
    )
    if lost.all():
        raise ValueError(f'{found}. Give positions in pixels.')
    warnings.warn(
        f'{found}. Whether they are in the image is unknown.', AstropyUserWarning, stacklevel=5
    )


def _select(places, table, shape, image_shape, partial, outside):
    """Which stamps to cut."""
    if partial == 'fill' and outside == 'keep':
        return np.ones(len(table), dtype=bool)
    first, last = places.corner, places.corner + places.extent(shape)
    inside = ((first >= 0) & (last <= image_shape[::-1])).all(axis=1)
    overlaps = ((last > 0) & (first < image_shape[::-1])).all(axis=1)
    if places.factor is None and partial == 'drop' and any(np.greater(shape, image_shape)):
        raise ValueError(
            f'Stamps of {shape[0]} x {shape[1]} pixels do not fit into an image of '
            f"{image_shape[0]} x {image_shape[1]}: lower `size`, or set `partial` to 'fill'."
        )
    if len(table) and not overlaps.any():
        raise ValueError(
            f'All {len(table)} `positions` are outside the image of {image_shape[1]} columns '
            f'(x) and {image_shape[0]} rows (y).'
        )
    if partial == 'fill' and not overlaps.all():
        ids = table['id'][~overlaps]
        raise ValueError(
            f'{len(ids)} stamps are entirely outside the image; the first has the id {ids[0]}. '
            "Leave them out of `positions`, or set `partial` to 'drop'."
        )
    return inside if partial == 'drop' else overlaps
