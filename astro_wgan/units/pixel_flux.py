"""`pixel_flux`: conversion of sums of pixels to flux."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.astrometry.sky_coordinates import pixel_areas
from astro_wgan.units.brightness import PixelContent, pixel_content, unit_of_sum
from astro_wgan.units.bunit import is_ratio
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = [
    'BEAM_CARDS',
    'PIXEL_META',
    'PixelFlux',
    'beam_of',
    'holds_flux',
    'pixel_flux',
    'pixel_meta',
    'summed_pixels',
    'summed_sources',
]

#: Value of ``meta['pixels']`` for pixels that are ratios.
RATIO = 'ratio'

#: Keys of `pixel_meta`.
PIXEL_META = ('beam', 'pixels')

#: Cards of the FWHM of the beam, in degrees.
BEAM_CARDS = ('BMAJ', 'BMIN')

#: Solid angle of a Gaussian beam over the product of its FWHM.
_GAUSSIAN = np.pi / (4 * np.log(2))


@dataclass(frozen=True, eq=False)
class PixelFlux:
    """
    Conversion of sums of pixels to flux.

    Attributes
    ----------
    unit : `~astropy.units.UnitBase` or None
        Unit of the flux.
    factor : `~numpy.ndarray`, shape (n,)
        Flux of a pixel with value 1 in each stamp.
    per_square_arcsec : float or None
        Flux of a square arcsec with value 1, if the flux depends on the pixel area.
    """

    unit: u.UnitBase | None
    factor: np.ndarray
    per_square_arcsec: float | None = None


def holds_flux(stamps):
    """
    Whether pixels hold flux, which is proportional to their area.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`

    Raises
    ------
    astropy.units.UnitsError
        If pixels are logarithms.
    """
    content = pixel_content(stamps.unit)
    if content is PixelContent.LOGARITHM:
        raise u.UnitsError(
            f'Pixels in {stamps.unit} are logarithms, which cannot be added: convert them to flux '
            'first.'
        )
    said = [text for text in _values(stamps.meta, 'pixels') if isinstance(text, str)]
    return content is PixelContent.FLUX and RATIO not in said


def pixel_flux(stamps):
    """
    Conversion of sums of pixels to flux.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`

    Returns
    -------
    `PixelFlux`
        Surface brightness is multiplied by the solid angle of a pixel at the stamp, and flux per
        beam by its fraction of the beam. Flux densities per steradian become nJy.

    Raises
    ------
    astropy.units.UnitsError
        If pixels hold no flux, or the solid angle or beam is unknown.
    """
    content = pixel_content(stamps.unit)
    if content is PixelContent.FLUX:
        return PixelFlux(unit_of_sum(stamps.unit), np.ones(len(stamps)))
    begin = f'Pixels in {stamps.unit} hold {content.value}'
    if content is PixelContent.LOGARITHM:
        raise u.UnitsError(f'{begin}, which cannot be added: convert them to flux first.')
    if content is PixelContent.OTHER:
        raise u.UnitsError(
            f'{begin} than flux, which alone adds up: convert them to flux per pixel or per solid '
            'angle first, or, to add them up as they are, give a set without unit.'
        )
    return _of_brightness(stamps.unit, stamps.pixel_area, beam_of(stamps.meta))


def summed_pixels(sums, unit, *, area, beam):
    """
    Sums of pixels as a quantity: flux if possible, otherwise times area.

    Parameters
    ----------
    sums : `~numpy.ndarray`, shape (n,)
        In the unit of the pixels.
    unit : `~astropy.units.UnitBase` or None
        Unit of the pixels.
    area : `~astropy.units.Quantity`, shape (n,) or (), or None
        Local solid angle of a pixel.
    beam : sequence of float or None
        As returned by `beam_of`.

    Returns
    -------
    `~astropy.units.Quantity`, shape (n,)
        Such as Jy for Jy / pix, nJy for MJy / sr, and K pix2 for K.
    """
    if pixel_content(unit) in (PixelContent.PER_SOLID_ANGLE, PixelContent.PER_BEAM):
        try:
            flux = _of_brightness(unit, area, beam)
            return sums * flux.factor * flux.unit
        except u.UnitsError:
            pass
    return sums * (unit_of_sum(unit) or u.dimensionless_unscaled)


def summed_sources(sums, x, y, image, pixel_scale):
    """
    `summed_pixels` for sources of an image.

    Parameters
    ----------
    sums, x, y : `~numpy.ndarray`, shape (n,)
        Sums in the unit of the pixels, and positions of the sources.
    image : `~astropy.nddata.CCDData`
        The image.
    pixel_scale : `~astropy.units.Quantity` or None
        Pixel scale of an image without WCS.

    Returns
    -------
    `~astropy.units.Quantity`, shape (n,)
    """
    area = None
    if pixel_content(image.unit) is PixelContent.FLUX:
        pass
    elif image.wcs is not None:
        area = pixel_areas(x, y, image.wcs) * (u.arcsec / u.pix) ** 2
    elif pixel_scale is not None:
        area = as_pixel_scale(pixel_scale) ** 2
    return summed_pixels(sums, image.unit, area=area, beam=_beam(image.meta))


def _of_brightness(unit, area, beam):
    """`PixelFlux` of pixels with flux per solid angle or beam."""
    begin = f'Pixels in {unit} hold {pixel_content(unit).value}'
    if area is None:
        raise u.UnitsError(
            f'{begin}: for fluxes, give the set a `pixel_scale` or a WCS, or convert its pixels to '
            'flux first.'
        )
    unit = unit * u.pix if u.pix in unit.bases else unit
    if u.beam in unit.bases:
        if beam is None:
            raise u.UnitsError(
                f"{begin}, which is not known: for fluxes, set meta['beam'] of the stamps to its "
                'full widths at half maximum in arcsec, [major, minor]; StampSet.from_image takes '
                'them from BMAJ and BMIN of an image.'
            )
        flux, per_square_arcsec = unit * u.beam, 1 / (_GAUSSIAN * np.prod(beam))
    else:
        flux, solid_angle = _flux_and_angle(unit)
        per_square_arcsec = (u.arcsec**2).to(solid_angle)
        if solid_angle == u.sr and flux.is_equivalent(u.nJy):
            flux, per_square_arcsec = u.nJy, per_square_arcsec * flux.to(u.nJy)
    factor = (area * u.pix**2).to_value(u.arcsec**2) * per_square_arcsec
    return PixelFlux(flux, factor, float(per_square_arcsec))


def pixel_meta(header):
    """
    Metadata of an image that stamps need for fluxes.

    Parameters
    ----------
    header : `~astropy.io.fits.Header` or dict
        ``meta`` of the image.

    Returns
    -------
    dict
        ``beam`` and ``pixels`` for `StampSet.meta`, if in the header.
    """
    beam = _beam(header)
    found = {} if beam is None else {'beam': beam}
    return found | {'pixels': RATIO} if is_ratio(header) else found


def beam_of(meta):
    """The beam in the ``meta`` of a set, or None if there is none or more than one."""
    first, *others = _values(meta, 'beam') or [None]
    return first if all(beam == first for beam in others) else None


def _beam(header):
    """Full widths at half maximum of the beam, [major, minor] in arcsec, or None."""
    try:
        widths = [3600 * float(header[key]) for key in BEAM_CARDS]
    except (KeyError, TypeError, ValueError):
        return None
    return widths if all(0 < width < np.inf for width in widths) else None


def _flux_and_angle(unit):
    """Flux and solid angle of a unit of surface brightness."""
    if not any(base.is_equivalent(u.rad) or base.is_equivalent(u.sr) for base in unit.bases):
        # The rayleigh has an implicit angle.
        unit = unit.decompose()
    angles = {
        base: -power
        for base, power in zip(unit.bases, unit.powers, strict=True)
        if base.is_equivalent(u.rad) or base.is_equivalent(u.sr)
    }
    solid_angle = u.CompositeUnit(1, list(angles), list(angles.values()))
    return unit * solid_angle, solid_angle


def _values(meta, name):
    """Value in the ``meta`` of a set, or in those of its parts; None if missing."""
    parts = meta.get('parts')
    if name in meta or not isinstance(parts, list):
        return [meta.get(name)]
    return [value for part in parts for value in _values(part, name)]
