"""`KeptStamps`: stamps that are kept of a tile: all, or those with the highest scores."""

import shutil

import numpy as np

from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps import concatenate
from astro_wgan.store import StampStore
from astro_wgan.surveying.part_tables import plain_column
from astro_wgan.units.pixel_flux import PIXEL_META

__all__ = ['KeptStamps', 'joint_meta', 'merge_strangest']

#: Stamps that are copied at a time.
_AT_ONCE = 1024


class KeptStamps:
    """
    The stamps of a tile that are kept, from one batch after another.

    Parameters
    ----------
    path : `~pathlib.Path`
        Store to write.
    count : int or 'all'
    """

    def __init__(self, path, count):
        self._path, self._count = path, count
        self._store = self._best = None
        self._scores = np.zeros(0)
        shutil.rmtree(path, ignore_errors=True)

    def add(self, stamps, scores):
        """
        Keep of a batch what is to be kept.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
        scores : `~numpy.ndarray`, shape (n,)
            Stamps without a score are only kept with all others.
        """
        if self._count == 'all':
            if self._store is None and len(stamps):
                self._store = StampStore.create(self._path, like=stamps)
            if len(stamps):
                self._store.append(stamps)
        elif self._count:
            rows = _highest(scores, self._count)
            sets = [stamps[rows]] if self._best is None else [self._best, stamps[rows]]
            sets = [each for each in sets if len(each)]
            scores = np.concatenate([self._scores, scores[rows]])
            if sets:
                order = _highest(scores, self._count)
                self._best = (sets[0] if len(sets) == 1 else concatenate(sets))[order]
                self._scores = scores[order]

    def close(self):
        """Write what has been kept in memory."""
        if self._store is not None:
            self._store.close()
        elif self._best is not None:
            StampStore.from_stamps(self._path, self._best, overwrite=True)


def joint_meta(metas):
    """
    Metadata of the stamps of several tiles.

    Parameters
    ----------
    metas : list of dict
        Those of each tile.

    Returns
    -------
    dict
        What all of them have in common, and in the provenance the number of ``tiles``.

    Raises
    ------
    ValueError
        If the same pixels would be another flux in another tile, as of another beam.
    """
    first = metas[0]
    for name in PIXEL_META:
        other = next((meta for meta in metas if meta.get(name) != first.get(name)), None)
        if other is not None:
            raise ValueError(
                f'Stamps of tiles that differ in {name!r} of their `meta` cannot be joined; got '
                f'{first.get(name)!r} and {other.get(name)!r}.'
            )
    common = _common(metas)
    made = _common([meta.get('provenance', {}) for meta in metas])
    # Of now.
    made = {name: value for name, value in made.items() if name not in ('versions', 'date')}
    return {**common, 'provenance': provenance_record(**made, tiles=len(metas))}


def _common(values):
    """What is the same in all of some dictionaries."""
    first, *others = values
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def merge_strangest(folder, ranking, count):
    """
    Join the strangest stamps of all tiles into one store, in the order of their ranks.

    Parameters
    ----------
    folder : `~astro_wgan.surveying.survey_folder.SurveyFolder`
    ranking : `~astropy.table.QTable`
        With ``id`` and ``tile``, ordered by rank.
    count : int
        Number of stamps that are kept.
    """
    # Not those without a score, whose stamps are not kept.
    ranking = ranking[plain_column(ranking, 'score') > -np.inf][:count]
    ids, tiles = np.asarray(ranking['id']), np.asarray(ranking['tile'])
    stores = {tile: StampStore.open(folder.stamps_of(tile)) for tile in dict.fromkeys(tiles)}
    row_of = {
        tile: {name: row for row, name in enumerate(store.ids.tolist())}
        for tile, store in stores.items()
    }
    made, meta = None, joint_meta([store.meta for store in stores.values()])
    for first in range(0, len(ids), _AT_ONCE):
        places = range(first, min(first + _AT_ONCE, len(ids)))
        sets, order = [], []
        for tile in dict.fromkeys(tiles[places]):
            mine = [k for k in places if tiles[k] == tile]
            sets.append(stores[tile][[row_of[tile][ids[k].item()] for k in mine]])
            order += mine
        stamps = concatenate(sets)[np.argsort(order)].replace(meta=meta)
        if made is None:
            made = StampStore.create(folder.strangest, like=stamps, overwrite=True)
        made.append(stamps)
    if made is not None:
        made.close()


def _highest(scores, count):
    """Rows of the highest scores, from the highest on, without those that have none."""
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind='stable')
    return order[scores[order] > -np.inf][:count]
