"""`detect`: detection and deblending of the sources of an image with SEP."""

from dataclasses import dataclass

import numpy as np
import sep

from astro_wgan.detection.background import measure_sky, stated_background
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.noise_scaling import image_scale, in_unit
from astro_wgan.exceptions import DetectionError
from astro_wgan.validation.real_numbers import as_float

__all__ = [
    'DetectionResult',
    'NO_NOISE',
    'NO_PIXEL',
    'detect',
    'extract_sources',
    'in_pixel_unit',
    'smoothed',
    'unusable_pixels',
]

#: SExtractor's default.conv, with which the detection image is smoothed.
_PYRAMID = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)

#: Fields of SEP's catalog in the unit of the pixels.
_BRIGHTNESSES = ('thresh', 'cflux', 'flux', 'cpeak', 'peak')

#: Minimum size of SEP's buffer of pixels above the threshold.
_MIN_BUFFER = 2**18

#: SEP numbers the peaks of a group of pixels with 16 bits.
_MOST_PEAKS = 2**15 - 1

NO_PIXEL = 'The image has no pixel that is finite and not masked.'
NO_NOISE = 'The image has no noise: its background is constant everywhere.'


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """
    Sources, segmentation, background and noise of an image.

    Attributes
    ----------
    sources : `~numpy.ndarray`, shape (n,)
        SEP's structured array with SEP's names, in the order of the labels: ``x``, ``y`` (0-based
        pixels), ``a``, ``b``, ``theta`` (in radians), ``flux``, ``npix``, ``flag`` and others.
    labels : `~numpy.ndarray` of int, shape (ny, nx)
        Segmentation image: 0 for the background, k + 1 for the pixels of ``sources[k]``.
    background, noise_rms : `~numpy.ndarray`, shape (ny, nx)
        Background level and standard deviation of its noise, in the dtype of the pixels.
    """

    sources: np.ndarray
    labels: np.ndarray
    background: np.ndarray
    noise_rms: np.ndarray


def detect(pixels, *, mask=None, noise_rms=None, background=None, detection=None):
    """
    Find the sources of an image.

    Parameters
    ----------
    pixels : array_like, shape (ny, nx)
        The image, optionally masked. Pixels that are not finite are treated as masked.
    mask : array_like of bool, shape (ny, nx), optional
        True for pixels to exclude.
    noise_rms : array_like, shape (ny, nx), optional
        Standard deviation of the noise of each pixel, measured with the background by default.
        Pixels where it is not finite or not above 0 are masked.
    background : float or array_like, shape (ny, nx), optional
        Background level, if known; 0 if it has been subtracted. By default, that of ``detection``,
        or measured. Pixels where it is not finite are treated as masked.
    detection : `DetectionConfig`, optional
        Threshold, deblending, background.

    Returns
    -------
    `DetectionResult`

    Raises
    ------
    DetectionError
        If all pixels are masked, the image is constant and thus has no noise, or it is too
        crowded for SEP at this threshold.
    ValueError
        If ``background`` is neither a number nor an image of this shape, or ``detection`` has one,
        too.

    Notes
    -----
    The result does not depend on the unit of the pixels: they are divided by a power of two close
    to their noise, by which the measurements are multiplied.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.detection import detect
    >>> sky = np.random.default_rng(1).normal(size=(50, 50))
    >>> sky[20:24, 30:34] += 100
    >>> len(detect(sky).sources)
    1
    """
    detection = DetectionConfig() if detection is None else detection
    # Imported here, since processes that measure sources do not need astropy.
    from astro_wgan.validation.masked import joint_mask, without_mask
    from astro_wgan.validation.pixels import as_bool

    (pixels, hidden), (noise, unknown), (background, unstated) = (
        without_mask(array) for array in (pixels, noise_rms, background)
    )
    mask = None if mask is None else as_bool(mask)
    for other in (hidden, unknown, unstated):
        mask = joint_mask(mask, other)
    pixels = as_float(pixels, 'pixels')
    level = stated_background(background, detection, pixels.shape)
    noise = None if noise is None else as_float(noise, 'noise_rms')
    scale = image_scale(pixels, mask, noise)
    image, noise, level = (in_unit(array, scale) for array in (pixels, noise, level))
    bad = unusable_pixels(image, mask, noise, level)
    if bad is not None and bad.all():
        raise DetectionError(NO_PIXEL)
    background, sky_noise = measure_sky(image, bad, detection, level)
    if noise is None:
        noise = sky_noise
        if not (noise > 0).any():
            raise DetectionError(NO_NOISE)
    image = image - background
    if bad is not None:
        image[bad] = 0
    sources, labels = extract_sources(image, bad, noise, detection)
    maps = (
        np.multiply(np.broadcast_to(part, pixels.shape), scale, dtype=pixels.dtype)
        for part in (background, noise)
    )
    return DetectionResult(in_pixel_unit(sources, scale), labels, *maps)


def unusable_pixels(pixels, mask=None, noise=None, background=None):
    """True for pixels that cannot be used, or None if all can."""
    bad = ~np.isfinite(pixels)
    if mask is not None:
        bad |= np.asarray(mask, dtype=bool)
    if noise is not None:
        bad |= ~(np.isfinite(noise) & (noise > 0))
    if background is not None and np.ndim(background):
        bad |= ~np.isfinite(background)
    return bad if bad.any() else None


def in_pixel_unit(sources, scale):
    """Convert SEP's sources from units of ``scale`` to the unit of the pixels, in place."""
    for name in _BRIGHTNESSES:
        sources[name] *= scale
    return sources


def extract_sources(above_sky, bad, noise, detection):
    """
    Extract sources from a background-subtracted image.

    Parameters
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (ny, nx)
        The image, in units close to its noise; 0 for pixels to exclude.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for pixels to exclude; None if there are none.
    noise : `~numpy.ndarray` of float32, shape (ny, nx) or ()
        Standard deviation of the pixels.
    detection : `DetectionConfig`
        Threshold and deblending.

    Returns
    -------
    sources, labels : `~numpy.ndarray`
        As in `DetectionResult`.

    Raises
    ------
    DetectionError
        If the image is too crowded for SEP at this threshold: more than 32,767 peaks in one group
        of pixels.
    """
    if bad is not None:
        # SEP needs a noise map to exclude masked pixels, and ignores the mask in row 0.
        noise = np.where(bad, np.float32(1e30), noise)
    elif noise.ndim == 0:
        noise = float(noise)
    former = sep.get_extract_pixstack(), sep.get_sub_object_limit()
    # SEP allocates a buffer for pixels above the threshold, which are few in an image. If it is too
    # small, SEP raises an error and a larger one is tried.
    enough = above_sky.size + 2
    buffer, peaks = min(enough, max(_MIN_BUFFER, enough // 8)), former[1]
    try:
        while True:
            sep.set_extract_pixstack(buffer)
            sep.set_sub_object_limit(peaks)
            try:
                return sep.extract(
                    above_sky,
                    detection.threshold,
                    err=noise,
                    mask=bad,
                    minarea=detection.min_area,
                    filter_kernel=_PYRAMID if detection.smooth else None,
                    # A plain convolution, as SExtractor's; the matched filter is SEP's own.
                    filter_type='conv',
                    deblend_nthresh=detection.deblend_levels,
                    deblend_cont=detection.deblend_contrast,
                    clean=detection.clean is not None,
                    clean_param=detection.clean or 1.0,
                    segmentation_map=True,
                )
            except Exception as error:  # SEP raises plain exceptions
                if 'pixel buffer full' in str(error) and buffer < enough:
                    buffer = min(enough, 4 * buffer)
                elif 'deblending overflow' in str(error) and peaks < _MOST_PEAKS:
                    peaks = min(_MOST_PEAKS, 8 * peaks)
                else:
                    raise DetectionError(
                        f'SEP failed at {detection.threshold:g} sigma: {error} Raise '
                        '`threshold`, or lower `background_box` or `deblend_levels`.'
                    ) from error
    finally:
        sep.set_extract_pixstack(former[0])
        sep.set_sub_object_limit(former[1])


def smoothed(images):
    """
    Smooth images as for detection, with zeros beyond their edges.

    Parameters
    ----------
    images : `~numpy.ndarray` of float32, shape (..., ny, nx)
        Background-subtracted images.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (..., ny, nx)
    """
    # The kernel is (1, 2, 1) along each axis. Much faster than SciPy for small images.
    rows = 2 * images
    rows[..., 1:, :] += images[..., :-1, :]
    rows[..., :-1, :] += images[..., 1:, :]
    both = 2 * rows
    both[..., 1:] += rows[..., :-1]
    both[..., :-1] += rows[..., 1:]
    both /= _PYRAMID.sum()
    return both
