"""Zeros that are no data, such as those outside of a mosaic's footprint."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

__all__ = ['ZEROS', 'check_zeros', 'no_data']

#: What can be done with zeros.
ZEROS = ('auto', 'keep', 'mask')

#: Zeros that fill a square of so many pixels along an edge, or the border, may be no data.
_EDGE = 6

#: How far around them the data are looked at, and zeros beside them count as one with them.
_REACH = 4

#: Rows that are looked at together.
_ROWS = 512

#: Share of the pixels around, at most, that may be zero themselves, as integers are.
_ZEROS_AROUND = 0.5

#: Share of the pixels next to the zeros, at least, that lies in areas of data.
_SOLID = 0.5

#: Share of either sign that the noise around has, at least, or else the level of the sky there in
#: units of its scatter: the share of negative pixels of a sky of this level.
_EITHER_SIGN = 0.02
_LEVEL = 2.0

#: Differences of neighboring pixels in units of the scatter: white noise has 1.4, noise that is
#: correlated over some pixels 0.3, the wings of a galaxy without noise less than 0.1.
_ROUGHNESS = 0.12

#: Scatter, in units of the brightest pixel, that comes of rounding, as in convolutions by FFT.
_ROUNDING = 1e-8

_NORMAL = 1.482602218505602

_FEWEST = 16


def check_zeros(zeros):
    """
    Make sure that it is a word for what to do with zeros.

    Raises
    ------
    ValueError
        If it is not.
    """
    if zeros not in ZEROS:
        raise ValueError(f'`zeros` must be {", ".join(map(repr, ZEROS))}; got {zeros!r}.')


def no_data(pixels, *, mask=None, zeros='auto'):
    """
    Tell zeros that are no data from dark sky.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx) or (n, ny, nx)
        An image, or stamps of one origin.
    mask : `~numpy.ndarray` of bool, same shape, optional
        True where a pixel does not count.
    zeros : {'auto', 'keep', 'mask'}, optional
        As in `~astro_wgan.stamps.read_image`.

    Returns
    -------
    `~numpy.ndarray` of bool, same shape, or None
        True where there are no data; None where there are everywhere.

    Notes
    -----
    Mosaics have exact zeros where no exposure was, models and counts of photons where nothing
    shines. The first fill an area, and around them is noise: values that differ from pixel to
    pixel, of both signs or about a sky that is not zero. So zeros are no data where they fill
    squares of 6 x 6 pixels, cut off by the border or not, and the 4 pixels around are an area of
    data, few of them zero, whose values are as rough as noise and have either sign in 2 per cent at
    least, or a median of more than 2 times their scatter. All such areas of an image are judged
    together, those of stamps all together. Thinner lines of zeros stay.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.images.no_data import no_data
    >>> sky = np.random.default_rng(1).normal(size=(60, 60))
    >>> sky[:, :20] = 0
    >>> int(no_data(sky).sum())
    1200
    >>> no_data(np.maximum(sky, 0)) is None
    True
    """
    check_zeros(zeros)
    if zeros == 'keep':
        return None
    if zeros == 'mask':
        void = pixels == 0
        return void if void.any() else None
    images = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    masks = mask if mask is None or mask.ndim == 3 else mask[np.newaxis]
    if not any(_may_have_void(image) for image in images):
        return None
    found = np.zeros(images.shape, dtype=bool)
    around = _Around()
    for k, image in enumerate(images):
        _find(image, None if masks is None else masks[k], found[k], around)
    if not found.any() or not around.is_sky_with_noise(_brightest(images, masks)):
        return None
    return found.reshape(pixels.shape)


def _may_have_void(image):
    """Whether there are zeros in a net that no square of them slips through, or at the border."""
    net = image[_EDGE // 2 :: _EDGE, _EDGE // 2 :: _EDGE]
    if not net.all():
        return True
    return not all(line.all() for line in (image[0], image[-1], image[:, 0], image[:, -1]))


def _find(image, mask, found, around):
    """Mark areas of zeros, and gather what is around them, in strips."""
    ny = len(image)
    margin = 2 * _EDGE + _REACH
    for start in range(0, ny, _ROWS):
        first, last = max(0, start - margin), min(ny, start + _ROWS + margin)
        part = image[first:last]
        zero = part == 0
        if not zero.any():
            continue
        # Beyond the border are zeros, too; beyond the strip, where none of its own pixels reach,
        # it does not matter.
        core = _opened(zero, outside=True)
        if not core.any():
            continue
        own = slice(start - first, min(start + _ROWS, ny) - first)
        found[start : start + _ROWS] = _grown(core, _REACH, within=zero)[own]
        near = _grown(core, _REACH) & ~core
        solid = near & _opened(~core, outside=True)
        usable = np.isfinite(part)
        if mask is not None:
            usable &= ~mask[first:last]
        around.add(part[own], near[own] & usable[own], solid[own] & usable[own])


@dataclass(eq=False)
class _Around:
    """The pixels around areas of zeros."""

    near: int = 0

    def __post_init__(self):
        self.values, self.steps = [], []

    def add(self, part, near, solid):
        self.near += int(np.count_nonzero(near))
        self.values.append(part[solid].astype(np.float64))
        both = solid[:, 1:] & solid[:, :-1]
        self.steps.append(part[:, 1:][both].astype(np.float64) - part[:, :-1][both])

    def is_sky_with_noise(self, brightest):
        values, steps = np.concatenate(self.values), np.concatenate(self.steps)
        if len(values) < max(_FEWEST, _SOLID * self.near) or len(steps) < _FEWEST:
            return False
        if np.mean(values == 0) > _ZEROS_AROUND:
            return False
        level = np.median(values)
        scatter = _NORMAL * np.median(np.abs(values - level))
        if scatter <= _ROUNDING * brightest:
            return False
        if np.median(np.abs(steps)) < _ROUGHNESS * scatter / _NORMAL:
            return False
        has_both_signs = min(np.mean(values < 0), np.mean(values > 0)) >= _EITHER_SIGN
        return bool(has_both_signs or abs(level) >= _LEVEL * scatter)


def _brightest(images, masks):
    brightest = 0.0
    for k, image in enumerate(images):
        for y in range(0, len(image), _ROWS):
            part = image[y : y + _ROWS]
            usable = np.isfinite(part)
            if masks is not None:
                usable &= ~masks[k][y : y + _ROWS]
            brightest = max(brightest, float(np.abs(part[usable]).max(initial=0)))
    return brightest


def _opened(area, *, outside):
    """Those pixels of an area that lie in a square which is wholly in it."""
    wide = np.pad(area, _EDGE - 1, constant_values=outside)
    for combine in (np.logical_and, np.logical_or):
        for axis in (0, 1):
            lines = np.moveaxis(wide, axis, 0)
            last = len(lines) - _EDGE + 1
            joined = lines[:last].copy()
            for k in range(1, _EDGE):
                combine(joined, lines[k : last + k], out=joined)
            wide = np.moveaxis(joined, 0, axis)
    # The first pass is shorter by a square less one pixel, and so is the second.
    return wide & area


def _grown(area, reach, within=None):
    structure = np.ones((3, 3), dtype=bool)
    return binary_dilation(area, structure, iterations=reach, mask=within)
