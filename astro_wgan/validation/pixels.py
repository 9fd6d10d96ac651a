"""Validation of pixels and of the uncertainty, mask, PSF, pixel scale and size that fit them."""

import numpy as np
from astropy import units as u
from astropy.nddata import Cutout2D, NDData, NDUncertainty, StdDevUncertainty, UnknownUncertainty

from astro_wgan.validation.axis_order import in_order
from astro_wgan.validation.masked import joint_mask, without_mask
from astro_wgan.validation.real_numbers import as_float

__all__ = [
    'as_bool',
    'as_float',
    'as_mask',
    'as_pixel_scale',
    'as_pixels',
    'as_psf',
    'as_shape',
    'as_uncertainty',
    'converted',
    'value_in_unit',
]

#: Limit of the edge of a stamp.
_MOST_PIXELS = 2**31


def as_bool(mask, name='mask'):
    """
    A mask as booleans, True also where it is masked itself.

    Raises
    ------
    TypeError
        If it is neither of booleans nor numbers.
    """
    mask, hidden = without_mask(mask)
    mask = np.asarray(mask)
    if mask.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must be boolean; got dtype {mask.dtype}.')
    mask = mask.astype(bool, copy=False)
    # Pixels of unknown validity are not used.
    return mask if hidden is None else mask | hidden


def as_pixels(pixels, unit=None, axes=None):
    """
    Pixels of stamps as native floats.

    Parameters
    ----------
    pixels : array_like or `~astropy.units.Quantity`
        Masked or not.
    unit : unit-like, optional
        Unit to which a Quantity is converted; by default its own.
    axes : str, optional
        Order of the axes, as in `~astro_wgan.validation.axis_order.in_order`.

    Returns
    -------
    pixels : `~numpy.ndarray`
    mask : `~numpy.ndarray` of bool, or None
        Their mask.
    unit : unit-like or None

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If they are not a stack of images with at least one pixel.
    astropy.units.UnitConversionError
        If they do not convert to ``unit``.
    """
    first = pixels[0] if isinstance(pixels, (list, tuple)) and len(pixels) else pixels
    if isinstance(first, (NDData, Cutout2D)):
        raise TypeError(
            f'`pixels` must be an array; got {type(first).__name__}. `StampSet.from_cutouts` makes '
            'stamps from a list of these, `StampSet.from_image` cuts stamps from one.'
        )
    pixels, mask = without_mask(pixels)
    if isinstance(pixels, u.Quantity):
        unit = pixels.unit if unit is None else u.Unit(unit)
        pixels = _in_unit(pixels, unit, 'pixels')
    pixels = in_order(as_float(pixels, 'pixels'), axes, 'pixels')
    if pixels.ndim not in (3, 4):
        raise ValueError(
            '`pixels` must have the shape (n, ny, nx) or (n, ny, nx, bands); '
            f'got an array of shape {pixels.shape}.'
        )
    if 0 in pixels.shape[1:]:
        raise ValueError(
            '`pixels` must have at least one pixel along each edge, and at least one band; got the '
            f'shape {pixels.shape}.'
        )
    return pixels, None if mask is None else in_order(mask, axes, 'pixels'), unit


def as_uncertainty(values, pixels, unit, axes=None):
    """
    Uncertainties as standard deviations, in an array like the pixels, or None.

    Parameters
    ----------
    values : array_like, `~astropy.nddata.NDUncertainty` or None
        Masked or not.
    pixels : `~numpy.ndarray`
        The pixels, with axes in order.
    unit : `~astropy.units.Unit` or None
        Unit of the pixels.
    axes : str, optional
        Order of the axes of ``values``.

    Returns
    -------
    values : `~numpy.ndarray` or None
        NaN where they are masked.
    mask : `~numpy.ndarray` of bool, or None

    Raises
    ------
    TypeError
        If they are not real numbers, or of an unknown type of uncertainty.
    ValueError
        If the shape is not that of the pixels.
    astropy.units.UnitConversionError
        If they do not convert to the unit of the pixels.
    """
    if values is None:
        return None, None
    if isinstance(values, NDUncertainty):
        values = _as_deviation(values)
    values, mask = without_mask(values)
    if isinstance(values, u.Quantity):
        values = _in_unit(values, unit or u.dimensionless_unscaled, 'uncertainty')
    values = as_float(values, 'uncertainty').astype(pixels.dtype, copy=False)
    values = in_order(values, axes, 'uncertainty')
    if values.shape != pixels.shape:
        raise ValueError(
            f'`uncertainty` must have the shape of the pixels, {pixels.shape}; got {values.shape}.'
        )
    if mask is not None:
        mask = in_order(mask, axes, 'uncertainty')
        values = np.where(mask, values.dtype.type(np.nan), values)
    return values, mask


def as_mask(mask, pixels, *, axes=None, assume_finite=False):
    """
    A mask that includes all pixels that are not finite; None if nothing is masked.

    Raises
    ------
    TypeError
        If it is neither of booleans nor numbers.
    ValueError
        If the mask has neither the shape of the pixels nor that of their first three axes.
    """
    if mask is not None:
        mask = in_order(as_bool(mask), axes, 'mask')
        if mask.shape not in (pixels.shape, pixels.shape[:3]):
            allowed = ' or '.join(str(s) for s in sorted({pixels.shape[:3], pixels.shape}, key=len))
            raise ValueError(f'`mask` must have the shape {allowed}; got {mask.shape}.')
        mask = mask if mask.any() else None
    if assume_finite:
        return mask
    finite = np.isfinite(pixels)
    return mask if finite.all() else joint_mask(mask, ~finite)


def as_psf(psf):
    """
    The image of a PSF as floats, or None.

    Raises
    ------
    ValueError
        If a pixel of it is masked.
    """
    if psf is None:
        return None
    psf, mask = without_mask(psf)
    if mask is not None:
        raise ValueError(f'`psf` must not be masked; {np.count_nonzero(mask)} of its pixels are.')
    return np.asarray(psf, dtype=float)


def as_pixel_scale(pixel_scale, *, unit=u.arcsec):
    """
    An angle, or angle per pixel, in arcsec per pixel; or a length, with ``unit=u.kpc``.

    Raises
    ------
    astropy.units.UnitConversionError
        If it is something else.
    ValueError
        If it is not above zero.
    """
    pixel_scale = u.Quantity(pixel_scale)
    if pixel_scale.unit.is_equivalent(unit):
        pixel_scale = pixel_scale / u.pix
    if not pixel_scale.unit.is_equivalent(unit / u.pix) or not pixel_scale.isscalar:
        kind = 'angle' if unit.is_equivalent(u.arcsec) else 'length'
        raise u.UnitConversionError(
            f'`pixel_scale` must be one {kind}, or {kind} per pixel, such as '
            f'0.06 {unit} / pix; got {pixel_scale}.'
        )
    if not 0 < pixel_scale.value < np.inf:
        raise ValueError(f'`pixel_scale` must be above zero; got {pixel_scale}.')
    return pixel_scale.to(unit / u.pix)


def as_shape(size, *, pixel_scale=None, name='size'):
    """
    Size of a stamp in pixels, ``(ny, nx)``, from one or two numbers or angles.

    Parameters
    ----------
    size : int, tuple of int or `~astropy.units.Quantity`
        One or two numbers of pixels, or angles, which are rounded to whole pixels.
    pixel_scale : `~astropy.units.Quantity`, optional
        For angles.
    name : str, optional
        Name of the argument, for errors.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If they are neither integers above 0 nor angles of half a pixel or more, or angles are
        given without a pixel scale.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.validation.pixels import as_shape
    >>> as_shape(64), as_shape((3, 6) * u.arcsec, pixel_scale=0.06 * u.arcsec)
    ((64, 64), (50, 100))
    """
    if hasattr(size, 'unit'):
        size = _pixels_of_angle(size, pixel_scale, name)
    are_angles = isinstance(size, (tuple, list)) and any(hasattr(edge, 'unit') for edge in size)
    edges = np.asarray(None if are_angles else size)
    if edges.dtype.kind not in 'iu' or edges.shape not in ((), (2,)) or edges.min() < 1:
        raise ValueError(
            f'`{name}` must be a number of pixels above 0, or two of them (ny, nx), or angles as '
            f'one Quantity, such as (3, 4) * u.arcsec; got {size!r}.'
        )
    return tuple(np.broadcast_to(edges, 2).tolist())


def converted(values, unit, other):
    """
    Pixels or their uncertainty in another unit.

    Parameters
    ----------
    values : `~numpy.ndarray` of float
    unit, other : `~astropy.units.UnitBase`
        Own unit, and that to which they are converted.

    Returns
    -------
    `~numpy.ndarray`
        Of the same dtype; infinite, without a warning, beyond its range: pixels that are not
        finite are masked where they are used.

    Raises
    ------
    astropy.units.UnitConversionError

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.validation.pixels import converted
    >>> converted(np.float32([2, 3e38]), u.mJy, u.uJy)
    array([2000.,   inf], dtype=float32)
    """
    with np.errstate(over='ignore'):
        return unit.to(other, values).astype(values.dtype, copy=False)


def value_in_unit(quantity, unit, name):
    """
    Values of numbers, a Quantity or NDData in the unit of the pixels, NaN where masked.

    Numbers without unit are assumed to be in that unit; None is returned as it is.

    Raises
    ------
    ValueError
        If they cannot be converted.
    """
    mask = None
    if isinstance(quantity, NDData):
        mask = None if quantity.mask is None else as_bool(quantity.mask)
        has_unit = quantity.unit is not None
        quantity = quantity.data * quantity.unit if has_unit else quantity.data
    quantity, hidden = without_mask(quantity)
    if hasattr(quantity, 'unit'):
        try:
            quantity = quantity.to_value(unit or u.dimensionless_unscaled)
        except u.UnitConversionError as error:
            raise ValueError(f'`{name}` must be in the unit of the pixels: {error}.') from error
    mask = joint_mask(mask, hidden)
    return quantity if mask is None else np.where(mask, np.nan, quantity)


def _pixels_of_angle(size, pixel_scale, name):
    """A size with a unit as a number of pixels, rounded."""
    size = u.Quantity(size)
    if size.unit.is_equivalent(u.pix):
        pixels = size.to_value(u.pix)
    elif not size.unit.is_equivalent(u.arcsec):
        raise ValueError(f'`{name}` must be in pixels or an angle, such as 10 arcsec; got {size}.')
    elif pixel_scale is None:
        raise ValueError(
            f'`{name}` must be in pixels where the pixel scale is not known; got {size}. Give '
            '`pixel_scale`, or an image with a WCS.'
        )
    else:
        pixels = (size / as_pixel_scale(pixel_scale)).to_value(u.pix)
    if not (np.isfinite(pixels) & (pixels < _MOST_PIXELS) & (np.rint(pixels) >= 1)).all():
        raise ValueError(f'`{name}` must be at least one pixel, and finite; got {size}.')
    return np.rint(pixels).astype(int)


def _in_unit(quantity, unit, name):
    try:
        return quantity.to_value(unit)
    except u.UnitConversionError as error:
        raise u.UnitConversionError(
            f'`{name}` in {quantity.unit.to_string() or "no unit"} do not convert to '
            f'{u.Unit(unit).to_string() or "no unit"}, the unit of the set.'
        ) from error


def _as_deviation(uncertainty):
    """An uncertainty of astropy as a standard deviation."""
    if isinstance(uncertainty, UnknownUncertainty):
        raise TypeError(
            '`uncertainty` must be of a known type, such as StdDevUncertainty or '
            'VarianceUncertainty; got UnknownUncertainty.'
        )
    with np.errstate(divide='ignore'):  # a weight of 0 is an infinite standard deviation
        deviation = uncertainty.represent_as(StdDevUncertainty)
    return deviation.array if deviation.unit is None else deviation.array * deviation.unit
