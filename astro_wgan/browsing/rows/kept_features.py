"""`KeptFeatures`: features of the sources of results, measured in parts and kept beside them."""

from functools import cached_property

import numpy as np

from astro_wgan.browsing.pictures.page_cache import PageCache
from astro_wgan.files.atomic import read_arrays
from astro_wgan.jobs import digest

__all__ = ['KeptFeatures']

#: Stamps whose features are in one file, and of which they are measured at a time: in between
#: pictures of a page are made.
_IN_FILE, _AT_ONCE = 512, 128


class KeptFeatures:
    """
    Features of the sources of some results.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
        Of a table with the column ``features`` these are used. Others are measured and kept in
        ``.browsing`` in the folder of the results, so that the page and commands measure them once,
        and an interrupted measurement goes on.
    """

    def __init__(self, results):
        self._results = results

    @cached_property
    def cache(self):
        """Where they are kept: not with pictures, which depend on how they are drawn, too."""
        results = self._results
        about = np.array(['features', results.version, results.model_name])
        return PageCache(results.folder, digest(about)[-len(results.version) :])

    @property
    def has_column(self):
        """Whether the table has the features."""
        table = self._results.table
        return 'features' in table.colnames and np.ndim(table['features']) == 2

    def column(self):
        """The features in the table, float32 of shape (n, features)."""
        return np.asarray(self._results.table['features'], dtype=np.float32)

    def measured(self, measure, report):
        """
        Features of the stamps, those that were measured before included.

        Parameters
        ----------
        measure : callable
            Returns the features of some stamps.
        report : callable
            Is called with the fraction that is done.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, features)
            NaN for a row without a stamp.
        """
        results = self._results
        known = np.flatnonzero(results.stamps.known)
        parts = []
        for number, first in enumerate(range(0, len(known), _IN_FILE)):
            rows = known[first : first + _IN_FILE]
            parts.append(self._part(f'features-{number:05d}.npz', rows, measure))
            report((first + len(rows)) / len(known))
        features = np.full((len(results), parts[0].shape[1]), np.nan, dtype=np.float32)
        features[known] = np.concatenate(parts)
        return features

    def _part(self, name, rows, measure):
        try:
            part = read_arrays(self.cache.folder / name, ['features'])['features']
            if len(part) == len(rows):
                return part
        except (KeyError, OSError, ValueError):
            pass  # not measured yet, or damaged
        pieces = [rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE)]
        part = np.concatenate([measure(self._results.stamps.read(piece)) for piece in pieces])
        self.cache.write_arrays(name, features=part)
        return part
