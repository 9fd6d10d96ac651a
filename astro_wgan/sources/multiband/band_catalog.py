"""`band_tables`: tables of sources that are measured in several bands, with their colors."""

from collections import Counter
from itertools import pairwise

import numpy as np
from astropy import units as u

from astro_wgan.bands.band import names_of
from astro_wgan.sources.catalog import flux_of_each, magnitudes, photometry_tables, taken
from astro_wgan.sources.engine import FLUXES
from astro_wgan.sources.multiband.forced_photometry import (
    BAND_COLUMNS,
    CHI_SQUARED,
    SKY_COLUMNS,
    band_column,
)

__all__ = ['band_tables', 'check_column_names']

#: Endings of columns of the detection, which are those of no band.
_OTHER_ENDINGS = ('err', 'arcsec')

#: Columns of the detection that are no fluxes if sources are detected in their significance.
_BRIGHTNESSES = (*FLUXES, 'magnitude', 'magnitude_err', 'half_light_radius_arcsec')


def band_tables(stamps, sources, columns, settings, flux, bands, zero_points):
    """
    Make the tables from plain columns.

    Parameters
    ----------
    stamps, sources, columns, settings, flux
        As for `~astro_wgan.sources.catalog.photometry_tables`.
    bands : object
        ``numbers`` and ``names`` of the bands, and ``detect_in``.
    zero_points : dict of float or None
        By the name of the band, AB magnitude of a flux of one unit; also of that of detection.

    Returns
    -------
    `StampCatalog`
    """
    is_chi = bands.detect_in == CHI_SQUARED
    detect_in = CHI_SQUARED if is_chi else names_of(stamps.bands)[bands.detect_in]
    found = photometry_tables(stamps, sources, columns, settings, flux, zero_points.get(detect_in))
    tables = found.sources, found.stamps
    if is_chi:
        for table in tables:
            names = {*_BRIGHTNESSES, *SKY_COLUMNS, 'neighbor_kron_flux', 'neighbor_kron_flux_err'}
            table.remove_columns([name for name in table.colnames if name in names])
    rows = np.flatnonzero(found.sources['is_central'])
    central = np.full(len(stamps), -1)
    central[sources['stamp'][rows]] = rows
    unit, factor = flux.unit or u.dimensionless_unscaled, flux_of_each(sources, flux)
    for number, name in enumerate(bands.names):
        measured = {each: sources[band_column(each, number)] for each in BAND_COLUMNS}
        for each, values in _columns_of_band(measured, name, unit, factor, zero_points).items():
            tables[0][each], tables[1][each] = values, taken(values, central)
        for each in SKY_COLUMNS:
            values = columns[band_column(each, number)] * flux.factor
            tables[1][f'{each}_{name}'] = values * unit
    for first, second in pairwise(bands.names):
        for each, values in _colors(tables[0], first, second).items():
            tables[0][each], tables[1][each] = values, taken(values, central)
    tables[0].meta['sources'] |= {
        'zero_point': {name: zero_points[name] for name in bands.names},
        'bands': list(bands.names),
        'detect_in': detect_in,
    }
    return found


def check_column_names(names):
    """
    Make sure that no two columns of `band_tables` have one name.

    Parameters
    ----------
    names : sequence of str
        Names of the bands.

    Raises
    ------
    ValueError
        If they do, such as the flux of a band called ``'g_err'`` and the error of that of ``'g'``.
    """
    endings = [*_OTHER_ENDINGS, *names, *(f'{name}_err' for name in names)]
    pairs = [f'{first}_{second}' for first, second in pairwise(names)]
    made_of_pairs = [*pairs, *(f'{pair}_err' for pair in pairs)]
    for kind, made in (('kron_flux', endings), ('color', made_of_pairs)):
        twice = [each for each, count in Counter(made).items() if count > 1]
        if twice:
            raise ValueError(
                f'Columns of the bands {", ".join(names)} would have one name, such as '
                f'{kind}_{twice[0]}: give other names with `stamps.replace(bands=...)`.'
            )


def _columns_of_band(measured, name, unit, factor, zero_points):
    columns = {}
    for each in FLUXES:
        root, error, _ = each.partition('_err')
        columns[f'{root}_{name}{error}'] = measured[each] * factor * unit
    if zero_points[name] is not None:
        flux, error = (columns[f'kron_flux_{name}{end}'].value for end in ('', '_err'))
        magnitude = magnitudes(flux, error, zero_points[name])
        columns[f'magnitude_{name}'], columns[f'magnitude_{name}_err'] = magnitude
    columns[f'half_light_radius_{name}'] = measured['half_light_radius'] * u.pix
    columns[f'flags_{name}'] = measured['flags']
    return columns


def _colors(table, first, second):
    """Difference of the magnitudes of two bands, or else the ratio of their fluxes."""
    pair = f'{first}_{second}'
    (one, one_err), (two, two_err) = (
        [table[f'kron_flux_{name}{end}'].value for end in ('', '_err')] for name in (first, second)
    )
    with np.errstate(divide='ignore', invalid='ignore'):
        if {f'magnitude_{first}', f'magnitude_{second}'} <= {*table.colnames}:
            magnitude = [table[f'magnitude_{name}'].value for name in (first, second)]
            error = np.hypot(*(table[f'magnitude_{name}_err'].value for name in (first, second)))
            return {
                f'color_{pair}': (magnitude[0] - magnitude[1]) * u.mag,
                f'color_{pair}_err': error * u.mag,
            }
        ratio = np.where(two > 0, one / two, np.nan)
        error = np.where(two > 0, np.hypot(one_err, ratio * two_err) / two, np.nan)
    return {f'flux_ratio_{pair}': ratio, f'flux_ratio_{pair}_err': error}
