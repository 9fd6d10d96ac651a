"""`removed_from_stamps`: stamps without neighbors and stars, each searched by itself."""

from dataclasses import asdict, replace

import numpy as np
from astropy.table import QTable

from astro_wgan.detection.detection_image import DetectionImage, Section
from astro_wgan.detection.sep_detection import NO_PIXEL
from astro_wgan.exceptions import DetectionError
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.neighbors.central_source import CENTRAL_REACH
from astro_wgan.neighbors.gaussian_fits import GaussianFits, joined_fits
from astro_wgan.neighbors.image_neighbors import filled_parts, known_width, peak_fits
from astro_wgan.neighbors.point_sources import measure_psf_width
from astro_wgan.neighbors.section_removal import RemovedPixels, SearchedSection
from astro_wgan.neighbors.sky_patches import SkyPixels
from astro_wgan.neighbors.stamp_windows import Windows
from astro_wgan.validation.masked import joint_mask

__all__ = [
    'RemovalInWindows',
    'changes_of',
    'check_detect_in',
    'meta_of_removal',
    'removed_from_stamps',
    'stellar_width',
]

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


def meta_of_removal(stamps, config, *, detection=None, detect_in=None):
    """
    Metadata of stamps from which neighbors and stars are removed.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        Those before.
    config : `~astro_wgan.neighbors.NeighborConfig`
    detection, detect_in
        As in `removed_from_stamps`.

    Returns
    -------
    dict
        With how they are removed in ``neighbors_removed``.
    """
    if not config.is_needed:
        return stamps.meta
    settings = asdict(replace(config, detection=config.detection_or(detection)))
    if stamps.n_bands is not None:
        settings['detect_in'] = 'chi2' if detect_in is None else detect_in
    return {**stamps.meta, 'neighbors_removed': provenance_record(config.engine, **settings)}


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
    windows = Windows.of_stamps(np.zeros((n, 2), dtype=int), shape)
    removed = RemovedPixels.none(windows, config)
    for k in range(n):
        try:
            image = _detection_image(stamps, k, detection, detect_in)
            section = SearchedSection.of(image, _whole(shape), config, width=width)
            found = section.removed(windows[k : k + 1], numbers=[first + k])
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


class RemovalInWindows:
    """
    Removal of neighbors from windows of an image, by sky that lies in the same window.

    Parameters
    ----------
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels`
        Its sky lies in the windows.
    detection : `~astro_wgan.detection.DetectionConfig`
        Boxes of the background.
    """

    def __init__(self, removed, detection):
        self._removed, self._detection = removed, detection

    def __call__(self, parts, rows, _):
        """
        Remove neighbors from some windows, whose pixels and uncertainty are changed in place.

        Parameters
        ----------
        parts : `~astro_wgan.images.fits_sections.ImageSections`
            Windows of one shape, also of another band on the same pixels.
        rows : `~numpy.ndarray` of int, shape (n,)
            Their numbers.

        Returns
        -------
        `~astro_wgan.images.fits_sections.ImageSections`
        """
        bad = ~np.isfinite(parts.pixels)
        if parts.mask is not None:
            bad |= parts.mask

        def fill(k, *stamp):
            _fill(*stamp, bad=bad[k], detection=self._detection)

        return filled_parts(parts, self._removed[rows], fill)


def _fill(pixels, deviation, places, sky, *, bad, detection):
    """Replace pixels of a stamp, in place, by its sky."""
    source = SkyPixels(
        pixels.copy(),
        mask=bad,
        uncertainty=None if deviation is None else deviation.copy(),
        detection=detection,
    )
    source.fill(pixels, deviation, places, sky, np.zeros(2, dtype=int))


def _replaced(stamps, removed, detection):
    """New pixels and uncertainty."""
    new, deviation = stamps.pixels.copy(), None
    if stamps.uncertainty is not None:
        deviation = stamps.uncertainty.copy()
    bad = ~stamps.valid
    for k, (places, sky) in enumerate(removed.sky):
        if not len(places):
            continue
        for band in [...] if stamps.n_bands is None else range(stamps.n_bands):
            one = (k,) if band is ... else (k, ..., band)
            own = None if deviation is None else deviation[one]
            _fill(new[one], own, places, sky, bad=bad[one], detection=detection)
    return {'pixels': new, 'uncertainty': deviation}
