"""`read_features`: features of stamps from a file of arrays, a table, or a network."""

import io
from functools import partial
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.catalogs.table_files import read_table
from astro_wgan.files.atomic import read_arrays, read_bytes
from astro_wgan.files.limits import check_file

__all__ = ['read_features']

#: Names that arrays in one file may have.
_FEATURES, _IDS = 'features', ('id', 'ids')


def read_features(path):
    """
    Read features of stamps, as arguments ``features`` take them.

    Parameters
    ----------
    path : path-like
        A NumPy file: one array of shape (n, d) in ``.npy``, or an uncompressed ``.npz`` with an
        array ``features``, or a single one, and, if ids are to be compared, ``id``; a table (ECSV,
        FITS, VOTable, Parquet) with a column ``features``, and, likewise, ``id``; or a network
        (``.onnx``) that makes features of images.

    Returns
    -------
    `~numpy.ndarray`, `~astropy.table.QTable` or callable
        A callable is given stamps, and returns their features: see
        `~astro_wgan.features.onnx_features`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else, or is damaged.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.features import read_features
    >>> path = mkdtemp() + '/features.npz'
    >>> np.savez(path, features=np.ones((5, 3)), id=np.arange(5))
    >>> read_features(path)['features'].shape
    (5, 3)
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'There is no file of features {path}.')
    check_file(path)
    suffix = path.suffix.lower()
    if suffix == '.onnx':
        from astro_wgan.features.onnx_file import onnx_features

        return partial(onnx_features, path)
    if suffix == '.npy':
        return _array(path)
    if suffix == '.npz':
        return _named_arrays(path)
    return read_table(path)


def _array(path):
    try:
        return np.lib.format.read_array(io.BytesIO(read_bytes(path)), allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise ValueError(f'The file of features {path} is no array of NumPy: {error}') from error


def _named_arrays(path):
    arrays = read_arrays(path)
    if _FEATURES not in arrays and len(arrays) == 1:
        return next(iter(arrays.values()))
    if _FEATURES not in arrays:
        raise ValueError(
            f'The file of features {path} must have an array `features`, or only one; it has '
            f'{", ".join(arrays)}.'
        )
    features = arrays[_FEATURES]
    ids = next((arrays[name] for name in _IDS if name in arrays), None)
    if ids is None:
        return features
    if len(ids) != len(features):
        raise ValueError(
            f'The file of features {path} must have as many ids as features; got {len(ids)} and '
            f'{len(features)}.'
        )
    return QTable({'id': ids, _FEATURES: features})
