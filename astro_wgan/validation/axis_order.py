"""Order of the axes of stamps: stamps, y, x and bands."""

import numpy as np

__all__ = ['check_bands_last', 'in_order', 'own_axes']

_AXES = 'nyxb'


def own_axes(ndim):
    """The order of the axes in a set of stamps, as a value of ``axes``."""
    return _AXES[:ndim]


def in_order(array, axes, name):
    """
    An array with its axes in the order stamps, y, x, bands.

    Parameters
    ----------
    array : `~numpy.ndarray`
    axes : str or None
        A letter for each axis, such as 'nbyx'; None if they are in this order.
    name : str
        Name of the array for errors.

    Returns
    -------
    `~numpy.ndarray`
        A view. If the array has no bands, the letter b is ignored.

    Raises
    ------
    ValueError
        If the letters are invalid, or not as many as the array has axes.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.validation.axis_order import in_order
    >>> in_order(np.zeros((10, 3, 64, 32)), 'nbyx', 'pixels').shape
    (10, 64, 32, 3)
    """
    if axes is None or axes == own_axes(array.ndim):
        return array
    if not isinstance(axes, str) or sorted(axes) not in (sorted('nyx'), sorted(_AXES)):
        raise ValueError(
            '`axes` must have the letters n (stamps), y, x and, if there are bands, b, each once, '
            f"in the order of the array, such as 'nbyx'; got {axes!r}."
        )
    letters = axes.replace('b', '') if array.ndim == 3 else axes
    if len(letters) != array.ndim:
        raise ValueError(
            f'`axes` {axes!r} names {len(letters)} axes; `{name}` has the shape {array.shape}.'
        )
    return np.transpose(array, [letters.index(axis) for axis in own_axes(array.ndim)])


def check_bands_last(shape):
    """
    Refuse pixels whose bands seem to come before y and x.

    Raises
    ------
    ValueError
        If the second axis is the shortest, or only the last two have the same length.
    """
    if len(shape) != 4:
        return
    _, ny, nx, bands = shape
    if ny < min(nx, bands) or (ny != nx and nx == bands):
        raise ValueError(
            f'`pixels` of the shape {tuple(shape)} would be stamps of {ny} x {nx} pixels in '
            f"{bands} bands. If the {ny} are bands, set axes='nbyx', or give "
            "np.moveaxis(pixels, 1, -1); if they are not, set axes='nyxb'."
        )
