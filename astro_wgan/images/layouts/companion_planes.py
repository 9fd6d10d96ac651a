"""`Companions`: masks, weights and uncertainties of an image, joined to a mask and deviations."""

import warnings
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError, UnitTextError
from astro_wgan.images.layouts.quality_bits import QualityBits
from astro_wgan.images.pixel_planes import WHOLE, PixelPlane
from astro_wgan.units.bunit import parse_unit
from astro_wgan.validation.masked import joint_mask
from astro_wgan.validation.real_numbers import as_float

__all__ = ['KINDS', 'Companions']

#: Kinds of uncertainty by value of UTYPE, as written by CCDData.
_UTYPES = {
    'StdDevUncertainty': 'deviation',
    'VarianceUncertainty': 'variance',
    'InverseVariance': 'inverse variance',
}

#: Kinds of uncertainty by role, in order of preference.
KINDS = {
    'uncertainty': 'deviation',
    'variance': 'variance',
    'inverse_variance': 'inverse variance',
}

#: The power of the unit of an uncertainty that is that of pixels.
_POWERS = {'deviation': 1, 'variance': 0.5, 'inverse variance': -0.5}


@dataclass(eq=False)
class Companions:
    """
    What accompanies an image.

    Attributes
    ----------
    masks : list of (`~astro_wgan.images.pixel_planes.PixelPlane`, `QualityBits`)
        Masks, and which of their bits are bad.
    weights : list of `~astro_wgan.images.pixel_planes.PixelPlane`
        Weight maps, 0 where there are no data.
    uncertainty : `~astro_wgan.images.pixel_planes.PixelPlane` or None
    kind : str or None
        'deviation', 'variance' or 'inverse variance'.
    factor : float
        Conversion factor of the standard deviation to the unit of the image.
    is_given : bool
        Whether the uncertainty is that of the caller.
    """

    masks: list[tuple[PixelPlane, QualityBits]] = field(default_factory=list)
    weights: list = field(default_factory=list)
    uncertainty: PixelPlane | None = None
    kind: str | None = None
    factor: float = 1.0
    is_given: bool = False
    _unnamed: dict = field(default_factory=dict)
    _given: list = field(default_factory=list)

    def __iter__(self):
        """Iterate over the planes."""
        yield from (plane for plane, _ in self.masks)
        yield from self.weights
        if self.uncertainty is not None:
            yield self.uncertainty

    def add(self, role, plane, *, bits=None, unit=None, is_asked=False):
        """
        Add a plane.

        Parameters
        ----------
        role : str
            Of `~astro_wgan.images.layouts.layout.ROLES`.
        plane : `~astro_wgan.images.pixel_planes.PixelPlane`
        bits : `QualityBits`, optional
            Bad bits of a mask.
        unit : unit or None
            Unit of the image.
        is_asked : bool, optional
            Whether an uncertainty replaces another one.

        Raises
        ------
        ImageError
            If the caller asks for an uncertainty that cannot be used.

        Warns
        -----
        AstropyUserWarning
            If an uncertainty is of an unknown kind or in another unit. It is not used.
        """
        if role == 'mask':
            if all(plane.pixels is not other.pixels for other, _ in self.masks):
                self.masks.append((plane, bits))
                self._given += [plane] * is_asked
        elif role == 'weight':
            if all(plane.pixels is not other.pixels for other in self.weights):
                self.weights.append(plane)
        elif self.uncertainty is None or is_asked:
            try:
                kind = _kind(plane, KINDS[role])
                factor = _factor(plane, kind, unit)
            except ImageError as error:
                if is_asked:
                    raise ImageError(
                        f'{plane.name} of {plane.where} cannot be the uncertainty: {error}.'
                    ) from error
                warnings.warn(
                    f'{plane.name} of {plane.where} is ignored, and the image has no uncertainty: '
                    f'{error}.',
                    AstropyUserWarning,
                    stacklevel=4,
                )
                return
            self.uncertainty, self.kind, self.factor = plane, kind, factor
            self.is_given = is_asked

    def read(self, part=WHOLE):
        """
        Read a section.

        Parameters
        ----------
        part : tuple of slice, optional
            Rows and columns.

        Returns
        -------
        mask : `~numpy.ndarray` of bool, or None
            True for unusable pixels.
        deviation : `~numpy.ndarray`, or None
            Standard deviation.

        Raises
        ------
        ImageError
            If the whole uncertainty that the caller gives is nowhere positive and finite.

        Warns
        -----
        AstropyUserWarning
            If that of a file is not. It is not used, but for inverse variances, which are weights:
            there are no data where they are 0. If a mask that the caller gives masks nothing, but
            is not 0.
        """
        mask = None
        for plane, bits in self.masks:
            values = plane.read(part)
            self._unnamed[plane] = self._unnamed.get(plane, 0) | bits.unknown(values)
            bad = bits.is_bad(values)
            if plane in self._given and part == WHOLE and not bad.any() and values.any():
                warnings.warn(
                    f'`mask` masks nothing: {plane.name} is not 0 somewhere, but has none of the '
                    f'bits {bits.text}. Give `bits`, -1 for all.',
                    AstropyUserWarning,
                    stacklevel=5,
                )
            mask = joint_mask(mask, bad)
        for plane in self.weights:
            # Not `<= 0`, so that NaN is masked, too.
            mask = joint_mask(mask, ~(plane.read(part) > 0))
        if self.uncertainty is None:
            return mask, None
        deviation = self._deviation(self.uncertainty.read(part))
        if self.uncertainty.name == 'UNCERT':
            return mask, deviation
        unusable = ~((deviation > 0) & np.isfinite(deviation))
        if part == WHOLE and unusable.all() and self.kind != 'inverse variance':
            if self.is_given:
                raise ImageError(
                    '`uncertainty` must be above 0 and finite somewhere; got no such pixel in '
                    f'{self.uncertainty.where}.'
                )
            warnings.warn(
                f'{self.uncertainty.name} of {self.uncertainty.where} is ignored, and the image '
                'has no uncertainty: none of its pixels is above 0.',
                AstropyUserWarning,
                stacklevel=5,
            )
            return mask, None
        return joint_mask(mask, unusable), deviation

    def check_usable(self, mask, where):
        """
        Raise an error if all pixels are masked.

        Raises
        ------
        ImageError
            Naming what masks them.
        """
        if mask is not None and mask.all():
            names = ' and '.join(dict.fromkeys(plane.name for plane in self))
            hint = (
                ' If a mask marks good pixels, read the image without it by layout=None, and give '
                'its opposite as `mask`.'
            )
            raise ImageError(
                f'The image in {where} has no usable pixel according to {names}.'
                f'{hint if self.masks else ""}'
            )

    def warn_of_bits(self):
        """Warn of mask bits that are set, but whose meaning is unknown."""
        for plane, bits in self._unnamed.items():
            if bits:
                numbers = [str(k) for k in range(bits.bit_length()) if bits >> k & 1]
                warnings.warn(
                    f'Bits {", ".join(numbers)} of {plane.name} of {plane.where} are set, but '
                    'their meaning is unknown: only pixels with bit 0 are masked.',
                    AstropyUserWarning,
                    stacklevel=4,
                )

    def describe(self):
        """What is used, by card of `meta`; empty texts for what is not."""
        return {
            'HDUMASK': '; '.join(f'{plane.label}: {bits.text}' for plane, bits in self.masks),
            'HDUWHT': ', '.join(plane.label for plane in self.weights),
            'HDUUNC': '' if self.uncertainty is None else f'{self.uncertainty.label}: {self.kind}',
        }

    def _deviation(self, values):
        """Standard deviation: NaN for negative variances, infinite for inverse variances of 0."""
        values = as_float(values, 'uncertainty')
        with np.errstate(divide='ignore', invalid='ignore'):
            if self.kind == 'variance':
                values = np.sqrt(values)
            elif self.kind == 'inverse variance':
                values = 1 / np.sqrt(values)
        return values if self.factor == 1 else values * values.dtype.type(self.factor)


def _kind(plane, kind):
    header = getattr(plane.pixels, 'header', {})
    if 'UTYPE' not in header:
        return kind
    named = str(header['UTYPE']).strip()
    found = {name.lower(): kind for name, kind in _UTYPES.items()}.get(named.lower())
    if found is None:
        raise ImageError(f'its type, UTYPE = {named!r}, is not one of {", ".join(_UTYPES)}')
    return found


def _factor(plane, kind, unit):
    """Unit of the standard deviation in that of the image."""
    text = str(getattr(plane.pixels, 'header', {}).get('BUNIT', '')).strip()
    if not text or unit in (None, u.dimensionless_unscaled):
        return 1.0
    try:
        own = parse_unit(text)
        # Some files have the unit of the image for variances, too.
        if own in (unit, u.dimensionless_unscaled):
            return 1.0
        return float((own ** _POWERS[kind]).to(unit))
    except (UnitTextError, u.UnitsError, TypeError) as error:
        raise ImageError(
            f'its unit, {text!r}, is not compatible with that of the image, {unit}'
        ) from error
