"""Where stamps come from: the parent image of each, its corner there, and the WCS that follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area
from astropy.wcs.wcsapi import BaseLowLevelWCS

from astro_wgan.astrometry.celestial_wcs import celestial_wcs, has_celestial
from astro_wgan.astrometry.lookup_tables import moved_wcs
from astro_wgan.astrometry.sky_coordinates import pixel_areas

__all__ = ['ParentImage', 'StampGeometry', 'WCSSequence', 'first_pixel', 'shifted_wcs']

#: Stamps among which one is looked for that is on the sky. It is nearly always the first.
_AT_ONCE = 16

#: Digits of a pixel scale.
_DIGITS = 8


@dataclass(frozen=True, eq=False)
class ParentImage:
    """
    The image that stamps were cut from, as far as a stamp must know it.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the image.
    wcs : `~astropy.wcs.WCS`, optional
        Celestial WCS of the image.
    """

    shape: tuple
    wcs: WCS | None = None


def first_pixel(center, shape):
    """
    The pixel on which stamps begin, by the rule of `~astropy.nddata.Cutout2D`.

    Parameters
    ----------
    center : array_like, shape (n, 2)
        ``(x, y)`` of the positions asked for. NaN means nowhere in the image.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Returns
    -------
    `~numpy.ndarray` of int, shape (n, 2)
        ``(x, y)``, negative where stamps begin outside of the image.
    """
    far = 2.0**40  # outside of any image, and exact in float64
    center = np.clip(np.nan_to_num(center, nan=-far), -far, far)
    return np.ceil(center - np.array(shape[::-1]) / 2).astype(np.int64)


def shifted_wcs(wcs, corner, shape):
    """
    The WCS of the part of an image that begins at a pixel.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of the whole image.
    corner : tuple of int
        ``(x, y)`` of the part's first pixel in the image; negative where the part begins outside.
    shape : tuple of int
        ``(ny, nx)`` of the part.

    Returns
    -------
    `~astropy.wcs.WCS`
        A copy with shifted reference pixels (also those of the SIP distortion), as
        `~astropy.nddata.Cutout2D` makes it, and with lookup tables that move as well.
    """
    part = moved_wcs(wcs, corner)
    part.array_shape = tuple(shape)
    return part


class WCSSequence(Sequence):
    """
    One WCS per stamp, made when it is asked for.

    A hundred thousand WCS objects would take longer to make than the stamps to cut, so only the
    parents' are kept.
    """

    def __init__(self, geometry, shape):
        self._geometry = geometry
        self._shape = shape

    def __len__(self):
        return len(self._geometry)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        parent = self._geometry.parent_of(index)
        if parent.wcs is None:
            return None
        return shifted_wcs(parent.wcs, self._geometry.corner[index], self._shape)

    def __repr__(self):
        return f'<{len(self)} WCS of stamps of {self._shape[0]} x {self._shape[1]} pixels>'


@dataclass(frozen=True, eq=False)
class StampGeometry:
    """
    The place of each stamp in its parent image.

    Parameters
    ----------
    parents : tuple of `ParentImage`
        The images that stamps were cut from.
    parent : `~numpy.ndarray` of int, shape (n,)
        Index into ``parents`` for each stamp.
    corner : `~numpy.ndarray` of int, shape (n, 2)
        ``(x, y)`` of each stamp's first pixel in its parent; negative where it begins outside.
    """

    parents: tuple
    parent: np.ndarray
    corner: np.ndarray

    def __len__(self):
        return len(self.parent)

    def __getitem__(self, rows):
        return StampGeometry(self.parents, self.parent[rows], self.corner[rows])

    def parent_of(self, index):
        """The `ParentImage` of one stamp."""
        return self.parents[self.parent[index]]

    def outside(self, shape):
        """True for each stamp of ``(ny, nx)`` pixels that has not one in its parent image."""
        used, place = np.unique(self.parent, return_inverse=True)
        sizes = np.array([self.parents[k].shape for k in used]).reshape(-1, 2)[:, ::-1]
        first, last = self.corner, self.corner + tuple(shape)[::-1]
        return ((last <= 0) | (first >= sizes[place])).any(axis=1)

    @property
    def has_wcs(self):
        """Whether each stamp has a WCS."""
        return all(self.parents[k].wcs is not None for k in np.unique(self.parent))

    @property
    def has_celestial(self):
        """True for each stamp with a celestial WCS, shape (n,)."""
        celestial = [parent.wcs is not None and parent.wcs.has_celestial for parent in self.parents]
        return np.array(celestial, dtype=bool)[self.parent]

    def by_wcs(self):
        """Pairs of a celestial WCS, of two axes, and the rows of the stamps that have it."""
        # A few stamps of a large set still have the parents of all: those are not walked over.
        order = np.argsort(self.parent, kind='stable')
        found = np.unique(self.parent[order], return_index=True, return_counts=True)
        for k, begin, count in zip(*found, strict=True):
            wcs = self.parents[k].wcs
            if wcs is not None and wcs.has_celestial:
                yield (wcs if wcs.naxis == 2 else wcs.celestial), order[begin : begin + count]

    def pixel_area(self, shape):
        """
        Solid angle of a pixel in the middle of each stamp, by its WCS.

        Parameters
        ----------
        shape : tuple of int
            ``(ny, nx)`` of the stamps.

        Returns
        -------
        `~astropy.units.Quantity`, shape (n,)
            In arcsec**2 / pix**2; NaN for a stamp without a celestial WCS, off the sky, or wholly
            outside of its image.
        """
        area = np.full(len(self), np.nan)
        middle = self.corner + (np.array(shape[::-1]) - 1) / 2
        for wcs, rows in self.by_wcs():
            area[rows] = pixel_areas(*middle[rows].T, wcs)
        area[self.outside(shape)] = np.nan
        return area * (u.arcsec / u.pix) ** 2

    def pixel_scale(self, shape):
        """
        Angle of a pixel's edge in the middle of the first stamp that is on the sky.

        Parameters
        ----------
        shape : tuple of int
            ``(ny, nx)`` of the stamps.

        Returns
        -------
        `~astropy.units.Quantity` or None
            The root of the pixel's area, in arcsec / pix. Where no stamp is on the sky, that at
            the reference of the first parent's projection; None without a celestial WCS.
        """
        is_on_sky = any(True for _ in self.by_wcs())
        for start in range(0, len(self) if is_on_sky else 0, _AT_ONCE):
            area = self[start : start + _AT_ONCE].pixel_area(shape)
            if np.isfinite(area).any():
                scale = np.sqrt(area[np.isfinite(area)][0]).value
                break
        else:
            wcs = self.parents[0].wcs if self.parents else None
            if wcs is None or not wcs.has_celestial:
                return None
            wcs = wcs.celestial
            scale = np.sqrt(proj_plane_pixel_area(wcs)) * u.Unit(wcs.wcs.cunit[0]).to(u.arcsec)
        # Of small pixels, the rest is the rounding of angles.
        return float(f'{scale:.{_DIGITS}g}') * u.arcsec / u.pix

    def scales_of_image(self):
        """
        The smallest and the largest angle of a pixel in the image of the first stamp.

        Returns
        -------
        `~astropy.units.Quantity`, shape (2,), or None
            In arcsec / pix, of its middle, edges and corners; None without a celestial WCS.
        """
        first = self[:1]
        for wcs, _ in first.by_wcs():
            ny, nx = first.parent_of(0).shape
            x, y = np.meshgrid(np.linspace(0, nx - 1, 3), np.linspace(0, ny - 1, 3))
            scale = np.sqrt(pixel_areas(x.ravel(), y.ravel(), wcs))
            if np.isfinite(scale).any():
                return np.array([np.nanmin(scale), np.nanmax(scale)]) * u.arcsec / u.pix
        return None

    @classmethod
    def single(cls, parent, corner):
        """All stamps from one parent, at the given ``(n, 2)`` corners."""
        corner = np.asarray(corner, dtype=np.int64).reshape(-1, 2)
        return cls((parent,), np.zeros(len(corner), dtype=np.int64), corner)

    @classmethod
    def from_wcs(cls, wcs, shape):
        """Each stamp is its own parent image, with its own WCS (or None)."""
        parents = tuple(ParentImage(tuple(shape), w) for w in wcs)
        n = len(parents)
        return cls(parents, np.arange(n), np.zeros((n, 2), dtype=np.int64))

    @classmethod
    def of(cls, n, shape, wcs=None, geometry=None):
        """
        The geometry of n stamps from whichever of the two is given, or of stamps without WCS.

        Raises
        ------
        TypeError
            If ``geometry`` is none, or an entry of ``wcs`` is no WCS.
        ValueError
            If both are given, or the one that is does not have n entries.

        Warns
        -----
        AstropyUserWarning
            If a WCS has celestial axes, but cannot be used, or SIP coefficients are left over.
        """
        if wcs is not None and geometry is not None:
            raise ValueError('Give `wcs` or `geometry`, not both.')
        if geometry is None:
            usable = [None] * n if wcs is None else _usable(wcs, tuple(shape))
            geometry = cls.from_wcs(usable, shape)
        if not isinstance(geometry, StampGeometry):
            raise TypeError(
                f'`geometry` must be a StampGeometry, or None; got {type(geometry).__name__}.'
            )
        if len(geometry) != n:
            raise ValueError(f'`wcs` must have one entry per stamp, {n}; got {len(geometry)}.')
        return geometry

    @staticmethod
    def concatenate(geometries):
        """Join geometries; a parent that several of them share is kept once."""
        parents, known, parent = [], {}, []
        for geometry in geometries:
            position = np.empty(len(geometry.parents), dtype=np.int64)
            for k, image in enumerate(geometry.parents):
                if id(image) not in known:
                    known[id(image)] = len(parents)
                    parents.append(image)
                position[k] = known[id(image)]
            parent.append(position[geometry.parent])
        corner = np.concatenate([geometry.corner for geometry in geometries])
        return StampGeometry(tuple(parents), np.concatenate(parent), corner)


def _usable(wcs, shape):
    """What can be used of each WCS, as of that of an image; what is not celestial stays."""
    if not isinstance(wcs, Iterable):
        raise TypeError(f'`wcs` must be a list, one for each stamp; got {type(wcs).__name__}.')
    # All of them at once, so that no two have one id.
    wcs, known, usable = list(wcs), {}, []
    for number, each in enumerate(wcs):
        low = getattr(each, 'low_level_wcs', each)
        if not (each is None or isinstance(low, BaseLowLevelWCS)):
            raise TypeError(f'`wcs[{number}]` must be a WCS or None; got {type(each).__name__}.')
        is_plain = each is None or (isinstance(each, WCS) and not has_celestial(each))
        if id(each) not in known:
            known[id(each)] = each if is_plain else celestial_wcs(each, shape)
        usable.append(known[id(each)])
    return usable
