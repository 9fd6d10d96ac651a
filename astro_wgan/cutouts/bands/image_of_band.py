"""`ImageOfBand`: an image of one band, in a file or in memory, and stamps that are cut from it."""

import os
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS

from astro_wgan.cutouts.bands.regridding import PixelMap, has_same_pixels
from astro_wgan.cutouts.cutting import cut_image
from astro_wgan.images.fits_sections import open_sections
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import image_with

__all__ = ['ImageOfBand']


@dataclass(frozen=True, eq=False)
class ImageOfBand:
    """An image in a file of which sections can be read, or in memory."""

    image: object
    shape: tuple
    wcs: WCS | None
    options: ReadOptions

    @classmethod
    def opened(cls, image, options):
        """That of a FITS file is read when it is needed, any other one now."""
        is_path = isinstance(image, (str, bytes, os.PathLike))
        with open_sections(image if is_path else None, options) as in_file:
            if in_file is not None:
                return cls(image, in_file.shape, in_file.wcs, options)
        image = image_with(image, options)
        return cls(image, image.shape, image.wcs, ReadOptions())

    def cut(self, shape, **how):
        """Arguments of a set, as from `cut_image`."""
        given = {'detection': None, 'background': None, 'pixel_scale': None, 'psf': None}
        return cut_image(self.image, shape, options=self.options, **(given | how))

    def cut_at(self, corner, shape, fill_value):
        """Stamps with these first pixels, masked beyond the image."""
        middle = corner + (np.array(shape[::-1]) - 1) / 2
        where = {'partial': 'fill', 'outside': 'keep', 'fill_value': fill_value}
        return self.cut(shape, positions=middle, **where)

    def in_memory(self):
        """The same with the whole image in memory."""
        return ImageOfBand(self.whole(), self.shape, self.wcs, ReadOptions())

    def whole(self):
        """The whole image, with all that is masked in it."""
        return image_with(self.image, self.options)

    def map_to(self, base, corner, shape, name):
        """Where the pixels of stamps of another image lie in this one."""
        if self.wcs is None:
            return None
        place, at, size = None, corner, tuple(shape)
        if not has_same_pixels(base.wcs, self.wcs):
            place = PixelMap(base.wcs, corner, shape, self.wcs, self.shape)
            at, size = place.sections()
        inside = (at + size[::-1] > 0) & (at < self.shape[::-1])
        if len(corner) and not inside.all(axis=1).any():
            raise ValueError(
                f'The image of band {name} covers none of the {len(corner)} stamps: the images '
                'show different parts of the sky.'
            )
        return place
