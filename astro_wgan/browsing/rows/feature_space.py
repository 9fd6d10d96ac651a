"""`FeatureSpace`: features of all sources, their map, similar ones, and the relevance by labels."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from astro_wgan.browsing.background_tasks import BackgroundTask, UnavailableError
from astro_wgan.browsing.rows.kept_features import KeptFeatures
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.labeling import PrincipalFeatures, rerank
from astro_wgan.labeling.similar_rows import nearest_rows

__all__ = ['FeatureSpace']

_SCRIPT = Path(__file__).with_name('embedding_process.py')


class FeatureSpace:
    """
    Features of the sources of some results, measured when they are first needed.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
        Of a table with the column ``features`` these are used; otherwise those of the model.
    networks : `~astro_wgan.browsing.pictures.detector_images.DetectorImages` or None
    """

    def __init__(self, results, networks):
        self._results, self._networks = results, networks
        self._kept = KeptFeatures(results)
        self._features = BackgroundTask('measuring features of the stamps', self._measure)
        self._map = BackgroundTask('making the map', self._embed)

    @property
    def exists(self):
        """Whether there are features, or a model that measures them."""
        return self._networks is not None or self._kept.has_column

    def features(self):
        """
        Features of all rows, float32 of shape (n, features); NaN for a row without a stamp.

        Raises
        ------
        NotReadyError, TaskFailedError
            While they are measured, and if that failed.
        UnavailableError
            If there is neither a model nor a column of features.
        """
        if not self.exists:
            raise UnavailableError(
                'Maps, similar sources and relevance need features: open the results with '
                '`model`, or with a column `features` in the table.'
            )
        return self._features.result()[0]

    def map(self):
        """
        Places of all rows in a plane.

        Returns
        -------
        places : `~numpy.ndarray` of float32, shape (n, 2)
            NaN for a row without features.
        method : str

        Raises
        ------
        NotReadyError, TaskFailedError, UnavailableError
            As by `features`.
        """
        self.features()
        return self._map.result()

    def nearest(self, row):
        """All rows with features from the nearest to one row on, itself first; then the others."""
        features = self.features()
        if not np.isfinite(features[row]).all():
            raise UnavailableError('There are no features of this source.')
        rows, _ = nearest_rows(self._features.result()[1], [row], len(features))
        found = np.concatenate([[row], rows])
        return np.concatenate([found, np.setdiff1d(np.arange(len(features)), found)])

    def rerank(self, labels):
        """
        The table of the results with what follows from labels.

        Parameters
        ----------
        labels : `~astro_wgan.labeling.LabelFile`

        Returns
        -------
        `~astropy.table.QTable`
            See `~astro_wgan.labeling.rerank`.
        """
        features = self.features()
        coordinates = self._features.result()[1]
        return rerank(self._results.table, features, labels, coordinates=coordinates)

    def _measure(self, report):
        """Features, and their principal components, which each request would find anew."""
        if self._kept.has_column:
            features = self._kept.column()
        else:
            self._networks.wait()
            features = self._kept.measured(self._networks.features, report)
        return features, PrincipalFeatures().fit(features).transform(features)

    def _embed(self, report):
        features, _ = self._features.result()
        known = np.isfinite(features).all(axis=1)
        places = np.full((len(features), 2), np.nan, dtype=np.float32)
        places[known], method = embed_in_process(features[known])
        return places, method


def embed_in_process(features):
    """
    Places of features in a plane, from a process of its own, as the computation would keep a
    server from answering.

    Parameters
    ----------
    features : `~numpy.ndarray`, shape (n, d)

    Returns
    -------
    places : `~numpy.ndarray` of float32, shape (n, 2)
    method : str
        ``'UMAP'``, or ``'principal components'`` where umap-learn is not installed.
    """
    with TemporaryDirectory(prefix='astro_wgan-') as folder:
        given, made = Path(folder) / 'features.npz', Path(folder) / 'places.npz'
        write_arrays(given, features=features)
        with subprocess.Popen(
            # Without the folder of the script, whose modules would shadow others.
            [sys.executable, '-P', str(_SCRIPT), str(given), str(made)],
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(part for part in sys.path if part)},
            # Closed with this process, even if that is killed; the other one then ends, too.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            said = process.stderr.read()
        if process.returncode:
            last = said.decode(errors='replace').strip().rpartition('\n')[2]
            raise RuntimeError(f'The process that makes the map ended with {last!r:.200}.')
        arrays = read_arrays(made)
    return arrays['places'], str(arrays['method'])
