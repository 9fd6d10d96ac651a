"""`table_of_hdu`: reading of untrusted table HDUs."""

from astropy.io.misc.yaml import AstropyLoader
from astropy.table import Table
from astropy.table.meta import YamlParseError

from astro_wgan.files.yaml_text import ARRAY_CONSTRUCTORS

__all__ = ['table_of_hdu']


def table_of_hdu(hdu, kind=Table):
    """
    Read the table of an HDU.

    Parameters
    ----------
    hdu : `~astropy.io.fits.BinTableHDU` or `~astropy.io.fits.TableHDU`
    kind : type, optional
        `~astropy.table.Table` or `~astropy.table.QTable`.

    Returns
    -------
    `~astropy.table.Table`

    Raises
    ------
    ValueError
        If the YAML description of columns in its comments is invalid.
    """
    _refuse_objects_in_yaml()
    try:
        return kind.read(hdu)
    except YamlParseError as error:
        reason = ' '.join(str(error.__cause__ or error).split())
        raise ValueError(
            f'The description in the comments of the table {hdu.name!r} is not valid: {reason}.'
        ) from error


def _refuse_objects_in_yaml():
    """
    Keep astropy from making arrays of dtype object from bytes in a file.

    Table descriptions in FITS files are YAML. An array of dtype object in it would use bytes of the
    file as pointers. Astropy itself never writes such arrays.
    """
    for tag, constructor in ARRAY_CONSTRUCTORS.items():
        AstropyLoader.add_constructor(tag, constructor)
