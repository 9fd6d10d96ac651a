"""What a training is watched by: images that it does not learn from, and sheets of samples."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from astro_wgan.files.atomic import replaced
from astro_wgan.wgan.image_statistics import compare_images, measure_images
from astro_wgan.wgan.trainer import draw_latent

__all__ = ['MOST_WATCHED', 'HeldOutWatch', 'sample_sheet']

#: More images than these change the distances by less than their own scatter.
MOST_WATCHED = 512
# Stretched intensities of black and white on a sheet.
_BLACK, _WHITE = -0.1, 1.0


class HeldOutWatch(keras.callbacks.Callback):
    """
    Compares what is generated with images that the networks are not trained on.

    At the end of each epoch of `keras.Model.fit` it adds to its logs, where any callback after it
    finds them: ``wasserstein_held_out``, the critic's distance between held-out and generated
    images, which falls behind ``wasserstein`` when the critic learns its images by heart; the
    distances of `compare_images` by property; and ``population_distance``, their mean
    Kolmogorov-Smirnov statistic.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Held-out stamps; the first 512 are used.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    sheets : path-like, optional
        Folder for a sheet of samples of the same latent vectors after each epoch:
        ``samples-000050.png``, by iteration.
    """

    def __init__(self, stamps, stretch, *, sheets=None):
        super().__init__()
        images = stretch.transform(stamps[:MOST_WATCHED])
        self._images = images if images.ndim == 4 else images[..., np.newaxis]
        self._stretch = stretch
        self._real = self._measure(self._images)
        self._sheets = None if sheets is None else Path(sheets)
        if self._sheets is not None:
            self._sheets.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch, logs=None):
        """Measure, and add to ``logs``."""
        trainer = self.model
        latent = draw_latent(trainer.network, len(self._images), (trainer.seed, -2))
        made = trainer.draw(latent).numpy()
        distances = compare_images(self._real, self._measure(made))
        statistics = [value for name, value in distances.items() if name.startswith('ks_')]
        logs['wasserstein_held_out'] = trainer.distance(tf.constant(self._images))
        logs['population_distance'] = float(np.mean(statistics))
        logs.update(distances)
        if self._sheets is not None:
            path = self._sheets / f'samples-{int(trainer.iteration.numpy()):06d}.png'
            with replaced(path) as temporary:
                sample_sheet(made[:64]).save(temporary, format='PNG')

    def _measure(self, images):
        linear = self._stretch.inverse(images if images.shape[-1] > 1 else images[..., 0])
        return measure_images(linear.mean(axis=-1) if linear.ndim == 4 else linear)


def sample_sheet(images):
    """
    Stretched images (n, ny, nx, bands) as one square grey picture, its first row at the bottom.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan.callbacks import sample_sheet
    >>> sample_sheet(np.zeros((9, 16, 16, 1))).size
    (48, 48)
    """
    n, ny, nx = images.shape[:3]
    edge = int(np.ceil(np.sqrt(n)))
    room = np.full((edge * edge, ny, nx), _BLACK, dtype=np.float32)
    room[:n] = images.mean(axis=-1)
    sheet = room[:, ::-1].reshape(edge, edge, ny, nx).transpose(0, 2, 1, 3)
    grey = np.clip((sheet - _BLACK) / (_WHITE - _BLACK), 0, 1).reshape(edge * ny, edge * nx)
    return Image.fromarray(np.rint(255 * grey).astype(np.uint8))
