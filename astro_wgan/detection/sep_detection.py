"""Detection and deblending by SEP: where the sources of an image are."""

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

#: SExtractor's default.conv: what the detection image is smoothed with.
_PYRAMID = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)

#: What SEP measures in the unit of the pixels.
_BRIGHTNESSES = ('thresh', 'cflux', 'flux', 'cpeak', 'peak')

#: Pixels above the threshold that SEP lays out room for, at least.
_ROOM = 2**18

#: SEP numbers the peaks of a group by 16 bits.
_MOST_PEAKS = 2**15 - 1

NO_PIXEL = 'Not one pixel of the image is finite and without a mask.'
NO_NOISE = 'The image has no noise: its background is constant everywhere.'


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """
    What was found in an image.

    Attributes
    ----------
    sources : `~numpy.ndarray`, shape (n,)
        SEP's structured array, in the order of the labels: ``x``, ``y`` (0-based pixels), ``a``,
        ``b``, ``theta`` (as SEP has it, in radians), ``flux``, ``npix``, ``flag`` and more.
    labels : `~numpy.ndarray` of int, shape (ny, nx)
        0 for sky, k + 1 for the pixels of source k.
    background, noise_rms : `~numpy.ndarray`, shape (ny, nx)
        Level of the sky and standard deviation of its noise, of the dtype of the pixels.
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
        The image, with a mask or without. Pixels that are not finite count as masked.
    mask : array_like of bool, shape (ny, nx), optional
        True where a pixel must not be used.
    noise_rms : array_like, shape (ny, nx), optional
        Standard deviation of the noise of each pixel, measured with the background by default.
        Pixels where it is not finite or not above 0 are masked.
    background : float or array_like, shape (ny, nx), optional
        The sky's level where it is known, 0 where it has been subtracted. Without it, the level is
        that of ``detection``, or measured. Pixels without a finite one count as masked.
    detection : `DetectionConfig`, optional
        Threshold, deblending, background.

    Returns
    -------
    `DetectionResult`

    Raises
    ------
    DetectionError
        If no pixel can be used, the image is so constant that it has no noise, or it is so
        crowded at this threshold that SEP gives up.
    ValueError
        If ``background`` is neither a number nor an image of this shape, or ``detection`` states
        one, too.

    Notes
    -----
    The unit of the pixels does not matter: they are divided by a power of two near their noise,
    and what was measured is multiplied by it.

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
    # Not at the top: processes that measure sources import no astropy.
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
    """True where a pixel cannot be used, or None where all can."""
    bad = ~np.isfinite(pixels)
    if mask is not None:
        bad |= np.asarray(mask, dtype=bool)
    if noise is not None:
        bad |= ~(np.isfinite(noise) & (noise > 0))
    if background is not None and np.ndim(background):
        bad |= ~np.isfinite(background)
    return bad if bad.any() else None


def in_pixel_unit(sources, scale):
    """SEP's sources, found in units of ``scale``, in the unit of the pixels; in place."""
    for name in _BRIGHTNESSES:
        sources[name] *= scale
    return sources


def extract_sources(above_sky, bad, noise, detection):
    """
    Sources of an image without background.

    Parameters
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (ny, nx)
        The image; 0 where pixels must not be used. In units near its noise.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True where a pixel must not be used; None where all may be.
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
        If it is so crowded at this threshold that SEP gives up: more than 32,767 peaks in one
        group of pixels.
    """
    if bad is not None:
        # SEP needs a map of the noise to leave masked pixels out, and forgets those of line 0.
        noise = np.where(bad, np.float32(1e30), noise)
    elif noise.ndim == 0:
        noise = float(noise)
    former = sep.get_extract_pixstack(), sep.get_sub_object_limit()
    # SEP lays out room for pixels above the threshold before it starts: in an image, few are; of a
    # stamp, all fit in. Where the room is not enough it says so.
    enough = above_sky.size + 2
    room, peaks = min(enough, max(_ROOM, enough // 8)), former[1]
    try:
        while True:
            sep.set_extract_pixstack(room)
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
            except Exception as error:  # SEP has no class of its own for them
                if 'pixel buffer full' in str(error) and room < enough:
                    room = min(enough, 4 * room)
                elif 'deblending overflow' in str(error) and peaks < _MOST_PEAKS:
                    peaks = min(_MOST_PEAKS, 8 * peaks)
                else:
                    raise DetectionError(
                        f'SEP gave up at {detection.threshold:g} sigma: {error} Raise '
                        '`threshold`, or lower `background_box` or `deblend_levels`.'
                    ) from error
    finally:
        sep.set_extract_pixstack(former[0])
        sep.set_sub_object_limit(former[1])


def smoothed(images):
    """
    Images smoothed as for detection; outside of them there is nothing.

    Parameters
    ----------
    images : `~numpy.ndarray` of float32, shape (..., ny, nx)
        Without background.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (..., ny, nx)
    """
    # The pyramid is (1, 2, 1) along each axis: much faster than SciPy for small images.
    rows = 2 * images
    rows[..., 1:, :] += images[..., :-1, :]
    rows[..., :-1, :] += images[..., 1:, :]
    both = 2 * rows
    both[..., 1:] += rows[..., :-1]
    both[..., :-1] += rows[..., 1:]
    both /= _PYRAMID.sum()
    return both
