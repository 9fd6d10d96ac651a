"""WCS of cutouts, including lookup tables of distortions (CPDIS, D2IM)."""

import base64
from functools import cache

import numpy as np
from astropy.nddata import Cutout2D
from astropy.wcs import WCS, DistortionLookupTable, Sip

__all__ = [
    'LOOKUP_TABLES',
    'MovedCutout',
    'cutout_wcs',
    'has_tables',
    'moved_wcs',
    'plain_tables',
    'with_plain_tables',
]

#: Attributes of `~astropy.wcs.WCS`.
LOOKUP_TABLES = ('cpdis1', 'cpdis2', 'det2im1', 'det2im2')


class MovedCutout(Cutout2D):
    """A Cutout2D with correctly shifted lookup tables."""


def has_tables(wcs):
    """Whether a WCS has distortion lookup tables."""
    return any(getattr(wcs, name) is not None for name in LOOKUP_TABLES)


def moved_wcs(wcs, corner, step=1):
    """
    The WCS of a section of an image.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        WCS of the whole image, of two axes.
    corner : array_like of float
        ``(x, y)`` of the first pixel of the section; negative if outside of the image.
    step : float, optional
        Pixels of the image per pixel of the section, if it is resampled, from the outer edges of
        ``corner`` on.

    Returns
    -------
    `~astropy.wcs.WCS`
        A copy with shifted reference pixels, including those of SIP and lookup tables, which some
        versions of astropy do not shift in slices and Cutout2D.
    """
    corner = np.asarray(corner)
    part = wcs.deepcopy()
    part.wcs.crpix = _in_section(part.wcs.crpix, corner, step)
    if step != 1:
        if part.wcs.has_cd():
            part.wcs.cd = part.wcs.cd * step
        else:
            part.wcs.cdelt = part.wcs.cdelt * step
    if wcs.sip is not None:
        sip = wcs.sip
        terms = (_scaled_terms(terms, step) for terms in (sip.a, sip.b, sip.ap, sip.bp))
        part.sip = Sip(*terms, _in_section(sip.crpix, corner, step))
    _move_tables(part, corner, step)
    return part


def _in_section(pixel, corner, step):
    """Pixels, from 1 on, of a section at pixels of an image, from 1 on."""
    pixel = np.asarray(pixel) - corner
    # Without rounding where nothing is resampled.
    return pixel if step == 1 else (pixel - 0.5) / step + 0.5


def _scaled_terms(terms, step):
    """Coefficients of SIP for pixels larger by a factor: those of u^p v^q grow by p + q - 1."""
    if terms is None or step == 1:
        return terms
    p, q = np.indices(terms.shape)
    return terms * float(step) ** (p + q - 1)


def cutout_wcs(cutout):
    """
    The WCS of a `~astropy.nddata.Cutout2D`.

    Parameters
    ----------
    cutout : `~astropy.nddata.Cutout2D`

    Returns
    -------
    `~astropy.wcs.WCS` or None
        Its WCS, with shifted lookup tables if astropy has not shifted them.
    """
    wcs = cutout.wcs
    is_right = isinstance(cutout, MovedCutout) or not isinstance(wcs, WCS) or not has_tables(wcs)
    if is_right or _astropy_moves_tables():
        return wcs
    wcs = wcs.deepcopy()
    rows, columns = cutout.slices_cutout
    x, y = cutout.origin_original
    _move_tables(wcs, np.array([x - columns.start, y - rows.start]))
    return wcs


def plain_tables(wcs):
    """
    Lookup tables as plain values for JSON.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`

    Returns
    -------
    dict
        By attribute name; missing tables are omitted.
    """
    found = {name: getattr(wcs, name) for name in LOOKUP_TABLES}
    return {
        name: {
            'shape': list(table.data.shape),
            'data': base64.b64encode(table.data.astype('<f4').tobytes()).decode('ascii'),
            **{key: [float(v) for v in getattr(table, key)] for key in ('crpix', 'crval', 'cdelt')},
        }
        for name, table in found.items()
        if table is not None
    }


def with_plain_tables(wcs, tables):
    """
    Set lookup tables of a WCS from plain values, in place.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
    tables : dict
        As returned by `plain_tables`.

    Returns
    -------
    `~astropy.wcs.WCS`

    Raises
    ------
    ValueError
        If they are damaged.
    """
    for name, table in tables.items():
        try:
            data = np.frombuffer(base64.b64decode(table['data'], validate=True), dtype='<f4')
            data = data.reshape(table['shape']).astype(np.float32)
            places = (tuple(table[key]) for key in ('crpix', 'crval', 'cdelt'))
            table = DistortionLookupTable(data, *places)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'The lookup table {name!r} of a WCS is damaged.') from error
        if name not in LOOKUP_TABLES:
            raise ValueError(f'A WCS has no lookup table {name!r}.')
        setattr(wcs, name, table)
    return wcs


def _move_tables(wcs, corner, step=1):
    for name in LOOKUP_TABLES:
        table = getattr(wcs, name)
        if table is not None:
            # CRVAL of a table is the image pixel at its CRPIX; its values are in pixels, too.
            moved = tuple(_in_section(table.crval, corner, step))
            places = tuple(table.crpix), moved, tuple(np.asarray(table.cdelt) / step)
            data = table.data if step == 1 else (table.data / step).astype(np.float32)
            setattr(wcs, name, DistortionLookupTable(data, *places))


@cache
def _astropy_moves_tables():
    wcs = WCS(naxis=2)
    wcs.cpdis1 = DistortionLookupTable(np.zeros((2, 2), np.float32), (1, 1), (1, 1), (8, 8))
    part = Cutout2D(np.zeros((9, 9)), (6, 6), 3, wcs=wcs)
    return part.wcs.cpdis1.crval[0] != 1
