"""`cut_stamps`: stamps of sources of a tile, which are those of a catalog or detected."""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.cutouts.detected_sources import detected_table
from astro_wgan.exceptions import DetectionError
from astro_wgan.images.read_options import options_of_band
from astro_wgan.images.reading import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.surveying.survey_sources import Sources
from astro_wgan.surveying.tiles.source_assignment import is_of_tile
from astro_wgan.validation.id_values import id_values

__all__ = ['cut_stamps', 'read_tile']


def read_tile(task):
    """
    Read the images of a tile, once for all of its stamps, and find its sources.

    Parameters
    ----------
    task : `~astro_wgan.surveying.tiles.tile_tasks.TileTask`

    Returns
    -------
    images : dict or None
        Images by band; None where sections of the files are enough, for few sources.
    sources : `~astro_wgan.surveying.survey_sources.Sources`
    """
    if task.sources is not None and len(task.sources) <= task.config.batch_size:
        return None, task.sources
    images = {
        band: read_image(path, **options_of_band(task.config.reading, band))
        for band, path in task.tile.images
    }
    return images, _detected(task, images) if task.sources is None else task.sources


def _detected(task, images):
    """Sources that are detected in the first image, of those that belong to this tile."""
    try:
        sky = detected_table(
            next(iter(images.values())), None, task.config.detection, pixel_scale=None
        )['sky']
    except DetectionError:
        return Sources(np.zeros(0, dtype=str), np.zeros(0), np.zeros(0))
    is_own = is_of_tile(sky, task.own, task.footprints)
    ids = np.array([f'{task.tile.name}-{k}' for k in np.flatnonzero(is_own)], dtype=str)
    return Sources(ids, sky.ra.deg[is_own], sky.dec.deg[is_own])


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
    config = task.config
    options = {
        'size': size,
        'positions': QTable(
            {
                'id': id_values(sources.ids),
                'sky': SkyCoord(sources.ra * u.deg, sources.dec * u.deg),
            }
        ),
        'partial': config.partial,
    }
    if images is None:
        images, options = dict(task.tile.images), options | dict(config.reading)
    if task.tile.bands is None:
        return StampSet.from_image(images[None], **options)
    return StampSet.from_images(images, **options)
