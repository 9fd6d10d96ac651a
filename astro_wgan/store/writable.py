"""Whether stamps can be written: what a store or a file cannot hold is found before long work."""

import io
import warnings

from astropy import units as u
from astropy.table import QTable

from astro_wgan.catalogs.table_codec import decode, describe, encode
from astro_wgan.store.parent_images import parent_text
from astro_wgan.store.schema import unit_text

__all__ = ['check_writable']

#: Rows by which it is tried whether a column comes back from a file.
_ROWS = 2


def check_writable(stamps):
    """
    Make sure that a store holds stamps, and a file their table.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Raises
    ------
    ValueError
        If a column of the table, the unit of the pixels, or a WCS has no form in files; the
        sentence names it.
    """
    for name in stamps.table.colnames:
        try:
            with warnings.catch_warnings():
                # Of units that astropy does not know, which come back as they were.
                warnings.simplefilter('ignore', u.UnitsWarning)
                _check_column(stamps.table[[name]], name)
        except Exception as error:  # astropy, zarr and NumPy raise what they like
            raise ValueError(
                f'Column {name!r} of the table cannot be written: {error} Leave it out of the '
                'table, or make it numbers or text.'
            ) from error
    unit_text(stamps.unit)
    for parent in {id(p): p for p in stamps.geometry.parents}.values():
        parent_text(parent)


def _check_column(table, name):
    table = QTable(table, copy=False)
    table.meta = {}
    # As a store does that is opened again.
    kept = decode(describe(table), *encode(table[:0]))
    columns, _ = encode(table, like=kept)
    for values in columns.values():
        if values.dtype.char in 'gG':
            raise TypeError(f'it has dtype {values.dtype}.')
    text = io.StringIO()
    table[:_ROWS].write(text, format='ascii.ecsv')
    if QTable.read(text.getvalue(), format='ascii.ecsv').colnames != [name]:
        raise ValueError('its name does not come back from a file.')
