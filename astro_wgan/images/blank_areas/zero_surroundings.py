"""`ZeroSurroundings`: whether the pixels around areas of zeros are noise around the sky level."""

import numpy as np

from astro_wgan.images.blank_areas.zero_areas import ZERO_EDGE

__all__ = ['ZeroSurroundings']

#: Maximum fraction of surrounding pixels that are zero themselves, as integers may be.
_ZEROS_AROUND = 0.25

#: Minimum fraction of pixels next to the zeros in areas of data.
_SOLID = 0.5

#: Minimum fraction of pixels of either sign around the zeros, or else the sky level in units of the
#: noise (with the same fraction of negative pixels).
_EITHER_SIGN = 0.02
_LEVEL = 1.7

#: If pixels below a threshold were set to zero, none are close to zero and many just above it:
#: maximum fraction of pixels up to twice the smallest values (or within half of the noise, at other
#: levels), and the number of distinct values above which they are not due to rounding.
_JUST_ABOVE = 0.1
_DIFFERENT = 8

#: Maximum difference of the median of all data from that level, in units of the noise: a truncated
#: model is surrounded by its faintest pixels, a footprint by sky.
_OFF_LEVEL = 5.0

#: Minimum brightness of the pixels next to the zeros, in units of all around (1 in noise), and
#: their maximum difference from the level in units of the noise. Models and denoised images end
#: gradually.
_ABRUPT = 0.5
_SLOPE = 0.5

#: Minimum difference of neighboring pixels in units of the scatter: 1.4 for white noise, 0.3 for
#: noise correlated over some pixels, less than 0.1 in the wings of a galaxy without noise.
_ROUGHNESS = 0.12

#: Rounding errors, in units of the brightest pixel, such as those of convolutions by FFT.
_ROUNDING = {4: 1e-7, 8: 1e-12}

_NORMAL = 1.482602218505602

_FEWEST = 16


class ZeroSurroundings:
    """The pixels around areas of zeros, and some of all."""

    def __init__(self):
        self.near, self.brightest, self.rounding = 0, 0.0, 0.0
        self.values, self.beside, self.steps, self.samples = [], [], [], []

    def sample(self, part, mask, step):
        """Keep one pixel in each square of edge ``step``, and the brightest one."""
        net = (slice(ZERO_EDGE // 2, None, step),) * 2
        usable = np.isfinite(part)
        if mask is not None:
            usable &= ~mask
        values = part[net][usable[net]].astype(np.float64)
        self.samples.append(values[values != 0])
        # Without a copy: `part` are many rows of an image.
        ends = [float(end(part, where=usable, initial=0)) for end in (np.max, np.min)]
        self.brightest = max(self.brightest, *map(abs, ends))
        self.rounding = _ROUNDING.get(part.dtype.itemsize, 0.0)

    def add(self, part, near, solid, beside):
        """Keep the pixels around the zeros of a section."""
        self.near += int(np.count_nonzero(near))
        self.values.append(part[solid].astype(np.float64))
        self.beside.append(part[beside].astype(np.float64))
        both = solid[:, 1:] & solid[:, :-1]
        self.steps.append(part[:, 1:][both].astype(np.float64) - part[:, :-1][both])

    def is_sky_with_noise(self):
        """Whether all of them are noise around the sky level."""
        if not self.near:
            return False
        values, beside, steps, samples = (
            np.concatenate(parts) for parts in (self.values, self.beside, self.steps, self.samples)
        )
        if len(values) < max(_FEWEST, _SOLID * self.near) or not len(beside) or not len(steps):
            return False
        if np.mean(values == 0) > _ZEROS_AROUND:
            return False
        level = np.median(values)
        scatter = _NORMAL * np.median(np.abs(values - level))
        if scatter <= self.rounding * self.brightest:
            return False
        if np.median(np.abs(steps)) < _ROUGHNESS * scatter / _NORMAL:
            return False
        if len(samples) and abs(np.median(samples) - level) > _OFF_LEVEL * scatter:
            return False
        if np.median(np.abs(beside)) < _ABRUPT * np.median(np.abs(values)):
            return False
        if abs(np.median(beside) - level) > _SLOPE * scatter:
            return False
        is_high = abs(level) >= _LEVEL * scatter
        if not is_high and min(np.mean(values < 0), np.mean(values > 0)) < _EITHER_SIGN:
            return False
        if is_high:
            return not _has_threshold(values * np.sign(level), 0.5 * scatter)
        return not _has_threshold(np.abs(values))


def _has_threshold(values, reach=None):
    """Whether the distribution starts abruptly at its smallest values."""
    values = values[values != 0]
    first = np.quantile(values, 0.01)
    above = values[(values > 1.001 * first) & (values < first + (reach or 0.999 * first))]
    is_dense = len(above) > _JUST_ABOVE * len(values)
    return bool(is_dense and len(np.unique(above)) >= _DIFFERENT)
