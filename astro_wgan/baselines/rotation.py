"""`RotationResidual`: what differs between a stamp and itself turned by 180 degrees."""

import numpy as np

from astro_wgan.anomaly.residuals import smoothed
from astro_wgan.baselines.checks import check_fitted
from astro_wgan.baselines.image_batches import score_stamps
from astro_wgan.stamps.stretch import Stretch, fitted_stretch

__all__ = ['RotationResidual']


class RotationResidual:
    """
    The asymmetry of a whole stamp: it minus itself turned by 180 degrees.

    Parameters
    ----------
    smoothing : float, optional
        Standard deviation in pixels of the Gaussian that the stretched stamps are smoothed with.
    shift : int, optional
        The turned stamp may be shifted by so many pixels to fit best, since the centre of a
        source lies up to half a pixel from that of its stamp.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        The intensity scaling; fitted by `fit` if it is not yet. By default asinh.
    seed : int, optional
        Seed of the sample of stamps from which the stretch is found.

    Attributes
    ----------
    stretch_ : `~astro_wgan.stamps.Stretch`
        Fitted.

    Notes
    -----
    The score is the root mean square difference, in stretched intensity, over the pixels that are
    valid in both. Unlike the asymmetry of Conselice 2003 (ApJS 147, 1) it is not divided by the
    flux, and companions count.

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

    def __init__(self, *, smoothing=1.0, shift=1, stretch=None, seed=0):
        if not smoothing >= 0:
            raise ValueError(f'`smoothing` must not be negative; got {smoothing}.')
        if shift < 0:
            raise ValueError(f'`shift` must not be negative; got {shift}.')
        self.smoothing = smoothing
        self.shift = shift
        self.stretch = Stretch() if stretch is None else stretch
        self.seed = seed

    def fit(self, stamps):
        """
        Find the stretch; nothing else is learnt.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            Normal stamps, or any of the kind.

        Returns
        -------
        RotationResidual
        """
        self.stretch_ = fitted_stretch(self.stretch, stamps, seed=self.seed)
        return self

    def score(self, stamps, *, progress=True):
        """
        Score each stamp.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            Larger than twice the shift.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` and ``valid``, the share of pixels that are not masked. Where no
            pixel is valid together with its opposite the score is NaN.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        check_fitted(self, 'stretch_')
        if not min(stamps.shape) > 2 * self.shift:
            raise ValueError(
                f'`stamps` must be larger than twice the shift of {self.shift} pixels; '
                f'got {stamps.shape}.'
            )
        return score_stamps(stamps, self.stretch_, self._measure, progress=progress)

    def _measure(self, images, valid):
        smooth = smoothed(images, valid, self.smoothing)
        shifts = range(-self.shift, self.shift + 1)
        residuals = [_residual(smooth, valid, dy, dx) for dy in shifts for dx in shifts]
        # inf, where no shift leaves a pixel to compare.
        least = np.min(residuals, axis=0)
        return np.where(np.isfinite(least), least, np.nan)


def _residual(images, valid, dy, dx):
    """Root mean square difference to the turned images, shifted by whole pixels."""
    ny, nx = images.shape[1:3]
    part = (slice(None), _overlap(ny, dy), _overlap(nx, dx))
    # Shifted by d, pixel i is compared with n - 1 - i + d: the same part, turned.
    images, valid = images[part], valid[part]
    valid = valid & valid[:, ::-1, ::-1]
    squares = np.where(valid, images - images[:, ::-1, ::-1], 0) ** 2
    count = valid.sum(axis=(1, 2, 3))
    mean = squares.sum(axis=(1, 2, 3)) / np.maximum(1, count)
    return np.where(count > 0, np.sqrt(mean), np.inf)


def _overlap(n, d):
    """Pixels whose opposite about a centre d / 2 off the middle lies in the stamp."""
    return slice(max(0, d), n + min(0, d))
