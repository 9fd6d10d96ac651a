"""`score_tile`: all sources of one tile, cut, measured and scored, and the part that is written."""

import threading
import time
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, hstack, vstack

from astro_wgan.exceptions import DriftWarning
from astro_wgan.files.error_text import one_line
from astro_wgan.jobs.freed_memory import return_freed_memory
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.remote.uris import shown
from astro_wgan.surveying.part_tables import write_part
from astro_wgan.surveying.survey_folder import SurveyFolder, TileState
from astro_wgan.surveying.tiles.strangest_stamps import KeptStamps
from astro_wgan.surveying.tiles.tile_stamps import TileStamps
from astro_wgan.surveying.tiles.tile_tasks import TileTask
from astro_wgan.surveying.tiles.worker_models import detector_of
from astro_wgan.validation.id_values import id_values

__all__ = ['ScoreTask', 'score_tile']

#: Sources that may fail before the tile is taken to be at fault.
_MOST_FAILED = 16

#: Columns that depend on other sources, or are of no use without the model.
_LEFT_OUT = ('q_value', 'rank', 'latent', 'sky')

#: Networks, and filters of warnings, are shared by the threads of a process: they are for one tile
#: at a time, while others are read and cut.
_networks = threading.Lock()


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreTask(TileTask):
    """
    What a process needs to know to score a tile.

    Attributes
    ----------
    output : str
        Folder of the survey, with the model.
    model : str
        Digest of the model.
    threads : int or None
        Threads of TensorFlow in a process of its own.
    """

    output: str
    model: str
    threads: int | None = None


class _NotWrittenError(Exception):
    """Results cannot be written: no fault of the tile."""


@contextmanager
def _writing():
    try:
        yield
    except OSError as error:
        raise _NotWrittenError from error


def score_tile(task):
    """
    Score all sources of a tile, and write its part.

    Parameters
    ----------
    task : `ScoreTask`

    Returns
    -------
    `~astro_wgan.surveying.survey_folder.TileState`
        Failed if its images cannot be read, or too many of its sources fail.

    Raises
    ------
    OSError
        If the part cannot be written, as on a full disk. Nothing is lost of what was written.
    """
    begin = time.monotonic()
    folder = SurveyFolder(task.output)
    detector = detector_of(task.output, task.model, threads=task.threads)
    try:
        table, state = _scored(task, detector, folder)
    except _NotWrittenError as error:
        raise error.__cause__ from None
    except Exception as error:  # readers of files, and whatever a broken image leads to
        reason = one_line(error)
        seconds = round(time.monotonic() - begin, 2)
        return TileState(
            task.tile.name, 'failed', seconds=seconds, reason=reason, identity=task.identity
        )
    finally:
        return_freed_memory()
    state = TileState(
        task.tile.name,
        'incomplete' if state['failed'] else 'done',
        seconds=round(time.monotonic() - begin, 2),
        identity=task.identity,
        **state,
    )
    if table is not None:
        table.meta['tile'] = {
            'name': state.tile,
            'images': {band or '': shown(path) for band, path in task.tile.images},
            'state': {name: value for name, value in vars(state).items() if name != 'warnings'},
        }
        table.meta['provenance'] = provenance_record()
        write_part(folder.part(state.tile), table)
    return state


def _scored(task, detector, folder):
    """The table of a tile, None without sources, and the counts of its state."""
    config, state, tables, n_cut = task.config, {'failed': {}, 'warnings': []}, [], 0
    with ExitStack() as stack:
        tile = TileStamps(task, detector.wgan.network.size, stack)
        state['sources'] = len(tile.sources)
        with _writing():
            kept = KeptStamps(folder.stamps_of(task.tile.name), config.keep_stamps)
        for rows in tile.batches(config.batch_size):
            for stamps, table in _survivors(task, detector, tile, rows, state['failed']):
                n_cut += len(stamps)
                with _writing():
                    kept.add(stamps, np.asarray(table['score']))
                tables.append(table)
        with _writing():
            kept.close()
    state['at_border'] = state['sources'] - n_cut - len(state['failed'])
    if not tables:
        return None, state
    table = vstack(tables, metadata_conflicts='silent')
    state['scored'] = int(np.isfinite(table['score']).sum())
    state['warnings'] = _drift(detector, table)
    return table, state


def _survivors(task, detector, tile, rows, failed):
    """
    Yield stamps and their table, without sources that fail.

    If one fails, the others are found by halves; ``failed`` is filled with reasons by id.
    """
    try:
        found = _stamps_and_scores(task, detector, tile, rows)
    except Exception as error:
        if isinstance(error, (OSError, MemoryError)):
            raise
        if len(rows) == 1:
            if len(failed) >= _MOST_FAILED:
                raise
            failed[str(id_values(tile.sources.ids[rows])[0])] = one_line(error)
            return
    else:
        # None of the stamps may lie inside of the tile.
        if len(found[0]):
            yield found
        return
    half = len(rows) // 2
    for part in (rows[:half], rows[half:]):
        yield from _survivors(task, detector, tile, part, failed)


def _stamps_and_scores(task, detector, tile, rows):
    stamps = tile.cut(rows)
    if not len(stamps):
        return stamps, None
    if stamps.unit != detector.wgan.unit_:
        # Fluxes and stamps of all tiles stand beside each other.
        stamps = stamps.replace(unit=detector.wgan.unit_)
    with _networks, warnings.catch_warnings():
        # Of each batch; the whole tile is compared with the calibration at the end.
        warnings.simplefilter('ignore', DriftWarning)
        table = detector.score(stamps, progress=False)
    sky = stamps.table['sky']
    own = QTable({'id': table['id'], 'ra': sky.ra.to(u.deg), 'dec': sky.dec.to(u.deg)})
    others = [name for name in table.colnames if name not in (*_LEFT_OUT, 'id', 'ra', 'dec')]
    own = QTable({**own, **{name: table[name] for name in others}}, meta=_kept_meta(table))
    for name, measure in (('photometry', _photometry), ('morphology', _morphology)):
        if getattr(task.config, name):
            own = _joined(own, measure(stamps), name)
    return stamps, own


def _photometry(stamps):
    from astro_wgan.sources import measure_sources

    return measure_sources(stamps, progress=False).stamps


def _morphology(stamps):
    from astro_wgan.morphology import measure_morphology

    return measure_morphology(stamps, progress=False)


def _joined(table, measured, name):
    """Columns beside those of the scores, with the name of the measurement where they are taken."""
    left_out = [column for column in ('id', 'x', 'y', 'sky') if column in measured.colnames]
    measured = QTable(measured, copy=True)
    measured.remove_columns(left_out)
    for column in measured.colnames:
        if column in table.colnames:
            measured.rename_column(column, f'{name}_{column}')
    meta = table.meta
    measured.meta = {}
    table = hstack([table, measured])
    table.meta = meta
    return table


def _kept_meta(table):
    names = ('search', 'window', 'scoring', 'thresholds', 'contamination', 'networks')
    return {name: table.meta[name] for name in names if name in table.meta}


def _drift(detector, table):
    """Differences from the calibration, as sentences."""
    from astro_wgan.anomaly.calibration.drift import check_drift

    with _networks, warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        check_drift(detector.conditions_, table, table['p_value'])
    return [str(each.message) for each in found]
