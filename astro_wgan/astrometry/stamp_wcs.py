"""WCS of stamps: of a section of an image, one for each stamp on demand, and checks of lists."""

from collections.abc import Iterable, Sequence

from astropy.wcs import WCS
from astropy.wcs.wcsapi import BaseLowLevelWCS

from astro_wgan.astrometry.celestial_wcs import celestial_wcs, has_celestial
from astro_wgan.astrometry.lookup_tables import moved_wcs

__all__ = ['WCSSequence', 'shifted_wcs', 'usable_wcs']


def shifted_wcs(wcs, corner, shape, step=1):
    """
    The WCS of a section of an image.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of the whole image.
    corner : tuple of float
        ``(x, y)`` of the first pixel of the section; negative if outside of the image.
    shape : tuple of int
        ``(ny, nx)`` of the section.
    step : float, optional
        Pixels of the image per pixel of the section, if it is resampled, from the outer edges of
        ``corner`` on.

    Returns
    -------
    `~astropy.wcs.WCS`
        A copy with shifted reference pixels, including those of SIP, as in
        `~astropy.nddata.Cutout2D`, and of lookup tables.
    """
    part = moved_wcs(wcs, corner, step)
    part.array_shape = tuple(shape)
    return part


class WCSSequence(Sequence):
    """
    The WCS of each stamp, created on access.

    Creating a hundred thousand WCS objects takes longer than cutting the stamps, so only those of
    the parent images are kept.
    """

    def __init__(self, geometry, shape):
        self._geometry = geometry
        self._shape = shape

    def __len__(self):
        return len(self._geometry)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        geometry = self._geometry
        parent = geometry.parent_of(index)
        if parent.wcs is None:
            return None
        step = 1 if geometry.step is None else geometry.step[index]
        return shifted_wcs(parent.wcs, geometry.corner[index], self._shape, step)

    def __repr__(self):
        return f'<{len(self)} WCS of stamps of {self._shape[0]} x {self._shape[1]} pixels>'


def usable_wcs(wcs, shape):
    """
    The usable WCS of each entry. Those without celestial axes are kept.

    Parameters
    ----------
    wcs : iterable of `~astropy.wcs.WCS` or None
    shape : tuple of int
        ``(ny, nx)`` of the stamps.

    Returns
    -------
    list of `~astropy.wcs.WCS` or None

    Raises
    ------
    TypeError
        If an entry is of another type.
    """
    if not isinstance(wcs, Iterable):
        raise TypeError(f'`wcs` must be a list, one for each stamp; got {type(wcs).__name__}.')
    # As a list, so that ids of objects are unique.
    wcs, known, usable = list(wcs), {}, []
    for number, each in enumerate(wcs):
        low = getattr(each, 'low_level_wcs', each)
        if not (each is None or isinstance(low, BaseLowLevelWCS)):
            raise TypeError(f'`wcs[{number}]` must be a WCS or None; got {type(each).__name__}.')
        is_plain = each is None or (isinstance(each, WCS) and not has_celestial(each))
        if id(each) not in known:
            known[id(each)] = each if is_plain else celestial_wcs(each, shape)
        usable.append(known[id(each)])
    return usable
