"""Stamps cut from an image, at given positions or at the sources that are detected in it."""

import functools
import os
import warnings
from dataclasses import asdict, replace

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import Cutout2D, NDData
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.astrometry.stamp_geometry import (
    first_pixel,
    scale_of_image,
)
from astro_wgan.bands.band import Band
from astro_wgan.catalogs.positions import position_table
from astro_wgan.cutouts.bands.common_field import check_one_field
from astro_wgan.cutouts.detected_sources import detected_table
from astro_wgan.cutouts.resampled.places import Places, scaled_places
from astro_wgan.cutouts.resampled.source_scale import (
    SourceScale,
    as_source_scale,
    check_scaled,
    is_measured,
)
from astro_wgan.cutouts.sections import Sections
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.images.extensions import IMAGE_HDUS
from astro_wgan.images.fits_sections import new_array, open_sections
from astro_wgan.images.layouts.zero_point_cards import written_zero_point
from astro_wgan.images.plane_count import count_planes
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import image_with
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.neighbors.image_neighbors import RemovalInImage, find_in_image
from astro_wgan.neighbors.neighbor_config import NeighborConfig, as_neighbor_config
from astro_wgan.remote.uris import shown
from astro_wgan.units.pixel_flux import pixel_meta
from astro_wgan.validation.pixels import as_psf, as_shape, value_in_unit

__all__ = [
    'are_images',
    'band_of_image',
    'checked_cutting',
    'cut_arguments',
    'cut_image',
    'origin_of',
]

_KEEP = NeighborConfig('keep')


def cut_arguments(
    image,
    *,
    colors,
    size,
    scale,
    positions,
    detection,
    background,
    partial,
    outside,
    fill_value,
    pixel_scale,
    psf,
    neighbors='keep',
    stars='keep',
    **reading,
):
    """
    Arguments of `~astro_wgan.StampSet` for stamps of an image.

    Parameters
    ----------
    image, size, positions, detection, background, ...
        As in `~astro_wgan.StampSet.from_image`, which also documents the errors.
    colors : bool
        Whether the colors of a picture are bands.
    **reading
        How to read the image, as in `~astro_wgan.images.read_image`.

    Returns
    -------
    dict, or list of dict
        A list, with an entry for each band, if ``image`` is a list of images, a cube, or a picture
        whose colors are bands.
    """
    options = ReadOptions(**reading)
    where = {
        'positions': positions,
        'detection': detection,
        'background': background,
        'partial': partial,
        'outside': outside,
        'removal': as_neighbor_config(neighbors, stars),
    }
    size, where['scale'] = checked_cutting(size, scale, **where)
    common = {'fill_value': fill_value, 'pixel_scale': pixel_scale, 'psf': psf}
    images = [(band, options.plane) for band in image] if are_images(image) else []
    if not images and options.plane is None:
        limits = {name: getattr(options, name) for name in ('hdu', 'max_size', 'remote')}
        count, is_picture = count_planes(image, **limits)
        if count is not None and (colors or not is_picture):
            images = [(image, number) for number in range(count)]
    if images:
        read = [image_with(band, replace(options, plane=number)) for band, number in images]
        bands = _cut_bands(read, size, **where, **common)
        bands[0]['meta']['provenance']['image'] = [origin_of(band) for band, _ in images]
        return bands
    return cut_image(image, size, options=options, **where, **common)


def checked_cutting(size, scale, *, positions, detection, background, partial, outside, removal):
    """
    Validate where stamps are cut.

    Parameters
    ----------
    size, scale, positions, detection, background, partial, outside
        As in `~astro_wgan.StampSet.from_image`.
    removal : `~astro_wgan.neighbors.NeighborConfig`
        What happens to neighbors and stars.

    Returns
    -------
    size : tuple of int or `~astropy.units.Quantity`
    scale : `~astro_wgan.stamps.SourceScale` or None

    Raises
    ------
    ValueError
        If an argument is out of range, or positions are given and sources are to be detected, but
        no neighbors or stars, and no radii depend on these.
    """
    scale = as_source_scale(scale)
    if not hasattr(size, 'unit'):
        size = as_shape(size)
    if scale is not None:
        check_scaled(size)
    if partial not in ('drop', 'fill'):
        raise ValueError(f"`partial` must be 'drop' or 'fill'; got {partial!r}.")
    if outside not in ('refuse', 'keep'):
        raise ValueError(f"`outside` must be 'refuse' or 'keep'; got {outside!r}.")
    if outside == 'keep' and partial == 'drop':
        raise ValueError("`outside='keep'` needs `partial='fill'`; got 'drop'.")
    is_searched = positions is None or removal.is_needed or is_measured(scale)
    if not is_searched and not (detection is None and background is None):
        name = 'background' if detection is None else 'detection'
        raise ValueError(
            f'Give `positions` or `{name}`, not both, unless `neighbors` or `stars` are removed or '
            '`scale` measures radii.'
        )
    return size, scale


def _cut_bands(images, size, *, scale, positions, fill_value, removal, **first_only):
    """Arguments for each band of one field; the first determines stamps and neighbors."""
    check_one_field(images)
    common = {'fill_value': fill_value}
    first, removed = _cut_and_removed(
        images[0],
        size,
        scale=scale,
        positions=positions,
        removal=removal,
        **common,
        **first_only,
    )
    table, shape = first['table'], first['pixels'].shape[1:]
    boxes = removal.detection_or(first_only['detection'])
    common |= {
        'scale': None if scale is None else first['geometry'].steps,
        'positions': table['id', 'x', 'y'],
        'partial': 'fill',
        'outside': 'keep',
        # Its background is the level of the first band.
        'detection': replace(boxes, background=None),
        'background': None,
        'pixel_scale': None,
        'psf': first_only['psf'],
        'removed': removed,
    }
    return [first, *(cut_image(band, shape, **common) for band in images[1:])]


def cut_image(image, size, **options):
    """
    Arguments of `~astro_wgan.StampSet` for the stamps of one image.

    Parameters
    ----------
    image : object
        As in `~astro_wgan.StampSet.from_image`.
    size : int, tuple of int or `~astropy.units.Quantity`
        As there.
    **options
        ``positions``, ``detection``, ``background``, ... as there; ``scale``, a
        `~astro_wgan.stamps.SourceScale` or the factor of each stamp; ``removal``, a
        `~astro_wgan.neighbors.NeighborConfig`, by default to keep everything; ``options``, the
        `~astro_wgan.images.read_options.ReadOptions` of the image; ``new``, which makes the arrays
        of stamps, as `~astro_wgan.images.fits_sections.new_array`.

    Returns
    -------
    dict
    """
    return _cut_and_removed(image, size, **options)[0]


def _cut_and_removed(
    image,
    size,
    *,
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
    new=new_array,
):
    """Arguments for the stamps of one image, and the pixels of neighbors that are removed."""
    origin = origin_of(image)
    options = ReadOptions() if options is None else options
    is_searched = positions is None or removal.is_needed or is_measured(scale)
    in_parts = None if is_searched else image
    with open_sections(in_parts, options) as in_file:
        if in_file is None:
            in_file = image = image_with(image, options)
        shape = _shape_of_stamps(size, in_file, pixel_scale)
        if positions is None:
            detection = DetectionConfig() if detection is None else detection
            table = detected_table(image, background, detection, pixel_scale)
            lost = np.zeros(len(table), dtype=bool)
        else:
            table, lost = position_table(positions, in_file.wcs, in_file.shape)
        _check_converged(table, lost)
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
        keep = _select(places, table, shape, in_file.shape, partial, outside)
        table, places = table[keep], places[keep]
        table.update(places.columns)
        blanks = {'fill_value': fill_value, 'zeros': options.zeros}
        sections = Sections(in_file, in_strips=places.factor is None, **blanks)
        settings, change, level = {}, None, None
        if isinstance(scale, SourceScale):
            settings['scale'] = asdict(scale)
        if removal.is_needed:
            level = value_in_unit(background, image.unit, 'background')
            windows = places.windows(shape)
            removed = _find_removed(image, windows, removal, level, detection, psf)
            table.update(removed.columns)
            settings['neighbors'] = asdict(removal)
        if removed is not None:
            boxes = removal.detection_or(detection)
            change = RemovalInImage(removed, image, boxes, level)
        parts = places.cut(sections, shape, fill_value, change=change, new=new)
        image = sections.image
    arguments = {
        'pixels': parts.pixels,
        'uncertainty': parts.deviation,
        'mask': parts.mask,
        'unit': u.dimensionless_unscaled if image.unit is None else image.unit,
        'pixel_scale': pixel_scale if scale is None else None,
        'psf': psf if scale is None else None,
        'bands': band_of_image(image),
        'geometry': places.geometry(image, pixel_scale),
        'table': table,
        'meta': {
            'dropped': int(np.count_nonzero(~keep)),
            'not_converged': int(np.count_nonzero(lost)),
            **pixel_meta(image.meta),
            'provenance': provenance_record(
                image=origin,
                size=list(shape),
                partial=partial,
                detection=None if detection is None else asdict(detection),
                **settings,
            ),
        },
        'assume_finite': True,
    }
    return arguments, removed


def band_of_image(image):
    """The band of an image, if its layout knows the zero point."""
    zero_point = written_zero_point(image.meta)
    return None if zero_point is None else [Band('0', zero_point=zero_point)]


def origin_of(image):
    """An image as text for provenance: its path, its URI without credentials, or its type."""
    return shown(image) if isinstance(image, (str, os.PathLike)) else type(image).__name__


def are_images(image):
    """
    Whether it is a list of images, and not one image as a list of rows.

    Parameters
    ----------
    image : object

    Returns
    -------
    bool
    """
    if not isinstance(image, (list, tuple)) or not image or isinstance(image, fits.HDUList):
        return False
    single = (str, os.PathLike, NDData, Cutout2D, fits.HDUList, *IMAGE_HDUS)
    return all(isinstance(b, single) or getattr(b, 'ndim', 0) == 2 for b in image)


def _shape_of_stamps(size, image, pixel_scale):
    """The size of stamps in pixels, from pixels or angles."""
    if hasattr(size, 'unit') and pixel_scale is None:
        pixel_scale = scale_of_image(image.shape, image.wcs)
    return as_shape(size, pixel_scale=pixel_scale)


def _find_removed(image, windows, removal, background, detection, psf):
    """`~astro_wgan.neighbors.section_removal.RemovedPixels` of the stamps."""
    return find_in_image(
        image.data,
        windows,
        removal,
        mask=image.mask,
        noise_rms=None if image.uncertainty is None else image.uncertainty.array,
        background=background,
        detection=detection,
        psf=as_psf(psf),
    )


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
