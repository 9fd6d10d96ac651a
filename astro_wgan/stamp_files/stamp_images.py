"""Stamps as FITS images: an extension for each, with its WCS, mask and uncertainty."""

import numpy as np
from astropy.io import fits

from astro_wgan.astrometry.lookup_tables import has_tables
from astro_wgan.bands.band import names_of
from astro_wgan.catalogs.result_files.standard_terms import unit_text
from astro_wgan.cutouts.conversion import to_ccddata
from astro_wgan.exceptions import ImageError
from astro_wgan.fits.header_cards import as_header
from astro_wgan.images.extensions import IMAGE_HDUS, holds_image, named_part
from astro_wgan.images.reading import read_image
from astro_wgan.stamp_files.described_stamps import described_hdus
from astro_wgan.stamps.stampset import StampSet

__all__ = ['foreign_images', 'images_of_stamps', 'stamps_of_images']

#: Names of the extensions of a stamp, as of Hubble and Webb.
_NAMES = {'pixels': 'SCI', 'uncertainty': 'ERR', 'mask': 'DQ'}

#: Images that a file may have, since astropy takes seconds for as many.
_MOST_HDUS = 9_900


def images_of_stamps(stamps):
    """
    Stamps as extensions of a FITS file: the table, and the images of each stamp and band.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`

    Returns
    -------
    list of HDU

    Raises
    ------
    ValueError
        If there are so many that readers take long for the file, or the WCS has lookup tables of
        distortions, which are extensions themselves.
    """
    arrays = [name for name in _NAMES if getattr(stamps, name) is not None]
    count = len(stamps) * len(arrays) * (stamps.n_bands or 1)
    if count > _MOST_HDUS:
        raise ValueError(
            f"format='fits_images' would make {count:,} extensions; at most {_MOST_HDUS:,} are "
            "allowed. format='fits' writes one table."
        )
    if any(p.wcs is not None and has_tables(p.wcs) for p in stamps.geometry.parents):
        raise ValueError(
            "format='fits_images' cannot hold a WCS with lookup tables of distortions for each "
            "stamp: use format='fits' or 'zarr'."
        )
    images = to_ccddata(stamps)
    by_band = list(images.values()) if stamps.n_bands is not None else [images]
    hdus = []
    for k in range(len(stamps)):
        for b, band in enumerate(by_band):
            version = k * len(by_band) + b + 1
            hdus += _hdus_of(band[k], stamps, (k, b), arrays, version)
    about = {'arrays': arrays, 'n_bands': stamps.n_bands, 'shape': list(stamps.shape)}
    return [*described_hdus(stamps, [], about), *hdus]


def stamps_of_images(parts, hdulist):
    """
    The stamps of a file that `images_of_stamps` made.

    Parameters
    ----------
    parts : `~astro_wgan.stamp_files.described_stamps.StampHDUs`
    hdulist : `~astropy.io.fits.HDUList`

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    about, given = parts.about, parts.arguments()
    shape, dtype = tuple(about['shape']), np.dtype(about['dtype'])
    n, bands = len(given['table']), about['n_bands']
    found = {(hdu.name, hdu.ver): hdu for hdu in hdulist if isinstance(hdu, fits.ImageHDU)}
    arrays = {}
    for name in about['arrays']:
        images = []
        for version in range(1, n * (bands or 1) + 1):
            hdu = found.get((_NAMES[name], version))
            if hdu is None or hdu.shape != shape:
                raise ImageError(
                    f'the extension {_NAMES[name]} {version} of {shape[0]} x {shape[1]} pixels '
                    'is missing'
                )
            images.append(hdu.data)
        values = np.array(images).reshape(n, bands or 1, *shape)
        values = values != 0 if name == 'mask' else values.astype(dtype, copy=False)
        arrays[name] = np.moveaxis(values, 1, -1) if bands is not None else values[:, 0]
    return StampSet(**arrays, **given, axes='nyx' if bands is None else 'nyxb')


def foreign_images(hdulist, *, max_size=None):
    """
    The stamps of a file of others: all images that are not masks or the like of another.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList`
    max_size : number, optional
        As in `~astro_wgan.images.read_image`.

    Returns
    -------
    `~astro_wgan.StampSet` or None
        None if there is no image. Images of several filters (FILTER), as many in each, are bands.
    """
    kinds = {
        number: named_part(hdu)
        for number, hdu in enumerate(hdulist)
        if isinstance(hdu, IMAGE_HDUS) and holds_image(hdu)
    }
    has_science = any(kind.is_science for kind in kinds.values())
    numbers = [
        number
        for number, kind in kinds.items()
        if (kind.is_science if has_science else kind.role is None)
    ]
    if not numbers:
        return None
    beside = {}
    for number, kind in kinds.items():
        beside.setdefault(kind.group, []).append(number)
    images = [_image(hdulist, number, beside[kinds[number].group], max_size) for number in numbers]
    filters = {}
    for image in images:
        filters.setdefault(str(image.meta.get('FILTER', '')).strip(), []).append(image)
    if len(filters) > 1 and '' not in filters and len({*map(len, filters.values())}) == 1:
        return StampSet.from_cutouts(filters)
    return StampSet.from_cutouts(images)


def _image(hdulist, number, beside, max_size):
    """An image with its mask and uncertainty, without looking at those of all others."""
    # The primary HDU has cards that all images inherit.
    own = [0, *(other for other in beside if other)]
    part = fits.HDUList([hdulist[other] for other in own])
    return read_image(part, hdu=own.index(number), zeros='keep', max_size=max_size)


def _hdus_of(image, stamps, place, arrays, version):
    """The extensions of one stamp in one band."""
    header = fits.Header()
    if image.wcs is not None:
        header.update(image.wcs.to_header(relax=True))
    header.extend(as_header(image.meta, taken=header), update=True)
    if stamps.unit is not None:
        header['BUNIT'] = unit_text(stamps.unit, 'fits')
    if stamps.n_bands is not None:
        header['FILTER'] = names_of(stamps.bands)[place[1]].encode('ascii', 'replace').decode()
    hdus = []
    for name in arrays:
        values = getattr(stamps, name)
        index = place[0] if stamps.n_bands is None else (place[0], ..., place[1])
        own = np.ascontiguousarray(values[index])
        own = own.astype(np.uint8) if name == 'mask' else _storable(own)
        hdu = fits.ImageHDU(own, header, name=_NAMES[name], ver=version)
        if name == 'mask':
            hdu.header.remove('BUNIT', ignore_missing=True)
        hdus.append(hdu)
    return hdus


def _storable(pixels):
    """Pixels of a type that FITS has."""
    return pixels if pixels.dtype.itemsize in (4, 8) else pixels.astype(np.float32)
