"""Clean sky of an image, and stamps cut from it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.wcs import WCS
from scipy.ndimage import distance_transform_edt

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.catalogs.positions import with_positions
from astro_wgan.exceptions import SkyError
from astro_wgan.noise.undetected_sources import undetected_source_test
from astro_wgan.noise.windows import CleanWindows, assemble_mosaics, largest_patch
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.validation.pixels import as_shape

__all__ = [
    'Sky',
]


@dataclass(frozen=True, eq=False)
class Sky:
    """
    Clean sky of an image, as `find_sky` returns it.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image, with variations of the background subtracted.
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for pixels without sources, their wings, and masked pixels.
    unit : `~astropy.units.Unit` or None
        Unit of the pixels.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle per pixel.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    meta : dict
        Provenance.
    background : `~numpy.ndarray`, shape (ny, nx), or None
        Background at each pixel: the image is ``pixels + background - mean``. None if it is
        constant.
    """

    pixels: np.ndarray
    clean: np.ndarray
    unit: u.UnitBase | None = None
    pixel_scale: u.Quantity | None = None
    wcs: WCS | None = None
    meta: dict = field(default_factory=dict)
    background: np.ndarray | None = field(default=None, repr=False)

    def __repr__(self):
        ny, nx = self.clean.shape
        return f'<Sky: {100 * self.clean_fraction:.0f} percent of {ny} x {nx} pixels are clean>'

    @cached_property
    def clean_fraction(self):
        """Fraction of the pixels that are clean, 0 to 1."""
        return float(self.clean.mean())

    @cached_property
    def mean(self):
        """Mean of the clean pixels, as a `~astropy.units.Quantity`."""
        return self._quantity(self.pixels[self.clean].mean(dtype=float))

    @cached_property
    def rms(self):
        """Standard deviation of the clean pixels, as a `~astropy.units.Quantity`."""
        return self._quantity(self.pixels[self.clean].std(dtype=float))

    @cached_property
    def undetected_source_test(self):
        """Test for undetected sources, a `~astro_wgan.noise.UndetectedSourceTest`."""
        return undetected_source_test(self.pixels, self.clean)

    def stamps(self, n, *, size, seed, mosaic=None):
        """
        Cut stamps of clean sky at random positions.

        Parameters
        ----------
        n : int
            Number of stamps. They may overlap, and positions may repeat.
        size : int, tuple of int or `~astropy.units.Quantity`
            Pixels along an edge, or ``(ny, nx)``.
        seed : int or tuple of int
            Seed of the random positions, as `numpy.random.default_rng` takes it.
        mosaic : bool, optional
            Whether to assemble stamps from smaller patches of sky. By default this is done only if
            no clean window is as large as a stamp.

        Returns
        -------
        `~astro_wgan.StampSet`
            Stamps that are not mosaics have their WCS, and ``x``, ``y`` and (with a WCS) ``sky`` in
            the table. ``meta['n_windows']`` is the number of possible positions, and
            ``meta['patch_size']`` the edge of the patches of a mosaic, or None.

        Raises
        ------
        SkyError
            If there is too little clean sky, even for mosaics.
        ValueError
            If ``n`` or ``size`` is out of range.

        Notes
        -----
        The patches of a mosaic overlap by a quarter of their edge, weighted with a cosine and a
        sine, so that the variance is uniform and the correlation across a seam is nearly that
        elsewhere. Margalef-Bentabol et al. 2020 (section 4.2) use mosaics of 64 x 64 pixels.

        Examples
        --------
        >>> from astro_wgan import datasets
        >>> from astro_wgan.noise import find_sky
        >>> sky = find_sky(datasets.load_image('mock_f814w'))
        >>> sky.stamps(100, size=32, seed=1)
        <StampSet: 100 stamps of 32 x 32 pixels, float32, unit electron / s, 0.03 arcsec / pix>
        """
        shape = as_shape(size, pixel_scale=self.pixel_scale)
        if n < 0:
            raise ValueError(f'`n` must be 0 or more stamps; got {n}.')
        pixels, corner, n_windows, patch_size = self._draw(
            n, shape, np.random.default_rng(seed), mosaic
        )
        options = {'table': None, 'geometry': None}
        if corner is not None:
            x, y = (corner + (np.array(shape[::-1]) - 1) / 2).T
            options['table'] = with_positions(QTable(), x, y, self.wcs)
            parent = ParentImage(self.pixels.shape, self.wcs)
            options['geometry'] = StampGeometry.single(parent, corner)
        return StampSet(
            pixels,
            unit=self.unit,
            pixel_scale=self.pixel_scale,
            meta={**self.meta, 'seed': seed, 'n_windows': n_windows, 'patch_size': patch_size},
            assume_finite=True,
            **options,
        )

    def draw(self, n, shape, rng, *, mosaic=None):
        """
        Draw the pixels of stamps only, without the overhead of a `~astro_wgan.StampSet`.

        Parameters
        ----------
        n : int
            Number of stamps.
        shape : tuple of int
            ``(ny, nx)``.
        rng : `~numpy.random.Generator`
        mosaic : bool, optional
            As in `stamps`.

        Returns
        -------
        `~numpy.ndarray`, shape (n, ny, nx)

        Raises
        ------
        SkyError
            As in `stamps`.
        """
        return self._draw(n, shape, rng, mosaic)[0]

    def _draw(self, n, shape, rng, mosaic):
        """Pixels, positions of the first pixels, number of windows, and edge of the patches."""
        windows = self._windows(shape)
        if mosaic or (mosaic is None and len(windows) == 0):
            return self._draw_mosaics(n, shape, rng)
        if len(windows) == 0:
            raise SkyError(
                f'No clean window has {shape[0]} x {shape[1]} pixels: {self._describe_area()} '
                'Lower `size`, or allow mosaics.'
            )
        corner = windows.draw(n, rng)
        return windows.cut(self.pixels, corner), corner, len(windows), None

    def _draw_mosaics(self, n, shape, rng):
        edge = self._patch_size(shape)
        if edge is None:
            raise SkyError(
                'There is too little clean sky even for mosaics of patches of 8 x 8 pixels: '
                f'{self._describe_area()}'
            )
        windows = self._windows((edge, edge))
        mosaics = assemble_mosaics(self.pixels, self.mean.value, windows, n, shape, rng)
        return mosaics, None, len(windows), edge

    def _patch_size(self, shape):
        if ('patch', shape) not in self._cached_windows:
            self._cached_windows['patch', shape] = largest_patch(self.clean, shape)
        return self._cached_windows['patch', shape]

    def _windows(self, shape):
        if shape not in self._cached_windows:
            self._cached_windows[shape] = CleanWindows(self.clean, shape)
        return self._cached_windows[shape]

    @cached_property
    def _cached_windows(self):
        return {}

    def _describe_area(self):
        n_clean = int(np.count_nonzero(self.clean))
        largest = int(distance_transform_edt(np.pad(self.clean, 1)).max())
        return (
            f'{100 * self.clean_fraction:.2g} percent of the image is clean ({n_clean} pixels), '
            f'and the largest clean area has a radius of {largest} pixels.'
        )

    def _quantity(self, value):
        return value * (self.unit or u.dimensionless_unscaled)
