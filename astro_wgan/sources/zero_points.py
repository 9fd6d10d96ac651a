"""Validation of zero points, saturation levels and background levels, with or without unit."""

import numpy as np
from astropy import units as u

from astro_wgan.bands.band import as_ab_magnitude, unnamed_bands
from astro_wgan.units.brightness import PixelContent, pixel_content
from astro_wgan.validation.pixels import value_in_unit

__all__ = ['as_background', 'as_zero_points', 'value_in']


def as_zero_points(zero_point, stamps, numbers, flux_unit):
    """
    AB magnitude of a flux of one unit in each band, or None where it is unknown.

    Parameters
    ----------
    zero_point : `~astropy.units.Quantity`, float, dict or None
        AB magnitude of all bands, or by the name of the band; None for those of the bands, or to
        derive it from the unit of the flux.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        The stamps.
    numbers : list of int or None
        Which bands; ``[None]`` for plain images.
    flux_unit : `~astropy.units.UnitBase` or None
        Unit of the flux.

    Returns
    -------
    dict of float or None
        By the name of the band.

    Raises
    ------
    ValueError
        If one is not finite, not in AB magnitudes, of no band, or given for a surface brightness
        whose unit implies it.
    """
    bands = stamps.bands or unnamed_bands(1)
    bands = [bands[number or 0] for number in numbers]
    given = zero_point if isinstance(zero_point, dict) else {}
    names = [band.name for band in bands]
    for name in given:
        if name not in names:
            raise ValueError(
                f'`zero_point` has {name!r}, which is no band that is measured: there are '
                f'{", ".join(names)}.'
            )
    found = {}
    for band in bands:
        stated = given.get(band.name) if isinstance(zero_point, dict) else zero_point
        value = _as_zero_point(stated, stamps, flux_unit)
        is_known = value is not None or band.zero_point is None
        found[band.name] = value if is_known else float(band.zero_point.value)
    return found


def _as_zero_point(zero_point, stamps, flux_unit):
    """
    AB magnitude of a flux of one unit, or None if it is unknown.

    Parameters
    ----------
    zero_point : `~astropy.units.Quantity`, float or None
        AB magnitude; None to derive it from the unit of the flux.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        The stamps.
    flux_unit : `~astropy.units.UnitBase` or None
        Unit of the flux.

    Raises
    ------
    ValueError
        If it is not finite, not in AB magnitudes, or given for a surface brightness whose unit
        implies it.
    """
    known = _known_zero_point(flux_unit)
    if zero_point is None:
        return known
    if known is not None and pixel_content(stamps.unit) is not PixelContent.FLUX:
        raise ValueError(
            f'Pixels in {stamps.unit} have fluxes in {flux_unit}, whose zero point is {known:.4f}: '
            f'leave out `zero_point`; got {zero_point}.'
        )
    return as_ab_magnitude(zero_point)


def _known_zero_point(unit):
    if unit is None:
        return None
    if unit.is_equivalent(u.mgy):
        # A maggy is the flux of AB magnitude 0, as in SDSS and the Legacy Surveys.
        return float(-2.5 * np.log10(unit.to(u.mgy)))
    return float((1 * unit).to_value(u.ABmag)) if unit.is_equivalent(u.Jy) else None


def value_in(quantity, unit, name):
    """
    A value in the unit of the pixels, or None. Plain numbers are taken to be in that unit.

    Raises
    ------
    ValueError
        If it cannot be converted, or is not a single number.
    """
    value = value_in_unit(quantity, unit, name)
    if value is None:
        return None
    numbers = np.asarray(value)
    if numbers.ndim or numbers.dtype.kind not in 'iuf' or np.isnan(numbers):
        raise ValueError(f'`{name}` must be one number; got {quantity!r}.')
    return float(numbers)


def as_background(background, stamps, detection, *, from_image=False):
    """
    Background level of each stamp, if given.

    Parameters
    ----------
    background : float, array_like, `~astropy.units.Quantity` or None
        One number for all stamps, or one for each, shape (n,); an image for all, shape (ny, nx),
        or for each, (n, ny, nx); None if it has to be measured.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        The stamps.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings, which may have a level, too.
    from_image : bool, optional
        Whether the stamps were cut from one image, whose shape is then allowed.

    Returns
    -------
    `~numpy.ndarray`, shape (n,) or (n, ny, nx), or None
        In the unit of the pixels.

    Raises
    ------
    ValueError
        If it is given twice, has a wrong shape, or cannot be converted.
    """
    if background is None:
        return None
    if detection.background is not None:
        raise ValueError(
            'Give `background`, or a `detection` with one, not both; got '
            f'{detection.background:g} from `detection`.'
        )
    background = value_in_unit(background, stamps.unit, 'background')
    levels, n, shape = np.asarray(background), len(stamps), tuple(stamps.shape)
    image_shape = tuple(stamps.geometry.parents[0].shape) if from_image and n else None
    allowed = [(), (n,), shape, (n, *shape)] + [image_shape] * (image_shape is not None)
    if levels.dtype.kind not in 'iuf' or levels.shape not in allowed:
        raise ValueError(
            f'`background` must be numbers of one of the shapes {", ".join(map(str, allowed))}; '
            f'got {levels.dtype} of shape {levels.shape}.'
        )
    if levels.ndim < 2:
        if not np.isfinite(levels).all():
            raise ValueError('`background` must be finite.')
        return np.broadcast_to(levels, (n,))
    if levels.shape == image_shape:
        if stamps.geometry.is_resampled.any():
            raise ValueError(
                '`background` must have the shape of the stamps if these are resampled; got that '
                f'of the image, {levels.shape}.'
            )
        return _parts(levels, stamps.geometry.corner, shape)
    return np.broadcast_to(levels, (n, *shape))


def _parts(image, corner, shape):
    """Cutouts of an image at the corners of stamps, 0 outside of it."""
    ny, nx = shape
    parts = np.zeros((len(corner), ny, nx))
    for part, (x, y) in zip(parts, corner.tolist(), strict=True):
        rows, columns = slice(max(y, 0), max(y + ny, 0)), slice(max(x, 0), max(x + nx, 0))
        inside = image[rows, columns]
        top, left = rows.start - y, columns.start - x
        part[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return parts
