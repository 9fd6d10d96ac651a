"""Parent images of stored stamps: each is written once, and its WCS is read when it is needed."""

from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np

from astro_wgan.astrometry.parent_text import parent_record, parent_text, wcs_of_record
from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.exceptions import StampStoreError

__all__ = ['RESAMPLING', 'ParentImageTable', 'StoredParent', 'origin_array']

#: Name of the array with the fractions of pixels and factors of resampled stamps.
RESAMPLING = 'resampling'

#: Number of the last parent images that are recognized when more stamps of them are appended.
_REMEMBERED = 1024


class StoredParent:
    """
    A `~astro_wgan.astrometry.stamp_geometry.ParentImage` that is read when it is needed.

    A store may have as many parents as stamps, and creating a WCS takes as long as reading ten
    stamps.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        Arrays of the store.
    number : int
        Index of the parent.
    """

    def __init__(self, arrays, number):
        self._arrays, self._number = arrays, number

    def __reduce__(self):
        return ParentImage, (self.shape, self.wcs, self.pixel_scale)

    @cached_property
    def text(self):
        """Shape and WCS of the image as JSON."""
        return str(self._arrays.read('parents', np.array([self._number]))[0])

    @cached_property
    def _record(self):
        return self._of_text(parent_record, self.text)

    def _of_text(self, read, value):
        try:
            return read(value)
        except ValueError as error:
            raise StampStoreError(
                f'The store {self._arrays.path} is damaged in parent image {self._number}: {error}.'
            ) from error

    @property
    def shape(self):
        """``(ny, nx)`` of the image."""
        return tuple(self._record['shape'])

    @property
    def pixel_scale(self):
        """Arcsec per pixel of an image without WCS whose stamps are resampled, or None."""
        return self._record.get('pixel_scale')

    @cached_property
    def wcs(self):
        """The `~astropy.wcs.WCS` of the image, or None."""
        return self._of_text(wcs_of_record, self._record)


class ParentImageTable:
    """
    The parent images of the stamps of a store, and where each stamp was cut.

    It reads and writes the arrays ``parents`` and ``origin`` (parent image, x and y of the first
    pixel), and for resampled stamps ``resampling`` (what their first edges differ by from those
    of that pixel, and pixels of the parent per pixel, or 0 where both are the same).

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        Arrays of the store.
    """

    def __init__(self, arrays):
        self._arrays = arrays
        self._known = WeakValueDictionary()

    def geometry(self, rows):
        """The `StampGeometry` of stamps, given their rows in increasing order."""
        origin = self._arrays.read(origin_array(self._arrays), rows)
        numbers, parent = np.unique(origin[:, 0], return_inverse=True)
        parents = tuple(self._parent(int(number)) for number in numbers)
        corner, step = origin[:, 1:], None
        if RESAMPLING in self._arrays:
            resampling = self._arrays.read(RESAMPLING, rows)
            # NaN stands for rows from before the first stamp that is resampled.
            resampling = np.where(np.isnan(resampling), 0.0, resampling)
            if resampling[:, :2].any():
                corner = corner + resampling[:, :2]
            if resampling[:, 2].any():
                step = np.where(resampling[:, 2] == 0, 1.0, resampling[:, 2])
                self._check_steps(step)
        return StampGeometry(parents, parent.reshape(-1), corner, step)

    def _check_steps(self, step):
        if not ((step > 0) & np.isfinite(step)).all():
            raise StampStoreError(
                f'The store {self._arrays.path} is damaged: the resampling of its stamps is '
                'not a factor above zero.'
            )

    def new_rows(self, geometry):
        """
        Rows to append for new stamps.

        Parameters
        ----------
        geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`
            Geometry of the new stamps.

        Returns
        -------
        dict of `~numpy.ndarray`
            By array: the origin of each stamp, and the parent images that are new.
        """
        remembered = self._recent()
        count = self._arrays.length('parents')
        numbers, texts = np.zeros(len(geometry.parents), dtype=np.int64), []
        for k in np.unique(geometry.parent):
            text = parent_text(geometry.parents[k])
            if text not in remembered:
                remembered[text] = count + len(texts)
                texts.append(text)
            numbers[k] = remembered[text]
        # The difference to the nearest integer is exact.
        first = np.rint(geometry.corner).astype(np.int64)
        origin = np.column_stack([numbers[geometry.parent], first])
        rows = {origin_array(self._arrays): origin, 'parents': np.array(texts, dtype=object)}
        if RESAMPLING not in self._arrays and geometry.is_resampled.any():
            number = self._arrays.length('pixels')
            kind = {
                'dtype': float,
                'shape': (3,),
                'chunk': self._arrays[origin_array(self._arrays)].chunk,
            }
            self._arrays.add(RESAMPLING, **kind, first=number)
        if RESAMPLING in self._arrays:
            step = np.where(geometry.steps == 1, 0.0, geometry.steps)
            rows[RESAMPLING] = np.column_stack([geometry.corner - first, step])
        return rows

    def _parent(self, number):
        # One object for each, by which `concatenate` recognizes stamps with the same parent.
        parent = self._known.get(number)
        if parent is None:
            parent = self._known[number] = StoredParent(self._arrays, number)
        return parent

    def _recent(self):
        """Indices of the last parents by their texts."""
        count = self._arrays.length('parents')
        numbers = np.arange(max(0, count - _REMEMBERED), count)
        texts = self._arrays.read('parents', numbers)
        return {str(text): int(number) for text, number in zip(texts, numbers, strict=True)}


def origin_array(arrays):
    """Name of the array with the origin of each stamp; in former stores it was ``place``."""
    return 'place' if 'place' in arrays else 'origin'
