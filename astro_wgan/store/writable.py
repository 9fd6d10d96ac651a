"""Whether stamps can be written into a store, and their table into a file, before long work."""

import io
import warnings

from astropy import units as u
from astropy.table import QTable

from astro_wgan.astrometry.parent_text import parent_text
from astro_wgan.catalogs.table_codec import decode, describe, encode
from astro_wgan.store.schema import unit_text

__all__ = ['check_writable']

#: Number of rows with which a round trip of a column through a file is tried.
_ROWS = 2


def check_writable(stamps):
    """
    Make sure that stamps can be written into a store, and their table into a file.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Raises
    ------
    ValueError
        If a column of the table, the unit of the pixels, or a WCS cannot be written; it is named.
    """
    for name in stamps.table.colnames:
        try:
            with warnings.catch_warnings():
                # About units unknown to astropy, which are preserved.
                warnings.simplefilter('ignore', u.UnitsWarning)
                _check_column(stamps.table[[name]], name)
        except Exception as error:  # astropy, zarr and NumPy have no common base class
            raise ValueError(
                f'Column {name!r} of the table cannot be written: {error} Remove it, or convert it '
                'to numbers or text.'
            ) from error
    unit_text(stamps.unit)
    for parent in {id(p): p for p in stamps.geometry.parents}.values():
        parent_text(parent)


def _check_column(table, name):
    table = QTable(table, copy=False)
    table.meta = {}
    # As a store that is opened again.
    kept = decode(describe(table), *encode(table[:0]))
    columns, _ = encode(table, like=kept)
    for values in columns.values():
        if values.dtype.char in 'gG':
            raise TypeError(f'it has dtype {values.dtype}.')
    text = io.StringIO()
    table[:_ROWS].write(text, format='ascii.ecsv')
    if QTable.read(text.getvalue(), format='ascii.ecsv').colnames != [name]:
        raise ValueError('its name is changed by a file.')
