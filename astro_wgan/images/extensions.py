"""The extensions of a FITS file: which one is the image, and which belong to it."""

import astropy.nddata
from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.images.planes import long_axes

__all__ = ['IMAGE_HDUS', 'choose_hdu', 'read_mask', 'read_uncertainty']

IMAGE_HDUS = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)


def choose_hdu(hdulist, hdu, plane, where):
    """The HDU that was asked for, or the first that holds a 2-D image (a cube with ``plane``)."""
    if hdu is not None:
        try:
            chosen = hdulist[hdu]
        except (IndexError, KeyError) as error:
            names = ', '.join(f'{k} {other.name}'.strip() for k, other in enumerate(hdulist))
            raise ImageError(f'{where} has no HDU {hdu!r}; it has: {names}.') from error
        if not _holds_image(chosen):
            raise ImageError(f'HDU {hdu!r} of {where} holds no image.')
        return chosen
    images = [other for other in hdulist if _holds_image(other)]
    if not images:
        raise ImageError(f'{where} holds no image, only empty HDUs or tables.')
    axes = 2 if plane is None else 3
    fitting = [other for other in images if 2 + len(long_axes(other.shape)) == axes]
    return (fitting or images)[0]


def read_mask(hdulist, shape):
    """The mask that CCDData wrote beside the image, or None."""
    return _companion_data(hdulist, 'MASK', shape)


def read_uncertainty(hdulist, shape):
    """The uncertainty that CCDData wrote beside the image, or None."""
    values = _companion_data(hdulist, 'UNCERT', shape)
    if values is None:
        return None
    kind = hdulist['UNCERT'].header.get('UTYPE', 'StdDevUncertainty')
    return getattr(astropy.nddata, kind)(values)


def _holds_image(hdu):
    return isinstance(hdu, IMAGE_HDUS) and len(hdu.shape) >= 2 and 0 not in hdu.shape


def _companion_data(hdulist, name, shape):
    """Data of the extension that CCDData wrote beside the image, if there is one."""
    for hdu in hdulist:
        if hdu.name == name and isinstance(hdu, IMAGE_HDUS) and hdu.shape == shape:
            return hdu.data
    return None
