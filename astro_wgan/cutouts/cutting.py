"""Stamps cut from an image, at given positions or at the sources that are detected in it."""

import os
from contextlib import ExitStack
from dataclasses import replace

from astropy.io import fits
from astropy.nddata import Cutout2D, NDData

from astro_wgan.cutouts.bands.common_field import check_one_field
from astro_wgan.cutouts.image_cuts import ImageCuts, origin_of
from astro_wgan.cutouts.resampled.source_scale import (
    as_source_scale,
    check_scaled,
    is_measured,
)
from astro_wgan.images.extensions import IMAGE_HDUS
from astro_wgan.images.fits_sections import new_array
from astro_wgan.images.plane_count import count_planes
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import image_with
from astro_wgan.neighbors.neighbor_config import as_neighbor_config
from astro_wgan.validation.pixels import as_shape

__all__ = [
    'are_images',
    'checked_cutting',
    'cut_arguments',
    'cut_image',
]


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
    with ExitStack() as stack:
        first, removed = ImageCuts(
            images[0],
            size,
            stack=stack,
            scale=scale,
            positions=positions,
            removal=removal,
            **common,
            **first_only,
        ).cut()
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


def cut_image(image, size, *, new=new_array, **options):
    """
    Arguments of `~astro_wgan.StampSet` for the stamps of one image.

    Parameters
    ----------
    image : object
        As in `~astro_wgan.StampSet.from_image`.
    size : int, tuple of int or `~astropy.units.Quantity`
        As there.
    new : callable, optional
        Makes the arrays of stamps, as `~astro_wgan.images.fits_sections.new_array`.
    **options
        ``positions``, ``detection``, ``background``, ... as there; ``scale``, a
        `~astro_wgan.stamps.SourceScale` or the factor of each stamp; ``removal``, a
        `~astro_wgan.neighbors.NeighborConfig`, by default to keep everything; ``options``, the
        `~astro_wgan.images.read_options.ReadOptions` of the image.

    Returns
    -------
    dict
    """
    with ExitStack() as stack:
        return ImageCuts(image, size, stack=stack, **options).cut(new=new)[0]


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
