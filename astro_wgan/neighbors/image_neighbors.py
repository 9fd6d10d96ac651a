"""`find_in_image`: neighbors and stars in the stamps of an image of any size."""

from collections import defaultdict

import numpy as np

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.detection_image import DetectionImage, Section
from astro_wgan.neighbors.gaussian_fits import fit_gaussians, joined_fits
from astro_wgan.neighbors.point_sources import (
    PSFWidth,
    find_peaks,
    measure_psf_width,
    width_of_psf,
)
from astro_wgan.neighbors.section_removal import (
    RemovedPixels,
    remove_in_section,
)
from astro_wgan.neighbors.sky_patches import SkyPixels

__all__ = ['find_in_image', 'known_width', 'peak_fits', 'remove_from_cut']

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
    corner,
    shape,
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
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel (x, y) of each stamp.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
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
    The image is searched in tiles of 2048 x 2048 pixels with margins of 256 or the size of a stamp,
    so that sources of which only a part lies in a stamp are known as a whole.
    """
    removed = RemovedPixels.none(len(corner), shape, config)
    if not len(corner):
        return removed
    image = DetectionImage.of(
        pixels,
        mask=mask,
        noise_rms=noise_rms,
        background=background,
        detection=config.detection_or(detection),
    )
    tiles = list(_tiles(corner, shape, image.pixels.shape))
    width = None
    if config.stars == 'mask':
        width = known_width(config, psf)
        if width is None:
            width = _measured_width(image, [region for region, _ in tiles])
    for region, rows in tiles:
        found = remove_in_section(
            image, region, corner[rows], shape, config, width=width, numbers=rows, **options
        )
        removed.assign(rows, found)
    return removed


def remove_from_cut(parts, removed, corner, image, bad, detection=None):
    """
    Replace neighbors in stamps that were cut from an image, in place.

    Parameters
    ----------
    parts : object
        Its attributes ``pixels`` and ``deviation`` are the stamps, shape (n, ny, nx); the latter
        may be None.
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel (x, y) of each stamp.
    image : `~astropy.nddata.CCDData`
        The image, or another band on the same pixels.
    bad : `~numpy.ndarray` of bool, shape of the image, or None
        True for its unusable pixels.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Boxes of the background.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n, ny, nx)
        True for pixels to mask.
    """
    hidden, source = removed.hidden.copy(), None
    for k, (places, sky) in enumerate(removed.sky):
        if not len(places):
            continue
        if source is None:
            source = SkyPixels(
                image.data,
                mask=bad,
                uncertainty=None if image.uncertainty is None else image.uncertainty.array,
                detection=DetectionConfig() if detection is None else detection,
            )
        deviation = None if parts.deviation is None else parts.deviation[k]
        source.fill(parts.pixels[k], deviation, places, sky, corner[k])
        where = (k, *places.T)
        hidden[where] = ~np.isfinite(parts.pixels[where])
    return hidden


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


def _tiles(corner, shape, image_shape):
    """Sections of the image, and the rows of the stamps that are searched in each."""
    ny, nx = image_shape
    if ny * nx <= _WHOLE:
        yield Section(slice(0, ny), slice(0, nx)), np.arange(len(corner))
        return
    center = corner + np.array(shape[::-1]) // 2
    tile = np.clip(center // _TILE, 0, (np.array([nx, ny]) - 1) // _TILE)
    rows_of = defaultdict(list)
    for row, place in enumerate(map(tuple, tile.tolist())):
        rows_of[place].append(row)
    for (column, line), rows in sorted(rows_of.items(), key=lambda item: item[0][::-1]):
        x, y = column * _TILE, line * _TILE
        core = Section(slice(y, min(y + _TILE, ny)), slice(x, min(x + _TILE, nx)))
        yield core.grown(max(_MARGIN, *shape), image_shape), np.array(rows)


def _measured_width(image, regions):
    """The `PSFWidth` of the point sources in some sections."""
    parts = []
    for region in regions:
        parts.append(peak_fits(image, region))
        if sum(len(part.x) for part in parts) >= _ENOUGH:
            break
    return measure_psf_width(joined_fits(parts))
