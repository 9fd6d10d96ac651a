"""`StampCatalog`: columns of numbers as two tables with units."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.astrometry.sky_coordinates import pixel_areas, pixel_to_sky
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.sources.companions import find_companions
from astro_wgan.sources.engine import FLUXES
from astro_wgan.sources.flags import SourceFlag

__all__ = ['StampCatalog', 'photometry_tables', 'sky_columns']

#: What is copied from the sources into the table of the stamps.
_OF_CENTRAL = (
    'label',
    'x',
    'y',
    'sky',
    'kron_flux',
    'kron_flux_err',
    'magnitude',
    'magnitude_err',
    'isophotal_flux',
    'isophotal_flux_err',
    'half_light_radius',
    'half_light_radius_arcsec',
    'semimajor_axis',
    'semiminor_axis',
    'axis_ratio',
    'orientation',
    'position_angle',
    'flags',
)
_OF_NEIGHBOUR = ('label', 'x', 'y', 'kron_flux', 'kron_flux_err')

#: Of an error of 1 percent, in magnitudes.
_MAGNITUDES = 2.5 / np.log(10)


@dataclass(frozen=True, eq=False)
class StampCatalog:
    """
    What `~astro_wgan.sources.measure_sources` measured.

    Attributes
    ----------
    sources : `~astropy.table.QTable`
        A row for each source, ordered by stamp:

        * ``id`` of the stamp, ``label`` of the source in it (1, 2, ...), ``is_central``;
        * ``x``, ``y``, 0-based pixels of the stamp, and ``sky`` where there is a WCS;
        * ``kron_flux``, ``kron_flux_err`` and ``kron_radius``, the aperture's semi-major axis in
          units of that of the source; ``magnitude`` and ``magnitude_err`` (AB) of this flux;
        * ``isophotal_flux``, ``isophotal_flux_err``: of the ``area`` pixels above the
          threshold, with the highest, ``peak``, above the sky;
        * ``half_light_radius``, of the circle that holds half of the Kron flux;
        * ``semimajor_axis`` and ``semiminor_axis``, the root mean square of the light along both,
          and ``axis_ratio``, q;
        * ``orientation`` of the major axis, from the x axis toward the y axis, and with a WCS
          ``position_angle``, from north toward east;
        * ``flags``, a sum of `~astro_wgan.sources.SourceFlag`.

        Lengths are in pixels; where the pixel scale is known there is
        ``half_light_radius_arcsec``, by the WCS at the source or else by the scale of the set.
    stamps : `~astropy.table.QTable`
        A row for each stamp, in their order:

        * ``id`` and ``status``, ``'measured'`` or why there is no central source;
        * ``background`` and ``noise_rms`` of a pixel, means over the stamp;
        * of the central source the columns above, with ``label`` 0 and NaN where there is none;
        * ``n_neighbors``, the number of other sources; ``neighbor_label``, ``neighbor_x``,
          ``neighbor_y``, ``neighbor_kron_flux`` and its error, of the brightest;
        * ``flux_ratio``, of the central source over the brightest neighbor; ``separation`` of
          both, and ``separation_arcsec``;
        * ``companion_class``: ``'none'``, ``'<1.5'``, ``'1.5-2'``, ``'>2'``, or ``'unknown'``
          where there is no central source; ``companion``: ``'none'``, ``'bright'`` (flux ratio
          below 2), ``'faint'`` or ``'unknown'``;
        * ``touches_border`` and ``saturated``: whether the central source does, or is.
    """

    sources: QTable
    stamps: QTable

    def __repr__(self):
        return f'<StampCatalog: {len(self.sources)} sources in {len(self.stamps)} stamps>'


def photometry_tables(stamps, sources, columns, settings, flux, zero_point):
    """
    The tables from plain columns.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        What was measured.
    sources, columns : dict of `~numpy.ndarray`
        As from `joined_results`.
    settings : `~astro_wgan.sources.engine.Settings`
        How it was measured.
    flux : `~astro_wgan.units.pixel_flux.PixelFlux`
        From the sums of pixels to flux.
    zero_point : float or None
        AB magnitude of a flux of one unit.

    Returns
    -------
    `StampCatalog`
    """
    ids = stamps.table['id']
    companions = find_companions(sources, columns['central'])
    sources = _scaled(sources, FLUXES, _flux_of_each(sources, flux))
    columns = _scaled(columns, ('background', 'noise_rms'), flux.factor)
    scale = _scale_of_each(sources, stamps.pixel_scale)
    table = _source_table(sources, flux.unit, scale, zero_point)
    is_central = np.zeros(len(table), dtype=bool)
    central_row = companions['central_row']
    is_central[central_row[central_row >= 0]] = True
    table.add_column(ids[sources['stamp']], name='id', index=0)
    table.add_column(is_central, name='is_central', index=2)
    by_stamp = _stamp_table(ids, columns, table, companions, flux.unit, scale)
    table.meta = by_stamp.meta = {
        'sources': {**settings.to_dict(), 'zero_point': zero_point},
        'status': dict(Counter(columns['status'].tolist())),
        'provenance': provenance_record('photutils')
        if settings.engine == 'photutils'
        else provenance_record(),
    }
    return StampCatalog(table, by_stamp)


def sky_columns(sources, geometry):
    """
    Where sources are on the sky.

    Parameters
    ----------
    sources : dict of `~numpy.ndarray`
        ``stamp``, ``x``, ``y`` and ``orientation``.
    geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`
        Of the stamps.

    Returns
    -------
    dict of `~numpy.ndarray`
        ``ra``, ``dec`` (ICRS) and ``position_angle`` in degrees, ``pixel_scale`` in arcsec; NaN
        without a WCS.
    """
    names = ('ra', 'dec', 'position_angle', 'pixel_scale')
    columns = {name: np.full(len(sources['x']), np.nan) for name in names}
    theta = np.radians(sources['orientation'])
    places = geometry[sources['stamp']]
    for wcs, rows in places.by_wcs():
        x, y = (sources[axis][rows] + places.corner[rows, k] for k, axis in enumerate('xy'))
        sky = pixel_to_sky(x, y, wcs)
        ahead = pixel_to_sky(x + np.cos(theta[rows]), y + np.sin(theta[rows]), wcs)
        columns['ra'][rows], columns['dec'][rows] = sky.ra.deg, sky.dec.deg
        # An axis has no direction: -90 to 90 degrees tell all.
        angle = sky.position_angle(ahead).deg
        columns['position_angle'][rows] = (angle + 90) % 180 - 90
        columns['pixel_scale'][rows] = np.sqrt(pixel_areas(x, y, wcs))
    return columns


def _scaled(columns, names, factor):
    return columns | {name: columns[name] * factor for name in names}


def _flux_of_each(sources, flux):
    """Flux of a pixel of value 1 where each source is, or else where its stamp is."""
    factor = flux.factor[sources['stamp']]
    if flux.per_square_arcsec is None:
        return factor
    own = sources['pixel_scale']
    return np.where(np.isfinite(own), flux.per_square_arcsec * own**2, factor)


def _scale_of_each(sources, pixel_scale):
    """The angle of a pixel where each source is, else that of the set; None if neither is known."""
    own = sources['pixel_scale']
    is_known = np.isfinite(own)
    if pixel_scale is None:
        return own * (u.arcsec / u.pix) if is_known.any() else None
    scale = pixel_scale.to_value(u.arcsec / u.pix)
    return np.where(is_known, own, scale) * (u.arcsec / u.pix)


def _source_table(sources, unit, pixel_scale, zero_point):
    unit = unit or u.dimensionless_unscaled
    flux, error = sources['kron_flux'], sources['kron_flux_err']
    columns = {'label': sources['label'], 'x': sources['x'] * u.pix, 'y': sources['y'] * u.pix}
    on_sky = np.isfinite(sources['ra'])
    if on_sky.any():
        columns['sky'] = SkyCoord(sources['ra'], sources['dec'], unit=u.deg)
    columns['kron_flux'], columns['kron_flux_err'] = flux * unit, error * unit
    columns['kron_radius'] = sources['kron_radius']
    if zero_point is not None:
        good = flux > 0
        magnitude, relative = np.full(len(flux), np.nan), np.full(len(flux), np.nan)
        magnitude[good] = zero_point - 2.5 * np.log10(flux[good])
        relative[good] = error[good] / flux[good]
        columns['magnitude'] = magnitude * u.ABmag
        columns['magnitude_err'] = _MAGNITUDES * relative * u.mag
    for name in ('isophotal_flux', 'isophotal_flux_err', 'peak'):
        columns[name] = sources[name] * unit
    columns['area'] = sources['area'] * u.pix**2
    columns['half_light_radius'] = sources['half_light_radius'] * u.pix
    if pixel_scale is not None:
        columns['half_light_radius_arcsec'] = _on_sky(columns['half_light_radius'], pixel_scale)
    for name in ('semimajor_axis', 'semiminor_axis'):
        columns[name] = sources[name] * u.pix
    columns['axis_ratio'] = sources['semiminor_axis'] / sources['semimajor_axis']
    columns['orientation'] = sources['orientation'] * u.deg
    if on_sky.any():
        columns['position_angle'] = sources['position_angle'] * u.deg
    columns['flags'] = sources['flags'].astype(np.int16)
    return QTable(columns)


def _stamp_table(ids, columns, sources, companions, unit, pixel_scale):
    table = QTable({'id': ids, 'status': columns['status']})
    for name in ('background', 'noise_rms'):
        table[name] = columns[name] * (unit or u.dimensionless_unscaled)
    for name in _OF_CENTRAL:
        if name in sources.colnames:
            table[name] = _taken(sources[name], companions['central_row'])
    table['n_neighbors'] = companions['n_neighbors']
    for name in _OF_NEIGHBOUR:
        table[f'neighbor_{name}'] = _taken(sources[name], companions['neighbor_row'])
    table['flux_ratio'] = companions['flux_ratio']
    table['separation'] = companions['separation'] * u.pix
    if pixel_scale is not None:
        scale = _taken(pixel_scale, companions['central_row'])
        table['separation_arcsec'] = _on_sky(table['separation'], scale)
    for name in ('companion_class', 'companion'):
        table[name] = companions[name]
    for name, flag in (
        ('touches_border', SourceFlag.TOUCHES_BORDER),
        ('saturated', SourceFlag.SATURATED),
    ):
        table[name] = (table['flags'] & int(flag)) > 0
    return table


def _taken(column, rows):
    """Rows of a column; 0 or NaN where there is none."""
    if isinstance(column, SkyCoord):
        return SkyCoord(*(_taken(angle, rows) for angle in (column.ra, column.dec)))
    values = np.asarray(getattr(column, 'value', column))
    # Row -1 is the last.
    taken = np.append(values, np.array([0 if values.dtype.kind in 'iu' else np.nan], values.dtype))
    unit = getattr(column, 'unit', None)
    return taken[rows] if unit is None else taken[rows] * unit


def _on_sky(length, pixel_scale):
    return (length * pixel_scale).to(u.arcsec)
