"""`survey`: from tiles, a catalog and a model to ranked scores, in one call that can be resumed."""

import os
import shutil
import warnings
from dataclasses import replace

from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import SurveyFolderError
from astro_wgan.files.configurations.toml_text import record_of_config
from astro_wgan.files.error_text import first_few
from astro_wgan.hunting.initial_model import model_folder
from astro_wgan.hunting.stamp_making import making_of_model
from astro_wgan.images.read_options import check_options_of_bands
from astro_wgan.jobs import Fingerprint, describe_detector, digest_settings
from astro_wgan.jobs.parallel import check_workers, completed_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.jobs.worker_threads import limit_threads, threads_of_worker
from astro_wgan.remote.output_paths import output_path
from astro_wgan.surveying.part_tables import check_parquet, read_part, write_part
from astro_wgan.surveying.survey_config import SurveyConfig
from astro_wgan.surveying.survey_folder import SurveyFolder, TileState
from astro_wgan.surveying.survey_model import (
    check_model_fits,
    in_order_of_model,
    loaded_detector,
    making_for_bands,
)
from astro_wgan.surveying.survey_ranking import rank_survey
from astro_wgan.surveying.survey_result import SurveyResult
from astro_wgan.surveying.survey_sources import catalog_blocks, sources_of_tiles
from astro_wgan.surveying.tiles.strangest_stamps import merge_strangest
from astro_wgan.surveying.tiles.survey_tiles import as_tiles
from astro_wgan.surveying.tiles.tile_scoring import ScoreTask, score_tile
from astro_wgan.surveying.tiles.tile_tasks import read_footprints, tile_tasks
from astro_wgan.surveying.tiles.worker_models import keep_detector

__all__ = ['survey']

#: Sources of a tile whose failures are named.
_NAMED = 3


def survey(
    tiles,
    catalog=None,
    *,
    model,
    output,
    config=None,
    bands=None,
    names=None,
    client=None,
    processes=1,
    record=None,
    progress=True,
):
    """
    Score all sources of a survey, tile by tile.

    Each source is cut from the tile in which it lies farthest from the border, measured, scored,
    and forgotten; only its row in the table of the tile remains. In the end all sources are ranked.

    Parameters
    ----------
    tiles : path-like, list of path-like, or dict
        Images with a celestial WCS, in any layout that `~astro_wgan.read_image` knows: a pattern
        such as ``'tiles/*.fits'``, a list of paths and patterns, or a dictionary of paths by the
        names of the tiles; with several bands ``'tiles/*_{band}.fits'``, or a dictionary of
        dictionaries of paths by band. They may overlap, and be URIs
        (:doc:`/user_guide/remote_images`), also patterns of these with ``*`` where files can be
        listed, as in buckets.
    catalog : path-like, `~astropy.table.Table` or `~astropy.coordinates.SkyCoord`, optional
        Sources: ``id`` and positions on the sky. By default sources are detected in each tile.
    model : path-like or `~astro_wgan.AnomalyDetector`
        A calibrated detector: the folder in which it, or a hunt, was saved, or one of
        `~astro_wgan.datasets.model_names`.
    output : path-like
        Folder that keeps the results. The same call goes on after an interruption at any moment,
        and with further tiles; results of another catalog, model or of other settings are refused.
        Tiles that failed are tried again.
    config : `SurveyConfig`, optional
        What is measured and kept.
    bands : sequence of str, optional
        Bands of the images, in the order of the model; by default those that it was trained on.
    names : dict of str, optional
        Names of the columns of ``catalog`` with ``'id'``, ``'ra'`` and ``'dec'``, as in
        `~astro_wgan.catalogs.read_catalog`; ``'id': None`` to number its rows.
    client : `dask.distributed.Client` or 'current', optional
        Cluster that works, one task for each tile. Its workers read tiles and write parts, so that
        they need the paths of ``tiles`` and ``output``. One thread each is best: TensorFlow has as
        many threads as the worker.
    processes : int, optional
        Number of processes, including this one.
    record : str, optional
        Content of ``survey.toml``, which the program writes to repeat the call with
        ``--config``; by default it has ``config``.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.surveying.SurveyResult`

    Raises
    ------
    SurveyFolderError
        If ``output`` holds something else, or another survey, or another process is at work on it.
    ValueError
        If tiles, catalog or configuration are invalid: two tiles have one name, an id occurs
        twice, no source lies in a tile, or an option of reading is for a band that there is not;
        if the model has no calibration, or another pixel scale
        (by more than one percent) or other bands than the tiles, or a unit to which theirs does
        not convert. All of these are raised before work starts.
    OSError
        If a file cannot be written, as on a full disk. What was done before is kept.

    Warns
    -----
    astropy.utils.exceptions.AstropyUserWarning
        If tiles or sources failed; the others are done. If stamps that are kept of several tiles
        cannot be joined.

    Notes
    -----
    Stamps, and fluxes that are measured, have the unit of the model, whatever those of the tiles
    are.

    Sources that are detected belong to the tile in which their position lies farthest from the
    border, too. One at which that changes from one tile to the next can be missed or found twice
    if its positions in the two differ by a fraction of a pixel.

    Once tiles are added that overlap former ones, these are scored again if some of their sources
    lie farther from the border of a new tile.

    Memory is needed for one tile, one batch of stamps and the table of a tile in each process, and
    for about 50 bytes for each source of the catalog while tiles are assigned, more if ids are
    text. A catalog in FITS or text is read as a whole before.

    Examples
    --------
    >>> from astro_wgan import SurveyConfig, survey
    >>> result = survey(  # doctest: +SKIP
    ...     'tiles/*.fits',
    ...     'catalog.parquet',
    ...     model='hunt/model',
    ...     output='survey',
    ...     config=SurveyConfig(photometry=True, keep_stamps=500),
    ... )
    >>> result.table(10)['id', 'tile', 'score', 'q_value']  # doctest: +SKIP
    """
    config = SurveyConfig() if config is None else config
    if not isinstance(config, SurveyConfig):
        raise TypeError(f'`config` must be a SurveyConfig, or None; got {type(config).__name__}.')
    check_workers(processes, client)
    check_parquet()
    folder = SurveyFolder(os.path.abspath(output_path(output)))
    folder.check()
    tiles = as_tiles(tiles, bands, remote=config.remote)
    check_options_of_bands(config.reading, tiles[0].bands or ())
    blocks = catalog_blocks(catalog, names=names, remote=config.remote)
    threads = threads_of_worker(processes, client)
    if processes > 1:
        limit_threads(threads)
    detector = loaded_detector(model_folder(model) if _is_path(model) else model, progress)
    tiles = in_order_of_model(tiles, detector, bands)
    making = making_for_bands(config, making_of_model(detector.wgan), tiles[0].bands)
    with ProgressLine('survey', quiet=not progress) as line:
        line.update(0.0, 'reading headers')
        footprints, unreadable = read_footprints(tiles, config, making.grid, processes, client)
        check_model_fits(detector, tiles, footprints)
        sources = None
        if blocks is not None:
            line.update(0.0, 'reading the catalog')
            sources = sources_of_tiles(blocks, list(footprints.values()))
        about_model = describe_detector(detector)
        fingerprint = _fingerprint(config.describe(making), about_model, sources)
        folder.check_belongs(fingerprint)
        _check_known_tiles(folder, tiles, unreadable)
        model = digest_settings(about_model)
        common = {'output': str(folder.path), 'model': model, 'config': config, 'making': making}
        tasks = tile_tasks(ScoreTask, tiles, footprints, sources, **common)
        folder.claim(fingerprint, provenance=provenance_record(), tiles=len(tiles))
        folder.write_record(_record(config) if record is None else record)
        with folder.locked():
            if not (folder.model / 'manifest.json').exists():
                detector.save(folder.model)
            keep_detector(tasks[0].output, tasks[0].model, detector)
            _write_outside(folder, sources, line)
            failed = [TileState(name, 'failed', reason=unreadable[name]) for name in unreadable]
            _score_tiles(folder, tasks, failed, line, threads, processes, client)
            ranking = rank_survey(folder.path, n_ranked=config.n_ranked)
            if config.keep_stamps not in (0, 'all') and len(ranking):
                _merge_stamps(folder, ranking, config)
    if failed:
        _warn_of(failed, len(tiles))
    return SurveyResult(folder.path)


def _record(config):
    """The content of ``survey.toml``: options of reading that are objects are left out."""
    plain = {k: v for k, v in config.reading.items() if isinstance(v, str | int | float)}
    return record_of_config('survey', replace(config, reading=plain))


def _score_tiles(folder, tasks, failed, line, threads, processes, client):
    """Do what is left to do, and add the states of tiles that are not complete to ``failed``."""
    todo = _left_to_do(folder, tasks, line)
    folder.record([*(TileState(task.tile.name, 'waiting') for task in todo), *failed])
    done, n_sources = len(tasks) - len(todo), 0
    pieces = (replace(task, threads=threads) for task in todo)
    for state in completed_map(score_tile, pieces, processes=processes, client=client):
        folder.record([state])
        done, n_sources = done + 1, n_sources + state.scored
        if state.state != 'done':
            failed.append(state)
            line.note(_failure(state))
        for text in state.warnings:
            line.note(f'{state.tile}: {text}')
        line.update(done / len(tasks), f'{done} of {len(tasks)} tiles, {n_sources:,} sources')


def _is_path(model):
    return isinstance(model, (str, os.PathLike))


def _fingerprint(settings, model, sources):
    groups = {'settings': settings, 'model': model}
    groups['catalog'] = {'length': None} if sources is None else sources.about
    return Fingerprint(groups)


def _check_known_tiles(folder, tiles, unreadable):
    """Refuse to go on without tiles that have been scored."""
    states = folder.states()
    gone = [name for name in states if name not in {tile.name for tile in tiles}]
    if gone:
        raise SurveyFolderError(
            f'The survey in {folder.path} has {len(gone)} tiles that are not among `tiles`, such '
            f'as {gone[0]}: give all of them, and further ones beside them.'
        )
    for name, reason in unreadable.items():
        is_scored = name in states and states[name].state in ('done', 'incomplete')
        # A process that was killed may not have reported its part.
        if is_scored or folder.part(name).exists():
            raise ValueError(
                f'Tile {name} has been scored, and can no longer be read: {reason} Without it '
                'other tiles would get its sources.'
            )


def _left_to_do(folder, tasks, line):
    """Tasks of tiles that are not done, or of other sources than are wanted now."""
    states, todo = folder.states(), []
    for task in tasks:
        name = task.tile.name
        state, has_part = states.get(name), folder.part(name).exists()
        if has_part and (state is None or state.state in ('waiting', 'failed')):
            # Written by a process that was killed before it could report.
            state = TileState(**read_part(folder.part(name), 'id').meta['tile']['state'])
            folder.record([state])
        is_done = state is not None and state.state == 'done'
        needs_part = is_done and state.sources > state.at_border
        is_same = is_done and state.identity == task.identity and (has_part or not needs_part)
        lacks_stamps = is_same and _lacks_stamps(folder, task, state)
        if is_same and not lacks_stamps:
            continue
        if lacks_stamps:
            line.note(f'{name} is scored again: its stamps are no longer in {folder.stamps}')
        elif is_done and has_part:
            line.note(f'{name} is scored again: its sources are others, since tiles were added')
        folder.remove(name)
        todo.append(task)
    return todo


def _lacks_stamps(folder, task, state):
    is_kept = task.config.keep_stamps != 0 and state.scored > 0
    return is_kept and not folder.stamps_of(state.tile).exists()


def _write_outside(folder, sources, line):
    """The table of sources that lie in no tile."""
    if sources is None or not len(sources.outside):
        folder.outside.unlink(missing_ok=True)
        return
    line.note(f'{len(sources.outside):,} sources lie in no tile: {folder.outside.name}')
    write_part(folder.outside, sources.outside.table())


def _merge_stamps(folder, ranking, config):
    if len(ranking) < config.keep_stamps:
        ranking = SurveyResult(folder.path).table(config.keep_stamps)
    try:
        merge_strangest(folder, ranking, config.keep_stamps)
    except ValueError as error:
        # Such as uncertainties that only some tiles have: no reason to lose the results.
        shutil.rmtree(folder.strangest, ignore_errors=True)
        warnings.warn(
            'The stamps of the highest scores cannot be joined into one store, and remain in '
            f'{folder.stamps}, by tile: {error}',
            AstropyUserWarning,
            stacklevel=3,
        )


def _failure(state):
    if state.state == 'failed':
        return f'{state.tile} failed: {state.reason}'
    ids = ', '.join(list(state.failed)[:_NAMED])
    return (
        f'{state.tile}: {len(state.failed)} sources failed, {ids}: '
        f'{next(iter(state.failed.values()))}'
    )


def _warn_of(failed, count):
    shown = first_few([_failure(state) for state in failed])
    warnings.warn(
        f'{len(failed)} of {count} tiles are not complete: {shown}. The same call tries '
        'them again.',
        AstropyUserWarning,
        stacklevel=3,
    )
