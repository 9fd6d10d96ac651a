"""`rank_survey`: ranks and q-values of all sources of a survey, from the parts alone."""

from contextlib import contextmanager

import numpy as np
from astropy.table import QTable, vstack

from astro_wgan.files.temporary_names import remove_abandoned, temporary_path
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.surveying.part_tables import (
    plain_column,
    read_part,
    read_plain_columns,
    rows_of_part,
    table_of_rows,
    write_part,
)
from astro_wgan.surveying.survey_folder import SurveyFolder
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = [
    'FalseDiscoveryRates',
    'rank_survey',
    'ranked_part',
    'ranked_tiles',
    'strangest_sources',
]


class FalseDiscoveryRates:
    """
    q-values of many sources, from p-values that are counted part by part.

    The counts of two parts of a survey can be added. Conformal p-values have at most one value more
    than there are held-out normals, so that the counts are as few, and q-values from them are those
    of `~astro_wgan.anomaly.q_values` of all sources at once, but for rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.surveying.survey_ranking import FalseDiscoveryRates
    >>> rates = FalseDiscoveryRates()
    >>> for p_values in ([0.001, 0.5], [0.02, np.nan, 0.9]):
    ...     rates.add(p_values)
    >>> rates.q_values([0.02, np.nan]).round(3).tolist()
    [0.04, nan]
    """

    def __init__(self):
        self._p, self._counts = np.zeros(0), np.zeros(0, dtype=np.int64)

    def add(self, p_values):
        """
        Count the p-values of a part.

        Parameters
        ----------
        p_values : array_like, shape (n,)
            NaN for sources without a score.
        """
        p_values = np.asarray(p_values, dtype=float)
        new, counts = np.unique(p_values[~np.isnan(p_values)], return_counts=True)
        self._p, where = np.unique(np.concatenate([self._p, new]), return_inverse=True)
        both = np.concatenate([self._counts, counts])
        self._counts = np.zeros(len(self._p), dtype=np.int64)
        np.add.at(self._counts, where, both)

    def q_values(self, p_values):
        """
        False-discovery rates of the lists of all sources with a p-value at most as high.

        Parameters
        ----------
        p_values : array_like, shape (n,)
            Of sources that have been counted.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
        """
        p_values = np.asarray(p_values, dtype=float)
        q = np.full(p_values.shape, np.nan)
        known = ~np.isnan(p_values)
        if known.any():
            at_most = np.cumsum(self._counts)
            rates = np.minimum(self._p * (at_most[-1] / at_most), 1)
            rates = np.minimum.accumulate(rates[::-1])[::-1]
            rows = np.searchsorted(self._p, p_values[known])
            q[known] = rates[np.minimum(rows, len(rates) - 1)]
        return q


def rank_survey(folder, *, n_ranked=10_000):
    """
    Rank all sources of a survey, at any time.

    Parameters
    ----------
    folder : path-like
        Folder of `~astro_wgan.survey`, which may be at work.
    n_ranked : int, optional
        Rows of the ranked table.

    Returns
    -------
    `~astropy.table.QTable`
        The sources with the highest scores, from the highest on: ``id``, ``tile``, ``rank``,
        ``q_value`` and the columns of the parts. ``meta['survey']`` has the number of tiles and
        sources that are ranked.

    Raises
    ------
    SurveyFolderError
        If the folder holds no survey.
    ValueError
        If ``n_ranked`` is no whole number above zero.

    Notes
    -----
    Writes ``ranking.parquet``, and for each tile ``ranks/TILE.parquet`` with ``id``, ``rank`` and
    ``q_value`` in the order of its part. Sources of equal score have the same rank, the lowest of
    them, and those without a score come last. p-values are those of the calibration of the model,
    and do not depend on other sources. q-values are exact (`FalseDiscoveryRates`).

    Scores are sorted in a file of 8 bytes for each source; besides that the memory needed is that
    of the largest part and of the ranked table.

    Examples
    --------
    >>> from astro_wgan.surveying import rank_survey
    >>> rank_survey('survey')['id', 'rank', 'q_value'][:10]  # doctest: +SKIP
    """
    check_whole_number('n_ranked', n_ranked, 1)
    folder = SurveyFolder.existing(folder)
    rates, n_scored, n_sources = FalseDiscoveryRates(), 0, 0
    tiles = _tiles(folder)
    with _sorted_scores(folder, tiles, rates) as scores:
        n_sources = len(scores)
        n_scored = n_sources - int(np.searchsorted(scores, -np.inf, side='right'))
        for tile in tiles:
            part = read_plain_columns(folder.part(tile), 'id', 'score', 'p_value')
            higher = n_sources - np.searchsorted(scores, _score(part), side='right')
            columns = {
                'id': part['id'],
                'rank': higher + 1,
                'q_value': rates.q_values(plain_column(part, 'p_value')),
            }
            write_part(folder.ranks_of(tile), QTable(columns))
    table = strangest_sources(folder, n_ranked)
    table.meta['survey'] = {'tiles': len(tiles), 'sources': n_sources, 'scored': n_scored}
    table.meta['provenance'] = provenance_record()
    write_part(folder.ranking, table)
    return table


def strangest_sources(folder, count):
    """
    The sources with the highest scores, of the parts that have been ranked.

    Parameters
    ----------
    folder : `~astro_wgan.surveying.survey_folder.SurveyFolder`
    count : int

    Returns
    -------
    `~astropy.table.QTable`
        Empty if there are no parts.
    """
    tiles, highest = ranked_tiles(folder), np.zeros(0)
    for tile in tiles:
        score = _score(read_plain_columns(folder.part(tile), 'score'))
        highest = np.sort(np.concatenate([highest, score]))[-count:]
    if not highest.size:
        return QTable()
    parts, names, ranks, n_ties = [], [], [], np.count_nonzero(highest == highest[0])
    for tile in tiles:
        score = _score(read_plain_columns(folder.part(tile), 'score'))
        ties = np.flatnonzero(score == highest[0])[:n_ties]
        n_ties -= len(ties)
        rows = np.sort(np.concatenate([np.flatnonzero(score > highest[0]), ties]))
        if rows.size:
            parts.append(rows_of_part(folder.part(tile), rows))
            ranks.append(read_plain_columns(folder.ranks_of(tile), 'rank', 'q_value')[rows])
            names += [tile] * len(rows)
    table = table_of_rows(parts)
    table.meta.pop('tile', None)
    table = _with_ranks(table, names, vstack(ranks))
    return table[np.argsort(-_score(table), kind='stable')]


def ranked_part(folder, tile):
    """
    The table of a tile, with the ranks and q-values of its sources.

    Parameters
    ----------
    folder : `~astro_wgan.surveying.survey_folder.SurveyFolder`
    tile : str

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``tile``, ``rank``, ``q_value`` and the columns of the part.
    """
    part = read_part(folder.part(tile))
    ranks = read_plain_columns(folder.ranks_of(tile), 'rank', 'q_value')
    return _with_ranks(part, np.full(len(part), tile), ranks)


def _with_ranks(table, tiles, ranks):
    columns = {'id': table['id'], 'tile': tiles, 'rank': ranks['rank'], 'q_value': ranks['q_value']}
    columns |= {name: table[name] for name in table.colnames if name not in columns}
    return QTable(columns, meta=table.meta)


def ranked_tiles(folder):
    """Names of the tiles whose parts have been ranked, in order."""
    return [tile for tile in _tiles(folder) if folder.ranks_of(tile).exists()]


def _tiles(folder):
    """Names of the tiles that have a part."""
    return sorted(path.stem for path in folder.parts.glob('[!.]*.parquet'))


def _score(table):
    """Scores, with those that are unknown below all others."""
    score = plain_column(table, 'score')
    return np.where(np.isnan(score), -np.inf, score)


@contextmanager
def _sorted_scores(folder, tiles, rates):
    """Scores of all sources in increasing order, in a file; p-values are counted on the way."""
    # It is missing after a kill just before it was made.
    folder.ranks.mkdir(exist_ok=True)
    remove_abandoned(folder.ranks / 'scores')
    path = temporary_path(folder.ranks / 'scores')
    try:
        with open(path, 'wb') as file:
            for tile in tiles:
                part = read_plain_columns(folder.part(tile), 'score', 'p_value')
                _score(part).tofile(file)
                rates.add(plain_column(part, 'p_value'))
        if not path.stat().st_size:
            yield np.zeros(0)
            return
        scores = np.memmap(path, dtype=float, mode='r+')
        scores.sort()
        yield scores
    finally:
        path.unlink(missing_ok=True)
