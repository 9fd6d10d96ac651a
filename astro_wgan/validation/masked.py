"""Masks of numbers: those of `numpy.ma` and of astropy's `Masked`."""

import numpy as np
from astropy import units as u
from astropy.table import Column
from astropy.utils.masked import Masked

__all__ = ['joint_mask', 'without_mask']


def without_mask(values):
    """
    Separate numbers, or a Quantity, from their mask.

    Parameters
    ----------
    values : array_like
        Also a masked array, `~astropy.utils.masked.Masked`, a column of a table, or a list of any
        of these.

    Returns
    -------
    values : array_like or `~astropy.units.Quantity`
        Unchanged if they had no mask.
    mask : `~numpy.ndarray` of bool, or None
        Mask of the same shape; None if nothing is masked.

    Raises
    ------
    ValueError
        If only some of a list have a unit.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.validation.masked import without_mask
    >>> without_mask(np.ma.array([1.0, -9999.0], mask=[False, True]))
    (array([    1., -9999.]), array([False,  True]))
    """
    mask = None
    if isinstance(values, Masked):
        values, mask = values.unmasked, np.array(values.mask)
    elif isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        values = _of_column(values) if isinstance(values, Column) else np.ma.getdata(values)
    elif isinstance(values, Column):
        values = _of_column(values)
    elif isinstance(values, (list, tuple)) and any(_says_more(value) for value in values):
        parts = [without_mask(value) for value in values]
        masks = [np.zeros(np.shape(v), bool) if m is None else m for v, m in parts]
        plain = [value for value, _ in parts]
        units = sum(isinstance(value, u.Quantity) for value in plain)
        if 0 < units < len(plain):
            raise ValueError(
                f'Either all arrays of a list must have a unit or none; got {units} of '
                f'{len(plain)} with a unit.'
            )
        values = u.Quantity(plain, subok=True) if units else np.stack(plain)
        mask = np.stack(masks)
    return values, mask if mask is not None and mask.any() else None


def joint_mask(first, second):
    """The union of two masks, of which one may have no axis of bands; None if both are None."""
    if first is None or second is None:
        return second if first is None else first
    first, second = (
        mask[..., np.newaxis] if mask.ndim < max(first.ndim, second.ndim) else mask
        for mask in (first, second)
    )
    return first | second


def _of_column(column):
    values = np.asarray(np.ma.getdata(column.data))
    if column.unit is None or values.dtype.kind not in 'biufc':
        return values
    return values << column.unit  # of magnitudes, too


def _says_more(value):
    """Whether a value has a mask or a unit, which NumPy would drop."""
    if isinstance(value, (list, tuple)):
        return any(_says_more(part) for part in value)
    return isinstance(value, (Masked, np.ma.MaskedArray, u.Quantity, Column))
