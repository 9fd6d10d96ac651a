"""`BandArrays`: arrays of stamps with bands last, of which each band is filled by itself."""

import functools

import numpy as np

__all__ = ['BandArrays']

#: Number of values, half a megabyte, that fit into the cache of a processor core.
_CACHED = 2**17


class BandArrays:
    """
    Pixels, uncertainty and mask of stamps in several bands, of which there are no second copies.

    Parameters
    ----------
    n_bands : int

    Notes
    -----
    In memory, each stamp has one band after another, although bands are the last axis: so a band is
    written as fast as plain images, while values of other bands in between would take the memory of
    all bands through the cache for each of them. What is done band by band is faster, too.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.bands.band_arrays import BandArrays
    >>> arrays = BandArrays(2)
    >>> for band in range(2):
    ...     new = arrays.of_band(band)
    ...     new('pixels', (5, 8, 8), np.float32)[:] = band
    >>> arrays.joined('pixels').shape
    (5, 8, 8, 2)
    """

    def __init__(self, n_bands):
        self._n_bands = n_bands
        self._whole = {}

    def of_band(self, number):
        """
        A function that makes the arrays of one band: views of those of all.

        Parameters
        ----------
        number : int
            Number of the band.

        Returns
        -------
        callable
            As `~astro_wgan.images.fits_sections.new_array`.
        """
        return functools.partial(self._new, number)

    def put(self, number, name, values, change=None):
        """
        Put values of a band where they belong, unless they are there.

        Parameters
        ----------
        number : int
            Number of the band.
        name : str
            ``'pixels'``, ``'uncertainty'`` or ``'mask'``.
        values : `~numpy.ndarray`, shape (n, ny, nx)
        change : callable, optional
            Function of some of the values, such as a conversion of their unit.

        Returns
        -------
        `~numpy.ndarray`, shape (n, ny, nx)
            A view of the array of all bands.
        """
        plane = self._plane(number, name, values.shape, values.dtype)
        if change is not None or not _are_one(plane, values):
            # Some stamps at a time, which stay in the cache.
            step = max(1, _CACHED // max(1, int(np.prod(values.shape[1:]))))
            for start in range(0, len(values), step):
                rows = slice(start, start + step)
                plane[rows] = values[rows] if change is None else change(values[rows])
        return plane

    def joined(self, name):
        """The array of all bands, of shape (n, ny, nx, bands), or None if there is none."""
        whole = self._whole.get(name)
        return None if whole is None else np.moveaxis(whole, 1, -1)

    def _new(self, number, name, shape, dtype):
        plane = self._plane(number, name, shape, np.dtype(dtype))
        if plane.dtype.kind == 'b':
            plane[:] = False
        return plane

    def _plane(self, number, name, shape, dtype):
        n, *image = shape
        whole = self._whole.get(name)
        if whole is None or whole.shape != (n, self._n_bands, *image):
            make = np.zeros if dtype.kind == 'b' else np.empty
            whole = make((n, self._n_bands, *image), dtype=dtype)
        elif np.result_type(whole.dtype, dtype) != whole.dtype:
            # What is not filled yet may hold anything.
            with np.errstate(all='ignore'):
                whole = whole.astype(np.result_type(whole.dtype, dtype))
        self._whole[name] = whole
        return whole[:, number]


def _are_one(first, second):
    """Whether two arrays are the same memory, seen in the same way."""
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and first.strides == second.strides
        and first.__array_interface__['data'] == second.__array_interface__['data']
    )
