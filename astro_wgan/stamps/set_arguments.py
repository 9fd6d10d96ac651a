"""Arguments of `~astro_wgan.StampSet` for sets that are derived from other sets."""

from dataclasses import replace

import numpy as np
from astropy import units as u

from astro_wgan.astrometry.stamp_geometry import StampGeometry, first_pixel
from astro_wgan.bands.band import as_bands, band_number, rescaled_band, unnamed_bands
from astro_wgan.bands.band_arrays import BandArrays
from astro_wgan.bands.band_checks import (
    check_uncertainties_of_bands,
    check_units_of_bands,
    warn_of_equal_bands,
)
from astro_wgan.units.pixel_flux import PIXEL_META
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.pixels import as_pixels, as_shape, converted

__all__ = [
    'arguments_of',
    'band_arguments',
    'changed_arguments',
    'cropped_arguments',
    'full_band',
    'joined_band_arguments',
]


def arguments_of(stamps):
    """
    Arguments of `~astro_wgan.StampSet` for a set with the same arrays.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    dict
    """
    return {
        'pixels': stamps.pixels,
        'uncertainty': stamps.uncertainty,
        'mask': stamps.mask,
        'unit': stamps.unit,
        'pixel_scale': stamps.pixel_scale,
        'psf': stamps.psf,
        'bands': stamps.bands,
        'table': stamps.table,
        'meta': stamps.meta,
        'geometry': stamps.geometry,
        'axes': own_axes(stamps.pixels.ndim),
        'assume_finite': True,
    }


def changed_arguments(stamps, changes):
    """
    Arguments of `~astro_wgan.StampSet` for a set with replacements.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        The original set.
    changes : dict
        New values, as in `StampSet.replace`.

    Returns
    -------
    dict

    Raises
    ------
    TypeError, ValueError, astropy.units.UnitConversionError
        As in `StampSet.replace`.
    """
    arguments = arguments_of(stamps)
    allowed = {*arguments, 'wcs'} - {'axes'}
    unknown = [name for name in changes if name not in allowed]
    if unknown:
        raise TypeError(
            f'A StampSet has no {unknown[0]!r} to replace; it has: {", ".join(sorted(allowed))}.'
        )
    if 'unit' in changes and stamps.unit is not None:
        _convert(arguments, stamps, changes)
    elsewhere = {'wcs', 'geometry'} & changes.keys()
    if elsewhere:
        arguments['geometry'] = None
    if {'pixels', 'mask', 'unit'} & changes.keys():
        arguments['assume_finite'] = False
    arguments.update(changes)
    if 'pixels' in changes:
        _check_fits(arguments, stamps, changes)
    if elsewhere and 'pixel_scale' not in changes:
        n = len(stamps) if 'pixels' not in changes else len(changes['pixels'])
        places = StampGeometry.of(n, stamps.shape, arguments.get('wcs'), arguments['geometry'])
        if places.has_celestial.any():
            arguments['pixel_scale'] = None
    return arguments


def band_arguments(stamps, band):
    """
    Arguments of `~astro_wgan.StampSet` for some bands of each stamp.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    band : str, int or list of them
        One band, for plain images, or several.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is no such band.
    """
    bands = stamps.bands or unnamed_bands(1)
    several = isinstance(band, list)
    numbers = [band_number(each, bands) for each in (band if several else [band])]
    arguments = arguments_of(stamps)
    if stamps.n_bands is None and not several:
        return arguments
    part = numbers if several else numbers[0]
    for name in ('pixels', 'uncertainty', 'mask'):
        values = arguments[name]
        if several and values is not None and stamps.n_bands is None:
            arguments[name] = values[..., np.newaxis]
        elif np.ndim(values) == 4:
            arguments[name] = values[..., part]
    arguments['axes'] = own_axes(4 if several else 3)
    if several:
        arguments['bands'] = [bands[number] for number in numbers]
        return arguments
    own = bands[part]
    arguments['psf'] = stamps.psf if own.psf is None else own.psf
    is_named = bands != unnamed_bands(len(bands))
    arguments['bands'] = (replace(own, psf=None),) if is_named else None
    return arguments


def cropped_arguments(stamps, size):
    """
    Arguments of `~astro_wgan.StampSet` for the central part of each stamp.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    size : int, tuple of int or `~astropy.units.Quantity`

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the stamps are smaller, or an angle is given and they have no pixel scale.
    """
    shape = as_shape(size, pixel_scale=stamps.pixel_scale)
    ny, nx = stamps.shape
    if shape[0] > ny or shape[1] > nx:
        raise ValueError(
            f'`size` must be at most that of the stamps, {ny} x {nx} pixels; got {shape[0]} x '
            f'{shape[1]}. To add pixels around stamps use `pad(...)`.'
        )
    x, y = first_pixel(np.array([(nx - 1) / 2, (ny - 1) / 2]), shape)
    part = (slice(None), slice(y, y + shape[0]), slice(x, x + shape[1]))
    arguments = arguments_of(stamps)
    for name in ('pixels', 'uncertainty', 'mask'):
        if arguments[name] is not None:
            arguments[name] = arguments[name][part]
    arguments['geometry'] = stamps.geometry.moved([x, y])
    return arguments


def joined_band_arguments(sets, arrays=None):
    """
    Arguments of `~astro_wgan.StampSet` for a set of several bands from a set of each band.

    Parameters
    ----------
    sets : dict of `~astro_wgan.StampSet`
        The same stamps in each band, as plain images, by the name of the band or its
        `~astro_wgan.stamps.Band`. Everything except pixels, uncertainty, mask, PSF and beam is
        taken from the first set, to whose unit the others are converted.
    arrays : `~astro_wgan.bands.band_arrays.BandArrays`, optional
        That of which the arrays of the sets are views, and which may thus be changed.

    Returns
    -------
    dict

    Raises
    ------
    ValueError, astropy.units.UnitConversionError
        As in `~astro_wgan.StampSet.from_bands`.
    """
    _check_same_stamps(sets)
    arrays = BandArrays(len(sets)) if arrays is None else arrays
    names, sets = as_bands(list(sets), len(sets)), list(sets.values())
    # Zero points are those of the pixels before their unit is converted.
    bands = [full_band(band, stamps) for band, stamps in zip(names, sets, strict=True)]
    first, units = sets[0], [stamps.unit or u.dimensionless_unscaled for stamps in sets]
    check_units_of_bands(units, bands)
    is_masked = any(stamps.mask is not None for stamps in sets)
    for k, (stamps, unit) in enumerate(zip(sets, units, strict=True)):
        _put(arrays, k, stamps, unit, units[0], is_masked)
        if unit != units[0]:
            bands[k] = rescaled_band(bands[k], unit.to(units[0], 1.0))
    mask = arrays.joined('mask') if is_masked else None
    warn_of_equal_bands(bands, arrays.joined('pixels'), mask)
    has_one_psf = all(np.array_equal(band.psf, bands[0].psf) for band in bands)
    return {
        'pixels': arrays.joined('pixels'),
        'uncertainty': None if first.uncertainty is None else arrays.joined('uncertainty'),
        'mask': mask,
        'unit': first.unit,
        'pixel_scale': first.pixel_scale,
        'psf': bands[0].psf if has_one_psf else None,
        'bands': [replace(band, psf=None) for band in bands] if has_one_psf else bands,
        'geometry': first.geometry,
        'table': first.table,
        'meta': _joint_meta([each.meta for each in sets]),
        'axes': own_axes(4),
        # Not beyond the range of their dtype.
        'assume_finite': all(unit == units[0] for unit in units),
    }


def _put(arrays, k, stamps, own, unit, is_masked):
    """Put the arrays of a band in their place, converted from their own unit to that of all."""

    def change(values):
        return converted(values, own, unit)

    change = None if own == unit else change
    arrays.put(k, 'pixels', stamps.pixels, change)
    if stamps.uncertainty is not None:
        arrays.put(k, 'uncertainty', stamps.uncertainty, change)
    if is_masked:
        none = np.broadcast_to(np.False_, stamps.pixels.shape)
        arrays.put(k, 'mask', none if stamps.mask is None else stamps.mask)


def _check_same_stamps(sets):
    name, first = next(iter(sets.items()))
    for other, stamps in sets.items():
        if stamps.n_bands is not None:
            raise ValueError(
                f'The stamps of each band must be plain images; those of {_name(other)} have '
                f'{stamps.n_bands} bands.'
            )
        if len(stamps) != len(first) or stamps.shape != first.shape:
            raise ValueError(
                f'All bands must have the same stamps; got {len(first)} of {first.shape} pixels '
                f'in {_name(name)} and {len(stamps)} of {stamps.shape} in {_name(other)}.'
            )
        if not np.array_equal(stamps.ids, first.ids):
            raise ValueError(
                f'The stamps of all bands must have the same ids in the same order; those of '
                f'{_name(other)} differ from those of {_name(name)}.'
            )
    has_uncertainty = [stamps.uncertainty is not None for stamps in sets.values()]
    check_uncertainties_of_bands(has_uncertainty, list(sets))


def _name(band):
    return getattr(band, 'name', band)


def full_band(band, stamps):
    """A band with what the set of its stamps knows of it."""
    known = stamps.bands[0] if stamps.bands else band
    changes = {'psf': stamps.psf if band.psf is None else band.psf}
    for name in ('wavelength', 'zero_point'):
        if getattr(band, name) is None:
            changes[name] = getattr(known, name)
    return replace(band, **changes)


def _convert(arguments, stamps, changes):
    """Convert pixels and uncertainty that are not replaced to the new unit."""
    unit = u.dimensionless_unscaled if changes['unit'] is None else u.Unit(changes['unit'])
    for name in ('pixels', 'uncertainty'):
        values = arguments[name]
        if name in changes or values is None:
            continue
        try:
            arguments[name] = converted(values, stamps.unit, unit)
        except u.UnitConversionError as error:
            raise u.UnitConversionError(
                f'The `{name}` of the set are in {stamps.unit}, which does not convert to '
                f'{unit.to_string() or "no unit"}: give them too.'
            ) from error
    if 'bands' not in changes and any(band.zero_point is not None for band in stamps.bands):
        factor = stamps.unit.to(unit, 1.0)
        arguments['bands'] = [rescaled_band(band, factor) for band in stamps.bands]


def _check_fits(arguments, stamps, changes):
    """Refuse new pixels if what is kept has another shape."""
    pixels, _, _ = as_pixels(changes['pixels'])
    if pixels.shape == stamps.pixels.shape:
        return
    # So that bands in the wrong place are noticed.
    arguments['axes'] = None
    elsewhere = {'wcs', 'geometry'} & changes.keys()
    for name in ('uncertainty', 'mask'):
        own = getattr(stamps, name)
        if name in changes or own is None:
            continue
        if own.shape != pixels.shape and not (name == 'mask' and own.shape == pixels.shape[:3]):
            raise ValueError(
                f'The `{name}` of the set has the shape {own.shape}, the new `pixels` have '
                f'{pixels.shape}: give `{name}` too, or None.'
            )
    n_bands = pixels.shape[3] if pixels.ndim == 4 else None
    if n_bands != stamps.n_bands and 'bands' not in changes:
        if stamps.bands != unnamed_bands(stamps.n_bands):
            names = ', '.join(band.name for band in stamps.bands)
            raise ValueError(
                f'The set has the bands {names}; the new `pixels` have the shape {pixels.shape}: '
                'give `bands` too, or None.'
            )
        arguments['bands'] = None
    if len(pixels) != len(stamps):
        missing = [] if 'table' in changes else ['table']
        missing += [] if elsewhere else ['wcs']
        if missing:
            raise ValueError(
                f'The set has {len(stamps)} stamps, the new `pixels` are {len(pixels)}: give '
                f'{" and ".join(f"`{name}`" for name in missing)} too, or None.'
            )
    elif pixels.shape[1:3] != stamps.shape and not elsewhere:
        if any(parent.wcs is not None for parent in stamps.geometry.parents):
            raise ValueError(
                f'The new `pixels` are {pixels.shape[1]} x {pixels.shape[2]}, those of the set '
                f'{stamps.shape[0]} x {stamps.shape[1]}, so that its WCS is not theirs: give '
                '`wcs` or `geometry` too, or None. To cut out the center of stamps use `crop`.'
            )
        arguments['geometry'] = None


def _joint_meta(metas):
    """That of the first band, with a list of the meanings of pixels if these differ."""
    parts = [{key: meta[key] for key in PIXEL_META if key in meta} for meta in metas]
    if all(part == parts[0] for part in parts):
        return metas[0]
    rest = {key: value for key, value in metas[0].items() if key not in PIXEL_META}
    return rest | {'parts': parts}
