"""`PixelMap`: where pixels of stamps lie in an image on another grid, and stamps resampled so."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.lookup_tables import has_tables
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky, plain_sky
from astro_wgan.astrometry.stamp_wcs import shifted_wcs
from astro_wgan.cutouts.bands.common_field import SAME_PIXEL
from astro_wgan.cutouts.reprojection import affine_transform, reproject_images
from astro_wgan.cutouts.resampled.resampling import resample

__all__ = ['ImageParts', 'PixelMap', 'has_same_pixels']

#: Pixels that a linear map may be off.
_LINEAR = 0.1

#: Pixels beyond the output that the kernel of reproject_adaptive needs, per pixel of its scale.
_KERNEL_REACH = 4

#: Groups of stamps whose transformations agree to this fraction of a pixel are reprojected at once.
_ALIKE = 0.02


@dataclass(frozen=True, eq=False)
class ImageParts:
    """
    Sections of an image of one band, as plain arrays.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
    valid : `~numpy.ndarray` of bool, same shape, or None
        True for pixels with data; None if all have.
    uncertainty : `~numpy.ndarray`, same shape, or None
        Standard deviation.
    """

    pixels: np.ndarray
    valid: np.ndarray | None
    uncertainty: np.ndarray | None = None

    #: As for plain images that have a mask.
    n_bands = None
    mask = True

    @property
    def shape(self):
        """``(ny, nx)``."""
        return self.pixels.shape[1:]

    def change(self, function):
        """The same function of each array."""
        arrays = (self.pixels, self.valid, self.uncertainty)
        return ImageParts(*(None if array is None else function(array) for array in arrays))

    def __getitem__(self, rows):
        return self.change(lambda array: array[rows])


def has_same_pixels(wcs, other):
    """Whether two WCS are equal and have no distortion, so that no pixel needs to be mapped."""
    distorted = any(each.sip is not None or has_tables(each) for each in (wcs, other))
    return not distorted and wcs.wcs.compare(other.wcs)


class PixelMap:
    """
    Where the pixels of stamps lie in an image on another pixel grid.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Of the image from which the stamps were cut.
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel ``(x, y)`` of each stamp in it.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    other_wcs : `~astropy.wcs.WCS`
        Of the other image.
    other_shape : tuple of int
        Its shape.

    Attributes
    ----------
    step : `~numpy.ndarray`, shape (n, 2, 2)
        Pixels of the other image along x and y for each pixel of the stamp along x and y.
    center : `~numpy.ndarray`, shape (n, 2)
        Where the center of each stamp lies in the other image, ``(x, y)``; NaN if nowhere.
    """

    def __init__(self, wcs, corner, shape, other_wcs, other_shape):
        self._wcs, self._corner, self._shape = wcs, corner, shape
        self._other_wcs = other_wcs
        half = (np.array(shape[::-1]) - 1) / 2
        grid = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)], dtype=float)
        offsets = grid * np.maximum(half, 0.5)
        points = corner[:, np.newaxis] + half + offsets
        x, y = points.reshape(-1, 2).T
        there = np.full((x.size, 2), np.nan)
        sky, missing = plain_sky(pixel_to_sky(x, y, wcs))
        if not missing.all():
            found_x, found_y, _ = sky_to_pixel(sky[~missing], other_wcs, other_shape)
            there[~missing] = np.stack([found_x, found_y], axis=1)
        there = there.reshape(len(corner), len(grid), 2)
        # The offsets are symmetric, so that the least squares are sums.
        self.center = there.mean(axis=1)
        slope = np.einsum('pi,npj->nji', offsets, there) / np.square(offsets).sum(axis=0)
        self.step = slope
        linear = self.center[:, np.newaxis] + np.einsum('nji,pi->npj', slope, offsets)
        self._bend = np.nan_to_num(np.abs(there - linear).max(axis=(1, 2)), nan=0.0)
        self._known = np.isfinite(self.center).all(axis=1)
        self._middle = np.round(np.where(self._known[:, np.newaxis], self.center, -(2.0**40)))

    def __getitem__(self, rows):
        """The map of some of the stamps, which are resampled as they are among all others."""
        part = copy.copy(self)
        part.__dict__['_choices'] = self._choices
        if self._choices.has_transformations:
            transformations = (each[rows] for each in self._transformations)
            part.__dict__['_transformations'] = tuple(transformations)
        for name in ('_corner', 'center', 'step', '_bend', '_known', '_middle'):
            setattr(part, name, getattr(self, name)[rows])
        return part

    @cached_property
    def _choices(self):
        """How stamps are resampled, by all of them."""
        half = (np.array(self._shape[::-1]) - 1) / 2
        step, bend = self.step[self._known], self._bend[self._known]
        if not len(step):
            return _Choices(False, np.eye(2), None, False)
        first = self.center[self._known] - half
        turn = np.abs(step - np.eye(2)) @ half
        off = np.abs(first - np.round(first)) + turn + bend[:, np.newaxis]
        size = np.abs(step)
        scale = max(1.0, float(size.sum(axis=2).max()))
        reach = (size @ half).max(axis=0) + bend.max() + _KERNEL_REACH * scale
        typical = np.median(step, axis=0)
        return _Choices(
            bool(self._known.all() and off.max() <= SAME_PIXEL),
            typical,
            np.ceil(reach).astype(int),
            _is_aligned(_turned_step(step, typical), bend, max(self._shape)),
        )

    @cached_property
    def _transformations(self):
        """Of each stamp the number of its transformation, its matrix, and its shift."""
        number = np.full(len(self.center), -1)
        step, shift = self.step.copy(), self.center - self._middle
        rows = np.flatnonzero(self._known)
        if rows.size:
            width = _ALIKE / max(1.0, max(self._shape) / 2)
            key = np.column_stack(
                [
                    np.round(step[rows].reshape(-1, 4) / width),
                    np.round(shift[rows] / _ALIKE),
                    # Bent ones one by one.
                    np.where(self._bend[rows] > _LINEAR, rows, -1),
                ]
            )
            _, group = np.unique(key, axis=0, return_inverse=True)
            group = number[rows] = group.ravel()
            for values in (step, shift):
                total = np.zeros((group.max() + 1, *values.shape[1:]))
                np.add.at(total, group, values[rows])
                count = np.bincount(group).reshape(-1, *[1] * (values.ndim - 1))
                values[rows] = (total / count)[group]
        return number, step, shift

    def same_pixels(self):
        """
        First pixel of each stamp in the other image, or None if the pixels are not the same.

        Returns
        -------
        `~numpy.ndarray` of int, shape (n, 2), or None
            If shifts by whole pixels lead from one grid to the other.
        """
        if not self._choices.is_same:
            return None
        half = (np.array(self._shape[::-1]) - 1) / 2
        return np.round(self.center - half).astype(np.int64)

    @property
    def typical_step(self):
        """The median of the matrices, such as for a PSF."""
        return self._choices.typical_step

    def sections(self):
        """
        Sections of the other image that cover the stamps.

        Returns
        -------
        corner : `~numpy.ndarray` of int, shape (n, 2)
            First pixel ``(x, y)`` of each.
        shape : tuple of int
            ``(ny, nx)`` of all of them.
        """
        reach = self._choices.reach
        if reach is None:
            return np.full((len(self.center), 2), -(2**40)), (1, 1)
        nx, ny = (2 * reach + 1).tolist()
        return self._middle.astype(np.int64) - reach, (ny, nx)

    def resample(self, parts, corner, *, keeps_brightness):
        """
        Stamps on their own pixels from sections of the other image.

        Parameters
        ----------
        parts : `ImageParts`
            The sections, as `sections` says.
        corner : `~numpy.ndarray`
            Their first pixels.
        keeps_brightness : bool
            Whether pixels are surface brightness, rather than flux that scales with their area.

        Returns
        -------
        `ImageParts`
        """
        ny, nx = parts.shape
        if self._choices.is_aligned:
            offset = self.center - (corner + (np.array([nx, ny]) - 1) / 2)
            return self._resample_aligned(*self._turned(parts, offset), keeps_brightness)
        n, shape = len(self.center), tuple(self._shape)
        pixels = np.full((n, *shape), np.nan, dtype=parts.pixels.dtype)
        valid = np.zeros((n, *shape), dtype=bool)
        deviation = None if parts.uncertainty is None else pixels.copy()
        _, steps, shifts = self._transformations
        for rows in self._groups(parts.valid.any(axis=(1, 2))):
            first = rows[0]
            step = steps[first]
            if self._bend[first] > _LINEAR:
                transform = (
                    shifted_wcs(self._other_wcs, corner[first], parts.shape),
                    shifted_wcs(self._wcs, self._corner[first], shape),
                    shape,
                )
            else:
                transform = affine_transform(step, parts.shape, shape, offset=shifts[first])
            area = abs(np.linalg.det(step))
            found = reproject_images(
                parts[rows], transform, area, keeps_brightness=keeps_brightness
            )
            pixels[rows], valid[rows] = found[0], ~found[1]
            if deviation is not None:
                deviation[rows] = found[2]
        return ImageParts(pixels, valid, deviation)

    def _turned(self, parts, offset):
        """
        Sections turned by right angles and mirrored such that their axes are those of the stamps.

        Returns
        -------
        parts : `ImageParts`
        offset : `~numpy.ndarray`, shape (n, 2)
            Of the stamps from the centers of the sections.
        step : `~numpy.ndarray`, shape (n, 2, 2)
        """
        typical = self.typical_step
        if abs(typical[0, 0]) < abs(typical[0, 1]):
            parts = parts.change(lambda images: images.swapaxes(1, 2))
            offset, typical = offset[:, ::-1], typical[::-1]
        sign = np.where(typical.diagonal() < 0, -1, 1)
        flip = np.s_[:, :: sign[1], :: sign[0]]
        parts = parts.change(lambda images: images[flip])
        return parts, offset * sign, _turned_step(self.step, self.typical_step)

    def _resample_aligned(self, parts, offset, step, keeps_brightness):
        """All stamps at once, by their flux along each axis."""
        (ny, nx), (my, mx) = parts.shape, self._shape
        known = self._known
        step = np.where(known, step[:, [0, 1], [0, 1]].mean(axis=1), 1.0)
        start = offset + np.array([nx, ny]) / 2 - step[:, np.newaxis] * np.array([mx, my]) / 2
        start[~known] = 0
        if parts.valid.all():
            parts = replace(parts, valid=None)
        found = resample(parts, start, step, (my, mx), holds_flux=not keeps_brightness)
        valid = ~found.mask & known[:, np.newaxis, np.newaxis]
        return ImageParts(found.pixels, valid, found.uncertainty)

    def _groups(self, has_data):
        """Rows of stamps with the same transformation."""
        rows = np.flatnonzero(self._known & has_data)
        if not rows.size:
            return []
        _, group = np.unique(self._transformations[0][rows], return_inverse=True)
        order = np.argsort(group, kind='stable')
        return np.split(rows[order], np.cumsum(np.bincount(group))[:-1])


@dataclass(frozen=True)
class _Choices:
    """
    How the stamps of a map are resampled.

    Attributes
    ----------
    is_same : bool
        By copying, since pixels are the same but for shifts by whole ones.
    typical_step : `~numpy.ndarray`, shape (2, 2)
    reach : `~numpy.ndarray` of int, shape (2,), or None
        Pixels of the other image that are needed on each side of the center of a stamp.
    is_aligned : bool
        Along each axis, since those of all stamps are those of the other image.
    """

    is_same: bool
    typical_step: np.ndarray
    reach: np.ndarray | None
    is_aligned: bool

    @property
    def has_transformations(self):
        """Whether they are resampled by a transformation of each."""
        return self.reach is not None and not (self.is_same or self.is_aligned)


def _turned_step(step, typical):
    """Matrices turned by right angles and mirrored such that a typical one has no such turn."""
    if abs(typical[0, 0]) < abs(typical[0, 1]):
        step, typical = step[:, ::-1], typical[::-1]
    return step * np.where(typical.diagonal() < 0, -1, 1)[:, np.newaxis]


def _is_aligned(step, bend, edge):
    """Whether the axes of all stamps are those of the other image, whatever the pixel scale."""
    half = (edge - 1) / 2
    if step[:, [0, 1], [0, 1]].min() <= 0:
        return False
    turn = np.abs(step[:, [0, 1], [1, 0]]).max()
    stretch = np.abs(step[:, 0, 0] - step[:, 1, 1]).max() / 2
    return bool((turn + stretch) * half + bend.max() < SAME_PIXEL)
