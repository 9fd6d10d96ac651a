"""`find_in_image`: neighbors and stars in the stamps of an image of any size."""

from collections import defaultdict
from dataclasses import replace
from functools import cached_property

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
from astro_wgan.neighbors.section_removal import (
    RemovedPixels,
    remove_in_section,
)
from astro_wgan.neighbors.sky_patches import SkyPixels
from astro_wgan.validation.masked import joint_mask

__all__ = ['RemovalInImage', 'filled_parts', 'find_in_image', 'known_width', 'peak_fits']

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


def find_in_image(
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
    """
    Find the pixels of neighbors and stars in stamps of an image.

    Parameters
    ----------
    pixels, mask, noise_rms, background, detection
        As in `~astro_wgan.detection.detect`.
    windows : `~astro_wgan.neighbors.stamp_windows.Windows`
        Those of the stamps.
    config : `~astro_wgan.neighbors.NeighborConfig`
    psf : `~numpy.ndarray`, shape (ny, nx), optional
        Image of a point source, of which stars have the width.
    **options
        ``around``, as in `~astro_wgan.neighbors.section_removal.remove_in_section`.

    Returns
    -------
    `~astro_wgan.neighbors.section_removal.RemovedPixels`

    Raises
    ------
    DetectionError
        If the image has no noise, no usable pixel, or is too crowded; or the width of its point
        sources cannot be measured.

    Notes
    -----
    The image is searched in tiles of 2048 x 2048 pixels with margins of 256 or the size of a
    window, so that sources of which only a part lies in a stamp are known as a whole.
    """
    removed = RemovedPixels.none(windows, config)
    if not len(windows):
        return removed
    image = DetectionImage.of(
        pixels,
        mask=mask,
        noise_rms=noise_rms,
        background=background,
        detection=config.detection_or(detection),
    )
    tiles = list(_tiles(windows, image.pixels.shape))
    regions = [region for region, _ in tiles]
    width = level = None
    if config.stars == 'mask':
        width = known_width(config, psf)
        if width is None:
            width = _measured_width(image, regions)
        if config.saturation is None and len(regions) > 1:
            level = saturation_level(_tops_in(image, region, width) for region in regions)
    options |= {'width': width, 'level': level}
    for region, rows in tiles:
        found = remove_in_section(image, region, windows[rows], config, numbers=rows, **options)
        removed.assign(rows, found)
    return removed


class RemovalInImage:
    """
    Removal of neighbors from windows of an image.

    Parameters
    ----------
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
    image : `~astropy.nddata.CCDData`
        The image, or another band on the same pixels.
    detection : `~astro_wgan.detection.DetectionConfig`
        Boxes of the background.
    background : float or `~numpy.ndarray`, optional
        The background, if known.
    """

    def __init__(self, removed, image, detection, background=None):
        self._removed, self._image = removed, image
        self._detection, self._background = detection, background

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
            self._source.fill(*stamp, corner[k])

        return filled_parts(parts, self._removed[rows], fill)

    @cached_property
    def _source(self):
        uncertainty = self._image.uncertainty
        return SkyPixels(
            self._image.data,
            mask=self._image.mask,
            uncertainty=None if uncertainty is None else uncertainty.array,
            detection=self._detection,
            background=self._background,
        )


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
