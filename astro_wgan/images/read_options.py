"""`ReadOptions`: which part of a file is the image, and what accompanies it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from astropy import units as u
from astropy.nddata import NDUncertainty

from astro_wgan.files.limits import largest_size
from astro_wgan.images.blank_pixels import check_zeros
from astro_wgan.images.layouts.layout import Layout, as_bits
from astro_wgan.images.layouts.layout_registry import get_layout
from astro_wgan.remote.remote_files import RemoteFiles, as_remote_files
from astro_wgan.validation.masked import without_mask
from astro_wgan.validation.pixels import as_bool, as_float

__all__ = [
    'GIVEN',
    'ReadOptions',
    'check_options_of_bands',
    'is_file_part',
    'is_hdu_index',
    'options_of_band',
]

#: Options that may be given as an array, a path or an HDU.
GIVEN = ('mask', 'weight', 'uncertainty')

_AUTO = 'auto'


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """
    Arguments of `~astro_wgan.images.read_image`, validated.

    Parameters
    ----------
    hdu, plane, zeros, max_size, layout, mask, weight, uncertainty, bits, remote
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
    remote: RemoteFiles | None = None

    def __post_init__(self):
        check_zeros(self.zeros)
        if self.max_size is not None:
            largest_size(self.max_size)
        object.__setattr__(self, 'bits', as_bits(self.bits))
        object.__setattr__(self, 'remote', as_remote_files(self.remote))
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
            values, hidden = without_mask(value)
            values = np.asarray(values)
            if self.bits is None or values.dtype.kind == 'b':
                # The array, since one of Dask is computed anew each time.
                return as_bool(values if hidden is None else value)
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


def check_options_of_bands(options, names):
    """
    Refuse options for bands that there are not.

    Parameters
    ----------
    options : dict
        Options of reading; those that are dictionaries have a value for each band.
    names : sequence of str
        Names of the bands; empty for one image without the name of a band.

    Raises
    ------
    ValueError
        If a dictionary has the name of another band.
    """
    for option, values in options.items():
        for name in values if isinstance(values, Mapping) else ():
            if name not in names:
                there = f'there are {", ".join(names)}' if names else 'the image has no named bands'
                raise ValueError(f'`{option}` has {name!r}, which is no band: {there}.')


def options_of_band(options, name):
    """
    Options of reading the image of one band.

    Parameters
    ----------
    options : dict
        As of `check_options_of_bands`. What a dictionary leaves out is as by default.
    name : str or None
        Name of the band; None for one image without it.

    Returns
    -------
    dict
    """
    defaults = {each.name: each.default for each in fields(ReadOptions)}
    return {
        option: value.get(name, defaults[option]) if isinstance(value, Mapping) else value
        for option, value in options.items()
    }


def is_hdu_index(value):
    """Whether it is the number of an HDU, or its name and version."""
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], str)
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_file_part(value):
    """Whether it names a file or an HDU, rather than being an array."""
    is_path = isinstance(value, (str, bytes, os.PathLike))
    return is_path or is_hdu_index(value)
