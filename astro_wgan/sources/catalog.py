"""`StampCatalog`: tables of the measured sources and stamps, with units."""

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

__all__ = [
    'StampCatalog',
    'flux_of_each',
    'magnitudes',
    'photometry_tables',
    'sky_columns',
    'taken',
]

#: Columns of the central source and of its neighbor that are copied to the table of stamps.
_CENTRAL_COLUMNS = (
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
_NEIGHBOR_COLUMNS = ('label', 'x', 'y', 'kron_flux', 'kron_flux_err')

#: Magnitudes per unit relative error.
_MAGNITUDES = 2.5 / np.log(10)


@dataclass(frozen=True, eq=False)
class StampCatalog:
    """
    Result of `~astro_wgan.sources.measure_sources`.

    Attributes
    ----------
    sources : `~astropy.table.QTable`
        A row for each source, ordered by stamp:

        * ``id`` of the stamp, ``label`` of the source in it (1, 2, ...), ``is_central``;
        * ``x``, ``y``, 0-based pixels in the stamp, and ``sky`` (ICRS), with a WCS;
        * ``kron_flux``, ``kron_flux_err``, ``kron_radius`` (semi-major axis of the aperture in
          units of that of the source), ``magnitude`` and ``magnitude_err`` (AB, of this flux);
        * ``isophotal_flux``, ``isophotal_flux_err``, ``area`` and ``peak`` of the pixels above the
          threshold;
        * ``half_light_radius``, radius of the circle with half of the Kron flux;
        * ``semimajor_axis`` and ``semiminor_axis``, the rms of the light along both axes, and
          ``axis_ratio``, minor over major axis;
        * ``orientation`` of the major axis, counterclockwise from the +x axis, and, with a WCS,
          ``position_angle``, from north toward east;
        * ``flags``, bits of `~astro_wgan.sources.SourceFlag`.

        Lengths are in pixels, angles in degrees. If the pixel scale is known, there is
        ``half_light_radius_arcsec``, from the WCS at the source or the pixel scale of the set.
    stamps : `~astropy.table.QTable`
        A row for each stamp, in the same order:

        * ``id`` and ``status``, ``'measured'`` or the reason why there is no central source;
        * ``background`` and ``noise_rms`` of a pixel, means over the stamp;
        * the columns above for the central source, with ``label`` 0 and NaN if there is none;
        * ``n_neighbors``, the number of other sources; ``neighbor_label``, ``neighbor_x``,
          ``neighbor_y``, ``neighbor_kron_flux`` and ``neighbor_kron_flux_err`` of the brightest;
        * ``flux_ratio`` of the central source to the brightest neighbor, and their ``separation``
          and ``separation_arcsec``;
        * ``companion_class``: ``'none'``, ``'<1.5'``, ``'1.5-2'``, ``'>2'``, or ``'unknown'``
          without central source; ``companion``: ``'none'``, ``'bright'`` (flux ratio below 2),
          ``'faint'`` or ``'unknown'``;
        * ``touches_border`` and ``saturated``, flags of the central source.

        With several bands, both tables have, for each band, here ``g``: ``kron_flux_g`` and
        ``kron_flux_g_err``, ``magnitude_g`` and ``magnitude_g_err``, ``isophotal_flux_g`` and
        ``isophotal_flux_g_err``, ``peak_g``, ``half_light_radius_g`` and ``flags_g``; the second
        also ``background_g`` and ``noise_rms_g``. For consecutive bands, here ``g`` and ``r``,
        there are ``color_g_r`` and ``color_g_r_err``, or, without zero points,
        ``flux_ratio_g_r`` and ``flux_ratio_g_r_err``.
    """

    sources: QTable
    stamps: QTable

    def __repr__(self):
        return f'<StampCatalog: {len(self.sources)} sources in {len(self.stamps)} stamps>'


def photometry_tables(stamps, sources, columns, settings, flux, zero_point):
    """
    Make the tables from plain columns.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        The stamps.
    sources, columns : dict of `~numpy.ndarray`
        As from `joined_results`.
    settings : `~astro_wgan.sources.engine.Settings`
        Settings of the photometry.
    flux : `~astro_wgan.units.pixel_flux.PixelFlux`
        Conversion of sums of pixels to flux.
    zero_point : float or None
        AB magnitude of a flux of one unit.

    Returns
    -------
    `StampCatalog`
    """
    ids = stamps.table['id']
    companions = find_companions(sources, columns['central'])
    sources = _scaled(sources, FLUXES, flux_of_each(sources, flux))
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
    Sky positions and position angles of sources.

    Parameters
    ----------
    sources : dict of `~numpy.ndarray`
        ``stamp``, ``x``, ``y`` and ``orientation``.
    geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`
        Geometry of the stamps.

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
    in_image = places.in_parent(sources['x'], sources['y'])
    for wcs, rows in places.by_wcs():
        x, y = (values[rows] for values in in_image)
        sky = pixel_to_sky(x, y, wcs)
        ahead = pixel_to_sky(x + np.cos(theta[rows]), y + np.sin(theta[rows]), wcs)
        columns['ra'][rows], columns['dec'][rows] = sky.ra.deg, sky.dec.deg
        # An axis has no direction: -90 to 90 degrees.
        angle = sky.position_angle(ahead).deg
        columns['position_angle'][rows] = (angle + 90) % 180 - 90
        columns['pixel_scale'][rows] = np.sqrt(pixel_areas(x, y, wcs)) * places.steps[rows]
    return columns


def _scaled(columns, names, factor):
    return columns | {name: columns[name] * factor for name in names}


def flux_of_each(sources, flux):
    """Flux of a pixel of value 1 at each source, or else at its stamp."""
    factor = flux.factor[sources['stamp']]
    if flux.per_square_arcsec is None:
        return factor
    own = sources['pixel_scale']
    return np.where(np.isfinite(own), flux.per_square_arcsec * own**2, factor)


def _scale_of_each(sources, pixel_scale):
    """Pixel scale at each source, or else that of the set; None if neither is known."""
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
        columns['magnitude'], columns['magnitude_err'] = magnitudes(flux, error, zero_point)
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


def magnitudes(flux, error, zero_point):
    """AB magnitudes of fluxes as plain numbers, and their errors; NaN of fluxes not above 0."""
    good = flux > 0
    magnitude, relative = np.full(len(flux), np.nan), np.full(len(flux), np.nan)
    magnitude[good] = zero_point - 2.5 * np.log10(flux[good])
    relative[good] = error[good] / flux[good]
    return magnitude * u.ABmag, _MAGNITUDES * relative * u.mag


def _stamp_table(ids, columns, sources, companions, unit, pixel_scale):
    table = QTable({'id': ids, 'status': columns['status']})
    for name in ('background', 'noise_rms'):
        table[name] = columns[name] * (unit or u.dimensionless_unscaled)
    for name in _CENTRAL_COLUMNS:
        if name in sources.colnames:
            table[name] = taken(sources[name], companions['central_row'])
    table['n_neighbors'] = companions['n_neighbors']
    for name in _NEIGHBOR_COLUMNS:
        table[f'neighbor_{name}'] = taken(sources[name], companions['neighbor_row'])
    table['flux_ratio'] = companions['flux_ratio']
    table['separation'] = companions['separation'] * u.pix
    if pixel_scale is not None:
        scale = taken(pixel_scale, companions['central_row'])
        table['separation_arcsec'] = _on_sky(table['separation'], scale)
    for name in ('companion_class', 'companion'):
        table[name] = companions[name]
    for name, flag in (
        ('touches_border', SourceFlag.TOUCHES_BORDER),
        ('saturated', SourceFlag.SATURATED),
    ):
        table[name] = (table['flags'] & int(flag)) > 0
    return table


def taken(column, rows):
    """Rows of a column; 0 or NaN for row -1."""
    if isinstance(column, SkyCoord):
        return SkyCoord(*(taken(angle, rows) for angle in (column.ra, column.dec)))
    values = np.asarray(getattr(column, 'value', column))
    # The appended element is that of row -1.
    extended = np.append(
        values, np.array([0 if values.dtype.kind in 'iu' else np.nan], values.dtype)
    )
    unit = getattr(column, 'unit', None)
    return extended[rows] if unit is None else extended[rows] * unit


def _on_sky(length, pixel_scale):
    return (length * pixel_scale).to(u.arcsec)
