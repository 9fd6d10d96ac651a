"""`cut_tiles`: stamps of all sources of a survey in one store, without a model."""

import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from astro_wgan.cutouts.resampled.source_scale import check_scaled
from astro_wgan.exceptions import ImageError
from astro_wgan.files.error_text import first_few, one_line
from astro_wgan.files.temporary_names import temporary_path
from astro_wgan.images.read_options import check_options_of_bands
from astro_wgan.jobs import Fingerprint, describe_settings, digest, digest_settings
from astro_wgan.jobs.parallel import check_workers, completed_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.remote.output_paths import output_path
from astro_wgan.store import StampStore
from astro_wgan.store.resume_store import resume_store
from astro_wgan.surveying.survey_config import SurveyConfig
from astro_wgan.surveying.survey_model import making_for_bands
from astro_wgan.surveying.survey_sources import catalog_blocks, sources_of_tiles
from astro_wgan.surveying.tiles.strangest_stamps import KeptStamps, joint_meta
from astro_wgan.surveying.tiles.survey_tiles import as_tiles
from astro_wgan.surveying.tiles.tile_stamps import TileStamps
from astro_wgan.surveying.tiles.tile_tasks import TileTask, read_footprints, tile_tasks
from astro_wgan.validation.pixels import as_shape

__all__ = ['cut_tiles']

#: Stamps that are in memory at a time when stores are joined.
_AT_ONCE = 1024


def cut_tiles(
    tiles,
    catalog=None,
    *,
    output,
    size=64,
    bands=None,
    partial='fill',
    scale=None,
    detect_in=None,
    sky=None,
    neighbors=None,
    stars=None,
    detection=None,
    reading=None,
    names=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Cut all sources of a survey into one store, such as those that a model is to be trained on.

    Each source is cut from the tile in which it lies farthest from the border, as by
    `~astro_wgan.survey`. Each worker reads tiles and writes the stamps of a tile into a store of
    its own; these are joined in the end.

    Parameters
    ----------
    tiles, catalog, bands
        As for `~astro_wgan.survey`.
    output : path-like
        Store to write. The same call goes on after an interruption; a store of other tiles,
        sources or settings is refused. What is done of the tiles is beside it, in the folder
        ``OUTPUT.parts``, until the store is complete.
    size : int, tuple of int or `~astropy.units.Quantity`, optional
        Pixels along the edge of stamps, or angles.
    partial : {'fill', 'drop'}, optional
        Mask what of a stamp lies beyond its tile, or leave such stamps out.
    scale, detect_in, sky, neighbors, stars : optional
        As in `~astro_wgan.HuntConfig`, with the same defaults: stamps that follow their sources,
        the band of the detection and of the pixels, and what happens to the sky, to neighbors and
        to stars. They are searched for in the whole tile.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Detection without ``catalog``, of neighbors, radii and background, by default as in
        `~astro_wgan.HuntConfig`.
    reading : dict, optional
        Options of `~astro_wgan.read_image`.
    names : dict of str, optional
        Names of the columns of ``catalog``, as for `~astro_wgan.survey`.
    processes : int, optional
        Number of processes, including this one.
    client : `dask.distributed.Client` or 'current', optional
        Cluster that works instead. Its workers need the paths of ``tiles`` and ``output``.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.StampStore`
        Open for reading: the stamps of one tile after the other, in the order of the catalog, with
        the column ``tile``; section by section of a tile, if neighbors are removed. ``meta`` is
        what is the same for all tiles.

    Raises
    ------
    ImageError
        If tiles cannot be read or cut. Others are kept: the same call goes on from there, also
        without those tiles.
    ValueError
        If tiles, catalog or settings are invalid, no source lies in a tile, ``output`` is another
        store, or tiles differ in unit, pixel scale or beam.
    OSError
        If a file cannot be written, as on a full disk. What was done before is kept.

    Notes
    -----
    In memory are, in each process, one tile and some thousand stamps. The disk holds all stamps
    twice for a while.

    Examples
    --------
    >>> from astro_wgan.surveying import cut_tiles
    >>> stamps = cut_tiles(  # doctest: +SKIP
    ...     'tiles/*.fits', 'catalog.parquet', output='stamps.zarr', size=64, processes=4
    ... )
    """
    config = SurveyConfig(
        partial=partial,
        reading={} if reading is None else reading,
        scale=scale,
        detect_in=detect_in,
        sky=sky,
        neighbors=neighbors,
        stars=stars,
        detection=detection,
    )
    check_workers(processes, client)
    output = Path(os.path.abspath(output_path(output)))
    parts = output.with_name(f'{output.name}.parts')
    tiles = as_tiles(tiles, bands, remote=config.remote)
    check_options_of_bands(config.reading, tiles[0].bands or ())
    blocks = catalog_blocks(catalog, names=names, remote=config.remote)
    making = making_for_bands(config, None, tiles[0].bands)
    _check_size(size, making)
    with ProgressLine('cutting', quiet=not progress) as line:
        line.update(0.0, 'reading headers')
        footprints, unreadable = read_footprints(tiles, config, making.grid, processes, client)
        _raise_failures(unreadable, len(tiles))
        common = {'config': config, 'making': making, 'folder': str(parts), 'size': size}
        sources = None
        if blocks is not None:
            line.update(0.0, 'reading the catalog')
            sources = sources_of_tiles(blocks, list(footprints.values()))
            if len(sources.outside):
                line.note(f'left out: {len(sources.outside):,} sources, which lie in no tile')
        tasks = tile_tasks(CutTask, tiles, footprints, sources, **common)
        settings = describe_settings({'size': size, **config.describe(making)})
        fingerprint = _fingerprint(settings, sources, tasks)
        if output.exists():
            with resume_store(output, like=None, fingerprint=fingerprint):
                # Another store has been refused.
                if not parts.exists():
                    return StampStore.open(output)
        parts.mkdir(parents=True, exist_ok=True)
        failed = {}
        todo = [task for task in tasks if not task.part.exists()]
        done = len(tasks) - len(todo)
        for name, reason in completed_map(cut_tile, todo, processes=processes, client=client):
            done += 1
            if reason is not None:
                failed[name] = reason
                line.note(f'{name} failed: {reason}')
            line.update(done / len(tasks), f'{done} of {len(tasks)} tiles')
        _raise_failures(failed, len(tiles))
        line.update(1.0, 'joining the stamps of all tiles')
        _join(output, [task.part for task in tasks if task.part.exists()], fingerprint, making)
        _remove(parts)
    return StampStore.open(output)


def _check_size(size, making):
    """Refuse what is no size of stamps, before any is cut."""
    if making.scale is not None:
        check_scaled(size)
    if not hasattr(size, 'unit'):
        as_shape(size)


@dataclass(frozen=True, eq=False, kw_only=True)
class CutTask(TileTask):
    """
    What a process needs to know to cut a tile.

    Attributes
    ----------
    folder : str
        Folder for the store of the tile.
    size : int, tuple of int or `~astropy.units.Quantity`
    """

    folder: str
    size: object

    @cached_property
    def part(self):
        """Path of the store, by what is in it."""
        what = {'size': self.size, **self.config.describe(self.making)}
        what['sources'] = self.identity
        what['images'] = {str(band): path for band, path in self.tile.images}
        return Path(self.folder) / f'{self.tile.name}-{digest_settings(what)[-16:]}.zarr'


def cut_tile(task):
    """
    Write the stamps of a tile into a store.

    Parameters
    ----------
    task : `CutTask`

    Returns
    -------
    name : str
        Of the tile.
    reason : str or None
        Why it cannot be read or cut.
    """
    # Another worker may be at work on the same task, if the scheduler has lost sight of it.
    path = temporary_path(task.part)
    batches, kept = _batches(task), KeptStamps(path, 'all')
    try:
        while True:
            try:
                stamps = next(batches, None)
            except Exception as error:  # readers of files, and whatever a broken image leads to
                return task.tile.name, one_line(error)
            if stamps is None:
                break
            stamps.table['tile'] = task.tile.name
            kept.add(stamps, None)
        kept.close()
        if path.exists() and not task.part.exists():
            os.rename(path, task.part)
    finally:
        shutil.rmtree(path, ignore_errors=True)
    return task.tile.name, None


def _batches(task):
    with ExitStack() as stack:
        tile = TileStamps(task, task.size, stack)
        yield from map(tile.cut, tile.batches(task.config.batch_size))


def _raise_failures(reasons, count):
    if not reasons:
        return
    shown = first_few([f'{name}: {reason}' for name, reason in reasons.items()])
    raise ImageError(
        f'{len(reasons)} of {count} tiles cannot be cut: {shown}. What was cut of others is '
        'kept: the same call goes on from there, or leave these tiles out.'
    )


def _fingerprint(settings, sources, tasks):
    return Fingerprint(
        {
            'settings': settings,
            'catalog': {'length': None} if sources is None else sources.about,
            'tiles': {
                'number': len(tasks),
                'names': digest(np.array([task.tile.name for task in tasks])),
                'positions and sources': digest(np.array([task.identity for task in tasks])),
            },
        }
    )


def _join(output, paths, fingerprint, making):
    """Write the stamps of some stores into one, or what an interrupted call has left of them."""
    if not paths:
        raise ValueError(
            "There is no stamp: no source of a tile is detected, or with partial='drop' none lies "
            'far enough inside.'
        )
    metas = [StampStore.open(path).meta for path in paths]
    meta = joint_meta(metas)
    making.record_in(meta)
    like = StampStore.open(paths[0])[:0].replace(meta=meta)
    with resume_store(output, like=like, fingerprint=fingerprint) as (made, meta):
        stores = map(StampStore.open, paths)
        # One for all, since there may be as many as tiles.
        made.extend(stamps.replace(meta=meta) for stamps in _without_first(len(made), stores))


def _without_first(count, stores):
    for store in stores:
        yield from store.batches(_AT_ONCE, skip=min(count, len(store)))
        count = max(0, count - len(store))


def _remove(folder):
    # Under another name first: what is left after a kill must not be taken for what is complete.
    hidden = temporary_path(folder)
    os.rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)
