"""`text_hdu` and `text_of_hdu`: text in a FITS file, as a table with a row for each line."""

import numpy as np
from astropy.io import fits

from astro_wgan.files.limits import check_size

__all__ = ['text_hdu', 'text_of_hdu']

#: Name of the column with the lines.
_LINE = 'line'


def text_hdu(name, text):
    """
    Text as a table of lines, which any reader of FITS tables shows.

    Parameters
    ----------
    name : str
        Name of the extension.
    text : str
        ASCII. Blanks at the end of lines are lost, as FITS has it.

    Returns
    -------
    `~astropy.io.fits.BinTableHDU`
    """
    lines = np.array([line.encode('ascii') for line in text.split('\n')], dtype=bytes)
    column = fits.Column(_LINE, f'{max(lines.itemsize, 1)}A', array=lines)
    return fits.BinTableHDU.from_columns([column], name=name)


def text_of_hdu(hdu, where):
    r"""
    The text that `text_hdu` wrote.

    Parameters
    ----------
    hdu : `~astropy.io.fits.BinTableHDU`
    where : str
        Name of the file, for errors.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is not such a table.

    Examples
    --------
    >>> from astro_wgan.fits.text_hdus import text_hdu, text_of_hdu
    >>> text_of_hdu(text_hdu('NOTES', 'first\n  second'), 'notes.fits')
    'first\n  second'
    """
    if not isinstance(hdu, fits.BinTableHDU) or hdu.columns.names != [_LINE]:
        raise ValueError(f'The extension {hdu.name} of {where} does not hold lines of text.')
    check_size(4 * hdu.size, where)
    lines = hdu.data.view(np.ndarray)[_LINE]
    if lines.dtype.kind != 'S':
        raise ValueError(f'The extension {hdu.name} of {where} does not hold lines of text.')
    return '\n'.join(line.rstrip().decode('ascii', 'replace') for line in lines.tolist())
