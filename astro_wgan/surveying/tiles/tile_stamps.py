"""`cut_stamps`: stamps of sources of a tile, which are those of a catalog or detected."""

from contextlib import ExitStack

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.cutouts.bands.detection_in_bands import (
    CHI_SQUARED,
    chi_squared_image,
    chi_squared_sources,
)
from astro_wgan.cutouts.bands.image_of_band import ImageOfBand
from astro_wgan.cutouts.detected_sources import detected_table
from astro_wgan.exceptions import DetectionError
from astro_wgan.images.read_options import ReadOptions, options_of_band
from astro_wgan.images.reading import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.surveying.survey_sources import Sources
from astro_wgan.surveying.tiles.source_assignment import is_of_tile
from astro_wgan.validation.id_values import id_values

__all__ = ['cut_stamps', 'read_tile']

#: Edge, in pixels, of the sections in which neighbors are searched for.
_SECTION = 2048


def read_tile(task):
    """
    Read the images of a tile, once for all of its stamps, and find its sources.

    Parameters
    ----------
    task : `~astro_wgan.surveying.tiles.tile_tasks.TileTask`

    Returns
    -------
    images : dict or None
        Images by band, without their sky if it is to be subtracted; None where sections of the
        files are enough, for few sources.
    sources : `~astro_wgan.surveying.survey_sources.Sources`
        If neighbors are removed, section by section of the tile, so that few batches search each.
    """
    making, sources = task.making, task.sources
    is_whole = sources is None or making.is_searched or making.sky == 'subtract'
    if not is_whole and len(sources) <= task.config.batch_size:
        return None, sources
    images = {
        band: making.without_sky(read_image(path, **options_of_band(task.config.reading, band)))
        for band, path in task.tile.images
    }
    if sources is None:
        sources = _detected(task, images)
    if making.removal.is_needed:
        image = next(iter(images.values()))
        x, y, _ = sky_to_pixel(_sky(sources), image.wcs, image.shape)
        sources = sources[np.lexsort((x // _SECTION, y // _SECTION))]
    return images, sources


def _detected(task, images):
    """Sources that are detected in the images, of those that belong to this tile."""
    try:
        sky = _detected_sky(images, task.making, task.config.detection)
    except DetectionError:
        return Sources(np.zeros(0, dtype=str), np.zeros(0), np.zeros(0))
    is_own = is_of_tile(sky, task.own, task.footprints)
    ids = np.array([f'{task.tile.name}-{k}' for k in np.flatnonzero(is_own)], dtype=str)
    return Sources(ids, sky.ra.deg[is_own], sky.dec.deg[is_own])


def _detected_sky(images, making, detection):
    detection = making.changed(detection=detection).detection_of_cutting
    if making.detect_in != CHI_SQUARED:
        image = images[making.grid] if making.grid else next(iter(images.values()))
        return detected_table(image, None, detection, pixel_scale=None)['sky']
    with ExitStack() as stack:
        bands = [ImageOfBand.opened(*each, ReadOptions(), stack) for each in images.items()]
        found = chi_squared_image(bands, bands[0], detection)
        return chi_squared_sources(found, bands[0].wcs, detection)['sky']


def _sky(sources):
    return SkyCoord(sources.ra * u.deg, sources.dec * u.deg)


def cut_stamps(task, images, sources, size):
    """
    Cut stamps of sources of a tile.

    Parameters
    ----------
    task : `~astro_wgan.surveying.tiles.tile_tasks.TileTask`
    images : dict or None
        As from `read_tile`.
    sources : `~astro_wgan.surveying.survey_sources.Sources`
    size : int, tuple of int or `~astropy.units.Quantity`
        Edge of the stamps.

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    making = task.making
    positions = QTable({'id': id_values(sources.ids), 'sky': _sky(sources)})
    options = {'size': size, 'positions': positions, 'partial': task.config.partial}
    options |= making.options
    if making.is_searched:
        options['detection'] = making.detection_of_cutting
    if images is None:
        images, options = dict(task.tile.images), options | dict(task.config.reading)
    if task.tile.bands is None:
        return StampSet.from_image(images[None], **options)
    return StampSet.from_images(images, grid=making.grid, **options)
