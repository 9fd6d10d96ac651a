"""Stretched images of stamps in batches, and tables of their scores."""

import numpy as np

from astro_wgan.baselines.object_features import score_table
from astro_wgan.jobs.progress import ProgressLine

__all__ = ['score_stamps', 'stretched']

#: Number of pixels in a batch.
_BATCH_PIXELS = 2**22


def stretched(stamps, stretch):
    """
    Stretched images of stamps, and their valid pixels.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted.

    Returns
    -------
    images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        Stretched intensities, with masked pixels filled; one band for stamps without bands.
    valid : `~numpy.ndarray` of bool, shape (n, ny, nx, bands)
        False for masked pixels.
    """
    shape = (len(stamps), *stamps.shape, stamps.n_bands or 1)
    return stretch.transform(stamps).reshape(shape), stamps.valid.reshape(shape)


def score_stamps(stamps, stretch, measure, *packages, progress):
    """
    A table of scores, computed in batches.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted.
    measure : callable
        Function from ``(images, valid)`` of a batch to its scores; see `stretched`.
    *packages : str
        Packages that the scores depend on, for the provenance.
    progress : bool
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``score``, and ``valid_fraction``, the fraction of pixels that are not masked. If it
        is 0 the score is NaN.
    """
    total = len(stamps)
    size = max(1, _BATCH_PIXELS // (np.prod(stamps.shape) * (stamps.n_bands or 1)))
    score, valid_fraction, done = np.empty(total), np.empty(total), 0
    with ProgressLine('scoring', quiet=not progress) as line:
        for batch in stamps.batches(size):
            images, valid = stretched(batch, stretch)
            rows = slice(done, done + len(batch))
            valid_fraction[rows] = valid.mean(axis=(1, 2, 3))
            score[rows] = np.where(valid_fraction[rows] > 0, measure(images, valid), np.nan)
            done += len(batch)
            line.update(done / total, f'{done} of {total} stamps')
    return score_table(stamps.ids, score, *packages, valid_fraction=valid_fraction)
