"""Stamps that follow their sources, resampled from sections of an image."""

from types import SimpleNamespace

import numpy as np

from astro_wgan.cutouts.resampled.resampling import resample
from astro_wgan.files.limits import check_memory
from astro_wgan.images.fits_sections import ImageSections
from astro_wgan.neighbors.stamp_windows import Windows
from astro_wgan.units.pixel_flux import holds_flux

__all__ = ['resampled_cut', 'resampled_sections', 'resampled_windows']

#: Pixels around a stamp that contribute to its resampled pixels.
_MARGIN = 3

#: Sections have edges of a multiple of this, so that many of them are resampled together.
_MULTIPLE = 16

#: Bytes of memory for each pixel of a section: pixels, uncertainty, mask and copies of them.
_BYTES = 64

#: Number of pixels that are resampled at a time.
_PIXELS = 2**20


def resampled_windows(corner, factor, shape):
    """
    The pixels of the image of which resampled stamps are made.

    Parameters
    ----------
    corner, factor, shape
        As in `~astro_wgan.cutouts.resampled.source_scale.source_corners`.

    Returns
    -------
    `~astro_wgan.neighbors.stamp_windows.Windows`
    """
    factor = np.asarray(factor)[:, np.newaxis]
    extent = factor * np.array(shape[::-1])
    first = np.floor(corner).astype(np.int64) - _MARGIN
    last = np.ceil(corner + extent).astype(np.int64) + _MARGIN
    edges = -(-(last - first) // _MULTIPLE) * _MULTIPLE
    # A corner is the outer edge of a pixel of the stamp, half a pixel before a pixel's center.
    return Windows(first, edges[:, ::-1], corner - 0.5 + extent / 2, extent)


def resampled_cut(cut, geometry, shape, *, fill_value, change=None):
    """
    Arguments of `~astro_wgan.StampSet` for stamps at the places of others that follow the source.

    Parameters
    ----------
    cut : callable
        Function of first pixels (m, 2) and a shape that returns arguments of such stamps in the
        pixels of the image.
    geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`
        That of the others.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    fill_value : float
        Value of masked pixels.
    change : callable, optional
        As in `resampled_sections`.

    Returns
    -------
    dict
        Those of the first sections, with the resampled pixels, mask and uncertainty.
    """
    first = {}

    def sections(corner, wide):
        found = cut(corner, wide)
        if not first:
            first.update(found)
        hidden = ~np.isfinite(found['pixels'])
        if found['mask'] is not None:
            hidden |= found['mask']
        return ImageSections(
            found['pixels'], hidden if hidden.any() else None, found['uncertainty']
        )

    parts = resampled_sections(
        lambda: holds_flux(SimpleNamespace(unit=first['unit'], meta=first['meta'])),
        geometry.corner,
        geometry.steps,
        shape,
        sections=sections,
        fill_value=fill_value,
        change=change,
    )
    return first | {'pixels': parts.pixels, 'mask': parts.mask, 'uncertainty': parts.deviation}


def resampled_sections(is_flux, corner, factor, shape, *, sections, fill_value, change=None):
    """
    Resample sections of an image.

    Parameters
    ----------
    is_flux : callable
        Returns whether pixels of the sections are fluxes, which are summed.
    corner, factor, shape
        As in `~astro_wgan.cutouts.resampled.source_scale.source_corners`.
    sections : callable
        Function of first pixels (m, 2) and a shape that returns sections of the image as
        `~astro_wgan.images.fits_sections.ImageSections`, masked outside.
    fill_value : float
        Value of masked pixels.
    change : callable, optional
        Function of sections, their numbers and first pixels that returns those to resample.

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections`

    Raises
    ------
    ValueError
        If a section is larger than the memory.
    """
    windows = resampled_windows(corner, factor, shape)
    if len(factor):
        wide = windows.shape.max(axis=0).tolist()
        check_memory(
            _BYTES * wide[0] * wide[1],
            f'A stamp made of {wide[0]} x {wide[1]} pixels, by a scale factor of '
            f'{np.max(factor):.4g},',
            'Lower `max_factor` of the SourceScale, or `size`.',
        )
    first, whole = windows.corner, None
    for rows in _groups(windows.shape):
        parts = sections(first[rows], tuple(windows.shape[rows[0]].tolist()))
        if change is not None:
            parts = change(parts, rows, first[rows])
        found = _resampled(parts, corner[rows] - first[rows], factor[rows], shape, is_flux())
        if whole is None:
            whole = _empty(len(corner), shape, found)
        for name, values in found.items():
            whole[name][rows] = values
    if whole is None:
        parts = sections(first, (_MULTIPLE, _MULTIPLE))
        whole = _resampled(parts, corner, factor, shape, is_flux())
    if not np.isnan(fill_value):
        whole['pixels'][whole['mask']] = fill_value
    deviation = whole.get('uncertainty')
    return ImageSections(whole['pixels'], whole['mask'] if whole['mask'].any() else None, deviation)


def _groups(edges):
    """Rows of stamps with sections of the same size, a few million pixels at a time."""
    _, group = np.unique(edges, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind='stable')
    for rows in np.split(order, np.cumsum(np.bincount(group))[:-1]) if len(order) else ():
        count = max(1, _PIXELS // int(np.prod(edges[rows[0]])))
        yield from np.split(rows, range(count, len(rows), count))


def _resampled(parts, start, factor, shape, is_flux):
    """Arrays of resampled sections; those without masked pixels are faster."""
    masked = np.zeros(len(start), dtype=bool)
    if parts.mask is not None:
        masked = parts.mask.any(axis=(1, 2))
    halves = []
    for chosen in (masked, ~masked):
        if not chosen.any() and (chosen is masked or masked.any()):
            continue
        rows = slice(None) if chosen.all() else chosen  # a slice copies nothing
        stamps = SimpleNamespace(
            pixels=parts.pixels[rows],
            valid=~parts.mask[rows] if chosen is masked else None,
            uncertainty=None if parts.deviation is None else parts.deviation[rows],
        )
        found = resample(stamps, start[chosen], factor[chosen], shape, holds_flux=is_flux)
        halves.append((chosen, {k: v for k, v in vars(found).items() if v is not None}))
    if len(halves) == 1:
        return halves[0][1]
    whole = _empty(len(start), shape, halves[0][1])
    for chosen, found in halves:
        for name, values in found.items():
            whole[name][chosen] = values
    return whole


def _empty(n, shape, like):
    return {name: np.empty((n, *shape), dtype=values.dtype) for name, values in like.items()}
