"""`as_stamps`: a set or store of stamps from any object or path that functions accept as stamps."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import Cutout2D, NDData

from astro_wgan.images.extensions import IMAGE_HDUS
from astro_wgan.images.reading import read_image
from astro_wgan.remote.uris import is_uri, shown
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.stampstore import StampStore

__all__ = ['as_stamps', 'is_stamps']

#: Types of images from which stamps can be cut, except arrays, which may be stamps themselves.
_IMAGES = (NDData, Cutout2D, fits.HDUList, *IMAGE_HDUS)


def as_stamps(stamps, *, positions=None, size=None, outside=None):
    """
    A set or store of stamps from any input that functions of this package accept as stamps.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        A set, a store, or the folder of a store; or one
        `~astropy.nddata.Cutout2D`, `~astropy.nddata.CCDData` or `~astropy.nddata.NDData`, or a
        list of these, each a stamp.
    positions : array_like, SkyCoord, Table or regions, optional
        If ``stamps`` is an image (NDData, Cutout2D, HDU or a path): centers of the stamps to cut,
        as in `~astro_wgan.StampSet.from_image`. Pixels outside the image are masked.
    size : int, tuple of int or `~astropy.units.Quantity`, optional
        Pixels along the edge of stamps to cut, or angles; by default 64. Only with ``positions``.
    outside : {'refuse', 'keep'}, optional
        For stamps to cut that lie entirely outside the image: raise an error (the default), or
        keep them with all pixels masked; only with ``positions``.

    Returns
    -------
    `~astro_wgan.StampSet` or `~astro_wgan.StampStore`

    Raises
    ------
    TypeError
        If ``stamps`` is none of these.
    ValueError
        If there are ``positions`` but ``stamps`` is not an image, or some are outside the image;
        or if there is a ``size`` or ``outside`` without ``positions``.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.store import as_stamps
    >>> image = datasets.load_image('mock_f814w')
    >>> as_stamps(image, positions=[(143, 181), (60, 120)], size=32)
    <StampSet: 2 stamps of 32 x 32 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    """
    is_path = isinstance(stamps, (str, os.PathLike))
    if positions is None:
        _check_unused(size=size, outside=outside)
    else:
        if not is_path and not isinstance(stamps, _IMAGES):
            raise ValueError(
                '`positions` are for an image to cut (CCDData, NDData, Cutout2D, HDU or a path); '
                f'got {type(stamps).__name__}.'
            )
        if outside not in (None, 'refuse', 'keep'):
            raise ValueError(f"`outside` must be 'refuse' or 'keep'; got {outside!r}.")
        size = 64 if size is None else size
        stamps = StampSet.from_image(
            stamps, positions=positions, size=size, partial='fill', outside='keep'
        )
        if outside != 'keep':
            _check_inside(stamps)
        return stamps
    if isinstance(stamps, (StampSet, StampStore)):
        return stamps
    if is_path:
        if is_uri(stamps) or Path(stamps).is_file():
            raise ValueError(
                f'The file {shown(stamps)} is not a store of stamps. To cut stamps from an image '
                'give `positions`, or use `StampSet.from_image`, which also detects sources.'
            )
        return StampStore.open(stamps)
    if isinstance(stamps, NDData):
        return StampSet.from_cutouts([read_image(stamps)])
    if isinstance(stamps, Cutout2D):
        return StampSet.from_cutouts([stamps])
    if isinstance(stamps, Sequence) and not stamps:
        raise ValueError('`stamps` must hold at least one stamp; got none.')
    if is_stamps(stamps):
        return StampSet.from_cutouts(stamps)
    raise TypeError(
        '`stamps` must be a StampSet, a StampStore or its path, Cutout2D, CCDData, NDData or a '
        f'list of those; got {type(stamps).__name__}.'
    )


def is_stamps(data):
    """
    Whether data are stamps that `as_stamps` accepts, rather than an image or an array.

    Parameters
    ----------
    data : object

    Returns
    -------
    bool
        True for a set, a store, a folder, and a list of cutouts.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.store.stamp_inputs import is_stamps
    >>> is_stamps(StampSet(np.ones((3, 8, 8)))), is_stamps(np.ones((3, 8, 8)))
    (True, False)
    """
    if isinstance(data, (str, os.PathLike)):
        return Path(data).is_dir()
    if isinstance(data, Sequence):
        return len(data) > 0 and all(isinstance(each, (NDData, Cutout2D)) for each in data)
    return isinstance(data, (StampSet, StampStore))


def _check_unused(**options):
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f'`{name}` is for stamps to cut from an image at `positions`; got {name}={value!r} '
                'and no `positions`.'
            )


def _check_inside(stamps):
    outside = stamps.geometry.outside(stamps.shape)
    if outside.any():
        ny, nx = stamps.geometry.parents[0].shape
        raise ValueError(
            f'The stamps at {np.count_nonzero(outside)} of {len(stamps)} `positions` are entirely '
            f'outside the image of {nx} columns (x) and {ny} rows (y); the first has the id '
            f'{stamps.ids[outside][0]}. Leave them out.'
        )
