"""`find_sky`: the parts of an image in which there is nothing but sky."""

import os
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.wcs import WCS
from regions import PixelRegion, Region, SkyRegion
from scipy.ndimage import distance_transform_edt, find_objects

from astro_wgan.noise.residuals import residual_sources
from astro_wgan.noise.segments import ENGINES, label_sources
from astro_wgan.noise.windows import CleanWindows, assemble_mosaics, patch_edge
from astro_wgan.provenance import record
from astro_wgan.stamps.checks import as_pixel_scale, as_shape
from astro_wgan.stamps.detection import Detection
from astro_wgan.stamps.geometry import ParentImage, StampGeometry
from astro_wgan.stamps.image import read_image
from astro_wgan.stamps.positions import with_positions
from astro_wgan.stamps.stampset import StampSet

__all__ = ['Sky', 'SkyError', 'find_sky']

#: How far the wings of a source reach beyond its isophote, in radii of that, beside the margin.
_WINGS = 0.5


class SkyError(ValueError):
    """An image that has too little clean sky."""


@dataclass(frozen=True, eq=False)
class Sky:
    """
    An image and where it is clean sky.

    Made by `find_sky`.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for sky: no source or its wings, no masked pixel.
    unit : `~astropy.units.Unit` or None
        Unit of the pixels.
    pixel_scale : `~astropy.units.Quantity` or None
        Angle of a pixel's edge.
    wcs : `~astropy.wcs.WCS` or None
        Celestial WCS of the image.
    meta : dict
        Provenance.
    """

    pixels: np.ndarray
    clean: np.ndarray
    unit: u.UnitBase | None = None
    pixel_scale: u.Quantity | None = None
    wcs: WCS | None = None
    meta: dict = field(default_factory=dict)

    def __repr__(self):
        ny, nx = self.clean.shape
        return f'<Sky: {100 * self.share:.0f} per cent of {ny} x {nx} pixels are clean>'

    @cached_property
    def share(self):
        """Share of the image's pixels that are clean, 0 to 1."""
        return float(self.clean.mean())

    @cached_property
    def mean(self):
        """Mean of the clean pixels, as a `~astropy.units.Quantity`."""
        return self._quantity(self.pixels[self.clean].mean(dtype=float))

    @cached_property
    def scatter(self):
        """Standard deviation of the clean pixels, as a `~astropy.units.Quantity`."""
        return self._quantity(self.pixels[self.clean].std(dtype=float))

    @cached_property
    def residuals(self):
        """Tests for sources that were not found: `~astro_wgan.noise.ResidualSources`."""
        return residual_sources(self.pixels, self.clean)

    def stamps(self, n, *, size, seed, mosaic=None):
        """
        Stamps of pure sky, from random places.

        Parameters
        ----------
        n : int
            How many. They may overlap, and places may come twice.
        size : int or tuple of int
            Pixels along an edge, or ``(ny, nx)``.
        seed : int or tuple of int
            The same seed gives the same stamps; as `numpy.random.default_rng` takes it.
        mosaic : bool, optional
            Whether to assemble stamps from smaller pieces of sky. By default only where no clean
            window is as large as a stamp.

        Returns
        -------
        `~astro_wgan.StampSet`
            Whole stamps have ``x``, ``y`` and, where there is a WCS, ``sky`` in the table, and
            their WCS. ``meta['places']`` counts the places that were drawn from, and
            ``meta['patch']`` is the edge of a mosaic's pieces, or None.

        Raises
        ------
        SkyError
            If there is too little sky, even for mosaics.
        ValueError
            If ``n`` or ``size`` is out of range.

        Notes
        -----
        A mosaic's pieces overlap by a quarter of their edge, where one fades out as a cosine and
        the next one in as a sine: so the variance is the same everywhere, and pixels on the two
        sides of a seam are correlated nearly as elsewhere. Margalef-Bentabol et al. 2020 (section
        4.2) use mosaics of 64 x 64 pixels.

        Examples
        --------
        >>> from astro_wgan import datasets
        >>> from astro_wgan.noise import find_sky
        >>> sky = find_sky(datasets.load_image('hst_cosmos_f814w'))
        >>> sky.stamps(100, size=32, seed=1)
        <StampSet: 100 stamps of 32 x 32 pixels, float32, 0.03 arcsec / pix>
        """
        shape = as_shape(size)
        if n < 0:
            raise ValueError(f'`n` must be 0 or more stamps; got {n}.')
        pixels, corner, places, patch = self._draw(n, shape, np.random.default_rng(seed), mosaic)
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
            meta={**self.meta, 'seed': seed, 'places': places, 'patch': patch},
            assume_finite=True,
            **options,
        )

    def draw(self, n, shape, rng, *, mosaic=None):
        """
        The pixels of stamps alone, for code that needs them by the thousand.

        Parameters
        ----------
        n : int
            How many.
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
        """Pixels, their first pixels in the image, number of places, and edge of the pieces."""
        windows = self._windows(shape)
        if mosaic or (mosaic is None and len(windows) == 0):
            return self._draw_mosaics(n, shape, rng)
        if len(windows) == 0:
            raise SkyError(
                f'No clean window has {shape[0]} x {shape[1]} pixels: {self._how_much()} Lower '
                '`size`, or allow mosaics.'
            )
        corner = windows.draw(n, rng)
        return windows.cut(self.pixels, corner), corner, len(windows), None

    def _draw_mosaics(self, n, shape, rng):
        edge = self._patch_edge(shape)
        if edge is None:
            raise SkyError(
                'There is too little clean sky even for mosaics of pieces of 8 x 8 pixels: '
                f'{self._how_much()}'
            )
        windows = self._windows((edge, edge))
        mosaics = assemble_mosaics(self.pixels, self.mean.value, windows, n, shape, rng)
        return mosaics, None, len(windows), edge

    def _patch_edge(self, shape):
        if ('patch', shape) not in self._known_windows:
            self._known_windows['patch', shape] = patch_edge(self.clean, shape)
        return self._known_windows['patch', shape]

    def _windows(self, shape):
        if shape not in self._known_windows:
            self._known_windows[shape] = CleanWindows(self.clean, shape)
        return self._known_windows[shape]

    @cached_property
    def _known_windows(self):
        return {}

    def _how_much(self):
        found = int(np.count_nonzero(self.clean))
        largest = int(distance_transform_edt(np.pad(self.clean, 1)).max())
        return (
            f'{100 * self.share:.2g} per cent of the image is clean ({found} pixels), and the '
            f'widest spot has a radius of {largest} pixels.'
        )

    def _quantity(self, value):
        return value * (self.unit or u.dimensionless_unscaled)


def find_sky(
    image,
    *,
    detection=None,
    engine='sep',
    margin=6,
    mask=None,
    regions=None,
    pixel_scale=None,
    hdu=None,
    plane=None,
):
    """
    Find where an image is clean sky.

    Parameters
    ----------
    image : path-like, HDU, `~astropy.nddata.NDData` or array_like
        Whatever `~astro_wgan.stamps.read_image` reads. Its uncertainty, where there is one, is
        the noise that sources are detected against; pixels without weight count as masked.
    detection : `~astro_wgan.stamps.Detection`, optional
        What is a source.
    engine : {'sep', 'photutils'}, optional
        Who looks for sources.
    margin : float, optional
        Pixels around a source that count as its wings, beside half of the source's radius.
    mask : array_like of bool, shape (ny, nx), optional
        True where a pixel must not be used, beside those that the image itself masks.
    regions : `regions.Region` or list of them, optional
        Parts of the image that must not be used, such as haloes of bright stars; in pixels or on
        the sky.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle of a pixel, for an image without a WCS.
    hdu, plane : optional
        Which image of a FITS file, and which plane of a cube; as in
        `~astro_wgan.stamps.read_image`.

    Returns
    -------
    `Sky`

    Raises
    ------
    SkyError
        If nothing is left.
    DetectionError
        If the image has no noise, so that nothing can be detected in it.
    ImageError
        If the image cannot be read.
    ValueError
        If an argument is out of range, or a region has no area.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky
    >>> sky = find_sky(datasets.load_image('hst_cosmos_f814w'))
    >>> sky
    <Sky: 65 per cent of 250 x 250 pixels are clean>
    """
    if engine not in ENGINES:
        raise ValueError(f'`engine` must be one of {list(ENGINES)}; got {engine!r}.')
    if not 0 <= margin < np.inf:
        raise ValueError(f'`margin` must be 0 or more pixels; got {margin}.')
    detection = Detection() if detection is None else detection
    origin = os.fspath(image) if isinstance(image, (str, os.PathLike)) else type(image).__name__
    image = read_image(image, hdu=hdu, plane=plane)
    bad = _unusable(image, mask, regions)
    if bad.all():
        raise SkyError('There is no sky: `mask` and `regions` leave not one pixel of the image.')
    noise = None if image.uncertainty is None else image.uncertainty.array
    labels = label_sources(image.data, bad, noise, detection, engine)
    clean = ~(bad | _with_wings(labels, margin))
    if not clean.any():
        raise SkyError(
            f'There is no clean sky: sources cover {100 * (labels > 0).mean():.0f} per cent of '
            f'the image, and margins of {margin:g} pixels the rest. Raise `threshold` of '
            '`detection`, or lower `margin`.'
        )
    options = {'detection': asdict(detection), 'engine': engine, 'margin': margin}
    return Sky(
        image.data,
        clean,
        unit=None if image.unit == u.dimensionless_unscaled else image.unit,
        pixel_scale=_pixel_scale(pixel_scale, image),
        wcs=image.wcs,
        meta={'provenance': record(image=origin, **options)},
    )


def _unusable(image, mask, regions):
    bad = np.zeros(image.shape, dtype=bool) if image.mask is None else image.mask.copy()
    if mask is not None:
        mask = np.asarray(mask, dtype=bool)
        if mask.shape != image.shape:
            raise ValueError(
                f'`mask` must have the shape of the image, {image.shape}; got {mask.shape}.'
            )
        bad |= mask
    if image.uncertainty is not None:
        noise = image.uncertainty.array
        bad |= ~(np.isfinite(noise) & (noise > 0))
    regions = [] if regions is None else [regions] if isinstance(regions, Region) else regions
    for region in regions:
        bad |= _inside(region, image)
    return bad


def _inside(region, image):
    """True for pixels of an image that a region touches."""
    if isinstance(region, SkyRegion):
        if image.wcs is None:
            raise ValueError(
                '`regions` are on the sky, but the image has no celestial WCS: give pixels.'
            )
        region = region.to_pixel(image.wcs)
    if not isinstance(region, PixelRegion):
        raise TypeError(f'`regions` must be astropy regions; got {type(region).__name__}.')
    try:
        part = region.to_mask(mode='subpixels', subpixels=5).to_image(image.shape)
    except NotImplementedError as error:
        raise ValueError(
            f'`regions` must have an area; a {type(region).__name__} has none.'
        ) from error
    return np.zeros(image.shape, dtype=bool) if part is None else part > 0


def _with_wings(labels, margin):
    """True for the pixels of sources and those near them."""
    covered = labels > 0
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        radius = np.sqrt(np.count_nonzero(labels[box] == label) / np.pi)
        reach = margin + _WINGS * radius
        wide = tuple(
            slice(max(0, int(part.start - reach)), int(np.ceil(part.stop + reach))) for part in box
        )
        covered[wide] |= distance_transform_edt(labels[wide] != label) <= reach
    return covered


def _pixel_scale(pixel_scale, image):
    if pixel_scale is None:
        shape = image.shape
        pixel_scale = StampGeometry.single(ParentImage(shape, image.wcs), [(0, 0)]).pixel_scale
    return None if pixel_scale is None else as_pixel_scale(pixel_scale)
