"""`file_companions`: masks, weights and uncertainties of an image of a FITS file."""

import os
import warnings

from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images.extensions import (
    choose_hdu,
    describe_hdus,
    named_part,
    role_of_text,
)
from astro_wgan.images.layouts.companion_planes import KINDS, Companions
from astro_wgan.images.layouts.given_planes import given_arrays
from astro_wgan.images.layouts.layout import ROLES
from astro_wgan.images.layouts.planes_in_file import (
    find_in_file,
    fits_image,
    matching_hdu,
    with_version,
)
from astro_wgan.images.layouts.quality_bits import quality_bits
from astro_wgan.images.layouts.siblings import is_template
from astro_wgan.images.pixel_planes import PixelPlane
from astro_wgan.images.pixel_values import PixelValues
from astro_wgan.images.read_options import is_file_part, is_hdu_index
from astro_wgan.remote.remote_path import path_of

__all__ = ['file_companions', 'given_path']


def given_path(value, hdulist, remote=None):
    """
    The path that a caller gives as mask, weight or uncertainty.

    Parameters
    ----------
    value : object
        Array, path, or name or number of an HDU.
    hdulist : sequence of HDU
        HDUs of the image's file, whose names take precedence.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    `~pathlib.Path`, `~astro_wgan.remote.remote_path.RemotePath` or None
    """
    if not is_file_part(value) or is_hdu_index(value):
        return None
    text = os.fsdecode(os.fspath(value))
    is_name = isinstance(value, str) and text.upper() in {hdu.name for hdu in hdulist}
    return None if is_name else path_of(text, remote)


def file_companions(image, found, options, *, hdulist, others, unit, is_own):
    """
    Collect what accompanies an image.

    Parameters
    ----------
    image : `~astro_wgan.images.pixel_planes.PixelPlane`
        The image.
    found : `~astro_wgan.images.layouts.file_layout.FileLayout`
        Layout of the file, and its siblings.
    options : `~astro_wgan.images.read_options.ReadOptions`
        What the caller gives in addition; an uncertainty replaces that of the file.
    hdulist : sequence of HDU
        HDUs of the file.
    others : dict of list of HDU
        HDUs of other files, by path.
    unit : unit or None
        Unit of the image.
    is_own : bool
        Whether the HDUs were opened by this package.

    Returns
    -------
    `~astro_wgan.images.layouts.companion_planes.Companions`

    Raises
    ------
    ImageError
        If a file has no such HDU, a sibling of a layout that the caller asked for, or what the
        caller gives, has another shape or no extension of the image, the caller gives the image
        itself, or there are ``bits`` but no mask.

    Warns
    -----
    AstropyUserWarning
        If an HDU or a sibling of a layout that was recognized has another shape, or a sibling has
        no extension of the image. It is not used.
    """
    collector = _Collector(image, found, options, hdulist, others, unit, is_own)
    if named_part(image.pixels, found.layout).role is None:
        collector.add_of_layout()
    collector.add_given()
    if options.bits is not None and not collector.companions.masks:
        raise ImageError(f'`bits` are for a mask, of which {image.where} has none; give `mask`.')
    return collector.companions


class _Collector:
    """Adds planes to companions, from all sources."""

    def __init__(self, image, found, options, hdulist, others, unit, is_own):
        self.companions = Companions()
        self._image, self._found, self._options = image, found, options
        self._hdulist, self._others, self._unit, self._is_own = hdulist, others, unit, is_own
        self._labels = dict(zip(map(id, hdulist), describe_hdus(hdulist), strict=True))

    def add_of_layout(self):
        layout, image = self._found.layout, self._image
        in_file = find_in_file(self._hdulist, image.pixels, layout, image.where)
        for role in ROLES:
            planes = [self._in_file(hdu) for hdu in in_file.get(role, ())]
            path = self._found.siblings.get(role)
            # Of several places, the first.
            if path is not None and (not planes or is_template(getattr(layout, role)[0])):
                planes = self._of_sibling(path, role) or planes
            for plane in planes:
                self._add(role, plane)

    def add_given(self):
        arrays = {}
        for name, value in self._options.given().items():
            if not is_file_part(value):
                arrays[name] = value
                continue
            path = given_path(value, self._hdulist, self._options.remote)
            if path is None:
                value = with_version(self._hdulist, value, self._image.pixels)
                hdu = choose_hdu(self._hdulist, value, None, self._image.where)
                if hdu is self._image.pixels:
                    raise ImageError(f'`{name}` must not be the image itself; got {value!r}.')
                plane, names = self._in_file(hdu), [hdu.name]
            else:
                plane = self._in_other(path, name)
                names = [plane.pixels.name, path.name]
            if self._is_of_another_shape(plane):
                raise ImageError(
                    f'`{name}` must have the shape of the image, {self._image.shape}; got '
                    f'{plane.shape}.'
                )
            role = self._kind_of(names) if name == 'uncertainty' else name
            self._add(role, plane, is_asked=True)
        shape = self._image.shape[-2:]
        given = given_arrays(arrays, shape, self._unit, bits=self._options.bits)
        for name, (plane, bits) in given.items():
            self.companions.add(name, plane, bits=bits, is_asked=True)

    def _kind_of(self, names):
        """Kind of uncertainty by the name of its HDU or file."""
        roles = [role_of_text(name, self._found.layout) for name in names]
        return next((role for role in roles if role in KINDS), 'uncertainty')

    def _add(self, role, plane, *, is_asked=False):
        bits, options, layout = None, self._options, self._found.layout
        if role == 'mask':
            is_of_caller = options.bits is not None
            bits = quality_bits(
                plane.pixels,
                bits=options.bits if is_of_caller else layout.bits,
                planes=layout.planes,
                words=self._found.words,
                is_asked=is_of_caller,
            )
        self.companions.add(role, plane, bits=bits, unit=self._unit, is_asked=is_asked)

    def _in_file(self, hdu):
        image = self._image
        label = self._labels[id(hdu)]
        return PixelPlane(hdu, hdu.name, label, image.where, image.index, self._is_own)

    def _in_other(self, path, role):
        """The HDU of another file that belongs to the image."""
        hdulist, layout, image = self._others[path], self._found.layout, self._image.pixels
        hdu = matching_hdu(hdulist, image, role, layout, path, chips=self._hdulist)
        number = next(k for k, other in enumerate(hdulist) if other is hdu)
        label = f'{path.name}[{describe_hdus(hdulist)[number]}]'
        values = PixelValues.of(hdu.header, str(path), asinh=layout.asinh)
        values = values if values.asinh else None
        return PixelPlane(hdu, path.name, label, str(path), self._image.index, True, values)

    def _of_sibling(self, path, role):
        """The plane of a sibling as a list, empty if it is of another chip or shape."""
        try:
            plane = self._in_other(path, role)
        except ImageError as error:
            if not self._found.is_auto:
                raise
            warnings.warn(f'{error} It is ignored.', AstropyUserWarning, stacklevel=4)
            return []
        if not self._is_of_another_shape(plane):
            return [plane]
        message = f'its shape, {plane.shape}, differs from that of the image, {self._image.shape}.'
        if not self._found.is_auto:
            raise ImageError(f'{path} does not fit {self._image.where}: {message}')
        warnings.warn(f'{path} is ignored: {message}', AstropyUserWarning, stacklevel=4)
        return []

    def _is_of_another_shape(self, plane):
        return not fits_image(plane.shape, self._image.shape)
