"""`critic_features`: what the critic sees in each stamp, as a table."""

import numpy as np
from astropy.table import QTable

from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record

__all__ = ['critic_features']

#: Stamps whose images are in memory at a time.
_BATCH = 1024


def critic_features(wgan, stamps, *, progress=True):
    """
    The critic features c(x) of each stamp, for whatever takes a table of numbers.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Images of the network's size and bands.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id`` and ``features``, float32 of shape (n, features): the output of the critic's last
        convolution, row by row of pixels, the channels last; NaN for a stamp without any valid
        pixel. ``meta`` holds the provenance.

    Raises
    ------
    `~astro_wgan.exceptions.NotFittedError`
        If the model has not been fitted.
    ValueError
        If the stamps do not fit the network.

    Notes
    -----
    Margalef-Bentabol et al. 2020, sections 3.4 and 4.2. Masked pixels are filled by the closest
    image that the model's encoder sees, with noise; without an encoder by those around and
    opposite. All features are in memory; with the preset ``'paper'``, 16 KiB for each stamp.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet, WGAN
    >>> from astro_wgan.anomaly import critic_features
    >>> stamps = StampSet(np.random.default_rng(1).normal(size=(64, 16, 16)))
    >>> wgan = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
    >>> critic_features(wgan, stamps, progress=False)['features'].shape
    (64, 1024)
    """
    wgan.images_from_stamps(stamps[:0])
    total, done = len(stamps), 0
    features = np.empty((total, int(np.prod(wgan.critic_.output[1].shape[1:]))), dtype=np.float32)
    with ProgressLine('critic features', quiet=not progress) as line:
        for batch in stamps.batches(_BATCH):
            rows = slice(done, done + len(batch))
            features[rows] = wgan.critic_features(batch).reshape(len(batch), -1)
            features[rows][~batch.valid.reshape(len(batch), -1).any(axis=1)] = np.nan
            done += len(batch)
            line.update(done / total, f'{done} of {total} stamps')
    meta = {'model': wgan.provenance_, 'provenance': provenance_record()}
    return QTable({'id': stamps.ids, 'features': features}, meta=meta)
