"""How baselines walk over stamps: stretched images and weights, batch by batch."""

import numpy as np

from astro_wgan.baselines.object_features import score_table
from astro_wgan.jobs.progress import ProgressLine

__all__ = ['score_stamps', 'stretched']

#: Pixels that are in memory at a time.
_BATCH_PIXELS = 2**22


def stretched(stamps, stretch):
    """
    Intensities and validity of stamps.

    Returns
    -------
    images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        Stretched, masked pixels filled; with an axis of length 1 for plain images.
    valid : `~numpy.ndarray` of bool, shape (n, ny, nx, bands)
        True for each pixel that is not masked.
    """
    shape = (len(stamps), *stamps.shape, stamps.bands or 1)
    return stretch.transform(stamps).reshape(shape), stamps.valid.reshape(shape)


def score_stamps(stamps, stretch, measure, *packages, progress):
    """
    A table of scores, with no more than a batch of stamps in memory.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        What to score.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted.
    measure : callable
        From ``(images, valid)`` of a batch to a score for each; see `stretched`.
    *packages : str
        What else the scores depend on, for the provenance.
    progress : bool
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``score`` and ``valid``, the share of pixels that are not masked. Where that is 0
        the score is NaN.
    """
    total = len(stamps)
    size = max(1, _BATCH_PIXELS // (np.prod(stamps.shape) * (stamps.bands or 1)))
    score, share, done = np.empty(total), np.empty(total), 0
    with ProgressLine('scoring', quiet=not progress) as line:
        for batch in stamps.batches(size):
            images, valid = stretched(batch, stretch)
            rows = slice(done, done + len(batch))
            share[rows] = valid.mean(axis=(1, 2, 3))
            score[rows] = np.where(share[rows] > 0, measure(images, valid), np.nan)
            done += len(batch)
            line.update(done / total, f'{done} of {total} stamps')
    return score_table(stamps.ids, score, *packages, valid=share)
