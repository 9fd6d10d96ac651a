"""`RotationResidual`: difference between a stamp and itself rotated by 180 degrees."""

import numpy as np

from astro_wgan.baselines.baseline import Baseline
from astro_wgan.baselines.image_batches import score_stamps
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch
from astro_wgan.stamps.smoothing import smoothed
from astro_wgan.store.stamp_inputs import as_stamps

__all__ = ['RotationResidual']


class RotationResidual(Baseline):
    """
    Asymmetry of a stamp: the difference between the stamp and itself rotated by 180 degrees.

    Parameters
    ----------
    smoothing : float, optional
        Standard deviation, in pixels, of the Gaussian that smooths the stretched stamps.
    max_shift : int, optional
        Maximum shift of the rotated stamp along each axis, in pixels, for the best match: a source
        lies up to half a pixel from the center of its stamp.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling; asinh by default. A stretch that has not been fitted is fitted by `fit`.
    seed : int, optional
        Seed of the sample of stamps that the stretch is fitted to.

    Attributes
    ----------
    stretch_ : `~astro_wgan.stamps.Stretch`
        The fitted stretch.

    Raises
    ------
    ValueError
        If ``smoothing`` or ``max_shift`` is negative.

    Notes
    -----
    The score is the root mean square difference, in stretched intensity, over the pixels that are
    valid in both. Unlike the asymmetry of Conselice 2003 (ApJS 147, 1) it is not normalized by the
    flux, and includes companions.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.baselines import RotationResidual
    >>> pixels = np.random.default_rng(1).normal(size=(50, 16, 16))
    >>> pixels[:, 6:10, 6:10] += 100
    >>> pixels[3, 1:4, 1:4] += 100
    >>> table = RotationResidual().fit(StampSet(pixels)).score(StampSet(pixels))
    >>> int(table['score'].argmax())
    3
    """

    def __init__(self, *, smoothing=1.0, max_shift=1, stretch=None, seed=0):
        if not smoothing >= 0:
            raise ValueError(f'`smoothing` must not be negative; got {smoothing}.')
        if max_shift < 0:
            raise ValueError(f'`max_shift` must not be negative; got {max_shift}.')
        self.smoothing = smoothing
        self.max_shift = max_shift
        self.stretch = stretch
        self.seed = seed

    def fit(self, stamps):
        """
        Fit the stretch.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
            Normal stamps, or a sample with few anomalies; all that
            `~astro_wgan.store.as_stamps` takes.

        Returns
        -------
        self
        """
        stamps = as_stamps(stamps)
        self.stretch_ = fitted_stretch(self.stretch, stamps, seed=self.seed)
        return self

    def score(self, stamps, *, progress=True):
        """
        Score each stamp.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
            Larger than twice ``max_shift``.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score``, and ``valid_fraction``, the fraction of pixels that are not masked.
            The score is NaN if no pixel and its opposite are both valid.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If the stamps are too small.
        """
        self._check_fitted('stretch_')
        stamps = as_stamps(stamps)
        if not min(stamps.shape) > 2 * self.max_shift:
            raise ValueError(
                f'`stamps` must be larger than twice `max_shift`, {self.max_shift} pixels; '
                f'got {stamps.shape}.'
            )
        return score_stamps(stamps, self.stretch_, self._measure, progress=progress)

    def _measure(self, images, valid):
        smooth = smoothed(images, valid, self.smoothing)
        shifts = range(-self.max_shift, self.max_shift + 1)
        residuals = [_residual(smooth, valid, dy, dx) for dy in shifts for dx in shifts]
        # Infinite if no shift leaves a pixel to compare.
        smallest = np.min(residuals, axis=0)
        return np.where(np.isfinite(smallest), smallest, np.nan)


def _residual(images, valid, dy, dx):
    """Root mean square difference to the rotated images, shifted by whole pixels."""
    ny, nx = images.shape[1:3]
    part = (slice(None), _overlap(ny, dy), _overlap(nx, dx))
    # With shift d, pixel i is compared with n - 1 - i + d, in the same part of the image.
    images, valid = images[part], valid[part]
    valid = valid & valid[:, ::-1, ::-1]
    squares = np.where(valid, images - images[:, ::-1, ::-1], 0) ** 2
    count = valid.sum(axis=(1, 2, 3))
    mean = squares.sum(axis=(1, 2, 3)) / np.maximum(1, count)
    return np.where(count > 0, np.sqrt(mean), np.inf)


def _overlap(n, d):
    """Pixels whose opposite, about a center that is shifted by d / 2, lies in the stamp."""
    return slice(max(0, d), n + min(0, d))
