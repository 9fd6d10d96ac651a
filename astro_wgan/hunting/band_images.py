"""Images of a hunt by their bands, which are named by the caller or by the files."""

import os
import re
from collections.abc import Mapping
from itertools import compress

from astro_wgan.bands.band import Band
from astro_wgan.cutouts.cutting import are_images
from astro_wgan.images.plane_count import count_planes
from astro_wgan.remote.remote_path import RemotePath, path_of
from astro_wgan.remote.uris import name_of, shown

__all__ = ['band_names', 'images_by_band']


def images_by_band(image, bands=None, *, hdu=None, max_size=None, remote=None):
    """
    The images of a hunt by the names of their bands.

    Parameters
    ----------
    image : dict, list or any image
        An image for each band by its name, a list of images, or one image.
    bands : sequence of str, optional
        Names of the bands of a list, by default those of `band_names`; or of the planes of a cube,
        or the colors of a picture.
    hdu, max_size, remote : optional
        As in `~astro_wgan.images.read_image`, for a cube.

    Returns
    -------
    dict or None
        By band an image, or a tuple of a cube or picture and the number of its plane. None for one
        image without the name of a band.

    Raises
    ------
    FileNotFoundError
        If one of the files does not exist.
    ValueError
        If there are no images, one file stands for two bands, or names do not fit.
    """
    if isinstance(bands, str):
        raise ValueError(f'`bands` must be a list of names; got {bands!r}.')
    bands = None if bands is None else list(bands)
    if bands is not None and not all(isinstance(b, Band) or str(b).strip() for b in bands):
        raise ValueError(f'`bands` must be names that are not empty; got {bands}.')
    if isinstance(image, Mapping):
        if bands is not None:
            raise ValueError('Give `bands`, or a dictionary of images by band, not both.')
        images = dict(image)
    elif are_images(image):
        names = band_names(image) if bands is None else bands
        if len(names) != len(image):
            raise ValueError(
                f'`bands` must name each of the {len(image)} images; got {len(names)} names.'
            )
        if len(set(names)) < len(names):
            raise ValueError(f'`bands` must be different names; got {names}.')
        images = dict(zip(names, image, strict=True))
    else:
        how = {'hdu': hdu, 'max_size': max_size, 'remote': remote}
        return None if bands is None else _planes(image, bands, **how)
    if not images:
        raise ValueError('`image` must hold at least one image; got none.')
    _check_files(images, remote)
    return images


def band_names(images):
    """
    Names of bands from the names of files: the words that they do not have in common.

    Parameters
    ----------
    images : list
        Paths or other images.

    Returns
    -------
    list of str
        Numbers, if one image is no path, or names are not different.

    Examples
    --------
    >>> from astro_wgan.hunting.band_images import band_names
    >>> band_names(['field_g.fits.fz', 'field_r.fits.fz', 'field_i.fits.fz'])
    ['g', 'r', 'i']
    """
    numbers = [str(k) for k in range(len(images))]
    if not all(isinstance(image, (str, os.PathLike)) for image in images):
        return numbers
    stems = [name_of(image).partition('.')[0] for image in images]
    words = [re.split('[_ -]+', stem) for stem in stems]
    if len({len(each) for each in words}) == 1 and len(words) > 1:
        differ = [len(set(column)) > 1 for column in zip(*words, strict=True)]
        stems = ['_'.join(compress(each, differ)) for each in words]
    return stems if all(stems) and len(set(stems)) == len(stems) else numbers


def _planes(image, bands, **reading):
    """The planes of a cube, or the colors of a picture, by band."""
    count, _ = count_planes(image, **reading)
    if count != len(bands) or len(set(bands)) < len(bands):
        there = 'a single image' if count is None else f'an image of {count} planes'
        raise ValueError(
            '`bands` must be different names of each of several images, or of the planes of one; '
            f'got {bands} for {there}.'
        )
    return {name: (image, number) for number, name in enumerate(bands)}


def _check_files(images, remote):
    """Refuse a file that is missing, before others are read, and one file for two bands."""
    known = {}
    for band, image in images.items():
        if not isinstance(image, (str, os.PathLike)):
            continue
        path = path_of(image, _of_band(remote, band))
        if not path.exists():
            raise FileNotFoundError(f'The file of band {band!r}, {path}, is missing.')
        path = path if isinstance(path, RemotePath) else os.path.realpath(path)
        if path in known:
            raise ValueError(
                f'The bands {known[path]!r} and {band!r} are the same file, {shown(image)}.'
            )
        known[path] = band


def _of_band(remote, band):
    """Options of files at URIs, which may be given for each band."""
    return remote.get(getattr(band, 'name', band)) if isinstance(remote, Mapping) else remote
