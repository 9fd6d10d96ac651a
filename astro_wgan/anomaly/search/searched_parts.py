"""`measure_in_parts`: what networks measure of stamps, part by part, resumed and in parallel."""

from functools import partial

from astro_wgan.anomaly.search.remote_searcher import RemoteSearcher
from astro_wgan.jobs.parallel import ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.jobs.worker_threads import threads_of_worker
from astro_wgan.store import StampStore

__all__ = ['measure_in_parts']


def measure_in_parts(
    measure,
    searcher,
    stamps,
    *,
    label,
    size,
    progress=True,
    output=None,
    fingerprint=None,
    processes=1,
    client=None,
):
    """
    Measure stamps, of which few are in memory at a time.

    Parameters
    ----------
    measure : callable
        From searcher, stamps and ``report``, a function or None that is told how many of them are
        done, to columns. It must be picklable for processes and clusters.
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model and configuration of the search, or whatever ``measure`` takes in one process.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
        Stamps to measure. Of a store that is open for reading, other processes get its path and
        the numbers of rows, and read these; pixels are sent of all others.
    label : str
        Of the progress line.
    size : int
        Number of stamps in a part.
    progress : bool
        Show a progress line.
    output : path-like, optional
        File that keeps the columns; an interrupted call goes on from it.
    fingerprint : `~astro_wgan.jobs.Fingerprint`, optional
        Of the work, with ``output``.
    processes, client
        As for `~astro_wgan.jobs.ordered_map`.

    Returns
    -------
    dict of `~numpy.ndarray`
        Columns; none for no stamps.

    Raises
    ------
    ValueError
        If ``output`` holds results of other work or is damaged.
    """
    total = len(stamps)
    with (
        ResumeFile(output, fingerprint, total=total) as kept,
        ProgressLine(label, quiet=not progress) as line,
    ):

        def report(done):
            line.update(done / max(1, total), f'{done} of {total} stamps')

        report(len(kept))
        rows = (slice(first, first + size) for first in range(len(kept), total, size))
        if processes == 1 and client is None:
            function = partial(measure, searcher, report=lambda k: report(len(kept) + k))
            parts = (stamps[part] for part in rows)
        else:
            remote = RemoteSearcher(searcher, threads=threads_of_worker(processes, client))
            # Workers read a store themselves.
            is_read = isinstance(stamps, StampStore) and stamps.mode == 'r'
            function = partial(_measure_remotely, measure, remote, stamps if is_read else None)
            parts = rows if is_read else (stamps[part] for part in rows)
        for columns in ordered_map(function, parts, processes=processes, client=client):
            kept.append(columns)
            report(len(kept))
    return kept.columns()


def _measure_remotely(measure, searcher, store, part):
    part = part if store is None else store[part]
    return measure(searcher.local(), part, report=None)
