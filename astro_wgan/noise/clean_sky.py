"""`find_sky`: the parts of an image in which there is nothing but sky."""

import os
from dataclasses import asdict

import numpy as np
from astropy import units as u
from regions import PixelRegion, Region, SkyRegion
from scipy.ndimage import maximum_filter, minimum_filter

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry
from astro_wgan.detection.sep_detection import DetectionConfig
from astro_wgan.detection.sky_separation import separate
from astro_wgan.detection.source_mask import ENGINES
from astro_wgan.exceptions import NoSkyError, SkyError
from astro_wgan.images.reading import read_image
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.noise.sky import Sky
from astro_wgan.validation.pixels import as_bool, as_pixel_scale

__all__ = ['find_sky']

#: Pixels over which the level may change when sources are looked for, where it is left as it is.
_SCALE = 128

#: Edge of an area of exactly one value that is no data; and how many of them noise may make.
_FLAT, _BY_CHANCE = 5, 0.01


def find_sky(
    image,
    *,
    detection=None,
    engine='sep',
    margin=6,
    background_scale=128,
    mask=None,
    regions=None,
    pixel_scale=None,
    hdu=None,
    plane=None,
    max_size=None,
):
    """
    Find where an image is clean sky.

    Parameters
    ----------
    image : path-like, HDU, `~astropy.nddata.NDData` or array_like
        Whatever `~astro_wgan.images.read_image` reads. Its uncertainty, where there is one, says
        where the noise is larger than elsewhere. Pixels without weight count as masked, and so
        do areas of 5 x 5 pixels or more of exactly one value, as the zeros around a mosaic.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        What is a source. Its ``threshold`` is that for white noise: see the notes.
    engine : {'sep', 'photutils'}, optional
        Who looks for sources.
    margin : float, optional
        Pixels around a source that count as its wings, beside a quarter of the source's radius.
    background_scale : float or None, optional
        Pixels over which the sky's level may change. What varies over as many or more, and
        amplifiers that differ, is background and taken out; what varies over fewer is noise. None
        leaves the image as it is.
    mask : array_like of bool, shape (ny, nx), optional
        True where a pixel must not be used, beside those that the image itself masks.
    regions : `regions.Region` or list of them, optional
        Parts of the image that must not be used, such as haloes of bright stars; in pixels or on
        the sky.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle of a pixel, for an image without a WCS.
    hdu, plane, max_size : optional
        Which image of a FITS file, which plane of a cube, and how large it may be; as in
        `~astro_wgan.images.read_image`.

    Returns
    -------
    `Sky`

    Raises
    ------
    SkyError
        If nothing is left.
    DetectionError
        If the image has no noise, so that nothing can be detected in it.
    ImageError
        If the image cannot be read.
    ValueError
        If an argument is out of range, or a region has no area.

    Notes
    -----
    A source has pixels above the threshold in the image as it is smoothed for detection, or by a
    Gaussian of 2 or 4 pixels, which finds what is faint and extended; it reaches out to half of
    the threshold. The scatter of the smoothed sky is measured, so that a ``threshold`` of 1.5,
    which is 4 sigma of white noise smoothed by SExtractor's 3 x 3 pyramid, is 4 sigma of any
    other, too: in correlated noise a multiple of the pixels' own scatter would take high pixels
    for sources, and leave too little variance. Where the sky is skew, as that of few photons, it
    is where a skew distribution has the same tail; where there are about as many dark spots as
    bright ones just beyond it, it is raised by a quarter, since these are noise.

    Where the clean sky varies by more than its noise does (an F test, see
    `~astro_wgan.detection.sky_level.sky_level`), its level is fitted by polynomials or splines
    between steps along rows and columns. Sources, level and noise are found anew until they agree.
    Variations over half of ``background_scale`` or less are kept; fewer than 1 in 100 images of
    pure noise lose any.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> sky
    <Sky: 63 percent of 250 x 250 pixels are clean>
    """
    if engine not in ENGINES:
        raise ValueError(f'`engine` must be one of {list(ENGINES)}; got {engine!r}.')
    if not 0 <= margin < np.inf:
        raise ValueError(f'`margin` must be 0 or more pixels; got {margin}.')
    if background_scale is not None and not 8 <= background_scale < np.inf:
        raise ValueError(
            f'`background_scale` must be 8 pixels or more, or None; got {background_scale}.'
        )
    detection = DetectionConfig() if detection is None else detection
    origin = os.fspath(image) if isinstance(image, (str, os.PathLike)) else type(image).__name__
    image = read_image(image, hdu=hdu, plane=plane, max_size=max_size)
    bad = _unusable(image, mask, regions)
    if bad.all():
        raise SkyError('There is no sky: `mask` and `regions` leave not one pixel of the image.')
    try:
        clean, background = separate(
            image.data,
            bad,
            None if image.uncertainty is None else image.uncertainty.array,
            detection,
            engine=engine,
            margin=margin,
            scale=_SCALE if background_scale is None else background_scale,
        )
    except NoSkyError as error:
        raise SkyError(
            f'There is no clean sky: sources cover {100 * error.covered:.0f} per cent of '
            f'the image, and margins of {margin:g} pixels the rest. Raise `threshold` of '
            '`detection`, or lower `margin`.'
        ) from error
    pixels = image.data
    if background_scale is None:
        background = None
    if background is not None:
        background = background.astype(pixels.dtype)
        pixels = pixels - (background - background[clean].mean(dtype=float).astype(pixels.dtype))
    options = {'detection': asdict(detection), 'engine': engine, 'margin': margin}
    options['background_scale'] = background_scale
    return Sky(
        pixels,
        clean,
        unit=None if image.unit == u.dimensionless_unscaled else image.unit,
        pixel_scale=_pixel_scale(pixel_scale, image),
        wcs=image.wcs,
        meta={'provenance': provenance_record(image=origin, **options)},
        background=background,
    )


def _unusable(image, mask, regions):
    bad = np.zeros(image.shape, dtype=bool) if image.mask is None else image.mask.copy()
    if mask is not None:
        mask = as_bool(mask)
        if mask.shape != image.shape:
            raise ValueError(
                f'`mask` must have the shape of the image, {image.shape}; got {mask.shape}.'
            )
        bad |= mask
    if image.uncertainty is not None:
        noise = image.uncertainty.array
        bad |= ~(np.isfinite(noise) & (noise > 0))
    bad |= _without_data(image.data, bad)
    regions = [] if regions is None else [regions] if isinstance(regions, Region) else regions
    for region in regions:
        bad |= _inside(region, image)
    return bad


def _without_data(pixels, bad):
    """True where a mosaic has one and the same value instead of data, or pixels are saturated."""
    flat = maximum_filter(pixels, _FLAT) == minimum_filter(pixels, _FLAT)
    if not flat.any():
        return flat
    flat = maximum_filter(flat, _FLAT)
    rest = pixels[~(flat | bad)]
    if not len(rest):
        return np.zeros_like(flat)
    # Unless noise of few values makes such areas by chance, as where photons are counted.
    share = np.unique(rest, return_counts=True)[1].max() / len(rest)
    return flat if share ** (_FLAT**2) * flat.size < _BY_CHANCE else np.zeros_like(flat)


def _inside(region, image):
    """True for pixels of an image that a region touches."""
    if isinstance(region, SkyRegion):
        if image.wcs is None:
            raise ValueError(
                '`regions` are on the sky, but the image has no celestial WCS: give pixels.'
            )
        region = region.to_pixel(image.wcs)
    if not isinstance(region, PixelRegion):
        raise TypeError(f'`regions` must be astropy regions; got {type(region).__name__}.')
    try:
        part = region.to_mask(mode='subpixels', subpixels=5).to_image(image.shape)
    except NotImplementedError as error:
        raise ValueError(
            f'`regions` must have an area; a {type(region).__name__} has none.'
        ) from error
    return np.zeros(image.shape, dtype=bool) if part is None else part > 0


def _pixel_scale(pixel_scale, image):
    if pixel_scale is None:
        shape = image.shape
        pixel_scale = StampGeometry.single(ParentImage(shape, image.wcs), [(0, 0)]).pixel_scale(
            shape
        )
    return None if pixel_scale is None else as_pixel_scale(pixel_scale)
