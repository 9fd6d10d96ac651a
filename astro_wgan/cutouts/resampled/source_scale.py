"""`SourceScale`: stamps that follow sources, so many radii across, of any number of pixels."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from astropy import units as u

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = [
    'SourceScale',
    'as_source_scale',
    'check_scaled',
    'is_measured',
    'radius_column',
    'scale_factors',
    'source_corners',
]

#: Radii that are measured in the image, and the number of them across a stamp by default.
MEASURED = {'half_light': 16.0, 'kron': 4.0}


@dataclass(frozen=True)
class SourceScale:
    """
    How large stamps are that follow their sources.

    Parameters
    ----------
    radius : str
        Radius of the sources: ``'half_light'``, of the circle with half of the Kron flux, or
        ``'kron'``, the semi-major axis of the Kron aperture (2.5 Kron radii), which are measured in
        the image, or the name of a column of the positions, in pixels or an angle.
    n_radii : float, optional
        Number of radii across a stamp, from edge to edge; by default 16 half-light radii or 4 Kron
        radii.
    min_factor, max_factor : float
        Limits of the number of pixels of the image along a pixel of a stamp. Below 1, pixels of a
        stamp are smaller than those of the image, and their noise is strongly correlated.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan.stamps import SourceScale
    >>> SourceScale('kron', n_radii=3)
    SourceScale(radius='kron', n_radii=3.0, min_factor=0.5, max_factor=16.0)
    """

    radius: str = 'half_light'
    n_radii: float | None = None
    min_factor: float = 0.5
    max_factor: float = 16.0

    def __post_init__(self):
        if not isinstance(self.radius, str):
            raise ValueError(
                "`radius` must be 'half_light', 'kron' or the name of a column; got "
                f'{self.radius!r}.'
            )
        if self.n_radii is None:
            if self.radius not in MEASURED:
                raise ValueError(
                    f'`n_radii` must be given for the radius of a column, {self.radius!r}.'
                )
            object.__setattr__(self, 'n_radii', MEASURED[self.radius])
        for name in ('n_radii', 'min_factor', 'max_factor'):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 < value < np.inf:
                raise ValueError(f'`{name}` must be a number above 0; got {value!r}.')
            object.__setattr__(self, name, float(value))
        if self.min_factor > self.max_factor:
            raise ValueError(
                f'`min_factor` must be at most `max_factor`, {self.max_factor:g}; got '
                f'{self.min_factor:g}.'
            )

    @property
    def is_measured(self):
        """Whether the radius is measured in the image."""
        return self.radius in MEASURED


def as_source_scale(scale):
    """
    A `SourceScale`, or None for stamps with the pixels of the image.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if scale is None or isinstance(scale, SourceScale):
        return scale
    if isinstance(scale, str) and scale == 'source':
        return SourceScale()
    raise ValueError(f"`scale` must be 'source', a SourceScale or None; got {scale!r}.")


def check_scaled(size):
    """
    Validate what depends on stamps that follow their sources.

    Raises
    ------
    ValueError
        If the size is an angle.
    """
    if hasattr(size, 'unit'):
        raise ValueError(f'`size` must be in pixels for stamps that follow the source; got {size}.')


def is_measured(scale):
    """Whether radii are measured in the image."""
    return isinstance(scale, SourceScale) and scale.is_measured


def radius_column(table, scale, pixel_scale):
    """
    Radii of sources from a column of their table.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    scale : `SourceScale`
    pixel_scale : `~astropy.units.Quantity` or None
        For angles.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        In pixels of the image.

    Raises
    ------
    ValueError
        If there is no such column, or a radius is masked, not finite, or not above zero.
    """
    name = scale.radius
    if name not in table.colnames:
        raise ValueError(
            f"`radius` must be 'half_light', 'kron' or a column of the positions, which are "
            f'{", ".join(table.colnames)}; got {name!r}.'
        )
    column = table[name]
    unit = getattr(column, 'unit', None)
    if unit is not None and unit.is_equivalent(u.arcsec):
        if pixel_scale is None:
            raise ValueError(
                f'The column {name!r} must be in pixels where the pixel scale is not known; got '
                f'{unit}. Give `pixel_scale`, or an image with a WCS.'
            )
        scale = as_pixel_scale(pixel_scale).value
        radius = numbers_or_nan(column) * (unit.to(u.arcsec) / scale)
    elif unit is None or unit.is_equivalent(u.pix) or unit == u.dimensionless_unscaled:
        radius = numbers_or_nan(column)
    else:
        raise ValueError(f'The column {name!r} must be in pixels or an angle; got {unit}.')
    radius = np.asarray(radius)
    if radius.dtype.kind not in 'iuf' or radius.ndim != 1:
        raise ValueError(f'The column {name!r} must hold numbers; got {radius.dtype}.')
    bad = ~((radius > 0) & np.isfinite(radius))
    if bad.any():
        raise ValueError(
            f'The column {name!r} must hold radii above zero; {np.count_nonzero(bad)} are not, the '
            f'first is that of id {table["id"][bad][0]}: {radius[bad][0]}. Leave these positions '
            'out.'
        )
    return radius.astype(float)


def scale_factors(radius, scale, shape):
    """
    Pixels of the image along a pixel of each stamp.

    Parameters
    ----------
    radius : array_like, shape (n,)
        In pixels of the image; NaN for sources whose radius is unknown, which keep the pixels of
        the image.
    scale : `SourceScale`
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
    """
    factor = scale.n_radii * np.asarray(radius, dtype=float) / min(shape)
    return np.clip(np.where(np.isfinite(factor), factor, 1.0), scale.min_factor, scale.max_factor)


def source_corners(center, factor, shape):
    """
    Where resampled stamps begin, such that positions are in their center.

    Parameters
    ----------
    center : array_like, shape (n, 2)
        Positions ``(x, y)``, 0-based; NaN if not in the image.
    factor : array_like, shape (n,)
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Returns
    -------
    `~numpy.ndarray`, shape (n, 2)
        ``corner`` of `~astro_wgan.astrometry.stamp_geometry.StampGeometry`.
    """
    far = 2.0**30  # outside of any image
    center = np.clip(np.nan_to_num(center, nan=-far), -far, far)
    return center + 0.5 - np.asarray(factor)[:, np.newaxis] * np.array(shape[::-1]) / 2
