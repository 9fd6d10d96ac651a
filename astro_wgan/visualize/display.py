"""Stamps as pictures: stretched, NaN or olive where masked, in gray or color."""

import numpy as np

from astro_wgan.stamps.intensity.color_composites import scaled_colors
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch
from astro_wgan.stamps.png import MASKED_COLOR, image_range
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stamp_inputs import as_stamps, is_stamps

__all__ = ['check_origin', 'color_pictures', 'stretched_images', 'stretched_set']


def stretched_set(stamps, stretch, what):
    """
    Images of stamps in stretched intensity, NaN where masked, the stretch, and the bands.

    Parameters
    ----------
    stamps : array_like, or anything that `~astro_wgan.store.as_stamps` takes
        At least one stamp.
    stretch : `~astro_wgan.stamps.Stretch` or None
        Fitted to the stamps where it is not yet; None for the default one.
    what : str
        Name of the argument.
    """
    stamps = _as_stamps(stamps, what)
    if not len(stamps):
        raise ValueError(f'{what} must hold at least one stamp; got none.')
    stretch = fitted_stretch(stretch, stamps)
    return stretched_images(stamps, stretch, what), stretch, stamps.bands


def stretched_images(stamps, stretch, what):
    """Images in stretched intensity, NaN where masked; without a stretch, in their own."""
    stamps = _as_stamps(stamps, what)
    images = stamps.pixels if stretch is None else stretch.transform(stamps)
    return np.where(stamps.valid, images, np.nan)


def color_pictures(images, *, limits=None, softening=None):
    """
    Stretched images as opaque colors between 0 and 1.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, 3)
        NaN where masked, as from `~astro_wgan.stamps.intensity.color_composites.combine_bands`.
    limits : tuple of float, optional
        Intensities of black and white; by default each image has its own.
    softening : float, optional
        As for `~astro_wgan.stamps.intensity.color_composites.scaled_colors`.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx, 4)
    """
    pictures = np.ones((*images.shape[:3], 4))
    for picture, image in zip(pictures, images, strict=True):
        low, high = image_range(image) if limits is None else limits
        scaled = scaled_colors(image, low, high, softening=softening)
        masked = np.isnan(image) if image.ndim == 2 else np.isnan(image[..., 0])
        picture[..., :3] = scaled if image.ndim == 3 else scaled[..., np.newaxis]
        picture[masked, :3] = np.array(MASKED_COLOR) / 255
    return pictures


def check_origin(origin):
    """Complain of an unknown place of the first row of an image."""
    if origin not in ('lower', 'upper'):
        raise ValueError(f"`origin` must be 'lower' or 'upper'; got {origin!r}.")


def _as_stamps(stamps, what):
    if is_stamps(stamps):
        return as_stamps(stamps)[:]
    array = np.asarray(stamps)
    if array.ndim not in (3, 4):
        raise ValueError(
            f'{what} must be stamps of shape (n, ny, nx) or (n, ny, nx, bands); got {array.shape}.'
        )
    return StampSet(stamps)
