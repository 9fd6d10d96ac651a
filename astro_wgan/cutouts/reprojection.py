"""Reprojection of stamps to one pixel scale and orientation, with their flux conserved."""

from dataclasses import dataclass, replace

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle
from astropy.wcs import WCS

from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.astrometry.tangent_plane import ARCSEC_PER_DEGREE, tangent_planes
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.units.pixel_flux import holds_flux
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.pixels import as_pixel_scale, as_shape

__all__ = ['affine_transform', 'reproject_images', 'reprojected_arguments', 'resampled_psf']

#: Maximum difference between the common transformation and that of each stamp, in pixels.
_TOLERANCE = 0.02

#: Minimum fraction of an output pixel covered by valid input pixels.
_LEAST_COVERAGE = 0.5

#: Number of images that are resampled in one call.
_CHUNK = 256

#: Functions of reproject and their options. Pixels outside the stamp count as zero, so that the
#: reprojection of an image of ones is the covered fraction of each output pixel. The kernel of
#: 'adaptive' is wider than the default, which truncates it asymmetrically and loses half a percent
#: of the flux if the pixels keep their size.
_METHODS = {
    'adaptive': (
        'reproject_adaptive',
        {'boundary_mode': 'constant', 'sample_region_width': 5, 'roundtrip_coords': False},
    ),
    'interp': ('reproject_interp', {'roundtrip_coords': False}),
    'exact': ('reproject_exact', {'parallel': False}),
}


def reprojected_arguments(stamps, *, pixel_scale, position_angle, size, method, progress):
    """
    Arguments of `~astro_wgan.StampSet` for reprojected stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    pixel_scale, position_angle, size, method, progress
        As in `~astro_wgan.StampSet.reproject`, which also documents the errors.

    Returns
    -------
    dict
    """
    if method not in _METHODS:
        raise ValueError(f'`method` must be one of {list(_METHODS)}; got {method!r}.')
    pixel_scale = stamps.pixel_scale if pixel_scale is None else as_pixel_scale(pixel_scale)
    if stamps.pixel_scale is None and stamps.geometry.has_celestial.any():
        # Those that follow their sources.
        missing = [n for n, v in (('pixel_scale', pixel_scale), ('size', size)) if v is None]
        if missing:
            raise ValueError(
                f'Give `{missing[0]}`: the stamps have various pixel scales (`stamps.pixel_area`).'
            )
    if pixel_scale is None:
        raise ValueError(
            'Give `pixel_scale`: the stamps have neither a pixel scale nor a WCS. To cut out their '
            'center use `crop`, which needs neither.'
        )
    angle = None if position_angle is None else _as_position_angle(position_angle)
    keeps_brightness = not holds_flux(stamps)
    planes = tangent_planes(stamps)
    grid = _grid(planes, pixel_scale.value, angle, _output_shape(stamps, pixel_scale, size))
    with ProgressLine('reprojecting', quiet=not progress) as line:
        resampled = _resample_all(stamps, grid, method, keeps_brightness, line)
    return {
        **resampled,
        'unit': stamps.unit,
        'pixel_scale': pixel_scale,
        'psf': _psf_on_grid(stamps.psf, grid, method),
        'bands': [replace(band, psf=_psf_on_grid(band.psf, grid, method)) for band in stamps.bands],
        'geometry': StampGeometry.from_wcs(grid.wcs, grid.shape),
        'table': stamps.table,
        'meta': {
            **stamps.meta,
            'reprojected': provenance_record(
                pixel_scale_arcsec=pixel_scale.value,
                position_angle_deg=None if angle is None else float(np.degrees(angle)),
                size=list(grid.shape),
                method=method,
            ),
        },
        'axes': own_axes(stamps.pixels.ndim),
        'assume_finite': True,
    }


@dataclass(frozen=True, eq=False)
class _Grid:
    """
    The output pixels, and which stamps have the same transformation to them.

    ``step`` (n, 2, 2): input pixels along x and y per output pixel. ``groups``: rows of stamps
    with the same step. ``curved`` (n,): whether a stamp needs its full WCS.
    """

    shape: tuple
    wcs: list
    step: np.ndarray
    groups: list
    curved: np.ndarray


def _as_position_angle(position_angle):
    """A position angle in radians."""
    try:
        angle = Angle(position_angle)
    except (u.UnitsError, TypeError, ValueError) as error:
        raise u.UnitsError(
            f'`position_angle` must be an angle, such as 0 deg; got {position_angle!r}.'
        ) from error
    if not angle.isscalar or not np.isfinite(angle):
        raise ValueError(f'`position_angle` must be one finite angle; got {position_angle}.')
    return angle.to_value(u.rad)


def _output_shape(stamps, pixel_scale, size):
    if size is None:
        ratio = (stamps.pixel_scale / pixel_scale).to_value(u.one)
        return tuple(max(1, round(edge * ratio)) for edge in stamps.shape)
    return as_shape(size, pixel_scale=pixel_scale)


def _grid(planes, scale, angle, shape):
    has_wcs = planes.has_wcs
    if angle is not None and not has_wcs.all():
        raise ValueError(
            f'{np.count_nonzero(~has_wcs)} stamps have no celestial WCS, so that they cannot be '
            'rotated: leave out `position_angle`, or give them a WCS.'
        )
    wanted = _wanted_matrix(planes, scale, angle)
    step = np.linalg.solve(planes.matrix, wanted)
    curved = planes.curvature > _TOLERANCE
    groups = []
    for rows in _alike(step, shape, curved):
        step[rows] = step[rows].mean(axis=0)
        groups.append(rows)
    # The WCS of a stamp describes the transformation of its group.
    matrix = planes.matrix @ step
    wcs = [
        _tan_wcs(matrix[k], shape, planes.center[k]) if has_wcs[k] else None
        for k in range(len(matrix))
    ]
    return _Grid(shape, wcs, step, groups, curved)


def _wanted_matrix(planes, scale, angle):
    """Arcsec to the east and north per output pixel along x and y: (n, 2, 2)."""
    own = planes.matrix
    if angle is None:
        angle = np.arctan2(own[:, 0, 1], own[:, 1, 1])
        mirror = np.sign(np.linalg.det(own))
    else:
        angle, mirror = np.full(len(own), angle), np.full(len(own), -1.0)
    sin, cos = np.sin(angle), np.cos(angle)
    x = mirror[:, np.newaxis] * np.stack([cos, -sin], axis=-1)
    y = np.stack([sin, cos], axis=-1)
    return scale * np.stack([x, y], axis=-1)


def _alike(step, shape, curved):
    """Rows of stamps whose output grids agree within the tolerance; curved ones separately."""
    width = _TOLERANCE / max(sum(shape) / 2, 1)
    key = np.round(step.reshape(-1, 4) / width)
    key = np.column_stack([key, np.where(curved, np.arange(len(key)), -1)])
    _, group = np.unique(key, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind='stable')
    return [
        rows for rows in np.split(order, np.cumsum(np.bincount(group.ravel()))[:-1]) if rows.size
    ]


def _tan_wcs(matrix, shape, center=(0.0, 0.0)):
    """TAN projection about the center of an image, with a matrix in arcsec per pixel."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.radesys = 'ICRS'
    wcs.wcs.crval = center
    wcs.wcs.crpix = (shape[1] + 1) / 2, (shape[0] + 1) / 2
    wcs.wcs.cd = matrix / ARCSEC_PER_DEGREE
    wcs.array_shape = shape
    return wcs


def _resample_all(stamps, grid, method, keeps_brightness, line):
    """Pixels, mask and uncertainty on the new grid, as arguments of `StampSet`."""
    shape = (len(stamps), *grid.shape, *stamps.pixels.shape[3:])
    pixels = np.empty(shape, dtype=stamps.pixels.dtype)
    mask = np.empty(shape, dtype=bool)
    uncertainty = None if stamps.uncertainty is None else np.empty(shape, dtype=pixels.dtype)
    area = np.abs(np.linalg.det(grid.step))
    done = 0
    for group in grid.groups:
        for rows in np.split(group, range(_CHUNK, len(group), _CHUNK)):
            part = stamps[rows]
            transform = _transform(part, grid, rows[0], method)
            resampled = reproject_images(
                part, transform, area[rows[0]], keeps_brightness=keeps_brightness, method=method
            )
            pixels[rows], mask[rows], deviation = resampled
            if uncertainty is not None:
                uncertainty[rows] = deviation
            done += len(rows)
            line.update(done / len(stamps), f'{done} of {len(stamps)} stamps')
    return {'pixels': pixels, 'mask': mask, 'uncertainty': uncertainty}


def reproject_images(stamps, transform, area, *, keeps_brightness, method='adaptive'):
    """
    Reproject images that have the same transformation.

    Parameters
    ----------
    stamps : object
        ``pixels``, ``valid``, ``uncertainty`` (or None) of shape (n, ny, nx[, bands]), ``mask``
        (None if all are valid), ``shape`` and ``n_bands``, as those of a set.
    transform : tuple
        WCS of the input, WCS of the output, and shape of the output.
    area : float
        Area of an output pixel in input pixels.
    keeps_brightness : bool
        Whether pixels are surface brightness, rather than flux that scales with their area.
    method : str
        As in `~astro_wgan.StampSet.reproject`.

    Returns
    -------
    pixels, mask, uncertainty : `~numpy.ndarray`
        NaN where masked; the last is None if the stamps have none.
    """
    valid, largest = stamps.valid, np.finfo(stamps.pixels.dtype).max
    covered = _coverage(stamps, valid, transform, method)
    factor = 1.0 if keeps_brightness else area
    mask = ~(covered >= _LEAST_COVERAGE)
    with np.errstate(over='ignore', invalid='ignore'):
        mean = _resampled(np.where(valid, stamps.pixels, 0), transform, method)
        resampled = _ratio(mean, covered) * factor
    mask = mask | np.isnan(resampled)
    # Pixels are limited to the range of their dtype.
    pixels = np.clip(resampled, -largest, largest).astype(stamps.pixels.dtype)
    pixels[mask] = np.nan
    if stamps.uncertainty is None:
        return pixels, mask, None
    variance = _resampled_variance(stamps, valid, transform, method)
    # Valid pixels stand for masked ones, so that each has the more weight.
    deviation = np.sqrt(_ratio(variance, area * covered**2)) * factor
    with np.errstate(over='ignore'):  # infinite ones are unknown
        deviation = deviation.astype(pixels.dtype)
    deviation[mask] = np.nan
    return pixels, mask, deviation


def _transform(part, grid, row, method):
    """WCS of the input, WCS of the output, and shape of the output."""
    if grid.curved[row]:
        return part.wcs[0].celestial, grid.wcs[row], grid.shape
    return affine_transform(grid.step[row], part.shape, grid.shape, method=method)


def affine_transform(step, shape, shape_out, *, offset=(0.0, 0.0), method='adaptive'):
    """
    Transformation of images by a matrix and a shift, for `reproject_images`.

    Parameters
    ----------
    step : array_like, shape (2, 2)
        Input pixels along x and y for each output pixel along x and y.
    shape, shape_out : tuple of int
        ``(ny, nx)`` of input and output.
    offset : tuple of float
        ``(x, y)`` of the center of the output in the input, from its center on.
    method : str
        As in `~astro_wgan.StampSet.reproject`.

    Returns
    -------
    tuple
        WCS of the input, WCS of the output, and shape of the output.
    """
    # The scale is arbitrary, but small enough for a flat sky; the exact method needs a sphere.
    first = _tan_wcs(np.eye(2), shape)
    second = _tan_wcs(np.asarray(step), shape_out, np.asarray(offset) / ARCSEC_PER_DEGREE)
    if method != 'exact':
        for wcs in (first, second):
            # A linear transformation is faster.
            wcs.wcs.ctype = 'LINEAR', 'LINEAR'
            wcs.wcs.radesys = ''
    return first, second, shape_out


def _resampled(images, transform, method):
    """Mean of the input over each output pixel, 0 outside: (m, ny, nx[, bands])."""
    # Not at the top: reproject imports Dask and zarr, which takes a second.
    import reproject

    wcs_in, wcs_out, shape = transform
    name, options = _METHODS[method]
    layers = images[:, np.newaxis] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    flat = layers.reshape(-1, *images.shape[1:3]).astype(float, copy=False)
    resampled, footprint = getattr(reproject, name)(
        (flat, wcs_in), wcs_out, shape_out=(len(flat), *shape), **options
    )
    # 'exact' gives the mean over the covered part of a pixel only.
    resampled = np.where(footprint > 0, resampled * footprint, 0)
    resampled = resampled.reshape(*layers.shape[:2], *shape)
    return resampled[:, 0] if images.ndim == 3 else np.moveaxis(resampled, 1, -1)


def _coverage(part, valid, transform, method):
    if part.mask is not None:
        return _resampled(valid, transform, method)
    # Without a mask it is the same for all stamps.
    ones = _resampled(np.ones((1, *part.shape)), transform, method)
    return ones if part.n_bands is None else ones[..., np.newaxis]


def _ratio(total, covered):
    return np.divide(total, covered, out=np.zeros_like(total), where=covered > 0)


def _resampled_variance(part, valid, transform, method):
    variance = np.square(np.where(valid, part.uncertainty, 0), dtype=float)
    unknown = ~np.isfinite(variance)
    resampled = _resampled(np.where(unknown, 0, variance), transform, method)
    if unknown.any():
        resampled[_resampled(unknown, transform, method) > 0] = np.inf
    return resampled


def resampled_psf(psf, step, *, method='adaptive'):
    """
    A PSF on pixels of another size or orientation, with the same sum.

    Parameters
    ----------
    psf : `~numpy.ndarray`, shape (ny, nx)
    step : `~numpy.ndarray`, shape (2, 2)
        As in `affine_transform`.
    method : str
        As in `~astro_wgan.StampSet.reproject`.

    Returns
    -------
    `~numpy.ndarray`
        An odd edge stays odd, so that the peak stays at the center of a pixel.
    """
    area = np.abs(np.linalg.det(step))
    edges = (2 * round((edge / np.sqrt(area) - edge % 2) / 2) + edge % 2 for edge in psf.shape)
    shape = tuple(max(1, edge) for edge in edges)
    transform = affine_transform(step, psf.shape, shape, method=method)
    return _resampled(psf[np.newaxis], transform, method)[0] * area


def _psf_on_grid(psf, grid, method):
    """The PSF on the new grid; None if the transformations differ."""
    if psf is None or len(grid.groups) != 1 or grid.curved.any():
        return None
    return resampled_psf(psf, grid.step[0], method=method)
