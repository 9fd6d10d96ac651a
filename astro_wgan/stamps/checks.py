"""What sets of stamps accept: stacks of real numbers, and masks, tables and scales that fit."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

__all__ = [
    'as_float',
    'as_mask',
    'as_pixel_scale',
    'as_shape',
    'as_stack',
    'as_table',
    'as_uncertainty',
    'check_alike',
]


def as_float(values, name):
    """
    Real numbers as native float32 or float64, without a copy where they are that already.

    Integers of up to 16 bits fit float32 without loss; wider ones become float64.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    """
    values = np.asarray(values)
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind not in 'fiub':
        raise TypeError(f'`{name}` must be real numbers; got dtype {values.dtype}.')
    narrow = size <= (4 if kind == 'f' else 2)
    return values.astype(np.float32 if narrow else np.float64, copy=False)


def as_stack(pixels):
    """
    The pixels of stamps as native floats.

    Raises
    ------
    ValueError
        If they are not a stack of images.
    """
    pixels = as_float(pixels, 'pixels')
    if pixels.ndim not in (3, 4):
        raise ValueError(
            '`pixels` must have the shape (n, ny, nx) or (n, ny, nx, bands); '
            f'got an array of shape {pixels.shape}.'
        )
    return pixels


def as_uncertainty(values, pixels, unit):
    """
    Standard deviations as an array like the pixels, or None.

    Raises
    ------
    ValueError
        If the shape is not that of the pixels.
    """
    if values is None:
        return None
    if isinstance(values, u.Quantity):
        values = values.to_value(unit or u.dimensionless_unscaled)
    values = np.asarray(values, dtype=pixels.dtype)
    if values.shape != pixels.shape:
        raise ValueError(
            f'`uncertainty` must have the shape of the pixels, {pixels.shape}; got {values.shape}.'
        )
    return values


def as_mask(mask, pixels, *, assume_finite=False):
    """
    The mask with pixels that are not finite added; None where nothing is masked.

    Raises
    ------
    ValueError
        If the mask has neither the shape of the pixels nor that of their first three axes.
    """
    if mask is not None:
        mask = np.asarray(mask, dtype=bool)
        if mask.shape not in (pixels.shape, pixels.shape[:3]):
            allowed = ' or '.join(str(s) for s in sorted({pixels.shape[:3], pixels.shape}, key=len))
            raise ValueError(f'`mask` must have the shape {allowed}; got {mask.shape}.')
        mask = mask if mask.any() else None
    if assume_finite:
        return mask
    finite = np.isfinite(pixels)
    if finite.all():
        return mask
    if mask is None:
        return ~finite
    return (mask if mask.ndim == pixels.ndim else mask[..., np.newaxis]) | ~finite


def as_pixel_scale(pixel_scale):
    """
    An angle, or angle per pixel, in arcsec per pixel.

    Raises
    ------
    astropy.units.UnitsError
        If it is something else.
    ValueError
        If it is not above zero.
    """
    pixel_scale = u.Quantity(pixel_scale)
    if pixel_scale.unit.is_equivalent(u.arcsec):
        pixel_scale = pixel_scale / u.pix
    if not pixel_scale.unit.is_equivalent(u.arcsec / u.pix) or not pixel_scale.isscalar:
        raise u.UnitsError(
            '`pixel_scale` must be one angle, or angle per pixel, such as '
            f'0.06 arcsec / pix; got {pixel_scale}.'
        )
    if not 0 < pixel_scale.value < np.inf:
        raise ValueError(f'`pixel_scale` must be above zero; got {pixel_scale}.')
    return pixel_scale.to(u.arcsec / u.pix)


def as_shape(size):
    """
    Pixels along the edges of a stamp, ``(ny, nx)``, from one number or both.

    Raises
    ------
    ValueError
        If they are not whole numbers above 0.
    """
    edges = np.asarray(size)
    if edges.dtype.kind not in 'iu' or edges.shape not in ((), (2,)) or edges.min() < 1:
        raise ValueError(
            f'`size` must be a number of pixels above 0, or two of them (ny, nx); got {size!r}.'
        )
    return tuple(np.broadcast_to(edges, 2).tolist())


def as_table(table, n):
    """
    A `~astropy.table.QTable` of n rows with a column ``id`` without repetitions.

    Raises
    ------
    ValueError
        If there are not n rows, or an id occurs twice.
    """
    if table is None:
        table = QTable({'id': np.arange(n)})
    # A table of its own, for more columns, with the same data: sliced, a QTable is there quickly.
    table = table[:] if type(table) is QTable else QTable(table, copy=False)
    if len(table) != n:
        raise ValueError(f'`table` must have a row per stamp, {n}; got {len(table)} rows.')
    if 'id' not in table.colnames:
        table.add_column(np.arange(n), name='id', index=0)
    ids = np.sort(np.asarray(table['id']))
    if (ids[1:] == ids[:-1]).any():
        raise ValueError('Column `id` of `table` must hold a different value for each stamp.')
    return table


def check_alike(first, other):
    """
    Make sure that two sets of stamps can become one.

    Raises
    ------
    ValueError
        If size, bands, unit or pixel scale disagree, or only one has uncertainty.
    """
    if first.pixels.shape[1:] != other.pixels.shape[1:]:
        raise ValueError(
            'Only stamps of one size and number of bands can be joined; '
            f'got {first.pixels.shape[1:]} and {other.pixels.shape[1:]}.'
        )
    if first.unit != other.unit:
        raise ValueError(
            f'Only stamps of one unit can be joined; got {first.unit} and {other.unit}.'
        )
    scales = [first.pixel_scale, other.pixel_scale]
    if scales.count(None) == 1 or (None not in scales and not u.isclose(*scales, rtol=1e-3)):
        raise ValueError(
            'Only stamps of one pixel scale can be joined (reproject them first); '
            f'got {scales[0]} and {scales[1]}.'
        )
    if (first.uncertainty is None) != (other.uncertainty is None):
        raise ValueError('Uncertainty must be in all of the joined sets or in none.')
