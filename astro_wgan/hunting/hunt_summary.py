"""Summary of a hunt as plain values, for programs that call the command."""

from pathlib import PurePath

import numpy as np

__all__ = ['describe_field', 'summarize_hunt']

#: Columns of the highest ranks.
_COLUMNS = ('rank', 'id', 'x', 'y', 'score', 'p_value', 'trained_on')


def summarize_hunt(result, *, n_top=10):
    """
    What a hunt found, and from what, as plain values.

    Parameters
    ----------
    result : `~astro_wgan.hunting.HuntResult`
        As `~astro_wgan.hunt` returns it.
    n_top : int, optional
        Number of sources to list, from the highest score on.

    Returns
    -------
    dict
        ``folder``, ``gallery`` and ``scores`` (paths); ``size`` of the stamps and ``bands``
        (names); ``n_sources``, ``n_trained_on``, ``n_held_out``; ``thresholds`` and ``n_above`` by
        percentile of the normals; ``top``: a dictionary for each source with its rank, id,
        position, score and p-value; ``images``: what was read of each; ``initial_model``; whether
        there is a ``classifier``;
        ``seconds`` of each step; ``credit`` and ``versions``. It can be written as JSON.

    Examples
    --------
    >>> from astro_wgan import datasets, hunt
    >>> from astro_wgan.hunting import summarize_hunt
    >>> result = hunt(datasets.load_image('hubble_xdf'), output='xdf')  # doctest: +SKIP
    >>> summarize_hunt(result)['n_sources']  # doctest: +SKIP
    """
    table, stamps = result.table, result.stamps
    trained_on = np.asarray(table['trained_on'], dtype=bool)
    told = table.meta['hunt']
    thresholds = result.detector.calibration_.thresholds()
    return {
        'folder': str(result.folder),
        'gallery': str(result.folder / 'gallery.html'),
        'scores': str(result.folder / 'scores.ecsv'),
        'size': list(stamps.shape),
        'bands': [band.name for band in stamps.bands],
        'n_sources': len(table),
        'n_trained_on': int(trained_on.sum()),
        'n_held_out': len(result.detector.calibration_.held_out_scores),
        'thresholds': {str(p): _plain(value) for p, value in thresholds.items()},
        'n_above': {str(p): int(np.sum(table[f'anomalous_{p}'])) for p in thresholds},
        'top': _top(table, n_top),
        'images': told['images'],
        'initial_model': told['initial_model'],
        'classifier': hasattr(result.detector, 'classifier_'),
        'seconds': told['seconds'],
        'credit': told['credit'],
        'versions': told['versions'],
    }


def describe_field(images, config, *, is_detected):
    """
    What stamps were cut from and what was done with them, in sentences for the page.

    Parameters
    ----------
    images : list of dict
        What was read of each image: its band, its source and its parts, as in a summary.
    config : `~astro_wgan.HuntConfig`
    is_detected : bool
        Whether sources were detected, rather than positions given.

    Returns
    -------
    list of str
    """
    sentences = []
    if 'band' in images[0]:
        bands = ', '.join(f'{told["band"]} ({_file_name(told)})' for told in images)
        sentences.append(f'{len(images)} bands: {bands}.')
    else:
        sentences.append(f'Image: {_file_name(images[0])}.')
    # Of files of no known survey the general layout says nothing.
    layouts = dict.fromkeys(told.get('layout', 'general') for told in images)
    layouts.pop('general', None)
    if layouts:
        sentences.append(f'Layout: {", ".join(layouts)}.')
    for part in ('mask', 'weight', 'uncertainty'):
        used = dict.fromkeys(told[part] for told in images if part in told)
        if used:
            sentences.append(f'{part.capitalize()}: {"; ".join(used)}.')
    if not is_detected:
        sentences.append('Stamps are cut at given positions.')
    elif config.detect_in is not None:
        sentences.append(f'Sources are detected in {config.detect_in}.')
    if config.sky == 'subtract':
        sentences.append('The background is subtracted.')
    how = getattr(config.neighbors, 'neighbors', config.neighbors)
    if how != 'keep':
        done = {'mask': 'masked', 'replace': 'replaced by sky'}[how]
        sentences.append(f'Neighbors of the central source are {done}.')
    if config.stars == 'mask' or getattr(config.neighbors, 'stars', 'keep') == 'mask':
        sentences.append('Point sources beside or on a galaxy are masked.')
    return sentences


def _file_name(told):
    return PurePath(told['source']).name


def _top(table, n):
    """The highest ranks, as dictionaries."""
    rows = np.argsort(table['rank'])[:n]
    columns = {name: table[name][rows] for name in _COLUMNS}
    if 'sky' in table.colnames:
        sky = table['sky'][rows].icrs
        columns |= {'ra': sky.ra.deg, 'dec': sky.dec.deg}
    return [{name: _plain(column[k]) for name, column in columns.items()} for k in range(len(rows))]


def _plain(value):
    """A value of a table for JSON, which has no NaN."""
    value = getattr(value, 'value', value)
    value = value.item() if isinstance(value, np.generic) else value
    is_nan = isinstance(value, float) and np.isnan(value)
    return None if value is np.ma.masked or is_nan else value
