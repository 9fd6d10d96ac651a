"""The celestial WCS of an image."""

import warnings

from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning

__all__ = ['celestial_wcs', 'header_without_wcs', 'read_wcs']


def read_wcs(header, hdulist, where):
    """The WCS of a header, or None with a warning where it cannot be read."""
    # Distortion tables are looked up in the other HDUs.
    others = hdulist if isinstance(hdulist, fits.HDUList) else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', FITSFixedWarning)
            return WCS(header, fobj=others)
    except Exception as error:  # wcslib and astropy have no common class of errors
        _warn(f'The WCS of {where} cannot be read ({error}); the image has no sky positions.')
        return None


def header_without_wcs(header, wcs):
    """A copy of the header in which nothing can contradict the WCS object."""
    header = header.copy()
    if wcs is not None:
        # PC001001 is how the matrix was spelled before the standard.
        forms = ('CD{}_{}', 'PC{}_{}', 'PC{:03}{:03}', 'CD{:03}{:03}')
        matrix = [form.format(i, j) for form in forms for i in (1, 2) for j in (1, 2)]
        for key in [*wcs.to_header(relax=True), *matrix]:
            header.remove(key, ignore_missing=True, remove_all=True)
    return header


def celestial_wcs(wcs):
    """The celestial WCS of the last two array axes, or None."""
    if wcs is None:
        return None
    if not isinstance(wcs, WCS):
        _warn(f'Only a FITS WCS can follow a stamp; the image loses its {type(wcs).__name__}.')
        return None
    plane = wcs if wcs.naxis == 2 else wcs.sub([1, 2])
    return plane if plane.has_celestial else None


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
