"""`segment_stamps`: which pixels of each stamp belong to which source."""

from typing import NamedTuple

import numpy as np

from astro_wgan.sources.batch import batch_rows, checked_band, read_batch
from astro_wgan.sources.sheet import extract_stack
from astro_wgan.stamps.detection import Detection, DetectionError, measure_sky

__all__ = [
    'FoundSources',
    'Segmentation',
    'central_labels',
    'find_sources',
    'labels_in_stamp',
    'segment_stamps',
]

#: Between the middle of a stamp and its central source lies at most this share of its edge.
_REACH = 1 / 8


class Segmentation(NamedTuple):
    """
    Label images, and which label is the galaxy that each stamp is about.

    Attributes
    ----------
    labels : `~numpy.ndarray` of int32, shape (n, ny, nx)
        0 for sky, 1 and more for the sources of each stamp.
    central : `~numpy.ndarray` of int32, shape (n,)
        Label of the central source; 0 where there is none.
    status : `~numpy.ndarray` of str, shape (n,)
        ``'measured'``, or why there is no central source.
    """

    labels: np.ndarray
    central: np.ndarray
    status: np.ndarray


class FoundSources(NamedTuple):
    """
    The sources of a batch of stamps, and what is needed to measure them.

    Attributes
    ----------
    stamp : `~numpy.ndarray` of int, shape (m,)
        Row of the stamp of each source, ascending. Its label there counts from 1.
    catalogue : `~numpy.ndarray`, shape (m,)
        Structured array of SEP, or of whatever looked for the sources.
    labels : `~numpy.ndarray` of int32, shape (n, ny, nx)
        Label images.
    above_sky : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Pixels without the background; 0 where they cannot be used.
    noise : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Standard deviation, where pixels can be used.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True where pixels cannot be used; None where all can.
    central : `~numpy.ndarray` of int32, shape (n,)
        Label of the central source; 0 where there is none.
    status : `~numpy.ndarray` of str, shape (n,)
        ``'measured'``, or why there is no central source.
    """

    stamp: np.ndarray
    catalogue: np.ndarray
    labels: np.ndarray
    above_sky: np.ndarray
    noise: np.ndarray
    bad: np.ndarray | None
    central: np.ndarray
    status: np.ndarray


def segment_stamps(stamps, *, detection=None, band=None):
    """
    Find the sources of each stamp, and the one that it is about.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
        The images. Mask and uncertainty are used where there are any.
    detection : `~astro_wgan.stamps.Detection`, optional
        How sources are told from the sky.
    band : int, optional
        Which band to look at; needed where there are several.

    Returns
    -------
    `Segmentation`
        ``labels``, ``central`` and ``status``. The central source is the one whose pixels come
        nearest to the middle of the stamp, unless that is more than an eighth of the stamp's
        edge away.

    Raises
    ------
    ValueError
        If ``band`` is missing or out of range.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.sources import segment_stamps
    >>> from astro_wgan.stamps import cut_stamps
    >>> stamps = cut_stamps(datasets.load_image('hst_cosmos_f814w'), size=64,
    ...                     positions=[(143, 181)])
    >>> labels, central, status = segment_stamps(stamps)
    >>> labels.shape, bool(labels[0, 32, 32] == central[0])
    ((1, 64, 64), True)
    """
    detection = Detection() if detection is None else detection
    band = checked_band(band, stamps.bands)
    labels = np.zeros((len(stamps), *stamps.shape), dtype=np.int32)
    central = np.zeros(len(stamps), dtype=np.int32)
    status = []
    for rows in batch_rows(stamps):
        found = find_sources(read_batch(stamps[rows], band), detection)
        labels[rows], central[rows] = found.labels, found.central
        status += found.status.tolist()
    return Segmentation(labels, central, np.array(status, dtype=str))


def find_sources(batch, detection, *, extract=extract_stack):
    """
    Find the sources of a batch of stamps.

    Parameters
    ----------
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    detection : `~astro_wgan.stamps.Detection`
        How sources are told from the sky.
    extract : callable, optional
        Takes and gives what `~astro_wgan.sources.sheet.extract_stack` does.

    Returns
    -------
    `FoundSources`
    """
    bad = _bad_pixels(batch)
    background, noise, status = _measure_skies(batch, bad, detection)
    above_sky = batch.pixels - background
    if bad is not None:
        above_sky[bad] = 0
    noise = np.broadcast_to(noise if batch.noise is None else batch.noise, above_sky.shape)
    images = above_sky, noise, bad
    stamp, catalogue, labels = _extract(images, detection, extract, status)
    central = central_labels(labels)
    counts = np.bincount(stamp, minlength=len(labels))
    for k in np.flatnonzero(central == 0):
        status[k] = status[k] or ('no source in the middle' if counts[k] else 'no source')
    status = np.array([text or 'measured' for text in status], dtype=str)
    return FoundSources(stamp, catalogue, labels, above_sky, noise, bad, central, status)


def central_labels(labels):
    """
    For each stamp the source whose pixels come nearest to the middle.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int, shape (n, ny, nx)
        0 for sky.

    Returns
    -------
    `~numpy.ndarray` of int32, shape (n,)
        0 where none comes near.
    """
    n, ny, nx = labels.shape
    y, x = np.mgrid[:ny, :nx]
    distance = ((y - (ny - 1) / 2) ** 2 + (x - (nx - 1) / 2) ** 2).ravel()
    # The pixels of a disc, from the middle outwards.
    order = np.argsort(distance, kind='stable')
    order = order[distance[order] <= (_REACH * min(ny, nx)) ** 2]
    disc = labels.reshape(n, -1)[:, order]
    nearest = np.argmax(disc > 0, axis=1)
    return disc[np.arange(n), nearest].astype(np.int32)


def labels_in_stamp(stamp):
    """
    The label of each source: 1, 2, ... in each stamp.

    Parameters
    ----------
    stamp : `~numpy.ndarray` of int, shape (m,)
        The stamp of each source, ascending.

    Returns
    -------
    `~numpy.ndarray` of int, shape (m,)
    """
    return np.arange(len(stamp)) - np.searchsorted(stamp, stamp) + 1


def _bad_pixels(batch):
    """True where pixels cannot be used, or None where all can."""
    bad = ~np.isfinite(batch.pixels)
    if batch.mask is not None:
        bad |= batch.mask
    if batch.noise is not None:
        bad |= ~(np.isfinite(batch.noise) & (batch.noise > 0))
    return bad if bad.any() else None


def _measure_skies(batch, bad, detection):
    """Background and noise of each stamp, and what is wrong with it (or nothing)."""
    n, ny, nx = batch.pixels.shape
    # One number per stamp, unless it has several boxes.
    one = detection.background_box >= max(ny, nx)
    shape = (n, 1, 1) if one else (n, ny, nx)
    background, noise = np.zeros(shape, dtype=np.float32), np.ones(shape, dtype=np.float32)
    status = [''] * n
    none = np.zeros((ny, nx), dtype=bool)
    for k in range(n):
        mask = none if bad is None else bad[k]
        if mask.all():
            status[k] = 'no pixel can be used'
            continue
        background[k], noise_of_sky = measure_sky(batch.pixels[k], mask, detection)
        if batch.noise is None and not np.any(noise_of_sky > 0):
            status[k] = 'the background has no noise'
        else:
            noise[k] = noise_of_sky
    return background, noise, status


def _extract(images, detection, extract, status):
    """Sources of all stamps; where they cannot be told apart, ``status`` says so."""
    above_sky, noise, bad = images
    for k in np.flatnonzero(status):
        above_sky[k] = 0
    try:
        return extract(above_sky, noise, bad, detection)
    except DetectionError as error:
        if len(above_sky) == 1:
            status[0] = f'no segmentation: {error}'
            above_sky[0] = 0
            return extract(above_sky, noise, bad, detection)
    # Find out which stamp it was.
    parts = []
    for k in range(len(above_sky)):
        own = [status[k]]
        image = (None if stack is None else stack[k : k + 1] for stack in images)
        parts.append(_extract(tuple(image), detection, extract, own))
        status[k] = own[0]
    stamps, catalogues, labels = zip(*parts, strict=True)
    stamp = np.repeat(np.arange(len(parts)), [len(part) for part in stamps])
    return stamp, np.concatenate(catalogues), np.concatenate(labels)
