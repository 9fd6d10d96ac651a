"""Colors of several bands: which make red, green and blue, and composites after Lupton et al."""

from collections.abc import Iterable

import numpy as np
from astropy.visualization import make_lupton_rgb

from astro_wgan.bands.band import band_number, unnamed_bands

__all__ = ['color_groups', 'combine_bands', 'lupton_softening', 'scaled_colors']

#: Logarithm of an intensity beyond which hyperbolic functions overflow.
_LARGEST_EXPONENT = 50.0


def color_groups(n_bands, *, bands=(), rgb=None):
    """
    The bands that make red, green and blue.

    Parameters
    ----------
    n_bands : int
        Number of bands.
    bands : sequence of `~astro_wgan.stamps.Band`, optional
        Their names and wavelengths.
    rgb : sequence of str or int, optional
        Names or numbers of three bands. By default all bands are used, in the order of their
        wavelengths: red is the third, or the mean of the third, with the longest.

    Returns
    -------
    tuple of three lists of int, or None
        Numbers of the bands of red, green and blue; None for one band, which has no color. Of two
        bands green is the mean. Bands without wavelengths are taken to be stored from the shortest
        to the longest; three of them as red, green and blue, as in pictures.

    Raises
    ------
    ValueError
        If ``rgb`` does not name three bands, or ``bands`` are not as many as those of the images.

    Examples
    --------
    >>> from astro_wgan.bands.band import as_bands
    >>> from astro_wgan.stamps.intensity.color_composites import color_groups
    >>> color_groups(5, bands=as_bands(['g', 'r', 'i', 'z', 'Y'], 5), rgb=('i', 'r', 'g'))
    ([2], [1], [0])
    >>> color_groups(4), color_groups(2)
    (([3], [2], [0, 1]), ([1], [0, 1], [0]))
    """
    bands = tuple(bands) or unnamed_bands(n_bands)
    if len(bands) != n_bands:
        raise ValueError(
            f'`bands` must be {n_bands}, as those of the images; got '
            f'{", ".join(band.name for band in bands)}.'
        )
    if rgb is not None:
        return tuple([number] for number in _three_bands(rgb, bands))
    if n_bands == 1:
        return None
    order = list(range(n_bands))
    if all(band.wavelength is not None for band in bands):
        order.sort(key=lambda k: bands[k].wavelength)
    elif n_bands == 3:
        order.reverse()
    if n_bands == 2:
        return [order[1]], sorted(order), [order[0]]
    return tuple(part.tolist() for part in np.array_split(order, 3))[::-1]


def _three_bands(rgb, bands):
    try:
        if isinstance(rgb, str) or not isinstance(rgb, Iterable) or len(tuple(rgb)) != 3:
            raise ValueError(rgb)
        return [band_number(band, bands) for band in rgb]
    except ValueError as error:
        names = '' if bands == unnamed_bands(len(bands)) else ' or names '
        names += ', '.join(repr(band.name) for band in bands) if names else ''
        raise ValueError(
            f'`rgb` must be three bands, by numbers from 0 to {len(bands) - 1}{names}; got {rgb!r}.'
        ) from error


def combine_bands(images, *, bands=(), rgb=None, stretch=None):
    """
    Images of any number of bands as gray or color images.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, bands)
        Stretched intensity, NaN where masked.
    bands, rgb
        As for `color_groups`.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        The stretch of the images. With it, the mean of several bands is that of their linear
        intensities.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, 3)
        In stretched intensity. A color is the mean of its bands that are not masked; a pixel is NaN
        in all colors if it has none in one. A color that a whole image lacks, since it was not
        observed in these bands, is the mean of the others.

    Raises
    ------
    ValueError
        If ``rgb`` does not name three bands of the images.
    """
    groups = color_groups(images.shape[3] if images.ndim == 4 else 1, bands=bands, rgb=rgb)
    if groups is None:
        return images.reshape(images.shape[:3])
    softening = lupton_softening(stretch)
    colors = [
        images[..., group[0]] if len(group) == 1 else _mean_of(images[..., group], softening)
        for group in groups
    ]
    colors = np.stack(colors, axis=-1)
    _fill_missing_colors(colors, softening)
    return np.where(np.isnan(colors).any(axis=-1, keepdims=True), np.nan, colors)


def _fill_missing_colors(colors, softening):
    """Fill, in place, colors without any pixel with the mean of the others of their image."""
    missing = np.isnan(colors).all(axis=(1, 2))
    for k in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        mean = _mean_of(colors[k][..., ~missing[k]], softening)
        colors[k][..., missing[k]] = mean[..., np.newaxis]


def lupton_softening(stretch):
    """
    Softening of an asinh stretch in units of its peak, for composites of its images.

    Parameters
    ----------
    stretch : `~astro_wgan.stamps.Stretch` or None
        A fitted stretch.

    Returns
    -------
    float or None
        Geometric mean of the bands. None for other stretches: linear images, such as pictures, may
        be composites already.
    """
    if stretch is None or stretch.kind_ != 'asinh':
        return None
    return float(np.exp(np.mean(np.log(stretch.softening_levels))))


def scaled_colors(image, low, high, *, softening=None):
    """
    An image between black and white.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx) or (ny, nx, 3)
        Stretched intensity, NaN where masked.
    low, high : float
        Stretched intensity of black and of white.
    softening : float, optional
        As from `lupton_softening`: the colors of an image in three bands are then those of its
        linear intensities, as made by `~astropy.visualization.make_lupton_rgb`. Without it each
        color is scaled by itself.

    Returns
    -------
    `~numpy.ndarray`, shape of the image
        From 0 to 1; 0 where it is masked.

    Notes
    -----
    Lupton et al. 2004 (PASP 116, 133) stretch the mean I of the three intensities and multiply each
    of them by f(I) / I, so that bright galaxies keep their color. Here f is the asinh stretch of
    the image itself, from ``low`` to ``high``: a gray source has the same brightness as without
    colors.
    """
    filled = np.where(np.isnan(image), low, image).astype(float)
    if image.ndim == 2 or softening is None:
        return np.clip((filled - low) / (high - low), 0, 1)
    black, white = (_linear(np.float64(level), softening) for level in (low, high))
    # In the formula of astropy f(I) = 0.1 / asinh(0.1 Q) asinh(Q I / s), which is to be 1 at white.
    soft = 10 * np.sinh(np.arcsinh((white - black) / softening) / 10)
    red, green, blue = np.moveaxis(_linear(filled, softening), -1, 0)
    levels = {'minimum': black, 'stretch': soft * softening, 'Q': soft}
    with np.errstate(invalid='ignore'):  # 0 / 0 in black pixels
        return make_lupton_rgb(red, green, blue, **levels) / 255


def _mean_of(images, softening):
    """Mean of the bands that are not masked, of linear intensities if there is a softening."""
    valid = ~np.isnan(images)
    count = valid.sum(axis=-1)
    values = np.where(valid, images, 0)
    if softening is not None:
        values = _linear(values.astype(float), softening)
    mean = np.where(count > 0, values.sum(axis=-1) / np.maximum(count, 1), np.nan)
    if softening is not None:
        mean = np.arcsinh(mean / softening) / np.arcsinh(1 / softening)
    return mean


def _linear(images, softening):
    """Intensity in units of the peak, of which an asinh stretch made the images."""
    exponents = images * np.arcsinh(1 / softening)
    return softening * np.sinh(np.clip(exponents, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
