"""What a training is watched by: images that it does not learn from, and sample_dir of samples."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from astro_wgan.files.atomic import atomic_write
from astro_wgan.wgan.image_statistics import compare_image_statistics, measure_image_statistics
from astro_wgan.wgan.trainer import draw_latent

__all__ = ['MAX_HELD_OUT', 'HeldOutMonitor', 'sample_grid']

#: More images than these change the distances by less than their own scatter.
MAX_HELD_OUT = 512
# Stretched intensities of black and white on a sheet.
_BLACK, _WHITE = -0.1, 1.0


class HeldOutMonitor(keras.callbacks.Callback):
    """
    Compare generated images with held-out ones at the end of each epoch.

    The results are added to the logs, where callbacks that come after this one find them, and
    become columns of ``WGAN.history_``:

    ``held_out_wasserstein_distance``
        The critic's estimate of the Wasserstein distance between held-out and generated images.
        Well above ``wasserstein_distance``, the same for the images trained on, when the critic
        overfits.
    ``ks_NAME``, ``wasserstein_NAME``
        For ``flux``, ``half_light_radius``, ``concentration``, ``axis_ratio`` and
        ``power_spectrum``: the two-sample Kolmogorov-Smirnov statistic, and the Wasserstein-1
        distance in units of the standard deviation of the held-out images.
    ``ks_mean``
        Mean of the Kolmogorov-Smirnov statistics.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Held-out stamps; the first 512 are used.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    sample_dir : path-like, optional
        Folder for images of samples from the same latent vectors after each epoch, named by
        iteration: ``samples-000050.png``.
    """

    def __init__(self, stamps, stretch, *, sample_dir=None):
        super().__init__()
        images = stretch.transform(stamps[:MAX_HELD_OUT])
        self._images = images if images.ndim == 4 else images[..., np.newaxis]
        self._stretch = stretch
        self._real = self._measure(self._images)
        self._sample_dir = None if sample_dir is None else Path(sample_dir)
        if self._sample_dir is not None:
            self._sample_dir.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch, logs=None):
        """Measure, and add to ``logs``."""
        trainer = self.model
        latent = draw_latent(trainer.network, len(self._images), (trainer.seed, -2))
        made = trainer.draw(latent).numpy()
        distances = compare_image_statistics(self._real, self._measure(made))
        statistics = [value for name, value in distances.items() if name.startswith('ks_')]
        logs['held_out_wasserstein_distance'] = trainer.distance(tf.constant(self._images))
        logs['ks_mean'] = float(np.mean(statistics))
        logs.update(distances)
        if self._sample_dir is not None:
            path = self._sample_dir / f'samples-{int(trainer.iteration.numpy()):06d}.png'
            with atomic_write(path) as temporary:
                sample_grid(made[:64]).save(temporary, format='PNG')

    def _measure(self, images):
        linear = self._stretch.inverse(images if images.shape[-1] > 1 else images[..., 0])
        return measure_image_statistics(linear.mean(axis=-1) if linear.ndim == 4 else linear)


def sample_grid(images):
    """
    Stretched images (n, ny, nx, bands) as one square grey picture, its first row at the bottom.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan.callbacks import sample_grid
    >>> sample_grid(np.zeros((9, 16, 16, 1))).size
    (48, 48)
    """
    n, ny, nx = images.shape[:3]
    edge = int(np.ceil(np.sqrt(n)))
    room = np.full((edge * edge, ny, nx), _BLACK, dtype=np.float32)
    room[:n] = images.mean(axis=-1)
    sheet = room[:, ::-1].reshape(edge, edge, ny, nx).transpose(0, 2, 1, 3)
    grey = np.clip((sheet - _BLACK) / (_WHITE - _BLACK), 0, 1).reshape(edge * ny, edge * nx)
    return Image.fromarray(np.rint(255 * grey).astype(np.uint8))
