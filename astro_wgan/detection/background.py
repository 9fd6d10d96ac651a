"""Background level and noise of an image, given or measured with SEP."""

import numpy as np
import sep

__all__ = ['measure_sky', 'one_box', 'stated_background']

#: Minimum number and fraction of pixels below the background from which to measure the noise.
_FEWEST_BELOW = 16
_LEAST_BELOW = 0.01

#: Median of the half-normal distribution, in standard deviations.
_HALF_NORMAL = 0.6744897501960817


def stated_background(background, detection, shape):
    """
    The background level given by the caller, as an argument or in the `DetectionConfig`.

    Returns
    -------
    `~numpy.ndarray` of float64, shape () or ``shape``, or None
        None if it has to be measured.

    Raises
    ------
    ValueError
        If it is given twice, or is neither a finite number nor an image of this shape.
    """
    if background is None:
        return None if detection.background is None else np.float64(detection.background)
    if detection.background is not None:
        raise ValueError(
            'Give `background`, or a `detection` with one, not both; got '
            f'{detection.background:g} from `detection`.'
        )
    background = np.asarray(background)
    if background.dtype.kind not in 'iuf' or background.shape not in ((), tuple(shape)):
        raise ValueError(
            f'`background` must be a number or an image of shape {tuple(shape)}; got '
            f'{background.dtype} of shape {background.shape}.'
        )
    if background.ndim == 0 and not np.isfinite(background):
        raise ValueError(f'`background` must be finite; got {background}.')
    return background if background.ndim else np.float64(background)


def measure_sky(pixels, bad, detection, stated=None):
    """
    Measure background level and noise of an image.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of float32, shape (ny, nx)
        The image.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True where a pixel must not be used; None where all may be.
    detection : `DetectionConfig`
        Size of the boxes and of the median filter.
    stated : `~numpy.ndarray` of float32, shape (ny, nx) or (), optional
        The background level, if known. Then only the noise is measured.

    Returns
    -------
    background, noise : `~numpy.ndarray` of float32
        Maps, or numbers if one box covers the whole image.
    """
    if stated is not None:
        pixels = pixels - stated
        measured, noise = _measured_sky(pixels, bad, detection)
        if measured.ndim == 0:
            noise = _noise_below(pixels if bad is None else pixels[~bad], noise)
        return stated, noise
    return _measured_sky(pixels, bad, detection)


def _measured_sky(pixels, bad, detection):
    box, smooth = detection.background_box, detection.background_filter
    if box < max(pixels.shape):
        sky = sep.Background(
            # SEP excludes masked pixels, but NaN in them would spoil its sums.
            pixels if bad is None else np.where(bad, np.float32(0), pixels),
            mask=bad,
            bw=min(box, pixels.shape[1]),
            bh=min(box, pixels.shape[0]),
            fw=smooth,
            fh=smooth,
        )
        # SEP returns these values if half of each box or more is masked.
        if (sky.globalback, sky.globalrms) != (0, 1):
            return sky.back(dtype=np.float32), sky.rms(dtype=np.float32)
    # Positions do not matter in a histogram, so unmasked pixels can be put in one row.
    return one_box(pixels if bad is None else pixels[~bad][np.newaxis])


def one_box(values):
    """Background level and noise of the float32 pixels of one box, as float32 scalars."""
    sky = sep.Background(values, bw=values.shape[1], bh=values.shape[0])
    noise = np.float32(sky.globalrms)
    # SEP reports 1 if there is no noise; its noise map is then 0.
    return np.float32(sky.globalback), sky.rms(dtype=np.float32)[0, 0] if noise == 1 else noise


def _noise_below(above_sky, noise):
    """
    Noise around a known background level, from the pixels below it, which have no source flux.

    In a stamp filled by a galaxy, SEP would count the gradient of the galaxy as noise.
    """
    below = -above_sky[above_sky < 0]
    if not noise > 0 or below.size < max(_FEWEST_BELOW, _LEAST_BELOW * above_sky.size):
        return noise
    return np.float32(np.median(below) / _HALF_NORMAL)
