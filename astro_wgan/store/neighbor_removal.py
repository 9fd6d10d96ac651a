"""`remove_neighbors`: stamps without neighbors and stars, written into a store batch by batch."""

from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.neighbors.neighbor_config import as_neighbor_config
from astro_wgan.neighbors.stamp_neighbors import (
    check_detect_in,
    meta_of_removal,
    removed_from_stamps,
    stellar_width,
)
from astro_wgan.store.resume_store import resume_store
from astro_wgan.store.stamp_inputs import as_stamps
from astro_wgan.store.stampstore import StampStore

__all__ = ['remove_neighbors']

#: Pixels of the stamps that are in memory.
_BATCH_PIXELS = 2**22


def remove_neighbors(
    stamps,
    neighbors='mask',
    *,
    output,
    stars='keep',
    detection=None,
    detect_in=None,
    progress=True,
):
    """
    Mask or replace the neighbors in stamps that do not fit in memory.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore`, path, or list of cutouts
        Anything that `~astro_wgan.store.as_stamps` accepts.
    neighbors, stars, detection, detect_in, progress
        As in `StampSet.remove_neighbors <astro_wgan.StampSet.remove_neighbors>`.
    output : path-like
        Store that is written. An interrupted call that is repeated with the same arguments goes
        on from it; results of other work are refused.

    Returns
    -------
    `~astro_wgan.StampStore`
        The same stamps as of that method.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``output`` holds results of other work.
    astro_wgan.exceptions.DetectionError
        If the width of point sources is not known, and there are too few to measure it.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.store import remove_neighbors
    >>> from astro_wgan.testing import make_stamps
    >>> path = f'{mkdtemp()}/without.zarr'
    >>> remove_neighbors(make_stamps(3), output=path, progress=False)
    <StampStore: 3 stamps of 32 x 32 pixels, float32, unit nJy>
    """
    stamps = as_stamps(stamps)
    config = as_neighbor_config(neighbors, stars)
    check_detect_in(detect_in, stamps.n_bands)
    options = {'detection': detection, 'detect_in': detect_in}
    settings = describe_settings({**vars(config), **options})
    work = {'stamps': describe_stamps(stamps, columns=None), 'neighbors': settings}
    width = stellar_width(stamps, config, **options)
    step = max(1, _BATCH_PIXELS // (stamps.shape[0] * stamps.shape[1]))
    n = len(stamps)
    like = _template(stamps, config, options)
    with (
        resume_store(output, like=like, fingerprint=Fingerprint(work)) as (store, meta),
        ProgressLine('neighbors', quiet=not progress) as line,
    ):
        for first in range(len(store), n, step):
            part = stamps[first : first + step]
            changes = removed_from_stamps(part, config, width=width, first=first, **options)
            store.append(part.replace(**changes, meta=meta))
            line.update(len(store) / n, f'{len(store)} of {n} stamps')
    return StampStore.open(output)


def _template(stamps, config, options):
    """An empty set with the columns and arrays of the results."""
    none = stamps[:0]
    changes = removed_from_stamps(none, config, **options)
    meta = meta_of_removal(none, config, **options)
    return none.replace(**{**changes, 'mask': ~none.valid}, meta=meta)
