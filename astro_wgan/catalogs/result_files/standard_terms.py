"""`with_nulls` and `unit_text`: masked values and units in the terms of FITS and VOTable."""

import warnings

import numpy as np

__all__ = ['are_null', 'unit_text', 'with_nulls']


def with_nulls(values, mask):
    """
    Replace masked values by some that are not used otherwise.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Numbers, truth values or text.
    mask : `~numpy.ndarray` of bool, same shape

    Returns
    -------
    values : `~numpy.ndarray`
        A copy: NaN, empty text, or ``null`` where masked.
    null : int or None
        What stands for masked whole numbers.
    is_clear : bool
        Whether no valid value looks like a masked one, as NaN and empty text may, and truth values
        do.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.catalogs.result_files.standard_terms import with_nulls
    >>> with_nulls(np.array([1.0, 2.0]), np.array([False, True]))
    (array([ 1., nan]), None, True)
    """
    values = values.copy()
    kind = values.dtype.kind
    if kind in 'fc':
        values[mask] = np.nan
        return values, None, not np.isnan(values[~mask]).any()
    if kind == 'U':
        values[mask] = ''
        return values, None, not (values[~mask] == '').any()
    if kind == 'b' or values.dtype.str[1:] in ('u2', 'u4', 'u8'):
        # FITS stores these with an offset, and not all readers know what TNULL then refers to.
        return values, None, False
    limits = np.iinfo(values.dtype)
    used = {*np.unique(values[~mask]).tolist()}
    candidates = range(limits.min, min(limits.max, limits.min + len(used)) + 1)
    null = next((number for number in (limits.max, *candidates) if number not in used), None)
    if null is not None:
        values[mask] = null
    return values, null, null is not None


def are_null(values, null):
    """
    Where values are those that `with_nulls` made.

    Parameters
    ----------
    values : `~numpy.ndarray`
    null : int or None

    Returns
    -------
    `~numpy.ndarray` of bool
    """
    if values.dtype.kind == 'U':
        return values == ''
    if values.dtype.kind in 'fc':
        return np.isnan(values)
    return values == null


def unit_text(unit, form):
    """
    A unit in the form of a standard, or as astropy calls it if the standard does not have it.

    Parameters
    ----------
    unit : `~astropy.units.UnitBase`
        Of a logarithmic one, such as AB magnitudes, that of the logarithm: mag.
    form : {'fits', 'vounit'}
        A format of astropy.

    Returns
    -------
    str

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.catalogs.result_files.standard_terms import unit_text
    >>> unit_text(u.ABmag, 'fits'), unit_text(u.electron / u.s, 'fits')
    ('mag', 'electron / s')
    """
    unit = getattr(unit, 'function_unit', unit)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            return unit.to_string(form)
        except Exception:  # formats of units raise various errors
            return unit.to_string()
