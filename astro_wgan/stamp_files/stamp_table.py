"""Stamps as one FITS table: a row for each, with its pixels in a column."""

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan.bands.band import names_of
from astro_wgan.catalogs.result_files.fits_tables import array_column, column_values
from astro_wgan.exceptions import ImageError
from astro_wgan.fits.hdu_tables import table_of_hdu
from astro_wgan.stamp_files.described_stamps import described_hdus
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.units.bunit import read_unit
from astro_wgan.validation.axis_order import own_axes

__all__ = ['foreign_table', 'stamps_of_table', 'table_of_stamps']

_ARRAYS = ('pixels', 'uncertainty', 'mask')

#: Names, in lower case, of columns with images in tables of others.
_FOREIGN = ('pixels', 'stamp', 'image', 'cutout', 'flux', 'data')
_FOREIGN_BESIDE = {
    'uncertainty': ('uncertainty', 'error', 'err', 'sigma', 'rms'),
    'mask': ('mask',),
}


def table_of_stamps(stamps):
    """
    Stamps as extensions of a FITS file, of which the first is the table.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    list of HDU
    """
    columns, names = [], {}
    taken = {name.lower() for name in stamps.table.colnames}
    for array in _ARRAYS:
        values = getattr(stamps, array)
        if values is None:
            continue
        unit = None if array == 'mask' else stamps.unit
        names[array] = []
        for k, label in enumerate(_labels(array, stamps)):
            while label.lower() in taken:
                label = f'{label}_'
            taken.add(label.lower())
            names[array].append(label)
            own = values if stamps.n_bands is None else values[..., k]
            columns.append(array_column(label, own, unit=unit))
    return described_hdus(
        stamps, columns, {'columns': names, 'has_bands': stamps.n_bands is not None}
    )


def stamps_of_table(parts):
    """
    The stamps of a table that `table_of_stamps` made.

    Parameters
    ----------
    parts : `~astro_wgan.stamp_files.described_stamps.StampHDUs`

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    arrays = {}
    dtype = np.dtype(parts.about['dtype'])
    for array, names in parts.about['columns'].items():
        if array not in _ARRAYS:
            raise ImageError(f'The stamps have no `{array}`.')
        values = [column_values(parts.table, name) for name in names]
        kind = bool if array == 'mask' else dtype
        values = [each.astype(kind, copy=False) for each in values]
        arrays[array] = np.stack(values, axis=-1) if parts.about['has_bands'] else values[0]
    axes = own_axes(arrays['pixels'].ndim)
    return StampSet(**arrays, **parts.arguments(), axes=axes)


def foreign_table(hdulist):
    """
    The stamps of a table of others, with images in a column.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList`

    Returns
    -------
    `~astro_wgan.StampSet` or None
        None if there is no such table.

    Raises
    ------
    ValueError
        If the images are of no two-dimensional shape.
    """
    for hdu in hdulist:
        if not isinstance(hdu, fits.BinTableHDU):
            continue
        # Any other table would be read for nothing, and its units warned of.
        if not {*_FOREIGN} & {name.lower() for name in hdu.columns.names}:
            continue
        table = table_of_hdu(hdu, QTable)
        images = {name.lower(): name for name in table.colnames if table[name].ndim == 3}
        name = next((images[each] for each in _FOREIGN if each in images), None)
        if name is None:
            continue
        found = {'pixels': name}
        for array, names in _FOREIGN_BESIDE.items():
            found[array] = next((images[each] for each in names if each in images), None)
        arrays = {key: None if n is None else table[n] for key, n in found.items()}
        table.remove_columns([n for n in found.values() if n is not None])
        unit = getattr(arrays['pixels'], 'unit', None)
        if unit is not None and not isinstance(arrays['pixels'], u.Quantity):
            arrays['pixels'] = arrays['pixels'].data
            unit = read_unit(fits.Header({'BUNIT': str(unit)}), hdu.name)
        return StampSet(**arrays, unit=unit, table=table, meta={'extension': hdu.name})
    return None


def _labels(array, stamps):
    if stamps.n_bands is None:
        return [array]
    labels = [f'{array}_{name}' for name in names_of(stamps.bands)]
    is_plain = all(label.isascii() and label.isprintable() for label in labels)
    return labels if is_plain else [f'{array}_{k}' for k in range(len(labels))]
