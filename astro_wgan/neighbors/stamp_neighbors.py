"""`removed_from_stamps`: stamps without neighbors and stars, each searched by itself."""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from astro_wgan.detection.detection_image import DetectionImage, Section
from astro_wgan.detection.sep_detection import NO_PIXEL
from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors.central_source import CENTRAL_REACH
from astro_wgan.neighbors.gaussian_fits import GaussianFits, joined_fits
from astro_wgan.neighbors.image_neighbors import known_width, peak_fits
from astro_wgan.neighbors.point_sources import measure_psf_width
from astro_wgan.neighbors.section_removal import (
    RemovedPixels,
    remove_in_section,
)
from astro_wgan.neighbors.sky_patches import SkyPixels
from astro_wgan.validation.masked import joint_mask

__all__ = ['changes_of', 'check_detect_in', 'removed_from_stamps', 'stellar_width']

#: Stamps from which the width of the PSF is measured.
_SAMPLE = 500


def check_detect_in(detect_in, bands):
    """
    Refuse to detect sources in a band of stamps that have none.

    Raises
    ------
    ValueError
        If ``detect_in`` is given for plain images.
    """
    if detect_in is not None and bands is None:
        raise ValueError(
            f'`detect_in` is for stamps of several bands; got {detect_in!r} for plain images.'
        )


def stellar_width(stamps, config, *, detection=None, detect_in=None):
    """
    Width of the point sources beside the central ones of stamps, if stars are to be masked.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    config : `~astro_wgan.neighbors.NeighborConfig`
    detection, detect_in
        As in `removed_from_stamps`.

    Returns
    -------
    `~astro_wgan.neighbors.point_sources.PSFWidth` or None

    Raises
    ------
    DetectionError
        If it is not known, and there are too few point sources.
    """
    if config.stars == 'keep' or not len(stamps):
        return None
    psf = stamps.psf if detect_in is None else stamps[:1].band(detect_in).psf
    width = known_width(config, psf)
    if width is not None:
        return width
    ny, nx = stamps.shape
    center = (nx - 1) / 2, (ny - 1) / 2
    detection = config.detection_or(detection)
    parts = []
    for row in np.unique(np.linspace(0, len(stamps) - 1, _SAMPLE).astype(int)):
        try:
            image = _detection_image(stamps[int(row)], 0, detection, detect_in)
        except DetectionError:
            continue
        fits = peak_fits(image, _whole(stamps.shape))
        beside = np.hypot(fits.x - center[0], fits.y - center[1]) > CENTRAL_REACH * min(ny, nx)
        parts.append(GaussianFits(*(column[beside] for column in fits)))
    if not parts:
        parts = [GaussianFits(*np.zeros((len(GaussianFits._fields), 0)))]
    return measure_psf_width(joined_fits(parts))


def removed_from_stamps(
    stamps, config, *, detection=None, detect_in=None, width=None, first=0, tick=None
):
    """
    What changes in stamps whose neighbors and stars are removed.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    config : `~astro_wgan.neighbors.NeighborConfig`
    detection : `~astro_wgan.detection.DetectionConfig`, optional
    detect_in : int or str, optional
        Band in which sources are detected, by default the chi-squared image of all bands.
    width : `~astro_wgan.neighbors.point_sources.PSFWidth`, optional
        Width of the PSF, from `stellar_width`.
    first : int
        Number of the first stamp, on which random numbers depend.
    tick : callable, optional
        Called after each stamp with the number of stamps done.

    Returns
    -------
    dict
        Arguments of `~astro_wgan.StampSet.replace`.
    """
    if not config.is_needed:
        return {}
    shape, n = stamps.shape, len(stamps)
    detection = config.detection_or(detection)
    removed = RemovedPixels.none(n, shape, config)
    corner = np.zeros((1, 2), dtype=int)
    for k in range(n):
        try:
            image = _detection_image(stamps, k, detection, detect_in)
            found = remove_in_section(
                image, _whole(shape), corner, shape, config, width=width, numbers=[first + k]
            )
        except DetectionError:
            continue  # Without noise or usable pixels, nothing is known of neighbors.
        finally:
            if tick is not None:
                tick(k + 1)
        removed.assign([k], found)
    return changes_of(stamps, removed, detection)


def changes_of(stamps, removed, detection):
    """
    What changes in stamps of which some pixels are removed.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
        Its sky lies in the stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        Boxes of the background.

    Returns
    -------
    dict
        Arguments of `~astro_wgan.StampSet.replace`.
    """
    changes = {'mask': _masked_too(stamps.mask, removed.hidden, stamps.n_bands)}
    changes['table'] = _with_columns(stamps.table, removed.columns)
    if any(len(places) for places, _ in removed.sky):
        changes |= _replaced(stamps, removed, detection)
    return changes


def _masked_too(mask, hidden, bands):
    """A mask of stamps, or None, with hidden pixels of shape (n, ny, nx) added."""
    if not hidden.any():
        return mask
    if bands is not None and mask is not None and mask.ndim == 4:
        hidden = hidden[..., np.newaxis]
    return joint_mask(mask, hidden)


def _with_columns(table, columns):
    """A copy of a table with columns that replace those of the same name."""
    table = QTable(table, copy=False)
    for name, column in columns.items():
        table[name] = column
    return table


def _whole(shape):
    return Section(slice(0, shape[0]), slice(0, shape[1]))


def _detection_image(stamps, k, detection, detect_in):
    """The `DetectionImage` of a stamp."""
    stamp = stamps[k]
    if stamp.n_bands is not None and detect_in is not None:
        stamp = stamp.band(detect_in)
    if stamp.n_bands is None:
        noise = None if stamp.uncertainty is None else stamp.uncertainty[0]
        mask = None if stamp.mask is None else stamp.mask[0]
        return DetectionImage.of(
            stamp.pixels[0], mask=mask, noise_rms=noise, background=None, detection=detection
        )
    # A band that is missing for this stamp says nothing.
    with_data = np.flatnonzero(stamp.valid[0].any(axis=(0, 1))).tolist()
    if not with_data:
        raise DetectionError(NO_PIXEL)
    stack = stamp.stack(with_data, method='chi2')
    # Its sky is not that of the bands.
    return _detection_image(stack, 0, replace(detection, background=None), None)


def _replaced(stamps, removed, detection):
    """New pixels and uncertainty."""
    arrays = [stamps.pixels, stamps.uncertainty, ~stamps.valid]
    if stamps.n_bands is None:
        arrays = [None if array is None else array[..., np.newaxis] for array in arrays]
    pixels, uncertainty, bad = arrays
    new = pixels.copy()
    new_uncertainty = None if uncertainty is None else uncertainty.copy()
    corner = np.zeros(2, dtype=int)
    for k, (places, sky) in enumerate(removed.sky):
        for band in range(pixels.shape[-1] if len(places) else 0):
            one = k, ..., band
            source = SkyPixels(
                pixels[one],
                mask=bad[one],
                uncertainty=None if uncertainty is None else uncertainty[one],
                detection=detection,
            )
            deviation = None if uncertainty is None else new_uncertainty[one]
            source.fill(new[one], deviation, places, sky, corner)
    shape = stamps.pixels.shape
    return {
        'pixels': new.reshape(shape),
        'uncertainty': None if uncertainty is None else new_uncertainty.reshape(shape),
    }
