"""Masks, weights and uncertainties in the other extensions of a FITS file."""

import warnings
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import UnitTextError
from astro_wgan.images.extensions import holds_image, named_part
from astro_wgan.images.planes import long_axes
from astro_wgan.images.quality_bits import QualityBits, has_named_bits, quality_bits
from astro_wgan.units.bunit import parse_unit
from astro_wgan.validation.real_numbers import as_float

__all__ = ['CompanionHDUs', 'find_companion_hdus']

#: Kinds of uncertainty by value of UTYPE, as written by CCDData.
_KINDS = {
    'StdDevUncertainty': 'deviation',
    'VarianceUncertainty': 'variance',
    'InverseVariance': 'inverse variance',
}

#: Kinds of uncertainty in order of preference, and the power of their unit that is that of pixels.
_POWERS = {'deviation': 1, 'variance': 0.5, 'inverse variance': -0.5}


@dataclass(frozen=True, eq=False)
class CompanionHDUs:
    """
    HDUs associated with an image.

    Attributes
    ----------
    masks : list of (HDU, `QualityBits`)
        Masks, and which of their bits are bad.
    weights : list of HDU
        Weight maps, 0 where there are no data.
    uncertainty : HDU or None
    kind : str or None
        'deviation', 'variance' or 'inverse variance'.
    factor : float
        Conversion factor of the standard deviation to the unit of the image.
    """

    masks: list[tuple[object, QualityBits]] = field(default_factory=list)
    weights: list = field(default_factory=list)
    uncertainty: object = None
    kind: str | None = None
    factor: float = 1.0

    def __iter__(self):
        """Iterate over the HDUs."""
        yield from (hdu for hdu, _ in self.masks)
        yield from self.weights
        if self.uncertainty is not None:
            yield self.uncertainty

    def deviation(self, values):
        """
        Standard deviations in the unit of the image.

        Parameters
        ----------
        values : `~numpy.ndarray`
            Values of the uncertainty in the file.

        Returns
        -------
        `~numpy.ndarray`
            NaN for negative variances, infinite for zero inverse variances.
        """
        values = as_float(values, 'uncertainty')
        with np.errstate(divide='ignore', invalid='ignore'):
            if self.kind == 'variance':
                values = np.sqrt(values)
            elif self.kind == 'inverse variance':
                values = 1 / np.sqrt(values)
        return values if self.factor == 1 else values * values.dtype.type(self.factor)


def find_companion_hdus(hdulist, chosen, header, unit, where):
    """
    Find the HDUs associated with an image, by name, version and shape.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    chosen : HDU
        The image.
    header : `~astropy.io.fits.Header`
        Header of the image, with inherited cards.
    unit : unit or None
        Unit of the image.
    where : str
        Name of the file, for messages.

    Returns
    -------
    `CompanionHDUs`

    Warns
    -----
    AstropyUserWarning
        If an HDU has another shape, or an uncertainty has an unknown kind or incompatible unit. It
        is ignored.
    """
    own = named_part(chosen)
    if own.role is not None:
        return CompanionHDUs()
    images = [hdu for hdu in hdulist if holds_image(hdu)]
    is_only_one = sum(named_part(hdu).role is None for hdu in images) == 1
    found = {role: [] for role in ('mask', 'weight', *_POWERS)}
    for hdu in images:
        part = named_part(hdu)
        # HDUs with only a role as name belong to the only image, whatever its name.
        belongs = part.group == own.group or (is_only_one and len(part.group) == 1)
        if hdu is chosen or part.role not in found or not belongs:
            continue
        if _plain_shape(hdu.shape) != _plain_shape(chosen.shape):
            _warn(
                f'{hdu.name} of {where} is ignored: its shape, {hdu.shape}, differs from that of '
                f'the image, {chosen.shape}.'
            )
            continue
        found[part.role].append(hdu)
    for role, hdus in found.items():
        found[role] = _of_the_version(hdus, chosen)
    names = {hdu.name for hdu in hdulist}
    camera = _camera(header, hdulist[0].header)
    masks = [(hdu, quality_bits(hdu, camera, beside=names)) for hdu in found['mask']]
    for role in _POWERS:
        for hdu in found[role]:
            kind = _kind(hdu, role, where)
            factor = None if kind is None else _factor(hdu, kind, unit, where)
            if factor is not None:
                return CompanionHDUs(masks, found['weight'], hdu, kind, factor)
    return CompanionHDUs(masks, found['weight'])


def _camera(header, primary):
    """Cards that determine the meaning of mask bits, from the image or primary header."""
    keys = ('TELESCOP', 'INSTRUME', 'DETECTOR', 'PLVER')
    return {key: header.get(key, primary.get(key, '')) for key in keys}


def _of_the_version(hdus, chosen):
    """HDUs with the EXTVER of the image, if any, and masks with named bits; otherwise all."""
    if not any(hdu.ver == chosen.ver for hdu in hdus):
        return hdus
    return [hdu for hdu in hdus if hdu.ver == chosen.ver or has_named_bits(hdu)]


def _plain_shape(shape):
    """The shape without leading axes of length one."""
    return (*(shape[axis] for axis in long_axes(shape)), *shape[-2:])


def _kind(hdu, role, where):
    if 'UTYPE' not in hdu.header:
        return role
    named = str(hdu.header['UTYPE']).strip()
    kind = {name.lower(): kind for name, kind in _KINDS.items()}.get(named.lower())
    if kind is None:
        _warn(
            f'{hdu.name} of {where} is ignored, and the image has no uncertainty: its type, '
            f'UTYPE = {named!r}, is not one of {", ".join(_KINDS)}.'
        )
    return kind


def _factor(hdu, kind, unit, where):
    """Unit of the standard deviation in that of the image; None with a warning if incompatible."""
    text = str(hdu.header.get('BUNIT', '')).strip()
    if not text or unit in (None, u.dimensionless_unscaled):
        return 1.0
    try:
        own = parse_unit(text)
        # Some files have the unit of the image for variances, too.
        if own in (unit, u.dimensionless_unscaled):
            return 1.0
        return float((own ** _POWERS[kind]).to(unit))
    except (UnitTextError, u.UnitsError, TypeError):
        _warn(
            f'{hdu.name} of {where} is ignored, and the image has no uncertainty: its unit, '
            f'{text!r}, is not compatible with that of the image, {unit}.'
        )
        return None


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
