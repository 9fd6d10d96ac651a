"""Parent images of stored stamps: each is written once, and its WCS is read when it is needed."""

import json
import warnings
from functools import cached_property, lru_cache
from weakref import WeakValueDictionary

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from astro_wgan.astrometry.lookup_tables import plain_tables, with_plain_tables
from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.header_checks import check_wcs_cards

__all__ = ['RESAMPLING', 'ParentImageTable', 'StoredParent', 'origin_array', 'parent_text']

#: Name of the array with the fractions of pixels and factors of resampled stamps.
RESAMPLING = 'resampling'

#: Number of the last parent images that are recognized when more stamps of them are appended.
_REMEMBERED = 1024

#: Maximum number of characters in the header of a WCS: 2000 cards; the longest have some hundreds.
_LONGEST_HEADER = 2000 * 81


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
        text = self.text
        try:
            record = load_json(text)
            ny, nx = record['shape']
            is_whole = type(ny) is type(nx) is int and isinstance(record['wcs'], (str, type(None)))
            is_whole &= isinstance(record.get('pixel_scale'), (float, type(None)))
        except (ValueError, KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise self._damaged('its shape or WCS is missing')
        return record

    def _damaged(self, what):
        return StampStoreError(
            f'The store {self._arrays.path} is damaged in parent image {self._number}: {what}.'
        )

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
        if self._record['wcs'] is None:
            return None
        try:
            return with_plain_tables(_wcs(self._record['wcs']), self._record.get('tables', {}))
        except Exception as error:  # wcslib and astropy raise various exceptions
            reason = ' '.join(str(error).split())
            raise self._damaged(f'its WCS cannot be read ({reason})') from error


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


def parent_text(parent):
    """Shape and WCS of an image, with its lookup tables of distortions, as JSON."""
    if isinstance(parent, StoredParent):
        return parent.text
    if parent.wcs is None:
        return _blank_text(tuple(parent.shape), parent.pixel_scale)
    header = parent.wcs.to_header(relax=True)
    header = header.tostring(sep='\n', endcard=False, padding=False)
    return _record_text(parent.shape, header, plain_tables(parent.wcs))


def _wcs(text):
    if len(text) > _LONGEST_HEADER:
        raise ValueError(
            f'its header has {len(text)} characters; at most {_LONGEST_HEADER} are allowed'
        )
    with warnings.catch_warnings():
        # The WCS was corrected, with warnings, when the image was read.
        warnings.simplefilter('ignore', AstropyWarning)
        header = fits.Header.fromstring(text, sep='\n')
        if 'NAXIS' in header:
            raise ValueError('its header has a card NAXIS, which is not part of a WCS')
        check_wcs_cards(header)
        for card in header['CUNIT*'].values():
            check_unit_text(str(card))
        return WCS(header)


@lru_cache
def _blank_text(shape, pixel_scale):
    # Each stamp without WCS has its own parent, and all of these have the same text.
    return _record_text(shape, None, pixel_scale=pixel_scale)


def _record_text(shape, header, tables=None, pixel_scale=None):
    record = {'shape': [int(edge) for edge in shape], 'wcs': header}
    if pixel_scale is not None:
        record['pixel_scale'] = float(pixel_scale)
    return json.dumps({**record, 'tables': tables} if tables else record)
