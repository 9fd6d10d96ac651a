"""`SurveyResult`: the state and the tables of a survey, read from its folder when asked for."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.surveying.part_tables import read_part
from astro_wgan.surveying.survey_folder import SurveyFolder
from astro_wgan.surveying.survey_ranking import (
    ranked_part,
    ranked_tiles,
    strangest_sources,
)
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['SurveyResult']


@dataclass(frozen=True)
class SurveyResult:
    """
    Results of a survey, also of one that is at work.

    Parameters
    ----------
    folder : path-like
        Folder of `~astro_wgan.survey`, with ``parts/TILE.parquet``, ``ranks/TILE.parquet`` and
        ``ranking.parquet``.

    Raises
    ------
    SurveyFolderError
        If it holds no survey.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, 'folder', Path(self.folder))
        SurveyFolder.existing(self.folder)

    def status(self):
        """
        The state of each tile.

        Returns
        -------
        `~astropy.table.QTable`
            ``tile``; ``state``, 'waiting', 'done', 'incomplete' if single sources failed, or
            'failed'; the number of ``sources``, of those with a score (``scored``) and of those
            that are left out since their stamp extends beyond the tile (``at_border``);
            ``seconds``; and the ``reason`` of a failure. Failed tiles, and those that are
            incomplete, are done again by the next call.
        """
        folder = SurveyFolder(self.folder)
        states = []
        for state in folder.states().values():
            if state.state == 'waiting' and folder.part(state.tile).exists():
                # Written by a process that has not reported yet.
                state = replace(state, state='done')
            states.append(state)
        names = ('tile', 'state', 'sources', 'scored', 'at_border', 'seconds')
        kinds = (str, str, int, int, int, float)
        table = QTable(
            {
                name: np.array([getattr(state, name) for state in states], dtype=kind)
                for name, kind in zip(names, kinds, strict=True)
            }
        )
        table['seconds'] = table['seconds'] * u.s
        table['reason'] = np.array([_reason(state) for state in states], dtype=str)
        return table

    def parts(self):
        """
        The tables of all tiles that have been ranked, one by one.

        Yields
        ------
        `~astropy.table.QTable`
            The columns of `~astro_wgan.surveying.rank_survey`.
        """
        folder = SurveyFolder(self.folder)
        for tile in ranked_tiles(folder):
            yield ranked_part(folder, tile)

    def table(self, n=None):
        """
        The sources with the highest scores, from the highest on.

        Parameters
        ----------
        n : int, optional
            Number of sources; by default those of the ranked table.

        Returns
        -------
        `~astropy.table.QTable`
            The columns of `~astro_wgan.surveying.rank_survey`.

        Raises
        ------
        ValueError
            If ``n`` is no whole number, or negative.
        """
        check_whole_number('n', n, 0, optional=True)
        folder = SurveyFolder(self.folder)
        if not folder.ranking.exists():
            return QTable()
        table = read_part(folder.ranking)
        known = table.meta.get('survey', {}).get('sources', len(table))
        if n is not None and len(table) < min(n, known):
            about = table.meta
            table = strangest_sources(folder, n)
            table.meta |= about
        return table if n is None else table[:n]


def _reason(state):
    if state.reason or not state.failed:
        return state.reason
    name, why = next(iter(state.failed.items()))
    more = f', and {len(state.failed) - 1} more' if len(state.failed) > 1 else ''
    return f'source {name}{more}: {why}'
