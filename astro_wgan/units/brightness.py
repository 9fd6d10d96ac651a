"""`PixelContent`: whether pixels hold flux, surface brightness or other quantities."""

from enum import Enum

from astropy import units as u

__all__ = ['PixelContent', 'pixel_content', 'unit_of_sum']

#: Units of flux: per frequency, per wavelength, integrated, luminosities and masses.
_FLUXES = [
    u.Unit(unit)
    for unit in (
        's-1',
        'm-2 s-1',
        'm-2 s-1 m-1',
        'm-2 s-1 J-1',
        'Jy',
        'W m-2',
        'W m-2 um-1',
        'Jy m s-1',
        'W',
        'W Hz-1',
        'W um-1',
        'J',
        'J m-2',
        'kg',
        'kg s-1',
        'V',
    )
]


class PixelContent(Enum):
    """Kind of quantity of pixels."""

    FLUX = 'flux'
    PER_SOLID_ANGLE = 'surface brightness'
    PER_BEAM = 'flux per beam'
    LOGARITHM = 'a logarithm'
    OTHER = 'something else'


def pixel_content(unit):
    """
    Kind of quantity of pixels with a unit.

    Parameters
    ----------
    unit : `~astropy.units.UnitBase` or None
        Unit of the pixels; None for counts.

    Returns
    -------
    `PixelContent`
        ``OTHER`` for temperatures, ratios, velocities, column densities and everything else that is
        neither flux nor flux per solid angle.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.units.brightness import pixel_content
    >>> pixel_content(u.MJy / u.sr), pixel_content(u.K)
    (<PixelContent.PER_SOLID_ANGLE: 'surface brightness'>, <PixelContent.OTHER: 'something else'>)
    """
    if unit is None:
        return PixelContent.FLUX
    if isinstance(unit, u.function.FunctionUnitBase):
        return PixelContent.LOGARITHM
    plain = unit.decompose()
    powers = dict(zip(plain.bases, plain.powers, strict=True))
    if u.dex in powers:
        return PixelContent.LOGARITHM
    angle, beam, pixel = (powers.pop(base, 0) for base in (u.rad, u.beam, u.pix))
    if not _is_flux(unit, powers) or pixel not in (0, -1):
        return PixelContent.OTHER
    known = {
        (0, 0): PixelContent.FLUX,
        (-2, 0): PixelContent.PER_SOLID_ANGLE,
        (0, -1): PixelContent.PER_BEAM,
    }
    return known.get((angle, beam), PixelContent.OTHER)


def unit_of_sum(unit):
    """
    The unit of a sum of pixels: Jy of Jy / pix, and of all but flux a sum over an area.

    Parameters
    ----------
    unit : `~astropy.units.UnitBase` or None
        Unit of the pixels.

    Returns
    -------
    `~astropy.units.UnitBase` or None
    """
    if pixel_content(unit) is PixelContent.FLUX:
        return unit if unit is None or u.pix not in unit.bases else unit * u.pix
    plain = unit.function_unit if isinstance(unit, u.function.FunctionUnitBase) else unit
    return plain * u.pix**2


def _is_flux(unit, powers):
    """Whether it is flux but for angles, beams and pixels; ``powers`` are those of its bases."""
    if u.percent in unit.bases:
        return False
    if not powers:
        # A number, of any scale, may count something.
        return True
    # Lsun / pc2 is a surface brightness, though W / m2 is a flux.
    for base, power in zip(unit.bases, unit.powers, strict=True):
        if str(base).endswith('pc') and power < 0:
            return False
    # What detectors count, maggies, and whatever else astropy ties to no other unit.
    counts = [power for base, power in powers.items() if base not in u.si.bases]
    if counts:
        return sum(counts) == 1 and min(counts) >= 0
    rest = u.CompositeUnit(1, list(powers), list(powers.values()))
    return any(rest.is_equivalent(flux) for flux in _FLUXES)
