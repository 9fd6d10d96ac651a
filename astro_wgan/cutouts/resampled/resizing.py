"""Stamps of another size or with another center: binned, padded, or shifted by sub-pixels."""

from dataclasses import replace
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.stamp_geometry import first_pixel
from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.cutouts.resampled.axis_weights import noise_correlation, weights_along_axis
from astro_wgan.cutouts.resampled.centroids import (
    border_levels,
    brightest_pixels,
    sky_level_of_borders,
    window_centroids,
    window_coverage,
)
from astro_wgan.cutouts.resampled.resampling import bin_pixels, resample
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.units.pixel_flux import holds_flux
from astro_wgan.validation.pixels import as_shape

__all__ = ['binned_arguments', 'padded_arguments', 'recentered_arguments']

#: Number of pixels that are resampled at a time.
_PIXELS = 2**22

#: Largest shift onto a source that is searched for, as a fraction of the edge.
_LARGEST_SHIFT = 1 / 4

#: Minimum unmasked fraction of the window around the center of a source.
_MIN_OF_WINDOW = 0.6


def binned_arguments(stamps, factor):
    """
    Arguments of `~astro_wgan.StampSet` that change for stamps whose pixels are blocks of pixels.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    factor : int
        As in `~astro_wgan.StampSet.bin`, which also documents the errors.

    Returns
    -------
    dict
    """
    is_whole = isinstance(factor, Integral) and not isinstance(factor, bool)
    ny, nx = stamps.shape
    if not is_whole or not 1 <= factor <= min(ny, nx):
        raise ValueError(
            f'`factor` must be an integer from 1 to the edge of the stamps, {min(ny, nx)}; got '
            f'{factor!r}.'
        )
    is_flux = holds_flux(stamps)
    stamps = stamps.crop((ny // factor * factor, nx // factor * factor))
    parts = [bin_pixels(part, factor, holds_flux=is_flux) for part in _parts(stamps)]
    return {
        **_joined(parts, stamps),
        'pixel_scale': None if stamps.pixel_scale is None else stamps.pixel_scale * factor,
        'psf': _binned_psf(stamps.psf, factor),
        'bands': [replace(band, psf=_binned_psf(band.psf, factor)) for band in stamps.bands],
        'geometry': stamps.geometry.moved((0, 0), factor),
        'meta': {**stamps.meta, 'binned': provenance_record(factor=int(factor))},
    }


def padded_arguments(stamps, size, fill_value):
    """
    Arguments of `~astro_wgan.StampSet` that change for stamps with pixels around them.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    size, fill_value
        As in `~astro_wgan.StampSet.pad`, which also documents the errors.

    Returns
    -------
    dict
    """
    shape = as_shape(size, pixel_scale=stamps.pixel_scale)
    ny, nx = stamps.shape
    if shape[0] < ny or shape[1] < nx:
        raise ValueError(
            f'`size` must be at least that of the stamps, {ny} x {nx} pixels; got {shape[0]} x '
            f'{shape[1]}. Use `crop(...)` to cut out their center, or `bin(...)` to keep their '
            'field.'
        )
    if fill_value is not None and not (isinstance(fill_value, Real) and np.isfinite(fill_value)):
        raise ValueError(f'`fill_value` must be a finite number, or None; got {fill_value!r}.')
    # As the pixel at which `crop` begins, so that cropping restores the stamps.
    corner = first_pixel(np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2]), (ny, nx))
    x, y = corner
    inside = (slice(None), slice(y, y + ny), slice(x, x + nx))
    new = {'pixels': fill_value, 'uncertainty': np.inf, 'mask': False}
    if fill_value is None:
        new = {'pixels': np.nan, 'uncertainty': np.nan, 'mask': True}
    arrays = {name: getattr(stamps, name) for name in new}
    if arrays['mask'] is None and fill_value is None and shape != (ny, nx):
        arrays['mask'] = np.zeros(stamps.pixels.shape[:3], dtype=bool)
    changed = {'geometry': stamps.geometry.moved(-corner)}
    for name, array in arrays.items():
        if array is not None:
            changed[name] = np.full((len(array), *shape, *array.shape[3:]), new[name], array.dtype)
            changed[name][inside] = array
    return changed


def recentered_arguments(stamps, on, max_shift):
    """
    Arguments of `~astro_wgan.StampSet` that change for stamps that are centered on their sources.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    on, max_shift
        As in `~astro_wgan.StampSet.recenter`, which also documents the errors.

    Returns
    -------
    dict
    """
    is_flux = holds_flux(stamps)
    shift = _shifts(stamps, on, max_shift)
    known = np.isfinite(shift).all(axis=1)
    start = np.where(known[:, np.newaxis], shift, 0.0)
    ones = np.ones(len(stamps))
    parts, done = [], 0
    for part in _parts(stamps):
        rows = slice(done, done + len(part.pixels))
        parts.append(resample(part, start[rows], ones[rows], stamps.shape, holds_flux=is_flux))
        done = rows.stop
    table = stamps.table.copy(copy_data=False)
    for axis, name in enumerate(('shift_x', 'shift_y')):
        table[name] = shift[:, axis] * u.pix
    table['noise_correlation'] = noise_correlation(start, ones, stamps.shape)
    named = on if isinstance(on, str) else 'positions'
    return {
        **_joined(parts, stamps),
        'geometry': stamps.geometry.moved(start),
        'table': table,
        'meta': {**stamps.meta, 'recentered': provenance_record(on=named)},
    }


def _parts(stamps):
    """Consecutive stamps of a few million pixels, as `resample` takes them."""
    count = max(1, _PIXELS // max(1, int(np.prod(stamps.pixels.shape[1:]))))
    for first in range(0, max(1, len(stamps)), count):
        rows = slice(first, first + count)
        yield SimpleNamespace(
            pixels=stamps.pixels[rows],
            valid=None if stamps.mask is None else stamps[rows].valid,
            uncertainty=None if stamps.uncertainty is None else stamps.uncertainty[rows],
        )


def _joined(parts, stamps):
    """Arguments of `~astro_wgan.StampSet` from resampled parts of a set."""
    mask = np.concatenate([part.mask for part in parts])
    return {
        'pixels': np.concatenate([part.pixels for part in parts]),
        'mask': mask if mask.any() else None,
        'uncertainty': None
        if stamps.uncertainty is None
        else np.concatenate([part.uncertainty for part in parts]),
    }


def _binned_psf(psf, factor):
    """The PSF in larger pixels, with the same center and sum."""
    if psf is None:
        return None
    weights = []
    for length in psf.shape:
        # An odd edge stays odd, so that the peak stays at the center of a pixel.
        size = 2 * int(np.ceil((length / factor - length % 2) / 2)) + length % 2
        start = (length - size * factor) / 2
        weights.append(weights_along_axis([start], [factor], size, length, interpolated=False)[0])
    return weights[0] @ psf @ weights[1].T


def _shifts(stamps, on, max_shift):
    """Shift along x and y of each stamp, (n, 2); NaN where no source is found."""
    ny, nx = stamps.shape
    if isinstance(on, str):
        finders = {'peak': _peaks, 'centroid': _centroids}
        if on not in finders:
            raise ValueError(f"`on` must be 'peak', 'centroid' or positions; got {on!r}.")
        limit = np.array([nx, ny]) * _LARGEST_SHIFT
        if max_shift is not None:
            limit = _limit_in_pixels(max_shift, stamps.pixel_scale)
        shift = np.concatenate([finders[on](part, limit) for part in _parts(stamps)])
        return np.where((np.abs(shift) < limit).all(axis=1)[:, np.newaxis], shift, np.nan)
    if max_shift is not None:
        raise ValueError("`max_shift` is for 'peak' and 'centroid'; got it with positions.")
    position = _given_positions(stamps, on)
    outside = ((position < -0.5) | (position > (nx - 0.5, ny - 0.5))).any(axis=1)
    if outside.any():
        raise ValueError(
            f'{np.count_nonzero(outside)} positions of `on` are not in their stamps of {nx} '
            f'columns (x) and {ny} rows (y); the first is that of id {stamps.ids[outside][0]}: '
            f'{position[outside][0].tolist()}.'
        )
    return position - ((nx - 1) / 2, (ny - 1) / 2)


def _limit_in_pixels(max_shift, pixel_scale):
    """Largest shift along x and y, from one or two numbers of pixels or angles."""
    limit = max_shift
    if hasattr(limit, 'unit') and limit.unit.is_equivalent(u.arcsec):
        if pixel_scale is None:
            raise ValueError(
                f'`max_shift` must be in pixels, since the stamps have no `pixel_scale`; got '
                f'{max_shift}.'
            )
        limit = limit / pixel_scale
    if hasattr(limit, 'unit'):
        limit = limit.to_value(u.pix)
    limit = np.asarray(limit)
    if limit.dtype.kind not in 'iuf' or limit.shape not in ((), (2,)) or not _is_above_zero(limit):
        raise ValueError(
            f'`max_shift` must be a number of pixels above 0, or two of them (x, y); got '
            f'{max_shift!r}.'
        )
    return np.broadcast_to(limit, 2)


def _is_above_zero(values):
    return np.all(np.isfinite(values) & (values > 0))


def _given_positions(stamps, on):
    """Positions (x, y) in each stamp, shape (n, 2)."""
    n = len(stamps)
    if isinstance(on, SkyCoord):
        if on.shape != (n,):
            raise ValueError(f'`on` must have a position per stamp, {n}; got {on.shape}.')
        without = ~stamps.geometry.has_celestial
        if without.any():
            raise ValueError(
                f'`on` are sky positions, but {np.count_nonzero(without)} stamps have no celestial '
                'WCS: give positions in pixels.'
            )
        in_parent = np.full((n, 2), np.nan)
        for wcs, rows in stamps.geometry.by_wcs():
            shape = stamps.geometry.parent_of(rows[0]).shape
            in_parent[rows] = np.stack(sky_to_pixel(on[rows], wcs, shape)[:2], axis=1)
        corner, step = stamps.geometry.corner, stamps.geometry.steps[:, np.newaxis]
        return (in_parent - corner + 0.5) / step - 0.5
    if hasattr(on, 'unit') and on.unit is not None and not on.unit.is_equivalent(u.pix):
        raise ValueError(
            f'`on` must be a SkyCoord, or in pixels (x, y) of each stamp; got {on.unit}.'
        )
    position = numbers_or_nan(on)
    if position.dtype.kind not in 'iuf' or position.shape != (n, 2):
        raise ValueError(
            f"`on` must be 'peak', 'centroid', a SkyCoord or pixels (x, y) of each stamp, of shape "
            f'({n}, 2); got {position.dtype} of shape {position.shape}.'
        )
    return position.astype(float)


def _image(part):
    """Images (n, ny, nx), NaN where masked; the mean of all bands that are not masked."""
    # So that sums of several do not overflow.
    largest = np.finfo(float).max / (4 * np.prod(part.pixels.shape[3:], initial=1))
    pixels = np.clip(part.pixels.astype(float), -largest, largest)
    if part.valid is not None:
        pixels[~part.valid] = np.nan
    if pixels.ndim == 3:
        return pixels
    known = np.isfinite(pixels)
    count = known.sum(axis=-1)
    total = np.where(known, pixels, 0).sum(axis=-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _peaks(part, limit):
    return brightest_pixels(_image(part), limit)


def _centroids(part, limit):
    image = _image(part)
    sky = np.nan_to_num(sky_level_of_borders(border_levels(image)))
    y, x = window_centroids(image - sky[:, np.newaxis, np.newaxis], iterations=40, gain=1.5)
    usable = window_coverage(image) >= _MIN_OF_WINDOW
    return np.where(usable[:, np.newaxis], np.stack([x, y], axis=1), np.nan)
