"""Masks, weights and uncertainties of an image, in its file, in files beside it, or given."""

import warnings
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.nddata import NDData, NDUncertainty, StdDevUncertainty
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError, UnitTextError
from astro_wgan.images.extensions import holds_image, named_part
from astro_wgan.images.layouts.quality_bits import (
    QualityBits,
    has_named_bits,
    numbered_bits,
)
from astro_wgan.images.pixel_planes import WHOLE, PixelPlane
from astro_wgan.images.planes import long_axes, standard_deviation
from astro_wgan.images.read_options import is_file_part
from astro_wgan.units.bunit import parse_unit
from astro_wgan.validation.masked import joint_mask, without_mask
from astro_wgan.validation.pixels import as_bool
from astro_wgan.validation.real_numbers import as_float

__all__ = ['KINDS', 'Companions', 'find_in_file', 'given_arrays', 'plain_shape', 'with_given']

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
    """

    masks: list[tuple[PixelPlane, QualityBits]] = field(default_factory=list)
    weights: list = field(default_factory=list)
    uncertainty: PixelPlane | None = None
    kind: str | None = None
    factor: float = 1.0
    _unnamed: dict = field(default_factory=dict)

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
        """
        mask = None
        for plane, bits in self.masks:
            values = plane.read(part)
            self._unnamed[plane] = self._unnamed.get(plane, 0) | bits.unknown(values)
            mask = joint_mask(mask, bits.is_bad(values))
        for plane in self.weights:
            # Not `<= 0`, so that NaN is masked, too.
            mask = joint_mask(mask, ~(plane.read(part) > 0))
        if self.uncertainty is None:
            return mask, None
        deviation = self._deviation(self.uncertainty.read(part))
        if self.uncertainty.name == 'UNCERT':
            return mask, deviation
        unusable = ~((deviation > 0) & np.isfinite(deviation))
        if part == WHOLE and unusable.all():
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
            raise ImageError(f'The image in {where} has no usable pixel according to {names}.')

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


def find_in_file(hdulist, chosen, layout, where):
    """
    Find the HDUs associated with an image, by name, version and shape.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    chosen : HDU
        The image.
    layout : `~astro_wgan.images.Layout`
        Meaning of the names of extensions.
    where : str
        Name of the file, for messages.

    Returns
    -------
    dict of list of HDU
        By role; empty if the image itself has the name of something else, such as a weight.

    Warns
    -----
    AstropyUserWarning
        If an HDU has another shape. It is ignored.
    """
    own = named_part(chosen, layout)
    if own.role is not None:
        return {}
    images = [hdu for hdu in hdulist if holds_image(hdu)]
    is_only_one = sum(named_part(hdu, layout).role is None for hdu in images) == 1
    wanted = {role for role in ('mask', 'weight', *KINDS) if layout.extensions(role)}
    found = {}
    for hdu in images:
        part = named_part(hdu, layout)
        # HDUs with only a role as name belong to the only image, whatever its name.
        belongs = part.group == own.group or (is_only_one and len(part.group) == 1)
        if hdu is chosen or part.role not in wanted or not belongs:
            continue
        if plain_shape(hdu.shape) != plain_shape(chosen.shape):
            warnings.warn(
                f'{hdu.name} of {where} is ignored: its shape, {hdu.shape}, differs from that of '
                f'the image, {chosen.shape}.',
                AstropyUserWarning,
                stacklevel=3,
            )
            continue
        found.setdefault(part.role, []).append(hdu)
    return {role: _of_the_version(hdus, chosen) for role, hdus in found.items()}


def given_arrays(given, shape, unit, *, bits=None):
    """
    Masks, weights and uncertainties that the caller gives as arrays.

    Parameters
    ----------
    given : dict
        ``mask``, ``weight`` and ``uncertainty``, each optional, as in
        `~astro_wgan.images.read_options.ReadOptions`.
    shape : tuple of int
        ``(ny, nx)`` of the image.
    unit : unit or None
        Unit of the image.
    bits : int or tuple of str, optional
        Bad bits of the mask.

    Returns
    -------
    dict of (`~astro_wgan.images.pixel_planes.PixelPlane`, `QualityBits` or None)
        By name.

    Raises
    ------
    ImageError
        If one has another shape than the image, no weight is above 0, or the unit does not fit.
    """
    planes = {}
    for name, value in given.items():
        pixels = _in_unit(value, shape, unit) if name == 'uncertainty' else value
        if pixels.shape != tuple(shape):
            raise ImageError(
                f'`{name}` must have the shape of the image, {tuple(shape)}; got {pixels.shape}.'
            )
        if name == 'weight' and not (pixels > 0).any():
            raise ImageError('`weight` must be above 0 somewhere; got no such pixel.')
        is_bool = pixels.dtype.kind == 'b'
        quality = None if name != 'mask' else numbered_bits(-1 if is_bool else bits)
        planes[name] = PixelPlane(pixels, f'`{name}`', f'`{name}`', 'the call'), quality
    return planes


def with_given(image, options, where):
    """
    An image in memory, with the mask, weight and uncertainty that the caller gives.

    Parameters
    ----------
    image : `~astropy.nddata.NDData`
    options : `~astro_wgan.images.read_options.ReadOptions`
    where : str
        What to call it in messages.

    Returns
    -------
    `~astropy.nddata.NDData`

    Raises
    ------
    ImageError
        As in `given_arrays`, or if a file or an HDU is given.
    """
    given = options.given()
    for name, value in given.items():
        if is_file_part(value):
            raise ImageError(
                f'`{name}` of {where} must be an array; got {value!r}. Read it by `read_image`.'
            )
    companions = Companions()
    planes = given_arrays(given, image.data.shape, image.unit, bits=options.bits)
    for name, (plane, bits) in planes.items():
        companions.add(name, plane, bits=bits, is_asked=True)
    mask, deviation = companions.read()
    for other in (image.mask, without_mask(image.data)[1]):
        mask = mask if other is None else joint_mask(mask, as_bool(other))
    companions.check_usable(mask, where)
    return NDData(
        image.data,
        unit=image.unit,
        wcs=image.wcs,
        mask=mask,
        uncertainty=image.uncertainty if deviation is None else StdDevUncertainty(deviation),
        meta=image.meta,
    )


def _in_unit(value, shape, unit):
    """Standard deviations in the unit of the image."""
    if isinstance(value, NDUncertainty):
        if np.shape(value.array) != tuple(shape):
            return np.asarray(value.array)
        return standard_deviation(NDData(np.zeros(shape), unit=unit, uncertainty=value), unit)
    if not isinstance(value, u.Quantity):
        return value
    try:
        return as_float(value.to_value(unit or u.dimensionless_unscaled), 'uncertainty')
    except u.UnitConversionError as error:
        raise ImageError(
            f'`uncertainty` must be in a unit that converts to that of the image, {unit}; got '
            f'{value.unit}.'
        ) from error


def plain_shape(shape):
    """The shape without leading axes of length one."""
    return (*(shape[axis] for axis in long_axes(shape)), *shape[-2:])


def _of_the_version(hdus, chosen):
    """HDUs with the EXTVER of the image, if any, and masks with named bits; otherwise all."""
    if not any(hdu.ver == chosen.ver for hdu in hdus):
        return hdus
    return [hdu for hdu in hdus if hdu.ver == chosen.ver or has_named_bits(hdu)]


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
