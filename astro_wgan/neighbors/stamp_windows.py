"""`Windows`: the pixels of an image that are searched for the neighbors of each stamp."""

from dataclasses import dataclass

import numpy as np

__all__ = ['Windows']


@dataclass(frozen=True, eq=False)
class Windows:
    """
    Windows of an image: its stamps, or what is needed to resample them.

    Attributes
    ----------
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel (x, y) of each window.
    shape : `~numpy.ndarray` of int, shape (n, 2)
        Pixels ``(ny, nx)`` of each window.
    center : `~numpy.ndarray`, shape (n, 2)
        Center (x, y) of each stamp in the image.
    extent : `~numpy.ndarray`, shape (n, 2)
        Pixels of the image that each stamp covers along x and y.
    """

    corner: np.ndarray
    shape: np.ndarray
    center: np.ndarray
    extent: np.ndarray

    @classmethod
    def of_stamps(cls, corner, shape):
        """Those of stamps of ``shape`` on the pixels of the image."""
        shapes = np.tile(np.array(shape, dtype=int), (len(corner), 1))
        return cls(corner, shapes, corner + (shapes[:, ::-1] - 1) / 2, shapes[:, ::-1])

    def __len__(self):
        return len(self.corner)

    def __getitem__(self, rows):
        return Windows(self.corner[rows], self.shape[rows], self.center[rows], self.extent[rows])

    def moved(self, shift):
        """The same windows in an image that begins at the pixel ``shift``, (x, y)."""
        return Windows(self.corner - shift, self.shape, self.center - shift, self.extent)

    def inner(self, k):
        """Rows and columns of a window that belong to its stamp, as slices."""
        low = self.center[k] + 0.5 - self.extent[k] / 2 - self.corner[k]
        first = np.floor(low + 1e-6).astype(int)
        last = np.ceil(low + self.extent[k] - 1e-6).astype(int)
        return tuple(slice(*pair) for pair in zip(first[::-1], last[::-1], strict=True))
