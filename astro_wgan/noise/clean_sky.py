"""`find_sky`: clean sky of an image, without sources and variations of the background."""

import os
from dataclasses import asdict

import numpy as np
from astropy import units as u
from regions import PixelRegion, Region, SkyRegion
from scipy.ndimage import maximum_filter, minimum_filter

from astro_wgan.astrometry.stamp_geometry import scale_of_image
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.engines import check_engine
from astro_wgan.detection.sky_separation import separate
from astro_wgan.exceptions import NoSkyError, SkyError
from astro_wgan.images.reading import read_image
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.noise.sky import Sky
from astro_wgan.remote.uris import shown
from astro_wgan.validation.pixels import as_bool, as_pixel_scale

__all__ = ['find_sky']

#: Scale of the background, in pixels, for the detection of sources if it is not subtracted.
_SCALE = 128

#: Edge of an area of constant value that is no data, and the number of them expected by chance.
_CONSTANT, _BY_CHANCE = 5, 0.01


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
    Find the clean sky of an image.

    Parameters
    ----------
    image : path-like, HDU, `~astropy.nddata.NDData` or array_like
        Image, as `~astro_wgan.images.read_image` takes it. Its uncertainty, if it has one, gives
        the relative noise of the pixels. Pixels with zero weight are masked, and so are areas of at
        least 5 x 5 pixels of constant value, such as the zeros around a mosaic.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Parameters of the source detection. Its ``threshold`` is that for white noise (see Notes).
    engine : {'sep', 'photutils'}, optional
        Detection engine.
    margin : float, optional
        Margin for the wings of a source, in pixels, in addition to a quarter of its radius.
    background_scale : float or None, optional
        Scale of the background, in pixels. Variations on this scale and larger ones, and steps
        between amplifiers, are background and are subtracted; variations on smaller scales are
        noise. None leaves the image as it is.
    mask : array_like of bool, shape (ny, nx), optional
        True for pixels to exclude, in addition to those that the image itself masks.
    regions : `regions.Region` or list of them, optional
        Regions to exclude, such as halos of bright stars; in pixels or on the sky.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle per pixel, for an image without WCS.
    hdu, plane, max_size : optional
        HDU of a FITS file, plane of a cube, and largest size allowed, as in
        `~astro_wgan.images.read_image`.

    Returns
    -------
    `Sky`

    Raises
    ------
    SkyError
        If no clean sky is left.
    DetectionError
        If the image has no noise, so that sources cannot be detected.
    ImageError
        If the image cannot be read.
    ValueError
        If an argument is out of range, or a region has no area.

    Notes
    -----
    Sources are detected in the image smoothed for detection, and in the image smoothed by Gaussians
    of 2 and 4 pixels, which reveal faint and extended ones; they extend to half of the threshold.
    The rms of the smoothed sky is measured. A ``threshold`` of 1.5, which is 4 sigma of white noise
    smoothed by SExtractor's 3 x 3 pyramid, is thus 4 sigma of correlated noise as well; a multiple
    of the rms of the pixels would select noise peaks as sources, and leave too little variance. If
    the sky is skewed, as for few photons, the threshold has the same tail probability. If there are
    about as many negative as positive peaks just beyond it, these are noise, and it is raised by a
    quarter.

    If the clean sky varies by more than its noise (an F test, see
    `~astro_wgan.detection.sky_level.sky_level`), the background is fitted with polynomials or
    splines between steps along rows and columns. Sources, background and noise are determined
    iteratively. Variations on scales up to half of ``background_scale`` are kept; fewer than 1 in
    100 images of pure noise lose any.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> sky
    <Sky: 63 percent of 250 x 250 pixels are clean>
    """
    check_engine(engine)
    if not 0 <= margin < np.inf:
        raise ValueError(f'`margin` must be 0 or more pixels; got {margin}.')
    if background_scale is not None and not 8 <= background_scale < np.inf:
        raise ValueError(
            f'`background_scale` must be 8 pixels or more, or None; got {background_scale}.'
        )
    detection = DetectionConfig() if detection is None else detection
    origin = shown(image) if isinstance(image, (str, os.PathLike)) else type(image).__name__
    image = read_image(image, hdu=hdu, plane=plane, max_size=max_size)
    bad = _unusable(image, mask, regions)
    if bad.all():
        raise SkyError('There is no sky: `mask` and `regions` exclude all pixels of the image.')
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
            f'There is no clean sky: sources cover {100 * error.covered:.0f} percent of '
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
    """True for areas of constant value, such as the border of a mosaic."""
    constant = maximum_filter(pixels, _CONSTANT) == minimum_filter(pixels, _CONSTANT)
    if not constant.any():
        return constant
    constant = maximum_filter(constant, _CONSTANT)
    rest = pixels[~(constant | bad)]
    if not len(rest):
        return np.zeros_like(constant)
    # Noise with few different values, such as photon counts, has constant areas by chance.
    fraction = np.unique(rest, return_counts=True)[1].max() / len(rest)
    by_chance = fraction ** (_CONSTANT**2) * constant.size >= _BY_CHANCE
    return np.zeros_like(constant) if by_chance else constant


def _inside(region, image):
    """True for pixels of an image that a region overlaps."""
    if isinstance(region, SkyRegion):
        if image.wcs is None:
            raise ValueError(
                '`regions` are on the sky, but the image has no celestial WCS: give them in pixels.'
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
        pixel_scale = scale_of_image(image.shape, image.wcs)
    return None if pixel_scale is None else as_pixel_scale(pixel_scale)
