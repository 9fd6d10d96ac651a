"""Sections: parts of an image in memory or in a file, read in parts where that is less work."""

from astro_wgan.cutouts.gathering import parts_of_image
from astro_wgan.cutouts.image_strips import cut_from_strips
from astro_wgan.images.fits_image import FitsImage
from astro_wgan.images.fits_sections import new_array, read_sections
from astro_wgan.images.reading import whole_image

__all__ = ['Sections']


class Sections:
    """
    Sections of an image in memory or of a file.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData` or `~astro_wgan.images.fits_image.FitsImage`
    fill_value, zeros
        As in `~astro_wgan.StampSet.from_image`.
    in_strips : bool
        Read a file that does not fit in memory strip by strip, if all stamps are cut at once.

    Attributes
    ----------
    image
        That of a file is replaced by the whole image once reading all of it is less work.
    """

    def __init__(self, image, *, fill_value, zeros, in_strips):
        self.image, self._in_strips = image, in_strips
        self._fill_value, self._zeros = fill_value, zeros

    def cut(self, corner, shape, new=new_array):
        """`ImageSections` of ``(ny, nx)`` pixels from first pixels ``(x, y)`` on, (n, 2)."""
        parts = None
        if isinstance(self.image, FitsImage):
            options = {'fill_value': self._fill_value, 'zeros': self._zeros, 'new': new}
            parts = read_sections(self.image, corner, shape, **options)
            if parts is None and self._in_strips:
                parts = cut_from_strips(self.image, corner, shape, **options)
            if parts is None:
                self.image = whole_image(self.image, zeros=self._zeros)
        if parts is None:
            parts = parts_of_image(self.image, corner, shape, self._fill_value, new)
        return parts
