"""Tables in HDUs of FITS files, whose descriptions make no objects from bytes."""

from astropy.io.misc.yaml import AstropyLoader
from astropy.table import Table
from astropy.table.meta import YamlParseError

from astro_wgan.files.yaml_text import ARRAY_CONSTRUCTORS

__all__ = ['table_of_hdu']


def table_of_hdu(hdu, kind=Table):
    """
    The table of an HDU of a FITS file.

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
        If its description, as astropy writes it into comments, is none.
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
    Keep astropy from making arrays of Python objects from bytes in a file.

    Descriptions of tables in FITS files are YAML, in which an array of the dtype ``O`` would have
    addresses in memory that the file says. astropy itself never writes such arrays.
    """
    for tag, constructor in ARRAY_CONSTRUCTORS.items():
        AstropyLoader.add_constructor(tag, constructor)
