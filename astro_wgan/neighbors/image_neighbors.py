"""`NeighborSearch`: neighbors and stars in the stamps of an image of any size."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from astro_wgan.detection.detection_image import DetectionImage, Section
from astro_wgan.neighbors.gaussian_fits import fit_gaussians, joined_fits
from astro_wgan.neighbors.point_sources import (
    PSFWidth,
    find_peaks,
    measure_psf_width,
    width_of_psf,
)
from astro_wgan.neighbors.saturated_stars import bright_tops, saturation_level
from astro_wgan.neighbors.section_removal import RemovedPixels, SearchedSection
from astro_wgan.validation.masked import joint_mask

__all__ = ['NeighborSearch', 'RemovalInImage', 'filled_parts', 'known_width', 'peak_fits']

#: Images of up to this many pixels are searched as a whole.
_WHOLE = 2**22

#: Edge and margin, in pixels, of the tiles in which larger images are searched.
_TILE = 2048
_MARGIN = 256

#: Peaks by which the width of the PSF is measured: their significance, and width to begin with.
_SIGNIFICANCE = 20.0
_BEGIN = 3.0

#: Peaks that are enough to measure a width.
_ENOUGH = 2000


class NeighborSearch:
    """
    The search for neighbors and stars in windows of an image, some of them at a time.

    Background, noise, width of the PSF and saturation are measured once, and what is found in a
    window does not depend on which others are searched with it.

    Parameters
    ----------
    pixels, mask, noise_rms, background, detection
        As in `~astro_wgan.detection.detect`.
    windows : `~astro_wgan.neighbors.stamp_windows.Windows`
        Those of all stamps.
    config : `~astro_wgan.neighbors.NeighborConfig`
    psf : `~numpy.ndarray`, shape (ny, nx), optional
        Image of a point source, of which stars have the width.
    **options
        ``around``, as in `~astro_wgan.neighbors.section_removal.SearchedSection.removed`.

    Raises
    ------
    DetectionError
        If the image has no noise or no usable pixel, or the width of its point sources cannot be
        measured.

    Notes
    -----
    The image is searched in tiles of 2048 x 2048 pixels with margins of 256 or the size of a
    window, so that sources of which only a part lies in a stamp are known as a whole. The last one
    is kept: windows that are ordered by tiles are fastest.
    """

    def __init__(
        self,
        pixels,
        windows,
        config,
        *,
        mask=None,
        noise_rms=None,
        background=None,
        detection=None,
        psf=None,
        **options,
    ):
        self._windows, self._config, self._options = windows, config, options
        self._tile_of = np.zeros(len(windows), dtype=int)
        self._last = None, None
        if not len(windows):
            return
        self._image = DetectionImage.of(
            pixels,
            mask=mask,
            noise_rms=noise_rms,
            background=background,
            detection=config.detection_or(detection),
        )
        tiles = list(_tiles(windows, self._image.pixels.shape))
        self._regions = [region for region, _ in tiles]
        for number, (_, rows) in enumerate(tiles):
            self._tile_of[rows] = number
        self._about_stars = self._measured_stars(psf) if config.stars == 'mask' else {}

    def removed(self, rows=None):
        """
        What to remove from windows.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int, shape (m,), optional
            Which windows; by default all.

        Returns
        -------
        `~astro_wgan.neighbors.section_removal.RemovedPixels`

        Raises
        ------
        DetectionError
            If a tile has no noise or is too crowded.
        """
        rows = np.arange(len(self._windows)) if rows is None else rows
        windows, tile_of = self._windows[rows], self._tile_of[rows]
        removed = RemovedPixels.none(windows, self._config)
        for number in np.unique(tile_of):
            own = np.flatnonzero(tile_of == number)
            section = self._searched(number)
            found = section.removed(windows[own], numbers=rows[own], **self._options)
            removed.assign(own, found)
        return removed

    def _searched(self, number):
        """The sources of a tile."""
        known, section = self._last
        if known != number:
            # One at a time is in memory.
            self._last = None, None
            section = SearchedSection.of(
                self._image, self._regions[number], self._config, **self._about_stars
            )
            self._last = number, section
        return section

    def _measured_stars(self, psf):
        """Width of the PSF, and brightness of saturated stars unless it is that of each tile."""
        image, regions = self._image, self._regions
        width, level = known_width(self._config, psf), None
        if width is None:
            width = _measured_width(image, regions)
        if self._config.saturation is None and len(regions) > 1:
            level = saturation_level(_tops_in(image, region, width) for region in regions)
        return {'width': width, 'level': level}


class RemovalInImage:
    """
    Removal of neighbors from windows of an image.

    Parameters
    ----------
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
    sky : `~astro_wgan.neighbors.sky_patches.SkyPixels`
        That of the image, or of another band on the same pixels.
    """

    def __init__(self, removed, sky):
        self._removed, self._sky = removed, sky

    def __call__(self, parts, rows, corner):
        """
        Remove neighbors from some windows, whose pixels and uncertainty are changed in place.

        Parameters
        ----------
        parts : `~astro_wgan.images.fits_sections.ImageSections`
            Windows of one shape.
        rows : `~numpy.ndarray` of int, shape (n,)
            Their numbers.
        corner : `~numpy.ndarray` of int, shape (n, 2)
            First pixel (x, y) of each.

        Returns
        -------
        `~astro_wgan.images.fits_sections.ImageSections`
        """

        def fill(k, *stamp):
            self._sky.fill(*stamp, corner[k])

        return filled_parts(parts, self._removed[rows], fill)


def filled_parts(parts, removed, fill):
    """
    Windows without neighbors, whose pixels and uncertainty are changed in place.

    Parameters
    ----------
    parts : `~astro_wgan.images.fits_sections.ImageSections`
        Windows of one shape.
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
        What is removed from them.
    fill : callable
        Function of the number of a window, its pixels, its uncertainty or None, and its places and
        sky of ``removed``, that writes the sky into the places; NaN where it is of no use.

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections`
    """
    hidden = removed.hidden.copy()
    for k, (places, sky) in enumerate(removed.sky):
        if not len(places):
            continue
        deviation = None if parts.deviation is None else parts.deviation[k]
        fill(k, parts.pixels[k], deviation, places, sky)
        where = (k, *places.T)
        hidden[where] = ~np.isfinite(parts.pixels[where])
    mask = joint_mask(parts.mask, hidden) if hidden.any() else parts.mask
    return replace(parts, mask=mask)


def known_width(config, psf):
    """The `PSFWidth` of a configuration or of the image of a point source, or None."""
    if config.psf_fwhm is not None:
        return PSFWidth(config.psf_fwhm, 0.2)
    return None if psf is None else width_of_psf(psf)


def peak_fits(image, region):
    """`~astro_wgan.neighbors.gaussian_fits.GaussianFits` of the peaks of a section."""
    above_sky, bad, noise = image.above_sky(region.rows, region.columns)
    y, x = find_peaks(above_sky, noise, bad, significance=_SIGNIFICANCE)
    return fit_gaussians(above_sky, x[:_ENOUGH], y[:_ENOUGH], fwhm=_BEGIN, bad=bad)


def _tiles(windows, image_shape):
    """Sections of the image, and the rows of the windows that are searched in each."""
    ny, nx = image_shape
    if ny * nx <= _WHOLE:
        yield Section(slice(0, ny), slice(0, nx)), np.arange(len(windows))
        return
    center = np.floor(windows.center).astype(int)
    tile = np.clip(center // _TILE, 0, (np.array([nx, ny]) - 1) // _TILE)
    rows_of = defaultdict(list)
    for row, place in enumerate(map(tuple, tile.tolist())):
        rows_of[place].append(row)
    for (column, line), rows in sorted(rows_of.items(), key=lambda item: item[0][::-1]):
        x, y = column * _TILE, line * _TILE
        core = Section(slice(y, min(y + _TILE, ny)), slice(x, min(x + _TILE, nx)))
        yield core.grown(max(_MARGIN, windows.shape[rows].max()), image_shape), np.array(rows)


def _measured_width(image, regions):
    """The `PSFWidth` of the point sources in some sections."""
    parts = []
    for region in regions:
        parts.append(peak_fits(image, region))
        if sum(len(part.x) for part in parts) >= _ENOUGH:
            break
    return measure_psf_width(joined_fits(parts))


def _tops_in(image, region, width):
    """Heights of bright peaks in a section."""
    above_sky, bad, noise = image.above_sky(region.rows, region.columns)
    return bright_tops(above_sky, noise, bad, width.fwhm)
