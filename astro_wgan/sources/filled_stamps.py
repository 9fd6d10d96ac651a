"""Stamps so full of a galaxy that its light counts as sky."""

import numpy as np

from astro_wgan.sources.flags import SourceFlag

__all__ = ['flag_filled_stamps', 'is_filled']

#: What the corners, darker than the sky, say is lost of a flux, as a share of it: at least in its
#: aperture, and in an area between that and the stamp, which comes nearer to the truth, since light
#: in the corners, too, counts as sky, and since a profile cut off has a smaller aperture. So found
#: with Sersic profiles, of which these lose a tenth of their flux.
_LOST_AT_LEAST = 0.02
_LOST = 0.05

#: By how many standard errors the corners must be darker.
_SIGNIFICANT = 2.0

#: Boxes along the edge of a stamp in which its sky may be measured; of more, no galaxy fills all.
_MOST_BOXES = 4

#: Pixels of sky in the corners that tell something.
_FEWEST = 16

#: Pixels that deviate by more sigma count as much as these.
_CLIP = 4.0

#: Share of the pixels that sources cover of a stamp that is full, whatever its corners say.
_COVERED = 0.5


def flag_filled_stamps(found, batch, detection, columns):
    """
    Say which fluxes are too low since the sky was measured in light.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        Sources and images of stamps.
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        How the sky was measured, if it was.
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
    Whether a stamp is so full of light that a flux in it is too low.

    Parameters
    ----------
    found, batch, detection
        As in `flag_filled_stamps`.
    stamp : `~numpy.ndarray` of int, shape (m,)
        Of which stamps the fluxes are.
    flux, area : `~numpy.ndarray`, shape (m,)
        Each, and the area of its aperture in pixels.

    Returns
    -------
    `~numpy.ndarray` of bool, shape (m,)
        False where the sky is stated, or measured in so many boxes that no galaxy fills them all.

    Notes
    -----
    Wings of a galaxy are brightest near it: where they raise the level of the sky, the corners of
    the stamp are darker than that. What an aperture loses is its area times the difference, at
    least.
    """
    _, ny, nx = found.labels.shape
    boxes = max(ny, nx) / detection.background_box
    stated = batch.background is not None or detection.background is not None
    if stated or boxes > _MOST_BOXES:
        return np.zeros(len(stamp), dtype=bool)
    y, x = np.ogrid[:ny, :nx]
    distance = (2 * (y + 0.5) / ny - 1) ** 2 + (2 * (x + 0.5) / nx - 1) ** 2
    # In one box, the level is one number.
    pixels = batch.pixels if boxes > 1 else None
    darker = _darkness_of_corners(found, pixels, corner=distance > 1, middle=distance < 0.25)
    flux, area = np.maximum(flux, 0), np.minimum(area, ny * nx)
    light = darker[stamp]
    lost = (light > 0) & (light * area > _LOST_AT_LEAST * flux)
    lost &= light * np.sqrt(area * ny * nx) > _LOST * flux
    covered = np.count_nonzero(found.labels, axis=(1, 2)) > _COVERED * ny * nx
    return lost | covered[stamp]


def _darkness_of_corners(found, pixels, corner, middle):
    """By how much the corners are below the sky in the middle of each stamp, or 0."""
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
    """The mean level of the sky in a part of each stamp."""
    good = np.ones_like(found.labels[:, where], dtype=bool)
    if found.bad is not None:
        good = ~found.bad[:, where]
    level = pixels[:, where] - found.above_sky[:, where]
    return _sums(level, good) / np.maximum(np.count_nonzero(good, axis=1), 1)


def _sums(values, where):
    return np.sum(values, axis=1, where=where, dtype=float)
