"""Which pixels of an image belong to sources, by SEP or by photutils."""

import warnings

import numpy as np
from photutils.segmentation import detect_sources
from photutils.utils.exceptions import NoDetectionsWarning

from astro_wgan.stamps.background import measure_sky, stated_background
from astro_wgan.stamps.detection import DetectionError, detect, smoothed
from astro_wgan.stamps.scaling import image_scale, in_unit

__all__ = ['ENGINES', 'label_sources']

ENGINES = ('sep', 'photutils')


def label_sources(pixels, bad, noise, detection, engine):
    """
    Label the sources of an image.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    bad : `~numpy.ndarray` of bool, shape (ny, nx)
        True where a pixel must not be used.
    noise : `~numpy.ndarray`, shape (ny, nx), or None
        Standard deviation of each pixel; that of the background where it is None.
    detection : `~astro_wgan.stamps.Detection`
        Threshold, background and, for SEP, deblending.
    engine : {'sep', 'photutils'}
        Who looks for them.

    Returns
    -------
    `~numpy.ndarray` of int, shape (ny, nx)
        0 for sky.

    Raises
    ------
    DetectionError
        If the image has no noise, or SEP gives up.
    """
    if engine == 'sep':
        return detect(pixels, mask=bad, noise=noise, detection=detection).labels
    scale = image_scale(pixels, bad, noise)
    pixels, noise = in_unit(pixels, scale), in_unit(noise, scale)
    level = in_unit(stated_background(None, detection, pixels.shape), scale)
    background, sky_noise = measure_sky(pixels, bad if bad.any() else None, detection, level)
    noise = sky_noise if noise is None else noise
    if not (noise[~bad] if np.ndim(noise) else noise > 0).any():
        raise DetectionError('The image has no noise: its background is constant everywhere.')
    above_sky = np.where(bad, np.float32(0), pixels - background)
    image = smoothed(above_sky) if detection.smooth else above_sky
    threshold = np.broadcast_to(detection.threshold * noise, image.shape)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NoDetectionsWarning)
        found = detect_sources(image, threshold, detection.minimum_area, mask=bad)
    return np.zeros(image.shape, dtype=np.int32) if found is None else found.data
