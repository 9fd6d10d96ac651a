"""Script of the process in which astro_wgan.browsing makes maps of features."""

import os
import sys
from threading import Thread

import numpy as np

from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.optional import find_optional
from astro_wgan.visualize.embedding import embed_features

__all__ = ['place_features']

#: Fewer objects than this have no neighborhoods to keep.
_FEWEST = 16


def place_features(features):
    """
    Places in a plane: by UMAP where it is installed, otherwise by principal components.

    Parameters
    ----------
    features : `~numpy.ndarray`, shape (n, d)
        Finite.

    Returns
    -------
    places : `~numpy.ndarray` of float32, shape (n, 2)
    method : str

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.browsing.rows.embedding_process import place_features
    >>> places, method = place_features(np.eye(5, dtype=np.float32))
    >>> places.shape, method
    ((5, 2), 'principal components')
    """
    if len(features) >= _FEWEST:
        try:
            for name in ('umap', 'sklearn'):
                find_optional(name, purpose='Maps need')
        except ImportError:
            pass
        else:
            return embed_features(features, method='umap'), 'UMAP'
    return _principal_places(features), 'principal components'


def _principal_places(features):
    if len(features) < 2:
        return np.zeros((len(features), 2), dtype=np.float32)
    centered = features - features.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T.astype(float) @ centered)
    places = centered @ axes[:, :-3:-1]
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1]))).astype(np.float32)


def _end_with_server():
    """End this process once the other end of its input is closed, as by a kill."""
    os.read(0, 1)  # not by sys.stdin, whose lock would be held at the end of Python
    os._exit(1)


if __name__ == '__main__':
    Thread(target=_end_with_server, daemon=True).start()
    found, used = place_features(read_arrays(sys.argv[1])['features'])
    write_arrays(sys.argv[2], places=found, method=np.array(used))
