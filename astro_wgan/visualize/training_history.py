"""Figures of trainings: losses and distances by iteration."""

import os

import numpy as np

from astro_wgan.catalogs.table_files import read_table
from astro_wgan.files.former_names import current_names
from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.table_input import axis_label, check_table, numbers

__all__ = ['plot_training']

_SHOWN = {
    'wasserstein_distance': 'critic distance',
    'held_out_wasserstein_distance': 'critic distance, held out',
    'gradient_penalty': 'gradient penalty',
}


def plot_training(history, columns=None, *, ax=None):
    """
    Curves of a training by iteration.

    Parameters
    ----------
    history : `~astropy.table.QTable` or path-like
        ``history_`` of a `~astro_wgan.WGAN`; or the file ``history.ecsv`` in its folder, or one
        that `keras.callbacks.CSVLogger` wrote.
    columns : sequence of str, optional
        Columns to draw; by default the critic's estimate of the distance between real and
        generated images, the same for held-out images if they were given, and the gradient
        penalty.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, the history is empty, or columns are missing.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.visualize import plot_training
    >>> ax = plot_training(datasets.model_path('simulated_f160w') / 'history.ecsv')
    >>> ax.get_legend_handles_labels()[1]
    ['critic distance', 'gradient penalty']
    """
    if isinstance(history, (str, os.PathLike)):
        history = read_table(history)
        names_of_today = [*current_names(dict.fromkeys(history.colnames), 'history')]
        history.rename_columns(history.colnames, names_of_today)
    check_table(history, (), '`history`')
    by = 'iteration' if 'iteration' in history.colnames else 'epoch'
    if columns is None:
        columns = [name for name in _SHOWN if name in history.colnames] or [*_SHOWN]
    check_table(history, (by, *columns), '`history`')
    at = numbers(history[by], f'{by!r} of `history`')
    ax = one_or_new(ax)
    for name in columns:
        values = numbers(history[name], f'{name!r} of `history`')
        known = np.isfinite(values)
        # One row is a point, of which a line alone shows nothing.
        marker = 'o' if known.sum() < 20 else None
        label = _SHOWN.get(name, axis_label(name, getattr(history[name], 'unit', None)))
        ax.plot(at[known], values[known], marker=marker, markersize=3, label=label)
    ax.set_xlabel({'iteration': 'generator iteration', 'epoch': 'epoch'}[by])
    ax.legend(frameon=False)
    return ax
