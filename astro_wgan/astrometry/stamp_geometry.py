"""`StampGeometry`: parent images of stamps, and where in them and how large their pixels are."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from astro_wgan.astrometry.sky_coordinates import pixel_areas
from astro_wgan.astrometry.stamp_wcs import usable_wcs

__all__ = ['ParentImage', 'StampGeometry', 'first_pixel', 'scale_of_image']

#: Stamps that are searched together for one on the sky, nearly always the first.
_AT_ONCE = 16

#: Relative difference up to which stamps are resampled by the same factor.
_SAME_STEP = 1e-6

#: Digits of a pixel scale.
_DIGITS = 8


@dataclass(frozen=True, eq=False)
class ParentImage:
    """
    Shape and WCS of the image from which stamps were cut.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the image.
    wcs : `~astropy.wcs.WCS`, optional
        Celestial WCS of the image.
    pixel_scale : float, optional
        Arcsec per pixel of an image without WCS of which stamps are resampled by various factors.
    """

    shape: tuple
    wcs: WCS | None = None
    pixel_scale: float | None = None


def scale_of_image(shape, wcs):
    """
    Pixel scale at the center of an image, or else at the reference of its WCS.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)``.
    wcs : `~astropy.wcs.WCS` or None

    Returns
    -------
    `~astropy.units.Quantity` or None
        In arcsec / pix; None without celestial WCS.
    """
    return StampGeometry.single(ParentImage(tuple(shape), wcs), [(0, 0)]).pixel_scale(shape)


def first_pixel(center, shape):
    """
    First pixel of stamps, by the rule of `~astropy.nddata.Cutout2D`.

    Parameters
    ----------
    center : array_like, shape (n, 2)
        Requested positions ``(x, y)``; NaN if not in the image.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Returns
    -------
    `~numpy.ndarray` of int, shape (n, 2)
        ``(x, y)``, negative if outside of the image.
    """
    far = 2.0**40  # outside of any image, and exact in float64
    center = np.clip(np.nan_to_num(center, nan=-far), -far, far)
    return np.ceil(center - np.array(shape[::-1]) / 2).astype(np.int64)


@dataclass(frozen=True, eq=False)
class StampGeometry:
    """
    The position of each stamp in its parent image.

    Parameters
    ----------
    parents : tuple of `ParentImage`
        Images from which the stamps were cut.
    parent : `~numpy.ndarray` of int, shape (n,)
        Index into ``parents`` for each stamp.
    corner : `~numpy.ndarray`, shape (n, 2)
        Pixel ``(x, y)`` of the parent whose outer edges are those of the first pixel of the stamp:
        the first pixel itself if it is not resampled. Negative if outside, and not whole for
        stamps that are shifted by fractions of a pixel.
    step : `~numpy.ndarray`, shape (n,), optional
        Pixels of the parent along the edge of a pixel of each stamp; by default they are the same.
    """

    parents: tuple
    parent: np.ndarray
    corner: np.ndarray
    step: np.ndarray | None = None

    def __len__(self):
        return len(self.parent)

    def __getitem__(self, rows):
        step = None if self.step is None else self.step[rows]
        return StampGeometry(self.parents, self.parent[rows], self.corner[rows], step)

    def parent_of(self, index):
        """The `ParentImage` of one stamp."""
        return self.parents[self.parent[index]]

    @property
    def steps(self):
        """Pixels of the parent per pixel of each stamp, shape (n,)."""
        return np.ones(len(self)) if self.step is None else self.step

    @property
    def is_resampled(self):
        """True for each stamp whose pixels are not pixels of its parent, shape (n,)."""
        return (self.corner % 1 != 0).any(axis=1) | (self.steps != 1)

    def in_parent(self, x, y):
        """
        Positions in the parent images of positions in stamps.

        Parameters
        ----------
        x, y : array_like, shape (n,) or (n, m)
            0-based pixels of each stamp.

        Returns
        -------
        x, y : `~numpy.ndarray`, same shape
            0-based pixels of its parent.
        """
        found = []
        for axis, values in enumerate((x, y)):
            lead = (slice(None),) + (np.newaxis,) * (np.ndim(values) - 1)
            corner, step = self.corner[:, axis][lead], self.steps[lead]
            found.append(corner + values * step + (step - 1) / 2)
        return tuple(found)

    def moved(self, offset, factor=1):
        """
        The geometry of stamps that begin at other pixels of these, and have larger ones.

        Parameters
        ----------
        offset : array_like, shape (2,) or (n, 2)
            ``(x, y)`` of the pixel of each stamp at which the new one begins; negative if outside.
        factor : float or array_like of shape (n,), optional
            Pixels per pixel of the new stamps.

        Returns
        -------
        `StampGeometry`
        """
        offset = np.asarray(offset)
        if self.step is None:
            corner = self.corner + offset
        else:
            corner = self.corner + offset * self.step[:, np.newaxis]
        step = self.steps * factor
        if (step == 1).all():
            step = None
        if (corner % 1 == 0).all():
            corner = corner.astype(np.int64)
        return StampGeometry(self.parents, self.parent, corner, step)

    def outside(self, shape):
        """True for stamps of ``(ny, nx)`` pixels entirely outside of their parent image."""
        used, place = np.unique(self.parent, return_inverse=True)
        sizes = np.array([self.parents[k].shape for k in used]).reshape(-1, 2)[:, ::-1]
        extent = np.array(tuple(shape)[::-1])
        if self.step is not None:
            extent = extent * self.step[:, np.newaxis]
        first, last = self.corner, self.corner + extent
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
        """Iterate over pairs of a celestial WCS of two axes, and the rows of its stamps."""
        # A few stamps of a large set still have all its parents, over which not to iterate.
        order = np.argsort(self.parent, kind='stable')
        found = np.unique(self.parent[order], return_index=True, return_counts=True)
        for k, begin, count in zip(*found, strict=True):
            wcs = self.parents[k].wcs
            if wcs is not None and wcs.has_celestial:
                yield (wcs if wcs.naxis == 2 else wcs.celestial), order[begin : begin + count]

    def pixel_area(self, shape):
        """
        Solid angle of a pixel at the center of each stamp, from its WCS.

        Parameters
        ----------
        shape : tuple of int
            ``(ny, nx)`` of the stamps.

        Returns
        -------
        `~astropy.units.Quantity`, shape (n,)
            In arcsec**2 / pix**2; NaN for stamps without celestial WCS or pixel scale of their
            image, outside of the projection, or entirely outside of their image.
        """
        area = np.full(len(self), np.nan)
        ny, nx = shape
        x, y = self.in_parent(np.full(len(self), (nx - 1) / 2), np.full(len(self), (ny - 1) / 2))
        for wcs, rows in self.by_wcs():
            area[rows] = pixel_areas(x[rows], y[rows], wcs)
        for k in np.unique(self.parent):
            if self.parents[k].pixel_scale is not None:
                area[self.parent == k] = self.parents[k].pixel_scale ** 2
        if self.step is not None:
            area *= self.step**2
        area[self.outside(shape)] = np.nan
        return area * (u.arcsec / u.pix) ** 2

    def pixel_scale(self, shape):
        """
        Pixel scale at the center of the first stamp on the sky.

        Parameters
        ----------
        shape : tuple of int
            ``(ny, nx)`` of the stamps.

        Returns
        -------
        `~astropy.units.Quantity` or None
            Square root of the pixel area, in arcsec / pix. If no stamp is on the sky, that at the
            reference of the first parent; None without celestial WCS, or if stamps are resampled
            by various factors.
        """
        if self.step is not None and len(self) and np.ptp(self.step) > _SAME_STEP * self.step[0]:
            return None
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
            if self.step is not None and len(self):
                scale *= self.step[0]
        # Further digits are rounding errors of angles for small pixels.
        return float(f'{scale:.{_DIGITS}g}') * u.arcsec / u.pix

    def scales_of_image(self):
        """
        Smallest and largest pixel scale in the image of the first stamp.

        Returns
        -------
        `~astropy.units.Quantity`, shape (2,), or None
            In arcsec / pix, at its center, edges and corners; None without celestial WCS.
        """
        first = self[:1]
        for wcs, _ in first.by_wcs():
            ny, nx = first.parent_of(0).shape
            x, y = np.meshgrid(np.linspace(0, nx - 1, 3), np.linspace(0, ny - 1, 3))
            scale = np.sqrt(pixel_areas(x.ravel(), y.ravel(), wcs)) * first.steps[0]
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
        The geometry of n stamps from ``wcs`` or ``geometry``, or without WCS.

        Raises
        ------
        TypeError
            If ``geometry`` or an entry of ``wcs`` has a wrong type.
        ValueError
            If both are given, or the number of entries is not n.

        Warns
        -----
        AstropyUserWarning
            If a WCS has celestial axes, but is unusable, or SIP coefficients are left over.
        """
        if wcs is not None and geometry is not None:
            raise ValueError('Give `wcs` or `geometry`, not both.')
        if geometry is None:
            usable = [None] * n if wcs is None else usable_wcs(wcs, tuple(shape))
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
        """Concatenate geometries. Shared parents are kept once."""
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
        step = None
        if any(geometry.step is not None for geometry in geometries):
            step = np.concatenate([geometry.steps for geometry in geometries])
        return StampGeometry(tuple(parents), np.concatenate(parent), corner, step)
