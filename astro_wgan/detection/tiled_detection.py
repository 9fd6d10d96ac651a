"""`detect_sources`, `measure_background`, `signal_to_noise`: images of any size, in tiles."""

import numpy as np
from scipy.ndimage import label

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.detection_image import DetectionImage, Section
from astro_wgan.detection.sep_detection import detect, in_pixel_unit
from astro_wgan.exceptions import DetectionError
from astro_wgan.validation.pixels import as_float

__all__ = ['detect_sources', 'measure_background', 'signal_to_noise']

#: Images of up to this many pixels are processed as a whole.
_WHOLE = 2**22

#: Edge and margin of a tile in pixels.
_TILE = 2048
_MARGIN = 256

#: Maximum number of pixels of a tile with margins: larger groups of pixels are cut.
_LARGEST = 2**24

#: Tiles with more peaks in a group of pixels than SEP can count are split, down to this edge.
_SMALLEST_TILE = 128

#: Range, in semi-major axes, within which SEP cleans detections in the wings of a source.
_CLEANING_REACH = 10


def detect_sources(pixels, *, mask=None, noise_rms=None, background=None, detection=None):
    """
    Detect the sources of an image of any size.

    Parameters
    ----------
    pixels, mask, noise_rms, background, detection
        As in `~astro_wgan.detection.detect`.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        The ``sources`` of `~astro_wgan.detection.sep_detection.DetectionResult`.

    Raises
    ------
    DetectionError
        As in `~astro_wgan.detection.detect`.

    Notes
    -----
    Images of more than 2**22 pixels are processed in tiles of 2048 x 2048 pixels that overlap by
    256 on each side, or more for larger sources. A source belongs to the tile with its peak. The
    catalog is the same as for the whole image, except for faint pixels between blended sources,
    which SEP assigns at random.
    """
    detection = DetectionConfig() if detection is None else detection
    pixels = as_float(pixels, 'pixels')
    known = {'mask': mask, 'noise_rms': noise_rms, 'background': background}
    if pixels.size <= _WHOLE:
        try:
            return detect(pixels, **known, detection=detection).sources
        except DetectionError as error:
            if not _is_too_crowded(error):
                raise
    return _in_tiles(DetectionImage.of(pixels, **known, detection=detection))


def signal_to_noise(pixels, *, mask=None, noise_rms=None, background=None, detection=None):
    """
    An image without its background, divided by its noise, as it is thresholded in a detection.

    Parameters
    ----------
    pixels, mask, noise_rms, background, detection
        As in `~astro_wgan.detection.detect`.

    Returns
    -------
    ratio : `~numpy.ndarray` of float32, shape (ny, nx)
        0 for unusable pixels.
    bad : `~numpy.ndarray` of bool, shape (ny, nx)
        True for unusable pixels.

    Raises
    ------
    DetectionError
        If no pixel is usable, or there is no noise.
    """
    detection = DetectionConfig() if detection is None else detection
    pixels = as_float(pixels, 'pixels')
    known = {'mask': mask, 'noise_rms': noise_rms, 'background': background}
    image = DetectionImage.of(pixels, **known, detection=detection)
    ny, nx = pixels.shape
    ratio, bad = np.empty(pixels.shape, np.float32), np.zeros(pixels.shape, bool)
    for y in range(0, ny, _TILE):
        rows = slice(y, min(y + _TILE, ny))
        above, unusable, noise = image.above_sky(rows, slice(0, nx))
        if unusable is not None:
            bad[rows] = unusable
        # Without noise, as in a region of constant values, there is no ratio.
        bad[rows] |= ~(noise > 0)
        ratio[rows] = np.divide(above, noise, out=np.zeros_like(above), where=~bad[rows])
    return ratio, bad


def measure_background(pixels, *, mask=None, detection=None):
    """
    The background level that is subtracted from an image before its sources are detected.

    Parameters
    ----------
    pixels, mask, detection
        As in `~astro_wgan.detection.detect`.

    Returns
    -------
    `~numpy.ndarray` of float, shape (ny, nx) or ()
        A map, or the known level of ``detection``.

    Raises
    ------
    DetectionError
        If all pixels are masked, or the image is constant.
    """
    detection = DetectionConfig() if detection is None else detection
    pixels = as_float(pixels, 'pixels')
    if detection.background is not None:
        return pixels.dtype.type(detection.background)
    image = DetectionImage.of(
        pixels, mask=mask, noise_rms=None, background=None, detection=detection
    )
    ny, nx = pixels.shape
    level, _ = image.sky.at(slice(0, ny), slice(0, nx))
    return level * pixels.dtype.type(image.scale)


def _is_too_crowded(error):
    return 'deblending overflow' in str(error)


def _in_tiles(image):
    ny, nx = image.pixels.shape
    tiles = []
    for y in range(0, ny, _TILE):
        for x in range(0, nx, _TILE):
            core = Section(slice(y, min(y + _TILE, ny)), slice(x, min(x + _TILE, nx)))
            tiles += _sources_of_tile(image, core)
    if image.detection.clean is not None:
        tiles = [_cleaned(image, tile, tiles) for tile in tiles]
    sources = np.concatenate([sources for _, _, sources in tiles])
    # SEP lists sources in the order of their last rows.
    return in_pixel_unit(sources[np.lexsort((sources['x'], sources['ymax']))], image.scale)


def _sources_of_tile(image, core):
    """List of (tile, region that was searched, sources with their peak in the tile)."""
    margin, shape, tile = _MARGIN, image.pixels.shape, None
    while True:
        region = core.grown(margin, shape)
        try:
            sources, labels = image.sources(region)
        except DetectionError as error:
            if not _is_too_crowded(error) or (tile is None and core.edge <= _SMALLEST_TILE):
                raise
            if tile is not None:
                return [tile]
            return [each for part in core.quarters() for each in _sources_of_tile(image, part)]
        sources = sources[core.holds(sources['xcpeak'], sources['ycpeak'])]
        tile = core, region, sources
        margin *= 2
        wider = core.grown(margin, shape)
        if wider == region or wider.size > _LARGEST or not _is_cut(sources, labels, region, shape):
            return [tile]


def _is_cut(sources, labels, region, shape):
    """Whether a source is part of a group of pixels that extends beyond the region."""
    edges = []
    for axis, (part, length) in enumerate(zip((region.rows, region.columns), shape, strict=True)):
        edges += [(axis, 0)] * (part.start > 0) + [(axis, -1)] * (part.stop < length)
    if not any(labels.take(line, axis=axis).any() for axis, line in edges):
        return False
    groups, _ = label(labels > 0, structure=np.ones((3, 3)))
    beyond = np.unique(np.concatenate([groups.take(line, axis=axis) for axis, line in edges]))
    own = groups[sources['ycpeak'] - region.rows.start, sources['xcpeak'] - region.columns.start]
    return bool(np.isin(own[own > 0], beyond).any())


def _cleaned(image, tile, tiles):
    """Repeat the detection in a tile together with large sources whose wings may reach into it."""
    core, region, sources = tile
    wider = region
    for _, _, others in tiles if len(sources) else ():
        rows = np.flatnonzero(others['a'] > _MARGIN / (2 * _CLEANING_REACH))
        for other in others[rows]:
            corners = [(other['xmin'], other['ymin']), (other['xmax'], other['ymax'])]
            if all(region.holds(*corner) for corner in corners):
                continue
            reach = _CLEANING_REACH * (sources['a'] + other['a'])
            near = np.hypot(sources['x'] - other['x'], sources['y'] - other['y']) <= reach
            if (near & (sources['cflux'] < other['cflux'])).any():
                (x0, y0), (x1, y1) = corners
                around = Section(slice(y0, y1 + 1), slice(x0, x1 + 1))
                wider = wider.joined(around.grown(_MARGIN // 4, image.pixels.shape))
    if wider == region or wider.size > _LARGEST:
        return tile
    try:
        found, _ = image.sources(wider)
    except DetectionError as error:
        if not _is_too_crowded(error):
            raise
        return tile
    return core, wider, found[core.holds(found['xcpeak'], found['ycpeak'])]
