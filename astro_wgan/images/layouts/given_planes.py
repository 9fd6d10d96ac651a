"""Masks, weights and uncertainties that the caller gives as arrays."""

import numpy as np
from astropy import units as u
from astropy.nddata import NDData, NDUncertainty, StdDevUncertainty

from astro_wgan.exceptions import ImageError
from astro_wgan.images.layouts.companion_planes import Companions
from astro_wgan.images.layouts.quality_bits import check_width, numbered_bits
from astro_wgan.images.pixel_planes import PixelPlane
from astro_wgan.images.planes import standard_deviation
from astro_wgan.images.read_options import is_file_part
from astro_wgan.validation.masked import joint_mask, without_mask
from astro_wgan.validation.pixels import as_bool
from astro_wgan.validation.real_numbers import as_float

__all__ = ['given_arrays', 'with_given']


def given_arrays(given, shape, unit, *, bits=None):
    """
    Masks, weights and uncertainties that the caller gives as arrays.

    Parameters
    ----------
    given : dict
        ``mask``, ``weight`` and ``uncertainty``, each optional, as in
        `~astro_wgan.images.read_options.ReadOptions`.
    shape : tuple of int
        ``(ny, nx)`` of the image.
    unit : unit or None
        Unit of the image.
    bits : int or tuple of str, optional
        Bad bits of the mask.

    Returns
    -------
    dict of (`~astro_wgan.images.pixel_planes.PixelPlane`, `QualityBits` or None)
        By name.

    Raises
    ------
    ImageError
        If one has another shape than the image, no weight is above 0, the unit does not fit, or the
        mask cannot have the bits.
    """
    planes = {}
    for name, value in given.items():
        pixels = _in_unit(value, shape, unit) if name == 'uncertainty' else value
        if pixels.shape != tuple(shape):
            raise ImageError(
                f'`{name}` must have the shape of the image, {tuple(shape)}; got {pixels.shape}.'
            )
        if name == 'weight' and not (pixels > 0).any():
            raise ImageError('`weight` must be above 0 somewhere; got no such pixel.')
        is_bool = pixels.dtype.kind == 'b'
        if name == 'mask' and not is_bool:
            check_width(bits, 8 * pixels.dtype.itemsize, '`mask`')
        quality = None if name != 'mask' else numbered_bits(-1 if is_bool else bits)
        planes[name] = PixelPlane(pixels, f'`{name}`', f'`{name}`', 'the call'), quality
    return planes


def with_given(image, options, where):
    """
    An image in memory, with the mask, weight and uncertainty that the caller gives.

    Parameters
    ----------
    image : `~astropy.nddata.NDData`
    options : `~astro_wgan.images.read_options.ReadOptions`
    where : str
        What to call it in messages.

    Returns
    -------
    `~astropy.nddata.NDData`

    Raises
    ------
    ImageError
        As in `given_arrays`, or if a file or an HDU is given.
    """
    given = options.given()
    for name, value in given.items():
        if is_file_part(value):
            raise ImageError(
                f'`{name}` of {where} must be an array; got {value!r}. Read it by `read_image`.'
            )
    companions = Companions()
    planes = given_arrays(given, image.data.shape, image.unit, bits=options.bits)
    for name, (plane, bits) in planes.items():
        companions.add(name, plane, bits=bits, is_asked=True)
    mask, deviation = companions.read()
    for other in (image.mask, without_mask(image.data)[1]):
        mask = mask if other is None else joint_mask(mask, as_bool(other))
    companions.check_usable(mask, where)
    return NDData(
        image.data,
        unit=image.unit,
        wcs=image.wcs,
        mask=mask,
        uncertainty=image.uncertainty if deviation is None else StdDevUncertainty(deviation),
        meta=image.meta,
    )


def _in_unit(value, shape, unit):
    """Standard deviations in the unit of the image."""
    if isinstance(value, NDUncertainty):
        if np.shape(value.array) != tuple(shape):
            return np.asarray(value.array)
        return standard_deviation(NDData(np.zeros(shape), unit=unit, uncertainty=value), unit)
    if not isinstance(value, u.Quantity):
        return value
    try:
        return as_float(value.to_value(unit or u.dimensionless_unscaled), 'uncertainty')
    except u.UnitConversionError as error:
        raise ImageError(
            f'`uncertainty` must be in a unit that converts to that of the image, {unit}; got '
            f'{value.unit}.'
        ) from error
