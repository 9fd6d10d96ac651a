"""`rubin_zero_point`: the photometric calibration in a file of the software of Rubin and HSC."""

import math
import warnings

from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

__all__ = ['rubin_zero_point']

#: AB magnitude of 1 nJy.
_AB_OF_NANOJANSKY = 31.4

#: Cards with the number of the calibration in the archive of the file.
_IDS = ('ARCHIVE_ID_PHOTOCALIB', 'PHOTOCALIB_ID')

#: Larger tables are not read: that of a calibration has one row of a few numbers, and the index one
#: row for each object.
_LARGEST = 10_000_000


def rubin_zero_point(hdulist, header, where):
    """
    AB magnitude of a pixel value of 1, from the table ``PhotoCalib``.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    header : `~astropy.io.fits.Header`
        Header of the image, with inherited cards.
    where : str
        Name of the file, for the warning.

    Returns
    -------
    float or None
        None if there is no calibration. Of one that varies over the image, that of its mean.

    Warns
    -----
    AstropyUserWarning
        If there is one that cannot be read.

    Notes
    -----
    A file ends with tables: an index (``EXTTYPE`` ``ARCHIVE_INDEX``), whose rows name the table
    (``cat.archive``, which is its card ``AR_CATN``) and the rows of each object, and the tables
    (``ARCHIVE_DATA``). ``calibrationMean`` of a ``PhotoCalib`` is in nJy, or, before version 1, in
    maggies; ``fluxmag0`` of the older ``Calib`` is the value of a source of magnitude 0 (lsst.afw,
    src/image/PhotoCalib.cc and src/table/io/OutputArchive.cc, https://github.com/lsst/afw).
    """
    number = next((header[key] for key in _IDS if header.get(key)), None)
    if number is None:
        return None
    try:
        return _zero_point(_row(hdulist, number))
    except Exception as error:  # damaged tables raise various errors
        warnings.warn(
            f'{where} has no zero point: its PhotoCalib cannot be read ({error}).',
            AstropyUserWarning,
            stacklevel=5,
        )
        return None


def _row(hdulist, number):
    """The row of the table of an object."""
    for entry in _table(hdulist, 'ARCHIVE_INDEX', 0):
        is_wanted = entry['id'] == number and entry['cat.persistable'] == 0
        if is_wanted and str(entry['name']).strip() in ('PhotoCalib', 'Calib'):
            table = _table(hdulist, 'ARCHIVE_DATA', int(entry['cat.archive']))
            return {name: table[name][entry['row0']] for name in table.names if name != 'flags'}
    raise LookupError(f'the index has no calibration of number {number}')


def _table(hdulist, kind, number):
    """The table of a kind that has a number in the archive."""
    for hdu in hdulist:
        if not isinstance(hdu, fits.BinTableHDU) or hdu.header.get('EXTTYPE') != kind:
            continue
        if hdu.header.get('AR_CATN') == number:
            if hdu.size > _LARGEST:
                raise ValueError(f'the table has {hdu.size:,} bytes')
            return hdu.data
    raise LookupError(f'there is no table {number} of type {kind}')


def _zero_point(row):
    if 'fluxmag0' in row:
        return 2.5 * math.log10(row['fluxmag0'])
    mean = float(row['calibrationMean'])
    value = -2.5 * math.log10(mean) + (_AB_OF_NANOJANSKY if row.get('version', 0) >= 1 else 0)
    if not math.isfinite(value):
        raise ValueError(f'calibrationMean is {mean}')
    return value
