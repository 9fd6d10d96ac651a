"""`parent_text`: the image that stamps were cut from, its shape and WCS, as JSON in files."""

import json
import warnings
from functools import lru_cache

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from astro_wgan.astrometry.lookup_tables import plain_tables, with_plain_tables
from astro_wgan.astrometry.stamp_geometry import ParentImage
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.header_checks import check_wcs_cards

__all__ = ['parent_from_text', 'parent_record', 'parent_text', 'wcs_of_record']

#: Maximum number of characters in the header of a WCS: 2000 cards; the longest have some hundreds.
_LONGEST_HEADER = 2000 * 81


def parent_text(parent):
    """
    Shape and WCS of an image, with its lookup tables of distortions, as JSON.

    Parameters
    ----------
    parent : `~astro_wgan.astrometry.stamp_geometry.ParentImage`
        Or an object with its attributes, and its text if it was read from a file.

    Returns
    -------
    str
        ASCII.
    """
    text = getattr(parent, 'text', None)
    if text is not None:
        return text
    if parent.wcs is None:
        return _blank_text(tuple(parent.shape), parent.pixel_scale)
    header = parent.wcs.to_header(relax=True)
    header = header.tostring(sep='\n', endcard=False, padding=False)
    return _record_text(parent.shape, header, plain_tables(parent.wcs))


def parent_record(text):
    """
    The values of `parent_text`, of which the WCS is text still.

    Raises
    ------
    ValueError
        If they are not such values.
    """
    try:
        record = load_json(text)
        ny, nx = record['shape']
        is_whole = type(ny) is type(nx) is int and isinstance(record['wcs'], (str, type(None)))
        is_whole &= isinstance(record.get('pixel_scale'), (float, type(None)))
    except (ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise ValueError('its shape or WCS is missing')
    return record


def wcs_of_record(record):
    """
    The WCS of a `parent_record`, or None.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    if record['wcs'] is None:
        return None
    try:
        return with_plain_tables(_wcs(record['wcs']), record.get('tables', {}))
    except Exception as error:  # wcslib and astropy raise various exceptions
        reason = ' '.join(str(error).split())
        raise ValueError(f'its WCS cannot be read ({reason})') from error


def parent_from_text(text):
    """
    The inverse of `parent_text`.

    Parameters
    ----------
    text : str

    Returns
    -------
    `~astro_wgan.astrometry.stamp_geometry.ParentImage`

    Raises
    ------
    ValueError
        If it is not such text.

    Examples
    --------
    >>> from astro_wgan.astrometry.parent_text import parent_from_text
    >>> parent_from_text('{"shape": [64, 128], "wcs": null}').shape
    (64, 128)
    """
    record = parent_record(text)
    return ParentImage(tuple(record['shape']), wcs_of_record(record), record.get('pixel_scale'))


def _wcs(text):
    if len(text) > _LONGEST_HEADER:
        raise ValueError(
            f'its header has {len(text)} characters; at most {_LONGEST_HEADER} are allowed'
        )
    with warnings.catch_warnings():
        # The WCS was corrected, with warnings, when the image was read.
        warnings.simplefilter('ignore', AstropyWarning)
        header = fits.Header.fromstring(text, sep='\n')
        if 'NAXIS' in header:
            raise ValueError('its header has a card NAXIS, which is not part of a WCS')
        check_wcs_cards(header)
        for card in header['CUNIT*'].values():
            check_unit_text(str(card))
        return WCS(header)


@lru_cache
def _blank_text(shape, pixel_scale):
    # Each stamp without WCS has its own parent, and all of these have the same text.
    return _record_text(shape, None, pixel_scale=pixel_scale)


def _record_text(shape, header, tables=None, pixel_scale=None):
    record = {'shape': [int(edge) for edge in shape], 'wcs': header}
    if pixel_scale is not None:
        record['pixel_scale'] = float(pixel_scale)
    return json.dumps({**record, 'tables': tables} if tables else record)
