"""`StampArrays`: pixels, uncertainty and mask of stamps, which are always consistent."""

import numpy as np
from astropy import units as u

from astro_wgan.validation.axis_order import check_bands_last
from astro_wgan.validation.masked import joint_mask
from astro_wgan.validation.pixels import as_mask, as_pixels, as_uncertainty

__all__ = ['Checked', 'StampArrays']


class Checked:
    """
    An attribute that is checked whenever it is assigned.

    Parameters
    ----------
    check : callable
        Function of the object and the assigned value; its result is stored.
    text : str
        Docstring of the attribute.
    """

    def __init__(self, check, text):
        self._check = check
        self.__doc__ = text

    def __set_name__(self, owner, name):
        self._name = f'_{name}'

    def __get__(self, instance, owner=None):
        return self if instance is None else instance.__dict__[self._name]

    def __set__(self, instance, value):
        instance.__dict__[self._name] = self._check(instance, value)


class StampArrays:
    """
    The arrays of a `~astro_wgan.StampSet`, which documents the arguments.

    Values assigned to ``pixels``, ``uncertainty``, ``mask`` or ``unit`` are checked like the
    arguments of a set. Values written into the arrays are not checked.
    """

    def __init__(self, pixels, *, uncertainty, mask, unit, axes, assume_finite):
        self._pixels, hidden, unit = as_pixels(pixels, unit, axes)
        if axes is None:
            check_bands_last(self._pixels.shape)
        # No unit and dimensionless are the same.
        self._unit = None if unit in (None, u.dimensionless_unscaled) else u.Unit(unit)
        self._uncertainty, unknown = as_uncertainty(uncertainty, self._pixels, self._unit, axes)
        mask = as_mask(mask, self._pixels, axes=axes, assume_finite=assume_finite)
        self._mask = joint_mask(mask, joint_mask(hidden, unknown))

    @property
    def pixels(self):
        """
        The images, of shape (n, ny, nx) or (n, ny, nx, bands).

        Pixels of the same shape can be assigned: a Quantity is converted to the unit of the set,
        and pixels that are masked or not finite are added to the mask.
        """
        return self._pixels

    @pixels.setter
    def pixels(self, values):
        pixels, hidden, _ = as_pixels(values, self.unit or u.dimensionless_unscaled)
        if pixels.shape != self._pixels.shape:
            raise ValueError(
                f'`pixels` of a set must keep their shape, {self._pixels.shape}; got '
                f'{pixels.shape}. For a set with another shape call `replace(pixels=...)`.'
            )
        mask = joint_mask(as_mask(self._mask, pixels), hidden)
        if self._uncertainty is not None:
            self._uncertainty = self._uncertainty.astype(pixels.dtype, copy=False)
        self._pixels, self._mask = pixels, mask

    @property
    def uncertainty(self):
        """
        Standard deviation of each pixel, in the unit and dtype of the pixels, or None.

        Where an assigned uncertainty is masked, it becomes NaN and the pixel is masked.
        """
        return self._uncertainty

    @uncertainty.setter
    def uncertainty(self, values):
        values, unknown = as_uncertainty(values, self._pixels, self._unit)
        self._uncertainty, self._mask = values, joint_mask(self._mask, unknown)

    @property
    def mask(self):
        """
        True for pixels that must not be used, or None if all may be used.

        It has the shape of the pixels, or no axis of bands. Pixels that are not finite are always
        masked.
        """
        return self._mask

    @mask.setter
    def mask(self, mask):
        self._mask = as_mask(mask, self._pixels)

    @property
    def unit(self):
        """Unit of the pixels and their uncertainty, or None. It can be assigned if it is None."""
        return self._unit

    @unit.setter
    def unit(self, unit):
        unit = None if unit in (None, u.dimensionless_unscaled) else u.Unit(unit)
        if self._unit is not None and unit != self._unit:
            raise ValueError(
                f'The pixels are in {self._unit}: `replace(unit=...)` converts them. If that unit '
                'is wrong, call `replace` with `pixels`, `uncertainty` and `unit`.'
            )
        self._unit = unit

    @property
    def nbytes(self):
        """Bytes of pixels, uncertainty and mask in memory."""
        arrays = (self._pixels, self._uncertainty, self._mask)
        return sum(array.nbytes for array in arrays if array is not None)

    @property
    def shape(self):
        """``(ny, nx)`` of each stamp."""
        return self._pixels.shape[1:3]

    @property
    def n_bands(self):
        """Number of bands, or None for plain images ``(n, ny, nx)``."""
        return self._pixels.shape[3] if self._pixels.ndim == 4 else None

    @property
    def dtype(self):
        """Dtype of the pixels."""
        return self._pixels.dtype

    @property
    def quantity(self):
        """The pixels with their unit, as a `~astropy.units.Quantity` that shares their memory."""
        unit = self._unit or u.dimensionless_unscaled
        # Magnitudes have a class of their own.
        return u.Quantity(self._pixels, unit, copy=False, subok=True)

    @property
    def valid(self):
        """True for each pixel that may be used: finite and not masked. Shape of the pixels."""
        if self._mask is None:
            return np.ones(self._pixels.shape, dtype=bool)
        mask = self._mask
        if mask.ndim < self._pixels.ndim:
            mask = np.broadcast_to(mask[..., np.newaxis], self._pixels.shape)
        return ~mask

    def _filled(self, fill_value):
        if self._mask is None:
            return self._pixels
        valid = self.valid
        if fill_value is not None:
            return np.where(valid, self._pixels, self._pixels.dtype.type(fill_value))
        filled = self._pixels.copy()
        for i in np.flatnonzero(~valid.all(axis=(1, 2, 3)[: valid.ndim - 1])):
            stamp, good = np.atleast_3d(filled[i]), np.atleast_3d(valid[i])
            for band in range(stamp.shape[-1]):
                pixels, use = stamp[..., band], good[..., band]
                pixels[~use] = np.median(pixels[use]) if use.any() else 0
        return filled
