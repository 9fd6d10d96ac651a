"""`id_values`: ids of a column as an array, text where files have bytes."""

import numpy as np

__all__ = ['id_values']


def id_values(column):
    """
    Ids of a column as an array.

    Parameters
    ----------
    column : array_like
        Numbers or text, also as bytes, as astropy reads it from FITS and HDF5 files.

    Returns
    -------
    `~numpy.ndarray`
        Bytes as text, so that ids are equal to those of a table that was never in such a file, and
        can be written as JSON.

    Examples
    --------
    >>> from astro_wgan.validation.id_values import id_values
    >>> id_values([b'M 31', b'M 33']).tolist()
    ['M 31', 'M 33']
    """
    values = np.asarray(column)
    return np.char.decode(values, 'utf-8', 'replace') if values.dtype.kind == 'S' else values
