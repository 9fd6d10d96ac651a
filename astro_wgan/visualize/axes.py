"""Where a figure is drawn: on given axes, or on those of a new figure."""

import numpy as np

from astro_wgan.optional import import_optional

__all__ = ['grid_or_new', 'import_matplotlib', 'one_or_new']


def import_matplotlib():
    """The package Matplotlib, or the error that says how to install it."""
    return import_optional('matplotlib', purpose='Figures need')


def one_or_new(ax):
    """The given `~matplotlib.axes.Axes`, or for None those of a new figure of pyplot."""
    import_matplotlib()
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(6, 4), layout='constrained')[1]


def grid_or_new(axes, rows, columns):
    """The given array of Axes, or that of a new figure of square panels."""
    import_matplotlib()
    if axes is None:
        from matplotlib import pyplot

        size = (1.8 * columns, 1.8 * rows + 0.3)
        return pyplot.subplots(rows, columns, figsize=size, layout='constrained', squeeze=False)[1]
    axes = np.atleast_2d(np.asarray(axes, dtype=object))
    if axes.shape != (rows, columns):
        raise ValueError(
            f'`axes` must be an array of {rows} x {columns} Axes; got shape {axes.shape}.'
        )
    return axes
