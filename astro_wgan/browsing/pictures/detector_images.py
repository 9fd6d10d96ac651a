"""`DetectorImages`: closest images and features of sources, from a detector loaded when needed."""

import os
from dataclasses import dataclass

import numpy as np

from astro_wgan.browsing.background_tasks import BackgroundTask, Turns

__all__ = ['DetectorImages', 'ModelImages']


@dataclass(frozen=True, eq=False)
class ModelImages:
    """
    What a detector makes of some stamps.

    Attributes
    ----------
    closest : `~astro_wgan.StampSet`
        Closest images, in the unit of the training set.
    residuals : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, bands)
        Stamps minus their closest images, in stretched intensity, NaN where masked.
    contributions : `~numpy.ndarray`, shape (n, ny, nx)
        What each pixel adds to the smoothed residual, in stretched intensity times the number of
        pixels; NaN where all bands are masked.
    """

    closest: object
    residuals: np.ndarray
    contributions: np.ndarray


class DetectorImages:
    """
    Closest images, residuals and features of the sources of some results.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
        With a model. TensorFlow is loaded when images are first asked for.
    """

    def __init__(self, results):
        self._table, self._model = results.table, results.model
        # The networks answer one request after another, and pictures before features.
        self._turns = Turns()
        self._detector = BackgroundTask('loading the model', self._load)

    @property
    def is_loaded(self):
        """Whether the model is in memory."""
        return self._detector.is_done

    def wait(self):
        """Wait until the model is in memory."""
        self._detector.wait()

    def images(self, rows, stamps):
        """
        Closest images, residuals and contributions.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int
            Rows of the results.
        stamps : `~astro_wgan.StampSet`
            Their stamps.

        Returns
        -------
        ModelImages

        Raises
        ------
        NotReadyError
            If the model is being loaded.
        TaskFailedError
            If it cannot be loaded.
        """
        detector = self._detector.result()
        with self._turns.urgent():
            table = self._searched(detector, rows, stamps)
            wgan = detector.wgan
            images, weights = wgan.images_from_stamps(stamps)
            closest = wgan.images_from_latent(np.asarray(table['latent'], dtype=np.float32))
            parts = detector.scoring.anomaly_map(images - closest, weights)
            shown = wgan.stamps_from_images(closest)
        valid = weights > 0
        residuals = np.where(valid, images - closest, np.nan)
        contributions = parts.sum(axis=-1) * np.prod(stamps.shape)
        return ModelImages(
            closest=shown,
            residuals=residuals,
            contributions=np.where(valid.any(axis=-1), contributions, np.nan),
        )

    def features(self, stamps):
        """
        Features of some stamps, float32 of shape (n, features); the networks must be loaded.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
        """
        detector = self._detector.result()
        with self._turns.patient():
            return np.asarray(detector.features(stamps, progress=False)['features'])

    def _load(self, report):
        model = self._model
        if isinstance(model, (str, os.PathLike)):
            from astro_wgan.anomaly import AnomalyDetector

            model = AnomalyDetector.load(model)
        if 'latent' in self._table.colnames:
            # Raises if the table belongs to another model.
            model.closest_images(self._table[:1])
        return model

    def _searched(self, detector, rows, stamps):
        """A table with the latent vectors of the closest images of stamps."""
        if 'latent' in self._table.colnames:
            return self._table[rows]
        # Tables of surveys are without them.
        return detector.measure(stamps, progress=False)
