"""`RankedStamps`: the stamps of the rows of a ranked table, wherever they are stored."""

from pathlib import Path
from threading import Lock

import numpy as np

from astro_wgan.stamps import StampSet, concatenate
from astro_wgan.store import StampStore, as_stamps
from astro_wgan.validation.id_values import id_values

__all__ = ['RankedStamps']

#: Pixels of the empty pictures of sources without stamps: of little height, as nothing is seen.
_NO_SHAPE = (8, 64)


class RankedStamps:
    """
    The stamps of the rows of a table.

    Parameters
    ----------
    sets : list of `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
        At least one; all of the same size and bands.
    set_of_row : `~numpy.ndarray` of int, shape (n,)
        Number of the set that holds the stamp of each row; -1 for a row without a stamp.
    place_in_set : `~numpy.ndarray` of int, shape (n,)
        Number of the stamp in that set.

    Attributes
    ----------
    known : `~numpy.ndarray` of bool, shape (n,)
        Rows with a stamp.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.browsing.ranked_stamps import RankedStamps
    >>> stamps = StampSet(np.ones((3, 8, 8)), table={'id': ['a', 'b', 'c']})
    >>> ranked = RankedStamps.matched(['c', 'x', 'a'], stamps)
    >>> ranked.known.tolist(), ranked.read([2, 0]).ids.tolist()
    ([True, False, True], ['a', 'c'])
    """

    def __init__(self, sets, set_of_row, place_in_set):
        self._sets, self._set_of_row, self._place_in_set = sets, set_of_row, place_in_set
        self.known = set_of_row >= 0
        # Readers of stores keep what they read last.
        self._lock = Lock()

    @classmethod
    def matched(cls, ids, stamps):
        """
        Stamps of some ids.

        Parameters
        ----------
        ids : array_like, shape (n,)
            Ids of the rows.
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            Or anything else that `~astro_wgan.store.as_stamps` takes.

        Raises
        ------
        ValueError
            If no row has a stamp, or two stamps have one id and do not belong to the rows one by
            one.
        """
        stamps = as_stamps(stamps)
        place = _places(id_values(ids), stamps.ids)
        if len(place) and not (place >= 0).any():
            raise ValueError(
                '`stamps` must hold stamps of the table, by the column `id`; none of its '
                f'{len(stamps)} ids is among the {len(place)} of the table.'
            )
        return cls([stamps], np.where(place >= 0, 0, -1), place)

    @classmethod
    def in_tiles(cls, ids, tiles, store_of):
        """
        Stamps of some ids, each in the store of its tile.

        Parameters
        ----------
        ids, tiles : array_like, shape (n,)
        store_of : callable
            From the name of a tile to the path of its store, which need not exist.
        """
        ids, tiles = id_values(ids), np.asarray(tiles)
        set_of_row, place, sets = np.full(len(ids), -1), np.full(len(ids), -1), []
        for tile in dict.fromkeys(tiles.tolist()):
            path = Path(store_of(tile))
            if not path.exists():
                continue
            rows = np.flatnonzero(tiles == tile)
            sets.append(StampStore.open(path))
            place[rows] = _places(ids[rows], sets[-1].ids)
            set_of_row[rows] = np.where(place[rows] >= 0, len(sets) - 1, -1)
        if not (place >= 0).any():
            raise ValueError('The survey has kept no stamps: repeat it with `keep_stamps`.')
        return cls(sets, set_of_row, place)

    @classmethod
    def none(cls, n):
        """No stamp for any of n rows, as of features from elsewhere."""
        empty = StampSet(np.empty((0, *_NO_SHAPE), dtype=np.float32))
        return cls([empty], np.full(n, -1), np.full(n, -1))

    def __len__(self):
        return len(self.known)

    shape = property(lambda self: self._sets[0].shape)
    bands = property(lambda self: self._sets[0].bands)
    n_bands = property(lambda self: self._sets[0].n_bands)
    pixel_scale = property(lambda self: self._sets[0].pixel_scale)
    unit = property(lambda self: self._sets[0].unit)

    def read(self, rows):
        """
        The stamps of some rows, all of which have one.

        Parameters
        ----------
        rows : array_like of int

        Returns
        -------
        `~astro_wgan.StampSet`
            In the order of the rows.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return self._sets[0][:0]
        with self._lock:
            parts, places = [], []
            for number in np.unique(self._set_of_row[rows]):
                mine = np.flatnonzero(self._set_of_row[rows] == number)
                parts.append(self._sets[number][self._place_in_set[rows[mine]]])
                places.append(mine)
        if len(parts) == 1:
            return parts[0]
        return concatenate(parts)[np.argsort(np.concatenate(places))]


def _places(ids, known_ids):
    """Number of the stamp of each id, -1 where there is none."""
    if len(ids) == len(known_ids) and np.array_equal(ids, known_ids):
        return np.arange(len(ids))
    if len(np.unique(known_ids)) < len(known_ids):
        raise ValueError(
            '`stamps` must have a different id for each stamp, or those of the table row by row; '
            'some of its ids repeat.'
        )
    if not len(known_ids) or (ids.dtype.kind in 'US') != (known_ids.dtype.kind in 'US'):
        return np.full(len(ids), -1)
    order = np.argsort(known_ids, kind='stable')
    place = order[np.minimum(np.searchsorted(known_ids, ids, sorter=order), len(order) - 1)]
    return np.where(known_ids[place] == ids, place, -1)
