"""`ReadOptions`: which part of a file is the image, and what accompanies it."""

import os
from dataclasses import dataclass, replace

import numpy as np
from astropy import units as u
from astropy.nddata import NDUncertainty

from astro_wgan.images.blank_pixels import check_zeros
from astro_wgan.images.layouts.layout import Layout, as_bits
from astro_wgan.images.layouts.layout_registry import get_layout
from astro_wgan.validation.masked import without_mask
from astro_wgan.validation.pixels import as_bool, as_float

__all__ = ['GIVEN', 'ReadOptions', 'is_file_part', 'is_hdu_index']

#: Options that may be given as an array, a path or an HDU.
GIVEN = ('mask', 'weight', 'uncertainty')

_AUTO = 'auto'


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """
    Arguments of `~astro_wgan.images.read_image`, validated.

    Parameters
    ----------
    hdu, plane, zeros, max_size, layout, mask, weight, uncertainty, bits
        As there.

    Raises
    ------
    TypeError, ValueError
        As there.
    """

    hdu: object = None
    plane: int | None = None
    zeros: str = 'auto'
    max_size: float | None = None
    layout: object = _AUTO
    mask: object = None
    weight: object = None
    uncertainty: object = None
    bits: object = None

    def __post_init__(self):
        check_zeros(self.zeros)
        object.__setattr__(self, 'bits', as_bits(self.bits))
        layout = 'none' if self.layout is None else self.layout
        if not isinstance(layout, Layout) and not self.is_auto:
            layout = get_layout(layout)
        object.__setattr__(self, 'layout', layout)
        for name, value in self.given().items():
            if not is_file_part(value):
                object.__setattr__(self, name, self._array(name, value))

    @property
    def is_auto(self):
        """Whether the layout is chosen from headers and names."""
        return isinstance(self.layout, str) and self.layout == _AUTO

    def _array(self, name, value):
        """The array that is given, before its unit and shape are known."""
        if name == 'mask':
            values = np.asarray(without_mask(value)[0])
            if self.bits is None or values.dtype.kind == 'b':
                return as_bool(value)
            if values.dtype.kind not in 'iu':
                raise TypeError(f'`mask` must be integers to have `bits`; got {values.dtype}.')
            if isinstance(self.bits, tuple):
                raise TypeError(f'`bits` of an array must be integers; got {self.bits!r}.')
            return values
        if name == 'uncertainty' and isinstance(value, (NDUncertainty, u.Quantity)):
            return value
        values, mask = without_mask(value)
        values = as_float(np.asarray(values), name)
        return values if mask is None else np.where(mask, 0, values)

    def given(self):
        """Masks, weights and uncertainties of the caller, by name."""
        values = {name: getattr(self, name) for name in GIVEN}
        return {name: value for name, value in values.items() if value is not None}

    def without_files(self):
        """The same for an image in memory."""
        return replace(self, hdu=None, layout=_AUTO)


def is_hdu_index(value):
    """Whether it is the number of an HDU, or its name and version."""
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], str)
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_file_part(value):
    """Whether it names a file or an HDU, rather than being an array."""
    is_path = isinstance(value, (str, bytes, os.PathLike))
    return is_path or is_hdu_index(value)
