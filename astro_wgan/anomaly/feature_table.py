"""`critic_features`: features of the critic for each stamp, as a table."""

import numpy as np
from astropy.table import QTable

from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.store import as_stamps

__all__ = ['critic_features']

#: Number of stamps in memory at a time.
_BATCH = 1024


def critic_features(wgan, stamps, *, progress=True):
    """
    Critic features c(x) of each stamp, for classifiers, embeddings and the like.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
        Images of the network's size and number of bands, or anything else that
        `~astro_wgan.store.as_stamps` takes.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id`` and ``features``, float32 of shape (n, features): the output of the critic's last
        convolution, flattened (rows, columns, channels); NaN for a stamp without a valid pixel.
        ``meta`` holds the provenance.

    Raises
    ------
    `~astro_wgan.exceptions.NotFittedError`
        If the model has not been fitted.
    ValueError
        If the stamps do not fit the network.

    Notes
    -----
    Margalef-Bentabol et al. 2020, sections 3.4 and 4.2. Masked pixels are filled from the closest
    image of the encoder's prediction, with noise; without an encoder from the surrounding and the
    opposite pixels. All features are in memory: 16 KiB per stamp for the preset ``'paper'``.

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
    stamps = as_stamps(stamps)
    wgan.images_from_stamps(stamps[:0])  # checks size and bands
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
