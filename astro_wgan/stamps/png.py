"""PNG images of stamps, in gray or color, of residuals, in a diverging color map, and of sets."""

from io import BytesIO

import numpy as np
from PIL import Image

from astro_wgan.stamps.intensity.color_composites import (
    combine_bands,
    lupton_softening,
    scaled_colors,
)
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch

__all__ = [
    'MASKED_COLOR',
    'contact_sheet',
    'image_png',
    'image_range',
    'residual_colors',
    'residual_map',
    'residual_png',
    'residual_range',
    'sheet_png',
]

#: Color of masked pixels: neither gray, blue, white nor red, and of medium brightness, so that it
#: differs from all others in a negative, too.
MASKED_COLOR = (126, 138, 62)

# Residual in units of the range -> red, green, blue. Symmetric in brightness.
_DIVERGING = np.array(
    [
        (-1.0, 12, 28, 92),
        (-0.6, 38, 92, 190),
        (-0.25, 150, 190, 236),
        (0.0, 250, 250, 250),
        (0.25, 240, 178, 150),
        (0.6, 200, 58, 44),
        (1.0, 92, 8, 24),
    ]
)
# Few enough for a small palette in each file, enough for a smooth color map.
_RESIDUAL_STEPS = 101


def residual_map(residuals):
    """
    One signed residual per pixel: that of the band with the largest absolute value.

    In the mean, residuals of a wrong color would cancel, as they have opposite signs.

    Parameters
    ----------
    residuals : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, bands)
        NaN where masked.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx)
    """
    if residuals.ndim == 3:
        return residuals
    size = np.where(np.isnan(residuals), -1, np.abs(residuals))
    strongest = size.argmax(axis=-1)[..., np.newaxis]
    return np.take_along_axis(residuals, strongest, axis=-1)[..., 0]


def image_range(*images):
    """
    Intensities of black and white for several images.

    Returns
    -------
    low, high : float
        The 0.5th and 99.9th percentile of the pixels, so that a hot pixel does not compress the
        scale; 0 and 1 if no pixel is valid.
    """
    # In float64, in which differences of float32 do not overflow.
    values = np.concatenate([image[np.isfinite(image)] for image in images]).astype(float)
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.9)))
    # Next to a large number, 1 may be less than its resolution.
    return low, high if high > low else max(low + 1.0, np.nextafter(np.float32(low), np.inf))


def residual_range(residuals):
    """
    Residual at the ends of the color map, the same for all images.

    Returns
    -------
    float
        The 99.5th percentile of the absolute residuals; 1 if all residuals are zero.
    """
    values = np.abs(residuals[np.isfinite(residuals)]).astype(float)
    high = float(np.percentile(values, 99.5)) if values.size else 0.0
    # If nearly all pixels are zero, the maximum.
    return high or float(values.max(initial=0.0)) or 1.0


def image_png(image, low, high, *, softening=None):
    """
    A PNG file of a gray or color image.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx) or (ny, nx, 3)
        Intensity, NaN where masked. Its first row becomes the top.
    low, high : float
        Intensities of black and white.
    softening : float, optional
        As for `~astro_wgan.stamps.intensity.color_composites.scaled_colors`.

    Returns
    -------
    bytes
        Gray images have 8 bits. Color images are quantized to a palette of 255 colors, which halves
        the size at an error of 2 percent, less than the noise of a typical stamp.
    """
    masked = np.isnan(image)
    scaled = scaled_colors(image, low, high, softening=softening)
    if image.ndim == 3:
        colors = Image.fromarray(np.rint(255 * scaled).astype(np.uint8))
        reduced = colors.quantize(255, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        palette = np.array(reduced.getpalette(), dtype=np.uint8).reshape(-1, 3)
        return _palette_png(np.array(reduced), palette, masked.any(axis=-1))
    if not masked.any():
        return _png(Image.fromarray(np.rint(255 * scaled).astype(np.uint8)))
    grays = np.rint(np.linspace(0, 255, 255))
    return _palette_png(np.rint(254 * scaled), np.column_stack([grays] * 3), masked)


def residual_png(residual, limit):
    """
    A PNG file of a residual: blue where it is negative, white at zero, red where it is positive.

    Parameters
    ----------
    residual : `~numpy.ndarray`, shape (ny, nx)
        NaN where masked. Its first row becomes the top.
    limit : float
        Residual of the darkest red; minus that of the darkest blue.

    Returns
    -------
    bytes
    """
    masked = np.isnan(residual)
    middle = _RESIDUAL_STEPS // 2
    scaled = np.clip(np.where(masked, 0, residual) / limit, -1, 1)
    return _palette_png(np.rint(middle * scaled) + middle, residual_colors(), masked)


def residual_colors(steps=_RESIDUAL_STEPS):
    """Color map of residuals in increasing order: array of shape (steps, 3), from 0 to 255."""
    at = np.linspace(-1, 1, steps)
    channels = [np.interp(at, _DIVERGING[:, 0], _DIVERGING[:, k]) for k in (1, 2, 3)]
    return np.rint(np.column_stack(channels)).astype(np.uint8)


def _palette_png(indices, palette, masked):
    """PNG with a palette of at most 255 colors, and one for the mask."""
    indices = np.where(masked, len(palette), indices).astype(np.uint8)
    picture = Image.fromarray(indices).convert('L')
    picture.putpalette(np.vstack([palette, MASKED_COLOR]).astype(np.uint8).tobytes())
    return _png(picture)


def _png(picture):
    file = BytesIO()
    picture.save(file, format='PNG', optimize=True)
    return file.getvalue()


def contact_sheet(stamps, *, n_stamps=16, stretch=None, rgb=None):
    """
    Some stamps, evenly spread over a set, in a square grid.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    n_stamps : int, optional
        Number of stamps, at most.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling; fitted to the stamps shown if it has not been fitted.
    rgb : tuple of str or int, optional
        As for `~astro_wgan.stamps.intensity.color_composites.color_groups`.

    Returns
    -------
    `~numpy.ndarray` of uint8, shape (height, width, 3)
        With the first row of the grid, and the last row of each stamp, at the top, and white lines
        of one pixel between the stamps.

    Raises
    ------
    ValueError
        If there is no stamp or no valid pixel, ``n_stamps`` is below 1, or ``rgb`` does not name
        three bands.
    """
    if n_stamps < 1:
        raise ValueError(f'`n_stamps` must be at least 1; got {n_stamps}.')
    count = min(n_stamps, len(stamps))
    shown = stamps[np.linspace(0, len(stamps) - 1, count).round().astype(int)]
    stretch = fitted_stretch(stretch, shown)
    images = np.where(shown.valid, stretch.transform(shown), np.nan)
    images = combine_bands(images, bands=shown.bands, rgb=rgb, stretch=stretch)[:, ::-1]
    softening = lupton_softening(stretch)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    ny, nx = shown.shape
    sheet = np.full((rows * (ny + 1) - 1, columns * (nx + 1) - 1, 3), 255, dtype=np.uint8)
    for k, image in enumerate(images):
        y, x = k // columns * (ny + 1), k % columns * (nx + 1)
        sheet[y : y + ny, x : x + nx] = _colors(image, softening)
    return sheet


def sheet_png(sheet):
    """A PNG file of a `contact_sheet`, as bytes."""
    return _png(Image.fromarray(sheet))


def _colors(image, softening):
    """An image as colors from 0 to 255."""
    masked = np.isnan(image)
    scaled = np.rint(255 * scaled_colors(image, *image_range(image), softening=softening))
    if image.ndim == 2:
        masked, scaled = masked[..., np.newaxis], scaled[..., np.newaxis]
    return np.where(masked, MASKED_COLOR, scaled).astype(np.uint8)
