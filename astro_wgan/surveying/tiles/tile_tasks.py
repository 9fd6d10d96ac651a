"""`tile_tasks`: a task for each tile, with the sources that are cut from it."""

import json
from dataclasses import dataclass

import numpy as np

from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.jobs import digest, ordered_map
from astro_wgan.surveying.survey_config import SurveyConfig
from astro_wgan.surveying.tiles.footprints import footprint_or_reason, overlapping
from astro_wgan.surveying.tiles.survey_tiles import Tile

__all__ = ['TileTask', 'read_footprints', 'tile_tasks']


@dataclass(frozen=True, eq=False, kw_only=True)
class TileTask:
    """
    What a process needs to know to cut the sources of a tile.

    Attributes
    ----------
    tile : `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    identity : str
        Digest of footprint and sources.
    config : `~astro_wgan.SurveyConfig`
    making : `~astro_wgan.hunting.stamp_making.StampMaking`
    sources : `~astro_wgan.surveying.survey_sources.Sources` or None
        Those of the tile; None to detect them.
    footprints : list of `~astro_wgan.surveying.tiles.footprints.Footprint`
        To detect: this tile and those that may show the same sky.
    own : int
        Index of this tile among them.
    """

    tile: Tile
    identity: str
    config: SurveyConfig
    making: StampMaking
    sources: object = None
    footprints: tuple = ()
    own: int = 0


def read_footprints(tiles, config, grid, processes, client):
    """
    Read the footprints of tiles.

    Parameters
    ----------
    tiles : list of `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    config : `~astro_wgan.SurveyConfig`
    grid : str or None
        Band on whose pixels stamps are cut; None for the first.
    processes, client
        As for `~astro_wgan.jobs.ordered_map`.

    Returns
    -------
    footprints : dict of `~astro_wgan.surveying.tiles.footprints.Footprint`
        By the names of tiles.
    unreadable : dict of str
        Why others cannot be read.

    Raises
    ------
    ValueError
        If none can be read.
    """
    pieces = [(tile, dict(config.reading), grid) for tile in tiles]
    # To start processes takes longer than to read hundreds of headers.
    processes = processes if len(tiles) > 256 else 1
    found, unreadable = {}, {}
    results = ordered_map(footprint_or_reason, pieces, processes=processes, client=client)
    for tile, result in zip(tiles, results, strict=True):
        if isinstance(result, str):
            unreadable[tile.name] = result
        else:
            found[tile.name] = result
    if not found:
        name, reason = next(iter(unreadable.items()))
        raise ValueError(f'None of the {len(tiles)} tiles can be read; of {name}: {reason}')
    return found, unreadable


def tile_tasks(kind, tiles, footprints, sources, **common):
    """
    A task for each tile that can be read.

    Parameters
    ----------
    kind : type
        `TileTask`, or a class derived from it.
    tiles : list of `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    footprints : dict of `~astro_wgan.surveying.tiles.footprints.Footprint`
    sources : `~astro_wgan.surveying.survey_sources.SourcesOfTiles` or None
        Those of the tiles in ``footprints``; None to detect them.
    **common
        What is the same in all tasks.

    Returns
    -------
    list of `TileTask`

    Raises
    ------
    ValueError
        If no source lies in a tile.
    """
    tiles = [tile for tile in tiles if tile.name in footprints]
    known = [footprints[tile.name] for tile in tiles]
    if sources is None:
        return _tasks_to_detect(kind, tiles, known, common)
    n_outside = len(sources.outside)
    if n_outside == sources.about['length']:
        raise ValueError(
            f'None of the {n_outside} sources of `catalog` lies in one of the {len(tiles)} tiles.'
        )
    tasks = []
    for tile, footprint, own in zip(tiles, known, sources.by_tile, strict=True):
        text = np.array(json.dumps(footprint.describe()))
        identity = digest(text, own.ids, own.ra, own.dec)
        tasks.append(kind(tile=tile, identity=identity, sources=own, **common))
    return tasks


def _tasks_to_detect(kind, tiles, footprints, common):
    tasks = []
    for own, (tile, near) in enumerate(zip(tiles, overlapping(footprints), strict=True)):
        others = tuple(footprints[k] for k in near)
        text = json.dumps([each.describe() for each in others])
        place = near.index(own)
        identity = digest(np.array(text), np.array(place))
        about = {'identity': identity, 'footprints': others, 'own': place}
        tasks.append(kind(tile=tile, **about, **common))
    return tasks
