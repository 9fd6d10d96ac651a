"""Detection of stamps so filled by a galaxy that its light was subtracted as background."""

import numpy as np

from astro_wgan.sources.flags import SourceFlag

__all__ = ['flag_filled_stamps', 'is_filled']

#: Minimum fraction of the flux that is lost, estimated from the corners of the stamp: within the
#: aperture, and within an area between aperture and stamp. The latter is more accurate, since the
#: background includes light in the corners and truncated profiles have smaller apertures.
#: Calibrated with Sersic profiles that lose a tenth of their flux.
_LOST_AT_LEAST = 0.02
_LOST = 0.05

#: Minimum significance of the darkness of the corners in standard errors.
_SIGNIFICANT = 2.0

#: Maximum number of background boxes along the edge; no galaxy fills more.
_MOST_BOXES = 4

#: Minimum number of sky pixels in the corners.
_FEWEST = 16

#: Deviating pixels are clipped at this many sigma.
_CLIP = 4.0

#: Stamps of which sources cover a larger fraction are filled, whatever their corners.
_COVERED = 0.5


def flag_filled_stamps(found, batch, detection, columns):
    """
    Flag fluxes that are too low because the background includes light of a galaxy.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        Detected sources and images.
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.
    columns : dict of `~numpy.ndarray`, each of shape (m,)
        ``kron_flux``, ``kron_radius``, ``semimajor_axis`` and ``semiminor_axis``.

    Returns
    -------
    `~numpy.ndarray` of int16, shape (m,)
        `SourceFlag.STAMP_FILLED`, or 0.
    """
    radius = columns['kron_radius'] * np.sqrt(columns['semimajor_axis'] * columns['semiminor_axis'])
    area, flux = np.pi * radius**2, columns['kron_flux']
    filled = is_filled(found, batch, detection, found.stamp, flux, area)
    return np.where(filled, int(SourceFlag.STAMP_FILLED), 0).astype(np.int16)


def is_filled(found, batch, detection, stamp, flux, area):
    """
    Whether stamps are so filled with light that fluxes in them are too low.

    Parameters
    ----------
    found, batch, detection
        As in `flag_filled_stamps`.
    stamp : `~numpy.ndarray` of int, shape (m,)
        Stamp of each flux.
    flux, area : `~numpy.ndarray`, shape (m,)
        Fluxes, and areas of their apertures in pixels.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (m,)
        False if the background is given, or measured in so many boxes that no galaxy fills all.

    Notes
    -----
    The wings of a galaxy are brightest near its center. If they raise the measured background, the
    corners of the stamp are darker than it. An aperture loses at least its area times the
    difference.
    """
    _, ny, nx = found.labels.shape
    boxes = max(ny, nx) / detection.background_box
    stated = batch.background is not None or detection.background is not None
    if stated or boxes > _MOST_BOXES:
        return np.zeros(len(stamp), dtype=bool)
    y, x = np.ogrid[:ny, :nx]
    distance = (2 * (y + 0.5) / ny - 1) ** 2 + (2 * (x + 0.5) / nx - 1) ** 2
    # With one box, the background is constant.
    pixels = batch.pixels if boxes > 1 else None
    darker = _darkness_of_corners(found, pixels, corner=distance > 1, middle=distance < 0.25)
    flux, area = np.maximum(flux, 0), np.minimum(area, ny * nx)
    light = darker[stamp]
    lost = (light > 0) & (light * area > _LOST_AT_LEAST * flux)
    lost &= light * np.sqrt(area * ny * nx) > _LOST * flux
    covered = np.count_nonzero(found.labels, axis=(1, 2)) > _COVERED * ny * nx
    return lost | covered[stamp]


def _darkness_of_corners(found, pixels, corner, middle):
    """By how much the corners are below the background in the middle of each stamp, or 0."""
    sky = found.labels[:, corner] == 0
    if found.bad is not None:
        sky &= ~found.bad[:, corner]
    number = np.count_nonzero(sky, axis=1)
    noise = found.noise[:, corner]
    values = np.clip(found.above_sky[:, corner], -_CLIP * noise, _CLIP * noise)
    darker = -_sums(values, sky) / np.maximum(number, 1)
    error = np.sqrt(_sums(noise.astype(float) ** 2, sky)) / np.maximum(number, 1)
    if pixels is not None:
        darker += _mean_level(found, pixels, middle) - _mean_level(found, pixels, corner)
    darker[(number < _FEWEST) | (darker < _SIGNIFICANT * error)] = 0
    return darker


def _mean_level(found, pixels, where):
    """Mean background level in a part of each stamp."""
    good = np.ones_like(found.labels[:, where], dtype=bool)
    if found.bad is not None:
        good = ~found.bad[:, where]
    level = pixels[:, where] - found.above_sky[:, where]
    return _sums(level, good) / np.maximum(np.count_nonzero(good, axis=1), 1)


def _sums(values, where):
    return np.sum(values, axis=1, where=where, dtype=float)
