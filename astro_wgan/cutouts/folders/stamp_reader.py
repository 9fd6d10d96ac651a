"""`StampReader`: what stamps of files have in common, and reading of files as such stamps."""

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry, scale_of_image
from astro_wgan.bands.band import as_bands
from astro_wgan.exceptions import EmptyImageError, ImageError
from astro_wgan.files.error_text import one_line
from astro_wgan.images.layouts.zero_point_cards import written_zero_point
from astro_wgan.images.plane_count import count_planes
from astro_wgan.images.reading import read_image
from astro_wgan.units.pixel_flux import pixel_meta
from astro_wgan.validation.pixels import as_pixel_scale, as_shape, converted

__all__ = ['StampReader']

#: Status of files that are read.
_READ = 'read'

#: What reading a file may raise.
_REASONS = (ImageError, OSError, ValueError, TypeError, u.UnitsError)

#: Relative difference from which on pixels are of another scale.
_OTHER_SCALE = 0.01


@dataclass(frozen=True, eq=False)
class StampReader:
    """
    What all stamps of files have in common, and reading of files as such stamps.

    Attributes
    ----------
    file : `~pathlib.Path`
        The first file that can be read, from which the others are taken.
    shape : tuple of int
        ``(ny, nx)``.
    is_given : bool
        Whether that is what was asked for; otherwise all images must have it.
    planes : tuple
        Planes of a file that become bands; one that is None is the whole image.
    bands : tuple of `~astro_wgan.stamps.Band` or None
    unit : `~astropy.units.Unit`
    dtype : `~numpy.dtype`
    has_uncertainty : bool
    pixel_scale : `~astropy.units.Quantity` or None
    zero_point : float or None
        To which pixels are scaled.
    meta, reading : dict
        Metadata of the set, and options of `~astro_wgan.images.read_image`.
    warned : set
        What was said of files that were read.
    other_scales, left_out : list
        Files with other pixel scales, and with uncertainties that the stamps do not have.
    """

    file: Path
    shape: tuple
    is_given: bool
    planes: tuple
    bands: object
    unit: u.UnitBase
    dtype: np.dtype
    has_uncertainty: bool
    pixel_scale: u.Quantity | None
    zero_point: float | None
    meta: dict
    reading: dict
    warned: set = field(default_factory=set)
    other_scales: list = field(default_factory=list)
    left_out: list = field(default_factory=list)

    @classmethod
    def of(cls, files, size, bands, pixel_scale, reading):
        """The reader of files that are like the first of them that can be read."""
        if size is not None and not hasattr(size, 'unit'):
            size = as_shape(size)
        reason, wrong = None, None
        for file in files:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore', AstropyUserWarning)  # `read` issues them
                    planes = _planes(file, bands, reading)
                    image = _first_image(file, planes, reading)
            except _REASONS as error:
                reason = reason or f'{file}: {one_line(error)}'
                continue
            try:
                named = None if bands is None else as_bands(bands, len(planes))
            except ValueError as error:
                # For instance a gray picture among those in color.
                wrong = wrong or error
                continue
            if pixel_scale is None:
                scale = scale_of_image(image.shape, image.wcs)
            else:
                scale = as_pixel_scale(pixel_scale)
            shape = image.shape if size is None else as_shape(size, pixel_scale=scale)
            zero_point = written_zero_point(image.meta)
            if named is not None and any(band.zero_point is not None for band in named):
                # Those that are given are those of all files.
                zero_point = None
            return cls(
                file=file,
                shape=tuple(shape),
                is_given=size is not None,
                planes=planes,
                bands=_with_zero_point(named, len(planes), zero_point),
                unit=image.unit,
                dtype=image.data.dtype,
                has_uncertainty=image.uncertainty is not None,
                pixel_scale=scale,
                zero_point=zero_point,
                meta=pixel_meta(image.meta),
                reading=reading,
            )
        if wrong is not None:
            raise wrong
        raise ImageError(f'None of the {len(files)} files can be read. {reason}')

    @property
    def full_shape(self):
        """Shape of a stamp with its bands."""
        return self.shape if len(self.planes) == 1 else (*self.shape, len(self.planes))

    @property
    def stamp_bytes(self):
        """Bytes of the pixels, the mask and the uncertainty of a stamp."""
        per_pixel = 1 + self.dtype.itemsize * (2 if self.has_uncertainty else 1)
        return per_pixel * int(np.prod(self.full_shape))

    def read(self, files):
        """Stamps of some files; those that cannot be read are masked, and their status says why."""
        shape = (len(files), *self.full_shape)
        pixels = np.full(shape, np.nan, dtype=self.dtype)
        mask = np.ones(shape, dtype=bool)
        deviation = np.full(shape, np.nan, dtype=self.dtype) if self.has_uncertainty else None
        parents, corners, status = [], [], []
        for k, file in enumerate(files):
            stamp = [None if values is None else values[k] for values in (pixels, mask, deviation)]
            parent, corner, reason = ParentImage(self.shape), np.zeros(2, dtype=np.int64), _READ
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter('always', AstropyUserWarning)
                try:
                    parent, corner = self._read_into(file, *stamp)
                except _SizeError:
                    raise
                except _REASONS as error:
                    reason = one_line(error)
                    for values, blank in zip(stamp, (np.nan, True, np.nan), strict=True):
                        if values is not None:
                            values[...] = blank
            self._warn(caught, file)
            parents.append(parent)
            corners.append(corner)
            status.append(reason)
        corners = np.array(corners, dtype=np.int64).reshape(-1, 2)
        geometry = StampGeometry(tuple(parents), np.arange(len(files)), corners)
        return {
            'pixels': pixels,
            'mask': mask,
            'uncertainty': deviation,
            'geometry': geometry,
            'status': status,
        }

    def _read_into(self, file, pixels, mask, deviation):
        """Read a file into arrays of a stamp; its parent image and the first pixel in it."""
        self._check_planes(file)
        image, empty = None, None
        for number, plane in enumerate(self.planes):
            place = ... if len(self.planes) == 1 else (..., number)
            try:
                image = read_image(file, **{**self.reading, 'plane': plane})
            except EmptyImageError as error:
                # A band without data is masked.
                empty = error
                continue
            corner = self._corner(image, file)
            own = None if deviation is None else deviation[place]
            self._put(image, corner, pixels[place], mask[place], own)
        if image is None:
            raise empty
        self._compare_scale(image, file)
        if deviation is None and image.uncertainty is not None:
            self.left_out.append(file.name)
        return ParentImage(image.shape, image.wcs), corner

    def _check_planes(self, file):
        """Refuse a cube with more planes than others; one with fewer cannot be read."""
        if len(self.planes) == 1:
            return
        planes = _planes(file, self.bands, self.reading)
        if len(planes) != len(self.planes):
            raise ImageError(
                f'The image has {len(planes)} {"plane" if len(planes) == 1 else "planes"}, that of '
                f'{self.file.name} has {len(self.planes)}.'
            )

    def _compare_scale(self, image, file):
        scale = scale_of_image(image.shape, image.wcs)
        if scale is not None and self.pixel_scale is not None:
            ratio = float(scale / self.pixel_scale)
            if not 1 - _OTHER_SCALE < ratio < 1 + _OTHER_SCALE:
                self.other_scales.append(f'{file.name} ({scale:.4g})')

    def _warn(self, caught, file):
        """Issue what is said of several files once."""
        for warning in caught:
            text = str(warning.message)
            kind = text.replace(str(file), '')
            if kind not in self.warned:
                self.warned.add(kind)
                warnings.warn(text, warning.category, stacklevel=6)

    def warn_of_differences(self):
        """Say how many images have pixels of another scale, or an uncertainty that is left out."""
        if self.left_out:
            warnings.warn(
                f'The uncertainty of {len(self.left_out)} of the files, such as '
                f'{self.left_out[0]}, is left out, since {self.file.name}, the first, has none.',
                AstropyUserWarning,
                stacklevel=5,
            )
        if self.other_scales:
            warnings.warn(
                f'The pixel scale is {self.pixel_scale:.4g}, but another one in '
                f'{len(self.other_scales)} of the files, such as {self.other_scales[0]}: '
                '`stamps.reproject(pixel_scale=...)` brings stamps to one scale.',
                AstropyUserWarning,
                stacklevel=5,
            )

    def _corner(self, image, file):
        """First pixel (x, y) of the stamp in its image, by the rules of `crop` and `pad`."""
        if not self.is_given and image.shape != self.shape:
            raise _SizeError(
                f'The files have images of various sizes, such as {self.shape} ({self.file.name}) '
                f'and {image.shape} ({file.name}): give `size`, to which they are cropped or '
                'padded.'
            )
        pairs = zip(image.shape, self.shape, strict=True)
        # Half a pixel of the center goes to the side to which Cutout2D has it.
        first = [(n - m) // 2 if n >= m else -((m - n) // 2) for n, m in pairs]
        return np.array(first[::-1])

    def _put(self, image, corner, pixels, mask, deviation):
        inside, part = _overlap(image.shape, self.shape, corner)
        values = image.data[part]
        if image.unit != self.unit:
            values = converted(values, image.unit, self.unit)
        factor = self._brightness(image)
        with np.errstate(over='ignore'):  # masked below
            pixels[inside] = values if factor == 1 else values * values.dtype.type(factor)
        mask[inside] = False if image.mask is None else image.mask[part]
        mask |= ~np.isfinite(pixels)
        if deviation is None:
            return
        # Of a file without uncertainty it is unknown.
        values = np.inf
        if image.uncertainty is not None:
            values = image.uncertainty.array[part]
            if image.unit != self.unit:
                factor *= abs(image.unit.to(self.unit))
            values = values if factor == 1 else values * values.dtype.type(factor)
        deviation[inside] = values
        deviation[mask] = np.nan

    def _brightness(self, image):
        """Factor from the zero point of a file to that of the stamps."""
        own = written_zero_point(image.meta)
        if self.zero_point is None or own == self.zero_point:
            return 1.0
        if own is None:
            text = f'that of the first file, {self.zero_point:.3f} mag (AB).'
            message = f'Files without zero point are taken to have {text}'
            warnings.warn(message, AstropyUserWarning, stacklevel=2)
            return 1.0
        return 10 ** (0.4 * (self.zero_point - own))


class _SizeError(ValueError):
    """The error for images of various sizes, which is not that of one file."""


def _planes(file, bands, reading):
    """Planes of a file that become bands; one that is None is the whole image."""
    if reading['plane'] is not None:
        return (reading['plane'],)
    options = {name: reading[name] for name in ('hdu', 'max_size', 'remote')}
    count, is_picture = count_planes(file, **options)
    if count is None or (is_picture and bands is None):
        return (None,)
    return tuple(range(count))


def _with_zero_point(bands, count, zero_point):
    """Bands with the zero point of the files, if that is known."""
    if zero_point is None:
        return bands
    bands = as_bands(None, count) if bands is None else bands
    return tuple(replace(band, zero_point=zero_point) for band in bands)


def _first_image(file, planes, reading):
    """The first plane that has any usable pixel."""
    for plane in planes:
        try:
            return read_image(file, **{**reading, 'plane': plane})
        except EmptyImageError as error:
            reason = error
    raise reason


def _overlap(shape, wanted, corner):
    """Where an image overlaps with a stamp: parts of the stamp and of the image."""
    inside, part = [], []
    for n, m, first in zip(shape, wanted, corner[::-1].tolist(), strict=True):
        begin, end = max(0, first), min(n, first + m)
        part.append(slice(begin, end))
        inside.append(slice(begin - first, end - first))
    return tuple(inside), tuple(part)
