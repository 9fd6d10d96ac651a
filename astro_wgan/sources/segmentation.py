"""`segment_stamps`: segmentation images of stamps, and their central sources."""

from typing import NamedTuple

import numpy as np

from astro_wgan.detection.background import measure_sky
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.sep_detection import extract_sources
from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors.central_source import central_labels
from astro_wgan.sources.batch import batch_rows, checked_band, read_batch

__all__ = [
    'FoundSources',
    'Segmentation',
    'find_sources',
    'labels_in_stamp',
    'measure_skies',
    'segment_stamps',
]


class Segmentation(NamedTuple):
    """
    Segmentation images, and the label of the central source of each stamp.

    Attributes
    ----------
    labels : `~numpy.ndarray` of int32, shape (n, ny, nx)
        0 for the background, 1, 2, ... for the sources of each stamp.
    central : `~numpy.ndarray` of int32, shape (n,)
        Label of the central source; 0 if there is none.
    status : `~numpy.ndarray` of str, shape (n,)
        ``'measured'``, or why there is no central source.
    """

    labels: np.ndarray
    central: np.ndarray
    status: np.ndarray


class FoundSources(NamedTuple):
    """
    Detected sources of a batch of stamps, with images for their measurement.

    Attributes
    ----------
    stamp : `~numpy.ndarray` of int, shape (m,)
        Row of the stamp of each source, in ascending order. Labels count from 1 in each stamp.
    catalog : `~numpy.ndarray`, shape (m,)
        Structured array of SEP, or of another engine.
    labels : `~numpy.ndarray` of int32, shape (n, ny, nx)
        Segmentation images.
    above_sky : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Background-subtracted pixels; 0 where unusable.
    noise : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Standard deviation of usable pixels.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True for unusable pixels; None if there are none.
    sky_level, sky_noise : `~numpy.ndarray` of float32, shape (n,)
        Means of background and noise over usable pixels; NaN if there are none.
    central : `~numpy.ndarray` of int32, shape (n,)
        Label of the central source; 0 if there is none.
    status : `~numpy.ndarray` of str, shape (n,)
        ``'measured'``, or why there is no central source.
    """

    stamp: np.ndarray
    catalog: np.ndarray
    labels: np.ndarray
    above_sky: np.ndarray
    noise: np.ndarray
    bad: np.ndarray | None
    sky_level: np.ndarray
    sky_noise: np.ndarray
    central: np.ndarray
    status: np.ndarray


def segment_stamps(stamps, *, detection=None, background=None, band=None):
    """
    Detect the sources of each stamp, and identify the central one.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or other stamps
        Anything that `~astro_wgan.store.as_stamps` accepts. Masks and uncertainties
        are used.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Detection settings.
    background : float, array_like or `~astropy.units.Quantity`, optional
        Background level, if known, as in `~astro_wgan.sources.measure_sources`.
    band : str or int, optional
        Name or index of the band; required for stamps of several bands.

    Returns
    -------
    `~astro_wgan.sources.Segmentation`
        ``labels``, ``central`` and ``status``. The central source is the one with the pixel
        closest to the center of the stamp, within an eighth of the stamp's edge.

    Raises
    ------
    ValueError
        If ``band`` is missing or out of range, or ``background`` has a wrong shape or unit.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.sources import segment_stamps
    >>> from astro_wgan.stamps import StampSet
    >>> stamps = StampSet.from_image(datasets.load_image('mock_f814w'), size=64,
    ...                     positions=[(143, 181)])
    >>> labels, central, status = segment_stamps(stamps)
    >>> labels.shape, bool(labels[0, 32, 32] == central[0])
    ((1, 64, 64), True)
    """
    detection = DetectionConfig() if detection is None else detection
    # Imported here, since processes that measure sources do not need astropy.
    from astro_wgan.sources.zero_points import as_background
    from astro_wgan.store.stamp_inputs import as_stamps

    stamps = as_stamps(stamps)
    band = checked_band(band, stamps)

    background = as_background(background, stamps, detection)
    labels = np.zeros((len(stamps), *stamps.shape), dtype=np.int32)
    central = np.zeros(len(stamps), dtype=np.int32)
    status = []
    for rows in batch_rows(stamps):
        level = None if background is None else background[rows]
        found = find_sources(read_batch(stamps[rows], band, level), detection)
        labels[rows], central[rows] = found.labels, found.central
        status += found.status.tolist()
    return Segmentation(labels, central, np.array(status, dtype=str))


def find_sources(batch, detection, *, extract=extract_sources):
    """
    Detect the sources of a batch of stamps.

    Parameters
    ----------
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.
    extract : callable, optional
        Function with the interface of
        `~astro_wgan.detection.sep_detection.extract_sources`.

    Returns
    -------
    `FoundSources`
    """
    skies = measure_skies(batch, detection)
    above_sky, noise, bad, masked, status = skies.parts
    labels = np.zeros(above_sky.shape, dtype=np.int32)
    catalogs = []
    for k in np.flatnonzero(status == ''):
        mask = bad[k] if masked[k] else None
        try:
            sources, labels[k] = extract(above_sky[k], mask, noise[k], detection)
            catalogs.append((k, sources))
        except DetectionError as error:
            status[k] = f'no segmentation: {error}'
    if not catalogs:
        # An empty image gives the columns.
        none = np.zeros((3, 3), dtype=np.float32)
        catalogs.append((0, extract(none, None, np.float32(1), detection)[0]))
    rows, parts = zip(*catalogs, strict=True)
    stamp, catalog = np.repeat(rows, [len(part) for part in parts]), _joined(parts)
    central = central_labels(labels)
    lonely = (central == 0) & (status == '')
    status[lonely] = 'no source'
    status[lonely & np.isin(np.arange(len(labels)), stamp)] = 'no source in the middle'
    status[status == ''] = 'measured'
    noise = skies.noise_map(labels.shape)
    sky = skies.level, skies.rms
    return FoundSources(
        stamp, catalog, labels, above_sky, noise, bad, *sky, central, status.astype(str)
    )


class Skies(NamedTuple):
    """
    Stamps without their background.

    Attributes
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Background-subtracted pixels; 0 where unusable.
    noise : `~numpy.ndarray` of float32, shape (n,) or (n, ny, nx)
        Standard deviation of usable pixels.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True for unusable pixels; None if there are none.
    masked : `~numpy.ndarray` of bool, shape (n,)
        Whether a stamp has unusable pixels.
    status : `~numpy.ndarray` of object, shape (n,)
        Why sources cannot be detected, or an empty text.
    level, rms : `~numpy.ndarray` of float32, shape (n,)
        Means of background and noise over usable pixels; NaN if there are none.
    """

    above_sky: np.ndarray
    noise: np.ndarray
    bad: np.ndarray | None
    masked: np.ndarray
    status: np.ndarray
    level: np.ndarray
    rms: np.ndarray

    @property
    def parts(self):
        """All but the means."""
        return self[:5]

    def noise_map(self, shape):
        """The noise of each pixel, as a view."""
        noise = self.noise
        return np.broadcast_to(noise if noise.ndim == 3 else noise[:, None, None], shape)


def measure_skies(batch, detection):
    """
    Measure and subtract the background of a batch of stamps, or the one that is given.

    Parameters
    ----------
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.

    Returns
    -------
    `Skies`
    """
    bad = _bad_pixels(batch)
    masked = np.zeros(len(batch.pixels), dtype=bool) if bad is None else bad.any(axis=(1, 2))
    background, noise, status = _measure_skies(batch, bad, masked, detection)
    above_sky = batch.pixels - background
    if bad is not None:
        above_sky[bad] = 0
    means = (_mean_level(image, bad) for image in (background, noise))
    return Skies(above_sky, noise, bad, masked, status, *means)


def labels_in_stamp(stamp):
    """
    The label of each source: 1, 2, ... in each stamp.

    Parameters
    ----------
    stamp : `~numpy.ndarray` of int, shape (m,)
        Stamp of each source, in ascending order.

    Returns
    -------
    `~numpy.ndarray` of int, shape (m,)
    """
    return np.arange(len(stamp)) - np.searchsorted(stamp, stamp) + 1


def _bad_pixels(batch):
    """True for unusable pixels, or None if there are none."""
    bad = ~np.isfinite(batch.pixels)
    if batch.mask is not None:
        bad |= batch.mask
    if batch.noise is not None:
        bad |= ~(np.isfinite(batch.noise) & (batch.noise > 0))
    if batch.background is not None:
        bad |= ~np.isfinite(batch.background)
    return bad if bad.any() else None


def _measure_skies(batch, bad, masked, detection):
    """Background and noise of each stamp, and its status (empty if there is no problem)."""
    n, ny, nx = batch.pixels.shape
    stated = batch.background
    if stated is None and detection.background is not None:
        stated = (detection.background / batch.scales).astype(np.float32)[:, np.newaxis, np.newaxis]
    # One number per stamp if there is only one box.
    shape = (n, 1, 1) if detection.background_box >= max(ny, nx) else (n, ny, nx)
    background, noise = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    empty = masked if bad is None else bad.all(axis=(1, 2))
    for k in np.flatnonzero(~empty) if stated is None or batch.noise is None else ():
        mask = bad[k] if masked[k] else None
        level = None if stated is None else stated[k]
        measured, noise[k] = measure_sky(batch.pixels[k], mask, detection, level)
        if stated is None:
            background[k] = measured
    status = np.full(n, '', dtype=object)
    if batch.noise is None:
        status[~(noise > 0).any(axis=(1, 2))] = 'the background has no noise'
        noise = noise[:, 0, 0] if shape == (n, 1, 1) else noise
    else:
        noise = batch.noise
    status[empty] = 'no pixel can be used'
    return background if stated is None else stated, noise, status


def _mean_level(level, bad):
    """Mean over the usable pixels of each stamp, of maps or of one number per stamp."""
    level = level.reshape(len(level), int(np.prod(level.shape[1:])))
    if bad is None:
        return level.mean(axis=1)
    good = ~bad.reshape(len(bad), -1)
    number = np.count_nonzero(good, axis=1)
    if level.shape[1] == 1:
        return np.where(number > 0, level[:, 0], np.float32(np.nan))
    total = np.where(good, level, 0).sum(axis=1)
    return np.divide(total, number, where=number > 0, out=np.full_like(total, np.nan))


def _joined(arrays):
    """Concatenate structured arrays, without the slow comparison of dtypes of NumPy."""
    data = b''.join(array.tobytes() for array in arrays)
    return np.frombuffer(data, dtype=arrays[0].dtype)
