"""`segment_with_photutils`: detection and deblending with photutils, the alternative to SEP."""

import warnings

import numpy as np
from astropy.utils import minversion
from photutils.segmentation import deblend_sources, detect_sources
from photutils.utils.exceptions import NoDetectionsWarning

__all__ = ['segment_with_photutils']

#: From photutils 3.1 on there is no progress bar to switch off.
_WITHOUT_PROGRESS = {} if minversion('photutils', '3.1') else {'progress_bar': False}


def segment_with_photutils(smooth, noise, mask, detection):
    """
    Detect and deblend the sources of an image.

    Parameters
    ----------
    smooth : `~numpy.ndarray` of float32, shape (ny, nx)
        Background-subtracted image, smoothed for detection.
    noise : `~numpy.ndarray` of float32, shape (ny, nx) or ()
        Standard deviation of the pixels.
    mask : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for pixels to exclude.
    detection : `~astro_wgan.detection.DetectionConfig`
        Threshold and deblending. ``clean`` is not used.

    Returns
    -------
    `~photutils.segmentation.SegmentationImage` or None
        None if there is no source.
    """
    area = detection.min_area
    threshold = np.broadcast_to(detection.threshold * noise, smooth.shape)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NoDetectionsWarning)
        found = detect_sources(smooth, threshold, area, mask=mask)
    if found is None or detection.deblend_contrast == 1:
        return found
    return deblend_sources(
        smooth,
        found,
        area,
        n_levels=detection.deblend_levels,
        contrast=detection.deblend_contrast,
        **_WITHOUT_PROGRESS,
    )
