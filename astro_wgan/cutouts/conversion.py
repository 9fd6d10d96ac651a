"""Conversion of stamps from and to `Cutout2D`, `CCDData` and `NDData` of astropy."""

import warnings
from collections.abc import Mapping
from contextlib import contextmanager

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import Cutout2D, NDData, StdDevUncertainty
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning
from astropy.utils.masked import Masked

from astro_wgan.astrometry.celestial_wcs import celestial_wcs
from astro_wgan.astrometry.lookup_tables import MovedCutout, cutout_wcs, has_tables
from astro_wgan.astrometry.sky_coordinates import celestial_frame, pixel_to_angles
from astro_wgan.astrometry.stamp_geometry import (
    ParentImage,
    StampGeometry,
    first_pixel,
)
from astro_wgan.astrometry.stamp_wcs import shifted_wcs
from astro_wgan.bands.band import as_bands, names_of
from astro_wgan.bands.band_checks import check_bands_are_named
from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.fits.headers import describes_one_hdu
from astro_wgan.images.image_data import ImageData
from astro_wgan.images.planes import standard_deviation
from astro_wgan.units.brightness import PixelContent, pixel_content
from astro_wgan.units.pixel_flux import BEAM_CARDS, beam_of, pixel_meta
from astro_wgan.validation.masked import without_mask
from astro_wgan.validation.pixels import as_bool, as_float

__all__ = [
    'arguments_of_bands',
    'each_warning_once',
    'stacked_arguments',
    'to_ccddata',
    'to_cutout2d',
]


#: Cards of an image that are no column of a table.
_OF_IMAGE = ('BUNIT', 'FILTER', *BEAM_CARDS, 'COMMENT', 'HISTORY', '')

#: With it, NumPy makes an array of one axis whatever the values are.
_NO_NUMBER = object()


def stacked_arguments(cutouts, *, mask, uncertainty, unit, pixel_scale, psf, table):
    """
    Arguments of `~astro_wgan.StampSet` for a list of cutouts.

    Parameters
    ----------
    cutouts, mask, uncertainty, unit, pixel_scale, psf, table
        As in `~astro_wgan.StampSet.from_cutouts`, which also documents the errors.

    Returns
    -------
    dict
    """
    cutouts = list(cutouts)
    if not cutouts:
        raise ValueError('`cutouts` must hold at least one stamp; got none.')
    stamps = [_as_nddata(cutout) for cutout in cutouts]
    shape = stamps[0].data.shape
    for stamp in stamps:
        if stamp.data.shape != shape or len(shape) != 2:
            raise ValueError(
                f'`cutouts` must be images of the same shape; got {shape} and {stamp.data.shape}. '
                "Cutout2D keeps the shape at the edge of an image with mode='partial'."
            )
    unit = _common_unit(stamps, unit)
    with each_warning_once():
        places = [_place(cutout, shape) for cutout in cutouts]
    geometry = StampGeometry(
        tuple(parent for parent, _, _ in places),
        np.arange(len(places)),
        np.array([corner for _, corner, _ in places]),
    )
    given = None if uncertainty is None else _images(uncertainty)
    return {
        'pixels': _joined_pixels(stamps, unit),
        'uncertainty': _joined_uncertainty(stamps, unit) if given is None else given,
        'mask': _joined_mask(cutouts, stamps, mask),
        'unit': unit,
        'pixel_scale': pixel_scale,
        'psf': _common_psf(stamps) if psf is None else psf,
        'table': _table(table, places, stamps),
        'geometry': geometry,
        'meta': _common_meta(stamps),
    }


def arguments_of_bands(cutouts, bands, given, common):
    """
    Arguments of `~astro_wgan.StampSet` for cutouts of several bands.

    Parameters
    ----------
    cutouts : dict
        A list of cutouts for each band.
    bands
        What was given as the band of one list, which must be None.
    given : dict
        Options that may be dictionaries with a value for some bands.
    common : dict
        Options for all bands, as in `stacked_arguments`.

    Returns
    -------
    dict of dict
        By band.
    """
    check_bands_are_named(cutouts, 'cutouts', 'a list of cutouts')
    if bands is not None:
        raise ValueError('`bands` is the band of one list; of several, they are the keys.')
    keys = as_bands(list(cutouts), len(cutouts))
    for name, values in given.items():
        is_by_band = isinstance(values, Mapping)
        unknown = is_by_band and set(values) - {band.name for band in keys}
        if unknown or not (values is None or is_by_band):
            raise ValueError(
                f'`{name}` of several bands must be a dictionary of some of '
                f'{", ".join(band.name for band in keys)}; got {values!r:.100}.'
            )
    arguments = {}
    for band, each in zip(keys, cutouts.values(), strict=True):
        own = {name: (values or {}).get(band.name) for name, values in given.items()}
        arguments[band] = stacked_arguments(each, **own, **common)
    return arguments


def to_cutout2d(stamps):
    """
    A list of `~astropy.nddata.Cutout2D`; see `~astro_wgan.StampSet.to_cutout2d`.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    list of `~astropy.nddata.Cutout2D`, or dict of them
    """
    if stamps.n_bands is not None:
        return {name: to_cutout2d(stamps.band(k)) for k, name in enumerate(names_of(stamps.bands))}
    resampled = stamps.geometry.is_resampled
    return [
        _cutout2d(stamps, k, position, resampled[k])
        for k, position in enumerate(_positions(stamps))
    ]


def to_ccddata(stamps):
    """
    A list of `~astropy.nddata.CCDData`; see `~astro_wgan.StampSet.to_ccddata`.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    list of `~astropy.nddata.CCDData`, or dict of them
    """
    if stamps.n_bands is not None:
        return {name: to_ccddata(stamps.band(k)) for k, name in enumerate(names_of(stamps.bands))}
    unit = stamps.unit or u.dimensionless_unscaled
    return [
        ImageData(
            stamps.pixels[k],
            unit=unit,
            mask=None if stamps.mask is None else stamps.mask[k],
            uncertainty=_deviation_of(stamps, k),
            wcs=wcs,
            psf=None if stamps.psf is None or stamps.psf.ndim != 2 else stamps.psf,
            meta=_with_filter(_with_beam(_plain_row(stamps.table[k]), stamps), stamps),
        )
        for k, wcs in enumerate(stamps.wcs)
    ]


@contextmanager
def each_warning_once():
    """Issue each warning once, not for each stamp."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', AstropyUserWarning)
        yield
    for text, kind in {str(w.message): w.category for w in caught}.items():
        warnings.warn(text, kind, stacklevel=5)


def _as_nddata(cutout):
    if isinstance(cutout, Cutout2D):
        # NDData separates the unit and the mask from the data.
        return NDData(cutout.data)
    if isinstance(cutout, NDData):
        _, mask = without_mask(cutout.data)
        if mask is None:
            return cutout
        return NDData(cutout, mask=mask if cutout.mask is None else mask | as_bool(cutout.mask))
    raise TypeError(f'`cutouts` must be Cutout2D or NDData; got {type(cutout).__name__}.')


def _common_unit(stamps, unit):
    units = [stamp.unit for stamp in stamps]
    if any((other is None) != (units[0] is None) for other in units):
        raise ValueError('Either each stamp of `cutouts` must have a unit or none.')
    return units[0] if unit is None else u.Unit(unit)


def _common_meta(stamps):
    """The meaning of pixels according to the headers, or a list if they differ."""
    metas = [pixel_meta(stamp.meta) for stamp in stamps]
    return metas[0] if all(meta == metas[0] for meta in metas) else {'parts': metas}


def _place(cutout, shape):
    """Parent image, corner in it and requested position, as far as a cutout has them."""
    if isinstance(cutout, NDData):
        return ParentImage(shape, celestial_wcs(cutout.wcs, shape)), (0, 0), _center(shape)
    inside_y, inside_x = cutout.slices_cutout
    x, y = cutout.origin_original
    corner = (x - inside_x.start, y - inside_y.start)
    # The size of the image is unknown unless the cutout extends over its edge: it is taken to end
    # where the cutout does.
    parent_shape = tuple(part.stop for part in cutout.slices_original)
    wcs = celestial_wcs(cutout_wcs(cutout), shape)
    if wcs is not None:
        wcs = shifted_wcs(wcs, (-corner[0], -corner[1]), parent_shape)
    return ParentImage(parent_shape, wcs), corner, cutout.input_position_original


def _joined_pixels(stamps, unit):
    if stamps[0].unit is None:
        return np.stack([as_float(stamp.data, 'cutouts') for stamp in stamps])
    return np.stack(
        [(as_float(stamp.data, 'cutouts') * stamp.unit).to_value(unit) for stamp in stamps]
    )


def _joined_uncertainty(stamps, unit):
    given = [stamp.uncertainty is not None for stamp in stamps]
    if not any(given):
        return None
    if not all(given):
        raise ValueError('Either each stamp of `cutouts` must have an uncertainty or none.')
    return np.stack([standard_deviation(stamp, unit) for stamp in stamps])


def _joined_mask(cutouts, stamps, mask):
    joined = np.zeros((len(stamps), *stamps[0].data.shape), dtype=bool)
    for k, (cutout, stamp) in enumerate(zip(cutouts, stamps, strict=True)):
        if isinstance(cutout, Cutout2D):
            joined[k] = True
            joined[k][cutout.slices_cutout] = False
        if stamp.mask is not None:
            joined[k] |= as_bool(stamp.mask)
    return joined if mask is None else joined | as_bool(_images(mask))


def _images(images):
    return [image.data if isinstance(image, Cutout2D) else image for image in images]


def _position_table(places):
    x, y = np.array([position for _, _, position in places], dtype=float).T
    columns = {'id': np.arange(len(x)), 'x': x * u.pix, 'y': y * u.pix}
    wcs = [parent.wcs for parent, _, _ in places]
    if all(w is not None and w.has_celestial for w in wcs):
        columns['sky'] = _sky_positions(wcs, x, y)
    return QTable(columns)


def _table(given, places, stamps):
    """The table as given, of the positions, or of what the metadata of all stamps have."""
    if not isinstance(given, str):
        return _position_table(places) if given is None else given
    if given != 'meta':
        raise ValueError(f"`table` must be a table or 'meta'; got {given!r}.")
    metas = [
        {str(key).lower(): stamp.meta[key] for key in stamp.meta if not _is_of_image(key)}
        for stamp in stamps
    ]
    names = [name for name in metas[0] if all(name in meta for meta in metas)]
    columns = {name: [meta[name] for meta in metas] for name in names}
    if {'ra', 'dec'} <= {*names}:
        angles = [np.array(columns.pop(name), dtype=float) for name in ('ra', 'dec')]
        if all(np.isfinite(angle).all() for angle in angles):
            columns['sky'] = SkyCoord(*angles, unit=u.deg)
    table = (
        as_qtable(
            {
                name: values
                if name == 'sky'
                else np.array([*values, _NO_NUMBER], dtype=object)[:-1]
                for name, values in columns.items()
            }
        )
        if columns
        else QTable()
    )
    return table if len(table) else None


def _is_of_image(key):
    """Whether a card describes the image or its pixels, and not the source."""
    return describes_one_hdu(str(key).upper()) or str(key).upper() in _OF_IMAGE


def _common_psf(stamps):
    psfs = [getattr(stamp, 'psf', None) for stamp in stamps]
    same = psfs[0] is not None and all(np.array_equal(psf, psfs[0]) for psf in psfs)
    return psfs[0] if same else None


def _sky_positions(wcs, x, y):
    """A position in each WCS, as ICRS."""
    angles = np.array([pixel_to_angles(x[k], y[k], w) for k, w in enumerate(wcs)])
    rows_of = {}
    for k, w in enumerate(wcs):
        rows_of.setdefault((w.wcs.radesys, str(w.wcs.equinox), *w.wcs.ctype), []).append(k)
    ra, dec = np.empty(len(x)), np.empty(len(x))
    # Creating a SkyCoord for each stamp would take most of the time.
    for rows in rows_of.values():
        frame = celestial_frame(wcs[rows[0]])
        sky = SkyCoord(*angles[rows].T, unit=u.deg, frame=frame).icrs
        ra[rows], dec[rows] = sky.ra.deg, sky.dec.deg
    return SkyCoord(ra, dec, unit=u.deg)


def _positions(stamps):
    """(x, y) in the parent: those of the table if they result in this stamp, else its center."""
    corner = stamps.geometry.corner
    center = corner + _center(stamps.shape)
    if {'x', 'y'} <= set(stamps.table.colnames):
        asked = np.stack([numbers_or_nan(stamps.table[name]) for name in 'xy'], axis=1)
        leads = (first_pixel(asked, stamps.shape) == corner).all(axis=1)
        center = np.where(leads[:, np.newaxis], asked, center)
    return [tuple(position) for position in center.tolist()]


def _center(shape):
    """(x, y) of the center of an image."""
    return (shape[1] - 1) / 2, (shape[0] - 1) / 2


def _cutout2d(stamps, k, position, is_resampled):
    parent = stamps.geometry.parent_of(k)
    if is_resampled:
        parent, position = ParentImage(stamps.shape, stamps.wcs[k]), _center(stamps.shape)
    # An array of the parent's shape that needs no memory; only the data do not depend on the shape.
    image = np.broadcast_to(stamps.pixels.dtype.type(0), parent.shape)
    has_moved = parent.wcs is not None and has_tables(parent.wcs)
    kind = MovedCutout if has_moved else Cutout2D
    cutout = kind(image, position, stamps.shape, wcs=parent.wcs, mode='partial')
    if has_moved:
        cutout.wcs = stamps.wcs[k]
    data = stamps.pixels[k]
    if stamps.unit is not None:
        data = u.Quantity(data, stamps.unit, copy=False, subok=True)
    cutout.data = data if stamps.mask is None else Masked(data, mask=stamps.mask[k])
    return cutout


def _deviation_of(stamps, k):
    return None if stamps.uncertainty is None else StdDevUncertainty(stamps.uncertainty[k])


def _plain_row(row):
    plain = {}
    for name in row.colnames:
        value = row[name]
        if isinstance(value, SkyCoord):
            # The first coordinates have the usual names; others are prefixed with their column.
            before = f'{name}_' if 'ra' in plain else ''
            for axis in ('ra', 'dec'):
                angle, mask = without_mask(getattr(value.icrs, axis))
                plain[f'{before}{axis}'] = float(angle.deg) if mask is None else None
        elif isinstance(value, Time):
            plain[name] = None if np.any(value.mask) else value.isot
        elif np.ndim(value) == 0:
            plain[name] = _plain_value(value)
    return plain


def _with_beam(row, stamps):
    """A row preceded by the beam, as in headers, if pixels are per beam."""
    if pixel_content(stamps.unit) is not PixelContent.PER_BEAM:
        return row
    row = {f'_{name}' if name.upper() in BEAM_CARDS else name: row[name] for name in row}
    beam = beam_of(stamps.meta)
    if beam is None:
        return row
    return {**{card: width / 3600 for card, width in zip(BEAM_CARDS, beam, strict=True)}, **row}


def _with_filter(row, stamps):
    """A row and the name of the band, as in headers."""
    is_there = 'filter' in map(str.lower, row)
    return row if is_there or not stamps.bands else {**row, 'FILTER': stamps.bands[0].name}


def _plain_value(value):
    if value is np.ma.masked or (isinstance(value, Masked) and value.mask):
        return None
    value = getattr(value, 'value', value)
    value = value.item() if hasattr(value, 'item') else value
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else value
