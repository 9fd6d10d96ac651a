"""The sky of an image, its level and its noise: stated, or measured by SEP."""

import numpy as np
import sep

__all__ = ['measure_sky', 'one_box', 'stated_background']

#: Pixels below the sky, number and share, from which its noise can be measured.
_FEWEST_BELOW = 16
_LEAST_BELOW = 0.01

#: Median of half of a normal distribution, in standard deviations.
_HALF_NORMAL = 0.6744897501960817


def stated_background(background, detection, shape):
    """
    The level of the sky that a caller states, by itself or with `DetectionConfig`.

    Returns
    -------
    `~numpy.ndarray` of float64, shape () or ``shape``, or None
        None where it must be measured.

    Raises
    ------
    ValueError
        If it is stated twice, or is neither a finite number nor of this shape.
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
    Level and noise of an image's sky.

    Parameters
    ----------
    pixels : `~numpy.ndarray` of float32, shape (ny, nx)
        The image.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True where a pixel must not be used; None where all may be.
    detection : `DetectionConfig`
        The boxes in which the sky is measured.
    stated : `~numpy.ndarray` of float32, shape (ny, nx) or (), optional
        The level, where it is known: only the noise is measured.

    Returns
    -------
    background, noise : `~numpy.ndarray` of float32
        Maps, or numbers where one box holds the whole image.
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
    return one_box(pixels if bad is None else pixels[~bad][np.newaxis])


def one_box(values):
    """Level and noise of pixels in one box, (ny, nx) of float32, as float32 of shape ()."""
    sky = sep.Background(values, bw=values.shape[1], bh=values.shape[0])
    noise = np.float32(sky.globalrms)
    # SEP gives 1 where there is none; the map tells.
    return np.float32(sky.globalback), sky.rms(dtype=np.float32)[0, 0] if noise == 1 else noise


def _noise_below(above_sky, noise):
    """
    The noise of a sky whose level is known, from the pixels below it, which no source reaches.

    In a stamp that is full of a galaxy, SEP counts the galaxy's slope as noise.
    """
    below = -above_sky[above_sky < 0]
    if not noise > 0 or below.size < max(_FEWEST_BELOW, _LEAST_BELOW * above_sky.size):
        return noise
    return np.float32(np.median(below) / _HALF_NORMAL)
