"""How much each pixel of a stamp counts."""

import warnings
from dataclasses import replace

import numpy as np

from astro_wgan.stamps import StampSet

__all__ = ['pixel_weights']

#: Standard deviations by which a pixel may be fainter than it looks.
_SURE = 5.0


def pixel_weights(stamps, stretch):
    """
    Weights of pixels: by the mask, and by the uncertainty where there is one.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        Stamps.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling, in which residuals are measured.

    Returns
    -------
    `~numpy.ndarray` of float32, shape of the pixels
        0 for a pixel that is masked, or whose uncertainty is not a number of at least 0. Others 1;
        but one that is noisier, in stretched intensity, than a pixel of the sky with the median
        uncertainty of its stamp (and band) counts by the inverse of its variance relative to that.

    Notes
    -----
    asinh compresses the noise of what is bright. A pixel is taken to be no brighter than it surely
    is, within five standard deviations: one that lies a thousand above the sky, give or take a
    thousand, is not bright.

    That no weight is above 1 keeps a few pixels with small uncertainties from being all that
    counts. What is alike in all pixels changes nothing: how noisy a stamp is as a whole is not for
    weights to say.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps import Stretch
    >>> from astro_wgan.wgan.pixel_weights import pixel_weights
    >>> uncertainty = np.full((1, 3, 3), 0.5)
    >>> uncertainty[0, 1, 1] = 1.0
    >>> stamps = StampSet(np.zeros((1, 3, 3)), uncertainty=uncertainty)
    >>> stretch = Stretch('linear', sky=0, noise_rms=0.5, peak=10)
    >>> pixel_weights(stamps, stretch)[0, 1].round(3).tolist()
    [1.0, 0.25, 1.0]
    """
    valid, uncertainty = stamps.valid, stamps.uncertainty
    if uncertainty is None:
        return valid.astype(np.float32)
    usable = valid & np.isfinite(uncertainty) & (uncertainty >= 0)
    uncertainty = np.where(usable, uncertainty, np.nan)
    deviation = np.nan_to_num(uncertainty)
    noise = _in_stretch(_least_sure(stamps, deviation, stretch), deviation, stamps.unit, stretch)
    with warnings.catch_warnings():
        # Of a stamp without a usable pixel.
        warnings.simplefilter('ignore', RuntimeWarning)
        median = np.nanmedian(uncertainty, axis=(1, 2), keepdims=True)
    if stamps.unit != stretch.unit_:
        median = stamps.unit.to(stretch.unit_, median)
    typical = _in_stretch(np.array(stretch.sky_), median, stretch.unit_, stretch)
    noisier = (noise > typical) & (typical > 0)
    weights = np.divide(typical, noise, out=np.ones_like(noise), where=noisier) ** 2
    return np.where(usable, weights, 0).astype(np.float32)


def _least_sure(stamps, deviation, stretch):
    """Of the pixels that the uncertainty allows, those nearest to the sky."""
    pixels, sky = stamps.filled(), np.array(stretch.sky_)
    if stamps.unit != stretch.unit_:
        sky = stretch.unit_.to(stamps.unit, sky)
    above = pixels - sky
    return sky + np.sign(above) * np.maximum(np.abs(above) - _SURE * deviation, 0)


def _in_stretch(pixels, deviation, unit, stretch):
    """Half of what lies between a deviation above and one below, in stretched intensity."""
    # The height of each stamp would fall out of the ratio.
    alone = replace(stretch, scope='global')
    above, below = (
        alone.transform(StampSet(pixels + sign * deviation, unit=unit)) for sign in (1, -1)
    )
    return (above - below) / 2
