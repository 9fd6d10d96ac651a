"""Whether a table fits stamps and sets fit each other, and how stamps get another size."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.bands.band import check_same_bands
from astro_wgan.catalogs.columns import check_ids, text_without_unit
from astro_wgan.catalogs.qtable import as_qtable

__all__ = ['as_table', 'check_alike', 'check_stamps_type', 'follow_sources', 'size_advice']

#: Relative difference up to which pixel scales are regarded as equal.
_SAME_SCALE = 1e-3


def as_table(table, n):
    """
    A `~astropy.table.QTable` with n rows and a column ``id`` of unique values.

    It is a new table, to which columns can be added, with the same data.

    Raises
    ------
    ValueError
        If there are not n rows, or an id is missing or occurs twice.
    """
    if table is None:
        table = QTable({'id': np.arange(n)})
    table = as_qtable(table)
    if len(table) != n:
        raise ValueError(f'`table` must have a row per stamp, {n}; got {len(table)} rows.')
    if 'id' not in table.colnames:
        table.add_column(np.arange(n), name='id', index=0)
    check_ids(table['id'])
    for name, column in list(table.columns.items()):
        plain = text_without_unit(column)
        if plain is not column:
            table[name] = plain
    return table


def check_alike(first, other):
    """
    Make sure that two sets of stamps can be joined.

    Raises
    ------
    ValueError
        If size, bands, their zero points or unit disagree, or the pixel scale of stamps that do
        not follow their sources, or only one has an uncertainty.
    """
    if first.pixels.shape[1:] != other.pixels.shape[1:]:
        raise ValueError(
            'Only stamps of one size and number of bands can be joined; '
            f'got {first.pixels.shape[1:]} and {other.pixels.shape[1:]}. '
            f'{size_advice(other, first.shape)}'.rstrip()
        )
    if first.unit != other.unit:
        raise ValueError(
            f'Only stamps of one unit can be joined; got {first.unit} and {other.unit}.'
        )
    scales = [first.pixel_scale, other.pixel_scale]
    if follow_sources(first) and follow_sources(other):
        scales = [None, None]
    if scales.count(None) == 1 or (None not in scales and not _is_one_scale(first, other)):
        raise ValueError(
            'Only stamps of one pixel scale can be joined (reproject them first); '
            f'got {scales[0]} and {scales[1]}.'
        )
    check_same_bands(first.bands, other.bands)
    if (first.uncertainty is None) != (other.uncertainty is None):
        raise ValueError('Uncertainty must be in all of the joined sets or in none.')


def follow_sources(stamps):
    """
    Whether each stamp has a pixel scale of its own, that of its source.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
        Even one of them has a single pixel scale.

    Returns
    -------
    bool
    """
    return 'scale_factor' in stamps.table.colnames


def _is_one_scale(first, other):
    if u.isclose(first.pixel_scale, other.pixel_scale, rtol=_SAME_SCALE):
        return True
    # In a distorted image it varies: the stamps may be from different parts of the same image.
    for stamps, scale in ((other, first.pixel_scale), (first, other.pixel_scale)):
        known = stamps.geometry.scales_of_image()
        if known is not None:
            low, high = known
            if low * (1 - _SAME_SCALE) <= scale <= high * (1 + _SAME_SCALE):
                return True
    return False


def size_advice(stamps, size):
    """
    How to change stamps to another size, as a sentence for an error message.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Stamps of any size.
    size : tuple of int
        Required ``(ny, nx)``.

    Returns
    -------
    str
        Empty if they have this size.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps.consistency import size_advice
    >>> size_advice(StampSet(np.zeros((2, 96, 96))), (64, 64))
    'Crop them by a factor 1.5, to their center: `stamps.crop(64)`.'
    """
    ny, nx = stamps.shape
    my, mx = size
    if (ny, nx) == (my, mx):
        return ''
    wanted = my if my == mx else (my, mx)
    larger, smaller = _factor(ny / my, nx / mx), _factor(my / ny, mx / nx)
    if ny >= my and nx >= mx:
        crop = f'to their center: `stamps.crop({wanted})`'
        bins = min(ny // my, nx // mx)
        if bins < 2:
            return f'Crop them by a factor {larger}, {crop}.'
        then = '' if (ny // bins, nx // bins) == (my, mx) else f'.crop({wanted})'
        keeps = ' preserves' if not then else ' preserves most of'
        return (
            f'Bin them by {bins}: `stamps.bin({bins}){then}`{keeps} their field. Or crop them by a '
            f'factor {larger}, {crop}.'
        )
    if ny <= my and nx <= mx:
        return f'Pad them by a factor {smaller}: `stamps.pad({wanted})` masks the new pixels.'
    axes = ('y', 'x') if ny > my else ('x', 'y')
    part = (min(ny, my), min(nx, mx))
    return (
        f'Crop them along {axes[0]} and pad them along {axes[1]}: '
        f'`stamps.crop({part}).pad({wanted})`.'
    )


def _factor(y, x):
    return f'{y:.3g}' if y == x else f'{y:.3g} in y and {x:.3g} in x'


def check_stamps_type(stamps, name):
    """
    Raise a TypeError if an argument is neither a set nor a store of stamps.

    It is told by what is used of it: stores, and `~astro_wgan.store.as_stamps` for all else, are in
    a subpackage that stands on this one.
    """
    if not hasattr(stamps, 'batches'):
        raise TypeError(
            f'`{name}` must be a StampSet or a StampStore; got {type(stamps).__name__}. '
            '`astro_wgan.store.as_stamps` makes one from a path or from cutouts.'
        )
