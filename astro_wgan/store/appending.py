"""Rows that are appended to a store: which stamps fit, which ids are new, and in which dtype."""

import numpy as np

from astro_wgan.catalogs.table_codec import encode
from astro_wgan.stamps.consistency import check_alike
from astro_wgan.store.schema import add_mask, column_array, meta_text

__all__ = ['KnownIds', 'RowOfIds', 'check_kind', 'check_same', 'new_rows', 'without_known']


class KnownIds:
    """
    The ids in a store, sorted; 8 bytes of memory for each stamp if they are integers.

    Parameters
    ----------
    ids : array_like
        In any order.

    Examples
    --------
    >>> from astro_wgan.store.appending import KnownIds
    >>> KnownIds([3, 1]).joined([7]).has([1, 2, 7])
    array([ True, False,  True])
    """

    def __init__(self, ids):
        # Fast if the first part is sorted already.
        self._ids = np.sort(_as_text(ids), kind='stable')

    def has(self, ids):
        """Whether each of some ids is in the store."""
        ids = _as_text(ids)
        if len(self._ids) == 0:
            return np.zeros(len(ids), dtype=bool)
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return self._ids[place] == ids

    def joined(self, ids):
        """These ids and some that are not among them."""
        return KnownIds(np.concatenate([self._ids, _as_text(ids)]) if len(self._ids) else ids)


class RowOfIds:
    """
    The row of each id in a store.

    Parameters
    ----------
    ids : array_like
        Ids of all rows.

    Examples
    --------
    >>> from astro_wgan.store.appending import RowOfIds
    >>> RowOfIds([7, 3, 1]).find([1, 7])
    array([2, 0])
    """

    def __init__(self, ids):
        ids = _as_text(ids)
        self._order = np.argsort(ids, kind='stable')
        self._ids = ids[self._order]

    def find(self, ids):
        """Rows of some ids, all of which must be in the store."""
        return self._order[np.searchsorted(self._ids, _as_text(ids))]


def check_same(stamps, kept):
    """
    Make sure that stamps equal those with the same ids in a store.

    Parameters
    ----------
    stamps, kept : `~astro_wgan.StampSet`
        The given stamps and those of the store, in the same order.

    Raises
    ------
    ValueError
        If pixels, masks or uncertainties of one of them differ.
    """
    for name in ('pixels', 'valid', 'uncertainty'):
        mine, known = getattr(stamps, name), getattr(kept, name)
        if mine is None:
            continue
        if name != 'valid':
            mine = _as_dtype(mine, known.dtype, name)
        other = (mine != known) & ~((mine != mine) & (known != known))
        rows = np.flatnonzero(other.reshape(len(other), -1).any(axis=1))
        if len(rows):
            what = 'masks' if name == 'valid' else name
            raise ValueError(
                f'{len(rows)} of the appended stamps (the first is that of id '
                f'{stamps.ids[rows[0]]}) have an id that is in the store already with other '
                f'{what}: `skip_existing` leaves out only the same stamps. Give '
                'each stamp an id of its own (column `id` of the table).'
            )


def check_kind(empty, stamps):
    """
    Make sure that stamps fit a store.

    Parameters
    ----------
    empty : `~astro_wgan.StampSet`
        Template of the store.
    stamps : `~astro_wgan.StampSet`

    Raises
    ------
    ValueError
        If size, bands, unit, pixel scale, PSFs or columns disagree, or only one has uncertainty.
    """
    check_alike(empty, stamps)
    if stamps.psf is not None and not np.array_equal(stamps.psf, empty.psf):
        has = 'has none' if empty.psf is None else 'has another'
        raise ValueError(
            f'All stamps of a store share one PSF: the appended stamps have one, the store {has}.'
        )
    for band, own in zip(stamps.bands, empty.bands, strict=False):
        if band.psf is not None and not np.array_equal(band.psf, own.psf):
            raise ValueError(
                f'All stamps of a store share the PSF of a band: that of the appended stamps in '
                f'band {band.name} differs from that of the store.'
            )
    encode(stamps.table[:0], like=empty.table)


def without_known(stamps, known, *, skip_existing):
    """
    The stamps whose ids are not in the store.

    Raises
    ------
    ValueError
        If there are others and ``skip_existing`` is False.
    """
    there = known.has(stamps.ids)
    if not there.any():
        return stamps
    if not skip_existing:
        raise ValueError(
            'Ids of the appended stamps are in the store already '
            f'({np.count_nonzero(there)} of them, the first is {stamps.ids[there][0]}): give each '
            'stamp an id of its own (column `id` of the table), or set `skip_existing` to True to '
            'leave those stamps out.'
        )
    return stamps[~there]


def new_rows(arrays, parents, empty, stamps, metas):
    """
    The rows of all arrays for new stamps.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        Arrays of the store, to which those of masks are added when they are first needed.
    parents : `~astro_wgan.store.parent_images.ParentImageTable`
        Its parent images.
    empty : `~astro_wgan.StampSet`
        Template of the store.
    stamps : `~astro_wgan.StampSet`
        The new stamps, which fit.
    metas : list of dict
        Their provenance.

    Returns
    -------
    dict of `~numpy.ndarray`
        By name of the array.

    Raises
    ------
    ValueError
        If a value overflows the dtype of the store.
    """
    columns, column_masks = encode(stamps.table, like=empty.table)
    rows = {
        'pixels': _as_dtype(stamps.pixels, empty.pixels.dtype, 'pixels'),
        **parents.new_rows(stamps.geometry),
        'meta': _new_metas(arrays, metas),
        **{column_array(name): values for name, values in columns.items()},
    }
    if stamps.uncertainty is not None:
        rows['uncertainty'] = _as_dtype(stamps.uncertainty, empty.pixels.dtype, 'uncertainty')
    masks = {column_array(name, mask=True): column_masks.get(name) for name in columns}
    masks['mask'] = None if stamps.mask is None else ~stamps.valid
    for name, mask in masks.items():
        if mask is not None and name not in arrays:
            add_mask(arrays, name)
        if name in arrays:
            nothing = np.zeros((len(stamps), *arrays[name].shape), dtype=bool)
            rows[name] = nothing if mask is None else mask
    return rows


def _as_text(ids):
    """Ids with bytes as text, as they are stored."""
    ids = np.asarray(ids)
    return np.char.decode(ids, 'utf-8') if ids.dtype.kind == 'S' else ids


def _as_dtype(values, dtype, name):
    try:
        with np.errstate(over='raise'):
            return values.astype(dtype, copy=False)
    except FloatingPointError as error:
        raise ValueError(
            f'`{name}` has values out of the range of {dtype}, the dtype of the store.'
        ) from error


def _new_metas(arrays, metas):
    """Provenance as text, without repetitions of the previous one or of the last in the store."""
    count = arrays.length('meta')
    last = [str(text) for text in arrays.read('meta', np.arange(max(0, count - 1), count))]
    texts = last or [meta_text({})]
    for meta in metas:
        text = meta_text(meta)
        if text != texts[-1]:
            texts.append(text)
    return np.array(texts[1:], dtype=object)
