"""`dask_array`: pixels of a store as a lazy array of Dask, whose chunks are the files."""

import numpy as np

__all__ = ['dask_array']


class _StoredArray:
    """
    An array of a store that is read as it is indexed.

    Parameters
    ----------
    read : callable
        Values of rows, given by an array of their numbers.
    shape : tuple of int
    dtype : `~numpy.dtype`
    """

    def __init__(self, read, shape, dtype):
        self._read, self.shape, self.dtype = read, shape, dtype
        self.ndim = len(shape)

    def __getitem__(self, index):
        rows, *within = index if isinstance(index, tuple) else (index,)
        # Not of all rows, of which there may be more than fit in memory.
        rows = np.asarray(range(self.shape[0])[rows])
        values = self._read(np.atleast_1d(rows))
        return values[(slice(None) if rows.ndim else 0, *within)]


def dask_array(read, shape, dtype, *, rows, name):
    """
    An array of a store as a Dask array.

    Parameters
    ----------
    read : callable
        Values of rows, given by an array of their numbers. It is sent to workers.
    shape : tuple of int
    dtype : `~numpy.dtype`
    rows : int
        Rows of a file, and so of a chunk.
    name : str
        Name that no array with other values has.

    Returns
    -------
    `dask.array.Array`
    """
    # Imported here: it takes long, and few need it.
    from dask import array

    return array.from_array(
        _StoredArray(read, shape, dtype),
        chunks=(rows, *shape[1:]),
        name=name,
        asarray=False,
        fancy=False,
        # Otherwise Dask reads something to find out.
        meta=np.empty((0,) * len(shape), dtype),
    )
