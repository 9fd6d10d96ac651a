"""`ImageOfBand`: an image of one band, in a file or in memory, and stamps that are cut from it."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
from astropy.wcs import WCS

from astro_wgan.cutouts.bands.regridding import PixelMap, has_same_pixels
from astro_wgan.cutouts.image_cuts import ImageCuts, band_of_image
from astro_wgan.cutouts.sections import Sections
from astro_wgan.exceptions import ImageError
from astro_wgan.images.fits_sections import new_array, open_sections
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import image_with
from astro_wgan.units.pixel_flux import pixel_meta

__all__ = ['ImageOfBand', 'errors_that_name']


@dataclass(frozen=True, eq=False)
class ImageOfBand:
    """An image in a file of which sections can be read, or in memory."""

    name: str
    image: object
    shape: tuple
    wcs: WCS | None
    unit: object
    has_uncertainty: bool
    options: ReadOptions

    @classmethod
    def opened(cls, name, image, options, stack):
        """
        An image that is read when it is needed if it is that of a FITS file, and otherwise now.

        Parameters
        ----------
        name : str
            Name of the band.
        image : object
            As in `~astro_wgan.images.read_image`.
        options : `~astro_wgan.images.read_options.ReadOptions`
        stack : `~contextlib.ExitStack`
            With which files are closed.

        Returns
        -------
        `ImageOfBand`
        """
        with errors_that_name(name), ExitStack() as own:
            in_file = own.enter_context(open_sections(image, options))
            if in_file is None:
                options, image = ReadOptions(), image_with(image, options)
            elif not in_file.is_compressed:
                image = in_file
                stack.push(own.pop_all())
            # Compressed files hold memory while they are open, and are opened once more.
            known = image if in_file is None else in_file
            has_uncertainty = (
                image.uncertainty is not None if in_file is None else in_file.has_uncertainty
            )
            return cls(name, image, known.shape, known.wcs, known.unit, has_uncertainty, options)

    def cuts(self, size, stack, **how):
        """Its stamps as `~astro_wgan.cutouts.image_cuts.ImageCuts`, with the same arguments."""
        with errors_that_name(self.name):
            return ImageCuts(self.image, size, stack=stack, options=self.options, psf=None, **how)

    def cut_at(self, corner, shape, fill_value, new=new_array):
        """
        Stamps with these first pixels, masked beyond the image.

        Parameters
        ----------
        corner : `~numpy.ndarray` of int, shape (n, 2)
            ``(x, y)``.
        shape : tuple of int
            ``(ny, nx)``.
        fill_value : float
        new : callable, optional
            As in `cut_image`.

        Returns
        -------
        dict
            The arguments of a set that depend on the band.
        """
        with errors_that_name(self.name), self._opened() as image:
            zeros = self.options.zeros
            sections = Sections(image, fill_value=fill_value, zeros=zeros, in_strips=True)
            parts = sections.cut(corner, shape, new)
            return {
                'pixels': parts.pixels,
                'uncertainty': parts.deviation,
                'mask': parts.mask,
                'unit': self.unit,
                'bands': band_of_image(sections.image),
                'meta': pixel_meta(sections.image.meta),
            }

    @contextmanager
    def _opened(self):
        with open_sections(self.image, self.options) as in_file:
            yield self.image if in_file is None else in_file

    def in_memory(self):
        """The same with the whole image in memory."""
        return replace(self, image=self.whole(), options=ReadOptions())

    def whole(self):
        """The whole image, with all that is masked in it."""
        with errors_that_name(self.name):
            return image_with(self.image, self.options)

    def map_to(self, base, corner, shape):
        """Where the pixels of stamps of another image lie in this one; None at the same pixels."""
        if self.wcs is None or has_same_pixels(base.wcs, self.wcs):
            return None
        return PixelMap(base.wcs, corner, shape, self.wcs, self.shape)

    def check_covers(self, base, place, corner, shape):
        """
        Refuse stamps of another image if none of them reaches into this one.

        Parameters
        ----------
        base : `ImageOfBand`
            The other image.
        place : `~astro_wgan.cutouts.bands.regridding.PixelMap` or None
            As from `map_to`.
        corner : `~numpy.ndarray` of int, shape (n, 2)
        shape : tuple of int

        Raises
        ------
        ValueError
        """
        at, size = (corner, tuple(shape)) if place is None else place.sections()
        # Stamps outside of both images have no data in either.
        in_base = _reach(corner, shape, base.shape)
        if in_base.any() and not _reach(at, size, self.shape).any():
            raise ValueError(
                f'The image of band {self.name} covers none of the {len(corner)} stamps: the '
                'images show different parts of the sky.'
            )

    def check_overlaps(self, base):
        """Refuse another image, with a ValueError, if it shows no part of this one."""
        corner = np.zeros((1, 2), dtype=np.int64)
        at, size = corner, base.shape
        place = self.map_to(base, corner, base.shape)
        if place is not None:
            at, size = place.sections()
        if not _reach(at, size, self.shape).any():
            raise ValueError(
                f'The image of band {self.name} shows no part of that of band {base.name}.'
            )


def _reach(corner, shape, image_shape):
    """True for stamps of which a part is in the image."""
    return ((corner + shape[::-1] > 0) & (corner < image_shape[::-1])).all(axis=1)


@contextmanager
def errors_that_name(band):
    """Say of which band an image cannot be read."""
    try:
        yield
    except (ImageError, TypeError) as error:
        raise type(error)(f'Band {band}: {error}') from error
