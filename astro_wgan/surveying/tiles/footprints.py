"""`Footprint`: which part of the sky a tile shows, from the headers of its images alone."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.wcs import WCS
from scipy.spatial import KDTree

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.astrometry.stamp_geometry import scale_of_image
from astro_wgan.exceptions import ImageError
from astro_wgan.files.error_text import one_line
from astro_wgan.images.fits_sections import open_sections
from astro_wgan.images.read_options import ReadOptions, options_of_band
from astro_wgan.images.reading import image_with
from astro_wgan.remote.uris import shown

__all__ = ['Footprint', 'footprint_or_reason', 'overlapping', 'read_footprint']

#: Points along each edge from whose positions the extent on the sky follows.
_POINTS = 17

#: Added to distances on the unit sphere, against rounding.
_SLACK = 1e-9

#: Decimals of distances to the border, in pixels: two tiles on one grid have the same.
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Footprint:
    """
    The part of the sky that a tile shows.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the image on whose pixels stamps are cut.
    wcs : `~astropy.wcs.WCS`
    units : tuple
        Unit of the pixels of each image, or None.
    pixel_scale : `~astropy.units.Quantity`
    center : `~numpy.ndarray`, shape (3,)
        Unit vector of the center, ICRS.
    radius : float
        Angle from there to the farthest point of the border, in radian.
    """

    shape: tuple
    wcs: WCS
    units: tuple
    pixel_scale: u.Quantity
    center: np.ndarray
    radius: float

    @classmethod
    def of(cls, shape, wcs, units=(None,)):
        """
        The footprint of an image.

        Parameters
        ----------
        shape : tuple of int
        wcs : `~astropy.wcs.WCS`
        units : tuple

        Returns
        -------
        `Footprint`
        """
        ny, nx = shape
        along = np.linspace(0, 1, _POINTS)
        zero, one = np.zeros(_POINTS), np.ones(_POINTS)
        x = np.concatenate([along, along, zero, one, [0.5]]) * nx - 0.5
        y = np.concatenate([zero, one, along, along, [0.5]]) * ny - 0.5
        vectors = pixel_to_sky(x, y, wcs).cartesian.xyz.value.T
        center, border = vectors[-1], vectors[:-1]
        # Edges outside of the projection have no position: the tile may reach anywhere.
        is_known = np.isfinite(vectors).all()
        radius = np.arccos(np.clip(border @ center, -1, 1)).max() if is_known else np.pi
        return cls(
            tuple(shape),
            wcs,
            tuple(units),
            scale_of_image(shape, wcs),
            center if is_known else np.array([0.0, 0.0, 1.0]),
            # A little more, for borders that are bent between these points.
            float(min(1.02 * radius, np.pi)),
        )

    def border_distances(self, sky):
        """
        How far inside of the tile positions lie.

        Parameters
        ----------
        sky : `~astropy.coordinates.SkyCoord`, shape (n,)

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            Pixels to the nearest edge of the image; negative outside, and where the projection has
            no such position.
        """
        ny, nx = self.shape
        x, y, _ = sky_to_pixel(sky, self.wcs, self.shape)
        inside = np.minimum.reduce([x + 0.5, nx - 0.5 - x, y + 0.5, ny - 0.5 - y])
        return np.where(np.isnan(inside), -np.inf, inside).round(_DECIMALS)

    def describe(self):
        """Plain values, by which a footprint is compared with that of an earlier call."""
        return [list(self.shape), self.wcs.to_header_string(relax=True)]


def overlapping(footprints):
    """
    Which tiles may show some of the same sky.

    Parameters
    ----------
    footprints : list of `Footprint`

    Returns
    -------
    list of list of int
        For each tile the indices of those, itself included, in increasing order.
    """
    centers = np.array([each.center for each in footprints])
    radii = np.array([each.radius for each in footprints])
    # Chords instead of angles, as the tree has them; it is for surveys of many tiles.
    largest = 2 * np.sin(np.minimum(radii + radii.max(), np.pi) / 2) + _SLACK
    near = KDTree(centers).query_ball_point(centers, largest, return_sorted=True)
    found = []
    for own, others in enumerate(near):
        angles = np.arccos(np.clip(centers[others] @ centers[own], -1, 1))
        meets = angles <= radii[own] + radii[others]
        meets |= np.equal(others, own)
        found.append([other for other, is_near in zip(others, meets, strict=True) if is_near])
    return found


def read_footprint(tile, reading, grid=None):
    """
    Read the footprint of a tile from the headers of its images.

    Parameters
    ----------
    tile : `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    reading : dict
        Options of `~astro_wgan.images.read_image`.
    grid : str, optional
        Band on whose pixels stamps are cut; by default the first.

    Returns
    -------
    `Footprint`
        Of files that are compressed as a whole, and of pictures, all is read.

    Raises
    ------
    OSError, TypeError, ValueError
        If an image cannot be read, or that of the grid has no celestial WCS.
    """
    units, grid = [], tile.images[0][0] if grid is None else grid
    for band, path in tile.images:
        options = ReadOptions(**options_of_band(reading, band))
        with ExitStack() as stack:
            image = stack.enter_context(open_sections(path, options))
            if image is None:
                image = image_with(path, options)
            units.append(image.unit)
            if band == grid:
                shape, wcs = tuple(image.shape), image.wcs
                if wcs is None:
                    raise ImageError(f'{shown(path)} has no celestial WCS.')
    return Footprint.of(shape, wcs, units)


def footprint_or_reason(piece):
    """
    The footprint of a tile, or why it has none, as text.

    Parameters
    ----------
    piece : tuple
        Tile, options of reading, and band of the grid.

    Returns
    -------
    `Footprint` or str
    """
    try:
        return read_footprint(*piece)
    except Exception as error:  # readers of files raise various errors
        return one_line(error)
