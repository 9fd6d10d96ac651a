"""`measure_in_parts`: what networks measure of stamps, part by part, resumed and in parallel."""

import os
from functools import partial
from threading import Lock

from astro_wgan.anomaly.search.remote_searcher import RemoteSearcher
from astro_wgan.jobs.parallel import ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.jobs.staged import staged_map
from astro_wgan.jobs.worker_threads import threads_of_worker
from astro_wgan.store import StampStore
from astro_wgan.wgan.compute.hardware import has_gpu

__all__ = ['SteppedMeasurement', 'measure_in_parts']

#: Threads that read and finish parts beside a GPU, at most.
_MAX_THREADS = 4


class SteppedMeasurement:
    """
    A measurement in three steps: while the second, of networks, is taken, threads take the others.

    Subclasses have ``prepare(searcher, part)``, ``compute(searcher, prepared, report=)``, and
    ``finish(searcher, prepared, computed)``, which returns columns.
    """

    def __call__(self, searcher, part, *, report):
        """Columns of a part, one step after the other."""
        prepared = self.prepare(searcher, part)
        return self.finish(searcher, prepared, self.compute(searcher, prepared, report=report))


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
        done, to columns; its steps overlap if it is a `SteppedMeasurement`. It must be picklable
        for processes and clusters.
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
        most = 0

        def report(done):
            # Parts are computed before those that are finished are kept.
            nonlocal most
            most = max(most, done)
            line.update(most / max(1, total), f'{most} of {total} stamps')

        report(len(kept))
        rows = [slice(first, first + size) for first in range(len(kept), total, size)]
        if processes > 1 or client is not None:
            remote = RemoteSearcher(searcher, threads=threads_of_worker(processes, client))
            # Workers read a store themselves.
            is_read = isinstance(stamps, StampStore) and stamps.mode == 'r'
            function = partial(_measure_remotely, measure, remote, stamps if is_read else None)
            parts = rows if is_read else (stamps[part] for part in rows)
            results = ordered_map(function, parts, processes=processes, client=client)
        elif isinstance(measure, SteppedMeasurement):
            results = _in_steps(measure, searcher, stamps, rows, report)
        else:
            function = partial(measure, searcher, report=lambda k: report(len(kept) + k))
            results = (function(stamps[part]) for part in rows)
        for columns in results:
            kept.append(columns)
            report(len(kept))
    return kept.columns()


def _in_steps(measure, searcher, stamps, rows, report):
    """Columns of the parts: some are read or finished while the networks compute others."""
    reading = Lock()

    def prepare(rows):
        with reading:
            part = stamps[rows]
        return rows.start, measure.prepare(searcher, part)

    def compute(given):
        first, prepared = given
        return measure.compute(searcher, prepared, report=lambda k: report(first + k))

    def finish(given, computed):
        return measure.finish(searcher, given[1], computed)

    # On a CPU the networks need all cores already.
    threads = min(_MAX_THREADS, max(1, (os.cpu_count() or 1) - 1)) if has_gpu() else 1
    return staged_map(prepare, compute, finish, rows, threads=threads)


def _measure_remotely(measure, searcher, store, part):
    part = part if store is None else store[part]
    return measure(searcher.local(), part, report=None)
