"""`extract_with_photutils`: detection and photometry with photutils, the alternative engine."""

import numpy as np
from photutils.segmentation import SourceCatalog

from astro_wgan.detection.photutils_detection import segment_with_photutils
from astro_wgan.detection.sep_detection import smoothed
from astro_wgan.sources.apertures import KRON_FACTOR, MINIMUM_KRON_RADIUS
from astro_wgan.sources.flags import SourceFlag

__all__ = ['extract_with_photutils']

_COLUMNS = (
    'x',
    'y',
    'kron_flux',
    'kron_flux_err',
    'kron_radius',
    'half_light_radius',
    'semimajor_axis',
    'semiminor_axis',
    'orientation',
)
_DTYPE = [(name, float) for name in _COLUMNS] + [('flags', np.int16)]


def extract_with_photutils(above_sky, bad, noise, detection):
    """
    Detect, deblend and measure the sources of an image.

    Parameters
    ----------
    above_sky, bad, noise, detection
        As in `~astro_wgan.detection.sep_detection.extract_sources`. ``clean`` is not used.

    Returns
    -------
    sources, labels : `~numpy.ndarray`
        As there, but with other columns in the structured array.

    Notes
    -----
    photutils deblends with a watershed algorithm, which assigns each pixel to the peak uphill of
    it. SExtractor assigns pixels by Gaussian profiles.
    """
    smooth = smoothed(above_sky) if detection.smooth else above_sky
    noise = np.broadcast_to(noise, above_sky.shape)
    segmentation = segment_with_photutils(smooth, noise, bad, detection)
    if segmentation is None:
        return np.zeros(0, dtype=_DTYPE), np.zeros(above_sky.shape, dtype=np.int32)
    return _measure(above_sky, smooth, noise, bad, segmentation), segmentation.data


def _measure(image, smooth, noise, mask, segmentation):
    catalog = SourceCatalog(
        image,
        segmentation,
        convolved_data=smooth,
        error=noise,
        mask=mask,
        kron_params=(KRON_FACTOR, MINIMUM_KRON_RADIUS / KRON_FACTOR, 0.0),
    )
    flux = np.atleast_1d(catalog.kron_flux)
    columns = {
        'x': catalog.x_centroid,
        'y': catalog.y_centroid,
        'kron_flux': flux,
        'kron_flux_err': catalog.kron_flux_err,
        'kron_radius': KRON_FACTOR * catalog.kron_radius.value,
        'half_light_radius': catalog.flux_radius(0.5).value,
        'semimajor_axis': catalog.semimajor_axis.value,
        'semiminor_axis': catalog.semiminor_axis.value,
        'orientation': (catalog.orientation.value + 90) % 180 - 90,
        'flags': np.where(
            np.isin(segmentation.labels, segmentation.deblended_labels),
            int(SourceFlag.BLENDED),
            0,
        ),
    }
    rows = np.zeros(len(flux), dtype=_DTYPE)
    for name, column in columns.items():
        rows[name] = column
    return rows
