"""Background, detection and deblending by SEP: where the sources of an image are."""

from dataclasses import dataclass

import numpy as np
import sep

__all__ = [
    'Detected',
    'Detection',
    'DetectionError',
    'detect',
    'extract_sources',
    'measure_sky',
    'smoothed',
]

#: SExtractor's default.conv: what the detection image is smoothed with.
_PYRAMID = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)


class DetectionError(ValueError):
    """An image in which sources cannot be looked for."""


@dataclass(frozen=True)
class Detection:
    """
    How sources are told from the sky.

    Parameters
    ----------
    threshold : float
        Pixels this many sigma above the background belong to a source.
    minimum_area : int
        Pixels that a source has at least.
    smooth : bool
        Smooth with SExtractor's 3 x 3 pyramid before the threshold is applied.
    deblend_levels : int
        Levels at which a source is looked through for parts.
    deblend_contrast : float
        Share of the flux that a part must hold to become a source of its own; 1 deblends nothing.
    clean : float or None
        Efficiency with which sources that are only the wings of a brighter one are removed, as
        SExtractor's CLEAN_PARAM; None keeps them.
    background_box : int
        Edge in pixels of the boxes in which the sky and its noise are measured.
    background_filter : int
        Boxes over which their medians are smoothed.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    The defaults are SExtractor's (Bertin & Arnouts 1996, A&AS 117, 393).
    """

    threshold: float = 1.5
    minimum_area: int = 5
    smooth: bool = True
    deblend_levels: int = 32
    deblend_contrast: float = 0.005
    clean: float | None = 1.0
    background_box: int = 64
    background_filter: int = 3

    def __post_init__(self):
        if not self.threshold > 0:
            raise ValueError(f'`threshold` must be above 0 sigma; got {self.threshold}.')
        counts = ('minimum_area', 'deblend_levels', 'background_box', 'background_filter')
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f'`{name}` must be at least 1; got {getattr(self, name)}.')
        if not 0 <= self.deblend_contrast <= 1:
            raise ValueError(
                f'`deblend_contrast` must lie between 0 and 1; got {self.deblend_contrast}.'
            )
        if self.clean is not None and not self.clean > 0:
            raise ValueError(f'`clean` must be above 0, or None; got {self.clean}.')


@dataclass(frozen=True, eq=False)
class Detected:
    """
    What was found in an image.

    Attributes
    ----------
    sources : `~numpy.ndarray`, shape (n,)
        SEP's structured array, in the order of the labels: ``x``, ``y`` (0-based pixels), ``a``,
        ``b``, ``theta``, ``flux``, ``npix``, ``flag`` and more.
    labels : `~numpy.ndarray` of int, shape (ny, nx)
        0 for sky, k + 1 for the pixels of source k.
    background, noise : `~numpy.ndarray` of float32, shape (ny, nx)
        The sky's level and its standard deviation.
    """

    sources: np.ndarray
    labels: np.ndarray
    background: np.ndarray
    noise: np.ndarray


def detect(pixels, *, mask=None, noise=None, detection=None):
    """
    Find the sources of an image.

    Parameters
    ----------
    pixels : array_like, shape (ny, nx)
        The image. Pixels that are not finite count as masked.
    mask : array_like of bool, shape (ny, nx), optional
        True where a pixel must not be used.
    noise : array_like, shape (ny, nx), optional
        Standard deviation of each pixel; that of the background where it is not given. Pixels
        without a finite one above zero count as masked.
    detection : `Detection`, optional
        Threshold, deblending, background.

    Returns
    -------
    `Detected`

    Raises
    ------
    DetectionError
        If no pixel can be used, the image is so constant that it has no noise, or it is so
        crowded at this threshold that SEP gives up.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps import detect
    >>> sky = np.random.default_rng(1).normal(size=(50, 50))
    >>> sky[20:24, 30:34] += 100
    >>> len(detect(sky).sources)
    1
    """
    detection = Detection() if detection is None else detection
    pixels = np.ascontiguousarray(pixels, dtype=np.float32)
    bad = ~np.isfinite(pixels)
    if mask is not None:
        bad |= np.asarray(mask, dtype=bool)
    if noise is not None:
        noise = np.ascontiguousarray(noise, dtype=np.float32)
        bad |= ~(np.isfinite(noise) & (noise > 0))
    if bad.all():
        raise DetectionError('Not one pixel of the image is finite and without a mask.')
    bad = bad if bad.any() else None
    background, sky_noise = measure_sky(pixels, bad, detection)
    if noise is None:
        noise = sky_noise
        if not (noise > 0).any():
            raise DetectionError('The image has no noise: its background is constant everywhere.')
    above_sky = pixels - background
    if bad is not None:
        above_sky[bad] = 0
    sources, labels = extract_sources(above_sky, bad, noise, detection)
    maps = (
        np.full(pixels.shape, level) if level.ndim == 0 else level for level in (background, noise)
    )
    return Detected(sources, labels, *maps)


def measure_sky(pixels, bad, detection):
    """
    Level and noise of an image's sky.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of float32, shape (ny, nx)
        The image.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True where a pixel must not be used; None where all may be.
    detection : `Detection`
        The boxes in which the sky is measured.

    Returns
    -------
    background, noise : `~numpy.ndarray` of float32
        Maps, or numbers where one box holds the whole image.
    """
    box, smooth = detection.background_box, detection.background_filter
    if box < max(pixels.shape):
        sky = sep.Background(
            # Neutral where masked: SEP leaves such pixels out, but NaN would spoil its sums.
            pixels if bad is None else np.where(bad, np.float32(0), pixels),
            mask=bad,
            bw=min(box, pixels.shape[1]),
            bh=min(box, pixels.shape[0]),
            fw=smooth,
            fh=smooth,
        )
        # SEP gives these two where masked pixels are half of each box or more.
        if (sky.globalback, sky.globalrms) != (0, 1):
            return sky.back(dtype=np.float32), sky.rms(dtype=np.float32)
    # A histogram does not ask where its pixels lie, so those without a mask may stand in a row.
    values = pixels if bad is None else pixels[~bad][np.newaxis]
    sky = sep.Background(values, bw=values.shape[1], bh=values.shape[0])
    noise = np.float32(sky.globalrms)
    # SEP gives 1 where there is none; the map tells.
    return np.float32(sky.globalback), sky.rms(dtype=np.float32)[0, 0] if noise == 1 else noise


def extract_sources(above_sky, bad, noise, detection):
    """
    Sources of an image without background.

    Parameters
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (ny, nx)
        The image; 0 where pixels must not be used.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True where a pixel must not be used; None where all may be.
    noise : `~numpy.ndarray` of float32, shape (ny, nx) or ()
        Standard deviation of the pixels.
    detection : `Detection`
        Threshold and deblending.

    Returns
    -------
    sources, labels : `~numpy.ndarray`
        As in `Detected`.

    Raises
    ------
    DetectionError
        If it is so crowded at this threshold that SEP gives up.
    """
    if bad is not None:
        # SEP needs a map of the noise to leave masked pixels out, and forgets those of line 0.
        noise = np.where(bad, np.float32(1e30), noise)
    elif noise.ndim == 0:
        noise = float(noise)
    former = sep.get_extract_pixstack()
    # As many as can ever be needed. SEP's 300,000 are few for a mosaic, and so many for a stamp
    # that to lay them out takes longer than all else.
    sep.set_extract_pixstack(above_sky.size + 2)
    try:
        return sep.extract(
            above_sky,
            detection.threshold,
            err=noise,
            mask=bad,
            minarea=detection.minimum_area,
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
        raise DetectionError(
            f'SEP gave up at {detection.threshold:g} sigma: {error} Raise `threshold`, or lower '
            '`deblend_levels`.'
        ) from error
    finally:
        sep.set_extract_pixstack(former)


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
