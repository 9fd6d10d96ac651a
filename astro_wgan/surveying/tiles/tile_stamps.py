"""`TileStamps`: stamps of the sources of a tile, which are those of a catalog or detected."""

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
from astro_wgan.cutouts.bands.images_of_bands import CutsOfBands
from astro_wgan.cutouts.cutting import checked_cutting
from astro_wgan.cutouts.detected_sources import detected_table
from astro_wgan.cutouts.image_cuts import ImageCuts
from astro_wgan.exceptions import NoSourceError
from astro_wgan.images.read_options import ReadOptions, options_of_band
from astro_wgan.images.reading import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.stamps.creation.band_sets import set_of_bands
from astro_wgan.surveying.survey_sources import Sources
from astro_wgan.surveying.tiles.source_assignment import is_of_tile
from astro_wgan.validation.id_values import id_values

__all__ = ['TileStamps']

#: Metadata that count what was left out of a batch.
_OF_A_BATCH = ('dropped', 'not_converged')

#: Edge, in pixels, of the sections in which neighbors are searched for.
_SECTION = 2048


class TileStamps:
    """
    Stamps of the sources of a tile, of which some are cut at a time.

    Its images are read once for all of them, and background, sources and radii are measured once:
    a stamp does not depend on which others are cut with it. In a band whose image covers only a
    part of the tile, stamps outside of it are masked.

    Parameters
    ----------
    task : `~astro_wgan.surveying.tiles.tile_tasks.TileTask`
    size : int, tuple of int or `~astropy.units.Quantity`
        Edge of the stamps.
    stack : `~contextlib.ExitStack`
        With which files are closed.

    Attributes
    ----------
    sources : `~astro_wgan.surveying.survey_sources.Sources`
        If neighbors are removed, section by section of the tile, so that each is searched once.

    Raises
    ------
    OSError, TypeError, ValueError
        If an image cannot be read or searched, or that of a band shows no part of the tile.
    """

    def __init__(self, task, size, stack):
        making, sources = task.making, task.sources
        self._detection = making.removal.detection_or(making.detection_of_cutting)
        is_whole = sources is None or making.is_searched or making.sky == 'subtract'
        reading = dict(task.config.reading)
        images = dict(task.tile.images)
        # Of files, sections are enough for few sources.
        if is_whole or len(sources) > task.config.batch_size:
            images = {
                band: making.without_sky(read_image(path, **options_of_band(reading, band)))
                for band, path in images.items()
            }
            reading = {}
        sources = _detected(task, images) if sources is None else sources
        if making.removal.is_needed:
            image = next(iter(images.values()))
            x, y, _ = sky_to_pixel(_sky(sources), image.wcs, image.shape)
            sources = sources[np.lexsort((x // _SECTION, y // _SECTION))]
        self.sources = sources
        self._has_bands = task.tile.bands is not None
        self._cuts = None
        if len(self.sources):
            self._cuts = self._prepared(task, images, reading, size, stack)

    def _prepared(self, task, images, reading, size, stack):
        making, sources = task.making, self.sources
        options = {
            'scale': making.scale,
            'positions': QTable({'id': id_values(sources.ids), 'sky': _sky(sources)}),
            'detection': making.detection_of_cutting if making.is_searched else None,
            'background': None,
            'partial': task.config.partial,
            'outside': 'refuse',
            'removal': making.removal,
        }
        common = {'fill_value': np.nan, 'pixel_scale': None, 'stack': stack}
        if self._has_bands:
            how = {'match_psf': False, 'detect_in': None, 'needs_stamps': False}
            how |= {'grid': making.grid, 'size': size}
            how['searches_all_bands'] = making.detect_in == CHI_SQUARED
            return CutsOfBands(images, **options, **common, **how, **reading)
        size, options['scale'] = checked_cutting(size, **options)
        common['options'] = ReadOptions(**options_of_band(reading, None))
        return ImageCuts(images[None], size, psf=None, **options, **common)

    def batches(self, count):
        """
        Yield the numbers of the sources of one batch after another.

        Parameters
        ----------
        count : int
            Sources of a batch at most.

        Yields
        ------
        `~numpy.ndarray` of int
        """
        for first in range(0, len(self.sources), count):
            yield np.arange(first, min(first + count, len(self.sources)))

    def cut(self, rows):
        """
        Cut stamps.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int, shape (m,)
            Numbers of the sources.

        Returns
        -------
        `~astro_wgan.StampSet`
            Without those that lie in part beyond the tile, if these are to be left out. The
            metadata are those of all stamps of the tile.
        """
        if self._has_bands:
            stamps = set_of_bands(StampSet, *self._cuts.cut(rows), detection=self._detection)
        else:
            stamps = StampSet(**self._cuts.cut(rows)[0])
        for name in _OF_A_BATCH:
            stamps.meta.pop(name, None)
        return stamps


def _detected(task, images):
    """Sources that are detected in the images, of those that belong to this tile."""
    try:
        sky = _detected_sky(images, task.making, task.config.detection)
    except NoSourceError:
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
